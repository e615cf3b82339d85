//! The tasks around the core: gateways on one side, the journal on the other, the database's change
//! counter and the clock in between. Starting is lock → copy check → recovery → links; ending is stop
//! claiming → let windows answer → unbind → last commit → give the lock back.

mod ending;
mod gateways;
mod meters;
mod upkeep;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use ending::LAST_CALL;
use gateways::open_gateways;

use super::{
    core::{Account, Action, Core, Wording},
    error::EngineError,
    held::{Found, hold_copies, write_sidecar},
    housekeeping::{Housekeeper, Policy},
    lock::EngineLock,
    recovery::{Known, Recovered, recover},
};
use crate::{
    clock::Clock,
    config,
    domain::{
        bilingual::bilingual, carrier::Carrier, event::Event as LedgerEvent, id::GatewayId,
        time::Micros,
    },
    engine::journal::{Claimed, Committed, Op, Quota, Quotas, Recorder, Rest},
    gateway::{self, Event, Gateway, WriteGate},
    store::{self, Store},
    tasks::Tasks,
    telemetry::alert::{Alert, Alerts, Kind},
    telemetry::{JOURNAL_BACKLOG, SEGMENTS_ACCEPTED},
};

/// How often the database's change counter is asked.
const POLL: Duration = Duration::from_millis(200);

/// The core's own pace: refills of the rate's budget.
const TICK: Duration = Duration::from_millis(20);

/// Groups of operations under way to the journal.
const JOURNAL_ROOM: usize = 256;

/// Operations held back while the journal is busy; beyond it the gateways are not listened to.
const OUTBOX_ROOM: usize = 20_000;

/// What an engine is made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Wall time.
    pub clock: Clock,
    /// The gateways to open.
    pub gateways: Vec<config::Gateway>,
    /// The office's rules of sending.
    pub policy: Policy,
    /// Who is told.
    pub alerts: Alerts,
    /// Whose engine it is, for people: host and process. Claims bear the name of its life, which begins with it.
    pub node: String,
}

/// A running engine.
pub struct Engine {
    parts: Parts,
    lock: EngineLock,
    core: Core,
    gateways: BTreeMap<GatewayId, Arc<dyn Gateway>>,
    events: mpsc::Receiver<(GatewayId, Event)>,
    journal: mpsc::Sender<Vec<Op>>,
    committed: mpsc::Receiver<Committed>,
    recorder: JoinHandle<store::Result<()>>,
    housekeeper: Housekeeper,
    outbox: VecDeque<Vec<Op>>,
    outbox_ops: usize,
    installation: String,
    halted: Option<Halt>,
    /// When a person stopped all sending, as last seen.
    stopped: Option<Micros>,
    /// How far its life is.
    phase: Phase,
    /// Operations sent to the journal and not committed yet.
    uncommitted: usize,
    look_now: bool,
    /// When the file beside a SQLite database is written next.
    sidecar_due: Instant,
    /// When it was last seen what people want.
    seen_at: Instant,
    /// Was the lease renewed in time, as last seen?
    may_write: bool,
    tasks: Tasks,
}

/// How far an engine's life is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Claims and sends.
    Live,
    /// Started held: without links, for a copy's links would take the original's reports.
    Held,
    /// Was held and may go on: ends, so that the next one opens the links.
    Released,
    /// Drains and closes the links.
    Ending,
}

/// One turn of the engine.
enum Step {
    Committed(Committed),
    Room(mpsc::OwnedPermit<Vec<Op>>),
    Event(GatewayId, Event),
    Poll,
    Tick,
    JournalGone,
}

