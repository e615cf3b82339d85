//! The database: the only place with SQL. One concrete [`Store`] over SQLite and PostgreSQL; a
//! statement is written once where both speak the same, and side by side in `hot/` where a batch
//! needs each one's own way. Knows no gateway and decides nothing.

pub mod audience;
pub mod audit;
pub mod campaign;
mod columns;
pub mod contact;
pub mod entry;
pub mod error;
pub mod flight;
pub mod forecast;
pub mod freeze;
pub mod hot;
pub mod installation;
pub mod lane;
mod lease;
pub mod log;
pub mod mo;
pub mod part_ref;
pub mod plan;
mod pools;
mod quota;
mod refusal;
pub mod report;
pub mod run;
pub mod schema;
pub mod user;
pub mod work_order;

use std::{path::Path, sync::Arc, time::Duration};

use sqlx::{Postgres, Sqlite, Transaction};
use tokio::sync::Notify;

use crate::telemetry::{COMMIT_SECONDS, LEDGER_ENTRIES};

use pools::{Patience, Pool, Reads, Side};

pub use error::{Corrupt, Error, Result};
pub use pools::{Limits, make_private};
pub use refusal::Refusal;

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: Pool,
    /// Wakes this process's engine when an act of this process has changed what it must notice; other
    /// processes' acts it finds by the change counter.
    bumped: Arc<Notify>,
}

/// Which engine a store stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

/// A transaction with a name (its label in metrics and errors). Dropped without `commit`, it never
/// happened.
#[derive(Debug)]
pub struct Tx {
    inner: Inner,
    /// How long each of its statements is waited for.
    patience: Patience,
    name: &'static str,
    /// Has it changed what the engine must notice?
    bumps: bool,
    /// Entries that it has written.
    entries: u64,
    bumped: Arc<Notify>,
}

#[derive(Debug)]
enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// Expands the body once for each backend: one text to maintain, two types for the compiler to check.
macro_rules! on {
    ($tx:expr, $db:ident => $body:expr) => {
        match &mut $tx.inner {
            $crate::store::Inner::Sqlite(t) => {
                let $db = &mut **t;
                $body
            }
            $crate::store::Inner::Postgres(t) => {
                let $db = &mut **t;
                $tx.patience.wait(async { $body }).await
            }
        }
        .map_err($crate::store::Error::from)
    };
}
pub(crate) use on;

/// The same, with a statement for each dialect.
macro_rules! dialect {
    ($tx:expr, sqlite: $sqlite:expr, postgres: $postgres:expr) => {
        match &$tx.inner {
            $crate::store::Inner::Sqlite(_) => $sqlite,
            $crate::store::Inner::Postgres(_) => $postgres,
        }
    };
}
pub(crate) use dialect;

impl Store {
    /// Opens the database at `url` (`sqlite://PATH` or `postgres://…`). A missing SQLite file is made, with its
    /// folder; a schema of another version is an error.
    pub async fn open(url: &str, limits: Limits) -> Result<Self> {
        let store = Self::connect(url, limits).await?;
        store.must_be_current().await?;
        Ok(store)
    }

    /// Opens whatever is there.
    pub async fn connect(url: &str, limits: Limits) -> Result<Self> {
        let pool = pools::open(url, limits).await?;
        Ok(Self {
            pool,
            bumped: Arc::default(),
        })
    }

    /// The same database over the engine's own connections, which no reader and no person's act keeps busy.
    #[must_use]
    pub fn for_engine(&self) -> Self {
        self.on_side(Side::Engine)
    }

    /// The same over the connection of the engine's lease.
    #[must_use]
    pub fn for_lease(&self) -> Self {
        self.on_side(Side::Lease)
    }

    fn on_side(&self, side: Side) -> Self {
        let mut store = self.clone();
        if let Pool::Postgres(server) = &mut store.pool {
            server.side = side;
        }
        store
    }

    /// Returns when an act of this process has bumped the change counter since the last call returned.
    /// Cancel safe; for one waiter.
    pub async fn bumped(&self) {
        self.bumped.notified().await;
    }

    /// Which engine it stands on.
    pub fn backend(&self) -> Backend {
        match &self.pool {
            Pool::Sqlite { .. } => Backend::Sqlite,
            Pool::Postgres(_) => Backend::Postgres,
        }
    }

    /// The SQLite file; `None` on PostgreSQL.
    pub fn path(&self) -> Option<&Path> {
        match &self.pool {
            Pool::Sqlite { path, .. } => Some(path),
            Pool::Postgres(_) => None,
        }
    }

