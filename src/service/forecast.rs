//! What a plan will come to, before anybody lets it out: who gets how much, when each run is through, what it costs,
//! and who would get too much on one day.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use serde_json::{Value, json};

use super::{Office, ServiceError};
use crate::{
    domain::{
        carrier::CarrierTable,
        forecast::{Contract, Course, Load, Passage, Share, simulate},
        id::GatewayId,
        lang::Lang,
        plan::Planned,
        role::{Act, Actor},
        time::Micros,
    },
    expander::{self, Audience, Survey, clashes, survey},
};

/// So many texts on one day are worth a warning.
pub const MANY_TEXTS: usize = 3;

/// Prices in millionths of the currency.
const MILLION: f64 = 1_000_000.0;

/// What is to be expected.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// Each run, by its slot.
    pub runs: Vec<RunForecast>,
    /// Who gets many texts on one day.
    pub clashes: Vec<Clash>,
    /// What each gateway carries, by day and month, where its contract limits it.
    pub quotas: Vec<QuotaUse>,
}

/// One run.
#[derive(Debug, Clone)]
pub struct RunForecast {
    /// Its key in the plan.
    pub item: String,
    /// What people call it.
    pub name: String,
    /// When it fires.
    pub slot: Micros,
    /// Who it reaches, and with how much.
    pub survey: Survey,
    /// When it goes through which gateway.
    pub course: Course,
}

/// People who get many texts on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The office's day.
    pub day: NaiveDate,
    /// Their group.
    pub group: String,
    /// How many texts each of them gets.
    pub texts: usize,
    /// How many people.
    pub people: u64,
    /// Texts of these that the daily limit would keep back.
    pub over_limit: usize,
}

/// What of a quota the plan takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaUse {
    /// Whose.
    pub gateway: GatewayId,
    /// A day, or the first of a month.
    pub from: NaiveDate,
    /// Is it the month's?
    pub is_month: bool,
    /// Segments by contract.
    pub quota: i64,
    /// Segments planned.
    pub planned: i64,
}

impl QuotaUse {
    /// What is left of it; below zero: the contract does not allow the plan.
    pub fn left(&self) -> i64 {
        self.quota - self.planned
    }
}

impl Office {
    /// Looks ahead at a plan's campaigns, beside the runs that are frozen already; those of the same plan are taken from
    /// the file. People and routes are those of today's address books.
    pub async fn forecast(
        &self,
        actor: &Actor,
        plan: &str,
        items: &[Planned],
    ) -> Result<Forecast, ServiceError> {
        actor.may(Act::ReadLog)?;
        let now = self.clock.now();
        let mut loads = self.under_way(plan, now).await?;
        let known = loads.len();
        let mut runs = Vec::new();
        for (n, item) in (0..).zip(items) {
            let survey = self.survey(item).await?;
            for slot in item.slots.iter().filter(|s| **s > now) {
                loads.push(load(item, *slot, n, &survey));
                runs.push((item, *slot, survey.clone()));
            }
        }
        let contracts: Vec<Contract> = self.config.gateways.iter().map(contract).collect();
        let courses = simulate(&loads, &contracts, &self.hours());
        let quotas = quotas(&contracts, &courses);
        let mut runs: Vec<RunForecast> = runs
            .into_iter()
            .zip(courses.into_iter().skip(known))
            .map(|((item, slot, survey), course)| RunForecast {
                item: item.item.clone(),
                name: item.name.clone(),
                slot,
                survey,
                course,
            })
            .collect();
        runs.sort_by_key(|r| r.slot);
        Ok(Forecast {
            runs,
            clashes: self.clashes(items, now).await?,
            quotas,
        })
    }

