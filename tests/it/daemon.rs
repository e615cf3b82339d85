//! `serve` as a process: its pages, its end, and who has the engine.

use std::time::Duration;

use tokio::time::Instant;
use watchbell::domain::message::Outcome;

use crate::{
    harness::county::carrier,
    harness::program::{Stage, TEXT, eventually, get, ready},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_answers_and_drains_at_a_signal() {
    let stage = Stage::open(carrier(), "", "rate = 300\nlinks = 2\nwindow = 32").await;
    let run = stage.queue(&stage.numbers(0, 2_000), &[]).await;
    let (daemon, address) = stage.serve().await;
    assert_eq!(get(&address, "/healthz").await, (200, "ok\n".to_owned()));
    eventually("it is ready", async || {
        get(&address, "/readyz").await.0 == 200
    })
    .await;
    stage.taken_at_least(200).await;
    let (status, metrics) = get(&address, "/metrics").await;
    assert_eq!(status, 200);
    assert!(
        metrics.contains("watchbell_segments_accepted_total{gateway=\"mobile\"}"),
        "{metrics}"
    );
    assert_eq!(get(&address, "/nowhere").await.0, 404);
    let asked = Instant::now();
    daemon.ends_well().await;
    println!("drained in {:?}", asked.elapsed());
    // Nothing hangs in the air: what was not sent waits, and no message is in doubt.
    let counts = stage.view(&run).await.counts;
    assert_eq!(
        (counts.of(Outcome::InDoubt), counts.submitting),
        (0, 0),
        "{counts:?}"
    );
    assert_eq!(counts.left() as u64, stage.taken());
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_daemon_a_sender_only_queues_and_watches() {
    let stage = Stage::open(carrier(), "", "rate = 500\nlinks = 2\nwindow = 32").await;
    let (daemon, address) = stage.serve().await;
    eventually("it is ready", async || {
        ready(&address).await["engine"] == true
    })
    .await;
    let list = stage.numbers(0, 200).display().to_string();
    let sent = stage
        .run(&["send", "--to", &list, "--text", TEXT, "--wait", "--json"])
        .await
        .ok()
        .json();
    assert_eq!(sent["messages"]["delivered"], 200);
    assert_eq!(
        stage.carrier.counts().logins,
        2,
        "only the daemon logs in, once a link"
    );
    daemon.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_without_the_engine_takes_over_when_its_holder_is_killed() {
    let stage = Stage::open(
        carrier(),
        "doubt_grace = \"2s\"",
        "rate = 300\nlinks = 2\nwindow = 32",
    )
    .await;
    let run = stage.queue(&stage.numbers(0, 900), &[]).await;
    let (mut first, _) = stage.serve().await;
    stage.taken_at_least(50).await;
    let (second, address) = stage.serve().await;
    assert_eq!(ready(&address).await["engine"], false);
    assert_eq!(get(&address, "/healthz").await.0, 200);
    stage.taken_at_least(200).await;
    first.kill().await;
    let (before, killed) = (stage.taken(), Instant::now());
    stage.taken_at_least(before + 50).await;
    println!("taken over in {:?}", killed.elapsed());
    eventually("the run is over", async || {
        stage.view(&run).await.closed.is_some()
    })
    .await;
    let counts = stage.view(&run).await.counts;
    assert_eq!(counts.total(), 900);
    assert_eq!(
        counts.of(Outcome::Delivered) as u64,
        stage.taken(),
        "{counts:?}"
    );
    assert_eq!(stage.carrier.counts().recipients_sent_twice, 0);
    second.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_ends_by_a_signal_and_leaves_the_rest_queued() {
    let stage = Stage::open(carrier(), "", "rate = 200\nwindow = 32").await;
    let list = stage.numbers(0, 800).display().to_string();
    let sender = stage.spawn(&["send", "--to", &list, "--text", TEXT, "--wait", "--json"]);
    stage.taken_at_least(100).await;
    sender.terminate().await;
    let ended = sender.ended(Duration::from_secs(10)).await;
    assert_eq!(ended.code, Some(1), "not done: {ended:?}");
    let queued = ended.json()["messages"]["queued"].as_u64().unwrap();
    assert_eq!(queued, 800 - stage.taken(), "{ended:?}");
    // The next sender's engine takes it along.
    let list = stage.numbers(1_000, 10).display().to_string();
    stage
        .run(&[
            "send",
            "--to",
            &list,
            "--text",
            "后来的",
            "--wait",
            "--priority",
            "urgent",
        ])
        .await
        .ok();
    let (daemon, _) = stage.serve().await;
    let run = ended.json()["run"].as_str().unwrap().to_owned();
    eventually("the first run is over", async || {
        stage.view(&run).await.closed.is_some()
    })
    .await;
    daemon.ends_well().await;
    assert_eq!(
        (stage.taken(), stage.carrier.counts().recipients_sent_twice),
        (810, 0)
    );
}
