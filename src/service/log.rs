//! Reading the delivery log: who may, what of it, and with which numbers.

mod unmatched;

pub use unmatched::{UnmatchedLine, UnmatchedQuery};

use std::io;

use serde::Serialize;

use super::{Messages, Office, Result, check_reason, contacts::read_phone, refusal::OfficeRefusal};
use crate::{
    domain::{
        event::Event,
        hours::parse_not_after,
        id::{CampaignId, MessageId, RunId},
        message::LogState,
        phone::Phone,
        role::{Act, Actor},
        time::Micros,
    },
    intake::guard,
    store::log::{LogFilter, LoggedMessage},
};

/// Lines read at a time; each page is a read of its own, so that a long export holds nothing up.
const PAGE: u64 = 2_000;

/// What of the log is wanted, as somebody writes it; `None`: everything.
#[derive(Debug, Clone, Default)]
pub struct LogQuery {
    /// Of one number.
    pub phone: Option<String>,
    /// Of one campaign.
    pub campaign: Option<CampaignId>,
    /// Of one run.
    pub run: Option<RunId>,
    /// In one state.
    pub state: Option<String>,
    /// Changed at or after; a day begins with its midnight.
    pub from: Option<String>,
    /// Changed before; a day counts to its end.
    pub to: Option<String>,
    /// At most so many lines.
    pub limit: Option<u64>,
    /// Whole numbers, with the reason that is logged.
    pub unmask: Option<String>,
}

/// One message, as the log shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// The message.
    pub id: i64,
    /// Its run.
    pub run: String,
    /// Its number, masked unless asked for; empty once erased.
    pub phone: String,
    /// Who serves it.
    pub carrier: String,
    /// Through which gateway.
    pub gateway: String,
    /// The state, open ones derived.
    pub state: String,
    /// The carrier's code, or our reason.
    pub code: String,
    /// How many.
    pub segments: i64,
    /// RFC 3339 in the office's zone; empty: nothing has happened yet.
    pub changed_at: String,
}

impl LogLine {
    /// The columns, named as the JSON names them.
    pub const COLUMNS: [&str; 9] = [
        "id",
        "run",
        "phone",
        "carrier",
        "gateway",
        "state",
        "code",
        "segments",
        "changed_at",
    ];

    /// Its cells, in the order of the columns.
    pub fn cells(self) -> [String; Self::COLUMNS.len()] {
        [
            self.id.to_string(),
            self.run,
            self.phone,
            self.carrier,
            self.gateway,
            self.state,
            self.code,
            self.segments.to_string(),
            self.changed_at,
        ]
    }
}

/// The mark without which a Chinese Excel takes a file for GBK. It belongs into files: to another program on a pipe
/// it is a part of the first heading.
pub const EXCEL_MARK: &[u8] = b"\xef\xbb\xbf";

/// Lines as CSV, with a heading before the first ones.
pub fn csv_page(out: &mut dyn io::Write, page: &[LogLine], begin: bool) -> io::Result<()> {
    let heading = begin.then_some(&LogLine::COLUMNS[..]);
    csv_rows(out, heading, page.iter().cloned().map(LogLine::cells))
}

/// Rows as CSV that no spreadsheet runs: a cell may be a carrier's word.
pub fn csv_rows<const N: usize>(
    out: &mut dyn io::Write,
    heading: Option<&[&str]>,
    rows: impl Iterator<Item = [String; N]>,
) -> io::Result<()> {
    let mut csv = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(out);
    if let Some(heading) = heading {
        csv.write_record(heading)?;
    }
    for row in rows {
        for cell in row {
            csv.write_field(&*guard(&cell))?;
        }
        csv.write_record(None::<&[u8]>)?;
    }
    csv.flush()
}

/// A log that is being read, page by page in the order of the messages.
#[derive(Debug)]
pub struct LogReader {
    office: Office,
    filter: LogFilter,
    after: Option<MessageId>,
    left: Option<u64>,
    unmasked: bool,
}

