//! One change of one order: itself, what hangs on it and the ledger's events, in one transaction.

use crate::{
    domain::{
        event::{Event, OrderPart},
        id::OrderId,
        time::Micros,
        work_order::{
            OrderEvent, OrderState,
            command::{Channel, CommandAct},
        },
    },
    service::{Office, Result},
    store::{
        entry::EntryTx,
        work_order::{Order, OrderCommand, Part},
    },
};

/// An order that is being changed.
pub(super) struct Change {
    pub(super) acting: EntryTx,
    pub(super) order: Order,
    from: OrderState,
    events: Vec<Event>,
    parts: Vec<OrderPart>,
}

/// What the ledger says of something that hangs on an order.
fn entry<P: Part>(part: &P) -> OrderPart {
    OrderPart {
        to: P::TO.to_owned(),
        n: part.n(),
        digest: hex::encode(part.digest()),
    }
}

impl Change {
    pub(super) async fn begin(office: &Office, name: &'static str, id: OrderId) -> Result<Self> {
        let mut acting = office.act(name).await?;
        let order = acting.tx.order(id).await?;
        Ok(Self {
            from: order.state,
            acting,
            order,
            events: Vec::new(),
            parts: Vec::new(),
        })
    }

    /// The entry's time.
    pub(super) fn now(&self) -> Micros {
        self.acting.time()
    }

    /// Has nothing been recorded?
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Applies one event to the order; what was added before it is recorded with it.
    pub(super) fn apply(&mut self, by: &str, event: OrderEvent, reason: &str) -> Result<()> {
        let was = self.order.state;
        let is = was.on(event)?;
        let now = self.now();
        // A correction of a corrected order is a step, too: its time begins anew.
        if is != was || event == OrderEvent::Correct {
            self.order.step = now;
        }
        if is != was || event != OrderEvent::Overdue {
            // Whatever the carrier owed, something has come; what it still owes is looked at again.
            self.order.overdue = None;
        }
        if event == OrderEvent::Acknowledge {
            self.order.acknowledged = Some(now);
        }
        self.order.state = is;
        if !reason.is_empty() {
            reason.clone_into(&mut self.order.reason);
        }
        // A carrier that has just got a command is asked soon; one that is through is not asked any more.
        let is_asked = self.order.channel() == Some(Channel::Http) && is.is_open();
        self.order.poll = is_asked.then_some(now);
        self.record(by, event.as_str(), reason);
        Ok(())
    }

    /// Records an act as it has left the order; `act` is its word in the ledger.
    pub(super) fn record(&mut self, by: &str, act: &str, reason: &str) {
        self.order.changed = self.now();
        let issued = self.order.issued.as_ref();
        let number = issued.filter(|_| act == OrderEvent::Issue.as_str());
        self.events.push(Event::Order {
            by: by.to_owned(),
            act: act.to_owned(),
            order: self.order.id,
            state: self.order.state.as_str().to_owned(),
            digest: hex::encode(self.order.ledger_digest()),
            reason: reason.to_owned(),
            number: number.map(|i| (i.year, i.seq)),
            rows: std::mem::take(&mut self.parts),
        });
    }

    /// A number for something that hangs on the order.
    pub(super) async fn draw(&mut self) -> Result<i64> {
        Ok(self.acting.tx.draw("order_part", 1).await?)
    }

    /// Adds what hangs on the order: it stands in the next event.
    pub(super) fn add<P: Part>(&mut self, part: &P) {
        self.parts.push(entry(part));
    }

    /// Submits a command to the carrier, which is sent after this commit.
    pub(super) async fn submit_command(
        &mut self,
        act: CommandAct,
        key: String,
        body: String,
    ) -> Result<()> {
        let command = OrderCommand {
            n: self.draw().await?,
            order: self.order.id,
            act,
            key,
            body,
            answered: None,
            salt: crate::random::salt().to_vec(),
            made: self.now(),
            retry: None,
        };
        self.acting.tx.insert_command(&command).await?;
        let part = entry(&command);
        match self.events.last_mut() {
            // It belongs to what was just recorded.
            Some(Event::Order { rows, .. }) => rows.push(part),
            _ => self.parts.push(part),
        }
        Ok(())
    }

    /// Makes it durable, with its entry.
    pub(super) async fn commit(mut self) -> Result<()> {
        self.acting.tx.update_order(&self.order, self.from).await?;
        self.acting.tx.bump().await?;
        self.acting.commit(&self.events).await?;
        Ok(())
    }
}
