//! The gateway's side of SGIP 1.2: what comes on the client's connection, and what goes on ours.

use std::collections::{HashMap, VecDeque};

use bytes::{Bytes, BytesMut};
use watchbell_wire::{
    DecodeErrorKind, FixedStr, FrameLimits,
    sgip::{
        self, Bind, Code, CommandId, DecodeError, Deliver, Frame, FrameReader, LoginType, Pdu,
        Report, Resp, Sequence, Version,
    },
};

use super::{
    Admission, ClientPdu, Credentials, Dialect, Refusing, Submit, SubmitOutcome, Unreadable, bytes,
    put,
};
use crate::simulate::{
    Dialling, Settings,
    job::{Job, JobContent, Wall},
};

/// Our node: gateway 102500, Beijing.
const NODE: u32 = 102_500;

/// Submits and goodbyes that wait for their answers; of a client that has more the oldest are forgotten.
const REMEMBERED: usize = 65_536;

/// One connection's SGIP.
pub(super) struct Sgip {
    reader: FrameReader,
    credentials: Credentials,
    dialling: Dialling,
    access_number: FixedStr<21>,
    /// The client's requests by their counter, for an answer repeats all three words.
    asked: HashMap<u32, Sequence>,
    order: VecDeque<u32>,
    /// Ours: the connection's number behind a counter.
    told: HashMap<u32, VecDeque<u32>>,
}

impl Sgip {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            reader: FrameReader::new(Version::V12, FrameLimits::default()),
            credentials: Credentials::new(settings),
            dialling: settings.dialling.clone(),
            access_number: FixedStr::new(&settings.access_number).unwrap_or_default(),
            asked: HashMap::new(),
            order: VecDeque::new(),
            told: HashMap::new(),
        }
    }

    fn request(&mut self, frame: Frame) -> ClientPdu {
        let sequence = frame.sequence;
        match frame.pdu {
            Pdu::Bind(bind) => self.login(sequence, &bind),
            Pdu::BindResp(response) => ClientPdu::LoggedIn {
                ok: response.result.is_ok(),
            },
            Pdu::Submit(submit) => ClientPdu::Submit {
                sequence: self.remember(sequence),
                submit: neutral(submit, sequence),
            },
            Pdu::ReportResp(response) | Pdu::DeliverResp(response) => {
                self.response(sequence, response)
            }
            Pdu::Unbind => ClientPdu::Unbind {
                sequence: self.remember(sequence),
            },
            Pdu::UnbindResp => ClientPdu::UnbindAnswered,
            _ => ClientPdu::NotServed,
        }
    }

    /// Name and password are in clear text; only a service provider logs in here.
    fn login(&self, sequence: Sequence, bind: &Bind) -> ClientPdu {
        let name = bind.login_name.to_string_lossy();
        let known = self
            .credentials
            .admit(&name, |secret| secret == bind.login_password.as_bytes());
        let code = match (bind.login_type, known) {
            (LoginType::SP, Admission::In) => Code::OK,
            (LoginType::SP, Admission::Wrong) => Code::BAD_LOGIN,
            (LoginType::SP, Admission::Busy) => Code(3),
            _ => Code::BAD_LOGIN_TYPE,
        };
        let response = Pdu::BindResp(Resp::new(code));
        ClientPdu::Login {
            ok: code.is_ok(),
            answer: bytes::<sgip::Sgip>(sequence, response, Version::V12),
        }
    }

    fn remember(&mut self, sequence: Sequence) -> u32 {
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.asked.remove(&oldest);
        }
        self.order.push_back(sequence.counter);
        self.asked.insert(sequence.counter, sequence);
        sequence.counter
    }

    /// What an answer to this request repeats.
    fn recall(&mut self, counter: u32) -> Sequence {
        let asked = self.asked.remove(&counter);
        asked.unwrap_or(Sequence {
            node: 0,
            time: 0,
            counter,
        })
    }

    fn response(&mut self, sequence: Sequence, response: Resp) -> ClientPdu {
        let numbers = self.told.get_mut(&sequence.counter);
        let number = numbers.and_then(VecDeque::pop_front);
        if self
            .told
            .get(&sequence.counter)
            .is_some_and(VecDeque::is_empty)
        {
            self.told.remove(&sequence.counter);
        }
        match number {
            Some(number) if sequence.node == NODE => ClientPdu::DeliverAnswered {
                sequence: number,
                ok: response.result.is_ok(),
            },
            _ => ClientPdu::NotServed,
        }
    }

    /// A repeat has the number of the first, by which its receiver knows it.
    fn delivery_sequence(&mut self, number: u32, job: &Job) -> Sequence {
        let sequence = Sequence {
            node: NODE,
            time: word(&job.made),
            counter: job.id as u32,
        };
        self.told
            .entry(sequence.counter)
            .or_default()
            .push_back(number);
        sequence
    }
}

impl Dialect for Sgip {
    fn push(&mut self, bytes: &[u8]) {
        self.reader.push(bytes);
    }

    fn next(&mut self) -> Result<Option<ClientPdu>, Unreadable> {
        match self.reader.next_frame() {
            Ok(frame) => Ok(frame.map(|frame| self.request(frame))),
            Err(error) => Err(unreadable(&error)),
        }
    }

