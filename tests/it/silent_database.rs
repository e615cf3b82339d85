//! A database host that vanishes without a word: no reset, no end, only silence on every connection. The journal does
//! not wait for ever, throws its connections away, says so, and goes on when the host is back.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};
use watchbell::{
    clock::Clock,
    domain::{event::Event, time::Micros},
    engine::{
        journal::{Op, Recorder},
        lock::EngineLock,
    },
    gateway::WriteGate,
    store::{Limits, Store},
};

use crate::{
    harness::county::carrier,
    harness::line::{Line, State},
    harness::postgres,
    harness::program::{Stage, eventually, eventually_within, get},
};

fn note(act: &str) -> Op {
    Op::Append(Event::Engine {
        node: "n".into(),
        act: act.into(),
    })
}

/// The same database over the line.
fn url_over(line: &Line, direct: &str) -> String {
    let (place, database) = direct.rsplit_once('/').unwrap();
    let (user, _) = place.rsplit_once('@').unwrap();
    format!("{user}@{}/{database}", line.address())
}

/// The server behind a line, with an installation; none where PostgreSQL is left out.
async fn behind_a_line() -> Option<(Line, Store, String)> {
    let direct = postgres::scratch().await?;
    let (place, _) = direct.rsplit_once('/').unwrap();
    let (_, server) = place.rsplit_once('@').unwrap();
    let server = tokio::net::lookup_host(server)
        .await
        .unwrap()
        .next()
        .unwrap();
    let line = Line::to(server).await;
    let url = url_over(&line, &direct);
    let store = Store::open(&url, Limits::default()).await.unwrap();
    let act = store.begin_entry("test", Micros(1)).await.unwrap();
    act.install(false).await.unwrap();
    Some((line, store, direct))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_says_so_and_goes_on_with_new_connections() {
    let Some((line, store, direct)) = behind_a_line().await else {
        return;
    };
    let lock = EngineLock::try_take(&store, "office")
        .await
        .unwrap()
        .unwrap();
    let gate: WriteGate = lock.gate();
    let recorder = Recorder::open(store.for_engine(), Clock::system(), HashMap::new());
    let recorder = recorder.await.unwrap().fenced(&lock);
    let (send, ops) = mpsc::channel(8);
    let (done, mut committed) = mpsc::channel(8);
    let told = Arc::new(AtomicBool::new(false));
    let journal = tokio::spawn(recorder.run(ops, done, {
        let told = told.clone();
        move |_| told.store(true, Ordering::Relaxed)
    }));
    send.send(vec![note("before")]).await.unwrap();
    committed.recv().await.unwrap();
    line.set(State::Silent);
    send.send(vec![note("meanwhile")]).await.unwrap();
    eventually_within(Duration::from_secs(12), "somebody is told", async || {
        told.load(Ordering::Relaxed)
    })
    .await;
    eventually("no byte goes out", async || !gate.is_open(Instant::now())).await;
    line.set(State::Open);
    let back = Instant::now();
    tokio::time::timeout(Duration::from_secs(20), committed.recv())
        .await
        .expect("it goes on")
        .unwrap();
    eventually_within(
        Duration::from_secs(10),
        "the lease is renewed",
        async || gate.is_open(Instant::now()),
    )
    .await;
    println!("on after {:?}", back.elapsed());
    drop(send);
    journal.await.unwrap().unwrap();
    let other = Store::open(&direct, Limits::default()).await.unwrap();
    let entries = other
        .read("test")
        .await
        .unwrap()
        .entries_after(0, 99)
        .await
        .unwrap();
    let meanwhile = entries.iter().filter(|e| e.events.contains("meanwhile"));
    assert_eq!(meanwhile.count(), 1, "once");
    lock.give_back().await.unwrap();
}

/// A reader, a person's act: an error in time, and the next one is answered.
#[tokio::test(flavor = "multi_thread")]
async fn who_acts_gets_an_answer_and_the_next_one_a_new_connection() {
    let Some((line, store, _)) = behind_a_line().await else {
        return;
    };
    // Idle connections that will be found dead.
    let both = (
        store.read("one").await.unwrap(),
        store.read("two").await.unwrap(),
    );
    drop(both);
    line.set(State::Silent);
    let begun = Instant::now();
    let error = store.begin_entry("act", Micros(2)).await.unwrap_err();
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}: {error}",
        begun.elapsed()
    );
    line.set(State::Open);
    let begun = Instant::now();
    let act = store.begin_entry("act", Micros(3)).await.unwrap();
    act.commit(&[]).await.unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

/// The commit happened, and its answer was lost: nobody is told that it failed.
#[tokio::test(flavor = "multi_thread")]
async fn an_act_whose_answer_is_lost_is_found_in_the_chain() {
    let Some((line, store, direct)) = behind_a_line().await else {
        return;
    };
    for (turn, reaches) in [(1, true), (2, false)] {
        let act = store.begin_entry("act", Micros(10 + turn)).await.unwrap();
        let event = Event::Engine {
            node: "n".into(),
            act: format!("act {turn}"),
        };
        line.set(if reaches {
            State::MuteAtCommit
        } else {
            State::Silent
        });
        let healing = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            line.set(State::Open);
        };
        let events = [event];
        let (done, ()) = tokio::join!(act.commit(&events), healing);
        assert_eq!(done.is_ok(), reaches, "{done:?}");
    }
    let other = Store::open(&direct, Limits::default()).await.unwrap();
    let mut tx = other.read("test").await.unwrap();
    let entries = tx.entries_after(0, 99).await.unwrap();
    let acts: Vec<_> = entries
        .iter()
        .filter(|e| e.events.contains("\"act "))
        .collect();
    assert_eq!(acts.len(), 1, "{acts:?}");
}

/// Whoever asks whether the daemon could send now is answered within a second.
#[tokio::test(flavor = "multi_thread")]
async fn readiness_is_denied_at_once() {
    let Some((line, store, direct)) = behind_a_line().await else {
        return;
    };
    store.close().await;
    let url = url_over(&line, &direct);
    let stage = Stage::with_database(&url, carrier(), "", "").await;
    let (daemon, address) = stage.serve().await;
    eventually("it is ready", async || {
        get(&address, "/readyz").await.0 == 200
    })
    .await;
    line.set(State::Silent);
    let begun = Instant::now();
    let (status, body) = get(&address, "/readyz").await;
    assert!(
        begun.elapsed() < Duration::from_millis(1_500),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(status, 503, "{body}");
    line.set(State::Open);
    eventually("it is ready again", async || {
        get(&address, "/readyz").await.0 == 200
    })
    .await;
    daemon.ends_well().await;
}
