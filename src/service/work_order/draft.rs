//! A plan's work orders as drafts: compared with what stands there, like its campaigns.

use std::collections::HashMap;

use crate::{
    domain::{
        event::Event,
        id::OrderId,
        ledger::Hash,
        plan::Ordered,
        work_order::{MAX_TEXT, OrderEvent, OrderState},
    },
    service::{
        Result,
        diff::{Effect, ItemDiff},
        refusal::CampaignRefusal,
    },
    store::{entry::EntryTx, work_order::Order},
};

/// Drafts, changes or leaves each; what is no longer in the file stays as it is.
pub(in crate::service) async fn take(
    acting: &mut EntryTx,
    by: &str,
    plan: &str,
    orders: &[Ordered],
    events: &mut Vec<Event>,
) -> Result<Vec<ItemDiff>> {
    let mut known: HashMap<String, Order> = HashMap::new();
    for order in acting.tx.orders().await? {
        if order.plan.as_deref() == Some(plan) {
            known.insert(order.item.clone(), order);
        }
    }
    let mut items = Vec::with_capacity(orders.len());
    for ordered in orders {
        let wanted = wanted(acting, plan, ordered, by)?;
        let known = known.remove(&ordered.order.id);
        items.push(one(acting, by, wanted, known, events).await?);
    }
    let mut gone: Vec<_> = known.into_values().collect();
    gone.sort_by_key(|order| order.id);
    for order in gone {
        items.push(diff(&order, Effect::Gone, Vec::new()));
    }
    Ok(items)
}

fn wanted(acting: &EntryTx, plan: &str, ordered: &Ordered, by: &str) -> Result<Order> {
    let (o, now) = (&ordered.order, acting.time());
    if ordered.text.chars().count() > MAX_TEXT || o.id.is_empty() {
        return Err(CampaignRefusal::OrderText {
            order: o.id.clone(),
            longest: MAX_TEXT,
        }
        .into());
    }
    let mut order = Order {
        id: OrderId::fresh(),
        plan: Some(plan.to_owned()),
        item: o.id.clone(),
        name: o.name.clone(),
        carrier: o.carrier,
        text: ordered.text.clone(),
        signature: o.signature.clone(),
        appended: o.appended.clone(),
        audience: o.audience.clone(),
        from: o.span.from,
        to: o.span.to,
        hours: o.hours,
        daily_cap: match o.daily_cap {
            0 => None,
            cap => Some(i64::try_from(cap).unwrap_or(i64::MAX)),
        },
        counts: o.counts.clone(),
        evidence: o.evidence.clone(),
        contact: o.contact.clone(),
        issued: None,
        revision: 0,
        state: OrderState::Draft,
        reason: String::new(),
        overdue: None,
        writers: vec![by.to_owned()],
        approved_by: None,
        digest: Hash::default(),
        seeds: Vec::new(),
        planned: None,
        salt: crate::random::salt().to_vec(),
        created: now,
        changed: now,
        step: now,
        acknowledged: None,
        released: None,
        poll: None,
    };
    order.digest = order.terms().digest();
    Ok(order)
}

/// Which fields differ; all but the name are bound by an approval.
fn differing(a: &Order, b: &Order) -> Vec<&'static str> {
    let fields = [
        ("carrier", a.carrier != b.carrier),
        ("text", a.text != b.text),
        ("signature", a.signature != b.signature),
        ("appended", a.appended != b.appended),
        ("audience", a.audience != b.audience),
        ("days", (a.from, a.to) != (b.from, b.to)),
        ("hours", a.hours != b.hours),
        ("daily_cap", a.daily_cap != b.daily_cap),
        ("counts", a.counts != b.counts),
        ("evidence", a.evidence != b.evidence),
        ("contact", a.contact != b.contact),
        ("name", a.name != b.name),
    ];
    fields.into_iter().filter(|f| f.1).map(|f| f.0).collect()
}

fn record_change(by: &str, act: &str, order: &Order, reason: &str) -> Event {
    Event::Order {
        by: by.to_owned(),
        act: act.to_owned(),
        order: order.id,
        state: order.state.as_str().to_owned(),
        digest: hex::encode(order.ledger_digest()),
        reason: reason.to_owned(),
        number: None,
        rows: Vec::new(),
    }
}

async fn one(
    acting: &mut EntryTx,
    by: &str,
    wanted: Order,
    known: Option<Order>,
    events: &mut Vec<Event>,
) -> Result<ItemDiff> {
    let Some(known) = known else {
        acting.tx.insert_order(&wanted).await?;
        events.push(record_change(by, "created", &wanted, ""));
        return Ok(diff(&wanted, Effect::New, Vec::new()));
    };
    let fields = differing(&known, &wanted);
    if fields.is_empty() {
        return Ok(diff(&known, Effect::Unchanged, fields));
    }
    let from = known.state;
    let (event, effect) = match from {
        OrderState::Draft => (OrderEvent::Change, Effect::Changed),
        OrderState::Approved => (OrderEvent::Void, Effect::Voided),
        // The carrier has it: a person corrects or withdraws it.
        _ => return Ok(diff(&known, Effect::TooLate, fields)),
    };
    if fields == ["name"] {
        let named = Order {
            name: wanted.name,
            changed: acting.time(),
            ..known
        };
        acting.tx.update_order(&named, from).await?;
        events.push(record_change(by, "renamed", &named, ""));
        return Ok(diff(&named, Effect::Renamed, fields));
    }
    let mut writers = known.writers;
    if !writers.iter().any(|w| w == by) {
        writers.push(by.to_owned());
    }
    let reason = fields.join(", ");
    let changed = Order {
        id: known.id,
        created: known.created,
        writers,
        reason: reason.clone(),
        salt: known.salt,
        ..wanted
    };
    acting.tx.update_order(&changed, from).await?;
    events.push(record_change(by, event.as_str(), &changed, &reason));
    Ok(diff(&changed, effect, fields))
}

fn diff(order: &Order, effect: Effect, fields: Vec<&'static str>) -> ItemDiff {
    ItemDiff {
        item: order.item.clone(),
        name: order.name.clone(),
        campaign: None,
        order: Some(order.id),
        effect,
        fields,
    }
}
