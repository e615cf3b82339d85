//! Runs as people see them: how far each is, pausing it and calling it off.

use serde::Serialize;

use super::{Runs, ServiceError, check_optional_reason};
use crate::{
    domain::{
        check_code::CheckCode,
        id::{CampaignId, RunId},
        lifecycle::{CampaignAct, Intent, Progress, RunAct},
        message::Outcome,
        priority::Priority,
        role::{Act, Actor},
        time::Zoned,
    },
    engine::journal::{Decision, Op},
    store::{self, campaign::Campaign, run::Run},
};

pub use crate::store::lane::Counts;

/// A run as its readers see it: one form for `--json`, HTTP and pages.
#[derive(Debug, Clone, Serialize)]
pub struct RunView {
    /// Its id.
    #[serde(rename = "run")]
    pub id: RunId,
    /// The campaign that it fires for.
    pub campaign: CampaignId,
    /// What people call that campaign.
    pub name: String,
    /// How far it is.
    pub progress: Progress,
    /// What is wanted of it.
    pub intent: Intent,
    /// Why it is paused, held, cancelled or missed; empty: no reason was given.
    pub reason: String,
    /// How urgent.
    pub priority: Priority,
    /// How many messages are in each state.
    #[serde(rename = "messages")]
    pub counts: Counts,
    /// How many of them have left us, or may have.
    pub left: i64,
    /// When this was looked up.
    pub as_of: Zoned,
    /// The slot it fires for.
    pub slot: Zoned,
    /// Not sent before; `None`: at once.
    pub not_before: Option<Zoned>,
    /// When it was made.
    pub created: Zoned,
    /// When it began; `None`: it has not.
    pub opened: Option<Zoned>,
    /// When it was first seen done, or missed.
    pub closed: Option<Zoned>,
    /// How many people it was frozen with; 0 until then.
    pub people: i64,
    /// The groups that it goes to; empty: the people of a file.
    pub groups: Vec<String>,
}

impl Runs<'_> {
    /// Pauses, resumes or cancels a run; releases one that is held, which is not for the clerk whose run it may be.
    pub async fn intend(
        self,
        actor: &Actor,
        id: RunId,
        to: Intent,
        reason: &str,
    ) -> Result<RunView, ServiceError> {
        let reason = check_optional_reason(reason)?;
        actor.may(Act::ReadLog)?;
        let (run, campaign) = self.rows(id).await?;
        let (act, right) = match (run.intent, to) {
            (Intent::Held, Intent::Go) => (RunAct::Release, Act::Release),
            (_, Intent::Go) => (RunAct::Resume, Act::Resume),
            (_, Intent::Paused) => (RunAct::Pause, Act::Pause),
            (_, Intent::Held) => (RunAct::Hold, Act::Pause),
            (_, Intent::Cancelled) => (RunAct::Cancel, Act::Cancel),
        };
        actor.may(right)?;
        if act == RunAct::Release && reason.is_empty() {
            return Err(store::Refusal::RunHeld { run: id }.into());
        }
        let op = match to {
            // A recurring campaign goes on: only this run of it is called off.
            Intent::Cancelled if !campaign.is_recurring() => Op::Decide(Decision {
                campaign: campaign.id,
                act: CampaignAct::Cancel,
                by: actor.label(),
                reason: reason.to_owned(),
                seen: CheckCode::of(&campaign.digest),
                announced: None,
            }),
            _ => Op::Intend {
                run: id,
                to,
                act,
                by: actor.label(),
                reason: reason.to_owned(),
            },
        };
        self.office.commit(op).await?;
        self.view(id).await
    }

    /// One run.
    pub async fn get(self, actor: &Actor, id: RunId) -> Result<RunView, ServiceError> {
        actor.may(Act::ReadLog)?;
        self.view(id).await
    }

    /// Segments of a run that carriers took.
    pub async fn segments_taken(self, actor: &Actor, run: RunId) -> Result<i64, ServiceError> {
        actor.may(Act::ReadLog)?;
        Ok(self
            .office
            .store
            .read("segments_taken")
            .await?
            .segments_taken(run)
            .await?)
    }

    /// All runs, newest first.
    pub async fn list(self, actor: &Actor) -> Result<Vec<RunView>, ServiceError> {
        actor.may(Act::ReadLog)?;
        let rows = self.office.store.read("runs").await?.runs().await?;
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            views.push(self.view(row.id).await?);
        }
        Ok(views)
    }

    async fn rows(self, id: RunId) -> Result<(Run, Campaign), ServiceError> {
        let mut tx = self.office.store.read("run").await?;
        let run = tx.run(id).await?;
        let campaign = tx.campaign(run.campaign).await?;
        Ok((run, campaign))
    }

    async fn view(self, id: RunId) -> Result<RunView, ServiceError> {
        let (run, campaign) = self.rows(id).await?;
        let counts = self.office.store.read("run").await?.run_counts(id).await?;
        let zone = self.office.config.sending.timezone;
        Ok(RunView {
            progress: progress(&run, &counts),
            id: run.id,
            campaign: run.campaign,
            name: campaign.name,
            intent: run.intent,
            reason: run.reason,
            priority: run.priority,
            left: counts.left(),
            counts,
            as_of: self.office.clock.now().on(zone),
            slot: run.slot.on(zone),
            not_before: run.not_before.map(|at| at.on(zone)),
            created: run.created.on(zone),
            opened: run.opened.map(|at| at.on(zone)),
            closed: run.closed.map(|at| at.on(zone)),
            people: run.size,
            groups: campaign.audience.groups().to_vec(),
        })
    }
}

/// How far a run is, by its messages.
pub(super) fn progress(run: &Run, counts: &Counts) -> Progress {
    let never_started = counts.left() == 0;
    let is_cancelled = run.intent == Intent::Cancelled;
    if run.frozen.is_none() {
        Progress::Planned
    } else if run.opened.is_none() && run.closed.is_some() && !is_cancelled {
        Progress::Missed
    } else if run.opened.is_none() && counts.of(Outcome::Cancelled) > 0 && counts.queued == 0 {
        match is_cancelled {
            true => Progress::Done,
            false => Progress::Missed,
        }
    } else if run.closed.is_some() || counts.open() == 0 {
        Progress::Done
    } else if counts.queued + counts.submitting == 0 {
        Progress::AwaitingReports
    } else if never_started {
        Progress::Frozen
    } else {
        Progress::Sending
    }
}
