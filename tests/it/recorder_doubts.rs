//! Doubt in the journal: sent again once where the run says so, held where it does not.

use watchbell::{
    domain::policy::OnDoubt::{Hold, Resend},
    domain::{id::MessageId, message::Change},
    engine::journal::{Op, Take},
};

use crate::harness::journal::*;

#[tokio::test]
async fn doubt_is_sent_again_once_and_then_held() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(1, 2, Resend).await;
        desk.claim(lane, 1).await;
        desk.commit([accepted(lane, 0, 0, "a")]).await;
        desk.commit([doubt(lane, 0, 1)]).await;
        desk.commit([news(lane, 0, 1, Change::Resent)]).await;
        let grant = granted(
            desk.commit([claim(lane, Take::Requeued(0), 5, mobile())])
                .await,
        );
        assert_eq!((grant.claim.part, grant.claim.attempt), (0, 2));
        // A report of the first sending says nothing about the second.
        desk.commit([accepted(lane, 0, 0, "b"), report(0, "a")])
            .await;
        desk.commit([accepted(lane, 0, 1, "c")]).await;
        assert_eq!(desk.state(lane, 0).await, "submitted");
        desk.commit([report(0, "b"), report(0, "c")]).await;
        assert_eq!(desk.state(lane, 0).await, "delivered R");
    })
    .await;
}

#[tokio::test]
async fn a_refused_second_try_stays_in_doubt_and_the_run_is_done_all_the_same() {
    on_each(async |mut desk| {
        let (run, lane) = desk.run(1, 1, Resend).await;
        desk.claim(lane, 1).await;
        desk.commit([doubt(lane, 0, 0)]).await;
        desk.commit([resent(lane, 0)]).await;
        granted(
            desk.commit([claim(lane, Take::Requeued(0), 5, mobile())])
                .await,
        );
        desk.commit([Op::CloseRun(run)]).await;
        let closed = async |desk: &Desk| {
            let mut tx = desk.store.read("test").await.unwrap();
            tx.run(run).await.unwrap().closed.is_some()
        };
        assert!(!closed(&desk).await, "the second try is still on its way");
        let refused = Change::Refused { code: "6".into() };
        desk.commit([news(lane, 0, 0, refused)]).await;
        // The first may have reached the phone: nobody may claim that nothing left.
        assert_eq!(desk.state(lane, 0).await, "in_doubt rejected:6");
        desk.commit([Op::CloseRun(run)]).await;
        assert!(closed(&desk).await);
        desk.verify().await;
    })
    .await;
}

#[tokio::test]
async fn nothing_is_sent_again_whose_report_waits_as_an_orphan_or_whose_lane_is_over() {
    on_each(async |mut desk| {
        let (run, lane) = desk.run(2, 1, Resend).await;
        desk.claim(lane, 2).await;
        desk.commit([doubt(lane, 0, 0), doubt(lane, 1, 0), report(0, "a")])
            .await;
        desk.commit([resent(lane, 0)]).await;
        assert_eq!(desk.state(lane, 0).await, "delivered R");
        desk.commit([Op::End(lane, "person".into())]).await;
        desk.commit([resent(lane, 1)]).await;
        assert_eq!(desk.state(lane, 1).await, "in_doubt");
        let mut tx = desk.store.read("test").await.unwrap();
        assert_eq!(
            (
                tx.requeued().await.unwrap().len(),
                tx.has_doubt_in_grace(run).await.unwrap()
            ),
            (0, false)
        );
    })
    .await;
}

#[tokio::test]
async fn at_the_end_of_its_grace_a_doubt_is_looked_at_once_more_and_then_held() {
    on_each(async |mut desk| {
        let (run, lane) = desk.run(2, 1, Hold).await;
        desk.claim(lane, 2).await;
        desk.commit([doubt(lane, 0, 0), doubt(lane, 1, 0), report(0, "a")])
            .await;
        let grace = |p| Op::GraceExpired(MessageId::new(lane, p), 0);
        desk.commit([grace(0), grace(1), grace(1)]).await;
        assert_eq!(desk.state(lane, 0).await, "delivered R");
        assert_eq!(desk.state(lane, 1).await, "in_doubt");
        desk.commit([Op::CloseRun(run)]).await;
        let mut tx = desk.store.read("test").await.unwrap();
        assert!(tx.run(run).await.unwrap().closed.is_some());
        drop(tx);
        // A late word still counts.
        desk.commit([late(lane, 1, 0, Change::Accepted { id: "b".into() })])
            .await;
        assert_eq!(desk.state(lane, 1).await, "submitted");
    })
    .await;
}
