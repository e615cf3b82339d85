//! The working set of one commit: the rows it touches, loaded once, changed in memory by the pure
//! rules of `domain::message`, written back as set statements.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{Committed, Op, PartNews, awaited::Awaited};
use crate::{
    domain::{
        event::{Event, Source},
        id::{GatewayId, LaneId, MessageId, RunId},
        message::{Change, Outcome, Part, Standing},
        phone::Phone,
        time::Micros,
    },
    gateway::Delivery,
    store::{
        self, Tx,
        hot::{DoubtRow, InflightRow, MessageRow, OpenRow, OrphanRow, SegmentRow},
        lane::{AgainRow, LaneRow},
    },
};

/// A message being worked on.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) row: MessageRow,
    pub(super) standing: Standing,
    pub(super) dirty: bool,
}

impl Message {
    pub(super) fn new(
        row: MessageRow,
        lane: &LaneRow,
        segments: &[SegmentRow],
    ) -> store::Result<Self> {
        let standing = standing(&row, lane, segments)?;
        Ok(Self {
            row,
            standing,
            dirty: false,
        })
    }

    pub(super) fn phone(&self) -> Option<Phone> {
        Phone::from_wire(&self.row.phone)
    }
}

/// How many parts a message has on the wire.
pub(crate) fn parts_of(row: &MessageRow, lane: &LaneRow) -> usize {
    match lane.whole {
        0 => usize::try_from(row.segments).unwrap_or(1),
        _ => 1,
    }
}

/// A message's standing, read from its row and, where it has several parts, from theirs.
pub(crate) fn standing(
    row: &MessageRow,
    lane: &LaneRow,
    segments: &[SegmentRow],
) -> store::Result<Standing> {
    let corrupt = |what: &str| store::Error::Corrupt {
        table: "message",
        what: what.to_owned(),
    };
    let mut standing = Standing::fresh(parts_of(row, lane));
    standing.attempt = row.attempt;
    standing.adopted = row.mark.as_deref() == Some("adopted");
    let (state, code) = last_try(row);
    match state {
        "suppressed" => standing.ours = Some((Outcome::Suppressed, code.clone())),
        "cancelled" => standing.ours = Some((Outcome::Cancelled, code.clone())),
        _ => {}
    }
    standing.unconfirmed = state == "unconfirmed";
    if standing.parts.len() > 1 {
        for s in segments {
            let k = usize::try_from(s.part).unwrap_or(usize::MAX);
            let part = standing
                .parts
                .get_mut(k)
                .ok_or_else(|| corrupt("a part beyond the last"))?;
            *part = Part::from_columns(&s.state, &s.carrier_id, &s.code)
                .map_err(|e| corrupt(&e.to_string()))?;
        }
        // Stopped after some parts had left: the reason stands behind the word "partial", as the
        // carrier's code does when it refused a part; the part that was stopped is still open.
        let refused = standing.parts.iter().any(|p| matches!(p, Part::Refused(_)));
        let stopped = state == "undelivered" && !refused && standing.parts.contains(&Part::Open);
        if let (Some(reason), true) = (code.strip_prefix("partial:"), stopped) {
            standing.ours = Some((Outcome::Cancelled, reason.to_owned()));
        }
    } else if standing.ours.is_none() {
        let id = row.carrier_id.clone().unwrap_or_default();
        standing.parts[0] =
            Part::from_columns(state, &id, &code).map_err(|e| corrupt(&e.to_string()))?;
    }
    Ok(standing)
}

/// What became of the last try: behind a first one's doubt its own outcome stands in the code.
fn last_try(row: &MessageRow) -> (&str, String) {
    let state = row.state.as_deref().unwrap_or_default();
    let code = row.code.as_deref().unwrap_or_default();
    match code.split_once(':') {
        Some((own @ ("rejected" | "suppressed" | "cancelled"), code)) if state == "in_doubt" => {
            (own, code.to_owned())
        }
        _ => (state, code.to_owned()),
    }
}

/// Where reports of a number through a gateway are looked for.
pub(super) type Place = (GatewayId, Phone);

