//! What goes back into the queue, and what ends it: released ranges, closed claims, ended lanes.

use super::{Release, work::Work};
use crate::{
    domain::{
        event::{Event, Source, Span},
        id::{LaneId, MessageId},
        message::Change,
    },
    store::{self, Tx, lane::AgainRow},
};

impl Work<'_> {
    /// Puts a range back, or cancels it when its lane has ended meanwhile.
    pub(super) async fn release(&mut self, tx: &mut Tx, release: &Release) -> store::Result<()> {
        let lane = self.lane(tx, release.span.lane).await?;
        if lane.end_reason.is_empty() {
            self.requeue(release);
        } else {
            for position in release.span.from..release.span.to {
                let id = MessageId::new(release.span.lane, position);
                let reason = lane.end_reason.clone();
                self.change(
                    id,
                    release.part,
                    &Change::Cancelled { reason },
                    Source::Watchbell,
                );
            }
        }
        Ok(())
    }

    pub(super) fn requeue(&mut self, release: &Release) {
        let span = release.span;
        self.note(&Event::Released {
            span,
            part: i64::from(release.part),
            gateway: release.gateway.clone(),
            attempt: release.attempt,
            due: release.due.0,
        });
        let elsewhere = self
            .lanes
            .get(&span.lane)
            .is_some_and(|l| l.gateway != release.gateway.0);
        for position in span.from..span.to {
            if let Some(message) = self.messages.get_mut(&MessageId::new(span.lane, position)) {
                let gateway = elsewhere.then(|| release.gateway.0.clone());
                if message.row.gateway != gateway {
                    message.row.gateway = gateway;
                    message.dirty = true;
                }
            }
        }
        self.again.push(AgainRow {
            lane_id: span.lane.0,
            from: span.from,
            to: span.to,
            part: i64::from(release.part),
            gateway: release.gateway.0.clone(),
            attempt: release.attempt,
            due_us: release.due.0,
        });
        self.done.requeued = true;
    }

    pub(super) fn close(&mut self, lane: LaneId, claim: i64) {
        self.note(&Event::Closed { claim, lane });
        self.closed.push((lane, claim));
    }

    /// Ends a lane: what stands in front is cancelled as a range, the few in `again` one by one.
    pub(super) async fn end(&mut self, tx: &mut Tx, id: LaneId, reason: &str) -> store::Result<()> {
        let lane = self.lane(tx, id).await?;
        if !lane.end_reason.is_empty() {
            return Ok(());
        }
        let mut waiting = tx.again_of(id).await?;
        for row in &waiting {
            tx.take_again(id, row.from).await?;
        }
        // What was released in this very commit waits too.
        let (released, others) = std::mem::take(&mut self.again)
            .into_iter()
            .partition(|a| a.lane_id == id.0);
        self.again = others;
        waiting.extend::<Vec<_>>(released);
        self.note(&Event::Ended {
            span: Span {
                lane: id,
                from: lane.next,
                to: lane.end,
            },
            reason: reason.to_owned(),
        });
        let ids = waiting
            .iter()
            .flat_map(|a| (a.from..a.to).map(|p| MessageId::new(id, p)))
            .collect();
        self.load_messages(tx, ids).await?;
        for row in waiting {
            for position in row.from..row.to {
                let change = Change::Cancelled {
                    reason: reason.to_owned(),
                };
                let part = u8::try_from(row.part).unwrap_or(0);
                self.change(
                    MessageId::new(id, position),
                    part,
                    &change,
                    Source::Watchbell,
                );
            }
        }
        tx.end_lane(id, reason).await?;
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.end = lane.next;
            lane.end_reason = reason.to_owned();
        }
        Ok(())
    }
}
