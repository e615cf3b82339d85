//! The hot path: one statement for a batch. SQLite takes a batch as one JSON text (`jsonb_each`),
//! PostgreSQL as arrays (`UNNEST`); measured, each is the fastest form of its engine that needs no
//! SQL built at run time. The two files beside this one can be read side by side.
//!
//! Every key column travels in the batch: `lane_id` as well as `id`, or SQLite scans.

mod postgres;
mod sqlite;

use std::collections::HashSet;

use super::{
    Corrupt, Inner, Result, Tx,
    columns::{self, Columns},
};
use crate::domain::{
    event::Span,
    id::{GatewayId, MessageId, OrphanId},
    message::{LogState, Outcome, ReportStatus, StoredPart, StoredState, SuppressReason},
    phone::Phone,
    policy::OnDoubt,
    template::Values,
    time::Micros,
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
    /// Why it is suppressed from the start.
    pub suppressed: Option<SuppressReason>,
}

/// A message as the recorder works on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRecord {
    /// Its id.
    pub id: MessageId,
    /// The receiver; `None` once erased.
    pub phone: Option<Phone>,
    /// How many segments it counts.
    pub segments: u8,
    /// What is known of it.
    pub state: StoredState,
    /// Through which gateway, where that is another than the lane's.
    pub gateway: Option<GatewayId>,
    /// The ledger entry of its first event; 0: it has none.
    pub first_entry: i64,
    /// The ledger entry of its last event; 0: it has none.
    pub last_entry: i64,
}

/// As stored.
#[derive(sqlx::FromRow)]
struct MessageRow {
    id: i64,
    phone: String,
    segments: i64,
    state: Option<String>,
    code: Option<String>,
    carrier_id: Option<String>,
    gateway: Option<String>,
    attempt: i64,
    mark: Option<String>,
    first_entry: i64,
    last_entry: i64,
}

impl TryFrom<MessageRow> for MessageRecord {
    type Error = Corrupt;

    fn try_from(row: MessageRow) -> Result<Self, Corrupt> {
        let message = Columns::of("message", &row.id);
        Ok(Self {
            id: MessageId(row.id),
            phone: message.phone_or_erased("phone", &row.phone)?,
            segments: message.number("segments", row.segments)?,
            state: StoredState {
                outcome: outcome(message, row.state.as_deref())?,
                code: row.code.unwrap_or_default(),
                carrier_id: row.carrier_id,
                attempt: row.attempt,
                mark: match row.mark.as_deref() {
                    None | Some("") => None,
                    Some(mark) => Some(message.word("mark", mark)?),
                },
            },
            gateway: row.gateway.map(GatewayId),
            first_entry: row.first_entry,
            last_entry: row.last_entry,
        })
    }
}

/// There is none where the column is NULL or empty.
fn outcome(message: Columns<'_>, state: Option<&str>) -> Result<Option<Outcome>, Corrupt> {
    match state {
        None | Some("") => Ok(None),
        Some(state) => message.word("state", state).map(Some),
    }
}

/// A message's id, beside which its lane stands in a column of its own.
fn message(row: Columns<'_>, id: i64, lane: i64) -> Result<MessageId, Corrupt> {
    let id = MessageId(id);
    match id.lane().0 == lane {
        true => Ok(id),
        false => Err(row.corrupt("lane_id")),
    }
}

/// A part of a long message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The message.
    pub message: MessageId,
    /// Which part, from 0.
    pub part: u8,
    /// What is known of it.
    pub state: StoredPart,
}

/// As stored.
#[derive(sqlx::FromRow)]
pub(super) struct SegmentRow {
    message_id: i64,
    lane_id: i64,
    part: i64,
    state: String,
    carrier_id: String,
    code: String,
}

impl TryFrom<SegmentRow> for Segment {
    type Error = Corrupt;

    fn try_from(row: SegmentRow) -> Result<Self, Corrupt> {
        let key = format!("{} part {}", row.message_id, row.part);
        let segment = Columns::of("segment", &key);
        Ok(Self {
            message: message(segment, row.message_id, row.lane_id)?,
            part: segment.number("part", row.part)?,
            state: StoredPart {
                outcome: outcome(segment, Some(&row.state))?,
                carrier_id: row.carrier_id,
                code: row.code,
            },
        })
    }
}

