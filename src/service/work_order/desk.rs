//! The desk that deals with carriers' interfaces: gives them the office's commands, asks how orders go, and says what is
//! overdue. One per database; it lives beside the engine.
//!
//! An outgoing command is committed with its key before it is sent, and its answer afterwards. A process that dies in between
//! submits it again, word for word and with the same key: the carrier has one order, not two.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{
    Change, OrderFile,
    answer::{OutOfTurn, take},
};
use crate::{
    config::OrderCarrier,
    domain::{
        bilingual::bilingual,
        id::OrderId,
        time::Micros,
        work_order::{
            OrderEvent, OrderState,
            command::{CommandAct, CommandAnswer},
            due::Owed,
        },
    },
    service::{Office, Result, ServiceError, refusal::MachineRefusal},
    store::work_order::{CommandAnswered, Order, OrderCommand},
    telemetry::alert::{Alert, Alerts, Kind},
    work_orders::{
        Answer, Piece,
        client::{Client, ClientError, tidy},
        protocol::{CarrierState, Standing, numbered},
    },
};

/// Between two looks at what was changed; what is due is met at its instant.
const LOOK: Duration = Duration::from_millis(150);

/// A command without an answer is submitted again after its own age, within these bounds.
const RETRY_S: (i64, i64) = (30, 3_600);

/// So many differences are located in an alert.
const PLACES: usize = 5;

/// A carrier that names a time in the past for its next answer is asked after this.
const SOON_S: i64 = 1;

/// Submits commands, asks how orders go, and finds what is overdue.
#[derive(Debug)]
pub struct Desk {
    office: Office,
    alerts: Alerts,
    client: Client,
}

/// What one turn did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Turn {
    /// Commands that were answered.
    pub sent: usize,
    /// Orders that carriers were asked about.
    pub asked: usize,
    /// Orders that were found overdue.
    pub overdue: usize,
}

/// Which of the three is due, and when.
#[derive(Debug, Clone)]
enum Due {
    Send(Box<OrderCommand>),
    Ask(Box<Order>),
    Overdue(OrderId, Owed),
}

impl Office {
    /// When the desk has something to do next; not after now: it has already.
    pub(in crate::service) async fn orders_due(&self) -> Result<Option<Micros>> {
        Ok(self.desk_work().await?.into_iter().map(|(at, _)| at).min())
    }

    /// Everything that the desk will have to do by what is known, with its time.
    async fn desk_work(&self) -> Result<Vec<(Micros, Due)>> {
        let mut tx = self.store.read("desk").await?;
        let orders = tx.orders().await?;
        let mut work = Vec::new();
        let mut waiting: Vec<OrderId> = Vec::new();
        let may_send = tx.installation().await?.is_some_and(|i| i.may_send());
        let is_held = tx.installation().await?.is_none_or(|i| !i.held.is_empty());
        for command in tx.unanswered_commands().await? {
            // Each order's commands are sent in their order.
            if waiting.contains(&command.order) {
                continue;
            }
            waiting.push(command.order);
            // A halt stops what makes carriers send, and never what makes them stop; a copy says nothing at all.
            if may_send || (!is_held && command.act == CommandAct::Withdraw) {
                let at = command.retry.map_or(command.made, |t| t.max(command.made));
                work.push((at, Due::Send(Box::new(command))));
            }
        }
        for order in orders {
            // Of a withdrawn one, what had left is still asked for.
            if !order.state.is_open() && order.poll.is_none() {
                continue;
            }
            let OrderFile { order, owed, .. } = self.order_file(&mut tx, order).await?;
            if let Some((owed, at)) = owed
                && order.overdue != Some(owed)
            {
                work.push((at, Due::Overdue(order.id, owed)));
            }
            if let Some(at) = order.poll
                && !is_held
                && !waiting.contains(&order.id)
            {
                work.push((at, Due::Ask(Box::new(order))));
            }
        }
        Ok(work)
    }
}

impl Desk {
    /// A desk of this office.
    pub fn new(office: Office, alerts: Alerts) -> Result<Self> {
        let client = Client::new()
            .map_err(|e| ServiceError::from(MachineRefusal::Http { why: e.to_string() }))?;
        Ok(Self {
            office,
            alerts,
            client,
        })
    }

