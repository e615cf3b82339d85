//! CMPP's layouts written out by hand, field by field, and the deviations of real gateways.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what is wrong")]

#[expect(dead_code, unreachable_pub, reason = "shared by the test binaries")]
mod support;

use bytes::Bytes;
use support::hex_of;
use watchbell_wire::{
    BodyFault, DecodeErrorKind, EncodeError, FixedStr, FrameLimits,
    cmpp::{
        CancelResp, Connect, ConnectResp, ConnectStatus, DecodeError, Decoded, Deliver,
        DeliverResp, DeliverResult, Frame, FrameReader, MsgId, Pdu, Report, Stat, Submit,
        SubmitResp, SubmitResult, Version, auth, decode, encode,
    },
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

/// Decodes to `frame` and back to the same bytes.
fn both_ways(bytes: &[u8], frame: &Frame, version: Version) {
    assert_eq!(one(bytes, version).as_ref(), Ok(frame));
    let encoded = frame.to_bytes(version).unwrap();
    assert_eq!(hex::encode(encoded), hex::encode(bytes));
}

fn pdu(sequence: u32, pdu: Pdu) -> Frame {
    Frame { sequence, pdu }
}

fn text<const N: usize>(text: &str) -> FixedStr<N> {
    text.try_into().unwrap()
}

#[test]
fn connect() {
    let bytes = hex_of(&[
        "00000027",                         /* Total_Length */
        "00000001",                         /* Command_Id */
        "00000017",                         /* Sequence_Id */
        "393031323334",                     /* Source_Addr */
        "b18c1906e6f125242d53ad6b69f313df", /* AuthenticatorSource */
        "20",                               /* Version */
        "1efffd57",                         /* Timestamp */
    ]);
    let connect = Connect {
        source_addr: text("901234"),
        authenticator_source: bytes[18..34].try_into().unwrap(),
        version: 0x20,
        timestamp: 520_093_015,
    };
    both_ways(&bytes, &pdu(0x17, Pdu::Connect(connect)), Version::V20);
    both_ways(&bytes, &pdu(0x17, Pdu::Connect(connect)), Version::V30);
    assert!(auth::verify(&connect, b"shared_pw1"));
    assert!(!auth::verify(&connect, b"shared_pw2"));
}

#[test]
fn connect_resp_is_read_by_its_size_on_either_version() {
    let short = hex_of(&[
        "0000001e", /* Total_Length */
        "80000001", /* Command_Id */
        "00000001", /* Sequence_Id */
        "03",       /* Status, 1 byte */
        "ab*16",    /* AuthenticatorISMG */
        "30",       /* Version */
    ]);
    let long = hex_of(&[
        "00000021", /* Total_Length */
        "80000001", /* Command_Id */
        "00000001", /* Sequence_Id */
        "00000003", /* Status, 4 bytes */
        "ab*16",    /* AuthenticatorISMG */
        "30",       /* Version */
    ]);
    let resp = ConnectResp {
        status: ConnectStatus::AUTH_FAILED,
        authenticator_ismg: [0xAB; 16],
        version: 0x30,
    };
    let frame = pdu(1, Pdu::ConnectResp(resp));
    both_ways(&short, &frame, Version::V20);
    both_ways(&long, &frame, Version::V30);
    assert_eq!(one(&long, Version::V20).as_ref(), Ok(&frame));
    assert_eq!(one(&short, Version::V30).as_ref(), Ok(&frame));
}

fn sample_submit() -> Submit {
    Submit {
        registered_delivery: 1,
        msg_level: 5,
        service_id: text("SAFETY"),
        fee_user_type: 2,
        msg_fmt: 8,
        msg_src: text("901234"),
        fee_type: text("01"),
        fee_code: text("000000"),
        src_id: text("106573001234"),
        dest_terminal_ids: vec![text("13800138001"), text("15000000003")],
        msg_content: Bytes::from_static(&[0x5B, 0x89, 0x51, 0x68]),
        ..Submit::default()
    }
}

#[test]
fn submit_2_0() {
    let bytes = hex_of(&[
        "000000b8",                                   /* Total_Length: 138 + 2 * 21 + 4 */
        "00000004",                                   /* Command_Id */
        "00000009",                                   /* Sequence_Id */
        "00*8",                                       /* Msg_Id */
        "01",                                         /* Pk_total */
        "01",                                         /* Pk_number */
        "01",                                         /* Registered_Delivery */
        "05",                                         /* Msg_level */
        "53414645545900000000",                       /* Service_Id */
        "02",                                         /* Fee_UserType */
        "00*21",                                      /* Fee_terminal_Id */
        "00",                                         /* TP_pid */
        "00",                                         /* TP_udhi */
        "08",                                         /* Msg_Fmt */
        "393031323334",                               /* Msg_src */
        "3031",                                       /* FeeType */
        "303030303030",                               /* FeeCode */
        "00*17",                                      /* ValId_Time */
        "00*17",                                      /* At_Time */
        "313036353733303031323334000000000000000000", /* Src_Id */
        "02",                                         /* DestUsr_tl */
        "313338303031333830303100000000000000000000", /* Dest_terminal_Id */
        "313530303030303030303300000000000000000000", /* Dest_terminal_Id */
        "04",                                         /* Msg_Length */
        "5b895168",                                   /* Msg_Content */
        "00*8",                                       /* Reserve */
    ]);
    both_ways(&bytes, &pdu(9, Pdu::Submit(sample_submit())), Version::V20);
}

#[test]
fn submit_3_0() {
    let bytes = hex_of(&[
        "000000e7",                                   /* Total_Length: 163 + 2 * 32 + 4 */
        "00000004",                                   /* Command_Id */
        "00000009",                                   /* Sequence_Id */
        "00*8",                                       /* Msg_Id */
        "01",                                         /* Pk_total */
        "01",                                         /* Pk_number */
        "01",                                         /* Registered_Delivery */
        "05",                                         /* Msg_level */
        "53414645545900000000",                       /* Service_Id */
        "02",                                         /* Fee_UserType */
        "00*32",                                      /* Fee_terminal_Id */
        "00",                                         /* Fee_terminal_type */
        "00",                                         /* TP_pid */
        "00",                                         /* TP_udhi */
        "08",                                         /* Msg_Fmt */
        "393031323334",                               /* Msg_src */
        "3031",                                       /* FeeType */
        "303030303030",                               /* FeeCode */
        "00*17",                                      /* ValId_Time */
        "00*17",                                      /* At_Time */
        "313036353733303031323334000000000000000000", /* Src_Id */
        "02",                                         /* DestUsr_tl */
        "3133383030313338303031",                     /* Dest_terminal_Id */
        "00*21",
        "3135303030303030303033", /* Dest_terminal_Id */
        "00*21",
        "01",                                       /* Dest_terminal_type */
        "04",                                       /* Msg_Length */
        "5b895168",                                 /* Msg_Content */
        "4c4e4b3030303030303030303030303030303031", /* LinkID */
    ]);
    let submit = Submit {
        dest_terminal_type: 1,
        link_id: text("LNK00000000000000001"),
        ..sample_submit()
    };
    both_ways(&bytes, &pdu(9, Pdu::Submit(submit)), Version::V30);
}

const MSG_ID: MsgId = MsgId(0x5A25_E3C1_9064_D431);

fn sample_report() -> Report {
    Report {
        msg_id: MSG_ID,
        stat: Stat::new("MK:0001").unwrap(),
        submit_time: text("2306150930"),
        done_time: text("2306150931"),
        dest_terminal_id: text("13912345678"),
        smsc_sequence: 0xFFFF_FFFE,
    }
}

/// Head of a 3.0 deliver of `total` bytes in all, up to and including `Msg_Length`.
fn deliver_3_0_head(total: &str, len: &str) -> Vec<u8> {
    hex_of(&[
        total,                      /* Total_Length */
        "00000005",                 /* Command_Id */
        "00000003",                 /* Sequence_Id */
        "cfdfbede636b4820",         /* Msg_Id */
        "313036353733303031323334", /* Dest_Id */
        "00*9",
        "00*10",                  /* Service_Id */
        "00",                     /* TP_pid */
        "00",                     /* TP_udhi */
        "00",                     /* Msg_Fmt */
        "3133393132333435363738", /* Src_terminal_Id */
        "00*21",
        "00", /* Src_terminal_type */
        "01", /* Registered_Delivery */
        len,  /* Msg_Length */
    ])
}

fn sample_deliver(block: Bytes) -> Deliver {
    Deliver {
        msg_id: MsgId(0xCFDF_BEDE_636B_4820),
        dest_id: text("106573001234"),
        src_terminal_id: text("13912345678"),
        registered_delivery: 1,
        msg_content: block,
        ..Deliver::default()
    }
}

#[test]
fn deliver_3_0_with_a_report_of_either_size_and_a_short_link_id() {
    let block = hex_of(&[
        "5a25e3c19064d431",       /* Msg_Id */
        "4d4b3a30303031",         /* Stat */
        "32333036313530393330",   /* Submit_time */
        "32333036313530393331",   /* Done_time */
        "3133393132333435363738", /* Dest_terminal_Id */
        "00*21",
        "fffffffe", /* SMSC_sequence */
    ]);
    assert_eq!(sample_report().build(Version::V30).unwrap(), block);
    let whole = [
        deliver_3_0_head("000000b4", "47"),
        block.clone(),
        vec![0; 20],
    ]
    .concat();
    let deliver = sample_deliver(block.clone().into());
    assert_eq!(deliver.report(), Some(sample_report()));
    let frame = pdu(3, Pdu::Deliver(deliver));
    both_ways(&whole, &frame, Version::V30);

    let short_tail = [deliver_3_0_head("000000a9", "47"), block, vec![0; 9]].concat();
    assert_eq!(one(&short_tail, Version::V30), Ok(frame));

    let small = sample_report().build(Version::V20).unwrap();
    let bytes = [
        deliver_3_0_head("000000a9", "3c"),
        small.to_vec(),
        vec![0; 20],
    ]
    .concat();
    let Ok(Frame {
        pdu: Pdu::Deliver(deliver),
        ..
    }) = one(&bytes, Version::V30)
    else {
        panic!("a deliver");
    };
    assert_eq!(deliver.report(), Some(sample_report()));
}

#[test]
fn deliver_2_0_with_a_message() {
    let bytes = hex_of(&[
        "00000059",                                   /* Total_Length: 85 + 4 */
        "00000005",                                   /* Command_Id */
        "00000003",                                   /* Sequence_Id */
        "cfdfbede636b4820",                           /* Msg_Id */
        "313036353733303031323334000000000000000000", /* Dest_Id */
        "00*10",                                      /* Service_Id */
        "00",                                         /* TP_pid */
        "00",                                         /* TP_udhi */
        "08",                                         /* Msg_Fmt */
        "313339313233343536373800000000000000000000", /* Src_terminal_Id */
        "00",                                         /* Registered_Delivery */
        "04",                                         /* Msg_Length */
        "5b895168",                                   /* Msg_Content */
        "00*8",                                       /* Reserved */
    ]);
    let deliver = Deliver {
        msg_fmt: 8,
        registered_delivery: 0,
        ..sample_deliver(Bytes::from_static(&[0x5B, 0x89, 0x51, 0x68]))
    };
    both_ways(&bytes, &pdu(3, Pdu::Deliver(deliver)), Version::V20);
}

#[test]
fn a_bad_report_block_leaves_enough_to_refuse_the_deliver() {
    let bytes = [
        deliver_3_0_head("000000a8", "3b"),
        vec![0x31; 59],
        vec![0; 20],
    ]
    .concat();
    let mut reader = FrameReader::new(Version::V30, FrameLimits::default());
    reader.push(&bytes);
    reader.push(&hex_of(&["0000000c", "00000008", "00000004"]));
    let error = reader.next_frame().unwrap_err();
    assert!(!error.is_fatal());
    assert_eq!(
        (error.field, error.consumed()),
        ("msg_content", bytes.len())
    );
    let fault = BodyFault::ReportSize { len: 59 };
    assert!(matches!(error.kind, DecodeErrorKind::BadBody { fault: f, .. } if f == fault));
    let header = error.header().unwrap();
    let refusal = DeliverResp {
        msg_id: header.msg_id.unwrap(),
        result: DeliverResult::BAD_STRUCTURE,
    };
    assert_eq!((header.command_id, header.sequence), (5, 3));
    assert_eq!(refusal.msg_id, MsgId(0xCFDF_BEDE_636B_4820));
    assert_eq!(reader.next_frame(), Ok(Some(pdu(4, Pdu::ActiveTest))));
}

#[test]
fn responses_in_the_other_versions_size_are_read() {
    let submit_resp =
        |total, result| hex_of(&[total, "80000004", "00000001", "5a25e3c19064d431", result]);
    let frame = pdu(
        1,
        Pdu::SubmitResp(SubmitResp {
            msg_id: MSG_ID,
            result: SubmitResult::THROTTLED,
        }),
    );
    both_ways(&submit_resp("00000015", "08"), &frame, Version::V20);
    both_ways(&submit_resp("00000018", "00000008"), &frame, Version::V30);
    assert_eq!(
        one(&submit_resp("00000018", "00000008"), Version::V20).as_ref(),
        Ok(&frame)
    );

    let cancel_resp = |total, id| hex_of(&[total, "80000007", "00000001", id]);
    let frame = pdu(1, Pdu::CancelResp(CancelResp { success_id: 1 }));
    both_ways(&cancel_resp("0000000d", "01"), &frame, Version::V20);
    both_ways(&cancel_resp("00000010", "00000001"), &frame, Version::V30);
    assert_eq!(
        one(&cancel_resp("00000010", "00000001"), Version::V20).as_ref(),
        Ok(&frame)
    );
}

#[test]
fn active_test_resp_may_lack_its_byte() {
    let frame = pdu(5, Pdu::ActiveTestResp);
    both_ways(
        &hex_of(&["0000000d", "80000008", "00000005", "00"]),
        &frame,
        Version::V20,
    );
    let bare = hex_of(&["0000000c", "80000008", "00000005"]);
    assert_eq!(one(&bare, Version::V20), Ok(frame));
}

#[test]
fn blanks_are_padding_too() {
    let bytes = hex_of(&[
        "00000027",         /* Total_Length */
        "00000006",         /* Command_Id */
        "00000001",         /* Sequence_Id */
        "3230323330363135", /* Time */
        "01",               /* Query_Type */
        "534146455459",     /* Query_Code */
        "20*4",
        "20*8", /* Reserve */
    ]);
    let Ok(Frame {
        pdu: Pdu::Query(query),
        ..
    }) = one(&bytes, Version::V20)
    else {
        panic!("a query");
    };
    assert_eq!(query.query_code, "SAFETY");
    assert!(query.reserve.is_empty());
}

#[test]
fn a_length_that_cannot_be_right_is_fatal_at_once_and_stays_so() {
    for length in ["00000000", "0000000b", "00002001", "ffffffff", "48545450"] {
        let mut reader = FrameReader::new(Version::V20, FrameLimits::default());
        reader.push(&hex_of(&[length]));
        let error = reader.next_frame().unwrap_err();
        assert!(error.is_fatal() && error.consumed() == 0 && error.header().is_none());
        reader.push(&[0; 64]);
        assert_eq!(reader.next_frame(), Err(error));
    }
    let limits = FrameLimits { max_frame: 16 };
    assert!(decode(&hex_of(&["00000011"]), Version::V20, &limits).is_err());
}

#[test]
fn an_unknown_command_is_skipped() {
    let mut reader = FrameReader::new(Version::V20, FrameLimits::default());
    reader.push(&hex_of(&["00000010", "000000aa", "00000007", "01020304"]));
    reader.push(&hex_of(&["0000000c", "00000002", "00000008"]));
    let error = reader.next_frame().unwrap_err();
    assert!(
        matches!(error.kind, DecodeErrorKind::UnknownCommand { header, consumed: 16 }
        if header.command_id == 0xAA && header.sequence == 7 && header.msg_id.is_none())
    );
    assert_eq!(reader.next_frame(), Ok(Some(pdu(8, Pdu::Terminate))));
}

#[test]
fn what_does_not_fit_is_refused_and_leaves_the_buffer_as_it_was() {
    let pseudo = text::<32>("a pseudo code of 32 characters..");
    let submits = [
        (
            Submit {
                dest_terminal_ids: vec![],
                ..sample_submit()
            },
            "dest_terminal_ids",
        ),
        (
            Submit {
                dest_terminal_ids: vec![pseudo],
                ..sample_submit()
            },
            "dest_terminal_ids",
        ),
        (
            Submit {
                fee_terminal_id: pseudo,
                ..sample_submit()
            },
            "fee_terminal_id",
        ),
        (
            Submit {
                msg_content: vec![0; 141].into(),
                ..sample_submit()
            },
            "msg_content",
        ),
        (
            Submit {
                msg_fmt: 0,
                msg_content: vec![0; 160].into(),
                ..sample_submit()
            },
            "msg_content",
        ),
        (
            Submit {
                link_id: text("1"),
                ..sample_submit()
            },
            "link_id",
        ),
        (
            Submit {
                dest_terminal_type: 1,
                ..sample_submit()
            },
            "dest_terminal_type",
        ),
    ];
    let responses = [SubmitResp {
        msg_id: MSG_ID,
        result: SubmitResult(256),
    }];
    let pdus = submits
        .into_iter()
        .map(|(submit, field)| (Pdu::Submit(submit), field));
    for (body, expected) in pdus.chain(responses.map(|resp| (Pdu::SubmitResp(resp), "result"))) {
        let mut out = bytes::BytesMut::from(&b"before"[..]);
        let error = encode(&pdu(1, body), Version::V20, &mut out).unwrap_err();
        let (EncodeError::TooLong { field, .. }
        | EncodeError::OutOfRange { field, .. }
        | EncodeError::NotInVersion { field }) = error;
        assert_eq!((field, &out[..]), (expected, &b"before"[..]));
    }
}
