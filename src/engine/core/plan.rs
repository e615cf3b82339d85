//! What to claim next: the most urgent sendable lane first, never more than the free window or what
//! the rate lets out in the next moments.

use std::sync::Arc;

use super::{Action, Claim, ClaimRequest, Core, Flight, Gateway, Lane, Progress, Requested};
use crate::{
    domain::{
        event::Source,
        id::{GatewayId, LaneId, MessageId},
        message::Change,
        priority::Priority,
        template::Values,
        text::{Count, split},
        time::Micros,
    },
    gateway::{LinkNo, Part, Submit},
    recorder::{Grant, Item, Op, Take, is_due},
};

/// A claim is never more than what the rate lets out in this time: what a crash leaves in doubt.
const CLAIM_AHEAD_SECONDS: f64 = 0.2;

impl Gateway {
    /// Segments of at least this urgency that could be handed over beyond those granted already:
    /// by the free window, and by the rate. What is less urgent does not stand in the way, for the
    /// gateway lets the urgent overtake.
    fn room(&self, priority: Priority) -> usize {
        let ahead: usize = self.unwritten[..=priority as usize].iter().sum();
        let window = self.account.window * self.up.len();
        let free = window.saturating_sub(self.unanswered + ahead);
        let soon = ((self.pace * CLAIM_AHEAD_SECONDS) as usize).max(1);
        free.min(soon.saturating_sub(ahead))
    }

    /// Is it too early to ask for more? Claims of one or two messages each would cost a commit each.
    fn is_stocked(&self, priority: Priority, room: usize) -> bool {
        let ahead: usize = self.unwritten[..=priority as usize].iter().sum();
        priority != Priority::Urgent && ahead > room
    }

    pub(super) fn enter(&mut self, sequence: u32, flight: Flight) {
        self.unwritten[flight.priority as usize] += 1;
        self.flights.insert(sequence, flight);
    }
}

impl Core {
    /// Asks for claims wherever there is room and work.
    pub(super) fn plan(&mut self, now: Micros) {
        if self.halted {
            return;
        }
        let ids: Vec<_> = self.gateways.keys().cloned().collect();
        for id in ids {
            self.plan_gateway(now, &id);
        }
    }

    fn plan_gateway(&mut self, now: Micros, id: &GatewayId) {
        let Some(gateway) = self.gateways.get(id) else {
            return;
        };
        if gateway.requested.is_some() || gateway.up.is_empty() {
            return;
        }
        let Some((lane, take)) = self.choose(now, id) else {
            return;
        };
        let (lane_id, priority, stride) = (lane.id, lane.priority, lane.max_parts.max(1));
        let room = gateway.room(priority);
        if room == 0 || gateway.is_stocked(priority, room) {
            return;
        }
        let most = (room / stride as usize).max(1);
        let Some(gateway) = self.gateways.get_mut(id) else {
            return;
        };
        let first = gateway.sequence;
        gateway.sequence =
            first.wrapping_add(stride.wrapping_mul(u32::try_from(most).unwrap_or(u32::MAX)));
        gateway.requested = Some(Requested { priority });
        self.ops.push(Op::Claim(ClaimRequest {
            lane: lane_id,
            take,
            most: most as i64,
            gateway: id.clone(),
            node: self.node.clone(),
            first,
            stride,
        }));
    }

    /// The most urgent lane with something for this gateway; retries before fresh messages, older
    /// lanes before newer.
    fn choose(&self, now: Micros, id: &GatewayId) -> Option<(&Lane, Take)> {
        self.lanes
            .values()
            .filter(|lane| {
                !self.stale.contains(&lane.id) && lane.not_after.is_none_or(|t| t >= now)
            })
            .filter_map(|lane| Some((lane, takeable(lane, id, now)?)))
            .min_by_key(|(lane, _)| (lane.priority, lane.id))
    }

    /// A claim is durable: its messages go in line.
    pub(super) fn granted(&mut self, grant: &Grant) {
        let gateway_id = GatewayId(grant.claim.gateway.clone());
        let lane_id = LaneId(grant.claim.lane_id);
        let requested = self
            .gateways
            .get_mut(&gateway_id)
            .and_then(|g| g.requested.take());
        if let Some(lane) = self.lanes.get_mut(&lane_id) {
            lane.taken(grant);
        }
        if grant.items.is_empty() {
            return;
        }
        let Some(lane) = self.lanes.get(&lane_id).filter(|_| !self.halted).cloned() else {
            // Paused or halted while the claim was on its way: its messages go back at once.
            self.give_back_grant(grant, &gateway_id, lane_id);
            return;
        };
        let count = self
            .gateways
            .get(&gateway_id)
            .map_or(Count::Ucs2, |g| g.account.count);
        let claim = Claim {
            lane: lane_id,
            gateway: gateway_id.clone(),
            from: grant.claim.from,
            first: u32::try_from(grant.claim.first).unwrap_or(0),
            stride: u32::try_from(grant.claim.stride).unwrap_or(1),
            attempt: grant.claim.attempt,
            at: Micros(grant.claim.at_us),
            priority: requested.map_or(lane.priority, |r| r.priority),
            reference: reference(grant.part_ref, grant.claim.attempt),
            not_after: lane.not_after,
            rerouted: lane.gateway != gateway_id,
            open: grant
                .items
                .iter()
                .map(|item| (item.position, progress(&lane, item, count)))
                .collect(),
        };
        let part = u8::try_from(grant.claim.part).unwrap_or(0);
        self.claims.insert(grant.claim.id, claim);
        let mut batch = Vec::with_capacity(grant.items.len());
        for item in &grant.items {
            batch.extend(self.hand_over(grant.claim.id, item.position, part, None));
        }
        if !batch.is_empty() {
            self.out.push_back(Action::Submit(gateway_id, batch));
        }
    }

