//! Every message, segment and doubt against what follows from the ledger; lane by lane the
//! commitments against the frozen root.

use std::collections::{BTreeMap, VecDeque};

use super::{
    difference::{Check, extra, missing, same, wrong},
    queue::Lane,
    replay::Replay,
    standing::{Mark, short},
};
use crate::{
    domain::{
        bilingual::bilingual,
        commitment,
        id::{LaneId, MessageId},
        ledger::{Hash, Tree, salted},
        message::{MessageState, Outcome, StoredPart},
        template::{Template, Values},
    },
    store::{
        Tx,
        audit::{AuditLane, AuditMessage},
        hot::Segment,
    },
};

/// Rows read at a time.
pub(super) const CHUNK: i64 = 5_000;

/// What a lane's messages add up to.
#[derive(Debug, Default, Clone)]
pub(super) struct Sums {
    pub(super) outcomes: BTreeMap<Outcome, i64>,
    pub(super) ahead: i64,
    pub(super) segments: i64,
    pub(super) max_parts: i64,
}

/// The text of a lane's messages.
#[derive(Debug)]
pub(super) struct LaneText {
    template: Option<Template>,
    fixed: Option<String>,
}

impl LaneText {
    pub(super) fn of(template: &str) -> Self {
        let template = Template::parse(template).ok();
        let fixed = template
            .as_ref()
            .filter(|t| t.names().is_empty())
            .and_then(|t| t.render(&Values::default()).ok());
        Self { template, fixed }
    }

    /// The commitment to a message; of an erased one it stands in place of the salt. `None`: its
    /// values don't make a text, or the salt has a length that is never written.
    pub(super) fn leaf(&self, row: &AuditMessage) -> Option<Hash> {
        if row.phone.is_empty() {
            return row.salt.as_slice().try_into().ok();
        }
        if row.salt.len() != 16 {
            return None;
        }
        let rendered;
        let text = match (&self.fixed, &self.template) {
            (Some(text), _) => text,
            (None, Some(template)) => {
                rendered = template.render(&Values::from_json(&row.vals).ok()?).ok()?;
                &rendered
            }
            (None, None) => return None,
        };
        let position = MessageId(row.id).position();
        Some(salted(
            &row.salt,
            commitment::message(position, &row.phone, &row.vals, text).as_bytes(),
        ))
    }
}

/// The lane whose messages are being read.
struct Open<'a> {
    id: LaneId,
    text: LaneText,
    lane: &'a Lane,
    tree: Tree,
    sums: Sums,
}

/// All messages; gives what each lane's add up to.
pub(super) async fn check(
    tx: &mut Tx,
    replay: &Replay,
    rows: &[AuditLane],
) -> Check<BTreeMap<LaneId, Sums>> {
    let mut sums = BTreeMap::new();
    let mut stored: BTreeMap<LaneId, &AuditLane> = rows.iter().map(|l| (LaneId(l.id), l)).collect();
    let mut lanes = replay.lanes.iter();
    let mut open: Option<Open<'_>> = None;
    let mut segments = Segments::default();
    let (mut lane, mut id) = (i64::MIN, i64::MIN);
    loop {
        let chunk = tx.audit_messages_after(lane, id, CHUNK).await?;
        let Some(last) = chunk.last() else { break };
        (lane, id) = (last.lane_id, last.id);
        for row in &chunk {
            if row.lane_id != MessageId(row.id).lane().0 {
                same(
                    "message",
                    row.id,
                    "lane_id",
                    row.lane_id,
                    MessageId(row.id).lane().0,
                )?;
            }
            if stored
                .get(&LaneId(row.lane_id))
                .is_some_and(|l| l.frozen_us == 0)
            {
                continue;
            }
            while open.as_ref().is_none_or(|o| o.id.0 < row.lane_id) {
                if let Some(done) = open.take() {
                    sums.insert(done.id, done.close()?);
                }
                let Some((&id, lane)) = lanes.next() else {
                    return Err(extra("message", row.id));
                };
                open = Some(Open::new(id, lane, stored.remove(&id)));
            }
            let Some(open) = open.as_mut().filter(|o| o.id.0 == row.lane_id) else {
                return Err(extra("message", row.id));
            };
            open.row(tx, replay, row, &mut segments).await?;
        }
    }
    if let Some(done) = open.take() {
        sums.insert(done.id, done.close()?);
    }
    for (&id, lane) in lanes {
        sums.insert(id, Open::new(id, lane, None).close()?);
    }
    match segments.next(tx).await? {
        Some(row) => Err(extra(
            "segment",
            format!("{} part {}", row.message, row.part),
        )),
        None => Ok(sums),
    }
}

