//! Carriers that call us: which gateway listens.

pub use crate::gateway::http::{
    Admitted, CallbackHead, CallbackRefusal, Callbacks, MAX_BODY, READ_WITHIN,
};

use super::{Gateways, health::Watch};
use crate::{config::Kind, domain::id::GatewayId};

impl Gateways<'_> {
    /// The callback endpoint of a gateway. Only the process that has the engine can commit what a carrier says; another
    /// one asks to be called again.
    pub fn callbacks(self, watch: &Watch, gateway: &str) -> Result<Callbacks, CallbackRefusal> {
        let known = |g: &crate::config::Gateway| g.kind == Kind::Http && g.id.0 == gateway;
        if !self.office.config.gateways.iter().any(known) {
            return Err(CallbackRefusal::Unknown);
        }
        match watch.gateway(&GatewayId::from(gateway)) {
            None => Err(CallbackRefusal::NotNow),
            Some(gateway) => gateway.callbacks().ok_or(CallbackRefusal::Unknown),
        }
    }
}
