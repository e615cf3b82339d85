//! Fires recurring campaigns when their slots come. Firing is unique by campaign and slot in the
//! database: neither a crash nor a clock that was set back fires anything twice.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    campaign::{
        freeze::{self, Audience, FreezeError, FreezeRequest, Purpose, audience::GroupsError},
        lifecycle,
    },
    clock::Clock,
    config::Config,
    domain::{
        audience_spec::AudienceSpec,
        bilingual::bilingual,
        carrier::CarrierTable,
        event::{Event, Terms},
        hours::Hours,
        id::{CampaignId, RunId},
        lifecycle::Intent,
        policy::{Late, is_late},
        time::Micros,
    },
    store::{
        self, Corrupt, Store, Tx, campaign::Campaign, error::Next, installation::Installation,
        run::NewRun,
    },
    telemetry::alert::{Alert, Alerts, Kind},
};

/// Between two looks at the clock.
const LOOK: Duration = Duration::from_millis(150);

/// A run is frozen so long before its slot: a million people take some seconds, and the
/// first of them is to get it on time.
const AHEAD: Duration = Duration::from_secs(30);

/// Slots dealt with in one turn: after an outage the rest comes in the next ones.
const A_TURN: usize = 16;

/// Fires what is due. One per database: it lives beside the engine.
#[derive(Debug)]
pub struct Scheduler {
    store: Store,
    clock: Clock,
    config: Arc<Config>,
    alerts: Alerts,
}

/// A campaign that could not be fired rests so long before it is tried again.
const REST: Duration = Duration::from_secs(5);

/// What is remembered from turn to turn.
#[derive(Debug, Default)]
struct Memory {
    seen: Option<Seen>,
    /// Campaigns that could not be fired, and until when they rest.
    resting: HashMap<CampaignId, Instant>,
}

/// What the last look found, when nothing was due.
#[derive(Debug, Clone, Copy)]
struct Seen {
    change: i64,
    next: Option<Micros>,
}

/// What one look finds.
#[derive(Debug, Default)]
struct Due {
    slots: Vec<(Micros, Campaign)>,
    next: Option<Micros>,
}

/// Why a slot was not fired.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Groups(#[from] GroupsError),
    #[error(transparent)]
    Freeze(#[from] FreezeError),
}

impl Failed {
    /// For the ledger: neither names nor values, which the errors' own words may quote.
    fn reason(&self) -> String {
        match self {
            Self::Groups(GroupsError::Store(_)) | Self::Freeze(FreezeError::Store(_)) => "database",
            Self::Groups(GroupsError::Unknown(_)) => "a group is gone",
            Self::Groups(GroupsError::Cycle(_)) => "groups contain each other",
            Self::Freeze(FreezeError::Template(_) | FreezeError::Text(_)) => "text cannot be sent",
            Self::Freeze(FreezeError::Values(problems)) => {
                return format!("{} values do not fit the text", problems.total);
            }
            Self::Freeze(FreezeError::Nobody) => "audience is empty",
            Self::Freeze(FreezeError::Frame { .. }) => "values change the text's frame",
        }
        .to_owned()
    }
}

impl Scheduler {
    /// Made of the office's parts.
    pub fn new(store: Store, clock: Clock, config: Arc<Config>, alerts: Alerts) -> Self {
        Self {
            store,
            clock,
            config,
            alerts,
        }
    }

