//! SGIP's second connection: the carrier dials us. Who is let in, what is answered and when, and that nothing
//! a stranger does there reaches the rest.

use std::{net::SocketAddr, time::Duration};

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use watchbell::{
    config::{self, Kind},
    domain::message::ReportStatus,
    gateway::{Event, Moment, Notice, WriteGate},
    simulate::{Faults, Settings},
};
use watchbell_wire::sgip::{
    Bind, Code, Deliver, Frame, FrameReader, LoginType, Pdu, Report, Resp, Sequence, UserRpt,
    Version,
};

use crate::{
    gateway_stories::extra,
    harness::county::until,
    harness::gateway::{self, *},
};

const NODE: u32 = 3_025_001_234;

fn carrier() -> Settings {
    Settings {
        protocol: Kind::Sgip12,
        ..gateway::carrier()
    }
}

/// A gateway whose own link leads nowhere: only its listener matters.
fn alone(more: &str) -> config::Gateway {
    let mut config = config("127.0.0.1:9".parse().unwrap());
    config.kind = Kind::Sgip12;
    config.extra = sgip_keys("127.0.0.1:0");
    config.extra.extend(extra(more));
    config
}

/// A carrier's gateway by hand.
struct Caller {
    stream: TcpStream,
    reader: FrameReader,
    counter: u32,
}

impl Caller {
    async fn dial(at: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(at).await.unwrap(),
            reader: FrameReader::new(Version::V12, watchbell_wire::FrameLimits::default()),
            counter: 0,
        }
    }

    /// Dialled and let in.
    async fn let_in(at: SocketAddr) -> Self {
        let mut caller = Self::dial(at).await;
        assert_eq!(
            caller.bind(LoginType::GATEWAY, "unicom", "dialledpw").await,
            Some(Code::OK)
        );
        caller
    }

    async fn bind(&mut self, login_type: LoginType, name: &str, password: &str) -> Option<Code> {
        let bind = Bind {
            login_type,
            login_name: name.try_into().unwrap(),
            login_password: password.try_into().unwrap(),
            ..Bind::default()
        };
        let asked = self.ask(Pdu::Bind(bind)).await;
        match self.receive().await?.pdu_to(asked) {
            Pdu::BindResp(response) => Some(response.result),
            other => panic!("{other:?}"),
        }
    }

    async fn ask(&mut self, pdu: Pdu) -> Sequence {
        self.counter += 1;
        let sequence = Sequence {
            node: 102_500,
            time: 601_093_015,
            counter: self.counter,
        };
        self.write(&frame(sequence, pdu)).await;
        sequence
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next frame; none when the connection is closed.
    async fn receive(&mut self) -> Option<Frame> {
        let mut buffer = [0; 4_096];
        loop {
            if let Some(frame) = self.reader.next_frame().unwrap() {
                return Some(frame);
            }
            let read = timeout(PATIENCE, self.stream.read(&mut buffer)).await;
            match read.expect("an answer, or an end") {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.reader.push(&buffer[..count]),
            }
        }
    }

    /// Nothing is answered yet.
    async fn receives_nothing(&mut self) {
        let mut one = [0; 1];
        let read = timeout(Duration::from_millis(200), self.stream.read(&mut one)).await;
        assert!(read.is_err(), "{read:?}");
    }
}

trait Answers {
    fn pdu_to(self, asked: Sequence) -> Pdu;
}

impl Answers for Frame {
    fn pdu_to(self, asked: Sequence) -> Pdu {
        assert_eq!(self.sequence, asked, "an answer repeats all three words");
        self.pdu
    }
}

fn frame(sequence: Sequence, pdu: Pdu) -> BytesMut {
    let mut out = BytesMut::new();
    watchbell_wire::sgip::encode(&Frame { sequence, pdu }, Version::V12, &mut out).unwrap();
    out
}

/// The id of a submit of ours.
fn submitted(counter: u32) -> String {
    let sequence = Sequence {
        node: NODE,
        time: 601_093_015,
        counter,
    };
    sequence.to_string()
}

fn report(counter: u32, state: u8, code: u8) -> Pdu {
    Pdu::Report(Report {
        submit_sequence: Sequence {
            node: NODE,
            time: 601_093_015,
            counter,
        },
        user_number: "8613000000001".try_into().unwrap(),
        state,
        error_code: Code(code),
        ..Report::default()
    })
}

