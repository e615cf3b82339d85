//! What gateways with a quota have taken, by the office's days.

use chrono::NaiveDate;

use super::{Result, Tx, on};
use crate::domain::id::GatewayId;

impl Tx {
    /// Segments used from `first` to `last`, both days included.
    pub async fn quota_used(
        &mut self,
        gateway: &GatewayId,
        first: NaiveDate,
        last: NaiveDate,
    ) -> Result<i64> {
        on!(self, db => sqlx::query_scalar(
            "SELECT CAST(COALESCE(sum(segments), 0) AS BIGINT) FROM quota_use WHERE gateway = $1 AND day >= $2 AND day <= $3")
            .bind(&gateway.0).bind(first.to_string()).bind(last.to_string()).fetch_one(db).await)
    }

    /// Uses some.
    pub async fn use_quota(
        &mut self,
        gateway: &GatewayId,
        day: NaiveDate,
        segments: i64,
    ) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO quota_use (gateway, day, segments) VALUES ($1, $2, $3)
             ON CONFLICT (gateway, day) DO UPDATE SET segments = quota_use.segments + excluded.segments")
            .bind(&gateway.0).bind(day.to_string()).bind(segments).execute(db).await.map(drop))
    }

    /// Segments of a gateway's open claims, at most.
    pub async fn claimed_segments(&mut self, gateway: &GatewayId) -> Result<i64> {
        on!(self, db => sqlx::query_scalar(
            "SELECT CAST(COALESCE(sum((c.\"to\" - c.\"from\") * l.max_parts), 0) AS BIGINT)
               FROM claim c JOIN lane l ON l.id = c.lane_id WHERE c.gateway = $1")
            .bind(&gateway.0).fetch_one(db).await)
    }
}
