//! Lanes, their tallies, claims and the `again` table: the durable queue of ranges.

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};

use super::{
    Corrupt, Error, Result, Tx,
    columns::{self, Columns},
    dialect, on,
};
use crate::domain::{
    event::Span,
    id::{ClaimId, GatewayId, LaneId, MessageId, Position, RunId},
    lifecycle::Intent,
    message::Outcome,
    policy::OnDoubt,
    priority::Priority,
    text::Framing,
    time::Micros,
};

/// A lane with what its run wants of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// Its number.
    pub id: LaneId,
    /// The run that it is a part of.
    pub run: RunId,
    /// Through which gateway; `None`: these people have no route.
    pub gateway: Option<GatewayId>,
    /// The final text with its placeholders open.
    pub template: String,
    /// How many messages the run put into it.
    pub size: Position,
    /// The first position never claimed.
    pub next: Position,
    /// Nothing from here on will be claimed.
    pub end: Position,
    /// Why it was ended, also when nothing stood before its front any more; `None`: it was not.
    pub end_reason: Option<String>,
    /// Outcomes at positions from `next` on.
    pub ahead: i64,
    /// Bytes at the text's start that the carrier writes itself.
    pub carrier_prefix_len: usize,
    /// Is a message cut into parts, or one whole text on the wire however many segments it counts?
    pub framing: Framing,
    /// Daily limits are reserved up to here.
    pub reserved: Position,
    /// Segments of the longest message.
    pub max_parts: i64,
    /// Segments of all messages.
    pub segments: i64,
    /// The run's priority.
    pub priority: Priority,
    /// The run's intent.
    pub intent: Intent,
    /// The run's policy for doubt.
    pub on_doubt: OnDoubt,
    /// Not sent after.
    pub not_after: Option<Micros>,
    /// Not sent before; `None`: at once.
    pub not_before: Option<Micros>,
    /// When the run opened.
    pub opened: Option<Micros>,
    /// When the run was first seen done.
    pub closed: Option<Micros>,
    /// The office's day whose limits the run counts for, once reserved.
    pub day: Option<String>,
    /// The reference of the run's long messages, 0 to 127.
    pub part_ref: u8,
    /// When the carrier last answered a segment of it, yes or no.
    pub sent: Option<Micros>,
}

impl Lane {
    /// May a message of it be handed to its gateway now, as far as run and lane are concerned?
    pub fn may_send(&self, now: Micros) -> bool {
        self.intent == Intent::Go
            && self.opened.is_some()
            && self.closed.is_none()
            && self.not_after.is_none_or(|last| now <= last)
    }

    /// Is the run over, or the lane ended? Then nothing of it goes into the queue any more.
    pub fn is_over(&self) -> bool {
        self.closed.is_some() || self.end_reason.is_some()
    }

    /// How many parts a message of so many segments has on the wire.
    pub fn parts(&self, segments: u8) -> usize {
        match self.framing {
            Framing::Parts => usize::from(segments),
            Framing::Whole => 1,
        }
    }
}

/// As stored.
#[derive(sqlx::FromRow)]
struct LaneRow {
    id: i64,
    run_id: String,
    gateway: String,
    template: String,
    size: i64,
    next: i64,
    end: i64,
    end_reason: String,
    ahead: i64,
    written_from: i64,
    whole: i64,
    reserved: i64,
    max_parts: i64,
    segments: i64,
    priority: String,
    intent: String,
    on_doubt: String,
    not_after_us: i64,
    not_before_us: i64,
    opened_us: i64,
    closed_us: i64,
    day: String,
    part_ref: i64,
    sent_us: i64,
}

impl TryFrom<LaneRow> for Lane {
    type Error = Corrupt;

    fn try_from(row: LaneRow) -> Result<Self, Corrupt> {
        let lane = Columns::of("lane", &row.id);
        let run = Columns::of("run", &row.run_id);
        Ok(Self {
            id: LaneId(row.id),
            run: lane.parse("run_id", &row.run_id)?,
            gateway: columns::gateway(row.gateway),
            template: row.template,
            size: row.size,
            next: row.next,
            end: row.end,
            end_reason: columns::text(row.end_reason),
            ahead: row.ahead,
            carrier_prefix_len: lane.number("written_from", row.written_from)?,
            framing: framing(lane.flag("whole", row.whole)?),
            reserved: row.reserved,
            max_parts: row.max_parts,
            segments: row.segments,
            priority: run.parse("priority", &row.priority)?,
            intent: run.parse("intent", &row.intent)?,
            on_doubt: run.parse("on_doubt", &row.on_doubt)?,
            not_after: columns::time(row.not_after_us),
            not_before: columns::time(row.not_before_us),
            opened: columns::time(row.opened_us),
            closed: columns::time(row.closed_us),
            day: columns::text(row.day),
            part_ref: run.number("part_ref", row.part_ref)?,
            sent: columns::time(row.sent_us),
        })
    }
}

