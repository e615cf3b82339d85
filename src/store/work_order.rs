//! Work orders as they stand; what carriers answer to them in `parts`, what they are commanded in `command`.

mod audit;
mod command;
mod parts;

use chrono::NaiveDate;
use serde_json::json;

use super::{
    Corrupt, Error, Refusal, Result, Tx,
    columns::{self, Columns},
    on,
};
use crate::domain::{
    carrier::Carrier,
    hours::HourSpan,
    id::OrderId,
    ledger::{Hash, salted},
    phone::Phone,
    plan::WantedCount,
    time::Micros,
    work_order::{OrderState, Terms, command::Channel, due::Owed, words_of},
};

pub use audit::{AuditOrder, AuditPart};
pub use command::{CommandAnswered, OrderCommand};
pub use parts::{OrderCounts, OrderEvidence, OrderProof, Part};

/// A work order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Whose item it is; `None`: of no plan.
    pub plan: Option<String>,
    /// Its key in the plan file.
    pub item: String,
    /// What people call it.
    pub name: String,
    /// Who sends.
    pub carrier: Carrier,
    /// What it says.
    pub text: String,
    /// The sender's name, without its brackets.
    pub signature: String,
    /// What the carrier adds by agreement; empty: nothing.
    pub appended: String,
    /// To whom, in words.
    pub audience: String,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// Between which hours of each day.
    pub hours: HourSpan,
    /// At most so many a day; `None`: no cap.
    pub daily_cap: Option<i64>,
    /// Wanted counts.
    pub counts: Vec<WantedCount>,
    /// Wanted evidence, in words; empty: none.
    pub evidence: String,
    /// Whom to ask.
    pub contact: String,
    /// Its number and its way to the carrier; `None`: it has not been issued.
    pub issued: Option<Issued>,
    /// Counts up with each correction; 0 until it is issued.
    pub revision: i64,
    /// How far it is.
    pub state: OrderState,
    /// Of the last act that had one; empty: none had.
    pub reason: String,
    /// What the carrier owes and has not done in time; `None`: nothing.
    pub overdue: Option<Owed>,
    /// Who wrote or changed it.
    pub writers: Vec<String>,
    /// Who approved it; `None`: nobody yet.
    pub approved_by: Option<String>,
    /// What the approval binds.
    pub digest: Hash,
    /// Seed phones, as they were when it was issued.
    pub seeds: Vec<Phone>,
    /// From when to when the carrier means to send; `None`: it has not said.
    pub planned: Option<(Micros, Micros)>,
    /// 16 random bytes for the ledger's digest.
    pub salt: Vec<u8>,
    /// When it was written.
    pub created: Micros,
    /// Its last ledger entry's time.
    pub changed: Micros,
    /// The state's last change.
    pub step: Micros,
    /// When the carrier said that it will do it; `None`: it has not.
    pub acknowledged: Option<Micros>,
    /// When the carrier was let send; `None`: never.
    pub released: Option<Micros>,
    /// The carrier is asked next; `None`: not asked. An aid, not in the ledger.
    pub poll: Option<Micros>,
}

/// What an order gets when it is issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// As on the letter.
    pub number: String,
    /// The number's year.
    pub year: i64,
    /// The number in its year, from 1.
    pub seq: i64,
    /// How it reaches the carrier.
    pub channel: Channel,
    /// When it was issued.
    pub at: Micros,
}

impl Order {
    /// What an approval binds.
    pub fn terms(&self) -> Terms<'_> {
        Terms {
            carrier: self.carrier,
            text: &self.text,
            signature: &self.signature,
            appended: &self.appended,
            audience: &self.audience,
            from: self.from,
            to: self.to,
            hours: self.hours,
            daily_cap: self.daily_cap,
            counts: &self.counts,
            evidence: &self.evidence,
            contact: &self.contact,
        }
    }

    /// How it reaches the carrier; `None`: it has not been issued.
    pub fn channel(&self) -> Option<Channel> {
        self.issued.as_ref().map(|i| i.channel)
    }

    /// As on the letter; empty: it has not been issued.
    pub fn number(&self) -> &str {
        self.issued.as_ref().map_or("", |i| &i.number)
    }

    /// What the ledger holds of it: a salted digest of every column that is no aid.
    pub fn ledger_digest(&self) -> Hash {
        OrderRow::from(self).ledger_digest()
    }
}

