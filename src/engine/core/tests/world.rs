//! One life of the core, decided by a seed. The real [`Core`] stands between two things that the test plays:
//!
//! ```text
//!   journal ── Claimed, lanes ──▶  Core  ◀── Event ── gateways a, b
//!           ◀── Op (recorded) ───        ─── Submit ─▶ (a line each: queue, then the wire)
//! ```
//!
//! Each [`World::step`] does one thing that may happen at any time: a gateway writes, answers, refuses, is silent,
//! loses a link or slows down; the journal commits some of what was recorded; the core gets one of the events that
//! wait for it; a person pauses, stops, ends or sends again; the process dies and a new core begins from what was
//! committed. In the end everything calms down and all that may leave has to leave.
//!
//! What must hold is asserted where it could break: nothing is written before its claim is committed ([`World::take`]),
//! nothing twice ([`Wire`]), nothing lost (`journal.nobody_is_lost`), rate and window as the core may know them by
//! now ([`Seen`]), requests as the carrier knows them (`requests.rs`), the rest in `checks.rs`. A life that fails
//! prints its seed; `WATCHBELL_TEST_SEED` lives it again.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

mod carrier;
mod checks;
mod people;
mod requests;

use super::{
    journal::{Journal, Stored},
    *,
};
use crate::{
    gateway::{Answer, CarrierMessageId},
    random::SplitMix64,
};

/// Chance by seed: the same seed lives the same life.
pub(super) struct Dice(SplitMix64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0.next()
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    pub(super) fn percent(&mut self, p: usize) -> bool {
        self.below(100) < p
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// What the carrier knows of a part that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    Unanswered,
    Answered,
}

/// The carrier's side: what waits in line, and link by link what was written and not answered.
#[derive(Debug, Default)]
struct Line {
    up: BTreeSet<LinkNo>,
    queue: VecDeque<Submit>,
    written: Vec<(LinkNo, u32, bool)>,
    /// What each number was, as it was last written.
    sent: BTreeMap<u32, Submit>,
    /// Written when its lane was recalled.
    recalled: HashSet<u32>,
    events: VecDeque<Event>,
}

/// What the core has seen of a segment.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// Units of rate and window.
    cost: usize,
    priority: Priority,
    written: bool,
    timed_out: bool,
}

/// A request's key.
type Key = (GatewayId, ClaimId, i64);

