//! The message centre's side of SMPP 3.4.

use bytes::{Bytes, BytesMut};
use watchbell_wire::{
    DecodeErrorKind,
    smpp::{
        self, DecodeError, Frame, FrameReader, LIMITS, Message, MessageState, Receipt, Status,
        Version,
        rusmpp_core::{
            self, CommandId, CommandStatus,
            pdus::owned::{
                BindTransceiver, BindTransceiverResp, DeliverSm, Pdu, SubmitMulti, SubmitMultiResp,
                SubmitSm, SubmitSmResp,
            },
            tlvs::owned::MessageDeliveryRequestTlvValue as Tlv,
            types::owned::{COctetString, OctetString},
            values::{
                EsmClass, InterfaceVersion, Npi, Ton,
                owned::{DestAddress, UnsuccessSme},
            },
        },
    },
};

use super::{
    Admission, ClientPdu, Credentials, Dialect, Refusing, Submit, SubmitOutcome, Unreadable, bytes,
    put,
};
use crate::simulate::{
    Receipts, Settings,
    job::{Job, JobContent, Serial, Wall},
};

/// `esm_class` of a receipt, and of content behind a user data header (SMPP 3.4 §5.2.12).
const RECEIPT: u8 = 0x04;
const HAS_HEADER: u8 = 0x40;

/// The bit of a response's `command_id`.
const RESPONSE: u32 = 0x8000_0000;

/// Statuses that `Status` has no name for (SMPP 3.4 §5.1.3).
const BAD_MESSAGE: u32 = 0x01;
const BAD_RECEIVER: u32 = 0x0B;
const BIND_FAILED: u32 = 0x0D;
const BAD_PASSWORD: u32 = 0x0E;

/// `ESME_RALYBND`.
const ALREADY_BOUND: u32 = 0x05;

/// One connection's SMPP.
pub(super) struct Smpp {
    reader: FrameReader,
    credentials: Credentials,
    access_number: COctetString<1, 21>,
    receipts: Receipts,
}

impl Smpp {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            reader: FrameReader::new(Version::V34, LIMITS),
            credentials: Credentials::new(settings),
            access_number: text(&settings.access_number),
            receipts: settings.receipts,
        }
    }

    fn request(&self, frame: Frame) -> Result<ClientPdu, Unreadable> {
        let sequence = frame.sequence;
        let (id, status) = (frame.pdu.id(), Status::from(frame.pdu.status));
        Ok(match (id, frame.pdu.into_body()) {
            (_, Some(Pdu::BindTransceiver(bind))) => self.login(sequence, &bind),
            (_, Some(Pdu::BindTransmitter(_))) => one_way(sequence, CommandId::BindTransmitterResp),
            (_, Some(Pdu::BindReceiver(_))) => one_way(sequence, CommandId::BindReceiverResp),
            (_, Some(Pdu::SubmitSm(submit))) => ClientPdu::Submit {
                sequence,
                submit: neutral(&submit),
            },
            (_, Some(Pdu::SubmitMulti(submit))) => ClientPdu::Submit {
                sequence,
                submit: of_several(&submit),
            },
            (CommandId::DeliverSmResp, _) => ClientPdu::DeliverAnswered {
                sequence,
                ok: status.is_ok(),
            },
            (_, Some(Pdu::EnquireLink)) => ClientPdu::KeepAlive { sequence },
            (_, Some(Pdu::EnquireLinkResp)) => ClientPdu::KeepAliveAnswered,
            (_, Some(Pdu::Unbind)) => ClientPdu::Unbind { sequence },
            (_, Some(Pdu::UnbindResp)) => ClientPdu::UnbindAnswered,
            (id, _) if u32::from(id) & RESPONSE != 0 => ClientPdu::NotServed,
            // Whoever asks waits for an answer (SMPP 3.4 §4.3).
            _ => {
                return Err(Unreadable {
                    fatal: false,
                    answer: nack(sequence, Status::BAD_COMMAND),
                });
            }
        })
    }

    fn login(&self, sequence: u32, bind: &BindTransceiver) -> ClientPdu {
        let admission = self.credentials.admit(bind.system_id.as_str(), |password| {
            password == bind.password.as_str().as_bytes()
        });
        let ok = admission == Admission::In;
        let answer = if ok {
            Message::new(BindTransceiverResp::new(
                text("watchbell"),
                Some(InterfaceVersion::Smpp3_4),
            ))
        } else {
            Message::refusal(
                CommandId::BindTransceiverResp,
                CommandStatus::from(match admission {
                    Admission::Busy => ALREADY_BOUND,
                    Admission::In | Admission::Wrong => BAD_PASSWORD,
                }),
            )
        };
        let answer = bytes::<smpp::Smpp>(sequence, answer, Version::V34);
        ClientPdu::Login { ok, answer }
    }

    /// A receipt's text and parameters, in this message centre's spelling.
    fn receipt(&self, job: &Job, wall: &Wall) -> Option<(String, Vec<Tlv>)> {
        let JobContent::Report {
            serial,
            stat,
            submitted,
            ..
        } = &job.content
        else {
            return None;
        };
        let delivered = *stat == "DELIVRD";
        let number = number(serial);
        let id = match self.receipts {
            Receipts::Full => format!("{number:x}"),
            Receipts::DecimalText => number.to_string(),
        };
        let receipt = Receipt {
            sub: "001".to_owned(),
            dlvrd: if delivered { "001" } else { "000" }.to_owned(),
            submit_date: submitted.to_string_lossy().into_owned(),
            done_date: wall.stamp.to_string_lossy().into_owned(),
            stat: (*stat).to_owned(),
            err: if delivered { "000" } else { "003" }.to_owned(),
            text: String::new(),
            id: id.clone(),
        };
        let tlvs = match self.receipts {
            Receipts::Full => vec![
                Tlv::ReceiptedMessageId(text(&id)),
                Tlv::MessageState(state(receipt.state()).into()),
            ],
            Receipts::DecimalText => Vec::new(),
        };
        Some((receipt.build(), tlvs))
    }
}

