//! The demo's work orders: issued, read back, released, counted, accepted and closed by the clerk; one of them after a
//! proof in which somebody had typed 折 for 忻.

use std::{collections::HashMap, fmt::Write as _, time::Duration};

use super::{Step, people::People};
use crate::{
    app::OrderDesks,
    clock::Clock,
    config::OrderCarrier,
    domain::{
        carrier::Carrier,
        id::OrderId,
        time::{Micros, Zoned},
        work_order::{OrderState, command::Channel, readback::Difference},
    },
    service::{
        Office, ServiceError,
        work_order::{CountsView, OrderView},
    },
    simulate::orders::OrderSettings,
};

/// An order is issued so many days before its first one.
const DAYS_BEFORE: i64 = 4;

/// When the clerk looks at the orders: month, day, hour, minute.
pub(super) const LOOKS: [(u32, u32, u32, u32); 10] = [
    (6, 1, 9, 30),
    (6, 1, 16, 0),
    (6, 8, 9, 30),
    (6, 8, 16, 0),
    (6, 12, 9, 30),
    (6, 15, 9, 30),
    (6, 15, 16, 0),
    (6, 16, 9, 30),
    (6, 19, 9, 30),
    (6, 23, 9, 30),
];

/// The three, with their subscribers here and two of the office's phones on each network.
const CARRIERS: [(Carrier, i64, [&str; 2]); 3] = [
    (Carrier::Mobile, 128_600, ["13800138001", "13800138002"]),
    (Carrier::Unicom, 52_300, ["13000130001", "13000130002"]),
    (Carrier::Telecom, 41_700, ["13300133001", "13300133002"]),
];

/// What happened to an order.
#[derive(Debug, Clone)]
pub enum OrderStep {
    /// Approved, with this check code.
    Approved(String),
    /// Numbered and handed to the carrier.
    Issued,
    /// The carrier will do it.
    Acknowledged,
    /// What arrived on a seed phone.
    Proof {
        /// The seed phone it came from, 11 digits.
        phone: String,
        /// Where it is not the approved text.
        differences: Vec<Difference>,
    },
    /// The text was sent again.
    Corrected,
    /// The carrier may send.
    Released,
    /// Figures, as declared.
    Counts {
        /// As of then.
        as_of: Micros,
        /// How many were to get it.
        requested: i64,
        /// How many were sent to.
        sent: i64,
        /// How many got it.
        delivered: i64,
        /// The last ones.
        last: bool,
    },
    /// Evidence came in.
    Evidence(String),
    /// Figures and evidence were taken.
    Accepted,
    /// Evidence is in and the order is filed.
    Closed,
}

/// What was told of an order so far.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    acknowledged: bool,
    proofs: usize,
    counts: usize,
    evidence: usize,
}

/// Tells what is new about the orders, and does what the clerk does.
pub(super) struct Orders<'a> {
    pub(super) office: &'a Office,
    pub(super) people: &'a People,
    seen: HashMap<OrderId, Seen>,
}

/// The settings of the three interfaces; where they are is known when they run.
pub(super) fn settings(text: &mut String) {
    // They name the time of their next news themselves: between, there is nothing to ask.
    text.push_str("\n[work_orders]\nask_every = \"24h\"\n");
    for (carrier, _, [one, two]) in CARRIERS {
        _ = write!(
            text,
            "\n[[work_order_carriers]]\ncarrier = \"{carrier}\"\nurl = \"http://127.0.0.1:7891\"\nsecret = \"practice\"\n\
             seed_phones = [\"{one}\", \"{two}\"]\n"
        );
    }
}

/// How each of them behaves: China Telecom's first round of proofs is typed by hand.
pub(super) fn carrier(
    c: &OrderCarrier,
    clock: Clock,
    zone: chrono_tz::Tz,
    seed: u64,
) -> OrderSettings {
    let subscribers = CARRIERS
        .iter()
        .find(|k| k.0 == c.carrier)
        .map_or(1_000, |k| k.1);
    let by_hand = c.carrier == Carrier::Telecom;
    OrderSettings {
        subscribers,
        proofs_after: Duration::from_hours(3),
        typo_rounds: u32::from(by_hand),
        slips: vec![('忻', '折')],
        seed,
        ..OrderSettings::new(c.carrier, c.secret.expose(), clock, zone)
    }
}

impl<'a> Orders<'a> {
    pub(super) fn new(office: &'a Office, people: &'a People) -> Self {
        Self {
            office,
            people,
            seen: HashMap::new(),
        }
    }

