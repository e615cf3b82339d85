//! Campaigns' rows.

use super::{Error, Result, Tx, on};
use crate::domain::{id::CampaignId, lifecycle::CampaignState, time::Micros};

/// A campaign as stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct CampaignRow {
    /// [`CampaignId`].
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The text with placeholders.
    pub template: String,
    /// Who, in words (JSON).
    pub audience: String,
    /// `urgent`, `normal`, `bulk`.
    pub priority: String,
    /// `hold`, `resend`.
    pub on_doubt: String,
    /// 0 = none.
    pub not_after_us: i64,
    /// [`CampaignState`].
    pub state: String,
    /// Of the last act that had one.
    pub reason: String,
    /// Author.
    pub created_by: String,
    /// Who handed it in.
    pub submitted_by: String,
    /// Who decided.
    pub decided_by: String,
    /// What the approval binds.
    pub digest: Vec<u8>,
    /// When it was written.
    pub created_us: i64,
    /// Last change.
    pub changed_us: i64,
}

impl CampaignRow {
    /// Its state, typed.
    pub fn state(&self) -> Result<CampaignState> {
        self.state.parse().map_err(|_| Error::Corrupt {
            table: "campaign",
            what: self.state.clone(),
        })
    }

    /// Its id, typed.
    pub fn id(&self) -> Result<CampaignId> {
        self.id.parse().map_err(|_| Error::Corrupt {
            table: "campaign",
            what: self.id.clone(),
        })
    }
}

impl Tx {
    /// Writes a new campaign.
    pub async fn insert_campaign(&mut self, c: &CampaignRow) -> Result<()> {
        Ok(on!(self, db => sqlx::query(
            "INSERT INTO campaign (id, name, template, audience, priority, on_doubt, not_after_us, state, reason, created_by,
                                   submitted_by, decided_by, digest, created_us, changed_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)")
            .bind(&c.id).bind(&c.name).bind(&c.template).bind(&c.audience).bind(&c.priority).bind(&c.on_doubt)
            .bind(c.not_after_us).bind(&c.state).bind(&c.reason).bind(&c.created_by).bind(&c.submitted_by)
            .bind(&c.decided_by).bind(&c.digest).bind(c.created_us).bind(c.changed_us)
            .execute(db).await.map(drop))?)
    }

    /// One campaign.
    pub async fn campaign(&mut self, id: CampaignId) -> Result<CampaignRow> {
        let row: Option<CampaignRow> = on!(self, db =>
            sqlx::query_as("SELECT * FROM campaign WHERE id = $1").bind(id.to_string()).fetch_optional(db).await)?;
        row.ok_or_else(|| Error::Missing {
            what: "campaign",
            id: id.to_string(),
        })
    }

    /// All campaigns, newest first.
    pub async fn campaigns(&mut self) -> Result<Vec<CampaignRow>> {
        Ok(
            on!(self, db => sqlx::query_as("SELECT * FROM campaign ORDER BY id DESC").fetch_all(db).await)?,
        )
    }

    /// Writes back what acts change, if nobody else was first.
    pub async fn update_campaign(
        &mut self,
        c: &CampaignRow,
        from: CampaignState,
        now: Micros,
    ) -> Result<()> {
        let done = on!(self, db => sqlx::query(
            "UPDATE campaign SET state = $3, reason = $4, submitted_by = $5, decided_by = $6, digest = $7, changed_us = $8, template = $9
              WHERE id = $1 AND state = $2")
            .bind(&c.id).bind(from.as_str()).bind(&c.state).bind(&c.reason).bind(&c.submitted_by).bind(&c.decided_by)
            .bind(&c.digest).bind(now.0).bind(&c.template).execute(db).await.map(|d| d.rows_affected()))?;
        match done {
            1 => Ok(()),
            _ => Err(Error::Conflict(format!(
                "campaign {} was changed by somebody else meanwhile: look again",
                c.id
            ))),
        }
    }
}