impl Dialect for Smpp {
    fn push(&mut self, bytes: &[u8]) {
        self.reader.push(bytes);
    }

    fn next(&mut self) -> Result<Option<ClientPdu>, Unreadable> {
        match self.reader.next_frame() {
            Ok(frame) => frame.map(|frame| self.request(frame)).transpose(),
            Err(error) => Err(unreadable(&error)),
        }
    }

    fn answer(&mut self, sequence: u32, outcome: SubmitOutcome, out: &mut BytesMut) {
        let message = match outcome {
            SubmitOutcome::Taken(serial) => {
                let id = text(&format!("{:x}", number(&serial)));
                Message::new(SubmitSmResp::new(id, Vec::new()))
            }
            refusal => refused(status(refusal)),
        };
        send(sequence, message, out);
    }

    fn answer_each(
        &mut self,
        sequence: u32,
        outcome: SubmitOutcome,
        refused: &[(String, u32)],
        out: &mut BytesMut,
    ) {
        let message = match outcome {
            SubmitOutcome::Taken(serial) => {
                let failures = refused.iter().map(|(number, status)| {
                    let status = CommandStatus::from(*status);
                    UnsuccessSme::new(Ton::Unknown, Npi::Unknown, text(number), status)
                });
                let id = text(&format!("{:x}", number(&serial)));
                Message::new(SubmitMultiResp::new(id, failures.collect(), Vec::new()))
            }
            refusal => Message::refusal(
                CommandId::SubmitMultiResp,
                CommandStatus::from(status(refusal)),
            ),
        };
        send(sequence, message, out);
    }

    fn deliver(&mut self, sequence: u32, job: &Job, wall: &Wall, out: &mut BytesMut) {
        let deliver = DeliverSm::builder().destination_addr(self.access_number.clone());
        let deliver = match &job.content {
            JobContent::Mo { phone, part } => {
                let class = if part.tp_udhi() == 1 { HAS_HEADER } else { 0 };
                deliver
                    .source_addr(text(&phone.expose()))
                    .esm_class(EsmClass::from(class))
                    .data_coding(8.into())
                    .short_message(
                        OctetString::from_bytes(part.content.clone()).unwrap_or_default(),
                    )
            }
            JobContent::Report { phone, .. } => {
                let (receipt, tlvs) = self.receipt(job, wall).unwrap_or_default();
                deliver
                    .source_addr(text(&phone.expose()))
                    .esm_class(EsmClass::from(RECEIPT))
                    .short_message(OctetString::from_string(receipt).unwrap_or_default())
                    .tlvs(tlvs)
            }
        };
        send(sequence, Message::new(deliver.build()), out);
    }

