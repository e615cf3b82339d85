//! SMPP 3.4, aggregators and foreign message centres: what its PDUs, codes and habits are, for the
//! [`Session`](super::session::Session).

mod account;
mod receipt;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use watchbell_wire::{
    DecodeErrorKind, FrameLimits,
    smpp::{
        self, Delivery, Frame, Message, Status, Version,
        rusmpp_core::{
            CommandId, CommandStatus,
            pdus::owned::{
                BindTransceiver, DataSmResp, DeliverSmResp, Pdu, SubmitMulti, SubmitMultiResp,
                SubmitSm,
            },
            types::owned::{COctetString, EmptyOrFullCOctetString, OctetString},
            values::{
                EsmClass, InterfaceVersion, PriorityFlag, RegisteredDelivery,
                owned::{DestAddress, SmeAddress},
            },
        },
    },
    take_frame,
    text::Coding,
};

use super::{
    Answer, CarrierMessageId, DeliverRef, Delivery as Delivered, LoginRefusal, Submit,
    content::{content, valid_time},
    protocol::{Fatal, Incoming, MoPart, Response, SessionProtocol},
};
use crate::domain::{phone::Phone, priority::Priority, time::Micros};

pub(super) use account::Smpp;

/// `esm_class`: a user data header leads the content (SMPP 3.4 §5.2.12).
const HAS_HEADER: u8 = 0x40;

/// `esm_class`'s message type, and the type of a receipt.
const MESSAGE_TYPE: u8 = 0x3C;
const RECEIPT: u8 = 0x04;

/// The type of an intermediate notification.
const NOTIFICATION: u8 = 0x20;

/// `priority_flag` of an urgent message (SMPP 3.4 §5.2.14).
const URGENT: u8 = 3;

/// Sequence numbers on the wire: `1..=0x7FFF_FFFF` are allowed (SMPP 3.4 §5.1.4), the engine's use all 32
/// bits. The low bits travel, under a bit that keeps 0 away.
const LOW: u32 = 0x3FFF_FFFF;
const BASE: u32 = 0x4000_0000;

/// Of a deliver's number: it came as `data_sm`.
const IS_DATA_SM: u128 = 1 << 127;

/// `ESME_RINVCMDID`.
const NOT_SERVED: u32 = 3;

/// A header and the longest id behind it (SMPP 3.4 §4.4.2).
const START: usize = smpp::HEADER_LEN + 65;

/// Leaves room for a PDU with a whole long text in `message_payload`.
const LIMITS: FrameLimits = smpp::LIMITS;

impl SessionProtocol for Smpp {
    fn idle_after(&self) -> Duration {
        self.keep_alive
    }

    fn login(&mut self, sequence: u32, wall: Micros, out: &mut BytesMut) {
        self.epoch = u128::from(wall.0.unsigned_abs()) << 64 | u128::from(sequence) << 32;
        let bind = BindTransceiver::builder()
            .system_id(self.system_id.clone())
            .password(text(self.secret.expose()).unwrap_or_default())
            .system_type(self.system_type.clone())
            .interface_version(InterfaceVersion::Smpp3_4)
            .build();
        put(wire(sequence), Message::new(bind), out);
    }

    fn submit(&mut self, batch: &[Submit], out: &mut BytesMut) -> Result<(), String> {
        let submit = batch.first().ok_or("a submit to nobody")?;
        self.last = submit.sequence;
        let pdu = self.submit_sm(submit)?;
        let pdu = match batch {
            [_] => Message::new(pdu),
            several => Message::new(self.submit_multi(pdu, several)?),
        };
        let frame = Frame {
            sequence: wire(submit.sequence),
            pdu,
        };
        smpp::encode(&frame, Version::V34, out).map_err(|e| e.to_string())
    }

    fn keep_alive(&self, sequence: u32, out: &mut BytesMut) {
        put(wire(sequence), Message::new(Pdu::EnquireLink), out);
    }

    fn unbind(&self, sequence: u32, out: &mut BytesMut) {
        put(wire(sequence), Message::new(Pdu::Unbind), out);
    }

