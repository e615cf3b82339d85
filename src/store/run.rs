//! Runs' rows.

use super::{Error, Result, Tx, on};
use crate::domain::{
    id::{CampaignId, RunId},
    lifecycle::Intent,
    time::Micros,
};

/// A run as stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RunRow {
    /// [`RunId`].
    pub id: String,
    /// [`CampaignId`].
    pub campaign_id: String,
    /// The slot it fires for, UTC.
    pub slot_us: i64,
    /// [`Intent`].
    pub intent: String,
    /// Why it is paused, held or cancelled.
    pub reason: String,
    /// `urgent`, `normal`, `bulk`.
    pub priority: String,
    /// `hold`, `resend`.
    pub on_doubt: String,
    /// 0 = none.
    pub not_after_us: i64,
    /// 0 = at once.
    pub not_before_us: i64,
    /// When it was made.
    pub created_us: i64,
    /// When it was whole; 0 = half made.
    pub frozen_us: i64,
    /// When it was let out; 0 = not yet.
    pub approved_us: i64,
    /// When its lanes opened; 0 = not yet.
    pub opened_us: i64,
    /// When it was first seen done; 0 = not yet.
    pub closed_us: i64,
    /// The office's day its limits count for.
    pub day: String,
    /// Long messages' reference.
    pub part_ref: i64,
    /// People.
    pub size: i64,
    /// People who stood in the audience more than once.
    pub merged: i64,
    /// `skip`, `ask`, `send`: what it does when it could not begin on time.
    pub late: String,
}

impl RunRow {
    /// Its intent, typed.
    pub fn intent(&self) -> Result<Intent> {
        self.intent.parse().map_err(|_| Error::Corrupt {
            table: "run",
            what: self.intent.clone(),
        })
    }

    /// Its id, typed.
    pub fn id(&self) -> Result<RunId> {
        self.id.parse().map_err(|_| Error::Corrupt {
            table: "run",
            what: self.id.clone(),
        })
    }

    /// Its campaign's id, typed.
    pub fn campaign(&self) -> Result<CampaignId> {
        self.campaign_id.parse().map_err(|_| Error::Corrupt {
            table: "run",
            what: self.campaign_id.clone(),
        })
    }
}