    /// Begins a writing transaction.
    pub async fn begin(&self, name: &'static str) -> Result<Tx> {
        let inner = match &self.pool {
            Pool::Sqlite { write, .. } => Inner::Sqlite(pools::begin_sqlite(write).await?),
            Pool::Postgres(server) => Inner::Postgres(server.begin(Reads::AndWrites).await?),
        };
        Ok(self.tx(inner, name, Reads::AndWrites))
    }

    /// Begins a transaction that only reads, and sees one state of the database throughout.
    pub async fn read(&self, name: &'static str) -> Result<Tx> {
        let inner = match &self.pool {
            Pool::Sqlite { read, .. } => Inner::Sqlite(read.begin().await?),
            Pool::Postgres(server) => Inner::Postgres(server.begin(Reads::Only).await?),
        };
        Ok(self.tx(inner, name, Reads::Only))
    }

    /// The same for who is asked whether the database answers at all: silence is an answer after seconds.
    pub async fn read_soon(&self, name: &'static str) -> Result<Tx> {
        let mut tx = self.read(name).await?;
        if let Pool::Postgres(server) = &self.pool {
            tx.patience = server.patience(Reads::AndWrites);
        }
        Ok(tx)
    }

    fn tx(&self, inner: Inner, name: &'static str, reads: Reads) -> Tx {
        let patience = match &self.pool {
            Pool::Sqlite { .. } => Patience::ENDLESS,
            Pool::Postgres(server) => server.patience(reads),
        };
        Tx {
            inner,
            patience,
            name,
            bumps: false,
            entries: 0,
            bumped: self.bumped.clone(),
        }
    }

    /// Closes all connections; on SQLite this folds the journal back into the file.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Sqlite { read, write, .. } => {
                read.close().await;
                write.close().await;
            }
            Pool::Postgres(server) => server.close().await,
        }
    }

    /// A consistent copy of a SQLite database, made while it is in use.
    pub async fn copy_to(&self, target: &Path) -> Result<()> {
        match &self.pool {
            Pool::Sqlite { read, .. } => {
                make_private(target).map_err(sqlx::Error::Io)?;
                sqlx::query("VACUUM INTO $1")
                    .bind(target.to_string_lossy().into_owned())
                    .execute(read)
                    .await?;
                Ok(())
            }
            Pool::Postgres(_) => Err(Error::Unsupported(
                "a PostgreSQL database is backed up with pg_dump or the server's own means; a restored one starts held",
            )),
        }
    }
}

impl Tx {
    /// Its statements are waited for at least so long: a database that is slow is not gone.
    pub fn wait_at_least(&mut self, longest: Duration) {
        self.patience.at_least(longest);
    }

    /// Makes it durable.
    pub async fn commit(self) -> Result<()> {
        let started = tokio::time::Instant::now();
        let done = match self.inner {
            Inner::Sqlite(t) => t.commit().await,
            Inner::Postgres(t) => self.patience.wait(t.commit()).await,
        };
        COMMIT_SECONDS.record(&[("transaction", self.name)], started.elapsed());
        if done.is_ok() {
            LEDGER_ENTRIES.add(&[], self.entries);
        }
        if self.bumps && done.is_ok() {
            self.bumped.notify_one();
        }
        done.map_err(Error::from)
    }

    /// Which engine it runs on.
    pub fn backend(&self) -> Backend {
        match self.inner {
            Inner::Sqlite(_) => Backend::Sqlite,
            Inner::Postgres(_) => Backend::Postgres,
        }
    }

    /// Draws `n` numbers from a counter and returns the first.
    pub async fn draw(&mut self, counter: &'static str, n: i64) -> Result<i64> {
        let last: i64 = on!(self, db =>
            sqlx::query_scalar("UPDATE counter SET n = n + $2 WHERE name = $1 RETURNING n")
                .bind(counter).bind(n).fetch_one(db).await)?;
        Ok(last - n + 1)
    }
}

/// The URL as an error may show it.
pub fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 < at => {
            let user = url[scheme + 3..at].split(':').next().unwrap_or_default();
            format!("{}://{user}:***{}", &url[..scheme], &url[at..])
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_shown_url_has_no_password() {
        assert_eq!(
            super::without_password("postgres://u:secret@h/db"),
            "postgres://u:***@h/db"
        );
        assert_eq!(
            super::without_password("sqlite://data/x.db"),
            "sqlite://data/x.db"
        );
    }
}
