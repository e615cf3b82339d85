//! The PDUs as plain structs.
//!
//! Offsets count from the start of the frame, `n` is the number of receivers and `L` the length of the
//! content.

use bytes::Bytes;

use super::{Code, CommandId, Sequence};
use crate::{FixedStr, auth::same};

/// Every PDU between an SP and a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pdu {
    /// Whoever opened the connection: log in.
    Bind(Bind),
    /// Answer to bind.
    BindResp(Resp),
    /// Whoever opened the connection: log out (SGIP 1.2, Unbind). No body.
    Unbind,
    /// Answer to unbind. No body; 9 bytes of one were seen and are accepted.
    UnbindResp,
    /// SP to gateway: send a message.
    Submit(Submit),
    /// Answer to submit. It names no id: the id is the sequence of the submit.
    SubmitResp(Resp),
    /// Gateway to SP: message from a phone.
    Deliver(Deliver),
    /// Answer to deliver.
    DeliverResp(Resp),
    /// Gateway to SP: status report.
    Report(Report),
    /// Answer to report.
    ReportResp(Resp),
    /// Gateway to SP: a user's state changed.
    UserRpt(UserRpt),
    /// Answer to userrpt.
    UserRptResp(Resp),
    /// SP to gateway: where is a message?
    Trace(Trace),
    /// Answer to trace.
    TraceResp(TraceResp),
}

impl Pdu {
    /// The command of the PDU.
    pub const fn command_id(&self) -> CommandId {
        match self {
            Self::Bind(_) => CommandId::Bind,
            Self::BindResp(_) => CommandId::BindResp,
            Self::Unbind => CommandId::Unbind,
            Self::UnbindResp => CommandId::UnbindResp,
            Self::Submit(_) => CommandId::Submit,
            Self::SubmitResp(_) => CommandId::SubmitResp,
            Self::Deliver(_) => CommandId::Deliver,
            Self::DeliverResp(_) => CommandId::DeliverResp,
            Self::Report(_) => CommandId::Report,
            Self::ReportResp(_) => CommandId::ReportResp,
            Self::UserRpt(_) => CommandId::UserRpt,
            Self::UserRptResp(_) => CommandId::UserRptResp,
            Self::Trace(_) => CommandId::Trace,
            Self::TraceResp(_) => CommandId::TraceResp,
        }
    }
}

/// Login Type, u8 at 20 of bind (SGIP 1.2, Bind).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LoginType(pub u8);

impl LoginType {
    /// SP to gateway. A gateway was seen to dial SPs with it too.
    pub const SP: Self = Self(1);
    /// Gateway to SP.
    pub const GATEWAY: Self = Self(2);
    /// A test login.
    pub const TEST: Self = Self(11);
}

/// Bind, 61 bytes (SGIP 1.2, Bind). Name and password go in clear text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bind {
    /// u8 at 20. A listener should not refuse 1 where 2 is due.
    pub login_type: LoginType,
    /// 16 bytes at 21: given by the side that is dialled.
    pub login_name: FixedStr<16>,
    /// 16 bytes at 37.
    pub login_password: FixedStr<16>,
    /// 8 bytes at 53.
    pub reserve: FixedStr<8>,
}

impl Bind {
    /// True when name and password are these: what the side that is dialled should check.
    pub fn verify(&self, name: &FixedStr<16>, password: &FixedStr<16>) -> bool {
        // Both are always compared, so that the time taken does not say which was wrong.
        same(name.as_field(), self.login_name.as_field())
            & same(password.as_field(), self.login_password.as_field())
    }
}

/// Answer to bind, submit, deliver, report and userrpt, 29 bytes (SGIP 1.2, `Bind_Resp` and others).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resp {
    /// u8 at 20.
    pub result: Code,
    /// 8 bytes at 21.
    pub reserve: FixedStr<8>,
}

impl Resp {
    /// An answer with this result.
    pub const fn new(result: Code) -> Self {
        Self {
            result,
            reserve: FixedStr::EMPTY,
        }
    }
}

