//! The engine's core: a state machine without I/O. Events and the time in, actions out. It decides
//! what to claim, when, and what an answer means; it reads no clock, opens no socket, knows no SQL.
//!
//! Its promises, whatever the order of events: no segment is handed over that has not been claimed
//! and granted; each granted message ends in exactly one of outcome, doubt or release; a claim closes
//! with its last message.

mod flight;
mod plan;
mod replay;
mod requests;

pub(super) use plan::wire_number;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::{sync::Arc, time::Duration};

use crate::{
    config::{RateUnit, SignatureBy},
    domain::{
        carrier::Carrier,
        event::{Source, Span},
        id::{ClaimId, GatewayId, LaneId, MessageId, Position},
        message::Change,
        phone::Phone,
        priority::Priority,
        template::Template,
        text::{Count, Framing},
        time::Micros,
    },
    engine::journal::{ClaimRequest, Claimed, Grant, Op, PartChange},
    gateway::{AckToken, Event, LinkNo, OwnIds, Submit},
    store::lane::Requeued,
};

/// A gateway as the core needs to know it.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name.
    pub id: GatewayId,
    /// Units a second by contract.
    pub rate: f64,
    /// Units unanswered per link.
    pub window: usize,
    /// What a unit is.
    pub unit: RateUnit,
    /// Numbers in one request at most.
    pub batch: usize,
    /// How it counts segments.
    pub count: Count,
    /// How it takes long texts.
    pub framing: Framing,
    /// How long a request may be said again with the same key without doubling; none: not at all.
    pub repeats_within: Option<Duration>,
    /// Its protocol's ids, where they are known before the answer.
    pub own_ids: Option<OwnIds>,
    /// Whose numbers it takes; empty: anybody's.
    pub serves: Vec<Carrier>,
    /// How it frames a text.
    pub wording: Wording,
    /// A random start for sequence numbers: old answers must not match new requests.
    pub first_sequence: u32,
}

/// What a gateway's contract puts around a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    /// The sender's name.
    pub signature: String,
    /// Who writes it.
    pub signature_by: SignatureBy,
    /// What stands at the end.
    pub opt_out: String,
}

/// A lane that is open, as last read from the database.
#[derive(Debug, Clone)]
pub struct Lane {
    /// The lane's id in the ledger.
    pub id: LaneId,
    /// Through which gateway.
    pub gateway: GatewayId,
    /// How urgent.
    pub priority: Priority,
    /// The final text with placeholders.
    pub template: Arc<Template>,
    /// Bytes at its start that the carrier writes itself.
    pub written_from: usize,
    /// The first position never claimed.
    pub next: Position,
    /// Nothing from here on.
    pub end: Position,
    /// Segments of the longest message.
    pub max_parts: u8,
    /// Travels as the validity period.
    pub not_after: Option<Micros>,
    /// What waits to be claimed again, in the order it is due.
    pub requeued: Vec<Requeued>,
}

/// What the driver must do.
#[derive(Debug, Clone)]
pub enum Action {
    /// Make durable, in this order.
    Record(Vec<Op>),
    /// Put in line at this gateway.
    Submit(GatewayId, Vec<Submit>),
    /// Ask this gateway for everything unwritten of these lanes (all when empty).
    Recall(GatewayId, Vec<LaneId>),
}

/// How long a throttled message waits before it is claimed again; the gateway's own pace is what
/// really slows down.
const THROTTLED_WAIT: Duration = Duration::from_millis(500);

/// While claims are open more may turn out to be left of a quota than is known now: asked again so soon.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The state machine. See the module's documentation.
#[derive(Debug)]
pub struct Core {
    node: String,
    gateways: BTreeMap<GatewayId, Gateway>,
    lanes: BTreeMap<LaneId, Lane>,
    /// What is known of these is out of date: nothing is claimed until they are read again.
    stale: BTreeSet<LaneId>,
    claims: HashMap<ClaimId, Claim>,
    /// Claims of an earlier life whose requests will be said again.
    replays: Vec<ClaimReplay>,
    halted: bool,
    out: VecDeque<Action>,
    ops: Vec<Op>,
}

#[derive(Debug)]
struct Gateway {
    account: Account,
    pace: f64,
    up: BTreeSet<LinkNo>,
    sequence: u32,
    flights: HashMap<u32, Flight>,
    /// Granted and not yet written, by priority.
    unwritten: [usize; 3],
    /// Written and not answered (what timed out no longer counts).
    unanswered: usize,
    requested: Option<Requested>,
    /// Its quota leaves no room for texts of so many segments and more.
    rests: BTreeMap<u8, Resting>,
    recalls: usize,
}

/// Texts of some length wait for room in a quota.
#[derive(Debug, Clone, Copy)]
struct Resting {
    /// Asked again at the latest then.
    until: Micros,
    /// What is less urgent waits as well, whatever its length: it would take what may turn out to be left.
    before: Option<Priority>,
}