    /// A receipt of which nothing can be read.
    fn garbage(&mut self, sequence: u32, out: &mut BytesMut) {
        let deliver = DeliverSm::builder()
            .esm_class(EsmClass::from(RECEIPT))
            .short_message(OctetString::from_static_slice(b"not a receipt").unwrap_or_default())
            .build();
        send(sequence, Message::new(deliver), out);
    }

    fn keep_alive(&self, sequence: u32, out: &mut BytesMut) {
        send(sequence, Message::new(Pdu::EnquireLink), out);
    }

    fn keep_alive_resp(&self, sequence: u32, out: &mut BytesMut) {
        send(sequence, Message::new(Pdu::EnquireLinkResp), out);
    }

    fn unbind_resp(&self, sequence: u32, out: &mut BytesMut) {
        send(sequence, Message::new(Pdu::UnbindResp), out);
    }
}

fn send(sequence: u32, message: Message, out: &mut BytesMut) {
    put::<smpp::Smpp>(sequence, message, Version::V34, out);
}

/// The status of a submit that is not taken.
fn status(outcome: SubmitOutcome) -> u32 {
    match outcome {
        SubmitOutcome::Taken(_) => Status::OK.0,
        SubmitOutcome::TooFast => Status::THROTTLED.0,
        SubmitOutcome::BadReceiver => BAD_RECEIVER,
        SubmitOutcome::BadStructure => BAD_MESSAGE,
        SubmitOutcome::Refused(code) => code,
    }
}

fn refused(status: u32) -> Message {
    Message::refusal(CommandId::SubmitSmResp, CommandStatus::from(status))
}

/// Answers what can't be read where an answer exists (SMPP 3.4 §4.3).
fn unreadable(error: &DecodeError) -> Unreadable {
    let answer = match &error.kind {
        DecodeErrorKind::BadLength { .. } => nack(0, Status::BAD_LENGTH),
        DecodeErrorKind::UnknownCommand { header, .. } if !header.is_response() => {
            nack(header.sequence, Status::BAD_COMMAND)
        }
        DecodeErrorKind::BadBody { header, .. }
            if CommandId::from(header.command_id) == CommandId::SubmitSm =>
        {
            bytes::<smpp::Smpp>(header.sequence, refused(BAD_MESSAGE), Version::V34)
        }
        DecodeErrorKind::UnknownCommand { .. } | DecodeErrorKind::BadBody { .. } => Bytes::new(),
    };
    Unreadable {
        fatal: error.is_fatal(),
        answer,
    }
}

fn nack(sequence: u32, status: Status) -> Bytes {
    let nack = Message::with_status(CommandStatus::from(status.0), Pdu::GenericNack);
    bytes::<smpp::Smpp>(sequence, nack, Version::V34)
}

/// Only who also listens comes in: reports go to whoever is there.
fn one_way(sequence: u32, answer: CommandId) -> ClientPdu {
    let answer = Message::refusal(answer, CommandStatus::from(BIND_FAILED));
    ClientPdu::Login {
        ok: false,
        answer: bytes::<smpp::Smpp>(sequence, answer, Version::V34),
    }
}

/// A text and its place: long ones travel in parts behind headers, in parts that parameters number, or whole
/// in one of them.
fn content(short: Bytes, tlvs: &[rusmpp_core::tlvs::owned::Tlv]) -> (Bytes, (u8, u8)) {
    let part = match smpp::concat(tlvs) {
        Some(Ok(concat)) => (concat.part, concat.total),
        _ => (1, 1),
    };
    (smpp::payload(short, tlvs), part)
}

fn neutral(submit: &SubmitSm) -> Submit {
    let (content, part) = content(submit.short_message().clone().into_bytes(), submit.tlvs());
    Submit {
        id: [0; 3],
        numbers: vec![submit.destination_addr.as_str().to_owned()],
        from: submit.source_addr.as_str().to_owned(),
        coding: submit.data_coding.into(),
        has_header: u8::from(submit.esm_class) & HAS_HEADER != 0,
        part,
        valid_until: submit.validity_period.as_str().to_owned(),
        report: u8::from(submit.registered_delivery) & 3 != 0,
        refusing: Refusing::Whole,
        content,
    }
}

