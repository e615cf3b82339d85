//! Work orders, with what hangs on them, and carriers' staff, against the ledger. The replay runs each order's life
//! once more: a state that does not follow, and a number that leaves a gap, cannot stand in the ledger.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest as _, Sha256};

use super::difference::{Check, Stop, extra, missing, same, wrong};
use crate::{
    domain::{
        bilingual::{Bilingual, bilingual},
        event::OrderPart,
        ledger::salted,
        work_order::{OrderEvent, OrderState},
    },
    store::{Tx, work_order::Part},
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
    /// One event.
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
    let rows = tx.orders().await?;
    for row in &rows {
        let Some(known) = orders.known.get(&row.id) else {
            return Err(extra("work_order", &row.id));
        };
        same("work_order", &row.id, "state", &row.state, &known.state)?;
        same(
            "work_order",
            &row.id,
            "changed_us",
            row.changed_us,
            known.changed_us,
        )?;
        let (year, seq) = orders.given.get(&row.id).copied().unwrap_or_default();
        same("work_order", &row.id, "year", row.year, year)?;
        same("work_order", &row.id, "seq", row.seq, seq)?;
        let digest = hex::encode(salted(&row.salt, row.commitment().as_bytes()));
        if digest != known.digest {
            return Err(altered("work_order", &row.id));
        }
        // What the approval binds is no other text than the row's.
        if row.terms()?.digest()[..] != row.digest[..] {
            return Err(altered("work_order", &row.id));
        }
    }
    let gone = orders
        .known
        .keys()
        .find(|id| !rows.iter().any(|r| r.id == **id));
    if let Some(id) = gone {
        return Err(missing("work_order", id));
    }
    parts(orders, "work_order_proof", &tx.proofs(None).await?)?;
    parts(orders, "work_order_count", &tx.order_counts(None).await?)?;
    let evidence = tx.evidence(None).await?;
    parts(orders, "work_order_evidence", &evidence)?;
    for row in evidence {
        let bytes = tx.evidence_bytes(row.n).await?.unwrap_or_default();
        if Sha256::digest(&bytes)[..] != row.sha256[..] {
            let words = bilingual!(
                "文件内容与其摘要不符",
                "its bytes are not those of its digest"
            );
            return Err(wrong("work_order_evidence", row.n, words).into());
        }
    }
    parts(orders, "work_order_wish", &tx.commands(None).await?)
}

fn parts<P: Part>(orders: &Orders, table: &'static str, rows: &[P]) -> Check {
    let mut seen = Vec::with_capacity(rows.len());
    for row in rows {
        let Some((_, known)) = orders.parts.get(&(P::TO.to_owned(), row.n())) else {
            return Err(extra(table, row.n()));
        };
        if *known != hex::encode(salted(row.salt(), row.commitment().as_bytes())) {
            return Err(altered(table, row.n()));
        }
        seen.push(row.n());
    }
    let gone = orders
        .parts
        .keys()
        .find(|(to, n)| to == P::TO && !seen.contains(n));
    gone.map_or(Ok(()), |(_, n)| Err(missing(table, n)))
}

/// Which carrier each of its staff belongs to.
pub(super) async fn staff(tx: &mut Tx, orders: &Orders) -> Check {
    let rows: BTreeMap<_, _> = tx.all_staff().await?.into_iter().collect();
    for (name, carrier) in &rows {
        let Some(known) = orders.staff.get(name) else {
            return Err(extra("carrier_staff", name));
        };
        same("carrier_staff", name, "carrier", carrier, known)?;
    }
    let gone = orders.staff.keys().find(|n| !rows.contains_key(*n));
    gone.map_or(Ok(()), |name| Err(missing("carrier_staff", name)))
}
