//! What is forecast is what then happens: counts as freezing makes them, ends as the engine reaches them.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use watchbell::{
    clock::Clock,
    config::Config,
    domain::{
        forecast::Period,
        hours::{HourMinute, MonthDay, QuietHours, Season},
        id::CampaignId,
        plan::Planned,
        policy::{Late, OnDoubt},
        priority::Priority,
        role::{Actor, Role},
        time::Micros,
    },
    engine::Engine,
    service::{Office, audit, contacts, forecast::Forecast, plan::Import},
    simulate::{Settings, Simulator},
    telemetry::alert::Alerts,
};

use crate::{
    harness::county::until,
    harness::gateway::{self, carrier},
    harness::story::{MORNING, Story, approve, machine, on_each_database, refused},
};

const TEXT: &str = "((姓名))，今日高温，请落实防暑降温措施，请各单位加强值班值守。";

fn item(key: &str, group: &str, slots: Vec<Micros>) -> Planned {
    Planned {
        item: key.into(),
        name: key.into(),
        text: TEXT.into(),
        include: vec![group.into()],
        exclude: Vec::new(),
        priority: Priority::Normal,
        on_doubt: OnDoubt::Hold,
        late: Late::Send,
        lasts: None,
        rule: "每天".into(),
        slots,
    }
}

fn hours(hours: &[i64]) -> Vec<Micros> {
    hours.iter().map(|h| MORNING.plus_secs(h * 3_600)).collect()
}

/// The story's office with one carrier's gateway, open all year, and the people who work in it.
struct Desk<'a> {
    story: &'a Story,
    office: Office,
    clerk: Actor,
    approver: Actor,
}

impl<'a> Desk<'a> {
    async fn open(story: &'a Story, edit: impl FnOnce(&mut Config)) -> Self {
        story.person("admin", Role::Admin).await;
        let clerk = story.person("zhao", Role::Clerk).await;
        let approver = story.person("li", Role::Approver).await;
        let mut office = story.office.clone();
        let mut config = (*office.config).clone();
        config.gateways = vec![gateway::config(([127, 0, 0, 1], 9).into())];
        config.sending.signature = "云岭县安委办".into();
        config.gateways[0].signature = "云岭县安委办".into();
        config.sending.season = Season {
            from: MonthDay::new(1, 1).unwrap(),
            to: MonthDay::new(12, 31).unwrap(),
        };
        let midnight = HourMinute::new(0, 0).unwrap();
        config.sending.quiet_hours = QuietHours {
            from: midnight,
            to: midnight,
        };
        edit(&mut config);
        office.config = Arc::new(config);
        Self {
            story,
            office,
            clerk,
            approver,
        }
    }

    /// A group of people with numbers from this one on; every third has a long name.
    async fn group(&self, name: &str, first: u64, n: u64) {
        let mut text = String::from("手机,姓名\n");
        for i in first..first + n {
            let person = match i % 3 {
                0 => "张".repeat(38),
                _ => format!("李{i}"),
            };
            writeln!(text, "{i},{person}").unwrap();
        }
        let list = self.story.path(&format!("{name}.csv"));
        std::fs::write(&list, text).unwrap();
        self.office
            .contacts()
            .import_file(&self.clerk, &list, contacts::Import::into_group(name))
            .await
            .unwrap();
    }

    /// Reads a plan in and hands all of it in.
    async fn submit(&self, items: &[Planned]) -> Vec<CampaignId> {
        let import = Import {
            plan: "june",
            title: "六月",
            source: "[plan]",
            items,
            orders: &[],
        };
        let diff = self
            .office
            .plans()
            .import(&self.clerk, &import, false)
            .await
            .unwrap();
        let mut ids = Vec::new();
        // Those that the file no longer has stand behind its own.
        for item in diff.items.iter().take(items.len()) {
            let id = item.campaign.unwrap();
            self.office
                .campaigns()
                .submit(&self.clerk, id, None)
                .await
                .unwrap();
            ids.push(id);
        }
        ids
    }