    /// Looks again and again until `stop`. A database that is away for a moment is waited for.
    pub async fn run(self, stop: CancellationToken) {
        let mut memory = Memory::default();
        while !stop.is_cancelled() {
            let turn = self.turn(self.clock.now(), &mut memory);
            if let Some(Err(error)) = stop.run_until_cancelled(turn).await {
                memory.seen = None;
                tracing::warn!("Slots could not be looked after for now: {error}");
            }
            let next = memory.seen.and_then(|s| s.next);
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
                // A slot fires when it comes, not at the next look after it.
                () = self.clock.reached(next.unwrap_or(Micros(i64::MAX))), if next.is_some() => {}
            }
        }
    }

    /// Deals with the slots that are due, the oldest first; says how many.
    pub async fn run_once(&self, now: Micros) -> store::Result<usize> {
        self.turn(now, &mut Memory::default()).await
    }

    /// One look. What was seen spares an idle house the reading: nothing was changed, and no slot has come.
    async fn turn(&self, now: Micros, memory: &mut Memory) -> store::Result<usize> {
        let (due, change) = {
            let mut tx = self.store.read("slots").await?;
            // Nothing fires on a held or stopped database: once it is let go, the policies decide.
            let installation = tx.installation().await?.filter(Installation::may_send);
            let Some(change) = installation.map(|i| i.change) else {
                return Ok(0);
            };
            let seen = memory.seen;
            if seen.is_some_and(|s| s.change == change && s.next.is_none_or(|t| t > now)) {
                return Ok(0);
            }
            (self.slots(&mut tx, now).await?, change)
        };
        memory.seen = due.slots.is_empty().then_some(Seen {
            change,
            next: due.next,
        });
        memory.resting.retain(|_, until| *until > Instant::now());
        let mut dealt = 0;
        for (slot, campaign) in &due.slots {
            if dealt == A_TURN {
                break;
            }
            if memory.resting.contains_key(&campaign.id) {
                continue;
            }
            match self.fire(now, campaign, *slot).await {
                Ok(()) => {
                    self.alerts
                        .resolve(Kind::Database, &campaign.id.to_string());
                    dealt += 1;
                }
                // Somebody else was first, or changed the campaign: the next look tells.
                Err(error) if error.is_conflict() => {}
                // The database is away: that is nobody's slot's fault.
                Err(error) if error.next() != Next::Die => return Err(error),
                // Tried again after a rest; until then the others' slots have their turn.
                Err(error) => {
                    self.cannot_fire(&campaign.id, &error);
                    let until = Instant::now() + REST;
                    memory.resting.insert(campaign.id, until);
                }
            }
        }
        Ok(dealt)
    }

    /// Slots that have come and have no run, the oldest first, and when the next one comes.
    async fn slots(&self, tx: &mut Tx, now: Micros) -> store::Result<Due> {
        let mut due = Due::default();
        for campaign in tx.firing_campaigns().await? {
            let campaign = match campaign {
                Ok(campaign) => campaign,
                Err(corrupt) => {
                    let id = corrupt.row.clone();
                    self.cannot_fire(&id, &corrupt.into());
                    continue;
                }
            };
            for slot in open_slots(tx, &campaign).await? {
                let at = freezes_at(slot);
                if at <= now {
                    due.slots.push((slot, campaign.clone()));
                } else {
                    due.next = Some(due.next.map_or(at, |t| t.min(at)));
                }
            }
        }
        due.slots
            .sort_by_key(|(slot, campaign)| (*slot, campaign.id));
        Ok(due)
    }

    /// The alert names no contents: they may hold people's data.
    fn cannot_fire(&self, campaign: &dyn fmt::Display, error: &store::Error) {
        let text = match error {
            store::Error::Corrupt(_) => bilingual!(
                "任务的记录有误，无法按时发送：请运行 watchbell audit verify",
                "the campaign's record cannot be read, so it does not fire: run `watchbell audit verify`"
            ),
            _ => bilingual!(
                "数据库出错，任务未能按时发送，将继续尝试",
                "the database refused, so the campaign may not have fired yet: it is tried again"
            ),
        };
        self.alerts.raise(Alert {
            kind: Kind::Database,
            subject: campaign.to_string(),
            text,
        });
    }

    async fn fire(&self, now: Micros, campaign: &Campaign, slot: Micros) -> store::Result<()> {
        let due = self.config.sending.hours().opens(slot, campaign.priority);
        let late = is_late(now, due);
        let reason = if campaign.approved.is_some_and(|at| slot < at) {
            "not approved in time".to_owned()
        } else if campaign.not_after_slot(slot).is_some_and(|t| t <= now) {
            "not_after".to_owned()
        } else if late && campaign.late == Late::Skip {
            "late".to_owned()
        } else {
            match self.freeze(campaign, slot).await {
                Ok(()) => return Ok(()),
                Err(
                    Failed::Groups(GroupsError::Store(e)) | Failed::Freeze(FreezeError::Store(e)),
                ) => {
                    return Err(e);
                }
                Err(failed) => failed.reason(),
            }
        };
        self.miss(campaign, slot, &reason).await
    }

    async fn freeze(&self, campaign: &Campaign, slot: Micros) -> Result<(), Failed> {
        let store_error = |e: store::Error| Failed::Freeze(e.into());
        let corrupt = |column| store_error(Corrupt::on("campaign", column, campaign.id).into());
        let AudienceSpec::Groups { include, exclude } = &campaign.audience else {
            return Err(corrupt("audience"));
        };
        let mut tx = self.store.read("slot_groups").await.map_err(store_error)?;
        let audience = Audience::of_groups(&mut tx, include, exclude).await?;
        drop(tx);
        let approved = campaign.digest.as_slice().try_into();
        let approved = approved.map_err(|_| corrupt("digest"))?;
        let (expected, share) = (campaign.expected, self.config.sending.max_deviation);
        let most_off = (expected as f64 * share).floor() as i64;
        let request = FreezeRequest {
            name: campaign.name.clone(),
            text: campaign.template.clone(),
            audience: campaign.audience.clone(),
            priority: campaign.priority,
            on_doubt: campaign.on_doubt,
            not_after: campaign.not_after_slot(slot),
            not_before: Some(slot),
            late: campaign.late,
            slot,
            author: lifecycle::RULE.into(),
            purpose: Purpose::Slot {
                campaign: campaign.id,
                approved,
                least: expected - most_off,
                most: expected + most_off,
            },
        };
        self.clear_half_made(campaign, slot)
            .await
            .map_err(store_error)?;
        let settings = freeze::FreezeSettings {
            gateways: &self.config.gateways,
            signature: &self.config.sending.signature,
            carriers: CarrierTable::builtin(),
        };
        let frozen = freeze::freeze(&self.store, &self.clock, settings, &request, audience).await?;
        if (frozen.size - expected).abs() > most_off {
            self.alerts.raise(Alert {
                kind: Kind::RunHeld,
                subject: frozen.run.to_string(),
                text: bilingual!(
                    "人数 {} 与审批时的 {expected} 相差过大，已挂起：请放行或取消",
                    "{} people where {expected} were approved: held, release or cancel it",
                    frozen.size
                ),
            });
        }
        Ok(())
    }

    /// What a crash left of this very slot: only one process fires, so nobody is at work on it.
    async fn clear_half_made(&self, campaign: &Campaign, slot: Micros) -> store::Result<()> {
        let runs = self
            .store
            .read("half_made")
            .await?
            .slots_of(campaign.id)
            .await?;
        for run in runs.iter().filter(|r| r.slot == slot && r.frozen.is_none()) {
            freeze::clear(&self.store, run.id).await?;
        }
        Ok(())
    }

    /// A slot that passed unused stays visible: a run of nobody, over at once.
    async fn miss(&self, campaign: &Campaign, slot: Micros, reason: &str) -> store::Result<()> {
        self.clear_half_made(campaign, slot).await?;
        let (now, run) = (self.clock.now(), RunId::fresh());
        let mut act = self.store.begin_entry("miss", now).await?;
        let tx = &mut act.tx;
        lifecycle::must_fire(tx, campaign.id, &campaign.digest).await?;
        let new = NewRun {
            id: run,
            campaign: campaign.id,
            slot,
            priority: campaign.priority,
            on_doubt: campaign.on_doubt,
            not_after: campaign.not_after_slot(slot),
            not_before: Some(slot),
            late: campaign.late,
        };
        tx.insert_run(&new, now).await?;
        tx.finish_run(run, 0, 0, now).await?;
        let mut events = vec![Event::Frozen {
            run,
            campaign: campaign.id,
            terms: Terms {
                slot,
                priority: new.priority,
                on_doubt: new.on_doubt,
                not_after: new.not_after,
                not_before: new.not_before,
                merged: 0,
                late: new.late,
            },
            lanes: Vec::new(),
            suppressed: Vec::new(),
        }];
        let missed = (run, campaign.id, Intent::Go);
        events.extend(lifecycle::miss_run(tx, now, missed, reason).await?);
        act.commit(&events).await?;
        self.alerts.raise(Alert {
            kind: Kind::RunMissed,
            subject: run.to_string(),
            text: bilingual!("错过一次发送：{reason}", "a slot was missed: {reason}"),
        });
        Ok(())
    }
}

