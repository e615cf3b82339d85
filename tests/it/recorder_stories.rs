//! The journal, operation by operation: what each sequence of words makes of a message.

use watchbell::{
    domain::carrier::Carrier,
    domain::policy::OnDoubt::Hold,
    domain::{
        id::MessageId,
        lifecycle::{Intent, RunAct},
        message::{Change, Mark, Outcome, ReportStatus},
        time::Micros,
    },
    engine::journal::{Op, Take},
    store::contact::NewSuppression,
};

use crate::harness::journal::*;

fn intend(run: watchbell::domain::id::RunId, to: Intent) -> Op {
    Op::Intend {
        run,
        to,
        act: RunAct::Pause,
        by: "test".into(),
        reason: "test".into(),
    }
}

#[tokio::test]
async fn what_was_delivered_is_forgotten_without_a_word_and_nothing_else_is() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(3, 2, Hold).await;
        desk.claim(lane, 3).await;
        // Whole, in part, not at all.
        for (position, id) in [(0, "a"), (1, "b"), (2, "c")] {
            let part = |k: u8| accepted(lane, position, k, &format!("{id}{k}"));
            desk.commit([part(0), part(1)]).await;
        }
        desk.commit([report(0, "a0"), report(0, "a1"), report(1, "b0")])
            .await;
        desk.later(4 * 86_400);
        let mut tx = desk.store.read("test").await.unwrap();
        let past = tx.inflight_before(desk.clock.now(), 100).await.unwrap();
        let head = tx.head().await.unwrap();
        drop(tx);
        let (heard, silent): (Vec<_>, Vec<_>) = past.into_iter().partition(|p| p.delivered);
        assert_eq!((heard.len(), silent.len()), (2, 4));
        let rows = heard.into_iter().map(|p| p.wait).collect();
        let done = desk.commit([Op::DropReportWaits(rows)]).await;
        assert_eq!(done.head, Some(head), "nothing is said");
        let mut tx = desk.store.read("test").await.unwrap();
        let left = tx.inflight_before(desk.clock.now(), 100).await.unwrap();
        drop(tx);
        assert_eq!(left, silent, "and nothing else goes");
        desk.commit([report(0, "a1")]).await;
        assert_eq!(
            (desk.state(lane, 0).await.as_str(), desk.orphans(0).await),
            ("delivered R", 0),
            "a repeated report finds its message all the same"
        );
    })
    .await;
}

#[tokio::test]
async fn a_report_before_its_answer_in_the_same_group_settles_the_message_and_leaves_no_orphan() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(3, 1, Hold).await;
        desk.claim(lane, 3).await;
        desk.commit([report(0, "a"), accepted(lane, 0, 0, "a"), report(0, "a")])
            .await;
        assert_eq!(
            (desk.state(lane, 0).await.as_str(), desk.orphans(0).await),
            ("delivered R", 0)
        );
    })
    .await;
}

#[tokio::test]
async fn a_report_before_its_answer_in_an_earlier_group_waits_also_over_a_restart() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(3, 1, Hold).await;
        desk.claim(lane, 3).await;
        desk.commit([report(0, "a"), report(0, "a")]).await;
        desk.commit([report(0, "a")]).await;
        assert_eq!(desk.orphans(0).await, 1);
        desk.restart().await;
        desk.commit([accepted(lane, 0, 0, "a")]).await;
        assert_eq!(
            (desk.state(lane, 0).await.as_str(), desk.orphans(0).await),
            ("delivered R", 0)
        );
    })
    .await;
}