/// A part whose report is awaited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportWait {
    /// Where it was sent through.
    pub gateway: GatewayId,
    /// The id that the report will name.
    pub carrier_id: String,
    /// The receiver.
    pub phone: Phone,
    /// The message.
    pub message: MessageId,
    /// Which part, from 0.
    pub part: u8,
    /// When it was taken.
    pub since: Micros,
    /// The id that the answer gave, where `carrier_id` is the one by counting.
    pub answered: Option<String>,
}

/// As stored.
#[derive(sqlx::FromRow)]
struct InflightRow {
    gateway: String,
    carrier_id: String,
    phone: String,
    message_id: i64,
    part: i64,
    at_us: i64,
    answered: String,
}

impl TryFrom<InflightRow> for ReportWait {
    type Error = Corrupt;

    fn try_from(row: InflightRow) -> Result<Self, Corrupt> {
        let key = format!("of message {}", row.message_id);
        let wait = Columns::of("inflight", &key);
        Ok(Self {
            phone: wait.phone("phone", &row.phone)?,
            part: wait.number("part", row.part)?,
            gateway: GatewayId(row.gateway),
            carrier_id: row.carrier_id,
            message: MessageId(row.message_id),
            since: Micros(row.at_us),
            answered: columns::text(row.answered),
        })
    }
}

/// What awaited a report until its window was over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredWait {
    /// The part, and its report's key.
    pub wait: ReportWait,
    /// Its message has been delivered whole: nothing is left to be said about it.
    pub delivered: bool,
}

#[derive(sqlx::FromRow)]
struct ExpiredRow {
    #[sqlx(flatten)]
    row: InflightRow,
    delivered: bool,
}

impl TryFrom<ExpiredRow> for ExpiredWait {
    type Error = Corrupt;

    fn try_from(row: ExpiredRow) -> Result<Self, Corrupt> {
        Ok(Self {
            wait: row.row.try_into()?,
            delivered: row.delivered,
        })
    }
}

/// A doubtful part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The message.
    pub message: MessageId,
    /// Which part, from 0.
    pub part: u8,
    /// Where it was asked.
    pub gateway: GatewayId,
    /// The receiver.
    pub phone: Phone,
    /// When it was asked: its claim's time.
    pub asked: Micros,
    /// Since when it is doubtful.
    pub since: Micros,
    /// The grace is over and the policy is to hold.
    pub grace_over: bool,
}

/// As stored.
#[derive(sqlx::FromRow)]
pub(super) struct DoubtRow {
    message_id: i64,
    part: i64,
    lane_id: i64,
    gateway: String,
    phone: String,
    asked_us: i64,
    since_us: i64,
    graced: i64,
}

impl TryFrom<DoubtRow> for Doubt {
    type Error = Corrupt;

    fn try_from(row: DoubtRow) -> Result<Self, Corrupt> {
        let key = format!("{} part {}", row.message_id, row.part);
        let doubt = Columns::of("doubt", &key);
        Ok(Self {
            message: message(doubt, row.message_id, row.lane_id)?,
            part: doubt.number("part", row.part)?,
            phone: doubt.phone("phone", &row.phone)?,
            gateway: GatewayId(row.gateway),
            asked: Micros(row.asked_us),
            since: Micros(row.since_us),
            grace_over: doubt.flag("graced", row.graced)?,
        })
    }
}

/// A report that names an id we don't know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrphanReport {
    /// Its number; `None` until it is kept.
    pub id: Option<OrphanId>,
    /// Where it came in.
    pub gateway: GatewayId,
    /// The id it names.
    pub carrier_id: String,
    /// The receiver.
    pub phone: Phone,
    /// What it says.
    pub status: ReportStatus,
    /// The carrier's code.
    pub code: String,
    /// The carrier's submit time as it stands, `YYMMDDhhmm`.
    pub submit_time: String,
    /// 16 random bytes.
    pub salt: Vec<u8>,
    /// When it came.
    pub at: Micros,
}