impl Tx {
    /// Writes a new run, not frozen yet. Firing is unique by (campaign, slot).
    pub async fn insert_run(&mut self, r: &RunRow) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO run (id, campaign_id, slot_us, intent, priority, on_doubt, not_after_us, not_before_us, created_us, late)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
            .bind(&r.id).bind(&r.campaign_id).bind(r.slot_us).bind(&r.intent).bind(&r.priority).bind(&r.on_doubt)
            .bind(r.not_after_us).bind(r.not_before_us).bind(r.created_us).bind(&r.late).execute(db).await.map(drop))
    }

    /// One run.
    pub async fn run(&mut self, id: RunId) -> Result<RunRow> {
        let row: Option<RunRow> = on!(self, db =>
            sqlx::query_as("SELECT * FROM run WHERE id = $1").bind(id.to_string()).fetch_optional(db).await)?;
        row.ok_or_else(|| Error::Missing {
            what: "run",
            id: id.to_string(),
        })
    }

    /// All frozen runs, newest first.
    pub async fn runs(&mut self) -> Result<Vec<RunRow>> {
        on!(self, db => sqlx::query_as("SELECT * FROM run WHERE frozen_us > 0 ORDER BY id DESC").fetch_all(db).await)
    }

    /// A campaign's frozen runs, oldest first.
    pub async fn runs_of(&mut self, campaign: CampaignId) -> Result<Vec<RunRow>> {
        on!(self, db => sqlx::query_as("SELECT * FROM run WHERE campaign_id = $1 AND frozen_us > 0 ORDER BY id")
            .bind(campaign.to_string()).fetch_all(db).await)
    }

    /// Half-made runs that a crash left behind, older than `before`.
    pub async fn half_made_runs(&mut self, before: Micros) -> Result<Vec<RunRow>> {
        on!(self, db => sqlx::query_as("SELECT * FROM run WHERE frozen_us = 0 AND created_us < $1").bind(before.0).fetch_all(db).await)
    }

    /// Approved runs whose lanes are not open yet.
    pub async fn runs_to_open(&mut self, now: Micros) -> Result<Vec<RunRow>> {
        on!(self, db => sqlx::query_as(
            "SELECT * FROM run WHERE frozen_us > 0 AND approved_us > 0 AND opened_us = 0 AND closed_us = 0 AND intent = 'go' AND not_before_us <= $1
              ORDER BY CASE priority WHEN 'urgent' THEN 0 WHEN 'normal' THEN 1 ELSE 2 END, id").bind(now.0).fetch_all(db).await)
    }

    /// When the next approved run's time comes after `now`.
    pub async fn next_not_before(&mut self, now: Micros) -> Result<Option<Micros>> {
        let next: Option<i64> = on!(self, db => sqlx::query_scalar(
            "SELECT min(not_before_us) FROM run
              WHERE frozen_us > 0 AND approved_us > 0 AND opened_us = 0 AND closed_us = 0 AND intent = 'go' AND not_before_us > $1")
            .bind(now.0).fetch_one(db).await)?;
        Ok(next.map(Micros))
    }

    /// Runs that are going or ended, and not yet seen done.
    pub async fn unclosed_runs(&mut self) -> Result<Vec<RunRow>> {
        on!(self, db => sqlx::query_as(
            "SELECT * FROM run WHERE frozen_us > 0 AND closed_us = 0 AND (opened_us > 0 OR intent = 'cancelled') ORDER BY id")
            .fetch_all(db).await)
    }

    /// Runs whose not-after has passed and which still have something to claim.
    pub async fn overdue_runs(&mut self, now: Micros) -> Result<Vec<RunRow>> {
        on!(self, db => sqlx::query_as(
            "SELECT * FROM run r WHERE frozen_us > 0 AND closed_us = 0 AND not_after_us > 0 AND not_after_us < $1
                AND intent <> 'cancelled'
                AND EXISTS (SELECT 1 FROM lane l WHERE l.run_id = r.id AND (l.next < l.\"end\"
                     OR EXISTS (SELECT 1 FROM again a WHERE a.lane_id = l.id)))")
            .bind(now.0).fetch_all(db).await)
    }

    /// Writes the intent with its reason.
    pub async fn set_intent(
        &mut self,
        id: RunId,
        from: Intent,
        to: Intent,
        reason: &str,
    ) -> Result<()> {
        let done = on!(self, db => sqlx::query("UPDATE run SET intent = $3, reason = $4 WHERE id = $1 AND intent = $2")
            .bind(id.to_string()).bind(from.as_str()).bind(to.as_str()).bind(reason)
            .execute(db).await.map(|d| d.rows_affected()))?;
        match done {
            1 => self.bump().await,
            _ => Err(Error::Conflict(format!(
                "run {id} was changed by somebody else meanwhile: look again"
            ))),
        }
    }

    /// The run was let go by a person: being late is no reason to stop any more.
    pub async fn excuse_late(&mut self, id: RunId) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE run SET late = 'send' WHERE id = $1")
            .bind(id.to_string()).execute(db).await.map(drop))
    }

    /// The run's time has passed before it opened.
    pub async fn miss_run(&mut self, id: RunId, reason: &str, now: Micros) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE run SET closed_us = $2, reason = $3 WHERE id = $1 AND closed_us = 0")
            .bind(id.to_string()).bind(now.0).bind(reason).execute(db).await.map(drop))?;
        self.bump().await
    }

    /// All runs of a campaign with their slots, half-made ones too (which have `frozen_us` 0).
    pub async fn slots_of(&mut self, campaign: &str) -> Result<Vec<RunRow>> {
        on!(self, db => sqlx::query_as("SELECT * FROM run WHERE campaign_id = $1 ORDER BY slot_us")
            .bind(campaign).fetch_all(db).await)
    }

    /// Runs that are let out and not over.
    pub async fn going_runs(&mut self) -> Result<Vec<RunRow>> {
        on!(self, db => sqlx::query_as(
            "SELECT * FROM run WHERE frozen_us > 0 AND approved_us > 0 AND closed_us = 0 AND intent = 'go' ORDER BY id")
            .fetch_all(db).await)
    }

    /// The run is let out.
    pub async fn approve_run(&mut self, id: RunId, now: Micros) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE run SET approved_us = $2 WHERE id = $1 AND approved_us = 0")
            .bind(id.to_string()).bind(now.0).execute(db).await.map(drop))?;
        self.bump().await
    }

    /// The day whose limits the run is reserved for, set once.
    pub async fn set_run_day(&mut self, id: RunId, day: &str) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE run SET day = $2 WHERE id = $1 AND day = ''")
            .bind(id.to_string()).bind(day).execute(db).await.map(drop))
    }

    /// The run's lanes open.
    pub async fn open_run(&mut self, id: RunId, part_ref: i64, now: Micros) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE run SET opened_us = $2, part_ref = $3 WHERE id = $1 AND opened_us = 0")
            .bind(id.to_string()).bind(now.0).bind(part_ref).execute(db).await.map(drop))?;
        self.bump().await
    }

    /// The run was seen done.
    pub async fn close_run(&mut self, id: RunId, now: Micros) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE run SET closed_us = $2 WHERE id = $1 AND closed_us = 0")
            .bind(id.to_string()).bind(now.0).execute(db).await.map(drop))
    }

    /// The references of long messages that may still be on somebody's phone: of runs open, or done
    /// less than an hour ago.
    pub async fn busy_part_refs(&mut self, now: Micros) -> Result<Vec<i64>> {
        on!(self, db => sqlx::query_scalar(
            "SELECT DISTINCT r.part_ref FROM run r WHERE r.opened_us > 0 AND (r.closed_us = 0 OR r.closed_us > $1)
                AND EXISTS (SELECT 1 FROM lane l WHERE l.run_id = r.id AND l.max_parts > 1)")
            .bind(now.plus_secs(-3600).0).fetch_all(db).await)
    }
}
