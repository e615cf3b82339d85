//! The session on virtual time, with CMPP on both ends and no socket.

use std::collections::BTreeMap;

use bytes::BytesMut;
use proptest::prelude::*;
use watchbell_wire::{
    FixedStr,
    cmpp::{
        self, ConnectResp, ConnectStatus, Deliver, Frame, FrameReader, MsgId, Pdu, SubmitResp,
        SubmitResult, Version,
    },
};

use super::*;
use crate::{
    config::{self, Kind, RateUnit, Secret, SignatureBy},
    domain::{
        id::{GatewayId, LaneId},
        phone::Phone,
        priority::Priority,
        text::Count,
    },
    gateway::{
        Answer, CarrierMessageId, DeliverRef, Delivery, RequestId, SegmentPlace, Sharing,
        cmpp::Cmpp,
    },
};

const LIMITS: LinkLimits = LinkLimits {
    window: 4,
    response_timeout: Duration::from_secs(30),
    keep_alive: Duration::from_secs(10),
};

pub(in crate::gateway) fn account() -> config::Gateway {
    config::Gateway {
        id: GatewayId::from("mobile"),
        kind: Kind::Cmpp20,
        carriers: Vec::new(),
        address: String::new(),
        account: "901234".to_owned(),
        password: Secret::new("shared_pw1"),
        access_number: "10690000".to_owned(),
        service_id: "SAFETY".to_owned(),
        rate: 1,
        rate_unit: RateUnit::Segments,
        links: 1,
        window: 4,
        batch: 1,
        count: Count::Ucs2,
        signature: String::new(),
        signature_by: SignatureBy::Us,
        opt_out: String::new(),
        price: 0.0,
        daily_quota: 0,
        monthly_quota: 0,
        trace: None,
        response_timeout: LIMITS.response_timeout,
        login_retry: Duration::from_mins(10),
        local_address: String::new(),
        extra: BTreeMap::new(),
    }
}

pub(in crate::gateway) fn submit(sequence: u32) -> Submit {
    Submit {
        sequence,
        link: None,
        lane: LaneId(1),
        priority: Priority::Normal,
        phone: Phone::from_number(13_800_138_000).expect("a mobile number"),
        text: "注意安全".to_owned(),
        part: SegmentPlace {
            number: 1,
            total: 1,
            reference: 0,
        },
        segments: 1,
        valid_until: Some(Micros(1_686_000_000_000_000)),
        request: RequestId::default(),
        sharing: Sharing::default(),
    }
}

/// A session, and the carrier's end of its bytes.
struct Pair {
    sp: Session<Cmpp>,
    gateway: FrameReader,
    now: Instant,
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let cmpp = Cmpp::new(&account(), Version::V20).expect("a valid account");
        let sp = Session::new(now, cmpp, LIMITS, 1, Micros(1_684_546_215_000_000));
        let gateway = FrameReader::new(Version::V20, watchbell_wire::FrameLimits::default());
        Self { sp, gateway, now }
    }

    fn up() -> Self {
        let mut pair = Self::new();
        let login = pair.sent().remove(0);
        pair.answer(login.sequence, connected(ConnectStatus::OK));
        assert!(matches!(pair.sp.poll_event(), Some(SessionEvent::Up)));
        pair
    }

    /// What the session has for the socket, all of which the socket takes.
    fn sent(&mut self) -> Vec<Frame> {
        self.gateway.push(self.sp.poll_transmit());
        let count = self.sp.poll_transmit().len();
        self.sp.transmitted(self.now, count);
        std::iter::from_fn(|| self.gateway.next_frame().expect("we write whole PDUs")).collect()
    }

    fn answer(&mut self, sequence: u32, pdu: Pdu) {
        let bytes = Frame { sequence, pdu }
            .to_bytes(Version::V20)
            .expect("it fits");
        self.sp.handle_input(self.now, &bytes);
    }

    fn accept(&mut self, sequence: u32) {
        self.answer(
            sequence,
            Pdu::SubmitResp(SubmitResp {
                msg_id: MsgId(sequence.into()),
                result: SubmitResult::OK,
            }),
        );
    }

    fn wait(&mut self, by: Duration) {
        self.now += by;
        self.sp.handle_timeout(self.now);
    }

    fn events(&mut self) -> Vec<SessionEvent> {
        std::iter::from_fn(|| self.sp.poll_event()).collect()
    }
}

