//! The gateway's side of SMGP 3.0.

use bytes::{Bytes, BytesMut};
use watchbell_wire::{
    DecodeErrorKind, FixedStr, FrameLimits,
    smgp::{
        self, CommandId, DecodeError, Deliver, Frame, FrameReader, Login, LoginResp, MsgId,
        MsgIdParts, Pdu, Report, Stat, Status, SubmitResp, Tlvs, Version,
        auth::{self, StatusWidth},
    },
};

use super::{
    Admission, ClientPdu, Credentials, Dialect, Refusing, Submit, SubmitOutcome, Unreadable, bytes,
    put,
};
use crate::simulate::{
    Settings,
    job::{Job, JobContent, Serial, Wall},
};

/// Our gateway code in message ids: area 010, device class 06, and a counter for the sequence's overflow.
const GATEWAY_CODE: u64 = 10_061;

/// What the sequence field of a message id counts to.
const SEQUENCES: u64 = 1_000_000;

/// One connection's SMGP.
pub(super) struct Smgp {
    reader: FrameReader,
    credentials: Credentials,
    access_number: FixedStr<21>,
}

impl Smgp {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            reader: FrameReader::new(Version::V30, FrameLimits::default()),
            credentials: Credentials::new(settings),
            access_number: FixedStr::new(&settings.access_number).unwrap_or_default(),
        }
    }

    fn request(&self, frame: Frame) -> ClientPdu {
        let sequence = frame.sequence;
        match frame.pdu {
            Pdu::Login(login) => self.login(sequence, &login),
            Pdu::Submit(submit) => ClientPdu::Submit {
                sequence,
                submit: neutral(submit),
            },
            Pdu::DeliverResp(response) => ClientPdu::DeliverAnswered {
                sequence,
                ok: response.status.is_ok(),
            },
            Pdu::ActiveTest => ClientPdu::KeepAlive { sequence },
            Pdu::ActiveTestResp => ClientPdu::KeepAliveAnswered,
            Pdu::Exit => ClientPdu::Unbind { sequence },
            Pdu::ExitResp => ClientPdu::UnbindAnswered,
            _ => ClientPdu::NotServed,
        }
    }

    fn login(&self, sequence: u32, login: &Login) -> ClientPdu {
        let account = login.client_id.to_string_lossy();
        let admission = self
            .credentials
            .admit(&account, |secret| auth::verify(login, secret));
        let ok = admission == Admission::In;
        let status = match admission {
            Admission::In => Status::OK,
            Admission::Wrong => Status::AUTH_FAILED,
            Admission::Busy => Status(2),
        };
        let authenticator_server = match self.credentials.password.as_deref() {
            Some(secret) if ok => auth::authenticator_server(
                status,
                &login.authenticator_client,
                secret.as_bytes(),
                StatusWidth::Four,
            ),
            _ => [0; 16],
        };
        let response = LoginResp {
            status,
            authenticator_server,
            server_version: Version::V30.to_wire(),
        };
        let answer = bytes::<smgp::Smgp>(sequence, Pdu::LoginResp(response), Version::V30);
        ClientPdu::Login { ok, answer }
    }
}

impl Dialect for Smgp {
    fn push(&mut self, bytes: &[u8]) {
        self.reader.push(bytes);
    }

    fn next(&mut self) -> Result<Option<ClientPdu>, Unreadable> {
        match self.reader.next_frame() {
            Ok(frame) => Ok(frame.map(|frame| self.request(frame))),
            Err(error) => Err(unreadable(&error)),
        }
    }

    fn answer(&mut self, sequence: u32, outcome: SubmitOutcome, out: &mut BytesMut) {
        let none = MsgId::default();
        let (msg_id, status) = match outcome {
            SubmitOutcome::Taken(serial) => (message_id(&serial), Status::OK),
            SubmitOutcome::TooFast => (none, Status::BUSY),
            SubmitOutcome::BadReceiver => (none, Status::BAD_RECEIVER),
            SubmitOutcome::BadStructure => (none, Status::BAD_STRUCTURE),
            SubmitOutcome::Refused(code) => (none, Status(code)),
        };
        send(
            sequence,
            Pdu::SubmitResp(SubmitResp { msg_id, status }),
            out,
        );
    }

