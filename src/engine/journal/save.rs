//! Writing a working set back: set statements in the order of their keys.

use std::collections::HashMap;

use super::work::{Place, Work};
use crate::{
    domain::{
        carrier::Carrier,
        event::Event,
        id::{GatewayId, OrphanId},
        ledger::salted,
        time::Micros,
    },
    store::{
        self, Tx,
        hot::{MessageRecord, Segment},
    },
    telemetry::OUTCOMES,
};

/// Where orphans wait after a commit: applied to the recorder's memory only once it is durable.
#[derive(Debug, Default)]
pub(super) struct OrphanPlaces {
    /// With the time of the newest one.
    now_waiting: Vec<(Place, Micros)>,
    now_empty: Vec<Place>,
}

impl OrphanPlaces {
    pub(super) fn apply(self, places: &mut HashMap<Place, Micros>) {
        for place in &self.now_empty {
            places.remove(place);
        }
        places.extend(self.now_waiting);
    }
}

impl Work<'_> {
    pub(super) async fn save(
        &mut self,
        tx: &mut Tx,
        serves: &HashMap<GatewayId, Carrier>,
    ) -> store::Result<OrphanPlaces> {
        self.save_messages(tx).await?;
        tx.drop_inflight(&std::mem::take(&mut self.drop_inflight))
            .await?;
        tx.put_inflight(&std::mem::take(&mut self.new_inflight))
            .await?;
        let dropped: Vec<_> = self.drop_doubts.drain().collect();
        tx.drop_doubts(&dropped).await?;
        let doubts: Vec<_> = self.put_doubts.drain().map(|(_, row)| row).collect();
        tx.put_doubts(&doubts).await?;
        for ((lane, outcome), by) in std::mem::take(&mut self.tally) {
            if let Ok(more @ 1..) = u64::try_from(by) {
                OUTCOMES.add(&[("outcome", outcome.as_str())], more);
            }
            if by != 0 {
                tx.count(lane, outcome, by).await?;
            }
        }
        for (lane, by) in std::mem::take(&mut self.ahead) {
            if let Some(row) = self.lanes.get(&lane) {
                tx.advance_lane(lane, row.next, row.ahead + by).await?;
            }
        }
        for range in std::mem::take(&mut self.requeued) {
            tx.put_requeued(&range).await?;
        }
        for (lane, claim) in std::mem::take(&mut self.closed) {
            tx.drop_claim(lane, claim).await?;
        }
        let answered = std::mem::take(&mut self.answered);
        tx.lanes_answered(&answered, self.now).await?;
        tx.release_days(&std::mem::take(&mut self.days)).await?;
        for (phone, gateway) in std::mem::take(&mut self.evidence) {
            if let Some(carrier) = serves.get(&gateway) {
                tx.put_routing(phone, *carrier, "delivery", self.now)
                    .await?;
            }
        }
        self.save_orphans(tx).await
    }

    async fn save_messages(&mut self, tx: &mut Tx) -> store::Result<()> {
        let mut rows = Vec::new();
        let mut segments = Vec::new();
        for (id, message) in &self.messages {
            if !message.dirty {
                continue;
            }
            let row = &message.row;
            rows.push(MessageRecord {
                id: *id,
                phone: row.phone,
                segments: row.segments,
                state: message.state.stored(),
                gateway: row.gateway.clone(),
                first_entry: row.first_entry,
                last_entry: row.last_entry,
            });
            let parts = message.state.stored_parts();
            segments.extend((0..).zip(parts).map(|(part, state)| Segment {
                message: *id,
                part,
                state,
            }));
        }
        rows.sort_unstable_by_key(|r| r.id);
        tx.update_messages(&rows, self.now).await?;
        tx.put_segments(&segments).await
    }

    async fn save_orphans(&mut self, tx: &mut Tx) -> store::Result<OrphanPlaces> {
        let mut places = OrphanPlaces::default();
        let new = std::mem::take(&mut self.new_orphans);
        if !new.is_empty() {
            let first = tx.draw("orphan", new.len() as i64).await?;
            for (id, orphan) in (first..).map(OrphanId).zip(new) {
                let digest = hex::encode(salted(&orphan.salt, orphan.commitment().as_bytes()));
                self.note(&Event::Orphan {
                    orphan: id,
                    gateway: orphan.gateway.clone(),
                    digest,
                });
                tx.insert_orphan(id, &orphan).await?;
            }
        }
        for id in std::mem::take(&mut self.settled_orphans) {
            tx.delete_orphan(id).await?;
        }
        for (place, rows) in &self.orphans {
            match rows.iter().map(|o| o.at).max() {
                None => places.now_empty.push(place.clone()),
                Some(newest) => places.now_waiting.push((place.clone(), newest)),
            }
        }
        Ok(places)
    }
}