fn framing(whole: bool) -> Framing {
    match whole {
        true => Framing::Whole,
        false => Framing::Parts,
    }
}

/// A lane's columns with its run's, and what follows the join.
macro_rules! lanes {
    ($rest:literal) => {
        concat!(
            "SELECT l.id, l.run_id, l.gateway, l.template, l.size, l.next, l.\"end\", l.end_reason, l.ahead, l.reserved,
                    l.written_from, l.whole, l.max_parts, l.segments, r.priority, r.intent, r.on_doubt, r.not_after_us, r.not_before_us,
                    r.opened_us, r.closed_us, r.day, r.part_ref, l.sent_us
               FROM lane l JOIN run r ON r.id = l.run_id ",
            $rest
        )
    };
}

/// A claim, open until the commit of its last outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its number.
    pub id: ClaimId,
    /// Whose messages, and which.
    pub span: Span,
    /// The first part to send, from 0.
    pub part: u8,
    /// Through which gateway.
    pub gateway: GatewayId,
    /// The process that made it.
    pub node: String,
    /// 1, or 2 when sent again.
    pub attempt: i64,
    /// The wire's number of the span's first message's part 0.
    pub first: u32,
    /// The wire's numbers per position.
    pub stride: u32,
    /// When it was made.
    pub at: Micros,
    /// Numbers in one request at most.
    pub batch: i64,
    /// Positions that it covers and did not hand over.
    pub left_out: Vec<Position>,
}

/// As stored.
#[derive(sqlx::FromRow)]
struct ClaimRow {
    id: i64,
    lane_id: i64,
    from: i64,
    to: i64,
    part: i64,
    gateway: String,
    node: String,
    attempt: i64,
    first: i64,
    stride: i64,
    at_us: i64,
    batch: i64,
    left_out: String,
}

impl TryFrom<ClaimRow> for Claim {
    type Error = Corrupt;

