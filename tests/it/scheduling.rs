//! When a planned campaign goes out: once a slot, late or not at all as it says, and never unseen.

use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use watchbell::{
    campaign::fire::Scheduler,
    domain::{
        id::CampaignId,
        lifecycle::{CampaignState, Intent, Progress},
        message::Outcome,
        plan::Planned,
        policy::{Late, OnDoubt},
        priority::Priority,
        role::{Actor, Role},
        time::Micros,
    },
    engine::Engine,
    service::{Office, audit, contacts, plan::Import, runs::RunView},
    telemetry::alert::Alerts,
};

use crate::{
    harness::county::carrier,
    harness::program::{Stage, eventually},
    harness::story::{MORNING, Story, approve, machine, on_each_database, refused},
};

fn clerk() -> Actor {
    Actor::User {
        name: "wang".into(),
        role: Role::Clerk,
    }
}

fn approver() -> Actor {
    Actor::User {
        name: "li".into(),
        role: Role::Approver,
    }
}

fn item(key: &str, late: Late, slots: Vec<Micros>) -> Planned {
    Planned {
        item: key.into(),
        name: key.into(),
        text: format!("安全提醒 {key}：请落实防暑降温措施。"),
        include: vec!["全县".into()],
        exclude: Vec::new(),
        priority: Priority::Normal,
        on_doubt: OnDoubt::Hold,
        late,
        lasts: None,
        rule: "test".into(),
        slots,
    }
}

/// Reads people in, and drafts, hands in and approves the items.
async fn plan(office: &Office, list: &std::path::Path, items: &[Planned]) -> Vec<CampaignId> {
    let into = contacts::Import::into_group("全县");
    office
        .contacts()
        .import_file(&clerk(), list, into)
        .await
        .unwrap();
    let import = Import {
        plan: "june",
        title: "六月",
        source: "[plan]",
        items,
        orders: &[],
    };
    let diff = office
        .plans()
        .import(&clerk(), &import, false)
        .await
        .unwrap();
    let ids: Vec<_> = diff.items.iter().map(|i| i.campaign.unwrap()).collect();
    for id in &ids {
        office
            .campaigns()
            .submit(&clerk(), *id, None)
            .await
            .unwrap();
        approve(office, &approver(), *id).await.unwrap();
    }
    ids
}

fn people(dir: &Story, n: u64) -> std::path::PathBuf {
    let rows = (0..n).map(|i| format!("{},张三\n", 13_800_100_000 + i));
    let path = dir.path(&format!("list-{n}.csv"));
    std::fs::write(&path, format!("手机,姓名\n{}", rows.collect::<String>())).unwrap();
    path
}

fn at(hours: i64) -> Micros {
    MORNING.plus_secs(hours * 3_600)
}

fn scheduler(office: &Office) -> Scheduler {
    let alerts = Alerts::new(office.clock.clone(), true);
    Scheduler::new(
        office.store.clone(),
        office.clock.clone(),
        office.config.clone(),
        alerts,
    )
}

async fn runs_of(office: &Office, id: CampaignId) -> Vec<RunView> {
    let runs = office
        .runs()
        .list(&machine())
        .await
        .unwrap()
        .into_iter()
        .rev();
    runs.filter(|r| r.campaign == id).collect()
}

async fn verified(office: &Office) {
    let verdict = audit::verify(&office.store, None).await.unwrap();
    assert!(verdict.ok, "{:?}", verdict.first_difference);
}

/// The engine beside a story, until the returned token is cancelled.
async fn engine(office: &Office) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    let alerts = Alerts::new(office.clock.clone(), true);
    let engine = Engine::start(office.sending().engine_parts(alerts))
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let run = engine.unwrap().run(stop.clone());
    let task = tokio::spawn(async move { run.await.unwrap() });
    (stop, task)
}

