//! One engine per database. SQLite: an exclusive lock on a file beside it, which the operating system
//! gives back the moment the process dies. PostgreSQL: a lease in the database, taken once and then renewed each
//! second, over a connection of its own, for as long as the journal lives; the holder keeps a local deadline after
//! which no byte goes to a carrier, and a taker waits that long.

use std::{
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use uuid::Uuid;

use crate::{
    gateway::{Moment, WriteGate},
    store::{self, Backend, Store},
};

/// How long a lease lasts without renewal.
const LEASE: Duration = Duration::from_secs(5);

/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(1);

/// The holder's deadline: short of the lease, for clocks run at slightly different speeds.
const DEADLINE: Duration = Duration::from_millis(4_500);

/// A journal that has been at one commit for so long is not alive: another engine may do better.
const JOURNAL_PATIENCE: Duration = Duration::from_secs(15);

/// The engine's lock, held until dropped (SQLite) or given back (PostgreSQL).
#[derive(Debug)]
pub struct EngineLock {
    held: Held,
    name: String,
    gate: WriteGate,
    pulse: Pulse,
}

#[derive(Debug)]
enum Held {
    File(File),
    Lease {
        store: Store,
        state: watch::Receiver<Lease>,
        /// Renews; ends with the lock.
        keeper: AbortOnDropHandle<()>,
    },
}

/// What is known of a lease that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lease {
    Ours,
    /// The local deadline has passed without a renewal: nothing goes out.
    Unsure,
    /// Another engine has it.
    Lost,
}

/// The lease is another engine's: nothing may go out any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "another engine has taken over this database's lease: this one has stopped writing to carriers"
)]
pub struct LeaseLost;

