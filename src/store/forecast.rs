//! What a forecast counts: what is still to go, what has gone, and the forecasts as they were announced.

use super::{
    Corrupt, Result, Tx,
    columns::{self, Columns},
    lane::Lane,
    on,
};
use crate::domain::{
    event::{AnnouncedForecast, Span},
    id::{CampaignId, GatewayId, MessageId, RunId},
    ledger::MAIN,
    phone::Phone,
    time::Micros,
};

/// A forecast that was kept with an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptForecast {
    /// The campaign.
    pub campaign: CampaignId,
    /// What the approver was shown.
    pub announced: AnnouncedForecast,
    /// When it was computed.
    pub made: Micros,
}

crate::store::columns::stored_row! {
    /// As stored.
    struct ForecastRow as forecast_columns {
        campaign_id: String,
        slot_us: i64,
        gateway: String,
        people: i64,
        segments: i64,
        starts_us: i64,
        ends_us: i64,
        made_us: i64,
    }
}

impl TryFrom<ForecastRow> for KeptForecast {
    type Error = Corrupt;

    fn try_from(row: ForecastRow) -> Result<Self, Corrupt> {
        let forecast = Columns::of("forecast", &row.campaign_id);
        Ok(Self {
            campaign: forecast.parse("campaign_id", &row.campaign_id)?,
            announced: AnnouncedForecast {
                slot: Micros(row.slot_us),
                gateway: GatewayId(row.gateway),
                people: row.people,
                segments: row.segments,
                starts: columns::time(row.starts_us),
                ends: columns::time(row.ends_us),
            },
            made: Micros(row.made_us),
        })
    }
}

/// A forecast beside what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForecastFact {
    /// What people call the campaign.
    pub name: String,
    /// The run that fired.
    pub run: RunId,
    /// Its slot.
    pub slot: Micros,
    /// Through which gateway.
    pub gateway: GatewayId,
    /// When it was to end.
    pub ends: Micros,
    /// When the forecast was made.
    pub made: Micros,
    /// When its last segment was through.
    pub sent: Micros,
}

/// As joined from forecasts, runs and lanes.
#[derive(sqlx::FromRow)]
struct FactRow {
    name: String,
    run_id: String,
    slot_us: i64,
    gateway: String,
    ends_us: i64,
    made_us: i64,
    sent_us: i64,
}

impl TryFrom<FactRow> for ForecastFact {
    type Error = Corrupt;

    fn try_from(row: FactRow) -> Result<Self, Corrupt> {
        Ok(Self {
            run: Columns::of("run", &row.run_id).parse("id", &row.run_id)?,
            name: row.name,
            slot: Micros(row.slot_us),
            gateway: GatewayId(row.gateway),
            ends: Micros(row.ends_us),
            made: Micros(row.made_us),
            sent: Micros(row.sent_us),
        })
    }
}

