//! Connections: one that writes and some that read on SQLite; on PostgreSQL three pools, apart for the engine, its
//! lease and everybody else. Each has time-outs shorter than the lease, and a server that was silent gets new
//! connections.

use std::{
    io,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{
    Connection as _, PgConnection, PgPool, Postgres, Sqlite, SqlitePool, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::time::{Instant, timeout};

use super::{Error, Result, without_password};

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

/// Connections of people's acts, logs, exports and HTTP to PostgreSQL.
const OFFICE_CONNECTIONS: u32 = 8;

/// The engine's: the journal's, the driver's look at what people changed, the scheduler's.
const ENGINE_CONNECTIONS: u32 = 4;

/// The lease's: one is used, and one that hangs must not keep it from being renewed.
const LEASE_CONNECTIONS: u32 = 3;

/// How long a transaction of PostgreSQL waits for another's lock. A host that was cut off within a transaction is
/// forgotten before.
const LOCK_TIMEOUT: Duration = Duration::from_secs(4);

/// How long a transaction that writes may be silent at the server: then its host is frozen or cut off, and its locks
/// are given back.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long one that reads may be: it keeps no lock that anybody waits for.
const READER_IDLE_TIMEOUT: Duration = Duration::from_mins(10);

/// How long an answer of the server is waited for: a little longer than it waits for locks, shorter than the
/// engine's lease.
const PATIENCE: Duration = Duration::from_millis(4_500);

/// The same for a statement that reads much and keeps nobody waiting: logs, exports, audits.
const READER_PATIENCE: Duration = Duration::from_mins(2);

/// The same where recovery and the scheduler read.
const ENGINE_READER_PATIENCE: Duration = Duration::from_secs(30);

/// How long a connection is waited for, made or free.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(4);

/// How long the answer to a question without content is waited for.
const PING_PATIENCE: Duration = Duration::from_secs(2);

/// The same where the lease is renewed: it is tried again a second later.
const LEASE_PATIENCE: Duration = Duration::from_millis(1_500);

/// What a test or an operator may narrow.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// SQLite's `max_page_count`: the file never grows beyond; 0 = no limit.
    pub max_pages: u32,
}

/// Where connections come from.
#[derive(Debug, Clone)]
pub(super) enum Pool {
    /// `write` has one connection: within a process writers queue here, fairly.
    Sqlite {
        read: SqlitePool,
        write: SqlitePool,
        path: PathBuf,
    },
    Postgres(Server),
}

/// Whose connections a store uses on PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// People's acts, reading.
    Office,
    /// The journal and what runs beside it.
    Engine,
    /// The engine's lease.
    Lease,
}

/// A PostgreSQL server's pools.
#[derive(Debug, Clone)]
pub(super) struct Server {
    office: PgPool,
    engine: PgPool,
    lease: PgPool,
    pub(super) side: Side,
    silence: Arc<Silence>,
}

impl Server {
    pub(super) fn pool(&self) -> &PgPool {
        match self.side {
            Side::Office => &self.office,
            Side::Engine => &self.engine,
            Side::Lease => &self.lease,
        }
    }

    /// How long the statements of a transaction are waited for.
    pub(super) fn patience(&self, reads: Reads) -> Patience {
        let longest = match (self.side, reads) {
            (Side::Lease, _) => LEASE_PATIENCE,
            (Side::Office, Reads::Only) => READER_PATIENCE,
            (Side::Engine, Reads::Only) => ENGINE_READER_PATIENCE,
            (Side::Office | Side::Engine, Reads::AndWrites) => PATIENCE,
        };
        Patience {
            longest,
            silence: Some(self.silence.clone()),
        }
    }

    /// Begins a transaction; waits for a connection and for the server's word.
    pub(super) async fn begin(&self, reads: Reads) -> sqlx::Result<Transaction<'static, Postgres>> {
        let sql = match reads {
            Reads::AndWrites => "BEGIN".to_owned(),
            Reads::Only => format!(
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = {}",
                READER_IDLE_TIMEOUT.as_millis()
            ),
        };
        let mut patience = self.patience(Reads::AndWrites);
        patience.longest += match self.side {
            Side::Lease => LEASE_PATIENCE,
            Side::Office | Side::Engine => ACQUIRE_TIMEOUT,
        };
        let begun = patience
            .wait(self.pool().begin_with(sqlx::AssertSqlSafe(sql)))
            .await;
        if let Err(sqlx::Error::PoolTimedOut) = &begun {
            self.silence.note();
        }
        begun
    }

    /// Closes all connections; not for longer than a moment, for the server may be gone.
    pub(super) async fn close(&self) {
        for pool in [&self.office, &self.engine, &self.lease] {
            _ = timeout(ACQUIRE_TIMEOUT, pool.close()).await;
        }
    }
}

/// What a transaction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// It reads, and sees one state of the database throughout.
    Only,
    /// It writes as well.
    AndWrites,
}

