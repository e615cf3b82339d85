//! Work orders' rows, with the proofs, figures and evidence that carriers answer, and the outgoing commands to them.

use chrono::NaiveDate;
use serde_json::json;

use super::{Error, Refusal, Result, Tx, columns::Columns, on};
use crate::domain::{
    carrier::Carrier,
    hours::HourMinute,
    id::OrderId,
    time::Micros,
    work_order::{OrderState, Terms, counts, due::Owed},
};

/// A work order as stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct OrderRow {
    /// [`OrderId`].
    pub id: String,
    /// Whose item it is; empty: of no plan.
    pub plan: String,
    /// Its key in the plan file.
    pub item: String,
    /// What people call it.
    pub name: String,
    /// Who sends.
    pub carrier: String,
    /// What it says.
    pub text: String,
    /// The sender's name, without its brackets.
    pub signature: String,
    /// What the carrier adds by agreement.
    pub appended: String,
    /// To whom, in words.
    pub audience: String,
    /// First day.
    pub from_day: String,
    /// Last day.
    pub to_day: String,
    /// `09:00-18:00`.
    pub hours: String,
    /// At most so many a day; 0: no cap.
    pub daily_cap: i64,
    /// Wanted counts, JSON.
    pub counts: String,
    /// Wanted evidence, in words.
    pub evidence: String,
    /// Whom to ask.
    pub contact: String,
    /// As on the letter; empty until it is issued.
    pub number: String,
    /// The number's year.
    pub year: i64,
    /// The number in its year; 0: none yet.
    pub seq: i64,
    /// Counts up with each correction.
    pub revision: i64,
    /// `http`, `paper`; empty until it is issued.
    pub channel: String,
    /// [`OrderState`].
    pub state: String,
    /// Of the last act that had one.
    pub reason: String,
    /// What the carrier owes and has not done in time; empty: nothing.
    pub overdue: String,
    /// Who wrote or changed it, JSON.
    pub writers: String,
    /// Who approved it.
    pub approved_by: String,
    /// What the approval binds.
    pub digest: Vec<u8>,
    /// Seed phones, JSON.
    pub seeds: String,
    /// The carrier's planned times, JSON; empty: none said.
    pub planned: String,
    /// 16 random bytes for the ledger's digest.
    pub salt: Vec<u8>,
    /// When it was written.
    pub created_us: i64,
    /// Its last ledger entry's time.
    pub changed_us: i64,
    /// The state's last change.
    pub step_us: i64,
    /// When it was issued; 0: not.
    pub issued_us: i64,
    /// When the carrier said that it will do it; 0: it has not.
    pub acknowledged_us: i64,
    /// When the carrier was let send; 0: never.
    pub released_us: i64,
    /// The carrier is asked next; 0: not asked. An aid, not in the ledger.
    pub poll_us: i64,
}

impl OrderRow {
    fn columns(&self) -> Columns<'_> {
        Columns::of("work_order", &self.id)
    }

    /// Its id, typed.
    pub fn id(&self) -> Result<OrderId> {
        Ok(self.columns().parse("id", &self.id)?)
    }

    /// Its state, typed.
    pub fn state(&self) -> Result<OrderState> {
        Ok(self.columns().word("state", &self.state)?)
    }

    /// Who sends, typed.
    pub fn carrier(&self) -> Result<Carrier> {
        Ok(self.columns().word("carrier", &self.carrier)?)
    }

    /// What the carrier owes and has not done in time, typed.
    pub fn overdue(&self) -> Result<Option<Owed>> {
        let known = |o: &Owed| o.as_str() == self.overdue;
        match Owed::ALL.into_iter().find(known) {
            None if !self.overdue.is_empty() => Err(self.columns().corrupt("overdue").into()),
            owed => Ok(owed),
        }
    }

    /// Who wrote or changed it.
    pub fn writers(&self) -> Result<Vec<String>> {
        Ok(self.columns().json("writers", &self.writers)?)
    }

    /// Its first and last day.
    pub fn days(&self) -> Result<(NaiveDate, NaiveDate)> {
        let order = self.columns();
        Ok((
            order.parse("from_day", &self.from_day)?,
            order.parse("to_day", &self.to_day)?,
        ))
    }

    /// From when to when it is sent on each day.
    pub fn hours(&self) -> Result<(HourMinute, HourMinute)> {
        let order = self.columns();
        let (opens, closes) = self
            .hours
            .split_once('-')
            .ok_or_else(|| order.corrupt("hours"))?;
        Ok((order.parse("hours", opens)?, order.parse("hours", closes)?))
    }

    /// The kinds of figures that the carrier is to report.
    pub fn kinds_of_counts(&self) -> Result<Vec<String>> {
        Ok(self.columns().json("counts", &self.counts)?)
    }

    /// Its seed phones.
    pub fn seeds(&self) -> Result<Vec<String>> {
        Ok(self.columns().json("seeds", &self.seeds)?)
    }

    /// What an approval binds.
    pub fn terms(&self) -> Result<Terms<'_>> {
        Ok(Terms {
            carrier: self.carrier()?,
            text: &self.text,
            signature: &self.signature,
            appended: &self.appended,
            audience: &self.audience,
            from: &self.from_day,
            to: &self.to_day,
            hours: &self.hours,
            daily_cap: self.daily_cap,
            counts: &self.counts,
            evidence: &self.evidence,
            contact: &self.contact,
        })
    }

    /// What the ledger commits to, salted: every column that is no aid.
    pub fn commitment(&self) -> String {
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
}