crate::store::columns::stored_row! {
    /// As stored.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct OrderRow as order_columns {
        id: String,
        plan: String,
        item: String,
        name: String,
        carrier: String,
        text: String,
        signature: String,
        appended: String,
        audience: String,
        from_day: String,
        to_day: String,
        hours: String,
        daily_cap: i64,
        counts: String,
        evidence: String,
        contact: String,
        number: String,
        year: i64,
        seq: i64,
        revision: i64,
        channel: String,
        state: String,
        reason: String,
        overdue: String,
        writers: String,
        approved_by: String,
        digest: Vec<u8>,
        seeds: String,
        planned: String,
        salt: Vec<u8>,
        created_us: i64,
        changed_us: i64,
        step_us: i64,
        issued_us: i64,
        acknowledged_us: i64,
        released_us: i64,
        poll_us: i64,
    }
}

use order_columns;

impl OrderRow {
    fn ledger_digest(&self) -> Hash {
        salted(&self.salt, self.commitment().as_bytes())
    }

    /// What the ledger commits to.
    fn commitment(&self) -> String {
        json!([
            self.id,
            self.plan,
            self.item,
            self.name,
            self.carrier,
            self.text,
            self.signature,
            self.appended,
            self.audience,
            self.from_day,
            self.to_day,
            self.hours,
            self.daily_cap,
            self.counts,
            self.evidence,
            self.contact,
            self.number,
            self.year,
            self.seq,
            self.revision,
            self.channel,
            self.state,
            self.reason,
            self.overdue,
            self.writers,
            self.approved_by,
            hex::encode(&self.digest),
            self.seeds,
            self.planned,
            self.created_us,
            self.step_us,
            self.issued_us,
            self.acknowledged_us,
            self.released_us,
        ])
        .to_string()
    }

    /// Its number, and all that comes with it: all of it or nothing.
    fn issued(&self) -> Result<Option<Issued>, Corrupt> {
        let order = Columns::of("work_order", &self.id);
        if self.issued_us == 0 {
            let has_none = self.number.is_empty()
                && self.channel.is_empty()
                && self.year == 0
                && self.seq == 0;
            return match has_none {
                true => Ok(None),
                false => Err(order.corrupt("issued_us")),
            };
        }
        if self.number.is_empty() || self.seq < 1 {
            return Err(order.corrupt("number, seq"));
        }
        Ok(Some(Issued {
            number: self.number.clone(),
            year: self.year,
            seq: self.seq,
            channel: order.word("channel", &self.channel)?,
            at: Micros(self.issued_us),
        }))
    }

    fn overdue(&self) -> Result<Option<Owed>, Corrupt> {
        let owed = Owed::ALL.into_iter().find(|o| o.as_str() == self.overdue);
        match owed.is_none() && !self.overdue.is_empty() {
            true => Err(Columns::of("work_order", &self.id).corrupt("overdue")),
            false => Ok(owed),
        }
    }

    fn counts(&self) -> Result<Vec<WantedCount>, Corrupt> {
        let order = Columns::of("work_order", &self.id);
        let words: Vec<String> = order.json("counts", &self.counts)?;
        words.iter().map(|w| order.word("counts", w)).collect()
    }

    fn seeds(&self) -> Result<Vec<Phone>, Corrupt> {
        let order = Columns::of("work_order", &self.id);
        let numbers: Vec<String> = order.json("seeds", &self.seeds)?;
        numbers.iter().map(|n| order.phone("seeds", n)).collect()
    }

    fn planned(&self) -> Result<Option<(Micros, Micros)>, Corrupt> {
        match self.planned.as_str() {
            "" => Ok(None),
            json => Columns::of("work_order", &self.id)
                .json("planned", json)
                .map(Some),
        }
    }
}

impl TryFrom<OrderRow> for Order {
    type Error = Corrupt;