fn connected(status: ConnectStatus) -> Pdu {
    Pdu::ConnectResp(ConnectResp {
        status,
        ..ConnectResp::default()
    })
}

#[test]
fn the_login_carries_beijing_time_and_the_right_digest() {
    let mut pair = Pair::new();
    let login = pair.sent().remove(0);
    let Pdu::Connect(connect) = login.pdu else {
        panic!("{login:?}")
    };
    assert_eq!(connect.timestamp, 520_093_015);
    assert_eq!(
        hex::encode(connect.authenticator_source),
        "b18c1906e6f125242d53ad6b69f313df"
    );
}

#[test]
fn a_refused_login_ends_the_session_and_says_why() {
    let mut pair = Pair::new();
    let login = pair.sent().remove(0);
    pair.answer(login.sequence, connected(ConnectStatus::AUTH_FAILED));
    assert!(
        matches!(pair.sp.poll_event(), Some(SessionEvent::LoginRefused(refusal)) if refusal.reason == "status 3: authentication failed")
    );
    assert!(pair.sp.ended().is_some());
}

#[test]
fn a_login_without_an_answer_ends_in_time() {
    let mut pair = Pair::new();
    pair.sent();
    pair.wait(LIMITS.response_timeout);
    assert_eq!(pair.sp.ended(), Some(&LinkEnd::LoginTimeout));
}

#[test]
fn the_window_holds_and_an_answer_frees_a_place() {
    let mut pair = Pair::up();
    for sequence in 10..14 {
        pair.sp.submit(vec![submit(sequence)]).expect("room");
    }
    assert!(matches!(
        pair.sp.submit(vec![submit(14)]),
        Err(NotTaken::NoRoom(_))
    ));
    assert_eq!(pair.sent().len(), 4);
    pair.accept(11);
    assert!(
        matches!(&pair.events()[..], [SessionEvent::Answered { answers, .. }] if answers[..] == [(11, Answer::Accepted(CarrierMessageId("000000000000000b".to_owned())))])
    );
    pair.sp.submit(vec![submit(14)]).expect("room again");
}

#[test]
fn a_submit_says_what_the_account_wants() {
    let mut pair = Pair::up();
    pair.sp.submit(vec![submit(10)]).expect("room");
    let Pdu::Submit(sent) = pair.sent().remove(0).pdu else {
        panic!("not a submit")
    };
    assert_eq!(sent.valid_time, "230606052000032+");
    assert_eq!(
        (
            sent.msg_fmt,
            sent.tp_udhi,
            sent.registered_delivery,
            sent.fee_user_type
        ),
        (8, 0, 1, 2)
    );
    assert_eq!(
        (sent.msg_src, sent.src_id),
        (
            FixedStr::new("901234").expect("fits"),
            FixedStr::new("10690000").expect("fits")
        )
    );
    assert_eq!(sent.dest_terminal_ids[0], "13800138000");
    let part = Submit {
        part: SegmentPlace {
            number: 2,
            total: 3,
            reference: 7,
        },
        text: "abc".to_owned(),
        ..submit(11)
    };
    pair.sp.submit(vec![part]).expect("room");
    let Pdu::Submit(sent) = pair.sent().remove(0).pdu else {
        panic!("not a submit")
    };
    assert_eq!(
        (sent.pk_total, sent.pk_number, sent.tp_udhi, sent.msg_fmt),
        (3, 2, 1, 8)
    );
    assert_eq!(
        sent.msg_content[..],
        [5, 0, 3, 7, 3, 2, 0, b'a', 0, b'b', 0, b'c']
    );
}

#[test]
fn what_cannot_be_written_comes_back_and_leaves_no_byte() {
    let mut pair = Pair::up();
    let long = Submit {
        text: "安".repeat(71),
        ..submit(10)
    };
    assert!(
        matches!(pair.sp.submit(vec![long]), Err(NotTaken::Unsendable(_, reason)) if reason.contains("at most 140"))
    );
    assert!(pair.sp.poll_transmit().is_empty());
    assert_eq!(pair.sp.unanswered(), 0);
}