/// When the server last kept somebody waiting for too long. What was connected before is not used again: a host that
/// vanished without a word answers on none of its connections.
#[derive(Debug)]
struct Silence {
    origin: Instant,
    /// Microseconds after `origin`; 0: never.
    at_us: AtomicU64,
}

impl Silence {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            origin: Instant::now(),
            at_us: AtomicU64::new(0),
        })
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn note(&self) {
        self.at_us
            .fetch_max(self.now_us().max(1), Ordering::Relaxed);
    }

    /// Was a connection of this age made before?
    fn covers(&self, age: Duration) -> bool {
        let made = i128::from(self.now_us()) - age.as_micros() as i128;
        let at = self.at_us.load(Ordering::Relaxed);
        at > 0 && made <= i128::from(at)
    }
}

/// How long an answer of the database is waited for. SQLite has its own (`busy_timeout`).
#[derive(Debug, Clone)]
pub(super) struct Patience {
    longest: Duration,
    silence: Option<Arc<Silence>>,
}

impl Patience {
    /// As long as it takes.
    pub(super) const ENDLESS: Self = Self {
        longest: Duration::MAX,
        silence: None,
    };

    /// Longer, for a server that is slow rather than gone.
    pub(super) fn at_least(&mut self, longest: Duration) {
        self.longest = self.longest.max(longest);
    }

    /// The answer, or an error once it has not come in time: then no connection made until now is used again.
    pub(super) fn wait<'a, T>(
        &'a self,
        answer: impl Future<Output = sqlx::Result<T>> + 'a,
    ) -> impl Future<Output = sqlx::Result<T>> + 'a {
        // On the heap: a statement's future is large, and many stand in one transaction's.
        let answer = Box::pin(answer);
        async move {
            let Some(silence) = &self.silence else {
                return answer.await;
            };
            match timeout(self.longest, answer).await {
                Ok(done) => done,
                Err(_) => {
                    silence.note();
                    Err(sqlx::Error::Io(io::Error::new(
                        io::ErrorKind::TimedOut,
                        format!("no answer in {} ms", self.longest.as_millis()),
                    )))
                }
            }
        }
    }
}

pub(super) async fn open(url: &str, limits: Limits) -> Result<Pool> {
    match url.starts_with("sqlite:") {
        true => open_sqlite(url, limits).await,
        false => open_postgres(url).await.map_err(|e| Error::Open {
            what: without_password(url),
            source: e,
        }),
    }
}

/// The office's pool connects at once, so that a wrong address is known; the others when they are needed.
async fn open_postgres(url: &str) -> sqlx::Result<Pool> {
    let options = PgConnectOptions::from_str(url)?.options([
        ("lock_timeout", ms(LOCK_TIMEOUT)),
        ("idle_in_transaction_session_timeout", ms(IDLE_TIMEOUT)),
        // The server's own view of a host that has gone.
        ("tcp_keepalives_idle", "5".to_owned()),
        ("tcp_keepalives_interval", "2".to_owned()),
        ("tcp_keepalives_count", "3".to_owned()),
        ("tcp_user_timeout", ms(LOCK_TIMEOUT)),
    ]);
    let silence = Silence::new();
    let pool = |connections, patience| {
        let (before, after) = (silence.clone(), silence.clone());
        PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(patience)
            // Its own question would be waited for without an end.
            .test_before_acquire(false)
            .before_acquire(move |db, about| Box::pin(is_usable(db, before.clone(), about.age)))
            .after_release(move |db, about| Box::pin(is_usable(db, after.clone(), about.age)))
    };
    Ok(Pool::Postgres(Server {
        office: pool(OFFICE_CONNECTIONS, ACQUIRE_TIMEOUT)
            .connect_with(options.clone())
            .await?,
        engine: pool(ENGINE_CONNECTIONS, ACQUIRE_TIMEOUT).connect_lazy_with(options.clone()),
        lease: pool(LEASE_CONNECTIONS, LEASE_PATIENCE).connect_lazy_with(options),
        side: Side::Office,
        silence,
    }))
}

/// Does this connection still answer? One that was made before a silence is not even asked.
async fn is_usable(
    db: &mut PgConnection,
    silence: Arc<Silence>,
    age: Duration,
) -> sqlx::Result<bool> {
    if silence.covers(age) {
        return Ok(false);
    }
    let patience = Patience {
        longest: PING_PATIENCE,
        silence: Some(silence),
    };
    patience.wait(db.ping()).await.map(|()| true)
}

fn ms(time: Duration) -> String {
    time.as_millis().to_string()
}

/// A full disk makes SQLite roll back by itself; the connection then still counts the transaction as
/// open and would refuse every further one. A fresh connection takes its place.
pub(super) async fn begin_sqlite(write: &SqlitePool) -> Result<Transaction<'static, Sqlite>> {
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
pub fn make_private(path: &Path) -> io::Result<()> {
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