    /// The approver lets all three out, by their check codes.
    pub(super) async fn approve(
        &mut self,
        tell: &mut impl FnMut(Step<'_>),
    ) -> Result<(), ServiceError> {
        for view in self
            .office
            .work_orders()
            .list(&self.people.approver)
            .await?
        {
            if view.line.state == OrderState::Draft {
                let (id, code) = (view.line.id, view.line.check_code);
                let view = self
                    .office
                    .work_orders()
                    .approve(&self.people.approver, id, &code)
                    .await?;
                tell(Step::Order(
                    &view,
                    self.office.clock.now(),
                    OrderStep::Approved(code.grouped()),
                ));
            }
        }
        Ok(())
    }

    /// The clerk does whatever is the clerk's turn.
    pub(super) async fn tend(
        &mut self,
        tell: &mut impl FnMut(Step<'_>),
    ) -> Result<(), ServiceError> {
        self.show_updates(tell).await?;
        let (office, clerk) = (self.office, &self.people.clerk);
        let now = office.clock.now();
        let today = now.local(office.config.sending.timezone).date_naive();
        for view in office.work_orders().list(clerk).await? {
            let (id, first) = (view.line.id, view.line.from);
            let differs = view
                .proofs
                .iter()
                .any(|p| p.revision == view.line.revision && !p.differences.is_empty());
            match view.line.state {
                OrderState::Approved if (first - today).num_days() <= DAYS_BEFORE => {
                    let view = office.work_orders().issue(clerk, id).await?;
                    tell(Step::Order(&view, now, OrderStep::Issued));
                }
                OrderState::Acknowledged | OrderState::Corrected if differs => {
                    let view = office
                        .work_orders()
                        .correct(clerk, id, "回读有错字，请按电子文本整段复制")
                        .await?;
                    tell(Step::Order(&view, now, OrderStep::Corrected));
                }
                OrderState::Proofed => {
                    let view = office.work_orders().release(clerk, id).await?;
                    tell(Step::Order(&view, now, OrderStep::Released));
                }
                OrderState::Reported if !view.evidence.is_empty() => {
                    let view = office.work_orders().accept(clerk, id).await?;
                    tell(Step::Order(&view, now, OrderStep::Accepted));
                    let view = office.work_orders().close(clerk, id).await?;
                    tell(Step::Order(&view, now, OrderStep::Closed));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What carriers have said since the last look, in the order in which it came.
    pub(super) async fn show_updates(
        &mut self,
        tell: &mut impl FnMut(Step<'_>),
    ) -> Result<(), ServiceError> {
        let views = self.office.work_orders().list(&self.people.clerk).await?;
        let mut news = Vec::new();
        for view in &views {
            let seen = self.seen.entry(view.line.id).or_default();
            let mut say = |at: Zoned, step| news.push((at.at, view, step));
            if let (Some(at), false) = (view.acknowledged, seen.acknowledged) {
                say(at, OrderStep::Acknowledged);
            }
            for p in view.proofs.iter().skip(seen.proofs) {
                let phone = p.phone.clone();
                let differences = p.differences.clone();
                say(p.at, OrderStep::Proof { phone, differences });
            }
            for c in view.counts.iter().skip(seen.counts) {
                say(c.at, counts(c));
            }
            for e in view.evidence.iter().skip(seen.evidence) {
                say(e.at, OrderStep::Evidence(e.name.clone()));
            }
            *seen = Seen {
                acknowledged: view.acknowledged.is_some(),
                proofs: view.proofs.len(),
                counts: view.counts.len(),
                evidence: view.evidence.len(),
            };
        }
        news.sort_by_key(|n| n.0);
        for (at, view, step) in news {
            tell(Step::Order(view, at, step));
        }
        Ok(())
    }
}

fn counts(c: &CountsView) -> OrderStep {
    let figures = c.figures;
    OrderStep::Counts {
        as_of: figures.as_of.map_or(c.at.at, |z| z.at),
        requested: figures.requested.unwrap_or(0),
        sent: figures.sent.unwrap_or(0),
        delivered: figures.delivered.unwrap_or(0),
        last: c.is_final,
    }
}

/// The first thing on which office and carriers differ: as many orders here as were made there, and each of them
/// closed without a contradiction.
pub(super) fn disagreement(views: &[OrderView], desks: &OrderDesks) -> Option<String> {
    for (carrier, desk) in desks.iter() {
        let ours = views
            .iter()
            .filter(|v| v.line.carrier == *carrier && v.line.channel == Some(Channel::Http))
            .count() as u64;
        let theirs = desk.counts().orders;
        if ours != theirs {
            return Some(format!(
                "{carrier}: {ours} work orders were issued, the carrier has {theirs}"
            ));
        }
    }
    let odd = views
        .iter()
        .find(|v| v.line.state != OrderState::Closed || !v.contradictions.is_empty())?;
    let (item, state) = (&odd.line.item, odd.line.state);
    Some(format!(
        "work order {item} is {state}, with {} contradictions",
        odd.contradictions.len()
    ))
}
