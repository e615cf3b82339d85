//! The core's promises, over thousands of simulated lives. Each life is its seed: a failure names it,
//! and `WATCHBELL_TEST_SEED=n` lives that one alone.

mod journal;
mod rests;
mod world;

use super::*;

/// Lives in one test run.
const LIVES: u64 = 3_000;

#[test]
fn whatever_happens_nobody_is_lost_and_nobody_gets_it_twice() {
    let only = std::env::var("WATCHBELL_TEST_SEED")
        .ok()
        .and_then(|s| s.parse::<u64>().ok());
    let mut broken = Vec::new();
    for seed in only.map_or(0..LIVES, |n| n..n + 1) {
        if std::panic::catch_unwind(|| world::World::new(seed).live(400)).is_err() {
            broken.push(seed);
        }
        assert!(
            broken.len() < 20,
            "too many lives break a promise: {broken:?}"
        );
    }
    assert!(broken.is_empty(), "these lives break a promise: {broken:?}");
}

/// A gateway that takes parts, anybody's, one number a request.
fn account(id: &str, rate: f64, window: usize) -> Account {
    Account {
        id: GatewayId(id.into()),
        rate,
        window,
        unit: RateUnit::Segments,
        batch: 1,
        count: Count::Ucs2,
        framing: Framing::Parts,
        own_ids: None,
        repeats_within: None,
        serves: Vec::new(),
        wording: Wording {
            signature: "某县安委办".into(),
            signature_by: SignatureBy::Us,
            opt_out: String::new(),
        },
        first_sequence: 1,
    }
}

#[test]
fn what_a_claim_leaves_of_a_waiting_range_can_be_claimed_without_a_new_look() {
    let gateway = GatewayId("a".into());
    let now = Micros(1_000_000_000);
    let account = account("a", 10.0, 16);
    let mut journal = journal::Journal::default();
    let waiting = Requeued {
        span: Span {
            lane: LaneId(1),
            from: 0,
            to: 6,
        },
        part: 0,
        gateway: "a".into(),
        attempt: 1,
        due: Micros(0),
    };
    journal.add(journal::Stored {
        id: LaneId(1),
        gateway: gateway.clone(),
        whole: false,
        priority: Priority::Normal,
        parts: vec![1; 6],
        next: 6,
        end: 6,
        ended: false,
        paused: false,
        resends: false,
        not_after: None,
        requeued: vec![waiting],
    });
    let mut core = Core::new("node", [account]);
    core.event(now, &gateway, Event::LinkUp(0));
    core.lanes(now, journal.open_lanes());
    let mut handed_over = 0;
    for _ in 0..20 {
        match core.poll() {
            Some(Action::Record(ops)) => {
                for answer in journal.commit(now, &ops, &mut || false) {
                    core.claimed(now, answer);
                }
            }
            Some(Action::Submit(id, batch)) => {
                handed_over += batch.len();
                for sequence in batch.iter().map(|s| s.sequence) {
                    core.event(now, &id, Event::Written(vec![sequence]));
                    let answer = crate::gateway::Answer::Refused("1".into());
                    core.event(
                        now,
                        &id,
                        Event::Answered {
                            link: 0,
                            answers: vec![(sequence, answer)],
                        },
                    );
                }
            }
            Some(Action::Recall(..)) => panic!("nothing is recalled"),
            None => break,
        }
    }
    assert_eq!(handed_over, 6);
    assert!(core.is_idle());
}

#[test]
fn a_ported_number_goes_only_where_the_text_stays_what_was_approved() {
    let mobile = Account {
        serves: vec![Carrier::Mobile],
        ..account("mobile", 10.0, 16)
    };
    let telecom = Account {
        serves: vec![Carrier::Telecom],
        ..account("telecom", 10.0, 16)
    };
    let anybody = account("anybody", 10.0, 16);
    assert!(mobile.may_pass_to(&telecom) && mobile.may_pass_to(&anybody));
    assert!(!mobile.may_pass_to(&Account {
        serves: vec![Carrier::Mobile],
        ..account("second", 10.0, 16)
    }));
    let other_words = Wording {
        opt_out: "拒收请回复R".into(),
        ..telecom.wording.clone()
    };
    for other in [
        Account {
            wording: other_words,
            ..telecom.clone()
        },
        Account {
            count: Count::Gsm7,
            ..telecom.clone()
        },
        Account {
            framing: Framing::Whole,
            ..telecom.clone()
        },
    ] {
        assert!(!mobile.may_pass_to(&other), "{other:?}");
    }
}
