use proptest::prelude::*;

use super::*;
use crate::domain::hours::{MonthDay, QuietHours, Season};

/// The slow player's step.
const STEP_US: i64 = 5_000;

/// 2023-06-12 20:59:30 in Beijing: half a minute before the quiet hours.
const EVENING: Micros = Micros(1_686_574_770_000_000);

fn hours() -> Hours {
    Hours {
        season: Season {
            from: MonthDay::new(1, 1).unwrap(),
            to: MonthDay::new(12, 31).unwrap(),
        },
        quiet: QuietHours {
            from: "21:00".parse().unwrap(),
            // A short night, so that the slow player lives through it.
            to: "21:01".parse().unwrap(),
        },
        zone: chrono_tz::Asia::Shanghai,
    }
}

fn contract(rate: u32) -> Contract {
    Contract {
        gateway: "mobile".into(),
        rate,
        price: 35_000,
        daily_quota: 0,
        monthly_quota: 0,
    }
}

fn load(slot: Micros, priority: Priority, order: u64, segments: i64) -> Load {
    Load {
        label: order.to_string(),
        slot,
        priority,
        order,
        not_after: None,
        is_open: true,
        shares: vec![Share {
            gateway: "mobile".into(),
            people: segments,
            segments,
        }],
    }
}

/// The rule step by step: in each moment whoever may go sends what the moment holds; a second's worth
/// without a break is followed by the ring's silence.
fn slowly(loads: &[Load], contract: &Contract, hours: &Hours) -> Vec<(f64, Option<i64>)> {
    let per_step = f64::from(contract.rate) * STEP_US as f64 / SECOND_US as f64;
    let ready = ready(loads, hours);
    let mut left: Vec<f64> = loads.iter().map(|l| l.shares[0].segments as f64).collect();
    let mut ends = vec![None; loads.len()];
    let mut now = loads.iter().map(|l| l.slot.0).min().unwrap();
    let last = now + 400_000_000;
    let mut second = 0.0;
    while now < last {
        let mut room = per_step;
        while room > 1e-9 {
            let next = (0..loads.len())
                .filter(|i| left[*i] > 1e-9 && ready[*i].0 <= now)
                .filter(|i| loads[*i].not_after.is_none_or(|t| now < t.0))
                .filter(|i| hours.may_send(Micros(now), loads[*i].priority) == Window::Open)
                .min_by_key(|i| (loads[*i].priority, loads[*i].order));
            let Some(next) = next else { break };
            let sent = room.min(left[next]);
            left[next] -= sent;
            room -= sent;
            ends[next] = Some(now + STEP_US);
        }
        let is_idle = room > 1e-9;
        second = if is_idle { 0.0 } else { second + per_step };
        now += STEP_US;
        if second >= f64::from(contract.rate) - 1e-6 {
            (now, second) = (now + PAUSE_US, 0.0);
        }
    }
    left.into_iter().zip(ends).collect()
}

