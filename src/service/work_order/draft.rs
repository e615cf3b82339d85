//! A plan's work orders as drafts: compared with what stands there, like its campaigns.

use std::collections::HashMap;

use serde_json::json;

use super::change::digest;
use crate::{
    domain::{
        event::Event,
        id::OrderId,
        plan::Ordered,
        work_order::{MAX_TEXT, OrderEvent, OrderState},
    },
    service::{
        Acting, Result,
        diff::{Effect, ItemDiff},
        refusal::CampaignRefusal,
    },
    store::work_order::OrderRow,
};

/// Drafts, changes or leaves each; what is no longer in the file stays as it is.
pub(in crate::service) async fn take(
    acting: &mut Acting,
    by: &str,
    plan: &str,
    orders: &[Ordered],
    events: &mut Vec<Event>,
) -> Result<Vec<ItemDiff>> {
    let mut known: HashMap<String, OrderRow> = HashMap::new();
    for row in acting.tx.orders().await? {
        if row.plan == plan {
            known.insert(row.item.clone(), row);
        }
    }
    let mut items = Vec::with_capacity(orders.len());
    for ordered in orders {
        let wanted = wanted(acting, plan, ordered, by)?;
        let known = known.remove(&ordered.order.id);
        items.push(one(acting, by, wanted, known, events).await?);
    }
    let mut gone: Vec<_> = known.into_values().collect();
    gone.sort_by(|a, b| a.id.cmp(&b.id));
    for row in gone {
        items.push(diff(&row, Effect::Gone, Vec::new())?);
    }
    Ok(items)
}

fn wanted(acting: &Acting, plan: &str, ordered: &Ordered, by: &str) -> Result<OrderRow> {
    let (o, now) = (&ordered.order, acting.time().0);
    if ordered.text.chars().count() > MAX_TEXT || o.id.is_empty() {
        return Err(CampaignRefusal::OrderText {
            order: o.id.clone(),
            longest: MAX_TEXT,
        }
        .into());
    }
    let counts: Vec<_> = o.counts.iter().map(|c| c.as_str()).collect();
    let mut row = OrderRow {
        id: OrderId::fresh().to_string(),
        plan: plan.to_owned(),
        item: o.id.clone(),
        name: o.name.clone(),
        carrier: o.carrier.as_str().to_owned(),
        text: ordered.text.clone(),
        signature: o.signature.clone(),
        appended: o.appended.clone(),
        audience: o.audience.clone(),
        from_day: o.span.from.to_string(),
        to_day: o.span.to.to_string(),
        hours: format!("{}-{}", o.hours.0, o.hours.1),
        daily_cap: i64::try_from(o.daily_cap).unwrap_or(i64::MAX),
        counts: json!(counts).to_string(),
        evidence: o.evidence.clone(),
        contact: o.contact.clone(),
        number: String::new(),
        year: 0,
        seq: 0,
        revision: 0,
        channel: String::new(),
        state: OrderState::Draft.as_str().to_owned(),
        reason: String::new(),
        overdue: String::new(),
        writers: json!([by]).to_string(),
        approved_by: String::new(),
        digest: Vec::new(),
        seeds: "[]".to_owned(),
        planned: String::new(),
        salt: crate::random::salt().to_vec(),
        created_us: now,
        changed_us: now,
        step_us: now,
        issued_us: 0,
        acknowledged_us: 0,
        released_us: 0,
        poll_us: 0,
    };
    row.digest = row.terms()?.digest().to_vec();
    Ok(row)
}

/// Which fields differ; all but the name are bound by an approval.
fn differing(a: &OrderRow, b: &OrderRow) -> Vec<&'static str> {
    let fields = [
        ("carrier", a.carrier != b.carrier),
        ("text", a.text != b.text),
        ("signature", a.signature != b.signature),
        ("appended", a.appended != b.appended),
        ("audience", a.audience != b.audience),
        ("days", (&a.from_day, &a.to_day) != (&b.from_day, &b.to_day)),
        ("hours", a.hours != b.hours),
        ("daily_cap", a.daily_cap != b.daily_cap),
        ("counts", a.counts != b.counts),
        ("evidence", a.evidence != b.evidence),
        ("contact", a.contact != b.contact),
        ("name", a.name != b.name),
    ];
    fields.into_iter().filter(|f| f.1).map(|f| f.0).collect()
}

fn told(by: &str, act: &str, row: &OrderRow, reason: &str) -> Result<Event> {
    Ok(Event::Order {
        by: by.to_owned(),
        act: act.to_owned(),
        order: row.id()?,
        state: row.state.clone(),
        digest: digest(row),
        reason: reason.to_owned(),
        number: None,
        rows: Vec::new(),
    })
}

async fn one(
    acting: &mut Acting,
    by: &str,
    wanted: OrderRow,
    known: Option<OrderRow>,
    events: &mut Vec<Event>,
) -> Result<ItemDiff> {
    let Some(known) = known else {
        acting.tx.insert_order(&wanted).await?;
        events.push(told(by, "created", &wanted, "")?);
        return diff(&wanted, Effect::New, Vec::new());
    };
    let fields = differing(&known, &wanted);
    if fields.is_empty() {
        return diff(&known, Effect::Unchanged, fields);
    }
    let from = known.state()?;
    let (event, effect) = match from {
        OrderState::Draft => (OrderEvent::Change, Effect::Changed),
        OrderState::Approved => (OrderEvent::Void, Effect::Voided),
        // The carrier has it: a person corrects or withdraws it.
        _ => return diff(&known, Effect::TooLate, fields),
    };
    if fields == ["name"] {
        let named = OrderRow {
            name: wanted.name,
            changed_us: acting.time().0,
            ..known
        };
        acting.tx.update_order(&named, from).await?;
        events.push(told(by, "renamed", &named, "")?);
        return diff(&named, Effect::Renamed, fields);
    }
    let mut writers = known.writers()?;
    if !writers.iter().any(|w| w == by) {
        writers.push(by.to_owned());
    }
    let reason = fields.join(", ");
    let changed = OrderRow {
        id: known.id,
        created_us: known.created_us,
        writers: json!(writers).to_string(),
        reason: reason.clone(),
        salt: known.salt,
        ..wanted
    };
    acting.tx.update_order(&changed, from).await?;
    events.push(told(by, event.as_str(), &changed, &reason)?);
    diff(&changed, effect, fields)
}

fn diff(row: &OrderRow, effect: Effect, fields: Vec<&'static str>) -> Result<ItemDiff> {
    Ok(ItemDiff {
        item: row.item.clone(),
        name: row.name.clone(),
        campaign: None,
        order: Some(row.id()?),
        effect,
        fields,
    })
}
