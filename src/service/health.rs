//! How the gateways of the engine in this process stand, for HTTP and the command line.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

pub use crate::gateway::Health;
use crate::{domain::id::GatewayId, gateway::Gateway};

/// The gateways of a running engine.
pub type Gateways = BTreeMap<GatewayId, Arc<dyn Gateway>>;

/// Who asks how the gateways stand. Cheap to clone.
#[derive(Clone, Default)]
pub struct Watch(Arc<RwLock<Option<Gateways>>>);

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Watch").field(&self.health()).finish()
    }
}

impl Watch {
    /// This process has the engine, with these gateways; `None`: it has it no longer.
    pub fn set(&self, gateways: Option<Gateways>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = gateways;
    }

    /// One of them; none while another process has the engine.
    pub(super) fn gateway(&self, id: &GatewayId) -> Option<Arc<dyn Gateway>> {
        let gateways = self.0.read().unwrap_or_else(PoisonError::into_inner);
        gateways.as_ref()?.get(id).cloned()
    }

    /// How each gateway stands; `None` while another process has the engine.
    pub fn health(&self) -> Option<BTreeMap<GatewayId, Health>> {
        let gateways = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(
            gateways
                .as_ref()?
                .iter()
                .map(|(id, g)| (id.clone(), g.health()))
                .collect(),
        )
    }
}
