//! Why an engine ends.

use super::lock::{LeaseLost, LockError};
use crate::{
    domain::id::GatewayId,
    gateway::OpenError,
    store::{self, error::Next},
};

/// Why an engine ended or did not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The database.
    #[error(transparent)]
    Store(store::Error),
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
    /// The database did not take the last of it in time, when the engine was to end.
    #[error(
        "the database did not take the last commits in time; recovery will settle what was under way"
    )]
    NotDrained,
    /// A task of ours died.
    #[error(
        "{name} ended unexpectedly; the engine has ended with it, and recovery will read what was committed"
    )]
    Task {
        /// The name that it was started under, as in the log and the alert.
        name: String,
    },
}

impl From<store::Error> for EngineError {
    fn from(error: store::Error) -> Self {
        match error.next() {
            Next::GiveWay => Self::LeaseLost(LeaseLost),
            Next::Retry | Next::AskHead | Next::Die => Self::Store(error),
        }
    }
}

impl EngineError {
    /// What whoever started the engine does next. Only what can't be trusted any more, or will not mend by
    /// itself, ends the process.
    pub fn next(&self) -> Next {
        match self {
            Self::Store(error) | Self::Lock(LockError::Store(error)) => error.next(),
            Self::LeaseLost(_) => Next::GiveWay,
            Self::NotDrained => Next::AskHead,
            Self::Lock(LockError::File { .. })
            | Self::Gateway { .. }
            | Self::Sidecar { .. }
            | Self::Journal
            | Self::Task { .. } => Next::Die,
        }
    }
}
