//! The contract's rate on the receiver's clock: never over, across restarts too, and used.

use tokio::time::Instant;

use crate::{
    binary_support::{Stage, eventually},
    county_support::carrier,
};

const RATE: u64 = 400;

#[tokio::test(flavor = "multi_thread")]
async fn no_sliding_second_is_over_the_rate_across_three_kills() {
    let stage = Stage::open(carrier(), "", "rate = 400\nlinks = 2\nwindow = 64").await;
    let run = stage.queue(&stage.numbers(0, 2_000), &[]).await;
    for kill in 1..=3 {
        let (mut daemon, _) = stage.serve().await;
        stage.taken_at_least(kill * 430).await;
        daemon.kill().await;
    }
    let (daemon, _) = stage.serve().await;
    eventually("nothing waits any more", async || {
        let counts = stage.view(&run).await.counts;
        counts.queued + counts.submitting == 0
    })
    .await;
    daemon.ends_well().await;
    let counts = stage.carrier.counts();
    assert!(counts.peak_segments_in_one_second <= RATE, "{counts:?}");
    assert_eq!(counts.recipients_sent_twice, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_there_is_work_the_rate_is_used() {
    let stage = Stage::open(carrier(), "", "rate = 400\nlinks = 2\nwindow = 64").await;
    let list = stage.numbers(0, 4_000).display().to_string();
    let sender = stage.spawn(&["send", "--to", &list, "--text", "限速测试", "--wait"]);
    let mut times = Vec::new();
    // The middle of the run, in stretches: another test may steal a moment from any one of them.
    for mark in (800..=3_200).step_by(800) {
        stage.taken_at_least(mark).await;
        times.push((stage.taken(), Instant::now()));
    }
    sender.ended(crate::binary_support::PATIENCE).await.ok();
    let used: Vec<f64> = times
        .windows(2)
        .map(|pair| (pair[1].0 - pair[0].0) as f64 / (pair[1].1 - pair[0].1).as_secs_f64() / RATE as f64)
        .collect();
    println!("used of the rate, by stretch: {used:.3?}");
    assert!(used.iter().any(|u| *u >= 0.97), "{used:?}");
    let counts = stage.carrier.counts();
    assert!(counts.peak_segments_in_one_second <= RATE, "{counts:?}");
}
