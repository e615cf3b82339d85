//! The engine's lease on PostgreSQL: taken once and recovered behind, renewed by its holder alone, given up without a
//! fight; and a host that sleeps within a transaction keeps nobody waiting.

use std::time::Duration;

use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};
use tokio::time::Instant;
use watchbell::{
    clock::Clock,
    domain::{event::Event, time::Micros},
    engine::{journal::Recorder, lock::EngineLock},
    store::{Limits, Store, error::Next},
};

use crate::{
    harness::journal::{on_each, reserve},
    harness::postgres,
    harness::program::{eventually, eventually_within},
    harness::story::machine,
};

/// A database of its own with an installation; none where PostgreSQL is left out.
async fn database() -> Option<(String, Store)> {
    let url = postgres::scratch().await?;
    let store = Store::open(&url, Limits::default()).await.unwrap();
    let act = store.begin_entry("test", Micros(1)).await.unwrap();
    act.install(true).await.unwrap();
    Some((url, store))
}

async fn take(store: &Store) -> Option<EngineLock> {
    EngineLock::try_take(store, "office-1").await.unwrap()
}

/// Who holds it, and for how much longer.
async fn lease(db: &mut PgConnection) -> (String, Duration) {
    let row = db
        .fetch_one(
            "SELECT holder, until_us - (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS left FROM engine_lease",
        )
        .await
        .unwrap();
    let left: i64 = row.get("left");
    (row.get("holder"), Duration::from_micros(left.max(0) as u64))
}

#[tokio::test]
async fn an_overtaken_engine_does_not_take_the_lease_again() {
    let Some((url, store)) = database().await else {
        return;
    };
    let overtaken = take(&store).await.unwrap();
    let mut db = PgConnection::connect(&url).await.unwrap();
    // Another host took it, and gave it back at once: nobody holds it now.
    db.execute("UPDATE engine_lease SET holder = 'another', until_us = 0")
        .await
        .unwrap();
    tokio::time::timeout(Duration::from_secs(4), overtaken.lost())
        .await
        .expect("it notices");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(lease(&mut db).await.0, "another");
}