    fn greet(&mut self, sequence: u32, wall: &Wall, out: &mut BytesMut) {
        let bind = Bind {
            login_type: LoginType::GATEWAY,
            login_name: FixedStr::new(&self.dialling.account).unwrap_or_default(),
            login_password: FixedStr::new(&self.dialling.password).unwrap_or_default(),
            ..Bind::default()
        };
        let own = Sequence {
            node: NODE,
            time: word(wall),
            counter: sequence,
        };
        send(own, Pdu::Bind(bind), out);
    }

    fn answer(&mut self, sequence: u32, outcome: SubmitOutcome, out: &mut BytesMut) {
        let code = match outcome {
            SubmitOutcome::Taken(_) => Code::OK,
            SubmitOutcome::TooFast => Code::BUSY,
            SubmitOutcome::BadReceiver => Code::BAD_NUMBER,
            SubmitOutcome::BadStructure => Code::BAD_PARAMETER,
            SubmitOutcome::Refused(code) => Code(u8::try_from(code).unwrap_or(u8::MAX)),
        };
        let sequence = self.recall(sequence);
        send(sequence, Pdu::SubmitResp(Resp::new(code)), out);
    }

    fn deliver(&mut self, sequence: u32, job: &Job, _: &Wall, out: &mut BytesMut) {
        let own = self.delivery_sequence(sequence, job);
        let pdu = match &job.content {
            JobContent::Mo { phone, part } => Pdu::Deliver(Deliver {
                user_number: with_prefix(&phone.expose()),
                sp_number: self.access_number,
                tp_udhi: u8::from(part.concat.is_some()),
                message_coding: 8,
                message_content: part.content.clone(),
                ..Deliver::default()
            }),
            JobContent::Report {
                serial,
                phone,
                stat,
                ..
            } => {
                let [node, time, counter] = serial.own;
                let failed = stat
                    .strip_prefix("SGIP:")
                    .and_then(|code| code.parse().ok());
                Pdu::Report(Report {
                    submit_sequence: Sequence {
                        node,
                        time,
                        counter,
                    },
                    user_number: with_prefix(&phone.expose()),
                    state: if failed.is_some() { 2 } else { 0 },
                    error_code: Code(failed.unwrap_or_default()),
                    ..Report::default()
                })
            }
        };
        send(own, pdu, out);
    }

    /// A report without a number.
    fn garbage(&mut self, sequence: u32, out: &mut BytesMut) {
        let own = Sequence {
            node: NODE,
            time: 0,
            counter: sequence,
        };
        self.told.entry(sequence).or_default().push_back(sequence);
        send(own, Pdu::Report(Report::default()), out);
    }

    /// There is no such question.
    fn keep_alive(&self, _: u32, _: &mut BytesMut) {}

    fn keep_alive_resp(&self, _: u32, _: &mut BytesMut) {}

    fn unbind_resp(&self, sequence: u32, out: &mut BytesMut) {
        let unbind = self.asked.get(&sequence).copied().unwrap_or_default();
        send(unbind, Pdu::UnbindResp, out);
    }
}

fn send(sequence: Sequence, pdu: Pdu, out: &mut BytesMut) {
    put::<sgip::Sgip>(sequence, pdu, Version::V12, out);
}

fn with_prefix(number: &str) -> FixedStr<21> {
    FixedStr::new(format!("86{number}")).unwrap_or_default()
}

/// `mmddhhmmss` as a decimal number.
fn word(wall: &Wall) -> u32 {
    let two = [wall.month, wall.day, wall.hour, wall.minute, wall.second];
    two.into_iter()
        .fold(0, |word, two| word * 100 + u32::from(two))
}

/// A request that can't be read, or is none, ends the connection (SGIP 1.2, error handling).
fn unreadable(error: &DecodeError) -> Unreadable {
    let response = match &error.kind {
        DecodeErrorKind::BadBody { header, .. } => CommandId::from_wire(header.command_id),
        DecodeErrorKind::BadLength { .. } | DecodeErrorKind::UnknownCommand { .. } => None,
    };
    Unreadable {
        fatal: !response.is_some_and(CommandId::is_response),
        answer: Bytes::new(),
    }
}

fn neutral(submit: sgip::Submit, id: Sequence) -> Submit {
    let numbers = submit.user_numbers.iter();
    Submit {
        id: id.to_words(),
        // Without its prefix a number is a wrong one.
        numbers: numbers
            .map(|number| number.to_string_lossy().into_owned())
            .map(|number| {
                number
                    .strip_prefix("86")
                    .map(str::to_owned)
                    .unwrap_or_default()
            })
            .collect(),
        from: submit.sp_number.to_string_lossy().into_owned(),
        coding: submit.message_coding,
        has_header: submit.has_udh(),
        part: (1, 1),
        valid_until: submit.expire_time.to_string_lossy().into_owned(),
        // 0 reports only failures, a difference that this carrier does not make.
        report: submit.report_flag <= 1,
        refusing: Refusing::Whole,
        content: submit.message_content,
    }
}