    fn try_from(row: ClaimRow) -> Result<Self, Corrupt> {
        let claim = Columns::of("claim", &row.id);
        let left_out = row.left_out.split(',').filter(|p| !p.is_empty());
        Ok(Self {
            id: ClaimId(row.id),
            span: Span {
                lane: LaneId(row.lane_id),
                from: row.from,
                to: row.to,
            },
            part: claim.number("part", row.part)?,
            gateway: GatewayId(row.gateway),
            node: row.node,
            attempt: row.attempt,
            first: claim.number("first", row.first)?,
            stride: claim.number("stride", row.stride)?,
            at: Micros(row.at_us),
            batch: row.batch,
            left_out: left_out
                .map(|p| claim.parse("left_out", p))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// A range that waits to be claimed again: released, or a retry (a range of one).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requeued {
    /// Which messages.
    pub span: Span,
    /// The first part still to send, from 0.
    pub part: u8,
    /// Through which gateway next.
    pub gateway: GatewayId,
    /// 1, or 2 when sent again.
    pub attempt: i64,
    /// Not before.
    pub due: Micros,
}

/// As stored.
#[derive(sqlx::FromRow)]
struct AgainRow {
    lane_id: i64,
    from: i64,
    to: i64,
    part: i64,
    gateway: String,
    attempt: i64,
    due_us: i64,
}

impl TryFrom<AgainRow> for Requeued {
    type Error = Corrupt;

    fn try_from(row: AgainRow) -> Result<Self, Corrupt> {
        let key = format!("{} from {}", row.lane_id, row.from);
        Ok(Self {
            span: Span {
                lane: LaneId(row.lane_id),
                from: row.from,
                to: row.to,
            },
            part: Columns::of("again", &key).number("part", row.part)?,
            gateway: GatewayId(row.gateway),
            attempt: row.attempt,
            due: Micros(row.due_us),
        })
    }
}

impl Tx {
    /// One lane.
    pub async fn lane(&mut self, id: LaneId) -> Result<Lane> {
        let row: Option<LaneRow> = on!(self, db => sqlx::query_as(lanes!("WHERE l.id = $1")).bind(id.0).fetch_optional(db).await)?;
        let row = row.ok_or_else(|| Error::Missing {
            what: "lane",
            id: id.to_string(),
        })?;
        Ok(row.try_into()?)
    }

    /// A run's lanes.
    pub async fn lanes_of(&mut self, run: RunId) -> Result<Vec<Lane>> {
        columns::all::<LaneRow, _>(
            on!(self, db => sqlx::query_as(lanes!("WHERE l.run_id = $1 ORDER BY l.id"))
            .bind(run.to_string()).fetch_all(db).await)?,
        )
    }

    /// All lanes of runs that go, with anything left to claim or to answer.
    pub async fn open_lanes(&mut self) -> Result<Vec<Lane>> {
        columns::all::<LaneRow, _>(on!(self, db => sqlx::query_as(lanes!(
            "WHERE r.intent = 'go' AND r.opened_us > 0 AND r.closed_us = 0 AND l.gateway <> ''
               AND (l.next < l.\"end\" OR EXISTS (SELECT 1 FROM again a WHERE a.lane_id = l.id)
                    OR EXISTS (SELECT 1 FROM claim c WHERE c.lane_id = l.id)) ORDER BY l.id"))
            .fetch_all(db).await)?)
    }

    /// All that waits to be claimed again, in the order it is due.
    pub async fn requeued(&mut self) -> Result<Vec<Requeued>> {
        columns::all::<AgainRow, _>(on!(self, db => sqlx::query_as(
            "SELECT lane_id, \"from\", \"to\", part, gateway, attempt, due_us FROM again ORDER BY due_us, lane_id, \"from\"")
            .fetch_all(db).await)?)
    }

    /// What of one lane waits to be claimed again.
    pub async fn requeued_of(&mut self, lane: LaneId) -> Result<Vec<Requeued>> {
        columns::all::<AgainRow, _>(on!(self, db => sqlx::query_as(
            "SELECT lane_id, \"from\", \"to\", part, gateway, attempt, due_us FROM again WHERE lane_id = $1 ORDER BY \"from\"")
            .bind(lane.0).fetch_all(db).await)?)
    }

    /// The range that begins at this position waits no longer.
    pub async fn drop_requeued(&mut self, lane: LaneId, from: Position) -> Result<()> {
        on!(self, db => sqlx::query("DELETE FROM again WHERE lane_id = $1 AND \"from\" = $2")
            .bind(lane.0).bind(from).execute(db).await.map(drop))
    }

    /// A range waits to be claimed again.
    pub async fn put_requeued(&mut self, row: &Requeued) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO again (lane_id, \"from\", \"to\", part, gateway, attempt, due_us) VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .bind(row.span.lane.0).bind(row.span.from).bind(row.span.to).bind(i64::from(row.part)).bind(&row.gateway.0)
            .bind(row.attempt).bind(row.due.0).execute(db).await.map(drop))
    }

    /// Moves a lane's front and its count of outcomes ahead.
    pub async fn advance_lane(&mut self, lane: LaneId, next: Position, ahead: i64) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE lane SET next = $2, ahead = $3 WHERE id = $1")
            .bind(lane.0).bind(next).bind(ahead).execute(db).await.map(drop))
    }

    /// Ends a lane where it stands.
    pub async fn end_lane(&mut self, lane: LaneId, reason: &str) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE lane SET \"end\" = next, end_reason = $2 WHERE id = $1 AND end_reason = ''")
            .bind(lane.0).bind(reason).execute(db).await.map(drop))
    }

    /// Notes how far the limits are reserved.
    pub async fn set_reserved(&mut self, lane: LaneId, reserved: Position) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE lane SET reserved = $2 WHERE id = $1")
            .bind(lane.0).bind(reserved).execute(db).await.map(drop))
    }

    /// What ended lanes still hold reserved beyond their end.
    pub async fn places_to_give_back(&mut self) -> Result<Vec<Span>> {
        let rows: Vec<(i64, i64, i64)> = on!(self, db => sqlx::query_as(
            "SELECT id, \"end\", reserved FROM lane WHERE \"end\" < size AND reserved > \"end\" ORDER BY id").fetch_all(db).await)?;
        let span = |(lane, from, to)| Span {
            lane: LaneId(lane),
            from,
            to,
        };
        Ok(rows.into_iter().map(span).collect())
    }

    /// Writes a claim.
    pub async fn put_claim(&mut self, c: &Claim) -> Result<()> {
        let left_out: Vec<_> = c.left_out.iter().map(Position::to_string).collect();
        on!(self, db => sqlx::query(
            "INSERT INTO claim (id, lane_id, \"from\", \"to\", part, gateway, node, attempt, first, stride, at_us, batch, left_out)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)")
            .bind(c.id.0).bind(c.span.lane.0).bind(c.span.from).bind(c.span.to).bind(i64::from(c.part)).bind(&c.gateway.0)
            .bind(&c.node).bind(c.attempt).bind(i64::from(c.first)).bind(i64::from(c.stride)).bind(c.at.0).bind(c.batch)
            .bind(left_out.join(",")).execute(db).await.map(drop))
    }

    /// Closes a claim.
    pub async fn drop_claim(&mut self, lane: LaneId, id: ClaimId) -> Result<()> {
        on!(self, db => sqlx::query("DELETE FROM claim WHERE lane_id = $1 AND id = $2")
            .bind(lane.0).bind(id.0).execute(db).await.map(drop))
    }

    /// Carriers have answered segments of these lanes now: the newest such moment is when a lane's last
    /// segment was through. One statement a commit.
    pub async fn lanes_answered(&mut self, lanes: &BTreeSet<LaneId>, now: Micros) -> Result<()> {
        if lanes.is_empty() {
            return Ok(());
        }
        let ids = serde_json::json!(lanes).to_string();
        let sql = dialect!(self,
            sqlite: "UPDATE lane SET sent_us = $2 WHERE id IN (SELECT value FROM json_each($1))",
            postgres: "UPDATE lane SET sent_us = $2 WHERE id IN (SELECT value::bigint FROM json_array_elements_text($1::json))");
        on!(self, db => sqlx::query(sql).bind(ids).bind(now.0).execute(db).await.map(drop))
    }

    /// All open claims.
    pub async fn claims(&mut self) -> Result<Vec<Claim>> {
        columns::all::<ClaimRow, _>(on!(self, db => sqlx::query_as(
            "SELECT id, lane_id, \"from\", \"to\", part, gateway, node, attempt, first, stride, at_us, batch, left_out
               FROM claim ORDER BY id")
            .fetch_all(db).await)?)
    }

    /// Adds to a lane's tally.
    pub async fn count(&mut self, lane: LaneId, state: Outcome, by: i64) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO tally (lane_id, state, n) VALUES ($1, $2, $3)
             ON CONFLICT (lane_id, state) DO UPDATE SET n = tally.n + excluded.n")
            .bind(lane.0).bind(state.as_str()).bind(by).execute(db).await.map(drop))
    }

    /// A lane's tallies.
    async fn tallies(&mut self, lane: LaneId) -> Result<Vec<(Outcome, i64)>> {
        let rows: Vec<(String, i64)> = on!(self, db => sqlx::query_as("SELECT state, n FROM tally WHERE lane_id = $1").bind(lane.0).fetch_all(db).await)?;
        let tally = Columns::of("tally", &lane);
        let read = |(state, n): (String, i64)| Ok((tally.parse("state", &state)?, n));
        rows.into_iter().map(read).collect()
    }
}

