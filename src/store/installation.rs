//! The one row that says what this database is: practice or real, held or not, stopped or not; and
//! the change counter that the engine polls.

use uuid::Uuid;

use super::{
    Corrupt, Refusal, Result, Tx,
    columns::{self, Columns},
    dialect,
    entry::EntryTx,
    on,
};
use crate::domain::{event::Event, ledger::Head, time::Micros};

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

impl EntryTx {
    /// Makes the installation at the first use, with the ledger's first entry; nothing where there is one.
    pub async fn install(mut self, practice: bool) -> Result<Option<(Installation, Head)>> {
        if self.tx.installation_for(practice).await?.is_some() {
            return Ok(None);
        }
        let new = Installation {
            id: Uuid::now_v7().to_string(),
            practice,
            place: self.tx.place().await?,
            held: String::new(),
            stopped: None,
            change: 0,
            created: self.time(),
        };
        on!(self.tx, db => sqlx::query(
            "INSERT INTO installation (one, id, practice, place, created_us) VALUES (1, $1, $2, $3, $4)")
            .bind(&new.id).bind(i64::from(new.practice)).bind(&new.place).bind(new.created.0).execute(db).await.map(drop))?;
        let genesis = Event::Genesis {
            v: 1,
            installation: new.id.clone(),
            practice,
        };
        Ok(Some((new, self.commit(&[genesis]).await?)))
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

    /// The installation, where there is one and it is of this kind: a practice database and a real one are never
    /// the same.
    pub async fn installation_for(&mut self, practice: bool) -> Result<Option<Installation>> {
        let Some(known) = self.installation().await? else {
            return Ok(None);
        };
        match known.practice == practice {
            true => Ok(Some(known)),
            false if practice => Err(Refusal::MadeForReal.into()),
            false => Err(Refusal::MadeForPractice.into()),
        }
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
}
