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
pub mod log;
pub mod mo;
pub mod plan;
mod quota;
mod refusal;
pub mod report;
pub mod run;
pub mod user;
pub mod work_order;

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use sqlx::{
    PgPool, Postgres, Sqlite, SqlitePool, Transaction,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::Notify;

use crate::telemetry::{COMMIT_SECONDS, LEDGER_ENTRIES};

pub use error::{Corrupt, Error, Result};
pub use refusal::Refusal;

/// How long a statement waits for another process's write on SQLite. Longer than the longest write
/// transaction allowed (20 ms) by far; shorter than a person's patience.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How a writing transaction begins on SQLite: a reader that turns writer could only fail.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// Pages of SQLite's journal (WAL) at which a commit folds it into the file. A third of the default: the commit
/// that does it takes some 15 ms instead of 30, and the disk never gets much at once (`docs/architecture.md`).
const FOLD_AT_PAGES: &str = "300";

/// Readers at once on SQLite: log, exports, audit and HTTP beside the engine.
const READERS: u32 = 4;

/// Connections to PostgreSQL: the recorder's, the lease's, and the rest's.
const PG_CONNECTIONS: u32 = 8;

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: Pool,
    /// Wakes this process's engine when an act of this process has changed what it must notice; other
    /// processes' acts it finds by the change counter.
    bumped: Arc<Notify>,
}

#[derive(Debug, Clone)]
enum Pool {
    /// `write` has one connection: within a process writers queue here, fairly.
    Sqlite {
        read: SqlitePool,
        write: SqlitePool,
        path: PathBuf,
    },
    Postgres(PgPool),
}

/// What a test or an operator may narrow.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// SQLite's `max_page_count`: the file never grows beyond; 0 = no limit.
    pub max_pages: u32,
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
                $body
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
    /// Opens the database at `url` (`sqlite://PATH` or `postgres://…`) and brings its schema up to
    /// date. A missing SQLite file is made, with its folder.
    pub async fn open(url: &str, limits: Limits) -> Result<Self> {
        let store = Self::connect(url, limits).await?;
        store.migrate().await?;
        Ok(store)
    }

    /// Opens without migrating.
    pub async fn connect(url: &str, limits: Limits) -> Result<Self> {
        let pool = if url.starts_with("sqlite:") {
            open_sqlite(url, limits).await?
        } else {
            Pool::Postgres(
                PgPoolOptions::new()
                    .max_connections(PG_CONNECTIONS)
                    .acquire_timeout(Duration::from_secs(15))
                    .connect(url)
                    .await
                    .map_err(|e| Error::Open {
                        what: without_password(url),
                        source: e,
                    })?,
            )
        };
        Ok(Self {
            pool,
            bumped: Arc::default(),
        })
    }

    /// Returns when an act of this process has bumped the change counter since the last call returned.
    /// Cancel safe; for one waiter.
    pub async fn bumped(&self) {
        self.bumped.notified().await;
    }

    /// Applies what is missing of the migrations.
    pub async fn migrate(&self) -> Result<()> {
        match &self.pool {
            Pool::Sqlite { write, .. } => sqlx::migrate!("migrations/sqlite").run(write).await,
            Pool::Postgres(pool) => sqlx::migrate!("migrations/postgres").run(pool).await,
        }
        .map_err(Error::Migrate)
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
            Pool::Sqlite { write, .. } => Inner::Sqlite(begin_sqlite(write).await?),
            Pool::Postgres(pool) => Inner::Postgres(pool.begin().await?),
        };
        Ok(self.tx(inner, name))
    }

    /// Begins a transaction that only reads, and sees one state of the database throughout.
    pub async fn read(&self, name: &'static str) -> Result<Tx> {
        let inner = match &self.pool {
            Pool::Sqlite { read, .. } => Inner::Sqlite(read.begin().await?),
            Pool::Postgres(pool) => Inner::Postgres(
                pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    .await?,
            ),
        };
        Ok(self.tx(inner, name))
    }

    fn tx(&self, inner: Inner, name: &'static str) -> Tx {
        Tx {
            inner,
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
            Pool::Postgres(pool) => pool.close().await,
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
    /// Makes it durable.
    pub async fn commit(self) -> Result<()> {
        let started = tokio::time::Instant::now();
        let done = match self.inner {
            Inner::Sqlite(t) => t.commit().await,
            Inner::Postgres(t) => t.commit().await,
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

/// A full disk makes SQLite roll back by itself; the connection then still counts the transaction as
/// open and would refuse every further one. A fresh connection takes its place.
async fn begin_sqlite(write: &SqlitePool) -> Result<Transaction<'static, Sqlite>> {
    match write.begin_with(BEGIN).await {
        Err(sqlx::Error::InvalidSavePointStatement) => {
            write.acquire().await?.close().await?;
            Ok(write.begin_with(BEGIN).await?)
        }
        begun => Ok(begun?),
    }
}

/// Whole numbers and names stand in the file: for its owner only. SQLite gives its journal the same
/// rights.
pub fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::File::options()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map(drop)
}

async fn open_sqlite(url: &str, limits: Limits) -> Result<Pool> {
    let path = PathBuf::from(
        url.trim_start_matches("sqlite://")
            .trim_start_matches("sqlite:"),
    );
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|e| Error::Open {
            what: path.display().to_string(),
            source: sqlx::Error::Io(e),
        })?;
    }
    make_private(&path).map_err(|e| Error::Open {
        what: path.display().to_string(),
        source: sqlx::Error::Io(e),
    })?;
    let mut options = SqliteConnectOptions::from_str("sqlite::memory:")?
        .in_memory(false)
        .shared_cache(false)
        .filename(&path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // Free with group commit, and a report acknowledged before a power cut must not be lost.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(false)
        .pragma("wal_autocheckpoint", FOLD_AT_PAGES)
        .pragma("cache_size", "-65536")
        .pragma("mmap_size", "268435456");
    if limits.max_pages > 0 {
        options = options.pragma("max_page_count", limits.max_pages.to_string());
    }
    let failed = |source| Error::Open {
        what: path.display().to_string(),
        source,
    };
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options.clone())
        .await
        .map_err(failed)?;
    let failed = |source| Error::Open {
        what: path.display().to_string(),
        source,
    };
    let read = SqlitePoolOptions::new()
        .max_connections(READERS)
        .min_connections(0)
        .connect_with(options)
        .await
        .map_err(failed)?;
    Ok(Pool::Sqlite { read, write, path })
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
