//! What a gateway does with a carrier over real TCP.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use watchbell::{
    domain::{id::LaneId, message::ReportStatus, priority::Priority},
    gateway::{Answer, Event, Notice, SegmentPlace, Submit},
    simulate::{Faults, Settings, Simulator, SubmitRefusal},
};

use crate::{gateway_limits::connected, harness::gateway::*};

pub(crate) fn extra(text: &str) -> BTreeMap<String, toml::Value> {
    toml::from_str(text).expect("valid TOML")
}

#[tokio::test]
async fn every_segment_is_answered_and_reported_over_several_links() {
    let (carrier, mut pair) =
        Pair::start(carrier(), |config| (config.links, config.window) = (3, 4)).await;
    pair.gateway.submit((1..=500).map(submit).collect());
    pair.until("500 reports", |received| reports(received).len() == 500)
        .await;
    let accepted = accepted(&pair.received);
    assert_eq!(accepted.len(), 500);
    let ids: BTreeSet<_> = accepted.values().cloned().collect();
    let reported: BTreeSet<_> = reports(&pair.received)
        .iter()
        .map(|report| report.carrier_id.clone())
        .collect();
    assert_eq!(ids, reported);
    assert!(
        reports(&pair.received)
            .iter()
            .all(|report| report.status == ReportStatus::Delivered && report.code == "DELIVRD")
    );
    assert_eq!(written(&pair.received).len(), 500);
    let links: BTreeSet<u16> = pair
        .received
        .iter()
        .filter_map(|e| {
            if let Event::Answered { link, .. } = e {
                Some(*link)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(links.len(), 3, "the load is spread");
    let received = pair.close().await;
    assert_eq!(left_behind(&received), (vec![], vec![]));
    let counts = carrier.stop().await;
    assert_eq!(
        (
            counts.logins,
            counts.submits,
            counts.segments,
            counts.reports
        ),
        (3, 500, 500, 500)
    );
    assert_eq!(
        (
            counts.distinct_recipients,
            counts.recipients_sent_twice,
            counts.malformed
        ),
        (500, 0, 0)
    );
}

#[tokio::test]
async fn the_window_is_never_exceeded() {
    // The carrier answers late and refuses a fifth unanswered request.
    let settings = Settings {
        window: Some(4),
        faults: Faults {
            slow_answers: 100.0,
            slow_by: Duration::from_millis(30),
            ..Faults::default()
        },
        ..carrier()
    };
    let (_carrier, mut pair) = Pair::start(settings, |config| config.window = 4).await;
    pair.gateway.submit((1..=60).map(submit).collect());
    pair.until("60 answers", |received| answers(received).count() == 60)
        .await;
    assert_eq!(accepted(&pair.received).len(), 60);
}

#[tokio::test]
async fn a_wrong_password_is_tried_three_times_and_says_why_it_rests() {
    let carrier = Simulator::start(carrier()).await.expect("a free port");
    let mut config = config(carrier.address());
    config.links = 4;
    config.password = watchbell::config::Secret::new("wrong");
    let mut pair = Pair::open(&config);
    let rests = |e: &Event| matches!(e, Event::Notice(Notice::LoginRefused { rests: Some(_), refusal }) if refusal.reason.contains("status 3"));
    pair.until("a rest", |received| received.iter().any(rests))
        .await;
    let refused = pair
        .received
        .iter()
        .filter(|e| matches!(e, Event::Notice(Notice::LoginRefused { .. })))
        .count();
    assert_eq!((refused, carrier.counts().refused_logins), (3, 3));
    assert_eq!(pair.gateway.health().links_up, 0);
    assert!(
        pair.gateway
            .health()
            .trouble
            .is_some_and(|trouble| trouble.contains("authentication failed"))
    );
}

#[tokio::test]
async fn a_lost_connection_tells_written_from_unwritten_and_comes_back() {
    let settings = Settings {
        faults: Faults {
            lost_answers: 100.0,
            ..Faults::default()
        },
        ..carrier()
    };
    let (carrier, mut pair) = Pair::start(settings, |config| config.window = 10).await;
    pair.gateway.submit((1..=25).map(submit).collect());
    pair.until("a full window", |received| written(received).len() == 10)
        .await;
    carrier.kick();
    pair.until("the link to be down", |received| {
        received.iter().any(|e| matches!(e, Event::LinkDown { .. }))
    })
    .await;
    let (unanswered, unwritten) = left_behind(&pair.received);
    assert_eq!(unanswered, (1..=10).collect::<Vec<_>>());
    assert_eq!(unwritten, (11..=25).collect::<Vec<_>>());
    pair.until("the link again", |received| {
        received
            .iter()
            .filter(|e| matches!(e, Event::LinkUp(_)))
            .count()
            == 2
    })
    .await;
    // Whether the carrier has read them before the cut is exactly what we can't know.
    assert!(carrier.counts().submits <= 10);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_doubt_and_a_late_one_still_counts() {
    let settings = Settings {
        faults: Faults {
            slow_answers: 100.0,
            slow_by: Duration::from_millis(700),
            ..Faults::default()
        },
        ..carrier()
    };
    let (_carrier, mut pair) = Pair::start(settings, |c| {
        c.response_timeout = Duration::from_millis(200);
    })
    .await;
    pair.gateway.submit(vec![submit(1)]);
    pair.until("the late answer", |received| accepted(received).len() == 1)
        .await;
    let timed_out = pair
        .received
        .iter()
        .position(|e| matches!(e, Event::TimedOut(which) if which == &[1]));
    let answered = pair
        .received
        .iter()
        .position(|e| matches!(e, Event::Answered { .. }));
    assert!(timed_out.is_some() && timed_out < answered);
}

#[tokio::test]
async fn reports_come_before_the_answer_and_twice() {
    let settings = Settings {
        faults: Faults {
            early_reports: 50.0,
            duplicate_reports: 50.0,
            garbage: 20.0,
            out_of_order: 30.0,
            ..Faults::default()
        },
        seed: 11,
        ..carrier()
    };
    let (carrier, mut pair) = Pair::start(settings, |_| {}).await;
    pair.gateway.submit((1..=200).map(submit).collect());
    pair.until("all answers", |received| accepted(received).len() == 200)
        .await;
    let all_reported = |received: &[Event]| {
        reports(received)
            .iter()
            .map(|r| &r.carrier_id)
            .collect::<BTreeSet<_>>()
            .len()
            == 200
    };
    pair.until("all reports", all_reported).await;
    let mut early = 0;
    let mut answered = BTreeSet::new();
    for event in &pair.received {
        match event {
            Event::Answered { answers, .. } => {
                answered.extend(answers.iter().filter_map(|(_, answer)| match answer {
                    Answer::Accepted(id) => Some(id.clone()),
                    _ => None,
                }));
            }
            Event::Delivered {
                delivery: watchbell::gateway::Delivery::Report(r),
                ..
            } => {
                early += u32::from(!answered.contains(&r.carrier_id));
            }
            _ => {}
        }
    }
    assert!(early > 50, "{early} came before their answer");
    assert_eq!(carrier.counts().malformed, 0);
    assert!(
        !pair
            .received
            .iter()
            .any(|e| matches!(e, Event::LinkDown { .. })),
        "garbage does not close the link"
    );
}

#[tokio::test]
async fn an_unacknowledged_report_comes_again_over_the_next_connection() {
    let (carrier, mut pair) = Pair::start(carrier(), |_| {}).await;
    pair.acknowledge = false;
    pair.gateway.submit(vec![submit(1)]);
    pair.until("the report", |received| reports(received).len() == 1)
        .await;
    carrier.kick();
    pair.acknowledge = true;
    pair.until("the report again", |received| reports(received).len() == 2)
        .await;
    assert_eq!(reports(&pair.received)[0], reports(&pair.received)[1]);
    pair.close().await;
    assert_eq!(carrier.stop().await.reports, 1);
}

#[tokio::test]
async fn a_long_message_stays_on_its_link_and_in_order() {
    let (carrier, mut pair) = Pair::start(carrier(), |config| config.links = 3).await;
    let part = |number: u8, link| Submit {
        part: SegmentPlace {
            number,
            total: 3,
            reference: 9,
        },
        text: "安".repeat(67),
        phone: phone(1),
        link,
        ..submit(number.into())
    };
    let mut link = None;
    for number in 1..=3 {
        pair.gateway.submit(vec![part(number, link)]);
        pair.until("the part's answer", |received| {
            accepted(received).len() == usize::from(number)
        })
        .await;
        link = pair.received.iter().rev().find_map(|e| {
            if let Event::Answered { link, .. } = e {
                Some(*link)
            } else {
                None
            }
        });
    }
    let used: BTreeSet<u16> = pair
        .received
        .iter()
        .filter_map(|e| {
            if let Event::Answered { link, .. } = e {
                Some(*link)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(used.len(), 1);
    let counts = carrier.counts();
    assert_eq!(
        (
            counts.segments,
            counts.recipients,
            counts.recipients_sent_twice
        ),
        (3, 1, 0)
    );
}

#[tokio::test]
async fn a_phone_writes_back_in_short_and_long() {
    let (carrier, mut pair) = Pair::start(carrier(), |config| config.links = 2).await;
    let long = "已收到，".repeat(40);
    carrier.inject_mo(phone(5), "R");
    carrier.inject_mo(phone(6), &long);
    pair.until("both texts", |received| mos(received).len() == 2)
        .await;
    let texts: BTreeSet<(u64, &str)> = mos(&pair.received)
        .iter()
        .map(|mo| (mo.phone.number(), mo.text.as_str()))
        .collect();
    assert_eq!(
        texts,
        BTreeSet::from([(phone(5).number(), "R"), (phone(6).number(), long.as_str())])
    );
    pair.close().await;
    assert_eq!(carrier.pending(), 0, "all parts were acknowledged");
}

#[tokio::test]
async fn refusals_say_what_may_go_elsewhere() {
    let refuse = |suffix: &str, result| SubmitRefusal {
        suffix: suffix.to_owned(),
        part: None,
        result,
    };
    let settings = Settings {
        refusals: vec![
            refuse("1", 10),
            refuse("2", 13),
            refuse("3", 101),
            refuse("4", 8),
        ],
        ..carrier()
    };
    let (_carrier, mut pair) = Pair::start(settings, |config| {
        config.extra = extra("busy_codes = [101]");
    })
    .await;
    pair.gateway.submit((1..=5).map(submit).collect());
    pair.until("all answers", |received| answers(received).count() == 5)
        .await;
    let by_sequence: BTreeMap<u32, &Answer> = answers(&pair.received).collect();
    assert_eq!(by_sequence[&1], &Answer::Refused("10".to_owned()));
    assert_eq!(by_sequence[&2], &Answer::WrongNetwork("13".to_owned()));
    assert_eq!(by_sequence[&3], &Answer::Throttled("101".to_owned()));
    assert_eq!(by_sequence[&4], &Answer::Throttled("8".to_owned()));
    assert!(matches!(by_sequence[&5], Answer::Accepted(_)));
    assert!(
        pair.received
            .iter()
            .any(|e| matches!(e, Event::Pace(pace) if *pace < 10_000.0))
    );
}

#[tokio::test]
async fn urgent_overtakes_what_waits_and_a_recall_gives_back_the_unwritten() {
    let (carrier, mut pair) = Pair::start(carrier(), |config| config.rate = 20).await;
    let bulk = |sequence, lane| Submit {
        priority: Priority::Bulk,
        lane: LaneId(lane),
        ..submit(sequence)
    };
    pair.gateway
        .submit((1..=40).map(|n| bulk(n, 1 + i64::from(n % 2))).collect());
    pair.until("the first", |received| written(received).len() >= 3)
        .await;
    pair.gateway.submit(vec![Submit {
        priority: Priority::Urgent,
        ..submit(100)
    }]);
    pair.until("the urgent one", |received| {
        written(received).contains(&100)
    })
    .await;
    assert!(
        written(&pair.received).len() < 10,
        "{:?}",
        written(&pair.received)
    );
    pair.gateway.recall(vec![LaneId(2)]);
    let is_recall = |e: &Event| matches!(e, Event::Recalled(_));
    pair.until("the recall", |received| received.iter().any(is_recall))
        .await;
    let back = recalled(&pair.received);
    assert!(back.iter().all(|sequence| sequence % 2 == 1), "{back:?}");
    pair.gateway.recall(vec![]);
    pair.until("the second recall", |received| {
        received.iter().filter(|e| is_recall(e)).count() == 2
    })
    .await;
    let received = pair.close().await;
    let mut all = written(&received);
    all.extend(recalled(&received));
    all.sort_unstable();
    assert_eq!(
        all,
        (1..=40).chain([100]).collect::<Vec<_>>(),
        "each was either written or given back"
    );
    assert_eq!(carrier.counts().submits as usize, written(&received).len());
}

#[tokio::test]
async fn a_shut_gate_lets_no_byte_through() {
    let carrier = Simulator::start(carrier()).await.expect("a free port");
    let gate = watchbell::gateway::WriteGate::shut();
    let mut pair = Pair::open_behind(&config(carrier.address()), gate.clone());
    let nothing = tokio::time::timeout(Duration::from_millis(300), pair.events.recv()).await;
    assert!(nothing.is_err() && carrier.counts().logins == 0);
    gate.extend(watchbell::gateway::Moment::now(), PATIENCE);
    pair.until("the link", |received| {
        received.iter().any(|e| matches!(e, Event::LinkUp(_)))
    })
    .await;
}

#[tokio::test]
async fn a_silent_link_is_asked_and_given_up_after_three_questions() {
    // A listener that takes the login and then says nothing more.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let mut config = config(listener.local_addr().expect("bound"));
    config.extra = extra("keep_alive = \"100ms\"");
    let mut pair = Pair::open(&config);
    let (stream, _) = listener.accept().await.expect("the gateway connects");
    let tests = tokio::spawn(count_active_tests(stream));
    pair.until("the link to be given up", |received| {
        received.iter().any(|e| matches!(e, Event::LinkDown { .. }))
    })
    .await;
    assert_eq!(tests.await.expect("no panic"), 3);
}

async fn count_active_tests(mut stream: tokio::net::TcpStream) -> u32 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut login = [0; 39];
    stream.read_exact(&mut login).await.expect("a login");
    stream
        .write_all(&connected(&login))
        .await
        .expect("connected");
    let mut rest = Vec::new();
    stream
        .read_to_end(&mut rest)
        .await
        .expect("closed in the end");
    assert!(
        rest.chunks(12)
            .all(|test| test.len() == 12 && test[4..8] == [0, 0, 0, 8])
    );
    rest.len() as u32 / 12
}
