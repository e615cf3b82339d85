//! What to claim next: the most urgent sendable lane first, never more than the free window or what
//! the rate lets out in the next moments.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    ASK_AGAIN, Account, Action, Claim, ClaimRequest, Core, Flight, Gateway, Lane, Progress,
    Requested, Resting, requests::requests,
};
use crate::{
    config::RateUnit,
    domain::{
        event::Source,
        id::{ClaimId, GatewayId, LaneId, MessageId, Position},
        message::{Change, SuppressReason},
        priority::Priority,
        text::{Count, Framing, segments, split},
        time::Micros,
    },
    engine::journal::{Grant, Item, LONGEST_WAIT, Op, Rest, Take, is_due},
    gateway::{LinkNo, RequestId, SegmentPlace, Sharing, Submit},
};

/// A claim is never more than what the rate lets out in this time: what a crash leaves in doubt.
const CLAIM_AHEAD_SECONDS: f64 = 0.2;

impl Gateway {
    /// Units of at least this urgency that could be handed over beyond those granted already:
    /// by the free window, and by the rate. What is less urgent does not stand in the way, for the
    /// gateway lets the urgent overtake.
    fn room(&self, lane: &Lane, priority: Priority) -> usize {
        let ahead: usize = self.unwritten[..=priority as usize].iter().sum();
        let window = self.account.window * self.up.len() * self.account.shared_by(lane);
        let free = window.saturating_sub(self.unanswered + ahead);
        let soon = ((self.pace * CLAIM_AHEAD_SECONDS) as usize).max(1);
        free.min(soon.saturating_sub(ahead))
    }

    /// Does this lane wait for room in the quota?
    pub(super) fn rests(&self, lane: &Lane, now: Micros) -> bool {
        self.rests.iter().any(|(segments, rest)| {
            let is_as_long = lane.max_parts.max(1) >= *segments;
            let is_behind = rest.before.is_some_and(|before| lane.priority > before);
            (is_as_long || is_behind) && !is_due(rest.until, now)
        })
    }

    /// Is it too early to ask for more? Claims of one or two messages each would cost a commit each.
    fn is_stocked(&self, priority: Priority, room: usize) -> bool {
        let ahead: usize = self.unwritten[..=priority as usize].iter().sum();
        priority != Priority::Urgent && ahead > room
    }

    pub(super) fn enter(&mut self, sequence: u32, flight: Flight) {
        self.unwritten[flight.priority as usize] += flight.cost;
        self.flights.insert(sequence, flight);
    }
}

impl Resting {
    /// Never longer than a wait may last: what a quota leaves is asked again, for clocks are set back and forward.
    pub(super) fn new(now: Micros, rest: Rest, priority: Option<Priority>) -> Self {
        match rest {
            Rest::Soon => Self {
                until: now + ASK_AGAIN,
                before: priority,
            },
            Rest::Until(until) => Self {
                until: until.min(now + LONGEST_WAIT),
                before: None,
            },
        }
    }
}

impl Account {
    /// How many of a lane's messages may share a place in the window: with values of their own two people
    /// may have two texts.
    fn shared_by(&self, lane: &Lane) -> usize {
        match (self.framing, lane.template.names().is_empty()) {
            (Framing::Parts, true) => self.batch.max(1),
            (Framing::Parts, false) | (Framing::Whole, _) => 1,
        }
    }

    /// How many messages of a lane fit into so much room; one in any case.
    fn most(&self, lane: &Lane, room: usize) -> usize {
        let longest = usize::from(lane.max_parts.max(1));
        let most = match (self.framing, self.unit) {
            (Framing::Parts, _) | (Framing::Whole, RateUnit::Segments) => room / longest,
            // With values of their own two people may have two texts, and so two requests.
            (Framing::Whole, RateUnit::Requests) => match lane.template.names().is_empty() {
                true => room.saturating_mul(self.batch.max(1)),
                false => room,
            },
        };
        most.max(1)
    }

    /// Sequence numbers that a message takes at most.
    fn stride(&self, lane: &Lane) -> u32 {
        match self.framing {
            Framing::Parts => u32::from(lane.max_parts.max(1)),
            Framing::Whole => 1,
        }
    }
}

