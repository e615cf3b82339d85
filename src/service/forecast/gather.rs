//! What lies ahead, as loads: frozen runs by what is left of their lanes, runs that are frozen later by
//! a survey of their audience as it is now.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::{Office, ServiceError};
use crate::{
    campaign::freeze::{self, FreezeError, Survey},
    domain::{
        audience_spec::AudienceSpec,
        event::Span,
        forecast::{Load, Share},
        id::{CampaignId, MessageId},
        lifecycle::CampaignState,
        plan::Planned,
        time::Micros,
    },
    store::{self, Corrupt, campaign::Campaign, run::Run},
};

/// A run ahead.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// Whose; none: a plan's that is not in the database.
    pub(super) campaign: Option<CampaignId>,
    pub(super) load: Load,
    /// As it is written; the load's is now, where that has passed.
    pub(super) slot: Micros,
    /// Was it asked for?
    pub(super) is_own: bool,
    /// Is it approved, or asked for? What only waits for approval takes nothing of a quota.
    pub(super) binds: bool,
    pub(super) merged: i64,
    pub(super) by_segments: BTreeMap<i64, i64>,
    /// Who gets it.
    pub(super) crowds: Vec<Crowd>,
}

/// People who get one text, in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Crowd {
    /// Of groups.
    Groups {
        include: Vec<String>,
        exclude: Vec<String>,
    },
    /// Of a frozen lane: messages of these ids, to a group of this name.
    Lane { from: i64, to: i64, group: String },
}

/// How an item counts.
struct Claimed {
    is_own: bool,
    binds: bool,
}

impl Claimed {
    const OWN: Self = Self {
        is_own: true,
        binds: true,
    };
}

fn share_of(campaign: &Campaign, is_own: bool) -> Claimed {
    Claimed {
        is_own,
        binds: is_own || campaign.state != CampaignState::Submitted,
    }
}

/// Each text and audience is surveyed once, however often it goes.
#[derive(Debug, Default)]
struct Surveys(HashMap<(String, Vec<String>, Vec<String>), Survey>);

impl Surveys {
    async fn of(
        &mut self,
        office: &Office,
        text: &str,
        include: &[String],
        exclude: &[String],
    ) -> Result<Survey, ServiceError> {
        let key = (text.to_owned(), include.to_vec(), exclude.to_vec());
        if let Some(known) = self.0.get(&key) {
            return Ok(known.clone());
        }
        let audience = office.groups_audience(include, exclude).await?;
        let survey =
            freeze::survey(&office.store, office.freeze_settings(), text, audience).await?;
        if survey.problems.total > 0 {
            return Err(FreezeError::Values(survey.problems).into());
        }
        self.0.insert(key, survey.clone());
        Ok(survey)
    }
}

impl Office {
    /// Everything submitted or approved that `counts`; `own` says what was asked for.
    pub(super) async fn items_ahead(
        &self,
        now: Micros,
        counts: impl Fn(&Campaign) -> bool,
        own: impl Fn(&Campaign) -> bool,
    ) -> Result<Vec<Item>, ServiceError> {
        let mut items = Vec::new();
        let mut tx = self.store.read("ahead").await?;
        for run in tx.runs_ahead().await? {
            let campaign = tx.campaign(run.campaign).await?;
            if counts(&campaign) {
                let order = items.len() as u64;
                items.extend(frozen(&mut tx, now, order, &run, &campaign, own(&campaign)).await?);
            }
        }
        let mut later = Vec::new();
        for campaign in tx.recurring_ahead().await? {
            if !counts(&campaign) {
                continue;
            }
            let runs = tx.slots_of(campaign.id).await?;
            let fired: HashSet<Micros> = runs
                .iter()
                .filter(|r| r.frozen.is_some())
                .map(|r| r.slot)
                .collect();
            let slots = campaign.slots.iter().copied();
            let slots = slots.filter(|s| *s >= now && !fired.contains(s));
            later.push((slots.collect::<Vec<_>>(), campaign));
        }
        drop(tx);
        let mut surveys = Surveys::default();
        for (slots, campaign) in later {
            let AudienceSpec::Groups { include, exclude } = &campaign.audience else {
                return Err(
                    store::Error::from(Corrupt::on("campaign", "audience", campaign.id)).into(),
                );
            };
            let text = &campaign.template;
            let survey = match surveys.of(self, text, include, exclude).await {
                Ok(survey) => survey,
                // Its run will not be made, so it takes nothing; nor may it keep an urgent one from being let out.
                Err(error) if !own(&campaign) && cannot_go(&error) => {
                    let id = campaign.id;
                    tracing::warn!(campaign.id = %id, "Campaign {id} cannot be forecast: {error}");
                    continue;
                }
                Err(error) => return Err(error),
            };
            for slot in slots {
                let load = Load {
                    label: campaign.name.clone(),
                    slot,
                    priority: campaign.priority,
                    order: later_order(slot),
                    not_after: campaign.not_after_slot(slot),
                    is_open: false,
                    shares: shares(&survey),
                };
                let crowd = (include.clone(), exclude.clone());
                let share = share_of(&campaign, own(&campaign));
                items.push(Item {
                    campaign: Some(campaign.id),
                    ..surveyed(load, &survey, crowd, &share)
                });
            }
        }
        Ok(items)
    }

