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

use super::{Office, Result, WorkOrders, check_reason, refusal::OrderRefusal};
use crate::{
    config::OrderCarrier,
    domain::{
        check_code::CheckCode,
        hours::instant,
        id::OrderId,
        role::{Act, Actor, Role},
        time::Micros,
        work_order::{
            self, OrderEvent, OrderState,
            counts::{self, Bounds, Contradiction},
            due::{Owed, Times, owed},
            on_the_phone,
            readback::{self, Difference},
        },
    },
    store::{
        Tx,
        work_order::{CommandRow, CountRow, EvidenceRow, OrderRow, ProofRow},
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
    pub proof: ProofRow,
    /// Where it is not as approved.
    pub differences: Vec<Difference>,
}

/// An order with all that hangs on it.
#[derive(Debug, Clone)]
pub(super) struct OrderFile {
    /// As stored.
    pub row: OrderRow,
    /// Its state, typed.
    pub state: OrderState,
    /// What arrived on seed phones.
    pub proofs: Vec<Compared>,
    /// The carrier's figures, by their "as of".
    pub counts: Vec<CountRow>,
    /// What cannot be about them.
    pub contradictions: Vec<Contradiction>,
    /// Its evidence, without the bytes.
    pub evidence: Vec<EvidenceRow>,
    /// The commands to its carrier, sent or still to be sent.
    pub commands: Vec<CommandRow>,
    /// What the carrier owes, and until when.
    pub owed: Option<(Owed, Micros)>,
}

impl OrderFile {
    /// The newest figures by their "as of"; nothing is made up from several.
    fn figures(&self) -> Option<&CountRow> {
        self.counts.last()
    }

    /// What people compare.
    fn check_code(&self) -> CheckCode {
        CheckCode::of(&self.row.digest)
    }
}

/// Is it of use to this person at all? A carrier's staff see their own carrier's, and nothing before it is issued.
async fn check_own(tx: &mut Tx, actor: &Actor, row: &OrderRow) -> Result<()> {
    let Actor::User {
        name,
        role: Role::Carrier,
    } = actor
    else {
        return Ok(());
    };
    let theirs = tx.staff(name).await?;
    if theirs.as_deref() == Some(&*row.carrier) && row.issued_us > 0 {
        return Ok(());
    }
    // Whether there is such an order is nobody else's business.
    Err(crate::store::Error::Missing {
        what: "work order",
        id: row.id.clone(),
    }
    .into())
}

impl WorkOrders<'_> {
    /// All orders that this person may see, in the order in which they were written.
    pub async fn list(self, actor: &Actor) -> Result<Vec<OrderView>> {
        actor.may(Act::ReadOrders)?;
        let mut tx = self.office.store.read("orders").await?;
        let mut views = Vec::new();
        for row in tx.orders().await? {
            if check_own(&mut tx, actor, &row).await.is_ok() {
                let file = self.office.order_file(&mut tx, row).await?;
                views.push(file.view(self.zone())?);
            }
        }
        Ok(views)
    }

    /// One order.
    pub async fn get(self, actor: &Actor, id: OrderId) -> Result<OrderView> {
        self.file(actor, id).await?.view(self.zone())
    }

    async fn file(self, actor: &Actor, id: OrderId) -> Result<OrderFile> {
        actor.may(Act::ReadOrders)?;
        let mut tx = self.office.store.read("order").await?;
        let row = tx.order(id).await?;
        check_own(&mut tx, actor, &row).await?;
        self.office.order_file(&mut tx, row).await
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
            Some(row) => {
                check_own(&mut tx, actor, &row).await?;
                Ok(row.id()?)
            }
            None => Err(crate::store::Error::Missing {
                what: "work order",
                id: which.to_owned(),
            }
            .into()),
        }
    }

    /// Approves the draft that was `seen`. Nobody who wrote or changed it may.
    pub async fn approve(self, actor: &Actor, id: OrderId, seen: &CheckCode) -> Result<OrderView> {
        actor.may(Act::Approve)?;
        let mut change = Change::begin(self.office, "approve_order", id).await?;
        let writers = change.row.writers()?;
        actor.may_approve(writers.iter().map(String::as_str))?;
        if !seen.matches(&change.row.digest) {
            return Err(super::campaigns::not_as_seen());
        }
        // What is approved is what stands there, not what a digest of yesterday says.
        if change.row.terms()?.digest()[..] != change.row.digest[..] {
            let corrupt = crate::store::Corrupt::on("work_order", "digest", id);
            return Err(crate::store::Error::from(corrupt).into());
        }
        change.row.approved_by = actor.label();
        change.happens(&actor.label(), OrderEvent::Approve, "")?;
        change.commit().await?;
        self.get(actor, id).await
    }

    /// Gives it its number and hands it to the carrier: over its interface where there is one, else on paper.
    pub async fn issue(self, actor: &Actor, id: OrderId) -> Result<OrderView> {
        actor.may(Act::TendOrders)?;
        let mut change = Change::begin(self.office, "issue_order", id).await?;
        let now = change.now();
        let (_, ends) = self.office.order_window(&change.row)?;
        if ends <= now && change.row.state()? == OrderState::Approved {
            return Err(OrderRefusal::LastDayPassed.into());
        }
        let carrier = self.office.order_carrier(&change.row)?.cloned();
        let year = i64::from(now.local(self.office.config.sending.timezone).year());
        let row = &mut change.row;
        row.state()?.on(OrderEvent::Issue)?;
        row.seq = change.acting.tx.last_order_number(year).await? + 1;
        row.year = year;
        row.number =
            work_order::number(&self.office.config.work_orders.number_prefix, year, row.seq);
        row.issued_us = now.0;
        let seeds = carrier.as_ref().map_or(&[][..], |c| &c.seed_phones);
        row.seeds =
            serde_json::json!(seeds.iter().map(|p| p.expose()).collect::<Vec<_>>()).to_string();
        let by_http = carrier.is_some_and(|c| !c.url.is_empty());
        row.channel = if by_http { "http" } else { "paper" }.to_owned();
        row.revision = 1;
        change.happens(&actor.label(), OrderEvent::Issue, "")?;
        self.office
            .command(&mut change, protocol::Act::Create, "")
            .await?;
        change.commit().await?;
        self.get(actor, id).await
    }

    /// Sends the text again: a new round of proofs begins.
    pub async fn correct(self, actor: &Actor, id: OrderId, reason: &str) -> Result<OrderView> {
        actor.may(Act::TendOrders)?;
        let reason = check_reason(reason)?;
        let mut change = Change::begin(self.office, "correct_order", id).await?;
        change.row.revision += 1;
        change.happens(&actor.label(), OrderEvent::Correct, reason)?;
        self.office
            .command(&mut change, protocol::Act::Correct, reason)
            .await?;
        change.commit().await?;
        self.get(actor, id).await
    }

    /// Tells the carrier that it may send: only what was read back to the character.
    pub async fn release(self, actor: &Actor, id: OrderId) -> Result<OrderView> {
        actor.may(Act::TendOrders)?;
        let mut tx = self.office.store.read("may_send").await?;
        if !tx.installation().await?.is_some_and(|i| i.may_send()) {
            return Err(OrderRefusal::Stopped.into());
        }
        drop(tx);
        let mut change = Change::begin(self.office, "release_order", id).await?;
        change.row.released_us = change.now().0;
        change.happens(&actor.label(), OrderEvent::Release, "")?;
        self.office
            .command(&mut change, protocol::Act::Release, "")
            .await?;
        change.commit().await?;
        self.get(actor, id).await
    }

    /// Calls it off.
    pub async fn withdraw(self, actor: &Actor, id: OrderId, reason: &str) -> Result<OrderView> {
        actor.may(Act::Cancel)?;
        let reason = check_reason(reason)?;
        let mut change = Change::begin(self.office, "withdraw_order", id).await?;
        let was_out = change.row.state()?.is_out();
        change.happens(&actor.label(), OrderEvent::Withdraw, reason)?;
        if was_out {
            self.office
                .command(&mut change, protocol::Act::Withdraw, reason)
                .await?;
        }
        change.commit().await?;
        self.get(actor, id).await
    }

    /// Takes figures and evidence, where the order asks for any.
    pub async fn accept(self, actor: &Actor, id: OrderId) -> Result<OrderView> {
        actor.may(Act::TendOrders)?;
        let mut change = Change::begin(self.office, "accept_order", id).await?;
        let has_evidence = !change
            .acting
            .tx
            .evidence(Some(&change.row.id))
            .await?
            .is_empty();
        let proven = has_evidence || change.row.evidence.is_empty();
        change.happens(&actor.label(), OrderEvent::Accept { proven }, "")?;
        change.commit().await?;
        self.get(actor, id).await
    }

    /// Files it.
    pub async fn close(self, actor: &Actor, id: OrderId) -> Result<OrderView> {
        actor.may(Act::TendOrders)?;
        let mut change = Change::begin(self.office, "close_order", id).await?;
        change.happens(&actor.label(), OrderEvent::Close, "")?;
        change.commit().await?;
        self.get(actor, id).await
    }
}

