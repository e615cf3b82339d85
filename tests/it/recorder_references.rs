//! The references of long messages: busy only as long as a phone may still join parts by them.

use watchbell::{
    domain::{
        id::{LaneId, RunId},
        policy::OnDoubt::Hold,
        priority::Priority::{self, Normal, Urgent},
    },
    engine::journal::{Committed, Op, Shortage, Take},
};

use crate::harness::journal::*;

/// As many as there are.
const ALL: u8 = 128;

impl Desk {
    /// Freezes and opens a run to the person at a position.
    async fn opened(
        &mut self,
        to: i64,
        parts: usize,
        priority: Priority,
    ) -> (RunId, LaneId, Committed) {
        let people = to..to + 1;
        let (run, lane) = self.frozen_to(people, parts, (Hold, priority)).await;
        let done = self
            .recorder
            .commit(&[reserve(lane, 1, 1_000), Op::Open(run)])
            .await
            .unwrap();
        (run, lane, done)
    }

    /// All references are used by long messages to the first person, sent and awaiting their reports.
    async fn all_used(&mut self) {
        for n in 0..ALL {
            let (_, lane, done) = self.opened(0, 2, Normal).await;
            assert_eq!(done.shortages, []);
            let ids = [format!("{n}a"), format!("{n}b")];
            let wish = [claim(lane, Take::Front, 1, mobile())];
            let grant = granted(self.recorder.commit(&wish).await.unwrap());
            let both = [
                accepted(lane, 0, 0, &ids[0]),
                accepted(lane, 0, 1, &ids[1]),
                Op::Close(lane, grant.claim.id),
            ];
            self.recorder.commit(&both).await.unwrap();
        }
    }

    /// The run's reference; none while it is shut.
    async fn reference(&self, run: RunId) -> Option<u8> {
        let mut tx = self.store.read("test").await.unwrap();
        let run = tx.run(run).await.unwrap();
        run.opened.map(|_| run.part_ref)
    }
}

#[tokio::test]
async fn what_only_awaits_reports_keeps_no_reference_for_longer_than_an_hour() {
    on_each(async |mut desk| {
        desk.all_used().await;
        desk.later(3_601);
        let (run, _, done) = desk.opened(0, 2, Normal).await;
        assert_eq!(
            (desk.reference(run).await, done.shortages),
            (Some(0), vec![])
        );
        desk.verify().await;
    })
    .await;
}

#[tokio::test]
async fn short_texts_and_people_who_got_no_other_need_no_free_reference() {
    on_each(async |mut desk| {
        desk.all_used().await;
        for (to, parts) in [(0, 1), (1, 2)] {
            let (run, _, done) = desk.opened(to, parts, Normal).await;
            assert!(desk.reference(run).await.is_some(), "{to} {parts}");
            assert_eq!(done.shortages, []);
        }
    })
    .await;
}

#[tokio::test]
async fn where_none_is_free_urgent_texts_go_at_once_others_in_ten_minutes_and_both_say_so() {
    on_each(async |mut desk| {
        desk.all_used().await;
        desk.later(60);
        let (urgent, _, done) = desk.opened(0, 2, Urgent).await;
        assert_eq!(done.shortages, [(urgent, Shortage::Reused)]);
        assert!(desk.reference(urgent).await.is_some());
        let (run, _, done) = desk.opened(0, 2, Normal).await;
        assert_eq!(done.shortages, [(run, Shortage::Waits)]);
        assert_eq!(desk.reference(run).await, None);
        desk.later(601);
        let done = desk.recorder.commit(&[Op::Open(run)]).await.unwrap();
        assert_eq!(done.shortages, [(run, Shortage::Reused)]);
        let (mine, other) = (desk.reference(run).await, desk.reference(urgent).await);
        assert!(mine.is_some() && mine != other, "{mine:?}, {other:?}");
        desk.verify().await;
    })
    .await;
}