/// What arrived on a seed phone.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ProofRow {
    /// Its number.
    pub n: i64,
    /// The order it belongs to.
    pub order_id: String,
    /// Of which round.
    pub revision: i64,
    /// Which phone; empty: not said.
    pub phone: String,
    /// What it shows.
    pub text: String,
    /// 1: it is the approved text.
    pub equal: i64,
    /// The carrier's own number of it; 0: taken in here.
    pub theirs: i64,
    /// Who took it in.
    pub by_whom: String,
    /// 16 random bytes.
    pub salt: Vec<u8>,
    /// When it came in.
    pub at_us: i64,
}

/// Figures as a carrier declares them.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct CountRow {
    /// Its number.
    pub n: i64,
    /// The order it belongs to.
    pub order_id: String,
    /// As of when.
    pub as_of_us: i64,
    /// How many were to get it.
    pub requested: Option<i64>,
    /// How many were sent to.
    pub sent: Option<i64>,
    /// How many got it.
    pub delivered: Option<i64>,
    /// 1: the carrier says that these are its last.
    pub last: i64,
    /// The carrier's own number of it; 0: taken in here.
    pub theirs: i64,
    /// In its own words.
    pub remark: String,
    /// Who took it in.
    pub by_whom: String,
    /// 16 random bytes.
    pub salt: Vec<u8>,
    /// When it came in.
    pub at_us: i64,
}

impl CountRow {
    /// As the rules look at it.
    pub fn report(&self) -> counts::Report {
        counts::Report {
            n: self.n,
            as_of: Micros(self.as_of_us),
            got: Micros(self.at_us),
            requested: self.requested,
            sent: self.sent,
            delivered: self.delivered,
        }
    }
}

/// A carrier's evidence without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct EvidenceRow {
    /// Its number.
    pub n: i64,
    /// The order it belongs to.
    pub order_id: String,
    /// What the carrier calls it.
    pub name: String,
    /// Media type, by its content.
    pub media: String,
    /// SHA-256 of its bytes.
    pub sha256: Vec<u8>,
    /// The carrier's own number of it; 0: taken in here.
    pub theirs: i64,
    /// Who took it in.
    pub by_whom: String,
    /// 16 random bytes.
    pub salt: Vec<u8>,
    /// When it came in.
    pub at_us: i64,
}

/// An outgoing command to a carrier: committed before it is sent, answered after it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct CommandRow {
    /// Its number: commands of an order are sent in their order.
    pub n: i64,
    /// The order it speaks of.
    pub order_id: String,
    /// `create`, `correct`, `release`, `withdraw`.
    pub act: String,
    /// Idempotency key, the same in each repetition.
    pub key: String,
    /// What is sent, the same in each repetition.
    pub body: String,
    /// Empty: none yet; else `taken`, `refused: …` or `dropped`.
    pub answer: String,
    /// 16 random bytes.
    pub salt: Vec<u8>,
    /// When it was commanded.
    pub made_us: i64,
    /// When it was answered; 0: not.
    pub answered_us: i64,
    /// Not sent again before; an aid that no entry speaks of.
    pub retry_us: i64,
}

/// A row that hangs on an order and stands in the ledger by its number and salted digest.
pub trait Part {
    /// Its table, without `work_order_`.
    const TO: &'static str;
    /// Its number.
    fn n(&self) -> i64;
    /// Its salt.
    fn salt(&self) -> &[u8];
    /// What the ledger commits to.
    fn commitment(&self) -> String;
}

