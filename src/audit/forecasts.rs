//! Forecasts as they were announced, against the ledger.

use std::collections::BTreeMap;

use super::difference::{Check, extra, missing, same};
use crate::{
    domain::{
        event::AnnouncedForecast,
        id::{CampaignId, GatewayId},
        time::Micros,
    },
    store::{Tx, forecast::KeptForecast},
};

/// A kept forecast's key: campaign, slot and gateway.
type Key = (CampaignId, Micros, GatewayId);

/// What was announced, and the entry's time.
pub(super) type Forecasts = BTreeMap<Key, (AnnouncedForecast, Micros)>;

/// Kept forecasts.
pub(super) async fn forecasts(tx: &mut Tx, known: &Forecasts) -> Check {
    let rows: BTreeMap<Key, KeptForecast> = tx
        .forecasts()
        .await?
        .into_iter()
        .map(|k| {
            let key = (k.campaign, k.announced.slot, k.announced.gateway.clone());
            (key, k)
        })
        .collect();
    let name =
        |(campaign, slot, gateway): &Key| format!("{campaign} at {} through {gateway}", slot.0);
    let us = |at: Option<Micros>| at.map_or(0, |at| at.0);
    for (key, row) in &rows {
        let id = name(key);
        let Some((ledger, made)) = known.get(key) else {
            return Err(extra("forecast", id));
        };
        let is = &row.announced;
        same("forecast", &id, "people", is.people, ledger.people)?;
        same("forecast", &id, "segments", is.segments, ledger.segments)?;
        same(
            "forecast",
            &id,
            "starts_us",
            us(is.starts),
            us(ledger.starts),
        )?;
        same("forecast", &id, "ends_us", us(is.ends), us(ledger.ends))?;
        same("forecast", &id, "made_us", row.made.0, made.0)?;
    }
    match known.keys().find(|key| !rows.contains_key(*key)) {
        Some(key) => Err(missing("forecast", name(key))),
        None => Ok(()),
    }
}
