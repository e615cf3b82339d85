//! The journal as the core sees it, in memory: lanes, claims, what waits again, what became of whom.
//! It keeps the recorder's rules and checks what the core asks of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::*;
use crate::{
    domain::message::{MessageState, Part, SuppressReason},
    engine::journal::{Grant, Item, Rest, Take, is_due},
    store::lane::{self, Requeued},
};

pub(super) const TEXT: &str = "安全提醒((姓名))";

/// A lane as the database holds it.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "a row's columns")]
pub(super) struct Stored {
    pub(super) id: LaneId,
    pub(super) gateway: GatewayId,
    /// One part a message, however many segments.
    pub(super) whole: bool,
    pub(super) priority: Priority,
    pub(super) parts: Vec<u8>,
    pub(super) next: i64,
    pub(super) end: i64,
    pub(super) ended: bool,
    pub(super) paused: bool,
    pub(super) resends: bool,
    pub(super) not_after: Option<Micros>,
    pub(super) requeued: Vec<Requeued>,
}

#[derive(Debug)]
struct OpenClaim {
    row: lane::Claim,
    items: Vec<Item>,
    open: BTreeSet<i64>,
}

#[derive(Debug, Default)]
pub(super) struct Journal {
    pub(super) lanes: BTreeMap<LaneId, Stored>,
    pub(super) standings: HashMap<MessageId, MessageState>,
    pub(super) stopped: bool,
    /// Segments that a gateway may hand over; those without a limit are not in it.
    pub(super) quotas: HashMap<GatewayId, i64>,
    /// Segments that were taken, or may have been.
    used: HashMap<GatewayId, i64>,
    claims: BTreeMap<ClaimId, OpenClaim>,
    closed: BTreeSet<ClaimId>,
    last_claim: i64,
}

impl Journal {
    pub(super) fn add(&mut self, lane: Stored) {
        for (position, parts) in lane.parts.iter().enumerate() {
            let id = MessageId::new(lane.id, position as i64);
            let on_the_wire = if lane.whole { 1 } else { usize::from(*parts) };
            self.standings.insert(id, MessageState::fresh(on_the_wire));
        }
        self.lanes.insert(lane.id, lane);
    }

    /// What a look at the open lanes brings.
    pub(super) fn open_lanes(&self) -> Vec<Lane> {
        let busy: BTreeSet<_> = self.claims.values().map(|c| c.row.span.lane).collect();
        self.lanes
            .values()
            .filter(|l| {
                !l.paused && (l.next < l.end || !l.requeued.is_empty() || busy.contains(&l.id))
            })
            .map(|l| Lane {
                id: l.id,
                gateway: l.gateway.clone(),
                priority: l.priority,
                template: Arc::new(Template::parse(TEXT).expect("a good template")),
                written_from: 0,
                next: l.next,
                end: l.end,
                max_parts: l.parts.iter().copied().max().unwrap_or(1),
                not_after: l.not_after,
                requeued: l.requeued.clone(),
            })
            .collect()
    }

    /// Commits one group; answers the claims in it. `shun` says which messages are suppressed at claim.
    pub(super) fn commit(
        &mut self,
        now: Micros,
        ops: &[Op],
        shun: &mut impl FnMut() -> bool,
    ) -> Vec<Claimed> {
        for op in ops {
            match op {
                Op::Part(news) => self.part(now, news),
                Op::LateAnswer {
                    gateway,
                    message,
                    part,
                    change,
                    ..
                } => self.late(now, gateway, *message, *part, change),
                Op::Release(release) => self.release(release),
                Op::Close(lane, id) => self.close(*lane, *id),
                Op::Claim(_) | Op::Inbound { .. } => {}
                other => panic!("the core does not record {other:?}"),
            }
        }
        for claim in self.claims.values() {
            assert!(
                !claim.open.is_empty(),
                "claim {} is settled and still open",
                claim.row.id
            );
        }
        let requests = ops
            .iter()
            .filter_map(|op| if let Op::Claim(r) = op { Some(r) } else { None });
        requests.map(|r| self.claim(now, r, shun)).collect()
    }

    fn standing(&mut self, id: MessageId) -> &mut MessageState {
        self.standings.get_mut(&id).expect("the message exists")
    }

    /// The message is no longer the business of the claim that covers it.
    fn leave(&mut self, id: MessageId) {
        let holders: Vec<_> = self
            .claims
            .iter_mut()
            .filter(|(_, c)| c.row.span.lane == id.lane())
            .filter_map(|(n, c)| c.open.remove(&id.position()).then_some(*n))
            .collect();
        assert!(holders.len() <= 1, "{id} stands in claims {holders:?}");
    }

