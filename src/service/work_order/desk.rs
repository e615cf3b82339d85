//! The desk that deals with carriers' interfaces: gives them the office's commands, asks how orders go, and says what is
//! overdue. One per database; it lives beside the engine.
//!
//! An outgoing command is committed with its key before it is sent, and its answer afterwards. A process that dies in between
//! tells it again, word for word and with the same key: the carrier has one order, not two.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{
    Change,
    answer::{OutOfTurn, take},
};
use crate::{
    config::OrderCarrier,
    domain::{
        bilingual::bilingual,
        id::OrderId,
        time::Micros,
        work_order::{OrderEvent, OrderState, due::Owed},
    },
    service::{Office, Result, ServiceError, refusal::MachineRefusal},
    store::work_order::{CommandRow, OrderRow},
    telemetry::alert::{Alert, Alerts, Kind},
    work_orders::{
        Answer, Piece,
        client::{Client, ClientError, tidy},
        protocol::{Act, CarrierState, Standing},
    },
};

/// Between two looks at what was changed; what is due is met at its instant.
const LOOK: Duration = Duration::from_millis(150);

/// What was not answered is told again after its own age, within these bounds.
const RETRY_S: (i64, i64) = (30, 3_600);

/// So many differences are located in an alert.
const PLACES: usize = 5;

/// A carrier that names a time in the past for its next news is asked after this.
const SOON_S: i64 = 1;

