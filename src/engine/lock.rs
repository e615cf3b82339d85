//! One engine per database. SQLite: an exclusive lock on a file beside it, which the operating system
//! gives back the moment the process dies. PostgreSQL: a lease in the database, renewed each second;
//! the holder keeps a local deadline after which no byte goes to a carrier, and a taker waits that long.

use std::{convert::Infallible, fs::File, time::Duration};

use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    gateway::WriteGate,
    store::{self, Backend, Store},
};

/// How long a lease lasts without renewal.
const LEASE: Duration = Duration::from_secs(5);

/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(1);

/// What the holder's deadline stays short of the lease: clocks run at slightly different speeds.
const MARGIN: Duration = Duration::from_millis(500);

/// The engine's lock, held until dropped (SQLite) or given back (PostgreSQL).
#[derive(Debug)]
pub struct EngineLock {
    held: Held,
    gate: WriteGate,
    /// When it was last renewed.
    renewed: Instant,
}

#[derive(Debug)]
enum Held {
    File(File),
    Lease { store: Store, holder: String },
}

/// The lease is another engine's, or nobody can say whose it is: nothing may go out any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "another engine has taken over this database's lease: this one has stopped writing to carriers"
)]
pub struct LeaseLost;

/// Why a renewal failed.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// For good.
    #[error(transparent)]
    Lost(#[from] LeaseLost),
    /// The database did not answer: the local deadline stands, and it is tried again.
    #[error(transparent)]
    Store(#[from] store::Error),
}

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

impl EngineLock {
    /// Tries to take the lock; `None` while another engine holds it. `label` says who asks, for people who look
    /// at the lease; the holder has a name that nothing else ever has: host and process come again after a restart.
    pub async fn try_take(store: &Store, label: &str) -> Result<Option<Self>, LockError> {
        match (store.backend(), store.path()) {
            (Backend::Sqlite, Some(path)) => {
                let path = path.with_extension("lock");
                let failed = |source| LockError::File {
                    path: path.display().to_string(),
                    source,
                };
                let file = File::options()
                    .create(true)
                    .truncate(false)
                    .write(true)
                    .open(&path)
                    .map_err(failed)?;
                match file.try_lock() {
                    Ok(()) => Ok(Some(Self {
                        held: Held::File(file),
                        gate: WriteGate::always(),
                        renewed: Instant::now(),
                    })),
                    Err(std::fs::TryLockError::WouldBlock) => Ok(None),
                    Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
                }
            }
            _ => {
                let mut lock = Self {
                    held: Held::Lease {
                        store: store.clone(),
                        holder: format!("{label}-{}", Uuid::now_v7().simple()),
                    },
                    gate: WriteGate::shut(),
                    renewed: Instant::now(),
                };
                match lock.renew().await {
                    Ok(()) => Ok(Some(lock)),
                    Err(RenewError::Lost(LeaseLost)) => Ok(None),
                    Err(RenewError::Store(error)) => Err(error.into()),
                }
            }
        }
    }

    async fn renew(&mut self) -> Result<(), RenewError> {
        let Held::Lease { store, holder } = &self.held else {
            return Ok(());
        };
        // The deadline counts from before the question, so it is never later than the lease's own end.
        let asked = Instant::now();
        let mut tx = store.begin("lease").await?;
        let ours = tx.lease(holder, LEASE.as_secs_f64()).await?;
        tx.commit().await?;
        if !ours {
            return Err(LeaseLost.into());
        }
        self.gate.extend(asked + LEASE - MARGIN);
        Ok(())
    }

    /// When it is to be renewed next.
    pub fn due(&self) -> Instant {
        self.renewed + RENEW_EVERY
    }

    /// Renews it once a second has passed since the last time; says whether it had. A try that failed
    /// counts as one.
    pub async fn renew_if_due(&mut self) -> Result<bool, RenewError> {
        if Instant::now() < self.due() {
            return Ok(false);
        }
        self.renewed = Instant::now();
        self.renew().await?;
        Ok(true)
    }

    /// Keeps it while `work` goes on. `lost` is cancelled once it is another engine's, or once its deadline
    /// has passed while the database gave no answer: `work` has to end its links then.
    pub async fn hold<T>(&mut self, lost: &CancellationToken, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            never = self.keep_renewing(lost) => match never {},
        }
    }

    async fn keep_renewing(&mut self, lost: &CancellationToken) -> Infallible {
        loop {
            sleep_until(self.due()).await;
            let renewal = timeout(RENEW_EVERY, self.renew_if_due()).await;
            match renewal {
                Ok(Ok(_)) => continue,
                Ok(Err(RenewError::Lost(LeaseLost))) => break,
                Ok(Err(RenewError::Store(error))) => {
                    tracing::warn!(%error, "The engine's lease could not be renewed");
                }
                Err(_) => tracing::warn!("The engine's lease could not be renewed in a second"),
            }
            if !self.gate.is_open(Instant::now()) {
                break;
            }
        }
        lost.cancel();
        std::future::pending().await
    }

    /// Who holds the lease, for [`crate::engine::journal::Recorder::fenced`]; `None`: a file, which the operating
    /// system looks after.
    pub fn holder(&self) -> Option<&str> {
        match &self.held {
            Held::File(_) => None,
            Held::Lease { holder, .. } => Some(holder),
        }
    }

    /// What every write to a carrier asks first.
    pub fn gate(&self) -> WriteGate {
        self.gate.clone()
    }

    /// Gives it back at once.
    pub async fn give_back(self) -> Result<(), store::Error> {
        match self.held {
            Held::File(file) => drop(file),
            Held::Lease { store, holder } => {
                let mut tx = store.begin("unlease").await?;
                tx.unlease(&holder).await?;
                tx.commit().await?;
            }
        }
        Ok(())
    }
}