fn doubt_place(row: &DoubtRow) -> Option<Place> {
    Some((
        GatewayId(row.gateway.clone()),
        Phone::from_wire(&row.phone)?,
    ))
}

#[derive(Debug)]
pub(super) struct Work<'a> {
    pub(super) entry: i64,
    pub(super) now: Micros,
    known_orphans: &'a HashSet<Place>,
    pub(super) messages: HashMap<MessageId, Message>,
    /// Segments that left, or may have, by gateway.
    pub(super) handed: HashMap<GatewayId, i64>,
    pub(super) lanes: HashMap<LaneId, LaneRow>,
    pub(super) inflight: HashMap<(GatewayId, String, Phone), Awaited>,
    pub(super) by_phone: HashMap<Phone, Vec<MessageId>>,
    pub(super) open: HashMap<Phone, Vec<OpenRow>>,
    pub(super) doubts: HashMap<Place, Vec<DoubtRow>>,
    pub(super) orphans: HashMap<Place, Vec<OrphanRow>>,
    pub(super) new_inflight: Vec<InflightRow>,
    pub(super) drop_inflight: Vec<InflightRow>,
    pub(super) put_doubts: HashMap<(MessageId, u8), DoubtRow>,
    pub(super) drop_doubts: HashSet<(MessageId, u8)>,
    pub(super) new_orphans: Vec<OrphanRow>,
    pub(super) settled_orphans: Vec<OrphanRow>,
    pub(super) tally: BTreeMap<(LaneId, Outcome), i64>,
    pub(super) ahead: BTreeMap<LaneId, i64>,
    pub(super) days: Vec<(String, Phone)>,
    pub(super) again: Vec<AgainRow>,
    pub(super) closed: Vec<(LaneId, i64)>,
    /// Lanes of which the carrier has answered something.
    pub(super) answered: BTreeSet<LaneId>,
    pub(super) evidence: Vec<(Phone, GatewayId)>,
    events: String,
    pub(super) done: Committed,
}

