//! Do the gateways let us in? Logs in to each and sends nothing.

use serde::Serialize;
use tokio_util::sync::CancellationToken;

pub use crate::acceptance::{Checked, Finding, Listener};

use super::{Gateways, Result};
use crate::{
    acceptance::{self, Engine},
    domain::role::{Act, Actor},
    engine::lock::EngineLock,
    gateway::WriteGate,
};

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Checkup {
    /// Every gateway let us in, with all the links that were tried.
    pub ok: bool,
    /// Another process has the engine, and so the carriers' links.
    pub engine_elsewhere: bool,
    /// Each gateway, in the order of the settings.
    pub gateways: Vec<Checked>,
}

impl Gateways<'_> {
    /// Logs in to each gateway at the same time, sends nothing, and says goodbye. Where another process
    /// has the engine, a login takes away from its links: then one link a gateway is tried, unless
    /// `force`. What carriers deliver meanwhile is not acknowledged, so they deliver it again.
    pub async fn check(self, actor: &Actor, force: bool) -> Result<Checkup> {
        actor.may(Act::CheckGateways)?;
        let node = format!("gateways-check-{}", std::process::id());
        let lock = EngineLock::try_take(&self.office.store, &node).await?;
        let engine = match lock {
            Some(_) => Engine::Free,
            None => Engine::Elsewhere,
        };
        // With the lock no byte goes out after its deadline; beside an engine there is none of ours to keep.
        let gate = lock
            .as_ref()
            .map_or_else(WriteGate::always, EngineLock::gate);
        let lost = CancellationToken::new();
        let mut checks = tokio::task::JoinSet::new();
        for (place, gateway) in self.office.config.gateways.iter().enumerate() {
            let mut gateway = gateway.clone();
            if engine == Engine::Elsewhere && !force {
                gateway.links = gateway.links.min(1);
            }
            let clock = self.office.clock.clone();
            let listener = Listener::find(&gateway, engine);
            let (gate, lost) = (gate.clone(), lost.clone());
            checks.spawn(async move {
                let found = acceptance::check(gateway, clock, gate, &lost).await;
                (place, Checked { listener, ..found })
            });
        }
        // Ours until we are done, so that no engine starts into a check.
        let mut found = match &lock {
            Some(lock) => lock.hold(&lost, checks.join_all()).await,
            None => checks.join_all().await,
        };
        if let Some(lock) = lock {
            // It runs out by itself.
            _ = lock.give_back().await;
        }
        found.sort_by_key(|(place, _)| *place);
        let gateways: Vec<_> = found.into_iter().map(|(_, checked)| checked).collect();
        Ok(Checkup {
            ok: gateways.iter().all(Checked::is_fine),
            engine_elsewhere: engine == Engine::Elsewhere,
            gateways,
        })
    }
}