    fn respond(&self, sequence: u32, response: Response, out: &mut BytesMut) {
        let message = match response {
            Response::KeepAlive => Message::new(Pdu::EnquireLinkResp),
            Response::Unbind => Message::new(Pdu::UnbindResp),
            Response::Delivery { ok, deliver_id } => {
                let status = if ok {
                    CommandStatus::EsmeRok
                } else {
                    CommandStatus::from(BAD_MESSAGE)
                };
                match deliver_id & IS_DATA_SM {
                    0 => Message::with_status(status, DeliverSmResp::default()),
                    _ => Message::with_status(status, DataSmResp::default()),
                }
            }
        };
        put(sequence, message, out);
    }

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Incoming>, Fatal> {
        if let Some(frame) = take_delivery(input) {
            return Ok(Some(self.delivered(&frame)));
        }
        let mut start = [0; START];
        let known = input.len().min(START);
        start[..known].copy_from_slice(&input[..known]);
        match take_frame::<smpp::Smpp>(input, Version::V34, LIMITS) {
            Ok(frame) => Ok(frame.map(|frame| self.incoming(frame))),
            Err(error) => self.unreadable(&error, &start).map(Some),
        }
    }
}

/// The status of `deliver_sm_resp` to a message that can't be read: don't send it again (SMPP 3.4 §5.1.3,
/// `ESME_RX_P_APPN`).
const BAD_MESSAGE: u32 = 0x65;

impl Smpp {
    fn submit_sm(&self, submit: &Submit) -> Result<SubmitSm, String> {
        let (coding, content) = content(submit, self.narrow)?;
        let data_coding = if coding == Coding::Ucs2 { 8 } else { 0 };
        let esm_class = if submit.part.total > 1 { HAS_HEADER } else { 0 };
        let urgent = if submit.priority == Priority::Urgent {
            URGENT
        } else {
            0
        };
        let valid_until = submit.valid_until.map(valid_time);
        Ok(SubmitSm::builder()
            .service_type(self.service_type.clone())
            .source_addr_ton(self.source_ton)
            .source_addr_npi(self.source_npi)
            .source_addr(self.source.clone())
            .dest_addr_ton(self.dest_ton)
            .dest_addr_npi(self.dest_npi)
            .destination_addr(self.number(submit)?)
            .esm_class(EsmClass::from(esm_class))
            .priority_flag(PriorityFlag::from(self.priority.unwrap_or(urgent)))
            .validity_period(match valid_until {
                Some(time) => EmptyOrFullCOctetString::from_vec(terminated(&time))
                    .map_err(|e| e.to_string())?,
                None => EmptyOrFullCOctetString::empty(),
            })
            .registered_delivery(RegisteredDelivery::from(self.registered_delivery))
            .data_coding(data_coding.into())
            .short_message(OctetString::from_vec(content).map_err(|e| e.to_string())?)
            .build())
    }

    fn number(&self, submit: &Submit) -> Result<COctetString<1, 21>, String> {
        let prefix = if self.prefix86 { "86" } else { "" };
        text(&format!("{prefix}{}", submit.phone.expose()))
    }

    /// The same to several numbers (SMPP 3.4 §4.5.1).
    fn submit_multi(&self, one: SubmitSm, batch: &[Submit]) -> Result<SubmitMulti, String> {
        let receiver = |submit: &Submit| -> Result<DestAddress, String> {
            let number = self.number(submit)?;
            Ok(DestAddress::SmeAddress(SmeAddress::new(
                self.dest_ton,
                self.dest_npi,
                number,
            )))
        };
        let receivers: Result<Vec<_>, _> = batch.iter().map(receiver).collect();
        let content = one.short_message().clone();
        Ok(SubmitMulti::new(
            one.service_type,
            one.source_addr_ton,
            one.source_addr_npi,
            one.source_addr,
            receivers?,
            one.esm_class,
            one.protocol_id,
            one.priority_flag,
            one.schedule_delivery_time,
            one.validity_period,
            one.registered_delivery,
            one.replace_if_present_flag,
            one.data_coding,
            one.sm_default_msg_id,
            content,
            Vec::new(),
        ))
    }