impl Core {
    /// Asks for claims wherever there is room and work.
    pub(super) fn plan(&mut self, now: Micros) {
        self.give_up_old(now);
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
        if gateway.up.is_empty() {
            return;
        }
        let asked = gateway.requested.is_some();
        if !self.replays.is_empty() {
            self.replay_all(id);
        }
        let Some(gateway) = self.gateways.get(id).filter(|_| !asked) else {
            return;
        };
        let Some((lane, take)) = self.choose(now, id) else {
            return;
        };
        let (lane_id, priority) = (lane.id, lane.priority);
        let room = gateway.room(lane, priority);
        if room == 0 || gateway.is_stocked(priority, room) {
            return;
        }
        let most = gateway.account.most(lane, room);
        let stride = gateway.account.stride(lane);
        let batch = match gateway.account.framing {
            Framing::Parts => 1,
            Framing::Whole => gateway.account.batch.max(1) as i64,
        };
        let span = stride.wrapping_mul(u32::try_from(most).unwrap_or(u32::MAX));
        let first = self.free_sequences(id, gateway.sequence, span);
        let Some(gateway) = self.gateways.get_mut(id) else {
            return;
        };
        gateway.sequence = first.wrapping_add(span);
        gateway.requested = Some(Requested { priority });
        self.ops.push(Op::Claim(ClaimRequest {
            lane: lane_id,
            take,
            most: most as i64,
            gateway: id.clone(),
            node: self.node.clone(),
            first,
            stride,
            batch,
        }));
    }

    /// The most urgent lane with something for this gateway; retries before fresh messages, older
    /// lanes before newer.
    fn choose(&self, now: Micros, id: &GatewayId) -> Option<(&Lane, Take)> {
        self.lanes
            .values()
            .filter(|lane| {
                !self.stale.contains(&lane.id)
                    && lane.not_after.is_none_or(|t| t >= now)
                    && self.gateways.get(id).is_some_and(|g| !g.rests(lane, now))
            })
            .filter_map(|lane| Some((lane, claimable(lane, id, now)?)))
            .min_by_key(|(lane, _)| (lane.priority, lane.id))
    }

    /// A claim is durable: its messages go in line.
    pub(super) fn granted(&mut self, grant: &Grant) {
        let gateway_id = grant.claim.gateway.clone();
        let lane_id = grant.claim.span.lane;
        let requested = self
            .gateways
            .get_mut(&gateway_id)
            .and_then(|g| g.requested.take());
        if let Some(lane) = self.lanes.get_mut(&lane_id) {
            lane.apply_grant(grant);
        }
        if grant.items.is_empty() {
            return;
        }
        let Some(lane) = self.lanes.get(&lane_id).filter(|_| !self.halted).cloned() else {
            // Paused or halted while the claim was on its way: its messages go back at once.
            self.give_back_grant(grant, &gateway_id, lane_id);
            return;
        };
        let (count, framing) = self
            .gateways
            .get(&gateway_id)
            .map_or((Count::Ucs2, Framing::Parts), |g| {
                (g.account.count, g.account.framing)
            });
        let all: Vec<(Position, Progress)> = grant
            .items
            .iter()
            .map(|item| (item.position, progress(&lane, item, count, framing)))
            .collect();
        let priority = requested.map_or(lane.priority, |r| r.priority);
        let claim = Claim {
            open: all.iter().cloned().collect(),
            ..Claim::of(grant, &lane, priority)
        };
        self.claims.insert(grant.claim.id, claim);
        if framing == Framing::Whole {
            return self.hand_over_whole(grant.claim.id, &all, grant, None);
        }
        let mut batch = Vec::with_capacity(grant.items.len());
        for item in &grant.items {
            batch.extend(self.hand_over(grant.claim.id, item.position, grant.claim.part, None));
        }
        if !batch.is_empty() {
            self.out.push_back(Action::Submit(gateway_id, batch));
        }
    }

    fn give_back_grant(&mut self, grant: &Grant, gateway: &GatewayId, lane: LaneId) {
        let positions: Vec<_> = grant.items.iter().map(|i| i.position).collect();
        let claim = &grant.claim;
        self.release(
            lane,
            &positions,
            claim.part,
            gateway,
            claim.attempt,
            claim.at,
        );
        self.ops.push(Op::Close(lane, grant.claim.id));
    }

