//! Queueing one run now, whole or not at all, and waiting for it.

use std::{fs::File, ops::ControlFlow, path::Path, time::Duration};

use super::{
    Campaigns, Office, Runs, Sending, ServiceError,
    refusal::{CampaignRefusal, ContactsRefusal},
};
use crate::{
    campaign::{
        freeze::{self, Audience, FreezeRequest, Frozen, Person, Purpose, audience::GroupsError},
        lifecycle::{self, By},
    },
    domain::{
        audience_spec::AudienceSpec,
        bilingual::Bilingual,
        carrier::CarrierTable,
        hours::{Closed, Hours, Window},
        id::{CampaignId, RunId},
        lifecycle::CampaignAct,
        optout::OptOutWords,
        priority::Priority,
        role::{Act, Actor},
        template::{self, Values},
        time::Micros,
    },
    engine::{Engine, EngineError, Parts},
    gateway,
    intake::{Book, Verdict},
    store::{self, campaign::Campaign, contact::Group, error::Next, lane::Counts},
};

pub use crate::domain::policy::OnDoubt;

/// How often a waiting process looks.
const LOOK: Duration = Duration::from_millis(200);

/// How often it tries to become the engine.
const TRY_LOCK: Duration = Duration::from_secs(1);

/// To whom.
#[derive(Debug, Clone)]
pub enum Target<'a> {
    /// Everybody in an address book.
    File(&'a Path),
    /// Groups by name, the first one's rows win; without those of the excluded groups.
    Groups {
        /// Everybody in at least one of these groups, by name.
        include: &'a [String],
        /// But not these.
        exclude: &'a [String],
    },
}

/// What is to be sent.
#[derive(Debug, Clone)]
pub struct SendRequest<'a> {
    /// What people call it.
    pub name: String,
    /// To whom.
    pub to: Target<'a>,
    /// The text.
    pub text: &'a str,
    /// How urgent.
    pub priority: Priority,
    /// What to do about doubt.
    pub on_doubt: OnDoubt,
    /// Not sent after.
    pub not_after: Option<Micros>,
    /// Out of hours: wait, or be refused.
    pub out_of_hours: OutOfHours,
}

/// What to do when it may not go out now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutOfHours {
    /// Say so.
    Refuse,
    /// Queue it for when it may.
    Wait,
}

/// What was queued.
#[derive(Debug, Clone)]
pub struct Queued {
    /// The frozen run.
    pub frozen: Frozen,
    /// Another person must approve it first.
    pub waits_for_approval: bool,
    /// It may not start before.
    pub opens_at: Option<(Micros, Closed)>,
    /// Rows of the file that could not be read as people.
    pub refused_rows: u64,
}

/// A campaign submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Submission {
    /// The draft that was submitted.
    pub campaign: CampaignId,
    /// So many people, as of now.
    pub people: i64,
    /// Its frozen run; none yet of one that fires again and again.
    pub run: Option<RunId>,
}

