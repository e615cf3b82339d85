//! What the simulated carrier promises to those who practise and test against it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use watchbell::{
    domain::message::ReportStatus,
    gateway::{Answer, Event, SegmentPlace, Submit},
    simulate::{Counts, Faults, Settings, Simulator, SubmitRefusal},
};

use crate::harness::gateway::*;

#[tokio::test]
async fn the_same_seed_gives_the_same_numbers_the_same_fate() {
    let mut fates = Vec::new();
    for _ in 0..2 {
        let settings = Settings {
            undelivered_percent: 20.0,
            seed: 5,
            ..carrier()
        };
        let (carrier, mut pair) = Pair::start(settings, |_| {}).await;
        pair.gateway.submit((1..=300).map(submit).collect());
        pair.until("all reports", |received| reports(received).len() == 300)
            .await;
        let codes: BTreeMap<u64, String> = reports(&pair.received)
            .iter()
            .map(|report| (report.phone.number(), report.code.clone()))
            .collect();
        let on_its_side: BTreeMap<u64, String> = carrier
            .per_number()
            .into_iter()
            .map(|(phone, n)| (phone.number(), n.report.unwrap_or_default()))
            .collect();
        assert_eq!(codes, on_its_side);
        let failed = reports(&pair.received)
            .iter()
            .filter(|report| report.status != ReportStatus::Delivered)
            .count();
        assert!((40..=80).contains(&failed), "{failed} of 300");
        fates.push(codes);
    }
    assert_eq!(fates[0], fates[1]);
    let words: BTreeSet<&str> = fates[0].values().map(String::as_str).collect();
    assert_eq!(
        words,
        BTreeSet::from(["DELIVRD", "UNDELIV", "MK:0001", "EXPIRED", "REJECTD"])
    );
}

#[tokio::test]
async fn twice_means_the_same_segment_and_not_another_text() {
    let (carrier, mut pair) = Pair::start(carrier(), |_| {}).await;
    let to_one = |sequence, text: &str| Submit {
        phone: phone(1),
        text: text.to_owned(),
        ..submit(sequence)
    };
    pair.gateway
        .submit(vec![to_one(1, "今天演练"), to_one(2, "明天讲座")]);
    pair.until("both answers", |received| accepted(received).len() == 2)
        .await;
    assert_eq!(carrier.counts().recipients_sent_twice, 0);
    // The same text of another run, which ends at another time, is another message.
    let later = Submit {
        valid_until: Some(watchbell::domain::time::Micros(1_686_000_000_000_000)),
        ..to_one(3, "今天演练")
    };
    pair.gateway.submit(vec![later]);
    pair.until("the third answer", |received| accepted(received).len() == 3)
        .await;
    assert_eq!(carrier.counts().recipients_sent_twice, 0);
    // A repeat under another reference is a repeat.
    let part = |sequence, reference| Submit {
        part: SegmentPlace {
            number: 1,
            total: 2,
            reference,
        },
        ..to_one(sequence, "长短信")
    };
    pair.gateway.submit(vec![part(4, 1), part(5, 2)]);
    pair.until("all answers", |received| accepted(received).len() == 5)
        .await;
    let counts = carrier.counts();
    assert_eq!(
        (
            counts.recipients_sent_twice,
            counts.distinct_recipients,
            counts.segments
        ),
        (1, 1, 5)
    );
    assert_eq!(carrier.per_number()[&phone(1)].twice, 1);
}

#[tokio::test]
async fn too_much_within_a_second_is_refused_with_result_8() {
    let settings = Settings {
        rate: Some(50),
        ..carrier()
    };
    let (carrier, mut pair) = Pair::start(settings, |config| {
        (config.rate, config.window) = (1_000, 200);
    })
    .await;
    pair.gateway.submit((1..=100).map(submit).collect());
    pair.until("all answers", |received| answers(received).count() == 100)
        .await;
    let throttled = answers(&pair.received)
        .filter(|(_, answer)| matches!(answer, Answer::Throttled(code) if code == "8"))
        .count();
    assert!(throttled > 0);
    assert_eq!(carrier.counts().segments as usize, 100 - throttled);
}

