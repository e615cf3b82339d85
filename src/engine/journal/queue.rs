//! What goes back into the queue, and what ends it: released ranges, closed claims, ended lanes.

use super::work::Work;
use crate::{
    domain::{
        event::{Event, Source, Span},
        id::{ClaimId, LaneId},
        message::Change,
    },
    store::{self, Tx, lane::Requeued},
};

impl Work<'_> {
    /// Puts a range back, or cancels it when its lane has ended meanwhile.
    pub(super) async fn release(&mut self, tx: &mut Tx, range: &Requeued) -> store::Result<()> {
        let lane = self.lane(tx, range.span.lane).await?;
        let Some(reason) = lane.end_reason else {
            self.requeue(range.clone());
            return Ok(());
        };
        let change = Change::Cancelled { reason };
        for id in range.span.messages() {
            self.change(id, range.part, &change, Source::Watchbell);
        }
        Ok(())
    }

    pub(super) fn requeue(&mut self, range: Requeued) {
        self.note(&Event::Released {
            span: range.span,
            part: range.part,
            gateway: range.gateway.clone(),
            attempt: range.attempt,
            due: range.due,
        });
        let elsewhere = self
            .lanes
            .get(&range.span.lane)
            .is_some_and(|l| l.gateway.as_ref() != Some(&range.gateway));
        for id in range.span.messages() {
            if let Some(message) = self.messages.get_mut(&id) {
                let gateway = elsewhere.then(|| range.gateway.clone());
                if message.row.gateway != gateway {
                    message.row.gateway = gateway;
                    message.dirty = true;
                }
            }
        }
        self.requeued.push(range);
        self.done.requeued = true;
    }

    pub(super) fn close(&mut self, lane: LaneId, claim: ClaimId) {
        self.note(&Event::Closed { claim, lane });
        self.closed.push((lane, claim));
    }

    /// Ends a lane: what stands in front is cancelled as a range, the few requeued ones one by one.
    pub(super) async fn end(&mut self, tx: &mut Tx, id: LaneId, reason: &str) -> store::Result<()> {
        let lane = self.lane(tx, id).await?;
        if lane.end_reason.is_some() {
            return Ok(());
        }
        let mut waiting = tx.requeued_of(id).await?;
        for range in &waiting {
            tx.drop_requeued(id, range.span.from).await?;
        }
        // What was released in this very commit waits too.
        let (released, others) = std::mem::take(&mut self.requeued)
            .into_iter()
            .partition(|r| r.span.lane == id);
        self.requeued = others;
        waiting.extend::<Vec<_>>(released);
        self.note(&Event::Ended {
            span: Span {
                lane: id,
                from: lane.next,
                to: lane.end,
            },
            reason: reason.to_owned(),
        });
        let ids = waiting.iter().flat_map(|r| r.span.messages()).collect();
        self.load_messages(tx, ids).await?;
        let change = Change::Cancelled {
            reason: reason.to_owned(),
        };
        for range in waiting {
            for message in range.span.messages() {
                self.change(message, range.part, &change, Source::Watchbell);
            }
        }
        tx.end_lane(id, reason).await?;
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.end = lane.next;
            lane.end_reason = Some(reason.to_owned());
        }
        Ok(())
    }
}
