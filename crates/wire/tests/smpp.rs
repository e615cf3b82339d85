//! What this crate puts around `rusmpp-core`.
#![cfg(feature = "smpp")]
#![expect(clippy::unwrap_used, reason = "a test says by panicking what is wrong")]

#[expect(dead_code, unreachable_pub, reason = "shared by the test binaries")]
mod support;

use support::hex_of;
use watchbell_wire::{
    BodyFault, DecodeErrorKind, FrameLimits,
    smpp::{
        DecodeError, Decoded, Frame, LIMITS, Message, Version, decode,
        rusmpp_core::{
            CommandId, CommandStatus,
            pdus::owned::{DeliverSmResp, Pdu, SubmitSm, SubmitSmResp},
            types::owned::{COctetString, OctetString},
            values::DataCoding,
        },
    },
};

fn one(bytes: &[u8]) -> Result<Frame, DecodeError> {
    match decode(bytes, Version::V34, &LIMITS)? {
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
        DecodeErrorKind::BadBody { fault, .. } => (error.field, fault),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_submit_is_made_with_the_library_and_framed_here() {
    let submit = SubmitSm::builder()
        .source_addr(COctetString::from_slice(b"1065\0").unwrap())
        .destination_addr(COctetString::from_slice(b"8613800138001\0").unwrap())
        .data_coding(DataCoding::Ucs2)
        .short_message(OctetString::from_slice(&[0x5B, 0x89]).unwrap())
        .build();
    let frame = Frame {
        sequence: 7,
        pdu: Message::new(submit),
    };
    let bytes = frame.to_bytes(Version::V34).unwrap();
    assert_eq!(
        &bytes[..16],
        hex_of(&["00000034", "00000004", "00*4", "00000007"])
    );
    assert_eq!(one(&bytes), Ok(frame));
}

#[test]
fn an_error_is_read_with_and_without_an_empty_body() {
    for command in ["80000009", "80000004", "80000005"] {
        let bare = hex_of(&["00000010", command, "00000058", "00000007"]);
        let with_zero = hex_of(&["00000011", command, "00000058", "00000007", "00"]);
        let frame = one(&bare).unwrap();
        assert_eq!(frame.pdu.body(), None);
        assert_eq!(frame.pdu.status, CommandStatus::EsmeRthrottled);
        assert_eq!(one(&with_zero).as_ref(), Ok(&frame));
        assert_eq!(frame.to_bytes(Version::V34).unwrap(), bare);
    }
}

#[test]
fn a_refusal_can_be_written_in_both_forms() {
    let status = CommandStatus::EsmeRmsgqful;
    let message = Message::refusal(CommandId::DeliverSmResp, status);
    let size = |pdu| {
        Frame { sequence: 1, pdu }
            .to_bytes(Version::V34)
            .unwrap()
            .len()
    };
    assert_eq!(size(message), 16);
    assert_eq!(
        size(Message::with_status(status, DeliverSmResp::default())),
        17
    );
}

#[test]
fn a_body_that_goes_on_is_refused() {
    let enquire = hex_of(&["00000011", "00000015", "00*4", "00000007", "00"]);
    assert_eq!(fault(&enquire), ("end", BodyFault::Trailing { extra: 1 }));
    let outbind = hex_of(&["00000013", "0000000b", "00*4", "00000007", "00", "00", "41"]);
    assert_eq!(fault(&outbind), ("end", BodyFault::Trailing { extra: 1 }));
}

#[test]
fn what_the_library_cannot_hold_is_kept_as_bytes() {
    let broadcast = hex_of(&[
        "0000002a", /* command_length */
        "00000111", /* command_id */
        "00*4",     /* command_status */
        "00000007", /* sequence_number */
        "00",       /* service_type */
        "00 00 00", /* source address */
        "423100",   /* message_id */
        "00",       /* priority_flag */
        "00",       /* schedule_delivery_time */
        "00",       /* validity_period */
        "00",       /* replace_if_present_flag */
        "08",       /* data_coding */
        "00",       /* sm_default_msg_id */
        "0604 0002 0001 1401 0000",
    ]);
    let mut broadcast = broadcast;
    broadcast[3] = broadcast.len() as u8;
    let frame = one(&broadcast).unwrap();
    assert!(matches!(frame.pdu.body(), Some(Pdu::Other { .. })));
    assert_eq!(frame.pdu.id(), CommandId::BroadcastSm);
    assert_eq!(frame.to_bytes(Version::V34).unwrap(), broadcast);
    let view = frame.view(Version::V34).to_string();
    assert!(view.contains(r#""broadcast_rep_num":1"#), "{view}");
    assert!(view.contains(r#""tlv_1401_hex":"""#), "{view}");
}

#[test]
fn a_short_message_has_at_most_254_bytes() {
    for (len, fits) in [(254, true), (255, false)] {
        let submit = SubmitSm::builder()
            .short_message(OctetString::from_vec(vec![b'a'; len]).unwrap())
            .build();
        let frame = Frame {
            sequence: 7,
            pdu: Message::new(submit),
        };
        let bytes = frame.to_bytes(Version::V34).unwrap();
        if fits {
            assert_eq!(one(&bytes), Ok(frame));
        } else {
            let too_long = BodyFault::OutOfRange {
                value: 255,
                min: 0,
                max: 254,
            };
            assert_eq!(fault(&bytes), ("sm_length", too_long));
        }
    }
}

#[test]
fn strings_end_within_their_size_and_times_have_one_of_two() {
    let outbind = hex_of(&["00000021", "0000000b", "00*4", "00000007", "41*16", "00"]);
    let unterminated = BodyFault::Unterminated { max: 16 };
    assert_eq!(fault(&outbind), ("system_id", unterminated));
    let query_resp = hex_of(&[
        "00000016", "80000003", "00*4", "00000007", "00", "4100", "0000", "00",
    ]);
    let size = BodyFault::Size {
        len: 2,
        either: 1,
        or: 17,
    };
    assert_eq!(fault(&query_resp), ("final_date", size));
}

#[test]
fn too_many_parameters_are_refused() {
    for (count, fits) in [(256, true), (257, false)] {
        let mut bytes = hex_of(&["00000000", "80000004", "00*4", "00000007", "00"]);
        bytes.extend([0x14, 0x01, 0, 0].repeat(count));
        let size = bytes.len() as u32;
        bytes[..4].copy_from_slice(&size.to_be_bytes());
        assert_eq!(one(&bytes).is_ok(), fits, "{count}");
    }
}

#[test]
fn a_payload_of_a_whole_frame_fits_the_wider_limits_only() {
    let mut bytes = hex_of(&["00000000", "80000004", "00*4", "00000007", "4100"]);
    let payload = vec![7; 60_000];
    bytes.extend([0x04, 0x24]);
    bytes.extend((payload.len() as u16).to_be_bytes());
    bytes.extend(payload);
    let size = bytes.len() as u32;
    bytes[..4].copy_from_slice(&size.to_be_bytes());
    let frame = one(&bytes).unwrap();
    assert!(matches!(frame.pdu.body(), Some(Pdu::SubmitSmResp(_))));
    let narrow = decode(&bytes, Version::V34, &FrameLimits::default());
    assert!(narrow.unwrap_err().is_fatal());
}

#[test]
fn responses_without_an_error_keep_their_body() {
    let id = COctetString::from_slice(b"0a1B\0").unwrap();
    let resp = SubmitSmResp::builder().message_id(id).build();
    let frame = Frame {
        sequence: 7,
        pdu: Message::new(resp),
    };
    let bytes = frame.to_bytes(Version::V34).unwrap();
    assert_eq!(one(&bytes), Ok(frame));
}
