//! A contract's quota holds while sending, whatever was forecast: also across kills, lost answers and
//! another process's runs. What does not fit waits, loudly, and goes once there is room.

use std::time::Duration;

use watchbell::{domain::message::Outcome, simulate::Faults};

use crate::{
    harness::county::carrier,
    harness::program::{Stage, TEXT, eventually, stays},
};

/// How long silence is watched: longer than an open claim is asked about again.
const WATCHED: Duration = Duration::from_millis(2_500);

const LONG: &str = "今日高温，请各单位落实防暑降温措施，合理安排作业时间，备足饮水和药品，\
                    露天作业避开正午；发现中暑人员立即送医，并按规定报告。请转告本单位全体人员。";

#[tokio::test(flavor = "multi_thread")]
async fn a_days_quota_is_never_passed_and_what_waits_goes_when_there_is_room() {
    let settings = watchbell::simulate::Settings {
        faults: Faults {
            lost_answers: 5.0,
            ..Faults::default()
        },
        ..carrier()
    };
    let gateway =
        "rate = 500\nlinks = 2\nwindow = 32\nresponse_timeout = \"1s\"\ndaily_quota = 251";
    let mut stage = Stage::open(settings, "", gateway).await;
    let list = stage.numbers(0, 200).display().to_string();
    let text = format!("{LONG}{TEXT}");
    let wish = ["send", "--to", &list, "--text", &text, "--json"];
    let queued = stage.run(&wish).await.ok().json();
    let run = queued["run"].as_str().unwrap().to_owned();
    let (mut daemon, _) = stage.serve().await;
    stage.taken_at_least(40).await;
    daemon.kill().await;
    let (daemon, _) = stage.serve().await;
    eventually("the quota is spoken of", async || {
        daemon.said().contains("used up its quota")
    })
    .await;
    stays("nothing more leaves", WATCHED, || {
        stage.carrier.counts().segments
    })
    .await;
    let gone = stage.carrier.counts().segments;
    // What the kill left in doubt counts as gone.
    assert!((100..=251).contains(&gone), "{gone}");
    // Two parts each: every message that has begun is whole, or in doubt.
    let counts = stage.view(&run).await.counts;
    assert!(counts.queued > 0, "{counts:?}");
    daemon.ends_well().await;

    stage.set_gateway("daily_quota", 2_000);
    let (daemon, _) = stage.serve().await;
    eventually("all of it has left", async || {
        let counts = stage.view(&run).await.counts;
        counts.queued == 0 && counts.submitting == 0
    })
    .await;
    daemon.ends_well().await;
    let counts = stage.view(&run).await.counts;
    assert_eq!(counts.total(), 200);
    assert_eq!(counts.of(Outcome::Rejected), 0, "{counts:?}");
    assert_eq!(stage.carrier.counts().recipients_sent_twice, 0);
    let verdict = stage.run(&["audit", "verify", "--json"]).await.ok();
    assert_eq!(verdict.json()["ok"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_months_quota_is_kept_as_well() {
    let gateway = "rate = 500\nlinks = 2\nwindow = 32\nmonthly_quota = 100";
    let stage = Stage::open(carrier(), "", gateway).await;
    stage.queue(&stage.numbers(0, 80), &[]).await;
    let (daemon, _) = stage.serve().await;
    stage.taken_at_least(80).await;
    stage.queue(&stage.numbers(1_000, 80), &[]).await;
    eventually("the quota is spoken of", async || {
        daemon.said().contains("used up its quota")
    })
    .await;
    stays("nothing more leaves", WATCHED, || {
        stage.carrier.counts().segments
    })
    .await;
    assert_eq!(stage.carrier.counts().segments, 100);
    daemon.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_text_that_does_not_fit_keeps_no_short_one_from_going() {
    let gateway = "rate = 500\nlinks = 2\nwindow = 32\ndaily_quota = 51";
    let stage = Stage::open(carrier(), "", gateway).await;
    let list = stage.numbers(0, 40).display().to_string();
    let text = format!("{LONG}{TEXT}");
    stage
        .run(&["send", "--to", &list, "--text", &text])
        .await
        .ok();
    let (daemon, _) = stage.serve().await;
    eventually("the quota is spoken of", async || {
        daemon.said().contains("used up its quota")
    })
    .await;
    assert_eq!(stage.carrier.counts().segments, 50);
    let urgent = stage
        .queue(&stage.numbers(1_000, 1), &["--priority", "urgent"])
        .await;
    eventually("the short one is delivered", async || {
        stage.view(&urgent).await.counts.of(Outcome::Delivered) == 1
    })
    .await;
    assert_eq!(stage.carrier.counts().segments, 51);
    daemon.ends_well().await;
}
