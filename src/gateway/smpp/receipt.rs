//! Delivery receipts: parameters where they are given, the text for the rest, and ids in the one spelling
//! that answers and receipts can be compared in.

use watchbell_wire::smpp::{
    MessageState, Receipt,
    rusmpp_core::tlvs::owned::{Tlv, TlvValue},
};

use crate::{
    domain::{message::ReportStatus, phone::Phone},
    gateway::{CarrierMessageId, Report},
};

/// `err` when nothing is wrong.
const NO_ERROR: &[&str] = &["", "0", "00", "000"];

/// How the message centre spells ids: in its answers, and in its receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ids {
    /// In both as the same text.
    Same,
    /// As numbers in these bases, in any case, with or without leading zeros.
    Numbers { answer: u32, receipt: u32 },
}

impl Ids {
    /// The names in configuration; the first is the default.
    pub(super) const NAMES: &[&str] = &["same", "decimal", "hex", "hex-decimal", "decimal-hex"];

    /// The one of a name out of [`Ids::NAMES`].
    pub(super) fn named(name: &str) -> Self {
        let numbers = |answer, receipt| Self::Numbers { answer, receipt };
        match name {
            "decimal" => numbers(10, 10),
            "hex" => numbers(16, 16),
            "hex-decimal" => numbers(16, 10),
            "decimal-hex" => numbers(10, 16),
            _ => Self::Same,
        }
    }

    /// The id of a `submit_sm_resp`, to be compared with [`Ids::of_receipt`]'s.
    pub(super) fn of_answer(self, id: &str) -> String {
        match self {
            Self::Same => id.to_owned(),
            Self::Numbers { answer, .. } => number(id, answer),
        }
    }

    /// The id of a receipt.
    pub(super) fn of_receipt(self, id: &str) -> String {
        match self {
            Self::Same => id.to_owned(),
            Self::Numbers { receipt, .. } => number(id, receipt),
        }
    }
}

/// The number in decimal; a text that is none, as it is.
fn number(id: &str, base: u32) -> String {
    u128::from_str_radix(id, base).map_or_else(|_| id.to_owned(), |number| number.to_string())
}

/// What a receipt comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Read {
    /// The message's end.
    Final(Report),
    /// The message is still on its way.
    Intermediate,
    /// No id, or no state.
    Malformed,
}

/// Reads a receipt, from its parameters where they are there, else from its text.
pub(super) fn report(phone: Phone, text: &[u8], tlvs: &[Tlv], ids: Ids) -> Read {
    let receipt = Receipt::parse(text).unwrap_or_default();
    let values = || tlvs.iter().filter_map(Tlv::value);
    let named = values().find_map(|value| match value {
        TlvValue::ReceiptedMessageId(id) => Some(id.as_str()),
        _ => None,
    });
    let state = values().find_map(|value| match value {
        TlvValue::MessageState(state) => Some(MessageState::from_wire((*state).into())),
        _ => None,
    });
    let id = named.unwrap_or(&receipt.id);
    if id.is_empty() || (state.is_none() && receipt.stat.is_empty()) {
        return Read::Malformed;
    }
    let state = state.unwrap_or_else(|| receipt.state());
    let Some(status) = report_status(state) else {
        return Read::Intermediate;
    };
    Read::Final(Report {
        // Where both are there they are often spelled differently; the parameter is the answer's id.
        carrier_id: CarrierMessageId(match named {
            Some(id) => ids.of_answer(id),
            None => ids.of_receipt(id),
        }),
        phone,
        status,
        code: code(&receipt, state),
        submit_time: minutes(&receipt.submit_date),
    })
}

/// None while the message is on its way.
fn report_status(state: MessageState) -> Option<ReportStatus> {
    match state {
        MessageState::Delivered => Some(ReportStatus::Delivered),
        MessageState::Expired => Some(ReportStatus::Expired),
        state if !state.is_final() => None,
        _ => Some(ReportStatus::Undelivered),
    }
}

/// The receipt's `stat`, and `err` behind a colon where it is a reason.
fn code(receipt: &Receipt, state: MessageState) -> String {
    let word = match receipt.stat.as_str() {
        "" => state.stat(),
        stat => stat,
    };
    if NO_ERROR.contains(&receipt.err.as_str()) {
        word.to_owned()
    } else {
        format!("{word}:{}", receipt.err)
    }
}

/// `YYMMDDhhmm` out of the forms that dates were seen in: with the century, seconds or a zone.
fn minutes(date: &str) -> String {
    let digits = date.bytes().take_while(u8::is_ascii_digit).count();
    let from = if digits == 14 { 2 } else { 0 };
    date.get(from..from + 10).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone() -> Phone {
        Phone::from_number(13_800_138_000).expect("a mobile number")
    }

    fn of(text: &str, ids: Ids) -> Read {
        report(phone(), text.as_bytes(), &[], ids)
    }

    fn final_report(read: Read) -> Report {
        match read {
            Read::Final(report) => report,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_short_receipt_is_enough() {
        let report = final_report(of(
            "id:0a1B submit date:20230615093012 done date:20230615093112 stat:DELIVRD",
            Ids::Same,
        ));
        assert_eq!(report.carrier_id.0, "0a1B");
        assert_eq!(
            (report.status, &*report.code),
            (ReportStatus::Delivered, "DELIVRD")
        );
        assert_eq!(report.submit_time, "2306150930");
        assert_eq!(of("hello", Ids::Same), Read::Malformed);
    }

    #[test]
    fn ids_meet_in_one_spelling() {
        let ids = Ids::named("hex-decimal");
        assert_eq!(ids.of_answer("00001F4A"), ids.of_receipt("8010"));
        let ids = Ids::named("hex");
        assert_eq!(ids.of_answer("1f4a"), ids.of_receipt("00001F4A"));
        assert_eq!(ids.of_answer("no number"), "no number");
    }

    #[test]
    fn what_is_not_final_changes_nothing() {
        let read = of("id:1 stat:ACCEPTD err:000", Ids::Same);
        assert_eq!(read, Read::Intermediate);
        let report = final_report(of("id:1 stat:UNDELIV err:045", Ids::Same));
        assert_eq!(
            (report.status, &*report.code),
            (ReportStatus::Undelivered, "UNDELIV:045")
        );
    }

    #[test]
    fn parameters_are_better_than_the_text() {
        use watchbell_wire::smpp::rusmpp_core::{
            types::owned::COctetString, values::MessageState as State,
        };
        let id = COctetString::from_slice(b"77\0").expect("it fits");
        let tlvs = [
            Tlv::new(TlvValue::ReceiptedMessageId(id)),
            Tlv::new(TlvValue::MessageState(State::Expired)),
        ];
        let both = final_report(report(phone(), b"id:4d stat:UNKNOWN", &tlvs, Ids::Same));
        assert_eq!(
            (&*both.carrier_id.0, both.status),
            ("77", ReportStatus::Expired)
        );
        let alone = final_report(report(phone(), b"", &tlvs, Ids::Same));
        assert_eq!(
            (alone.status, &*alone.code),
            (ReportStatus::Expired, "EXPIRED"),
            "the log has one word for it"
        );
    }
}
