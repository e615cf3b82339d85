//! SGIP's layouts written out by hand, field by field, and the deviations of real gateways.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what is wrong")]

#[expect(dead_code, unreachable_pub, reason = "shared by the test binaries")]
mod support;

use bytes::Bytes;
use support::hex_of;
use watchbell_wire::{
    BodyFault, DecodeErrorKind, EncodeError, FixedStr, FrameLimits,
    sgip::{
        Bind, Code, DecodeError, Decoded, Deliver, Frame, LoginType, Pdu, Report, ReportState,
        Resp, Sequence, Submit, TraceNode, TraceResp, Version, decode,
    },
};

const SEQUENCE: Sequence = Sequence {
    node: 3_025_001_234,
    time: 520_093_015,
    counter: 7,
};
/// Sequence Number of the frames here.
const SEQUENCE_HEX: &str = "b44ddb12 1efffd57 00000007";

fn one(bytes: &[u8]) -> Result<Frame, DecodeError> {
    match decode(bytes, Version::V12, &FrameLimits::default())? {
        Decoded::Frame(frame, consumed) => {
            assert_eq!(consumed, bytes.len());
            Ok(frame)
        }
        Decoded::Incomplete { needed } => panic!("{needed} bytes more"),
    }
}

fn fault(bytes: &[u8]) -> (&'static str, BodyFault) {
    let error = one(bytes).unwrap_err();
    match error.kind {
        DecodeErrorKind::BadBody { header, fault, .. } => {
            assert_eq!(header.sequence, SEQUENCE);
            (error.field, fault)
        }
        other => panic!("{other:?}"),
    }
}

/// Decodes to the PDU and back to the same bytes.
fn both_ways(bytes: &[u8], pdu: Pdu) {
    let frame = Frame {
        sequence: SEQUENCE,
        pdu,
    };
    assert_eq!(one(bytes).as_ref(), Ok(&frame));
    let encoded = frame.to_bytes(Version::V12).unwrap();
    assert_eq!(hex::encode(encoded), hex::encode(bytes));
}

fn text<const N: usize>(text: &str) -> FixedStr<N> {
    text.try_into().unwrap()
}

#[test]
fn bind() {
    let bytes = hex_of(&[
        "0000003d",           /* Message Length */
        "00000001",           /* Command ID */
        SEQUENCE_HEX,         /* Sequence Number */
        "02",                 /* Login Type */
        "737075736572 00*10", /* Login Name */
        "737070617373 00*10", /* Login Password */
        "00*8",               /* Reserve */
    ]);
    let bind = Bind {
        login_type: LoginType::GATEWAY,
        login_name: text("spuser"),
        login_password: text("sppass"),
        reserve: FixedStr::EMPTY,
    };
    both_ways(&bytes, Pdu::Bind(bind));
    assert!(bind.verify(&text("spuser"), &text("sppass")));
    assert!(!bind.verify(&text("spuser"), &text("sppas")));
    assert!(!bind.verify(&text("spuse"), &text("sppass")));
}

#[test]
fn submit() {
    let bytes = hex_of(&[
        "000000bd",                         /* Message Length */
        "00000003",                         /* Command ID */
        SEQUENCE_HEX,                       /* Sequence Number */
        "313036353733303031323334 00*9",    /* SPNumber */
        "30*21",                            /* ChargeNumber */
        "02",                               /* UserCount */
        "38363133383030313338303031 00*8",  /* UserNumber */
        "38363135303030303030303033 00*8",  /* UserNumber */
        "3934333231",                       /* CorpId */
        "534146455459 00*4",                /* ServiceType */
        "01",                               /* FeeType */
        "30 00*5",                          /* FeeValue */
        "30 00*5",                          /* GivenValue */
        "00",                               /* AgentFlag */
        "02",                               /* MorelatetoMTFlag */
        "09",                               /* Priority */
        "3233303631363233353930303033322b", /* ExpireTime */
        "00*16",                            /* ScheduleTime */
        "01",                               /* ReportFlag */
        "00",                               /* TP_pid */
        "00",                               /* TP_udhi */
        "08",                               /* MessageCoding */
        "00",                               /* MessageType */
        "00000004",                         /* MessageLength */
        "5b895168",                         /* MessageContent */
        "00*8",                             /* Reserve */
    ]);
    let submit = Submit {
        sp_number: text("106573001234"),
        charge_number: text("000000000000000000000"),
        user_numbers: vec![text("8613800138001"), text("8615000000003")],
        corp_id: text("94321"),
        service_type: text("SAFETY"),
        fee_value: text("0"),
        given_value: text("0"),
        priority: 9,
        expire_time: text("230616235900032+"),
        message_coding: 8,
        message_content: Bytes::from_static(&[0x5B, 0x89, 0x51, 0x68]),
        ..Submit::default()
    };
    assert_eq!(bytes.len(), 143 + 2 * 21 + 4);
    both_ways(&bytes, Pdu::Submit(submit));
}

