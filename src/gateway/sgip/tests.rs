//! What SGIP's own rules come to.

use watchbell_wire::sgip::{Decoded, LoginType, Resp};

use super::*;
use crate::{
    config,
    gateway::{Answer, RequestId, SegmentPlace, Sharing, session::tests::account},
};

const NODE: u32 = 3_025_001_234;

fn config(more: &str) -> config::Gateway {
    let mut config = account();
    config.kind = config::Kind::Sgip12;
    config.extra = toml::from_str(&format!("node = {NODE}\n{more}")).expect("valid TOML");
    config
}

fn sgip(more: &str) -> Sgip {
    Sgip::new(&config(more)).expect("valid")
}

fn submit(sequence: u32) -> Submit {
    Submit {
        sequence,
        link: None,
        lane: crate::domain::id::LaneId(1),
        priority: Priority::Normal,
        phone: Phone::from_number(13_000_000_001).expect("a mobile number"),
        text: "注意安全".to_owned(),
        part: SegmentPlace {
            number: 1,
            total: 1,
            reference: 0,
        },
        segments: 1,
        valid_until: None,
        request: RequestId {
            // 1 June 2023, 09:30:15 in Beijing.
            asked: Micros(1_685_583_015_000_000),
            ..RequestId::default()
        },
        sharing: Sharing::default(),
    }
}

fn frame(bytes: &[u8]) -> Frame {
    match sgip::decode(bytes, Version::V12, &FrameLimits::default()) {
        Ok(Decoded::Frame(frame, _)) => frame,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_id_is_known_before_the_write_and_told_again_by_the_answer() {
    let mut sgip = sgip("");
    let mut out = BytesMut::new();
    sgip.submit(&[submit(7)], &mut out).expect("it fits");
    let written = frame(&out);
    let id = Sequence {
        node: NODE,
        time: 601_093_015,
        counter: 7,
    };
    assert_eq!(written.sequence, id);
    let ids = OwnIds::read(&config("")).expect("a node");
    assert_eq!(ids.of(7, submit(7).request.asked).0, id.to_string());
    // A gateway that puts its own time into the answer changes nothing.
    let answer = Frame {
        sequence: Sequence { time: 0, ..id },
        pdu: Pdu::SubmitResp(Resp::new(Code::OK)),
    };
    let answered = Incoming::Answered {
        sequence: 7,
        answer: Answer::Accepted(CarrierMessageId(id.to_string())),
        except: Vec::new(),
    };
    assert_eq!(
        format!("{:?}", sgip.incoming(answer.clone())),
        format!("{answered:?}")
    );
    let foreign = Frame {
        sequence: Sequence { node: 1, ..id },
        ..answer
    };
    assert!(matches!(sgip.incoming(foreign), Incoming::Other));
}

#[test]
fn a_request_is_named_by_all_its_words() {
    let sequence = Sequence {
        node: 102_500,
        time: 1_231_235_959,
        counter: u32::MAX,
    };
    let name = ids::deliver_id(CommandId::UserRpt, sequence);
    assert_eq!(ids::asked(name), Some((CommandId::UserRpt, sequence)));
}

#[test]
fn a_door_to_the_world_says_who_may_come() {
    let listener = "listen_account = \"unicom\"\nlisten_password = \"secret\"";
    let open = |more: &str| Sgip::new(&config(&format!("{listener}\n{more}")));
    assert!(open("listen = \"127.0.0.1:0\"").is_ok());
    let error = open("listen = \"0.0.0.0:8801\"").expect_err("to the world");
    assert!(error.to_string().starts_with("`listen_allow`"), "{error}");
    let listed = open("listen = \"0.0.0.0:8801\"\nlisten_allow = [\"10.1.2.3\", \"10.1.3.0/24\"]");
    let allow = listed
        .expect("valid")
        .listen_at()
        .expect("a listener")
        .allow;
    let may = |ip: &str| {
        allow
            .iter()
            .any(|net| net.contains(&ip.parse::<std::net::IpAddr>().expect("an address")))
    };
    assert!(may("10.1.2.3") && may("10.1.3.77") && !may("10.1.2.4"));
    assert!(
        Sgip::new(&config("listen = \"127.0.0.1:0\"")).is_err(),
        "without a login"
    );
}

#[test]
fn a_password_that_does_not_fit_is_named_and_not_shown() {
    let listener = "listen = \"127.0.0.1:0\"\nlisten_account = \"unicom\"";
    let secret = "seventeen-letters";
    let error = Sgip::new(&config(&format!(
        "{listener}\nlisten_password = \"{secret}\""
    )));
    let said = error.expect_err("longer than its field").to_string();
    assert!(said.starts_with("`listen_password`"), "{said}");
    assert!(!said.contains(secret), "{said}");
}

#[test]
fn who_dials_logs_in_by_name_and_password_with_either_type() {
    let listener =
        "listen = \"127.0.0.1:0\"\nlisten_account = \"unicom\"\nlisten_password = \"secret\"";
    let tried = |login_type, password: &str| {
        let bind = Bind {
            login_type,
            login_name: FixedStr::new("unicom").expect("short"),
            login_password: FixedStr::new(password).expect("short"),
            ..Bind::default()
        };
        match sgip(listener).logs_in(Sequence::default(), &bind) {
            Incoming::LogsIn { answer, refused } => match frame(&answer).pdu {
                Pdu::BindResp(response) => (response.result.0, refused.is_none()),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(tried(LoginType::SP, "secret"), (0, true));
    assert_eq!(tried(LoginType::GATEWAY, "secret"), (0, true));
    assert_eq!(tried(LoginType::GATEWAY, "secreT"), (1, false));
    assert_eq!(tried(LoginType::TEST, "secret"), (4, false));
}
