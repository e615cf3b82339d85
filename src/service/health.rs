//! How the gateways of the engine in this process stand, for HTTP and the command line.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use tokio::time::Instant;

pub use crate::gateway::Health;
use crate::{
    domain::id::GatewayId,
    gateway::{Gateway, WriteGate},
};

/// The gateways of a running engine.
pub type Gateways = BTreeMap<GatewayId, Arc<dyn Gateway>>;

/// Who asks how the gateways stand. Cheap to clone.
#[derive(Clone, Default)]
pub struct Watch(Arc<RwLock<Option<(Gateways, WriteGate)>>>);

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Watch").field(&self.health()).finish()
    }
}

impl Watch {
    /// This process has the engine, with these gateways and this deadline; `None`: it has it no longer.
    pub fn set(&self, engine: Option<(Gateways, WriteGate)>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = engine;
    }

    /// May the engine of this process write to carriers now: has it renewed its lease in time? `None` while another
    /// process has the engine.
    pub fn may_write(&self) -> Option<bool> {
        let engine = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (_, gate) = engine.as_ref()?;
        Some(gate.is_open(Instant::now()))
    }

    /// One of them; none while another process has the engine.
    pub(super) fn gateway(&self, id: &GatewayId) -> Option<Arc<dyn Gateway>> {
        let gateways = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (gateways, _) = gateways.as_ref()?;
        gateways.get(id).cloned()
    }

    /// How each gateway stands; `None` while another process has the engine.
    pub fn health(&self) -> Option<BTreeMap<GatewayId, Health>> {
        let gateways = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(
            gateways
                .as_ref()?
                .0
                .iter()
                .map(|(id, g)| (id.clone(), g.health()))
                .collect(),
        )
    }
}