/// Tells, asks, reminds.
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
    Send(Box<CommandRow>),
    Ask(Box<OrderRow>),
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
        let mut waiting: Vec<String> = Vec::new();
        let may_send = tx.installation().await?.is_some_and(|i| i.may_send());
        let is_held = tx.installation().await?.is_none_or(|i| !i.held.is_empty());
        for command in tx.unanswered_commands().await? {
            // Each order's commands are sent in their order.
            if waiting.contains(&command.order_id) {
                continue;
            }
            waiting.push(command.order_id.clone());
            // A halt stops what makes carriers send, and never what makes them stop; a copy says nothing at all.
            if may_send || (!is_held && command.act == Act::Withdraw.as_str()) {
                let at = Micros(command.made_us.max(command.retry_us));
                work.push((at, Due::Send(Box::new(command))));
            }
        }
        for row in orders {
            let state = row.state()?;
            // Of a withdrawn one, what had left is still asked for.
            if !state.is_open() && row.poll_us == 0 {
                continue;
            }
            let view = self.order_file(&mut tx, row).await?;
            if let Some((owed, at)) = view.owed
                && view.row.overdue != owed.as_str()
            {
                work.push((at, Due::Overdue(view.row.id()?, owed)));
            }
            if view.row.poll_us > 0 && !is_held && !waiting.contains(&view.row.id) {
                work.push((Micros(view.row.poll_us), Due::Ask(Box::new(view.row))));
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
            // Ended in the middle of a request, it is told again at the next start, with the same key.
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
                Due::Send(command) => self.tell(now, *command).await.map(|()| turn.sent += 1),
                Due::Ask(row) => self.ask(now, *row).await.map(|()| turn.asked += 1),
                Due::Overdue(id, owed) => self.overdue(id, owed).await.map(|()| turn.overdue += 1),
            };
            match done {
                // Somebody else was first: the next look tells.
                Err(ServiceError::Store(e)) if e.is_conflict() => {}
                done => done?,
            }
        }
        Ok(turn)
    }

    /// Sends a carrier a command, and keeps its answer.
    async fn tell(&self, now: Micros, command: CommandRow) -> Result<()> {
        let corrupt = |column| {
            crate::store::Error::from(crate::store::Corrupt::on(
                "work_order_wish",
                column,
                command.n,
            ))
        };
        let order: OrderId = command.order_id.parse().map_err(|_| corrupt("order_id"))?;
        let act = Act::of(&command.act).ok_or_else(|| corrupt("act"))?;
        let row = self
            .office
            .store
            .read("command")
            .await?
            .order(order)
            .await?;
        let Some(carrier) = self.carrier(&row)? else {
            return self
                .put_off(now, &command, "no [[work_order_carriers]] with a url")
                .await;
        };
        match self
            .client
            .tell(carrier, now, order, act, &command.key, &command.body)
            .await
        {
            Ok(()) => {
                self.answers(&row);
                self.answered(order, &command, "taken", None).await
            }
            Err(ClientError::Refused { status, reason }) => {
                let reason = tidy(&format!("HTTP {status} {reason}"));
                self.refused(&row, act, &reason);
                let event = (act == Act::Create).then_some(OrderEvent::Refuse);
                self.answered(order, &command, &format!("refused: {reason}"), event)
                    .await
            }
            Err(error) => {
                self.silent(&row, &error);
                self.put_off(now, &command, "").await
            }
        }
    }

    /// The answer to an outgoing command, with what follows from it.
    async fn answered(
        &self,
        order: OrderId,
        command: &CommandRow,
        answer: &str,
        event: Option<OrderEvent>,
    ) -> Result<()> {
        let mut change = Change::begin(&self.office, "command_answered", order).await?;
        let by = format!("carrier:{}", change.row.carrier);
        let command = CommandRow {
            answer: answer.to_owned(),
            answered_us: change.now().0,
            ..command.clone()
        };
        if !change.acting.tx.answer_command(&command).await? {
            return Ok(());
        }
        change.adds(&command);
        let state = change.row.state()?;
        match event.filter(|e| state.on(*e).is_ok()) {
            Some(event) => change.happens(&by, event, answer)?,
            None => {
                if state.is_open() || command.act == Act::Withdraw.as_str() {
                    change.row.poll_us = change.now().0;
                }
                change.note(&by, "told", "")?;
            }
        }
        change.commit().await
    }

    async fn put_off(&self, now: Micros, command: &CommandRow, why: &str) -> Result<()> {
        if !why.is_empty() {
            tracing::warn!(order = %command.order_id, "A carrier cannot be told: {why}");
        }
        let (least, most) = RETRY_S;
        let age = (now.0 - command.made_us) / 1_000_000;
        let mut tx = self.office.store.begin("command_retry").await?;
        tx.set_command_retry(command.n, now.plus_secs(age.clamp(least, most)).0)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Asks how an order goes, and takes in what is new.
    async fn ask(&self, now: Micros, row: OrderRow) -> Result<()> {
        let rhythm = self.office.config.work_orders.ask_every;
        let rhythm = i64::try_from(rhythm.as_micros()).unwrap_or(i64::MAX);
        let at_the_latest = Micros(now.0.saturating_add(rhythm));
        let Some(carrier) = self.carrier(&row)? else {
            return self.ask_again(&row, at_the_latest).await;
        };
        let order = row.id()?;
        let standing = match self.client.standing(carrier, now, order).await {
            Ok(standing) => standing,
            Err(error) => {
                self.silent(&row, &error);
                return self.ask_again(&row, at_the_latest).await;
            }
        };
        self.answers(&row);
        let next = standing.ask_again_at.map_or(at_the_latest, |t| {
            t.max(now.plus_secs(SOON_S)).min(at_the_latest)
        });
        let is_over = matches!(
            standing.state,
            CarrierState::Withdrawn | CarrierState::Refused | CarrierState::Done
        );
        // What a carrier says last of an order that was called off.
        let next = match row.state()? == OrderState::Withdrawn && is_over {
            true => Micros(0),
            false => next,
        };
        let mut answer = standing.answer();
        answer.evidence = self.fetch(carrier, now, order, &standing).await?;
        self.take_in(&row, &answer, next).await
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
        let known = tx.evidence(Some(&order.to_string())).await?;
        drop(tx);
        let mut pieces = Vec::new();
        for piece in &standing.evidence {
            if known.iter().any(|k| hex::encode(&k.sha256) == piece.sha256) {
                continue;
            }
            match self.client.evidence(carrier, now, order, piece.n).await {
                Ok(bytes) => pieces.push(Piece {
                    theirs: piece.n,
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

    async fn take_in(&self, row: &OrderRow, answer: &Answer, next: Micros) -> Result<()> {
        let by = format!("carrier:{}", row.carrier);
        let mut change = Change::begin(&self.office, "order_news", row.id()?).await?;
        let taken = match take(&mut change, &by, answer, OutOfTurn::Leave).await {
            Ok(taken) => taken,
            // One answer that cannot be taken must not be asked for again and again without a pause.
            Err(error) if !matches!(error, ServiceError::Store(_)) => {
                drop(change);
                tracing::warn!(order = %row.id, "A carrier's answer was not taken: {error}");
                return self.ask_again(row, next).await;
            }
            Err(error) => return Err(error),
        };
        if change.is_empty() {
            drop(change);
            return self.ask_again(row, next).await;
        }
        let state = change.row.state()?;
        change.row.poll_us = match state.is_open() || state == OrderState::Withdrawn {
            true => next.0,
            false => 0,
        };
        change.commit().await?;
        if taken.differing > 0 {
            self.wrong_proof(row).await?;
        }
        Ok(())
    }

    async fn ask_again(&self, row: &OrderRow, at: Micros) -> Result<()> {
        let mut tx = self.office.store.begin("ask_again").await?;
        tx.set_order_poll(&row.id, at.0).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What the carrier owes is late: noted once, told, and on the escalation list until it comes.
    async fn overdue(&self, id: OrderId, owed: Owed) -> Result<()> {
        let mut change = Change::begin(&self.office, "order_overdue", id).await?;
        if change.row.state()?.on(OrderEvent::Overdue).is_err() {
            return Ok(());
        }
        let poll = change.row.poll_us;
        owed.as_str().clone_into(&mut change.row.overdue);
        change.happens("watchbell", OrderEvent::Overdue, owed.as_str())?;
        change.row.poll_us = poll;
        let (number, name) = (change.row.number.clone(), change.row.name.clone());
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
    async fn wrong_proof(&self, row: &OrderRow) -> Result<()> {
        let mut tx = self.office.store.read("wrong_proof").await?;
        let view = self.office.order_file(&mut tx, row.clone()).await?;
        let wrong = view.proofs.iter().rev().find(|p| !p.differences.is_empty());
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
        let (number, n) = (&row.number, differences.len());
        let differ = match n {
            1 => "difference, at character",
            _ => "differences, at characters",
        };
        self.alerts.raise(Alert {
            kind: Kind::WorkOrderProof,
            subject: number.clone(),
            text: bilingual!(
                [places] "委托单 {number} 回读有 {n} 处不一致，已停止：第 {places} 字；请用 work-order show 查看",
                "work order {number}: what arrived is not the approved text, nothing may be sent: {n} {differ} {places}; see `work-order show`"
            ),
        });
        Ok(())
    }

    fn carrier(&self, row: &OrderRow) -> Result<Option<&OrderCarrier>> {
        let carrier = self.office.order_carrier(row)?;
        Ok(carrier.filter(|c| !c.url.is_empty()))
    }

    fn silent(&self, row: &OrderRow, error: &ClientError) {
        let carrier = &row.carrier;
        self.alerts.raise(Alert {
            kind: Kind::GatewayDown,
            subject: format!("work-orders:{carrier}"),
            text: bilingual!(
                "{carrier} 的委托接口没有给出可信的答复，将继续尝试：{error}",
                "the work-order interface of {carrier} gives no answer to trust; it is tried again: {error}"
            ),
        });
    }

    fn answers(&self, row: &OrderRow) {
        self.alerts
            .resolve(Kind::GatewayDown, &format!("work-orders:{}", row.carrier));
    }

    fn refused(&self, row: &OrderRow, act: Act, reason: &str) {
        let number = &row.number;
        self.alerts.raise(Alert {
            kind: Kind::WorkOrderProof,
            subject: number.clone(),
            text: bilingual!(
                "运营商接口拒绝了委托单 {number} 的 {} 请求：{reason}",
                "the carrier refused to {} work order {number}: {reason}",
                act.as_str()
            ),
        });
    }
}
