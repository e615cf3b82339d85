//! The same text to many numbers in one submit, over every binary protocol: what a carrier makes of it,
//! one bad number among good ones, ids that count and ids that do not; and a flood with every fault.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    path::PathBuf,
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use watchbell::{
    clock::Clock,
    config::Kind,
    domain::policy::OnDoubt,
    domain::{message::Outcome, phone::Phone},
    gateway::{Answer, Event, Report, Submit},
    service::audit,
    simulate::{BatchIds, Faults, Settings, SubmitRefusal},
    store::log::LogFilter,
    telemetry::alert::Alerts,
};

use crate::{
    harness::county::{self, County},
    harness::gateway::{self, *},
};

macro_rules! stories {
    ($($module:ident $kind:ident),+) => { $(
        mod $module {
            use watchbell::config::Kind;

            #[tokio::test(flavor = "multi_thread")]
            async fn one_submit_carries_the_same_to_many() {
                super::one_submit_carries_the_same_to_many(Kind::$kind).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn one_bad_number_costs_the_others_nothing() {
                super::one_bad_number_costs_the_others_nothing(Kind::$kind).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_batch_refused_after_its_recall_is_not_written_again() {
                super::a_batch_refused_after_its_recall_is_not_written_again(Kind::$kind).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_lost_answer_leaves_all_of_it_in_doubt() {
                super::a_lost_answer_leaves_all_of_it_in_doubt(Kind::$kind).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_flood_with_every_fault_loses_nobody_and_doubles_nobody() {
                super::a_flood_with_every_fault_loses_nobody_and_doubles_nobody(Kind::$kind).await;
            }
        }
    )+ };
}

stories!(cmpp20 Cmpp20, cmpp30 Cmpp30, sgip12 Sgip12, smgp30 Smgp30, smpp34 Smpp34);

fn carrier(kind: Kind, batch_ids: BatchIds) -> Settings {
    Settings {
        protocol: kind,
        batch_ids,
        ..gateway::carrier()
    }
}

fn to_many(n: u32) -> Vec<Submit> {
    (1..=n).map(submit).collect()
}

/// What was said of each, by sequence number.
fn answered(received: &[Event]) -> BTreeMap<u32, Answer> {
    let all = answers(received);
    all.map(|(sequence, answer)| (sequence, answer.clone()))
        .collect()
}

/// Is this the report of somebody whose submit was answered so?
fn is_of(report: &Report, answer: &Answer) -> bool {
    match answer {
        Answer::Accepted(id) => report.carrier_id == *id,
        Answer::AcceptedAs { answered, counted } => {
            report.carrier_id == *answered || report.carrier_id == *counted
        }
        Answer::Throttled(_) | Answer::WrongNetwork(_) | Answer::Refused(_) => false,
    }
}

async fn one_submit_carries_the_same_to_many(kind: Kind) {
    for batch_ids in [BatchIds::Counting, BatchIds::Same] {
        let (carrier, mut pair) = Pair::start(carrier(kind, batch_ids), |config| {
            (config.rate, config.window, config.batch) = (1_000, 2, 60);
        })
        .await;
        let other = Submit {
            text: "另一条".to_owned(),
            ..submit(151)
        };
        let mut submits = to_many(150);
        submits.push(other);
        pair.gateway.submit(submits);
        pair.until("all reports", |received| reports(received).len() == 151)
            .await;
        let answers = answered(&pair.received);
        assert_eq!(answers.len(), 151);
        for report in reports(&pair.received) {
            let sequence = u32::try_from(report.phone.number() - phone(0).number()).unwrap();
            assert!(is_of(report, &answers[&sequence]), "{report:?}");
        }
        let counts = carrier.counts();
        assert_eq!((counts.submits, counts.segments), (4, 151), "60, 60, 30, 1");
        assert_eq!((counts.malformed, counts.recipients_sent_twice), (0, 0));
        assert!(counts.peak_segments_in_one_second <= 1_000);
    }
}

async fn one_bad_number_costs_the_others_nothing(kind: Kind) {
    let settings = Settings {
        refusals: vec![SubmitRefusal {
            suffix: phone(42).expose(),
            part: None,
            result: 10,
        }],
        ..carrier(kind, BatchIds::Counting)
    };
    let (carrier, mut pair) = Pair::start(settings, |config| {
        (config.rate, config.window, config.batch) = (5_000, 16, 64);
    })
    .await;
    pair.gateway.submit(to_many(64));
    pair.until("all answers", |received| answered(received).len() == 64)
        .await;
    for (sequence, answer) in answered(&pair.received) {
        match sequence {
            42 => assert_eq!(answer, Answer::Refused("10".to_owned())),
            _ => assert!(
                matches!(answer, Answer::Accepted(_) | Answer::AcceptedAs { .. }),
                "{sequence}: {answer:?}"
            ),
        }
    }
    let counts = carrier.counts();
    assert_eq!((counts.segments, counts.recipients_sent_twice), (63, 0));
    // SMPP says who; the others refuse the whole, and it is halved down to the one: 64, 32, 32, 16, 16 …
    let submits = if kind == Kind::Smpp34 { 1 } else { 13 };
    assert_eq!(counts.submits, submits);
}

async fn a_batch_refused_after_its_recall_is_not_written_again(kind: Kind) {
    let settings = Settings {
        refusals: vec![SubmitRefusal {
            suffix: phone(42).expose(),
            part: None,
            result: 10,
        }],
        faults: Faults {
            slow_answers: 100.0,
            slow_by: Duration::from_millis(500),
            ..Faults::default()
        },
        ..carrier(kind, BatchIds::Counting)
    };
    let (carrier, mut pair) = Pair::start(settings, |config| {
        (config.rate, config.window, config.batch) = (5_000, 16, 64);
    })
    .await;
    pair.gateway.submit(to_many(64));
    pair.until("it is written", |received| {
        received.iter().any(|e| matches!(e, Event::Written(_)))
    })
    .await;
    pair.gateway.recall(Vec::new());
    pair.until("the recall is answered", |received| {
        received.iter().any(|e| matches!(e, Event::Recalled(_)))
    })
    .await;
    // SMPP says who; of the others the whole comes back.
    let back = |received: &[Event]| -> usize {
        let given = received.iter().filter_map(|e| match e {
            Event::GivenBack(back) => Some(back.len()),
            _ => None,
        });
        given.sum()
    };
    pair.until("all are settled", |received| {
        back(received) + answered(received).len() == 64
    })
    .await;
    let expected = if kind == Kind::Smpp34 { 0 } else { 64 };
    assert_eq!(back(&pair.received), expected);
    assert_eq!(carrier.counts().submits, 1);
    // What is handed over anew goes.
    pair.gateway.submit(vec![submit(101)]);
    pair.until("it is taken", |received| {
        answered(received).contains_key(&101)
    })
    .await;
}

async fn a_lost_answer_leaves_all_of_it_in_doubt(kind: Kind) {
    let settings = Settings {
        faults: Faults {
            lost_answers: 100.0,
            ..Faults::default()
        },
        ..carrier(kind, BatchIds::Counting)
    };
    let (carrier, mut pair) = Pair::start(settings, |config| {
        (config.rate, config.batch) = (1_000, 50);
        config.response_timeout = Duration::from_millis(300);
    })
    .await;
    pair.gateway.submit(to_many(50));
    let in_doubt = |received: &[Event]| -> Vec<u32> {
        let each = received.iter().filter_map(|e| match e {
            Event::TimedOut(which) => Some(which.clone()),
            _ => None,
        });
        each.flatten().collect()
    };
    pair.until("the time-out", |received| in_doubt(received).len() == 50)
        .await;
    assert_eq!(in_doubt(&pair.received), (1..=50).collect::<Vec<_>>());
    assert_eq!(carrier.counts().submits, 1);
    carrier.kick();
    pair.until("the link to be down", |received| {
        received.iter().any(|e| matches!(e, Event::LinkDown { .. }))
    })
    .await;
    let (unanswered, unwritten) = left_behind(&pair.received);
    assert_eq!((unanswered.len(), unwritten.len()), (50, 0));
}

/// How many the flood has; `WATCHBELL_PROTOCOL_MESSAGES` makes it larger.
fn flood() -> u64 {
    std::env::var("WATCHBELL_PROTOCOL_MESSAGES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(2_000)
}

fn every_fault(kind: Kind) -> Settings {
    Settings {
        undelivered_percent: 1.0,
        batch_ids: BatchIds::Same,
        faults: Faults {
            disconnect_every: Some(500),
            id_reuse: Some(20_000),
            ..county::one_in_a_hundred()
        },
        // One number in a hundred is none of this carrier's.
        refusals: vec![SubmitRefusal {
            suffix: "77".to_owned(),
            part: None,
            result: 10,
        }],
        protocol: kind,
        ..county::carrier()
    }
}

fn list(county: &County, name: &str, numbers: std::ops::Range<u64>) -> PathBuf {
    let mut text = String::from("手机\n");
    for n in numbers {
        writeln!(text, "{}", 13_800_100_000 + n).unwrap();
    }
    let path = county.dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

async fn a_flood_with_every_fault_loses_nobody_and_doubles_nobody(kind: Kind) {
    let all = flood();
    let county = County::open(
        every_fault(kind),
        "doubt_grace = \"5s\"",
        &format!(
            "rate = 6000\nlinks = 3\nwindow = 16\nbatch = {}\nresponse_timeout = \"1s\"",
            kind.max_batch().min(99)
        ),
    )
    .await;
    // Four fifths get one part, the others three.
    let cut = all / 5 * 4;
    let short = list(&county, "short.csv", 0..cut);
    let long = list(&county, "long.csv", cut..all);
    let text = "今日高温，请落实防暑降温措施。";
    let first = county.send(&short, text, OnDoubt::Hold).await;
    let second = county.send(&long, &text.repeat(12), OnDoubt::Hold).await;
    let stop = CancellationToken::new();
    let mut totals = BTreeMap::new();
    for run in [first.frozen.run, second.frozen.run] {
        let alerts = Alerts::new(Clock::system(), false);
        let wait = county.office.runs().wait(run, &alerts, &stop, |_| {});
        let counts = tokio::time::timeout(Duration::from_mins(10), wait).await;
        let counts = counts.expect("it ends").unwrap();
        assert_eq!(counts.open(), counts.of(Outcome::InDoubt), "{counts:?}");
        for outcome in Outcome::ALL {
            *totals.entry(outcome.as_str()).or_insert(0) += counts.of(outcome);
        }
    }
    let theirs = county.carrier.counts();
    println!("{} {totals:?} {theirs:?}", kind.as_str());
    assert_eq!(
        totals.values().sum::<i64>().unsigned_abs(),
        all,
        "nobody is lost"
    );
    assert_eq!((theirs.recipients_sent_twice, theirs.malformed), (0, 0));
    // On a busy machine what was written in one second may be read in less.
    assert!(theirs.peak_segments_in_one_second <= 6_600, "{theirs:?}");
    each_number_agrees(&county, all).await;
    let verdict = audit::verify(&county.office.store, None).await.unwrap();
    assert!(verdict.ok, "{:?}", verdict.first_difference);
}

/// Number by number and part by part: what the database says is what the carrier did.
async fn each_number_agrees(county: &County, all: u64) {
    let theirs: HashMap<Phone, _> = county.carrier.per_number().into_iter().collect();
    let mut tx = county.office.store.read("test").await.unwrap();
    let rows = tx.log_after(&LogFilter::default(), None, 1_000_000).await;
    let rows = rows.unwrap();
    assert_eq!(rows.len() as u64, all);
    for row in rows {
        let phone = row.phone.unwrap();
        let number = theirs.get(&phone);
        let parts = number.map_or(0, |n| i64::from(n.segments));
        let report = number.and_then(|n| n.report.as_deref());
        let what = format!(
            "{}: {} of {} parts, {report:?}",
            row.state, parts, row.segments
        );
        match row.state.as_str() {
            "delivered" => assert!(parts == row.segments && report == Some("DELIVRD"), "{what}"),
            "undelivered" | "expired" => {
                assert!(
                    parts > 0 && report.is_some_and(|r| r != "DELIVRD"),
                    "{what}"
                );
            }
            "rejected" => assert!(parts == 0 && phone.expose().ends_with("77"), "{what}"),
            // Told as what it is: nobody knows, and nothing of it went twice.
            "in_doubt" => assert!(parts <= row.segments, "{what}"),
            other => panic!("{other}: {what}"),
        }
    }
}
