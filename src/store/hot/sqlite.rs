//! SQLite: a batch is one JSON text, an array for each row. `jsonb_each` hands the rows on in parsed form;
//! `json_each` would write each as text, to be parsed again for every column.

use serde_json::json;
use sqlx::{Result, SqliteConnection};

use super::{
    Doubt, DoubtRow, InflightRow, LoggedRow, MessageRecord, MessageRow, NewMessage, OrphanRow,
    ReportWait, Segment, SegmentRow,
};
use crate::domain::{
    id::{GatewayId, MessageId},
    message::{Mark, Outcome},
    phone::Phone,
};

fn batch(rows: impl Iterator<Item = serde_json::Value>) -> String {
    serde_json::Value::Array(rows.collect()).to_string()
}

fn ids_json(ids: &[MessageId]) -> String {
    batch(ids.iter().map(|id| json!([id.lane().0, id.0])))
}

fn phones_json(phones: &[Phone]) -> String {
    batch(phones.iter().map(|p| json!(p.expose())))
}

fn places_json(keys: &[(GatewayId, Phone)]) -> String {
    batch(keys.iter().map(|(g, p)| json!([g.0, p.expose()])))
}

/// Written by hand: freezing a million is mostly this text.
pub(super) async fn insert_messages(db: &mut SqliteConnection, rows: &[NewMessage]) -> Result<()> {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(rows.len() * 128);
    let mut salt = [0; 32];
    text.push('[');
    for (i, m) in rows.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        let _ = write!(
            text,
            "[{},{},\"{}\",",
            m.id.0,
            m.id.lane().0,
            m.phone.number()
        );
        match m.vals.as_str() {
            "" => text.push_str("\"\""),
            vals => text.push_str(&serde_json::to_string(vals).expect("a text")),
        }
        hex::encode_to_slice(m.salt, &mut salt).expect("twice as long");
        let salt = std::str::from_utf8(&salt).expect("hex digits");
        let _ = write!(text, ",\"{salt}\",\"{}\",{}", m.carrier, m.segments);
        let _ = match m.suppressed {
            Some(reason) => write!(text, ",\"suppressed\",\"{}\"]", reason.as_str()),
            None => write!(text, ",null,null]"),
        };
    }
    text.push(']');
    sqlx::query(
        "INSERT INTO message (id, lane_id, phone, vals, salt, carrier, segments, state, code)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, unhex(value ->> 4), value ->> 5, value ->> 6,
                value ->> 7, value ->> 8
           FROM jsonb_each($1)",
    )
    .bind(text)
    .execute(db)
    .await
    .map(drop)
}

pub(super) async fn messages(
    db: &mut SqliteConnection,
    ids: &[MessageId],
) -> Result<Vec<MessageRow>> {
    sqlx::query_as(
        "SELECT m.id, m.phone, m.segments, m.state, m.code, m.carrier_id, m.gateway, m.attempt, m.mark,
                m.first_entry, m.last_entry
           FROM jsonb_each($1) j CROSS JOIN message m ON m.id = j.value ->> 1",
    )
    .bind(ids_json(ids))
    .fetch_all(db)
    .await
}

pub(super) async fn messages_of(
    db: &mut SqliteConnection,
    phones: &[Phone],
) -> Result<Vec<MessageRow>> {
    sqlx::query_as(
        "SELECT m.id, m.phone, m.segments, m.state, m.code, m.carrier_id, m.gateway, m.attempt, m.mark,
                m.first_entry, m.last_entry
           FROM json_each($1) j CROSS JOIN message m ON m.phone = j.value",
    )
    .bind(phones_json(phones))
    .fetch_all(db)
    .await
}

pub(super) async fn segments(
    db: &mut SqliteConnection,
    ids: &[MessageId],
) -> Result<Vec<SegmentRow>> {
    sqlx::query_as(
        "SELECT s.message_id, s.lane_id, s.part, s.state, s.carrier_id, s.code
           FROM jsonb_each($1) j CROSS JOIN segment s ON s.message_id = j.value ->> 1",
    )
    .bind(ids_json(ids))
    .fetch_all(db)
    .await
}