#[test]
fn a_report_tells_of_its_submit() {
    let bytes = hex_of(&[
        "00000040",                        /* Message Length */
        "00000005",                        /* Command ID */
        SEQUENCE_HEX,                      /* Sequence Number */
        "b44ddb12 1efffd57 00005c18",      /* SubmitSequenceNumber */
        "00",                              /* ReportType */
        "38363133383030313338303031 00*8", /* UserNumber */
        "02",                              /* State */
        "19",                              /* ErrorCode */
        "00*8",                            /* Reserve */
    ]);
    let report = Report {
        submit_sequence: Sequence {
            counter: 0x5C18,
            ..SEQUENCE
        },
        report_type: 0,
        user_number: text("8613800138001"),
        state: 2,
        error_code: Code(25),
        reserve: FixedStr::EMPTY,
    };
    both_ways(&bytes, Pdu::Report(report));
    assert_eq!(report.state(), ReportState::Failed);
    assert_eq!(report.stat_text(), "SGIP:25");
    let waiting = Report { state: 1, ..report };
    assert_eq!(waiting.state(), ReportState::Waiting);
    let delivered = Report { state: 0, ..report };
    assert_eq!(delivered.stat_text(), "DELIVRD");
}

#[test]
fn trace_resp_holds_as_many_nodes_as_it_says() {
    let node = "00 313032353030 32333036*2 00*8 00*16 00*8";
    let bytes = hex_of(&[
        "00000044",   /* Message Length */
        "80001000",   /* Command ID */
        SEQUENCE_HEX, /* Sequence Number */
        "01",         /* Count */
        node,         /* Result, NodeId, ReceiveTime, SendTime, Reserve */
    ]);
    let node = TraceNode {
        node_id: text("102500"),
        receive_time: text("23062306"),
        ..TraceNode::default()
    };
    both_ways(&bytes, Pdu::TraceResp(TraceResp { nodes: vec![node] }));
    let mut more = bytes;
    more[20] = 200;
    let truncated = BodyFault::Truncated {
        needed: 200 * 47,
        left: 47,
    };
    assert_eq!(fault(&more), ("nodes", truncated));
    let too_many = Pdu::TraceResp(TraceResp {
        nodes: vec![node; 256],
    });
    let frame = Frame {
        sequence: SEQUENCE,
        pdu: too_many,
    };
    assert!(matches!(
        frame.to_bytes(Version::V12),
        Err(EncodeError::OutOfRange {
            field: "nodes",
            value: 256,
            ..
        })
    ));
}

#[test]
fn unbind_resp_is_read_with_and_without_a_body() {
    let bare = hex_of(&["00000014", "80000002", SEQUENCE_HEX]);
    both_ways(&bare, Pdu::UnbindResp);
    let long = hex_of(&["0000001d", "80000002", SEQUENCE_HEX, "00", "00*8"]);
    assert_eq!(one(&long).unwrap().pdu, Pdu::UnbindResp);
    let half = hex_of(&["00000015", "80000002", SEQUENCE_HEX, "00"]);
    assert_eq!(fault(&half).0, "reserve");
}

#[test]
fn a_content_length_is_not_believed() {
    let deliver = Frame {
        sequence: SEQUENCE,
        pdu: Pdu::Deliver(Deliver {
            message_content: Bytes::from_static(b"ab"),
            ..Deliver::default()
        }),
    };
    let mut bytes = deliver.to_bytes(Version::V12).unwrap().to_vec();
    bytes[65..69].copy_from_slice(&u32::MAX.to_be_bytes());
    let truncated = BodyFault::Truncated {
        needed: u32::MAX as usize,
        left: 10,
    };
    assert_eq!(fault(&bytes), ("message_content", truncated));
}

#[test]
fn receivers_are_1_to_100() {
    for (count, fits) in [(0, false), (1, true), (100, true), (101, false)] {
        let submit = Submit {
            user_numbers: vec![text("8613800138001"); count],
            ..Submit::default()
        };
        let frame = Frame {
            sequence: SEQUENCE,
            pdu: Pdu::Submit(submit),
        };
        assert_eq!(frame.to_bytes(Version::V12).is_ok(), fits, "{count}");
    }
}

#[test]
fn every_response_has_the_same_body() {
    for (command, pdu) in [
        ("80000001", Pdu::BindResp as fn(Resp) -> Pdu),
        ("80000003", Pdu::SubmitResp),
        ("80000004", Pdu::DeliverResp),
        ("80000005", Pdu::ReportResp),
        ("80000011", Pdu::UserRptResp),
    ] {
        let bytes = hex_of(&["0000001d", command, SEQUENCE_HEX, "0b", "00*8"]);
        both_ways(&bytes, pdu(Resp::new(Code::BUSY)));
    }
}
