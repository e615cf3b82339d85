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
        for row in tx.orders().await? {
            let (opens, ends) = self.order_window(&row)?;
            if row.issued_us > 0 && opens < month.1 && ends >= month.0 {
                let view = self.order_file(tx, row).await?;
                orders.push((view.row.seq, self.line_of_report(&view, lang)?));
            }
        }
        orders.sort_by_key(|o| o.0);
        Ok(orders.into_iter().map(|o| o.1).collect())
    }

    fn line_of_report(&self, view: &OrderFile, lang: Lang) -> Result<Order> {
        let zone = self.config.sending.timezone;
        let row = &view.row;
        let figures = view.figures();
        let cell = |n: Option<i64>| n.map_or_else(|| "—".to_owned(), |n| n.to_string());
        let owed = row.overdue()?;
        let state = view.state.label(lang);
        let standing = match owed {
            Some(owed) => lang.pick(
                format!("{state}，逾期未交{}", owed.label(lang)),
                format!("{state}, overdue: {}", owed.label(lang)),
            ),
            None => state.to_owned(),
        };
        Ok(Order {
            number: row.number.clone(),
            carrier: row.carrier()?.label(lang),
            audience: row.audience.clone(),
            days: format!("{}–{}", short(&row.from_day), short(&row.to_day)),
            standing,
            late: owed.is_some(),
            requested: cell(figures.and_then(|c| c.requested)),
            sent: cell(figures.and_then(|c| c.sent)),
            delivered: cell(figures.and_then(|c| c.delivered)),
            as_of: figures.map_or_else(
                || "—".to_owned(),
                |c| {
                    Micros(c.as_of_us)
                        .local(zone)
                        .format("%m-%d %H:%M")
                        .to_string()
                },
            ),
            proofs: proofs(view, lang),
            evidence: view.evidence.len(),
            contradictions: view
                .contradictions
                .iter()
                .map(|c| c.text(zone, lang))
                .collect(),
        })
    }
}

fn short(day: &str) -> &str {
    day.get(5..).unwrap_or(day)
}

/// How many rounds there were, and how many of them were stopped.
fn proofs(view: &OrderFile, lang: Lang) -> String {
    let mut rounds: Vec<_> = view.proofs.iter().map(|p| p.proof.revision).collect();
    rounds.dedup();
    let mut stopped: Vec<_> = view
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