/// How far a halt is: nobody waits for its count (held), somebody does (stopped), or it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Halt {
    Held,
    Waiting,
    Counted,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("node", &self.parts.node)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Takes the database over: `None` while another engine has it. Checks for a copy, recovers, opens
    /// the gateways.
    pub async fn start(parts: Parts) -> Result<Option<Self>, EngineError> {
        let Some(lock) = EngineLock::try_take(&parts.store, &parts.node).await? else {
            return Ok(None);
        };
        let parts = Parts {
            store: parts.store.for_engine(),
            node: lock.name().to_owned(),
            ..parts
        };
        // A standby may have waited while a newer program brought the database up to date.
        parts.store.must_be_current().await?;
        // Recovery may take long: the lease is renewed meanwhile, and lost like any other.
        let settled = tokio::select! {
            settled = Settled::before_links(&parts, &lock) => settled?,
            lost = lock.lost() => return Err(lost.into()),
        };
        Self::open(parts, lock, settled).map(Some)
    }

    fn open(parts: Parts, lock: EngineLock, settled: Settled) -> Result<Self, EngineError> {
        let Settled {
            found,
            recorder,
            recovered,
        } = settled;
        let may_log_in = may_log_in(&parts, &found);
        let tasks = Tasks::default();
        let (gateways, events) =
            open_gateways(&parts, may_log_in, &found.installation, &lock, &tasks)?;
        let (journal, ops) = mpsc::channel(JOURNAL_ROOM);
        let (done, committed) = mpsc::channel(JOURNAL_ROOM);
        let alerts = parts.alerts.clone();
        let recorder = tokio::spawn(recorder.run(ops, done, move |error| {
            alerts.raise(Alert {
                kind: Kind::Database,
                subject: "journal".into(),
                text: bilingual!(
                    "数据库暂时写不进去，发送已暂停，将继续重试：{error}",
                    "the database does not take what is to be written; sending waits and tries again: {error}"
                ),
            });
        }));
        let mut core = Core::new(parts.node.clone(), accounts(may_log_in));
        core.replay(recovered.replays);
        let housekeeper = Housekeeper::new(parts.policy.clone(), &parts.gateways);
        Ok(Self {
            core,
            gateways,
            events,
            journal,
            committed,
            recorder,
            housekeeper,
            outbox: VecDeque::new(),
            outbox_ops: 0,
            installation: found.installation,
            halted: None,
            stopped: None,
            phase: if found.held { Phase::Held } else { Phase::Live },
            uncommitted: 0,
            look_now: false,
            sidecar_due: Instant::now(),
            seen_at: Instant::now(),
            may_write: true,
            tasks,
            lock,
            parts,
        })
    }

    /// The gateways, for whoever shows their health while the engine runs.
    pub fn gateways(&self) -> BTreeMap<GatewayId, Arc<dyn Gateway>> {
        self.gateways.clone()
    }

    /// What every write to a carrier asks first.
    pub fn gate(&self) -> WriteGate {
        self.lock.gate()
    }

    /// Runs until `stop`, then drains and ends. An error ends it at once: recovery reads the journal.
    /// One that started held ends when it is released, so that the next one opens the links.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), EngineError> {
        let done = match self.live(stop).await {
            Ok(()) => tokio::time::timeout(LAST_CALL, self.drain())
                .await
                .unwrap_or(Err(EngineError::NotDrained)),
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => self.give_back().await,
            Err(error) => {
                self.abandon().await;
                Err(error)
            }
        }
    }

    async fn live(&mut self, stop: CancellationToken) -> Result<(), EngineError> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (clock, store) = (self.parts.clock.clone(), self.parts.store.clone());
        let tasks = self.tasks.clone();
        let mut lost = std::pin::pin!(self.lock.lost());
        loop {
            let due = self.housekeeper.due();
            // The clock's turns first: a carrier that never pauses must not keep the engine from
            // renewing its lease and seeing a stop.
            let step = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                lost = &mut lost => return Err(lost.into()),
                name = tasks.died() => return Err(EngineError::Task { name }),
                _ = poll.tick() => Step::Poll,
                // A run begins at its slot, not at the next poll after it.
                () = reached(&clock, due) => Step::Poll,
                () = store.bumped() => Step::Poll,
                _ = tick.tick() => Step::Tick,
                step = self.step() => step,
            };
            self.take(step).await?;
            if self.phase == Phase::Released {
                return Ok(());
            }
            if self.look_now {
                self.look_now = false;
                poll.reset_immediately();
            }
        }
    }

    /// The next thing that happens at the journal or a gateway. Cancel safe.
    async fn step(&mut self) -> Step {
        tokio::select! {
            biased;
            done = self.committed.recv() => done.map_or(Step::JournalGone, Step::Committed),
            permit = self.journal.clone().reserve_owned(), if !self.outbox.is_empty() => {
                permit.map_or(Step::JournalGone, Step::Room)
            }
            event = self.events.recv(), if self.outbox_ops < OUTBOX_ROOM => match event {
                Some((id, event)) => Step::Event(id, event),
                None => std::future::pending().await,
            },
        }
    }

    async fn take(&mut self, step: Step) -> Result<(), EngineError> {
        match step {
            Step::Committed(done) => self.after_commit(done),
            Step::Room(permit) => {
                if let Some(ops) = self.outbox.pop_front() {
                    self.outbox_ops -= ops.len();
                    self.uncommitted += ops.len();
                    permit.send(ops);
                }
            }
            Step::Event(id, event) => self.on_gateway_event(&id, event),
            Step::Poll => self.poll_or_wait().await?,
            Step::Tick => self.core.tick(self.parts.clock.now()),
            Step::JournalGone => return Err(self.journal_error().await),
        }
        self.act();
        JOURNAL_BACKLOG.set(&[], (self.outbox_ops + self.uncommitted) as f64);
        Ok(())
    }

    /// Does what the core decided.
    fn act(&mut self) {
        while let Some(action) = self.core.poll() {
            match action {
                Action::Record(ops) => {
                    self.outbox_ops += ops.len();
                    self.outbox.push_back(ops);
                }
                Action::Submit(id, batch) => {
                    if let Some(gateway) = self.gateways.get(&id) {
                        gateway.submit(batch);
                    }
                }
                Action::Recall(id, lanes) => {
                    if let Some(gateway) = self.gateways.get(&id) {
                        gateway.recall(lanes);
                    }
                }
            }
        }
    }

    fn after_commit(&mut self, done: Committed) {
        self.uncommitted = self.uncommitted.saturating_sub(done.ops);
        self.parts.alerts.resolve(Kind::Database, "journal");
        for (id, tokens) in done.acks {
            if let Some(gateway) = self.gateways.get(&id) {
                gateway.acknowledge(tokens);
            }
        }
        for (id, n) in done.accepted {
            SEGMENTS_ACCEPTED.add(&[("gateway", &id.0)], n);
        }
        for stray in done.strays {
            self.parts.alerts.raise(Alert {
                kind: Kind::Ledger,
                subject: stray.table.to_owned(),
                text: bilingual!(
                    "数据库里有一行对不上任何批次，与它有关的回执未能计入，其余照常：{stray}",
                    "a row of the database fits no run: what came about it is not counted, the rest goes on: {stray}"
                ),
            });
        }
        self.short_of_references(&done.shortages);
        let now = self.parts.clock.now();
        let mut stale = done.requeued;
        for claimed in done.claims {
            match &claimed {
                Claimed::Refused { .. } => stale = true,
                Claimed::Spent {
                    gateway,
                    segments,
                    rest: Rest::Until(until),
                    ..
                } => self.spent(gateway, *segments, *until),
                Claimed::Granted(_) | Claimed::Spent { .. } => {}
            }
            self.core.claimed(now, claimed);
        }
        if stale {
            self.housekeeper.look_again();
            self.look_now = true;
        }
    }

    /// Why the journal's task has ended.
    async fn journal_error(&mut self) -> EngineError {
        match (&mut self.recorder).await {
            Ok(Err(error)) => error.into(),
            _ => EngineError::Journal,
        }
    }
}

