//! What an approver is shown, to be kept with the approval: the campaign's own forecast, and those of
//! other campaigns that it moves.

use std::collections::BTreeMap;

use super::{Course, Item, quota::check_quotas};
use crate::{
    domain::{
        event::AnnouncedForecast,
        id::{CampaignId, GatewayId},
        time::Micros,
    },
    engine::journal::Announced,
    service::{Office, ServiceError},
    store::forecast::KeptForecast,
};

/// The key of a kept forecast.
type Key = (CampaignId, Micros, GatewayId);

impl Office {
    /// The forecasts that an approval of this campaign brings: an answer of no where a gateway's quota
    /// would not suffice.
    pub(in crate::service) async fn announce(
        &self,
        id: CampaignId,
    ) -> Result<Announced, ServiceError> {
        let mut tx = self.store.read("announce").await?;
        let after = tx.head().await?.n;
        let kept = tx.forecasts().await?;
        drop(tx);
        let now = self.clock.now();
        let items = self.items_beside(now, id).await?;
        let courses = self.courses(&items);
        check_quotas(
            &self
                .quotas(now, &items, &courses, &self.contracts())
                .await?,
        )?;
        Ok(Announced {
            campaigns: moved(&items, &courses, kept),
            after,
        })
    }
}

/// What is to be kept, by campaign: all of the one in question, and of the others that are approved and
/// have not begun whatever is no longer as it was kept.
fn moved(
    items: &[Item],
    courses: &[Course],
    kept: Vec<KeptForecast>,
) -> BTreeMap<CampaignId, Vec<AnnouncedForecast>> {
    let kept: BTreeMap<Key, AnnouncedForecast> = kept
        .into_iter()
        .map(|k| {
            let key = (k.campaign, k.announced.slot, k.announced.gateway.clone());
            (key, k.announced)
        })
        .collect();
    let mut moved: BTreeMap<CampaignId, Vec<AnnouncedForecast>> = BTreeMap::new();
    for (item, course) in items.iter().zip(courses) {
        let Some(campaign) = item.campaign else {
            continue;
        };
        let key = |r: &AnnouncedForecast| (campaign, r.slot, r.gateway.clone());
        let is_new = |r: &AnnouncedForecast| item.is_own || kept.get(&key(r)) != Some(r);
        if item.is_own || (item.binds && !item.load.is_open) {
            let rows = rows(item, course).into_iter().filter(is_new);
            moved.entry(campaign).or_default().extend(rows);
        }
    }
    moved.retain(|_, rows| !rows.is_empty());
    moved
}

fn rows(item: &Item, course: &Course) -> Vec<AnnouncedForecast> {
    course
        .passages
        .iter()
        .map(|p| AnnouncedForecast {
            slot: item.slot,
            gateway: p.gateway.clone(),
            people: p.people,
            segments: p.segments,
            starts: p.starts,
            ends: p.ends,
        })
        .collect()
}