/// `{"total", each outcome, "queued", "submitting"}`.
impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        self.to_json().serialize(to)
    }
}

/// How many messages of a lane are in each state. Adds up to the lane's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// By [`Outcome`], in the order of [`Outcome::ALL`]; cancelled-by-range included.
    outcomes: [i64; Outcome::ALL.len()],
    /// Waiting, in no claim.
    pub queued: i64,
    /// Claimed, no answer yet.
    pub submitting: i64,
}

impl Counts {
    /// How many have this outcome.
    pub fn of(&self, outcome: Outcome) -> i64 {
        self.outcomes[outcome as usize]
    }

    /// All of them.
    pub fn total(&self) -> i64 {
        self.outcomes.iter().sum::<i64>() + self.queued + self.submitting
    }

    /// Those that may still change by themselves; doubt counts here too.
    pub fn open(&self) -> i64 {
        self.queued + self.submitting + self.of(Outcome::Submitted) + self.of(Outcome::InDoubt)
    }

    /// Those that have left us, or may have.
    pub fn left(&self) -> i64 {
        let stayed: i64 = Outcome::ALL
            .into_iter()
            .filter(|o| o.never_left())
            .map(|o| self.of(o))
            .sum();
        self.total() - self.queued - stayed
    }

    /// Adds another lane's.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.outcomes.iter_mut().zip(other.outcomes) {
            *mine += theirs;
        }
        self.queued += other.queued;
        self.submitting += other.submitting;
    }

    /// The counts that follow from a lane's front, its tallies and what waits in `again`: no row of
    /// the message table is looked at.
    pub fn derive(lane: &Lane, tallies: &[(Outcome, i64)], waiting_again: i64) -> Self {
        let mut counts = Self::default();
        for &(outcome, n) in tallies {
            counts.outcomes[outcome as usize] += n;
        }
        let stored: i64 = counts.outcomes.iter().sum();
        // An ended lane has no more front: what stood ahead without an outcome is cancelled.
        let beyond = lane.size - lane.next - lane.ahead;
        counts.submitting = lane.next - (stored - lane.ahead) - waiting_again;
        counts.queued = waiting_again;
        match lane.end < lane.size {
            true => counts.outcomes[Outcome::Cancelled as usize] += beyond,
            false => counts.queued += beyond,
        }
        counts
    }
}