impl OrphanReport {
    /// What the ledger commits to of it: one JSON array.
    pub fn commitment(&self) -> String {
        let status = self.status.outcome().as_str();
        serde_json::json!([self.carrier_id, self.phone.expose(), status, self.code]).to_string()
    }
}

/// As stored.
#[derive(sqlx::FromRow)]
pub(super) struct OrphanRow {
    id: i64,
    gateway: String,
    carrier_id: String,
    phone: String,
    verdict: String,
    code: String,
    submit_time: String,
    salt: Vec<u8>,
    at_us: i64,
}

impl TryFrom<OrphanRow> for OrphanReport {
    type Error = Corrupt;

    fn try_from(row: OrphanRow) -> Result<Self, Corrupt> {
        let orphan = Columns::of("orphan", &row.id);
        Ok(Self {
            phone: orphan.phone("phone", &row.phone)?,
            status: orphan.word("verdict", &row.verdict)?,
            id: Some(OrphanId(row.id)),
            gateway: GatewayId(row.gateway),
            carrier_id: row.carrier_id,
            code: row.code,
            submit_time: row.submit_time,
            salt: row.salt,
            at: Micros(row.at_us),
        })
    }
}

/// A message of a number, with its state as the log shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedMessage {
    /// The message.
    pub id: MessageId,
    /// The receiver.
    pub phone: Phone,
    /// Where it goes; `None`: no route.
    pub gateway: Option<GatewayId>,
    /// Its outcome, or where it stands without one.
    pub state: LogState,
}

/// As `message_log` derives it.
#[derive(sqlx::FromRow)]
struct LoggedRow {
    id: i64,
    phone: String,
    gateway: String,
    state: String,
}

impl TryFrom<LoggedRow> for LoggedMessage {
    type Error = Corrupt;

    fn try_from(row: LoggedRow) -> Result<Self, Corrupt> {
        let message = Columns::of("message", &row.id);
        Ok(Self {
            id: MessageId(row.id),
            phone: message.phone("phone", &row.phone)?,
            gateway: columns::gateway(row.gateway),
            state: message.word("state", &row.state)?,
        })
    }
}

/// A message that a claim covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedMessage {
    /// The message.
    pub id: MessageId,
    /// The receiver; `None` once erased.
    pub phone: Option<Phone>,
    /// What its placeholders stand for.
    pub values: Values,
    /// How many segments it counts.
    pub segments: u8,
    /// Its outcome: the engine refuses to send a message that has one.
    pub outcome: Option<Outcome>,
    /// 1, or 2 once sent again.
    pub attempt: i64,
}

/// As stored.
#[derive(sqlx::FromRow)]
struct ClaimedRow {
    id: i64,
    phone: String,
    vals: String,
    segments: i64,
    state: Option<String>,
    attempt: i64,
}

impl TryFrom<ClaimedRow> for ClaimedMessage {
    type Error = Corrupt;

    fn try_from(row: ClaimedRow) -> Result<Self, Corrupt> {
        let message = Columns::of("message", &row.id);
        Ok(Self {
            id: MessageId(row.id),
            phone: message.phone_or_erased("phone", &row.phone)?,
            segments: message.number("segments", row.segments)?,
            outcome: outcome(message, row.state.as_deref())?,
            values: match row.vals.as_str() {
                "" => Values::default(),
                json => message.json("vals", json)?,
            },
            attempt: row.attempt,
        })
    }
}

