//! What only one protocol has: versions that meet, numbers that wrap, ids in two spellings.

use watchbell::{
    config::Kind,
    domain::text::Count,
    gateway::{Answer, Event, SegmentPlace, Submit},
    simulate::{Faults, Receipts, Settings, Simulator},
};

use crate::{
    gateway_stories::extra,
    harness::gateway::{self, *},
};

fn carrier(kind: Kind) -> Settings {
    Settings {
        protocol: kind,
        ..gateway::carrier()
    }
}

/// Sends to ten, and sees all answered and reported by ids that meet.
async fn ten_are_reported(pair: &mut Pair, submits: Vec<Submit>) {
    pair.gateway.submit(submits);
    pair.until("ten reports", |received| reports(received).len() == 10)
        .await;
    let ids = accepted(&pair.received);
    assert_eq!(ids.len(), 10);
    for report in reports(&pair.received) {
        assert!(
            ids.values().any(|id| *id == report.carrier_id),
            "{report:?}"
        );
    }
}

#[tokio::test]
async fn cmpp_of_either_version_meets_the_other() {
    for (ours, theirs) in [(Kind::Cmpp30, Kind::Cmpp20), (Kind::Cmpp20, Kind::Cmpp30)] {
        let carrier = Simulator::start(carrier(theirs))
            .await
            .expect("a free port");
        let mut config = config(carrier.address());
        config.kind = ours;
        let mut pair = Pair::open(&config);
        pair.until("the link", |received| {
            received.iter().any(|e| matches!(e, Event::LinkUp(_)))
        })
        .await;
        carrier.inject_mo(phone(1), "R");
        ten_are_reported(&mut pair, (1..=10).map(submit).collect()).await;
        pair.until("the text", |received| mos(received).len() == 1)
            .await;
        pair.close().await;
        assert_eq!(carrier.stop().await.malformed, 0, "{ours} at {theirs}");
    }
}

#[tokio::test]
async fn smpp_ids_in_hex_and_receipts_in_decimal_meet() {
    let settings = Settings {
        receipts: Receipts::DecimalText,
        faults: Faults {
            early_reports: 50.0,
            ..Faults::default()
        },
        ..carrier(Kind::Smpp34)
    };
    let (_carrier, mut pair) = Pair::start(settings, |config| {
        config.extra = extra("message_ids = \"hex-decimal\"");
    })
    .await;
    ten_are_reported(&mut pair, (1..=10).map(submit).collect()).await;
}

#[tokio::test]
async fn smpp_numbers_stay_in_their_half_and_come_back_whole() {
    let (carrier, mut pair) = Pair::start(carrier(Kind::Smpp34), |_| {}).await;
    let across = (u32::MAX - 4..=u32::MAX).chain(0..5);
    let submits = across.enumerate().map(|(n, sequence)| Submit {
        sequence,
        ..submit(n as u32 + 1)
    });
    ten_are_reported(&mut pair, submits.collect()).await;
    let answered: Vec<u32> = accepted(&pair.received).into_keys().collect();
    assert_eq!(answered[..5], [0, 1, 2, 3, 4]);
    assert_eq!(carrier.counts().malformed, 0);
}

#[tokio::test]
async fn smpp_takes_gsm_texts_of_160_and_parts_of_153() {
    let (carrier, mut pair) =
        Pair::start(carrier(Kind::Smpp34), |config| config.count = Count::Gsm7).await;
    let part = |number, total, length| Submit {
        part: SegmentPlace {
            number,
            total,
            reference: 3,
        },
        text: "@".repeat(length),
        phone: phone(1),
        ..submit(number.into())
    };
    let alone = Submit {
        sequence: 9,
        ..part(1, 1, 160)
    };
    pair.gateway
        .submit(vec![part(1, 2, 153), part(2, 2, 20), alone]);
    pair.until("all reports", |received| reports(received).len() == 3)
        .await;
    let counts = carrier.counts();
    assert_eq!((counts.recipients, counts.segments), (2, 3));
}

#[tokio::test]
async fn numbers_end_as_they_are_told_to_in_every_protocol() {
    use watchbell::{domain::message::ReportStatus, simulate::Ending};
    let kinds = [
        Kind::Cmpp20,
        Kind::Cmpp30,
        Kind::Sgip12,
        Kind::Smgp30,
        Kind::Smpp34,
    ];
    for kind in kinds {
        let settings = Settings {
            endings: vec![
                ("1".to_owned(), Ending::Undelivered),
                ("2".to_owned(), Ending::Rejected),
                (String::new(), Ending::Delivered),
            ],
            undelivered_percent: 100.0,
            ..carrier(kind)
        };
        let (_carrier, mut pair) = Pair::start(settings, |_| {}).await;
        ten_are_reported(&mut pair, (1..=10).map(submit).collect()).await;
        for report in reports(&pair.received) {
            let expected = match report.phone.number() % 10 {
                1 | 2 => ReportStatus::Undelivered,
                _ => ReportStatus::Delivered,
            };
            assert_eq!(report.status, expected, "{kind}: {report:?}");
        }
    }
}

#[tokio::test]
async fn a_text_that_does_not_fit_is_refused_and_leaves_nothing_behind() {
    for kind in [Kind::Cmpp30, Kind::Sgip12, Kind::Smgp30, Kind::Smpp34] {
        let (carrier, mut pair) = Pair::start(carrier(kind), |_| {}).await;
        let long = Submit {
            text: "安".repeat(71),
            ..submit(1)
        };
        pair.gateway.submit(vec![long, submit(2)]);
        pair.until("both answers", |received| answers(received).count() == 2)
            .await;
        let refused = answers(&pair.received).find(|(sequence, _)| *sequence == 1);
        assert!(
            matches!(refused, Some((_, Answer::Refused(_)))),
            "{refused:?}"
        );
        assert_eq!(carrier.counts().submits, 1);
    }
}
