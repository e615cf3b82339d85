//! The delivery log and other reads for people: keyset pages over one view.

use super::{
    Corrupt, Result, Tx,
    columns::{self, Columns},
    hot::{OrphanReport, OrphanRow},
    on,
};
use crate::domain::{
    carrier::Carrier,
    id::{CampaignId, GatewayId, MessageId, RunId},
    message::LogState,
    phone::Phone,
    time::Micros,
};

/// A message as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedMessage {
    /// The message.
    pub id: MessageId,
    /// Its run.
    pub run: RunId,
    /// Its number; `None`: erased.
    pub phone: Option<Phone>,
    /// Who serves it.
    pub carrier: Carrier,
    /// Through which gateway; `None`: no route.
    pub gateway: Option<GatewayId>,
    /// Where it stands.
    pub state: LogState,
    /// The carrier's code, or our reason; empty: there is none.
    pub code: String,
    /// How many.
    pub segments: i64,
    /// When its stored outcome changed; `None`: never.
    pub changed: Option<Micros>,
}

/// As the log's view derives it.
#[derive(sqlx::FromRow)]
struct LogRow {
    id: i64,
    run_id: String,
    phone: String,
    carrier: String,
    gateway: String,
    state: String,
    code: String,
    segments: i64,
    changed_us: i64,
}

impl TryFrom<LogRow> for LoggedMessage {
    type Error = Corrupt;

    fn try_from(row: LogRow) -> Result<Self, Corrupt> {
        let log = Columns::of("message_log", &row.id);
        Ok(Self {
            id: MessageId(row.id),
            run: log.parse("run_id", &row.run_id)?,
            phone: log.phone_or_erased("phone", &row.phone)?,
            carrier: log.word("carrier", &row.carrier)?,
            gateway: columns::gateway(row.gateway),
            state: log.word("state", &row.state)?,
            code: row.code,
            segments: row.segments,
            changed: columns::time(row.changed_us),
        })
    }
}

/// What of the log is wanted; `None`: everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Of one number.
    pub phone: Option<Phone>,
    /// Of one campaign.
    pub campaign: Option<CampaignId>,
    /// Of one run.
    pub run: Option<RunId>,
    /// In one state.
    pub state: Option<LogState>,
    /// Changed at or after.
    pub from: Option<Micros>,
    /// Changed before.
    pub to: Option<Micros>,
}

/// Everything [`LogFilter`] can ask, as one statement: what is not asked for is an empty string or an open bound.
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
    pub async fn orphans(&mut self, phone: Option<Phone>, limit: i64) -> Result<Vec<OrphanReport>> {
        columns::all::<OrphanRow, _>(on!(self, db => sqlx::query_as(
            "SELECT id, gateway, carrier_id, phone, verdict, code, submit_time, salt, at_us FROM orphan
              WHERE $1 = '' OR phone = $1 ORDER BY id DESC LIMIT $2")
            .bind(phone.map_or_else(String::new, Phone::expose)).bind(limit).fetch_all(db).await)?)
    }

    /// Up to `limit` lines after a message, or from the first one, in the order of their ids.
    pub async fn log_after(
        &mut self,
        filter: &LogFilter,
        after: Option<MessageId>,
        limit: i64,
    ) -> Result<Vec<LoggedMessage>> {
        let phone = filter.phone.map_or_else(String::new, Phone::expose);
        let campaign = filter
            .campaign
            .map_or_else(String::new, |id| id.to_string());
        let run = filter.run.map_or_else(String::new, |id| id.to_string());
        let state = filter.state.map_or("", LogState::as_str);
        let (from, to) = (
            filter.from.map_or(i64::MIN, |t| t.0),
            filter.to.map_or(i64::MAX, |t| t.0),
        );
        // A number's own index is used only when the number stands bare in the condition.
        let sql = match filter.phone {
            Some(_) => log_sql!("v.phone = $2"),
            None => log_sql!("$2 = ''"),
        };
        columns::all::<LogRow, _>(on!(self, db => sqlx::query_as(sql)
            .bind(after.map_or(0, |id| id.0)).bind(phone).bind(campaign).bind(run).bind(state).bind(from).bind(to).bind(limit)
            .fetch_all(db).await)?)
    }
}
