//! CMPP 2.0 and 3.0, China Mobile: what its PDUs, codes and habits are, for the [`Session`](super::session::Session).

use std::time::Duration;

use bytes::BytesMut;
use chrono::{Datelike, Timelike};
use watchbell_wire::{
    DecodeErrorKind, FixedStr, FixedStrError, FrameLimits,
    cmpp::{
        self, CommandId, Connect, ConnectStatus, Deliver, DeliverResp, DeliverResult, Frame, MsgId,
        Pdu, SubmitResp, SubmitResult, Version,
        auth::{self, SpIdForm},
    },
    take_frame,
    text::Coding,
};

use super::{
    Answer, CarrierMessageId, DeliverRef, Delivery, LoginRefusal, OpenError, Report, Submit,
    answer_codes::AnswerCodes,
    content::{beijing, content, receivers, report_status, valid_time},
    options::Options,
    protocol::{Fatal, Incoming, MoPart, Response, SessionProtocol},
};
use crate::{
    config,
    domain::{phone::Phone, priority::Priority, time::Micros},
};

/// The longest content in ASCII, user data header included (CMPP 2.0 §7.4.3.1).
const LONGEST_ASCII: usize = 159;

/// Silence after which an active test goes out; gateways close a client that is silent for 3 minutes.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// The highest `Msg_level`: larger is more urgent in practice.
const URGENT_LEVEL: u8 = 9;

/// One account's CMPP.
#[derive(Debug, Clone)]
pub(super) struct Cmpp {
    /// The layout of our PDUs: the configured one, until the gateway's answer to the login names a lower.
    version: Version,
    account: FixedStr<6>,
    secret: config::Secret,
    sp_id: SpIdForm,
    prefix86: bool,
    pk_total: bool,
    msg_level: Option<u8>,
    codes: AnswerCodes,
    keep_alive: Duration,
    /// What all submits have in common.
    common: cmpp::Submit,
}

impl Cmpp {
    /// Reads the account's settings, protocol-specific keys included.
    pub(super) fn new(config: &config::Gateway, version: Version) -> Result<Self, OpenError> {
        let fits = |key, error: FixedStrError| OpenError::Setting {
            key,
            reason: error.to_string(),
        };
        let mut options = Options::new(&config.extra);
        let account = FixedStr::new(&config.account).map_err(|e| fits("account", e))?;
        let msg_src = options.text("msg_src", &config.account, 6)?;
        let fee_type = options.text("fee_type", "01", 2)?;
        let fee_code = options.text("fee_code", "0", 6)?;
        let fee_terminal_id = options.text(
            "fee_terminal_id",
            "",
            match version {
                Version::V20 => 21,
                Version::V30 => 32,
            },
        )?;
        let common = cmpp::Submit {
            registered_delivery: options
                .number("registered_delivery", Some(1), 1)?
                .unwrap_or(1),
            service_id: FixedStr::new(&config.service_id).map_err(|e| fits("service_id", e))?,
            fee_user_type: options.number("fee_user_type", Some(2), 3)?.unwrap_or(2),
            fee_terminal_id: FixedStr::new(fee_terminal_id)
                .map_err(|e| fits("fee_terminal_id", e))?,
            msg_src: FixedStr::new(msg_src).map_err(|e| fits("msg_src", e))?,
            fee_type: FixedStr::new(fee_type).map_err(|e| fits("fee_type", e))?,
            fee_code: FixedStr::new(fee_code).map_err(|e| fits("fee_code", e))?,
            src_id: FixedStr::new(&config.access_number).map_err(|e| fits("access_number", e))?,
            ..cmpp::Submit::default()
        };
        let this = Self {
            version,
            account,
            secret: config.password.clone(),
            sp_id: if options.flag("pad_sp_id", false)? {
                SpIdForm::Padded
            } else {
                SpIdForm::Bare
            },
            prefix86: options.flag("prefix86", false)?,
            pk_total: options.flag("pk_total", true)?,
            msg_level: options.number("msg_level", None, URGENT_LEVEL)?,
            codes: AnswerCodes::read(&mut options, |code| SubmitResult(code).class())?,
            keep_alive: options.duration("keep_alive", KEEP_ALIVE)?,
            common,
        };
        options.finish()?;
        Ok(this)
    }

