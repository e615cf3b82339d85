//! Why an engine ends.

use super::lock::{LeaseLost, LockError, RenewError};
use crate::{domain::id::GatewayId, gateway::OpenError, store};

/// Why an engine ended or did not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A gateway's configuration.
    #[error("gateway {id}: {source}")]
    Gateway {
        /// The gateway's.
        id: GatewayId,
        /// What is wrong with it.
        source: OpenError,
    },
    /// The sidecar.
    #[error("cannot write {path}: {source}; the database's folder must be writable")]
    Sidecar {
        /// The file's path.
        path: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The lease went to another engine.
    #[error(transparent)]
    LeaseLost(#[from] LeaseLost),
    /// The journal's task died.
    #[error("the journal ended unexpectedly; recovery will read what was committed")]
    Journal,
}

impl From<RenewError> for EngineError {
    fn from(error: RenewError) -> Self {
        match error {
            RenewError::Lost(lost) => Self::LeaseLost(lost),
            RenewError::Store(error) => Self::Store(error),
        }
    }
}
