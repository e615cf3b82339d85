//! Letting go and holding back: runs, the whole installation, and what a person must know of either.

use std::{collections::HashMap, time::Duration};

use super::{Office, ServiceError, refusal::CampaignRefusal};
use crate::{
    clock::Clock,
    domain::{
        check_code::CheckCode,
        event::Event,
        id::{CampaignId, RunId},
        lifecycle::{CampaignAct, CampaignState, Intent, Progress, RunAct, StopAct},
        message::Outcome,
        role::{Act, Actor},
    },
    engine::journal::{Decision, Op, Recorder},
    engine::{lock::EngineLock, sidecar},
    store::run::Run,
};

pub use crate::store::{campaign::Campaign, lane::Counts};

/// How long `stop` waits for the engine's count before it counts itself.
const COUNT_PATIENCE: Duration = Duration::from_secs(5);

/// How often an approval is computed again because others were first.
const APPROVAL_TRIES: usize = 8;

/// A run with what follows from its messages.
#[derive(Debug, Clone)]
pub struct RunView {
    /// As stored.
    pub run: Run,
    /// Its campaign.
    pub campaign: Campaign,
    /// How many messages are in each state.
    pub counts: Counts,
    /// How far it is.
    pub progress: Progress,
}

/// What `stop` found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Messages of unfinished runs that have left, or may have.
    pub left: i64,
    /// The engine counted itself, after its last write.
    pub by_engine: bool,
}

impl Office {
    /// A recorder of our own, for one act beside the engine's.
    async fn journal(&self) -> Result<Recorder, ServiceError> {
        Ok(Recorder::open(self.store.clone(), self.clock.clone(), HashMap::new()).await?)
    }

