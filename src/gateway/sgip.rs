//! SGIP 1.2, China Unicom: what its PDUs, codes and habits are, for the [`Session`](super::session::Session).
//!
//! Two things are its own. A submit's sequence number is the message's id, so it is known before the write,
//! and again after a crash ([`OwnIds`]). And a connection carries requests in one direction: the carrier's
//! gateway dials us to report, see [`ListenAt`]. What it sends over our own connection is taken as well.

mod account;
mod ids;

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use watchbell_wire::{
    DecodeErrorKind, FixedStr, FrameLimits,
    sgip::{
        self, Bind, Code, CommandId, Deliver, Frame, LoginType, Pdu, ReportState, Resp, Sequence,
        TraceResp, Version,
    },
    take_frame,
    text::Coding,
};

use super::{
    CarrierMessageId, DeliverRef, Delivery, LoginRefusal, Report, Submit,
    content::{content, receivers, valid_time},
    protocol::{Fatal, Incoming, ListenAt, MoPart, Response, SessionProtocol},
};
use crate::domain::{message::ReportStatus, phone::Phone, priority::Priority, time::Micros};

use account::Role;
pub(super) use account::Sgip;
pub use ids::OwnIds;
use ids::time_word;

/// The longest content in ASCII, user data header included (SGIP 1.2, Submit).
const LONGEST_ASCII: usize = 159;

/// The highest priority (SGIP 1.2, Submit).
const URGENT: u8 = 9;

/// Submits whose time is remembered until their answer: more than a link may owe.
const MAX_SUBMIT_TIMES: usize = 131_072;

/// The time-out of a link without [`Sgip::idle_close`].
const NEVER: Duration = Duration::from_hours(24 * 365);

/// The times of submits that wait for their answers, which need not repeat them.
#[derive(Debug, Clone, Default)]
struct SubmitTimes {
    times: HashMap<u32, u32>,
    order: VecDeque<u32>,
}

impl SubmitTimes {
    fn insert(&mut self, id: Sequence) {
        if self.order.len() >= MAX_SUBMIT_TIMES
            && let Some(oldest) = self.order.pop_front()
        {
            self.times.remove(&oldest);
        }
        self.times.insert(id.counter, id.time);
        self.order.push_back(id.counter);
    }
}

impl SessionProtocol for Sgip {
    fn idle_after(&self) -> Duration {
        self.idle_close.unwrap_or(NEVER)
    }

    fn closes_when_idle(&self) -> bool {
        true
    }

    fn listen_at(&self) -> Option<ListenAt> {
        self.listener.as_ref().map(|host| host.listen_at.clone())
    }

    fn login(&mut self, sequence: u32, wall: Micros, out: &mut BytesMut) {
        self.role = Role::Caller {
            time: time_word(wall),
        };
        let bind = Bind {
            login_type: LoginType::SP,
            login_name: self.name,
            // Its length was checked.
            login_password: FixedStr::new(self.secret.expose()).unwrap_or_default(),
            ..Bind::default()
        };
        put(self.own(sequence), Pdu::Bind(bind), out);
    }

    fn submit(&mut self, batch: &[Submit], out: &mut BytesMut) -> Result<(), String> {
        let submit = batch.first().ok_or("a submit to nobody")?;
        let (coding, content) = content(submit, Some((Coding::Ascii, LONGEST_ASCII)))?;
        let prefix = if self.prefix86 { "86" } else { "" };
        let urgent = if submit.priority == Priority::Urgent {
            URGENT
        } else {
            0
        };
        let expire_time = submit.valid_until.map(valid_time).unwrap_or_default();
        let pdu = Pdu::Submit(sgip::Submit {
            user_numbers: receivers(batch, prefix)?,
            priority: self.priority.unwrap_or(urgent),
            expire_time: FixedStr::new(expire_time).unwrap_or_default(),
            tp_udhi: u8::from(submit.part.total > 1),
            message_coding: coding.msg_fmt(),
            message_content: content.into(),
            ..self.common.clone()
        });
        let id = self.ids.sequence(submit.sequence, submit.request.asked);
        let frame = Frame { sequence: id, pdu };
        sgip::encode(&frame, Version::V12, out).map_err(|e| e.to_string())?;
        self.submit_times.insert(id);
        Ok(())
    }