/// One segment between grant and outcome.
#[derive(Debug, Clone)]
struct Flight {
    claim: ClaimId,
    message: MessageId,
    part: u8,
    priority: Priority,
    written: bool,
    timed_out: bool,
    /// Units of rate and window that it takes up.
    cost: usize,
    /// An earlier life may have handed it over already: it never goes back into the queue.
    replayed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Requested {
    priority: Priority,
}

/// A granted claim whose messages are not all settled.
#[derive(Debug)]
struct Claim {
    lane: LaneId,
    gateway: GatewayId,
    span: Span,
    first: u32,
    stride: u32,
    attempt: i64,
    at: Micros,
    priority: Priority,
    reference: u8,
    not_after: Option<Micros>,
    rerouted: bool,
    open: HashMap<Position, Progress>,
}

#[derive(Debug, Clone)]
struct Progress {
    phone: Phone,
    /// What goes to the wire; empty: not what was frozen.
    parts: Arc<[String]>,
    /// Segments that it counts.
    segments: usize,
}

/// An open claim of an earlier life, whose requests may be said again.
#[derive(Debug)]
pub struct ClaimReplay {
    /// The claim, with all that it handed over.
    pub grant: Grant,
    /// Positions without an outcome.
    pub open: BTreeSet<Position>,
    /// Positions that went another way since: given back, given up, sent again. A request that one of
    /// them stands in was perhaps never said, and is not said now.
    pub gone: BTreeSet<Position>,
    /// Not later than this.
    pub until: Micros,
}

impl Core {
    /// A core without lanes; every gateway's links are down.
    pub fn new(node: impl Into<String>, accounts: impl IntoIterator<Item = Account>) -> Self {
        let gateways = accounts
            .into_iter()
            .map(|account| {
                let gateway = Gateway {
                    pace: account.rate,
                    up: BTreeSet::new(),
                    sequence: account.first_sequence,
                    flights: HashMap::new(),
                    unwritten: [0; 3],
                    unanswered: 0,
                    requested: None,
                    rests: BTreeMap::new(),
                    recalls: 0,
                    account,
                };
                (gateway.account.id.clone(), gateway)
            })
            .collect();
        Self {
            node: node.into(),
            gateways,
            lanes: BTreeMap::new(),
            stale: BTreeSet::new(),
            claims: HashMap::new(),
            replays: Vec::new(),
            halted: false,
            out: VecDeque::new(),
            ops: Vec::new(),
        }
    }

    /// The next thing to do, if any.
    pub fn poll(&mut self) -> Option<Action> {
        if !self.ops.is_empty() {
            return Some(Action::Record(std::mem::take(&mut self.ops)));
        }
        self.out.pop_front()
    }

    /// The open lanes, all of them, as just read. Lanes that are gone (paused, cancelled, ended) give
    /// back what has not been written.
    pub fn lanes(&mut self, now: Micros, lanes: Vec<Lane>) {
        let fresh: BTreeMap<_, _> = lanes.into_iter().map(|l| (l.id, l)).collect();
        let gone: BTreeSet<_> = self
            .claims
            .values()
            .map(|c| c.lane)
            .filter(|id| !fresh.contains_key(id))
            .collect();
        let gone: Vec<_> = gone
            .into_iter()
            .filter(|id| self.lanes.contains_key(id))
            .collect();
        self.lanes = fresh;
        self.stale.clear();
        if !gone.is_empty() {
            self.recall(&gone);
        }
        self.give_up_stopped();
        self.plan(now);
    }

    /// Claims nothing more and asks for everything unwritten; `resume` lets go on.
    pub fn halt(&mut self) {
        if !self.halted {
            self.halted = true;
            self.recall(&[]);
        }
    }

    /// Goes on after [`Core::halt`].
    pub fn resume(&mut self, now: Micros) {
        self.halted = false;
        self.plan(now);
    }

    /// May anything more of this lane be handed over?
    fn goes(&self, lane: LaneId) -> bool {
        !self.halted && self.lanes.contains_key(&lane)
    }

    fn recall(&mut self, lanes: &[LaneId]) {
        for (id, gateway) in &mut self.gateways {
            gateway.recalls += 1;
            self.out
                .push_back(Action::Recall(id.clone(), lanes.to_vec()));
        }
    }

    /// Is nothing between claim and wire: no request pending, nothing unwritten, no recall under way?
    pub fn is_quiet(&self) -> bool {
        self.gateways
            .values()
            .all(|g| g.requested.is_none() && g.recalls == 0 && g.unwritten == [0; 3])
    }

    /// Is every granted message settled?
    pub fn is_idle(&self) -> bool {
        self.claims.is_empty() && self.is_quiet()
    }

    /// The time has moved on: claims may be possible that were not.
    pub fn tick(&mut self, now: Micros) {
        self.plan(now);
    }

