//! Whose report is it? Ids come again, and old reports come late: what came before a message was handed
//! over, or states another time, is never about that message.

use watchbell::{
    domain::{
        message::{Change, ReportStatus::Delivered, ReportStatus::Undelivered},
        policy::OnDoubt::{Hold, Resend},
    },
    engine::journal::Op,
};

use crate::harness::journal::*;

/// "Delivered", of a carrier that states this time.
fn says(id: &str, submit_time: &str) -> Op {
    report_at(0, id, submit_time, Delivered, mobile())
}

#[tokio::test]
async fn a_report_that_came_before_the_message_was_handed_over_never_settles_it() {
    on_each(async |mut desk| {
        desk.commit([says("a", "2306010930")]).await;
        desk.later(1);
        let now = desk.clock.now();
        let (_, lane) = desk.run(1, 1, Resend).await;
        desk.claim(lane, 1).await;
        desk.commit([asked(now, doubt(lane, 0, 0))]).await;
        assert_eq!(desk.state(lane, 0).await, "in_doubt");
        // So the run's policy acts.
        desk.commit([resent(lane, 0)]).await;
        assert_eq!(desk.state(lane, 0).await, "");
        assert_eq!(desk.orphans(0).await, 1);
        desk.verify().await;
    })
    .await;
}

#[tokio::test]
async fn a_report_that_states_a_time_years_ago_or_none_that_exists_never_settles_a_doubt() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(1, 1, Hold).await;
        desk.claim(lane, 1).await;
        desk.commit([doubt(lane, 0, 0)]).await;
        for (id, time) in [
            ("a", "0106010930"),
            ("b", "2305310929"),
            ("c", "2306020930"),
            ("d", "2399990930"),
        ] {
            desk.commit([says(id, time)]).await;
            assert_eq!(desk.state(lane, 0).await, "in_doubt", "{time}");
        }
        desk.commit([says("e", "2306010131")]).await;
        assert_eq!(desk.state(lane, 0).await, "delivered R");
        assert_eq!(desk.orphans(0).await, 4);
        desk.verify().await;
    })
    .await;
}

#[tokio::test]
async fn a_report_after_the_window_settles_nothing_and_one_that_waited_so_long_neither() {
    on_each(async |mut desk| {
        let (_, one) = desk.run(1, 1, Hold).await;
        let (_, two) = desk.run(1, 1, Hold).await;
        desk.claim(one, 1).await;
        desk.claim(two, 1).await;
        // Two doubts: the report of one of them waits.
        desk.commit([doubt(one, 0, 0), doubt(two, 0, 0), says("a", "")])
            .await;
        desk.later(74 * 3_600);
        let yes = Change::Accepted { id: "z".into() };
        desk.commit([late(two, 0, 0, yes)]).await;
        desk.commit([says("z", "")]).await;
        assert_eq!(desk.state(two, 0).await, "delivered R");
        assert_eq!(desk.state(one, 0).await, "in_doubt");
        desk.commit([says("b", "")]).await;
        assert_eq!(desk.state(one, 0).await, "in_doubt");
        assert_eq!(desk.orphans(0).await, 2);
        desk.verify().await;
    })
    .await;
}

#[tokio::test]
async fn an_id_that_comes_again_does_not_bring_the_old_report_with_it() {
    on_each(async |mut desk| {
        desk.commit([report_at(0, "0", "", Undelivered, mobile())])
            .await;
        desk.later(3_600);
        let now = desk.clock.now();
        let (_, lane) = desk.run(1, 1, Hold).await;
        desk.claim(lane, 1).await;
        desk.commit([asked(now, accepted(lane, 0, 0, "0"))]).await;
        assert_eq!(desk.state(lane, 0).await, "submitted");
        desk.commit([says("0", "")]).await;
        assert_eq!(desk.state(lane, 0).await, "delivered R");
        desk.verify().await;
    })
    .await;
}

#[tokio::test]
async fn a_report_word_for_word_as_an_old_one_is_a_new_one_once_something_was_handed_over() {
    on_each(async |mut desk| {
        desk.commit([says("0", ""), says("0", "")]).await;
        assert_eq!(desk.orphans(0).await, 1, "the carrier repeats itself");
        desk.later(60);
        let now = desk.clock.now();
        let (_, lane) = desk.run(1, 1, Hold).await;
        desk.claim(lane, 1).await;
        // Before its answer, and after it is in doubt.
        desk.commit([says("0", "")]).await;
        assert_eq!(desk.orphans(0).await, 2);
        desk.commit([asked(now, doubt(lane, 0, 0))]).await;
        assert_eq!(desk.state(lane, 0).await, "delivered R");
        assert_eq!(desk.orphans(0).await, 1);
        desk.verify().await;
    })
    .await;
}

#[tokio::test]
async fn a_report_about_an_older_message_is_not_told_of_the_one_that_took_over_its_id() {
    on_each(async |mut desk| {
        let (_, one) = desk.run(1, 1, Hold).await;
        desk.claim(one, 1).await;
        desk.commit([accepted(one, 0, 0, "7")]).await;
        desk.later(2 * 24 * 3_600);
        let (_, two) = desk.run(1, 1, Hold).await;
        desk.claim(two, 1).await;
        desk.commit([asked(desk.clock.now(), accepted(two, 0, 0, "7"))])
            .await;
        desk.commit([says("7", "2306010930")]).await;
        assert_eq!(desk.state(one, 0).await, "delivered R");
        assert_eq!(desk.state(two, 0).await, "submitted");
        desk.commit([says("7", "2306030930")]).await;
        assert_eq!(desk.state(two, 0).await, "delivered R");
        desk.verify().await;
    })
    .await;
}

#[tokio::test]
async fn a_message_long_over_is_not_delivered_by_a_report_that_bears_its_old_id() {
    on_each(async |mut desk| {
        let (run, one) = desk.run(1, 1, Hold).await;
        desk.claim(one, 1).await;
        desk.commit([accepted(one, 0, 0, "0")]).await;
        desk.window_over().await;
        desk.commit([Op::CloseRun(run)]).await;
        assert_eq!(desk.state(one, 0).await, "unconfirmed");
        desk.later(30 * 24 * 3_600);
        let (_, two) = desk.run(1, 1, Hold).await;
        desk.claim(two, 1).await;
        desk.commit([asked(desk.clock.now(), doubt(two, 0, 0))])
            .await;
        desk.commit([says("0", "")]).await;
        assert_eq!(desk.state(one, 0).await, "unconfirmed");
        assert_eq!(desk.state(two, 0).await, "delivered R");
        desk.verify().await;
    })
    .await;
}
