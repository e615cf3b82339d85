//! Work orders, with what hangs on them, and carriers' staff, against the ledger. The replay runs each order's life
//! once more: a state that does not follow, and a number that leaves a gap, cannot stand in the ledger.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sha2::{Digest as _, Sha256};

use super::difference::{Check, Stop, extra, missing, same, wrong};
use crate::{
    domain::{
        bilingual::{Bilingual, bilingual},
        event::OrderPart,
        work_order::{OrderEvent, OrderState},
    },
    store::{
        self, Tx,
        work_order::{
            AuditOrder, AuditPart, OrderCommand, OrderCounts, OrderEvidence, OrderProof, Part,
        },
    },
};

/// What the ledger knows of an order.
#[derive(Debug)]
pub(super) struct KnownOrder {
    pub(super) state: String,
    pub(super) digest: String,
    pub(super) changed_us: i64,
}

/// What the ledger knows of all of them.
#[derive(Debug, Default)]
pub(super) struct Orders {
    known: BTreeMap<String, KnownOrder>,
    numbers: BTreeMap<i64, i64>,
    given: HashMap<String, (i64, i64)>,
    /// By table and number: whose, and the digest.
    parts: BTreeMap<(String, i64), (String, String)>,
    pub(super) staff: BTreeMap<String, String>,
}

impl Orders {
    /// Applies one event.
    pub(super) fn apply(
        &mut self,
        order: String,
        act: &str,
        known: KnownOrder,
        number: Option<(i64, i64)>,
        rows: Vec<OrderPart>,
    ) -> Result<(), Bilingual> {
        self.follows(&order, act, &known.state)?;
        if let Some((year, seq)) = number {
            let last = self.numbers.entry(year).or_default();
            if seq != *last + 1 {
                return Err(bilingual!(
                    "委托单 {order} 的编号 {seq} 没有接着 {last}",
                    "work order {order} is number {seq}, after {last}"
                ));
            }
            *last = seq;
            self.given.insert(order.clone(), (year, seq));
        }
        for row in rows {
            self.parts
                .insert((row.to, row.n), (order.clone(), row.digest));
        }
        self.known.insert(order, known);
        Ok(())
    }

    /// Does the state follow from the one before?
    fn follows(&self, order: &str, act: &str, state: &str) -> Result<(), Bilingual> {
        let before = self.known.get(order).map(|k| k.state.as_str());
        let after = match (act, before) {
            ("created", None) => Some(OrderState::Draft.as_str()),
            ("renamed" | "told", Some(before)) => Some(before),
            (_, Some(before)) => before
                .parse::<OrderState>()
                .ok()
                .zip(OrderEvent::of(act))
                .and_then(|(before, event)| before.on(event).ok())
                .map(OrderState::as_str),
            _ => None,
        };
        match after == Some(state) {
            true => Ok(()),
            false => Err(bilingual!(
                "委托单 {order} 由 {before:?} 经 {act} 不会成为 {state}",
                "work order {order}, {before:?}, does not become {state} by {act}"
            )),
        }
    }
}

fn altered(table: &'static str, row: impl std::fmt::Display) -> Stop {
    wrong(
        table,
        row,
        bilingual!(
            "内容与台账中的摘要不符",
            "is not what the ledger's digest was made of"
        ),
    )
    .into()
}

/// Orders, proofs, figures, evidence and commands.
pub(super) async fn orders(tx: &mut Tx, orders: &Orders) -> Check {
    let mut seen = BTreeSet::new();
    for row in tx.audit_orders().await? {
        let id = row.id().to_owned();
        same_order(orders, row)?;
        seen.insert(id);
    }
    if let Some(id) = orders.known.keys().find(|id| !seen.contains(*id)) {
        return Err(missing("work_order", id));
    }
    parts::<OrderProof>(orders, "work_order_proof", &tx.audit_proofs().await?)?;
    parts::<OrderCounts>(orders, "work_order_count", &tx.audit_counts().await?)?;
    evidence(tx, orders).await?;
    parts::<OrderCommand>(orders, "work_order_wish", &tx.audit_commands().await?)
}

fn same_order(orders: &Orders, row: AuditOrder) -> Check {
    let id = row.id().to_owned();
    let Some(known) = orders.known.get(&id) else {
        return Err(extra("work_order", id));
    };
    same("work_order", &id, "state", row.state(), &known.state)?;
    same(
        "work_order",
        &id,
        "changed_us",
        row.changed_us(),
        known.changed_us,
    )?;
    let (year, seq) = orders.given.get(&id).copied().unwrap_or_default();
    same("work_order", &id, "year", row.number().0, year)?;
    same("work_order", &id, "seq", row.number().1, seq)?;
    if hex::encode(row.digest()) != known.digest {
        return Err(altered("work_order", &id));
    }
    // What the approval binds is no other text than the row's.
    let order = row.read().map_err(store::Error::from)?;
    match order.terms().digest() == order.digest {
        true => Ok(()),
        false => Err(altered("work_order", &id)),
    }
}

async fn evidence(tx: &mut Tx, orders: &Orders) -> Check {
    let (rows, digests): (Vec<_>, Vec<_>) = tx.audit_evidence().await?.into_iter().unzip();
    parts::<OrderEvidence>(orders, "work_order_evidence", &rows)?;
    for (row, digest) in rows.iter().zip(digests) {
        let bytes = tx.evidence_bytes(row.n).await?.unwrap_or_default();
        if Sha256::digest(&bytes)[..] != digest[..] {
            let words = bilingual!(
                "文件内容与其摘要不符",
                "its bytes are not those of its digest"
            );
            return Err(wrong("work_order_evidence", row.n, words).into());
        }
    }
    Ok(())
}

fn parts<P: Part>(orders: &Orders, table: &'static str, rows: &[AuditPart]) -> Check {
    let mut seen = BTreeSet::new();
    for row in rows {
        let Some((_, known)) = orders.parts.get(&(P::TO.to_owned(), row.n)) else {
            return Err(extra(table, row.n));
        };
        if *known != hex::encode(row.digest) {
            return Err(altered(table, row.n));
        }
        seen.insert(row.n);
    }
    let gone = orders
        .parts
        .keys()
        .find(|(to, n)| to == P::TO && !seen.contains(n));
    gone.map_or(Ok(()), |(_, n)| Err(missing(table, n)))
}

/// Which carrier each of its staff belongs to.
pub(super) async fn staff(tx: &mut Tx, orders: &Orders) -> Check {
    let rows: BTreeMap<_, _> = tx.audit_staff().await?.into_iter().collect();
    for (name, carrier) in &rows {
        let Some(known) = orders.staff.get(name) else {
            return Err(extra("carrier_staff", name));
        };
        same("carrier_staff", name, "carrier", carrier, known)?;
    }
    let gone = orders.staff.keys().find(|n| !rows.contains_key(*n));
    gone.map_or(Ok(()), |name| Err(missing("carrier_staff", name)))
}