async fn run(office: &Office, id: &str) -> RunView {
    office
        .runs()
        .get(&machine(), id.parse().unwrap())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_slot_fires_once_also_when_the_clock_goes_back_a_day() {
    on_each_database(async |story: &Story| {
        let office = &story.office;
        let weekly = item("weekly", Late::Send, vec![at(1), at(2), at(30)]);
        let ids = plan(office, &people(story, 3), &[weekly]).await;
        let scheduler = scheduler(office);
        let tick = async || scheduler.run_once(office.clock.now()).await.unwrap();
        assert_eq!(tick().await, 0);
        office.clock.advance(TimeDelta::hours(1));
        assert_eq!((tick().await, tick().await), (1, 0));
        office.clock.advance(TimeDelta::days(-1));
        assert_eq!(tick().await, 0);
        office.clock.advance(TimeDelta::days(1));
        assert_eq!(tick().await, 0);
        office.clock.advance(TimeDelta::hours(1));
        assert_eq!((tick().await, tick().await), (1, 0));
        // Another scheduler on the same database finds nothing to do.
        let other = story.another_office().await;
        let second = self::scheduler(&other);
        assert_eq!(second.run_once(office.clock.now()).await.unwrap(), 0);
        assert_eq!(runs_of(office, ids[0]).await.len(), 2);
        verified(office).await;
    })
    .await;
}

#[tokio::test]
async fn what_was_down_across_a_slot_sends_late_or_shows_what_it_missed() {
    on_each_database(async |story: &Story| {
        let office = &story.office;
        let short = Planned {
            lasts: Some(Duration::from_mins(30)),
            ..item("short", Late::Send, vec![at(1), at(48)])
        };
        let items = [
            item("sent", Late::Send, vec![at(1), at(48)]),
            item("skipped", Late::Skip, vec![at(1), at(48)]),
            short,
        ];
        let ids = plan(office, &people(story, 3), &items).await;
        // Nobody looked for two hours.
        office.clock.advance(TimeDelta::hours(3));
        assert_eq!(
            scheduler(office)
                .run_once(office.clock.now())
                .await
                .unwrap(),
            3
        );
        let mut seen = Vec::new();
        for id in &ids {
            let runs = runs_of(office, *id).await;
            assert_eq!(runs.len(), 1, "one slot, one row");
            let reason = runs[0].reason.clone();
            seen.push((runs[0].progress, reason, runs[0].people));
        }
        // Fired, if late; this office has no gateway, so nobody has a route.
        assert_eq!(seen[0], (Progress::Done, String::new(), 3));
        assert_eq!(seen[1], (Progress::Missed, "late".to_owned(), 0));
        assert_eq!(seen[2], (Progress::Missed, "not_after".to_owned(), 0));
        verified(office).await;
    })
    .await;
}

#[tokio::test]
async fn what_was_approved_after_its_slot_is_missed_and_said() {
    on_each_database(async |story: &Story| {
        let office = &story.office;
        let items = [item("weekly", Late::Send, vec![at(-2), at(24)])];
        let ids = plan(office, &people(story, 3), &items).await;
        scheduler(office)
            .run_once(office.clock.now())
            .await
            .unwrap();
        let runs = runs_of(office, ids[0]).await;
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].progress, Progress::Missed);
        assert!(runs[0].reason.contains("approved"), "{}", runs[0].reason);
        verified(office).await;
    })
    .await;
}

