//! The PDUs as plain structs, one for both versions.
//!
//! Where a layout differs, the field says so as "2.0 / 3.0". Offsets count from the start of the frame,
//! `n` is the number of receivers and `L` the length of the content.

use bytes::Bytes;

use super::{CommandId, ConnectStatus, DeliverResult, MsgId, Report, SubmitResult};
use crate::FixedStr;

/// Every PDU between an SP and a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pdu {
    /// SP to gateway: log in.
    Connect(Connect),
    /// Answer to connect.
    ConnectResp(ConnectResp),
    /// Either side: log out (CMPP 2.0 §7.4.2). No body.
    Terminate,
    /// Answer to terminate. No body.
    TerminateResp,
    /// SP to gateway: send a message.
    Submit(Submit),
    /// Answer to submit.
    SubmitResp(SubmitResp),
    /// Gateway to SP: message from a phone, or status report.
    Deliver(Deliver),
    /// Answer to deliver.
    DeliverResp(DeliverResp),
    /// SP to gateway: totals of a day.
    Query(Query),
    /// Answer to query.
    QueryResp(QueryResp),
    /// SP to gateway: withdraw a message.
    Cancel(Cancel),
    /// Answer to cancel.
    CancelResp(CancelResp),
    /// Either side: is the link alive? (CMPP 2.0 §7.4.7). No body.
    ActiveTest,
    /// Answer to active test. Its one reserved byte is written as 0; a peer may send any or none.
    ActiveTestResp,
}

impl Pdu {
    /// The command of the PDU.
    pub const fn command_id(&self) -> CommandId {
        match self {
            Self::Connect(_) => CommandId::Connect,
            Self::ConnectResp(_) => CommandId::ConnectResp,
            Self::Terminate => CommandId::Terminate,
            Self::TerminateResp => CommandId::TerminateResp,
            Self::Submit(_) => CommandId::Submit,
            Self::SubmitResp(_) => CommandId::SubmitResp,
            Self::Deliver(_) => CommandId::Deliver,
            Self::DeliverResp(_) => CommandId::DeliverResp,
            Self::Query(_) => CommandId::Query,
            Self::QueryResp(_) => CommandId::QueryResp,
            Self::Cancel(_) => CommandId::Cancel,
            Self::CancelResp(_) => CommandId::CancelResp,
            Self::ActiveTest => CommandId::ActiveTest,
            Self::ActiveTestResp => CommandId::ActiveTestResp,
        }
    }
}

/// Connect, 39 bytes in both versions (CMPP 2.0 §7.4.1.1, CMPP 3.0 §8.4.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connect {
    /// 6 bytes at 12: the SP id, normally six digits.
    pub source_addr: FixedStr<6>,
    /// 16 bytes at 18: see [`auth::authenticator_source`](super::auth::authenticator_source).
    pub authenticator_source: [u8; 16],
    /// u8 at 34: high nibble major, low nibble minor; see [`Version`](super::Version).
    pub version: u8,
    /// u32 at 35: `MMDDhhmmss` as a decimal number, local Beijing time.
    pub timestamp: u32,
}

/// Answer to connect, 30 / 33 bytes (CMPP 2.0 §7.4.1.2, CMPP 3.0 §8.4.1.2). Decoded by its size, because
/// gateways send either on links of both versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectResp {
    /// u8 / u32 at 12.
    pub status: ConnectStatus,
    /// 16 bytes at 13 / 16: see [`auth::authenticator_ismg`](super::auth::authenticator_ismg).
    pub authenticator_ismg: [u8; 16],
    /// u8 at 29 / 32: highest version of the gateway. Use its layout from here on.
    pub version: u8,
}