impl Tx {
    /// A lane's counts.
    pub async fn lane_counts(&mut self, lane: &Lane) -> Result<Counts> {
        let tallies = self.tallies(lane.id).await?;
        let waiting = self.requeued_of(lane.id).await?;
        let waiting = waiting.iter().map(|r| r.span.len()).sum();
        Ok(Counts::derive(lane, &tallies, waiting))
    }

    /// A run's counts.
    pub async fn run_counts(&mut self, run: RunId) -> Result<Counts> {
        let mut sum = Counts::default();
        for lane in self.lanes_of(run).await? {
            sum.add(&self.lane_counts(&lane).await?);
        }
        Ok(sum)
    }

    /// Messages of runs that are not over which have left us, or may have.
    pub async fn left(&mut self) -> Result<i64> {
        let mut left = 0;
        for run in self.unclosed_runs().await? {
            left += self.run_counts(run.id).await?.left();
        }
        // These wait again, but a part of them has left, or their first sending may have.
        let again: i64 = on!(self, db => sqlx::query_scalar(
            "SELECT CAST(COALESCE(sum(a.\"to\" - a.\"from\"), 0) AS BIGINT) FROM again a
               JOIN lane l ON l.id = a.lane_id JOIN run r ON r.id = l.run_id
              WHERE r.closed_us = 0 AND (a.part > 0 OR a.attempt > 1)").fetch_one(db).await)?;
        Ok(left + again)
    }

    /// Is evidence still waited for about any doubt of the run?
    pub async fn has_doubt_in_grace(&mut self, run: RunId) -> Result<bool> {
        let found: Option<i64> = on!(self, db => sqlx::query_scalar(
            "SELECT d.message_id FROM doubt d JOIN lane l ON l.id = d.lane_id WHERE l.run_id = $1 AND d.graced = 0 LIMIT 1")
            .bind(run.to_string()).fetch_optional(db).await)?;
        Ok(found.is_some())
    }
}

impl Counts {
    /// As CONTRACT's JSON has them: they add up to `total`.
    pub fn to_json(&self) -> serde_json::Value {
        let mut map = serde_json::Map::new();
        map.insert("total".into(), self.total().into());
        for outcome in Outcome::ALL {
            map.insert(outcome.as_str().into(), self.of(outcome).into());
        }
        map.insert("queued".into(), self.queued.into());
        map.insert("submitting".into(), self.submitting.into());
        map.into()
    }
}

impl Tx {
    /// Segments of a run that carriers took.
    pub async fn segments_taken(&mut self, run: RunId) -> Result<i64> {
        let mut taken = 0;
        for lane in self.lanes_of(run).await? {
            let first = MessageId::new(lane.id, 0).0;
            let past = MessageId::new(LaneId(lane.id.0 + 1), 0).0;
            // Without parts a message is taken with all the segments it counts.
            let short: i64 = on!(self, db => sqlx::query_scalar(
                "SELECT CAST(COALESCE(sum(segments), 0) AS BIGINT) FROM message
                  WHERE lane_id = $1 AND id >= $2 AND id < $3 AND carrier_id IS NOT NULL")
                .bind(lane.id.0).bind(first).bind(past).fetch_one(db).await)?;
            let long: i64 = on!(self, db => sqlx::query_scalar(
                "SELECT count(*) FROM segment WHERE lane_id = $1 AND message_id >= $2 AND message_id < $3 AND carrier_id <> ''")
                .bind(lane.id.0).bind(first).bind(past).fetch_one(db).await)?;
            taken += short + long;
        }
        Ok(taken)
    }
}