impl<'a> Open<'a> {
    fn new(id: LaneId, lane: &'a Lane, stored: Option<&AuditLane>) -> Self {
        let text = LaneText::of(stored.map_or("", |l| l.template.as_str()));
        Self {
            id,
            text,
            lane,
            tree: Tree::default(),
            sums: Sums {
                max_parts: 1,
                ..Sums::default()
            },
        }
    }

    async fn row(
        &mut self,
        tx: &mut Tx,
        replay: &Replay,
        row: &AuditMessage,
        segments: &mut Segments,
    ) -> Check {
        let position = MessageId(row.id).position();
        if position as u64 != self.tree.len() {
            return Err(missing(
                "message",
                MessageId::new(self.id, self.tree.len() as i64),
            ));
        }
        if position >= self.lane.size {
            return Err(extra("message", row.id));
        }
        let mark = self.lane.messages.mark(position);
        let known = self.lane.messages.parts(position);
        let parts = match (known, self.lane.whole) {
            (Some(known), _) => known as i64,
            (None, true) => 1,
            (None, false) => row.segments,
        };
        // Of a whole text only the lane's sum is known.
        let counted = if self.lane.whole { 1 } else { row.segments };
        same("message", row.id, "segments", counted, parts)?;
        let standing = self.lane.messages.standing(
            position,
            usize::try_from(parts).unwrap_or(1),
            &replay.words,
        );
        compare(replay, row, mark, &standing)?;
        if parts > 1 && mark.changed > 0 {
            for (k, part) in (0..).zip(&standing.stored_parts()) {
                segments.compare(tx, MessageId(row.id), (k, part)).await?;
            }
        }
        let Some(leaf) = self.text.leaf(row) else {
            let words = bilingual!(
                "内容与队列正文不符",
                "its values, salt and the lane's text don't fit together"
            );
            return Err(wrong("message", row.id, words).into());
        };
        self.tree.push(leaf);
        self.sums.segments += row.segments;
        self.sums.max_parts = self.sums.max_parts.max(row.segments);
        if let Some((outcome, _)) = standing.outcome() {
            *self.sums.outcomes.entry(outcome).or_default() += 1;
            self.sums.ahead += i64::from(position >= self.lane.next);
        }
        Ok(())
    }

    fn close(self) -> Check<Sums> {
        if self.tree.len() as i64 != self.lane.size {
            return Err(missing(
                "message",
                MessageId::new(self.id, self.tree.len() as i64),
            ));
        }
        if hex::encode(self.tree.root()) != self.lane.root {
            let words = bilingual!(
                "其中短信的号码、内容、随机盐或队列正文与冻结时不同",
                "the numbers, values, salts or text of its messages are not those that were frozen"
            );
            return Err(wrong("lane", self.id, words).into());
        }
        Ok(self.sums)
    }
}

/// One row's outcome columns.
fn compare(replay: &Replay, row: &AuditMessage, mark: Mark, standing: &MessageState) -> Check {
    let text = |column: &Option<String>| column.clone().unwrap_or_default();
    let (state, code) = standing
        .outcome()
        .map_or(("", String::new()), |(o, code)| (o.as_str(), code));
    same(
        "message",
        row.id,
        "state",
        text(&row.state),
        state.to_owned(),
    )?;
    same("message", row.id, "code", text(&row.code), code)?;
    let id = match standing.parts.as_slice() {
        [only] => only.carrier_id(),
        _ => None,
    };
    same_id("message", row.id.to_string(), &text(&row.carrier_id), id)?;
    same(
        "message",
        row.id,
        "gateway",
        text(&row.gateway),
        mark.gateway(&replay.words).to_owned(),
    )?;
    same("message", row.id, "attempt", row.attempt, standing.attempt)?;
    let resent = if standing.attempt > 1 { "resent" } else { "" };
    same(
        "message",
        row.id,
        "mark",
        text(&row.mark).as_str(),
        if standing.adopted { "adopted" } else { resent },
    )?;
    same(
        "message",
        row.id,
        "first_entry",
        row.first_entry,
        i64::from(mark.first),
    )?;
    same(
        "message",
        row.id,
        "last_entry",
        row.last_entry,
        i64::from(mark.last),
    )?;
    let changed = mark
        .changed
        .checked_sub(1)
        .and_then(|n| replay.times.get(n as usize))
        .map_or(0, |at| at.0);
    same("message", row.id, "changed_us", row.changed_us, changed)?;
    same(
        "message",
        row.id,
        "erased",
        row.phone.is_empty(),
        mark.is_erased(),
    )
}

