//! When planned messages will be through, what they cost, and who gets too many on one day: counted by
//! the words and routes that freezing will use, and played ahead by the engine's own rule.

mod announce;
mod clash;
mod compare;
mod gather;
mod quota;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Campaigns, Office, Plans, ServiceError, refusal::CampaignRefusal};
use crate::{
    config,
    domain::{
        forecast::{self, Contract, Course, Passage},
        hours::Hours,
        id::{CampaignId, GatewayId},
        lifecycle::CampaignState,
        plan::Planned,
        priority::Priority,
        role::{Act, Actor},
        time::Micros,
    },
};

pub use clash::{Clash, OFTEN};
pub use compare::Compared;
pub use quota::QuotaUse;

use gather::Item;

/// What lies ahead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// When it was made.
    #[serde(rename = "made_us")]
    pub made: Micros,
    /// The runs that were asked for, in the order of their slots; others count by the way they take.
    pub runs: Vec<RunForecast>,
    /// The runs together.
    pub totals: Totals,
    /// What of the gateways' quotas goes on the days and in the months that these runs take, all runs counted.
    pub quotas: Vec<QuotaUse>,
    /// Who gets many on these runs' days, all runs counted.
    pub clashes: Vec<Clash>,
}

/// One run's forecast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunForecast {
    /// What people call it.
    pub name: String,
    /// When it fires.
    #[serde(rename = "slot_us")]
    pub slot: Micros,
    /// How urgent.
    pub priority: Priority,
    /// People who will get it.
    pub people: i64,
    /// People who stand in the audience more than once.
    pub merged: i64,
    /// How many people get a text of 1, 2, 3 … segments.
    pub by_segments: Vec<i64>,
    /// Segments that are to be sent.
    pub segments: i64,
    /// What the segments that go cost, in millionths of the currency.
    #[serde(rename = "cost_millionths")]
    pub cost: i64,
    /// When the first segment goes; none: never.
    #[serde(rename = "starts_us")]
    pub starts: Option<Micros>,
    /// When the last one is handed over.
    #[serde(rename = "ends_us")]
    pub ends: Option<Micros>,
    /// By gateway.
    pub gateways: Vec<GatewayForecast>,
    /// About so many people can't get it before its not-after.
    pub left_people: i64,
}

/// A run's part at one gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GatewayForecast {
    /// The gateway that takes this part of the run.
    pub gateway: GatewayId,
    /// How many recipients go through it.
    pub people: i64,
    /// How many segments their messages take.
    pub segments: i64,
    /// When the first segment goes; none: never.
    #[serde(rename = "starts_us")]
    pub starts: Option<Micros>,
    /// When the last one is handed over.
    #[serde(rename = "ends_us")]
    pub ends: Option<Micros>,
    /// Segments that don't fit before the run's not-after.
    pub left: i64,
}

/// Runs together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// How many.
    pub runs: usize,
    /// Texts to people.
    pub people: i64,
    /// How many segments all messages take.
    pub segments: i64,
    /// In millionths of the currency.
    #[serde(rename = "cost_millionths")]
    pub cost: i64,
    /// People who can't get theirs before a not-after.
    pub left_people: i64,
    /// When the last of all segments is handed over.
    #[serde(rename = "ends_us")]
    pub ends: Option<Micros>,
}

impl Plans<'_> {
    /// What a plan file will do beside what the database has. The file stands for its own campaigns
    /// that were read in from it before (`plan` is its name); slots that have passed are left out.
    pub async fn forecast(
        self,
        actor: &Actor,
        plan: &str,
        items: &[Planned],
    ) -> Result<Forecast, ServiceError> {
        actor.may(Act::ReadLog)?;
        let now = self.office.clock.now();
        let mut all = self
            .office
            .items_ahead(now, |c| !c.is_of(plan), |_| false)
            .await?;
        all.extend(self.office.items_planned(now, items).await?);
        self.office.forecast_items(now, &all).await
    }
}

impl Campaigns<'_> {
    /// What a campaign that is submitted or approved will do among all others that are.
    pub async fn forecast(self, actor: &Actor, id: CampaignId) -> Result<Forecast, ServiceError> {
        actor.may(Act::ReadLog)?;
        let now = self.office.clock.now();
        let all = self.office.items_beside(now, id).await?;
        self.office.forecast_items(now, &all).await
    }
}

