//! One change of one order: its row, what hangs on it and the ledger's events, in one transaction.

use crate::{
    domain::{
        event::{Event, OrderPart},
        id::OrderId,
        ledger::salted,
        time::Micros,
        work_order::{OrderEvent, OrderState},
    },
    service::{Acting, Office, Result},
    store::work_order::{CommandRow, OrderRow, Part},
    work_orders::protocol,
};

/// An order that is being changed.
pub(super) struct Change {
    pub(super) acting: Acting,
    pub(super) row: OrderRow,
    from: OrderState,
    events: Vec<Event>,
    rows: Vec<OrderPart>,
}

/// The ledger's digest of a row that hangs on an order.
pub(super) fn part<P: Part>(row: &P) -> OrderPart {
    OrderPart {
        to: P::TO.to_owned(),
        n: row.n(),
        digest: hex::encode(salted(row.salt(), row.commitment().as_bytes())),
    }
}

/// The ledger's digest of an order's row.
pub(super) fn digest(row: &OrderRow) -> String {
    hex::encode(salted(&row.salt, row.commitment().as_bytes()))
}

impl Change {
    pub(super) async fn begin(office: &Office, name: &'static str, id: OrderId) -> Result<Self> {
        let mut acting = office.act(name).await?;
        let row = acting.tx.order(id).await?;
        Ok(Self {
            from: row.state()?,
            acting,
            row,
            events: Vec::new(),
            rows: Vec::new(),
        })
    }

    /// The entry's time.
    pub(super) fn now(&self) -> Micros {
        self.acting.time()
    }

    /// Has nothing happened?
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The order's life goes on by one step; what was noted before it comes with it.
    pub(super) fn happens(&mut self, by: &str, event: OrderEvent, reason: &str) -> Result<()> {
        let was = self.row.state()?;
        let is = was.on(event)?;
        let now = self.now();
        // A correction of a corrected order is a step, too: its time begins anew.
        if is != was || event == OrderEvent::Correct {
            self.row.step_us = now.0;
        }
        if is != was || event != OrderEvent::Overdue {
            // Whatever the carrier owed, something has come; what it still owes is looked at again.
            self.row.overdue.clear();
        }
        if event == OrderEvent::Acknowledge {
            self.row.acknowledged_us = now.0;
        }
        is.as_str().clone_into(&mut self.row.state);
        if !reason.is_empty() {
            reason.clone_into(&mut self.row.reason);
        }
        self.row.changed_us = now.0;
        // A carrier that has just been told something is asked soon; one that is through is not asked any more.
        self.row.poll_us = match self.row.channel == "http" && is.is_open() {
            true => now.0,
            false => 0,
        };
        self.note(by, event.as_str(), reason)
    }

    /// An event that leaves the state as it is.
    pub(super) fn note(&mut self, by: &str, act: &str, reason: &str) -> Result<()> {
        self.row.changed_us = self.now().0;
        let number = (act == OrderEvent::Issue.as_str()).then_some((self.row.year, self.row.seq));
        self.events.push(Event::Order {
            by: by.to_owned(),
            act: act.to_owned(),
            order: self.row.id()?,
            state: self.row.state.clone(),
            digest: digest(&self.row),
            reason: reason.to_owned(),
            number,
            rows: std::mem::take(&mut self.rows),
        });
        Ok(())
    }

    /// A number for a row that hangs on the order.
    pub(super) async fn draw(&mut self) -> Result<i64> {
        Ok(self.acting.tx.draw("order_part", 1).await?)
    }

    /// A row that hangs on the order: it stands in the next event.
    pub(super) fn adds<P: Part>(&mut self, row: &P) {
        self.rows.push(part(row));
    }

    /// Notes a command for the carrier, to be sent after this commit.
    pub(super) async fn command(
        &mut self,
        act: protocol::Act,
        key: String,
        body: String,
    ) -> Result<()> {
        let command = CommandRow {
            n: self.draw().await?,
            order_id: self.row.id.clone(),
            act: act.as_str().to_owned(),
            key,
            body,
            answer: String::new(),
            salt: crate::random::salt().to_vec(),
            made_us: self.now().0,
            answered_us: 0,
            retry_us: 0,
        };
        self.acting.tx.insert_command(&command).await?;
        let row = part(&command);
        match self.events.last_mut() {
            // It is a part of what just happened.
            Some(Event::Order { rows, .. }) => rows.push(row),
            _ => self.rows.push(row),
        }
        Ok(())
    }

    /// Makes it durable, with its entry.
    pub(super) async fn commit(mut self) -> Result<()> {
        self.acting.tx.update_order(&self.row, self.from).await?;
        self.acting.tx.bump().await?;
        self.acting.commit(&self.events).await?;
        Ok(())
    }
}
