//! PostgreSQL: a batch is a set of arrays. Every key holds `lane_id`, so that a database distributed
//! by lane finds each row at once.

use sqlx::{PgConnection, Result};

use super::{
    Doubt, DoubtRow, InflightRow, LoggedRow, MessageRecord, MessageRow, NewMessage, OrphanRow,
    ReportWait, Segment, SegmentRow,
};
use crate::domain::{
    id::{GatewayId, MessageId},
    message::{Mark, Outcome, SuppressReason},
    phone::Phone,
};

/// One column of a batch.
fn col<R, T>(rows: &[R], of: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

fn lanes(ids: &[MessageId]) -> Vec<i64> {
    col(ids, |id| id.lane().0)
}

fn raw(ids: &[MessageId]) -> Vec<i64> {
    col(ids, |id| id.0)
}

pub(super) async fn insert_messages(db: &mut PgConnection, rows: &[NewMessage]) -> Result<()> {
    sqlx::query(
        "INSERT INTO message (id, lane_id, phone, vals, salt, carrier, segments, state, code)
         SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::bigint[],
                              $8::text[], $9::text[])",
    )
    .bind(col(rows, |m| m.id.0))
    .bind(col(rows, |m| m.id.lane().0))
    .bind(col(rows, |m| m.phone.expose()))
    .bind(col(rows, |m| m.vals.clone()))
    .bind(col(rows, |m| m.salt.to_vec()))
    .bind(col(rows, |m| m.carrier))
    .bind(col(rows, |m| m.segments))
    .bind(col(rows, |m| m.suppressed.map(|_| Outcome::Suppressed.as_str())))
    .bind(col(rows, |m| m.suppressed.map(SuppressReason::as_str)))
    .execute(db)
    .await
    .map(drop)
}

pub(super) async fn messages(db: &mut PgConnection, ids: &[MessageId]) -> Result<Vec<MessageRow>> {
    sqlx::query_as(
        "SELECT m.id, m.phone, m.segments, m.state, m.code, m.carrier_id, m.gateway, m.attempt, m.mark,
                m.first_entry, m.last_entry
           FROM UNNEST($1::bigint[], $2::bigint[]) AS t (lane_id, id)
           JOIN message m ON m.lane_id = t.lane_id AND m.id = t.id",
    )
    .bind(lanes(ids))
    .bind(raw(ids))
    .fetch_all(db)
    .await
}

pub(super) async fn messages_of(
    db: &mut PgConnection,
    phones: &[Phone],
) -> Result<Vec<MessageRow>> {
    sqlx::query_as(
        "SELECT m.id, m.phone, m.segments, m.state, m.code, m.carrier_id, m.gateway, m.attempt, m.mark,
                m.first_entry, m.last_entry
           FROM UNNEST($1::text[]) AS t (phone) JOIN message m ON m.phone = t.phone",
    )
    .bind(col(phones, |p| p.expose()))
    .fetch_all(db)
    .await
}

pub(super) async fn segments(db: &mut PgConnection, ids: &[MessageId]) -> Result<Vec<SegmentRow>> {
    sqlx::query_as(
        "SELECT s.message_id, s.lane_id, s.part, s.state, s.carrier_id, s.code
           FROM UNNEST($1::bigint[], $2::bigint[]) AS t (lane_id, id)
           JOIN segment s ON s.lane_id = t.lane_id AND s.message_id = t.id",
    )
    .bind(lanes(ids))
    .bind(raw(ids))
    .fetch_all(db)
    .await
}

pub(super) async fn update_messages(
    db: &mut PgConnection,
    rows: &[MessageRecord],
    changed_us: i64,
) -> Result<u64> {
    sqlx::query(
        "UPDATE message AS m
            SET state = t.state, code = t.code, carrier_id = t.carrier_id, gateway = t.gateway, attempt = t.attempt,
                mark = t.mark, first_entry = t.first_entry, last_entry = t.last_entry, changed_us = $11
           FROM UNNEST($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                       $8::text[], $9::bigint[], $10::bigint[])
             AS t (lane_id, id, state, code, carrier_id, gateway, attempt, mark, first_entry, last_entry)
          WHERE m.lane_id = t.lane_id AND m.id = t.id",
    )
    .bind(col(rows, |m| m.id.lane().0))
    .bind(col(rows, |m| m.id.0))
    .bind(col(rows, |m| m.state.outcome.map(Outcome::as_str)))
    .bind(col(rows, |m| m.state.outcome.map(|_| m.state.code.clone())))
    .bind(col(rows, |m| m.state.carrier_id.clone()))
    .bind(col(rows, |m| m.gateway.clone().map(|g| g.0)))
    .bind(col(rows, |m| m.state.attempt))
    .bind(col(rows, |m| m.state.mark.map(Mark::as_str)))
    .bind(col(rows, |m| m.first_entry))
    .bind(col(rows, |m| m.last_entry))
    .bind(changed_us)
    .execute(db)
    .await
    .map(|done| done.rows_affected())
}