impl Office {
    async fn order_file(&self, tx: &mut Tx, row: OrderRow) -> Result<OrderFile> {
        let id = row.id.clone();
        let approved = on_the_phone(&row.signature, &row.text);
        let proofs = tx.proofs(Some(&id)).await?;
        let proofs = proofs
            .into_iter()
            .map(|proof| Compared {
                differences: readback::compare(&approved, &proof.text, &row.appended),
                proof,
            })
            .collect();
        let mut counts = tx.order_counts(Some(&id)).await?;
        counts.sort_by_key(|c| (c.as_of_us, c.n));
        let reports: Vec<_> = counts.iter().map(CountRow::report).collect();
        let evidence = tx.evidence(Some(&id)).await?;
        let times = self.order_times(
            &row,
            counts.iter().map(|c| c.at_us).max(),
            !evidence.is_empty(),
        )?;
        let state = row.state()?;
        Ok(OrderFile {
            contradictions: counts::check(&reports, &self.order_bounds(&row)?),
            commands: tx.commands(Some(&id)).await?,
            owed: owed(state, &times, &self.config.work_orders.patience),
            row,
            state,
            proofs,
            counts,
            evidence,
        })
    }

    fn order_bounds(&self, row: &OrderRow) -> Result<Bounds> {
        let (opens, _) = self.order_window(row)?;
        Ok(Bounds {
            zone: self.config.sending.timezone,
            from: row.days()?.0,
            opens,
            released: Micros(row.released_us),
            daily_cap: row.daily_cap,
        })
    }