fn text(words: &str) -> Pdu {
    let content: Vec<u8> = words.encode_utf16().flat_map(u16::to_be_bytes).collect();
    Pdu::Deliver(Deliver {
        user_number: "8613000000001".try_into().unwrap(),
        sp_number: "10690000".try_into().unwrap(),
        message_coding: 8,
        message_content: content.into(),
        ..Deliver::default()
    })
}

#[tokio::test]
async fn reports_texts_and_user_states_are_taken_and_answered_in_full() {
    let mut pair = Pair::open(&alone(""));
    let mut caller = Caller::let_in(pair.listening().await).await;
    let ok = Resp::new(Code::OK);
    let waiting = caller.ask(report(1, 1, 0)).await;
    let failed = caller.ask(report(1, 2, 29)).await;
    let texted = caller.ask(text("退订")).await;
    pair.until("all three", |received| {
        reports(received).len() == 1 && mos(received).len() == 1
    })
    .await;
    // What is not final is answered and goes no further.
    let last = reports(&pair.received)[0];
    assert_eq!(
        (last.status, last.code.as_str(), last.carrier_id.0.as_str()),
        (ReportStatus::Undelivered, "SGIP:29", submitted(1).as_str())
    );
    assert_eq!(mos(&pair.received)[0].text, "退订");
    for asked in [waiting, failed] {
        assert_eq!(
            caller.receive().await.unwrap().pdu_to(asked),
            Pdu::ReportResp(ok)
        );
    }
    assert_eq!(
        caller.receive().await.unwrap().pdu_to(texted),
        Pdu::DeliverResp(ok)
    );
    let closed = caller.ask(Pdu::UserRpt(UserRpt::default())).await;
    assert_eq!(
        caller.receive().await.unwrap().pdu_to(closed),
        Pdu::UserRptResp(ok)
    );
    // What is ours to ask is not the carrier's.
    let submit = caller
        .ask(Pdu::Submit(watchbell_wire::sgip::Submit {
            user_numbers: vec!["8613000000001".try_into().unwrap()],
            ..watchbell_wire::sgip::Submit::default()
        }))
        .await;
    assert_eq!(
        caller.receive().await.unwrap().pdu_to(submit),
        Pdu::SubmitResp(Resp::new(Code::BAD_COMMAND))
    );
    assert_eq!(
        caller.bind(LoginType::GATEWAY, "unicom", "dialledpw").await,
        Some(Code::REPEATED_LOGIN)
    );
    let unbind = caller.ask(Pdu::Unbind).await;
    assert_eq!(
        caller.receive().await.unwrap().pdu_to(unbind),
        Pdu::UnbindResp
    );
    assert!(caller.receive().await.is_none(), "and the line is closed");
}

#[tokio::test]
async fn nothing_is_answered_before_it_is_durable_and_what_was_not_comes_again_and_counts_once() {
    let mut pair = Pair::open(&alone(""));
    pair.acknowledge = false;
    let at = pair.listening().await;
    let mut caller = Caller::let_in(at).await;
    caller.ask(report(1, 0, 0)).await;
    pair.until("the report", |received| reports(received).len() == 1)
        .await;
    caller.receives_nothing().await;
    drop(caller);
    let mut next = Caller::let_in(at).await;
    let again = next.ask(report(1, 0, 0)).await;
    pair.until("it again", |received| reports(received).len() == 2)
        .await;
    assert_eq!(reports(&pair.received)[0], reports(&pair.received)[1]);
    // The first connection's token comes too late, and answers nobody else.
    for event in &pair.received {
        if let Event::Delivered { tokens, .. } = event {
            pair.gateway.acknowledge(tokens.clone());
        }
    }
    assert_eq!(
        next.receive().await.unwrap().pdu_to(again),
        Pdu::ReportResp(Resp::new(Code::OK))
    );
    next.receives_nothing().await;
}