    /// Looks again and again until `stop`. A database that is away for a moment is waited for.
    pub async fn run(self, stop: CancellationToken) {
        let mut seen: Option<(i64, Option<Micros>)> = None;
        while !stop.is_cancelled() {
            // Ended in the middle of a request, it is submitted again at the next start, with the same key.
            if let Some(Err(error)) = stop.run_until_cancelled(self.look(&mut seen)).await {
                seen = None;
                tracing::warn!("Work orders could not be looked after for now: {error}");
            }
            let next = seen.and_then(|(_, next)| next).unwrap_or(Micros(i64::MAX));
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
                // Due already (somebody else was first): only after a pause.
                () = self.office.clock.reached(next), if next > self.office.clock.now() => {}
            }
        }
    }

    /// One look; `seen` spares an idle house the reading: nothing was changed, and nothing has come due.
    async fn look(&self, seen: &mut Option<(i64, Option<Micros>)>) -> Result<()> {
        let now = self.office.clock.now();
        let mut tx = self.office.store.read("desk_idle").await?;
        let change = tx.installation().await?.map_or(0, |i| i.change);
        drop(tx);
        if let Some((was, next)) = *seen
            && was == change
            && next.is_none_or(|t| t > now)
        {
            return Ok(());
        }
        let turn = self.run_once(now).await?;
        // What was done may have made more to do.
        *seen = match turn == Turn::default() {
            true => Some((change, self.office.orders_due().await?)),
            false => None,
        };
        Ok(())
    }

    /// Does all that is due, once.
    pub async fn run_once(&self, now: Micros) -> Result<Turn> {
        let mut work = self.office.desk_work().await?;
        work.retain(|(at, _)| *at <= now);
        let mut turn = Turn::default();
        for (_, due) in work {
            let done = match due {
                Due::Send(command) => self.submit(now, *command).await.map(|()| turn.sent += 1),
                Due::Ask(order) => self.ask(now, *order).await.map(|()| turn.asked += 1),
                Due::Overdue(id, owed) => self.overdue(id, owed).await.map(|()| turn.overdue += 1),
            };
            match done {
                // Somebody else was first: the next look shows it.
                Err(ServiceError::Store(e)) if e.is_conflict() => {}
                done => done?,
            }
        }
        Ok(turn)
    }

    /// Submits a command to its carrier, and keeps the answer.
    async fn submit(&self, now: Micros, command: OrderCommand) -> Result<()> {
        let mut tx = self.office.store.read("command").await?;
        let order = tx.order(command.order).await?;
        drop(tx);
        let Some(carrier) = self.carrier(&order) else {
            tracing::warn!(order = %order.id, "A carrier cannot be reached: no [[work_order_carriers]] with a url");
            return self.put_off(now, &command).await;
        };
        let sent = self.client.submit_command(
            carrier,
            now,
            order.id,
            command.act,
            &command.key,
            &command.body,
        );
        match sent.await {
            Ok(()) => {
                self.answers(&order);
                self.answered(&command, CommandAnswer::Taken).await
            }
            Err(ClientError::Refused { status, reason }) => {
                let reason = tidy(&format!("HTTP {status} {reason}"));
                self.refused(&order, command.act, &reason);
                self.answered(&command, CommandAnswer::Refused(reason))
                    .await
            }
            Err(error) => {
                self.silent(&order, &error);
                self.put_off(now, &command).await
            }
        }
    }

    /// The answer to an outgoing command, with what follows from it.
    async fn answered(&self, command: &OrderCommand, answer: CommandAnswer) -> Result<()> {
        let mut change = Change::begin(&self.office, "command_answered", command.order).await?;
        let by = format!("carrier:{}", change.order.carrier);
        let words = answer.to_string();
        // Who refuses to take an order refuses the order.
        let is_refusal =
            command.act == CommandAct::Create && matches!(answer, CommandAnswer::Refused(_));
        let at = change.now();
        let command = OrderCommand {
            answered: Some(CommandAnswered { answer, at }),
            ..command.clone()
        };
        if !change.acting.tx.answer_command(&command).await? {
            return Ok(());
        }
        change.add(&command);
        let state = change.order.state;
        if is_refusal && state.on(OrderEvent::Refuse).is_ok() {
            change.apply(&by, OrderEvent::Refuse, &words)?;
        } else {
            if state.is_open() || command.act == CommandAct::Withdraw {
                change.order.poll = Some(at);
            }
            change.record(&by, "told", "");
        }
        change.commit().await
    }

    async fn put_off(&self, now: Micros, command: &OrderCommand) -> Result<()> {
        let (least, most) = RETRY_S;
        let age = (now.0 - command.made.0) / 1_000_000;
        let at = now.plus_secs(age.clamp(least, most));
        let mut tx = self.office.store.begin("command_retry").await?;
        tx.set_command_retry(command.n, at).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Asks how an order goes, and takes in what is new.
    async fn ask(&self, now: Micros, order: Order) -> Result<()> {
        let rhythm = self.office.config.work_orders.ask_every;
        let rhythm = i64::try_from(rhythm.as_micros()).unwrap_or(i64::MAX);
        let at_the_latest = Micros(now.0.saturating_add(rhythm));
        let Some(carrier) = self.carrier(&order) else {
            return self.ask_again(order.id, Some(at_the_latest)).await;
        };
        let standing = match self.client.standing(carrier, now, order.id).await {
            Ok(standing) => standing,
            Err(error) => {
                self.silent(&order, &error);
                return self.ask_again(order.id, Some(at_the_latest)).await;
            }
        };
        self.answers(&order);
        let next = standing.ask_again_at.map_or(at_the_latest, |t| {
            t.max(now.plus_secs(SOON_S)).min(at_the_latest)
        });
        let is_over = matches!(
            standing.state,
            CarrierState::Withdrawn | CarrierState::Refused | CarrierState::Done
        );
        // What a carrier says last of an order that was called off.
        let is_last = order.state == OrderState::Withdrawn && is_over;
        let next = (!is_last).then_some(next);
        let mut answer = standing.answer();
        answer.evidence = self.fetch(carrier, now, order.id, &standing).await?;
        self.take_in(&order, &answer, next).await
    }

    /// What is new of the evidence; a piece that cannot be had now is asked for next time.
    async fn fetch(
        &self,
        carrier: &OrderCarrier,
        now: Micros,
        order: OrderId,
        standing: &Standing,
    ) -> Result<Vec<Piece>> {
        let mut tx = self.office.store.read("evidence").await?;
        let known = tx.evidence(order).await?;
        drop(tx);
        let mut pieces = Vec::new();
        for piece in &standing.evidence {
            if known.iter().any(|k| hex::encode(k.sha256) == piece.sha256) {
                continue;
            }
            match self.client.evidence(carrier, now, order, piece.n).await {
                Ok(bytes) => pieces.push(Piece {
                    theirs: numbered(piece.n),
                    name: piece.name.clone(),
                    bytes,
                }),
                Err(error) => {
                    tracing::warn!(%order, "A piece of evidence could not be fetched: {error}");
                }
            }
        }
        Ok(pieces)
    }

    /// Applies an answer; asks again at `next`, if at all.
    async fn take_in(&self, order: &Order, answer: &Answer, next: Option<Micros>) -> Result<()> {
        let by = format!("carrier:{}", order.carrier);
        let mut change = Change::begin(&self.office, "order_news", order.id).await?;
        let taken = match take(&mut change, &by, answer, OutOfTurn::Leave).await {
            Ok(taken) => taken,
            // One answer that cannot be taken must not be asked for again and again without a pause.
            Err(error) if !matches!(error, ServiceError::Store(_)) => {
                drop(change);
                tracing::warn!(order = %order.id, "A carrier's answer was not taken: {error}");
                return self.ask_again(order.id, next).await;
            }
            Err(error) => return Err(error),
        };
        if change.is_empty() {
            drop(change);
            return self.ask_again(order.id, next).await;
        }
        let state = change.order.state;
        let is_asked = state.is_open() || state == OrderState::Withdrawn;
        change.order.poll = next.filter(|_| is_asked);
        change.commit().await?;
        if taken.differing > 0 {
            self.wrong_proof(order).await?;
        }
        Ok(())
    }

    /// The carrier is asked at this time; `None`: no more.
    async fn ask_again(&self, order: OrderId, at: Option<Micros>) -> Result<()> {
        let mut tx = self.office.store.begin("ask_again").await?;
        tx.set_order_poll(order, at).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What the carrier owes is late: recorded once, with an alert, and on the escalation list until it comes.
    async fn overdue(&self, id: OrderId, owed: Owed) -> Result<()> {
        let mut change = Change::begin(&self.office, "order_overdue", id).await?;
        if change.order.state.on(OrderEvent::Overdue).is_err() {
            return Ok(());
        }
        let poll = change.order.poll;
        change.order.overdue = Some(owed);
        change.apply("watchbell", OrderEvent::Overdue, owed.as_str())?;
        change.order.poll = poll;
        let (number, name) = (change.order.number().to_owned(), change.order.name.clone());
        change.commit().await?;
        self.alerts.raise(Alert {
            kind: Kind::WorkOrderOverdue,
            subject: number.clone(),
            text: bilingual!(
                [owed] "委托单 {number}（{name}）逾期：运营商未按时给出{owed}，请催办",
                "work order {number} ({name}) is overdue: {owed} has not come in time, remind the carrier"
            ),
        });
        Ok(())
    }

    /// Nothing may be sent: somebody has to look.
    async fn wrong_proof(&self, order: &Order) -> Result<()> {
        let mut tx = self.office.store.read("wrong_proof").await?;
        let file = self.office.order_file(&mut tx, order.clone()).await?;
        let wrong = file.proofs.iter().rev().find(|p| !p.differences.is_empty());
        let differences = wrong.map_or(&[][..], |p| &p.differences);
        // Places and kinds; the text itself is for `work-order show`, not for a log.
        let places: Vec<_> = differences
            .iter()
            .take(PLACES)
            .map(|d| {
                let (at, kind) = (d.at + 1, d.kind);
                bilingual!([kind] "{at} ({kind})", "{at} ({kind})")
            })
            .collect();
        let (number, n) = (order.number(), differences.len());
        let differ = match n {
            1 => "difference, at character",
            _ => "differences, at characters",
        };
        self.alerts.raise(Alert {
            kind: Kind::WorkOrderProof,
            subject: number.to_owned(),
            text: bilingual!(
                [places] "委托单 {number} 回读有 {n} 处不一致，已停止：第 {places} 字；请用 work-order show 查看",
                "work order {number}: what arrived is not the approved text, nothing may be sent: {n} {differ} {places}; see `work-order show`"
            ),
        });
        Ok(())
    }

    /// The order's carrier, if it has an interface.
    fn carrier(&self, order: &Order) -> Option<&OrderCarrier> {
        let carrier = self.office.order_carrier(order.carrier);
        carrier.filter(|c| !c.url.is_empty())
    }

    fn silent(&self, order: &Order, error: &ClientError) {
        let carrier = order.carrier.as_str();
        self.alerts.raise(Alert {
            kind: Kind::GatewayDown,
            subject: format!("work-orders:{carrier}"),
            text: bilingual!(
                "{carrier} 的委托接口没有给出可信的答复，将继续尝试：{error}",
                "the work-order interface of {carrier} gives no answer to trust; it is tried again: {error}"
            ),
        });
    }

    fn answers(&self, order: &Order) {
        self.alerts
            .resolve(Kind::GatewayDown, &format!("work-orders:{}", order.carrier));
    }

    fn refused(&self, order: &Order, act: CommandAct, reason: &str) {
        let number = order.number();
        self.alerts.raise(Alert {
            kind: Kind::WorkOrderProof,
            subject: number.to_owned(),
            text: bilingual!(
                "运营商接口拒绝了委托单 {number} 的 {} 请求：{reason}",
                "the carrier refused to {} work order {number}: {reason}",
                act.as_str()
            ),
        });
    }
}
