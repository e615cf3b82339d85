//! SMGP 3.0, China Telecom: what its PDUs, codes and habits are, for the [`Session`](super::session::Session).

use std::time::Duration;

use bytes::BytesMut;
use chrono::{Datelike, Timelike};
use watchbell_wire::{
    DecodeErrorKind, FixedStr, FixedStrError, FrameLimits,
    smgp::{
        self, CommandId, Deliver, DeliverResp, Frame, Login, LoginMode, MsgId, Pdu, Stat, Status,
        SubmitResp, Tlvs, Version,
        auth::{self, ClientIdForm},
    },
    take_frame,
    text::Coding,
    udh::{self, Concat, Reference},
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

/// The longest content in ASCII, user data header included: one segment of 160 characters.
const LONGEST_ASCII: usize = 160;

/// Silence after which an active test goes out; the document has 3 minutes, and lines die sooner.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// The highest priority (SMGP 3.0 §5.2.2.2.1).
const URGENT: u8 = 3;

/// `Err` when nothing is wrong.
const NO_ERROR: &str = "000";

/// One account's SMGP.
#[derive(Debug, Clone)]
pub(super) struct Smgp {
    account: FixedStr<8>,
    secret: config::Secret,
    client_id: ClientIdForm,
    prefix86: bool,
    /// Optional parameters in submits: gateways of 1.3 refuse them.
    tlvs: bool,
    /// A text from a phone may have a header that no parameter announces.
    guess_header: bool,
    priority: Option<u8>,
    codes: AnswerCodes,
    keep_alive: Duration,
    /// What all submits have in common.
    common: smgp::Submit,
}

/// Of `LOGIN_RESP`: authentication, and an account that has expired; busy, and one link too many.
const LOGIN_STATUS: (&[u32], &[u32]) = (&[21, 76], &[1, 2]);

impl Smgp {
    /// Reads the account's settings, protocol-specific keys included.
    pub(super) fn new(config: &config::Gateway) -> Result<Self, OpenError> {
        let mut options = Options::new(&config.extra);
        let tlvs = options.flag("tlvs", true)?;
        let this = Self {
            account: FixedStr::new(&config.account).map_err(|e| misfit("account", e))?,
            secret: config.password.clone(),
            client_id: if options.flag("pad_client_id", false)? {
                ClientIdForm::Padded
            } else {
                ClientIdForm::Bare
            },
            prefix86: options.flag("prefix86", false)?,
            tlvs,
            guess_header: options.flag("guess_header", false)?,
            priority: options.number("priority", None, URGENT)?,
            codes: AnswerCodes::read(&mut options, |code| Status(code).class())?,
            keep_alive: options.duration("keep_alive", KEEP_ALIVE)?,
            common: common(config, &mut options, tlvs)?,
        };
        options.finish()?;
        Ok(this)
    }

    fn answer(&self, response: SubmitResp) -> Answer {
        let SubmitResp { msg_id, status } = response;
        self.codes
            .answer(status.0, status.class(), || carrier_id(msg_id))
    }

    fn incoming(&self, frame: Frame) -> Incoming {
        let sequence = frame.sequence;
        match frame.pdu {
            Pdu::LoginResp(response) if response.status.is_ok() => Incoming::LoggedIn,
            Pdu::LoginResp(response) => Incoming::LoginRefused(LoginRefusal::new(
                response.status.0,
                response.status.meaning(),
                LOGIN_STATUS,
            )),
            Pdu::SubmitResp(response) => Incoming::Answered {
                sequence,
                answer: self.answer(response),
                except: Vec::new(),
            },
            Pdu::Deliver(deliver) => self.delivered(sequence, &deliver),
            Pdu::ActiveTest => Incoming::KeepAlive { sequence },
            Pdu::Exit => Incoming::Unbind { sequence },
            Pdu::ExitResp => Incoming::UnbindAnswered,
            Pdu::ActiveTestResp
            | Pdu::Login(_)
            | Pdu::Submit(_)
            | Pdu::DeliverResp(_)
            | Pdu::Query(_)
            | Pdu::QueryResp(_) => Incoming::Other,
        }
    }

    fn delivered(&self, sequence: u32, deliver: &Deliver) -> Incoming {
        let named = DeliverRef {
            sequence,
            id: number(deliver.msg_id),
        };
        let phone = Phone::from_wire(&deliver.src_term_id.to_string_lossy());
        let content = if deliver.is_report() {
            let (Some(report), Some(phone)) = (deliver.report(), phone) else {
                return Incoming::Malformed(named);
            };
            let Some(status) = report_status(report.stat.kind()) else {
                return Incoming::NothingToKeep(named);
            };
            Delivery::Report(Report {
                carrier_id: carrier_id(report.msg_id),
                phone,
                status,
                code: code(&report.stat),
                submit_time: report.submit_date.to_string_lossy().into_owned(),
            })
        } else {
            let Some(phone) = phone else {
                return Incoming::NothingToKeep(named);
            };
            Delivery::Mo(MoPart {
                phone,
                to: deliver.dest_term_id.to_string_lossy().into_owned(),
                coding: Coding::from_msg_fmt(deliver.msg_format),
                has_header: deliver.has_udh() || (self.guess_header && looks_cut(deliver)),
                content: deliver.msg_content.clone(),
            })
        };
        Incoming::Delivered {
            deliver: named,
            content,
        }
    }
}

fn misfit(key: &'static str, error: FixedStrError) -> OpenError {
    OpenError::Setting {
        key,
        reason: error.to_string(),
    }
}

/// What all submits of the account have in common.
fn common(
    config: &config::Gateway,
    options: &mut Options<'_>,
    tlvs: bool,
) -> Result<smgp::Submit, OpenError> {
    let fee_type = options.text("fee_type", "00", 2)?;
    let fee_code = options.text("fee_code", "0", 6)?;
    let fixed_fee = options.text("fixed_fee", "", 6)?;
    let charge_term_id = options.text("charge_term_id", "", 21)?;
    let msg_src = options.text("msg_src", "", 8)?;
    if !tlvs && !msg_src.is_empty() {
        return Err(OpenError::Setting {
            key: "msg_src",
            reason: "travels as an optional parameter; set tlvs = true, or leave it out".to_owned(),
        });
    }
    let msg_src = match msg_src.as_str() {
        "" => None,
        code => Some(FixedStr::new(code).map_err(|e| misfit("msg_src", e))?),
    };
    Ok(smgp::Submit {
        need_report: options.number("need_report", Some(1), 1)?.unwrap_or(1),
        service_id: FixedStr::new(&config.service_id).map_err(|e| misfit("service_id", e))?,
        fee_type: FixedStr::new(fee_type).map_err(|e| misfit("fee_type", e))?,
        fee_code: FixedStr::new(fee_code).map_err(|e| misfit("fee_code", e))?,
        fixed_fee: FixedStr::new(fixed_fee).map_err(|e| misfit("fixed_fee", e))?,
        charge_term_id: FixedStr::new(charge_term_id).map_err(|e| misfit("charge_term_id", e))?,
        src_term_id: FixedStr::new(&config.access_number)
            .map_err(|e| misfit("access_number", e))?,
        tlvs: Tlvs {
            msg_src,
            ..Tlvs::default()
        },
        ..smgp::Submit::default()
    })
}

impl SessionProtocol for Smgp {
    fn idle_after(&self) -> Duration {
        self.keep_alive
    }

    fn login(&mut self, sequence: u32, wall: Micros, out: &mut BytesMut) {
        let t = beijing(wall);
        let timestamp = auth::timestamp(t.month(), t.day(), t.hour(), t.minute(), t.second())
            .unwrap_or_default();
        let login = Login {
            client_id: self.account,
            authenticator_client: auth::authenticator_client(
                self.account.as_bytes(),
                self.secret.expose().as_bytes(),
                timestamp,
                self.client_id,
            ),
            // With links for one direction only, reports would wait for a link that listens.
            login_mode: LoginMode::BOTH,
            timestamp,
            client_version: Version::V30.to_wire(),
        };
        put(sequence, Pdu::Login(login), out);
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
        let valid_time = submit.valid_until.map(valid_time).unwrap_or_default();
        let pdu = Pdu::Submit(smgp::Submit {
            priority: self.priority.unwrap_or(urgent),
            msg_format: coding.msg_fmt(),
            valid_time: FixedStr::new(valid_time).unwrap_or_default(),
            dest_term_ids: receivers(batch, prefix)?,
            msg_content: content.into(),
            tlvs: self.tlvs_of(submit),
            ..self.common.clone()
        });
        let frame = Frame {
            sequence: submit.sequence,
            pdu,
        };
        smgp::encode(&frame, Version::V30, out).map_err(|e| e.to_string())
    }

    fn counted(&self, first: &CarrierMessageId, place: u16) -> CarrierMessageId {
        let id = first.0.parse().ok();
        let counted = id.and_then(|id: MsgId| id.for_receiver(place));
        counted.map_or_else(|| first.clone(), carrier_id)
    }

    fn keep_alive(&self, sequence: u32, out: &mut BytesMut) {
        put(sequence, Pdu::ActiveTest, out);
    }

    fn unbind(&self, sequence: u32, out: &mut BytesMut) {
        put(sequence, Pdu::Exit, out);
    }

    fn respond(&self, sequence: u32, response: Response, out: &mut BytesMut) {
        let pdu = match response {
            Response::KeepAlive => Pdu::ActiveTestResp,
            Response::Unbind => Pdu::ExitResp,
            Response::Delivery { deliver_id, ok } => Pdu::DeliverResp(DeliverResp {
                msg_id: msg_id(deliver_id),
                status: if ok {
                    Status::OK
                } else {
                    Status::BAD_STRUCTURE
                },
            }),
        };
        put(sequence, pdu, out);
    }

    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Incoming>, Fatal> {
        match take_frame::<smgp::Smgp>(input, Version::V30, FrameLimits::default()) {
            Ok(frame) => Ok(frame.map(|frame| self.incoming(frame))),
            Err(error) => unreadable(&error).map(Some),
        }
    }
}

impl Smgp {
    /// The parameters of this submit: a part announces its header and its place.
    fn tlvs_of(&self, submit: &Submit) -> Tlvs {
        let part = submit.part;
        let common = self.common.tlvs.clone();
        if !self.tlvs || part.total < 2 {
            return common;
        }
        let concat = Concat {
            reference: Reference::Eight(part.reference),
            total: part.total,
            part: part.number,
        };
        Tlvs {
            msg_src: common.msg_src,
            ..Tlvs::for_part(concat)
        }
    }
}

fn unreadable(error: &smgp::DecodeError) -> Result<Incoming, Fatal> {
    match &error.kind {
        DecodeErrorKind::BadLength { .. } => Err(Fatal(error.to_string())),
        DecodeErrorKind::UnknownCommand { .. } => Ok(Incoming::Other),
        DecodeErrorKind::BadBody { header, .. } => match CommandId::from_wire(header.command_id) {
            Some(CommandId::Deliver) => Ok(Incoming::Malformed(DeliverRef {
                sequence: header.sequence,
                id: number(header.msg_id.unwrap_or_default()),
            })),
            Some(CommandId::LoginResp) => {
                Err(Fatal(format!("unreadable answer to the login: {error}")))
            }
            // An unreadable submit_resp leaves its submit to the time-out.
            _ => Ok(Incoming::Other),
        },
    }
}

/// Does the content start like a part's header, in a coding that has one?
fn looks_cut(deliver: &Deliver) -> bool {
    matches!(deliver.msg_format, 4 | 8 | 15)
        && (deliver.msg_content.starts_with(&[5, 0, 3])
            || deliver.msg_content.starts_with(&[6, 8, 4]))
        && udh::parse(&deliver.msg_content).is_ok_and(|data| data.concat.is_some())
}

/// The id as 20 hexadecimal digits: decimal ones where the gateway keeps to the document.
fn carrier_id(id: MsgId) -> CarrierMessageId {
    CarrierMessageId(id.to_string())
}

fn number(id: MsgId) -> u128 {
    id.0.iter().fold(0, |n, byte| n << 8 | u128::from(*byte))
}

fn msg_id(number: u128) -> MsgId {
    let mut id = MsgId::default();
    for (place, byte) in id.0.iter_mut().rev().zip(number.to_le_bytes()) {
        *place = byte;
    }
    id
}

/// `Stat`, and `Err` behind a colon where there is a reason.
fn code(stat: &Stat) -> String {
    let (word, err) = (stat.stat.to_string_lossy(), stat.err.to_string_lossy());
    if err.is_empty() || err == NO_ERROR {
        word.into_owned()
    } else {
        format!("{word}:{err}")
    }
}

/// Our own control PDUs always fit their fields.
fn put(sequence: u32, pdu: Pdu, out: &mut BytesMut) {
    let encoded = smgp::encode(&Frame { sequence, pdu }, Version::V30, out);
    debug_assert!(encoded.is_ok());
}

#[cfg(test)]
mod tests {
    use watchbell_wire::smgp::Decoded;

    use super::*;

    #[test]
    fn the_number_of_an_id_is_the_id() {
        let id: MsgId = "01e240112316230523d5".parse().expect("20 digits");
        assert_eq!(msg_id(number(id)), id);
        assert_eq!(carrier_id(id).0, "01e240112316230523d5");
    }

    #[test]
    fn a_code_says_why_where_there_is_a_reason() {
        let of = |stat, err| code(&Stat::new(stat, err).expect("it fits"));
        assert_eq!(of("DELIVRD", "000"), "DELIVRD");
        assert_eq!(of("UNDELIV", "003"), "UNDELIV:003");
        assert_eq!(of("REJECTD", ""), "REJECTD");
    }

    #[test]
    fn a_part_announces_its_header_unless_told_not_to() {
        let mut config = super::super::session::tests::account();
        let submit = Submit {
            part: crate::gateway::SegmentPlace {
                number: 2,
                total: 3,
                reference: 7,
            },
            ..super::super::session::tests::submit(1)
        };
        let written = |config: &config::Gateway| {
            let mut out = BytesMut::new();
            let mut smgp = Smgp::new(config).expect("a valid account");
            smgp.submit(std::slice::from_ref(&submit), &mut out)
                .expect("it fits");
            match smgp::decode(&out, Version::V30, &FrameLimits::default()) {
                Ok(Decoded::Frame(frame, _)) => match frame.pdu {
                    Pdu::Submit(submit) => submit,
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            }
        };
        let pdu = written(&config);
        let tlvs = &pdu.tlvs;
        assert_eq!(
            (tlvs.tp_udhi, tlvs.pk_total, tlvs.pk_number),
            (Some(1), Some(3), Some(2))
        );
        assert!(pdu.msg_content.starts_with(&[5, 0, 3, 7, 3, 2]));
        config.extra = toml::from_str("tlvs = false").expect("valid TOML");
        assert_eq!(written(&config).tlvs, Tlvs::default());
        config.extra = toml::from_str("tlvs = false\nmsg_src = \"1234\"").expect("valid TOML");
        assert!(Smgp::new(&config).is_err());
    }
}
