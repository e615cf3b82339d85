//! Runs' rows.

use super::{
    Corrupt, Error, Refusal, Result, Tx,
    columns::{self, Columns},
    on,
};
use crate::domain::{
    id::{CampaignId, RunId},
    lifecycle::Intent,
    policy::{Late, OnDoubt},
    priority::Priority,
    time::Micros,
};

/// One firing of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The campaign that it fires for.
    pub campaign: CampaignId,
    /// The slot it fires for, UTC; unique within its campaign.
    pub slot: Micros,
    /// What is wanted of it.
    pub intent: Intent,
    /// Why it is paused, held, cancelled or missed; empty: no reason was given.
    pub reason: String,
    /// How urgent.
    pub priority: Priority,
    /// Its policy for doubt.
    pub on_doubt: OnDoubt,
    /// Not sent after.
    pub not_after: Option<Micros>,
    /// Not sent before; `None`: at once.
    pub not_before: Option<Micros>,
    /// When it was made.
    pub created: Micros,
    /// When it was whole; `None`: half made.
    pub frozen: Option<Micros>,
    /// When it was approved.
    pub approved: Option<Micros>,
    /// When its lanes opened.
    pub opened: Option<Micros>,
    /// When it was first seen done, or missed.
    pub closed: Option<Micros>,
    /// The office's day its limits count for, once reserved.
    pub day: Option<String>,
    /// The reference of its long messages, 0 to 127.
    pub part_ref: u8,
    /// How many recipients it was frozen with; 0 until then.
    pub size: i64,
    /// People who stood in the audience more than once.
    pub merged: i64,
    /// What it does when it could not begin on time.
    pub late: Late,
}

/// A run that is being made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// The campaign that it fires for.
    pub campaign: CampaignId,
    /// The slot it fires for, UTC; unique within its campaign.
    pub slot: Micros,
    /// How urgent.
    pub priority: Priority,
    /// Its policy for doubt.
    pub on_doubt: OnDoubt,
    /// Not sent after.
    pub not_after: Option<Micros>,
    /// Not sent before; `None`: at once.
    pub not_before: Option<Micros>,
    /// What it does when it could not begin on time.
    pub late: Late,
}

crate::store::columns::stored_row! {
    /// As stored.
    pub(super) struct RunRow as run_columns {
        id: String,
        campaign_id: String,
        slot_us: i64,
        intent: String,
        reason: String,
        priority: String,
        on_doubt: String,
        not_after_us: i64,
        not_before_us: i64,
        created_us: i64,
        frozen_us: i64,
        approved_us: i64,
        opened_us: i64,
        closed_us: i64,
        day: String,
        part_ref: i64,
        size: i64,
        merged: i64,
        late: String,
    }
}

pub(super) use run_columns;

impl TryFrom<RunRow> for Run {
    type Error = Corrupt;

    fn try_from(row: RunRow) -> Result<Self, Corrupt> {
        let run = Columns::of("run", &row.id);
        Ok(Self {
            id: run.parse("id", &row.id)?,
            campaign: run.parse("campaign_id", &row.campaign_id)?,
            slot: Micros(row.slot_us),
            intent: run.parse("intent", &row.intent)?,
            priority: run.parse("priority", &row.priority)?,
            on_doubt: run.parse("on_doubt", &row.on_doubt)?,
            not_after: columns::time(row.not_after_us),
            not_before: columns::time(row.not_before_us),
            created: Micros(row.created_us),
            frozen: columns::time(row.frozen_us),
            approved: columns::time(row.approved_us),
            opened: columns::time(row.opened_us),
            closed: columns::time(row.closed_us),
            part_ref: run.number("part_ref", row.part_ref)?,
            size: row.size,
            merged: row.merged,
            late: run.parse("late", &row.late)?,
            day: columns::text(row.day),
            reason: row.reason,
        })
    }
}

