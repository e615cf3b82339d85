//! Runs from list to report, against a carrier that behaves and one that does not.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use watchbell::{
    clock::Clock,
    domain::message::Outcome,
    domain::policy::OnDoubt,
    engine::Engine,
    simulate::{Faults, Settings, SubmitRefusal},
    store::log::{LogFilter, LoggedMessage},
    telemetry::alert::Alerts,
};

use crate::harness::county::{County, both_sides_agree, carrier, somebody, until};

#[tokio::test(flavor = "multi_thread")]
async fn everybody_on_a_list_gets_it_once_and_the_reports_come_back() {
    let county = County::open(carrier(), "", "rate = 2000\nlinks = 2\nwindow = 32").await;
    let list = county.numbers(500);
    let queued = county
        .send(&list, "今日高温，请落实防暑降温措施。", OnDoubt::Hold)
        .await;
    assert_eq!(queued.frozen.size, 500);
    let counts = county.finish(queued.frozen.run).await;
    assert_eq!(counts.of(Outcome::Delivered), 500, "{counts:?}");
    both_sides_agree(&county).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_end_in_doubt_and_their_reports_settle_them() {
    let settings = Settings {
        undelivered_percent: 5.0,
        faults: Faults {
            lost_answers: 3.0,
            duplicate_reports: 3.0,
            early_reports: 5.0,
            late_reports: 2.0,
            late_factor: 10,
            ..Faults::default()
        },
        ..carrier()
    };
    let county = County::open(
        settings,
        "doubt_grace = \"20s\"",
        "rate = 2000\nlinks = 2\nwindow = 32\nresponse_timeout = \"1s\"",
    )
    .await;
    let list = county.numbers(400);
    let queued = county
        .send(&list, "今日高温，请落实防暑降温措施。", OnDoubt::Hold)
        .await;
    let counts = county.finish(queued.frozen.run).await;
    assert_eq!(counts.total(), 400);
    assert_eq!(counts.of(Outcome::InDoubt), 0, "{counts:?}");
    assert_eq!(counts.open(), 0, "{counts:?}");
    both_sides_agree(&county).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_three_part_text_with_part_two_refused_is_undelivered_partial() {
    let settings = Settings {
        refusals: vec![SubmitRefusal {
            suffix: "7".to_owned(),
            part: Some(2),
            result: 6,
        }],
        ..carrier()
    };
    let county = County::open(settings, "", "rate = 2000\nwindow = 32").await;
    let list = county.numbers(50);
    let text = "汛期安全提醒，".repeat(24);
    let queued = county.send(&list, &text, OnDoubt::Hold).await;
    assert_eq!(queued.frozen.segments, 150);
    let counts = county.finish(queued.frozen.run).await;
    assert_eq!(counts.of(Outcome::Undelivered), 5, "{counts:?}");
    assert_eq!(counts.of(Outcome::Delivered), 45, "{counts:?}");
    assert_eq!(county.carrier.counts().recipients_sent_twice, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn disconnects_and_throttling_lose_nobody() {
    let settings = Settings {
        rate: Some(300),
        faults: Faults {
            disconnect_every: Some(120),
            slow_answers: 2.0,
            slow_by: Duration::from_millis(200),
            ..Faults::default()
        },
        ..carrier()
    };
    let county = County::open(
        settings,
        "doubt_grace = \"20s\"",
        "rate = 500\nlinks = 2\nwindow = 16\nresponse_timeout = \"2s\"",
    )
    .await;
    let list = county.numbers(600);
    let queued = county
        .send(&list, "防汛提醒：请检查排水。", OnDoubt::Hold)
        .await;
    let counts = county.finish(queued.frozen.run).await;
    assert_eq!(counts.total(), 600);
    // What was on its way when the carrier hung up may not have been read: it stays in doubt, and it only.
    let doubt = counts.of(Outcome::InDoubt);
    assert_eq!(counts.of(Outcome::Delivered) + doubt, 600, "{counts:?}");
    let known = county.carrier.per_number();
    let mut tx = county.office.store.read("test").await.unwrap();
    let rows = tx
        .log_after(&LogFilter::default(), None, 1_000)
        .await
        .unwrap();
    drop(tx);
    let never_read = |r: &&LoggedMessage| {
        r.state.as_str() == "in_doubt" && !known.contains_key(&r.phone.unwrap())
    };
    assert_eq!(rows.iter().filter(never_read).count() as i64, doubt);
    both_sides_agree(&county).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_in_mid_sending_counts_exactly_whom_the_carrier_has() {
    let county = County::open(carrier(), "", "rate = 400\nlinks = 2\nwindow = 16").await;
    let list = county.numbers(3_000);
    county
        .send(&list, "防汛提醒：请检查排水。", OnDoubt::Hold)
        .await;
    let alerts = Alerts::new(Clock::system(), false);
    let engine = Engine::start(county.office.sending().engine_parts(alerts))
        .await
        .unwrap()
        .unwrap();
    let token = CancellationToken::new();
    let running = tokio::spawn(engine.run(token.clone()));
    until("two hundred have left", async || {
        county.carrier.per_number().len() > 200
    })
    .await;
    let stopped = county.office.sending().stop(&somebody(), "").await.unwrap();
    assert!(stopped.by_engine && stopped.left < 3_000, "{stopped:?}");
    let left = usize::try_from(stopped.left).unwrap();
    until("all that left has arrived", async || {
        county.carrier.per_number().len() >= left
    })
    .await;
    let begun = Instant::now();
    token.cancel();
    running.await.unwrap().unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "ending took {:?}",
        begun.elapsed()
    );
    assert_eq!(county.carrier.per_number().len(), left);
    both_sides_agree(&county).await;
}