#[test]
fn an_overdue_answer_is_a_doubt_frees_its_place_and_may_still_come() {
    let mut pair = Pair::up();
    pair.sp.submit(vec![submit(10)]).expect("room");
    pair.sent();
    pair.wait(Duration::from_secs(29));
    pair.answer(1, Pdu::ActiveTest);
    pair.wait(Duration::from_secs(1));
    assert!(
        pair.events()
            .iter()
            .any(|h| matches!(h, SessionEvent::TimedOut(which) if which == &[10]))
    );
    assert_eq!(pair.sp.room(), LIMITS.window);
    pair.accept(10);
    assert!(matches!(
        &pair.events()[..],
        [SessionEvent::Answered { answers, .. }] if answers[0].0 == 10
    ));
    pair.accept(10);
    assert!(pair.events().is_empty(), "a second answer says nothing new");
    assert!(pair.sp.into_remains().unanswered.is_empty());
}

#[test]
fn an_answer_nobody_asked_for_is_ignored() {
    let mut pair = Pair::up();
    pair.accept(99);
    assert!(pair.events().is_empty() && pair.sp.is_up());
}

#[test]
fn remains_are_split_by_the_bytes_that_went() {
    let mut pair = Pair::up();
    for sequence in 10..13 {
        pair.sp.submit(vec![submit(sequence)]).expect("room");
    }
    let one = pair.sp.poll_transmit().len() / 3;
    // The first whole, one byte of the second, nothing of the third.
    assert_eq!(pair.sp.transmitted(pair.now, one + 1), [10, 11]);
    pair.sp.handle_end(LinkEnd::PeerClosed);
    let remains = pair.sp.into_remains();
    assert_eq!(remains.unanswered, [10, 11]);
    assert_eq!(
        remains
            .unwritten
            .iter()
            .map(|s| s.sequence)
            .collect::<Vec<_>>(),
        [12]
    );
}

#[test]
fn a_withdrawal_leaves_the_rest_of_what_began_and_all_responses() {
    let mut pair = Pair::up();
    for sequence in 10..13 {
        pair.sp.submit(vec![submit(sequence)]).expect("room");
    }
    pair.answer(77, Pdu::ActiveTest);
    let head = pair.sp.poll_transmit()[..20].to_vec();
    pair.gateway.push(&head);
    assert_eq!(pair.sp.transmitted(pair.now, 20), [10]);
    let back: Vec<u32> = pair.sp.withdraw().iter().map(|s| s.sequence).collect();
    assert_eq!(back, [11, 12]);
    let rest = pair.sent();
    assert!(matches!(
        &rest[..],
        [
            Frame {
                sequence: 10,
                pdu: Pdu::Submit(_)
            },
            Frame {
                sequence: 77,
                pdu: Pdu::ActiveTestResp
            }
        ]
    ));
    assert_eq!(pair.sp.unanswered(), 1);
}

#[test]
fn silence_is_asked_three_times_and_any_byte_is_a_sign_of_life() {
    let mut pair = Pair::up();
    let questions = |pair: &mut Pair| {
        pair.sent()
            .iter()
            .filter(|f| f.pdu == Pdu::ActiveTest)
            .count()
    };
    pair.wait(LIMITS.keep_alive);
    assert_eq!(questions(&mut pair), 1);
    pair.wait(LIMITS.keep_alive);
    assert_eq!(questions(&mut pair), 1);
    // A mock gateway was seen to answer a question with a question.
    pair.answer(5, Pdu::ActiveTest);
    for _ in 0..3 {
        pair.wait(LIMITS.keep_alive);
        assert_eq!(questions(&mut pair), 1);
        assert!(pair.sp.ended().is_none());
    }
    pair.wait(LIMITS.keep_alive);
    assert_eq!(pair.sp.ended(), Some(&LinkEnd::KeepAliveLost));
}

#[test]
fn an_unbind_waits_for_the_window() {
    let mut pair = Pair::up();
    pair.sp.submit(vec![submit(10)]).expect("room");
    pair.sent();
    pair.sp.close(pair.now);
    assert!(pair.sent().is_empty());
    assert!(matches!(
        pair.sp.submit(vec![submit(11)]),
        Err(NotTaken::NoRoom(_))
    ));
    pair.accept(10);
    let unbind = pair.sent().remove(0);
    assert_eq!(unbind.pdu, Pdu::Terminate);
    pair.answer(unbind.sequence, Pdu::TerminateResp);
    assert_eq!(pair.sp.ended(), Some(&LinkEnd::Unbound { answered: true }));
}

