//! Message centres as they were met in the field: receipts in other shapes, answers that can be read in part, refusals
//! that name no command, codings with a class. Captures are invented like them.

use std::time::Duration;

use watchbell::{
    config::Kind,
    domain::message::ReportStatus,
    gateway::{Answer, Delivery, Event, Report},
};

use crate::{
    harness::center::{
        Center, GENERIC_NACK, PAUSE, Pdu, RESPONSE, SUBMIT_MULTI, SUBMIT_SM, UNBIND,
    },
    harness::gateway::*,
    harness::program::eventually_within,
};

const DELIVER_SM: u32 = 5;
const DATA_SM: u32 = 0x103;

async fn gateway_at(center: &Center, batch: u16) -> Pair {
    let mut config = config(center.address);
    config.kind = Kind::Smpp34;
    config.batch = batch;
    let mut pair = Pair::open(&config);
    pair.until("the link", |received| {
        received.iter().any(|e| matches!(e, Event::LinkUp(_)))
    })
    .await;
    pair
}

/// A centre that takes each submit under this id and then says this.
async fn telling(id: &'static [u8], delivers: Vec<Pdu>) -> (Center, Pair) {
    let mut delivers = Some(delivers);
    let center = Center::start(move |pdu| match pdu.command {
        SUBMIT_SM => {
            let mut answers = vec![pdu.answer(0, &[id, b"\0"].concat())];
            answers.extend(delivers.take().into_iter().flatten());
            answers
        }
        _ => Vec::new(),
    })
    .await;
    let pair = gateway_at(&center, 1).await;
    pair.gateway.submit(vec![submit(1)]);
    (center, pair)
}

/// What a deliver comes to, and that it is answered with yes by its own command.
async fn told(id: &'static [u8], deliver: Pdu) -> Delivery {
    let command = deliver.command;
    let (center, mut pair) = telling(id, vec![deliver]).await;
    let delivered = |e: &Event| matches!(e, Event::Delivered { .. });
    pair.until("the delivery", |received| received.iter().any(delivered))
        .await;
    eventually_within(Duration::from_secs(10), "it is answered", async || {
        center.heard(command | RESPONSE).len() == 1
    })
    .await;
    assert_eq!(center.heard(command | RESPONSE)[0].status, 0);
    let mut found = pair.received.into_iter().filter_map(|e| match e {
        Event::Delivered { delivery, .. } => Some(delivery),
        _ => None,
    });
    found.next().unwrap()
}

async fn reported(id: &'static [u8], deliver: Pdu) -> Report {
    match told(id, deliver).await {
        Delivery::Report(report) => report,
        other @ Delivery::Mo(_) => panic!("{other:?}"),
    }
}

/// `deliver_sm` or `data_sm` between these addresses.
fn deliver(
    command: u32,
    (from, to): (&str, &str),
    class: u8,
    coding: u8,
    text: &[u8],
    tlvs: &[u8],
) -> Pdu {
    let mut body = b"\0\x01\x01".to_vec();
    body.extend(from.as_bytes());
    body.extend(b"\0\0\x01");
    body.extend(to.as_bytes());
    body.extend([0, class]);
    match command {
        DATA_SM => body.extend([0, coding]),
        _ => {
            body.extend([0, 0, 0, 0, 0, 0, coding, 0, text.len() as u8]);
            body.extend(text);
        }
    }
    body.extend(tlvs);
    Pdu::new(command, 0, 1_001, &body)
}

const PHONE: &str = "8613800000001";
const OURS: &str = "10690000";
const TEXT: &[u8] = b"id:abc123 sub:001 dlvrd:001 submit date:2306151000 done date:2306151001 stat:DELIVRD err:000 text:hi";

