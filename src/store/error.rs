//! What can go wrong in the database, named for what the caller does next.

use super::refusal::Refusal;

/// A store's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed store call.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database can't be opened.
    #[error(
        "cannot open the database {what}: {source}; check that the path or server exists and may be written by this account"
    )]
    Open {
        /// Path or URL without password.
        what: String,
        /// The database's own error.
        source: sqlx::Error,
    },
    /// The schema can't be brought up to date.
    #[error("cannot bring the database's schema up to date: {0}")]
    Migrate(sqlx::migrate::MigrateError),
    /// A statement failed.
    #[error("the database refused: {0}")]
    Sql(#[from] sqlx::Error),
    /// A row holds what no program of ours writes.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// Nothing by that name or id.
    #[error("no {what} {id}")]
    Missing {
        /// `campaign`, `run`, `group` …
        what: &'static str,
        /// As it was asked for.
        id: String,
    },
    /// Somebody else was first, or it is not possible any more. Nothing was written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A commit was sent off, and nobody can say whether it happened.
    #[error("the database does not say whether this was done: look at it before you do it again")]
    Unconfirmed,
    /// Not on this database.
    #[error("{0}")]
    Unsupported(&'static str),
}

/// A stored value that no version of Watchbell writes. The value itself is not shown: it may be a number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "table {table}, row {row}: {column} holds a value that Watchbell never writes; run `watchbell audit verify`"
)]
pub struct Corrupt {
    /// The table.
    pub table: &'static str,
    /// Its column, or columns that contradict each other.
    pub column: &'static str,
    /// The row's key.
    pub row: String,
}

impl Corrupt {
    /// In this column of this row.
    pub fn on(table: &'static str, column: &'static str, row: impl std::fmt::Display) -> Self {
        Self {
            table,
            column,
            row: row.to_string(),
        }
    }
}

/// What to do about a failed commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It surely did not happen: try again after a pause, with an alert (locked, full).
    Retry,
    /// It may have happened: ask the chain's head, then try again (connection lost).
    AskHead,
    /// Another engine has the lease: stop sending, and wait until it is free.
    GiveWay,
    /// The storage can't be trusted any more: end the process, recovery reads the journal.
    Die,
}

impl Error {
    /// What the recorder does next.
    pub fn next(&self) -> Next {
        let error = match self {
            Self::Sql(error) => error,
            Self::Refused(Refusal::LeaseTaken) => return Next::GiveWay,
            _ => return Next::Die,
        };
        match error {
            sqlx::Error::Database(e) => match e.code().as_deref() {
                // SQLite's primary codes 5 BUSY, 6 LOCKED, 13 FULL, with their extended forms.
                Some("5" | "6" | "13" | "261" | "517" | "773" | "262") => Next::Retry,
                // PostgreSQL: serialization, deadlock, lock not available; no disk, memory or connections left.
                // Also a server that is only read from for now: it will be another's turn.
                Some("40001" | "40P01" | "55P03" | "25006") => Next::Retry,
                Some(code) if code.starts_with("53") => Next::Retry,
                // Administrator's shutdown, crash of another, starting up; idle for too long within a
                // transaction; the connection's own exceptions.
                Some("57P01" | "57P02" | "57P03" | "57P05" | "57014" | "25P03" | "25P04") => {
                    Next::AskHead
                }
                Some(code) if code.starts_with("08") => Next::AskHead,
                _ => Next::Die,
            },
            sqlx::Error::PoolTimedOut => Next::Retry,
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => Next::AskHead,
            _ => Next::Die,
        }
    }

    /// Did the database end this so that another could go on? Nothing of it has happened.
    pub fn is_deadlock(&self) -> bool {
        matches!(self, Self::Sql(sqlx::Error::Database(e)) if matches!(e.code().as_deref(), Some("40P01" | "40001")))
    }

    /// Did the database give no answer in the time that one is waited for?
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Sql(sqlx::Error::Io(e)) if e.kind() == std::io::ErrorKind::TimedOut)
    }

    /// A unique key stood already, or somebody else was first.
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Sql(sqlx::Error::Database(e)) => e.is_unique_violation(),
            Self::Refused(_) => true,
            _ => false,
        }
    }
}
