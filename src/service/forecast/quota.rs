//! The gateways' daily and monthly quotas beside what has gone and what will.

use crate::service::refusal::CampaignRefusal;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveTime};
use serde::Serialize;

use super::{
    super::{Office, ServiceError},
    Forecast,
    gather::Item,
};
use crate::domain::{
    forecast::{Contract, Course, Period},
    hours::instant,
    id::GatewayId,
    time::Micros,
};

/// A gateway's quota on a day or in a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuotaUse {
    /// Which gateway.
    pub gateway: GatewayId,
    /// For a day or a month.
    pub period: Period,
    /// The day, or the month's first.
    #[serde(serialize_with = "super::as_text")]
    pub from: NaiveDate,
    /// Segments allowed; none: no limit.
    pub quota: Option<i64>,
    /// Segments gone already, counted on the day on which their run opened.
    pub used: i64,
    /// Segments to come, of all runs that are approved and those that were asked for.
    pub ahead: i64,
    /// Of these the runs that were asked for.
    pub own: i64,
    /// What is left then; below 0: too many. None: no limit.
    pub left: Option<i64>,
}

/// By gateway, period and its first day: gone, to come, and of these our own.
type Uses = BTreeMap<(GatewayId, Period, NaiveDate), (i64, i64, i64)>;

impl Office {
    /// Of the days and months that the runs take that were asked for.
    pub(super) async fn quotas(
        &self,
        now: Micros,
        items: &[Item],
        courses: &[Course],
        contracts: &[Contract],
    ) -> Result<Vec<QuotaUse>, ServiceError> {
        let mut uses = Uses::new();
        let binding = items.iter().zip(courses).filter(|(item, _)| item.binds);
        for (item, course) in binding {
            for passage in &course.passages {
                for (day, segments) in &passage.days {
                    for period in [Period::Day, Period::Month] {
                        let key = (passage.gateway.clone(), period, period.of(*day));
                        let sums = uses.entry(key).or_default();
                        sums.1 += segments;
                        sums.2 += if item.is_own { *segments } else { 0 };
                    }
                }
            }
        }
        uses.retain(|_, sums| sums.2 > 0);
        self.add_used(now, &mut uses).await?;
        let quota = |gateway: &GatewayId, period| {
            let contract = contracts.iter().find(|c| c.gateway == *gateway)?;
            let quota = match period {
                Period::Day => contract.daily_quota,
                Period::Month => contract.monthly_quota,
            };
            (quota > 0).then_some(quota)
        };
        let lines = uses.into_iter().map(|((gateway, period, from), sums)| {
            let (used, ahead, own) = sums;
            let quota = quota(&gateway, period);
            QuotaUse {
                gateway,
                period,
                from,
                quota,
                used,
                ahead,
                own,
                left: quota.map(|q| q - used - ahead),
            }
        });
        Ok(lines.collect())
    }

    /// What has gone on days that are asked about: this month's at most.
    async fn add_used(&self, now: Micros, uses: &mut Uses) -> Result<(), ServiceError> {
        let zone = self.config.sending.timezone;
        let month = Period::Month.of(now.local(zone).date_naive());
        let gateways: BTreeSet<GatewayId> = uses
            .keys()
            .filter(|(_, _, from)| Period::Month.of(*from) == month)
            .map(|(gateway, ..)| gateway.clone())
            .collect();
        if gateways.is_empty() {
            return Ok(());
        }
        let since = instant(month.and_time(NaiveTime::MIN), zone);
        let mut tx = self.store.read("quota_used").await?;
        for lane in tx.lanes_opened_since(since).await? {
            let (Some(gateway), Some(opened)) = (&lane.gateway, lane.opened) else {
                continue;
            };
            if !gateways.contains(gateway) {
                continue;
            }
            let gone = tx.handed_over(&lane).await?;
            let day = opened.local(zone).date_naive();
            for period in [Period::Day, Period::Month] {
                let key = (gateway.clone(), period, period.of(day));
                if let Some(sums) = uses.get_mut(&key) {
                    sums.0 += gone;
                }
            }
        }
        Ok(())
    }
}

impl Forecast {
    /// Do the gateways' quotas suffice for these runs?
    pub fn fits_quotas(&self) -> bool {
        check_quotas(&self.quotas).is_ok()
    }
}

/// An answer of no if a quota would not suffice, with the arithmetic.
pub(super) fn check_quotas(quotas: &[QuotaUse]) -> Result<(), ServiceError> {
    let over = quotas
        .iter()
        .find(|q| q.own > 0 && q.left.is_some_and(|left| left < 0));
    let Some(q) = over else { return Ok(()) };
    let (id, used, own, others) = (&q.gateway, q.used, q.own, q.ahead - q.own);
    let (quota, sum) = (q.quota.unwrap_or(0), q.used + q.ahead);
    let at = match q.period {
        Period::Day => q.from.to_string(),
        Period::Month => q.from.format("%Y-%m").to_string(),
    };
    Err(CampaignRefusal::QuotaExceeded {
        gateway: id.to_string(),
        period: q.period,
        at,
        used,
        others,
        own,
        sum,
        quota,
    }
    .into())
}