macro_rules! part {
    ($row:ident, $to:literal, |$r:ident| $json:expr) => {
        impl Part for $row {
            const TO: &'static str = $to;
            fn n(&self) -> i64 {
                self.n
            }
            fn salt(&self) -> &[u8] {
                &self.salt
            }
            fn commitment(&self) -> String {
                let $r = self;
                $json.to_string()
            }
        }
    };
}

part!(ProofRow, "proof", |r| json!([
    r.n, r.order_id, r.revision, r.phone, r.text, r.equal, r.theirs, r.by_whom, r.at_us
]));
part!(CountRow, "count", |r| json!([
    r.n,
    r.order_id,
    r.as_of_us,
    r.requested,
    r.sent,
    r.delivered,
    r.last,
    r.theirs,
    r.remark,
    r.by_whom,
    r.at_us
]));
part!(EvidenceRow, "evidence", |r| json!([
    r.n,
    r.order_id,
    r.name,
    r.media,
    hex::encode(&r.sha256),
    r.theirs,
    r.by_whom,
    r.at_us
]));
part!(CommandRow, "wish", |r| json!([
    r.n,
    r.order_id,
    r.act,
    r.key,
    r.body,
    r.answer,
    r.made_us,
    r.answered_us
]));

impl Tx {
    /// Writes a new order.
    pub async fn insert_order(&mut self, o: &OrderRow) -> Result<()> {
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
    pub async fn update_order(&mut self, o: &OrderRow, from: OrderState) -> Result<()> {
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
            _ => Err(Refusal::OrderChanged {
                order: o.id.clone(),
            }
            .into()),
        }
    }

    /// One order.
    pub async fn order(&mut self, id: OrderId) -> Result<OrderRow> {
        let row: Option<OrderRow> = on!(self, db =>
            sqlx::query_as("SELECT * FROM work_order WHERE id = $1").bind(id.to_string()).fetch_optional(db).await)?;
        row.ok_or_else(|| Error::Missing {
            what: "work order",
            id: id.to_string(),
        })
    }

    /// An order by what stands on its letter.
    pub async fn order_by_number(&mut self, number: &str) -> Result<Option<OrderRow>> {
        on!(self, db => sqlx::query_as("SELECT * FROM work_order WHERE number = $1 AND seq > 0")
            .bind(number).fetch_optional(db).await)
    }

    /// All orders, in the order in which they were written.
    pub async fn orders(&mut self) -> Result<Vec<OrderRow>> {
        on!(self, db => sqlx::query_as("SELECT * FROM work_order ORDER BY id").fetch_all(db).await)
    }

    /// The highest number given in a year.
    pub async fn last_order_number(&mut self, year: i64) -> Result<i64> {
        on!(self, db => sqlx::query_scalar(
            "SELECT CAST(COALESCE(max(seq), 0) AS BIGINT) FROM work_order WHERE year = $1").bind(year).fetch_one(db).await)
    }

