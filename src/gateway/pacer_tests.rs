//! The pacer's properties on virtual time: every sliding window is checked by brute force.

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// The most units in any sliding second (a second is half open: what went exactly a second ago is out).
fn peak(writes: &[(Duration, u32)]) -> u32 {
    let (mut most, mut sum, mut tail) = (0, 0, 0);
    for &(at, cost) in writes {
        sum += cost;
        while writes[tail].0 + SECOND <= at {
            sum -= writes[tail].1;
            tail += 1;
        }
        most = most.max(sum);
    }
    most
}

/// Writes as fast as the pacer lets it until `until`, waking `late` after the time it was told.
fn saturate(
    pacer: &mut Pacer,
    origin: Instant,
    from: Duration,
    until: Duration,
    late: Duration,
) -> Vec<(Duration, u32)> {
    let mut writes = Vec::new();
    let mut now = from;
    while now < until {
        match pacer.take(origin + now, 1) {
            Ok(()) => writes.push((now, 1)),
            Err(at) => now = (at - origin).max(now) + late,
        }
    }
    writes
}

#[test]
fn nothing_leaves_in_the_first_second() {
    let origin = Instant::now();
    let mut pacer = Pacer::new(origin, 100, 1);
    let writes = saturate(
        &mut pacer,
        origin,
        Duration::ZERO,
        3 * SECOND,
        Duration::ZERO,
    );
    assert!(writes[0].0 >= SECOND);
}

#[test]
fn every_rate_is_used_to_97_percent_and_never_exceeded() {
    for rate in [
        1, 2, 3, 7, 20, 50, 100, 333, 500, 999, 1_000, 1_001, 5_000, 20_000, 100_000,
    ] {
        // A timer that wakes a millisecond and a half late, as tokio's do.
        let late = Duration::from_micros(1_500);
        let origin = Instant::now();
        let mut pacer = Pacer::new(origin, rate, 1);
        let seconds = if rate < 100 { 60 } else { 12 };
        let until = WINDOW + Duration::from_secs(seconds);
        let writes = saturate(&mut pacer, origin, Duration::ZERO, until, late);
        assert!(
            peak(&writes) <= rate,
            "rate {rate}: {} in a second",
            peak(&writes)
        );
        let used = writes.len() as f64 / (f64::from(rate) * seconds as f64);
        assert!(used >= 0.97, "rate {rate}: {used} used");
    }
}

#[test]
fn a_stall_earns_no_burst() {
    let origin = Instant::now();
    let mut pacer = Pacer::new(origin, 1_000, 1);
    let first = saturate(
        &mut pacer,
        origin,
        10 * SECOND,
        10 * SECOND + Duration::from_millis(1),
        Duration::ZERO,
    );
    assert!(
        first.len() <= 13,
        "{} at once after ten idle seconds",
        first.len()
    );
}

#[test]
fn too_fast_halves_once_per_pause_and_creeps_back() {
    let origin = Instant::now();
    let mut pacer = Pacer::new(origin, 640, 1);
    let now = origin + 5 * SECOND;
    assert!(pacer.throttled(now, Duration::from_millis(100)));
    assert!(!pacer.throttled(now + Duration::from_millis(50), Duration::from_millis(100)));
    assert!((pacer.pace() - 320.0).abs() < 0.01);
    assert_eq!(
        pacer.take(now + Duration::from_millis(50), 1),
        Err(now + Duration::from_millis(100))
    );
    for _ in 0..40 {
        let again = pacer.last + Duration::from_millis(200);
        pacer.throttled(again, Duration::from_millis(100));
    }
    assert!(
        (pacer.pace() - 10.0).abs() < 0.01,
        "floor: {}",
        pacer.pace()
    );
    assert!(pacer.handle_timeout(pacer.last + 60 * SECOND));
    assert!((pacer.pace() - 640.0).abs() < 0.01);
    assert_eq!(pacer.poll_timeout(), None);
}

#[test]
fn a_submit_of_many_counts_many() {
    let origin = Instant::now();
    let mut pacer = Pacer::new(origin, 100, 40);
    let mut writes = Vec::new();
    let mut now = Duration::ZERO;
    while now < 30 * SECOND {
        match pacer.take(origin + now, 40) {
            Ok(()) => writes.push((now, 40)),
            Err(at) => now = at - origin,
        }
    }
    assert!(peak(&writes) <= 100);
    assert!(writes.len() > 50, "{}", writes.len());
}

#[derive(Debug, Clone)]
enum Step {
    Burst { tries: u16, cost: u32 },
    Wait { us: u32 },
    WaitUntilTold { late_us: u32 },
    Throttled { delay_ms: u16 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1u16..400, 1u32..5).prop_map(|(tries, cost)| Step::Burst { tries, cost }),
        2 => (0u32..2_500_000).prop_map(|us| Step::Wait { us }),
        4 => (0u32..30_000).prop_map(|late_us| Step::WaitUntilTold { late_us }),
        1 => (0u16..300).prop_map(|delay_ms| Step::Throttled { delay_ms }),
    ]
}

proptest! {
    #[test]
    fn no_pattern_exceeds_the_rate(rate in prop_oneof![1u32..10, 10u32..2_000, Just(50_000u32)], steps in proptest::collection::vec(step(), 1..300)) {
        let origin = Instant::now();
        let mut pacer = Pacer::new(origin, rate, 4);
        let mut now = Duration::ZERO;
        let mut writes = Vec::new();
        let mut told = Duration::ZERO;
        for step in steps {
            match step {
                Step::Burst { tries, cost } => for _ in 0..tries {
                    match pacer.take(origin + now, cost) {
                        Ok(()) => writes.push((now, cost.min(rate))),
                        Err(at) => { prop_assert!(at > origin + now); told = at - origin; break; }
                    }
                },
                Step::Wait { us } => now += Duration::from_micros(us.into()),
                Step::WaitUntilTold { late_us } => now = now.max(told) + Duration::from_micros(late_us.into()),
                Step::Throttled { delay_ms } => { pacer.throttled(origin + now, Duration::from_millis(delay_ms.into())); }
            }
            pacer.handle_timeout(origin + now);
        }
        prop_assert!(peak(&writes) <= rate, "{} over {rate}", peak(&writes));
    }
}
