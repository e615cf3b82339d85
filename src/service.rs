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
use std::{sync::Arc, time::Duration};

use crate::{
    clock::Clock,
    config::Config,
    domain::reason::holds_a_number,
    engine::{lock::EngineLock, sidecar},
    store::{Limits, Store, entry::EntryTx, installation::Installation, schema::Schema},
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
    /// Opens the database, and at the first use makes it and the installation: practice or real, for good. A schema
    /// of another version is an error.
    pub async fn open(config: Config, clock: Clock) -> Result<Self> {
        let store = connect(&config).await?;
        store.must_be_current().await?;
        Self::with(store, config, clock).await
    }

    /// The same for the daemon: it brings an older schema up to date, once no other engine is at work. `waits` is
    /// called when one is.
    pub async fn open_to_serve(config: Config, clock: Clock, waits: impl FnOnce()) -> Result<Self> {
        let store = connect(&config).await?;
        let mut waits = Some(waits);
        while let Schema::Older(_) = store.settled_schema().await? {
            if let Some(lock) = EngineLock::try_take(&store, "migrate").await? {
                let migrated = lock.migrate(&store).await;
                _ = lock.give_back().await;
                migrated?;
                break;
            }
            if let Some(waits) = waits.take() {
                waits();
            }
            tokio::time::sleep(TRY_LOCK).await;
        }
        store.must_be_current().await?;
        Self::with(store, config, clock).await
    }

    /// The same whatever the schema: for [`Database::migrate`], the copy before it, and the emergency brake.
    pub async fn open_as_it_is(config: Config, clock: Clock) -> Result<Self> {
        let store = connect(&config).await?;
        if let Schema::Empty | Schema::Current = store.schema().await? {
            store.must_be_current().await?;
            return Self::with(store, config, clock).await;
        }
        Ok(Self {
            store,
            clock,
            config: Arc::new(config),
        })
    }

    async fn with(store: Store, config: Config, clock: Clock) -> Result<Self> {
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
        let mut tx = self.store.read_soon("installation").await?;
        let known = tx.installation().await?;
        Ok(known.ok_or(crate::store::Error::Missing {
            what: "installation in this database",
            id: String::new(),
        })?)
    }

    async fn install(&self) -> Result<()> {
        if self.is_installed().await? {
            return Ok(());
        }
        let act = self.act("install").await?;
        match act.install(self.config.practice).await {
            // Another process made it in the same moment: then it is known now.
            Err(e) if e.is_conflict() => _ = self.is_installed().await?,
            Ok(Some((installation, head))) => {
                if let Some(path) = self.store.path() {
                    // Or the first start would take the acts before it for a copy's past. Its heartbeat is
                    // compared with the file's own time, so it is the machine's clock also in time-lapse.
                    sidecar::write(path, &installation.id, head, Clock::system().now())?;
                }
            }
            Ok(None) => {}
            Err(e) => return Err(e.into()),
        }
        Ok(())
    }

    /// An error when the settings mean the other kind of database.
    async fn is_installed(&self) -> Result<bool> {
        let mut tx = self.store.read("installation").await?;
        let known = tx.installation_for(self.config.practice).await?;
        Ok(known.is_some())
    }
}

/// How often a daemon that waits for its turn asks.
const TRY_LOCK: Duration = Duration::from_secs(1);

/// Connects to the database of these settings, whatever its schema.
async fn connect(config: &Config) -> Result<Store> {
    // The path may hold what a URL writes otherwise; the store takes it as it is.
    let url = match config.database.sqlite_path() {
        Some(path) => format!("sqlite://{}", path.display()),
        None => config.database.url.clone(),
    };
    Ok(Store::connect(&url, Limits::default()).await?)
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

/// Acts that the database ended to let another go on are made again, some times: nothing of them has happened.
#[derive(Debug, Default)]
pub(crate) struct Again(u32);

impl Again {
    /// How often.
    const TRIES: u32 = 5;

    /// A moment between two of these.
    const PAUSE: Duration = Duration::from_millis(20);

    /// Is the act to be made again? Waits a little before it says yes.
    pub(crate) async fn after(&mut self, error: &ServiceError) -> bool {
        let ServiceError::Store(error) = error else {
            return false;
        };
        self.0 += 1;
        let again = error.is_deadlock() && self.0 < Self::TRIES;
        if again {
            tokio::time::sleep(Self::PAUSE * self.0).await;
        }
        again
    }
}

impl Office {
    /// Begins an act. The chain's head is locked first, so acts stand in a row: what this one reads, no
    /// other changes before its commit, on either database.
    pub(crate) async fn act(&self, name: &'static str) -> Result<EntryTx> {
        Ok(self.store.begin_entry(name, self.clock.now()).await?)
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