    /// A claim was answered by the journal.
    pub fn claimed(&mut self, now: Micros, claimed: Claimed) {
        match claimed {
            Claimed::Granted(grant) => self.granted(&grant),
            Claimed::Refused { lane, gateway } => {
                if let Some(gateway) = self.gateways.get_mut(&gateway) {
                    gateway.requested = None;
                }
                self.stale.insert(lane);
            }
            Claimed::Spent {
                lane,
                gateway,
                segments,
                rest,
            } => {
                let priority = self.lanes.get(&lane).map(|l| l.priority);
                if let Some(gateway) = self.gateways.get_mut(&gateway) {
                    gateway.requested = None;
                    let resting = Resting::new(now, rest, priority);
                    gateway.rests.insert(segments, resting);
                }
            }
        }
        self.plan(now);
    }

    /// Something happened at a gateway.
    pub fn event(&mut self, now: Micros, id: &GatewayId, event: Event) {
        if !self.gateways.contains_key(id) {
            return;
        }
        match event {
            // Nothing to decide, so nothing to plan.
            Event::Notice(_) => return,
            Event::LinkUp(link) => _ = self.gateways.get_mut(id).is_some_and(|g| g.up.insert(link)),
            Event::Written(sequences) => self.written(id, &sequences),
            Event::Answered { link, answers } => {
                for (sequence, answer) in answers {
                    self.answered(now, id, sequence, link, answer);
                }
            }
            Event::TimedOut(sequences) => self.timed_out(id, &sequences),
            Event::LinkDown {
                link,
                unanswered,
                unwritten,
                ..
            } => {
                if let Some(gateway) = self.gateways.get_mut(id) {
                    gateway.up.remove(&link);
                }
                self.lost(id, &unanswered);
                self.give_back(now, id, &unwritten);
            }
            Event::Recalled(sequences) => {
                if let Some(gateway) = self.gateways.get_mut(id) {
                    gateway.recalls = gateway.recalls.saturating_sub(1);
                }
                self.give_back(now, id, &sequences);
            }
            Event::GivenBack(sequences) => self.give_back(now, id, &sequences),
            Event::Delivered { delivery, tokens } => self.on_delivery(id, delivery, tokens),
            Event::Pace(pace) => {
                if let Some(gateway) = self.gateways.get_mut(id) {
                    gateway.pace = pace;
                }
            }
        }
        self.plan(now);
    }

    fn on_delivery(
        &mut self,
        id: &GatewayId,
        delivery: crate::gateway::Delivery,
        tokens: Vec<AckToken>,
    ) {
        self.ops.push(Op::Inbound {
            gateway: id.clone(),
            delivery,
            tokens,
        });
    }

    /// The run's policy sends this message again: an answer to its first sending must not be taken
    /// for one to its second.
    pub fn forget(&mut self, message: MessageId) {
        for gateway in self.gateways.values_mut() {
            gateway
                .flights
                .retain(|_, f| !(f.message == message && f.timed_out));
        }
    }

    fn release(
        &mut self,
        lane: LaneId,
        positions: &[Position],
        part: u8,
        gateway: &GatewayId,
        attempt: i64,
        due: Micros,
    ) {
        for span in spans(lane, positions) {
            self.ops.push(Op::Release(Requeued {
                span,
                part,
                gateway: gateway.clone(),
                attempt,
                due,
            }));
        }
    }

    fn record(
        &mut self,
        claim: ClaimId,
        message: MessageId,
        part: u8,
        change: Change,
        source: Source,
    ) {
        let change = self.part_change(claim, message, part, change);
        self.ops
            .extend(change.map(|change| Op::Part(PartChange { source, ..change })));
    }

    /// A change of an open message; our own doing until somebody else is said to have done it.
    fn part_change(
        &self,
        claim: ClaimId,
        message: MessageId,
        part: u8,
        change: Change,
    ) -> Option<PartChange> {
        let claim = self.claims.get(&claim)?;
        let progress = claim.open.get(&message.position())?;
        Some(PartChange {
            message,
            part,
            phone: progress.phone,
            gateway: claim.gateway.clone(),
            change,
            source: Source::Watchbell,
            asked: claim.at,
            counted: None,
        })
    }

    /// A message of a claim is settled; the claim closes with its last.
    fn settle(&mut self, id: ClaimId, position: Position) {
        let Some(claim) = self.claims.get_mut(&id) else {
            return;
        };
        claim.open.remove(&position);
        if claim.open.is_empty() {
            let lane = claim.lane;
            self.claims.remove(&id);
            self.ops.push(Op::Close(lane, id));
        }
    }
}

/// Consecutive positions as spans.
fn spans(lane: LaneId, positions: &[Position]) -> Vec<Span> {
    let mut sorted = positions.to_vec();
    sorted.sort_unstable();
    let mut spans: Vec<Span> = Vec::new();
    for p in sorted {
        match spans.last_mut() {
            Some(span) if span.to == p => span.to += 1,
            _ => spans.push(Span {
                lane,
                from: p,
                to: p + 1,
            }),
        }
    }
    spans
}

#[cfg(test)]
mod tests;