fn is(report: &Report, status: ReportStatus, code: &str) {
    assert_eq!(report.phone, phone(1));
    assert_eq!(
        (report.status, report.code.as_str()),
        (status, code),
        "{report:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phone_stands_where_the_centre_puts_it() {
    for addresses in [
        (PHONE, OURS),
        (OURS, PHONE),
        ("", PHONE),
        ("13800000001", ""),
        ("SAFETY", "+8613800000001"),
    ] {
        let report = reported(b"abc123", deliver(DELIVER_SM, addresses, 4, 0, TEXT, b"")).await;
        is(&report, ReportStatus::Delivered, "DELIVRD");
        assert_eq!(report.carrier_id.0, "abc123");
    }
    let hex = "0000009a0000000500000000000003e9000101313036393030303100000138363133383030303030303031000400000000000000006469643a616263313233207375623a30303120646c7672643a303031207375626d697420646174653a3233303631353130303020646f6e6520646174653a3233303631353130303120737461743a44454c49565244206572723a30303020746578743a6869";
    is(
        &reported(b"abc123", Pdu::of_hex(hex)).await,
        ReportStatus::Delivered,
        "DELIVRD",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_may_come_as_data_sm_and_a_text_too() {
    let hex = "0000003f0000010300000000000003e900010138363133383030303030303031000001313036393030303100040000001e0007616263313233000427000102";
    is(
        &reported(b"abc123", Pdu::of_hex(hex)).await,
        ReportStatus::Delivered,
        "DELIVRD",
    );
    // Undeliverable, with a reason in the payload's words.
    let words = b"\x04\x24\0\x1cid:9 stat:UNDELIV err:045 te\0\x1e\0\x029\0\x04\x27\0\x01\x05";
    let report = reported(b"9", deliver(DATA_SM, (PHONE, OURS), 4, 0, b"", words)).await;
    is(&report, ReportStatus::Undelivered, "UNDELIV:045");
    let Delivery::Mo(text) = told(
        b"1",
        deliver(
            DATA_SM,
            (PHONE, OURS),
            0,
            8,
            b"",
            b"\x04\x24\0\x04\x90\x00\x8b\xa2",
        ),
    )
    .await
    else {
        panic!("a text");
    };
    assert_eq!((text.phone, text.text.as_str()), (phone(1), "退订"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_one_whatever_its_class_says() {
    let tlvs = b"\0\x1e\0\x07abc123\0\x04\x27\0\x01\x02";
    for class in [0, 0x40 | 0x04, 0x08, 0x20] {
        let report = reported(
            b"abc123",
            deliver(DELIVER_SM, (PHONE, OURS), class, 0, TEXT, tlvs),
        )
        .await;
        is(&report, ReportStatus::Delivered, "DELIVRD");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_says_nothing_does_not_hide_an_end() {
    let hex = "000000c30000000500000000000003e9000101383631333830303030303030310000013130363930303031000400000000000000007069643a39303030303030303030303030303030303031207375623a30303120646c7672643a303031207375626d697420646174653a3138303732323137333620646f6e6520646174653a3138303732323137333620737461743a554e44454c4956206572723a32353520746578743a3f001e001439303030303030303030303030303030303031000427000100";
    is(
        &reported(b"9000000000000000001", Pdu::of_hex(hex)).await,
        ReportStatus::Undelivered,
        "UNDELIV:255",
    );
    // The other way round: words without an end, and a parameter that has one.
    let tlvs = b"\0\x1e\0\x02x\0\x04\x27\0\x01\x03";
    let words = b"id:x stat:ENROUTE err:000";
    let report = reported(b"x", deliver(DELIVER_SM, (PHONE, OURS), 4, 0, words, tlvs)).await;
    is(&report, ReportStatus::Expired, "ENROUTE|EXPIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipts_words_are_in_the_coding_that_it_names() {
    let ucs2 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_be_bytes).collect() };
    for (coding, text) in [
        (8, ucs2("id:abc123 stat:DELIVRD err:000")),
        (0x19, ucs2("id:abc123 stat:DELIVRD")),
        (3, b"id:abc123 stat:DELIVRD text:caf\xe9".to_vec()),
    ] {
        let report = reported(
            b"abc123",
            deliver(DELIVER_SM, (PHONE, OURS), 4, coding, &text, b""),
        )
        .await;
        is(&report, ReportStatus::Delivered, "DELIVRD");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_odd_parameter_does_not_cost_a_receipt() {
    for odd in [
        // An id without its zero byte; a network error of no bytes; a state of two; a length beyond the end.
        &b"\0\x1e\0\x06abc123"[..],
        b"\x04\x23\0\0",
        b"\x04\x27\0\x02\0\x02",
        b"\x14\0\0\x03xyz\x04\x23\0\x09\x03",
    ] {
        let report = reported(
            b"abc123",
            deliver(DELIVER_SM, (PHONE, OURS), 4, 0, TEXT, odd),
        )
        .await;
        is(&report, ReportStatus::Delivered, "DELIVRD");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_with_a_message_class_is_read_as_what_it_is() {
    for (coding, bytes, expected) in [
        (0xF1, &b"TD"[..], "TD"),
        (0xF0, b"td", "td"),
        (0x11, b"R", "R"),
        (0x18, b"\x90\x00\x8b\xa2", "退订"),
        (0xE2, b"\x90\x00\x8b\xa2", "退订"),
        (0xC8, b"TD", "TD"),
    ] {
        let Delivery::Mo(text) = told(
            b"1",
            deliver(DELIVER_SM, (PHONE, OURS), 0, coding, bytes, b""),
        )
        .await
        else {
            panic!("a text");
        };
        assert_eq!(text.text, expected, "coding {coding:#x}");
    }
}

/// Answers to each submit, and what they come to.
async fn answered(answer: impl Fn(&Pdu) -> Pdu + Send + 'static) -> Answer {
    let center = Center::start(move |pdu| match pdu.command {
        SUBMIT_SM => vec![answer(pdu)],
        _ => Vec::new(),
    })
    .await;
    let mut pair = gateway_at(&center, 1).await;
    pair.gateway.submit(vec![submit(7)]);
    pair.until("the answer", |received| answers(received).count() == 1)
        .await;
    let answer = answers(&pair.received).next().unwrap();
    assert_eq!(answer.0, 7);
    answer.1.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_without_a_command_answers_the_submit_whose_number_it_names() {
    for status in [3, 2, 8] {
        let answer = answered(move |pdu| Pdu::new(GENERIC_NACK, status, pdu.sequence, b"")).await;
        assert_eq!(answer, Answer::Refused(status.to_string()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_number_settle_a_submit_whatever_stands_behind_them() {
    let refused = answered(|pdu| pdu.answer(0x0A, b"\0\0")).await;
    assert_eq!(refused, Answer::Refused("10".to_owned()));
    // Bytes outside of ASCII in the id; no zero byte at its end; something behind it.
    for body in [
        &b"W\x94\xceNm-16292\0\0\0"[..],
        b"m-17",
        b"m-18\0\x04\x23\0\x09",
    ] {
        let taken = answered(move |pdu| pdu.answer(0, body)).await;
        let Answer::Accepted(id) = taken else {
            panic!("{taken:?}");
        };
        assert!(id.0.contains("m-1"), "{id:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_not_served_is_told_so_and_the_link_stays() {
    let mut said = Some([
        Pdu::new(0x0102, 0, 77, b"\0\0\0\0\0\0"),
        Pdu::new(0x7777, 0, 78, b"x"),
    ]);
    let center = Center::start(move |pdu| match pdu.command {
        SUBMIT_SM => {
            let mut answers = vec![pdu.answer(0, b"1\0")];
            answers.extend(said.take().into_iter().flatten());
            answers
        }
        _ => Vec::new(),
    })
    .await;
    let mut pair = gateway_at(&center, 1).await;
    pair.gateway.submit(vec![submit(1)]);
    eventually_within(Duration::from_secs(10), "both are answered", async || {
        center.heard(GENERIC_NACK).len() == 2
    })
    .await;
    let nacks = center.heard(GENERIC_NACK);
    assert!(nacks.iter().all(|nack| nack.status == 3), "{nacks:?}");
    assert_eq!((nacks[0].sequence, nacks[1].sequence), (77, 78));
    pair.gateway.submit(vec![submit(2)]);
    pair.until("the next answer", |received| answers(received).count() == 2)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_centre_without_submit_multi_gets_the_same_people_singly() {
    let center = Center::start(|pdu| match pdu.command {
        SUBMIT_MULTI => vec![Pdu::new(GENERIC_NACK, 3, pdu.sequence, b"")],
        SUBMIT_SM => vec![pdu.answer(0, format!("id{}\0", pdu.sequence).as_bytes())],
        _ => Vec::new(),
    })
    .await;
    let mut pair = gateway_at(&center, 50).await;
    pair.gateway.submit((1..=20).map(submit).collect());
    pair.until("all answers", |received| accepted(received).len() == 20)
        .await;
    let multi = center.heard(SUBMIT_MULTI).len();
    pair.gateway.submit((21..=60).map(submit).collect());
    pair.until("all answers", |received| accepted(received).len() == 60)
        .await;
    assert_eq!(center.heard(SUBMIT_SM).len(), 60);
    assert!(multi <= 2, "{multi} tries before it is known");
    assert_eq!(center.heard(SUBMIT_MULTI).len(), multi, "it is remembered");
}

/// A centre that unbinds when it has eight submits, and then says this with the answers that it owes.
async fn unbinding(then: impl Fn(Vec<Pdu>) -> Vec<Pdu> + Send + 'static) -> (Center, Pair) {
    let mut owed = Vec::new();
    let center = Center::start(move |pdu| {
        if pdu.command != SUBMIT_SM {
            return Vec::new();
        }
        owed.push(pdu.answer(0, format!("id{}\0", pdu.sequence).as_bytes()));
        match owed.len() {
            8 => {
                let unbind = Pdu::new(UNBIND, 0, 500, b"");
                [vec![unbind], then(std::mem::take(&mut owed))].concat()
            }
            _ => Vec::new(),
        }
    })
    .await;
    let pair = gateway_at(&center, 1).await;
    pair.gateway.submit((1..=8).map(submit).collect());
    (center, pair)
}

fn unanswered(received: &[Event]) -> Option<usize> {
    received.iter().find_map(|e| match e {
        Event::LinkDown { unanswered, .. } => Some(unanswered.len()),
        _ => None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_centre_owes_when_it_unbinds_is_still_answered() {
    let pause = Pdu::new(PAUSE, 60, 0, b"");
    let (center, mut pair) = unbinding(move |owed| [vec![pause.clone()], owed].concat()).await;
    pair.until("the link is down", |received| {
        unanswered(received).is_some()
    })
    .await;
    assert_eq!(accepted(&pair.received).len(), 8);
    assert_eq!(unanswered(&pair.received), Some(0));
    assert_eq!(center.heard(UNBIND | RESPONSE).len(), 1);
    pair.until("the next link", |received| {
        received
            .iter()
            .filter(|e| matches!(e, Event::LinkUp(_)))
            .count()
            == 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_centre_that_unbinds_and_answers_nothing_is_waited_for_and_then_let_go() {
    let (center, mut pair) = unbinding(|_| Vec::new()).await;
    pair.until("the link is down", |received| {
        unanswered(received).is_some()
    })
    .await;
    assert_eq!(unanswered(&pair.received), Some(8), "they are in doubt");
    assert_eq!(center.heard(UNBIND | RESPONSE).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_with_several_addresses_is_tried_one_after_the_other() {
    let center = Center::start(|_| Vec::new()).await;
    let mut config = config(center.address);
    config.kind = Kind::Smpp34;
    // Elsewhere it stands for ::1 first, where nobody listens.
    config.address = format!("localhost:{}", center.address.port());
    let mut pair = Pair::open(&config);
    pair.until("the link", |received| {
        received.iter().any(|e| matches!(e, Event::LinkUp(_)))
    })
    .await;
}
