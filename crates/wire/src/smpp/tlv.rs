//! Optional parameters: names and sizes (SMPP 3.4 §5.3.2, SMPP 5.0 §4.8).

use rusmpp_core::tlvs::owned::{Tlv, TlvValue};

use super::seen::Seen;
use crate::{
    BodyFault,
    octets::Fault,
    udh::{Concat, Reference, UdhError},
};

/// What a value looks like.
#[derive(Clone, Copy)]
enum Kind {
    /// A number of so many bytes.
    Number(usize),
    /// A string that ends in a zero byte, with its largest size.
    Text(usize),
    /// Bytes of any number between two.
    Bytes(usize, usize),
}

use Kind::{Bytes, Number, Text};

/// Tag, name and look.
#[rustfmt::skip]
const TABLE: &[(u16, &str, Kind)] = &[
    (0x0005, "dest_addr_subunit", Number(1)),
    (0x0006, "dest_network_type", Number(1)),
    (0x0007, "dest_bearer_type", Number(1)),
    (0x0008, "dest_telematics_id", Number(2)),
    (0x000D, "source_addr_subunit", Number(1)),
    (0x000E, "source_network_type", Number(1)),
    (0x000F, "source_bearer_type", Number(1)),
    (0x0010, "source_telematics_id", Number(1)),
    (0x0017, "qos_time_to_live", Number(4)),
    (0x0019, "payload_type", Number(1)),
    (0x001D, "additional_status_info_text", Text(256)),
    (0x001E, "receipted_message_id", Text(65)),
    (0x0030, "ms_msg_wait_facilities", Number(1)),
    (0x0201, "privacy_indicator", Number(1)),
    (0x0202, "source_subaddress_hex", Bytes(2, 23)),
    (0x0203, "dest_subaddress_hex", Bytes(2, 23)),
    (0x0204, "user_message_reference", Number(2)),
    (0x0205, "user_response_code", Number(1)),
    (0x020A, "source_port", Number(2)),
    (0x020B, "dest_port", Number(2)),
    (0x020C, "sar_msg_ref_num", Number(2)),
    (0x020D, "language_indicator", Number(1)),
    (0x020E, "sar_total_segments", Number(1)),
    (0x020F, "sar_segment_seqnum", Number(1)),
    (0x0210, "sc_interface_version", Number(1)),
    (0x0302, "callback_num_pres_ind", Number(1)),
    (0x0303, "callback_num_atag_hex", Bytes(0, 65)),
    (0x0304, "number_of_messages", Number(1)),
    (0x0381, "callback_num_hex", Bytes(4, 19)),
    (0x0420, "dpf_result", Number(1)),
    (0x0421, "set_dpf", Number(1)),
    (0x0422, "ms_availability_status", Number(1)),
    (0x0423, "network_error_code_hex", Bytes(3, 3)),
    (0x0424, "message_payload_hex", Bytes(0, 65_535)),
    (0x0425, "delivery_failure_reason", Number(1)),
    (0x0426, "more_messages_to_send", Number(1)),
    (0x0427, "message_state", Number(1)),
    (0x0428, "congestion_state", Number(1)),
    (0x0501, "ussd_service_op_hex", Bytes(1, 1)),
    (0x0600, "broadcast_channel_indicator", Number(1)),
    (0x0601, "broadcast_content_type_hex", Bytes(3, 3)),
    (0x0602, "broadcast_content_type_info_hex", Bytes(0, 255)),
    (0x0603, "broadcast_message_class", Number(1)),
    (0x0604, "broadcast_rep_num", Number(2)),
    (0x0605, "broadcast_frequency_interval_hex", Bytes(3, 3)),
    (0x0606, "broadcast_area_identifier_hex", Bytes(0, 101)),
    (0x0607, "broadcast_error_status", Number(4)),
    (0x0608, "broadcast_area_success", Number(1)),
    (0x0609, "broadcast_end_time_hex", Bytes(0, 17)),
    (0x060A, "broadcast_service_group_hex", Bytes(1, 255)),
    (0x060B, "billing_identification_hex", Bytes(0, 1024)),
    (0x060D, "source_network_id", Text(66)),
    (0x060E, "dest_network_id", Text(66)),
    (0x060F, "source_node_id_hex", Bytes(6, 6)),
    (0x0610, "dest_node_id_hex", Bytes(6, 6)),
    (0x0611, "dest_addr_np_resolution", Number(1)),
    (0x0612, "dest_addr_np_information_hex", Bytes(0, 10)),
    (0x0613, "dest_addr_np_country_hex", Bytes(1, 5)),
    (0x1201, "display_time", Number(1)),
    (0x1203, "sms_signal", Number(2)),
    (0x1204, "ms_validity_hex", Bytes(1, 4)),
    (0x130C, "alert_on_message_delivery_hex", Bytes(0, 1)),
    (0x1380, "its_reply_type", Number(1)),
    (0x1383, "its_session_info_hex", Bytes(2, 2)),
];