    /// Makes the submit of one part and enters it into the gateway's book.
    pub(super) fn hand_over(
        &mut self,
        id: ClaimId,
        position: Position,
        part: u8,
        link: Option<LinkNo>,
    ) -> Option<Submit> {
        let claim = self.claims.get(&id)?;
        let progress = claim.open.get(&position)?.clone();
        let message = MessageId::new(claim.lane, position);
        let Some(text) = progress.parts.get(usize::from(part)).cloned() else {
            self.text_differs(id, message, part);
            return None;
        };
        let sequence = claim.sequence(position, part);
        let submit = Submit {
            sequence,
            link,
            lane: claim.lane,
            priority: claim.priority,
            phone: progress.phone,
            text,
            part: SegmentPlace {
                number: part + 1,
                total: u8::try_from(progress.parts.len()).unwrap_or(u8::MAX),
                reference: claim.reference,
            },
            segments: 1,
            valid_until: claim.not_after,
            request: RequestId {
                claim: id,
                position,
                asked: claim.at,
                repeat: false,
            },
            sharing: Sharing::default(),
        };
        let flight = Flight {
            claim: id,
            message,
            part,
            priority: claim.priority,
            written: false,
            timed_out: false,
            cost: 1,
            replayed: false,
        };
        let gateway = claim.gateway.clone();
        self.gateways.get_mut(&gateway)?.enter(sequence, flight);
        Some(submit)
    }

    /// The text is not what was frozen and approved, so it is not sent.
    fn text_differs(&mut self, claim: ClaimId, message: MessageId, part: u8) {
        let change = Change::Suppressed {
            reason: SuppressReason::TextDiffers,
        };
        self.record(claim, message, part, change, Source::Watchbell);
        self.settle(claim, message.position());
    }

    /// Makes the requests of a claim whose messages go as whole texts, several numbers in each. Of a
    /// replayed claim those without an open message are left out; the others are what they were, unless one of
    /// their numbers has gone another way: then they are in doubt.
    pub(super) fn hand_over_whole(
        &mut self,
        id: ClaimId,
        all: &[(Position, Progress)],
        grant: &Grant,
        gone: Option<&BTreeSet<Position>>,
    ) {
        let (good, bad): (Vec<_>, Vec<_>) = all.iter().partition(|(_, p)| !p.parts.is_empty());
        let lane = grant.claim.span.lane;
        for (position, _) in bad {
            self.text_differs(id, MessageId::new(lane, *position), 0);
        }
        let texts: Vec<_> = good
            .iter()
            .map(|(_, p)| (p.phone, p.parts[0].as_str()))
            .collect();
        let mut batch = Vec::with_capacity(good.len());
        for places in requests(&texts, usize::try_from(grant.claim.batch).unwrap_or(1)) {
            let members: Vec<&(Position, Progress)> =
                places.iter().map(|place| good[*place]).collect();
            let lost = gone.is_some_and(|gone| members.iter().any(|m| gone.contains(&m.0)));
            if lost {
                self.doubt_all(id, lane, &members);
            } else {
                batch.extend(self.hand_over_request(id, &members, gone.is_some()));
            }
        }
        if !batch.is_empty() {
            let gateway = grant.claim.gateway.clone();
            self.out.push_back(Action::Submit(gateway, batch));
        }
    }

    fn doubt_all(&mut self, id: ClaimId, lane: LaneId, members: &[&(Position, Progress)]) {
        for (position, _) in members {
            let message = MessageId::new(lane, *position);
            self.record(id, message, 0, Change::Doubt { id: None }, Source::Gateway);
            self.settle(id, *position);
        }
    }