    async fn approve(&self, id: CampaignId) -> Result<(), watchbell::service::ServiceError> {
        approve(&self.office, &self.approver, id).await
    }

    async fn verified(&self) {
        let verdict = audit::verify(&self.office.store, None).await.unwrap();
        assert!(verdict.ok, "{:?}", verdict.first_difference);
    }
}

#[tokio::test]
async fn a_survey_counts_what_freezing_makes() {
    on_each_database(async |story: &Story| {
        let desk = Desk::open(story, |_| {}).await;
        desk.group("全县", 13_800_100_000, 90).await;
        // Another carrier's: nobody takes them.
        desk.group("外地", 13_000_100_000, 10).await;
        let mut once = item("once", "全县", hours(&[2]));
        once.include.push("外地".into());
        let plan = [once, item("again", "全县", hours(&[3, 27]))];
        let before = desk
            .office
            .plans()
            .forecast(&machine(), "june", &plan)
            .await
            .unwrap();
        assert_eq!(before.runs.len(), 3);
        assert_eq!(before.runs[0].people, 90);
        assert_eq!(before.runs[0].by_segments.iter().sum::<i64>(), 90);
        assert_eq!(
            before.runs[0].by_segments[1], 30,
            "long names, two segments"
        );
        let ids = desk.submit(&plan).await;
        let frozen = desk
            .office
            .campaigns()
            .forecast(&machine(), ids[0])
            .await
            .unwrap();
        let again = desk
            .office
            .campaigns()
            .forecast(&machine(), ids[1])
            .await
            .unwrap();
        assert_eq!(again.runs.len(), 2);
        assert_eq!(frozen.runs, before.runs[..1]);
        assert_eq!(again.runs, before.runs[1..]);
        // The file stands for its own campaigns: they do not count twice.
        let anew = desk
            .office
            .plans()
            .forecast(&machine(), "june", &plan)
            .await
            .unwrap();
        assert_eq!(
            Forecast {
                made: before.made,
                ..anew
            },
            before
        );
        desk.approve(ids[1]).await.unwrap();
        desk.verified().await;
    })
    .await;
}

#[tokio::test]
async fn people_with_too_many_texts_on_a_day_are_counted_by_group() {
    on_each_database(async |story: &Story| {
        let desk = Desk::open(story, |c| c.sending.daily_limit_per_person = 4).await;
        desk.group("甲", 13_800_100_000, 3_000).await;
        desk.group("乙", 13_800_102_000, 2_000).await;
        let mut warning = item("warning", "乙", hours(&[9]));
        warning.priority = Priority::Urgent;
        let plan = [
            item("a", "甲", hours(&[1, 2, 25])),
            item("b", "乙", hours(&[3, 4, 5])),
            warning,
        ];
        let told = desk
            .office
            .plans()
            .forecast(&machine(), "june", &plan)
            .await
            .unwrap();
        let counts: Vec<_> = told
            .clashes
            .iter()
            .map(|c| (c.day.to_string(), c.group.as_str(), c.often, c.over_limit))
            .collect();
        // On the 12th a thousand get 2 + 3 + 1, of which 5 count for the limit; the rest of 乙 3 + 1.
        assert_eq!(
            counts,
            [
                ("2023-06-12".to_owned(), "乙", 2_000, 1_000),
                ("2023-06-12".to_owned(), "甲", 1_000, 1_000),
            ]
        );
        // A run that is frozen counts by its messages.
        let ids = desk.submit(&plan).await;
        let frozen = desk
            .office
            .campaigns()
            .forecast(&machine(), ids[0])
            .await
            .unwrap();
        assert_eq!(frozen.clashes, told.clashes);
    })
    .await;
}

