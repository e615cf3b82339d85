//! Campaigns' rows.

use std::time::Duration;

use super::{
    Corrupt, Error, Refusal, Result, Tx,
    columns::{self, Columns},
    on,
};
use crate::domain::{
    audience_spec::AudienceSpec,
    commitment,
    id::CampaignId,
    lifecycle::CampaignState,
    policy::{Late, OnDoubt},
    priority::Priority,
    time::Micros,
};

/// A text, whom it goes to, when, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    /// Its id.
    pub id: CampaignId,
    /// What people call it.
    pub name: String,
    /// The text with placeholders.
    pub template: String,
    /// Whom it goes to.
    pub audience: AudienceSpec,
    /// How urgent.
    pub priority: Priority,
    /// The policy for doubt.
    pub on_doubt: OnDoubt,
    /// Of one that fires once: not sent after.
    pub not_after: Option<Micros>,
    /// How far it is.
    pub state: CampaignState,
    /// Of the last act that was a person's; empty: none was given.
    pub reason: String,
    /// Who wrote it.
    pub created_by: String,
    /// Who submitted it; empty: nobody yet.
    pub submitted_by: String,
    /// Who decided about it last; empty: nobody yet.
    pub decided_by: String,
    /// What an approval binds.
    pub digest: Vec<u8>,
    /// When it was written.
    pub created: Micros,
    /// When it last changed.
    pub changed: Micros,
    /// The plan that it is an item of.
    pub plan: Option<PlanItem>,
    /// The schedule in words.
    pub rule: String,
    /// When it fires, rising; empty: at once. One slot: its run is frozen when it is submitted; several: each
    /// when it is due.
    pub slots: Vec<Micros>,
    /// What a run does that could not begin on time.
    pub late: Late,
    /// Not later than so long after a slot.
    pub lasts: Option<Duration>,
    /// People counted when a recurring one was submitted.
    pub expected: i64,
    /// Since when it is approved.
    pub approved: Option<Micros>,
}

/// Where a campaign stands in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanItem {
    /// The plan's name.
    pub plan: String,
    /// Its key in the plan file.
    pub item: String,
}

impl Campaign {
    /// Does it fire more than once? Then each run is frozen when it is due.
    pub fn is_recurring(&self) -> bool {
        self.slots.len() > 1
    }

    /// The last moment for this slot; `None`: no limit.
    pub fn not_after_slot(&self, slot: Micros) -> Option<Micros> {
        Some(slot + self.lasts?)
    }

    /// What stands in a draft, and what its approval will bind but for the exact people.
    pub fn draft_digest(&self) -> [u8; 32] {
        commitment::draft(&self.bound())
    }

    /// What the approval of a recurring campaign binds.
    pub fn recurring_digest(&self) -> [u8; 32] {
        commitment::recurring(&self.bound(), self.expected)
    }

    fn bound(&self) -> commitment::Bound<'_> {
        commitment::Bound {
            template: &self.template,
            priority: self.priority,
            on_doubt: self.on_doubt,
            late: self.late,
            lasts_us: self.lasts_us(),
            audience: &self.audience,
            slots: &self.slots,
        }
    }

    /// Is it an item of this plan?
    pub fn is_of(&self, plan: &str) -> bool {
        self.plan.as_ref().is_some_and(|p| p.plan == plan)
    }

    /// Its key in its plan; empty: it is of none.
    pub fn item(&self) -> &str {
        self.plan.as_ref().map_or("", |p| &p.item)
    }

    /// The time after a slot as it is stored and bound, in microseconds; 0: no limit.
    fn lasts_us(&self) -> i64 {
        self.lasts
            .map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX))
    }
}

crate::store::columns::stored_row! {
    /// As stored.
    struct CampaignRow as campaign_columns {
        id: String,
        name: String,
        template: String,
        audience: String,
        priority: String,
        on_doubt: String,
        not_after_us: i64,
        state: String,
        reason: String,
        created_by: String,
        submitted_by: String,
        decided_by: String,
        digest: Vec<u8>,
        created_us: i64,
        changed_us: i64,
        plan: String,
        item: String,
        rule: String,
        slots: String,
        late: String,
        lasts_us: i64,
        expected: i64,
        approved_us: i64,
    }
}

impl TryFrom<CampaignRow> for Campaign {
    type Error = Corrupt;

    fn try_from(row: CampaignRow) -> Result<Self, Corrupt> {
        let campaign = Columns::of("campaign", &row.id);
        let lasts: u64 = campaign.number("lasts_us", row.lasts_us)?;
        Ok(Self {
            id: campaign.parse("id", &row.id)?,
            audience: campaign.parse("audience", &row.audience)?,
            priority: campaign.parse("priority", &row.priority)?,
            on_doubt: campaign.parse("on_doubt", &row.on_doubt)?,
            not_after: columns::time(row.not_after_us),
            state: campaign.parse("state", &row.state)?,
            created: Micros(row.created_us),
            changed: Micros(row.changed_us),
            slots: campaign.json("slots", &row.slots)?,
            late: campaign.parse("late", &row.late)?,
            lasts: (lasts > 0).then(|| Duration::from_micros(lasts)),
            approved: columns::time(row.approved_us),
            plan: columns::text(row.plan).map(|plan| PlanItem {
                plan,
                item: row.item,
            }),
            name: row.name,
            template: row.template,
            reason: row.reason,
            created_by: row.created_by,
            submitted_by: row.submitted_by,
            decided_by: row.decided_by,
            digest: row.digest,
            rule: row.rule,
            expected: row.expected,
        })
    }
}