    fn incoming(&self, frame: Frame) -> Incoming {
        let sequence = frame.sequence;
        let id = frame.pdu.id();
        let status = Status::from(frame.pdu.status);
        match (id, frame.pdu.into_body()) {
            (CommandId::BindTransceiverResp, _) if status.is_ok() => Incoming::LoggedIn,
            (CommandId::BindTransceiverResp, _) => Incoming::LoginRefused(refused(status)),
            // Before the login is answered it can only be about the login. Later it answers the submit whose number
            // it names.
            (CommandId::GenericNack, _) => Incoming::Nacked {
                login: refused(status),
                sequence: unwire(sequence, self.last),
                answer: self.answer(status, ""),
                unknown_command: status.0 == NOT_SERVED,
            },
            (CommandId::SubmitSmResp, body) => {
                let message_id = match &body {
                    Some(Pdu::SubmitSmResp(response)) => response.message_id().as_str(),
                    _ => "",
                };
                Incoming::Answered {
                    sequence: unwire(sequence, self.last),
                    answer: self.answer(status, message_id),
                    except: Vec::new(),
                }
            }
            (CommandId::SubmitMultiResp, body) => self.answered_each(sequence, status, body),
            (_, Some(Pdu::EnquireLink)) => Incoming::KeepAlive { sequence },
            (_, Some(Pdu::Unbind)) => Incoming::Unbind { sequence },
            (_, Some(Pdu::UnbindResp)) => Incoming::UnbindAnswered,
            (id, _) if id.is_response() => Incoming::Other,
            _ => not_served(sequence),
        }
    }

    /// An id is all that reports can name: taken without one is taken, and never confirmed.
    fn answer(&self, status: Status, message_id: &str) -> Answer {
        let carrier_id = || CarrierMessageId(self.ids.of_answer(message_id));
        self.codes.answer(status.0, status.class(), carrier_id)
    }

    /// Taken, but for those that it names (SMPP 3.4 §4.5.3).
    fn answered_each(&self, sequence: u32, status: Status, body: Option<Pdu>) -> Incoming {
        let response = match body {
            Some(Pdu::SubmitMultiResp(response)) => response,
            _ => SubmitMultiResp::default(),
        };
        let failed = response.unsuccess_sme().iter().filter_map(|one| {
            let phone = Phone::from_wire(one.destination_addr.as_str())?;
            let status = Status::from(one.error_status_code);
            (!status.is_ok()).then(|| (phone, self.answer(status, "")))
        });
        Incoming::Answered {
            sequence: unwire(sequence, self.last),
            answer: self.answer(status, response.message_id.as_str()),
            except: failed.collect(),
        }
    }

    /// A text or a receipt, as far as it can be read.
    fn delivered(&self, frame: &RawFrame) -> Incoming {
        let named = self.deliver_ref(frame);
        let Some(delivery) = Delivery::read(frame.command_id, &frame.body) else {
            return Incoming::Malformed(named);
        };
        // Message centres that do not swap the addresses name the phone where their own number stood.
        let phone = Phone::from_wire(&delivery.source);
        if is_receipt(&delivery) {
            let phone = phone.or_else(|| Phone::from_wire(&delivery.destination));
            let read = phone.map(|phone| receipt::report(phone, &delivery, self.ids));
            return match read.unwrap_or(receipt::Read::Malformed) {
                receipt::Read::Final(report) => Incoming::Delivered {
                    deliver: named,
                    content: Delivered::Report(report),
                },
                receipt::Read::Intermediate => Incoming::NothingToKeep(named),
                receipt::Read::Malformed => Incoming::Malformed(named),
            };
        }
        let Some(phone) = phone else {
            return Incoming::NothingToKeep(named);
        };
        let (has_header, content) = with_header(&delivery);
        Incoming::Delivered {
            deliver: named,
            content: Delivered::Mo(MoPart {
                phone,
                to: delivery.destination,
                coding: Coding::from_data_coding(delivery.data_coding),
                has_header,
                content,
            }),
        }
    }

