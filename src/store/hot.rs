//! The hot path: one statement for a batch. SQLite takes a batch as one JSON text (`jsonb_each`),
//! PostgreSQL as arrays (`UNNEST`); measured, each is the fastest form of its engine that needs no
//! SQL built at run time. The two files beside this one can be read side by side.
//!
//! Every key column travels in the batch: `lane_id` as well as `id`, or SQLite scans.

mod postgres;
mod sqlite;

use std::collections::HashSet;

use super::{Inner, Result, Tx};
use crate::domain::{
    id::{GatewayId, LaneId, MessageId},
    phone::Phone,
};

/// A message as freezing writes it.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Lane and position.
    pub id: MessageId,
    /// The number.
    pub phone: Phone,
    /// Placeholder values as canonical JSON; empty: none.
    pub vals: String,
    /// 16 random bytes.
    pub salt: [u8; 16],
    /// Who serves the number, as far as known.
    pub carrier: &'static str,
    /// How many segments.
    pub segments: i64,
    /// `suppressed`, or nothing.
    pub state: Option<&'static str>,
    /// Why.
    pub code: Option<&'static str>,
}

/// A message as the recorder works on it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct MessageRow {
    /// [`MessageId`].
    pub id: i64,
    /// Its lane.
    pub lane_id: i64,
    /// 11 digits; empty once erased.
    pub phone: String,
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
    /// Entry of its first event, 0 = none.
    pub first_entry: i64,
    /// Entry of its last event, 0 = none.
    pub last_entry: i64,
}

/// A part of a long message.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SegmentRow {
    /// Whose.
    pub message_id: i64,
    /// Its lane.
    pub lane_id: i64,
    /// From 0.
    pub part: i64,
    /// As [`crate::domain::message::Part::columns`] writes it.
    pub state: String,
    /// The carrier's id.
    pub carrier_id: String,
    /// The carrier's code.
    pub code: String,
}

/// What awaits a report.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct InflightRow {
    /// Where.
    pub gateway: String,
    /// The carrier's id.
    pub carrier_id: String,
    /// The receiver.
    pub phone: String,
    /// The message.
    pub message_id: i64,
    /// Its lane.
    pub lane_id: i64,
    /// Which part, from 0.
    pub part: i64,
    /// When it was taken.
    pub at_us: i64,
    /// The id that the answer gave, where `carrier_id` is the one by counting; else empty.
    pub answered: String,
}

/// What awaited a report until its window was over.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PastRow {
    /// What.
    #[sqlx(flatten)]
    pub row: InflightRow,
    /// Its message has been delivered whole: nothing is left to be said about it.
    pub delivered: bool,
}

/// A doubtful part.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DoubtRow {
    /// The message.
    pub message_id: i64,
    /// Which part, from 0.
    pub part: i64,
    /// Its lane.
    pub lane_id: i64,
    /// Where it was asked.
    pub gateway: String,
    /// The receiver.
    pub phone: String,
    /// When it was asked (its claim's time).
    pub asked_us: i64,
    /// Since when it is doubtful.
    pub since_us: i64,
    /// Its answer can no longer come: 0 or 1.
    pub gone: i64,
    /// The grace is over and the policy is to hold: 0 or 1.
    pub graced: i64,
}

/// A report that names an id we don't know.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct OrphanRow {
    /// Its number.
    pub id: i64,
    /// Where it came in.
    pub gateway: String,
    /// The id it names.
    pub carrier_id: String,
    /// The receiver.
    pub phone: String,
    /// `delivered`, `undelivered`, `expired`.
    pub verdict: String,
    /// The carrier's code.
    pub code: String,
    /// `YYMMDDhhmm`.
    pub submit_time: String,
    /// 16 random bytes.
    pub salt: Vec<u8>,
    /// When it came.
    pub at_us: i64,
}

/// A message of a number, with its present state derived.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct OpenRow {
    /// The message.
    pub id: i64,
    /// Its lane.
    pub lane_id: i64,
    /// The receiver.
    pub phone: String,
    /// Where it goes.
    pub gateway: String,
    /// As `message_log` derives it.
    pub state: String,
}

