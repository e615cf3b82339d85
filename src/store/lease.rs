//! The engine's lease on PostgreSQL: one row with the holder's name and until when it holds, by the server's clock.
//! On SQLite a file lock does this, and all here is true.

use std::time::Duration;

use sqlx::{PgConnection, Postgres, postgres::PgArguments, query::Query};

use super::{Inner, Result, Tx};

/// The server's time in microseconds, when the statement comes to it: not when its transaction began.
macro_rules! now_us {
    () => {
        "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    };
}

/// Nobody holds it, or it lies further ahead than this.
macro_rules! is_free {
    ($longest:literal) => {
        concat!(
            "(until_us < ",
            now_us!(),
            " OR until_us > ",
            now_us!(),
            " + ",
            $longest,
            ")"
        )
    };
}

impl Tx {
    /// Takes the lease for so long, where nobody holds it. A row that somebody has locked is in use. It is locked before
    /// the time is looked at: who waited for it long would get a lease that has run out. One that lies further ahead
    /// than any lasts comes from a clock that was set back. What the last holder left has to be recovered then.
    pub async fn take_lease(&mut self, holder: &str, lasting: Duration) -> Result<bool> {
        self.on_lease(async |db, patience| {
            let look = sqlx::query(concat!("SELECT 1 FROM engine_lease WHERE ", is_free!("$1")));
            let longest = i64::try_from(lasting.as_micros())
                .unwrap_or(i64::MAX)
                .saturating_mul(2);
            if !patience.wait(is_done(look.bind(longest), db)).await? {
                return Ok(false);
            }
            let lock = sqlx::query("SELECT 1 FROM engine_lease FOR UPDATE SKIP LOCKED");
            if !patience.wait(is_done(lock, db)).await? {
                return Ok(false);
            }
            let take = sqlx::query(concat!(
                "UPDATE engine_lease SET holder = $1, until_us = ",
                now_us!(),
                " + $2 WHERE ",
                is_free!("$2 * 2")
            ));
            patience
                .wait(is_done(with(take, holder, lasting), db))
                .await
        })
        .await
    }

    /// Holds on to the lease for so long from now; false: it is another's. It may have run out: as long as nobody
    /// took it, nobody has recovered what we have under way.
    pub async fn renew_lease(&mut self, holder: &str, lasting: Duration) -> Result<bool> {
        self.on_lease(async |db, patience| {
            let renew = sqlx::query(concat!(
                "UPDATE engine_lease SET until_us = ",
                now_us!(),
                " + $2 WHERE holder = $1"
            ));
            patience
                .wait(is_done(with(renew, holder, lasting), db))
                .await
        })
        .await
    }

    /// Does `holder` hold the lease, now and until this transaction ends? It can be renewed meanwhile, and not taken.
    pub async fn holds_lease(&mut self, holder: &str) -> Result<bool> {
        self.on_lease(async |db, patience| {
            let held = sqlx::query("SELECT 1 FROM engine_lease WHERE holder = $1 FOR KEY SHARE");
            patience.wait(is_done(held.bind(holder), db)).await
        })
        .await
    }

    /// Gives the lease back at once.
    pub async fn give_lease_back(&mut self, holder: &str) -> Result<bool> {
        self.on_lease(async |db, patience| {
            let give = sqlx::query("UPDATE engine_lease SET until_us = 0 WHERE holder = $1");
            patience.wait(is_done(give.bind(holder), db)).await
        })
        .await
    }

    async fn on_lease(
        &mut self,
        ask: impl AsyncFnOnce(&mut PgConnection, &super::Patience) -> sqlx::Result<bool>,
    ) -> Result<bool> {
        match &mut self.inner {
            Inner::Sqlite(_) => Ok(true),
            Inner::Postgres(t) => Ok(ask(&mut **t, &self.patience).await?),
        }
    }
}

type Statement<'q> = Query<'q, Postgres, PgArguments>;

fn with<'q>(statement: Statement<'q>, holder: &'q str, lasting: Duration) -> Statement<'q> {
    let us = i64::try_from(lasting.as_micros()).unwrap_or(i64::MAX);
    statement.bind(holder).bind(us)
}

async fn is_done(statement: Statement<'_>, db: &mut PgConnection) -> sqlx::Result<bool> {
    Ok(statement.execute(db).await?.rows_affected() == 1)
}
