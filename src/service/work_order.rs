//! Work orders: drafted by a plan, approved by a second person, handed to a carrier over its interface or on paper,
//! followed to their evidence. A command for a carrier is committed before it is sent (see [`desk`]).

mod answer;
mod change;
pub mod desk;
mod draft;
mod papers;
mod summary;
mod view;

use chrono::Datelike as _;
use chrono_tz::Tz;

use super::{Office, Result, ServiceError, WorkOrders, check_reason, refusal::OrderRefusal};
use crate::{
    config::OrderCarrier,
    domain::{
        carrier::Carrier,
        check_code::CheckCode,
        hours::instant,
        id::OrderId,
        role::{Act, Actor, Role},
        time::Micros,
        work_order::{
            self, OrderEvent, OrderState,
            command::{Channel, CommandAct},
            counts::{self, Bounds, Contradiction},
            due::{Owed, Times, owed},
            on_the_phone,
            readback::{self, Difference},
        },
    },
    store::{
        Tx,
        work_order::{Issued, Order, OrderCommand, OrderCounts, OrderEvidence, OrderProof},
    },
    work_orders::protocol,
};
use change::Change;

pub use crate::work_orders::{Answer, Figures, Piece, Proof};
pub use answer::Taken;
pub use papers::Exported;
pub use view::{
    CommandView, CountsView, EvidenceView, FiguresView, OrderLine, OrderView, OwedView, ProofView,
};

pub(super) use draft::take as draft;

/// A proof beside the approved text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// As it came in.
    pub proof: OrderProof,
    /// Where it is not as approved.
    pub differences: Vec<Difference>,
}

/// An order with all that hangs on it.
#[derive(Debug, Clone)]
pub(super) struct OrderFile {
    /// The order itself.
    pub order: Order,
    /// What arrived on seed phones.
    pub proofs: Vec<Compared>,
    /// The carrier's figures, by their "as of".
    pub counts: Vec<OrderCounts>,
    /// What cannot be about them.
    pub contradictions: Vec<Contradiction>,
    /// Its evidence, without the bytes.
    pub evidence: Vec<OrderEvidence>,
    /// The commands to its carrier, sent or still to be sent.
    pub commands: Vec<OrderCommand>,
    /// What the carrier owes, and until when.
    pub owed: Option<(Owed, Micros)>,
}

impl OrderFile {
    /// The newest figures by their "as of"; nothing is made up from several.
    fn figures(&self) -> Option<&OrderCounts> {
        self.counts.last()
    }

    /// What people compare.
    fn check_code(&self) -> CheckCode {
        CheckCode::of(&self.order.digest)
    }
}

/// Is it of use to this person at all? A carrier's staff see their own carrier's, and nothing before it is issued.
async fn may_see(tx: &mut Tx, actor: &Actor, order: &Order) -> Result<bool> {
    let Actor::User {
        name,
        role: Role::Carrier,
    } = actor
    else {
        return Ok(true);
    };
    Ok(tx.staff(name).await? == Some(order.carrier) && order.issued.is_some())
}

/// Whether there is an order that they may not see is nobody's business: to them it is missing.
async fn check_may_see(tx: &mut Tx, actor: &Actor, order: &Order) -> Result<()> {
    match may_see(tx, actor, order).await? {
        true => Ok(()),
        false => Err(missing(order.id.to_string())),
    }
}

fn missing(which: String) -> ServiceError {
    let missing = crate::store::Error::Missing {
        what: "work order",
        id: which,
    };
    missing.into()
}