    fn answer(&self, response: SubmitResp) -> Answer {
        let SubmitResp { msg_id, result } = response;
        self.codes
            .answer(result.0, result.class(), || carrier_id(msg_id))
    }
}

impl SessionProtocol for Cmpp {
    fn idle_after(&self) -> Duration {
        self.keep_alive
    }

    fn login(&mut self, sequence: u32, wall: Micros, out: &mut BytesMut) {
        let t = beijing(wall);
        let timestamp = auth::timestamp(t.month(), t.day(), t.hour(), t.minute(), t.second())
            .unwrap_or_default();
        let authenticator_source = auth::authenticator_source(
            self.account.as_bytes(),
            self.secret.expose().as_bytes(),
            timestamp,
            self.sp_id,
        );
        let connect = Connect {
            source_addr: self.account,
            authenticator_source,
            version: self.version.to_wire(),
            timestamp,
        };
        self.put(sequence, Pdu::Connect(connect), out);
    }

    fn submit(&mut self, batch: &[Submit], out: &mut BytesMut) -> Result<(), String> {
        let submit = batch.first().ok_or("a submit to nobody")?;
        let (coding, content) = content(submit, Some((Coding::Ascii, LONGEST_ASCII)))?;
        let prefix = if self.prefix86 { "86" } else { "" };
        let valid_time = submit.valid_until.map(valid_time).unwrap_or_default();
        let level = if submit.priority == Priority::Urgent {
            URGENT_LEVEL
        } else {
            0
        };
        let pdu = Pdu::Submit(cmpp::Submit {
            pk_total: if self.pk_total {
                submit.part.total.max(1)
            } else {
                1
            },
            pk_number: if self.pk_total {
                submit.part.number.max(1)
            } else {
                1
            },
            msg_level: self.msg_level.unwrap_or(level),
            tp_udhi: u8::from(submit.part.total > 1),
            msg_fmt: coding.msg_fmt(),
            valid_time: FixedStr::new(valid_time).unwrap_or_default(),
            dest_terminal_ids: receivers(batch, prefix)?,
            msg_content: content.into(),
            ..self.common.clone()
        });
        cmpp::encode(
            &Frame {
                sequence: submit.sequence,
                pdu,
            },
            self.version,
            out,
        )
        .map_err(|e| e.to_string())
    }

    fn counted(&self, first: &CarrierMessageId, place: u16) -> CarrierMessageId {
        match u64::from_str_radix(&first.0, 16) {
            Ok(id) => carrier_id(MsgId(id).for_receiver(place)),
            Err(_) => first.clone(),
        }
    }

    fn keep_alive(&self, sequence: u32, out: &mut BytesMut) {
        self.put(sequence, Pdu::ActiveTest, out);
    }

    fn unbind(&self, sequence: u32, out: &mut BytesMut) {
        self.put(sequence, Pdu::Terminate, out);
    }

    fn respond(&self, sequence: u32, response: Response, out: &mut BytesMut) {
        let pdu = match response {
            Response::KeepAlive => Pdu::ActiveTestResp,
            Response::Unbind => Pdu::TerminateResp,
            Response::Delivery { deliver_id, ok } => {
                let result = if ok {
                    DeliverResult::OK
                } else {
                    DeliverResult::BAD_STRUCTURE
                };
                Pdu::DeliverResp(DeliverResp {
                    msg_id: MsgId(deliver_id as u64),
                    result,
                })
            }
        };
        self.put(sequence, pdu, out);
    }

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Incoming>, Fatal> {
        match take_frame::<cmpp::Cmpp>(input, self.version, FrameLimits::default()) {
            Ok(frame) => Ok(frame.map(|frame| self.incoming(frame))),
            Err(error) => unreadable(&error).map(Some),
        }
    }
}

fn unreadable(error: &cmpp::DecodeError) -> Result<Incoming, Fatal> {
    match &error.kind {
        DecodeErrorKind::BadLength { .. } => Err(Fatal(error.to_string())),
        DecodeErrorKind::UnknownCommand { .. } => Ok(Incoming::Other),
        DecodeErrorKind::BadBody { header, .. } => match CommandId::from_wire(header.command_id) {
            Some(CommandId::Deliver) => Ok(Incoming::Malformed(DeliverRef {
                sequence: header.sequence,
                id: header.msg_id.unwrap_or_default().0.into(),
            })),
            Some(CommandId::ConnectResp) => {
                Err(Fatal(format!("unreadable answer to the login: {error}")))
            }
            // An unreadable submit_resp leaves its submit to the time-out.
            _ => Ok(Incoming::Other),
        },
    }
}