#[tokio::test]
async fn one_part_can_be_refused_and_ids_can_come_again() {
    let settings = Settings {
        refusals: vec![SubmitRefusal {
            suffix: String::new(),
            part: Some(2),
            result: 10,
        }],
        faults: Faults {
            id_reuse: Some(2),
            ..Faults::default()
        },
        ..carrier()
    };
    let (_carrier, mut pair) = Pair::start(settings, |_| {}).await;
    let part = |number: u8| Submit {
        part: SegmentPlace {
            number,
            total: 2,
            reference: 1,
        },
        ..submit(number.into())
    };
    pair.gateway
        .submit(vec![part(1), part(2), submit(3), submit(4), submit(5)]);
    pair.until("all answers", |received| answers(received).count() == 5)
        .await;
    let by_sequence: BTreeMap<u32, &Answer> = answers(&pair.received).collect();
    assert_eq!(by_sequence[&2], &Answer::Refused("10".to_owned()));
    let ids: BTreeSet<_> = accepted(&pair.received).into_values().collect();
    assert!(ids.len() <= 2, "{ids:?}");
}

#[tokio::test]
async fn reports_wait_for_a_client_that_was_away() {
    let settings = Settings {
        report_delay: Duration::from_millis(100),
        ..carrier()
    };
    let (carrier, mut pair) = Pair::start(settings, |_| {}).await;
    pair.gateway.submit((1..=10).map(submit).collect());
    pair.until("all answers", |received| accepted(received).len() == 10)
        .await;
    let address = carrier.address();
    pair.close().await;
    assert_eq!(carrier.pending(), 10);
    let mut again = Pair::open(&config(address));
    again
        .until("the reports", |received| reports(received).len() == 10)
        .await;
    again.close().await;
    assert_eq!(carrier.stop().await.reports, 10);
}

#[tokio::test]
async fn a_lost_report_never_comes_and_a_late_one_comes_late() {
    let faults = Faults {
        lost_reports: 30.0,
        late_reports: 50.0,
        late_factor: 20,
        ..Faults::default()
    };
    let (carrier, mut pair) = Pair::start(
        Settings {
            faults,
            ..carrier()
        },
        |_| {},
    )
    .await;
    pair.gateway.submit((1..=100).map(submit).collect());
    pair.until("all answers", |received| accepted(received).len() == 100)
        .await;
    let expected = carrier.pending() + carrier.counts().reports as usize;
    assert!((50..90).contains(&expected), "{expected}");
    pair.until("the reports", |received| {
        reports(received).len() == expected
    })
    .await;
}

#[tokio::test]
async fn who_speaks_before_the_login_or_nonsense_is_counted_and_dropped() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let carrier = Simulator::start(carrier()).await.expect("a free port");
    for nonsense in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0, 0, 0, 12, 0, 0, 0, 5, 0, 0, 0, 1],
    ] {
        let mut stream = tokio::net::TcpStream::connect(carrier.address())
            .await
            .expect("it listens");
        stream.write_all(nonsense).await.expect("connected");
        let mut rest = Vec::new();
        // Reset or closed: dropped either way.
        _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest))
            .await
            .expect("dropped");
        assert!(rest.is_empty());
    }
    assert_eq!(
        carrier.counts(),
        Counts {
            malformed: 2,
            ..Counts::default()
        }
    );
}

#[test]
fn the_counts_print_as_the_contract_says() {
    let printed = serde_json::to_value(Counts::default()).expect("plain numbers");
    let keys: BTreeSet<&str> = printed
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    let contract = [
        "logins",
        "refused_logins",
        "submits",
        "segments",
        "recipients",
        "distinct_recipients",
        "recipients_sent_twice",
        "reports",
        "peak_segments_in_one_second",
        "malformed",
    ];
    assert_eq!(keys, contract.into_iter().collect());
}

#[tokio::test]
async fn a_client_that_stays_silent_is_asked() {
    let settings = Settings {
        active_test: Duration::from_millis(50),
        ..carrier()
    };
    let (carrier, mut pair) = Pair::start(settings, |_| {}).await;
    // Five times the time after which a silent client would be dropped.
    pair.only_still_there(Duration::from_millis(750)).await;
    pair.gateway.submit(vec![submit(1)]);
    pair.until("an answer", |received| {
        received.iter().any(|e| matches!(e, Event::Answered { .. }))
    })
    .await;
    assert_eq!(carrier.counts().logins, 1);
}
