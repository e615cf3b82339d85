//! Campaigns' rows.

use super::{Error, Result, Tx, on};
use crate::domain::{
    id::CampaignId,
    lifecycle::CampaignState,
    policy::{Late, OnDoubt},
    priority::Priority,
    time::Micros,
};

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
    /// Whose item it is; empty: of no plan.
    pub plan: String,
    /// Its key in the plan file.
    pub item: String,
    /// The schedule in words.
    pub rule: String,
    /// When it fires, JSON; empty: at once. One slot: its run is frozen when it is handed in; several:
    /// each when it is due.
    pub slots: String,
    /// `skip`, `ask`, `send`.
    pub late: String,
    /// Not later than so long after a slot; 0: no limit.
    pub lasts_us: i64,
    /// People counted when a recurring one was handed in.
    pub expected: i64,
    /// Since when it is let out; 0: not.
    pub approved_us: i64,
}

impl CampaignRow {
    /// Its state, typed.
    pub fn state(&self) -> Result<CampaignState> {
        self.state.parse().map_err(|_| Error::Corrupt {
            table: "campaign",
            what: self.state.clone(),
        })
    }

    /// When it fires, rising.
    pub fn slots(&self) -> Result<Vec<Micros>> {
        serde_json::from_str(&self.slots).map_err(|_| Error::Corrupt {
            table: "campaign",
            what: self.slots.clone(),
        })
    }

    /// The groups it goes to, the first one's rows first; none of one that goes to a file.
    pub fn groups(&self) -> Result<Vec<String>> {
        #[derive(serde::Deserialize)]
        struct Words {
            #[serde(default)]
            include: Vec<String>,
        }
        let words: Words = serde_json::from_str(&self.audience).map_err(|_| Error::Corrupt {
            table: "campaign",
            what: self.audience.clone(),
        })?;
        Ok(words.include)
    }

    /// Does it fire more than once? Then each run is frozen when it is due.
    pub fn is_recurring(&self) -> Result<bool> {
        Ok(self.slots()?.len() > 1)
    }

    /// What it does when it is late, typed.
    pub fn late(&self) -> Result<Late> {
        self.late.parse().map_err(|_| Error::Corrupt {
            table: "campaign",
            what: self.late.clone(),
        })
    }

    /// How urgent, typed.
    pub fn priority(&self) -> Result<Priority> {
        self.priority.parse().map_err(|_| Error::Corrupt {
            table: "campaign",
            what: self.priority.clone(),
        })
    }

    /// The policy for doubt, typed.
    pub fn on_doubt(&self) -> Result<OnDoubt> {
        self.on_doubt.parse().map_err(|_| Error::Corrupt {
            table: "campaign",
            what: self.on_doubt.clone(),
        })
    }

    /// The last moment for this slot; `None`: no limit.
    pub fn not_after(&self, slot: Micros) -> Option<Micros> {
        (self.lasts_us > 0).then(|| Micros(slot.0.saturating_add(self.lasts_us)))
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
        on!(self, db => sqlx::query(
            "INSERT INTO campaign (id, name, template, audience, priority, on_doubt, not_after_us, state, reason, created_by,
                                   submitted_by, decided_by, digest, created_us, changed_us, plan, item, rule, slots, late, lasts_us,
                                   expected, approved_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)")
            .bind(&c.id).bind(&c.name).bind(&c.template).bind(&c.audience).bind(&c.priority).bind(&c.on_doubt)
            .bind(c.not_after_us).bind(&c.state).bind(&c.reason).bind(&c.created_by).bind(&c.submitted_by)
            .bind(&c.decided_by).bind(&c.digest).bind(c.created_us).bind(c.changed_us)
            .bind(&c.plan).bind(&c.item).bind(&c.rule).bind(&c.slots).bind(&c.late).bind(c.lasts_us).bind(c.expected)
            .bind(c.approved_us).execute(db).await.map(drop))
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
        on!(self, db => sqlx::query_as("SELECT * FROM campaign ORDER BY id DESC").fetch_all(db).await)
    }

    /// Writes back what acts change, if nobody else was first.
    pub async fn update_campaign(
        &mut self,
        c: &CampaignRow,
        from: CampaignState,
        now: Micros,
    ) -> Result<()> {
        let done = on!(self, db => sqlx::query(
            "UPDATE campaign SET state = $3, reason = $4, submitted_by = $5, decided_by = $6, digest = $7, changed_us = $8, template = $9,
                    name = $10, audience = $11, priority = $12, on_doubt = $13, not_after_us = $14, rule = $15, slots = $16,
                    late = $17, lasts_us = $18, expected = $19, approved_us = $20
              WHERE id = $1 AND state = $2")
            .bind(&c.id).bind(from.as_str()).bind(&c.state).bind(&c.reason).bind(&c.submitted_by).bind(&c.decided_by)
            .bind(&c.digest).bind(now.0).bind(&c.template)
            .bind(&c.name).bind(&c.audience).bind(&c.priority).bind(&c.on_doubt).bind(c.not_after_us).bind(&c.rule)
            .bind(&c.slots).bind(&c.late).bind(c.lasts_us).bind(c.expected).bind(c.approved_us).execute(db).await.map(|d| d.rows_affected()))?;
        match done {
            1 => Ok(()),
            _ => Err(Error::Conflict(format!(
                "campaign {} was changed by somebody else meanwhile: look again",
                c.id
            ))),
        }
    }

    /// Campaigns that are let out and fire when their slots come.
    pub async fn firing_campaigns(&mut self) -> Result<Vec<CampaignRow>> {
        let rows: Vec<CampaignRow> = on!(self, db => sqlx::query_as(
            "SELECT * FROM campaign WHERE state IN ('approved', 'active') AND slots LIKE '%,%' ORDER BY id")
            .fetch_all(db).await)?;
        Ok(rows)
    }

    /// The campaigns of a plan, as they were first read in.
    pub async fn campaigns_of(&mut self, plan: &str) -> Result<Vec<CampaignRow>> {
        on!(self, db => sqlx::query_as("SELECT * FROM campaign WHERE plan = $1 ORDER BY id")
            .bind(plan).fetch_all(db).await)
    }
}