impl Sending<'_> {
    /// Season and quiet hours as configured.
    pub fn hours(self) -> Hours {
        self.office.config.sending.hours()
    }

    /// Queues one run. With `require_approval` it is only submitted.
    pub async fn send(
        self,
        actor: &Actor,
        request: &SendRequest<'_>,
    ) -> Result<Queued, ServiceError> {
        let (purpose, right) = match self.office.config.sending.require_approval {
            true => (Purpose::New, Act::Submit),
            false => (Purpose::NewUnapproved, Act::SendUnapproved),
        };
        actor.may(right)?;
        self.office.gateways_can_be_opened()?;
        let now = self.office.clock.now();
        if request.not_after.is_some_and(|t| t <= now) {
            return Err(CampaignRefusal::NotAfterPassed.into());
        }
        let opens_at = match self.hours().may_send(now, request.priority) {
            Window::Open => None,
            Window::OpensAt(at, why) => match request.out_of_hours {
                OutOfHours::Refuse => return Err(self.office.out_of_hours(at, why)),
                OutOfHours::Wait => Some((at, why)),
            },
        };
        if let (Some((at, why)), Some(last)) = (opens_at, request.not_after)
            && last <= at
        {
            return Err(self.office.out_of_hours(at, why));
        }
        let (audience, spec, refused_rows) = self.office.audience(&request.to).await?;
        let request = FreezeRequest {
            name: request.name.clone(),
            text: request.text.to_owned(),
            audience: spec,
            priority: request.priority,
            on_doubt: request.on_doubt,
            not_after: request.not_after,
            not_before: opens_at.map(|o| o.0),
            late: crate::domain::policy::Late::Send,
            slot: now,
            author: actor.label(),
            purpose,
        };
        let frozen = self.office.freeze(&request, audience).await?;
        Ok(Queued {
            frozen,
            waits_for_approval: purpose.waits_for_approval(),
            opens_at,
            refused_rows,
        })
    }

    /// What an engine of this office is made of.
    pub fn engine_parts(self, alerts: crate::telemetry::alert::Alerts) -> Parts {
        let s = &self.office.config.sending;
        Parts {
            store: self.office.store.clone(),
            clock: self.office.clock.clone(),
            gateways: self.office.config.gateways.clone(),
            policy: crate::engine::Policy {
                hours: self.hours(),
                zone: s.timezone,
                daily_limit: i64::from(s.daily_limit_per_person),
                report_window: s.report_window,
                doubt_grace: s.doubt_grace,
                opt_out: OptOutWords::new(&s.opt_out_words),
            },
            alerts,
            node: format!("{}-{}", hostname(), std::process::id()),
        }
    }
}

impl Campaigns<'_> {
    /// Hands a draft or a returned campaign in. One that fires once is frozen with the audience as it is
    /// now, with another text if one is given; of one that fires again and again the people are
    /// counted, and each run is frozen when it is due.
    pub async fn submit(
        self,
        actor: &Actor,
        id: CampaignId,
        text: Option<&str>,
    ) -> Result<Submission, ServiceError> {
        actor.may(Act::Submit)?;
        let mut campaign = self.office.store.read("submit").await?.campaign(id).await?;
        campaign.state.on(CampaignAct::Submit)?;
        if let Some(text) = text {
            campaign.template = text.to_owned();
        }
        let now = self.office.clock.now();
        let not_after = match campaign.slots.last() {
            Some(last) => campaign.not_after_slot(*last),
            None => campaign.not_after,
        };
        if not_after.is_some_and(|t| t <= now) {
            return Err(CampaignRefusal::CampaignTooLate.into());
        }
        let to = match &campaign.audience {
            AudienceSpec::File(file) => Target::File(Path::new(file)),
            AudienceSpec::Groups { include, exclude } => Target::Groups { include, exclude },
        };
        let (audience, spec, _) = self.office.audience(&to).await?;
        if campaign.is_recurring() {
            return self
                .office
                .submit_recurring(actor, campaign, audience)
                .await;
        }
        let request = FreezeRequest {
            name: campaign.name.clone(),
            text: campaign.template.clone(),
            audience: spec,
            priority: campaign.priority,
            on_doubt: campaign.on_doubt,
            not_after,
            not_before: campaign.slots.first().copied(),
            late: campaign.late,
            slot: self
                .office
                .free_slot(id, campaign.slots.first().copied().unwrap_or(now))
                .await?,
            author: actor.label(),
            purpose: Purpose::Resubmitted(id),
        };
        let frozen = self.office.freeze(&request, audience).await?;
        Ok(Submission {
            campaign: id,
            people: frozen.size,
            run: Some(frozen.run),
        })
    }
}