#[tokio::test]
async fn the_first_final_report_holds_also_when_inflight_has_forgotten_the_id() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(2, 1, Hold).await;
        desk.claim(lane, 2).await;
        desk.commit([accepted(lane, 0, 0, "a"), accepted(lane, 1, 0, "b")])
            .await;
        desk.commit([report(0, "a"), report(0, "a")]).await;
        desk.commit([report_at(
            0,
            "a",
            "2306010930",
            ReportStatus::Undelivered,
            mobile(),
        )])
        .await;
        desk.window_over().await;
        assert_eq!(desk.state(lane, 0).await, "delivered R");
        assert_eq!(desk.state(lane, 1).await, "unconfirmed");
        desk.commit([report(1, "b"), report(0, "a")]).await;
        assert_eq!(desk.state(lane, 1).await, "delivered R");
        assert_eq!(desk.orphans(0).await + desk.orphans(1).await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_orphan_is_adopted_by_the_one_doubtful_message_of_its_number() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(2, 1, Hold).await;
        desk.claim(lane, 2).await;
        desk.commit([doubt(lane, 0, 0)]).await;
        desk.commit([report(0, "a")]).await;
        let state = desk.message(lane, 0).await.state;
        assert_eq!(
            (state.outcome, state.carrier_id.as_deref(), state.mark),
            (Some(Outcome::Delivered), Some("a"), Some(Mark::Adopted))
        );
        desk.commit([report(0, "a")]).await;
        assert_eq!((desk.orphans(0).await, desk.doubts(0).await), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn two_doubtful_messages_of_one_number_keep_the_orphan_waiting() {
    on_each(async |mut desk| {
        let (_, one) = desk.run(1, 1, Hold).await;
        let (_, two) = desk.run(1, 1, Hold).await;
        desk.claim(one, 1).await;
        desk.claim(two, 1).await;
        desk.commit([doubt(one, 0, 0), doubt(two, 0, 0), report(0, "a")])
            .await;
        assert_eq!((desk.orphans(0).await, desk.doubts(0).await), (1, 2));
        desk.commit([late(one, 0, 0, Change::Refused { code: "1".into() })])
            .await;
        assert_eq!(desk.state(two, 0).await, "delivered R", "one question less");
    })
    .await;
}

#[tokio::test]
async fn another_open_message_of_the_number_keeps_the_orphan_waiting_until_it_settles() {
    on_each(async |mut desk| {
        let (_, one) = desk.run(1, 1, Hold).await;
        let (_, two) = desk.run(1, 1, Hold).await;
        desk.claim(one, 1).await;
        desk.claim(two, 1).await;
        desk.commit([doubt(one, 0, 0), accepted(two, 0, 0, "b")])
            .await;
        desk.commit([report(0, "a")]).await;
        assert_eq!(
            (desk.orphans(0).await, desk.state(one, 0).await.as_str()),
            (1, "in_doubt")
        );
        desk.commit([report(0, "b")]).await;
        assert_eq!(
            (desk.orphans(0).await, desk.state(one, 0).await.as_str()),
            (0, "delivered R")
        );
    })
    .await;
}

#[tokio::test]
async fn when_the_other_message_stays_without_a_word_the_orphan_is_adopted_at_its_windows_end() {
    on_each(async |mut desk| {
        let (_, one) = desk.run(1, 1, Hold).await;
        let (_, two) = desk.run(1, 1, Hold).await;
        desk.claim(one, 1).await;
        desk.claim(two, 1).await;
        desk.commit([doubt(one, 0, 0), accepted(two, 0, 0, "b"), report(0, "a")])
            .await;
        assert_eq!(desk.orphans(0).await, 1);
        desk.window_over().await;
        assert_eq!(
            (desk.orphans(0).await, desk.state(one, 0).await.as_str()),
            (0, "delivered R")
        );
        assert_eq!(desk.state(two, 0).await, "unconfirmed");
    })
    .await;
}

#[tokio::test]
async fn a_submit_time_that_does_not_fit_keeps_the_orphan_waiting_but_whole_hours_do_not_matter() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(2, 1, Hold).await;
        desk.claim(lane, 2).await;
        desk.commit([doubt(lane, 0, 0), doubt(lane, 1, 0)]).await;
        desk.commit([report_at(
            0,
            "a",
            "2306010950",
            ReportStatus::Delivered,
            mobile(),
        )])
        .await;
        desk.commit([report_at(
            1,
            "b",
            "2306010132",
            ReportStatus::Delivered,
            mobile(),
        )])
        .await;
        assert_eq!(
            (desk.orphans(0).await, desk.state(lane, 0).await.as_str()),
            (1, "in_doubt")
        );
        assert_eq!(desk.state(lane, 1).await, "delivered R");
    })
    .await;
}