    fn hand_over_request(
        &mut self,
        id: ClaimId,
        members: &[&(Position, Progress)],
        replayed: bool,
    ) -> Vec<Submit> {
        let Some(claim) = self.claims.get(&id) else {
            return Vec::new();
        };
        let is_open = |position: &i64| claim.open.contains_key(position);
        let Some(gateway) = self
            .gateways
            .get_mut(&claim.gateway)
            .filter(|_| members.iter().any(|(position, _)| is_open(position)))
        else {
            return Vec::new();
        };
        let request = RequestId {
            claim: id,
            position: members[0].0,
            asked: claim.at,
            repeat: replayed,
        };
        let mut batch = Vec::with_capacity(members.len());
        let mut first = true;
        for (position, progress) in members {
            let sequence = claim.sequence(*position, 0);
            if is_open(position) {
                let cost = match gateway.account.unit {
                    RateUnit::Segments => progress.segments,
                    RateUnit::Requests => usize::from(first),
                };
                first = false;
                let flight = Flight {
                    claim: id,
                    message: MessageId::new(claim.lane, *position),
                    part: 0,
                    priority: claim.priority,
                    written: false,
                    timed_out: false,
                    cost,
                    replayed,
                };
                gateway.enter(sequence, flight);
            }
            batch.push(Submit {
                sequence,
                link: None,
                lane: claim.lane,
                priority: claim.priority,
                phone: progress.phone,
                text: progress.parts[0].clone(),
                part: SegmentPlace {
                    number: 1,
                    total: 1,
                    reference: claim.reference,
                },
                segments: u8::try_from(progress.segments).unwrap_or(u8::MAX),
                valid_until: claim.not_after,
                request,
                sharing: Sharing::default(),
            });
        }
        batch
    }
}

impl Claim {
    /// A claim of this lane, as granted, with nothing open yet.
    pub(super) fn of(grant: &Grant, lane: &Lane, priority: Priority) -> Self {
        let claim = &grant.claim;
        Self {
            lane: lane.id,
            rerouted: lane.gateway != claim.gateway,
            gateway: claim.gateway.clone(),
            span: claim.span,
            first: claim.first,
            stride: claim.stride,
            attempt: claim.attempt,
            at: claim.at,
            priority,
            reference: reference(grant.part_ref, claim.attempt),
            not_after: lane.not_after,
            open: HashMap::new(),
        }
    }

    /// The wire's number of a part, from 0, of the message at a position.
    pub(super) fn sequence(&self, position: Position, part: u8) -> u32 {
        wire_number(self.first, self.stride, position - self.span.from, part)
    }
}

/// The wire's number of a part, so many positions behind a claim's first: a crash leaves nothing to guess.
pub(in crate::engine) fn wire_number(first: u32, stride: u32, offset: i64, part: u8) -> u32 {
    let offset = u32::try_from(offset).unwrap_or(0);
    first
        .wrapping_add(offset.wrapping_mul(stride))
        .wrapping_add(u32::from(part))
}

impl Lane {
    /// A grant has taken from the front, or from the head of what waits again.
    fn apply_grant(&mut self, grant: &Grant) {
        let taken = grant.claim.span;
        self.next = self.next.max(grant.next);
        for range in &mut self.requeued {
            if taken.positions().contains(&range.span.from) {
                range.span.from = taken.to;
            }
        }
        self.requeued.retain(|r| !r.span.is_empty());
    }
}

/// What of a lane this gateway may take now.
fn claimable(lane: &Lane, id: &GatewayId, now: Micros) -> Option<Take> {
    let mut waiting = lane.requeued.iter();
    if let Some(range) = waiting.find(|r| r.gateway == *id && is_due(r.due, now)) {
        return Some(Take::Requeued(range.span.from));
    }
    (lane.gateway == *id && lane.next < lane.end).then_some(Take::Front)
}

/// The long messages' reference: the run's seven bits, and one that tells a repetition from the first.
fn reference(part_ref: u8, attempt: i64) -> u8 {
    (part_ref & 0x7f) | if attempt > 1 { 0x80 } else { 0 }
}

/// A message as it goes to the wire: cut into parts, or whole.
pub(super) fn progress(lane: &Lane, item: &Item, count: Count, framing: Framing) -> Progress {
    let (mut parts, counted): (Vec<String>, usize) = match lane.template.render(&item.values) {
        Ok(text) => match framing {
            Framing::Parts => {
                let parts: Vec<_> = split(&text, count).into_iter().map(str::to_owned).collect();
                let counted = parts.len();
                (parts, counted)
            }
            Framing::Whole => {
                let counted = segments(&text, count);
                (vec![text], counted)
            }
        },
        Err(_) => (Vec::new(), 0),
    };
    if counted != usize::from(item.segments) {
        parts.clear();
    }
    if let Some(first) = parts.first_mut()
        && first.is_char_boundary(lane.written_from)
    {
        first.drain(..lane.written_from);
    }
    Progress {
        phone: item.phone,
        parts: Arc::from(parts),
        segments: counted,
    }
}