pub(super) struct World {
    pub(super) dice: Dice,
    now: Micros,
    accounts: Vec<Account>,
    core: Core,
    journal: Journal,
    /// Recorded and not committed, oldest first.
    recorded: VecDeque<Vec<Op>>,
    /// Committed, and the core does not know yet.
    answers: VecDeque<Claimed>,
    lines: BTreeMap<GatewayId, Line>,
    seen: HashMap<(GatewayId, u32), Seen>,
    seen_up: HashMap<GatewayId, BTreeSet<LinkNo>>,
    pace: HashMap<GatewayId, f64>,
    requested: HashSet<GatewayId>,
    /// Where each segment in line or on the wire belongs.
    part_of: HashMap<(GatewayId, u32), (MessageId, u8)>,
    /// Parts that the carrier has, or may have.
    wire: HashMap<(MessageId, u8), Wire>,
    /// Requests that a carrier knows by their keys: who stood in each, and what was said of them.
    requests: HashMap<Key, Vec<(MessageId, Answer)>>,
    /// Which request a sequence number in line or on the wire belongs to.
    of_request: HashMap<(GatewayId, u32), Key>,
    /// How long each carrier knows a request, in microseconds.
    windows: BTreeMap<GatewayId, i64>,
    /// Parts handed over and not given back.
    handed: HashSet<(MessageId, u8)>,
    accepted: HashSet<(MessageId, u8)>,
    open_lanes: BTreeSet<LaneId>,
    /// Whose each number in a request is.
    members: HashMap<(GatewayId, u32), MessageId>,
    /// Kept claims: not said again after this.
    until: HashMap<ClaimId, Micros>,
    look_now: bool,
    answered: u64,
    calm: bool,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice(SplitMix64::new(seed));
        let names = ["a", "b"];
        let accounts: Vec<_> = names[..=dice.below(2)]
            .iter()
            .map(|name| {
                let rate = dice.pick(&[1.0, 4.0, 30.0, 400.0]);
                let plain = Account {
                    first_sequence: dice.pick(&[0, u32::MAX - 20, 7_000]),
                    ..account(name, rate, dice.pick(&[1, 3, 16]))
                };
                match dice.percent(50) {
                    true => plain,
                    false => Account {
                        framing: Framing::Whole,
                        unit: dice.pick(&[RateUnit::Segments, RateUnit::Requests]),
                        batch: dice.pick(&[1, 3, 10]),
                        repeats_within: dice
                            .pick(&[None, Some(1), Some(600)])
                            .map(Duration::from_secs),
                        ..plain
                    },
                }
            })
            .collect();
        let windows = accounts
            .iter()
            .filter_map(|a| Some((a.id.clone(), a.repeats_within?.as_micros() as i64)))
            .collect();
        let mut journal = Journal::default();
        for id in 1..=1 + dice.below(4) as i64 {
            let size = 1 + dice.below(25);
            let long = dice.percent(40);
            let parts: Vec<u8> = (0..size)
                .map(|_| if long { 1 + dice.below(3) as u8 } else { 1 })
                .collect();
            let gateway = dice.pick(&accounts);
            journal.add(Stored {
                id: LaneId(id),
                gateway: gateway.id,
                whole: gateway.framing == Framing::Whole,
                priority: dice.pick(&Priority::ALL),
                next: 0,
                end: size as i64,
                parts,
                ended: false,
                paused: false,
                resends: dice.percent(50),
                not_after: dice
                    .percent(20)
                    .then(|| Micros(1_000_000_000 + dice.below(5_000_000) as i64)),
                requeued: Vec::new(),
            });
        }
        for account in &accounts {
            if dice.percent(20) {
                let segments = 5 + dice.below(40) as i64;
                journal.quotas.insert(account.id.clone(), segments);
            }
        }
        let core = Core::new("node", accounts.clone());
        let lines = accounts
            .iter()
            .map(|a| (a.id.clone(), Line::default()))
            .collect();
        let pace = accounts.iter().map(|a| (a.id.clone(), a.rate)).collect();
        Self {
            dice,
            now: Micros(1_000_000_000),
            accounts,
            core,
            journal,
            recorded: VecDeque::new(),
            answers: VecDeque::new(),
            lines,
            seen: HashMap::new(),
            seen_up: HashMap::new(),
            pace,
            requested: HashSet::new(),
            part_of: HashMap::new(),
            wire: HashMap::new(),
            requests: HashMap::new(),
            of_request: HashMap::new(),
            windows,
            handed: HashSet::new(),
            accepted: HashSet::new(),
            open_lanes: BTreeSet::new(),
            members: HashMap::new(),
            until: HashMap::new(),
            look_now: true,
            answered: 0,
            calm: false,
        }
    }

    pub(super) fn live(&mut self, steps: usize) {
        for _ in 0..steps {
            self.step();
        }
        self.calm_down();
    }

    fn step(&mut self) {
        let id = { self.dice.pick(&self.accounts).id };
        match self.dice.below(100) {
            0..=9 => self.tick(),
            10..=24 => self.write(&id),
            25..=44 => self.answer(&id),
            45..=64 => self.commit(),
            65..=84 => self.deliver(&id),
            85..=87 => self.look(),
            88..=90 => self.link_up(&id),
            91 => self.link_down(&id),
            92..=93 => self.time_out(&id),
            94 => self.pause_or_resume(),
            95 => self.stop_or_go_on(),
            96 => self.resend(),
            97 => self.end_one(),
            98 => self.slow_down(&id),
            _ => {
                if self.dice.percent(30) {
                    self.crash();
                }
            }
        }
        if self.look_now && self.dice.percent(50) {
            self.look();
        }
    }

    fn tick(&mut self) {
        self.now.0 += 1 + self.dice.below(300_000) as i64;
        self.core.tick(self.now);
        self.act();
    }

    /// The journal commits some of what has gathered, in order.
    fn commit(&mut self) {
        let n = self.dice.below(self.recorded.len() + 1);
        let group: Vec<Op> = self.recorded.drain(..n).flatten().collect();
        if group.is_empty() {
            return;
        }
        let (dice, calm) = (&mut self.dice, self.calm);
        let answers = self
            .journal
            .commit(self.now, &group, &mut || !calm && dice.percent(3));
        self.look_now |= answers.iter().any(|a| matches!(a, Claimed::Refused { .. }));
        self.look_now |= group
            .iter()
            .any(|op| matches!(op, Op::Release(_) | Op::LateAnswer { .. } | Op::Part(_)));
        self.answers.extend(answers);
        self.journal.nobody_is_lost();
        self.journal.no_quota_is_passed();
    }

    /// The core gets one thing: from the journal, or from this gateway.
    fn deliver(&mut self, id: &GatewayId) {
        if !self.answers.is_empty() && self.dice.percent(60) {
            let answer = self.answers.pop_front().expect("there is one");
            let gateway = match &answer {
                Claimed::Granted(grant) => grant.claim.gateway.clone(),
                Claimed::Refused { gateway, .. } | Claimed::Spent { gateway, .. } => {
                    gateway.clone()
                }
            };
            assert!(self.requested.remove(&gateway), "an answer to a question");
            self.core.claimed(self.now, answer);
            self.act();
            return;
        }
        let Some(event) = self.lines.get_mut(id).and_then(|l| l.events.pop_front()) else {
            return;
        };
        self.note_seen(id, &event);
        self.core.event(self.now, id, event);
        self.act();
    }

    /// Keeps what the core may know by now.
    fn note_seen(&mut self, id: &GatewayId, event: &Event) {
        let mut gone = Vec::new();
        match event {
            Event::LinkUp(no) => _ = self.seen_up.entry(id.clone()).or_default().insert(*no),
            Event::Written(s) => s
                .iter()
                .for_each(|s| self.mark(id, *s, |t| t.written = true)),
            Event::TimedOut(s) => s
                .iter()
                .for_each(|s| self.mark(id, *s, |t| t.timed_out = true)),
            Event::Answered { answers, .. } => {
                for (sequence, answer) in answers {
                    if let (Answer::Accepted(_), Some(part)) =
                        (answer, self.part_of.get(&(id.clone(), *sequence)))
                    {
                        self.accepted.insert(*part);
                    }
                    gone.push(*sequence);
                }
            }
            Event::LinkDown {
                link,
                unanswered,
                unwritten,
                ..
            } => {
                self.seen_up.entry(id.clone()).or_default().remove(link);
                gone.extend(unanswered.iter().chain(unwritten));
            }
            Event::Recalled(s) | Event::GivenBack(s) => gone.extend(s),
            Event::Pace(pace) => _ = self.pace.insert(id.clone(), *pace),
            Event::Delivered { .. } | Event::Notice(_) => {}
        }
        for sequence in gone {
            self.seen.remove(&(id.clone(), sequence));
            self.part_of.remove(&(id.clone(), sequence));
        }
    }

    fn mark(&mut self, id: &GatewayId, sequence: u32, how: impl Fn(&mut Seen)) {
        if let Some(seen) = self.seen.get_mut(&(id.clone(), sequence)) {
            how(seen);
        }
    }

    fn look(&mut self) {
        self.look_now = false;
        let halted = self.core.halted;
        match (self.journal.stopped, halted) {
            (true, false) => self.core.halt(),
            (false, true) => self.core.resume(self.now),
            _ => {}
        }
        self.act();
        let lanes = self.journal.open_lanes();
        self.open_lanes = lanes.iter().map(|l| l.id).collect();
        self.core.lanes(self.now, lanes);
        self.act();
        for line in self.lines.values() {
            let stays = |s: &&Submit| self.core.halted || !self.open_lanes.contains(&s.lane);
            assert_eq!(
                line.queue.iter().filter(stays).count(),
                0,
                "what may not go is not in line"
            );
        }
    }

    /// The process dies: what was recorded and not committed never happened.
    fn crash(&mut self) {
        self.recorded.clear();
        self.answers.clear();
        self.requested.clear();
        self.seen.clear();
        self.seen_up.clear();
        self.part_of.clear();
        self.of_request.clear();
        self.members.clear();
        for line in self.lines.values_mut() {
            *line = Line::default();
        }
        let replays = self.journal.recover(self.now, &self.windows);
        self.journal.nobody_is_lost();
        for account in &mut self.accounts {
            account.first_sequence = self.dice.next() as u32;
            self.pace.insert(account.id.clone(), account.rate);
        }
        self.core = Core::new("node", self.accounts.clone());
        self.until = replays
            .iter()
            .map(|k| (k.grant.claim.id, k.until))
            .collect();
        self.core.replay(replays);
        self.look_now = true;
    }

    /// Does what the core says, and checks each of it.
    fn act(&mut self) {
        while let Some(action) = self.core.poll() {
            match action {
                Action::Record(ops) => {
                    for op in &ops {
                        self.check_op(op);
                    }
                    self.recorded.push_back(ops);
                }
                Action::Submit(id, batch) => {
                    let mut charged = HashSet::new();
                    for submit in batch {
                        self.take(&id, submit, &mut charged);
                    }
                }
                Action::Recall(id, lanes) => {
                    let line = self.lines.get_mut(&id).expect("a known gateway");
                    let goes = |s: &Submit| lanes.is_empty() || lanes.contains(&s.lane);
                    let back = line
                        .queue
                        .iter()
                        .filter(|s| goes(s))
                        .map(|s| s.sequence)
                        .collect();
                    line.queue.retain(|s| !goes(s));
                    let on_the_wire = line.written.iter().map(|w| w.1);
                    line.recalled
                        .extend(on_the_wire.filter(|s| line.sent.get(s).is_some_and(goes)));
                    line.events.push_back(Event::Recalled(back));
                }
            }
        }
    }

    /// The gateway takes a segment in line.
    fn take(&mut self, id: &GatewayId, submit: Submit, charged: &mut HashSet<(ClaimId, i64)>) {
        assert!(!self.core.halted, "a halted core hands over nothing");
        assert!(
            self.open_lanes.contains(&submit.lane),
            "lane {} is not to go on",
            submit.lane
        );
        let key = (id.clone(), submit.sequence);
        let owner = self.journal.owner(id, submit.sequence);
        let whole = self.journal.lanes[&submit.lane].whole;
        let request = submit.request;
        if whole {
            let known = (id.clone(), request.claim, request.position);
            self.of_request.insert(key.clone(), known);
            let message = self.journal.covered(request.claim, submit.sequence);
            self.members
                .insert(key.clone(), message.expect("its claim is open"));
        }
        if request.repeat {
            assert!(
                self.now < self.until[&request.claim],
                "said again when the carrier has forgotten it"
            );
        }
        if owner.is_none() && request.repeat {
            // Settled already; it stands in the request because it stood there the first time.
            return self.line_up(id, submit);
        }
        let (message, part) = owner.unwrap_or_else(|| panic!("{submit:?} is in no durable claim"));
        assert_eq!(
            (message.lane(), part + 1),
            (submit.lane, submit.part.number)
        );
        let parts = self.journal.lanes[&submit.lane].parts[message.position() as usize];
        let (total, segments) = if whole { (1, parts) } else { (parts, 1) };
        let again = self.journal.standings[&message].attempt > 1;
        let reference = Journal::part_ref(submit.lane) | if again { 0x80 } else { 0 };
        assert_eq!(
            submit.part.reference, reference,
            "all parts of a sending have its reference"
        );
        assert_eq!(submit.part.total, total);
        assert_eq!(submit.segments, segments);
        assert!(
            self.handed.insert((message, part)) || request.repeat,
            "{message} part {part} is handed over twice"
        );
        assert!(
            part == 0 || self.accepted.contains(&(message, part - 1)),
            "{message} part {part} before its turn"
        );
        assert!(
            self.part_of.insert(key.clone(), (message, part)).is_none(),
            "sequence {} is in use",
            submit.sequence
        );
        let by_request = self
            .accounts
            .iter()
            .any(|a| a.id == *id && whole && a.unit == RateUnit::Requests);
        let first = charged.insert((request.claim, request.position));
        let cost = match (whole, by_request) {
            (false, _) => 1,
            (true, true) => usize::from(first),
            (true, false) => parts as usize,
        };
        self.seen.insert(
            key,
            Seen {
                cost,
                priority: submit.priority,
                written: false,
                timed_out: false,
            },
        );
        self.line_up(id, submit);
    }

    fn line_up(&mut self, id: &GatewayId, submit: Submit) {
        let line = self.lines.get_mut(id).expect("a known gateway");
        assert!(
            line.written.iter().all(|w| w.1 != submit.sequence),
            "sequence {} is in use",
            submit.sequence
        );
        let there = submit
            .link
            .map_or(!line.up.is_empty(), |no| line.up.contains(&no));
        if there {
            line.queue.push_back(submit);
        } else {
            line.events
                .push_back(Event::GivenBack(vec![submit.sequence]));
        }
    }

    /// People let everything go, the carriers answer everything: then nothing may be left over.
    fn calm_down(&mut self) {
        self.calm = true;
        self.journal.quotas.clear();
        self.journal.stopped = false;
        for lane in self.journal.lanes.values_mut() {
            lane.paused &= self.dice.percent(30);
            lane.not_after = None;
        }
        let ids: Vec<_> = self.accounts.iter().map(|a| a.id.clone()).collect();
        for round in 0..4_000 {
            self.now.0 += 100_000;
            self.core.tick(self.now);
            self.act();
            for id in &ids {
                for _ in 0..3 {
                    self.link_up(id);
                    self.write(id);
                    self.answer(id);
                    self.deliver(id);
                    self.deliver(id);
                }
            }
            self.commit();
            self.look();
            let quiet = self.recorded.is_empty() && self.answers.is_empty() && self.core.is_idle();
            let heard = self
                .lines
                .values()
                .all(|l| l.events.is_empty() && l.queue.is_empty() && l.written.is_empty());
            if round > 2 && quiet && heard && self.journal.is_done() {
                break;
            }
        }
        assert!(
            self.core.replays.is_empty(),
            "nothing waits to be said again"
        );
        assert!(
            self.core.is_idle(),
            "everything is settled: {:?}",
            self.core
        );
        self.journal.nobody_is_lost();
        assert!(
            self.journal.is_done(),
            "what may go has gone: {:?}",
            self.journal
        );
    }
}