impl Messages<'_> {
    /// Opens the log. That somebody sees whole numbers is in the ledger before the first is shown.
    pub async fn log(self, actor: &Actor, query: &LogQuery) -> Result<LogReader> {
        actor.may(Act::ReadLog)?;
        let filter = self.office.filter(query).await?;
        if let Some(reason) = &query.unmask {
            actor.may(Act::Unmask)?;
            let seen = Event::Seen {
                by: actor.label(),
                what: "log".to_owned(),
                reason: check_reason(reason)?.to_owned(),
            };
            self.office.act("unmask_log").await?.commit(&[seen]).await?;
        }
        Ok(LogReader {
            office: self.office.clone(),
            filter,
            after: None,
            left: query.limit,
            unmasked: query.unmask.is_some(),
        })
    }
}

impl Office {
    async fn filter(&self, query: &LogQuery) -> Result<LogFilter> {
        let state = query.state.as_deref().map(known_state).transpose()?;
        let phone = query.phone.as_deref().map(read_phone).transpose()?;
        let time = |text: &Option<String>, day_begins: bool| {
            let text = text.as_deref();
            text.map(|t| self.log_time(t, day_begins)).transpose()
        };
        let (from, to) = (time(&query.from, true)?, time(&query.to, false)?);
        let mut tx = self.store.read("log").await?;
        // An id that nothing has is an error, not an empty log.
        if let Some(id) = query.campaign {
            tx.campaign(id).await?;
        }
        if let Some(id) = query.run {
            tx.run(id).await?;
        }
        Ok(LogFilter {
            phone,
            campaign: query.campaign,
            run: query.run,
            state,
            // What has never changed did not change before a time either.
            from: from.or(to.map(|_| Micros(1))),
            to,
        })
    }

    fn log_time(&self, text: &str, day_begins: bool) -> Result<Micros> {
        let text = text.trim();
        // The common reading takes a day's end.
        let is_day = text.len() == "2023-06-01".len() && !text.contains([':', '+']);
        let whole = if is_day && day_begins {
            format!("{text} 00:00")
        } else {
            text.to_owned()
        };
        let zone = self.config.sending.timezone;
        // "+2h" is a time to come, and nothing has happened then.
        let read =
            (!text.starts_with('+')).then(|| parse_not_after(&whole, self.clock.now(), zone));
        match read {
            Some(Ok(time)) => Ok(time),
            _ => Err(OfficeRefusal::BadTime {
                time: text.to_owned(),
            }
            .into()),
        }
    }
}

impl LogReader {
    /// The next lines; empty at the end.
    pub async fn page(&mut self) -> Result<Vec<LogLine>> {
        let wanted = self.left.map_or(PAGE, |left| left.min(PAGE));
        if wanted == 0 {
            return Ok(Vec::new());
        }
        let mut tx = self.office.store.read("log").await?;
        let rows = tx
            .log_after(
                &self.filter,
                self.after,
                i64::try_from(wanted).unwrap_or(i64::MAX),
            )
            .await?;
        if let Some(last) = rows.last() {
            self.after = Some(last.id);
        }
        self.left = self.left.map(|left| left - rows.len() as u64);
        Ok(rows.into_iter().map(|message| self.line(message)).collect())
    }

    /// The whole of it as a CSV file that every Excel reads.
    pub async fn write_csv(mut self, out: &mut (dyn io::Write + Send)) -> Result<()> {
        out.write_all(EXCEL_MARK)?;
        let mut begin = true;
        loop {
            let page = self.page().await?;
            if page.is_empty() && !begin {
                return Ok(());
            }
            csv_page(out, &page, begin)?;
            begin = false;
        }
    }

    fn line(&self, message: LoggedMessage) -> LogLine {
        let zone = self.office.config.sending.timezone;
        let shown = |phone: Phone| match self.unmasked {
            true => phone.expose(),
            false => phone.to_string(),
        };
        let changed = message.changed;
        LogLine {
            id: message.id.0,
            run: message.run.to_string(),
            phone: message.phone.map_or_else(String::new, shown),
            carrier: message.carrier.to_string(),
            gateway: message.gateway.map_or_else(String::new, |g| g.0),
            state: message.state.to_string(),
            code: message.code,
            segments: message.segments,
            changed_at: changed.map_or_else(String::new, |at| at.rfc3339(zone)),
        }
    }
}

/// The state that a person wrote, as its word or as its label in either language.
fn known_state(state: &str) -> Result<LogState> {
    LogState::named(state).ok_or_else(|| {
        let known = LogState::all().map(|s| s.as_str().to_owned()).collect();
        OfficeRefusal::UnknownState {
            state: state.to_owned(),
            known,
        }
        .into()
    })
}