#[tokio::test]
async fn a_long_message_is_adopted_only_when_as_many_ids_as_doubtful_parts_have_come() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(1, 2, Hold).await;
        desk.claim(lane, 1).await;
        desk.commit([doubt(lane, 0, 0), doubt(lane, 0, 1), report(0, "a")])
            .await;
        desk.commit([report(0, "a")]).await;
        assert_eq!(
            (desk.orphans(0).await, desk.state(lane, 0).await.as_str()),
            (1, "in_doubt")
        );
        desk.commit([report(0, "b")]).await;
        assert_eq!(
            (desk.orphans(0).await, desk.state(lane, 0).await.as_str()),
            (0, "delivered R")
        );
    })
    .await;
}

#[tokio::test]
async fn a_settled_doubt_lets_the_remaining_parts_go_and_an_ended_lane_lets_them_not() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(3, 3, Hold).await;
        desk.claim(lane, 3).await;
        desk.commit([doubt(lane, 0, 0), doubt(lane, 1, 0), doubt(lane, 2, 0)])
            .await;
        desk.commit([late(lane, 0, 0, Change::Accepted { id: "a".into() })])
            .await;
        let grant = granted(
            desk.commit([claim(lane, Take::Requeued(0), 5, mobile())])
                .await,
        );
        assert_eq!(
            (grant.claim.part, grant.claim.attempt, grant.items.len()),
            (1, 1, 1)
        );
        desk.commit([late(lane, 1, 0, Change::Refused { code: "9".into() })])
            .await;
        assert_eq!(desk.state(lane, 1).await, "rejected 9");
        desk.commit([Op::End(lane, "person".into())]).await;
        desk.commit([late(lane, 2, 0, Change::Accepted { id: "c".into() })])
            .await;
        assert_eq!(desk.state(lane, 2).await, "undelivered partial:too_late");
    })
    .await;
}

#[tokio::test]
async fn an_opt_out_between_freezing_and_claiming_counts_also_from_another_process() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(4, 1, Hold).await;
        desk.commit([opts_out(0)]).await;
        let mut tx = desk.store.begin("other").await.unwrap();
        let row = NewSuppression {
            phone: phone(1),
            reason: "opt_out".into(),
            source: "person".into(),
            salt: vec![0; 16],
            at: Micros(1),
        };
        tx.suppress(row).await.unwrap();
        tx.commit().await.unwrap();
        // And one in the very commit of the claim.
        let grant = granted(
            desk.commit([opts_out(2), claim(lane, Take::Front, 4, mobile())])
                .await,
        );
        assert_eq!(
            grant.items.iter().map(|i| i.position).collect::<Vec<_>>(),
            [3]
        );
        assert_eq!(desk.state(lane, 2).await, "suppressed opt_out");
        assert_eq!(
            (
                desk.day("2023-06-01", 2).await,
                desk.day("2023-06-01", 3).await > 0
            ),
            (0, desk.file().is_some())
        );
    })
    .await;
}

