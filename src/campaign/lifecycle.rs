//! What happens to campaigns and runs: the one place that writes their states. Each step checks that it is
//! possible, writes the row, and gives the ledger's events about it, which belong into the same transaction.
//! What a step means for messages (cancelled ones, limits) is the journal's to do.

use crate::{
    domain::{
        event::Event,
        id::{CampaignId, RunId},
        lifecycle::{CampaignAct, CampaignState, Intent, InvalidAct, RunAct},
        message::Outcome,
        time::Micros,
    },
    store::{self, Refusal, Tx, campaign::Campaign, run::Run},
};

/// The name in the ledger of what no person did.
pub const RULE: &str = "watchbell";

/// Who acts, and why; an empty reason is none.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// A person's label, or [`RULE`].
    pub who: &'a str,
    /// Stands in the ledger for good.
    pub reason: &'a str,
}

impl<'a> By<'a> {
    /// A rule, for this reason.
    pub const fn rule(reason: &'a str) -> Self {
        Self { who: RULE, reason }
    }
}

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The campaign's state does not admit it.
    #[error(transparent)]
    Act(#[from] InvalidAct),
    /// The run was called off; that is final.
    #[error("run {0} is cancelled and stays so")]
    Cancelled(RunId),
    /// The run is held: resuming is not releasing.
    #[error("run {0} is held: a person has to release it")]
    Held(RunId),
    /// The run is over: nothing of it is left to call off.
    #[error("run {0} is over: nothing of it is left to cancel")]
    Over(RunId),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<StepError> for store::Error {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Store(error) => error,
            StepError::Act(refused) => Refusal::from(refused).into(),
            StepError::Cancelled(run) => Refusal::RunCancelled { run }.into(),
            StepError::Held(run) => Refusal::RunHeld { run }.into(),
            StepError::Over(run) => Refusal::RunOver { run }.into(),
        }
    }
}

fn campaign_event(campaign: &Campaign, act: CampaignAct, by: By<'_>) -> Event {
    Event::Campaign {
        by: by.who.to_owned(),
        act,
        campaign: campaign.id,
        state: campaign.state,
        digest: hex::encode(&campaign.digest),
        reason: by.reason.to_owned(),
    }
}

fn run_event(run: RunId, act: RunAct, intent: Intent, by: By<'_>) -> Event {
    Event::Run {
        by: by.who.to_owned(),
        act,
        run,
        intent,
        reason: by.reason.to_owned(),
        part_ref: None,
    }
}

/// A new campaign, as it stands.
pub async fn create(
    tx: &mut Tx,
    campaign: &Campaign,
    act: CampaignAct,
    by: By<'_>,
) -> store::Result<Event> {
    tx.insert_campaign(campaign).await?;
    Ok(campaign_event(campaign, act, by))
}

/// Writes what `act` makes of a campaign whose other columns are changed already; `from` is its state until
/// now. Somebody else's change meanwhile is an error.
pub async fn rewrite(
    tx: &mut Tx,
    now: Micros,
    campaign: &mut Campaign,
    act: CampaignAct,
    by: By<'_>,
) -> Result<Event, StepError> {
    let from = campaign.state;
    campaign.state = from.on(act)?;
    tx.update_campaign(campaign, from, now).await?;
    Ok(campaign_event(campaign, act, by))
}

/// A person's step: with it go the reason, who decided, and since when it is approved.
pub async fn act(
    tx: &mut Tx,
    now: Micros,
    campaign: &mut Campaign,
    act: CampaignAct,
    by: By<'_>,
) -> Result<Event, StepError> {
    by.reason.clone_into(&mut campaign.reason);
    if act == CampaignAct::Approve {
        campaign.approved = Some(now);
    }
    if matches!(
        act,
        CampaignAct::Approve | CampaignAct::Return | CampaignAct::Reject
    ) {
        by.who.clone_into(&mut campaign.decided_by);
    }
    rewrite(tx, now, campaign, act, by).await
}

/// A rule's step. It never overrules a person's: a campaign that was paused or called off stays so.
async fn advance(
    tx: &mut Tx,
    now: Micros,
    id: CampaignId,
    act: CampaignAct,
) -> store::Result<Option<Event>> {
    let mut campaign = tx.campaign(id).await?;
    if campaign.state.on(act).is_err() {
        return Ok(None);
    }
    let event = rewrite(tx, now, &mut campaign, act, By::rule("")).await?;
    Ok(Some(event))
}