    fn try_from(row: OrderRow) -> Result<Self, Corrupt> {
        let order = Columns::of("work_order", &row.id);
        let daily_cap = match row.daily_cap {
            cap if cap < 0 => return Err(order.corrupt("daily_cap")),
            cap => Some(cap).filter(|c| *c > 0),
        };
        Ok(Self {
            id: order.parse("id", &row.id)?,
            carrier: order.word("carrier", &row.carrier)?,
            from: order.parse("from_day", &row.from_day)?,
            to: order.parse("to_day", &row.to_day)?,
            hours: order.parse("hours", &row.hours)?,
            daily_cap,
            counts: row.counts()?,
            issued: row.issued()?,
            state: order.word("state", &row.state)?,
            overdue: row.overdue()?,
            writers: order.json("writers", &row.writers)?,
            digest: order.hash("digest", &row.digest)?,
            seeds: row.seeds()?,
            planned: row.planned()?,
            created: Micros(row.created_us),
            changed: Micros(row.changed_us),
            step: Micros(row.step_us),
            acknowledged: columns::time(row.acknowledged_us),
            released: columns::time(row.released_us),
            poll: columns::time(row.poll_us),
            plan: columns::text(row.plan),
            item: row.item,
            name: row.name,
            text: row.text,
            signature: row.signature,
            appended: row.appended,
            audience: row.audience,
            evidence: row.evidence,
            contact: row.contact,
            revision: row.revision,
            reason: row.reason,
            approved_by: columns::text(row.approved_by),
            salt: row.salt,
        })
    }
}

impl From<&Order> for OrderRow {
    fn from(o: &Order) -> Self {
        let issued = o.issued.as_ref();
        let seeds: Vec<_> = o.seeds.iter().map(|p| p.expose()).collect();
        let planned = o.planned.map(|p| json!(p).to_string());
        Self {
            id: o.id.to_string(),
            plan: o.plan.clone().unwrap_or_default(),
            item: o.item.clone(),
            name: o.name.clone(),
            carrier: o.carrier.as_str().to_owned(),
            text: o.text.clone(),
            signature: o.signature.clone(),
            appended: o.appended.clone(),
            audience: o.audience.clone(),
            from_day: o.from.to_string(),
            to_day: o.to.to_string(),
            hours: o.hours.to_string(),
            daily_cap: o.daily_cap.unwrap_or(0),
            counts: words_of(&o.counts),
            evidence: o.evidence.clone(),
            contact: o.contact.clone(),
            number: o.number().to_owned(),
            year: issued.map_or(0, |i| i.year),
            seq: issued.map_or(0, |i| i.seq),
            revision: o.revision,
            channel: issued.map_or("", |i| i.channel.as_str()).to_owned(),
            state: o.state.as_str().to_owned(),
            reason: o.reason.clone(),
            overdue: o.overdue.map_or("", Owed::as_str).to_owned(),
            writers: json!(o.writers).to_string(),
            approved_by: o.approved_by.clone().unwrap_or_default(),
            digest: o.digest.to_vec(),
            seeds: json!(seeds).to_string(),
            planned: planned.unwrap_or_default(),
            salt: o.salt.clone(),
            created_us: o.created.0,
            changed_us: o.changed.0,
            step_us: o.step.0,
            issued_us: issued.map_or(0, |i| i.at.0),
            acknowledged_us: columns::us(o.acknowledged),
            released_us: columns::us(o.released),
            poll_us: columns::us(o.poll),
        }
    }
}

impl Tx {
    /// Writes a new order.
    pub async fn insert_order(&mut self, order: &Order) -> Result<()> {
        let o = OrderRow::from(order);
        on!(self, db => sqlx::query(
            "INSERT INTO work_order (id, plan, item, name, carrier, text, signature, appended, audience, from_day, to_day, hours,
                                     daily_cap, counts, evidence, contact, number, year, seq, revision, channel, state, reason,
                                     overdue, writers, approved_by, digest, seeds, planned, salt, created_us, changed_us, step_us,
                                     issued_us, acknowledged_us, released_us, poll_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
                     $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37)")
            .bind(&o.id).bind(&o.plan).bind(&o.item).bind(&o.name).bind(&o.carrier).bind(&o.text).bind(&o.signature)
            .bind(&o.appended).bind(&o.audience).bind(&o.from_day).bind(&o.to_day).bind(&o.hours).bind(o.daily_cap)
            .bind(&o.counts).bind(&o.evidence).bind(&o.contact).bind(&o.number).bind(o.year).bind(o.seq).bind(o.revision)
            .bind(&o.channel).bind(&o.state).bind(&o.reason).bind(&o.overdue).bind(&o.writers).bind(&o.approved_by)
            .bind(&o.digest).bind(&o.seeds).bind(&o.planned).bind(&o.salt).bind(o.created_us).bind(o.changed_us)
            .bind(o.step_us).bind(o.issued_us).bind(o.acknowledged_us).bind(o.released_us).bind(o.poll_us).execute(db).await.map(drop))
    }

