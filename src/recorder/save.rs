//! Writing a working set back: set statements in the order of their keys.

use std::collections::{HashMap, HashSet};

use super::work::{Place, Work};
use crate::{
    domain::{
        carrier::Carrier,
        event::Event,
        id::{GatewayId, MessageId},
        ledger::salted,
        message::Part,
    },
    store::{
        self, Tx,
        hot::{OrphanRow, SegmentRow},
    },
};

/// Where orphans wait after a commit: applied to the recorder's memory only once it is durable.
#[derive(Debug, Default)]
pub(super) struct OrphanPlaces {
    now_waiting: Vec<Place>,
    now_empty: Vec<Place>,
}

impl OrphanPlaces {
    pub(super) fn apply(self, places: &mut HashSet<Place>) {
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
        let dropped: Vec<_> = self
            .drop_doubts
            .drain()
            .map(|(m, part)| (m, i64::from(part)))
            .collect();
        tx.drop_doubts(&dropped).await?;
        let doubts: Vec<_> = self.put_doubts.drain().map(|(_, row)| row).collect();
        tx.put_doubts(&doubts).await?;
        for ((lane, outcome), by) in std::mem::take(&mut self.tally) {
            if by != 0 {
                tx.count(lane, outcome, by).await?;
            }
        }
        for (lane, by) in std::mem::take(&mut self.ahead) {
            if let Some(row) = self.lanes.get(&lane) {
                tx.advance_lane(lane, row.next, row.ahead + by).await?;
            }
        }
        for row in std::mem::take(&mut self.again) {
            tx.put_again(&row).await?;
        }
        for (lane, claim) in std::mem::take(&mut self.closed) {
            tx.drop_claim(lane, claim).await?;
        }
        let answered = std::mem::take(&mut self.answered);
        tx.lanes_answered(&answered, self.now).await?;
        tx.release_days(&std::mem::take(&mut self.days)).await?;
        for (phone, gateway) in std::mem::take(&mut self.evidence) {
            if let Some(carrier) = serves.get(&gateway) {
                tx.put_routing(&phone.expose(), carrier.as_str(), "delivery", self.now)
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
            rows.push(message.row.clone());
            if message.standing.parts.len() > 1 {
                segments.extend(
                    message
                        .standing
                        .parts
                        .iter()
                        .enumerate()
                        .map(|(k, part)| segment(*id, k, part)),
                );
            }
        }
        rows.sort_unstable_by_key(|r| r.id);
        tx.update_messages(&rows, self.now.0).await?;
        tx.put_segments(&segments).await
    }

    async fn save_orphans(&mut self, tx: &mut Tx) -> store::Result<OrphanPlaces> {
        let mut places = OrphanPlaces::default();
        let new = std::mem::take(&mut self.new_orphans);
        if !new.is_empty() {
            let first = tx.draw("orphan", new.len() as i64).await?;
            for (id, row) in (first..).zip(new) {
                let row = OrphanRow { id, ..row };
                let digest = hex::encode(salted(&row.salt, orphan_commitment(&row).as_bytes()));
                self.note(&Event::Orphan {
                    orphan: id,
                    gateway: GatewayId(row.gateway.clone()),
                    digest,
                });
                tx.insert_orphan(&row).await?;
            }
        }
        for row in std::mem::take(&mut self.settled_orphans) {
            tx.delete_orphan(row.id).await?;
        }
        for (place, rows) in &self.orphans {
            match rows.is_empty() {
                true => places.now_empty.push(place.clone()),
                false => places.now_waiting.push(place.clone()),
            }
        }
        Ok(places)
    }
}

/// What the ledger commits to of an orphan: one JSON array.
pub(crate) fn orphan_commitment(row: &OrphanRow) -> String {
    serde_json::json!([row.carrier_id, row.phone, row.verdict, row.code]).to_string()
}

fn segment(id: MessageId, k: usize, part: &Part) -> SegmentRow {
    let (state, carrier_id, code) = part.columns();
    SegmentRow {
        message_id: id.0,
        lane_id: id.lane().0,
        part: k as i64,
        state: state.to_owned(),
        carrier_id: carrier_id.to_owned(),
        code: code.to_owned(),
    }
}
