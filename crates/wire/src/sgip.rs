//! SGIP 1.2, China Unicom's protocol between a service provider (SP) and its gateway (SMG).
//!
//! A connection carries requests in one direction only: whoever opened it asks, the other side answers.
//! The SP dials the SMG to submit; the SMG dials the SP's own listener to deliver messages and reports,
//! with another name and password. There is no keep-alive PDU: an idle connection is closed and opened
//! again on demand (SGIP 1.2 §3.2).
//!
//! The byte order is big-endian. Every PDU starts with 20 bytes (SGIP 1.2 §3.3): Message Length and
//! Command ID of 4 bytes, and a Sequence Number of 12, which for a submit is also the message's id.
//! Offsets in this documentation count from the start of Message Length; text fields are left aligned and
//! padded with zero bytes.

mod body;
mod code;
mod codec;
mod command;
mod pdu;
mod sequence;
mod view;

pub use code::Code;
pub use codec::{decode, encode};
pub use command::{CommandId, Header, Version};
pub use pdu::{
    Bind, Deliver, LoginType, Pdu, Report, ReportState, Resp, Submit, Trace, TraceNode, TraceResp,
    UserRpt,
};
pub use sequence::{Sequence, SequenceError};

/// Size of the header in bytes (SGIP 1.2 §3.3).
pub const HEADER_LEN: usize = 20;

/// Most receivers one submit may carry (SGIP 1.2 §4.2.3.1). All of their reports quote the same sequence.
pub const MAX_RECEIVERS: usize = crate::octets::MAX_RECEIVERS;

/// SGIP as a [`Protocol`](crate::Protocol).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sgip;

/// One PDU with the Sequence Number of its header, 12 bytes at 8 (SGIP 1.2 §3.3).
pub type Frame = crate::Frame<Sgip>;

/// What [`decode`] finds at the start of a buffer.
pub type Decoded = crate::Decoded<Sgip>;

/// Collects bytes and hands out frames.
pub type FrameReader = crate::FrameReader<Sgip>;

/// What [`decode`] and [`FrameReader`] report.
pub type DecodeError = crate::DecodeError<Header>;
