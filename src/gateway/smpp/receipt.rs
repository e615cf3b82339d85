//! Delivery receipts: parameters where they are given, the text for the rest, and ids in the one spelling
//! that answers and receipts can be compared in.

use watchbell_wire::{
    smpp::{Delivery, MessageState, Receipt},
    text::{self, Coding},
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

/// Reads a receipt from its parameters and its text. Where they disagree the more definite of them counts, and the
/// code keeps both.
pub(super) fn report(phone: Phone, delivery: &Delivery, ids: Ids) -> Read {
    let receipt = Receipt::parse(words(delivery).as_bytes()).unwrap_or_default();
    let named = delivery.receipted_message_id();
    let id = named.as_deref().unwrap_or(&receipt.id);
    let told = Told {
        parameter: delivery.message_state(),
        text: (!receipt.stat.is_empty()).then(|| receipt.state()),
    };
    let Some(state) = told.state().filter(|_| !id.is_empty()) else {
        return Read::Malformed;
    };
    let Some(status) = report_status(state) else {
        return Read::Intermediate;
    };
    Read::Final(Report {
        // Where both are there they are often spelled differently; the parameter is the answer's id.
        carrier_id: CarrierMessageId(match &named {
            Some(id) => ids.of_answer(id),
            None => ids.of_receipt(id),
        }),
        phone,
        status,
        code: told.code(&receipt, state),
        submit_time: minutes(&receipt.submit_date),
    })
}

/// The receipt's text, in the coding that it has: not always bytes of ASCII.
fn words(delivery: &Delivery) -> String {
    let coding = Coding::from_data_coding(delivery.data_coding);
    match text::decode(&delivery.content, coding) {
        Some(decoded) if coding == Coding::Ucs2 => decoded.text,
        _ => String::from_utf8_lossy(&delivery.content).into_owned(),
    }
}

/// What the two places of a receipt say of the message.
#[derive(Clone, Copy)]
struct Told {
    parameter: Option<MessageState>,
    text: Option<MessageState>,
}

impl Told {
    /// The more definite one; of two alike the parameter, which is no human's spelling.
    fn state(self) -> Option<MessageState> {
        let (parameter, text) = (self.parameter, self.text);
        match parameter.map(definite) < text.map(definite) {
            true => text,
            false => parameter,
        }
    }

    /// The text's `stat`, and `err` behind a colon where it is a reason; where the other place says something
    /// else that is an end, it stands behind a bar.
    fn code(self, receipt: &Receipt, state: MessageState) -> String {
        let word = match receipt.stat.as_str() {
            "" => state.stat(),
            stat => stat,
        };
        let mut code = word.to_owned();
        if !NO_ERROR.contains(&receipt.err.as_str()) {
            code = format!("{code}:{}", receipt.err);
        }
        if let (Some(parameter), Some(text)) = (self.parameter, self.text)
            && parameter != text
            && parameter.is_final()
        {
            code = format!("{code}|{}", parameter.stat());
        }
        code
    }
}

/// How much a state says: nothing final, an end that nobody knows, an end.
fn definite(state: MessageState) -> u8 {
    match state {
        state if !state.is_final() => 0,
        MessageState::Unknown => 1,
        _ => 2,
    }
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

/// `YYMMDDhhmm` out of the forms that dates were seen in: with the century, seconds or a zone.
fn minutes(date: &str) -> String {
    let digits = date.bytes().take_while(u8::is_ascii_digit).count();
    let from = if digits == 14 { 2 } else { 0 };
    date.get(from..from + 10).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use watchbell_wire::smpp::DELIVER_SM;

    use super::*;

    fn phone() -> Phone {
        Phone::from_number(13_800_138_000).expect("a mobile number")
    }

    fn with(text: &[u8], data_coding: u8, parameters: &[u8]) -> Delivery {
        let mut body = b"\0\x01\x018613800138000\0\0\x0110690001\0\x04\0\0\0\0\0\0".to_vec();
        body.extend([data_coding, 0, text.len() as u8]);
        body.extend(text);
        body.extend(parameters);
        Delivery::read(DELIVER_SM, &body.into()).expect("a deliver_sm")
    }

    fn of(text: &str, ids: Ids) -> Read {
        report(phone(), &with(text.as_bytes(), 0, b""), ids)
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

    /// `receipted_message_id` 77 and `message_state`.
    fn parameters(state: u8) -> Vec<u8> {
        let mut parameters = b"\0\x1e\0\x0377\0\x04\x27\0\x01".to_vec();
        parameters.push(state);
        parameters
    }

    fn both(text: &str, state: u8) -> Report {
        let delivery = with(text.as_bytes(), 0, &parameters(state));
        final_report(report(phone(), &delivery, Ids::Same))
    }

    #[test]
    fn the_parameters_id_is_the_answers_and_its_state_has_one_word() {
        let report = both("id:4d stat:EXPIRED", 3);
        assert_eq!(
            (&*report.carrier_id.0, report.status, &*report.code),
            ("77", ReportStatus::Expired, "EXPIRED")
        );
        let report = both("", 3);
        assert_eq!(
            (report.status, &*report.code),
            (ReportStatus::Expired, "EXPIRED"),
            "the log has one word for it"
        );
    }

    #[test]
    fn where_both_places_disagree_the_more_definite_counts_and_the_code_keeps_both() {
        // Not final, or not known, beside an end.
        for (state, code) in [
            (0, "UNDELIV:255"),
            (1, "UNDELIV:255"),
            (7, "UNDELIV:255|UNKNOWN"),
        ] {
            let report = both("id:77 stat:UNDELIV err:255", state);
            assert_eq!(
                (report.status, &*report.code),
                (ReportStatus::Undelivered, code)
            );
        }
        let report = both("id:77 stat:UNKNOWN err:000", 2);
        assert_eq!(
            (report.status, &*report.code),
            (ReportStatus::Delivered, "UNKNOWN|DELIVRD")
        );
        let report = both("id:77 stat:DELIVRD err:000", 5);
        assert_eq!(
            (report.status, &*report.code),
            (ReportStatus::Undelivered, "DELIVRD|UNDELIV")
        );
        let report = both("id:77 stat:ENROUTE", 2);
        assert_eq!(
            (report.status, &*report.code),
            (ReportStatus::Delivered, "ENROUTE|DELIVRD")
        );
    }

    #[test]
    fn a_receipt_in_ucs2_is_read() {
        let text: Vec<u8> = "id:9f stat:REJECTD err:12"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        let report = final_report(report(phone(), &with(&text, 8, b""), Ids::Same));
        assert_eq!(
            (&*report.carrier_id.0, report.status, &*report.code),
            ("9f", ReportStatus::Undelivered, "REJECTD:12")
        );
    }
}