/// Submit, 138 + 21n + L / 163 + 32n + L bytes (CMPP 2.0 §7.4.3.1, CMPP 3.0 §8.4.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submit {
    /// u64 at 12: zero from the SP; the gateway fills in its own.
    pub msg_id: MsgId,
    /// u8 at 20: parts of the message, from 1.
    pub pk_total: u8,
    /// u8 at 21: number of this part, from 1.
    pub pk_number: u8,
    /// u8 at 22: 1 asks for a status report, 0 does not; 2 (2.0 only) makes a billing record, no message.
    pub registered_delivery: u8,
    /// u8 at 23: priority 0 to 9.
    pub msg_level: u8,
    /// 10 bytes at 24: service code agreed with the carrier.
    pub service_id: FixedStr<10>,
    /// u8 at 34: who pays: 0 receiver, 1 sender, 2 the SP, 3 `fee_terminal_id`.
    pub fee_user_type: u8,
    /// 21 / 32 bytes at 35: payer's number when `fee_user_type` is 3.
    pub fee_terminal_id: FixedStr<32>,
    /// Only 3.0, u8 at 67: 0 real number, 1 pseudo code. Must be 0 in 2.0.
    pub fee_terminal_type: u8,
    /// u8 at 56 / 68: GSM 03.40 §9.2.3.9.
    pub tp_pid: u8,
    /// u8 at 57 / 69: 1 when the content starts with a user data header (GSM 03.40 §9.2.3.23).
    pub tp_udhi: u8,
    /// u8 at 58 / 70: data coding, see [`text`](crate::text).
    pub msg_fmt: u8,
    /// 6 bytes at 59 / 71: the SP id again.
    pub msg_src: FixedStr<6>,
    /// 2 bytes at 65 / 77: `01` free, `02` by message, `03` by month.
    pub fee_type: FixedStr<2>,
    /// 6 bytes at 67 / 79: price in fen, digits.
    pub fee_code: FixedStr<6>,
    /// 17 bytes at 73 / 85: end of validity, SMPP 3.3 time, or empty.
    pub valid_time: FixedStr<17>,
    /// 17 bytes at 90 / 102: time to send, SMPP 3.3 time, or empty.
    pub at_time: FixedStr<17>,
    /// 21 bytes at 107 / 119: the number the phone shows, access code and extension.
    pub src_id: FixedStr<21>,
    /// Count u8 at 128 / 140, 1 to 100; then 21 / 32 bytes each: receivers.
    pub dest_terminal_ids: Vec<FixedStr<32>>,
    /// Only 3.0, u8 at 141 + 32n: 0 real numbers, 1 pseudo codes, for all. Must be 0 in 2.0.
    pub dest_terminal_type: u8,
    /// Length u8 at 129 + 21n / 142 + 32n, then the content: at most 159 bytes with `msg_fmt` 0, else 140.
    /// A decoder takes up to 255, so that a gateway can refuse it in its answer.
    pub msg_content: Bytes,
    /// Only 2.0, 8 bytes at the end. Must be empty in 3.0.
    pub reserve: FixedStr<8>,
    /// Only 3.0, 20 bytes at the end: empty unless it answers an order. Must be empty in 2.0.
    pub link_id: FixedStr<20>,
}

impl Default for Submit {
    /// Part 1 of 1 and everything else zero or empty. There is no receiver yet, so it does not encode.
    fn default() -> Self {
        Self {
            msg_id: MsgId::default(),
            pk_total: 1,
            pk_number: 1,
            registered_delivery: 0,
            msg_level: 0,
            service_id: FixedStr::EMPTY,
            fee_user_type: 0,
            fee_terminal_id: FixedStr::EMPTY,
            fee_terminal_type: 0,
            tp_pid: 0,
            tp_udhi: 0,
            msg_fmt: 0,
            msg_src: FixedStr::EMPTY,
            fee_type: FixedStr::EMPTY,
            fee_code: FixedStr::EMPTY,
            valid_time: FixedStr::EMPTY,
            at_time: FixedStr::EMPTY,
            src_id: FixedStr::EMPTY,
            dest_terminal_ids: Vec::new(),
            dest_terminal_type: 0,
            msg_content: Bytes::new(),
            reserve: FixedStr::EMPTY,
            link_id: FixedStr::EMPTY,
        }
    }
}

/// Answer to submit, 21 / 24 bytes (CMPP 2.0 §7.4.3.2, CMPP 3.0 §8.4.3.2). Decoded by its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubmitResp {
    /// u64 at 12: the gateway's id; meaningless when the result is not 0.
    pub msg_id: MsgId,
    /// u8 / u32 at 20.
    pub result: SubmitResult,
}