#[tokio::test]
async fn who_may_not_come_in_is_not_listened_to() {
    let pair = Pair::open(&alone(""));
    let at = pair.listening().await;
    for (login_type, name, password, code) in [
        (LoginType::GATEWAY, "unicom", "another", Code::BAD_LOGIN),
        (LoginType::GATEWAY, "mobile", "dialledpw", Code::BAD_LOGIN),
        (LoginType::TEST, "unicom", "dialledpw", Code::BAD_LOGIN_TYPE),
    ] {
        let mut caller = Caller::dial(at).await;
        assert_eq!(caller.bind(login_type, name, password).await, Some(code));
        assert!(caller.receive().await.is_none(), "and the line is closed");
    }
    // After three wrong ones whoever comes from there waits.
    let mut caller = Caller::dial(at).await;
    _ = caller.stream.write_all(b"?").await;
    assert!(caller.receive().await.is_none());
}

#[tokio::test]
async fn a_report_behind_a_refused_login_or_without_one_is_not_taken() {
    let mut pair = Pair::open(&alone(""));
    let at = pair.listening().await;
    let mut caller = Caller::dial(at).await;
    caller.ask(report(1, 0, 0)).await;
    assert!(caller.receive().await.is_none(), "without a login");
    let mut caller = Caller::dial(at).await;
    let bind = Bind {
        login_name: "unicom".try_into().unwrap(),
        ..Bind::default()
    };
    let mut both = frame(Sequence::default(), Pdu::Bind(bind));
    both.extend_from_slice(&frame(Sequence::default(), report(1, 0, 0)));
    caller.write(&both).await;
    assert!(matches!(
        caller.receive().await.map(|f| f.pdu),
        Some(Pdu::BindResp(response)) if response.result == Code::BAD_LOGIN
    ));
    assert!(caller.receive().await.is_none());
    // What comes after them, and is taken, is all that was received.
    let mut good = Caller::let_in(at).await;
    good.ask(report(2, 0, 0)).await;
    pair.until("a report", |received| !reports(received).is_empty())
        .await;
    assert!(
        reports(&pair.received)[0]
            .carrier_id
            .0
            .ends_with("00000002")
    );
    assert_eq!(reports(&pair.received).len(), 1);
}

#[tokio::test]
async fn from_elsewhere_nobody_gets_a_word() {
    let pair = Pair::open(&alone("listen_allow = [\"10.1.2.0/24\"]"));
    let mut caller = Caller::dial(pair.listening().await).await;
    _ = caller
        .stream
        .write_all(&frame(Sequence::default(), Pdu::Unbind))
        .await;
    assert!(caller.receive().await.is_none());
}

#[tokio::test]
async fn half_a_frame_garbage_and_an_unknown_command_end_their_own_connection_only() {
    let mut pair = Pair::open(&alone(""));
    let at = pair.listening().await;
    let mut steady = Caller::let_in(at).await;
    let unknown = {
        let mut bytes = frame(Sequence::default(), Pdu::Unbind);
        bytes[4..8].copy_from_slice(&0x0000_0077_u32.to_be_bytes());
        bytes
    };
    let broken = {
        // Its content's length says more than there is.
        let mut bytes = frame(Sequence::default(), text("R"));
        bytes[65] = 0x7f;
        bytes
    };
    for bad in [
        &b"GET / HTTP/1.1\r\nHost: sms\r\n\r\n"[..],
        &[0xff; 64],
        &[0, 0, 0, 1, 0, 0, 0, 0],
        &unknown,
        &broken,
    ] {
        let mut caller = Caller::let_in(at).await;
        caller.write(bad).await;
        assert!(caller.receive().await.is_none(), "{bad:?}");
    }
    let mut half = Caller::let_in(at).await;
    let whole = frame(Sequence::default(), report(1, 0, 0));
    half.write(&whole[..30]).await;
    half.receives_nothing().await;
    drop(half);
    let asked = steady.ask(report(2, 0, 0)).await;
    pair.until("a report", |received| reports(received).len() == 1)
        .await;
    assert_eq!(
        steady.receive().await.unwrap().pdu_to(asked),
        Pdu::ReportResp(Resp::new(Code::OK))
    );
}