#[tokio::test]
async fn a_pause_before_the_claim_refuses_it_also_in_the_same_group() {
    on_each(async |mut desk| {
        let (run, lane) = desk.run(4, 1, Hold).await;
        desk.claim(lane, 1).await;
        let done = desk
            .commit([
                accepted(lane, 0, 0, "a"),
                claim(lane, Take::Front, 4, mobile()),
                intend(run, Intent::Paused),
            ])
            .await;
        assert!(is_refused(&done));
        let done = desk.commit([claim(lane, Take::Front, 4, mobile())]).await;
        assert!(is_refused(&done));
        desk.commit([intend(run, Intent::Go)]).await;
        assert_eq!(desk.claim(lane, 4).await.items.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn what_is_released_into_an_ended_lane_is_cancelled() {
    on_each(async |mut desk| {
        let (run, lane) = desk.run(4, 1, Hold).await;
        desk.claim(lane, 4).await;
        // Nothing stands before the front any more: the lane has ended all the same.
        desk.commit([
            release(lane, 0, 0),
            Op::End(lane, "person".into()),
            release(lane, 1, 0),
        ])
        .await;
        desk.commit([release(lane, 2, 0)]).await;
        for position in 0..3 {
            assert_eq!(desk.state(lane, position).await, "cancelled person");
        }
        let mut tx = desk.store.read("test").await.unwrap();
        assert!(tx.requeued().await.unwrap().is_empty());
        assert_eq!(tx.run_counts(run).await.unwrap().submitting, 1);
    })
    .await;
}

#[tokio::test]
async fn a_wrong_network_goes_the_other_way_and_its_delivery_is_remembered() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(2, 1, Hold).await;
        desk.claim(lane, 2).await;
        desk.commit([released_to(lane, 0, 0, telecom())]).await;
        assert!(is_refused(
            &desk
                .commit([claim(lane, Take::Requeued(0), 5, mobile())])
                .await
        ));
        granted(
            desk.commit([claim(lane, Take::Requeued(0), 5, telecom())])
                .await,
        );
        let Op::Part(news) = accepted(lane, 0, 0, "t") else {
            unreachable!()
        };
        desk.commit([Op::Part(watchbell::engine::journal::PartChange {
            gateway: telecom(),
            ..news
        })])
        .await;
        desk.commit([report_at(
            0,
            "t",
            "2306010930",
            ReportStatus::Delivered,
            telecom(),
        )])
        .await;
        let row = desk.message(lane, 0).await;
        assert_eq!(
            (row.state.outcome, row.gateway),
            (Some(Outcome::Delivered), Some(telecom()))
        );
        let mut tx = desk.store.read("test").await.unwrap();
        let known = tx.routing().await.unwrap();
        assert_eq!(known, [(phone(0), Carrier::Telecom)]);
    })
    .await;
}

#[tokio::test]
async fn places_of_the_day_are_taken_at_reserving_and_given_back_by_what_never_left() {
    on_each(async |mut desk| {
        let day = "2023-06-01";
        let (_, first) = desk.run(4, 1, Hold).await;
        desk.claim(first, 2).await;
        desk.commit([refused(first, 0, 0), accepted(first, 1, 0, "a")])
            .await;
        desk.commit([Op::End(first, "person".into())]).await;
        desk.commit([Op::GiveBack(first, 3)]).await;
        desk.commit([Op::GiveBack(first, 2), Op::GiveBack(first, 2)])
            .await;
        let left = if desk.file().is_some() {
            [0, 1, 0, 0]
        } else {
            [0; 4]
        };
        for (position, n) in (0..).zip(left) {
            assert_eq!(desk.day(day, position).await, n, "person {position}");
        }
        let (run, second) = desk.frozen(4, 1, Hold).await;
        desk.commit([reserve(second, 2, 1)]).await;
        desk.commit([reserve(second, 4, 1), reserve(second, 4, 1), Op::Open(run)])
            .await;
        assert_eq!(desk.state(second, 1).await, "suppressed daily_limit");
        assert_eq!(desk.claim(second, 4).await.items.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn an_outcome_of_the_same_group_keeps_its_message_out_of_the_claim() {
    on_each(async |mut desk| {
        let (_, first) = desk.run(2, 1, Hold).await;
        desk.claim(first, 2).await;
        let (run, second) = desk.frozen(2, 1, Hold).await;
        let done = desk
            .commit([
                Op::Open(run),
                reserve(second, 2, 1),
                claim(second, Take::Front, 2, mobile()),
            ])
            .await;
        assert!(
            granted(done).items.is_empty(),
            "both have had their message of the day"
        );
        assert_eq!(desk.state(second, 0).await, "suppressed daily_limit");
    })
    .await;
}

#[tokio::test]
async fn an_id_given_a_second_time_means_the_newer_message_and_the_older_one_ends_unconfirmed() {
    on_each(async |mut desk| {
        let (run, one) = desk.run(1, 1, Hold).await;
        let (_, two) = desk.run(1, 1, Hold).await;
        desk.claim(one, 1).await;
        desk.claim(two, 1).await;
        desk.commit([accepted(one, 0, 0, "a")]).await;
        desk.later(60);
        desk.commit([accepted(two, 0, 0, "a")]).await;
        desk.commit([report(0, "a")]).await;
        assert_eq!(
            (
                desk.state(one, 0).await.as_str(),
                desk.state(two, 0).await.as_str()
            ),
            ("submitted", "delivered R")
        );
        desk.window_over().await;
        assert_eq!(desk.state(one, 0).await, "unconfirmed");
        desk.commit([Op::CloseRun(run)]).await;
        assert!(
            desk.store
                .read("test")
                .await
                .unwrap()
                .run(run)
                .await
                .unwrap()
                .closed
                .is_some()
        );
    })
    .await;
}

#[tokio::test]
async fn one_id_for_both_parts_in_one_group_stops_nothing() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(1, 2, Hold).await;
        desk.claim(lane, 1).await;
        desk.commit([
            accepted(lane, 0, 0, "0"),
            accepted(lane, 0, 0, "0"),
            accepted(lane, 0, 1, "0"),
        ])
        .await;
        desk.commit([report(0, "0"), report(0, "0")]).await;
        desk.window_over().await;
        assert_eq!(desk.state(lane, 0).await, "unconfirmed");
    })
    .await;
}

#[tokio::test]
async fn a_message_stopped_after_its_first_part_was_delivered_reads_back_as_it_was() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(2, 2, Hold).await;
        desk.claim(lane, 2).await;
        desk.commit([
            accepted(lane, 0, 0, "a"),
            report(0, "a"),
            accepted(lane, 1, 0, "b"),
        ])
        .await;
        desk.commit([
            Op::End(lane, "person".into()),
            release(lane, 0, 1),
            release(lane, 1, 1),
        ])
        .await;
        // The claim is open still: a crash here must not put a settled message in doubt.
        desk.crash().await;
        desk.commit([report(0, "a"), report(1, "b")]).await;
        assert_eq!(desk.state(lane, 0).await, "undelivered partial:person");
        assert_eq!(desk.state(lane, 1).await, "undelivered partial:person");
    })
    .await;
}