/// A message that a claim covers.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ClaimedRow {
    /// The message.
    pub id: i64,
    /// The receiver.
    pub phone: String,
    /// Placeholder values.
    pub vals: String,
    /// How many segments.
    pub segments: i64,
    /// Outcome, if any (the engine refuses to send a row that has one).
    pub state: Option<String>,
    /// 1, or 2 once sent again.
    pub attempt: i64,
}

macro_rules! both {
    ($tx:expr, $call:ident ( $($arg:expr),* )) => {
        match &mut $tx.inner {
            Inner::Sqlite(t) => sqlite::$call(&mut **t, $($arg),*).await,
            Inner::Postgres(t) => postgres::$call(&mut **t, $($arg),*).await,
        }
        .map_err(crate::store::Error::from)
    };
}

impl Tx {
    /// Writes messages in bulk (freezing).
    pub async fn insert_messages(&mut self, rows: &[NewMessage]) -> Result<()> {
        both!(self, insert_messages(rows))
    }

    /// The messages of these ids.
    pub async fn messages(&mut self, ids: &[MessageId]) -> Result<Vec<MessageRow>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        both!(self, messages(ids))
    }

    /// All messages of these numbers (late and orphan reports).
    pub async fn messages_of(&mut self, phones: &[Phone]) -> Result<Vec<MessageRow>> {
        if phones.is_empty() {
            return Ok(Vec::new());
        }
        both!(self, messages_of(phones))
    }

    /// The stored parts of these messages.
    pub async fn segments(&mut self, ids: &[MessageId]) -> Result<Vec<SegmentRow>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        both!(self, segments(ids))
    }

    /// Writes outcomes back; as many rows as given must exist.
    pub async fn update_messages(&mut self, rows: &[MessageRow], changed_us: i64) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let hit = both!(self, update_messages(rows, changed_us))?;
        if hit != rows.len() as u64 {
            return Err(super::Error::Corrupt {
                table: "message",
                what: format!(
                    "{} rows vanished while they were worked on",
                    rows.len() as u64 - hit
                ),
            });
        }
        Ok(())
    }

    /// Writes parts of long messages.
    pub async fn put_segments(&mut self, rows: &[SegmentRow]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        both!(self, put_segments(rows))
    }

    /// Which of these (gateway, carrier id, number) are known.
    pub async fn inflight(
        &mut self,
        keys: &[(GatewayId, String, Phone)],
    ) -> Result<Vec<InflightRow>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        both!(self, inflight(keys))
    }

    /// Adds what awaits a report.
    pub async fn put_inflight(&mut self, rows: &[InflightRow]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        both!(self, put_inflight(rows))
    }

    /// Forgets what awaited a report.
    pub async fn drop_inflight(&mut self, rows: &[InflightRow]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        both!(self, drop_inflight(rows))
    }

    /// What has awaited a report since before `before`, the oldest first.
    pub async fn inflight_before(&mut self, before: i64, limit: i64) -> Result<Vec<PastRow>> {
        super::on!(self, db => sqlx::query_as(
            "SELECT past.gateway, past.carrier_id, past.phone, past.message_id, past.lane_id, past.part, past.at_us,
                    past.answered, COALESCE(m.state, '') = 'delivered' AS delivered
               FROM (SELECT * FROM inflight WHERE at_us < $1 ORDER BY at_us LIMIT $2) AS past
               LEFT JOIN message m ON m.lane_id = past.lane_id AND m.id = past.message_id ORDER BY past.at_us")
            .bind(before).bind(limit).fetch_all(db).await)
    }

    /// Doubts older than `before` that no policy has decided about, with their run's policy and the
    /// message's attempt.
    pub async fn doubts_before(
        &mut self,
        before: i64,
        limit: i64,
    ) -> Result<Vec<(DoubtRow, String, i64)>> {
        let rows: Vec<DoubtRow> = super::on!(self, db => sqlx::query_as(
            "SELECT message_id, part, lane_id, gateway, phone, asked_us, since_us, gone, graced FROM doubt
              WHERE graced = 0 AND since_us < $1 ORDER BY since_us, message_id, part LIMIT $2")
            .bind(before).bind(limit).fetch_all(db).await)?;
        let mut out = Vec::with_capacity(rows.len());
        for row in rows {
            let (policy, attempt): (String, i64) = super::on!(self, db => sqlx::query_as(
                "SELECT r.on_doubt, m.attempt FROM message m JOIN lane l ON l.id = m.lane_id JOIN run r ON r.id = l.run_id
                  WHERE m.lane_id = $1 AND m.id = $2")
                .bind(row.lane_id).bind(row.message_id).fetch_one(db).await)?;
            out.push((row, policy, attempt));
        }
        Ok(out)
    }

    /// Doubts whose answer was still waited for.
    pub async fn doubts_with_hope(&mut self) -> Result<Vec<(i64, i64)>> {
        super::on!(self, db => sqlx::query_as("SELECT message_id, part FROM doubt WHERE gone = 0")
            .fetch_all(db).await)
    }

    /// Writes doubtful parts (new or changed).
    pub async fn put_doubts(&mut self, rows: &[DoubtRow]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        both!(self, put_doubts(rows))
    }

    /// Removes doubtful parts.
    pub async fn drop_doubts(&mut self, keys: &[(MessageId, i64)]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        both!(self, drop_doubts(keys))
    }

    /// The doubtful parts of these messages.
    pub async fn doubts_of_messages(&mut self, ids: &[MessageId]) -> Result<Vec<DoubtRow>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        both!(self, doubts_of_messages(ids))
    }

    /// The doubtful parts at these (gateway, number).
    pub async fn doubts_at(&mut self, keys: &[(GatewayId, Phone)]) -> Result<Vec<DoubtRow>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        both!(self, doubts_at(keys))
    }

    /// The orphans at these (gateway, number).
    pub async fn orphans_at(&mut self, keys: &[(GatewayId, Phone)]) -> Result<Vec<OrphanRow>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        both!(self, orphans_at(keys))
    }

    /// The messages of these numbers with their derived states.
    pub async fn standing_of(&mut self, phones: &[Phone]) -> Result<Vec<OpenRow>> {
        if phones.is_empty() {
            return Ok(Vec::new());
        }
        both!(self, standing_of(phones))
    }

    /// Gives the day's places back to these numbers.
    pub async fn release_days(&mut self, keys: &[(String, Phone)]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        both!(self, release_days(keys))
    }

    /// The messages of a range of a lane, in order.
    pub async fn claimed(&mut self, lane: LaneId, from: i64, to: i64) -> Result<Vec<ClaimedRow>> {
        let (first, past) = (MessageId::new(lane, from).0, MessageId::new(lane, 0).0 + to);
        super::on!(self, db => sqlx::query_as(
            "SELECT id, phone, vals, segments, state, attempt FROM message
              WHERE lane_id = $1 AND id >= $2 AND id < $3 ORDER BY id")
            .bind(lane.0).bind(first).bind(past).fetch_all(db).await)
    }

    /// Reserves a place of the day for each message of a stretch that has no outcome yet, in the
    /// order of the numbers, and returns the messages whose person has had enough.
    pub async fn reserve_days(
        &mut self,
        lane: LaneId,
        from: i64,
        to: i64,
        day: &str,
        limit: i64,
    ) -> Result<Vec<i64>> {
        let (first, past) = (MessageId::new(lane, from).0, MessageId::new(lane, 0).0 + to);
        // What the statement returns, and no second one that joins: PostgreSQL knows nothing yet of a new
        // day's rows and would walk through all of them for each message.
        let reserved: Vec<(String, i64)> = super::on!(self, db => sqlx::query_as(
            "INSERT INTO day_count (day, phone, n)
             SELECT $1, phone, 1 FROM message
              WHERE lane_id = $2 AND id >= $3 AND id < $4 AND COALESCE(state, '') = '' AND phone <> '' ORDER BY phone
             ON CONFLICT (day, phone) DO UPDATE SET n = day_count.n + 1
             RETURNING phone, n")
            .bind(day).bind(lane.0).bind(first).bind(past).fetch_all(db).await)?;
        let enough: HashSet<String> = reserved
            .into_iter()
            .filter_map(|(phone, n)| (n > limit).then_some(phone))
            .collect();
        if enough.is_empty() {
            return Ok(Vec::new());
        }
        let stretch = self.claimed(lane, from, to).await?;
        let is_open = |m: &ClaimedRow| m.state.as_deref().unwrap_or_default().is_empty();
        Ok(stretch
            .into_iter()
            .filter(|m| is_open(m) && enough.contains(&m.phone))
            .map(|m| m.id)
            .collect())
    }
}
