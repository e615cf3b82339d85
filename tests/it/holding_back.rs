//! Pause, resume, cancel, stop and release while the real daemon sends.

use std::time::Duration;

use tokio::time::Instant;
use watchbell::{
    domain::message::Outcome,
    simulate::{Faults, Settings, SubmitRefusal},
};

use crate::{
    harness::county::carrier,
    harness::program::{Stage, TEXT, eventually, ledger, ready, stays},
    harness::story::machine,
};

/// What a halt may take.
const SECOND: Duration = Duration::from_secs(1);

/// How long silence is watched.
const WATCHED: Duration = Duration::from_millis(1_200);

/// When the carrier last took something, watching until it has been quiet for a while.
async fn last_taken(stage: &Stage) -> Instant {
    let mut last = (stage.carrier.counts().submits, Instant::now());
    while last.1.elapsed() < WATCHED {
        let now = stage.carrier.counts().submits;
        if now != last.0 {
            last = (now, Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    last.1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_halts_within_a_second_and_counts_to_the_message() {
    let stage = Stage::open(carrier(), "", "rate = 200\nlinks = 2\nwindow = 32").await;
    let run = stage.queue(&stage.numbers(0, 800), &[]).await;
    let (daemon, _) = stage.serve().await;
    stage.taken_at_least(150).await;
    stage.run(&["run", "pause", &run]).await.ok();
    let asked = Instant::now();
    let last = last_taken(&stage).await;
    assert!(
        last < asked + SECOND,
        "the last one left {:?} after the pause",
        last - asked
    );
    eventually("what was paused is settled", async || {
        stage.view(&run).await.counts.submitting == 0
    })
    .await;
    let counts = stage.view(&run).await.counts;
    assert_eq!(counts.left() as u64, stage.taken(), "{counts:?}");
    assert_eq!(counts.queued as u64, 800 - stage.taken(), "{counts:?}");
    // Another run goes on meanwhile.
    let list = stage.numbers(1_000, 30).display().to_string();
    stage
        .run(&["send", "--to", &list, "--text", "另一批照常", "--wait"])
        .await
        .ok();
    stage.run(&["run", "resume", &run]).await.ok();
    stage.taken_at_least(500).await;
    stage
        .run(&["run", "cancel", &run, "--reason", "not needed"])
        .await
        .ok();
    let asked = Instant::now();
    let last = last_taken(&stage).await;
    assert!(
        last < asked + SECOND,
        "the last one left {:?} after the cancel",
        last - asked
    );
    eventually("the cancelled run is over", async || {
        stage.view(&run).await.closed.is_some()
    })
    .await;
    let counts = stage.view(&run).await.counts;
    let taken = stage.taken() - 30;
    assert_eq!(
        (
            counts.of(Outcome::Delivered) as u64,
            counts.of(Outcome::Cancelled) as u64
        ),
        (taken, 800 - taken)
    );
    let refused = stage.run(&["run", "resume", &run]).await;
    assert_eq!(refused.code, Some(1), "cancelled is for good: {refused:?}");
    daemon.ends_well().await;
    assert_eq!(stage.carrier.counts().recipients_sent_twice, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_that_resumes_is_finished() {
    let stage = Stage::open(carrier(), "", "rate = 300\nlinks = 2\nwindow = 32").await;
    let list = stage.numbers(0, 500).display().to_string();
    let sender = stage.spawn(&["send", "--to", &list, "--text", TEXT, "--wait", "--json"]);
    stage.taken_at_least(100).await;
    let run = stage.office().await.runs().list(&machine()).await.unwrap()[0]
        .id
        .to_string();
    stage.run(&["run", "pause", &run]).await.ok();
    last_taken(&stage).await;
    stage.run(&["run", "resume", &run]).await.ok();
    let ended = sender
        .ended(crate::harness::program::PATIENCE)
        .await
        .ok()
        .json();
    assert_eq!(ended["messages"]["delivered"], 500);
    assert_eq!(stage.carrier.counts().recipients_sent_twice, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_halts_everything_and_says_exactly_how_many_have_left() {
    let stage = Stage::open(carrier(), "", "rate = 300\nlinks = 2\nwindow = 32").await;
    let run = stage.queue(&stage.numbers(0, 900), &[]).await;
    // More than a busy machine lets through before the stop: what is over is not counted.
    let urgent = stage
        .queue(&stage.numbers(1_000, 1_500), &["--priority", "urgent"])
        .await;
    let (daemon, address) = stage.serve().await;
    stage.taken_at_least(200).await;
    let asked = Instant::now();
    let stopped = stage
        .run(&["stop", "--reason", "wrong text", "--json"])
        .await
        .ok()
        .json();
    let last = last_taken(&stage).await;
    assert!(
        last < asked + SECOND + SECOND,
        "process start included, the last one left after {:?}",
        last - asked
    );
    assert_eq!(stopped["counted_by_engine"], true);
    assert_eq!(stopped["left"].as_u64().unwrap(), stage.taken());
    assert_eq!(ready(&address).await["stopped"], true);
    // Once more: it is stopped, and the count is the same.
    let again = stage
        .run(&["stop", "--reason", "is it really?", "--json"])
        .await
        .ok()
        .json();
    assert_eq!(again["left"], stopped["left"]);
    daemon.ends_well().await;
    // Nobody sends: the count is the same by our own eyes, and a new daemon waits, and says so.
    let alone = stage.run(&["stop", "--json"]).await.ok().json();
    assert_eq!(
        (&alone["left"], &alone["counted_by_engine"]),
        (&stopped["left"], &false.into())
    );
    let (daemon, address) = stage.serve().await;
    eventually("its links are up", async || {
        ready(&address).await["ready"] == true
    })
    .await;
    stays("it is stopped", 2 * WATCHED, || {
        stage.carrier.counts().submits
    })
    .await;
    assert!(
        daemon.said().contains("watchbell release"),
        "{}",
        daemon.said()
    );
    stage
        .run(&["release", "--reason", "the text is right"])
        .await
        .ok();
    eventually("both runs are over", async || {
        stage.view(&run).await.closed.is_some() && stage.view(&urgent).await.closed.is_some()
    })
    .await;
    daemon.ends_well().await;
    assert_eq!(stage.taken(), 2_400);
    assert_eq!(stage.carrier.counts().recipients_sent_twice, 0);
    let ledger = ledger(&stage.office().await).await;
    assert!(ledger.contains("wrong text") && ledger.contains("the text is right"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_refused_after_the_stop_goes_back_and_no_half_of_it_leaves() {
    let settings = Settings {
        refusals: vec![SubmitRefusal {
            suffix: "00042".to_owned(),
            part: None,
            result: 10,
        }],
        faults: Faults {
            slow_answers: 100.0,
            slow_by: Duration::from_millis(1_200),
            ..Faults::default()
        },
        ..carrier()
    };
    let gateway = "rate = 500\nlinks = 1\nwindow = 8\nbatch = 99";
    let stage = Stage::open(settings, "", gateway).await;
    let run = stage.queue(&stage.numbers(0, 99), &[]).await;
    let (daemon, _) = stage.serve().await;
    eventually("all are on the way", async || {
        stage.view(&run).await.counts.submitting == 99 && stage.carrier.counts().submits > 0
    })
    .await;
    let stopped = stage.run(&["stop", "--json"]).await.ok().json();
    let submits = stage.carrier.counts().submits;
    // What is on the way may have left; what is refused then waits, and goes nowhere.
    assert_eq!(stopped["left"], 99);
    eventually("the refused batch waits", async || {
        let counts = stage.view(&run).await.counts;
        counts.submitting == 0 && counts.queued > 0
    })
    .await;
    stays("no half leaves", 2 * WATCHED, || {
        stage.carrier.counts().submits
    })
    .await;
    assert_eq!(stage.carrier.counts().submits, submits);
    stage
        .run(&["release", "--reason", "the text is right"])
        .await
        .ok();
    eventually("all but one are delivered", async || {
        stage.view(&run).await.counts.of(Outcome::Delivered) == 98
    })
    .await;
    assert_eq!(stage.view(&run).await.counts.of(Outcome::Rejected), 1);
    daemon.ends_well().await;
    assert_eq!(stage.carrier.counts().recipients_sent_twice, 0);
}