    fn part(&mut self, now: Micros, news: &PartChange) {
        let part = usize::from(news.part);
        if news.change == Change::Resent {
            if self.standing(news.message).parts[part].is_doubt() {
                self.standing(news.message)
                    .apply(part, &Change::Resent)
                    .expect("doubt may be sent again");
                self.wait(news.message, 0, news.gateway.clone(), 2, now);
            }
            return;
        }
        let was_doubt = self.standing(news.message).parts[part].is_doubt();
        let left = matches!(news.change, Change::Accepted { .. } | Change::Doubt { .. });
        if left && !was_doubt {
            let lane = &self.lanes[&news.message.lane()];
            let counted = lane.parts[news.message.position() as usize];
            let segments = if lane.whole { i64::from(counted) } else { 1 };
            *self.used.entry(news.gateway.clone()).or_default() += segments;
        }
        let changed = self.standing(news.message).apply(part, &news.change);
        changed.unwrap_or_else(|e| panic!("{}: {e}", news.message));
        if self.standing(news.message).outcome().is_some() {
            self.leave(news.message);
        }
    }

    fn late(&mut self, now: Micros, gateway: &GatewayId, id: MessageId, part: u8, change: &Change) {
        let k = usize::from(part);
        if !self.standing(id).parts[k].is_doubt() {
            return;
        }
        self.standing(id)
            .apply(k, change)
            .unwrap_or_else(|e| panic!("{id}: {e}"));
        let standing = self.standing(id).clone();
        let rest = standing.parts.iter().position(|p| *p == Part::Open);
        let (Some(rest), None) = (rest, standing.outcome()) else {
            return;
        };
        if self.lanes[&id.lane()].ended {
            self.cancel(id, rest);
        } else {
            self.wait(id, rest as u8, gateway.clone(), standing.attempt, now);
        }
    }

    fn cancel(&mut self, id: MessageId, part: usize) {
        let change = Change::Cancelled {
            reason: "person".into(),
        };
        self.standing(id)
            .apply(part, &change)
            .unwrap_or_else(|e| panic!("{id}: {e}"));
    }

    fn wait(&mut self, id: MessageId, part: u8, gateway: GatewayId, attempt: i64, due: Micros) {
        self.requeue(Requeued {
            span: Span::of(id),
            part,
            gateway,
            attempt,
            due,
        });
    }

    fn requeue(&mut self, range: Requeued) {
        let span = range.span;
        let lane = self.lanes.get_mut(&span.lane).expect("the lane exists");
        assert!(
            span.to <= lane.next,
            "what was never claimed can't wait again: {range:?}"
        );
        let apart = |r: &Requeued| r.span.to <= span.from || span.to <= r.span.from;
        assert!(lane.requeued.iter().all(apart), "{range:?} waits twice");
        lane.requeued.push(range);
        lane.requeued.sort_by_key(|r| r.due);
    }

    fn release(&mut self, r: &Requeued) {
        let lane = r.span.lane;
        for position in r.span.from..r.span.to {
            let id = MessageId::new(lane, position);
            assert_eq!(
                self.standing(id).outcome(),
                None,
                "{id} has an outcome and can't wait again"
            );
            let accepted = self
                .standing(id)
                .parts
                .iter()
                .take_while(|p| p.carrier_id().is_some())
                .count();
            assert_eq!(
                usize::from(r.part),
                accepted,
                "{id} goes on with its first part that has not left"
            );
            self.leave(id);
            if self.lanes[&lane].ended {
                self.cancel(id, usize::from(r.part));
            }
        }
        if !self.lanes[&lane].ended {
            self.requeue(r.clone());
        }
    }

    fn close(&mut self, lane: LaneId, id: ClaimId) {
        assert!(self.closed.insert(id), "claim {id} closes a second time");
        let claim = self.claims.remove(&id).expect("an open claim closes");
        assert_eq!(claim.row.span.lane, lane);
        assert!(
            claim.open.is_empty(),
            "claim {id} closes with {:?} unsettled",
            claim.open
        );
    }

    /// The reference of a lane's run.
    pub(super) fn part_ref(lane: LaneId) -> u8 {
        (lane.0 as u8).wrapping_mul(37) & 0x7f
    }

    /// Segments of a lane's longest message.
    fn longest(&self, lane: LaneId) -> i64 {
        i64::from(self.lanes[&lane].parts.iter().copied().max().unwrap_or(1))
    }

    /// What is claimed, if every message is as long as its lane's longest.
    fn claimed_segments(&self, gateway: &GatewayId) -> i64 {
        let claims = self.claims.values().filter(|c| c.row.gateway == *gateway);
        claims
            .map(|c| c.row.span.len() * self.longest(c.row.span.lane))
            .sum()
    }

    pub(super) fn no_quota_is_passed(&self) {
        for (gateway, quota) in &self.quotas {
            let used = self.used.get(gateway).copied().unwrap_or(0);
            assert!(used <= *quota, "{gateway}: {used} of {quota}");
        }
    }

