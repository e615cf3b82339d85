//! What an approver is told, to be kept with the approval: the campaign's own forecast, and those of
//! other campaigns that it moves.

use std::collections::BTreeMap;

use super::{Course, Item};
use crate::{
    domain::{
        event::ForetoldRow,
        id::{CampaignId, GatewayId},
    },
    recorder::Told,
    service::{Office, ServiceError},
    store::forecast::ForecastRow,
};

/// The key of a kept forecast.
type Key = (String, i64, String);

impl Office {
    /// The forecasts that an approval of this campaign brings: an answer of no where a gateway's quota
    /// would not suffice. `None`: it cannot be forecast.
    pub(in crate::service) async fn told(
        &self,
        id: CampaignId,
    ) -> Result<Option<Told>, ServiceError> {
        let mut tx = self.store.read("told").await?;
        let after = tx.head().await?.n;
        let kept = tx.forecasts().await?;
        drop(tx);
        let now = self.clock.now();
        let items = match self.items_beside(now, id).await {
            Ok(items) => items,
            // Another campaign's vanished group must not keep an urgent one from being let out.
            Err(error) => {
                tracing::warn!(campaign.id = %id, "No forecast for campaign {id}: {error}");
                return Ok(None);
            }
        };
        let courses = self.courses(&items);
        self.reckon(now, &items, &courses).await?.check_quotas()?;
        Ok(Some(Told {
            campaigns: moved(&items, &courses, kept),
            after,
        }))
    }
}

/// What is to be kept, by campaign: all of the one in question, and of the others that are let out and
/// have not begun whatever is no longer as it was kept.
fn moved(
    items: &[Item],
    courses: &[Course],
    kept: Vec<ForecastRow>,
) -> BTreeMap<CampaignId, Vec<ForetoldRow>> {
    let kept: BTreeMap<Key, ForetoldRow> = kept.into_iter().map(known).collect();
    let mut moved: BTreeMap<CampaignId, Vec<ForetoldRow>> = BTreeMap::new();
    for (item, course) in items.iter().zip(courses) {
        let Some(campaign) = item.campaign else {
            continue;
        };
        let key = |r: &ForetoldRow| (campaign.to_string(), r.slot, r.gateway.0.clone());
        let is_new = |r: &ForetoldRow| item.is_own || kept.get(&key(r)) != Some(r);
        if item.is_own || (item.binds && !item.load.is_open) {
            let rows = rows(item, course).into_iter().filter(is_new);
            moved.entry(campaign).or_default().extend(rows);
        }
    }
    moved.retain(|_, rows| !rows.is_empty());
    moved
}

fn rows(item: &Item, course: &Course) -> Vec<ForetoldRow> {
    course
        .passages
        .iter()
        .map(|p| ForetoldRow {
            slot: item.slot.0,
            gateway: p.gateway.clone(),
            people: p.people,
            segments: p.segments,
            starts: p.starts.map_or(0, |t| t.0),
            ends: p.ends.map_or(0, |t| t.0),
        })
        .collect()
}

fn known(row: ForecastRow) -> (Key, ForetoldRow) {
    let told = ForetoldRow {
        slot: row.slot_us,
        gateway: GatewayId(row.gateway.clone()),
        people: row.people,
        segments: row.segments,
        starts: row.starts_us,
        ends: row.ends_us,
    };
    ((row.campaign_id, row.slot_us, row.gateway), told)
}