impl Tx {
    /// Writes a new campaign.
    pub async fn insert_campaign(&mut self, c: &Campaign) -> Result<()> {
        let (plan, item) = c.plan.as_ref().map_or(("", ""), |p| (&p.plan, &p.item));
        on!(self, db => sqlx::query(
            "INSERT INTO campaign (id, name, template, audience, priority, on_doubt, not_after_us, state, reason, created_by,
                                   submitted_by, decided_by, digest, created_us, changed_us, plan, item, rule, slots, late, lasts_us,
                                   expected, approved_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)")
            .bind(c.id.to_string()).bind(&c.name).bind(&c.template).bind(c.audience.to_json()).bind(c.priority.as_str())
            .bind(c.on_doubt.as_str()).bind(columns::us(c.not_after)).bind(c.state.as_str()).bind(&c.reason)
            .bind(&c.created_by).bind(&c.submitted_by).bind(&c.decided_by).bind(&c.digest).bind(c.created.0).bind(c.changed.0)
            .bind(plan).bind(item).bind(&c.rule).bind(slots(c)).bind(c.late.as_str()).bind(c.lasts_us()).bind(c.expected)
            .bind(columns::us(c.approved)).execute(db).await.map(drop))
    }

    /// One campaign.
    pub async fn campaign(&mut self, id: CampaignId) -> Result<Campaign> {
        let row: Option<CampaignRow> = on!(self, db =>
            sqlx::query_as(concat!("SELECT ", campaign_columns!(), " FROM campaign WHERE id = $1")).bind(id.to_string()).fetch_optional(db).await)?;
        let row = row.ok_or_else(|| Error::Missing {
            what: "campaign",
            id: id.to_string(),
        })?;
        Ok(row.try_into()?)
    }

    /// All campaigns, newest first.
    pub async fn campaigns(&mut self) -> Result<Vec<Campaign>> {
        columns::all::<CampaignRow, _>(
            on!(self, db => sqlx::query_as(concat!("SELECT ", campaign_columns!(), " FROM campaign ORDER BY id DESC")).fetch_all(db).await)?,
        )
    }

    /// Writes back what acts change, if nobody else was first.
    pub async fn update_campaign(
        &mut self,
        c: &Campaign,
        from: CampaignState,
        now: Micros,
    ) -> Result<()> {
        let done = on!(self, db => sqlx::query(
            "UPDATE campaign SET state = $3, reason = $4, submitted_by = $5, decided_by = $6, digest = $7, changed_us = $8, template = $9,
                    name = $10, audience = $11, priority = $12, on_doubt = $13, not_after_us = $14, rule = $15, slots = $16,
                    late = $17, lasts_us = $18, expected = $19, approved_us = $20
              WHERE id = $1 AND state = $2")
            .bind(c.id.to_string()).bind(from.as_str()).bind(c.state.as_str()).bind(&c.reason).bind(&c.submitted_by)
            .bind(&c.decided_by).bind(&c.digest).bind(now.0).bind(&c.template)
            .bind(&c.name).bind(c.audience.to_json()).bind(c.priority.as_str()).bind(c.on_doubt.as_str())
            .bind(columns::us(c.not_after)).bind(&c.rule).bind(slots(c)).bind(c.late.as_str()).bind(c.lasts_us())
            .bind(c.expected).bind(columns::us(c.approved)).execute(db).await.map(|d| d.rows_affected()))?;
        match done {
            1 => Ok(()),
            _ => Err(Refusal::CampaignChanged { campaign: c.id }.into()),
        }
    }

    /// Approved campaigns that fire when their slots come: one that can't be read keeps no other from firing.
    pub async fn firing_campaigns(&mut self) -> Result<Vec<Result<Campaign, Corrupt>>> {
        let rows: Vec<CampaignRow> = on!(self, db => sqlx::query_as(
            concat!("SELECT ", campaign_columns!(), " FROM campaign WHERE state IN ('approved', 'active') AND slots LIKE '%,%' ORDER BY id"))
            .fetch_all(db).await)?;
        Ok(rows.into_iter().map(Campaign::try_from).collect())
    }

    /// The campaigns of a plan, as they were first read in.
    pub async fn campaigns_of(&mut self, plan: &str) -> Result<Vec<Campaign>> {
        columns::all::<CampaignRow, _>(
            on!(self, db => sqlx::query_as(concat!("SELECT ", campaign_columns!(), " FROM campaign WHERE plan = $1 ORDER BY id"))
            .bind(plan).fetch_all(db).await)?,
        )
    }

    /// Recurring campaigns that are submitted or approved, and so lie ahead.
    pub async fn recurring_ahead(&mut self) -> Result<Vec<Campaign>> {
        columns::all::<CampaignRow, _>(on!(self, db => sqlx::query_as(
            concat!("SELECT ", campaign_columns!(), " FROM campaign WHERE state IN ('submitted', 'approved', 'active') AND slots LIKE '%,%' ORDER BY id"))
            .fetch_all(db).await)?)
    }
}

fn slots(c: &Campaign) -> String {
    serde_json::json!(c.slots).to_string()
}
