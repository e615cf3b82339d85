//! The working set of one commit: the rows it touches, loaded once, changed in memory by the pure
//! rules of `domain::message`, written back as set statements.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

use super::{
    Committed, Op, PartChange,
    fit::{is_past, time_fits},
};
use crate::{
    domain::{
        event::{Event, Source},
        id::{ClaimId, GatewayId, LaneId, MessageId, OrphanId, RunId},
        message::{Change, MessageState, Outcome, Part},
        phone::Phone,
        priority::Priority,
        time::Micros,
    },
    gateway::{Delivery, Report},
    store::{
        self, Corrupt, Tx,
        hot::{Doubt, LoggedMessage, MessageRecord, OrphanReport, ReportWait, Segment},
        lane::{Lane, Requeued},
    },
};

/// A message being worked on.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// As it was loaded; its state as it is now stands beside it.
    pub(super) row: MessageRecord,
    pub(super) state: MessageState,
    pub(super) dirty: bool,
}

impl Message {
    fn new(row: MessageRecord, lane: &Lane, segments: &[Segment]) -> Result<Self, Corrupt> {
        Ok(Self {
            state: restore(&row, lane, segments)?,
            row,
            dirty: false,
        })
    }
}

/// A message's state, read from its row and, where it has several parts, from theirs.
pub(crate) fn restore(
    row: &MessageRecord,
    lane: &Lane,
    segments: &[Segment],
) -> Result<MessageState, Corrupt> {
    let parts = lane.parts(row.segments);
    let segments = segments.iter().map(|s| (s.part, &s.state));
    MessageState::restore(parts, &row.state, segments)
        .map_err(|e| Corrupt::on("message", e.column, row.id))
}

/// Where reports of a number through a gateway are looked for.
pub(super) type Place = (GatewayId, Phone);

fn place_of(doubt: &Doubt) -> Place {
    (doubt.gateway.clone(), doubt.phone)
}

/// A part whose report is awaited.
#[derive(Debug, Clone)]
pub(super) struct Awaited {
    pub(super) message: MessageId,
    pub(super) part: u8,
    /// The id that the answer gave, where the awaited one is by counting.
    pub(super) answered: Option<String>,
    /// When it was taken; none: nobody remembers.
    pub(super) since: Option<Micros>,
}

impl Awaited {
    /// Does the submit time that the report states agree with when the part was taken?
    pub(super) fn may_have(&self, report: &Report) -> bool {
        self.since
            .is_none_or(|since| time_fits(&report.submit_time, since))
    }

    /// The part's own id, where a report names `reported`.
    pub(super) fn own_id<'a>(&'a self, reported: &'a str) -> &'a str {
        self.answered.as_deref().unwrap_or(reported)
    }
}

