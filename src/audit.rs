//! The audit: is the ledger whole, is it the one that was noted, and do all tables say what follows
//! from it? One consistent reading of the database; nothing is written.
//!
//! The checks run in a fixed order and the first difference is named: the chain, the noted head, the
//! events among themselves, then the tables.

mod chain;
pub mod difference;
mod export;
mod forecasts;
mod known;
mod messages;
mod orders;
mod people;
mod queue;
mod replay;
mod standing;
mod tables;

use serde::{Serialize, Serializer};

pub use difference::Difference;
pub use export::{Exported, export};

use crate::{
    config::Config,
    domain::ledger::{Hash, Head, Tree},
    store::{self, Limits, Store, Tx, schema::Schema, without_password},
};
use difference::{Check, Stop};
use replay::Replay;

/// What verification found. As JSON it is `audit verify --json`'s answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Nothing differs.
    pub ok: bool,
    /// How many entries the ledger has.
    pub entries: i64,
    /// How many events they hold.
    pub events: i64,
    /// The newest entry: to be written down, and given to `--expect` another day.
    #[serde(serialize_with = "shown")]
    pub head: Head,
    /// RFC 6962 root over the entries' hashes.
    #[serde(serialize_with = "hexed")]
    pub root: Hash,
    /// The first difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_difference: Option<Difference>,
}

fn shown<S: Serializer>(head: &Head, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(head)
}

fn hexed<S: Serializer>(hash: &Hash, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&hex::encode(hash))
}

/// The audit could not be done.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// There is no such file; to make an empty one and call it verified would be a lie.
    #[error("there is no database at {0}: check [database] url")]
    NoDatabase(String),
    /// The export can't be written.
    #[error("cannot write the export: {0}")]
    Io(#[from] std::io::Error),
}

/// Opens the database of these settings, which has to be there: an audit brings nothing up to date.
pub async fn open(config: &Config) -> Result<Store, AuditError> {
    if let Some(path) = config.database.sqlite_path()
        && !path.exists()
    {
        return Err(AuditError::NoDatabase(path.display().to_string()));
    }
    let store = Store::connect(&config.database.url, Limits::default()).await?;
    if store.schema().await? == Schema::Empty {
        let what = without_password(&config.database.url);
        return Err(AuditError::NoDatabase(what));
    }
    store.must_be_current().await?;
    Ok(store)
}

/// Verifies the ledger and every table that follows from it; `expect` is a head that was noted before.
pub async fn verify(store: &Store, expect: Option<Head>) -> Result<Verdict, AuditError> {
    let mut tx = store.read("audit").await?;
    let mut replay = Replay::default();
    let chain = match chain::read(&mut tx, expect, &mut replay)
        .await
        .map_err(Stop::from)
    {
        Ok(chain) => chain,
        Err(Stop::Store(error)) => return Err(error.into()),
        // An entry that can't even be read: there is no figure to give.
        Err(Stop::Found(difference)) => {
            let (head, root) = (Head::EMPTY, Tree::default().root());
            return Ok(Verdict {
                ok: false,
                entries: 0,
                events: 0,
                head,
                root,
                first_difference: Some(difference),
            });
        }
    };
    let first_difference = match chain.first {
        Some(difference) => Some(difference),
        None => match tables_hold(&mut tx, &replay).await {
            Ok(()) => None,
            Err(Stop::Found(difference)) => Some(difference),
            Err(Stop::Store(error)) => return Err(error.into()),
        },
    };
    Ok(Verdict {
        ok: first_difference.is_none(),
        entries: chain.entries,
        events: chain.events,
        head: chain.head,
        root: chain.root,
        first_difference,
    })
}

async fn tables_hold(tx: &mut Tx, replay: &Replay) -> Check {
    tables::installation(tx, replay).await?;
    people::users(tx, replay).await?;
    people::groups(tx, replay).await?;
    people::suppressions(tx, replay).await?;
    tables::runs(tx, replay).await?;
    let lanes = tx.audit_lanes().await?;
    tables::frozen_lanes(&lanes, replay)?;
    tables::campaigns(tx, replay).await?;
    tables::plans(tx, replay).await?;
    forecasts::forecasts(tx, &replay.forecasts).await?;
    orders::orders(tx, &replay.orders).await?;
    orders::staff(tx, &replay.orders).await?;
    let sums = messages::check(tx, replay, &lanes).await?;
    tables::moving_lanes(&lanes, replay, &sums)?;
    messages::check_tallies(&tx.audit_tallies().await?, &sums)?;
    tables::claims(tx, replay).await?;
    tables::requeued(tx, replay).await?;
    messages::check_doubts(tx, replay).await?;
    people::orphans(tx, replay).await?;
    people::mos(tx, replay).await?;
    tables::counters(tx, replay).await
}