/// Never, where nothing is due.
async fn reached(clock: &Clock, due: Option<Micros>) {
    match due {
        Some(at) => clock.reached(at).await,
        None => std::future::pending().await,
    }
}

/// What was found and settled before any link opens.
struct Settled {
    found: Found,
    recorder: Recorder,
    recovered: Recovered,
}

impl Settled {
    /// Checks for a copy and recovers.
    async fn before_links(parts: &Parts, lock: &EngineLock) -> Result<Self, EngineError> {
        let found = hold_copies(&parts.store, &parts.clock, &parts.alerts).await?;
        let serves: HashMap<GatewayId, Carrier> = parts
            .gateways
            .iter()
            .filter_map(|g| Some((g.id.clone(), *g.carriers.first()?)))
            .collect();
        let mut recorder = Recorder::open(parts.store.clone(), parts.clock.clone(), serves)
            .await?
            .fenced(lock)
            .with_opt_out_words(parts.policy.opt_out.clone())
            .with_report_window(parts.policy.report_window)
            .within(quotas(parts));
        let known = known(may_log_in(parts, &found), &parts.gateways);
        let recovered = recover(&parts.store, &parts.clock, &mut recorder, &known).await?;
        note_start(parts, &mut recorder, &recovered).await?;
        Ok(Self {
            found,
            recorder,
            recovered,
        })
    }
}