    /// Writes back what acts change, if nobody else was first.
    pub async fn update_order(&mut self, order: &Order, from: OrderState) -> Result<()> {
        let o = OrderRow::from(order);
        let done = on!(self, db => sqlx::query(
            "UPDATE work_order SET name = $3, carrier = $4, text = $5, signature = $6, appended = $7, audience = $8, from_day = $9,
                    to_day = $10, hours = $11, daily_cap = $12, counts = $13, evidence = $14, contact = $15, number = $16, year = $17,
                    seq = $18, revision = $19, channel = $20, state = $21, reason = $22, overdue = $23, writers = $24,
                    approved_by = $25, digest = $26, seeds = $27, planned = $28, salt = $29, changed_us = $30, step_us = $31,
                    issued_us = $32, acknowledged_us = $33, released_us = $34, poll_us = $35
              WHERE id = $1 AND state = $2")
            .bind(&o.id).bind(from.as_str()).bind(&o.name).bind(&o.carrier).bind(&o.text).bind(&o.signature).bind(&o.appended)
            .bind(&o.audience).bind(&o.from_day).bind(&o.to_day).bind(&o.hours).bind(o.daily_cap).bind(&o.counts)
            .bind(&o.evidence).bind(&o.contact).bind(&o.number).bind(o.year).bind(o.seq).bind(o.revision).bind(&o.channel)
            .bind(&o.state).bind(&o.reason).bind(&o.overdue).bind(&o.writers).bind(&o.approved_by).bind(&o.digest)
            .bind(&o.seeds).bind(&o.planned).bind(&o.salt).bind(o.changed_us).bind(o.step_us).bind(o.issued_us)
            .bind(o.acknowledged_us).bind(o.released_us).bind(o.poll_us).execute(db).await.map(|d| d.rows_affected()))?;
        match done {
            1 => Ok(()),
            _ => Err(Refusal::OrderChanged { order: o.id }.into()),
        }
    }

    /// One order.
    pub async fn order(&mut self, id: OrderId) -> Result<Order> {
        let row: Option<OrderRow> = on!(self, db =>
            sqlx::query_as(concat!("SELECT ", order_columns!(), " FROM work_order WHERE id = $1")).bind(id.to_string()).fetch_optional(db).await)?;
        let row = row.ok_or_else(|| Error::Missing {
            what: "work order",
            id: id.to_string(),
        })?;
        Ok(row.try_into()?)
    }

    /// An order by what stands on its letter.
    pub async fn order_by_number(&mut self, number: &str) -> Result<Option<Order>> {
        let row: Option<OrderRow> = on!(self, db => sqlx::query_as(concat!("SELECT ", order_columns!(), " FROM work_order WHERE number = $1 AND seq > 0"))
            .bind(number).fetch_optional(db).await)?;
        Ok(row.map(Order::try_from).transpose()?)
    }

    /// All orders, in the order in which they were written.
    pub async fn orders(&mut self) -> Result<Vec<Order>> {
        columns::all::<OrderRow, _>(
            on!(self, db => sqlx::query_as(concat!("SELECT ", order_columns!(), " FROM work_order ORDER BY id")).fetch_all(db).await)?,
        )
    }

    /// The highest number given in a year.
    pub async fn last_order_number(&mut self, year: i64) -> Result<i64> {
        on!(self, db => sqlx::query_scalar(
            "SELECT CAST(COALESCE(max(seq), 0) AS BIGINT) FROM work_order WHERE year = $1").bind(year).fetch_one(db).await)
    }

    /// When the carrier is asked next; an aid that no entry speaks of.
    pub async fn set_order_poll(&mut self, id: OrderId, at: Option<Micros>) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE work_order SET poll_us = $2 WHERE id = $1")
            .bind(id.to_string()).bind(columns::us(at)).execute(db).await.map(drop))
    }

    /// Which carrier a user belongs to; `None`: to none.
    pub async fn staff(&mut self, name: &str) -> Result<Option<Carrier>> {
        let word: Option<String> = on!(self, db =>
            sqlx::query_scalar("SELECT carrier FROM carrier_staff WHERE name = $1").bind(name).fetch_optional(db).await)?;
        let read = |word: String| Columns::of("carrier_staff", &name).word("carrier", &word);
        Ok(word.map(read).transpose()?)
    }

    /// Says which carrier a user belongs to.
    pub async fn put_staff(&mut self, name: &str, carrier: Carrier) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO carrier_staff (name, carrier) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET carrier = $2")
            .bind(name).bind(carrier.as_str()).execute(db).await.map(drop))
    }
}