/// Nobody has changed, paused or called off the campaign since its slot came; nor was another text
/// approved in place of this one.
pub async fn must_fire(tx: &mut Tx, campaign: CampaignId, approved: &[u8]) -> store::Result<()> {
    let campaign = tx.campaign(campaign).await?;
    let id = campaign.id;
    match campaign.state {
        CampaignState::Approved | CampaignState::Active if campaign.digest == approved => Ok(()),
        CampaignState::Approved | CampaignState::Active => {
            Err(Refusal::ApprovedAnew { campaign: id }.into())
        }
        state => Err(Refusal::DoesNotFire {
            campaign: id,
            state,
        }
        .into()),
    }
}

/// Its campaign is approved: the run may open when its time comes.
pub async fn approve_run(
    tx: &mut Tx,
    now: Micros,
    run: RunId,
    intent: Intent,
    by: By<'_>,
) -> store::Result<Event> {
    tx.approve_run(run, now).await?;
    Ok(run_event(run, RunAct::Approve, intent, by))
}

/// Its lanes open; `part_ref` tells its long messages apart from other runs'.
pub async fn open_run(
    tx: &mut Tx,
    now: Micros,
    run: &Run,
    part_ref: u8,
) -> store::Result<Vec<Event>> {
    tx.open_run(run.id, part_ref, now).await?;
    let opened = Event::Run {
        by: RULE.to_owned(),
        act: RunAct::Open,
        run: run.id,
        intent: run.intent,
        reason: String::new(),
        part_ref: Some(part_ref),
    };
    let started = advance(tx, now, run.campaign, CampaignAct::Start).await?;
    Ok([opened].into_iter().chain(started).collect())
}

/// No message of it is open: it is over, and with its last run the campaign.
pub async fn finish_run(tx: &mut Tx, now: Micros, run: &Run) -> store::Result<Vec<Event>> {
    tx.close_run(run.id, now).await?;
    let done = run_event(run.id, RunAct::Finish, run.intent, By::rule(""));
    let was_cancelled = run.intent == Intent::Cancelled;
    let finished = finish_campaign(tx, now, run.campaign, was_cancelled).await?;
    Ok([done].into_iter().chain(finished).collect())
}

/// Its time has passed before it opened: it is over. What people wanted of it stays as it was.
pub async fn miss_run(
    tx: &mut Tx,
    now: Micros,
    (run, campaign, intent): (RunId, CampaignId, Intent),
    reason: &str,
) -> store::Result<Vec<Event>> {
    tx.miss_run(run, reason, now).await?;
    let missed = run_event(run, RunAct::Miss, intent, By::rule(reason));
    let finished = finish_campaign(tx, now, campaign, false).await?;
    Ok([missed].into_iter().chain(finished).collect())
}

/// Pause, resume, hold, release, cancel. Nothing where it is wanted already.
pub async fn redirect_run(
    tx: &mut Tx,
    run: (RunId, Intent),
    to: Intent,
    act: RunAct,
    by: By<'_>,
) -> Result<Option<Event>, StepError> {
    let (id, from) = run;
    if from == to {
        return Ok(None);
    }
    if from == Intent::Cancelled {
        return Err(StepError::Cancelled(id));
    }
    // Held since somebody looked: then it needs a person who may release it.
    if from == Intent::Held && act == RunAct::Resume {
        return Err(StepError::Held(id));
    }
    tx.set_intent(id, from, to, by.reason).await?;
    if matches!(act, RunAct::Resume | RunAct::Release) {
        tx.excuse_late(id).await?;
    }
    Ok(Some(run_event(id, act, to, by)))
}

/// The campaign's last run is over: a recurring one's is that of its last slot, once no other is open.
async fn finish_campaign(
    tx: &mut Tx,
    now: Micros,
    id: CampaignId,
    was_cancelled: bool,
) -> store::Result<Option<Event>> {
    let campaign = tx.campaign(id).await?;
    let over = match campaign.slots.last() {
        Some(last) if campaign.is_recurring() => {
            let runs = tx.slots_of(id).await?;
            runs.iter().any(|r| r.slot >= *last) && runs.iter().all(|r| r.closed.is_some())
        }
        _ => !was_cancelled,
    };
    match over {
        true => advance(tx, now, id, CampaignAct::Finish).await,
        false => Ok(None),
    }
}

/// Is no message of the run open? Doubt counts as open until its grace is over.
pub async fn is_done(tx: &mut Tx, run: RunId) -> store::Result<bool> {
    let counts = tx.run_counts(run).await?;
    let open = counts.open();
    if open == 0 {
        return Ok(true);
    }
    // A second try that never left is in doubt without a grace of its own: the first one's is over.
    Ok(open == counts.of(Outcome::InDoubt) && !tx.has_doubt_in_grace(run).await?)
}