/// A copy's links would take the original's reports.
fn may_log_in<'a>(parts: &'a Parts, found: &Found) -> &'a [config::Gateway] {
    match found.held {
        true => &[],
        false => &parts.gateways,
    }
}

async fn note_start(
    parts: &Parts,
    recorder: &mut Recorder,
    found: &Recovered,
) -> Result<(), EngineError> {
    let note = |act: &str| {
        Op::Append(LedgerEvent::Engine {
            node: parts.node.clone(),
            act: act.into(),
        })
    };
    if found.claims + found.half_made + found.replays.len() > 0 {
        tracing::warn!(
            claims = found.claims,
            doubts = found.doubts,
            repeated = found.replays.len(),
            "Recovered: {} messages are in doubt, the requests of {} claims will be sent again",
            found.doubts,
            found.replays.len()
        );
    }
    recorder.commit(&[note("started")]).await?;
    Ok(())
}

/// What the gateways' protocols let a new life know of the requests of an earlier one.
fn known(may_log_in: &[config::Gateway], all: &[config::Gateway]) -> Known {
    Known {
        repeatable: may_log_in
            .iter()
            .filter_map(|g| Some((g.id.clone(), gateway::repeats_within(g)?)))
            .collect(),
        own_ids: all
            .iter()
            .filter_map(|g| Some((g.id.clone(), gateway::own_ids(g)?)))
            .collect(),
    }
}

fn accounts(gateways: &[config::Gateway]) -> Vec<Account> {
    gateways
        .iter()
        .map(|g| {
            let mut start = [0; 4];
            getrandom::fill(&mut start).expect("the operating system gives random bytes");
            Account {
                id: g.id.clone(),
                rate: f64::from(g.rate),
                window: usize::from(g.window),
                unit: g.rate_unit,
                batch: usize::from(g.batch),
                count: g.count,
                framing: g.kind.framing(),
                repeats_within: gateway::repeats_within(g),
                own_ids: gateway::own_ids(g),
                serves: g.carriers.clone(),
                wording: Wording {
                    signature: g.signature.clone(),
                    signature_by: g.signature_by,
                    opt_out: g.opt_out.clone(),
                },
                first_sequence: u32::from_be_bytes(start),
            }
        })
        .collect()
}

fn quotas(parts: &Parts) -> Quotas {
    let limit = |n: u64| i64::try_from(n).ok().filter(|n| *n > 0);
    let of = |g: &config::Gateway| Quota {
        daily: limit(g.daily_quota),
        monthly: limit(g.monthly_quota),
    };
    let limited = parts.gateways.iter().map(|g| (g.id.clone(), of(g)));
    Quotas {
        zone: parts.policy.zone,
        gateways: limited.filter(|(_, q)| *q != Quota::default()).collect(),
    }
}
