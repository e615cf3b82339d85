//! Databases on a PostgreSQL server, one a test. `scripts/test` starts a server and names it in
//! `WATCHBELL_TEST_POSTGRES`; without it the stories run on SQLite alone, and one test fails and says so.

use sqlx::{Connection as _, Executor as _, PgConnection};

/// `postgres://user@host:port/database` of a user who may create databases, or `none`.
const SERVER: &str = "WATCHBELL_TEST_POSTGRES";

/// The server's URL, where there is one.
pub(crate) fn server() -> Option<String> {
    std::env::var(SERVER).ok().filter(|s| s != "none")
}

/// An empty database of its own: its URL. None without a server.
pub(crate) async fn scratch() -> Option<String> {
    let server = server()?;
    let name = format!("wb_{}", uuid::Uuid::now_v7().simple());
    order(&format!("CREATE DATABASE {name}")).await;
    let (place, _) = server.rsplit_once('/').unwrap();
    Some(format!("{place}/{name}"))
}

/// Drops a database of [`scratch`] that nobody uses any more.
pub(crate) async fn discard(url: &str) {
    let (_, name) = url.rsplit_once('/').unwrap();
    order(&format!("DROP DATABASE {name}")).await;
}

/// Runs a statement about databases on the server.
pub(crate) async fn order(sql: &str) {
    let server = server().expect("there is a server");
    let mut admin = PgConnection::connect(&server).await.unwrap_or_else(|e| {
        panic!(
            "{SERVER}={server} does not answer ({e}): `./scripts/test server` starts one and says where; \
             {SERVER}=none leaves PostgreSQL out"
        )
    });
    admin.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
}

#[test]
fn postgresql_is_tested_too_unless_somebody_said_none() {
    assert!(
        std::env::var_os(SERVER).is_some(),
        "{SERVER} is not set, so all stories ran on SQLite alone: `./scripts/test` starts a server; \
         `{SERVER}=none` leaves PostgreSQL out on purpose"
    );
}