impl Office {
    /// This campaign's runs, and all others that are handed in or let out.
    async fn items_beside(&self, now: Micros, id: CampaignId) -> Result<Vec<Item>, ServiceError> {
        let campaign = self.store.read("forecast").await?.campaign(id).await?;
        let state = campaign.state;
        if !matches!(
            state,
            CampaignState::Submitted | CampaignState::Approved | CampaignState::Active
        ) {
            return Err(CampaignRefusal::NotForecast { state }.into());
        }
        self.items_ahead(now, |_| true, |c| c.id == id).await
    }

    /// The course of each of these, beside all the others of them.
    fn courses(&self, items: &[Item]) -> Vec<Course> {
        let loads: Vec<_> = items.iter().map(|i| i.load.clone()).collect();
        forecast::simulate(&loads, &self.contracts(), &self.sending().hours())
    }

    fn contracts(&self) -> Vec<Contract> {
        self.config.gateways.iter().map(contract).collect()
    }

    async fn forecast_items(&self, now: Micros, items: &[Item]) -> Result<Forecast, ServiceError> {
        let courses = self.courses(items);
        self.compute(now, items, &courses).await
    }

    async fn compute(
        &self,
        now: Micros,
        items: &[Item],
        courses: &[Course],
    ) -> Result<Forecast, ServiceError> {
        let hours = self.sending().hours();
        let quotas = self.quotas(now, items, courses, &self.contracts()).await?;
        let days: BTreeSet<_> = items
            .iter()
            .filter(|i| i.is_own)
            .map(|i| self.day_of(i, &hours))
            .collect();
        let clashes = self.clashes(&hours, items, &days).await?;
        let mut runs: Vec<RunForecast> = items
            .iter()
            .zip(courses)
            .filter(|(item, _)| item.is_own)
            .map(|(item, course)| foreseen(item, course))
            .collect();
        runs.sort_by_key(|r| r.slot);
        Ok(Forecast {
            made: now,
            totals: totals(&runs),
            runs,
            quotas,
            clashes,
        })
    }

    /// The office's day on which a run goes, or begins to.
    fn day_of(&self, item: &Item, hours: &Hours) -> chrono::NaiveDate {
        let at = hours.opens(item.load.slot, item.load.priority);
        at.local(self.config.sending.timezone).date_naive()
    }
}

/// A day as `2026-06-20`.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn as_text<S: serde::Serializer>(day: &chrono::NaiveDate, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(day)
}

fn contract(gateway: &config::Gateway) -> Contract {
    let quota = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Contract {
        gateway: gateway.id.clone(),
        rate: gateway.rate,
        price: (gateway.price * 1e6).round() as i64,
        daily_quota: quota(gateway.daily_quota),
        monthly_quota: quota(gateway.monthly_quota),
    }
}

fn foreseen(item: &Item, course: &Course) -> RunForecast {
    let passages = &course.passages;
    RunForecast {
        name: item.load.label.clone(),
        slot: item.slot,
        priority: item.load.priority,
        people: passages.iter().map(|p| p.people).sum(),
        merged: item.merged,
        by_segments: by_segments(&item.by_segments),
        segments: course.segments(),
        cost: course.cost(),
        starts: course.starts(),
        ends: course.ends(),
        gateways: passages.iter().map(through).collect(),
        left_people: passages.iter().map(|p| p.left_people).sum(),
    }
}

fn through(p: &Passage) -> GatewayForecast {
    GatewayForecast {
        gateway: p.gateway.clone(),
        people: p.people,
        segments: p.segments,
        starts: p.starts,
        ends: p.ends,
        left: p.left_segments,
    }
}

/// People with 1, 2, 3 … segments; those without any are none.
fn by_segments(counted: &BTreeMap<i64, i64>) -> Vec<i64> {
    let longest = counted.keys().next_back().copied().unwrap_or(0);
    (1..=longest)
        .map(|k| counted.get(&k).copied().unwrap_or(0))
        .collect()
}

fn totals(runs: &[RunForecast]) -> Totals {
    Totals {
        runs: runs.len(),
        people: runs.iter().map(|r| r.people).sum(),
        segments: runs.iter().map(|r| r.segments).sum(),
        cost: runs.iter().map(|r| r.cost).sum(),
        left_people: runs.iter().map(|r| r.left_people).sum(),
        ends: runs.iter().filter_map(|r| r.ends).max(),
    }
}
