//! Campaigns as people see them, and their decisions.

use serde::{Serialize, Serializer};

use super::{Campaigns, ServiceError, check_optional_reason, refusal::CampaignRefusal};
use crate::{
    domain::{
        check_code::CheckCode,
        id::CampaignId,
        lifecycle::{CampaignAct, CampaignState},
        policy::OnDoubt,
        priority::Priority,
        role::{Act, Actor},
        time::Micros,
    },
    engine::journal::{Decision, Op},
    store::campaign::Campaign,
};

/// How often an approval is computed again because others were first.
const APPROVAL_TRIES: usize = 8;

/// What a person may decide about a campaign, beside approving it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CampaignDecision {
    /// Give it back to be mended.
    Return,
    /// Turn it down for good.
    Reject,
    /// Call it off.
    Cancel,
}

/// A campaign as its readers see it: one form for `--json`, HTTP and pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CampaignView {
    /// Its id.
    #[serde(rename = "campaign")]
    pub id: CampaignId,
    /// What people call it.
    pub name: String,
    /// How far it is.
    pub state: CampaignState,
    /// The text with placeholders.
    pub text: String,
    /// How urgent.
    pub priority: Priority,
    /// The policy for doubt.
    pub on_doubt: OnDoubt,
    /// Who wrote it.
    pub created_by: String,
    /// Who submitted it; empty: nobody yet.
    pub submitted_by: String,
    /// Who decided about it last; empty: nobody yet.
    pub decided_by: String,
    /// Of the last act that was a person's; empty: none was given.
    pub reason: String,
    /// What an approval binds, whole.
    #[serde(rename = "digest", serialize_with = "whole")]
    pub check_code: CheckCode,
    /// The plan that it is an item of; empty: of none.
    pub plan: String,
    /// Its key in that plan; empty: it is of none.
    pub item: String,
    /// The groups that it goes to; empty: the people of a file.
    pub groups: Vec<String>,
    /// The next slot that has not come; `None`: there is none.
    #[serde(rename = "next_slot_us")]
    pub next_slot: Option<Micros>,
}

impl CampaignView {
    fn of(c: Campaign, now: Micros) -> Self {
        let is_over = match c.state {
            CampaignState::Finished | CampaignState::Rejected | CampaignState::Cancelled => true,
            CampaignState::Draft
            | CampaignState::Submitted
            | CampaignState::Returned
            | CampaignState::Approved
            | CampaignState::Active
            | CampaignState::Paused => false,
        };
        let next_slot = c.slots.iter().copied().find(|s| *s > now && !is_over);
        let (plan, item) = c.plan.map_or_else(Default::default, |p| (p.plan, p.item));
        Self {
            id: c.id,
            name: c.name,
            state: c.state,
            text: c.template,
            priority: c.priority,
            on_doubt: c.on_doubt,
            created_by: c.created_by,
            submitted_by: c.submitted_by,
            decided_by: c.decided_by,
            reason: c.reason,
            check_code: CheckCode::of(&c.digest),
            plan,
            item,
            groups: c.audience.groups().to_vec(),
            next_slot,
        }
    }
}

fn whole<S: Serializer>(code: &CheckCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(code.whole())
}

impl Campaigns<'_> {
    /// Approves what was `seen`: what has changed since is refused, whoever changed it. Nobody approves
    /// their own.
    ///
    /// Before an approval the campaign is forecast. Where a gateway's quota would not suffice, the answer
    /// is no; otherwise the forecast is kept in the approval's own commit, which takes the quotas: an
    /// approval that counted on what another one has taken meanwhile is computed again.
    pub async fn approve(
        self,
        actor: &Actor,
        id: CampaignId,
        seen: &CheckCode,
    ) -> Result<CampaignView, ServiceError> {
        let campaign = self
            .office
            .store
            .read("approve")
            .await?
            .campaign(id)
            .await?;
        actor.may_approve([campaign.created_by.as_str(), campaign.submitted_by.as_str()])?;
        let mut decision = Decision {
            campaign: id,
            act: CampaignAct::Approve,
            by: actor.label(),
            reason: String::new(),
            seen: seen.clone(),
            announced: None,
        };
        for turn in 1.. {
            if campaign.state == CampaignState::Submitted {
                decision.announced = Some(self.office.announce(id).await?);
            }
            let op = Op::Decide(decision.clone());
            let error = match self.office.commit(op).await {
                Err(ServiceError::Store(error)) => error,
                done => {
                    done?;
                    break;
                }
            };
            let mut tx = self.office.store.read("not_approved").await?;
            if !seen.matches(&tx.campaign(id).await?.digest) {
                return Err(not_as_seen());
            }
            let others = match &decision.announced {
                Some(shown) if error.is_conflict() => tx.is_announced_since(shown.after).await?,
                _ => false,
            };
            if !others || turn == APPROVAL_TRIES {
                return Err(error.into());
            }
        }
        self.view(id).await
    }

    /// Returns, rejects or cancels a campaign, with a reason. Approving binds what was shown: [`Self::approve`].
    pub async fn decide(
        self,
        actor: &Actor,
        id: CampaignId,
        decision: CampaignDecision,
        reason: &str,
    ) -> Result<CampaignView, ServiceError> {
        let (act, right) = match decision {
            CampaignDecision::Return => (CampaignAct::Return, Act::Return),
            CampaignDecision::Reject => (CampaignAct::Reject, Act::Reject),
            CampaignDecision::Cancel => (CampaignAct::Cancel, Act::Cancel),
        };
        actor.may(right)?;
        let reason = check_optional_reason(reason)?;
        let campaign = self.office.store.read("decide").await?.campaign(id).await?;
        let op = Op::Decide(Decision {
            campaign: id,
            act,
            by: actor.label(),
            reason: reason.to_owned(),
            seen: CheckCode::of(&campaign.digest),
            announced: None,
        });
        self.office.commit(op).await?;
        self.view(id).await
    }

    /// One campaign.
    pub async fn get(self, actor: &Actor, id: CampaignId) -> Result<CampaignView, ServiceError> {
        actor.may(Act::ReadLog)?;
        self.view(id).await
    }

    /// All campaigns, newest first.
    pub async fn list(self, actor: &Actor) -> Result<Vec<CampaignView>, ServiceError> {
        actor.may(Act::ReadLog)?;
        let mut tx = self.office.store.read("campaigns").await?;
        let now = self.office.clock.now();
        let view = |c| CampaignView::of(c, now);
        Ok(tx.campaigns().await?.into_iter().map(view).collect())
    }

    async fn view(self, id: CampaignId) -> Result<CampaignView, ServiceError> {
        let mut tx = self.office.store.read("campaign").await?;
        let campaign = tx.campaign(id).await?;
        Ok(CampaignView::of(campaign, self.office.clock.now()))
    }
}

/// What was shown is not what stands there now.
pub(super) fn not_as_seen() -> ServiceError {
    CampaignRefusal::CheckCodeDiffers.into()
}
