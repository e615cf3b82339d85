//! Use cases: what a clerk, an approver or an auditor may do, every act audited; the only way in for command line, HTTP and pages.
//!
//! Each use case is a method of a group ([`Campaigns`], [`WorkOrders`] …) that [`Office`] hands out. It asks the
//! role table first, changes the tables and appends the ledger's event in one transaction, and returns a view: what
//! command line, HTTP and pages show, serialisable, without a row of the database in it.

pub mod accept;
/// Verification and export of the ledger.
pub use crate::audit;
pub mod campaigns;
pub mod carriers;
pub mod contacts;
pub mod diff;
pub mod error;
pub mod forecast;
pub mod gateways;
pub mod health;
pub mod log;
pub mod maintenance;
pub mod password;
pub mod pdu;
pub mod plan;
pub mod refusal;
pub mod report;
pub mod runs;
pub mod send;
pub mod sending;
pub mod trace;
pub mod user;
pub mod work_order;

use self::refusal::OfficeRefusal;
use std::sync::Arc;

use crate::{
    clock::Clock,
    config::Config,
    domain::{event::Event, ledger::Head, reason::holds_a_number, time::Micros},
    engine::sidecar,
    store::{
        Limits, Store, Tx,
        entry::{Draft, lines},
        installation::Installation,
    },
};

pub use error::{Result, ServiceError};

/// The office at work: its database, its clock and its settings. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Office {
    /// The database.
    pub store: Store,
    /// Wall time.
    pub clock: Clock,
    /// The settings.
    pub config: Arc<Config>,
}

impl Office {
    /// Opens the database, brings its schema up to date, and at the first use makes the installation:
    /// practice or real, for good.
    pub async fn open(config: Config, clock: Clock) -> Result<Self> {
        // The path may hold what a URL writes otherwise; the store takes it as it is.
        let url = match config.database.sqlite_path() {
            Some(path) => format!("sqlite://{}", path.display()),
            None => config.database.url.clone(),
        };
        let store = Store::open(&url, Limits::default()).await?;
        let office = Self {
            store,
            clock,
            config: Arc::new(config),
        };
        office.install().await?;
        Ok(office)
    }

    /// What the database is, and whether it may send.
    pub async fn installation(&self) -> Result<Installation> {
        let mut tx = self.store.read("installation").await?;
        let known = tx.installation().await?;
        Ok(known.ok_or(crate::store::Error::Missing {
            what: "installation in this database",
            id: String::new(),
        })?)
    }

    async fn install(&self) -> Result<()> {
        let (practice, now) = (self.config.practice, self.clock.now());
        let mut tx = self.store.read("installation").await?;
        if tx.installation().await?.is_some() {
            // Only reads, and says so when the settings mean the other kind of database.
            tx.installation_or_new(practice, now).await?;
            return Ok(());
        }
        drop(tx);
        match self.make_installation().await {
            // Another process made it in the same moment: then it is known now.
            Err(ServiceError::Store(e)) if e.is_conflict() => {
                let mut tx = self.store.read("installation").await?;
                tx.installation_or_new(practice, now).await?;
                Ok(())
            }
            made => made,
        }
    }

    async fn make_installation(&self) -> Result<()> {
        let mut tx = self.store.begin("install").await?;
        let is_new = tx.installation().await?.is_none();
        let installation = tx
            .installation_or_new(self.config.practice, self.clock.now())
            .await?;
        let head = tx.head().await?;
        tx.commit().await?;
        if let (true, Some(path)) = (is_new, self.store.path()) {
            // Or the first start would take the acts before it for a copy's past. Its heartbeat is
            // compared with the file's own time, so it is the machine's clock also in time-lapse.
            sidecar::write(path, &installation.id, head, Clock::system().now())?;
        }
        Ok(())
    }
}

/// Hands out the use cases in groups, `office.campaigns().approve(…)`: for each its type and its method.
macro_rules! groups {
    ($($(#[$doc:meta])* $group:ident as $method:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub struct $group<'a> {
                office: &'a Office,
            }
        )*

        impl Office {
            $(
                $(#[$doc])*
                pub fn $method(&self) -> $group<'_> {
                    $group { office: self }
                }
            )*
        }
    };
}

groups! {
    /// Campaigns: from draft to decision, with their forecasts.
    Campaigns as campaigns;
    /// Runs: how far each is, pausing and calling off, forecast beside fact.
    Runs as runs;
    /// Sending as a whole: a text sent now, the stop for all, the engine's parts.
    Sending as sending;
    /// Work orders to carriers: from approval to evidence.
    WorkOrders as work_orders;
    /// People and groups: address books in, who is in what, who wants no messages.
    Contacts as contacts;
    /// Users: who may come in, and as what.
    Users as users;
    /// Messages: the delivery log, texts and reports that match nothing, what went over the wire.
    Messages as messages;
    /// Gateways: login checks, acceptances, carriers' calls.
    Gateways as gateways;
    /// Plans of a month: taken in, forecast, their next slot.
    Plans as plans;
    /// Reports for the office's files.
    Reports as reports;
    /// The database itself: schema, backups.
    Database as database;
}

/// A person's act under way: its ledger entry follows all that was read since.
pub(crate) struct Acting {
    pub(crate) tx: Tx,
    draft: Draft,
    at: Micros,
}

impl Office {
    /// Begins an act. The chain's head is locked first, so acts stand in a row: what this one reads, no
    /// other changes before its commit, on either database.
    pub(crate) async fn act(&self, name: &'static str) -> Result<Acting> {
        let mut tx = self.store.begin(name).await?;
        let at = self.clock.now();
        let draft = tx.draft_entry(at).await?;
        Ok(Acting { tx, draft, at })
    }
}

impl Acting {
    /// The entry's time: what is written with it bears the same.
    pub(crate) fn time(&self) -> Micros {
        self.at
    }

    /// Commits what was changed, with its events as one entry.
    pub(crate) async fn commit(mut self, events: &[Event]) -> Result<Head> {
        let head = self.tx.append(self.draft, &lines(events)).await?;
        self.tx.commit().await?;
        Ok(head)
    }
}

/// Longest reason, in characters.
const MAX_REASON: usize = 200;

/// A reason that may be left out: then it is empty.
pub(crate) fn check_optional_reason(reason: &str) -> Result<&str> {
    match reason.trim() {
        "" => Ok(""),
        given => check_reason(given),
    }
}

/// A reason that a person gives. It stands in the ledger for good, so it may not hold a number: those
/// enter only as salted digests.
pub(crate) fn check_reason(reason: &str) -> Result<&str> {
    let reason = reason.trim();
    let length = reason.chars().count();
    if !(1..=MAX_REASON).contains(&length) || reason.chars().any(char::is_control) {
        return Err(OfficeRefusal::BadReason {
            longest: MAX_REASON,
        }
        .into());
    }
    if holds_a_number(reason) {
        return Err(OfficeRefusal::NumberInReason.into());
    }
    Ok(reason)
}