    /// How many messages a quota lets be claimed, or how long to wait.
    #[expect(clippy::result_large_err, reason = "a test's")]
    fn quota(&self, now: Micros, r: &ClaimRequest) -> Result<i64, Claimed> {
        let Some(quota) = self.quotas.get(&r.gateway) else {
            return Ok(r.most);
        };
        let longest = self.longest(r.lane);
        let rest = quota - self.used.get(&r.gateway).copied().unwrap_or(0);
        let left = rest - self.claimed_segments(&r.gateway);
        if left >= longest {
            return Ok(r.most.min(left / longest));
        }
        Err(Claimed::Spent {
            lane: r.lane,
            gateway: r.gateway.clone(),
            segments: longest as u8,
            rest: match rest >= longest {
                true => Rest::Soon,
                false => Rest::Until(now.plus_secs(2)),
            },
        })
    }

    fn claim(&mut self, now: Micros, r: &ClaimRequest, shun: &mut impl FnMut() -> bool) -> Claimed {
        let refused = Claimed::Refused {
            lane: r.lane,
            gateway: r.gateway.clone(),
        };
        let stopped = self.stopped;
        let most = self.quota(now, r);
        let lane = self.lanes.get_mut(&r.lane).expect("the lane exists");
        if stopped || lane.paused || lane.not_after.is_some_and(|t| t < now) {
            return refused;
        }
        let most = match most {
            Ok(most) => most,
            Err(spent) => return spent,
        };
        let (from, to, part, attempt) = match r.take {
            Take::Front => {
                let (from, to) = (lane.next, (lane.next + most).min(lane.end));
                lane.next = lane.next.max(to);
                (from, to, 0, 1)
            }
            Take::Requeued(from) => {
                let fits = |w: &Requeued| {
                    w.span.from == from && is_due(w.due, now) && w.gateway == r.gateway
                };
                let Some(at) = lane.requeued.iter().position(fits) else {
                    return refused;
                };
                let range = lane.requeued.remove(at);
                let to = range.span.to.min(from + most);
                if to < range.span.to {
                    let mut rest = range.clone();
                    rest.span.from = to;
                    lane.requeued.insert(at, rest);
                }
                (from, to, range.part, range.attempt)
            }
        };
        if from >= to {
            return refused;
        }
        let (next, parts) = (lane.next, lane.parts.clone());
        self.last_claim += 1;
        let row = lane::Claim {
            id: ClaimId(self.last_claim),
            span: Span {
                lane: r.lane,
                from,
                to,
            },
            part,
            gateway: r.gateway.clone(),
            node: r.node.clone(),
            attempt,
            first: r.first,
            stride: r.stride,
            at: now,
            batch: r.batch,
            left_out: Vec::new(),
        };
        let mut items = Vec::new();
        for position in from..to {
            let id = MessageId::new(r.lane, position);
            assert_eq!(
                self.standing(id).outcome(),
                None,
                "{id} is claimed and has an outcome"
            );
            if shun() {
                let change = Change::Suppressed {
                    reason: SuppressReason::OptOut,
                };
                self.standing(id)
                    .apply(part as usize, &change)
                    .expect("nothing of this part has left");
                continue;
            }
            items.push(item(id, parts[position as usize]));
        }
        let open: BTreeSet<_> = items.iter().map(|i| i.position).collect();
        if !open.is_empty() {
            self.claims.insert(
                row.id,
                OpenClaim {
                    row: row.clone(),
                    items: items.clone(),
                    open,
                },
            );
        }
        Claimed::Granted(Grant {
            claim: row,
            items,
            next,
            part_ref: Self::part_ref(r.lane),
        })
    }

    /// Which open claim a sequence number belongs to, with position and part.
    pub(super) fn owner(&self, gateway: &GatewayId, sequence: u32) -> Option<(MessageId, u8)> {
        self.claims.values().find_map(|c| {
            let span = c.row.span.len() as u32 * c.row.stride;
            let offset = sequence.wrapping_sub(c.row.first);
            let position = c.row.span.from + i64::from(offset / c.row.stride);
            let mine = c.row.gateway == *gateway && offset < span && c.open.contains(&position);
            mine.then(|| {
                (
                    MessageId::new(c.row.span.lane, position),
                    (offset % c.row.stride) as u8,
                )
            })
        })
    }

    /// The message that a claim's sequence number belongs to, settled or not.
    pub(super) fn covered(&self, claim: ClaimId, sequence: u32) -> Option<MessageId> {
        let row = &self.claims.get(&claim)?.row;
        let offset = sequence.wrapping_sub(row.first) / row.stride;
        Some(MessageId::new(
            row.span.lane,
            row.span.from + i64::from(offset),
        ))
    }