/// Submit, 143 + 21n + L bytes (SGIP 1.2, Submit). Its sequence is the message's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submit {
    /// 21 bytes at 20: the SP's number, as the phone shows it.
    pub sp_number: FixedStr<21>,
    /// 21 bytes at 41: who pays, with `86` before it; 21 zeros (the digit): the SP; empty: the receiver.
    pub charge_number: FixedStr<21>,
    /// Count u8 at 62, then 21 bytes each from 63: 1 to 100 receivers, with `86` before them.
    pub user_numbers: Vec<FixedStr<21>>,
    /// 5 bytes at 63 + 21n: enterprise code, 0 to 99999.
    pub corp_id: FixedStr<5>,
    /// 10 bytes at 68 + 21n: the service's code.
    pub service_type: FixedStr<10>,
    /// u8 at 78 + 21n: 0 offset of the channel fee, 1 free, 2 per message, 3 monthly, 4 billed by the SP.
    pub fee_type: u8,
    /// 6 bytes at 79 + 21n: price in fen, ASCII digits.
    pub fee_value: FixedStr<6>,
    /// 6 bytes at 85 + 21n: fen given to the user, ASCII digits.
    pub given_value: FixedStr<6>,
    /// u8 at 91 + 21n: 0 fee to be collected, 1 collected.
    pub agent_flag: u8,
    /// u8 at 92 + 21n: 0 first answer to a phone's message, 1 later answer, 2 unsolicited, 3 system.
    pub morelate_to_mt_flag: u8,
    /// u8 at 93 + 21n: 0 low to 9 high.
    pub priority: u8,
    /// 16 bytes at 94 + 21n: `yymmddhhmmsstnnp` with `032+` at the end; empty: the gateway's default.
    pub expire_time: FixedStr<16>,
    /// 16 bytes at 110 + 21n: the same form; empty: at once.
    pub schedule_time: FixedStr<16>,
    /// u8 at 126 + 21n: 0 report **only on failure**, 1 always, 2 never, 3 bill only, no message.
    pub report_flag: u8,
    /// u8 at 127 + 21n: GSM 03.40 §9.2.3.9.
    pub tp_pid: u8,
    /// u8 at 128 + 21n: 1 when the content starts with a user data header.
    pub tp_udhi: u8,
    /// u8 at 129 + 21n: data coding, see [`text`](crate::text).
    pub message_coding: u8,
    /// u8 at 130 + 21n: 0 short message.
    pub message_type: u8,
    /// Length u32 at 131 + 21n, then L bytes. The document sets no limit; a segment has 140 bytes, in
    /// ASCII 159.
    pub message_content: Bytes,
    /// 8 bytes at the end.
    pub reserve: FixedStr<8>,
}

impl Default for Submit {
    /// An unsolicited free message that asks for every report, without receivers and content.
    fn default() -> Self {
        Self {
            sp_number: FixedStr::EMPTY,
            charge_number: FixedStr::EMPTY,
            user_numbers: Vec::new(),
            corp_id: FixedStr::EMPTY,
            service_type: FixedStr::EMPTY,
            fee_type: 1,
            fee_value: FixedStr::EMPTY,
            given_value: FixedStr::EMPTY,
            agent_flag: 0,
            morelate_to_mt_flag: 2,
            priority: 0,
            expire_time: FixedStr::EMPTY,
            schedule_time: FixedStr::EMPTY,
            report_flag: 1,
            tp_pid: 0,
            tp_udhi: 0,
            message_coding: 0,
            message_type: 0,
            message_content: Bytes::new(),
            reserve: FixedStr::EMPTY,
        }
    }
}

impl Submit {
    /// True when the content starts with a user data header; only the lowest bit of `tp_udhi` counts.
    pub const fn has_udh(&self) -> bool {
        self.tp_udhi & 1 == 1
    }
}

