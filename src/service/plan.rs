//! Reading a plan in: its campaigns become drafts, and what was changed must be approved anew.

use std::collections::{HashMap, HashSet};

pub use super::diff::{Effect, ImportDiff, ItemDiff};
use super::{Plans, ServiceError, refusal::CampaignRefusal};
use crate::{
    campaign::lifecycle::{self, By},
    domain::{
        audience_spec::AudienceSpec,
        bilingual::bilingual,
        commitment,
        event::{Event, Span},
        id::CampaignId,
        lifecycle::{CampaignAct, CampaignState, Intent, RunAct},
        plan::{Ordered, Planned},
        role::{Act, Actor},
        template,
        time::Micros,
    },
    store::{
        self,
        campaign::{Campaign, PlanItem},
        entry::EntryTx,
        plan::StoredPlan,
        run::Run,
    },
};

/// A plan file as it is read in.
#[derive(Debug, Clone, Copy)]
pub struct Import<'a> {
    /// The plan's name: items of the same plan are compared.
    pub plan: &'a str,
    /// What people call it.
    pub title: &'a str,
    /// The file.
    pub source: &'a str,
    /// Its campaigns.
    pub items: &'a [Planned],
    /// What it asks carriers to send.
    pub orders: &'a [Ordered],
}

impl Plans<'_> {
    /// Reads a plan in: all of it or nothing. With `dry_run` it only says what would change.
    pub async fn import(
        self,
        actor: &Actor,
        import: &Import<'_>,
        dry_run: bool,
    ) -> Result<ImportDiff, ServiceError> {
        actor.may(Act::Draft)?;
        check(import)?;
        let mut acting = self.office.act("import_plan").await?;
        groups_exist(&mut acting, import.items).await?;
        let by = actor.label();
        let mut known: HashMap<String, Campaign> = HashMap::new();
        for row in acting.tx.campaigns_of(import.plan).await? {
            known.insert(row.item().to_owned(), row);
        }
        let digest = commitment::plan(import.plan, import.title, import.source);
        let mut events = Vec::new();
        let before = acting.tx.plan(import.plan).await?;
        if before.is_none_or(|p| p.digest != digest) {
            let plan = StoredPlan {
                name: import.plan.to_owned(),
                title: import.title.to_owned(),
                source: import.source.to_owned(),
                digest: digest.to_vec(),
                imported_by: by.clone(),
                imported: acting.time(),
            };
            acting.tx.put_plan(&plan).await?;
            events.push(Event::Plan {
                by: by.clone(),
                act: "imported".into(),
                plan: import.plan.to_owned(),
                digest: hex::encode(digest),
            });
        }
        let mut items = Vec::with_capacity(import.items.len());
        for planned in import.items {
            let row = known.remove(&planned.item);
            items.push(take(&mut acting, &by, import.plan, planned, row, &mut events).await?);
        }
        let mut gone: Vec<_> = known.into_values().collect();
        gone.sort_by_key(|c| c.id);
        for row in gone {
            items.push(ItemDiff {
                campaign: Some(row.id),
                order: None,
                item: row.item().to_owned(),
                name: row.name,
                effect: Effect::Gone,
                fields: Vec::new(),
            });
        }
        // Boxed: an order's row is long, and callers of this would carry it along.
        let orders =
            super::work_order::draft(&mut acting, &by, import.plan, import.orders, &mut events);
        items.extend(Box::pin(orders).await?);
        if dry_run {
            // Dropped without a commit: it never happened.
            for item in items.iter_mut().filter(|i| i.effect == Effect::New) {
                (item.campaign, item.order) = (None, None);
            }
        } else if !events.is_empty() {
            acting.tx.bump().await?;
            acting.commit(&events).await?;
        }
        Ok(ImportDiff {
            plan: import.plan.to_owned(),
            items,
        })
    }
}

impl Plans<'_> {
    /// The next instant at which anything will happen by itself.
    pub async fn next_due(self, now: Micros) -> Result<Option<Micros>, ServiceError> {
        let sending = crate::campaign::fire::next_due(
            &self.office.store,
            &self.office.sending().hours(),
            now,
        )
        .await?;
        let orders = Box::pin(self.office.orders_due()).await?;
        Ok([sending, orders].into_iter().flatten().min())
    }
}

fn check(import: &Import<'_>) -> Result<(), ServiceError> {
    let mut seen = HashSet::new();
    for p in import.items {
        let item = &p.item;
        if item.is_empty() || import.plan.is_empty() || !seen.insert(item) {
            return Err(CampaignRefusal::ItemName { item: item.clone() }.into());
        }
        if p.slots.is_empty() || !p.slots.is_sorted_by(|a, b| a < b) {
            return Err(CampaignRefusal::ItemSlots { item: item.clone() }.into());
        }
    }
    Ok(())
}

async fn groups_exist(acting: &mut EntryTx, items: &[Planned]) -> Result<(), ServiceError> {
    let known: Vec<String> = acting
        .tx
        .groups()
        .await?
        .into_iter()
        .map(|g| g.name)
        .collect();
    let (mut groups, mut seen) = (Vec::new(), HashSet::new());
    for name in items
        .iter()
        .flat_map(|p| p.include.iter().chain(&p.exclude))
    {
        if known.contains(name) || !seen.insert(name) {
            continue;
        }
        let near = template::nearest(name, &known);
        groups.push(match near {
            None => bilingual!("“{name}”", "{name:?}"),
            Some(n) => bilingual!(
                "“{name}”（是否指“{n}”？）",
                "{name:?} (did you mean {n:?}?)"
            ),
        });
    }
    match groups.is_empty() {
        true => Ok(()),
        false => Err(CampaignRefusal::UnknownGroups { groups }.into()),
    }
}

