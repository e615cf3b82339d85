//! Rows that fit nowhere: what a freezer that slept wrote into lanes that are gone, what somebody's hand has spoilt.
//! They stop nobody: not the freezer's successor, not the journal, not again at each start.

use watchbell::{
    domain::{
        id::{CampaignId, LaneId, MessageId, RunId},
        policy::{Late, OnDoubt::Hold},
        priority::Priority,
        text::Framing,
        time::Micros,
    },
    store::{Refusal, error::Error, hot::NewMessage, run::NewRun},
};

use crate::harness::journal::*;

fn message(lane: LaneId, position: i64) -> NewMessage {
    NewMessage {
        id: MessageId::new(lane, position),
        phone: phone(position),
        vals: String::new(),
        salt: [7; 16],
        carrier: "mobile",
        segments: 1,
        suppressed: None,
    }
}

/// A run of which nothing but its row has been made.
async fn half_made(desk: &Desk) -> RunId {
    let id = RunId::fresh();
    let mut tx = desk.store.begin("test").await.unwrap();
    let new = NewRun {
        id,
        campaign: CampaignId::fresh(),
        slot: Micros(1),
        priority: Priority::Normal,
        on_doubt: Hold,
        not_after: None,
        not_before: None,
        late: Late::Send,
    };
    tx.insert_run(&new, desk.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn a_freezer_that_slept_writes_nothing_into_what_was_cleared_away() {
    on_each(async |mut desk| {
        let run = half_made(&desk).await;
        let mut tx = desk.store.begin("test").await.unwrap();
        tx.must_be_half_made(run).await.unwrap();
        drop(tx);
        desk.later(2 * 3_600);
        assert_eq!(desk.crash().await.half_made, 1);
        let mut late = desk.store.begin("test").await.unwrap();
        let refused = late.must_be_half_made(run).await;
        assert!(
            matches!(refused, Err(Error::Refused(Refusal::RunClearedAway { .. }))),
            "{refused:?}"
        );
    })
    .await;
}

/// The other way round: what was finished while somebody went to clear it away stays whole.
#[tokio::test]
async fn what_was_frozen_meanwhile_is_not_cleared_away() {
    on_each(async |mut desk| {
        let (run, lane) = desk.frozen(5, 1, Hold).await;
        let mut tx = desk.store.begin("test").await.unwrap();
        assert_eq!(tx.drop_half_made(run, 100).await.unwrap(), 0);
        tx.commit().await.unwrap();
        let mut tx = desk.store.read("test").await.unwrap();
        let ids: Vec<_> = (0..5).map(|p| MessageId::new(lane, p)).collect();
        assert_eq!(tx.messages(&ids).await.unwrap().len(), 5);
        drop(tx);
        desk.verify().await;
    })
    .await;
}

/// While a chunk is written nobody clears the run away, and after it everything of it goes.
#[tokio::test]
async fn a_chunk_and_the_clearing_away_wait_for_each_other() {
    on_each(async |desk| {
        let run = half_made(&desk).await;
        let mut chunk = desk.store.begin("chunk").await.unwrap();
        chunk.must_be_half_made(run).await.unwrap();
        let lane = LaneId(900);
        let framing = Framing::Parts;
        chunk
            .insert_lane(lane, run, "mobile", "text", 0, framing)
            .await
            .unwrap();
        chunk.insert_messages(&[message(lane, 0)]).await.unwrap();
        let clears = tokio::spawn({
            let store = desk.store.clone();
            async move {
                let mut tx = store.begin("clear").await.unwrap();
                let mut gone = Vec::new();
                for _ in 0..2 {
                    gone.push(tx.drop_half_made(run, 100).await.unwrap());
                }
                tx.commit().await.unwrap();
                gone
            }
        });
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        chunk.commit().await.unwrap();
        assert_eq!(clears.await.unwrap(), [1, 0]);
        let mut tx = desk.store.read("test").await.unwrap();
        assert_eq!(
            tx.messages(&[MessageId::new(lane, 0)]).await.unwrap().len(),
            0
        );
    })
    .await;
}

#[tokio::test]
async fn a_report_for_a_message_without_a_lane_is_kept_and_somebody_hears_of_it() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(2, 1, Hold).await;
        // As a freezer of an older version left it.
        let nowhere = LaneId(lane.0 + 50);
        let mut tx = desk.store.begin("test").await.unwrap();
        tx.insert_messages(&[message(nowhere, 9)]).await.unwrap();
        tx.commit().await.unwrap();
        for turn in 0..2 {
            // The next start meets the same row.
            desk.restart().await;
            let ops = [report(9, "stray"), report(0, "unknown")];
            let done = desk.recorder.commit(&ops).await.unwrap();
            assert_eq!(done.acks.len(), 2, "turn {turn}");
            assert!(!done.strays.is_empty());
            assert_eq!(done.strays[0].table, "message");
            assert_eq!((desk.orphans(9).await, desk.orphans(0).await), (1, 1));
        }
    })
    .await;
}

/// Its sibling: a row that a hand has spoilt. The others of its group are written.
#[tokio::test]
async fn a_row_that_cannot_be_read_does_not_keep_the_others_from_being_written() {
    on_each(async |mut desk| {
        let (_, lane) = desk.run(3, 1, Hold).await;
        desk.claim(lane, 3).await;
        desk.commit([accepted(lane, 0, 0, "a"), accepted(lane, 1, 0, "b")])
            .await;
        desk.by_hand("UPDATE message SET segments = 999 WHERE carrier_id = 'a'")
            .await;
        let ops = [report(0, "a"), report(1, "b")];
        let done = desk.recorder.commit(&ops).await.unwrap();
        assert_eq!(done.strays.len(), 1);
        assert_eq!(desk.state(lane, 1).await, "delivered R");
    })
    .await;
}