#[tokio::test]
async fn an_approval_beyond_the_quota_is_refused_with_the_arithmetic() {
    on_each_database(async |story: &Story| {
        let desk = Desk::open(story, |c| c.gateways[0].daily_quota = 150).await;
        desk.group("全县", 13_800_100_000, 60).await;
        let plan = [
            item("first", "全县", hours(&[1])),
            item("second", "全县", hours(&[2])),
        ];
        let ids = desk.submit(&plan).await;
        // What only waits for approval takes nothing: whoever is approved first may go.
        let left = async |id| {
            let told = desk
                .office
                .campaigns()
                .forecast(&machine(), id)
                .await
                .unwrap();
            let day = told.quotas.into_iter().find(|q| q.period == Period::Day);
            day.unwrap().left
        };
        assert_eq!(left(ids[1]).await, Some(150 - 80));
        desk.approve(ids[1]).await.unwrap();
        assert_eq!(left(ids[0]).await, Some(150 - 160));
        let said = refused(desk.approve(ids[0]).await);
        assert!(
            said.contains(
                "0 gone + 80 of other campaigns + 80 of this one = 160 segments, and 150"
            ),
            "{said}"
        );
        let office = &desk.office;
        let kept = office.store.read("test").await.unwrap();
        let kept = { kept }.forecasts().await.unwrap();
        assert_eq!(kept.len(), 1);
        assert_eq!(
            (kept[0].announced.people, kept[0].announced.segments),
            (60, 80)
        );
        desk.verified().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_approvals_at_once_that_the_quota_does_not_hold_one_is_refused() {
    on_each_database(async |story: &Story| {
        let desk = Desk::open(story, |c| c.gateways[0].daily_quota = 250).await;
        desk.group("全县", 13_800_100_000, 60).await;
        let plan = [1, 2, 3, 4].map(|n| item(&format!("item-{n}"), "全县", hours(&[n])));
        let ids = desk.submit(&plan).await;
        let (a, b, c, d) = tokio::join!(
            Box::pin(desk.approve(ids[0])),
            Box::pin(desk.approve(ids[1])),
            Box::pin(desk.approve(ids[2])),
            Box::pin(desk.approve(ids[3])),
        );
        let verdicts = [a, b, c, d];
        let out = verdicts.iter().filter(|v| v.is_ok()).count();
        assert_eq!(out, 3, "three times 80 fit into 250: {verdicts:?}");
        let refusal = verdicts.into_iter().find(Result::is_err);
        let said = refused(refusal.unwrap());
        assert!(said.contains("240") || said.contains("320"), "{said}");
        desk.verified().await;
    })
    .await;
}

#[tokio::test]
async fn letting_one_out_moves_the_forecasts_of_those_it_delays() {
    on_each_database(async |story: &Story| {
        let desk = Desk::open(story, |_| {}).await;
        desk.group("全县", 13_800_100_000, 60).await;
        let ends = async |id: CampaignId| {
            let tx = desk.office.store.read("kept").await.unwrap();
            let kept = { tx }.forecasts().await.unwrap();
            let row = kept.into_iter().find(|r| r.campaign == id);
            let row = row.unwrap();
            let at = |t: Option<Micros>| t.unwrap().0;
            (at(row.announced.starts), at(row.announced.ends), row.made.0)
        };
        let plan = [
            item("beside", "全县", hours(&[1])),
            item("apart", "全县", hours(&[2])),
        ];
        let ids = desk.submit(&plan).await;
        desk.approve(ids[0]).await.unwrap();
        desk.approve(ids[1]).await.unwrap();
        let (beside, apart) = (ends(ids[0]).await, ends(ids[1]).await);

        let urgent = Planned {
            priority: Priority::Urgent,
            ..item("urgent", "全县", hours(&[1]))
        };
        let urgent = desk.submit(&[urgent]).await;
        assert_eq!(ends(ids[0]).await, beside, "nothing is approved yet");
        desk.approve(urgent[0]).await.unwrap();
        let behind = ends(ids[0]).await;
        assert_eq!(behind.0 - beside.0, behind.1 - beside.1, "all of it later");
        assert!(behind.0 >= ends(urgent[0]).await.1, "behind the urgent one");
        assert_eq!(ends(ids[1]).await, apart, "nobody is in its way");
        desk.verified().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_within_five_per_cent_of_its_forecast() {
    on_each_database(async |story: &Story| {
        let simulator = Simulator::start(Settings { ..carrier() }).await.unwrap();
        let address = simulator.address();
        let mut desk = Desk::open(story, |c| {
            c.gateways[0].address = address.to_string();
            c.gateways[0].rate = 40;
        })
        .await;
        desk.group("全县", 13_800_100_000, 450).await;
        desk.office.clock = Clock::system();
        let slot = Micros(desk.office.clock.now().0 + 3_000_000);
        let ids = desk.submit(&[item("now", "全县", vec![slot])]).await;
        desk.approve(ids[0]).await.unwrap();
        let alerts = Alerts::new(desk.office.clock.clone(), false);
        let engine = Engine::start(desk.office.sending().engine_parts(alerts));
        let engine = engine.await.unwrap().unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(engine.run(stop.clone()));
        let begun = watch(&simulator, 0, &desk.office).await;
        let late = (begun.0 - slot.0) / 1_000;
        println!("from the slot to the first segment: {late} ms");
        until("it is through", async || {
            !desk
                .office
                .runs()
                .forecast_vs_fact(&machine())
                .await
                .unwrap()
                .is_empty()
        })
        .await;
        let compared = desk
            .office
            .runs()
            .forecast_vs_fact(&machine())
            .await
            .unwrap();
        println!("{compared:?}");
        assert_eq!(compared.len(), 2);
        for c in &compared {
            assert!(c.percent.abs() < 5.0, "{c:?}");
        }
        stop.cancel();
        running.await.unwrap().unwrap();
        desk.verified().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_is_noticed_within_a_poll_and_reserving_is_quick() {
    on_each_database(async |story: &Story| {
        let simulator = Simulator::start(carrier()).await.unwrap();
        let address = simulator.address();
        let mut desk = Desk::open(story, |c| c.gateways[0].address = address.to_string()).await;
        desk.group("一人", 13_800_100_000, 1).await;
        desk.group("全县", 13_800_100_000, 10_000).await;
        desk.office.clock = Clock::system();
        let first = desk.office.clock.now().plus_secs(12);
        let second = first.plus_secs(2);
        let plan = [
            item("one", "一人", vec![first]),
            item("many", "全县", vec![second]),
        ];
        for id in desk.submit(&plan).await {
            desk.approve(id).await.unwrap();
        }
        let alerts = Alerts::new(desk.office.clock.clone(), false);
        let engine = Engine::start(desk.office.sending().engine_parts(alerts));
        let engine = engine.await.unwrap().unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(engine.run(stop.clone()));
        let spare = (first.0 - desk.office.clock.now().0) / 1_000;
        let one = (watch(&simulator, 0, &desk.office).await.0 - first.0) / 1_000;
        let many = (watch(&simulator, 1, &desk.office).await.0 - second.0) / 1_000;
        println!(
            "ready {spare} ms before; one person after {one} ms, ten thousand after {many} ms"
        );
        // A poll is 200 ms; the sweep, each second, would be seen. The rest is for a busy machine.
        assert!((0..800).contains(&one), "{one} ms");
        stop.cancel();
        running.await.unwrap().unwrap();
    })
    .await;
}

/// When the carrier gets more than so many messages.
async fn watch(simulator: &watchbell::simulate::Running, more: u64, office: &Office) -> Micros {
    let deadline = Instant::now() + Duration::from_mins(1);
    while simulator.counts().recipients <= more {
        assert!(Instant::now() < deadline, "nothing goes");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    office.clock.now()
}
