//! Outgoing commands to carriers: a table of what is still to be sent, and of what was answered.

use serde_json::json;

use super::{
    super::{
        Corrupt, Result, Tx,
        columns::{self, Columns},
        on,
    },
    parts::{Part, PartRow, part},
};
use crate::domain::{
    id::OrderId,
    ledger::{Hash, salted},
    time::Micros,
    work_order::command::{CommandAct, CommandAnswer},
};

/// An outgoing command to a carrier: committed before it is sent, answered after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderCommand {
    /// Its number: commands of an order are sent in their order.
    pub n: i64,
    /// The order it speaks of.
    pub order: OrderId,
    /// What is commanded.
    pub act: CommandAct,
    /// Idempotency key, the same in each repetition.
    pub key: String,
    /// What is sent, the same in each repetition.
    pub body: String,
    /// What the carrier answered; `None`: nothing yet.
    pub answered: Option<CommandAnswered>,
    /// 16 random bytes.
    pub salt: Vec<u8>,
    /// When it was commanded.
    pub made: Micros,
    /// Not sent again before; `None`: at once. An aid that no entry speaks of.
    pub retry: Option<Micros>,
}

/// A carrier's answer to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandAnswered {
    /// What it is.
    pub answer: CommandAnswer,
    /// When it came.
    pub at: Micros,
}

part!(OrderCommand, CommandRow, "wish", |r| json!([
    r.n,
    r.order_id,
    r.act,
    r.key,
    r.body,
    r.answer,
    r.made_us,
    r.answered_us
]));

crate::store::columns::stored_row! {
    /// As stored.
    pub(super) struct CommandRow as command_columns {
        n: i64,
        order_id: String,
        act: String,
        key: String,
        body: String,
        answer: String,
        salt: Vec<u8>,
        made_us: i64,
        answered_us: i64,
        retry_us: i64,
    }
}

impl TryFrom<CommandRow> for OrderCommand {
    type Error = Corrupt;

    fn try_from(row: CommandRow) -> Result<Self, Corrupt> {
        let command = Columns::of("work_order_wish", &row.n);
        let answered = match (row.answer.as_str(), columns::time(row.answered_us)) {
            ("", None) => None,
            ("", Some(_)) | (_, None) => return Err(command.corrupt("answer, answered_us")),
            (answer, Some(at)) => Some(CommandAnswered {
                answer: command.parse("answer", answer)?,
                at,
            }),
        };
        Ok(Self {
            n: row.n,
            order: command.parse("order_id", &row.order_id)?,
            act: command.word("act", &row.act)?,
            key: row.key,
            body: row.body,
            answered,
            salt: row.salt,
            made: Micros(row.made_us),
            retry: columns::time(row.retry_us),
        })
    }
}

impl From<&OrderCommand> for CommandRow {
    fn from(c: &OrderCommand) -> Self {
        let answered = c.answered.as_ref();
        Self {
            n: c.n,
            order_id: c.order.to_string(),
            act: c.act.as_str().to_owned(),
            key: c.key.clone(),
            body: c.body.clone(),
            answer: answered.map_or_else(String::new, |a| a.answer.to_string()),
            salt: c.salt.clone(),
            made_us: c.made.0,
            answered_us: answered.map_or(0, |a| a.at.0),
            retry_us: columns::us(c.retry),
        }
    }
}

impl Tx {
    /// Writes an outgoing command.
    pub async fn insert_command(&mut self, command: &OrderCommand) -> Result<()> {
        let c = CommandRow::from(command);
        on!(self, db => sqlx::query(
            "INSERT INTO work_order_wish (n, order_id, act, key, body, answer, salt, made_us, answered_us, retry_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
            .bind(c.n).bind(&c.order_id).bind(&c.act).bind(&c.key).bind(&c.body).bind(&c.answer).bind(&c.salt)
            .bind(c.made_us).bind(c.answered_us).bind(c.retry_us).execute(db).await.map(drop))
    }

    /// Writes an outgoing command's answer; false when somebody else was first.
    pub async fn answer_command(&mut self, command: &OrderCommand) -> Result<bool> {
        let c = CommandRow::from(command);
        on!(self, db => sqlx::query(
            "UPDATE work_order_wish SET answer = $2, answered_us = $3, salt = $4 WHERE n = $1 AND answer = ''")
            .bind(c.n).bind(&c.answer).bind(c.answered_us).bind(&c.salt).execute(db).await.map(|d| d.rows_affected() == 1))
    }

    /// An outgoing command is sent again not before then; an aid that no entry speaks of.
    pub async fn set_command_retry(&mut self, n: i64, at: Micros) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE work_order_wish SET retry_us = $2 WHERE n = $1")
            .bind(n).bind(at.0).execute(db).await.map(drop))
    }

    /// Commands without an answer, the oldest first.
    pub async fn unanswered_commands(&mut self) -> Result<Vec<OrderCommand>> {
        columns::all::<CommandRow, _>(on!(self, db =>
            sqlx::query_as(concat!("SELECT ", command_columns!(), " FROM work_order_wish WHERE answer = '' ORDER BY n")).fetch_all(db).await)?)
    }

    /// An order's commands.
    pub async fn commands(&mut self, order: OrderId) -> Result<Vec<OrderCommand>> {
        columns::all(self.command_rows(&order.to_string()).await?)
    }

    /// Of all orders: empty.
    pub(super) async fn command_rows(&mut self, order: &str) -> Result<Vec<CommandRow>> {
        on!(self, db => sqlx::query_as(concat!("SELECT ", command_columns!(), " FROM work_order_wish WHERE $1 = '' OR order_id = $1 ORDER BY n"))
            .bind(order).fetch_all(db).await)
    }
}
