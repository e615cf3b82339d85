//! The database's schema, and whether this program knows it. Only who may be sure that no engine is at work brings it
//! up to date: a program that runs would meet tables that it does not know.

use std::time::Duration;

use sqlx::migrate::Migrator;

use super::{Error, Refusal, Result, Store, dialect, on, pools::Pool};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Somebody who makes a database, or brings it up to date, takes some milliseconds a step.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// So many looks alike: nobody is at it.
const SAME_LOOKS: u32 = 6;

/// How a database's schema stands to the one that this program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Nothing is there yet.
    Empty,
    /// An older version made it.
    Older(i64),
    /// The same.
    Current,
    /// A newer version made it.
    Newer(i64),
}

impl Store {
    /// How the schema stands.
    pub async fn schema(&self) -> Result<Schema> {
        let Some(found) = self.version().await? else {
            return Ok(Schema::Empty);
        };
        Ok(match found.cmp(&self.known()) {
            std::cmp::Ordering::Less => Schema::Older(found),
            std::cmp::Ordering::Equal => Schema::Current,
            std::cmp::Ordering::Greater => Schema::Newer(found),
        })
    }

    /// The newest version that this program knows.
    fn known(&self) -> i64 {
        let newest = self.migrator().iter().map(|m| m.version).max();
        newest.unwrap_or_default()
    }

    fn migrator(&self) -> &'static Migrator {
        match &self.pool {
            Pool::Sqlite { .. } => &SQLITE,
            Pool::Postgres(_) => &POSTGRES,
        }
    }

    async fn version(&self) -> Result<Option<i64>> {
        let mut tx = self.read("schema").await?;
        let table = dialect!(tx,
            sqlite: "SELECT name FROM sqlite_master WHERE name = '_sqlx_migrations'",
            postgres: "SELECT to_regclass('_sqlx_migrations')::text");
        let there: Option<Option<String>> =
            on!(tx, db => sqlx::query_scalar(table).fetch_optional(db).await)?;
        if there.flatten().is_none() {
            return Ok(None);
        }
        let sql = dialect!(tx,
            sqlite: "SELECT max(version) FROM _sqlx_migrations WHERE success = 1",
            postgres: "SELECT max(version) FROM _sqlx_migrations WHERE success");
        on!(tx, db => sqlx::query_scalar(sql).fetch_one(db).await)
    }

    /// An error unless this program and the database know the same schema. What is empty is made.
    pub async fn must_be_current(&self) -> Result<()> {
        let known = self.known();
        let mut made = Ok(());
        if self.schema().await? == Schema::Empty {
            // Another process may be at it: then the next looks tell.
            made = self.migrate().await;
        }
        match self.settled_schema().await? {
            Schema::Current => Ok(()),
            Schema::Empty | Schema::Older(_) if made.is_err() => made,
            Schema::Empty => Err(Refusal::SchemaOlder { found: 0, known }.into()),
            Schema::Older(found) => Err(Refusal::SchemaOlder { found, known }.into()),
            Schema::Newer(found) => Err(Refusal::SchemaNewer { found, known }.into()),
        }
    }

    /// The schema once nobody brings it on any more: some looks show the same.
    pub async fn settled_schema(&self) -> Result<Schema> {
        let mut seen = self.schema().await?;
        let mut alike = 0;
        while seen != Schema::Current && alike < SAME_LOOKS {
            tokio::time::sleep(BETWEEN_LOOKS).await;
            let now = self.schema().await?;
            alike = if now == seen { alike + 1 } else { 0 };
            seen = now;
        }
        Ok(seen)
    }

    /// Applies what is missing of the migrations. No engine may be at work: it is for who holds the engine's lock, and
    /// for a file that nobody else knows.
    pub async fn migrate(&self) -> Result<()> {
        match &self.pool {
            Pool::Sqlite { write, .. } => SQLITE.run(write).await,
            Pool::Postgres(server) => POSTGRES.run(server.pool()).await,
        }
        .map_err(Error::Migrate)
    }
}