    /// A deliver has no id of its own: the login's time and number, and the deliver's number. The highest bit
    /// tells which command is answered.
    fn deliver_ref(&self, frame: &RawFrame) -> DeliverRef {
        let command = match frame.command_id {
            smpp::DATA_SM => IS_DATA_SM,
            _ => 0,
        };
        DeliverRef {
            sequence: frame.sequence,
            id: self.epoch | u128::from(frame.sequence) | command,
        }
    }

    /// `start`: the frame's first bytes, zeros behind its end.
    fn unreadable(
        &self,
        error: &smpp::DecodeError,
        start: &[u8; START],
    ) -> Result<Incoming, Fatal> {
        let header = match &error.kind {
            DecodeErrorKind::BadLength { .. } => return Err(Fatal(error.to_string())),
            DecodeErrorKind::UnknownCommand { header, .. }
            | DecodeErrorKind::BadBody { header, .. } => header,
        };
        match CommandId::from(header.command_id) {
            CommandId::BindTransceiverResp => {
                Err(Fatal(format!("unreadable answer to the login: {error}")))
            }
            // Status and number are enough, whatever stands behind them; the id is what there is up to a zero byte.
            CommandId::SubmitSmResp | CommandId::SubmitMultiResp => {
                let length = (header.command_length as usize).clamp(smpp::HEADER_LEN, START);
                let body = &start[smpp::HEADER_LEN..length];
                let id = body.split(|byte| *byte == 0).next().unwrap_or_default();
                // Behind the id of several receivers stands how many were refused: who they are cannot be read.
                let refused = body.get(id.len() + 1).is_some_and(|count| *count > 0);
                let several = header.command_id == u32::from(CommandId::SubmitMultiResp);
                if several && refused && header.command_status == 0 {
                    return Ok(Incoming::Other);
                }
                let id: String = id.iter().map(|byte| char::from(*byte)).collect();
                Ok(Incoming::Answered {
                    sequence: unwire(header.sequence, self.last),
                    answer: self.answer(Status(header.command_status), &id),
                    except: Vec::new(),
                })
            }
            _ if header.is_response() => Ok(Incoming::Other),
            _ => Ok(not_served(header.sequence)),
        }
    }
}

/// The answer to a request that we do not serve (SMPP 3.4 §4.3.1, `ESME_RINVCMDID`).
fn not_served(sequence: u32) -> Incoming {
    let mut answer = BytesMut::new();
    let nack = Message::refusal(CommandId::GenericNack, CommandStatus::from(NOT_SERVED));
    put(sequence, nack, &mut answer);
    Incoming::NotServed {
        answer: answer.freeze(),
    }
}

/// By its type; or, where nobody set that, because it names a message and what became of it.
fn is_receipt(delivery: &Delivery) -> bool {
    matches!(delivery.esm_class & MESSAGE_TYPE, RECEIPT | NOTIFICATION)
        || (delivery.receipted_message_id().is_some() && delivery.message_state().is_some())
}

/// A part that is named in parameters gets the header that others have,
/// so that all are put together alike.
fn with_header(delivery: &Delivery) -> (bool, Bytes) {
    let content = delivery.content.clone();
    match delivery.concat() {
        Some(concat) if delivery.esm_class & HAS_HEADER == 0 => {
            let mut whole = concat.to_header();
            whole.extend_from_slice(&content);
            (true, whole.into())
        }
        _ => (delivery.esm_class & HAS_HEADER != 0, content),
    }
}

/// A frame as it came.
struct RawFrame {
    command_id: u32,
    sequence: u32,
    body: Bytes,
}

/// Takes a whole `deliver_sm` or `data_sm` off the front: these are not held to the letter.
fn take_delivery(input: &mut BytesMut) -> Option<RawFrame> {
    let word = |at: usize| {
        input
            .get(at..at + 4)
            .map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
    };
    let (length, command_id, sequence) = (word(0)? as usize, word(4)?, word(12)?);
    let is_delivery = matches!(command_id, smpp::DELIVER_SM | smpp::DATA_SM);
    let fits = (smpp::HEADER_LEN..=LIMITS.max_frame).contains(&length) && input.len() >= length;
    (is_delivery && fits).then(|| RawFrame {
        command_id,
        sequence,
        body: input.split_to(length).freeze().slice(smpp::HEADER_LEN..),
    })
}