/// Deliver, 85 + L / 109 + L bytes (CMPP 2.0 §7.4.5.1, CMPP 3.0 §8.4.5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deliver {
    /// u64 at 12: id of this deliver, not of a submit.
    pub msg_id: MsgId,
    /// 21 bytes at 20: the SP's number the phone wrote to, access code and extension.
    pub dest_id: FixedStr<21>,
    /// 10 bytes at 41.
    pub service_id: FixedStr<10>,
    /// u8 at 51: GSM 03.40 §9.2.3.9.
    pub tp_pid: u8,
    /// u8 at 52: 1 when the content starts with a user data header.
    pub tp_udhi: u8,
    /// u8 at 53: data coding, see [`text`](crate::text).
    pub msg_fmt: u8,
    /// 21 / 32 bytes at 54: the phone; in a report the receiver of the submit.
    pub src_terminal_id: FixedStr<32>,
    /// Only 3.0, u8 at 86: 0 real number, 1 pseudo code. Must be 0 in 2.0.
    pub src_terminal_type: u8,
    /// u8 at 75 / 87: 0 message from a phone, 1 status report.
    pub registered_delivery: u8,
    /// Length u8 at 76 / 88, then at most 255 bytes: a message, or a report block.
    pub msg_content: Bytes,
    /// Only 2.0, 8 bytes at the end; a peer may cut it short. Must be empty in 3.0.
    pub reserve: FixedStr<8>,
    /// Only 3.0, 20 bytes at the end; a peer may cut it short. Must be empty in 2.0.
    pub link_id: FixedStr<20>,
}

impl Submit {
    /// True when the content starts with a user data header; only the lowest bit of `tp_udhi` counts.
    pub const fn has_udh(&self) -> bool {
        self.tp_udhi & 1 == 1
    }
}

impl Deliver {
    /// True when the content starts with a user data header; only the lowest bit of `tp_udhi` counts.
    pub const fn has_udh(&self) -> bool {
        self.tp_udhi & 1 == 1
    }

    /// True when this is a status report, not a message.
    pub const fn is_report(&self) -> bool {
        self.registered_delivery == 1
    }

    /// The status report. `None` for a message from a phone; a decoded deliver always has a block of a
    /// known size, one made by hand may not and gives `None` too.
    pub fn report(&self) -> Option<Report> {
        self.is_report()
            .then(|| Report::parse(&self.msg_content).ok())
            .flatten()
    }
}

/// Answer to deliver, 21 / 24 bytes (CMPP 2.0 §7.4.5.2, CMPP 3.0 §8.4.5.2). Decoded by its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliverResp {
    /// u64 at 12: that of the deliver.
    pub msg_id: MsgId,
    /// u8 / u32 at 20.
    pub result: DeliverResult,
}

/// Query of a day's totals, 39 bytes (CMPP 2.0 §7.4.4.1). Real gateways may not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// 8 bytes at 12: `YYYYMMDD`.
    pub time: FixedStr<8>,
    /// u8 at 20: 0 all, 1 one service.
    pub query_type: u8,
    /// 10 bytes at 21: the service when `query_type` is 1.
    pub query_code: FixedStr<10>,
    /// 8 bytes at 31.
    pub reserve: FixedStr<8>,
}

/// Answer to query, 63 bytes (CMPP 2.0 §7.4.4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryResp {
    /// 8 bytes at 12: `YYYYMMDD`.
    pub time: FixedStr<8>,
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
}

/// Cancel, 20 bytes (CMPP 2.0 §7.4.6.1). Rarely supported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cancel {
    /// u64 at 12: the message to withdraw.
    pub msg_id: MsgId,
}

/// Answer to cancel, 13 / 16 bytes (CMPP 2.0 §7.4.6.2, CMPP 3.0 §8.4.6.2). Decoded by its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CancelResp {
    /// u8 / u32 at 12: 0 withdrawn, 1 not.
    pub success_id: u32,
}