#[tokio::test]
async fn a_part_whose_window_ended_while_another_was_in_doubt_does_not_stay_open_for_good() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(1, 2, Hold).await;
        desk.claim(lane, 1).await;
        let the_day_after = Micros(START.0 + 86_400_000_000);
        let second = asked(the_day_after, doubt(lane, 0, 1));
        desk.commit([accepted(lane, 0, 0, "a"), second]).await;
        desk.window_over().await;
        desk.commit([report_at(0, "b", "", ReportStatus::Delivered, mobile())])
            .await;
        assert_eq!(desk.state(lane, 0).await, "submitted");
        desk.window_over().await;
        assert_eq!(desk.state(lane, 0).await, "unconfirmed");
    })
    .await;
}

#[tokio::test]
async fn after_a_crash_each_part_that_may_have_left_is_in_doubt_and_none_goes_again() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(2, 3, Hold).await;
        desk.claim(lane, 2).await;
        desk.commit([accepted(lane, 1, 0, "k")]).await;
        // The first part's yes was heard and the second one written; neither had been committed.
        let found = desk.crash().await;
        assert_eq!((found.claims, found.doubts), (1, 2));
        let again = async |desk: &Desk| {
            let tx = desk.store.read("test").await.unwrap();
            { tx }.requeued_of(lane).await.unwrap().len()
        };
        for id in ["a", "b"] {
            desk.commit([report(0, id)]).await;
            assert_eq!(desk.state(lane, 0).await, "in_doubt");
            assert_eq!(again(&desk).await, 0, "the rest may have left, too");
        }
        desk.commit([report(0, "c")]).await;
        assert_eq!(desk.state(lane, 0).await, "delivered R");
        desk.commit([report(1, "k"), report(1, "l"), report(1, "m")])
            .await;
        assert_eq!(desk.state(lane, 1).await, "delivered R");
    })
    .await;
}