#[derive(Debug)]
pub(super) struct Work<'a> {
    pub(super) entry: i64,
    pub(super) now: Micros,
    /// How long a report may take.
    pub(super) window: Duration,
    known_orphans: &'a HashMap<Place, Micros>,
    pub(super) messages: HashMap<MessageId, Message>,
    /// Segments that left, or may have, by gateway.
    pub(super) handed: HashMap<GatewayId, i64>,
    pub(super) lanes: HashMap<LaneId, Lane>,
    pub(super) inflight: HashMap<(GatewayId, String, Phone), Awaited>,
    pub(super) by_phone: HashMap<Phone, Vec<MessageId>>,
    pub(super) open: HashMap<Phone, Vec<LoggedMessage>>,
    pub(super) doubts: HashMap<Place, Vec<Doubt>>,
    pub(super) orphans: HashMap<Place, Vec<OrphanReport>>,
    pub(super) new_inflight: Vec<ReportWait>,
    pub(super) drop_inflight: Vec<ReportWait>,
    pub(super) put_doubts: HashMap<(MessageId, u8), Doubt>,
    pub(super) drop_doubts: HashSet<(MessageId, u8)>,
    pub(super) new_orphans: Vec<OrphanReport>,
    pub(super) settled_orphans: Vec<OrphanId>,
    pub(super) tally: BTreeMap<(LaneId, Outcome), i64>,
    pub(super) ahead: BTreeMap<LaneId, i64>,
    pub(super) days: Vec<(String, Phone)>,
    pub(super) requeued: Vec<Requeued>,
    pub(super) closed: Vec<(LaneId, ClaimId)>,
    /// Lanes of which the carrier has answered something.
    pub(super) answered: BTreeSet<LaneId>,
    pub(super) evidence: Vec<(Phone, GatewayId)>,
    events: String,
    pub(super) done: Committed,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        entry: i64,
        now: Micros,
        window: Duration,
        known_orphans: &'a HashMap<Place, Micros>,
    ) -> Self {
        Self {
            entry,
            now,
            window,
            known_orphans,
            messages: HashMap::new(),
            handed: HashMap::new(),
            lanes: HashMap::new(),
            inflight: HashMap::new(),
            by_phone: HashMap::new(),
            open: HashMap::new(),
            doubts: HashMap::new(),
            orphans: HashMap::new(),
            new_inflight: Vec::new(),
            drop_inflight: Vec::new(),
            put_doubts: HashMap::new(),
            drop_doubts: HashSet::new(),
            new_orphans: Vec::new(),
            settled_orphans: Vec::new(),
            tally: BTreeMap::new(),
            ahead: BTreeMap::new(),
            days: Vec::new(),
            requeued: Vec::new(),
            closed: Vec::new(),
            answered: BTreeSet::new(),
            evidence: Vec::new(),
            events: String::new(),
            done: Committed::default(),
        }
    }

    /// Loads every row that `ops` will touch, a statement a kind.
    pub(super) async fn load(&mut self, tx: &mut Tx, ops: &[Op]) -> store::Result<()> {
        let mut ids = HashSet::new();
        let mut keys = HashSet::new();
        let mut places = HashSet::new();
        let mut doubtful = HashSet::new();
        for op in ops {
            match op {
                Op::Part(update) => {
                    ids.insert(update.message);
                    places.insert((update.gateway.clone(), update.phone));
                    if update.change == Change::Resent {
                        doubtful.insert(update.message);
                    }
                }
                Op::WindowOver(wait) => {
                    ids.insert(wait.message);
                    places.insert((wait.gateway.clone(), wait.phone));
                }
                Op::GraceExpired(message, _) | Op::LateAnswer { message, .. } => {
                    ids.insert(*message);
                    doubtful.insert(*message);
                }
                Op::Inbound {
                    gateway,
                    delivery: Delivery::Report(r),
                    ..
                } => {
                    keys.insert((gateway.clone(), r.carrier_id.0.clone(), r.phone));
                    places.insert((gateway.clone(), r.phone));
                }
                Op::Release(r) => {
                    ids.extend(r.span.messages());
                }
                Op::Claim(_)
                | Op::DropReportWaits(_)
                | Op::Close(..)
                | Op::Inbound { .. }
                | Op::End(..)
                | Op::Reserve { .. }
                | Op::GiveBack(..)
                | Op::Open(_)
                | Op::Late(_)
                | Op::Miss(..)
                | Op::CloseRun(_)
                | Op::Decide(_)
                | Op::Intend { .. }
                | Op::Append(_) => {}
            }
        }
        let keys: Vec<_> = keys.into_iter().collect();
        let mut awaited = tx.inflight(&keys).await?;
        // Carriers use their ids again: the newest to bear one is meant.
        awaited.sort_unstable_by_key(|w| (w.since, w.message));
        for wait in awaited {
            ids.insert(wait.message);
            let awaited = Awaited {
                message: wait.message,
                part: wait.part,
                answered: wait.answered,
                since: Some(wait.since),
            };
            self.inflight
                .insert((wait.gateway, wait.carrier_id, wait.phone), awaited);
        }
        let unknown: HashSet<_> = ops
            .iter()
            .filter_map(|op| self.looked_up_by_number(op))
            .collect();
        let doubtful: Vec<_> = doubtful.into_iter().collect();
        let doubts = tx.doubts_of_messages(&doubtful).await?;
        places.extend(doubts.iter().map(place_of));
        places.retain(|p| self.known_orphans.contains_key(p) || unknown.contains(p));
        for doubt in doubts {
            let place = place_of(&doubt);
            if !places.contains(&place) {
                self.doubts.entry(place).or_default().push(doubt);
            }
        }
        self.load_places(tx, places, &mut ids).await?;
        self.load_messages(tx, ids).await
    }

    /// The place of a report whose id says too little: it is unknown, or a newer message's.
    fn looked_up_by_number(&self, op: &Op) -> Option<Place> {
        let Op::Inbound {
            gateway,
            delivery: Delivery::Report(report),
            ..
        } = op
        else {
            return None;
        };
        let key = (gateway.clone(), report.carrier_id.0.clone(), report.phone);
        let known = self.inflight.get(&key);
        (!known.is_some_and(|k| k.may_have(report))).then(|| (gateway.clone(), report.phone))
    }

    /// What is needed to tell a late report from an orphan, and whose an orphan may be.
    async fn load_places(
        &mut self,
        tx: &mut Tx,
        places: HashSet<Place>,
        ids: &mut HashSet<MessageId>,
    ) -> store::Result<()> {
        if places.is_empty() {
            return Ok(());
        }
        let places: Vec<_> = places.into_iter().collect();
        let phones: Vec<_> = places
            .iter()
            .map(|p| p.1)
            .collect::<HashSet<_>>()
            .into_iter()
            .collect();
        let (rows, corrupt) = tx.messages_of(&phones).await?;
        self.done.strays.extend(corrupt);
        for row in rows {
            ids.insert(row.id);
            if let Some(phone) = row.phone {
                self.by_phone.entry(phone).or_default().push(row.id);
            }
        }
        for logged in tx.logged_of(&phones).await? {
            self.open.entry(logged.phone).or_default().push(logged);
        }
        for doubt in tx.doubts_at(&places).await? {
            self.doubts.entry(place_of(&doubt)).or_default().push(doubt);
        }
        for orphan in tx.orphans_at(&places).await? {
            if is_past(orphan.at, self.now, self.window) {
                continue;
            }
            let place = (orphan.gateway.clone(), orphan.phone);
            self.orphans.entry(place).or_default().push(orphan);
        }
        Ok(())
    }

    pub(super) async fn load_messages(
        &mut self,
        tx: &mut Tx,
        ids: HashSet<MessageId>,
    ) -> store::Result<()> {
        let mut ids: Vec<_> = ids
            .into_iter()
            .filter(|id| !self.messages.contains_key(id))
            .collect();
        ids.sort_unstable();
        let (rows, corrupt) = tx.readable_messages(&ids).await?;
        self.done.strays.extend(corrupt);
        let long: Vec<_> = rows
            .iter()
            .filter(|r| r.segments > 1)
            .map(|r| r.id)
            .collect();
        let mut parts: HashMap<MessageId, Vec<Segment>> = HashMap::new();
        for s in tx.segments(&long).await? {
            parts.entry(s.message).or_default().push(s);
        }
        for lane in ids.iter().map(|id| id.lane()).collect::<HashSet<_>>() {
            match self.lane(tx, lane).await {
                Ok(_) | Err(store::Error::Missing { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        for row in rows {
            let (id, segments) = (row.id, parts.remove(&row.id).unwrap_or_default());
            let message = match self.lanes.get(&id.lane()) {
                Some(lane) => Message::new(row, lane, &segments),
                None => Err(Corrupt::on("message", "lane_id", id)),
            };
            match message {
                Ok(message) => _ = self.messages.insert(id, message),
                // One row that fits nowhere must not keep the others from being written.
                Err(corrupt) => self.done.strays.push(corrupt),
            }
        }
        Ok(())
    }

    /// A lane, loaded once.
    pub(super) async fn lane(&mut self, tx: &mut Tx, id: LaneId) -> store::Result<Lane> {
        if let Some(lane) = self.lanes.get(&id) {
            return Ok(lane.clone());
        }
        let lane = tx.lane(id).await?;
        self.lanes.insert(id, lane.clone());
        Ok(lane)
    }

    /// A run has changed: so have its lanes, as far as they are loaded.
    pub(super) fn run_changed(&mut self, run: RunId, change: impl Fn(&mut Lane)) {
        self.lanes
            .values_mut()
            .filter(|l| l.run == run)
            .for_each(change);
    }

    /// Has the message an outcome that is not written yet?
    pub(super) fn has_change(&self, id: MessageId) -> bool {
        self.messages
            .get(&id)
            .is_some_and(|m| m.dirty && m.state.outcome().is_some())
    }

    pub(super) fn note(&mut self, event: &Event) {
        self.events.push_str(&event.line());
        self.events.push('\n');
    }

    pub(super) fn note_all(&mut self, events: &[Event]) {
        for event in events {
            self.note(event);
        }
    }

    pub(super) fn take_events(&mut self) -> String {
        std::mem::take(&mut self.events)
    }

    /// Applies a change to a message; says whether it changed anything. An impossible one is logged
    /// and left out: the carrier's contradictions must not stop the journal.
    pub(super) fn change(
        &mut self,
        id: MessageId,
        part: u8,
        change: &Change,
        source: Source,
    ) -> bool {
        let Some(message) = self.messages.get_mut(&id) else {
            tracing::warn!(message = %id, "A change names a message that does not exist");
            return false;
        };
        let before = message.state.outcome();
        match message.state.apply(usize::from(part), change) {
            Ok(true) => {}
            Ok(false) => return false,
            Err(impossible) => {
                tracing::warn!(message = %id, "{impossible}");
                return false;
            }
        }
        let after = message.state.outcome();
        let row = &mut message.row;
        let event = Event::M {
            m: id,
            p: row.last_entry,
            part,
            of: message.state.numbers().end,
            change: change.clone(),
            s: after.as_ref().map(|a| a.0),
            src: source,
        };
        if row.first_entry == 0 {
            row.first_entry = self.entry;
        }
        row.last_entry = self.entry;
        message.dirty = true;
        if change.is_answer() {
            self.answered.insert(id.lane());
        }
        let never_left = after.as_ref().is_some_and(|a| a.0.never_left());
        let phone = message.row.phone;
        self.tally_change(id, before.map(|b| b.0), after.map(|a| a.0));
        if let (true, Some(phone)) = (never_left, phone) {
            self.give_back_day(id.lane(), phone);
        }
        self.note(&event);
        true
    }

    fn tally_change(&mut self, id: MessageId, before: Option<Outcome>, after: Option<Outcome>) {
        if before == after {
            return;
        }
        let lane = id.lane();
        if let Some(before) = before {
            *self.tally.entry((lane, before)).or_default() -= 1;
        }
        if let Some(after) = after {
            *self.tally.entry((lane, after)).or_default() += 1;
        }
        let in_front = self
            .lanes
            .get(&lane)
            .is_some_and(|l| id.position() >= l.next);
        if in_front && before.is_some() != after.is_some() {
            *self.ahead.entry(lane).or_default() += if after.is_some() { 1 } else { -1 };
        }
    }

    fn give_back_day(&mut self, lane: LaneId, phone: Phone) {
        if let Some(lane) = self.lanes.get(&lane)
            && let Some(day) = &lane.day
            && lane.priority != Priority::Urgent
        {
            self.days.push((day.clone(), phone));
        }
    }

    /// An answer, a time-out, a suppression: what happened to one part.
    pub(super) fn part(&mut self, update: &PartChange) {
        let was_doubt = self
            .part_of(update.message, update.part)
            .is_some_and(Part::is_doubt);
        if was_doubt && update.change == Change::Resent && !self.may_resend(update) {
            return;
        }
        if !self.change(update.message, update.part, &update.change, update.source) {
            return;
        }
        match &update.change {
            Change::Accepted { id } => {
                self.expect_reports(update, id);
                let taken = self.segments_of(update.message);
                *self
                    .done
                    .accepted
                    .entry(update.gateway.clone())
                    .or_default() += u64::from(taken);
                if !was_doubt {
                    self.hands_over(update);
                }
                if was_doubt {
                    self.forget_doubt(&update.gateway, update.phone, update.message, update.part);
                    self.send_rest(update.message, &update.gateway);
                }
                for id in [Some(id), update.counted.as_ref()].into_iter().flatten() {
                    self.early_report(update, id);
                }
            }
            Change::Doubt { id } => {
                self.hands_over(update);
                self.doubt(update, id.as_deref());
            }
            Change::Resent => self.resend(update),
            Change::Refused { .. } | Change::Adopted { .. } => {
                if was_doubt {
                    self.forget_doubt(&update.gateway, update.phone, update.message, update.part);
                }
            }
            Change::Reported { .. }
            | Change::Unconfirmed
            | Change::Suppressed { .. }
            | Change::Cancelled { .. } => {}
        }
        self.try_adopt(&(update.gateway.clone(), update.phone));
    }

    /// The carrier has it, or may have.
    fn hands_over(&mut self, update: &PartChange) {
        let segments = self.segments_of(update.message);
        *self.handed.entry(update.gateway.clone()).or_default() += i64::from(segments);
    }

    /// The answer came after the time-out: it settles the doubt, unless something else has.
    pub(super) fn late_answer(
        &mut self,
        gateway: &GatewayId,
        message: MessageId,
        part: u8,
        change: &Change,
        counted: Option<String>,
    ) {
        let doubtful = self.part_of(message, part).is_some_and(Part::is_doubt);
        let Some(phone) = self
            .messages
            .get(&message)
            .and_then(|m| m.row.phone)
            .filter(|_| doubtful)
        else {
            return;
        };
        let mut doubts = self.doubts.values().flatten();
        let asked = doubts
            .find(|d| (d.message, d.part) == (message, part))
            .map_or(self.now, |d| d.asked);
        self.part(&PartChange {
            message,
            part,
            phone,
            gateway: gateway.clone(),
            change: change.clone(),
            source: Source::Carrier,
            asked,
            counted,
        });
    }

    /// The segments that one part of a message counts: all of them where it has no others.
    fn segments_of(&self, id: MessageId) -> u8 {
        self.messages
            .get(&id)
            .map_or(1, |m| match m.state.parts.len() {
                1 => m.row.segments,
                _ => 1,
            })
    }

    pub(super) fn part_of(&self, message: MessageId, part: u8) -> Option<&Part> {
        self.messages
            .get(&message)?
            .state
            .parts
            .get(usize::from(part))
    }
}