pub(super) async fn update_messages(
    db: &mut SqliteConnection,
    rows: &[MessageRecord],
    changed_us: i64,
) -> Result<u64> {
    let rows = batch(rows.iter().map(|m| {
        json!([
            m.id.0,
            m.state.outcome.map(Outcome::as_str),
            m.state.outcome.map(|_| &m.state.code),
            m.state.carrier_id,
            m.gateway,
            m.state.attempt,
            m.state.mark.map(Mark::as_str),
            m.first_entry,
            m.last_entry
        ])
    }));
    sqlx::query(
        "UPDATE message SET state = j.value ->> 1, code = j.value ->> 2, carrier_id = j.value ->> 3,
                gateway = j.value ->> 4, attempt = j.value ->> 5, mark = j.value ->> 6,
                first_entry = j.value ->> 7, last_entry = j.value ->> 8, changed_us = $2
           FROM jsonb_each($1) AS j WHERE message.id = j.value ->> 0",
    )
    .bind(rows)
    .bind(changed_us)
    .execute(db)
    .await
    .map(|done| done.rows_affected())
}

pub(super) async fn put_segments(db: &mut SqliteConnection, rows: &[Segment]) -> Result<()> {
    let rows = batch(rows.iter().map(|s| {
        json!([
            s.message.0,
            s.message.lane().0,
            s.part,
            s.state.outcome.map_or("", Outcome::as_str),
            s.state.carrier_id,
            s.state.code
        ])
    }));
    sqlx::query(
        "INSERT INTO segment (message_id, lane_id, part, state, carrier_id, code)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM jsonb_each($1) WHERE true
         ON CONFLICT (message_id, part) DO UPDATE
            SET state = excluded.state, carrier_id = excluded.carrier_id, code = excluded.code",
    )
    .bind(rows)
    .execute(db)
    .await
    .map(drop)
}

pub(super) async fn inflight(
    db: &mut SqliteConnection,
    keys: &[(GatewayId, String, Phone)],
) -> Result<Vec<InflightRow>> {
    let keys = batch(keys.iter().map(|(g, id, p)| json!([g.0, id, p.expose()])));
    sqlx::query_as(
        "SELECT f.gateway, f.carrier_id, f.phone, f.message_id, f.part, f.at_us, f.answered
           FROM jsonb_each($1) j CROSS JOIN inflight f
             ON f.gateway = j.value ->> 0 AND f.carrier_id = j.value ->> 1 AND f.phone = j.value ->> 2",
    )
    .bind(keys)
    .fetch_all(db)
    .await
}

pub(super) async fn put_inflight(db: &mut SqliteConnection, rows: &[ReportWait]) -> Result<()> {
    let rows = batch(rows.iter().map(|f| {
        json!([
            f.gateway,
            f.carrier_id,
            f.phone.expose(),
            f.message.0,
            f.message.lane().0,
            f.part,
            f.since.0,
            f.answered.as_deref().unwrap_or_default()
        ])
    }));
    sqlx::query(
        "INSERT INTO inflight (gateway, carrier_id, phone, message_id, lane_id, part, at_us, answered)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
           FROM jsonb_each($1) WHERE true
         ON CONFLICT (gateway, carrier_id, phone, message_id, part)
         DO UPDATE SET at_us = excluded.at_us, answered = excluded.answered",
    )
    .bind(rows)
    .execute(db)
    .await
    .map(drop)
}

pub(super) async fn drop_inflight(db: &mut SqliteConnection, rows: &[ReportWait]) -> Result<()> {
    let keys = batch(rows.iter().map(|f| {
        json!([
            f.gateway,
            f.carrier_id,
            f.phone.expose(),
            f.message.0,
            f.part
        ])
    }));
    sqlx::query(
        "DELETE FROM inflight WHERE (gateway, carrier_id, phone, message_id, part) IN
                (SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM jsonb_each($1))",
    )
    .bind(keys)
    .execute(db)
    .await
    .map(drop)
}