/// Distribution lists are unknown here.
fn of_several(submit: &SubmitMulti) -> Submit {
    let numbers = submit.dest_address().iter().map(|to| match to {
        DestAddress::SmeAddress(sme) => sme.destination_addr.as_str().to_owned(),
        DestAddress::DistributionListName(_) => String::new(),
    });
    let (content, part) = content(submit.short_message().clone().into_bytes(), submit.tlvs());
    Submit {
        id: [0; 3],
        numbers: numbers.collect(),
        from: submit.source_addr.as_str().to_owned(),
        coding: submit.data_coding.into(),
        has_header: u8::from(submit.esm_class) & HAS_HEADER != 0,
        part,
        valid_until: submit.validity_period.as_str().to_owned(),
        report: u8::from(submit.registered_delivery) & 3 != 0,
        refusing: Refusing::Each(BAD_RECEIVER),
        content,
    }
}

/// What ids are spelled from: the minute's decimal digits, then the count.
fn number(serial: &Serial) -> u64 {
    let Wall {
        month,
        day,
        hour,
        minute,
        ..
    } = serial.time;
    let minute = [month, day, hour, minute]
        .into_iter()
        .fold(0, |all, two| all * 100 + u64::from(two));
    minute << 32 | serial.count & 0xFFFF_FFFF
}

const fn state(state: MessageState) -> u8 {
    match state {
        MessageState::Scheduled => 0,
        MessageState::Enroute => 1,
        MessageState::Delivered => 2,
        MessageState::Expired => 3,
        MessageState::Deleted => 4,
        MessageState::Undeliverable => 5,
        MessageState::Accepted => 6,
        MessageState::Unknown => 7,
        MessageState::Rejected => 8,
        MessageState::Skipped => 9,
    }
}

/// What we write fits its fields, as does an access number that a client may have.
fn text<const MAX: usize>(text: &str) -> COctetString<1, MAX> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    COctetString::from_vec(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a PDU with the number 7 asks.
    fn asked(id: CommandId, body: &[u8]) -> Result<Option<ClientPdu>, Unreadable> {
        let mut pdu = Vec::new();
        for word in [16 + body.len() as u32, id.into(), 0, 7] {
            pdu.extend(word.to_be_bytes());
        }
        pdu.extend(body);
        let mut center = Smpp::new(&Settings::default());
        center.push(&pdu);
        center.next()
    }

    /// A message without a text, but with parameters.
    fn submit(parameters: &[u8]) -> Submit {
        let addresses = [&[0, 0, 0], &b"10690000"[..], &[0, 1, 1], b"13800000001"].concat();
        let rest = [0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 0];
        let body = [&addresses, &rest[..], parameters].concat();
        match asked(CommandId::SubmitSm, &body) {
            Ok(Some(ClientPdu::Submit { submit, .. })) => submit,
            _ => panic!("no submit"),
        }
    }

    #[test]
    fn parameters_number_a_part_or_carry_the_whole_text() {
        let place = [2, 12, 0, 2, 1, 2, 2, 14, 0, 1, 3, 2, 15, 0, 1, 2];
        assert_eq!(submit(&place).part, (2, 3));
        let payload = submit(&[4, 0x24, 0, 4, 0x5B, 0x89, 0x51, 0x68]);
        assert_eq!(payload.content[..], [0x5B, 0x89, 0x51, 0x68]);
        assert_eq!((payload.part, payload.has_header), ((1, 1), false));
    }

    #[test]
    fn who_asks_for_what_is_not_served_is_answered() {
        let Err(refused) = asked(CommandId::QuerySm, b"1\0\0\0\0") else {
            panic!("served")
        };
        let nack = [0, 0, 0, 16, 0x80, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 7];
        assert_eq!((refused.fatal, &refused.answer[..]), (false, &nack[..]));
        let bind = b"office\0secret\0\0\x34\0\0\0";
        let Ok(Some(ClientPdu::Login { ok: false, answer })) =
            asked(CommandId::BindTransmitter, bind)
        else {
            panic!("let in")
        };
        let refusal = [0, 0, 0, 16, 0x80, 0, 0, 2, 0, 0, 0, 0x0D, 0, 0, 0, 7];
        assert_eq!(answer[..], refusal);
    }
}