impl Tx {
    /// Writes a new run, not frozen yet. Firing is unique by (campaign, slot).
    pub async fn insert_run(&mut self, r: &NewRun, now: Micros) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO run (id, campaign_id, slot_us, intent, priority, on_doubt, not_after_us, not_before_us, created_us, late)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
            .bind(r.id.to_string()).bind(r.campaign.to_string()).bind(r.slot.0).bind(Intent::Go.as_str()).bind(r.priority.as_str())
            .bind(r.on_doubt.as_str()).bind(columns::us(r.not_after)).bind(columns::us(r.not_before)).bind(now.0)
            .bind(r.late.as_str()).execute(db).await.map(drop))
    }

    /// One run.
    pub async fn run(&mut self, id: RunId) -> Result<Run> {
        let row: Option<RunRow> = on!(self, db =>
            sqlx::query_as(concat!("SELECT ", run_columns!(), " FROM run WHERE id = $1")).bind(id.to_string()).fetch_optional(db).await)?;
        let row = row.ok_or_else(|| Error::Missing {
            what: "run",
            id: id.to_string(),
        })?;
        Ok(row.try_into()?)
    }

    /// All frozen runs, newest first.
    pub async fn runs(&mut self) -> Result<Vec<Run>> {
        columns::all::<RunRow, _>(
            on!(self, db => sqlx::query_as(concat!("SELECT ", run_columns!(), " FROM run WHERE frozen_us > 0 ORDER BY id DESC")).fetch_all(db).await)?,
        )
    }

    /// A campaign's frozen runs, oldest first.
    pub async fn runs_of(&mut self, campaign: CampaignId) -> Result<Vec<Run>> {
        columns::all::<RunRow, _>(
            on!(self, db => sqlx::query_as(concat!("SELECT ", run_columns!(), " FROM run WHERE campaign_id = $1 AND frozen_us > 0 ORDER BY id"))
            .bind(campaign.to_string()).fetch_all(db).await)?,
        )
    }

    /// Frozen runs that go, or will once they are approved, with anything left; in the order of freezing.
    pub async fn runs_ahead(&mut self) -> Result<Vec<Run>> {
        columns::all::<RunRow, _>(on!(self, db => sqlx::query_as(
            concat!("SELECT ", run_columns!("r."), " FROM run r JOIN campaign c ON c.id = r.campaign_id
              WHERE r.frozen_us > 0 AND r.closed_us = 0 AND r.intent = 'go' AND c.state IN ('submitted', 'approved', 'active')
              ORDER BY r.id")).fetch_all(db).await)?)
    }

    /// All runs, half-made ones too: what verification reads.
    pub async fn audit_runs(&mut self) -> Result<Vec<Run>> {
        columns::all::<RunRow, _>(
            on!(self, db => sqlx::query_as(concat!("SELECT ", run_columns!(), " FROM run ORDER BY id")).fetch_all(db).await)?,
        )
    }

    /// Half-made runs that a crash left behind, older than `before`.
    pub async fn half_made_runs(&mut self, before: Micros) -> Result<Vec<Run>> {
        columns::all::<RunRow, _>(
            on!(self, db => sqlx::query_as(concat!("SELECT ", run_columns!(), " FROM run WHERE frozen_us = 0 AND created_us < $1")).bind(before.0).fetch_all(db).await)?,
        )
    }

    /// Approved runs whose lanes are not open yet.
    pub async fn runs_to_open(&mut self, now: Micros) -> Result<Vec<Run>> {
        columns::all::<RunRow, _>(on!(self, db => sqlx::query_as(
            concat!("SELECT ", run_columns!(), " FROM run WHERE frozen_us > 0 AND approved_us > 0 AND opened_us = 0 AND closed_us = 0 AND intent = 'go' AND not_before_us <= $1
              ORDER BY CASE priority WHEN 'urgent' THEN 0 WHEN 'normal' THEN 1 ELSE 2 END, id")).bind(now.0).fetch_all(db).await)?)
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
    pub async fn unclosed_runs(&mut self) -> Result<Vec<Run>> {
        columns::all::<RunRow, _>(on!(self, db => sqlx::query_as(
            concat!("SELECT ", run_columns!(), " FROM run WHERE frozen_us > 0 AND closed_us = 0 AND (opened_us > 0 OR intent = 'cancelled') ORDER BY id"))
            .fetch_all(db).await)?)
    }

    /// Runs whose not-after has passed and which still have something to claim.
    pub async fn overdue_runs(&mut self, now: Micros) -> Result<Vec<Run>> {
        columns::all::<RunRow, _>(on!(self, db => sqlx::query_as(
            concat!("SELECT ", run_columns!(), " FROM run r WHERE frozen_us > 0 AND closed_us = 0 AND not_after_us > 0 AND not_after_us < $1
                AND intent <> 'cancelled'
                AND EXISTS (SELECT 1 FROM lane l WHERE l.run_id = r.id AND (l.next < l.\"end\"
                     OR EXISTS (SELECT 1 FROM again a WHERE a.lane_id = l.id)))"))
            .bind(now.0).fetch_all(db).await)?)
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
            _ => Err(Refusal::RunChanged { run: id }.into()),
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
    pub async fn slots_of(&mut self, campaign: CampaignId) -> Result<Vec<Run>> {
        columns::all::<RunRow, _>(
            on!(self, db => sqlx::query_as(concat!("SELECT ", run_columns!(), " FROM run WHERE campaign_id = $1 ORDER BY slot_us"))
            .bind(campaign.to_string()).fetch_all(db).await)?,
        )
    }

    /// Runs that are approved and not over.
    pub async fn going_runs(&mut self) -> Result<Vec<Run>> {
        columns::all::<RunRow, _>(on!(self, db => sqlx::query_as(
            concat!("SELECT ", run_columns!(), " FROM run WHERE frozen_us > 0 AND approved_us > 0 AND closed_us = 0 AND intent = 'go' ORDER BY id"))
            .fetch_all(db).await)?)
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
    pub async fn open_run(&mut self, id: RunId, part_ref: u8, now: Micros) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE run SET opened_us = $2, part_ref = $3 WHERE id = $1 AND opened_us = 0")
            .bind(id.to_string()).bind(now.0).bind(i64::from(part_ref)).execute(db).await.map(drop))?;
        self.bump().await
    }

    /// The run was seen done.
    pub async fn close_run(&mut self, id: RunId, now: Micros) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE run SET closed_us = $2 WHERE id = $1 AND closed_us = 0")
            .bind(id.to_string()).bind(now.0).execute(db).await.map(drop))
    }
}