    /// Frozen runs that are not through, as loads: what of their lanes has not been claimed.
    async fn under_way(&self, plan: &str, now: Micros) -> Result<Vec<Load>, ServiceError> {
        let mut tx = self.store.read("forecast_runs").await?;
        let mut loads = Vec::new();
        for run in tx.going_runs().await? {
            let campaign = tx.campaign(run.campaign()?).await?;
            if !plan.is_empty() && campaign.plan == plan {
                continue;
            }
            let lanes = tx.lanes_of(run.id()?).await?;
            let shares = lanes.iter().filter(|l| l.next < l.end).map(|l| Share {
                gateway: GatewayId(l.gateway.clone()),
                people: l.end - l.next,
                segments: l.segments * (l.end - l.next) / l.size.max(1),
            });
            loads.push(Load {
                label: campaign.name.clone(),
                slot: now.max(Micros(run.not_before_us)),
                priority: campaign.priority()?,
                order: 0,
                not_after: (run.not_after_us > 0).then_some(Micros(run.not_after_us)),
                is_open: run.opened_us > 0,
                shares: shares.collect(),
            });
        }
        Ok(loads)
    }

    async fn survey(&self, item: &Planned) -> Result<Survey, ServiceError> {
        let audience = self.planned_audience(item).await?;
        let office = expander::Office {
            gateways: &self.config.gateways,
            signature: &self.config.sending.signature,
            carriers: CarrierTable::builtin(),
        };
        survey(&self.store, office, &item.text, audience)
            .await
            .map_err(|e| {
                let (zh, en) = (e.text(Lang::Zh), e.text(Lang::En));
                ServiceError::refused(
                    format!("{}：{zh}", item.name),
                    format!("{}: {en}", item.item),
                )
            })
    }

    async fn planned_audience(&self, item: &Planned) -> Result<Audience, ServiceError> {
        let mut tx = self.store.read("forecast_groups").await?;
        Audience::of_groups(&mut tx, &item.include, &item.exclude)
            .await
            .map_err(|e| ServiceError::refused(format!("{}：{e}", item.name), e.to_string()))
    }

    /// Who gets [`MANY_TEXTS`] or more on one day of the office's.
    async fn clashes(&self, items: &[Planned], now: Micros) -> Result<Vec<Clash>, ServiceError> {
        let zone = self.config.sending.timezone;
        let mut days: BTreeMap<NaiveDate, BTreeMap<usize, usize>> = BTreeMap::new();
        for (n, item) in items.iter().enumerate() {
            for slot in item.slots.iter().filter(|s| **s > now) {
                let day = slot.local(zone).date_naive();
                *days.entry(day).or_default().entry(n).or_default() += 1;
            }
        }
        let limit = self.config.sending.daily_limit_per_person as usize;
        let least = MANY_TEXTS.min(limit + 1);
        let mut found = Vec::new();
        for (day, texts) in days {
            if texts.values().sum::<usize>() < least {
                continue;
            }
            let mut audiences = Vec::with_capacity(texts.len());
            for (n, count) in texts {
                audiences.push((self.planned_audience(&items[n]).await?, count));
            }
            let clashes = clashes(&self.store, audiences, least)
                .await
                .map_err(|e| ServiceError::refused(e.text(Lang::Zh), e.text(Lang::En)))?;
            found.extend(clashes.into_iter().map(|((group, texts), people)| Clash {
                day,
                group,
                texts,
                people,
                over_limit: texts.saturating_sub(limit),
            }));
        }
        Ok(found)
    }
}

fn load(item: &Planned, slot: Micros, n: u64, survey: &Survey) -> Load {
    // One-off runs are frozen when they are handed in, before those that are frozen when they are due.
    let order = match item.slots.len() {
        1 => 1 + n,
        _ => u64::try_from(slot.0).unwrap_or(0) + n,
    };
    let shares = survey.through.iter().map(|t| Share {
        gateway: t.gateway.clone(),
        people: t.reached(),
        segments: t.sent(),
    });
    let lasts = item
        .lasts
        .map(|d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX));
    Load {
        label: item.name.clone(),
        slot,
        priority: item.priority,
        order,
        not_after: lasts.map(|us| Micros(slot.0.saturating_add(us))),
        is_open: false,
        shares: shares.filter(|s| s.segments > 0).collect(),
    }
}

