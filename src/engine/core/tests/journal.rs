//! The journal as the core sees it, in memory: lanes, claims, what waits again, what became of whom.
//! It keeps the recorder's rules and checks what the core asks of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::*;
use crate::{
    domain::message::{Part, Standing},
    recorder::{Grant, Item, Take, is_due},
    store::lane::ClaimRow,
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
    pub(super) parts: Vec<i64>,
    pub(super) next: i64,
    pub(super) end: i64,
    pub(super) ended: bool,
    pub(super) paused: bool,
    pub(super) resends: bool,
    pub(super) not_after: Option<Micros>,
    pub(super) again: Vec<AgainRow>,
}

#[derive(Debug)]
struct OpenClaim {
    row: ClaimRow,
    items: Vec<Item>,
    open: BTreeSet<i64>,
}

#[derive(Debug, Default)]
pub(super) struct Journal {
    pub(super) lanes: BTreeMap<LaneId, Stored>,
    pub(super) standings: HashMap<MessageId, Standing>,
    pub(super) stopped: bool,
    claims: BTreeMap<i64, OpenClaim>,
    closed: BTreeSet<i64>,
    last_claim: i64,
}

impl Journal {
    pub(super) fn add(&mut self, lane: Stored) {
        for (position, parts) in lane.parts.iter().enumerate() {
            let id = MessageId::new(lane.id, position as i64);
            let on_the_wire = if lane.whole { 1 } else { *parts as usize };
            self.standings.insert(id, Standing::fresh(on_the_wire));
        }
        self.lanes.insert(lane.id, lane);
    }

