//! Single slots called off, and one-offs whose text changes before theirs comes.

use std::fmt::Write as _;

use chrono::TimeDelta;
use watchbell::{
    campaign::fire::Scheduler,
    domain::{
        id::CampaignId,
        lifecycle::{CampaignState, Intent},
        plan::Planned,
        policy::{Late, OnDoubt},
        priority::Priority,
        role::{Actor, Role},
    },
    service::{
        audit, contacts,
        plan::{Effect, Import},
        runs::RunView,
    },
    telemetry::alert::Alerts,
};

use crate::harness::story::{MORNING, Story, approve, machine, on_each_database, refused};

/// A campaign at these hours after [`MORNING`].
fn planned(late: Late, hours: &[i64]) -> Planned {
    Planned {
        item: "heat".into(),
        name: "高温".into(),
        text: "今日高温，请落实防暑降温措施。".into(),
        include: vec!["全县".into()],
        exclude: Vec::new(),
        priority: Priority::Normal,
        on_doubt: OnDoubt::Hold,
        late,
        lasts: None,
        rule: "每小时".into(),
        slots: hours.iter().map(|h| MORNING.plus_secs(h * 3_600)).collect(),
    }
}

/// The people of one story, and its scheduler.
struct Desk<'a> {
    story: &'a Story,
    clerk: Actor,
    approver: Actor,
    scheduler: Scheduler,
}

impl<'a> Desk<'a> {
    async fn open(story: &'a Story) -> Self {
        story.person("admin", Role::Admin).await;
        let office = &story.office;
        let desk = Self {
            story,
            clerk: story.person("zhao", Role::Clerk).await,
            approver: story.person("li", Role::Approver).await,
            scheduler: Scheduler::new(
                office.store.clone(),
                office.clock.clone(),
                office.config.clone(),
                Alerts::new(office.clock.clone(), true),
            ),
        };
        desk.people(2).await;
        desk
    }

    /// Reads a list of so many people into the group.
    async fn people(&self, count: usize) {
        let list = self.story.path("list.csv");
        let mut rows = String::new();
        for n in 0..count {
            writeln!(rows, "138001{n:05},张三").unwrap();
        }
        std::fs::write(&list, format!("手机,姓名\n{rows}")).unwrap();
        let import = contacts::Import::into_group("全县");
        let office = &self.story.office;
        office
            .contacts()
            .import_file(&self.clerk, &list, import)
            .await
            .unwrap();
    }

    async fn import(&self, item: &Planned) -> (CampaignId, Effect) {
        let import = Import {
            plan: "june",
            title: "六月",
            source: &item.text,
            items: std::slice::from_ref(item),
            orders: &[],
        };
        let office = &self.story.office;
        let diff = office
            .plans()
            .import(&self.clerk, &import, false)
            .await
            .unwrap();
        (diff.items[0].campaign.unwrap(), diff.items[0].effect)
    }

    async fn submit(&self, id: CampaignId) {
        let office = &self.story.office;
        office
            .campaigns()
            .submit(&self.clerk, id, None)
            .await
            .unwrap();
    }

    async fn approve(&self, id: CampaignId) {
        approve(&self.story.office, &self.approver, id)
            .await
            .unwrap();
    }

    async fn let_out(&self, item: &Planned) -> CampaignId {
        let (id, _) = self.import(item).await;
        self.submit(id).await;
        self.approve(id).await;
        id
    }

    async fn after_minutes(&self, minutes: i64) -> usize {
        let clock = &self.story.office.clock;
        clock.advance(TimeDelta::minutes(minutes));
        self.scheduler.run_once(clock.now()).await.unwrap()
    }

    /// In the order of their slots.
    async fn runs(&self) -> Vec<RunView> {
        let mut runs = self.story.office.runs().list(&machine()).await.unwrap();
        runs.sort_by_key(|r| (r.slot.at, r.created.at));
        runs
    }

    async fn verified(&self) {
        let store = &self.story.office.store;
        let verdict = audit::verify(store, None).await.unwrap();
        assert!(verdict.ok, "{:?}", verdict.first_difference);
    }
}

#[tokio::test]
async fn cancelling_one_run_leaves_the_campaign_its_other_slots() {
    on_each_database(async |story: &Story| {
        let desk = Desk::open(story).await;
        let id = desk.let_out(&planned(Late::Skip, &[1, 2])).await;
        assert_eq!(desk.after_minutes(60).await, 1);
        let run = desk.runs().await[0].id;
        let office = &story.office;
        office
            .runs()
            .intend(&desk.approver, run, Intent::Cancelled, "放假")
            .await
            .unwrap();
        let state = office.campaigns().get(&machine(), id).await.unwrap().state;
        assert_eq!(state, CampaignState::Approved);
        desk.verified().await;
        assert_eq!(desk.after_minutes(60).await, 1);
        let runs = desk.runs().await;
        let intents: Vec<_> = runs.iter().map(|r| r.intent).collect();
        assert_eq!(intents, [Intent::Cancelled, Intent::Go]);
        desk.verified().await;
    })
    .await;
}

#[tokio::test]
async fn a_changed_one_off_is_handed_in_again_for_the_same_slot() {
    on_each_database(async |story: &Story| {
        let desk = Desk::open(story).await;
        let mut item = planned(Late::Skip, &[1]);
        let id = desk.let_out(&item).await;
        item.text = "今日停电，请检查用电设备。".into();
        assert_eq!(desk.import(&item).await, (id, Effect::Voided));
        desk.verified().await;
        desk.submit(id).await;
        desk.approve(id).await;
        let runs = desk.runs().await;
        let slot = Some(MORNING.plus_secs(3_600));
        assert!(runs.iter().all(|r| r.not_before.map(|z| z.at) == slot));
        let going = runs.iter().filter(|r| r.intent == Intent::Go);
        assert_eq!((runs.len(), going.count()), (2, 1));
        desk.verified().await;
    })
    .await;
}

#[tokio::test]
async fn what_changed_after_it_was_shown_is_not_let_out() {
    on_each_database(async |story: &Story| {
        let desk = Desk::open(story).await;
        let office = &story.office;
        let mut item = planned(Late::Skip, &[1]);
        let (id, _) = desk.import(&item).await;
        desk.submit(id).await;
        let shown = office
            .campaigns()
            .get(&machine(), id)
            .await
            .unwrap()
            .check_code;
        // The plan is read in with another text and submitted anew between the look and the decision.
        item.text = "今日停电，请检查用电设备。".into();
        assert_eq!(desk.import(&item).await, (id, Effect::Voided));
        desk.submit(id).await;
        let no = refused(office.campaigns().approve(&desk.approver, id, &shown).await);
        assert!(no.contains("check code differs"), "{no}");
        let state = office.campaigns().get(&machine(), id).await.unwrap().state;
        assert_eq!(state, CampaignState::Submitted);
        // A recurring one's slots are bound too.
        let mut weekly = planned(Late::Skip, &[2, 3]);
        weekly.item = "weekly".into();
        let (weekly_id, _) = desk.import(&weekly).await;
        desk.submit(weekly_id).await;
        let shown = office
            .campaigns()
            .get(&machine(), weekly_id)
            .await
            .unwrap()
            .check_code;
        weekly.slots.push(MORNING.plus_secs(4 * 3_600));
        desk.import(&weekly).await;
        desk.submit(weekly_id).await;
        refused(
            office
                .campaigns()
                .approve(&desk.approver, weekly_id, &shown)
                .await,
        );
        desk.approve(id).await;
        desk.approve(weekly_id).await;
        desk.verified().await;
    })
    .await;
}