/// `ESME_RINVPASWD` and `ESME_RINVSYSID`; `ESME_RALYBND`, system error, queue full, throttled (3.4 §5.1.3).
/// `ESME_RBINDFAIL` names nothing.
const LOGIN_STATUS: (&[u32], &[u32]) = (&[14, 15], &[5, 8, 20, 88]);

fn refused(status: Status) -> LoginRefusal {
    LoginRefusal::new(status.0, status.meaning(), LOGIN_STATUS)
}

fn wire(sequence: u32) -> u32 {
    BASE | sequence & LOW
}

/// The engine's number behind one on the wire: the one nearest to the last that was written. Answers are
/// owed for far fewer than the low bits tell apart.
fn unwire(sequence: u32, last: u32) -> u32 {
    let ahead = sequence.wrapping_sub(last) & LOW;
    if ahead <= LOW >> 1 {
        last.wrapping_add(ahead)
    } else {
        last.wrapping_sub(LOW + 1 - ahead)
    }
}

fn terminated(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

fn text<const MAX: usize>(text: &str) -> Result<COctetString<1, MAX>, String> {
    COctetString::from_vec(terminated(text)).map_err(|e| e.to_string())
}

/// Our own control PDUs always fit their fields.
fn put(sequence: u32, pdu: Message, out: &mut BytesMut) {
    let encoded = smpp::encode(&Frame { sequence, pdu }, Version::V34, out);
    debug_assert!(encoded.is_ok());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_comes_back_from_the_wire_across_every_edge() {
        for last in [0, 1, 5, LOW, LOW + 1, 0x7FFF_FFFF, 0x8000_0000, u32::MAX] {
            for apart in -5_000..=5_000_i32 {
                let ours = last.wrapping_add_signed(apart);
                let on_wire = wire(ours);
                assert!((1..=0x7FFF_FFFF).contains(&on_wire));
                assert_eq!(unwire(on_wire, last), ours, "{last} {apart}");
            }
        }
    }

    fn account(count: crate::domain::text::Count) -> Smpp {
        let mut config = super::super::session::tests::account();
        config.count = count;
        config.password = crate::config::Secret::new("sharedpw");
        Smpp::new(&config).expect("a valid account")
    }

    fn part(text: &str, number: u8, total: u8) -> Submit {
        Submit {
            text: text.to_owned(),
            part: crate::gateway::SegmentPlace {
                number,
                total,
                reference: 7,
            },
            ..super::super::session::tests::submit(1)
        }
    }

    #[test]
    fn a_part_has_its_header_and_the_number_its_country() {
        let smpp = account(crate::domain::text::Count::Ucs2);
        let pdu = smpp.submit_sm(&part("安全", 2, 3)).expect("it fits");
        assert_eq!(u8::from(pdu.esm_class), HAS_HEADER);
        assert_eq!(u8::from(pdu.data_coding), 8);
        let content = pdu.short_message().clone().into_bytes();
        assert_eq!(content[..], [5, 0, 3, 7, 3, 2, 0x5B, 0x89, 0x51, 0x68]);
        assert!(pdu.destination_addr.as_str().starts_with("861"));
        let pdu = smpp.submit_sm(&part("Safety", 1, 1)).expect("it fits");
        assert_eq!((u8::from(pdu.esm_class), u8::from(pdu.data_coding)), (0, 8));
    }

    #[test]
    fn the_default_alphabet_is_used_where_it_is_counted() {
        let smpp = account(crate::domain::text::Count::Gsm7);
        let pdu = smpp.submit_sm(&part("a@b", 1, 1)).expect("it fits");
        assert_eq!(u8::from(pdu.data_coding), 0);
        assert_eq!(
            pdu.short_message().clone().into_bytes()[..],
            [0x61, 0x00, 0x62]
        );
    }
}
