//! What a forecast reckons with: what is still to go, what has gone, and the forecasts as they were told.

use super::{Result, Tx, on};
use super::{campaign::CampaignRow, lane::LaneRow, run::RunRow};

/// A run's part at one gateway, as an approver was told.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ForecastRow {
    /// Whose.
    pub campaign_id: String,
    /// Its run's slot.
    pub slot_us: i64,
    /// Through which gateway.
    pub gateway: String,
    /// People.
    pub people: i64,
    /// Segments.
    pub segments: i64,
    /// The first segment goes; 0: none ever.
    pub starts_us: i64,
    /// The last segment is handed over; 0: none ever.
    pub ends_us: i64,
    /// When it was told.
    pub made_us: i64,
}

/// A forecast beside what came of it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ForecastFact {
    /// What people call the campaign.
    pub name: String,
    /// The run that fired.
    pub run_id: String,
    /// Its slot.
    pub slot_us: i64,
    /// Through which gateway.
    pub gateway: String,
    /// When it was to end.
    pub ends_us: i64,
    /// When the forecast was made.
    pub made_us: i64,
    /// When its last segment was through.
    pub sent_us: i64,
}

impl Tx {
    /// Frozen runs that go, or will once they are let out, with anything left; in the order of freezing.
    pub async fn runs_ahead(&mut self) -> Result<Vec<RunRow>> {
        on!(self, db => sqlx::query_as(
            "SELECT r.* FROM run r JOIN campaign c ON c.id = r.campaign_id
              WHERE r.frozen_us > 0 AND r.closed_us = 0 AND r.intent = 'go' AND c.state IN ('submitted', 'approved', 'active')
              ORDER BY r.id").fetch_all(db).await)
    }

    /// Campaigns that fire again and again, handed in or let out.
    pub async fn recurring_ahead(&mut self) -> Result<Vec<CampaignRow>> {
        on!(self, db => sqlx::query_as(
            "SELECT * FROM campaign WHERE state IN ('submitted', 'approved', 'active') AND slots LIKE '%,%' ORDER BY id")
            .fetch_all(db).await)
    }

    /// People who still get something at these positions of a lane, by how many segments.
    pub async fn rest_of(&mut self, lane: i64, from: i64, to: i64) -> Result<Vec<(i64, i64)>> {
        let base = lane << 32;
        on!(self, db => sqlx::query_as(
            "SELECT segments, count(*) FROM message WHERE id >= $1 AND id < $2 AND COALESCE(state, '') = ''
              GROUP BY segments ORDER BY segments").bind(base + from).bind(base + to).fetch_all(db).await)
    }

    /// Their numbers, with the messages' ids; at most `limit` from message `from` on, before `to`.
    pub async fn phones_ahead(
        &mut self,
        from: i64,
        to: i64,
        limit: i64,
    ) -> Result<Vec<(i64, String)>> {
        on!(self, db => sqlx::query_as(
            "SELECT id, phone FROM message WHERE id >= $1 AND id < $2 AND COALESCE(state, '') = '' AND phone <> ''
              ORDER BY id LIMIT $3").bind(from).bind(to).bind(limit).fetch_all(db).await)
    }

    /// Lanes of runs that opened at `since` or later.
    pub async fn lanes_opened_since(&mut self, since: i64) -> Result<Vec<LaneRow>> {
        let ids: Vec<String> = on!(self, db => sqlx::query_scalar(
            "SELECT id FROM run WHERE frozen_us > 0 AND opened_us > 0 AND opened_us >= $1 ORDER BY id")
            .bind(since).fetch_all(db).await)?;
        let mut lanes = Vec::new();
        for id in ids {
            let id = id.parse().map_err(|_| super::Error::Corrupt {
                table: "run",
                what: id,
            })?;
            lanes.extend(self.lanes_of(id).await?);
        }
        Ok(lanes)
    }

    /// Segments of a lane before its front that have left, or may have.
    pub async fn handed_over(&mut self, lane: &LaneRow) -> Result<i64> {
        let base = lane.id << 32;
        on!(self, db => sqlx::query_scalar(
            "SELECT CAST(COALESCE(sum(segments), 0) AS BIGINT) FROM message
              WHERE id >= $1 AND id < $2 AND COALESCE(state, '') NOT IN ('suppressed', 'cancelled')")
            .bind(base).bind(base + lane.next).fetch_one(db).await)
    }

    /// Writes what was told; what was told before about the same slot is replaced.
    pub async fn put_forecasts(&mut self, rows: &[ForecastRow]) -> Result<()> {
        for r in rows {
            on!(self, db => sqlx::query(
                "INSERT INTO forecast (campaign_id, slot_us, gateway, people, segments, starts_us, ends_us, made_us)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (campaign_id, slot_us, gateway)
                 DO UPDATE SET people = $4, segments = $5, starts_us = $6, ends_us = $7, made_us = $8")
                .bind(&r.campaign_id).bind(r.slot_us).bind(&r.gateway).bind(r.people).bind(r.segments)
                .bind(r.starts_us).bind(r.ends_us).bind(r.made_us).execute(db).await.map(drop))?;
        }
        Ok(())
    }

    /// Was one kept in an entry behind this one?
    pub async fn is_foretold_since(&mut self, entry: i64) -> Result<bool> {
        let found: Option<i64> = on!(self, db => sqlx::query_scalar(
            "SELECT n FROM entry WHERE n > $1 AND events LIKE '%{\"e\":\"forecast\"%' LIMIT 1")
            .bind(entry).fetch_optional(db).await)?;
        Ok(found.is_some())
    }

    /// All forecasts as they were told.
    pub async fn forecasts(&mut self) -> Result<Vec<ForecastRow>> {
        on!(self, db => sqlx::query_as(
            "SELECT * FROM forecast ORDER BY campaign_id, slot_us, gateway").fetch_all(db).await)
    }

    /// Forecasts beside what came of them: of lanes that are through.
    pub async fn forecast_facts(&mut self) -> Result<Vec<ForecastFact>> {
        on!(self, db => sqlx::query_as(
            "SELECT c.name, r.id AS run_id, f.slot_us, f.gateway, f.ends_us, f.made_us, l.sent_us
               FROM forecast f JOIN campaign c ON c.id = f.campaign_id
               JOIN run r ON r.campaign_id = f.campaign_id AND r.slot_us = f.slot_us
               JOIN lane l ON l.run_id = r.id AND l.gateway = f.gateway
              WHERE r.frozen_us > 0 AND l.sent_us > 0 AND f.ends_us > 0 AND l.next >= l.\"end\"
                AND NOT EXISTS (SELECT 1 FROM again a WHERE a.lane_id = l.id)
                AND NOT EXISTS (SELECT 1 FROM claim k WHERE k.lane_id = l.id)
              ORDER BY f.slot_us, r.id, f.gateway").fetch_all(db).await)
    }
}
