//! Which way a number goes, and whether at all. Freezing and surveying use the same.

use std::collections::{HashMap, HashSet};

use super::FreezeSettings;
use crate::{
    config,
    domain::{
        carrier::{Carrier, serving},
        message::SuppressReason,
        phone::Phone,
    },
    store::{self, Store},
};

/// Suppressions read at a time.
const SUPPRESSIONS: i64 = 50_000;

/// Where a number goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route<'a> {
    /// Who serves it.
    pub(super) carrier: Carrier,
    /// Who takes it.
    pub(super) gateway: Option<&'a config::Gateway>,
    /// Why it gets nothing all the same.
    pub(super) suppressed: Option<SuppressReason>,
}

/// Knows numbers' carriers and who has opted out.
#[derive(Debug)]
pub(super) struct Router<'a> {
    office: FreezeSettings<'a>,
    routing: HashMap<Phone, Carrier>,
    suppressed: HashSet<Phone>,
}

impl<'a> Router<'a> {
    pub(super) async fn open(store: &Store, office: FreezeSettings<'a>) -> store::Result<Self> {
        let mut tx = store.read("routing").await?;
        let routing = tx.routing().await?.into_iter().collect();
        let mut suppressed = HashSet::new();
        let mut after = 0;
        loop {
            let rows = tx.suppressions_after(after, SUPPRESSIONS).await?;
            let Some(last) = rows.last() else { break };
            after = last.seq;
            suppressed.extend(rows.iter().map(|s| s.phone));
        }
        Ok(Self {
            office,
            routing,
            suppressed,
        })
    }

    /// The office's own signature, for people without a route.
    pub(super) fn signature(&self) -> &'a str {
        self.office.signature
    }

    pub(super) fn route(&self, phone: Phone) -> Route<'a> {
        let carrier = serving(
            None,
            self.routing.get(&phone).copied(),
            self.office.carriers.carrier(phone),
        );
        let gateway = choose(self.office.gateways, carrier);
        let suppressed = match (gateway, self.suppressed.contains(&phone)) {
            (_, true) => Some(SuppressReason::OptOut),
            (None, false) => Some(SuppressReason::NoRoute),
            (Some(_), false) => None,
        };
        Route {
            carrier,
            gateway,
            suppressed,
        }
    }
}

/// Which gateway takes a carrier's numbers: the first that names it, else the first that takes any.
fn choose(gateways: &[config::Gateway], carrier: Carrier) -> Option<&config::Gateway> {
    gateways
        .iter()
        .find(|g| g.carriers.contains(&carrier))
        .or_else(|| gateways.iter().find(|g| g.carriers.is_empty()))
}
