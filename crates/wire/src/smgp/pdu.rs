//! The PDUs as plain structs, one for both versions.
//!
//! Offsets count from the start of the frame and are those of 3.0, `n` is the number of receivers and `L`
//! the length of the content.

use bytes::Bytes;

use super::{CommandId, MsgId, Report, Status, Tlvs};
use crate::FixedStr;

/// Every PDU between an SP and a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pdu {
    /// SP to gateway: log in.
    Login(Login),
    /// Answer to login.
    LoginResp(LoginResp),
    /// SP to gateway: send a message.
    Submit(Submit),
    /// Answer to submit.
    SubmitResp(SubmitResp),
    /// Gateway to SP: message from a phone, or status report.
    Deliver(Deliver),
    /// Answer to deliver.
    DeliverResp(DeliverResp),
    /// Either side: is the link alive? (SMGP 3.0 §5.2.2, `Active_Test`). No body.
    ActiveTest,
    /// Answer to active test. No body.
    ActiveTestResp,
    /// Either side: log out (SMGP 3.0 §5.2.2, Exit). No body.
    Exit,
    /// Answer to exit. No body.
    ExitResp,
    /// SP to gateway: totals of a day.
    Query(Query),
    /// Answer to query.
    QueryResp(QueryResp),
}

impl Pdu {
    /// The command of the PDU.
    pub const fn command_id(&self) -> CommandId {
        match self {
            Self::Login(_) => CommandId::Login,
            Self::LoginResp(_) => CommandId::LoginResp,
            Self::Submit(_) => CommandId::Submit,
            Self::SubmitResp(_) => CommandId::SubmitResp,
            Self::Deliver(_) => CommandId::Deliver,
            Self::DeliverResp(_) => CommandId::DeliverResp,
            Self::ActiveTest => CommandId::ActiveTest,
            Self::ActiveTestResp => CommandId::ActiveTestResp,
            Self::Exit => CommandId::Exit,
            Self::ExitResp => CommandId::ExitResp,
            Self::Query(_) => CommandId::Query,
            Self::QueryResp(_) => CommandId::QueryResp,
        }
    }
}

/// `LoginMode`, u8 at 36 of login (SMGP 3.0 §6.2.3): what comes on this link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LoginMode(pub u8);

impl LoginMode {
    /// Submits only; reports wait at the gateway for a link that receives.
    pub const SEND: Self = Self(0);
    /// Messages from phones and reports only.
    pub const RECEIVE: Self = Self(1);
    /// Both. The one to prefer.
    pub const BOTH: Self = Self(2);
}

/// Login, 42 bytes (SMGP 3.0 §5.2.2.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// 8 bytes at 12: the account.
    pub client_id: FixedStr<8>,
    /// 16 bytes at 20: see [`auth::authenticator_client`](super::auth::authenticator_client).
    pub authenticator_client: [u8; 16],
    /// u8 at 36.
    pub login_mode: LoginMode,
    /// u32 at 37: `MMDDhhmmss` as a decimal number, local Beijing time.
    pub timestamp: u32,
    /// u8 at 41: high nibble major, low nibble minor; see [`Version`](super::Version).
    pub client_version: u8,
}

/// Answer to login, 33 bytes (SMGP 3.0 §5.2.2.1.2). After anything but 0 the gateway closes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoginResp {
    /// u32 at 12; gateways were seen to refuse with numbers outside the table.
    pub status: Status,
    /// 16 bytes at 16: see [`auth::authenticator_server`](super::auth::authenticator_server).
    pub authenticator_server: [u8; 16],
    /// u8 at 32: version of the gateway.
    pub server_version: u8,
}

/// Submit, 126 + 21n + L bytes and optional parameters (SMGP 3.0 §5.2.2.2.1); 6 bytes less in 1.3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submit {
    /// u8 at 12: 6 from an SP; 0 from a phone, 7 point to point.
    pub msg_type: u8,
    /// u8 at 13: 1 asks for a status report, 0 does not.
    pub need_report: u8,
    /// u8 at 14: 0 low to 3 high.
    pub priority: u8,
    /// 10 bytes at 15: the service's code.
    pub service_id: FixedStr<10>,
    /// 2 bytes at 25: `00` free, `01` per message, `02` monthly, `03` capped.
    pub fee_type: FixedStr<2>,
    /// 6 bytes at 27: price in fen, ASCII digits.
    pub fee_code: FixedStr<6>,
    /// 6 bytes at 33: monthly fee or cap in fen. Must be empty in 1.3, which has no such field.
    pub fixed_fee: FixedStr<6>,
    /// u8 at 39: data coding, see [`text`](crate::text).
    pub msg_format: u8,
    /// 17 bytes at 40: SMPP time; empty: the gateway's default.
    pub valid_time: FixedStr<17>,
    /// 17 bytes at 57: SMPP time; empty: at once.
    pub at_time: FixedStr<17>,
    /// 21 bytes at 74: the SP's number, as the phone shows it.
    pub src_term_id: FixedStr<21>,
    /// 21 bytes at 95: who pays; empty: the receiver.
    pub charge_term_id: FixedStr<21>,
    /// Count u8 at 116, then 21 bytes each from 117: 1 to 100 receivers.
    pub dest_term_ids: Vec<FixedStr<21>>,
    /// Length u8 at 117 + 21n, then at most 140 bytes, in ASCII 160.
    pub msg_content: Bytes,
    /// 8 bytes at 118 + 21n + L.
    pub reserve: FixedStr<8>,
    /// Optional parameters from 126 + 21n + L to the end.
    pub tlvs: Tlvs,
}

