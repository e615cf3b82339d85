//! SMGP's layouts written out by hand, field by field, and the deviations of real gateways.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what is wrong")]

#[expect(dead_code, unreachable_pub, reason = "shared by the test binaries")]
mod support;

use bytes::Bytes;
use support::hex_of;
use watchbell_wire::{
    BodyFault, DecodeErrorKind, EncodeError, FixedStr, FrameLimits,
    smgp::{
        DecodeError, Decoded, Deliver, DeliverResp, Frame, Login, LoginMode, MsgId, Pdu, Report,
        Stat, Status, Submit, Tlvs, Version, auth, decode,
    },
    udh::{Concat, Reference},
};

fn one(bytes: &[u8], version: Version) -> Result<Frame, DecodeError> {
    match decode(bytes, version, &FrameLimits::default())? {
        Decoded::Frame(frame, consumed) => {
            assert_eq!(consumed, bytes.len());
            Ok(frame)
        }
        Decoded::Incomplete { needed } => panic!("{needed} bytes more"),
    }
}

/// Decodes to the PDU and back to the same bytes.
fn both_ways(bytes: &[u8], pdu: Pdu, version: Version) {
    let frame = Frame { sequence: 23, pdu };
    assert_eq!(one(bytes, version).as_ref(), Ok(&frame));
    let encoded = frame.to_bytes(version).unwrap();
    assert_eq!(hex::encode(encoded), hex::encode(bytes));
}

fn text<const N: usize>(text: &str) -> FixedStr<N> {
    text.try_into().unwrap()
}

#[test]
fn login() {
    let bytes = hex_of(&[
        "0000002a",                         /* PacketLength */
        "00000001",                         /* RequestID */
        "00000017",                         /* SequenceID */
        "3130363539303031",                 /* ClientID */
        "2af914b9f4c6a1e3c3e9a287d3c38612", /* AuthenticatorClient */
        "02",                               /* LoginMode */
        "1efffd57",                         /* TimeStamp */
        "30",                               /* ClientVersion */
    ]);
    let login = Login {
        client_id: text("10659001"),
        authenticator_client: bytes[20..36].try_into().unwrap(),
        login_mode: LoginMode::BOTH,
        timestamp: 520_093_015,
        client_version: 0x30,
    };
    both_ways(&bytes, Pdu::Login(login), Version::V30);
    both_ways(&bytes, Pdu::Login(login), Version::V13);
    assert!(auth::verify(&login, b"shared_pw1"));
    assert!(!auth::verify(&login, b"shared_pw2"));
}

#[test]
fn a_gateway_takes_a_short_client_id_in_both_forms() {
    use auth::ClientIdForm::{Bare, Padded};
    for form in [Bare, Padded] {
        let login = Login {
            client_id: text("1065"),
            authenticator_client: auth::authenticator_client(b"1065", b"s", 1, form),
            timestamp: 1,
            ..Login::default()
        };
        assert!(auth::verify(&login, b"s"), "{form:?}");
    }
}

fn sample() -> Submit {
    Submit {
        priority: 3,
        service_id: text("SAFETY"),
        fee_type: text("00"),
        fee_code: text("000000"),
        msg_format: 8,
        src_term_id: text("106573001234"),
        dest_term_ids: vec![text("13800138001")],
        msg_content: Bytes::from_static(&[0x5B, 0x89]),
        ..Submit::default()
    }
}

/// The fields of [`sample`] before and behind `FixedFee`.
fn submit_hex(length: &str, fixed_fee: &str, tlvs: &str) -> Vec<u8> {
    hex_of(&[
        length,                          /* PacketLength */
        "00000002",                      /* RequestID */
        "00000017",                      /* SequenceID */
        "06",                            /* MsgType */
        "01",                            /* NeedReport */
        "03",                            /* Priority */
        "534146455459 00*4",             /* ServiceID */
        "3030",                          /* FeeType */
        "30*6",                          /* FeeCode */
        fixed_fee,                       /* FixedFee */
        "08",                            /* MsgFormat */
        "00*17",                         /* ValidTime */
        "00*17",                         /* AtTime */
        "313036353733303031323334 00*9", /* SrcTermID */
        "00*21",                         /* ChargeTermID */
        "01",                            /* DestTermIDCount */
        "3133383030313338303031 00*10",  /* DestTermID */
        "02",                            /* MsgLength */
        "5b89",                          /* MsgContent */
        "00*8",                          /* Reserve */
        tlvs,
    ])
}

#[test]
fn submit_of_both_versions() {
    let bytes = submit_hex("00000095", "31 00*5", "");
    let with_fee = Submit {
        fixed_fee: text("1"),
        ..sample()
    };
    both_ways(&bytes, Pdu::Submit(with_fee.clone()), Version::V30);
    let bytes = submit_hex("0000008f", "", "");
    both_ways(&bytes, Pdu::Submit(sample()), Version::V13);
    let frame = Frame {
        sequence: 1,
        pdu: Pdu::Submit(with_fee),
    };
    assert_eq!(
        frame.to_bytes(Version::V13),
        Err(EncodeError::NotInVersion { field: "fixed_fee" })
    );
}