impl Tx {
    /// People who still get something at these positions of a lane, by how many segments.
    pub async fn rest_of(&mut self, span: Span) -> Result<Vec<(i64, i64)>> {
        let base = MessageId::new(span.lane, 0).0;
        on!(self, db => sqlx::query_as(
            "SELECT segments, count(*) FROM message WHERE id >= $1 AND id < $2 AND COALESCE(state, '') = ''
              GROUP BY segments ORDER BY segments").bind(base + span.from).bind(base + span.to).fetch_all(db).await)
    }

    /// Their numbers, with the messages' ids; at most `limit` from message `from` on, before `to`.
    pub async fn phones_ahead(
        &mut self,
        from: i64,
        to: i64,
        limit: i64,
    ) -> Result<Vec<(i64, Phone)>> {
        let rows: Vec<(i64, String)> = on!(self, db => sqlx::query_as(
            "SELECT id, phone FROM message WHERE id >= $1 AND id < $2 AND COALESCE(state, '') = '' AND phone <> ''
              ORDER BY id LIMIT $3").bind(from).bind(to).bind(limit).fetch_all(db).await)?;
        let typed = |(id, phone): &(i64, String)| {
            Ok((*id, Columns::of("message", id).phone("phone", phone)?))
        };
        rows.iter().map(typed).collect()
    }

    /// Lanes of runs that opened at `since` or later.
    pub async fn lanes_opened_since(&mut self, since: Micros) -> Result<Vec<Lane>> {
        let ids: Vec<String> = on!(self, db => sqlx::query_scalar(
            "SELECT id FROM run WHERE frozen_us > 0 AND opened_us > 0 AND opened_us >= $1 ORDER BY id")
            .bind(since.0).fetch_all(db).await)?;
        let mut lanes = Vec::new();
        for id in ids {
            let id = Columns::of("run", &id).parse("id", &id)?;
            lanes.extend(self.lanes_of(id).await?);
        }
        Ok(lanes)
    }

    /// Segments of a lane before its front that have left, or may have.
    pub async fn handed_over(&mut self, lane: &Lane) -> Result<i64> {
        let base = MessageId::new(lane.id, 0).0;
        on!(self, db => sqlx::query_scalar(
            "SELECT CAST(COALESCE(sum(segments), 0) AS BIGINT) FROM message
              WHERE id >= $1 AND id < $2 AND COALESCE(state, '') NOT IN ('suppressed', 'cancelled')")
            .bind(base).bind(base + lane.next).fetch_one(db).await)
    }

    /// Keeps what was announced; what was announced before about the same slot is replaced.
    pub async fn put_forecasts(
        &mut self,
        campaign: CampaignId,
        announced: &[AnnouncedForecast],
        now: Micros,
    ) -> Result<()> {
        for a in announced {
            on!(self, db => sqlx::query(
                "INSERT INTO forecast (campaign_id, slot_us, gateway, people, segments, starts_us, ends_us, made_us)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (campaign_id, slot_us, gateway)
                 DO UPDATE SET people = $4, segments = $5, starts_us = $6, ends_us = $7, made_us = $8")
                .bind(campaign.to_string()).bind(a.slot.0).bind(&a.gateway.0).bind(a.people).bind(a.segments)
                .bind(columns::us(a.starts)).bind(columns::us(a.ends)).bind(now.0).execute(db).await.map(drop))?;
        }
        Ok(())
    }

    /// Was one kept in an entry behind this one?
    pub async fn is_announced_since(&mut self, entry: i64) -> Result<bool> {
        let found: Option<i64> = on!(self, db => sqlx::query_scalar(
            "SELECT n FROM entry WHERE chain = $1 AND n > $2 AND events LIKE '%{\"e\":\"forecast\"%' LIMIT 1")
            .bind(MAIN).bind(entry).fetch_optional(db).await)?;
        Ok(found.is_some())
    }

    /// All forecasts as they were announced.
    pub async fn forecasts(&mut self) -> Result<Vec<KeptForecast>> {
        columns::all::<ForecastRow, _>(on!(self, db => sqlx::query_as(
            concat!("SELECT ", forecast_columns!(), " FROM forecast ORDER BY campaign_id, slot_us, gateway")).fetch_all(db).await)?)
    }

    /// Forecasts beside what came of them: of lanes that are through.
    pub async fn forecast_facts(&mut self) -> Result<Vec<ForecastFact>> {
        columns::all::<FactRow, _>(on!(self, db => sqlx::query_as(
            "SELECT c.name, r.id AS run_id, f.slot_us, f.gateway, f.ends_us, f.made_us, l.sent_us
               FROM forecast f JOIN campaign c ON c.id = f.campaign_id
               JOIN run r ON r.campaign_id = f.campaign_id AND r.slot_us = f.slot_us
               JOIN lane l ON l.run_id = r.id AND l.gateway = f.gateway
              WHERE r.frozen_us > 0 AND l.sent_us > 0 AND f.ends_us > 0 AND l.next >= l.\"end\"
                AND NOT EXISTS (SELECT 1 FROM again a WHERE a.lane_id = l.id)
                AND NOT EXISTS (SELECT 1 FROM claim k WHERE k.lane_id = l.id)
              ORDER BY f.slot_us, r.id, f.gateway").fetch_all(db).await)?)
    }
}
