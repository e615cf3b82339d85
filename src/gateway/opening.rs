//! What a gateway needs to be opened, and why it can't be.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{Event, Gateway, WriteGate, options::OptionError};
use crate::{clock::Clock, domain::id::GatewayId, tasks::Tasks};

/// Events that the channel has room for: a second's worth at the usual rates.
pub const EVENT_ROOM: usize = 4_096;

/// What a gateway needs from its environment.
#[derive(Debug, Clone)]
pub struct Context {
    /// Wall time, for the login's timestamp.
    pub clock: Clock,
    /// The engine lock's deadline.
    pub gate: WriteGate,
    /// Where the gateway's task is accounted for.
    pub tasks: Tasks,
    /// Where events go, each with its gateway's id, so that many gateways may share the channel; it closes
    /// when all of them have closed.
    pub events: mpsc::Sender<(GatewayId, Event)>,
    /// The installation's id: part of every key that must be ours alone.
    pub installation: String,
    /// Seeds the jitter of the back-off and our first sequence numbers.
    pub seed: u64,
}

/// A gateway that can't be opened as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A protocol-specific key.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// A key that an HTTP carrier's description asks for, or does not know.
    #[error("`{key}`: {reason}")]
    Key {
        /// The key.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// An HTTP carrier's description.
    #[error("description {name}: {problems}")]
    Description {
        /// As configured.
        name: String,
        /// What is wrong, with the lines.
        problems: String,
    },
    /// A setting that this protocol can't carry.
    #[error("`{key}`: {reason}")]
    Setting {
        /// The key.
        key: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// A checked gateway, ready to be started.
pub(super) type Start = Box<dyn FnOnce(Context) -> Arc<dyn Gateway>>;