    /// What recovery does after a crash: claims of gateways that know their requests by key may stay.
    pub(super) fn recover(
        &mut self,
        now: Micros,
        windows: &BTreeMap<GatewayId, i64>,
    ) -> Vec<ClaimReplay> {
        let mut replays = Vec::new();
        let all: Vec<_> = self
            .claims
            .iter()
            .map(|(id, c)| (*id, c.row.span.lane, c.open.clone()))
            .collect();
        for (id, claim) in std::mem::take(&mut self.claims) {
            let lane = &self.lanes[&claim.row.span.lane];
            let goes = !lane.paused && !lane.ended && lane.not_after.is_none_or(|t| t >= now);
            let until = windows
                .get(&claim.row.gateway)
                .map(|window| Micros(claim.row.at.0 + window));
            let others: BTreeSet<i64> = all
                .iter()
                .filter(|c| c.0 != id && c.1 == claim.row.span.lane)
                .flat_map(|c| c.2.iter().copied())
                .collect();
            let elsewhere = |item: &&Item| {
                let id = MessageId::new(claim.row.span.lane, item.position);
                let standing = &self.standings[&id];
                let p = item.position;
                standing.parts[0].is_doubt()
                    || standing.attempt != claim.row.attempt
                    || others.contains(&p)
                    || lane
                        .requeued
                        .iter()
                        .any(|r| r.span.positions().contains(&p))
            };
            let gone = claim.items.iter().filter(elsewhere).map(|i| i.position);
            let gone = gone.collect();
            let can = goes && lane.whole;
            if let Some(until) = until.filter(|until| can && *until > now) {
                replays.push(ClaimReplay {
                    grant: Grant {
                        claim: claim.row.clone(),
                        items: claim.items.clone(),
                        next: lane.next,
                        part_ref: Self::part_ref(claim.row.span.lane),
                    },
                    open: claim.open.clone(),
                    gone,
                    until,
                });
                self.claims.insert(id, claim);
                continue;
            }
            for position in claim.open {
                let standing = self.standing(MessageId::new(claim.row.span.lane, position));
                let is_open = |part: &usize| standing.parts[*part] == Part::Open;
                let open: Vec<_> = (0..standing.parts.len()).filter(is_open).collect();
                assert!(!open.is_empty(), "one part is open");
                for part in open {
                    standing
                        .apply(part, &Change::Doubt { id: None })
                        .expect("an open part may be in doubt");
                }
            }
        }
        replays
    }

    /// A person's word, or not-after: nothing more of this lane.
    pub(super) fn end(&mut self, id: LaneId) {
        let lane = self.lanes.get_mut(&id).expect("the lane exists");
        lane.end = lane.next;
        lane.ended = true;
        for range in std::mem::take(&mut lane.requeued) {
            for message in range.span.messages() {
                self.cancel(message, range.part as usize);
            }
        }
    }

    pub(super) fn doubtful(&self) -> Vec<(MessageId, u8)> {
        let mut found: Vec<_> = self
            .standings
            .iter()
            .filter(|(id, s)| {
                s.attempt == 1 && !self.lanes[&id.lane()].ended && self.lanes[&id.lane()].resends
            })
            .filter_map(|(id, s)| Some((*id, s.parts.iter().position(Part::is_doubt)? as u8)))
            .collect();
        found.sort_unstable();
        found
    }

    /// Each message is exactly one of: settled, waiting again, claimed, not yet claimed, cancelled.
    pub(super) fn nobody_is_lost(&self) {
        for lane in self.lanes.values() {
            for position in 0..lane.parts.len() as i64 {
                let id = MessageId::new(lane.id, position);
                let settled = self.standings[&id].outcome().is_some();
                let waits = lane
                    .requeued
                    .iter()
                    .filter(|r| r.span.positions().contains(&position))
                    .count();
                let claimed = self
                    .claims
                    .values()
                    .filter(|c| c.row.span.lane == lane.id && c.open.contains(&position));
                let ways = usize::from(settled)
                    + waits
                    + claimed.count()
                    + usize::from(position >= lane.next);
                assert_eq!(ways, 1, "{id}: {:?}", self.standings[&id]);
            }
        }
    }

    /// Is nothing left to do for the lanes that go?
    pub(super) fn is_done(&self) -> bool {
        let left = |l: &&Stored| !l.paused && (l.next < l.end || !l.requeued.is_empty());
        self.claims.is_empty() && !self.lanes.values().any(|l| left(&l))
    }
}

fn item(id: MessageId, parts: u8) -> Item {
    let name = "长".repeat(match parts {
        1 => 2,
        2 => 90,
        _ => 150,
    });
    Item {
        position: id.position(),
        phone: Phone::from_number(13_800_100_000 + id.position() as u64).expect("a mobile number"),
        values: [("姓名", name)].into_iter().collect(),
        segments: parts,
    }
}
