//! Forecasts as approvers were shown them, beside what came of them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::{Runs, ServiceError};
use crate::{
    domain::{
        id::{GatewayId, RunId},
        role::{Act, Actor},
        time::Micros,
    },
    store::forecast::ForecastFact,
};

/// A forecast's end and the real one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// What people call the campaign.
    pub name: String,
    /// The run.
    pub run: RunId,
    /// Its slot.
    #[serde(rename = "slot_us")]
    pub slot: Micros,
    /// The gateway; none: the whole run, which ends with its last gateway.
    pub gateway: Option<GatewayId>,
    /// When it was to end.
    #[serde(rename = "forecast_us")]
    pub forecast: Micros,
    /// When its last segment was through.
    #[serde(rename = "fact_us")]
    pub fact: Micros,
    /// So many seconds later than forecast; below 0: earlier.
    pub seconds: f64,
    /// The same in per cent of what it took, from its slot (or from the approval, where that came later).
    pub percent: f64,
}

impl Runs<'_> {
    /// All runs that were forecast and are through: by gateway, and behind these the run as a whole.
    pub async fn forecast_vs_fact(self, actor: &Actor) -> Result<Vec<Compared>, ServiceError> {
        actor.may(Act::ReadLog)?;
        let facts = self.office.store.read("forecast_facts").await?;
        let facts = { facts }.forecast_facts().await?;
        let mut runs: BTreeMap<(Micros, RunId), Vec<ForecastFact>> = BTreeMap::new();
        for fact in facts {
            let parts = runs.entry((fact.slot, fact.run)).or_default();
            parts.push(fact);
        }
        let mut compared = Vec::new();
        for parts in runs.into_values() {
            let whole = parts.first().map(|first| ForecastFact {
                ends: parts.iter().map(|p| p.ends).max().unwrap_or(first.ends),
                sent: parts.iter().map(|p| p.sent).max().unwrap_or(first.sent),
                ..first.clone()
            });
            for part in parts {
                let gateway = part.gateway.clone();
                compared.push(beside(part, Some(gateway)));
            }
            compared.extend(whole.map(|w| beside(w, None)));
        }
        Ok(compared)
    }
}

fn beside(fact: ForecastFact, gateway: Option<GatewayId>) -> Compared {
    let late = (fact.sent.0 - fact.ends.0) as f64;
    let took = (fact.sent.0 - fact.slot.max(fact.made).0).max(1) as f64;
    Compared {
        name: fact.name,
        run: fact.run,
        slot: fact.slot,
        gateway,
        forecast: fact.ends,
        fact: fact.sent,
        seconds: late / 1e6,
        percent: 100.0 * late / took,
    }
}
