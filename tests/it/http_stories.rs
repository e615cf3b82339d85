//! Runs over an HTTP carrier: batches, lost answers, lost calls, long texts, rates, kills.

use std::time::Duration;

use tokio::time::Instant;
use watchbell::{
    domain::message::Outcome,
    simulate::{Faults, Settings, SubmitRefusal},
    store::log::LogFilter,
};

use crate::{
    harness::county::{carrier, until},
    harness::http_county::{HttpCounty, all_delivered, on_each_database},
    harness::program::{Stage, eventually},
    harness::story::machine,
};

const TEXT: &str = "今日高温，请落实防暑降温措施。";

/// How many messages the long story has: `WATCHBELL_HTTP_MESSAGES`, or a few thousand.
fn messages() -> u64 {
    std::env::var("WATCHBELL_HTTP_MESSAGES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(3_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn with_lost_answers_and_calls_nobody_is_doubled_and_nobody_lost() {
    on_each_database(async |database| {
        let n = messages();
        // A short list meets as many faults as a long one: in smaller batches, more often.
        let (batch, share, rate) = if n > 20_000 { (100, 1.0, 5_000) } else { (10, 5.0, 2_000) };
        let settings = Settings {
            seed: 7,
            report_delay: Duration::from_millis(200),
            report_jitter: Duration::from_millis(200),
            faults: Faults {
                lost_answers: share,
                server_errors: share,
                duplicate_reports: share,
                lost_callbacks: share,
                ..Faults::default()
            },
            ..carrier()
        };
        let gateway = format!(
            "rate = {rate}\nlinks = 16\nwindow = {rate}\nbatch = {batch}\nresponse_timeout = \"2s\"\npoll_every = \"1s\""
        );
        let county = HttpCounty::open(database, settings, "", &gateway).await;
        let patience = Duration::from_secs(20 + n / 200);
        let begun = Instant::now();
        let queued = county.send(n, TEXT).await;
        let frozen = begun.elapsed();
        let counts = county
            .finish_within(queued.frozen.run, patience)
            .await;
        let seconds = begun.elapsed().saturating_sub(frozen).as_secs_f64();
        let theirs = county.carrier.counts();
        println!(
            "{n} messages: {} requests at the carrier for {} chunks, all delivered {seconds:.1} s after freezing ({:.0} a second), \
             at most {} segments in a second of {rate}; twice {}, in doubt {}",
            theirs.submits,
            n.div_ceil(batch),
            n as f64 / seconds,
            theirs.peak_segments_in_one_second,
            theirs.recipients_sent_twice,
            counts.of(Outcome::InDoubt),
        );
        all_delivered(&counts, n as i64);
        assert_eq!((theirs.recipients, theirs.distinct_recipients), (n, n));
        // The pace is kept where requests are handed to the HTTP client; how long one is on its way is the
        // network's, and on a busy machine the next ones catch up with it.
        assert!(theirs.peak_segments_in_one_second <= rate + rate / 10);
        county.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_text_is_one_submit_and_counts_its_segments() {
    on_each_database(async |database| {
        let settings = Settings {
            refusals: vec![SubmitRefusal {
                suffix: "7".to_owned(),
                part: None,
                result: 6,
            }],
            ..carrier()
        };
        let county = HttpCounty::open(
            database,
            settings,
            "",
            "rate = 400\nwindow = 400\nbatch = 50",
        )
        .await;
        let queued = county.send(100, &"汛期安全提醒，".repeat(24)).await;
        assert_eq!(queued.frozen.segments, 300);
        let counts = county.finish(queued.frozen.run).await;
        assert_eq!(counts.of(Outcome::Delivered), 90, "{counts:?}");
        assert_eq!(counts.of(Outcome::Rejected), 10, "{counts:?}");
        let theirs = county.carrier.counts();
        assert_eq!((theirs.recipients, theirs.segments), (90, 270));
        assert!(theirs.peak_segments_in_one_second <= 400, "{theirs:?}");
        let taken = county
            .office
            .runs()
            .segments_taken(&machine(), queued.frozen.run)
            .await;
        assert_eq!(taken.unwrap(), 270);
        let mut tx = county.office.store.read("test").await.unwrap();
        let rows = tx
            .log_after(&LogFilter::default(), None, 200)
            .await
            .unwrap();
        drop(tx);
        assert!(rows.iter().all(|r| r.segments == 3));
        county.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_of_requests_lets_so_many_batches_through() {
    let gateway = "rate = 5\nrate_unit = \"requests\"\nwindow = 5\nlinks = 4\nbatch = 20";
    let county = HttpCounty::open("sqlite://watchbell.db", carrier(), "", gateway).await;
    let begun = Instant::now();
    let queued = county.send(300, TEXT).await;
    let counts = county.finish(queued.frozen.run).await;
    all_delivered(&counts, 300);
    // Fifteen requests at five a second; by messages it would take a minute.
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(county.carrier.counts().submits >= 15);
    assert!(county.carrier.counts().peak_segments_in_one_second <= 5 * 20);
    county.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_idempotent_is_in_doubt_and_its_reports_settle_it() {
    // The carrier's own description, without the promise.
    let text = include_str!("../../config/gateways/watchbell.toml");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("forgetful.toml");
    let text = text.replace("idempotency_window", "# idempotency_window");
    std::fs::write(&path, text).unwrap();
    let settings = Settings {
        report_delay: Duration::from_millis(1_500),
        faults: Faults {
            lost_answers: 100.0,
            ..Faults::default()
        },
        ..carrier()
    };
    let gateway = format!(
        "rate = 500\nwindow = 100\nlinks = 8\nbatch = 10\nresponse_timeout = \"500ms\"\ndescription = \"{}\"",
        path.display()
    );
    let county = HttpCounty::open(
        "sqlite://watchbell.db",
        settings,
        "doubt_grace = \"30s\"",
        &gateway,
    )
    .await;
    let queued = county.send(50, TEXT).await;
    let counts = county.finish(queued.frozen.run).await;
    all_delivered(&counts, 50);
    assert_eq!(county.carrier.counts().submits, 5, "nothing was repeated");
    county.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_is_away_makes_messages_wait_and_nothing_is_lost() {
    let mut settings = carrier();
    let first = watchbell::simulate::Simulator::start_http(settings.clone())
        .await
        .unwrap();
    settings.listen = first.address();
    first.stop().await;
    // Nobody listens there yet.
    let gateway = "rate = 500\nwindow = 100\nbatch = 10\npoll_every = \"500ms\"";
    let stage = Stage::http_at("sqlite://watchbell.db", settings.clone(), "", gateway).await;
    let run = stage.queue(&stage.numbers(0, 40), &[]).await;
    let (daemon, _) = stage.serve().await;
    eventually("all are delivered", async || {
        stage.view(&run).await.counts.of(Outcome::Delivered) == 40
    })
    .await;
    daemon.ends_well().await;
    assert_eq!(stage.carrier.counts().recipients_sent_twice, 0);
}

/// kill -9 in the middle, several times, with answers that get lost: the requests whose answers nobody
/// heard are said again with their keys, so nothing stays in doubt and nobody gets it twice.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_the_same_requests_are_said_again() {
    on_each_database(async |database| {
        let settings = Settings {
            faults: Faults {
                lost_answers: 20.0,
                server_errors: 10.0,
                lost_callbacks: 100.0,
                ..Faults::default()
            },
            ..carrier()
        };
        let gateway = "rate = 400\nlinks = 8\nwindow = 50\nbatch = 7\nresponse_timeout = \"500ms\"\npoll_every = \"300ms\"";
        let stage = Stage::http_at(database, settings, "", gateway).await;
        let run = stage.queue(&stage.numbers(0, 600), &[]).await;
        for turn in 1..=3 {
            let (mut daemon, _) = stage.serve().await;
            until("some more are taken", async || {
                stage.taken() >= turn * 100
            })
            .await;
            daemon.kill().await;
        }
        let (daemon, _) = stage.serve().await;
        eventually("all are delivered", async || {
            stage.view(&run).await.counts.of(Outcome::Delivered) == 600
        })
        .await;
        daemon.ends_well().await;
        let counts = stage.carrier.counts();
        assert_eq!(
            (counts.recipients, counts.recipients_sent_twice),
            (600, 0),
            "{counts:?}"
        );
    })
    .await;
}

/// A request that is on the way when its run is paused is not said again when its answer is lost.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_is_not_said_again_though_its_answer_is_lost_only_then() {
    let settings = Settings {
        faults: Faults {
            lost_answers: 100.0,
            ..Faults::default()
        },
        report_delay: Duration::from_mins(1),
        ..carrier()
    };
    let gateway = "rate = 100\nlinks = 2\nwindow = 20\nbatch = 10\nresponse_timeout = \"2s\"";
    let stage = Stage::http_at("sqlite://watchbell.db", settings, "", gateway).await;
    let run = stage.queue(&stage.numbers(0, 20), &[]).await;
    let (daemon, _) = stage.serve().await;
    eventually("both are on the way", async || {
        stage.carrier.counts().submits == 2
    })
    .await;
    stage.run(&["run", "pause", &run]).await.ok();
    eventually("their time is over", async || {
        stage.view(&run).await.counts.of(Outcome::InDoubt) == 20
    })
    .await;
    assert_eq!(stage.carrier.counts().submits, 2);
    daemon.ends_well().await;
}