#[test]
fn a_part_of_a_long_message_says_so_in_parameters() {
    let tlvs = "0002 0001 01 0009 0001 03 000a 0001 02";
    let bytes = submit_hex("000000a4", "00*6", tlvs);
    let concat = Concat::new(Reference::Eight(1), 3, 2).unwrap();
    let submit = Submit {
        tlvs: Tlvs::for_part(concat),
        ..sample()
    };
    assert!(submit.has_udh() && !sample().has_udh());
    both_ways(&bytes, Pdu::Submit(submit), Version::V30);
}

#[test]
fn parameters_come_in_any_order_and_unknown_ones_stay() {
    let tlvs = "1234 0002 abcd 0010 0009 3130363539303031 00 0001 0001 07";
    let bytes = submit_hex("000000ad", "00*6", tlvs);
    let frame = one(&bytes, Version::V30).unwrap();
    let Pdu::Submit(submit) = &frame.pdu else {
        panic!("{frame:?}")
    };
    assert_eq!(submit.tlvs.tp_pid, Some(7));
    // One zero too many, as a widespread implementation writes it.
    assert_eq!(submit.tlvs.msg_src, Some(text("10659001")));
    let other: Vec<_> = submit.tlvs.other.iter().collect();
    assert_eq!(other, [(0x1234, &[0xAB, 0xCD][..])]);
    let ordered = "0001 0001 07 0010 0008 3130363539303031 1234 0002 abcd";
    let expected = submit_hex("000000ac", "00*6", ordered);
    assert_eq!(frame.to_bytes(Version::V30).unwrap(), expected);
}

#[test]
fn broken_parameters_are_refused_where_they_break() {
    for (length, tlvs, field, fault) in [
        (
            "0000009b",
            "0002 0002 0101",
            "tp_udhi",
            BodyFault::TlvSize {
                len: 2,
                expected: 1,
            },
        ),
        (
            "000000a2",
            "0010 0009 313131313131313131",
            "msg_src",
            BodyFault::TlvSize {
                len: 9,
                expected: 8,
            },
        ),
        (
            "00000099",
            "0002 0001",
            "tlv_value",
            BodyFault::Truncated { needed: 1, left: 0 },
        ),
        (
            "00000098",
            "0002 00",
            "tlv_length",
            BodyFault::Truncated { needed: 2, left: 1 },
        ),
    ] {
        let error = one(&submit_hex(length, "00*6", tlvs), Version::V30).unwrap_err();
        assert_eq!(error.field, field);
        assert!(
            matches!(error.kind, DecodeErrorKind::BadBody { fault: f, .. } if f == fault),
            "{error:?}"
        );
    }
}

#[test]
fn a_report_with_a_binary_id_is_read_and_answered() {
    let report = Report {
        msg_id: MsgId([0x01, 0xE2, 0x40, 0x11, 0x23, 0x16, 0x23, 0x05, 0x20, 0x3A]),
        stat: Stat::new("DELIVRD", "000").unwrap(),
        ..Report::default()
    };
    let deliver = Deliver {
        msg_id: MsgId(*b"0123456789"),
        is_report: 1,
        msg_content: report.build().unwrap(),
        ..Deliver::default()
    };
    assert_eq!(deliver.report(), Some(report));
    let message = Deliver {
        is_report: 0,
        ..deliver.clone()
    };
    assert_eq!(message.report(), None);
    let frame = Frame {
        sequence: 23,
        pdu: Pdu::Deliver(deliver),
    };
    let bytes = frame.to_bytes(Version::V30).unwrap();
    assert_eq!(one(&bytes, Version::V30), Ok(frame));
    let resp = hex_of(&[
        "0000001a",             /* PacketLength */
        "80000003",             /* RequestID */
        "00000017",             /* SequenceID */
        "30313233343536373839", /* MsgID */
        "00000001",             /* Status */
    ]);
    let answer = DeliverResp {
        msg_id: MsgId(*b"0123456789"),
        status: Status::BUSY,
    };
    both_ways(&resp, Pdu::DeliverResp(answer), Version::V30);
}

#[test]
fn a_bad_deliver_still_names_the_id_to_answer_with() {
    let bytes = hex_of(&["00000016", "00000003", "00000017", "30313233343536373839"]);
    let error = one(&bytes, Version::V30).unwrap_err();
    let header = error.header().unwrap();
    assert_eq!(
        (header.sequence, header.msg_id),
        (23, Some(MsgId(*b"0123456789")))
    );
    assert_eq!(error.field, "is_report");
}

#[test]
fn content_has_its_limits() {
    for (msg_format, len, fits) in [
        (8, 140, true),
        (8, 141, false),
        (0, 160, true),
        (0, 161, false),
    ] {
        let submit = Submit {
            msg_format,
            msg_content: vec![b'a'; len].into(),
            ..sample()
        };
        let frame = Frame {
            sequence: 1,
            pdu: Pdu::Submit(submit),
        };
        assert_eq!(
            frame.to_bytes(Version::V30).is_ok(),
            fits,
            "{msg_format} {len}"
        );
    }
}