    /// When the carrier is asked next; an aid that no entry speaks of.
    pub async fn set_order_poll(&mut self, id: &str, at: i64) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE work_order SET poll_us = $2 WHERE id = $1")
            .bind(id).bind(at).execute(db).await.map(drop))
    }

    /// Writes a proof.
    pub async fn insert_proof(&mut self, p: &ProofRow) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO work_order_proof (n, order_id, revision, phone, text, equal, theirs, by_whom, salt, at_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
            .bind(p.n).bind(&p.order_id).bind(p.revision).bind(&p.phone).bind(&p.text).bind(p.equal).bind(p.theirs)
            .bind(&p.by_whom).bind(&p.salt).bind(p.at_us).execute(db).await.map(drop))
    }

    /// An order's proofs as they came in; of all orders with `None`.
    pub async fn proofs(&mut self, order: Option<&str>) -> Result<Vec<ProofRow>> {
        on!(self, db => sqlx::query_as("SELECT * FROM work_order_proof WHERE $1 = '' OR order_id = $1 ORDER BY n")
            .bind(order.unwrap_or("")).fetch_all(db).await)
    }

    /// Writes figures.
    pub async fn insert_count(&mut self, c: &CountRow) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO work_order_count (n, order_id, as_of_us, requested, sent, delivered, last, theirs, remark, by_whom, salt, at_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
            .bind(c.n).bind(&c.order_id).bind(c.as_of_us).bind(c.requested).bind(c.sent).bind(c.delivered).bind(c.last)
            .bind(c.theirs).bind(&c.remark).bind(&c.by_whom).bind(&c.salt).bind(c.at_us).execute(db).await.map(drop))
    }

    /// An order's figures as they came in; of all orders with `None`.
    pub async fn order_counts(&mut self, order: Option<&str>) -> Result<Vec<CountRow>> {
        on!(self, db => sqlx::query_as("SELECT * FROM work_order_count WHERE $1 = '' OR order_id = $1 ORDER BY n")
            .bind(order.unwrap_or("")).fetch_all(db).await)
    }

    /// Writes a piece of evidence.
    pub async fn insert_evidence(&mut self, e: &EvidenceRow, bytes: &[u8]) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO work_order_evidence (n, order_id, name, media, bytes, sha256, theirs, by_whom, salt, at_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
            .bind(e.n).bind(&e.order_id).bind(&e.name).bind(&e.media).bind(bytes).bind(&e.sha256).bind(e.theirs)
            .bind(&e.by_whom).bind(&e.salt).bind(e.at_us).execute(db).await.map(drop))
    }

    /// An order's evidence without its bytes; of all orders with `None`.
    pub async fn evidence(&mut self, order: Option<&str>) -> Result<Vec<EvidenceRow>> {
        on!(self, db => sqlx::query_as(
            "SELECT n, order_id, name, media, sha256, theirs, by_whom, salt, at_us FROM work_order_evidence
              WHERE $1 = '' OR order_id = $1 ORDER BY n").bind(order.unwrap_or("")).fetch_all(db).await)
    }

    /// A piece of evidence's bytes.
    pub async fn evidence_bytes(&mut self, n: i64) -> Result<Option<Vec<u8>>> {
        on!(self, db => sqlx::query_scalar("SELECT bytes FROM work_order_evidence WHERE n = $1")
            .bind(n).fetch_optional(db).await)
    }

    /// Writes an outgoing command.
    pub async fn insert_command(&mut self, w: &CommandRow) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO work_order_wish (n, order_id, act, key, body, answer, salt, made_us, answered_us, retry_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
            .bind(w.n).bind(&w.order_id).bind(&w.act).bind(&w.key).bind(&w.body).bind(&w.answer).bind(&w.salt)
            .bind(w.made_us).bind(w.answered_us).bind(w.retry_us).execute(db).await.map(drop))
    }

    /// Writes an outgoing command's answer; false when somebody else was first.
    pub async fn answer_command(&mut self, w: &CommandRow) -> Result<bool> {
        on!(self, db => sqlx::query(
            "UPDATE work_order_wish SET answer = $2, answered_us = $3, salt = $4 WHERE n = $1 AND answer = ''")
            .bind(w.n).bind(&w.answer).bind(w.answered_us).bind(&w.salt).execute(db).await.map(|d| d.rows_affected() == 1))
    }

    /// An outgoing command is sent again not before then; an aid that no entry speaks of.
    pub async fn set_command_retry(&mut self, n: i64, at: i64) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE work_order_wish SET retry_us = $2 WHERE n = $1")
            .bind(n).bind(at).execute(db).await.map(drop))
    }

    /// Commands without an answer, the oldest first.
    pub async fn unanswered_commands(&mut self) -> Result<Vec<CommandRow>> {
        on!(self, db => sqlx::query_as("SELECT * FROM work_order_wish WHERE answer = '' ORDER BY n").fetch_all(db).await)
    }

    /// An order's commands; of all orders with `None`.
    pub async fn commands(&mut self, order: Option<&str>) -> Result<Vec<CommandRow>> {
        on!(self, db => sqlx::query_as("SELECT * FROM work_order_wish WHERE $1 = '' OR order_id = $1 ORDER BY n")
            .bind(order.unwrap_or("")).fetch_all(db).await)
    }

    /// Which carrier a user belongs to.
    pub async fn staff(&mut self, name: &str) -> Result<Option<String>> {
        on!(self, db => sqlx::query_scalar("SELECT carrier FROM carrier_staff WHERE name = $1").bind(name).fetch_optional(db).await)
    }

    /// All carriers' staff by name.
    pub async fn all_staff(&mut self) -> Result<Vec<(String, String)>> {
        on!(self, db => sqlx::query_as("SELECT name, carrier FROM carrier_staff ORDER BY name").fetch_all(db).await)
    }

    /// Says which carrier a user belongs to.
    pub async fn put_staff(&mut self, name: &str, carrier: &str) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO carrier_staff (name, carrier) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET carrier = $2")
            .bind(name).bind(carrier).execute(db).await.map(drop))
    }
}