impl Runs<'_> {
    /// Stays until no message of the run is open; does the sending itself whenever no other process
    /// has the engine. `look` is called with the counts.
    pub async fn wait(
        self,
        run: RunId,
        alerts: &crate::telemetry::alert::Alerts,
        stop: &tokio_util::sync::CancellationToken,
        mut look: impl FnMut(&Counts),
    ) -> Result<Counts, ServiceError> {
        let mut engine = None;
        let waited = self
            .until_done(run, alerts, stop, &mut look, &mut engine)
            .await;
        // Whatever came: the engine drains, and its windows are answered. What goes wrong with it then says nothing
        // about the run.
        if let Some((task, token)) = engine {
            token.cancel();
            match task.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!("{error}"),
                Err(error) => tracing::warn!("the engine's task died: {error}"),
            }
        }
        let counts = waited?;
        Ok(match self.office.glance(run).await {
            Ok((counts, _)) => counts,
            Err(_) => counts,
        })
    }

    async fn until_done(
        self,
        run: RunId,
        alerts: &crate::telemetry::alert::Alerts,
        stop: &tokio_util::sync::CancellationToken,
        look: &mut impl FnMut(&Counts),
        engine: &mut Option<Running>,
    ) -> Result<Counts, ServiceError> {
        let mut tried: Option<tokio::time::Instant> = None;
        loop {
            if engine.is_none() && tried.is_none_or(|t| t.elapsed() >= TRY_LOCK) {
                tried = Some(tokio::time::Instant::now());
                *engine = match self.office.become_engine(alerts).await {
                    Err(error) if error.next() != Next::Die => None,
                    engine => engine?,
                };
            }
            // By an error, or because what was held is released: then the next one has the links.
            if let Some((task, _)) = engine.take_if(|(task, _): &mut Running| task.is_finished()) {
                match task.await.map_err(|_| EngineError::Journal)? {
                    Err(error) if error.next() != Next::Die => tracing::warn!("{error}"),
                    ended => ended?,
                }
            }
            match self.office.glance(run).await {
                Ok((counts, done)) => {
                    look(&counts);
                    if done || stop.is_cancelled() {
                        return Ok(counts);
                    }
                }
                // A database that is away is waited for, as `serve` does.
                Err(ServiceError::Store(error))
                    if error.next() != Next::Die && !stop.is_cancelled() =>
                {
                    tracing::warn!("The database does not answer for now: {error}");
                }
                Err(error) => return Err(error),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}

impl Office {
    async fn freeze(
        &self,
        request: &FreezeRequest,
        audience: Audience,
    ) -> Result<Frozen, ServiceError> {
        let settings = self.freeze_settings();
        Ok(freeze::freeze(&self.store, &self.clock, settings, request, audience).await?)
    }

    /// What freezing and counting need to know of the office.
    pub(super) fn freeze_settings(&self) -> freeze::FreezeSettings<'_> {
        freeze::FreezeSettings {
            gateways: &self.config.gateways,
            signature: &self.config.sending.signature,
            carriers: CarrierTable::builtin(),
        }
    }

    /// A run's slot is its campaign's for good: submitted again, the next free microsecond takes its
    /// place. When it begins is `not_before`, exactly.
    async fn free_slot(&self, campaign: CampaignId, slot: Micros) -> Result<Micros, ServiceError> {
        let runs = self
            .store
            .read("free_slot")
            .await?
            .slots_of(campaign)
            .await?;
        let mut free = slot;
        for run in runs.iter().filter(|r| r.slot >= slot) {
            if run.slot == free {
                free.0 += 1;
            }
        }
        Ok(free)
    }

    async fn submit_recurring(
        &self,
        actor: &Actor,
        campaign: Campaign,
        audience: Audience,
    ) -> Result<Submission, ServiceError> {
        let id = campaign.id;
        let people = freeze::count(&self.store, &campaign.template, audience).await?;
        let mut acting = self.act("submit").await?;
        let was = acting.tx.campaign(id).await?;
        if was.changed != campaign.changed {
            return Err(store::Refusal::CampaignChanged { campaign: id }.into());
        }
        let mut campaign = Campaign {
            submitted_by: actor.label(),
            reason: String::new(),
            expected: people,
            approved: None,
            ..campaign
        };
        campaign.digest = campaign.recurring_digest().to_vec();
        let (now, who) = (acting.time(), actor.label());
        let by = By {
            who: &who,
            reason: "",
        };
        let act = CampaignAct::Submit;
        let event = lifecycle::rewrite(&mut acting.tx, now, &mut campaign, act, by).await;
        let event = event.map_err(store::Error::from)?;
        acting.tx.bump().await?;
        acting.commit(&[event]).await?;
        Ok(Submission {
            campaign: id,
            people,
            run: None,
        })
    }

    /// What no gateway could be opened with must not be found out after the run was queued. Practice
    /// puts simulated carriers in their place.
    fn gateways_can_be_opened(&self) -> Result<(), ServiceError> {
        for config in self
            .config
            .gateways
            .iter()
            .filter(|_| !self.config.practice)
        {
            gateway::check(config).map_err(|source| EngineError::Gateway {
                id: config.id.clone(),
                source,
            })?;
        }
        Ok(())
    }

    fn out_of_hours(&self, at: Micros, why: Closed) -> ServiceError {
        let opens = at
            .local(self.config.sending.timezone)
            .format("%Y-%m-%d %H:%M");
        CampaignRefusal::OutOfHours {
            why: Bilingual::of(|lang| why.reason(lang)),
            opens: opens.to_string(),
        }
        .into()
    }

    async fn audience(
        &self,
        to: &Target<'_>,
    ) -> Result<(Audience, AudienceSpec, u64), ServiceError> {
        match to {
            Target::File(path) => {
                let name = path.display().to_string();
                let (audience, refused) = people_of(path)?;
                Ok((audience, AudienceSpec::File(name), refused))
            }
            Target::Groups { include, exclude } => {
                let spec = AudienceSpec::Groups {
                    include: include.to_vec(),
                    exclude: exclude.to_vec(),
                };
                Ok((self.groups_audience(include, exclude).await?, spec, 0))
            }
        }
    }

    pub(super) async fn groups_audience(
        &self,
        include: &[String],
        exclude: &[String],
    ) -> Result<Audience, ServiceError> {
        let mut tx = self.store.read("audience_groups").await?;
        match Audience::of_groups(&mut tx, include, exclude).await {
            Ok(audience) => Ok(audience),
            Err(GroupsError::Store(e)) => Err(e.into()),
            Err(GroupsError::Unknown(name)) => Err(unknown_group(&name, &tx.groups().await?)),
            Err(GroupsError::Cycle(cycle)) => Err(ContactsRefusal::GroupCycle { cycle }.into()),
        }
    }

    async fn become_engine(
        &self,
        alerts: &crate::telemetry::alert::Alerts,
    ) -> Result<Option<Running>, EngineError> {
        let Some(engine) = Engine::start(self.sending().engine_parts(alerts.clone())).await? else {
            return Ok(None);
        };
        let token = tokio_util::sync::CancellationToken::new();
        let task = tokio::spawn(engine.run(token.clone()));
        Ok(Some((task, token)))
    }

    async fn glance(&self, run: RunId) -> Result<(Counts, bool), ServiceError> {
        let mut tx = self.store.read_soon("glance").await?;
        let counts = tx.run_counts(run).await?;
        let row = tx.run(run).await?;
        Ok((
            counts,
            row.closed.is_some() || lifecycle::is_done(&mut tx, run).await?,
        ))
    }
}

type Running = (
    tokio::task::JoinHandle<Result<(), EngineError>>,
    tokio_util::sync::CancellationToken,
);

fn people_of(path: &Path) -> Result<(Audience, u64), ServiceError> {
    let file = File::open(path).map_err(|e| ServiceError::cannot_open(path, &e))?;
    let mut book = Book::open(file)?;
    let names: Vec<String> = book
        .layout()
        .columns
        .placeholders()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let mut people = Vec::new();
    let mut refused = 0;
    book.each(CarrierTable::builtin(), |row| {
        match row.verdict {
            Verdict::Accepted(p) => {
                let mut values: Values = p.fields;
                for (name, value) in [
                    (template::NAME, p.name),
                    (template::UNIT, p.unit),
                    (template::DEPARTMENT, p.department),
                    (template::POST, p.post),
                ] {
                    if names.iter().any(|n| n == name) {
                        values.set(name, value);
                    }
                }
                people.push(Person {
                    phone: p.phone,
                    values,
                    row: row.line,
                    kept: format!("row {}", row.line),
                    others: Vec::new(),
                });
            }
            Verdict::Duplicate { .. } => {}
            Verdict::Refused(_) => refused += 1,
        }
        ControlFlow::Continue(())
    })?;
    Ok((Audience::people(people, names), refused))
}

fn unknown_group(name: &str, groups: &[Group]) -> ServiceError {
    let known = groups.iter().map(|g| g.name.clone()).collect();
    ContactsRefusal::unknown_group(name, known).into()
}

fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "node".into(), |s| s.trim().to_owned())
}