impl WorkOrders<'_> {
    /// All orders that this person may see, in the order in which they were written.
    pub async fn list(self, actor: &Actor) -> Result<Vec<OrderView>> {
        actor.may(Act::ReadOrders)?;
        let mut tx = self.office.store.read("orders").await?;
        let mut views = Vec::new();
        for order in tx.orders().await? {
            if may_see(&mut tx, actor, &order).await? {
                let file = self.office.order_file(&mut tx, order).await?;
                views.push(file.view(self.zone()));
            }
        }
        Ok(views)
    }

    /// One order.
    pub async fn get(self, actor: &Actor, id: OrderId) -> Result<OrderView> {
        Ok(self.file(actor, id).await?.view(self.zone()))
    }

    async fn file(self, actor: &Actor, id: OrderId) -> Result<OrderFile> {
        actor.may(Act::ReadOrders)?;
        let mut tx = self.office.store.read("order").await?;
        let order = tx.order(id).await?;
        check_may_see(&mut tx, actor, &order).await?;
        self.office.order_file(&mut tx, order).await
    }

    fn zone(self) -> Tz {
        self.office.config.sending.timezone
    }

    /// The order of this id, or of this number as it stands on the letter.
    pub async fn find(self, actor: &Actor, which: &str) -> Result<OrderId> {
        actor.may(Act::ReadOrders)?;
        if let Ok(id) = which.parse() {
            return Ok(id);
        }
        let mut tx = self.office.store.read("find_order").await?;
        match tx.order_by_number(which.trim()).await? {
            Some(order) => {
                check_may_see(&mut tx, actor, &order).await?;
                Ok(order.id)
            }
            None => Err(missing(which.to_owned())),
        }
    }

    /// Approves the draft that was `seen`. Nobody who wrote or changed it may.
    pub async fn approve(self, actor: &Actor, id: OrderId, seen: &CheckCode) -> Result<OrderView> {
        actor.may(Act::Approve)?;
        let mut change = Change::begin(self.office, "approve_order", id).await?;
        let writers = &change.order.writers;
        actor.may_approve(writers.iter().map(String::as_str))?;
        if !seen.matches(&change.order.digest) {
            return Err(super::campaigns::not_as_seen());
        }
        // What is approved is what stands there, not what a digest of yesterday says.
        if change.order.terms().digest() != change.order.digest {
            let corrupt = crate::store::Corrupt::on("work_order", "digest", id);
            return Err(crate::store::Error::from(corrupt).into());
        }
        change.order.approved_by = Some(actor.label());
        change.apply(&actor.label(), OrderEvent::Approve, "")?;
        change.commit().await?;
        self.get(actor, id).await
    }

    /// Gives it its number and hands it to the carrier: over its interface where there is one, else on paper.
    pub async fn issue(self, actor: &Actor, id: OrderId) -> Result<OrderView> {
        actor.may(Act::TendOrders)?;
        let mut change = Change::begin(self.office, "issue_order", id).await?;
        let now = change.now();
        let (_, ends) = self.office.order_window(&change.order);
        if ends <= now && change.order.state == OrderState::Approved {
            return Err(OrderRefusal::LastDayPassed.into());
        }
        change.order.state.on(OrderEvent::Issue)?;
        let carrier = self.office.order_carrier(change.order.carrier);
        let by_http = carrier.is_some_and(|c| !c.url.is_empty());
        let year = i64::from(now.local(self.zone()).year());
        let seq = change.acting.tx.last_order_number(year).await? + 1;
        let prefix = &self.office.config.work_orders.number_prefix;
        change.order.issued = Some(Issued {
            number: work_order::number(prefix, year, seq),
            year,
            seq,
            channel: match by_http {
                true => Channel::Http,
                false => Channel::Paper,
            },
            at: now,
        });
        change.order.seeds = carrier.map_or_else(Vec::new, |c| c.seed_phones.clone());
        change.order.revision = 1;
        change.apply(&actor.label(), OrderEvent::Issue, "")?;
        self.office
            .submit_command(&mut change, CommandAct::Create, "")
            .await?;
        change.commit().await?;
        self.get(actor, id).await
    }

    /// Sends the text again: a new round of proofs begins.
    pub async fn correct(self, actor: &Actor, id: OrderId, reason: &str) -> Result<OrderView> {
        actor.may(Act::TendOrders)?;
        let reason = check_reason(reason)?;
        let mut change = Change::begin(self.office, "correct_order", id).await?;
        change.order.revision += 1;
        change.apply(&actor.label(), OrderEvent::Correct, reason)?;
        self.office
            .submit_command(&mut change, CommandAct::Correct, reason)
            .await?;
        change.commit().await?;
        self.get(actor, id).await
    }

    /// Lets the carrier send: only what was read back to the character.
    pub async fn release(self, actor: &Actor, id: OrderId) -> Result<OrderView> {
        actor.may(Act::TendOrders)?;
        let mut tx = self.office.store.read("may_send").await?;
        if !tx.installation().await?.is_some_and(|i| i.may_send()) {
            return Err(OrderRefusal::Stopped.into());
        }
        drop(tx);
        let mut change = Change::begin(self.office, "release_order", id).await?;
        change.order.released = Some(change.now());
        change.apply(&actor.label(), OrderEvent::Release, "")?;
        self.office
            .submit_command(&mut change, CommandAct::Release, "")
            .await?;
        change.commit().await?;
        self.get(actor, id).await
    }

    /// Calls it off.
    pub async fn withdraw(self, actor: &Actor, id: OrderId, reason: &str) -> Result<OrderView> {
        actor.may(Act::Cancel)?;
        let reason = check_reason(reason)?;
        let mut change = Change::begin(self.office, "withdraw_order", id).await?;
        let was_out = change.order.state.is_out();
        change.apply(&actor.label(), OrderEvent::Withdraw, reason)?;
        if was_out {
            self.office
                .submit_command(&mut change, CommandAct::Withdraw, reason)
                .await?;
        }
        change.commit().await?;
        self.get(actor, id).await
    }

    /// Takes figures and evidence, where the order asks for any.
    pub async fn accept(self, actor: &Actor, id: OrderId) -> Result<OrderView> {
        actor.may(Act::TendOrders)?;
        let mut change = Change::begin(self.office, "accept_order", id).await?;
        let has_evidence = !change.acting.tx.evidence(change.order.id).await?.is_empty();
        let proven = has_evidence || change.order.evidence.is_empty();
        change.apply(&actor.label(), OrderEvent::Accept { proven }, "")?;
        change.commit().await?;
        self.get(actor, id).await
    }

    /// Files it.
    pub async fn close(self, actor: &Actor, id: OrderId) -> Result<OrderView> {
        actor.may(Act::TendOrders)?;
        let mut change = Change::begin(self.office, "close_order", id).await?;
        change.apply(&actor.label(), OrderEvent::Close, "")?;
        change.commit().await?;
        self.get(actor, id).await
    }
}

