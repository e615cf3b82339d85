//! One engine per database. SQLite: an exclusive lock on a file beside it, which the operating system
//! gives back the moment the process dies. PostgreSQL: a lease in the database, renewed each second;
//! the holder keeps a local deadline after which no byte goes to a carrier, and a taker waits that long.

use std::{fs::File, time::Duration};

use tokio::time::Instant;

use crate::{
    gateway::WriteGate,
    store::{self, Backend, Store},
};

/// How long a lease lasts without renewal.
const LEASE: Duration = Duration::from_secs(5);

/// How often it is renewed.
pub const RENEW_EVERY: Duration = Duration::from_secs(1);

/// What the holder's deadline stays short of the lease: clocks run at slightly different speeds.
const MARGIN: Duration = Duration::from_millis(500);

/// The engine's lock, held until dropped (SQLite) or given back (PostgreSQL).
#[derive(Debug)]
pub struct EngineLock {
    held: Held,
    gate: WriteGate,
}

#[derive(Debug)]
enum Held {
    File(File),
    Lease { store: Store, holder: String },
}

/// The lock could not even be tried.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The lock file.
    #[error(
        "cannot open the engine's lock file {path}: {source}; the database's folder must be writable"
    )]
    File {
        /// Where.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl EngineLock {
    /// Tries to take the lock; `None` while another engine holds it.
    pub async fn try_take(store: &Store, node: &str) -> Result<Option<Self>, LockError> {
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
                    })),
                    Err(std::fs::TryLockError::WouldBlock) => Ok(None),
                    Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
                }
            }
            _ => {
                let lock = Self {
                    held: Held::Lease {
                        store: store.clone(),
                        holder: node.to_owned(),
                    },
                    gate: WriteGate::shut(),
                };
                Ok(lock.renew().await?.then_some(lock))
            }
        }
    }

    /// Renews the lease; false when it is lost to another engine.
    pub async fn renew(&self) -> Result<bool, store::Error> {
        let Held::Lease { store, holder } = &self.held else {
            return Ok(true);
        };
        // The deadline counts from before the question, so it is never later than the lease's own end.
        let asked = Instant::now();
        let mut tx = store.begin("lease").await?;
        let ours = tx.lease(holder, LEASE.as_secs_f64()).await?;
        tx.commit().await?;
        if ours {
            self.gate.extend(asked + LEASE - MARGIN);
        }
        Ok(ours)
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