pub(super) async fn put_segments(db: &mut PgConnection, rows: &[Segment]) -> Result<()> {
    sqlx::query(
        "INSERT INTO segment (message_id, lane_id, part, state, carrier_id, code)
         SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[])
         ON CONFLICT (lane_id, message_id, part) DO UPDATE
            SET state = excluded.state, carrier_id = excluded.carrier_id, code = excluded.code",
    )
    .bind(col(rows, |s| s.message.0))
    .bind(col(rows, |s| s.message.lane().0))
    .bind(col(rows, |s| i64::from(s.part)))
    .bind(col(rows, |s| s.state.outcome.map_or("", Outcome::as_str)))
    .bind(col(rows, |s| s.state.carrier_id.clone()))
    .bind(col(rows, |s| s.state.code.clone()))
    .execute(db)
    .await
    .map(drop)
}

pub(super) async fn inflight(
    db: &mut PgConnection,
    keys: &[(GatewayId, String, Phone)],
) -> Result<Vec<InflightRow>> {
    sqlx::query_as(
        "SELECT f.gateway, f.carrier_id, f.phone, f.message_id, f.part, f.at_us, f.answered
           FROM UNNEST($1::text[], $2::text[], $3::text[]) AS t (gateway, carrier_id, phone)
           JOIN inflight f ON f.gateway = t.gateway AND f.carrier_id = t.carrier_id AND f.phone = t.phone",
    )
    .bind(col(keys, |k| k.0.0.clone()))
    .bind(col(keys, |k| k.1.clone()))
    .bind(col(keys, |k| k.2.expose()))
    .fetch_all(db)
    .await
}

pub(super) async fn put_inflight(db: &mut PgConnection, rows: &[ReportWait]) -> Result<()> {
    sqlx::query(
        "INSERT INTO inflight (gateway, carrier_id, phone, message_id, lane_id, part, at_us, answered)
         SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
                              $7::bigint[], $8::text[])
         ON CONFLICT (gateway, carrier_id, phone, lane_id, message_id, part)
         DO UPDATE SET at_us = excluded.at_us, answered = excluded.answered",
    )
    .bind(col(rows, |f| f.gateway.0.clone()))
    .bind(col(rows, |f| f.carrier_id.clone()))
    .bind(col(rows, |f| f.phone.expose()))
    .bind(col(rows, |f| f.message.0))
    .bind(col(rows, |f| f.message.lane().0))
    .bind(col(rows, |f| i64::from(f.part)))
    .bind(col(rows, |f| f.since.0))
    .bind(col(rows, |f| f.answered.clone().unwrap_or_default()))
    .execute(db)
    .await
    .map(drop)
}

pub(super) async fn drop_inflight(db: &mut PgConnection, rows: &[ReportWait]) -> Result<()> {
    sqlx::query(
        "DELETE FROM inflight AS f
          USING UNNEST($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
             AS t (gateway, carrier_id, phone, lane_id, message_id, part)
          WHERE f.gateway = t.gateway AND f.carrier_id = t.carrier_id AND f.phone = t.phone
            AND f.lane_id = t.lane_id AND f.message_id = t.message_id AND f.part = t.part",
    )
    .bind(col(rows, |f| f.gateway.0.clone()))
    .bind(col(rows, |f| f.carrier_id.clone()))
    .bind(col(rows, |f| f.phone.expose()))
    .bind(col(rows, |f| f.message.lane().0))
    .bind(col(rows, |f| f.message.0))
    .bind(col(rows, |f| i64::from(f.part)))
    .execute(db)
    .await
    .map(drop)
}

pub(super) async fn put_doubts(db: &mut PgConnection, rows: &[Doubt]) -> Result<()> {
    sqlx::query(
        "INSERT INTO doubt (message_id, part, lane_id, gateway, phone, asked_us, since_us, graced)
         SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bigint[],
                              $7::bigint[], $8::bigint[])
         ON CONFLICT (lane_id, message_id, part) DO UPDATE
            SET gateway = excluded.gateway, asked_us = excluded.asked_us, since_us = excluded.since_us,
                graced = excluded.graced",
    )
    .bind(col(rows, |d| d.message.0))
    .bind(col(rows, |d| i64::from(d.part)))
    .bind(col(rows, |d| d.message.lane().0))
    .bind(col(rows, |d| d.gateway.0.clone()))
    .bind(col(rows, |d| d.phone.expose()))
    .bind(col(rows, |d| d.asked.0))
    .bind(col(rows, |d| d.since.0))
    .bind(col(rows, |d| i64::from(d.grace_over)))
    .execute(db)
    .await
    .map(drop)
}

