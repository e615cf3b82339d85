//! The whole of June without a server, an account or a configuration: the example county's plan and address
//! books in, its reminders out through simulated carriers, reports back, and a ledger that verifies.
//! Nothing here is special: the same use cases, scheduler, engine and wires as in earnest, with a clock
//! that is quick where nothing happens.

pub mod county;
mod lapse;
mod month;
mod orders;
mod outcome;
mod people;
mod setup;

use std::path::PathBuf;

use chrono::NaiveDate;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use orders::OrderStep;
pub use outcome::Outcome;

use crate::{
    app::{self, Carriers, OrderDesks},
    clock::Clock,
    demo::county::AddressBook,
    domain::{
        bilingual::{Bilingual, bilingual},
        lang::Lang,
        phone::Phone,
        time::Micros,
    },
    service::{
        ServiceError, contacts::ImportReport, health::Watch, plan::ImportDiff,
        refusal::DemoRefusal, work_order::OrderView,
    },
    store::lane::Counts,
    telemetry::alert::Alerts,
};

/// May 25, 2023, 09:00 in Beijing: a week before the month begins.
const START: &str = "2023-05-25T09:00:00+08:00";

/// What is asked of a demo.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// People in the address books.
    pub recipients: u32,
    /// Where everything goes.
    pub dir: PathBuf,
    /// Decides the county and the carriers' whims.
    pub seed: u64,
    /// A PostgreSQL database instead of a file in `dir`.
    pub database: Option<String>,
    /// The summary's language.
    pub lang: Lang,
}

/// What the demo tells on its way.
#[derive(Debug)]
pub enum Step<'a> {
    /// An address book was read in.
    Imported(&'a AddressBook, &'a ImportReport),
    /// The month's plan was read in as drafts.
    Drafted {
        /// The plan's title.
        title: &'a str,
        /// Its campaigns.
        campaigns: usize,
        /// How often they fire together.
        slots: usize,
        /// Its work orders for the carriers.
        work_orders: usize,
    },
    /// The clerk tried to approve their own campaign, and was refused with these words.
    OwnRefused(String),
    /// The approver gave a campaign back.
    Returned {
        /// The campaign's name.
        name: &'a str,
        /// The approver's own words.
        reason: &'a str,
    },
    /// So many campaigns were let out.
    Approved(usize),
    /// The plan was changed in the middle of the month and read in again.
    Changed(&'a ImportDiff),
    /// Something happened to a work order.
    Order(&'a OrderView, Micros, OrderStep),
    /// Somebody wrote back `退订`.
    OptedOut(Phone),
    /// A day is over.
    Day(&'a Day),
}

/// What happened on a day.
#[derive(Debug, Clone, Default)]
pub struct Day {
    /// On the office's clock.
    pub date: NaiveDate,
    /// The runs that went out, by their campaigns' names.
    pub runs: Vec<String>,
    /// What became of their messages so far.
    pub counts: Counts,
    /// What became of the month's messages so far.
    pub month: Counts,
}

/// Lives through it.
pub async fn run(wanted: &Wanted, mut tell: impl FnMut(Step<'_>)) -> Result<Outcome, ServiceError> {
    let started = Instant::now();
    let clock = Clock::starting_at(start()?);
    let mut office = setup::open(wanted, clock.clone()).await?;
    if !office
        .campaigns()
        .list(&people::machine())
        .await?
        .is_empty()
    {
        return Err(DemoRefusal::DatabaseUsed.into());
    }
    let seed = wanted.seed;
    let carriers =
        Carriers::start(&mut office, |g| setup::carrier(g, clock.clone(), wanted)).await?;
    let zone = office.config.sending.timezone;
    let desks = OrderDesks::start(&mut office, |c| {
        orders::carrier(c, clock.clone(), zone, seed)
    })
    .await?;
    setup::settle_disk(&wanted.dir).await;
    let people = people::hire(&office).await?;
    setup::import(&office, &people, wanted, &mut tell).await?;
    let stop = CancellationToken::new();
    let works = tokio::spawn({
        let (office, stop) = (office.clone(), stop.clone());
        let alerts = Alerts::new(clock, true);
        async move { app::keep_engine(&office, &alerts, &Watch::default(), &stop).await }
    });
    let lived = month::live(&office, &carriers, &people, wanted, &mut tell).await;
    stop.cancel();
    let ended = works.await.map_err(|_| {
        ServiceError::from(DemoRefusal::Failed {
            why: bilingual!("发送引擎意外结束", "the engine ended unexpectedly"),
        })
    })?;
    // Why the engine ended says more than that the month stood still.
    ended?;
    lived?;
    let outcome = outcome::gather(
        &office,
        &people.auditor,
        (&carriers, &desks),
        wanted,
        started,
    )
    .await?;
    office.store.close().await;
    Ok(outcome)
}

fn start() -> Result<Micros, ServiceError> {
    chrono::DateTime::parse_from_rfc3339(START)
        .map(Micros::from)
        .map_err(|e| {
            DemoRefusal::Failed {
                why: Bilingual::same(e.to_string()),
            }
            .into()
        })
}