impl<'a> Work<'a> {
    pub(super) fn new(entry: i64, now: Micros, known_orphans: &'a HashSet<Place>) -> Self {
        Self {
            entry,
            now,
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
            again: Vec::new(),
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
                Op::Part(news) => {
                    ids.insert(news.message);
                    places.insert((news.gateway.clone(), news.phone));
                    if news.change == Change::Resent {
                        doubtful.insert(news.message);
                    }
                }
                Op::WindowOver(row) => {
                    ids.insert(MessageId(row.message_id));
                    places.extend(
                        Phone::from_wire(&row.phone)
                            .map(|phone| (GatewayId(row.gateway.clone()), phone)),
                    );
                }
                Op::Gone(message, _) | Op::Grace(message, _) | Op::LateAnswer { message, .. } => {
                    ids.insert(*message);
                    doubtful.insert(*message);
                }
                Op::Heard {
                    gateway,
                    delivery: Delivery::Report(r),
                    ..
                } => {
                    keys.insert((gateway.clone(), r.carrier_id.0.clone(), r.phone));
                    places.insert((gateway.clone(), r.phone));
                }
                Op::Release(r) => {
                    ids.extend((r.span.from..r.span.to).map(|p| MessageId::new(r.span.lane, p)));
                }
                Op::Claim(_)
                | Op::Forget(_)
                | Op::Close(..)
                | Op::Heard { .. }
                | Op::End(..)
                | Op::Reserve { .. }
                | Op::GiveBack(..)
                | Op::Open(_)
                | Op::Late(_)
                | Op::Miss(..)
                | Op::CloseRun(_)
                | Op::Decide(_)
                | Op::Intend { .. }
                | Op::Note(_) => {}
            }
        }
        let keys: Vec<_> = keys.into_iter().collect();
        let mut awaited = tx.inflight(&keys).await?;
        // Carriers use their ids again: the newest to bear one is meant.
        awaited.sort_unstable_by_key(|f| (f.at_us, f.message_id));
        for f in awaited {
            let message = MessageId(f.message_id);
            ids.insert(message);
            if let Some(phone) = Phone::from_wire(&f.phone) {
                let part = u8::try_from(f.part).unwrap_or(0);
                let awaited = Awaited {
                    message,
                    part,
                    answered: f.answered,
                };
                self.inflight
                    .insert((GatewayId(f.gateway), f.carrier_id, phone), awaited);
            }
        }
        let unknown: HashSet<_> = keys
            .iter()
            .filter(|k| !self.inflight.contains_key(*k))
            .map(|k| (k.0.clone(), k.2))
            .collect();
        let doubtful: Vec<_> = doubtful.into_iter().collect();
        let doubts = tx.doubts_of_messages(&doubtful).await?;
        places.extend(doubts.iter().filter_map(doubt_place));
        places.retain(|p| self.known_orphans.contains(p) || unknown.contains(p));
        for row in doubts {
            if let Some(place) = doubt_place(&row).filter(|p| !places.contains(p)) {
                self.doubts.entry(place).or_default().push(row);
            }
        }
        self.load_places(tx, places, &mut ids).await?;
        self.load_messages(tx, ids).await
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
        for row in tx.messages_of(&phones).await? {
            ids.insert(MessageId(row.id));
            if let Some(phone) = Phone::from_wire(&row.phone) {
                self.by_phone
                    .entry(phone)
                    .or_default()
                    .push(MessageId(row.id));
            }
        }
        for row in tx.standing_of(&phones).await? {
            if let Some(phone) = Phone::from_wire(&row.phone) {
                self.open.entry(phone).or_default().push(row);
            }
        }
        for row in tx.doubts_at(&places).await? {
            if let Some(place) = doubt_place(&row) {
                self.doubts.entry(place).or_default().push(row);
            }
        }
        for row in tx.orphans_at(&places).await? {
            if let Some(phone) = Phone::from_wire(&row.phone) {
                self.orphans
                    .entry((GatewayId(row.gateway.clone()), phone))
                    .or_default()
                    .push(row);
            }
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
        let rows = tx.messages(&ids).await?;
        let long: Vec<_> = rows
            .iter()
            .filter(|r| r.segments > 1)
            .map(|r| MessageId(r.id))
            .collect();
        let mut parts: HashMap<i64, Vec<SegmentRow>> = HashMap::new();
        for s in tx.segments(&long).await? {
            parts.entry(s.message_id).or_default().push(s);
        }
        for lane in ids.iter().map(|id| id.lane()).collect::<HashSet<_>>() {
            self.lane(tx, lane).await?;
        }
        for row in rows {
            let segments = parts.remove(&row.id).unwrap_or_default();
            let id = MessageId(row.id);
            if let Some(lane) = self.lanes.get(&id.lane()) {
                let message = Message::new(row, lane, &segments)?;
                self.messages.insert(id, message);
            }
        }
        Ok(())
    }

    /// A lane, loaded once.
    pub(super) async fn lane(&mut self, tx: &mut Tx, id: LaneId) -> store::Result<LaneRow> {
        if let Some(lane) = self.lanes.get(&id) {
            return Ok(lane.clone());
        }
        let lane = tx.lane(id).await?.ok_or_else(|| store::Error::Missing {
            what: "lane",
            id: id.to_string(),
        })?;
        self.lanes.insert(id, lane.clone());
        Ok(lane)
    }

    /// A run has changed: so have its lanes, as far as they are loaded.
    pub(super) fn run_changed(&mut self, run: RunId, change: impl Fn(&mut LaneRow)) {
        let run = run.to_string();
        self.lanes
            .values_mut()
            .filter(|l| l.run_id == run)
            .for_each(change);
    }

    /// Has the message an outcome that is not written yet?
    pub(super) fn has_news(&self, id: MessageId) -> bool {
        self.messages
            .get(&id)
            .is_some_and(|m| m.dirty && m.standing.outcome().is_some())
    }