/// The lock could not even be tried.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The lock file.
    #[error(
        "cannot open the engine's lock file {path}: {source}; the database's folder must be writable"
    )]
    File {
        /// The lock file's path.
        path: String,
        /// The system's own error.
        source: std::io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Since when the journal has been at what it is doing: its lease is renewed only while it lives.
#[derive(Debug, Clone)]
pub struct Pulse {
    origin: Instant,
    /// Microseconds after `origin`; 0: it is not at work.
    busy_since_us: Arc<AtomicU64>,
}

impl Pulse {
    fn new() -> Self {
        Self {
            origin: Instant::now(),
            busy_since_us: Arc::default(),
        }
    }

    /// Work begins that has to end.
    pub fn begin(&self) {
        let us = u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.busy_since_us.store(us.max(1), Ordering::Relaxed);
    }

    /// It has ended.
    pub fn rest(&self) {
        self.busy_since_us.store(0, Ordering::Relaxed);
    }

    fn is_alive(&self) -> bool {
        match self.busy_since_us.load(Ordering::Relaxed) {
            0 => true,
            since => self.origin.elapsed() < Duration::from_micros(since) + JOURNAL_PATIENCE,
        }
    }
}

impl EngineLock {
    /// Tries to take the lock; `None` while another engine holds it. `label` says who asks, for people who look
    /// at the lease; its holder has a name that nothing else ever has: host and process come again after a restart,
    /// and in containers at the same time.
    pub async fn try_take(store: &Store, label: &str) -> Result<Option<Self>, LockError> {
        let name = format!("{label}-{}", Uuid::now_v7().simple());
        match (store.backend(), store.path()) {
            (Backend::Sqlite, Some(path)) => Self::try_file(&path.with_extension("lock"), name),
            _ => Self::try_lease(store.for_lease(), name).await,
        }
    }

    fn try_file(path: &std::path::Path, name: String) -> Result<Option<Self>, LockError> {
        let failed = |source| LockError::File {
            path: path.display().to_string(),
            source,
        };
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self {
                held: Held::File(file),
                name,
                gate: WriteGate::always(),
                pulse: Pulse::new(),
            })),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    async fn try_lease(store: Store, name: String) -> Result<Option<Self>, LockError> {
        // The deadline counts from before the question, so it is never later than the lease's own end.
        let asked = Moment::now();
        let mut tx = store.begin("take_lease").await?;
        if !tx.take_lease(&name, LEASE).await? {
            return Ok(None);
        }
        tx.commit().await?;
        let gate = WriteGate::shut();
        gate.extend(asked, DEADLINE);
        let pulse = Pulse::new();
        let (told, state) = watch::channel(Lease::Ours);
        let keeper = Keeper {
            store: store.clone(),
            name: name.clone(),
            gate: gate.clone(),
            pulse: pulse.clone(),
            told,
        };
        let keeper = AbortOnDropHandle::new(tokio::spawn(keeper.run()));
        Ok(Some(Self {
            held: Held::Lease {
                store,
                state,
                keeper,
            },
            name,
            gate,
            pulse,
        }))
    }

    /// The name of this life of the engine; no other ever has it. It stands in the lease and in the claims.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who holds the lease, for [`crate::engine::journal::Recorder::fenced`]; `None`: a file, which the operating
    /// system looks after.
    pub fn holder(&self) -> Option<&str> {
        match &self.held {
            Held::File(_) => None,
            Held::Lease { .. } => Some(&self.name),
        }
    }

    /// Brings the database's schema up to date: with the lock in our hands no engine is at work.
    pub async fn migrate(&self, store: &Store) -> Result<(), store::Error> {
        store.migrate().await
    }

    /// What every write to a carrier asks first.
    pub fn gate(&self) -> WriteGate {
        self.gate.clone()
    }

    /// What the journal tells while it is at work.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Returns once it is another engine's. Cancel safe.
    pub fn lost(&self) -> impl Future<Output = LeaseLost> + use<> {
        let lost = self.until(|lease| lease == Lease::Lost);
        async move {
            lost.await;
            LeaseLost
        }
    }

    fn until<F: Fn(Lease) -> bool>(&self, is_so: F) -> impl Future<Output = ()> + use<F> {
        let state = match &self.held {
            Held::File(_) => None,
            Held::Lease { state, .. } => Some(state.clone()),
        };
        async move {
            match state {
                // Without its keeper nobody renews, and that is as good as lost.
                Some(mut state) => _ = state.wait_for(|lease| is_so(*lease)).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Does `work` while it is ours. `lost` is cancelled once it is another engine's, or once its deadline
    /// has passed while the database gave no answer: `work` has to end its links then.
    pub async fn hold<T>(&self, lost: &CancellationToken, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        tokio::select! {
            done = &mut work => return done,
            () = self.until(|lease| lease != Lease::Ours) => lost.cancel(),
        }
        work.await
    }

    /// Gives it back at once.
    pub async fn give_back(self) -> Result<(), store::Error> {
        match self.held {
            Held::File(file) => drop(file),
            Held::Lease { store, keeper, .. } => {
                drop(keeper);
                let mut tx = store.begin("give_lease_back").await?;
                tx.give_lease_back(&self.name).await?;
                tx.commit().await?;
            }
        }
        Ok(())
    }
}

/// Keeps a lease.
struct Keeper {
    store: Store,
    name: String,
    gate: WriteGate,
    pulse: Pulse,
    told: watch::Sender<Lease>,
}

impl Keeper {
    async fn run(self) {
        loop {
            sleep(RENEW_EVERY).await;
            match self.renew().await {
                Ok(true) => {}
                Ok(false) => {
                    _ = self.told.send(Lease::Lost);
                    return;
                }
                Err(error) => tracing::warn!(%error, "The engine's lease could not be renewed"),
            }
            let now = match self.gate.is_open(Instant::now()) {
                true => Lease::Ours,
                false => Lease::Unsure,
            };
            self.told.send_if_modified(|told| {
                let changed = *told != now;
                *told = now;
                changed
            });
        }
    }

    async fn renew(&self) -> store::Result<bool> {
        if !self.pulse.is_alive() {
            tracing::warn!(
                "The engine's lease is not renewed: its journal has been at one commit for over {} s",
                JOURNAL_PATIENCE.as_secs()
            );
            return Ok(true);
        }
        let asked = Moment::now();
        let mut tx = self.store.begin("renew_lease").await?;
        let ours = tx.renew_lease(&self.name, LEASE).await?;
        tx.commit().await?;
        if ours {
            self.gate.extend(asked, DEADLINE);
        }
        Ok(ours)
    }
}

impl Drop for Keeper {
    /// Also where it ends by a panic: nobody renews any more.
    fn drop(&mut self) {
        self.told.send_if_modified(|told| {
            *told = Lease::Lost;
            true
        });
    }
}