    /// The protocol has none.
    fn keep_alive(&self, _: u32, _: &mut BytesMut) {}

    fn unbind(&self, sequence: u32, out: &mut BytesMut) {
        put(self.own(sequence), Pdu::Unbind, out);
    }

    fn respond(&self, _: u32, response: Response, out: &mut BytesMut) {
        match response {
            Response::KeepAlive => {}
            Response::Unbind => put(self.unbinding, Pdu::UnbindResp, out),
            Response::Delivery { deliver_id, ok } => {
                let code = if ok { Code::OK } else { Code::BAD_PARAMETER };
                if let Some((command, sequence)) = ids::asked(deliver_id) {
                    put(sequence, answer_to(command, code), out);
                }
            }
        }
    }

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Incoming>, Fatal> {
        match take_frame::<sgip::Sgip>(input, Version::V12, FrameLimits::default()) {
            Ok(frame) => Ok(frame.map(|frame| self.incoming(frame))),
            Err(error) => unreadable(&error).map(Some),
        }
    }
}

/// Of a bind (1.2, table of Result): name and password; logged in already, one link too many, busy.
const LOGIN_STATUS: (&[u32], &[u32]) = (&[1], &[2, 3, 11]);

impl Sgip {
    /// The number of a command of ours that is no submit.
    fn own(&self, counter: u32) -> Sequence {
        let time = match self.role {
            Role::Caller { time } => time,
            Role::AwaitingBind | Role::Bound => 0,
        };
        Sequence {
            node: self.ids.node,
            time,
            counter,
        }
    }

    fn incoming(&mut self, frame: Frame) -> Incoming {
        let sequence = frame.sequence;
        match frame.pdu {
            Pdu::BindResp(response) if response.result.is_ok() => Incoming::LoggedIn,
            Pdu::BindResp(response) => Incoming::LoginRefused(LoginRefusal::new(
                response.result.0.into(),
                response.result.meaning(),
                LOGIN_STATUS,
            )),
            Pdu::SubmitResp(response) if sequence.node == self.ids.node => {
                self.answered(sequence, response.result)
            }
            Pdu::Bind(bind) => self.logs_in(sequence, &bind),
            Pdu::Report(report) => delivered(sequence, &report),
            Pdu::Deliver(deliver) => text(sequence, &deliver),
            // A phone's number was closed, suspended or restored: not used yet.
            Pdu::UserRpt(_) => Incoming::NothingToKeep(deliver_ref(CommandId::UserRpt, sequence)),
            Pdu::Unbind => {
                self.unbinding = sequence;
                Incoming::Unbind {
                    sequence: sequence.counter,
                }
            }
            Pdu::UnbindResp => Incoming::UnbindAnswered,
            Pdu::Submit(_) => not_served(sequence, CommandId::Submit),
            Pdu::Trace(_) => Incoming::NotServed {
                answer: whole(sequence, Pdu::TraceResp(TraceResp::default())),
            },
            Pdu::SubmitResp(_)
            | Pdu::DeliverResp(_)
            | Pdu::ReportResp(_)
            | Pdu::UserRptResp(_)
            | Pdu::TraceResp(_) => Incoming::Other,
        }
    }

    /// The answer repeats node and counter; its time was seen changed, so ours is used.
    fn answered(&mut self, sequence: Sequence, result: Code) -> Incoming {
        let time = self.submit_times.times.remove(&sequence.counter);
        let id = Sequence {
            time: time.unwrap_or(sequence.time),
            ..sequence
        };
        let carrier_id = || CarrierMessageId(id.to_string());
        Incoming::Answered {
            sequence: sequence.counter,
            answer: self
                .codes
                .answer(result.0.into(), result.class(), carrier_id),
            except: Vec::new(),
        }
    }

    /// The carrier's gateway dials us, with login type 2; one was seen to come with 1.
    fn logs_in(&mut self, sequence: Sequence, bind: &Bind) -> Incoming {
        let code = match (&self.role, &self.listener) {
            (Role::Caller { .. }, _) | (_, None) => return not_served(sequence, CommandId::Bind),
            (Role::Bound, _) => Code::REPEATED_LOGIN,
            (Role::AwaitingBind, Some(host)) if !host.admits(bind) => Code::BAD_LOGIN,
            (Role::AwaitingBind, _)
                if !matches!(bind.login_type, LoginType::SP | LoginType::GATEWAY) =>
            {
                Code::BAD_LOGIN_TYPE
            }
            (Role::AwaitingBind, Some(_)) => Code::OK,
        };
        if code.is_ok() {
            self.role = Role::Bound;
        }
        let refused = (!code.is_ok()).then(|| format!("status {}: {}", code.0, code.meaning()));
        Incoming::LogsIn {
            answer: whole(sequence, Pdu::BindResp(Resp::new(code))),
            refused,
        }
    }
}