    pub(super) fn note(&mut self, event: &Event) {
        self.events.push_str(&event.line());
        self.events.push('\n');
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
        let before = message.standing.outcome();
        match message.standing.apply(usize::from(part), change) {
            Ok(true) => {}
            Ok(false) => return false,
            Err(impossible) => {
                tracing::warn!(message = %id, "{impossible}");
                return false;
            }
        }
        let after = message.standing.outcome();
        let row = &mut message.row;
        let event = Event::M {
            m: id,
            p: row.last_entry,
            part: i64::from(part),
            of: message.standing.parts.len() as i64,
            change: change.clone(),
            s: after.as_ref().map(|a| a.0),
            src: source,
        };
        if row.first_entry == 0 {
            row.first_entry = self.entry;
        }
        row.last_entry = self.entry;
        row.attempt = message.standing.attempt;
        row.state = after.as_ref().map(|a| a.0.as_str().to_owned());
        row.code = after.as_ref().map(|a| a.1.clone());
        if message.standing.parts.len() == 1 {
            row.carrier_id = message.standing.parts[0].carrier_id().map(str::to_owned);
        }
        row.mark = match (message.standing.adopted, message.standing.attempt) {
            (true, _) => Some("adopted".to_owned()),
            (false, 2..) => Some("resent".to_owned()),
            (false, _) => None,
        };
        message.dirty = true;
        if change.is_answer() {
            self.answered.insert(id.lane());
        }
        let never_left = after.as_ref().is_some_and(|a| a.0.never_left());
        let phone = message.phone();
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
            && !lane.day.is_empty()
            && lane.priority != "urgent"
        {
            self.days.push((lane.day.clone(), phone));
        }
    }

    /// An answer, a time-out, a suppression: news of one part.
    pub(super) fn part(&mut self, news: &PartNews) {
        let was_doubt = self
            .part_of(news.message, news.part)
            .is_some_and(Part::is_doubt);
        if was_doubt && news.change == Change::Resent && !self.may_resend(news) {
            return;
        }
        if !self.change(news.message, news.part, &news.change, news.source) {
            if news.gone {
                self.gone(news.message, news.part);
            }
            return;
        }
        match &news.change {
            Change::Accepted { id } => {
                self.expect_reports(news, id);
                let taken = self.segments_of(news.message);
                *self.done.accepted.entry(news.gateway.clone()).or_default() += taken;
                if !was_doubt {
                    self.hands_over(news);
                }
                if was_doubt {
                    self.forget_doubt(&news.gateway, news.phone, news.message, news.part);
                    self.send_rest(news.message, &news.gateway);
                }
                for id in [Some(id), news.counted.as_ref()].into_iter().flatten() {
                    self.early_report(&news.gateway, news.phone, news.message, news.part, id);
                }
            }
            Change::Doubt { id } => {
                self.hands_over(news);
                self.doubt(news, id.as_deref());
            }
            Change::Resent => self.resend(news),
            Change::Refused { .. } | Change::Adopted { .. } => {
                if was_doubt {
                    self.forget_doubt(&news.gateway, news.phone, news.message, news.part);
                }
            }
            Change::Reported { .. }
            | Change::Unconfirmed
            | Change::Suppressed { .. }
            | Change::Cancelled { .. } => {}
        }
        self.try_adopt(&(news.gateway.clone(), news.phone));
    }

    /// The carrier has it, or may have.
    fn hands_over(&mut self, news: &PartNews) {
        let segments = i64::try_from(self.segments_of(news.message)).unwrap_or(1);
        *self.handed.entry(news.gateway.clone()).or_default() += segments;
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
            .and_then(Message::phone)
            .filter(|_| doubtful)
        else {
            return;
        };
        self.part(&PartNews {
            message,
            part,
            phone,
            gateway: gateway.clone(),
            change: change.clone(),
            source: Source::Carrier,
            asked: self.now,
            gone: false,
            counted,
        });
    }

    /// The segments that one part of a message counts: all of them where it has no others.
    fn segments_of(&self, id: MessageId) -> u64 {
        self.messages
            .get(&id)
            .map_or(1, |m| match m.standing.parts.len() {
                1 => u64::try_from(m.row.segments).unwrap_or(1),
                _ => 1,
            })
    }

    pub(super) fn part_of(&self, message: MessageId, part: u8) -> Option<&Part> {
        self.messages
            .get(&message)?
            .standing
            .parts
            .get(usize::from(part))
    }
}
