//! A database of an older or a newer version: only who holds the engine's lock brings it up to date, everybody else says
//! what to do and changes nothing.

use std::borrow::Cow;

use sqlx::{Executor as _, migrate::Migrator};
use watchbell::{
    engine::lock::EngineLock,
    store::{Limits, Store, schema::Schema},
};

use crate::{
    harness::county::carrier,
    harness::postgres,
    harness::program::{Stage, eventually},
};

/// The schema as it was some versions ago.
const OLD: i64 = 8;

/// Runs a statement on either database.
async fn change(url: &str, sql: &'static str) {
    if url.starts_with("sqlite") {
        let pool = sqlx::SqlitePool::connect(url).await.unwrap();
        pool.execute(sql).await.unwrap();
        pool.close().await;
    } else {
        let pool = sqlx::PgPool::connect(url).await.unwrap();
        pool.execute(sql).await.unwrap();
        pool.close().await;
    }
}

/// An installation as an older version left it.
async fn make_old(url: &str, file: Option<&std::path::Path>) {
    let older = |all: Migrator| {
        let old = all.iter().filter(|m| m.version <= OLD).cloned();
        Migrator {
            migrations: Cow::Owned(old.collect()),
            ..Migrator::DEFAULT
        }
    };
    match file {
        Some(path) => {
            let options = sqlx::sqlite::SqliteConnectOptions::new()
                .filename(path)
                .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
                .create_if_missing(true);
            let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
            older(sqlx::migrate!("migrations/sqlite"))
                .run(&pool)
                .await
                .unwrap();
            pool.close().await;
        }
        None => {
            let pool = sqlx::PgPool::connect(url).await.unwrap();
            older(sqlx::migrate!("migrations/postgres"))
                .run(&pool)
                .await
                .unwrap();
            pool.close().await;
        }
    }
}

async fn on_each(story: impl AsyncFn(Stage, String)) {
    for url in [Some(String::new()), postgres::scratch().await]
        .into_iter()
        .flatten()
    {
        let on_file = url.is_empty();
        let database = if on_file {
            "sqlite://watchbell.db"
        } else {
            &url
        };
        let stage = Stage::with_database(database, carrier(), "", "").await;
        let path = stage.path("watchbell.db");
        let url = match on_file {
            true => format!("sqlite://{}", path.display()),
            false => url,
        };
        make_old(&url, on_file.then_some(&path)).await;
        story(stage, url).await;
    }
}

async fn schema(url: &str) -> Schema {
    let store = Store::connect(url, Limits::default()).await.unwrap();
    let schema = store.schema().await.unwrap();
    store.close().await;
    schema
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_leaves_an_older_database_as_it_is_and_says_what_to_do() {
    on_each(async |stage, url| {
        for args in [
            &["run", "list", "--json"][..],
            &["audit", "verify", "--json"],
        ] {
            let refused = stage.run(args).await;
            assert_eq!(refused.code, Some(1), "{refused:?}");
            assert_eq!(
                refused.json()["error"]["code"],
                "schema_older",
                "{refused:?}"
            );
            assert!(refused.err.contains("watchbell migrate"), "{refused:?}");
        }
        assert_eq!(schema(&url).await, Schema::Older(OLD));
        stage.run(&["migrate"]).await.ok();
        assert_eq!(schema(&url).await, Schema::Current);
        stage.run(&["run", "list"]).await.ok();
    })
    .await;
}

/// The emergency brake of the old daemon, and the copy before the upgrade.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_database_can_be_halted_and_copied_as_it_is() {
    on_each(async |stage, url| {
        change(
            &url,
            "INSERT INTO installation (one, id, practice, created_us) VALUES (1, 'an-id', 0, 1)",
        )
        .await;
        stage.run(&["stop"]).await.ok();
        if url.starts_with("sqlite") {
            stage.run(&["backup", "copy.db"]).await.ok();
            assert!(stage.path("copy.db").exists());
        }
        assert_eq!(schema(&url).await, Schema::Older(OLD));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_migrates_under_an_engine_and_the_next_daemon_does_when_it_has_stopped() {
    on_each(async |stage, url| {
        let store = Store::connect(&url, Limits::default()).await.unwrap();
        let engine = EngineLock::try_take(&store, "office")
            .await
            .unwrap()
            .unwrap();
        let refused = stage.run(&["migrate", "--as", "nobody"]).await;
        assert_ne!(refused.code, Some(0));
        let refused = stage.run(&["migrate"]).await;
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(
            refused.err.contains("stop `watchbell serve`"),
            "{refused:?}"
        );
        let waiting = stage.spawn(&["serve"]);
        eventually("the new daemon says that it waits", async || {
            waiting.said().contains("older version's schema")
        })
        .await;
        assert_eq!(schema(&url).await, Schema::Older(OLD));
        engine.give_back().await.unwrap();
        eventually("it listens", async || waiting.said().contains("http://")).await;
        assert_eq!(schema(&url).await, Schema::Current);
        waiting.ends_well().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_is_left_alone() {
    on_each(async |stage, url| {
        stage.run(&["migrate"]).await.ok();
        let newer = match url.starts_with("sqlite") {
            true => {
                "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'to come', 1, x'00', 0)"
            }
            false => {
                "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'to come', true, '\\x00', 0)"
            }
        };
        change(&url, newer).await;
        for args in [&["run", "list", "--json"][..], &["migrate"], &["serve"]] {
            let refused = stage.run(args).await;
            assert_eq!(refused.code, Some(1), "{refused:?}");
            assert!(refused.err.contains("use that version"), "{refused:?}");
        }
        let refused = stage.run(&["run", "list", "--json"]).await.json();
        assert_eq!(refused["error"]["code"], "schema_newer");
    })
    .await;
}

/// Eight commands in one moment in an empty folder, or on an empty server's database.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_many_make_at_once_is_made_once() {
    for url in [Some(String::new()), postgres::scratch().await]
        .into_iter()
        .flatten()
    {
        let database = if url.is_empty() {
            "sqlite://watchbell.db"
        } else {
            &url
        };
        let stage = Stage::with_database(database, carrier(), "", "").await;
        let many = (0..8).map(|_| stage.run(&["run", "list"]));
        for ended in futures_util::future::join_all(many).await {
            ended.ok();
        }
    }
}