#[tokio::test]
async fn recovery_puts_in_doubt_by_the_newest_claim_and_gives_up_hope_for_old_answers() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(3, 1, Hold).await;
        desk.claim(lane, 3).await;
        desk.commit([doubt(lane, 2, 0), report(2, "c")]).await;
        desk.commit([released_to(lane, 0, 0, telecom())]).await;
        desk.commit([claim(lane, Take::Requeued(0), 1, telecom())])
            .await;
        let found = desk.crash().await;
        assert_eq!((found.claims, found.doubts), (2, 2));
        desk.commit([]).await;
        assert_eq!(
            desk.state(lane, 2).await,
            "delivered R",
            "its connection died with the process"
        );
        let mut tx = desk.store.read("test").await.unwrap();
        let doubts = tx
            .doubts_of_messages(&[MessageId::new(lane, 0)])
            .await
            .unwrap();
        assert_eq!(doubts[0].gateway, telecom());
        assert!(tx.claims().await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_message_whose_first_part_has_left_counts_as_left_while_it_waits() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(3, 2, Hold).await;
        desk.claim(lane, 2).await;
        desk.commit([
            accepted(lane, 0, 0, "a"),
            release(lane, 0, 1),
            release(lane, 1, 0),
        ])
        .await;
        assert_eq!(
            desk.store.read("test").await.unwrap().left().await.unwrap(),
            1
        );
    })
    .await;
}

#[tokio::test]
async fn an_engine_that_lost_its_lease_commits_nothing_more() {
    on_each(async |desk| {
        use watchbell::{
            engine::{journal::Recorder, lock::EngineLock},
            store::Backend,
        };
        let fenced = async |lock: &EngineLock| {
            let recorder = Recorder::open(
                desk.store.clone(),
                desk.clock.clone(),
                std::collections::HashMap::new(),
            );
            recorder.await.unwrap().fenced(lock)
        };
        // A container that is made anew has the host name and the process number of the one before.
        let take = async || EngineLock::try_take(&desk.store, "office-1").await.unwrap();
        let slept = take().await.unwrap();
        let mut late = fenced(&slept).await;
        assert!(take().await.is_none(), "two engines by one name");
        slept.give_back().await.unwrap();
        let lock = take().await.unwrap();
        let note = Op::Append(watchbell::domain::event::Event::Engine {
            node: "n".into(),
            act: "started".into(),
        });
        let late = late.commit(std::slice::from_ref(&note)).await;
        assert_eq!(late.is_ok(), desk.store.backend() == Backend::Sqlite);
        fenced(&lock).await.commit(&[note]).await.unwrap();
        lock.give_back().await.unwrap();
    })
    .await;
}

/// The statements of the hot path and the sweeps: SQLite must find each row by a key.
#[tokio::test]
async fn no_hot_statement_walks_through_messages_inflight_or_doubts() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", dir.path().join("w.db").display());
    let store = watchbell::store::Store::open(&url, watchbell::store::Limits::default())
        .await
        .unwrap();
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let sources = [
        include_str!("../../src/store/hot/sqlite.rs"),
        include_str!("../../src/store/hot.rs"),
    ]
    .map(statements);
    let mut seen = 0;
    for sql in sources.iter().flatten() {
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
                .fetch_all(&pool)
                .await
                .unwrap();
        for (_, _, _, step) in &plan {
            let scanned = step
                .strip_prefix("SCAN ")
                .and_then(|s| s.split(' ').next())
                .unwrap_or_default();
            let bare = !step.contains("INDEX") && !step.contains("VIRTUAL TABLE");
            let big = [
                "m",
                "message",
                "f",
                "inflight",
                "d",
                "doubt",
                "o",
                "orphan",
                "s",
                "segment",
                "day_count",
            ];
            let hopes = sql.contains("WHERE gone = 0");
            assert!(
                hopes || !(bare && big.contains(&scanned)),
                "{sql}\n{plan:?}"
            );
        }
        seen += 1;
    }
    assert!(seen > 20, "only {seen} statements were found");
    store.close().await;
}

/// The SQL texts in a source file.
fn statements(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for verb in ["\"SELECT", "\"INSERT", "\"UPDATE", "\"DELETE"] {
        for (at, _) in source.match_indices(verb) {
            let rest = &source[at + 1..];
            let mut end = 0;
            while let Some(quote) = rest[end..].find('"') {
                end += quote;
                if !rest[..end].ends_with('\\') {
                    break;
                }
                end += 1;
            }
            found.push(rest[..end].replace("\\\"", "\""));
        }
    }
    found
}
