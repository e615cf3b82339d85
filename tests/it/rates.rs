//! The contract's rate on the receiver's clock: never over, across restarts too, and used.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    harness::county::carrier,
    harness::program::{PATIENCE, Stage, eventually},
};

const RATE: u64 = 400;

/// What the sender's window is longer than a second: a receiver that is late by no more than this never
/// counts too many.
const SPARE_MS: u64 = 25;

/// The longest that this process, and with it the carrier in it, was kept from running.
pub(crate) struct Stalls(Arc<AtomicU64>);

impl Stalls {
    pub(crate) fn watch() -> Self {
        let longest = Arc::new(AtomicU64::new(0));
        let seen = longest.clone();
        tokio::spawn(async move {
            let step = Duration::from_millis(5);
            loop {
                let before = Instant::now();
                tokio::time::sleep(step).await;
                let late = before.elapsed().saturating_sub(step).as_millis() as u64;
                seen.fetch_max(late, Ordering::Relaxed);
            }
        });
        Self(longest)
    }

    /// What a second may hold on a receiver that was late by so much.
    fn most(&self) -> u64 {
        self.most_at(RATE)
    }

    pub(crate) fn most_at(&self, rate: u64) -> u64 {
        let late = self.0.load(Ordering::Relaxed).saturating_sub(SPARE_MS);
        rate + (rate * late).div_ceil(1_000)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sliding_second_is_over_the_rate_across_three_kills() {
    let stalls = Stalls::watch();
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
    println!("peak {} of {RATE}", counts.peak_segments_in_one_second);
    assert!(
        counts.peak_segments_in_one_second <= stalls.most(),
        "{counts:?}"
    );
    assert_eq!(counts.recipients_sent_twice, 0);
}

/// The largest share of the rate that was used over three seconds on end.
async fn best_use() -> f64 {
    let stalls = Stalls::watch();
    let stage = Stage::open(carrier(), "", "rate = 400\nlinks = 2\nwindow = 64").await;
    let list = stage.numbers(0, 4_000).display().to_string();
    let sender = stage.spawn(&["send", "--to", &list, "--text", "限速测试", "--wait"]);
    let mut seen: VecDeque<(Instant, u64)> = VecDeque::new();
    let mut best = 0.0_f64;
    eventually("the run is through", async || {
        let (now, taken) = (Instant::now(), stage.taken());
        seen.push_back((now, taken));
        while seen
            .get(1)
            .is_some_and(|(at, _)| now - *at >= Duration::from_secs(3))
        {
            seen.pop_front();
        }
        let (at, before) = seen[0];
        if now - at >= Duration::from_secs(3) {
            let used = (taken - before) as f64 / (now - at).as_secs_f64() / RATE as f64;
            best = best.max(used);
        }
        taken == 4_000
    })
    .await;
    sender.ended(PATIENCE).await.ok();
    let counts = stage.carrier.counts();
    assert!(
        counts.peak_segments_in_one_second <= stalls.most(),
        "{counts:?}"
    );
    best
}

#[tokio::test(flavor = "multi_thread")]
async fn while_there_is_work_the_rate_is_used() {
    // What another process takes from this machine meanwhile is not the program's: three tries.
    let mut used = Vec::new();
    while used.len() < 3 && used.iter().all(|u| *u < 0.97) {
        used.push(best_use().await);
    }
    println!("used of the rate: {used:.4?}");
    assert!(used.iter().any(|u| *u >= 0.97), "{used:?}");
}