impl Cmpp {
    /// Our own control PDUs always fit their fields.
    fn put(&self, sequence: u32, pdu: Pdu, out: &mut BytesMut) {
        let encoded = cmpp::encode(&Frame { sequence, pdu }, self.version, out);
        debug_assert!(encoded.is_ok());
    }

    fn incoming(&mut self, frame: Frame) -> Incoming {
        let sequence = frame.sequence;
        match frame.pdu {
            Pdu::ConnectResp(response) if response.status.is_ok() => {
                // A 3.0 login on an account of 2.0 is taken, and answered in 2.0 from then on. Upwards the
                // byte means nothing: gateways name their highest there.
                if Version::from_wire(response.version) == Some(Version::V20) {
                    self.version = Version::V20;
                }
                Incoming::LoggedIn
            }
            Pdu::ConnectResp(response) => {
                Incoming::LoginRefused(refused(response.status, self.version))
            }
            Pdu::SubmitResp(response) => Incoming::Answered {
                sequence,
                answer: self.answer(response),
                except: Vec::new(),
            },
            Pdu::Deliver(deliver) => delivered(sequence, &deliver),
            Pdu::ActiveTest => Incoming::KeepAlive { sequence },
            Pdu::Terminate => Incoming::Unbind { sequence },
            Pdu::TerminateResp => Incoming::UnbindAnswered,
            Pdu::ActiveTestResp
            | Pdu::Connect(_)
            | Pdu::Submit(_)
            | Pdu::DeliverResp(_)
            | Pdu::Query(_)
            | Pdu::QueryResp(_)
            | Pdu::Cancel(_)
            | Pdu::CancelResp(_) => Incoming::Other,
        }
    }
}

fn delivered(sequence: u32, deliver: &Deliver) -> Incoming {
    let named = DeliverRef {
        sequence,
        id: deliver.msg_id.0.into(),
    };
    let sender = Phone::from_wire(&deliver.src_terminal_id.to_string_lossy());
    let content = if deliver.is_report() {
        let Some(report) = deliver.report() else {
            return Incoming::Malformed(named);
        };
        let receiver = Phone::from_wire(&report.dest_terminal_id.to_string_lossy());
        let Some(phone) = receiver.or(sender) else {
            return Incoming::Malformed(named);
        };
        let Some(status) = report_status(report.stat.kind()) else {
            return Incoming::NothingToKeep(named);
        };
        Delivery::Report(Report {
            carrier_id: carrier_id(report.msg_id),
            phone,
            status,
            code: String::from_utf8_lossy(report.stat.as_bytes()).into_owned(),
            submit_time: report.submit_time.to_string_lossy().into_owned(),
        })
    } else {
        let Some(phone) = sender else {
            return Incoming::NothingToKeep(named);
        };
        Delivery::Mo(MoPart {
            phone,
            to: deliver.dest_id.to_string_lossy().into_owned(),
            coding: Coding::from_msg_fmt(deliver.msg_fmt),
            has_header: deliver.tp_udhi & 1 == 1,
            content: deliver.msg_content.clone(),
        })
    };
    Incoming::Delivered {
        deliver: named,
        content,
    }
}

fn carrier_id(id: MsgId) -> CarrierMessageId {
    CarrierMessageId(format!("{:016x}", id.0))
}

/// Of `CMPP_CONNECT_RESP`: unknown source address and wrong secret; and "other", which is said to one link too many.
const LOGIN_STATUS: (&[u32], &[u32]) = (&[2, 3], &[5]);

fn refused(status: ConnectStatus, version: Version) -> LoginRefusal {
    let hint = match (status, version) {
        (ConnectStatus::VERSION_TOO_HIGH, Version::V30) => "; the account wants kind = \"cmpp20\"",
        _ => "",
    };
    let meaning = format!("{}{hint}", status.meaning());
    LoginRefusal::new(status.0, &meaning, LOGIN_STATUS)
}
