//! Lanes, their tallies, claims and the `again` table: the durable queue of ranges.

use std::collections::BTreeSet;

use super::{Result, Tx, dialect, on};
use crate::domain::{
    id::{GatewayId, LaneId, RunId},
    message::Outcome,
    time::Micros,
};

/// A lane with what its run wants of it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LaneRow {
    /// [`LaneId`].
    pub id: i64,
    /// Its run.
    pub run_id: String,
    /// Its gateway; empty: no route.
    pub gateway: String,
    /// Final text with placeholders open.
    pub template: String,
    /// Messages.
    pub size: i64,
    /// The first position never claimed.
    pub next: i64,
    /// Nothing from here on will be claimed.
    pub end: i64,
    /// Why, once it has been ended; also when nothing stood before its front any more.
    pub end_reason: String,
    /// Outcomes at positions from `next` on.
    pub ahead: i64,
    /// Bytes at the text's start that the carrier writes itself.
    pub written_from: i64,
    /// 1: a message is one whole text on the wire, however many segments it counts.
    pub whole: i64,
    /// Daily limits are reserved up to here.
    pub reserved: i64,
    /// Segments of the longest message.
    pub max_parts: i64,
    /// Segments of all messages.
    pub segments: i64,
    /// The run's priority.
    pub priority: String,
    /// The run's intent.
    pub intent: String,
    /// The run's policy for doubt.
    pub on_doubt: String,
    /// The run's not-after, 0 = none.
    pub not_after_us: i64,
    /// The run may not start before.
    pub not_before_us: i64,
    /// When the run opened, 0 = not yet.
    pub opened_us: i64,
    /// When the run was first seen done, 0 = not yet.
    pub closed_us: i64,
    /// The run's day.
    pub day: String,
    /// The run's long-message reference.
    pub part_ref: i64,
    /// When the carrier last answered a segment of it, yes or no; 0 = never.
    pub sent_us: i64,
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
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ClaimRow {
    /// Its number.
    pub id: i64,
    /// Whose messages.
    pub lane_id: i64,
    /// First position.
    pub from: i64,
    /// One past the last.
    pub to: i64,
    /// First part to send, from 0.
    pub part: i64,
    /// Through which gateway.
    pub gateway: String,
    /// By which process.
    pub node: String,
    /// 1, or 2 when sent again.
    pub attempt: i64,
    /// Wire sequence of (from, part 0).
    pub first: i64,
    /// Sequences per position.
    pub stride: i64,
    /// When.
    pub at_us: i64,
    /// Numbers in one request at most.
    pub batch: i64,
    /// Positions that it covers and did not hand over, with commas between.
    pub left_out: String,
}

/// A released range or a retry.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AgainRow {
    /// Whose.
    pub lane_id: i64,
    /// First position.
    pub from: i64,
    /// One past the last.
    pub to: i64,
    /// First part to send, from 0.
    pub part: i64,
    /// Through which gateway.
    pub gateway: String,
    /// 1, or 2 when sent again.
    pub attempt: i64,
    /// Not before.
    pub due_us: i64,
}

impl Tx {
    /// One lane.
    pub async fn lane(&mut self, id: LaneId) -> Result<Option<LaneRow>> {
        on!(self, db => sqlx::query_as(lanes!("WHERE l.id = $1")).bind(id.0).fetch_optional(db).await)
    }

    /// A run's lanes.
    pub async fn lanes_of(&mut self, run: RunId) -> Result<Vec<LaneRow>> {
        on!(self, db => sqlx::query_as(lanes!("WHERE l.run_id = $1 ORDER BY l.id"))
            .bind(run.to_string()).fetch_all(db).await)
    }

