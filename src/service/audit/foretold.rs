//! Forecasts as they were told, against the ledger.

use std::collections::BTreeMap;

use super::{
    difference::{Check, extra, missing, same},
    replay::Replay,
};
use crate::{
    domain::event::ForetoldRow,
    store::{Tx, forecast::ForecastRow},
};

/// By campaign, slot and gateway; with the entry's time.
pub(super) type Foretold = BTreeMap<(String, i64, String), (ForetoldRow, i64)>;

/// Stored forecasts.
pub(super) async fn forecasts(tx: &mut Tx, replay: &Replay) -> Check {
    let rows: BTreeMap<_, ForecastRow> = tx
        .forecasts()
        .await?
        .into_iter()
        .map(|r| ((r.campaign_id.clone(), r.slot_us, r.gateway.clone()), r))
        .collect();
    let name = |(campaign, slot, gateway): &(String, i64, String)| {
        format!("{campaign} at {slot} through {gateway}")
    };
    for (key, row) in &rows {
        let id = name(key);
        let Some((told, made_us)) = replay.foretold.get(key) else {
            return Err(extra("forecast", id));
        };
        same("forecast", &id, "people", row.people, told.people)?;
        same("forecast", &id, "segments", row.segments, told.segments)?;
        same("forecast", &id, "starts_us", row.starts_us, told.starts)?;
        same("forecast", &id, "ends_us", row.ends_us, told.ends)?;
        same("forecast", &id, "made_us", row.made_us, *made_us)?;
    }
    match replay.foretold.keys().find(|key| !rows.contains_key(*key)) {
        Some(key) => Err(missing("forecast", name(key))),
        None => Ok(()),
    }
}