pub(super) async fn put_doubts(db: &mut SqliteConnection, rows: &[Doubt]) -> Result<()> {
    let rows = batch(rows.iter().map(|d| {
        json!([
            d.message.0,
            d.part,
            d.message.lane().0,
            d.gateway,
            d.phone.expose(),
            d.asked.0,
            d.since.0,
            i64::from(d.grace_over)
        ])
    }));
    sqlx::query(
        "INSERT INTO doubt (message_id, part, lane_id, gateway, phone, asked_us, since_us, graced)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
                value ->> 7 FROM jsonb_each($1) WHERE true
         ON CONFLICT (message_id, part) DO UPDATE
            SET gateway = excluded.gateway, asked_us = excluded.asked_us, since_us = excluded.since_us,
                graced = excluded.graced",
    )
    .bind(rows)
    .execute(db)
    .await
    .map(drop)
}

pub(super) async fn drop_doubts(db: &mut SqliteConnection, keys: &[(MessageId, u8)]) -> Result<()> {
    let keys = batch(keys.iter().map(|(m, part)| json!([m.0, part])));
    sqlx::query(
        "DELETE FROM doubt WHERE (message_id, part) IN (SELECT value ->> 0, value ->> 1 FROM jsonb_each($1))",
    )
    .bind(keys)
    .execute(db)
    .await
    .map(drop)
}

pub(super) async fn doubts_of_messages(
    db: &mut SqliteConnection,
    ids: &[MessageId],
) -> Result<Vec<DoubtRow>> {
    sqlx::query_as(
        "SELECT d.message_id, d.part, d.lane_id, d.gateway, d.phone, d.asked_us, d.since_us, d.graced
           FROM jsonb_each($1) j CROSS JOIN doubt d ON d.message_id = j.value ->> 1",
    )
    .bind(ids_json(ids))
    .fetch_all(db)
    .await
}

pub(super) async fn doubts_at(
    db: &mut SqliteConnection,
    keys: &[(GatewayId, Phone)],
) -> Result<Vec<DoubtRow>> {
    sqlx::query_as(
        "SELECT d.message_id, d.part, d.lane_id, d.gateway, d.phone, d.asked_us, d.since_us, d.graced
           FROM jsonb_each($1) j CROSS JOIN doubt d ON d.gateway = j.value ->> 0 AND d.phone = j.value ->> 1",
    )
    .bind(places_json(keys))
    .fetch_all(db)
    .await
}

pub(super) async fn orphans_at(
    db: &mut SqliteConnection,
    keys: &[(GatewayId, Phone)],
) -> Result<Vec<OrphanRow>> {
    sqlx::query_as(
        "SELECT o.id, o.gateway, o.carrier_id, o.phone, o.verdict, o.code, o.submit_time, o.salt, o.at_us
           FROM jsonb_each($1) j CROSS JOIN orphan o ON o.gateway = j.value ->> 0 AND o.phone = j.value ->> 1",
    )
    .bind(places_json(keys))
    .fetch_all(db)
    .await
}

pub(super) async fn logged_of(
    db: &mut SqliteConnection,
    phones: &[Phone],
) -> Result<Vec<LoggedRow>> {
    sqlx::query_as(
        "SELECT v.id, v.phone, v.gateway, v.state
           FROM json_each($1) j CROSS JOIN message_log v ON v.phone = j.value",
    )
    .bind(phones_json(phones))
    .fetch_all(db)
    .await
}

pub(super) async fn release_days(
    db: &mut SqliteConnection,
    keys: &[(String, Phone)],
) -> Result<()> {
    let keys = batch(keys.iter().map(|(day, p)| json!([day, p.expose()])));
    sqlx::query(
        "UPDATE day_count SET n = n - j.k
           FROM (SELECT value ->> 0 AS day, value ->> 1 AS phone, count(*) AS k FROM jsonb_each($1) GROUP BY 1, 2) AS j
          WHERE day_count.day = j.day AND day_count.phone = j.phone AND day_count.n > 0",
    )
    .bind(keys)
    .execute(db)
    .await
    .map(drop)
}