pub(super) async fn drop_doubts(db: &mut PgConnection, keys: &[(MessageId, u8)]) -> Result<()> {
    sqlx::query(
        "DELETE FROM doubt AS d USING UNNEST($1::bigint[], $2::bigint[], $3::bigint[]) AS t (lane_id, id, part)
          WHERE d.lane_id = t.lane_id AND d.message_id = t.id AND d.part = t.part",
    )
    .bind(col(keys, |k| k.0.lane().0))
    .bind(col(keys, |k| k.0.0))
    .bind(col(keys, |k| i64::from(k.1)))
    .execute(db)
    .await
    .map(drop)
}

pub(super) async fn doubts_of_messages(
    db: &mut PgConnection,
    ids: &[MessageId],
) -> Result<Vec<DoubtRow>> {
    sqlx::query_as(
        "SELECT d.message_id, d.part, d.lane_id, d.gateway, d.phone, d.asked_us, d.since_us, d.graced
           FROM UNNEST($1::bigint[], $2::bigint[]) AS t (lane_id, id)
           JOIN doubt d ON d.lane_id = t.lane_id AND d.message_id = t.id",
    )
    .bind(lanes(ids))
    .bind(raw(ids))
    .fetch_all(db)
    .await
}

pub(super) async fn doubts_at(
    db: &mut PgConnection,
    keys: &[(GatewayId, Phone)],
) -> Result<Vec<DoubtRow>> {
    sqlx::query_as(
        "SELECT d.message_id, d.part, d.lane_id, d.gateway, d.phone, d.asked_us, d.since_us, d.graced
           FROM UNNEST($1::text[], $2::text[]) AS t (gateway, phone)
           JOIN doubt d ON d.gateway = t.gateway AND d.phone = t.phone",
    )
    .bind(col(keys, |k| k.0.0.clone()))
    .bind(col(keys, |k| k.1.expose()))
    .fetch_all(db)
    .await
}

pub(super) async fn orphans_at(
    db: &mut PgConnection,
    keys: &[(GatewayId, Phone)],
) -> Result<Vec<OrphanRow>> {
    sqlx::query_as(
        "SELECT o.id, o.gateway, o.carrier_id, o.phone, o.verdict, o.code, o.submit_time, o.salt, o.at_us
           FROM UNNEST($1::text[], $2::text[]) AS t (gateway, phone)
           JOIN orphan o ON o.gateway = t.gateway AND o.phone = t.phone",
    )
    .bind(col(keys, |k| k.0.0.clone()))
    .bind(col(keys, |k| k.1.expose()))
    .fetch_all(db)
    .await
}

pub(super) async fn logged_of(db: &mut PgConnection, phones: &[Phone]) -> Result<Vec<LoggedRow>> {
    sqlx::query_as(
        "SELECT v.id, v.phone, v.gateway, v.state
           FROM UNNEST($1::text[]) AS t (phone) JOIN message_log v ON v.phone = t.phone",
    )
    .bind(col(phones, |p| p.expose()))
    .fetch_all(db)
    .await
}

pub(super) async fn release_days(db: &mut PgConnection, keys: &[(String, Phone)]) -> Result<()> {
    sqlx::query(
        "UPDATE day_count AS d SET n = d.n - j.k
           FROM (SELECT day, phone, count(*) AS k FROM UNNEST($1::text[], $2::text[]) AS t (day, phone)
                  GROUP BY day, phone) AS j
          WHERE d.day = j.day AND d.phone = j.phone AND d.n > 0",
    )
    .bind(col(keys, |k| k.0.clone()))
    .bind(col(keys, |k| k.1.expose()))
    .execute(db)
    .await
    .map(drop)
}
