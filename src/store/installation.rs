//! The one row that says what this database is: practice or real, held or not, stopped or not; and
//! the change counter that the engine polls.

use uuid::Uuid;

use super::{
    Corrupt, Refusal, Result, Tx,
    columns::{self, Columns},
    dialect, on,
};
use crate::domain::{event::Event, time::Micros};

/// What this database is and whether it may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Its id, for good.
    pub id: String,
    /// Simulated carriers only, for good.
    pub practice: bool,
    /// PostgreSQL: which cluster and database it was made in.
    pub place: String,
    /// Why nothing may go out until a person says so; empty: not held.
    pub held: String,
    /// Since when a person has halted all sending.
    pub stopped: Option<Micros>,
    /// Counted up by every act the engine must notice.
    pub change: i64,
    /// When it was made.
    pub created: Micros,
}

/// As stored.
#[derive(sqlx::FromRow)]
struct InstallationRow {
    id: String,
    practice: i64,
    place: String,
    held: String,
    stopped_us: i64,
    change: i64,
    created_us: i64,
}

impl TryFrom<InstallationRow> for Installation {
    type Error = Corrupt;

    fn try_from(row: InstallationRow) -> std::result::Result<Self, Corrupt> {
        let installation = Columns::of("installation", &row.id);
        Ok(Self {
            practice: installation.flag("practice", row.practice)?,
            stopped: columns::time(row.stopped_us),
            created: Micros(row.created_us),
            place: row.place,
            held: row.held,
            change: row.change,
            id: row.id,
        })
    }
}

impl Installation {
    /// May anything go out?
    pub fn may_send(&self) -> bool {
        self.held.is_empty() && self.stopped.is_none()
    }
}

impl Tx {
    /// The installation; `None` on a database that has never been used.
    pub async fn installation(&mut self) -> Result<Option<Installation>> {
        let row: Option<InstallationRow> = on!(self, db => sqlx::query_as(
            "SELECT id, practice, place, held, stopped_us, change, created_us FROM installation WHERE one = 1")
            .fetch_optional(db).await)?;
        Ok(row.map(Installation::try_from).transpose()?)
    }

    /// The installation, made at the first use with its first ledger entry. A practice database and a
    /// real one are never the same.
    pub async fn installation_or_new(
        &mut self,
        practice: bool,
        now: Micros,
    ) -> Result<Installation> {
        if let Some(known) = self.installation().await? {
            return match known.practice == practice {
                true => Ok(known),
                false if practice => Err(Refusal::MadeForReal.into()),
                false => Err(Refusal::MadeForPractice.into()),
            };
        }
        let new = Installation {
            id: Uuid::now_v7().to_string(),
            practice,
            place: self.place().await?,
            held: String::new(),
            stopped: None,
            change: 0,
            created: now,
        };
        on!(self, db => sqlx::query(
            "INSERT INTO installation (one, id, practice, place, created_us) VALUES (1, $1, $2, $3, $4)")
            .bind(&new.id).bind(i64::from(new.practice)).bind(&new.place).bind(new.created.0).execute(db).await.map(drop))?;
        self.record(
            now,
            &[Event::Genesis {
                v: 1,
                installation: new.id.clone(),
                practice,
            }],
        )
        .await?;
        Ok(new)
    }

    /// Where a PostgreSQL database stands: another cluster or another database of it is a copy.
    pub async fn place(&mut self) -> Result<String> {
        let sql = dialect!(self,
            sqlite: "SELECT ''",
            postgres: "SELECT s.system_identifier::text || '/' || d.oid::text
                         FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()");
        on!(self, db => sqlx::query_scalar(sql).fetch_one(db).await)
    }

    /// Tells the engine that something it must notice has changed.
    pub async fn bump(&mut self) -> Result<()> {
        self.bumps = true;
        on!(self, db => sqlx::query("UPDATE installation SET change = change + 1").execute(db).await.map(drop))
    }

    /// Holds the database, or lets it go (`reason` empty).
    pub async fn set_held(&mut self, reason: &str) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE installation SET held = $1").bind(reason).execute(db).await.map(drop))?;
        self.bump().await
    }

    /// Notes that this is where the database now stands, by a person's word.
    pub async fn set_place(&mut self, place: &str) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE installation SET place = $1").bind(place).execute(db).await.map(drop))
    }

    /// Halts all sending since then, or lets it go on.
    pub async fn set_stopped(&mut self, since: Option<Micros>) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE installation SET stopped_us = $1").bind(columns::us(since)).execute(db).await.map(drop))?;
        self.bump().await
    }

    /// Takes or renews the engine's lease on PostgreSQL: true when it is ours until `until`, by the
    /// database's own clock.
    pub async fn lease(&mut self, holder: &str, seconds: f64) -> Result<bool> {
        let Some(done) = self.lease_rows(holder, seconds).await? else {
            return Ok(true);
        };
        Ok(done == 1)
    }

    async fn lease_rows(&mut self, holder: &str, seconds: f64) -> Result<Option<u64>> {
        match &mut self.inner {
            super::Inner::Sqlite(_) => Ok(None),
            super::Inner::Postgres(t) => Ok(Some(
                sqlx::query(
                    "UPDATE engine_lease
                        SET holder = $1, until_us = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + ($2 * 1000000)::bigint
                      WHERE holder = $1 OR until_us < (extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
                )
                .bind(holder)
                .bind(seconds)
                .execute(&mut **t)
                .await?
                .rows_affected(),
            )),
        }
    }

    /// Does `holder` hold the lease, now and until this transaction ends? On SQLite a file lock does this.
    pub async fn holds_lease(&mut self, holder: &str) -> Result<bool> {
        match &mut self.inner {
            super::Inner::Sqlite(_) => Ok(true),
            super::Inner::Postgres(t) => {
                let row = sqlx::query("SELECT 1 FROM engine_lease WHERE holder = $1 FOR SHARE")
                    .bind(holder);
                Ok(row.fetch_optional(&mut **t).await?.is_some())
            }
        }
    }

    /// Gives the lease back at once.
    pub async fn unlease(&mut self, holder: &str) -> Result<()> {
        match &mut self.inner {
            super::Inner::Sqlite(_) => Ok(()),
            super::Inner::Postgres(t) => {
                sqlx::query("UPDATE engine_lease SET until_us = 0 WHERE holder = $1")
                    .bind(holder)
                    .execute(&mut **t)
                    .await?;
                Ok(())
            }
        }
    }
}