fn loads() -> impl Strategy<Value = Vec<Load>> {
    let one = (
        0..90_i64,
        0..3_usize,
        1..1_500_i64,
        proptest::option::of(1..120_i64),
        any::<bool>(),
    );
    proptest::collection::vec(one, 1..6).prop_map(|loads| {
        let loads = loads.into_iter().enumerate();
        loads
            .map(|(at, (after, priority, segments, lasts, is_open))| {
                let slot = EVENING.plus_secs(after);
                Load {
                    not_after: lasts.map(|s| slot.plus_secs(s)),
                    is_open,
                    ..load(slot, Priority::ALL[priority], at as u64, segments)
                }
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn it_is_what_a_slow_player_finds(loads in loads(), rate in 30..200_u32) {
        let contract = contract(rate);
        let courses = simulate(&loads, std::slice::from_ref(&contract), &hours());
        // Each turn may come a step late, and the silence on either side of it.
        let slack = (2 * loads.len() as i64 + 2) * (STEP_US + PAUSE_US);
        let segments = f64::from(rate) * slack as f64 / 1e6 + 1.0;
        for (course, (left, ends)) in courses.iter().zip(slowly(&loads, &contract, &hours())) {
            let passage = &course.passages[0];
            prop_assert!((passage.left_segments as f64 - left).abs() <= segments, "{passage:?}: {left}");
            // With a remainder at a border, a hair decides whether the last bit goes before or after it.
            if let (Some(ours), Some(theirs), true, 0) = (passage.ends, ends, left < 1e-6, passage.left_segments) {
                let apart = (ours.0 - theirs).abs();
                let over_the_night = (60_000_000 - slack..=60_000_000 + slack).contains(&apart);
                prop_assert!(apart <= slack || over_the_night, "{passage:?}: {theirs}");
            }
            prop_assert_eq!(passage.days.iter().map(|d| d.1).sum::<i64>(), passage.segments - passage.left_segments);
        }
    }
}

#[test]
fn a_thousand_segments_take_what_the_ring_lets_out() {
    let slot = EVENING.plus_secs(-3_600);
    let courses = simulate(
        &[load(slot, Priority::Normal, 1, 1_000)],
        &[contract(100)],
        &hours(),
    );
    assert_eq!(courses[0].starts(), Some(slot));
    // Ten seconds' worth, with nine silences between them; the last one goes a hundredth before its end.
    assert_eq!(courses[0].ends(), Some(Micros(slot.0 + 10_215_000)));
    assert_eq!(courses[0].cost(), 35_000_000);
}

#[test]
fn the_urgent_overtakes_and_the_older_goes_first() {
    let slot = EVENING.plus_secs(-3_600);
    let courses = simulate(
        &[
            load(slot, Priority::Normal, 2, 1_000),
            load(slot, Priority::Normal, 1, 1_000),
            load(slot.plus_secs(5), Priority::Urgent, 3, 200),
        ],
        &[contract(100)],
        &hours(),
    );
    let ends = |n: usize| courses[n].ends().unwrap().0 - slot.0;
    // The urgent one comes in the midst of the fifth second's worth.
    assert_eq!(ends(2) + 10_000, 5_000_000 + 2_050_000);
    assert_eq!(ends(1) + 10_000, 12_000_000 + 11 * 25_000);
    assert_eq!(ends(0) + 10_000, 22_000_000 + 21 * 25_000);
}

#[test]
fn limits_are_reserved_one_run_after_the_other_and_the_urgent_reserves_none() {
    let slot = Micros(EVENING.0 - 3_600_000_000);
    let new = |priority, order, people| Load {
        is_open: false,
        ..load(slot, priority, order, people)
    };
    let loads = [
        new(Priority::Normal, 2, 2_000),
        new(Priority::Normal, 1, 100),
        new(Priority::Bulk, 0, 50),
        new(Priority::Urgent, 3, 9_000),
        load(slot, Priority::Normal, 4, 10),
    ];
    let delays: Vec<i64> = ready(&loads, &hours())
        .iter()
        .map(|t| t.0 - slot.0)
        .collect();
    // The hundred's commit is filled up with four hundred of the next run.
    let commits = |tenths: i64| LATENCY_US + RESERVE_US * tenths / 10;
    assert_eq!(
        delays,
        [commits(43), commits(10), commits(43), LATENCY_US, 0]
    );
}

#[test]
fn the_quiet_hours_are_waited_for_and_days_are_told_apart() {
    let mut hours = hours();
    hours.quiet.to = "08:00".parse().unwrap();
    let courses = simulate(
        &[
            load(EVENING, Priority::Bulk, 1, 4_000),
            load(EVENING, Priority::Urgent, 2, 1_000),
        ],
        &[contract(100)],
        &hours,
    );
    let bulk = &courses[0].passages[0];
    let days: Vec<_> = bulk.days.iter().map(|(d, n)| (d.to_string(), *n)).collect();
    // 30 s less the urgent one's ten seconds' worth, each followed by 25 ms of silence.
    assert_eq!(
        days,
        [("2023-06-12".into(), 1_927), ("2023-06-13".into(), 2_073)]
    );
    assert!(bulk.ends.unwrap() > EVENING.plus_secs(11 * 3_600));
}

#[test]
fn what_does_not_fit_is_left_over_and_a_lost_gateway_sends_nothing() {
    let slot = EVENING.plus_secs(-3_600);
    let mut late = load(slot, Priority::Normal, 1, 1_000);
    late.not_after = Some(slot.plus_secs(5));
    late.shares.push(Share {
        gateway: "gone".into(),
        people: 3,
        segments: 6,
    });
    let courses = simulate(&[late], &[contract(100)], &hours());
    let [passage, gone] = &courses[0].passages[..] else {
        panic!("two shares");
    };
    assert_eq!((passage.left_segments, passage.left_people), (510, 510));
    assert_eq!((gone.starts, gone.left_segments), (None, 6));
}
