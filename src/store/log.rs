//! The delivery log and other reads for people: keyset pages over one view.

use super::{
    Result, Tx, columns,
    hot::{OrphanReport, OrphanRow},
    on,
};

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LogRow {
    /// The message.
    pub id: i64,
    /// Its run.
    pub run_id: String,
    /// 11 digits; empty once erased.
    pub phone: String,
    /// Who serves it.
    pub carrier: String,
    /// Through which gateway.
    pub gateway: String,
    /// As derived.
    pub state: String,
    /// The carrier's code, or our reason.
    pub code: String,
    /// How many.
    pub segments: i64,
    /// When its stored outcome changed; 0: never.
    pub changed_us: i64,
}

/// What of the log is wanted; `None` and 0: everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Of one number.
    pub phone: Option<String>,
    /// Of one campaign.
    pub campaign: Option<String>,
    /// Of one run.
    pub run: Option<String>,
    /// In one state.
    pub state: Option<String>,
    /// Changed at or after.
    pub from_us: Option<i64>,
    /// Changed before.
    pub to_us: Option<i64>,
}

/// Everything [`LogFilter`] can ask, as one statement: an absent wish is an empty string or an open bound.
macro_rules! log_sql {
    ($phone:literal) => {
        concat!(
            "SELECT v.id, v.run_id, v.phone, v.carrier, v.gateway, v.state, v.code, v.segments, v.changed_us
               FROM message_log v JOIN run r ON r.id = v.run_id
              WHERE v.id > $1 AND ",
            $phone,
            " AND ($3 = '' OR r.campaign_id = $3) AND ($4 = '' OR v.run_id = $4) AND ($5 = '' OR v.state = $5)
                AND v.changed_us >= $6 AND v.changed_us < $7
              ORDER BY v.id LIMIT $8"
        )
    };
}

impl Tx {
    /// The newest orphans, of all numbers or of one.
    pub async fn orphans(&mut self, phone: Option<&str>, limit: i64) -> Result<Vec<OrphanReport>> {
        columns::all::<OrphanRow, _>(on!(self, db => sqlx::query_as(
            "SELECT id, gateway, carrier_id, phone, verdict, code, submit_time, salt, at_us FROM orphan
              WHERE $1 = '' OR phone = $1 ORDER BY id DESC LIMIT $2")
            .bind(phone.unwrap_or_default()).bind(limit).fetch_all(db).await)?)
    }

    /// Up to `limit` lines after a message, in the order of their ids.
    pub async fn log_after(
        &mut self,
        filter: &LogFilter,
        after: i64,
        limit: i64,
    ) -> Result<Vec<LogRow>> {
        let text = |wish: &Option<String>| wish.clone().unwrap_or_default();
        // A number's own index is used only when the number stands bare in the condition.
        let sql = match filter.phone {
            Some(_) => log_sql!("v.phone = $2"),
            None => log_sql!("$2 = ''"),
        };
        on!(self, db => sqlx::query_as(sql)
            .bind(after).bind(text(&filter.phone)).bind(text(&filter.campaign)).bind(text(&filter.run)).bind(text(&filter.state))
            .bind(filter.from_us.unwrap_or(i64::MIN)).bind(filter.to_us.unwrap_or(i64::MAX)).bind(limit)
            .fetch_all(db).await)
    }
}