    /// What a look at the open lanes brings.
    pub(super) fn open_lanes(&self) -> Vec<Lane> {
        let busy: BTreeSet<_> = self.claims.values().map(|c| c.row.lane_id).collect();
        self.lanes
            .values()
            .filter(|l| {
                !l.paused && (l.next < l.end || !l.again.is_empty() || busy.contains(&l.id.0))
            })
            .map(|l| Lane {
                id: l.id,
                gateway: l.gateway.clone(),
                priority: l.priority,
                template: Arc::new(Template::parse(TEXT).expect("a good template")),
                written_from: 0,
                next: l.next,
                end: l.end,
                max_parts: 3,
                not_after: l.not_after,
                again: l.again.clone(),
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
                Op::Gone(..) | Op::Claim(_) | Op::Heard { .. } => {}
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

    fn standing(&mut self, id: MessageId) -> &mut Standing {
        self.standings.get_mut(&id).expect("the message exists")
    }

    /// The message is no longer the business of the claim that covers it.
    fn leave(&mut self, id: MessageId) {
        let holders: Vec<_> = self
            .claims
            .iter_mut()
            .filter(|(_, c)| c.row.lane_id == id.lane().0)
            .filter_map(|(n, c)| c.open.remove(&id.position()).then_some(*n))
            .collect();
        assert!(holders.len() <= 1, "{id} stands in claims {holders:?}");
    }

    fn part(&mut self, now: Micros, news: &PartNews) {
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
            self.wait(id, rest as i64, gateway.clone(), standing.attempt, now);
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

    fn wait(&mut self, id: MessageId, part: i64, gateway: GatewayId, attempt: i64, due: Micros) {
        let (from, to) = (id.position(), id.position() + 1);
        self.put_again(AgainRow {
            lane_id: id.lane().0,
            from,
            to,
            part,
            gateway: gateway.0,
            attempt,
            due_us: due.0,
        });
    }

    fn put_again(&mut self, row: AgainRow) {
        let lane = self
            .lanes
            .get_mut(&LaneId(row.lane_id))
            .expect("the lane exists");
        assert!(
            row.to <= lane.next,
            "what was never claimed can't wait again: {row:?}"
        );
        assert!(
            lane.again
                .iter()
                .all(|a| a.to <= row.from || row.to <= a.from),
            "{row:?} waits twice"
        );
        lane.again.push(row);
        lane.again.sort_by_key(|a| a.due_us);
    }

    fn release(&mut self, r: &Release) {
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
            self.put_again(AgainRow {
                lane_id: lane.0,
                from: r.span.from,
                to: r.span.to,
                part: i64::from(r.part),
                gateway: r.gateway.0.clone(),
                attempt: r.attempt,
                due_us: r.due.0,
            });
        }
    }

    fn close(&mut self, lane: LaneId, id: i64) {
        assert!(self.closed.insert(id), "claim {id} closes a second time");
        let claim = self.claims.remove(&id).expect("an open claim closes");
        assert_eq!(claim.row.lane_id, lane.0);
        assert!(
            claim.open.is_empty(),
            "claim {id} closes with {:?} unsettled",
            claim.open
        );
    }

    fn claim(&mut self, now: Micros, r: &ClaimRequest, shun: &mut impl FnMut() -> bool) -> Claimed {
        let refused = Claimed::Refused {
            lane: r.lane,
            gateway: r.gateway.clone(),
        };
        let stopped = self.stopped;
        let lane = self.lanes.get_mut(&r.lane).expect("the lane exists");
        if stopped || lane.paused || lane.not_after.is_some_and(|t| t < now) {
            return refused;
        }
        let (from, to, part, attempt) = match r.take {
            Take::Front => {
                let (from, to) = (lane.next, (lane.next + r.most).min(lane.end));
                lane.next = lane.next.max(to);
                (from, to, 0, 1)
            }
            Take::Again(from) => {
                let fits = |a: &AgainRow| {
                    a.from == from && is_due(a.due_us, now.0) && a.gateway == r.gateway.0
                };
                let Some(at) = lane.again.iter().position(fits) else {
                    return refused;
                };
                let row = lane.again.remove(at);
                let to = row.to.min(from + r.most);
                if to < row.to {
                    lane.again.insert(
                        at,
                        AgainRow {
                            from: to,
                            ..row.clone()
                        },
                    );
                }
                (from, to, row.part, row.attempt)
            }
        };
        if from >= to {
            return refused;
        }
        let (next, parts) = (lane.next, lane.parts.clone());
        self.last_claim += 1;
        let row = ClaimRow {
            id: self.last_claim,
            lane_id: r.lane.0,
            from,
            to,
            part,
            gateway: r.gateway.0.clone(),
            node: r.node.clone(),
            attempt,
            first: i64::from(r.first),
            stride: i64::from(r.stride),
            at_us: now.0,
            batch: r.batch,
            left_out: String::new(),
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
                    reason: "opt_out".into(),
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
            part_ref: 5,
        })
    }

    /// Which open claim a sequence number belongs to, with position and part.
    pub(super) fn owner(&self, gateway: &GatewayId, sequence: u32) -> Option<(MessageId, u8)> {
        self.claims.values().find_map(|c| {
            let span = (c.row.to - c.row.from) as u32 * c.row.stride as u32;
            let offset = sequence.wrapping_sub(c.row.first as u32);
            let position = c.row.from + i64::from(offset / c.row.stride as u32);
            let mine = c.row.gateway == gateway.0 && offset < span && c.open.contains(&position);
            mine.then(|| {
                (
                    MessageId::new(LaneId(c.row.lane_id), position),
                    (offset % c.row.stride as u32) as u8,
                )
            })
        })
    }

    /// The message that a claim's sequence number belongs to, settled or not.
    pub(super) fn covered(&self, claim: i64, sequence: u32) -> Option<MessageId> {
        let row = &self.claims.get(&claim)?.row;
        let offset = sequence.wrapping_sub(row.first as u32) / row.stride as u32;
        Some(MessageId::new(
            LaneId(row.lane_id),
            row.from + i64::from(offset),
        ))
    }

    /// What recovery does after a crash: claims of gateways that know their requests by key may stay.
    pub(super) fn recover(&mut self, now: Micros, windows: &BTreeMap<GatewayId, i64>) -> Vec<Kept> {
        let mut kept = Vec::new();
        let all: Vec<_> = self
            .claims
            .iter()
            .map(|(id, c)| (*id, c.row.lane_id, c.open.clone()))
            .collect();
        for (id, claim) in std::mem::take(&mut self.claims) {
            let lane = &self.lanes[&LaneId(claim.row.lane_id)];
            let goes = !lane.paused && !lane.ended && lane.not_after.is_none_or(|t| t >= now);
            let until = windows
                .get(&GatewayId(claim.row.gateway.clone()))
                .map(|window| Micros(claim.row.at_us + window));
            let others: BTreeSet<i64> = all
                .iter()
                .filter(|c| c.0 != id && c.1 == claim.row.lane_id)
                .flat_map(|c| c.2.iter().copied())
                .collect();
            let elsewhere = |item: &&Item| {
                let id = MessageId::new(LaneId(claim.row.lane_id), item.position);
                let standing = &self.standings[&id];
                let p = item.position;
                standing.parts[0].is_doubt()
                    || standing.attempt != claim.row.attempt
                    || others.contains(&p)
                    || lane.again.iter().any(|a| a.from <= p && p < a.to)
            };
            let gone = claim.items.iter().filter(elsewhere).map(|i| i.position);
            let gone = gone.collect();
            let can = goes && lane.whole;
            if let Some(until) = until.filter(|until| can && *until > now) {
                kept.push(Kept {
                    grant: Grant {
                        claim: claim.row.clone(),
                        items: claim.items.clone(),
                        next: lane.next,
                        part_ref: 5,
                    },
                    open: claim.open.clone(),
                    gone,
                    until,
                });
                self.claims.insert(id, claim);
                continue;
            }
            for position in claim.open {
                let standing = self.standing(MessageId::new(LaneId(claim.row.lane_id), position));
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
        kept
    }

    /// A person's word, or not-after: nothing more of this lane.
    pub(super) fn end(&mut self, id: LaneId) {
        let lane = self.lanes.get_mut(&id).expect("the lane exists");
        lane.end = lane.next;
        lane.ended = true;
        for row in std::mem::take(&mut lane.again) {
            for position in row.from..row.to {
                self.cancel(MessageId::new(id, position), row.part as usize);
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
                    .again
                    .iter()
                    .filter(|a| a.from <= position && position < a.to)
                    .count();
                let claimed = self
                    .claims
                    .values()
                    .filter(|c| c.row.lane_id == lane.id.0 && c.open.contains(&position));
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
        let left = |l: &&Stored| !l.paused && (l.next < l.end || !l.again.is_empty());
        self.claims.is_empty() && !self.lanes.values().any(|l| left(&l))
    }
}

fn item(id: MessageId, parts: i64) -> Item {
    let name = "长".repeat(match parts {
        1 => 2,
        2 => 90,
        _ => 150,
    });
    Item {
        position: id.position(),
        phone: Phone::from_number(13_800_100_000 + id.position() as u64).expect("a mobile number"),
        vals: format!(r#"{{"姓名":"{name}"}}"#),
        segments: parts,
    }
}