macro_rules! both {
    ($tx:expr, $call:ident ( $($arg:expr),* )) => {
        match &mut $tx.inner {
            Inner::Sqlite(t) => sqlite::$call(&mut **t, $($arg),*).await,
            Inner::Postgres(t) => {
                let answer = postgres::$call(&mut **t, $($arg),*);
                $tx.patience.wait(answer).await
            }
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
    pub async fn messages(&mut self, ids: &[MessageId]) -> Result<Vec<MessageRecord>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        columns::all(both!(self, messages(ids))?)
    }

    /// The messages of these ids that can be read, and what is wrong with the others.
    pub async fn readable_messages(
        &mut self,
        ids: &[MessageId],
    ) -> Result<(Vec<MessageRecord>, Vec<Corrupt>)> {
        if ids.is_empty() {
            return Ok(Default::default());
        }
        Ok(columns::readable(both!(self, messages(ids))?))
    }

    /// All messages of these numbers (late and orphan reports) that can be read, and what is wrong with the others.
    pub async fn messages_of(
        &mut self,
        phones: &[Phone],
    ) -> Result<(Vec<MessageRecord>, Vec<Corrupt>)> {
        if phones.is_empty() {
            return Ok(Default::default());
        }
        Ok(columns::readable(both!(self, messages_of(phones))?))
    }

    /// The stored parts of these messages.
    pub async fn segments(&mut self, ids: &[MessageId]) -> Result<Vec<Segment>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        columns::all(both!(self, segments(ids))?)
    }

    /// Writes outcomes back; as many rows as given must exist.
    pub async fn update_messages(&mut self, rows: &[MessageRecord], changed: Micros) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let hit = both!(self, update_messages(rows, changed.0))?;
        if hit != rows.len() as u64 {
            let first = rows.first().map_or(0, |r| r.id.0);
            let some = format!("{first} or one of {} behind it", rows.len() - 1);
            return Err(Corrupt::on("message", "id", some).into());
        }
        Ok(())
    }

    /// Writes parts of long messages.
    pub async fn put_segments(&mut self, rows: &[Segment]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        both!(self, put_segments(rows))
    }

    /// Which of these (gateway, carrier id, number) are known.
    pub async fn inflight(
        &mut self,
        keys: &[(GatewayId, String, Phone)],
    ) -> Result<Vec<ReportWait>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        columns::all(both!(self, inflight(keys))?)
    }

    /// Adds what awaits a report.
    pub async fn put_inflight(&mut self, rows: &[ReportWait]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        both!(self, put_inflight(rows))
    }

    /// Forgets what awaited a report.
    pub async fn drop_inflight(&mut self, rows: &[ReportWait]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        both!(self, drop_inflight(rows))
    }

    /// What has awaited a report since before `before`, the oldest first.
    pub async fn inflight_before(
        &mut self,
        before: Micros,
        limit: i64,
    ) -> Result<Vec<ExpiredWait>> {
        columns::all::<ExpiredRow, _>(super::on!(self, db => sqlx::query_as(
            "SELECT past.gateway, past.carrier_id, past.phone, past.message_id, past.lane_id, past.part, past.at_us,
                    past.answered, COALESCE(m.state, '') = 'delivered' AS delivered
               FROM (SELECT gateway, carrier_id, phone, message_id, lane_id, part, at_us, answered FROM inflight WHERE at_us < $1 ORDER BY at_us LIMIT $2) AS past
               LEFT JOIN message m ON m.lane_id = past.lane_id AND m.id = past.message_id ORDER BY past.at_us")
            .bind(before.0).bind(limit).fetch_all(db).await)?)
    }

    /// Doubts older than `before` that no policy has decided about, with their run's policy and the
    /// message's attempt.
    pub async fn doubts_before(
        &mut self,
        before: Micros,
        limit: i64,
    ) -> Result<Vec<(Doubt, OnDoubt, i64)>> {
        let rows: Vec<DoubtRow> = super::on!(self, db => sqlx::query_as(
            "SELECT message_id, part, lane_id, gateway, phone, asked_us, since_us, graced FROM doubt
              WHERE graced = 0 AND since_us < $1 ORDER BY since_us, message_id, part LIMIT $2")
            .bind(before.0).bind(limit).fetch_all(db).await)?;
        let mut out = Vec::with_capacity(rows.len());
        for doubt in columns::all::<_, Doubt>(rows)? {
            let found: Option<(String, i64)> = super::on!(self, db => sqlx::query_as(
                "SELECT r.on_doubt, m.attempt FROM message m JOIN lane l ON l.id = m.lane_id JOIN run r ON r.id = l.run_id
                  WHERE m.lane_id = $1 AND m.id = $2")
                .bind(doubt.message.lane().0).bind(doubt.message.0).fetch_optional(db).await)?;
            let Some((policy, attempt)) = found else {
                // A row that fits nowhere must not stop the sweep, again at each start.
                tracing::error!(message = %doubt.message, "A doubt is about no message: run `watchbell audit verify`");
                continue;
            };
            let run = format!("of lane {}", doubt.message.lane());
            let policy = Columns::of("run", &run).word("on_doubt", &policy)?;
            out.push((doubt, policy, attempt));
        }
        Ok(out)
    }

    /// Writes doubtful parts (new or changed).
    pub async fn put_doubts(&mut self, rows: &[Doubt]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        both!(self, put_doubts(rows))
    }

    /// Removes doubtful parts.
    pub async fn drop_doubts(&mut self, keys: &[(MessageId, u8)]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        both!(self, drop_doubts(keys))
    }

    /// The doubtful parts of these messages.
    pub async fn doubts_of_messages(&mut self, ids: &[MessageId]) -> Result<Vec<Doubt>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        columns::all(both!(self, doubts_of_messages(ids))?)
    }

    /// The doubtful parts at these (gateway, number).
    pub async fn doubts_at(&mut self, keys: &[(GatewayId, Phone)]) -> Result<Vec<Doubt>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        columns::all(both!(self, doubts_at(keys))?)
    }

    /// The orphans at these (gateway, number).
    pub async fn orphans_at(&mut self, keys: &[(GatewayId, Phone)]) -> Result<Vec<OrphanReport>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        columns::all(both!(self, orphans_at(keys))?)
    }

    /// The messages of these numbers as the log shows them.
    pub async fn logged_of(&mut self, phones: &[Phone]) -> Result<Vec<LoggedMessage>> {
        if phones.is_empty() {
            return Ok(Vec::new());
        }
        columns::all(both!(self, logged_of(phones))?)
    }

    /// Gives the day's places back to these numbers.
    pub async fn release_days(&mut self, keys: &[(String, Phone)]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        both!(self, release_days(keys))
    }

    /// The messages of a range of a lane, in order.
    pub async fn claimed(&mut self, span: Span) -> Result<Vec<ClaimedMessage>> {
        let base = MessageId::new(span.lane, 0).0;
        columns::all::<ClaimedRow, _>(super::on!(self, db => sqlx::query_as(
            "SELECT id, phone, vals, segments, state, attempt FROM message
              WHERE lane_id = $1 AND id >= $2 AND id < $3 ORDER BY id")
            .bind(span.lane.0).bind(base + span.from).bind(base + span.to).fetch_all(db).await)?)
    }

    /// Reserves a place of the day for each message of a stretch that has no outcome yet, in the
    /// order of the numbers, and returns the messages whose person has had enough.
    pub async fn reserve_days(
        &mut self,
        span: Span,
        day: &str,
        limit: i64,
    ) -> Result<Vec<MessageId>> {
        let base = MessageId::new(span.lane, 0).0;
        // What the statement returns, and no second one that joins: PostgreSQL knows nothing yet of a new
        // day's rows and would walk through all of them for each message.
        let reserved: Vec<(String, i64)> = super::on!(self, db => sqlx::query_as(
            "INSERT INTO day_count (day, phone, n)
             SELECT $1, phone, 1 FROM message
              WHERE lane_id = $2 AND id >= $3 AND id < $4 AND COALESCE(state, '') = '' AND phone <> '' ORDER BY phone
             ON CONFLICT (day, phone) DO UPDATE SET n = day_count.n + 1
             RETURNING phone, n")
            .bind(day).bind(span.lane.0).bind(base + span.from).bind(base + span.to).fetch_all(db).await)?;
        let mut enough: HashSet<Phone> = HashSet::new();
        for (phone, _) in reserved.iter().filter(|(_, n)| *n > limit) {
            enough.insert(Columns::of("day_count", &day).phone("phone", phone)?);
        }
        if enough.is_empty() {
            return Ok(Vec::new());
        }
        let stretch = self.claimed(span).await?;
        let is_over = |m: &ClaimedMessage| m.phone.is_some_and(|p| enough.contains(&p));
        Ok(stretch
            .into_iter()
            .filter(|m| m.outcome.is_none() && is_over(m))
            .map(|m| m.id)
            .collect())
    }
}
