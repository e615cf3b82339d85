//! A plan's way: read in, submitted, approved, fired, changed.

use watchbell::{
    campaign::fire::Scheduler,
    domain::{
        lifecycle::Progress,
        plan::Planned,
        policy::{Late, OnDoubt},
        priority::Priority,
        role::Role,
        time::Micros,
    },
    service::{
        audit, contacts,
        plan::{Effect, Import},
    },
    telemetry::alert::Alerts,
};

use crate::harness::story::{MORNING, Story, approve, machine, misused, on_each_database};

fn item(key: &str, slots: &[i64]) -> Planned {
    Planned {
        item: key.into(),
        name: key.into(),
        text: "今日高温，请落实防暑降温措施。".into(),
        include: vec!["全县".into()],
        exclude: Vec::new(),
        priority: Priority::Normal,
        on_doubt: OnDoubt::Hold,
        late: Late::Skip,
        lasts: None,
        rule: "每小时".into(),
        slots: slots
            .iter()
            .map(|h| MORNING.plus_secs(h * 3_600))
            .collect::<Vec<Micros>>(),
    }
}

fn june(items: &[Planned]) -> Import<'_> {
    Import {
        plan: "june",
        title: "六月",
        source: "[plan]",
        items,
        orders: &[],
    }
}

async fn verified(story: &Story) {
    let verdict = audit::verify(&story.office.store, None).await.unwrap();
    assert!(verdict.ok, "{:?}", verdict.first_difference);
}

#[tokio::test]
async fn a_plan_is_drafted_approved_fired_once_and_voided_by_a_change() {
    on_each_database(async |story: &Story| {
        let office = &story.office;
        story.person("admin", Role::Admin).await;
        let clerk = story.person("zhao", Role::Clerk).await;
        let approver = story.person("li", Role::Approver).await;
        let mut plan = [item("weekly", &[1, 2, 3])];
        let said = misused(office.plans().import(&clerk, &june(&plan), false).await);
        assert!(said.contains("全县"), "{said}");
        let list = story.path("list.csv");
        std::fs::write(&list, "手机,姓名\n13800100000,张三\n13800100001,李四\n").unwrap();
        office
            .contacts()
            .import_file(&clerk, &list, contacts::Import::into_group("全县"))
            .await
            .unwrap();
        let diff = office
            .plans()
            .import(&clerk, &june(&plan), false)
            .await
            .unwrap();
        assert_eq!(diff.items[0].effect, Effect::New);
        let id = diff.items[0].campaign.unwrap();
        let again = office
            .plans()
            .import(&clerk, &june(&plan), false)
            .await
            .unwrap();
        assert_eq!(again.items[0].effect, Effect::Unchanged);
        verified(story).await;
        assert_eq!(
            office
                .campaigns()
                .submit(&clerk, id, None)
                .await
                .unwrap()
                .people,
            2
        );
        approve(office, &approver, id).await.unwrap();
        verified(story).await;
        let alerts = Alerts::new(office.clock.clone(), true);
        let scheduler = Scheduler::new(
            office.store.clone(),
            office.clock.clone(),
            office.config.clone(),
            alerts,
        );
        let now = || office.clock.now();
        assert_eq!(
            office.plans().next_due(now()).await.unwrap(),
            // Frozen half a minute ahead of the first slot.
            Some(MORNING.plus_secs(3_600 - 30))
        );
        assert_eq!(scheduler.run_once(now()).await.unwrap(), 0);
        office.clock.advance(chrono::TimeDelta::hours(1));
        assert_eq!(scheduler.run_once(now()).await.unwrap(), 1);
        assert_eq!(scheduler.run_once(now()).await.unwrap(), 0);
        office.clock.advance(chrono::TimeDelta::days(-1));
        assert_eq!(scheduler.run_once(now()).await.unwrap(), 0);
        office
            .clock
            .advance(chrono::TimeDelta::minutes(24 * 60 + 80));
        assert_eq!(scheduler.run_once(now()).await.unwrap(), 1);
        let runs = office.runs().list(&machine()).await.unwrap();
        assert_eq!(runs.len(), 2);
        assert_eq!(
            runs.iter()
                .filter(|r| r.progress == Progress::Missed && r.reason == "late")
                .count(),
            1
        );
        verified(story).await;
        plan[0].text = "今日停电，请检查用电设备。".into();
        let diff = office
            .plans()
            .import(&clerk, &june(&plan), false)
            .await
            .unwrap();
        assert_eq!(
            (diff.items[0].effect, diff.items[0].fields.clone()),
            (Effect::Voided, vec!["text"])
        );
        verified(story).await;
    })
    .await;
}
