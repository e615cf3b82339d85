//! Whole tables in the order of their keys, in chunks: what verification and export read.

use super::{
    Result, Tx,
    columns::{self, Columns},
    dialect,
    hot::{Doubt, DoubtRow, Segment, SegmentRow},
    on,
};
use crate::domain::{id::LaneId, message::Outcome};

/// A message with everything that the ledger commits to or determines.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AuditMessage {
    /// Lane and position.
    pub id: i64,
    /// Its lane.
    pub lane_id: i64,
    /// 11 digits; empty once erased.
    pub phone: String,
    /// Placeholder values.
    pub vals: String,
    /// 16 random bytes; once erased the 32 bytes of its leaf.
    pub salt: Vec<u8>,
    /// How many segments.
    pub segments: i64,
    /// Outcome, if any.
    pub state: Option<String>,
    /// Code, if any.
    pub code: Option<String>,
    /// The carrier's id (of a message with one segment).
    pub carrier_id: Option<String>,
    /// Where it differs from the lane's.
    pub gateway: Option<String>,
    /// 1, or 2 once sent again.
    pub attempt: i64,
    /// `adopted`, `resent`.
    pub mark: Option<String>,
    /// When a stored outcome changed; 0: never.
    pub changed_us: i64,
    /// Entry of its first event, 0 = none.
    pub first_entry: i64,
    /// Entry of its last event, 0 = none.
    pub last_entry: i64,
}

/// A lane with its run's word on whether it exists.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AuditLane {
    /// Its id.
    pub id: i64,
    /// Its run.
    pub run_id: String,
    /// Its gateway; empty: no route.
    pub gateway: String,
    /// Final text with placeholders open.
    pub template: String,
    /// How many messages the run put into it.
    pub size: i64,
    /// The first position never claimed.
    pub next: i64,
    /// Nothing from here on will be claimed.
    pub end: i64,
    /// Why, when `end < size`.
    pub end_reason: String,
    /// Outcomes at positions from `next` on.
    pub ahead: i64,
    /// Bytes at the text's start that the carrier writes itself.
    pub written_from: i64,
    /// 1: messages go as whole texts.
    pub whole: i64,
    /// Daily limits are reserved up to here.
    pub reserved: i64,
    /// Segments of the longest message.
    pub max_parts: i64,
    /// Segments of all messages.
    pub segments: i64,
    /// Root over the commitments.
    pub root: Vec<u8>,
    /// When its last claim closed; 0: none has.
    pub sent_us: i64,
    /// The run's: 0 = half made, of no account; -1 = there is no such run.
    pub frozen_us: i64,
}

impl Tx {
    /// Up to `limit` messages after a place, by lane and position, half-made runs' too.
    pub async fn audit_messages_after(
        &mut self,
        lane: i64,
        id: i64,
        limit: i64,
    ) -> Result<Vec<AuditMessage>> {
        macro_rules! columns {
            ($rest:literal) => {
                concat!(
                    "SELECT id, lane_id, phone, vals, salt, segments, state, code, carrier_id, gateway, attempt, mark, changed_us,
                            first_entry, last_entry FROM message WHERE ",
                    $rest
                )
            };
        }
        // SQLite's key is the id alone, which sorts by lane and position.
        let sql = dialect!(self,
            sqlite: columns!("$1 = $1 AND id > $2 ORDER BY id LIMIT $3"),
            postgres: columns!("(lane_id, id) > ($1, $2) ORDER BY lane_id, id LIMIT $3"));
        on!(self, db => sqlx::query_as(sql).bind(lane).bind(id).bind(limit).fetch_all(db).await)
    }

    /// Up to `limit` stored parts after a place.
    pub async fn audit_segments_after(
        &mut self,
        last: (i64, i64, i64),
        limit: i64,
    ) -> Result<Vec<Segment>> {
        let sql = dialect!(self,
            sqlite: "SELECT message_id, lane_id, part, state, carrier_id, code FROM segment
                      WHERE $1 = $1 AND (message_id, part) > ($2, $3) ORDER BY message_id, part LIMIT $4",
            postgres: "SELECT message_id, lane_id, part, state, carrier_id, code FROM segment
                      WHERE (lane_id, message_id, part) > ($1, $2, $3) ORDER BY lane_id, message_id, part LIMIT $4");
        columns::all::<SegmentRow, _>(
            on!(self, db => sqlx::query_as(sql).bind(last.0).bind(last.1).bind(last.2).bind(limit).fetch_all(db).await)?,
        )
    }

    /// Up to `limit` doubtful parts after a place.
    pub async fn audit_doubts_after(
        &mut self,
        last: (i64, i64, i64),
        limit: i64,
    ) -> Result<Vec<Doubt>> {
        let sql = dialect!(self,
            sqlite: "SELECT message_id, part, lane_id, gateway, phone, asked_us, since_us, graced FROM doubt
                      WHERE $1 = $1 AND (message_id, part) > ($2, $3) ORDER BY message_id, part LIMIT $4",
            postgres: "SELECT message_id, part, lane_id, gateway, phone, asked_us, since_us, graced FROM doubt
                      WHERE (lane_id, message_id, part) > ($1, $2, $3) ORDER BY lane_id, message_id, part LIMIT $4");
        columns::all::<DoubtRow, _>(
            on!(self, db => sqlx::query_as(sql).bind(last.0).bind(last.1).bind(last.2).bind(limit).fetch_all(db).await)?,
        )
    }

    /// All lanes, also of half-made runs.
    pub async fn audit_lanes(&mut self) -> Result<Vec<AuditLane>> {
        on!(self, db => sqlx::query_as(
            "SELECT l.id, l.run_id, l.gateway, l.template, l.size, l.next, l.\"end\", l.end_reason, l.ahead, l.written_from, l.whole,
                    l.reserved, l.max_parts, l.segments, l.root, l.sent_us, COALESCE(r.frozen_us, -1) AS frozen_us
               FROM lane l LEFT JOIN run r ON r.id = l.run_id ORDER BY l.id").fetch_all(db).await)
    }

    /// All tallies.
    pub async fn audit_tallies(&mut self) -> Result<Vec<(LaneId, Outcome, i64)>> {
        let rows: Vec<(i64, String, i64)> = on!(self, db =>
            sqlx::query_as("SELECT lane_id, state, n FROM tally ORDER BY lane_id, state").fetch_all(db).await)?;
        let read = |(lane, state, n): (i64, String, i64)| {
            let outcome = Columns::of("tally", &format!("{lane} {state}")).word("state", &state)?;
            Ok((LaneId(lane), outcome, n))
        };
        rows.into_iter().map(read).collect()
    }

    /// The counters that never run backwards.
    pub async fn audit_counters(&mut self) -> Result<Vec<(String, i64)>> {
        on!(self, db => sqlx::query_as("SELECT name, n FROM counter ORDER BY name").fetch_all(db).await)
    }
}