/// The row as the file wants it.
fn wanted(plan: &str, p: &Planned, by: &str, now: Micros) -> Campaign {
    let lasts = p.lasts.filter(|d| !d.is_zero());
    let not_after = match (p.slots.as_slice(), lasts) {
        ([slot], Some(lasts)) => Some(*slot + lasts),
        _ => None,
    };
    Campaign {
        id: CampaignId::fresh(),
        name: p.name.clone(),
        template: p.text.clone(),
        audience: AudienceSpec::Groups {
            include: p.include.clone(),
            exclude: p.exclude.clone(),
        },
        priority: p.priority,
        on_doubt: p.on_doubt,
        not_after,
        state: CampaignState::Draft,
        reason: String::new(),
        created_by: by.to_owned(),
        submitted_by: String::new(),
        decided_by: String::new(),
        digest: Vec::new(),
        created: now,
        changed: now,
        plan: Some(PlanItem {
            plan: plan.to_owned(),
            item: p.item.clone(),
        }),
        rule: p.rule.clone(),
        slots: p.slots.clone(),
        late: p.late,
        lasts,
        expected: 0,
        approved: None,
    }
}

/// Which fields differ, and whether an approval binds one of them.
fn differing(a: &Campaign, b: &Campaign) -> (Vec<&'static str>, bool) {
    let bound = [
        ("text", a.template != b.template),
        ("groups", a.audience != b.audience),
        ("slots", a.slots != b.slots),
        ("priority", a.priority != b.priority),
        ("on_doubt", a.on_doubt != b.on_doubt),
        ("late", a.late != b.late),
        ("not_after", a.lasts != b.lasts),
    ];
    let free = [("name", a.name != b.name), ("rule", a.rule != b.rule)];
    let binds = bound.iter().any(|f| f.1);
    let all = bound.into_iter().chain(free);
    (all.filter(|f| f.1).map(|f| f.0).collect(), binds)
}

/// Drafts, changes or leaves one campaign.
async fn take(
    acting: &mut EntryTx,
    by: &str,
    plan: &str,
    planned: &Planned,
    known: Option<Campaign>,
    events: &mut Vec<Event>,
) -> Result<ItemDiff, ServiceError> {
    let now = acting.time();
    let mut row = wanted(plan, planned, by, now);
    row.digest = row.draft_digest().to_vec();
    let author = By {
        who: by,
        reason: "",
    };
    let Some(known) = known else {
        let created = lifecycle::create(&mut acting.tx, &row, CampaignAct::Create, author).await;
        events.push(created?);
        return Ok(diff(&row, Effect::New, Vec::new()));
    };
    let (fields, binds) = differing(&known, &row);
    if fields.is_empty() {
        return Ok(diff(&known, Effect::Unchanged, fields));
    }
    let from = known.state;
    let runs = acting.tx.runs_of(known.id).await?;
    let begun = !known.is_recurring() && runs.iter().any(|r| r.opened.is_some());
    let act = match from {
        CampaignState::Finished | CampaignState::Rejected | CampaignState::Cancelled => None,
        _ if begun => None,
        CampaignState::Draft | CampaignState::Returned => Some(CampaignAct::Change),
        _ => Some(CampaignAct::Void),
    };
    let Some(act) = act else {
        return Ok(diff(&known, Effect::TooLate, fields));
    };
    if !binds {
        let mut named = Campaign {
            name: row.name,
            rule: row.rule,
            ..known
        };
        let act = CampaignAct::Rename;
        let renamed = lifecycle::rewrite(&mut acting.tx, now, &mut named, act, author).await;
        events.push(renamed.map_err(store::Error::from)?);
        return Ok(diff(&named, Effect::Renamed, fields));
    }
    let reason = fields.join(", ");
    let mut changed = Campaign {
        id: known.id,
        state: from,
        created_by: known.created_by,
        created: known.created,
        submitted_by: known.submitted_by,
        decided_by: known.decided_by,
        reason: reason.clone(),
        ..row
    };
    let why = By {
        who: by,
        reason: &reason,
    };
    let rewritten = lifecycle::rewrite(&mut acting.tx, now, &mut changed, act, why).await;
    events.push(rewritten.map_err(store::Error::from)?);
    if act == CampaignAct::Change {
        return Ok(diff(&changed, Effect::Changed, fields));
    }
    let unopened = |r: &&Run| r.opened.is_none() && r.closed.is_none();
    for run in runs.iter().filter(unopened) {
        let id = run.id;
        if run.intent == Intent::Cancelled {
            continue;
        }
        let to = (Intent::Cancelled, RunAct::Cancel);
        let why = By {
            who: by,
            reason: "changed",
        };
        let run = (id, run.intent);
        let cancelled = lifecycle::redirect_run(&mut acting.tx, run, to.0, to.1, why).await;
        events.extend(cancelled.map_err(store::Error::from)?);
        // Nothing of it was ever claimed: nothing is requeued.
        for lane in acting
            .tx
            .lanes_of(id)
            .await?
            .iter()
            .filter(|l| l.end_reason.is_none())
        {
            acting.tx.end_lane(lane.id, "changed").await?;
            events.push(Event::Ended {
                span: Span {
                    lane: lane.id,
                    from: lane.next,
                    to: lane.end,
                },
                reason: "changed".into(),
            });
        }
    }
    Ok(diff(&changed, Effect::Voided, fields))
}

fn diff(row: &Campaign, effect: Effect, fields: Vec<&'static str>) -> ItemDiff {
    ItemDiff {
        item: row.item().to_owned(),
        name: row.name.clone(),
        campaign: Some(row.id),
        order: None,
        effect,
        fields,
    }
}