/// Checks one parameter's size and shows it under its name.
pub(super) fn walk<'a>(
    tag: u16,
    value: &'a [u8],
    see: &mut dyn FnMut(&'static str, Seen<'a>),
) -> Result<(), Fault> {
    let Ok(at) = TABLE.binary_search_by_key(&tag, |(tag, ..)| *tag) else {
        see("tlv", Seen::UnknownTlv(tag, value));
        return Ok(());
    };
    let (_, name, kind) = TABLE[at];
    match kind {
        Number(size) if value.len() == size => {
            let number = value
                .iter()
                .fold(0, |all, byte| all << 8 | u64::from(*byte));
            see(name, Seen::Number(number));
        }
        Text(max) if value.len() <= max && value.is_ascii() => match value.split_last() {
            Some((0, text)) if !text.contains(&0) => see(name, Seen::Text(text)),
            _ => return Err(Fault::new(name, BodyFault::Unterminated { max })),
        },
        Bytes(min, max) if (min..=max).contains(&value.len()) => {
            see(name, Seen::Bytes(value));
        }
        Number(expected) | Text(expected) | Bytes(_, expected) => {
            let len = value.len();
            return Err(Fault::new(name, BodyFault::TlvSize { len, expected }));
        }
    }
    Ok(())
}

/// A message's bytes: `message_payload` where `short_message` is empty, else `short_message`
/// (SMPP 3.4 §5.3.2.32: only one of them is used).
pub fn payload(short_message: bytes::Bytes, tlvs: &[Tlv]) -> bytes::Bytes {
    let payload = tlvs.iter().find_map(|tlv| match tlv.value() {
        Some(TlvValue::MessagePayload(payload)) => Some(payload.value.clone().into_bytes()),
        _ => None,
    });
    payload
        .filter(|_| short_message.is_empty())
        .unwrap_or(short_message)
}

/// The part that `sar_msg_ref_num`, `sar_total_segments` and `sar_segment_seqnum` name; `None` unless all
/// three are there. Its content has no user data header.
pub fn concat(tlvs: &[Tlv]) -> Option<Result<Concat, UdhError>> {
    let find = |pick: fn(&TlvValue) -> Option<u16>| tlvs.iter().find_map(|tlv| pick(tlv.value()?));
    let reference = find(|value| match value {
        TlvValue::SarMsgRefNum(number) => Some(*number),
        _ => None,
    })?;
    let total = find(|value| match value {
        TlvValue::SarTotalSegments(number) => Some((*number).into()),
        _ => None,
    })?;
    let part = find(|value| match value {
        TlvValue::SarSegmentSeqnum(number) => Some((*number).into()),
        _ => None,
    })?;
    Some(Concat::new(
        Reference::Sixteen(reference),
        total as u8,
        part as u8,
    ))
}

#[cfg(test)]
mod tests {
    use rusmpp_core::{types::owned::AnyOctetString, values::owned::MessagePayload};

    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_its_tags() {
        assert!(TABLE.is_sorted_by(|(a, ..), (b, ..)| a < b));
        let hex = |kind: &Kind| matches!(kind, Bytes(..));
        assert!(
            TABLE
                .iter()
                .all(|(_, name, kind)| name.ends_with("_hex") == hex(kind))
        );
    }

    #[test]
    fn the_payload_counts_where_the_short_message_is_empty() {
        let long = MessagePayload::new(AnyOctetString::from_static_slice(b"long"));
        let tlvs = [Tlv::new(TlvValue::MessagePayload(long))];
        let short = bytes::Bytes::from_static(b"short");
        assert_eq!(&payload(bytes::Bytes::new(), &tlvs)[..], b"long");
        assert_eq!(payload(short.clone(), &tlvs), short);
        assert_eq!(payload(short.clone(), &[]), short);
    }

    #[test]
    fn parts_are_read_from_parameters() {
        let tlvs = [
            Tlv::new(TlvValue::SarMsgRefNum(0x1234)),
            Tlv::new(TlvValue::SarTotalSegments(3)),
            Tlv::new(TlvValue::SarSegmentSeqnum(2)),
        ];
        let expected = Concat::new(Reference::Sixteen(0x1234), 3, 2);
        assert_eq!(concat(&tlvs), Some(expected));
        assert_eq!(concat(&tlvs[..2]), None);
        let bad = [
            tlvs[0].clone(),
            tlvs[1].clone(),
            Tlv::new(TlvValue::SarSegmentSeqnum(4)),
        ];
        assert_eq!(
            concat(&bad),
            Some(Err(UdhError::BadPart { total: 3, part: 4 }))
        );
    }
}