    fn give_back_grant(&mut self, grant: &Grant, gateway: &GatewayId, lane: LaneId) {
        let positions: Vec<_> = grant.items.iter().map(|i| i.position).collect();
        let part = u8::try_from(grant.claim.part).unwrap_or(0);
        self.release(
            lane,
            &positions,
            part,
            gateway,
            grant.claim.attempt,
            Micros(grant.claim.at_us),
        );
        self.ops.push(Op::Close(lane, grant.claim.id));
    }

    /// Makes the submit of one part and enters it into the gateway's book.
    pub(super) fn hand_over(
        &mut self,
        id: i64,
        position: i64,
        part: u8,
        link: Option<LinkNo>,
    ) -> Option<Submit> {
        let claim = self.claims.get(&id)?;
        let progress = claim.open.get(&position)?.clone();
        let message = MessageId::new(claim.lane, position);
        let Some(text) = progress.parts.get(usize::from(part)).cloned() else {
            // The text does not have the parts it was frozen with: not what was approved, so not sent.
            let reason = "text_differs".to_owned();
            self.news(
                id,
                message,
                part,
                Change::Suppressed { reason },
                Source::Watchbell,
                false,
            );
            self.settle(id, position);
            return None;
        };
        let offset = u32::try_from(position - claim.from).unwrap_or(0);
        let sequence = claim
            .first
            .wrapping_add(offset.wrapping_mul(claim.stride))
            .wrapping_add(u32::from(part));
        let submit = Submit {
            sequence,
            link,
            lane: claim.lane,
            priority: claim.priority,
            phone: progress.phone,
            text,
            part: Part {
                number: part + 1,
                total: u8::try_from(progress.parts.len()).unwrap_or(u8::MAX),
                reference: claim.reference,
            },
            valid_until: claim.not_after,
        };
        let flight = Flight {
            claim: id,
            message,
            part,
            priority: claim.priority,
            written: false,
            timed_out: false,
        };
        let gateway = claim.gateway.clone();
        self.gateways.get_mut(&gateway)?.enter(sequence, flight);
        Some(submit)
    }
}

impl Lane {
    /// A grant has taken from the front, or from the head of what waits again.
    fn taken(&mut self, grant: &Grant) {
        let (from, to) = (grant.claim.from, grant.claim.to);
        self.next = self.next.max(grant.next);
        for row in self
            .again
            .iter_mut()
            .filter(|a| from <= a.from && a.from < to)
        {
            row.from = to;
        }
        self.again.retain(|a| a.from < a.to);
    }
}

/// What of a lane this gateway may take now.
fn takeable(lane: &Lane, id: &GatewayId, now: Micros) -> Option<Take> {
    if let Some(row) = lane
        .again
        .iter()
        .find(|a| a.gateway == id.0 && is_due(a.due_us, now.0))
    {
        return Some(Take::Again(row.from));
    }
    (lane.gateway == *id && lane.next < lane.end).then_some(Take::Front)
}

/// The long messages' reference: the run's seven bits, and one that tells a repetition from the first.
fn reference(part_ref: i64, attempt: i64) -> u8 {
    let run = u8::try_from(part_ref & 0x7f).unwrap_or(0);
    run | if attempt > 1 { 0x80 } else { 0 }
}

/// A message's parts. Without placeholders they are the lane's own, split once a claim.
fn progress(lane: &Lane, item: &Item, count: Count) -> Progress {
    let values = Values::from_json(&item.vals).unwrap_or_default();
    let parts: Vec<String> = match lane.template.render(&values) {
        Ok(text) => {
            let mut parts: Vec<String> =
                split(&text, count).into_iter().map(str::to_owned).collect();
            if lane.written_from > 0 && parts[0].is_char_boundary(lane.written_from) {
                parts[0].drain(..lane.written_from);
            }
            parts
        }
        Err(_) => Vec::new(),
    };
    let parts = if parts.len() as i64 == item.segments {
        parts
    } else {
        Vec::new()
    };
    Progress {
        phone: item.phone,
        parts: Arc::from(parts),
    }
}