async fn open_slots(tx: &mut Tx, campaign: &Campaign) -> store::Result<Vec<Micros>> {
    let runs = tx.slots_of(campaign.id).await?;
    let fired: HashSet<Micros> = runs
        .iter()
        .filter(|r| r.frozen.is_some())
        .map(|r| r.slot)
        .collect();
    let slots = campaign.slots.iter().copied();
    Ok(slots.filter(|s| !fired.contains(s)).collect())
}

/// When the run of a slot is frozen.
fn freezes_at(slot: Micros) -> Micros {
    slot - AHEAD
}

/// The next instant at which anything will happen by itself: a slot's freezing, a run's beginning, the
/// window's opening. Not after `now`: it is due already.
pub async fn next_due(store: &Store, hours: &Hours, now: Micros) -> store::Result<Option<Micros>> {
    let mut tx = store.read("next_due").await?;
    let mut next = Vec::new();
    for campaign in tx.firing_campaigns().await?.into_iter().flatten() {
        let slot = open_slots(&mut tx, &campaign).await?.first().copied();
        next.extend(slot.map(freezes_at));
    }
    for run in tx.going_runs().await? {
        let at = hours.opens(run.not_before.unwrap_or(now).max(now), run.priority);
        next.extend((at > now).then_some(at));
    }
    Ok(next.into_iter().min())
}