#[tokio::test]
async fn what_cannot_go_keeps_no_other_from_being_forecast_and_is_not_let_out_itself() {
    on_each_database(async |story: &Story| {
        let office = &story.office;
        let named = |key: &str| Planned {
            text: "((姓名))，今日高温，请落实防暑降温措施。".into(),
            ..item(key, Late::Send, vec![at(1), at(2)])
        };
        plan(office, &people(story, 10), &[named("approved")]).await;
        let items = [named("own"), item("plain", Late::Send, vec![at(1), at(2)])];
        let import = Import {
            plan: "later",
            title: "后来",
            source: "[plan]",
            items: &items,
            orders: &[],
        };
        let diff = office.plans().import(&clerk(), &import, false).await;
        let ids: Vec<_> = diff
            .unwrap()
            .items
            .iter()
            .map(|i| i.campaign.unwrap())
            .collect();
        for id in &ids {
            let submitted = office.campaigns().submit(&clerk(), *id, None).await;
            submitted.unwrap();
        }
        // From now on somebody has no name.
        let list = story.path("nameless.csv");
        std::fs::write(&list, "手机,姓名\n13900100099,\n").unwrap();
        let into = contacts::Import::into_group("全县");
        office
            .contacts()
            .import_file(&clerk(), &list, into)
            .await
            .unwrap();
        refused(approve(office, &approver(), ids[0]).await);
        approve(office, &approver(), ids[1]).await.unwrap();
        let forecast = office.campaigns().forecast(&machine(), ids[1]).await;
        assert_eq!(forecast.unwrap().runs.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_audience_that_has_grown_too_far_is_held_until_a_person_lets_it_go() {
    on_each_database(async |story: &Story| {
        let office = &story.office;
        let items = [item("weekly", Late::Send, vec![at(1), at(2)])];
        let ids = plan(office, &people(story, 10), &items).await;
        let more = contacts::Import::into_group("全县");
        let list = people(story, 13);
        office
            .contacts()
            .import_file(&clerk(), &list, more)
            .await
            .unwrap();
        office.clock.advance(TimeDelta::hours(1));
        scheduler(office)
            .run_once(office.clock.now())
            .await
            .unwrap();
        let held = &runs_of(office, ids[0]).await[0];
        assert_eq!(held.intent, Intent::Held);
        assert!(!held.reason.is_empty());
        let id = held.id;
        // It may be the clerk's own: somebody else looks at it, and says why.
        for (who, reason) in [(clerk(), "名单已核对"), (approver(), "")] {
            refused(office.runs().intend(&who, id, Intent::Go, reason).await);
        }
        assert_eq!(runs_of(office, ids[0]).await[0].intent, Intent::Held);
        let go = office
            .runs()
            .intend(&approver(), id, Intent::Go, "名单已核对")
            .await
            .unwrap();
        assert_eq!(go.intent, Intent::Go);
        verified(office).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_run_is_skipped_asked_about_or_sent_as_it_says() {
    on_each_database(async |story: &Story| {
        let office = &story.office;
        let items = [
            item("send", Late::Send, vec![at(1)]),
            item("ask", Late::Ask, vec![at(1)]),
            item("skip", Late::Skip, vec![at(1)]),
        ];
        let ids = plan(office, &people(story, 3), &items).await;
        office.clock.advance(TimeDelta::hours(3));
        let (stop, task) = engine(office).await;
        let one = async |n: usize| runs_of(office, ids[n]).await.remove(0);
        eventually("the first is over", async || one(0).await.closed.is_some()).await;
        eventually("the second is held", async || {
            one(1).await.intent == Intent::Held
        })
        .await;
        eventually("the third is missed", async || {
            one(2).await.progress == Progress::Missed
        })
        .await;
        assert!(one(0).await.opened.is_some());
        let asked = one(1).await.id;
        let go = office
            .runs()
            .intend(&approver(), asked, Intent::Go, "照发")
            .await;
        go.unwrap();
        eventually("what was let go is over", async || {
            one(1).await.closed.is_some()
        })
        .await;
        assert!(
            one(1).await.opened.is_some(),
            "once let go it is late no more"
        );
        stop.cancel();
        task.await.unwrap();
        verified(office).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_night_all_but_the_urgent_waits_for_the_morning() {
    on_each_database(async |story: &Story| {
        let office = &story.office;
        let urgent = Planned {
            priority: Priority::Urgent,
            ..item("urgent", Late::Skip, vec![at(14)])
        };
        // 22:00.
        let items = [item("normal", Late::Skip, vec![at(14)]), urgent];
        let ids = plan(office, &people(story, 3), &items).await;
        let (stop, task) = engine(office).await;
        office.clock.advance(TimeDelta::hours(14));
        let one = async |n: usize| runs_of(office, ids[n]).await.remove(0);
        eventually("the urgent one is over", async || {
            one(1).await.closed.is_some()
        })
        .await;
        assert_eq!(one(0).await.opened, None);
        // At 08:00 it is not late: its window has only just opened.
        office.clock.advance(TimeDelta::hours(10));
        eventually("the morning's is over", async || {
            one(0).await.closed.is_some()
        })
        .await;
        assert!(one(0).await.opened.is_some());
        stop.cancel();
        task.await.unwrap();
        verified(office).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_killed_across_a_slot_sends_it_once_late_and_shows_the_one_that_is_too_late() {
    let stage = Stage::open(carrier(), "", "rate = 500\nlinks = 2\nwindow = 32").await;
    let office = stage.office().await;
    let slot = office.clock.now().plus_secs(6);
    let later = slot.plus_secs(86_400);
    let brief = Some(Duration::from_secs(2));
    let items = [
        item("recurring", Late::Send, vec![slot, later]),
        Planned {
            lasts: brief,
            ..item("recurring-brief", Late::Send, vec![slot, later])
        },
        item("once", Late::Send, vec![slot]),
        Planned {
            lasts: brief,
            ..item("once-brief", Late::Send, vec![slot])
        },
    ];
    let ids = plan(&office, &stage.numbers(0, 40), &items).await;
    let (mut daemon, _) = stage.serve().await;
    assert!(
        office.clock.now() < slot,
        "the machine is too slow for this story"
    );
    daemon.kill().await;
    // Down from before the slot until after the not-after of two of them.
    let wait = slot.plus_secs(3).0 - office.clock.now().0;
    tokio::time::sleep(Duration::from_micros(wait.unsigned_abs())).await;
    assert_eq!(stage.taken(), 0);
    let (mut daemon, _) = stage.serve().await;
    eventually("what may still go has gone", async || {
        let mut done = true;
        for n in [0, 2] {
            let runs = runs_of(&office, ids[n]).await;
            done &= runs.first().is_some_and(|r| r.closed.is_some());
        }
        done
    })
    .await;
    // Killed again, and started again: nothing is fired a second time.
    daemon.kill().await;
    let (daemon, _) = stage.serve().await;
    eventually("what is too late is missed", async || {
        let mut missed = true;
        for n in [1, 3] {
            let runs = runs_of(&office, ids[n]).await;
            missed &= runs.first().is_some_and(|r| r.progress == Progress::Missed);
        }
        missed
    })
    .await;
    daemon.ends_well().await;
    for (n, id) in ids.iter().enumerate() {
        let runs = runs_of(&office, *id).await;
        assert_eq!(runs.len(), 1, "campaign {n}: one slot, one row");
        if n % 2 == 0 {
            let id = runs[0].id.to_string();
            assert_eq!(run(&office, &id).await.counts.of(Outcome::Delivered), 40);
            assert!(
                runs[0].opened.map(|z| z.at) >= Some(slot.plus_secs(3)),
                "late"
            );
        }
    }
    let counts = stage.carrier.counts();
    assert_eq!((counts.recipients, counts.recipients_sent_twice), (80, 0));
    let states = [CampaignState::Active, CampaignState::Finished];
    assert_eq!(
        office
            .campaigns()
            .get(&machine(), ids[0])
            .await
            .unwrap()
            .state,
        states[0]
    );
    assert_eq!(
        office
            .campaigns()
            .get(&machine(), ids[2])
            .await
            .unwrap()
            .state,
        states[1]
    );
    verified(&office).await;
}