#[test]
fn the_peers_unbind_is_answered() {
    let mut pair = Pair::up();
    pair.answer(3, Pdu::Terminate);
    assert_eq!(
        pair.sent().remove(0),
        Frame {
            sequence: 3,
            pdu: Pdu::TerminateResp
        }
    );
    assert!(!pair.sp.is_up());
    pair.wait(UNBIND_WAIT);
    assert!(pair.sp.ended().is_some());
}

#[test]
fn a_deliver_is_answered_only_when_told_and_a_malformed_one_at_once() {
    let mut pair = Pair::up();
    let mo = Deliver {
        msg_id: MsgId(42),
        dest_id: FixedStr::new("10690000").expect("fits"),
        src_terminal_id: FixedStr::new("8613800138000").expect("fits"),
        msg_content: b"R".as_slice().into(),
        ..Deliver::default()
    };
    pair.answer(8, Pdu::Deliver(mo));
    assert!(pair.sent().is_empty());
    let events = pair.events();
    let [
        SessionEvent::Delivered {
            deliver: DeliverRef {
                sequence: 8,
                id: 42,
            },
            content: Delivery::Mo(part),
        },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(part.phone.number(), 13_800_138_000);
    pair.sp.acknowledge(DeliverRef {
        sequence: 8,
        id: 42,
    });
    let Pdu::DeliverResp(response) = pair.sent().remove(0).pdu else {
        panic!("no answer")
    };
    assert_eq!(
        (response.msg_id, response.result),
        (MsgId(42), cmpp::DeliverResult::OK)
    );
    let bad = Deliver {
        msg_id: MsgId(43),
        registered_delivery: 1,
        msg_content: b"?".as_slice().into(),
        ..Deliver::default()
    };
    pair.answer(9, Pdu::Deliver(bad));
    let Pdu::DeliverResp(response) = pair.sent().remove(0).pdu else {
        panic!("no answer")
    };
    assert_eq!(
        (response.msg_id, response.result),
        (MsgId(43), cmpp::DeliverResult::BAD_STRUCTURE)
    );
    assert!(pair.sp.is_up());
}

#[test]
fn an_unknown_command_is_skipped_and_a_bad_length_is_fatal() {
    let mut pair = Pair::up();
    let unknown = [0, 0, 0, 13, 0, 0, 0, 9, 0, 0, 0, 1, 7];
    pair.sp.handle_input(pair.now, &unknown);
    assert!(pair.sp.is_up());
    pair.sp.handle_input(pair.now, b"HTTP/1.1 502");
    assert!(
        pair.sp.ended().is_some_and(
            |end| matches!(end, LinkEnd::Protocol(why) if why.contains("frame length"))
        )
    );
}

#[test]
fn a_sequence_number_in_use_is_not_taken_again() {
    let mut pair = Pair::up();
    pair.sp.submit(vec![submit(10)]).expect("room");
    pair.sent();
    assert!(matches!(
        pair.sp.submit(vec![submit(10)]),
        Err(NotTaken::Unsendable(..))
    ));
}

proptest! {
    #[test]
    fn any_bytes_in_any_cut_neither_panic_nor_lose_a_submit(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..64), 0..20)) {
        let mut pair = Pair::up();
        for sequence in 10..14 {
            pair.sp.submit(vec![submit(sequence)]).expect("room");
        }
        pair.sent();
        for chunk in chunks {
            pair.sp.handle_input(pair.now, &chunk);
            pair.wait(Duration::from_secs(1));
        }
        let answered: Vec<u32> = pair.events().iter().filter_map(|h| if let SessionEvent::Answered { answers, .. } = h { Some(answers[0].0) } else { None }).collect();
        let mut all = pair.sp.into_remains().unanswered;
        all.extend(answered);
        all.sort_unstable();
        prop_assert_eq!(all, vec![10, 11, 12, 13]);
    }

    #[test]
    fn answers_cut_anywhere_are_read_the_same(cut in 1usize..60) {
        let mut pair = Pair::up();
        let mut bytes = BytesMut::new();
        for sequence in 10..13 {
            pair.sp.submit(vec![submit(sequence)]).expect("room");
            let pdu = Pdu::SubmitResp(SubmitResp { msg_id: MsgId(1), result: SubmitResult::OK });
            cmpp::encode(&Frame { sequence, pdu }, Version::V20, &mut bytes).expect("it fits");
        }
        pair.sent();
        for chunk in bytes.chunks(cut) {
            pair.sp.handle_input(pair.now, chunk);
        }
        prop_assert_eq!(pair.events().len(), 3);
    }
}