/// Deliver, 77 + L bytes (SGIP 1.2, Deliver). Reports come as their own PDU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deliver {
    /// 21 bytes at 20: the phone, with `86` before it.
    pub user_number: FixedStr<21>,
    /// 21 bytes at 41: the SP's number the phone wrote to, access number and extension.
    pub sp_number: FixedStr<21>,
    /// u8 at 62: GSM 03.40 §9.2.3.9.
    pub tp_pid: u8,
    /// u8 at 63: 1 when the content starts with a user data header.
    pub tp_udhi: u8,
    /// u8 at 64: data coding, see [`text`](crate::text).
    pub message_coding: u8,
    /// Length u32 at 65, then L bytes.
    pub message_content: Bytes,
    /// 8 bytes at the end.
    pub reserve: FixedStr<8>,
}

impl Deliver {
    /// True when the content starts with a user data header; only the lowest bit of `tp_udhi` counts.
    pub const fn has_udh(&self) -> bool {
        self.tp_udhi & 1 == 1
    }
}

/// Report, 64 bytes (SGIP 1.2, Report). Several with state 1 may come before the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// 12 bytes at 20: sequence of the submit. Receivers of one submit differ only by `user_number`.
    pub submit_sequence: Sequence,
    /// u8 at 32: 0 about a submit, 1 about a forwarded deliver.
    pub report_type: u8,
    /// 21 bytes at 33: the receiver, with `86` before it.
    pub user_number: FixedStr<21>,
    /// u8 at 54, see [`Report::state`].
    pub state: u8,
    /// u8 at 55: why, when the state is 2; else 0.
    pub error_code: Code,
    /// 8 bytes at 56.
    pub reserve: FixedStr<8>,
}

/// What a [`Report`] says about the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReportState {
    /// 0: on the handset.
    Delivered,
    /// 1: under way; another report follows.
    Waiting,
    /// 2: failed, `error_code` says why.
    Failed,
    /// A number the document does not have.
    Other(u8),
}

impl Report {
    /// The state as a word.
    pub const fn state(&self) -> ReportState {
        match self.state {
            0 => ReportState::Delivered,
            1 => ReportState::Waiting,
            2 => ReportState::Failed,
            other => ReportState::Other(other),
        }
    }

    /// What stands for a stat text, which the protocol does not have: `SGIP:29`.
    pub fn stat_text(&self) -> String {
        match self.state() {
            ReportState::Delivered => "DELIVRD".to_owned(),
            ReportState::Waiting => "ACCEPTD".to_owned(),
            ReportState::Failed | ReportState::Other(_) => format!("SGIP:{}", self.error_code.0),
        }
    }
}

/// User's change of state, 71 bytes (SGIP 1.2, Userrpt).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserRpt {
    /// 21 bytes at 20: the SP's number.
    pub sp_number: FixedStr<21>,
    /// 21 bytes at 41: the user, with `86` before it.
    pub user_number: FixedStr<21>,
    /// u8 at 62: 0 closed, 1 suspended for debt, 2 restored.
    pub user_condition: u8,
    /// 8 bytes at 63.
    pub reserve: FixedStr<8>,
}

/// Trace, 61 bytes (SGIP 1.2, Trace). On the test port, rarely available.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// 12 bytes at 20: sequence of the submit.
    pub submit_sequence: Sequence,
    /// 21 bytes at 32: the receiver, with `86` before it.
    pub user_number: FixedStr<21>,
    /// 8 bytes at 53.
    pub reserve: FixedStr<8>,
}

/// Answer to trace, 21 + 47c bytes for c nodes (SGIP 1.2, `Trace_Resp`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceResp {
    /// Count u8 at 20, then 47 bytes each: the nodes the message passed, at most 255.
    pub nodes: Vec<TraceNode>,
}

/// One node of [`TraceResp`], 47 bytes; offsets are inside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceNode {
    /// u8 at 0: 0 received, 1 waiting, else an error.
    pub result: Code,
    /// 6 bytes at 1: the node.
    pub node_id: FixedStr<6>,
    /// 16 bytes at 7: `yymmddhhmmss`.
    pub receive_time: FixedStr<16>,
    /// 16 bytes at 23: `yymmddhhmmss`; empty while it waits.
    pub send_time: FixedStr<16>,
    /// 8 bytes at 39.
    pub reserve: FixedStr<8>,
}