fn delivered(sequence: Sequence, report: &sgip::Report) -> Incoming {
    let deliver = deliver_ref(CommandId::Report, sequence);
    if report.report_type != 0 {
        // About a text that was passed on: not one of ours.
        return Incoming::NothingToKeep(deliver);
    }
    let Some(phone) = Phone::from_wire(&report.user_number.to_string_lossy()) else {
        return Incoming::Malformed(deliver);
    };
    let status = match report.state() {
        ReportState::Delivered => ReportStatus::Delivered,
        ReportState::Failed => ReportStatus::Undelivered,
        ReportState::Waiting | ReportState::Other(_) => return Incoming::NothingToKeep(deliver),
    };
    Incoming::Delivered {
        deliver,
        content: Delivery::Report(Report {
            carrier_id: CarrierMessageId(report.submit_sequence.to_string()),
            phone,
            status,
            code: report.stat_text(),
            submit_time: String::new(),
        }),
    }
}

fn text(sequence: Sequence, deliver: &Deliver) -> Incoming {
    let named = deliver_ref(CommandId::Deliver, sequence);
    let Some(phone) = Phone::from_wire(&deliver.user_number.to_string_lossy()) else {
        return Incoming::NothingToKeep(named);
    };
    Incoming::Delivered {
        deliver: named,
        content: Delivery::Mo(MoPart {
            phone,
            to: deliver.sp_number.to_string_lossy().into_owned(),
            coding: Coding::from_msg_fmt(deliver.message_coding),
            has_header: deliver.has_udh(),
            content: deliver.message_content.clone(),
        }),
    }
}

/// What the response to this request repeats.
fn deliver_ref(command: CommandId, sequence: Sequence) -> DeliverRef {
    DeliverRef {
        sequence: sequence.counter,
        id: ids::deliver_id(command, sequence),
    }
}

fn not_served(sequence: Sequence, command: CommandId) -> Incoming {
    Incoming::NotServed {
        answer: whole(sequence, answer_to(command, Code::BAD_COMMAND)),
    }
}

/// The answer to a request, with its result.
fn answer_to(command: CommandId, result: Code) -> Pdu {
    let response = Resp::new(result);
    match command {
        CommandId::Bind => Pdu::BindResp(response),
        CommandId::Submit => Pdu::SubmitResp(response),
        CommandId::Report => Pdu::ReportResp(response),
        CommandId::UserRpt => Pdu::UserRptResp(response),
        _ => Pdu::DeliverResp(response),
    }
}

/// What is unknown or breaks the syntax closes the connection (SGIP 1.2, error handling); an answer that can't
/// be read is ignored, and leaves its submit to the time-out.
fn unreadable(error: &sgip::DecodeError) -> Result<Incoming, Fatal> {
    let command = match &error.kind {
        DecodeErrorKind::BadBody { header, .. } => CommandId::from_wire(header.command_id),
        DecodeErrorKind::BadLength { .. } | DecodeErrorKind::UnknownCommand { .. } => None,
    };
    match command {
        Some(CommandId::BindResp) => Err(Fatal(format!("unreadable answer to the login: {error}"))),
        Some(command) if command.is_response() => Ok(Incoming::Other),
        _ => Err(Fatal(error.to_string())),
    }
}

/// Our own PDUs but submits always fit their fields.
fn put(sequence: Sequence, pdu: Pdu, out: &mut BytesMut) {
    let encoded = sgip::encode(&Frame { sequence, pdu }, Version::V12, out);
    debug_assert!(encoded.is_ok());
}

/// The same as bytes.
fn whole(sequence: Sequence, pdu: Pdu) -> Bytes {
    let mut out = BytesMut::new();
    put(sequence, pdu, &mut out);
    out.freeze()
}

#[cfg(test)]
mod tests;
