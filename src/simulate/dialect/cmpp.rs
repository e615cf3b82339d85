//! The gateway's side of CMPP 2.0 and 3.0.

use bytes::{Bytes, BytesMut};
use watchbell_wire::{
    DecodeErrorKind, FixedStr, FrameLimits,
    cmpp::{
        self, CommandId, Connect, ConnectResp, ConnectStatus, DecodeError, Deliver, Frame,
        FrameReader, MsgId, MsgIdParts, Pdu, Report, Stat, SubmitResp, SubmitResult, Version,
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

/// Our gateway code in message ids; the counter's high bits come on top, so ids are unique beyond the
/// 65,536 a second that the sequence field alone would give.
const GATEWAY_CODE: u32 = 102_500;

/// One connection's CMPP.
pub(super) struct Cmpp {
    /// The account's version, or the client's where that is the lower one.
    version: Version,
    reader: FrameReader,
    credentials: Credentials,
    access_number: FixedStr<21>,
}

impl Cmpp {
    pub(super) fn new(version: Version, settings: &Settings) -> Self {
        Self {
            version,
            reader: FrameReader::new(version, FrameLimits::default()),
            credentials: Credentials::new(settings),
            access_number: FixedStr::new(&settings.access_number).unwrap_or_default(),
        }
    }

    fn request(&mut self, frame: Frame) -> ClientPdu {
        let sequence = frame.sequence;
        match frame.pdu {
            Pdu::Connect(connect) => self.login(sequence, &connect),
            Pdu::Submit(submit) => ClientPdu::Submit {
                sequence,
                submit: neutral(submit),
            },
            Pdu::DeliverResp(response) => ClientPdu::DeliverAnswered {
                sequence,
                ok: response.result.is_ok(),
            },
            Pdu::ActiveTest => ClientPdu::KeepAlive { sequence },
            Pdu::ActiveTestResp => ClientPdu::KeepAliveAnswered,
            Pdu::Terminate => ClientPdu::Unbind { sequence },
            Pdu::TerminateResp => ClientPdu::UnbindAnswered,
            _ => ClientPdu::NotServed,
        }
    }

    fn login(&mut self, sequence: u32, connect: &Connect) -> ClientPdu {
        if Version::from_wire(connect.version) == Some(Version::V20) {
            self.version = Version::V20;
            self.reader.set_version(Version::V20);
        }
        let account = connect.source_addr.to_string_lossy();
        let admission = self
            .credentials
            .admit(&account, |secret| auth::verify(connect, secret));
        // An unknown SP id gets the same status as a wrong secret, as real gateways do.
        let ok = admission == Admission::In;
        let status = match admission {
            Admission::In => ConnectStatus::OK,
            Admission::Wrong => ConnectStatus::AUTH_FAILED,
            Admission::Busy => ConnectStatus(5),
        };
        let width = match self.version {
            Version::V20 => StatusWidth::One,
            Version::V30 => StatusWidth::Four,
        };
        let authenticator_ismg = match self.credentials.password.as_deref() {
            Some(secret) if ok => auth::authenticator_ismg(
                status,
                &connect.authenticator_source,
                secret.as_bytes(),
                width,
            ),
            _ => [0; 16],
        };
        let response = ConnectResp {
            status,
            authenticator_ismg,
            version: self.version.to_wire(),
        };
        let answer = bytes::<cmpp::Cmpp>(sequence, Pdu::ConnectResp(response), self.version);
        ClientPdu::Login { ok, answer }
    }

    /// Answers what can't be read where an answer exists.
    fn unreadable(&self, error: &DecodeError) -> Unreadable {
        let mut answer = Bytes::new();
        if let DecodeErrorKind::BadBody { header, .. } = &error.kind
            && CommandId::from_wire(header.command_id) == Some(CommandId::Submit)
        {
            let response = SubmitResp {
                msg_id: header.msg_id.unwrap_or_default(),
                result: SubmitResult::BAD_STRUCTURE,
            };
            answer = bytes::<cmpp::Cmpp>(header.sequence, Pdu::SubmitResp(response), self.version);
        }
        Unreadable {
            fatal: error.is_fatal(),
            answer,
        }
    }

    fn put(&self, sequence: u32, pdu: Pdu, out: &mut BytesMut) {
        put::<cmpp::Cmpp>(sequence, pdu, self.version, out);
    }
}

impl Dialect for Cmpp {
    fn push(&mut self, bytes: &[u8]) {
        self.reader.push(bytes);
    }

    fn next(&mut self) -> Result<Option<ClientPdu>, Unreadable> {
        match self.reader.next_frame() {
            Ok(frame) => Ok(frame.map(|frame| self.request(frame))),
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    fn answer(&mut self, sequence: u32, outcome: SubmitOutcome, out: &mut BytesMut) {
        let (msg_id, result) = match outcome {
            SubmitOutcome::Taken(serial) => (message_id(&serial), SubmitResult::OK),
            SubmitOutcome::TooFast => (MsgId(0), SubmitResult::THROTTLED),
            SubmitOutcome::BadReceiver => (MsgId(0), SubmitResult::BAD_RECEIVER),
            SubmitOutcome::BadStructure => (MsgId(0), SubmitResult::BAD_STRUCTURE),
            SubmitOutcome::Refused(code) => (MsgId(0), SubmitResult(code)),
        };
        self.put(
            sequence,
            Pdu::SubmitResp(SubmitResp { msg_id, result }),
            out,
        );
    }

    fn deliver(&mut self, sequence: u32, job: &Job, wall: &Wall, out: &mut BytesMut) {
        let common = Deliver {
            msg_id: MsgId(job.id),
            dest_id: self.access_number,
            ..Deliver::default()
        };
        let deliver = match &job.content {
            JobContent::Mo { phone, part } => Deliver {
                tp_udhi: part.tp_udhi(),
                msg_fmt: 8,
                src_terminal_id: FixedStr::new(phone.expose()).unwrap_or_default(),
                msg_content: part.content.clone(),
                ..common
            },
            JobContent::Report {
                serial,
                phone,
                stat,
                submitted,
                ..
            } => {
                let number = FixedStr::new(phone.expose()).unwrap_or_default();
                let report = Report {
                    msg_id: message_id(serial),
                    stat: Stat::new(stat).unwrap_or_default(),
                    submit_time: *submitted,
                    done_time: wall.stamp,
                    dest_terminal_id: number,
                    smsc_sequence: job.id as u32,
                };
                Deliver {
                    src_terminal_id: number,
                    registered_delivery: 1,
                    msg_content: report.build(self.version).unwrap_or_default(),
                    ..common
                }
            }
        };
        self.put(sequence, Pdu::Deliver(deliver), out);
    }

    /// A report whose block has a size that no version knows.
    fn garbage(&mut self, sequence: u32, out: &mut BytesMut) {
        let deliver = Deliver {
            registered_delivery: 1,
            msg_content: Bytes::from_static(b"not a report block"),
            ..Deliver::default()
        };
        self.put(sequence, Pdu::Deliver(deliver), out);
    }

    fn keep_alive(&self, sequence: u32, out: &mut BytesMut) {
        self.put(sequence, Pdu::ActiveTest, out);
    }

    fn keep_alive_resp(&self, sequence: u32, out: &mut BytesMut) {
        self.put(sequence, Pdu::ActiveTestResp, out);
    }

    fn unbind_resp(&self, sequence: u32, out: &mut BytesMut) {
        self.put(sequence, Pdu::TerminateResp, out);
    }
}

fn neutral(submit: cmpp::Submit) -> Submit {
    Submit {
        id: [0; 3],
        numbers: submit
            .dest_terminal_ids
            .iter()
            .map(|number| number.to_string_lossy().into_owned())
            .collect(),
        from: submit.src_id.to_string_lossy().into_owned(),
        coding: submit.msg_fmt,
        has_header: submit.has_udh(),
        part: (submit.pk_number, submit.pk_total),
        valid_until: submit.valid_time.to_string_lossy().into_owned(),
        report: submit.registered_delivery == 1,
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
        second,
        ..
    } = serial.time;
    let parts = MsgIdParts {
        month,
        day,
        hour,
        minute,
        second,
        gateway: (GATEWAY_CODE + (serial.count >> 16) as u32) & 0x3f_ffff,
        sequence: serial.count as u16,
    };
    MsgId::from_parts(parts)
        .unwrap_or(MsgId(serial.count))
        .for_receiver(serial.receiver)
}