#[tokio::test]
async fn who_holds_it_keeps_it_through_a_long_recovery() {
    let Some((url, store)) = database().await else {
        return;
    };
    let held = take(&store).await.unwrap();
    let mut db = PgConnection::connect(&url).await.unwrap();
    let begun = Instant::now();
    // Longer than a lease lasts.
    while begun.elapsed() < Duration::from_secs(6) {
        assert!(take(&store).await.is_none());
        assert_eq!(lease(&mut db).await.0, held.name());
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    held.give_back().await.unwrap();
    assert!(take(&store).await.is_some(), "at once");
}

/// A long commit of the journal, and whoever looks: the row is in use, and nobody takes that for silence.
#[tokio::test]
async fn a_row_that_is_in_use_is_not_waited_for_and_a_free_one_is_taken_for_a_whole_lease() {
    let Some((url, store)) = database().await else {
        return;
    };
    let mut other = PgConnection::connect(&url).await.unwrap();
    other
        .execute("BEGIN; SELECT 1 FROM engine_lease FOR SHARE")
        .await
        .unwrap();
    let begun = Instant::now();
    assert!(take(&store).await.is_none());
    assert!(begun.elapsed() < Duration::from_secs(1));
    other.execute("COMMIT").await.unwrap();
    let taken = take(&store).await.expect("it is free");
    let (holder, left) = lease(&mut other).await;
    assert_eq!(holder, taken.name());
    assert!(left > Duration::from_millis(4_600), "{left:?} left of it");
}

#[tokio::test]
async fn a_lease_from_a_clock_that_was_set_back_is_nobodys() {
    let Some((url, store)) = database().await else {
        return;
    };
    let mut db = PgConnection::connect(&url).await.unwrap();
    db.execute("UPDATE engine_lease SET holder = 'gone', until_us = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + 3600000000")
        .await
        .unwrap();
    let taken = take(&store).await.expect("no lease lasts an hour");
    assert!(take(&store).await.is_none());
    drop(taken);
}

/// Containers: the same host name, and each is process 1.
#[tokio::test]
async fn each_life_of_an_engine_has_a_name_of_its_own_in_its_claims() {
    on_each(async |mut desk| {
        let (run, lane) = desk
            .frozen(2, 1, watchbell::domain::policy::OnDoubt::Hold)
            .await;
        desk.commit([
            reserve(lane, 2, 10),
            watchbell::engine::journal::Op::Open(run),
        ])
        .await;
        let first = take(&desk.store).await.unwrap();
        assert!(take(&desk.store).await.is_none(), "two engines by one name");
        let name = first.name().to_owned();
        first.give_back().await.unwrap();
        let second = take(&desk.store).await.unwrap();
        assert_ne!(second.name(), name);
        assert!(name.starts_with("office-1-"));
        second.give_back().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_host_that_sleeps_within_an_act_keeps_nobody_waiting() {
    let Some((url, store)) = database().await else {
        return;
    };
    let asleep = Store::open(&url, Limits::default()).await.unwrap();
    let mut act = asleep.begin_entry("sleeps", Micros(2)).await.unwrap();
    act.tx.bump().await.unwrap();
    let begun = Instant::now();
    let event = Event::Engine {
        node: "n".into(),
        act: "started".into(),
    };
    let awake = store.begin_entry("awake", Micros(3)).await.unwrap();
    awake.commit(std::slice::from_ref(&event)).await.unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    // And the sleeper is told, so that it looks whether its commit happened.
    let error = act.commit(&[event]).await.unwrap_err();
    assert_eq!(error.next(), Next::AskHead, "{error}");
}

/// The same for the lease: a recorder that was frozen behind its fence.
#[tokio::test]
async fn a_host_that_sleeps_behind_its_fence_does_not_keep_the_lease() {
    let Some((url, store)) = database().await else {
        return;
    };
    let frozen = Store::open(&url, Limits::default()).await.unwrap();
    let lock = take(&frozen).await.unwrap();
    let mut fence = frozen.begin("sleeps").await.unwrap();
    assert!(fence.holds_lease(lock.name()).await.unwrap());
    drop(lock);
    let begun = Instant::now();
    eventually_within(Duration::from_secs(10), "another takes it", async || {
        matches!(EngineLock::try_take(&store, "other").await, Ok(Some(_)))
    })
    .await;
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
}

/// Somebody else's transaction that locks in another order: one of the two is ended, and the act is made again.
#[tokio::test]
async fn an_act_that_loses_a_deadlock_is_made_again() {
    let Some((url, store)) = database().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let config = crate::harness::county::settings(&url, "127.0.0.1:1", "", "");
    let file = folder.path().join("watchbell.toml");
    std::fs::write(&file, format!("practice = true\n{config}")).unwrap();
    let config = watchbell::config::Config::load(Some(&file), []).unwrap();
    let office = watchbell::service::Office {
        store,
        clock: Clock::system(),
        config: config.into(),
    };
    let mut other = PgConnection::connect(&url).await.unwrap();
    for turn in 0..2 {
        other
            .execute("BEGIN; UPDATE installation SET change = change + 1")
            .await
            .unwrap();
        let acting = tokio::spawn({
            let office = office.clone();
            async move {
                match turn {
                    0 => office.sending().stop(&machine(), "").await.map(drop),
                    _ => office.sending().release(&machine(), "checked").await,
                }
            }
        });
        // The act has the chain's head and waits for the installation.
        let mut looks = PgConnection::connect(&url).await.unwrap();
        eventually("the act waits", async || {
            let waits = looks
                .fetch_one("SELECT count(*) AS n FROM pg_locks WHERE NOT granted")
                .await
                .unwrap();
            waits.get::<i64, _>("n") > 0
        })
        .await;
        let theirs = other.execute("SELECT n FROM chain_head FOR UPDATE").await;
        _ = other.execute("COMMIT").await;
        acting.await.unwrap().expect("it is made again");
        println!("turn {turn}: the other one was ended: {}", theirs.is_err());
    }
}

/// A person's decision goes through a journal of its own: the same holds for it.
#[tokio::test]
async fn a_journal_of_one_act_asks_the_head_when_its_commit_was_cut_off() {
    on_each(async |desk| {
        let recorder = Recorder::open(
            desk.store.clone(),
            desk.clock.clone(),
            std::collections::HashMap::new(),
        );
        let note = watchbell::engine::journal::Op::Append(Event::Engine {
            node: "n".into(),
            act: "started".into(),
        });
        recorder.await.unwrap().commit_soon(&[note]).await.unwrap();
    })
    .await;
}