#[tokio::test]
async fn a_flood_finds_sixteen_places_and_the_carrier_keeps_its_own() {
    let mut pair = Pair::open(&alone(""));
    let at = pair.listening().await;
    let mut steady = Caller::let_in(at).await;
    let mut flood = Vec::new();
    for _ in 0..100 {
        flood.push(Caller::dial(at).await);
    }
    let mut closed = 0;
    for caller in &mut flood {
        let mut one = [0; 1];
        let read = timeout(Duration::from_millis(20), caller.stream.read(&mut one)).await;
        closed += usize::from(matches!(read, Ok(Ok(0) | Err(_))));
    }
    assert!(closed >= 85, "{closed} were closed at once");
    let asked = steady.ask(report(1, 0, 0)).await;
    pair.until("a report", |received| reports(received).len() == 1)
        .await;
    assert_eq!(
        steady.receive().await.unwrap().pdu_to(asked),
        Pdu::ReportResp(Resp::new(Code::OK))
    );
}

#[tokio::test]
async fn a_taken_port_stops_nothing_else_and_is_listened_on_once_it_is_free() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let carrier = watchbell::simulate::Simulator::start(carrier())
        .await
        .unwrap();
    let mut config = config(carrier.address());
    config.kind = Kind::Sgip12;
    config.extra = sgip_keys(&taken.local_addr().unwrap().to_string());
    let mut pair = Pair::open(&config);
    pair.until("both", |received| {
        let up = received.iter().any(|e| matches!(e, Event::LinkUp(_)));
        up && received
            .iter()
            .any(|e| matches!(e, Event::Notice(Notice::NotListening { .. })))
    })
    .await;
    assert!(
        pair.gateway
            .health()
            .listen_error
            .unwrap()
            .contains("listening on 127.0.0.1")
    );
    pair.gateway.submit(vec![submit(1)]);
    // Without a callback the carrier reports over our connection.
    pair.until("a report", |received| reports(received).len() == 1)
        .await;
    drop(taken);
    pair.until("the listener", |received| {
        received
            .iter()
            .any(|e| matches!(e, Event::Notice(Notice::Listening(_))))
    })
    .await;
    assert_eq!(pair.gateway.health().listen_error, None);
}

#[tokio::test]
async fn no_byte_goes_to_a_guest_behind_a_shut_gate() {
    let gate = WriteGate::always();
    let pair = Pair::open_behind(&alone(""), gate.clone());
    let mut caller = Caller::dial(pair.listening().await).await;
    gate.extend(Moment::now(), Duration::ZERO);
    let bind = Bind {
        login_type: LoginType::GATEWAY,
        login_name: "unicom".try_into().unwrap(),
        login_password: "dialledpw".try_into().unwrap(),
        ..Bind::default()
    };
    caller.ask(Pdu::Bind(bind)).await;
    caller.receives_nothing().await;
}

#[tokio::test]
async fn reports_come_while_our_own_link_is_down_and_before_the_answer() {
    let settings = Settings {
        faults: Faults {
            early_reports: 100.0,
            ..Faults::default()
        },
        ..carrier()
    };
    let (carrier, mut pair) = Pair::start(settings, |_| {}).await;
    pair.gateway.submit((1..=20).map(submit).collect());
    pair.until("all", |received| {
        accepted(received).len() == 20 && reports(received).len() == 20
    })
    .await;
    let first = |which: fn(&Event) -> bool| pair.received.iter().position(which);
    let reported = first(|e| matches!(e, Event::Delivered { .. }));
    let answered = first(|e| matches!(e, Event::Answered { .. }));
    assert!(reported < answered, "{reported:?} {answered:?}");
    for report in reports(&pair.received) {
        let number = report.phone.number() - phone(0).number();
        let id = &accepted(&pair.received)[&(number as u32)];
        assert_eq!(*id, report.carrier_id, "the id is the submit's own");
    }
    pair.close().await;
    until("all is acknowledged", async || carrier.pending() == 0).await;
    assert_eq!(carrier.counts().malformed, 0);
    // Its own link is down, and the carrier dials all the same.
    let mut alone = Pair::open(&alone(""));
    carrier.inject_mo(phone(3), "R");
    carrier.call_back(&alone.listening().await.to_string());
    alone
        .until("a text", |received| mos(received).len() == 1)
        .await;
    assert_eq!(alone.gateway.health().links_up, 0);
}
