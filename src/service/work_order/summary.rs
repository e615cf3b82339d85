//! Work orders for the month's report: what carriers declare, with what contradicts itself.

use super::{Office, OrderFile};
use crate::{
    domain::{lang::Lang, time::Micros},
    report::Order,
    service::Result,
    store::Tx,
};

impl Office {
    /// The orders whose days touch the month, issued ones only.
    pub(in crate::service) async fn orders_of_report(
        &self,
        tx: &mut Tx,
        month: (Micros, Micros),
        lang: Lang,
    ) -> Result<Vec<Order>> {
        let mut orders = Vec::new();
        for order in tx.orders().await? {
            let Some(seq) = order.issued.as_ref().map(|i| i.seq) else {
                continue;
            };
            let (opens, ends) = self.order_window(&order);
            if opens < month.1 && ends >= month.0 {
                let file = self.order_file(tx, order).await?;
                orders.push((seq, self.line_of_report(&file, lang)));
            }
        }
        orders.sort_by_key(|o| o.0);
        Ok(orders.into_iter().map(|o| o.1).collect())
    }

    fn line_of_report(&self, file: &OrderFile, lang: Lang) -> Order {
        let zone = self.config.sending.timezone;
        let order = &file.order;
        let figures = file.figures();
        let cell = |n: Option<i64>| n.map_or_else(|| "—".to_owned(), |n| n.to_string());
        let state = order.state.label(lang);
        let standing = match order.overdue {
            Some(owed) => lang.pick(
                format!("{state}，逾期未交{}", owed.label(lang)),
                format!("{state}, overdue: {}", owed.label(lang)),
            ),
            None => state.to_owned(),
        };
        Order {
            number: order.number().to_owned(),
            carrier: order.carrier.label(lang),
            audience: order.audience.clone(),
            days: format!(
                "{}–{}",
                order.from.format("%m-%d"),
                order.to.format("%m-%d")
            ),
            standing,
            late: order.overdue.is_some(),
            requested: cell(figures.and_then(|c| c.requested)),
            sent: cell(figures.and_then(|c| c.sent)),
            delivered: cell(figures.and_then(|c| c.delivered)),
            as_of: figures.map_or_else(
                || "—".to_owned(),
                |c| c.as_of.local(zone).format("%m-%d %H:%M").to_string(),
            ),
            proofs: proofs(file, lang),
            evidence: file.evidence.len(),
            contradictions: file
                .contradictions
                .iter()
                .map(|c| c.text(zone, lang))
                .collect(),
        }
    }
}

/// How many rounds there were, and how many of them were stopped.
fn proofs(file: &OrderFile, lang: Lang) -> String {
    let mut rounds: Vec<_> = file.proofs.iter().map(|p| p.proof.revision).collect();
    rounds.dedup();
    let mut stopped: Vec<_> = file
        .proofs
        .iter()
        .filter(|p| !p.differences.is_empty())
        .map(|p| p.proof.revision)
        .collect();
    stopped.dedup();
    match (rounds.len(), stopped.len()) {
        (0, _) => "—".to_owned(),
        (all, 0) => lang.pick(format!("{all} 次，一致"), format!("{all}, equal")),
        (all, wrong) => lang.pick(
            format!("{all} 次，其中 {wrong} 次不一致被停止"),
            format!("{all}, {wrong} of them stopped"),
        ),
    }
}