    /// All lanes of runs that go, with anything left to claim or to answer.
    pub async fn open_lanes(&mut self) -> Result<Vec<LaneRow>> {
        on!(self, db => sqlx::query_as(lanes!(
            "WHERE r.intent = 'go' AND r.opened_us > 0 AND r.closed_us = 0 AND l.gateway <> ''
               AND (l.next < l.\"end\" OR EXISTS (SELECT 1 FROM again a WHERE a.lane_id = l.id)
                    OR EXISTS (SELECT 1 FROM claim c WHERE c.lane_id = l.id)) ORDER BY l.id"))
            .fetch_all(db).await)
    }

    /// All that waits in `again`, in the order it is due.
    pub async fn again(&mut self) -> Result<Vec<AgainRow>> {
        on!(self, db => sqlx::query_as(
            "SELECT lane_id, \"from\", \"to\", part, gateway, attempt, due_us FROM again ORDER BY due_us, lane_id, \"from\"")
            .fetch_all(db).await)
    }

    /// What of `again` belongs to one lane.
    pub async fn again_of(&mut self, lane: LaneId) -> Result<Vec<AgainRow>> {
        on!(self, db => sqlx::query_as(
            "SELECT lane_id, \"from\", \"to\", part, gateway, attempt, due_us FROM again WHERE lane_id = $1 ORDER BY \"from\"")
            .bind(lane.0).fetch_all(db).await)
    }

    /// Takes one row out of `again`; false when it is not there (any more).
    pub async fn take_again(&mut self, lane: LaneId, from: i64) -> Result<bool> {
        let done = on!(self, db => sqlx::query("DELETE FROM again WHERE lane_id = $1 AND \"from\" = $2")
            .bind(lane.0).bind(from).execute(db).await.map(|d| d.rows_affected()))?;
        Ok(done == 1)
    }

    /// Puts a range back.
    pub async fn put_again(&mut self, row: &AgainRow) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO again (lane_id, \"from\", \"to\", part, gateway, attempt, due_us) VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .bind(row.lane_id).bind(row.from).bind(row.to).bind(row.part).bind(&row.gateway).bind(row.attempt)
            .bind(row.due_us).execute(db).await.map(drop))
    }

    /// Moves a lane's front and its count of outcomes ahead.
    pub async fn advance_lane(&mut self, lane: LaneId, next: i64, ahead: i64) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE lane SET next = $2, ahead = $3 WHERE id = $1")
            .bind(lane.0).bind(next).bind(ahead).execute(db).await.map(drop))
    }

    /// Ends a lane where it stands.
    pub async fn end_lane(&mut self, lane: LaneId, reason: &str) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE lane SET \"end\" = next, end_reason = $2 WHERE id = $1 AND end_reason = ''")
            .bind(lane.0).bind(reason).execute(db).await.map(drop))
    }

    /// Notes how far the limits are reserved.
    pub async fn set_reserved(&mut self, lane: LaneId, reserved: i64) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE lane SET reserved = $2 WHERE id = $1")
            .bind(lane.0).bind(reserved).execute(db).await.map(drop))
    }

    /// Ended lanes that still hold reserved places beyond their end.
    pub async fn lanes_to_give_back(&mut self) -> Result<Vec<(i64, i64, i64)>> {
        on!(self, db => sqlx::query_as(
            "SELECT id, \"end\", reserved FROM lane WHERE \"end\" < size AND reserved > \"end\" ORDER BY id").fetch_all(db).await)
    }

    /// Writes a claim.
    pub async fn put_claim(&mut self, c: &ClaimRow) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO claim (id, lane_id, \"from\", \"to\", part, gateway, node, attempt, first, stride, at_us, batch, left_out)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)")
            .bind(c.id).bind(c.lane_id).bind(c.from).bind(c.to).bind(c.part).bind(&c.gateway).bind(&c.node)
            .bind(c.attempt).bind(c.first).bind(c.stride).bind(c.at_us).bind(c.batch).bind(&c.left_out).execute(db).await.map(drop))
    }

    /// Closes a claim.
    pub async fn drop_claim(&mut self, lane: LaneId, id: i64) -> Result<()> {
        on!(self, db => sqlx::query("DELETE FROM claim WHERE lane_id = $1 AND id = $2")
            .bind(lane.0).bind(id).execute(db).await.map(drop))
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
    pub async fn claims(&mut self) -> Result<Vec<ClaimRow>> {
        on!(self, db => sqlx::query_as(
            "SELECT id, lane_id, \"from\", \"to\", part, gateway, node, attempt, first, stride, at_us, batch, left_out
               FROM claim ORDER BY id")
            .fetch_all(db).await)
    }

    /// Adds to a lane's tally.
    pub async fn count(&mut self, lane: LaneId, state: Outcome, by: i64) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO tally (lane_id, state, n) VALUES ($1, $2, $3)
             ON CONFLICT (lane_id, state) DO UPDATE SET n = tally.n + excluded.n")
            .bind(lane.0).bind(state.as_str()).bind(by).execute(db).await.map(drop))
    }

    /// A lane's tallies.
    pub async fn tallies(&mut self, lane: LaneId) -> Result<Vec<(String, i64)>> {
        on!(self, db => sqlx::query_as("SELECT state, n FROM tally WHERE lane_id = $1").bind(lane.0).fetch_all(db).await)
    }
}

/// How many messages of a lane are in each state. Adds up to the lane's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// By [`Outcome`], in the order of [`Outcome::ALL`]; cancelled-by-range included.
    outcomes: [i64; Outcome::ALL.len()],
    /// Waiting.
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
    pub fn derive(lane: &LaneRow, tallies: &[(Outcome, i64)], waiting_again: i64) -> Self {
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
    pub async fn lane_counts(&mut self, lane: &LaneRow) -> Result<Counts> {
        let id = LaneId(lane.id);
        let mut tallies = Vec::new();
        for (state, n) in self.tallies(id).await? {
            let state = state.parse().map_err(|_| super::Error::Corrupt {
                table: "tally",
                what: state,
            })?;
            tallies.push((state, n));
        }
        let waiting = self.again_of(id).await?.iter().map(|a| a.to - a.from).sum();
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
            let counts = self.run_counts(run.id()?).await?;
            left += counts.left();
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

    /// The gateways that a run goes through.
    pub async fn gateways_of(&mut self, run: RunId) -> Result<Vec<GatewayId>> {
        let ids: Vec<String> = on!(self, db => sqlx::query_scalar(
            "SELECT DISTINCT gateway FROM lane WHERE run_id = $1 AND gateway <> ''")
            .bind(run.to_string()).fetch_all(db).await)?;
        Ok(ids.into_iter().map(GatewayId).collect())
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
            let (first, past) = (lane.id << 32, (lane.id + 1) << 32);
            // Without parts a message is taken with all the segments it counts.
            let short: i64 = on!(self, db => sqlx::query_scalar(
                "SELECT CAST(COALESCE(sum(segments), 0) AS BIGINT) FROM message
                  WHERE lane_id = $1 AND id >= $2 AND id < $3 AND carrier_id IS NOT NULL")
                .bind(lane.id).bind(first).bind(past).fetch_one(db).await)?;
            let long: i64 = on!(self, db => sqlx::query_scalar(
                "SELECT count(*) FROM segment WHERE lane_id = $1 AND message_id >= $2 AND message_id < $3 AND carrier_id <> ''")
                .bind(lane.id).bind(first).bind(past).fetch_one(db).await)?;
            taken += short + long;
        }
        Ok(taken)
    }
}