    /// A plan's runs; what fires once is frozen when it is submitted: before all that fires again.
    pub(super) async fn items_planned(
        &self,
        now: Micros,
        planned: &[Planned],
    ) -> Result<Vec<Item>, ServiceError> {
        let mut surveys = Surveys::default();
        let mut items = Vec::new();
        for (place, p) in planned.iter().enumerate() {
            let slots: Vec<_> = p.slots.iter().copied().filter(|s| *s >= now).collect();
            if slots.is_empty() {
                continue;
            }
            let survey = surveys.of(self, &p.text, &p.include, &p.exclude).await?;
            for slot in slots {
                let load = Load {
                    label: p.name.clone(),
                    slot,
                    priority: p.priority,
                    order: match p.slots.len() {
                        1 => BEHIND_FROZEN + place as u64,
                        _ => later_order(slot),
                    },
                    not_after: p.lasts.map(|lasts| slot + lasts),
                    is_open: false,
                    shares: shares(&survey),
                };
                let crowd = (p.include.clone(), p.exclude.clone());
                items.push(surveyed(load, &survey, crowd, &Claimed::OWN));
            }
        }
        Ok(items)
    }
}

/// Is it the campaign's own fault (a vanished group, values that do not fit), and not the database's?
const fn cannot_go(error: &ServiceError) -> bool {
    match error {
        ServiceError::Contacts(_) | ServiceError::Campaign(_) => true,
        ServiceError::Freeze(why) => !matches!(why, FreezeError::Store(_)),
        _ => false,
    }
}

/// More runs than ever stand frozen at once, and less than a slot's microseconds: so the orders of
/// freezing stand behind each other.
const BEHIND_FROZEN: u64 = 1 << 32;

/// The place of what is frozen when its slot comes.
fn later_order(slot: Micros) -> u64 {
    BEHIND_FROZEN.saturating_add(slot.0.unsigned_abs())
}

fn shares(survey: &Survey) -> Vec<Share> {
    let reached = survey.through.iter().filter(|t| t.sent() > 0);
    reached
        .map(|t| Share {
            gateway: t.gateway.clone(),
            people: t.reached(),
            segments: t.sent(),
        })
        .collect()
}

fn surveyed(
    load: Load,
    survey: &Survey,
    (include, exclude): (Vec<String>, Vec<String>),
    share: &Claimed,
) -> Item {
    Item {
        campaign: None,
        slot: load.slot,
        load,
        is_own: share.is_own,
        binds: share.binds,
        merged: survey.merged,
        by_segments: survey.by_segments(),
        crowds: vec![Crowd::Groups { include, exclude }],
    }
}

/// A frozen run by what is left of it; `None`: nothing.
async fn frozen(
    tx: &mut store::Tx,
    now: Micros,
    order: u64,
    run: &Run,
    campaign: &Campaign,
    is_own: bool,
) -> Result<Option<Item>, ServiceError> {
    let group = campaign.audience.name();
    let Claimed { is_own, binds } = share_of(campaign, is_own);
    let mut by_segments: BTreeMap<i64, i64> = BTreeMap::new();
    let (mut shares, mut crowds) = (Vec::new(), Vec::new());
    for lane in tx.lanes_of(run.id).await? {
        let Some(gateway) = lane.gateway else {
            continue;
        };
        let mut spans = vec![Span {
            lane: lane.id,
            from: lane.next,
            to: lane.end,
        }];
        spans.extend(tx.requeued_of(lane.id).await?.iter().map(|r| r.span));
        let mut share = Share {
            gateway,
            people: 0,
            segments: 0,
        };
        for span in spans {
            for (parts, people) in tx.rest_of(span).await? {
                share.people += people;
                share.segments += parts * people;
                *by_segments.entry(parts).or_default() += people;
            }
            let base = MessageId::new(lane.id, 0).0;
            crowds.push(Crowd::Lane {
                from: base + span.from,
                to: base + span.to,
                group: group.clone(),
            });
        }
        if share.segments > 0 {
            shares.push(share);
        }
    }
    if shares.is_empty() {
        return Ok(None);
    }
    let load = Load {
        label: campaign.name.clone(),
        slot: run.not_before.unwrap_or(now).max(now),
        priority: run.priority,
        order,
        not_after: run.not_after,
        is_open: run.opened.is_some(),
        shares,
    };
    Ok(Some(Item {
        campaign: Some(run.campaign),
        load,
        slot: run.slot,
        is_own,
        binds,
        merged: run.merged,
        by_segments,
        crowds,
    }))
}