impl Default for Submit {
    /// A free message from an SP that asks for a report, without receivers and content.
    fn default() -> Self {
        Self {
            msg_type: 6,
            need_report: 1,
            priority: 0,
            service_id: FixedStr::EMPTY,
            fee_type: FixedStr::EMPTY,
            fee_code: FixedStr::EMPTY,
            fixed_fee: FixedStr::EMPTY,
            msg_format: 0,
            valid_time: FixedStr::EMPTY,
            at_time: FixedStr::EMPTY,
            src_term_id: FixedStr::EMPTY,
            charge_term_id: FixedStr::EMPTY,
            dest_term_ids: Vec::new(),
            msg_content: Bytes::new(),
            reserve: FixedStr::EMPTY,
            tlvs: Tlvs::default(),
        }
    }
}

impl Submit {
    /// True when the content starts with a user data header: the `TP_udhi` parameter says so.
    pub fn has_udh(&self) -> bool {
        self.tlvs.tp_udhi.is_some_and(|udhi| udhi & 1 == 1)
    }
}

/// Answer to submit, 26 bytes (SMGP 3.0 §5.2.2.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubmitResp {
    /// 10 bytes at 12: the gateway's id of the first receiver's message; meaningless when the status is
    /// not 0. See [`MsgId::for_receiver`].
    pub msg_id: MsgId,
    /// u32 at 22.
    pub status: Status,
}

/// Deliver, 89 + L bytes and optional parameters (SMGP 3.0 §5.2.2, Deliver).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deliver {
    /// 10 bytes at 12: id of this deliver, not of a submit.
    pub msg_id: MsgId,
    /// u8 at 22: 0 message from a phone, 1 status report.
    pub is_report: u8,
    /// u8 at 23: data coding, see [`text`](crate::text); 0 for reports.
    pub msg_format: u8,
    /// 14 bytes at 24: `YYYYMMDDhhmmss`, the gateway's local time.
    pub recv_time: FixedStr<14>,
    /// 21 bytes at 38: the phone; in a report the receiver of the submit.
    pub src_term_id: FixedStr<21>,
    /// 21 bytes at 59: the SP's number the phone wrote to, access number and extension.
    pub dest_term_id: FixedStr<21>,
    /// Length u8 at 80, then at most 255 bytes: a message, or a report block.
    pub msg_content: Bytes,
    /// 8 bytes at 81 + L.
    pub reserve: FixedStr<8>,
    /// Optional parameters from 89 + L to the end.
    pub tlvs: Tlvs,
}

impl Deliver {
    /// True when the `TP_udhi` parameter says that the content starts with a user data header. Some
    /// gateways leave the parameter out.
    pub fn has_udh(&self) -> bool {
        self.tlvs.tp_udhi.is_some_and(|udhi| udhi & 1 == 1)
    }

    /// True when this is a status report, not a message.
    pub const fn is_report(&self) -> bool {
        self.is_report == 1
    }

    /// The status report. `None` for a message from a phone, and for a report nobody can read; see
    /// [`Report::parse`] for why.
    pub fn report(&self) -> Option<Report> {
        self.is_report()
            .then(|| Report::parse(&self.msg_content).ok())
            .flatten()
    }
}

/// Answer to deliver, 26 bytes (SMGP 3.0 §5.2.2, `Deliver_Resp`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliverResp {
    /// 10 bytes at 12: that of the deliver.
    pub msg_id: MsgId,
    /// u32 at 22.
    pub status: Status,
}

/// Query of a day's totals, 31 bytes (SMGP 3.0 §5.2.2, Query). Real gateways may not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// 8 bytes at 12: `YYYYMMDD`.
    pub query_time: FixedStr<8>,
    /// u8 at 20: 0 all, 1 one service.
    pub query_type: u8,
    /// 10 bytes at 21: the service when `query_type` is 1.
    pub query_code: FixedStr<10>,
}

/// Answer to query, 71 bytes (SMGP 3.0 §5.2.2, `Query_Resp`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryResp {
    /// 8 bytes at 12: `YYYYMMDD`.
    pub query_time: FixedStr<8>,
    /// u8 at 20: 0 all, 1 one service.
    pub query_type: u8,
    /// 10 bytes at 21: the service when `query_type` is 1.
    pub query_code: FixedStr<10>,
    /// u32 at 31: messages taken from the SP.
    pub mt_tlmsg: u32,
    /// u32 at 35: receivers taken from the SP.
    pub mt_tlusr: u32,
    /// u32 at 39: forwarded.
    pub mt_scs: u32,
    /// u32 at 43: waiting to be forwarded.
    pub mt_wt: u32,
    /// u32 at 47: failed.
    pub mt_fl: u32,
    /// u32 at 51: delivered to the SP.
    pub mo_scs: u32,
    /// u32 at 55: waiting for the SP.
    pub mo_wt: u32,
    /// u32 at 59: not delivered to the SP.
    pub mo_fl: u32,
    /// 8 bytes at 63.
    pub reserve: FixedStr<8>,
}