/// The ledger's id is known by its hash only.
fn same_id(table: &'static str, row: String, is: &str, ledger: Option<&str>) -> Check {
    let short = if is.is_empty() {
        None
    } else {
        Some(hex::encode(short(is)))
    };
    // A carrier may give an empty id.
    if short.as_deref() == ledger
        || (is.is_empty() && ledger == Some(hex::encode(self::short("")).as_str()))
    {
        return Ok(());
    }
    let words = match ledger {
        Some(_) => bilingual!(
            "carrier_id 不是台账所记",
            "carrier_id is not the one that the ledger says"
        ),
        None => bilingual!(
            "carrier_id 本应为空",
            "carrier_id is there, the ledger has none"
        ),
    };
    Err(wrong(table, row, words).into())
}

/// The stored parts of long messages, read along.
#[derive(Debug, Default)]
struct Segments {
    waiting: VecDeque<Segment>,
    last: Option<(i64, i64, i64)>,
    over: bool,
}

impl Segments {
    async fn next(&mut self, tx: &mut Tx) -> Check<Option<Segment>> {
        if self.waiting.is_empty() && !self.over {
            let after = self.last.unwrap_or((i64::MIN, i64::MIN, i64::MIN));
            self.waiting
                .extend(tx.audit_segments_after(after, CHUNK).await?);
            self.over = self.waiting.is_empty();
            self.last = self
                .waiting
                .back()
                .map(|s| (s.message.lane().0, s.message.0, i64::from(s.part)));
        }
        Ok(self.waiting.pop_front())
    }

    async fn compare(
        &mut self,
        tx: &mut Tx,
        message: MessageId,
        (k, part): (u8, &StoredPart),
    ) -> Check {
        let name = format!("{message} part {k}");
        let Some(row) = self.next(tx).await? else {
            return Err(missing("segment", name));
        };
        let (is, ledger) = ((row.message, row.part), (message, k));
        if is != ledger {
            return Err(if is < ledger {
                extra("segment", format!("{} part {}", row.message, row.part))
            } else {
                missing("segment", name)
            });
        }
        let word = |part: &StoredPart| part.outcome.map_or("", Outcome::as_str);
        same("segment", &name, "state", word(&row.state), word(part))?;
        let (is, ledger) = (row.state.code.as_str(), part.code.as_str());
        same("segment", &name, "code", is, ledger)?;
        let ledger = Some(part.carrier_id.as_str()).filter(|id| !id.is_empty());
        same_id("segment", name, &row.state.carrier_id, ledger)
    }
}

/// Every doubtful part has its row, and every row its doubtful part.
pub(super) async fn check_doubts(tx: &mut Tx, replay: &Replay) -> Check {
    let mut ledger = replay.doubts.iter();
    let mut last = (i64::MIN, i64::MIN, i64::MIN);
    loop {
        let rows = tx.audit_doubts_after(last, CHUNK).await?;
        let Some(row) = rows.last() else { break };
        last = (row.message.lane().0, row.message.0, i64::from(row.part));
        for row in rows {
            let name = format!("{} part {}", row.message, row.part);
            let Some((key, doubt)) = ledger.next() else {
                return Err(extra("doubt", name));
            };
            match (row.message, row.part).cmp(key) {
                std::cmp::Ordering::Less => return Err(extra("doubt", name)),
                std::cmp::Ordering::Greater => {
                    return Err(missing("doubt", format!("{} part {}", key.0, key.1)));
                }
                std::cmp::Ordering::Equal => {}
            }
            same("doubt", &name, "since_us", row.since, doubt.since)?;
            same("doubt", &name, "graced", row.grace_over, doubt.grace_over)?;
        }
    }
    match ledger.next() {
        Some((key, _)) => Err(missing("doubt", format!("{} part {}", key.0, key.1))),
        None => Ok(()),
    }
}

/// The tallies say how many messages of each lane have each outcome.
pub(super) fn check_tallies(
    rows: &[(LaneId, Outcome, i64)],
    sums: &BTreeMap<LaneId, Sums>,
) -> Check {
    let mut stored: BTreeMap<(LaneId, Outcome), i64> =
        rows.iter().map(|(l, o, n)| ((*l, *o), *n)).collect();
    for (&lane, sum) in sums {
        for outcome in Outcome::ALL {
            let n = sum.outcomes.get(&outcome).copied().unwrap_or(0);
            let row = format!("{lane} {outcome}");
            same(
                "tally",
                row,
                "n",
                stored.remove(&(lane, outcome)).unwrap_or(0),
                n,
            )?;
        }
    }
    match stored.iter().next() {
        Some(((lane, state), _)) => Err(extra("tally", format!("{lane} {state}"))),
        None => Ok(()),
    }
}