    /// Approves what was `seen`: what has changed since is refused, whoever changed it. Nobody approves
    /// their own.
    ///
    /// Before an approval the campaign is forecast. Where a gateway's quota would not suffice, the answer
    /// is no; otherwise the forecast is kept in the approval's own commit, which takes the quotas: an
    /// approval that counted on what another one has taken meanwhile is computed again.
    pub async fn approve(
        &self,
        actor: &Actor,
        id: CampaignId,
        seen: &CheckCode,
    ) -> Result<Campaign, ServiceError> {
        let campaign = self.store.read("approve").await?.campaign(id).await?;
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
                decision.announced = self.announce(id).await?;
            }
            let op = Op::Decide(decision.clone());
            let Err(error) = self.journal().await?.commit(&[op]).await else {
                break;
            };
            let mut tx = self.store.read("not_approved").await?;
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
        Ok(self.store.read("decided").await?.campaign(id).await?)
    }

    /// Returns, rejects, cancels, pauses.
    pub async fn decide(
        &self,
        actor: &Actor,
        id: CampaignId,
        act: CampaignAct,
        reason: &str,
    ) -> Result<Campaign, ServiceError> {
        let campaign = self.store.read("decide").await?.campaign(id).await?;
        match act {
            CampaignAct::Return => actor.may(Act::Return)?,
            CampaignAct::Reject => actor.may(Act::Reject)?,
            // These write what they bind: they have use cases of their own.
            CampaignAct::Approve
            | CampaignAct::Create
            | CampaignAct::Rename
            | CampaignAct::Submit
            | CampaignAct::Change
            | CampaignAct::Void => {
                return Err(CampaignRefusal::OwnCommand.into());
            }
            CampaignAct::Cancel => actor.may(Act::Cancel)?,
            CampaignAct::Start | CampaignAct::Pause | CampaignAct::Resume | CampaignAct::Finish => {
                actor.may(Act::Pause)?;
            }
        }
        let op = Op::Decide(Decision {
            campaign: id,
            act,
            by: actor.label(),
            reason: reason.to_owned(),
            seen: CheckCode::of(&campaign.digest),
            announced: None,
        });
        self.journal().await?.commit(&[op]).await?;
        Ok(self.store.read("decided").await?.campaign(id).await?)
    }

    /// Pauses, resumes or cancels a run.
    pub async fn intend(
        &self,
        actor: &Actor,
        id: RunId,
        to: Intent,
        reason: &str,
    ) -> Result<RunView, ServiceError> {
        let (act, right) = match to {
            Intent::Go => (RunAct::Resume, Act::Resume),
            Intent::Paused => (RunAct::Pause, Act::Pause),
            Intent::Held => (RunAct::Hold, Act::Pause),
            Intent::Cancelled => (RunAct::Cancel, Act::Cancel),
        };
        actor.may(right)?;
        let view = self.view(id).await?;
        if view.run.intent == Intent::Held && to == Intent::Go && reason.is_empty() {
            return Err(CampaignRefusal::RunHeld.into());
        }
        let campaign = view.campaign;
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
        self.journal().await?.commit(&[op]).await?;
        self.view(id).await
    }

    /// One run.
    pub async fn run(&self, actor: &Actor, id: RunId) -> Result<RunView, ServiceError> {
        actor.may(Act::ReadLog)?;
        self.view(id).await
    }

    async fn view(&self, id: RunId) -> Result<RunView, ServiceError> {
        let mut tx = self.store.read("run").await?;
        let run = tx.run(id).await?;
        let campaign = tx.campaign(run.campaign).await?;
        let counts = tx.run_counts(id).await?;
        let progress = progress(&run, &counts);
        Ok(RunView {
            run,
            campaign,
            counts,
            progress,
        })
    }

    /// One campaign.
    pub async fn campaign(&self, actor: &Actor, id: CampaignId) -> Result<Campaign, ServiceError> {
        actor.may(Act::ReadLog)?;
        Ok(self.store.read("campaign").await?.campaign(id).await?)
    }

    /// All campaigns, newest first.
    pub async fn campaigns(&self, actor: &Actor) -> Result<Vec<Campaign>, ServiceError> {
        actor.may(Act::ReadLog)?;
        Ok(self.store.read("campaigns").await?.campaigns().await?)
    }

    /// Segments of a run that carriers took.
    pub async fn segments_taken(&self, actor: &Actor, run: RunId) -> Result<i64, ServiceError> {
        actor.may(Act::ReadLog)?;
        Ok(self
            .store
            .read("segments_taken")
            .await?
            .segments_taken(run)
            .await?)
    }

    /// All runs, newest first.
    pub async fn runs(&self, actor: &Actor) -> Result<Vec<RunView>, ServiceError> {
        actor.may(Act::ReadLog)?;
        let rows = self.store.read("runs").await?.runs().await?;
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            views.push(self.view(row.id).await?);
        }
        Ok(views)
    }

    /// Halts all sending, and says exactly how many have left.
    pub async fn stop(&self, actor: &Actor, reason: &str) -> Result<Stopped, ServiceError> {
        actor.may(Act::Stop)?;
        let now = self.clock.now();
        let mut tx = self.store.begin("stop").await?;
        tx.set_stopped(now).await?;
        let event = Event::Stop {
            by: actor.label(),
            act: StopAct::Stop,
            reason: reason.to_owned(),
            left: None,
        };
        let head = tx.record(now, &[event]).await?;
        tx.commit().await?;
        let deadline = tokio::time::Instant::now() + COUNT_PATIENCE;
        while tokio::time::Instant::now() < deadline {
            if let Some(left) = self.count_since(head.n).await? {
                return Ok(Stopped {
                    left,
                    by_engine: true,
                });
            }
            // With the lock in our hands no engine runs, and none can start while we count.
            if let Some(lock) =
                EngineLock::try_take(&self.store, &format!("stop-{}", std::process::id())).await?
            {
                let left = self.store.read("left").await?.left().await?;
                lock.give_back().await?;
                return Ok(Stopped {
                    left,
                    by_engine: false,
                });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(CampaignRefusal::StopNotCounted.into())
    }

    async fn count_since(&self, entry: i64) -> Result<Option<i64>, ServiceError> {
        let mut tx = self.store.read("count_since").await?;
        for entry in tx.entries_after(entry, 10_000).await? {
            for line in entry
                .events
                .lines()
                .filter(|l| l.starts_with(r#"{"e":"stop""#))
            {
                if let Ok(Event::Stop {
                    left: Some(left), ..
                }) = serde_json::from_str(line)
                {
                    return Ok(Some(left));
                }
            }
        }
        Ok(None)
    }

    /// Lets a held or stopped installation go on, by a person's word.
    pub async fn release(&self, actor: &Actor, reason: &str) -> Result<(), ServiceError> {
        actor.may(Act::Release)?;
        let now = self.clock.now();
        let mut tx = self.store.begin("release").await?;
        let Some(installation) = tx.installation().await? else {
            return Ok(());
        };
        let place = tx.place().await?;
        tx.set_held("").await?;
        tx.set_stopped(crate::domain::time::Micros(0)).await?;
        tx.set_place(&place).await?;
        let event = Event::Stop {
            by: actor.label(),
            act: StopAct::Release,
            reason: reason.to_owned(),
            left: None,
        };
        let head = tx.record(now, &[event]).await?;
        tx.commit().await?;
        if let Some(path) = self.store.path() {
            sidecar::write(path, &installation.id, head, Clock::system().now())?;
        }
        Ok(())
    }
}

/// What was shown is not what stands there now.
pub(super) fn not_as_seen() -> ServiceError {
    CampaignRefusal::CheckCodeDiffers.into()
}

/// How far a run is, by its messages.
pub fn progress(run: &Run, counts: &Counts) -> Progress {
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