fn contract(g: &crate::config::Gateway) -> Contract {
    Contract {
        gateway: g.id.clone(),
        rate: g.rate,
        price: (g.price * MILLION).round() as i64,
        daily_quota: i64::try_from(g.daily_quota).unwrap_or(i64::MAX),
        monthly_quota: i64::try_from(g.monthly_quota).unwrap_or(i64::MAX),
    }
}

fn quotas(contracts: &[Contract], courses: &[Course]) -> Vec<QuotaUse> {
    let mut uses = Vec::new();
    for contract in contracts {
        let (mut days, mut months) = (BTreeMap::new(), BTreeMap::new());
        let passages = courses.iter().flat_map(|c| &c.passages);
        let own = passages.filter(|p| p.gateway == contract.gateway);
        for (day, segments) in own.flat_map(|p| &p.days) {
            *days.entry(*day).or_insert(0) += segments;
            let month = day.with_day(1).unwrap_or(*day);
            *months.entry(month).or_insert(0) += segments;
        }
        for (quota, is_month, sums) in [
            (contract.daily_quota, false, days),
            (contract.monthly_quota, true, months),
        ] {
            let used = sums.into_iter().filter(|_| quota > 0);
            uses.extend(used.map(|(from, planned)| QuotaUse {
                gateway: contract.gateway.clone(),
                from,
                is_month,
                quota,
                planned,
            }));
        }
    }
    uses
}

impl Forecast {
    /// Messages of all runs.
    pub fn people(&self) -> i64 {
        self.runs.iter().map(|r| r.survey.people()).sum()
    }

    /// Segments of all runs.
    pub fn segments(&self) -> i64 {
        self.runs.iter().map(|r| r.course.segments()).sum()
    }

    /// What it costs, in the currency of the prices.
    pub fn cost(&self) -> f64 {
        self.runs.iter().map(|r| r.course.cost()).sum::<i64>() as f64 / MILLION
    }

    /// One JSON object; times in this office's zone.
    pub fn to_json(&self, zone: chrono_tz::Tz) -> Value {
        let time = |t: Option<Micros>| t.map(|t| t.local(zone).to_rfc3339());
        let passage = |p: &Passage| {
            json!({
                "gateway": p.gateway.0, "people": p.people, "segments": p.segments, "starts": time(p.starts),
                "ends": time(p.ends), "left_people": p.left_people, "left_segments": p.left_segments,
                "cost": p.cost as f64 / MILLION,
            })
        };
        let runs: Vec<_> = self
            .runs
            .iter()
            .map(|r| {
                json!({
                    "item": r.item, "name": r.name, "slot": time(Some(r.slot)), "people": r.survey.people(),
                    "merged": r.survey.merged, "suppressed": r.survey.suppressed.values().sum::<i64>(),
                    "by_segments": r.survey.by_segments(), "segments": r.course.segments(),
                    "cost": r.course.cost() as f64 / MILLION, "starts": time(r.course.starts()),
                    "ends": time(r.course.ends()), "gateways": r.course.passages.iter().map(passage).collect::<Vec<_>>(),
                    "problems": r.survey.problems.total,
                })
            })
            .collect();
        let clashes: Vec<_> = self
            .clashes
            .iter()
            .map(|c| {
                json!({
                    "day": c.day.to_string(), "group": c.group, "texts": c.texts, "people": c.people,
                    "over_limit": c.over_limit,
                })
            })
            .collect();
        let quotas: Vec<_> = self
            .quotas
            .iter()
            .map(|q| {
                json!({
                    "gateway": q.gateway.0, "from": q.from.to_string(), "month": q.is_month, "quota": q.quota,
                    "planned": q.planned, "left": q.left(),
                })
            })
            .collect();
        json!({
            "runs": runs, "people": self.people(), "segments": self.segments(), "cost": self.cost(),
            "clashes": clashes, "quotas": quotas,
        })
    }

    /// Does all of it fit: into the quotas, before each not-after, and is every placeholder filled?
    pub fn fits(&self) -> bool {
        self.quotas.iter().all(|q| q.left() >= 0)
            && self
                .runs
                .iter()
                .all(|r| r.course.left_segments() == 0 && r.survey.problems.total == 0)
    }
}