impl Office {
    async fn order_file(&self, tx: &mut Tx, order: Order) -> Result<OrderFile> {
        let approved = on_the_phone(&order.signature, &order.text);
        let proofs = tx.proofs(order.id).await?;
        let proofs = proofs
            .into_iter()
            .map(|proof| Compared {
                differences: readback::compare(&approved, &proof.text, &order.appended),
                proof,
            })
            .collect();
        let mut counts = tx.order_counts(order.id).await?;
        counts.sort_by_key(|c| (c.as_of, c.n));
        let reports: Vec<_> = counts.iter().map(OrderCounts::report).collect();
        let evidence = tx.evidence(order.id).await?;
        let times = self.order_times(&order, &counts, &evidence);
        Ok(OrderFile {
            contradictions: counts::check(&reports, &self.order_bounds(&order)),
            commands: tx.commands(order.id).await?,
            owed: owed(order.state, &times, &self.config.work_orders.patience),
            order,
            proofs,
            counts,
            evidence,
        })
    }

    fn order_bounds(&self, order: &Order) -> Bounds {
        let (opens, _) = self.order_window(order);
        Bounds {
            zone: self.config.sending.timezone,
            from: order.from,
            opens,
            released: order.released,
            daily_cap: order.daily_cap,
        }
    }

    fn order_times(
        &self,
        order: &Order,
        counts: &[OrderCounts],
        evidence: &[OrderEvidence],
    ) -> Times {
        let (opens, ends) = self.order_window(order);
        Times {
            step: order.step,
            counted: counts.iter().map(|c| c.at).max(),
            opens,
            ends,
            proven: !evidence.is_empty() || order.evidence.is_empty(),
        }
    }

    /// The first day's first hour and the last day's last, on the office's clock.
    fn order_window(&self, order: &Order) -> (Micros, Micros) {
        let zone = self.config.sending.timezone;
        (
            instant(order.from.and_time(order.hours.opens.time()), zone),
            instant(order.to.and_time(order.hours.closes.time()), zone),
        )
    }

    fn order_carrier(&self, carrier: Carrier) -> Option<&OrderCarrier> {
        self.config.work_orders.carrier(carrier)
    }

    /// Submits a command to the carrier, where it has an interface; committed with the change itself.
    async fn submit_command(
        &self,
        change: &mut Change,
        act: CommandAct,
        reason: &str,
    ) -> Result<()> {
        let order = &change.order;
        if order.channel() != Some(Channel::Http) {
            return Ok(());
        }
        let has_request = matches!(act, CommandAct::Create | CommandAct::Correct);
        let command = protocol::Command {
            order: order.id,
            revision: order.revision,
            act,
            reason: reason.to_owned(),
            request: has_request.then(|| self.order_request(order)),
        };
        let body = serde_json::to_string(&command).map_err(std::io::Error::other)?;
        let key = protocol::key(order.id, order.revision, act);
        change.submit_command(act, key, body).await
    }

    fn order_request(&self, order: &Order) -> protocol::Request {
        let counts = order.counts.iter().map(|c| c.as_str().to_owned());
        let seeds = order.seeds.iter().map(|p| p.expose());
        protocol::Request {
            number: order.number().to_owned(),
            name: order.name.clone(),
            carrier: order.carrier.to_string(),
            text: order.text.clone(),
            text_sha256: protocol::text_digest(&order.text),
            check_code: CheckCode::of(&order.digest).grouped(),
            signature: order.signature.clone(),
            appended: order.appended.clone(),
            audience: order.audience.clone(),
            from: order.from.to_string(),
            to: order.to.to_string(),
            hours: order.hours.to_string(),
            zone: self.config.sending.timezone.to_string(),
            daily_cap: order.daily_cap.unwrap_or(0),
            counts: counts.collect(),
            evidence: order.evidence.clone(),
            contact: order.contact.clone(),
            seed_phones: seeds.collect(),
        }
    }
}
