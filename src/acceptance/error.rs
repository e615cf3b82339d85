//! Why an acceptance cannot be prepared, or not begin.

use super::refusal::AcceptanceRefusal;
use crate::{config, domain::id::GatewayId, gateway::OpenError, intake::IntakeError};

/// Why an acceptance cannot be prepared, or not begin.
#[derive(Debug, thiserror::Error)]
pub enum AcceptanceError {
    /// Its phones, or the gateway's wording, will not do.
    #[error(transparent)]
    Refused(#[from] AcceptanceRefusal),
    /// The address book with the phones cannot be read.
    #[error(transparent)]
    Phones(#[from] IntakeError),
    /// The settings do not open the gateway.
    #[error("gateway {id}: {source}")]
    Gateway {
        /// Which gateway.
        id: GatewayId,
        /// What is wrong with its settings.
        source: OpenError,
    },
}

impl AcceptanceError {
    /// For `map_err`: this gateway does not open.
    pub(super) fn of(gateway: &config::Gateway) -> impl FnOnce(OpenError) -> Self {
        |source| Self::Gateway {
            id: gateway.id.clone(),
            source,
        }
    }
}