    fn deliver(&mut self, sequence: u32, job: &Job, wall: &Wall, out: &mut BytesMut) {
        let mut msg_id = MsgId::default();
        msg_id.0[2..].copy_from_slice(&job.id.to_be_bytes());
        let common = Deliver {
            msg_id,
            recv_time: wall.long_stamp,
            dest_term_id: self.access_number,
            ..Deliver::default()
        };
        let deliver = match &job.content {
            JobContent::Mo { phone, part } => Deliver {
                msg_format: 8,
                src_term_id: FixedStr::new(phone.expose()).unwrap_or_default(),
                msg_content: part.content.clone(),
                tlvs: part.concat.map(Tlvs::for_part).unwrap_or_default(),
                ..common
            },
            JobContent::Report {
                serial,
                phone,
                stat,
                submitted,
                ..
            } => {
                let delivered = *stat == "DELIVRD";
                let report = Report {
                    msg_id: message_id(serial),
                    sub: FixedStr::new("001").unwrap_or_default(),
                    dlvrd: FixedStr::new(if delivered { "001" } else { "000" }).unwrap_or_default(),
                    submit_date: *submitted,
                    done_date: wall.stamp,
                    stat: Stat::new(stat, if delivered { "000" } else { "003" })
                        .unwrap_or_default(),
                    txt: Bytes::new(),
                };
                Deliver {
                    is_report: 1,
                    src_term_id: FixedStr::new(phone.expose()).unwrap_or_default(),
                    msg_content: report.build().unwrap_or_default(),
                    ..common
                }
            }
        };
        send(sequence, Pdu::Deliver(deliver), out);
    }

    /// A report without an id.
    fn garbage(&mut self, sequence: u32, out: &mut BytesMut) {
        let deliver = Deliver {
            is_report: 1,
            msg_content: Bytes::from_static(b"not a report block"),
            ..Deliver::default()
        };
        send(sequence, Pdu::Deliver(deliver), out);
    }

    fn keep_alive(&self, sequence: u32, out: &mut BytesMut) {
        send(sequence, Pdu::ActiveTest, out);
    }

    fn keep_alive_resp(&self, sequence: u32, out: &mut BytesMut) {
        send(sequence, Pdu::ActiveTestResp, out);
    }

    fn unbind_resp(&self, sequence: u32, out: &mut BytesMut) {
        send(sequence, Pdu::ExitResp, out);
    }
}

fn send(sequence: u32, pdu: Pdu, out: &mut BytesMut) {
    put::<smgp::Smgp>(sequence, pdu, Version::V30, out);
}

/// Answers what can't be read where an answer exists.
fn unreadable(error: &DecodeError) -> Unreadable {
    let mut answer = Bytes::new();
    if let DecodeErrorKind::BadBody { header, .. } = &error.kind
        && CommandId::from_wire(header.command_id) == Some(CommandId::Submit)
    {
        let response = SubmitResp {
            msg_id: MsgId::default(),
            status: Status::BAD_STRUCTURE,
        };
        answer = bytes::<smgp::Smgp>(header.sequence, Pdu::SubmitResp(response), Version::V30);
    }
    Unreadable {
        fatal: error.is_fatal(),
        answer,
    }
}

fn neutral(submit: smgp::Submit) -> Submit {
    let numbers = submit.dest_term_ids.iter();
    Submit {
        id: [0; 3],
        numbers: numbers
            .map(|number| number.to_string_lossy().into_owned())
            .collect(),
        from: submit.src_term_id.to_string_lossy().into_owned(),
        coding: submit.msg_format,
        has_header: submit.has_udh(),
        part: (
            submit.tlvs.pk_number.unwrap_or(1),
            submit.tlvs.pk_total.unwrap_or(1),
        ),
        valid_until: submit.valid_time.to_string_lossy().into_owned(),
        report: submit.need_report == 1,
        refusing: Refusing::Whole,
        content: submit.msg_content,
    }
}

fn message_id(serial: &Serial) -> MsgId {
    let Wall {
        month,
        day,
        hour,
        minute,
        ..
    } = serial.time;
    let parts = MsgIdParts {
        gateway: ((GATEWAY_CODE + serial.count / SEQUENCES) % SEQUENCES) as u32,
        month,
        day,
        hour,
        minute,
        sequence: (serial.count % SEQUENCES) as u32,
    };
    let id = MsgId::from_parts(parts).unwrap_or_default();
    id.for_receiver(serial.receiver).unwrap_or(id)
}