    fn order_times(
        &self,
        row: &OrderRow,
        counted: Option<i64>,
        has_evidence: bool,
    ) -> Result<Times> {
        let (opens, ends) = self.order_window(row)?;
        Ok(Times {
            step: Micros(row.step_us),
            counted: Micros(counted.unwrap_or(0)),
            opens,
            ends,
            proven: has_evidence || row.evidence.is_empty(),
        })
    }

    /// The first day's first hour and the last day's last, on the office's clock.
    fn order_window(&self, row: &OrderRow) -> Result<(Micros, Micros)> {
        let zone = self.config.sending.timezone;
        let ((from, to), (opens, closes)) = (row.days()?, row.hours()?);
        Ok((
            instant(from.and_time(opens.time()), zone),
            instant(to.and_time(closes.time()), zone),
        ))
    }

    fn order_carrier(&self, row: &OrderRow) -> Result<Option<&OrderCarrier>> {
        Ok(self.config.work_orders.carrier(row.carrier()?))
    }

    /// Notes a command for the carrier, where it has an interface; committed with the change itself.
    async fn command(&self, change: &mut Change, act: protocol::Act, reason: &str) -> Result<()> {
        if change.row.channel != "http" {
            return Ok(());
        }
        let row = &change.row;
        let order = row.id()?;
        let request = matches!(act, protocol::Act::Create | protocol::Act::Correct);
        let telling = protocol::Telling {
            order,
            revision: row.revision,
            act,
            reason: reason.to_owned(),
            request: match request {
                true => Some(self.order_request(row)?),
                false => None,
            },
        };
        let body = serde_json::to_string(&telling).map_err(std::io::Error::other)?;
        let key = protocol::key(order, row.revision, act);
        change.command(act, key, body).await
    }

    fn order_request(&self, row: &OrderRow) -> Result<protocol::Request> {
        Ok(protocol::Request {
            number: row.number.clone(),
            name: row.name.clone(),
            carrier: row.carrier.clone(),
            text: row.text.clone(),
            text_sha256: protocol::text_digest(&row.text),
            check_code: CheckCode::of(&row.digest).grouped(),
            signature: row.signature.clone(),
            appended: row.appended.clone(),
            audience: row.audience.clone(),
            from: row.from_day.clone(),
            to: row.to_day.clone(),
            hours: row.hours.clone(),
            zone: self.config.sending.timezone.to_string(),
            daily_cap: row.daily_cap,
            counts: row.kinds_of_counts()?,
            evidence: row.evidence.clone(),
            contact: row.contact.clone(),
            seed_phones: row.seeds()?,
        })
    }
}
