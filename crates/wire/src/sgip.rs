//! SGIP 1.2, China Unicom's protocol between a service provider (SP) and its gateway (SMG).
//!
//! A connection carries requests in one direction only: whoever opened it asks, the other side answers.
//! The SP dials the SMG to submit; the SMG dials the SP's own listener to deliver messages and reports,
//! with another name and password. There is no keep-alive PDU: an idle connection is closed and opened
//! again on demand (SGIP 1.2, connections).
//!
//! The sources are cited by the name of the command, under which every edition has it.
//!
//! The byte order is big-endian. Every PDU starts with 20 bytes (SGIP 1.2, message header): Message Length and
//! Command ID of 4 bytes, and a Sequence Number of 12, which for a submit is also the message's id.
//! Offsets in this documentation count from the start of Message Length; text fields are left aligned and
//! padded with zero bytes.
//!
//! ```
//! use watchbell_wire::{FrameLimits, sgip::{Code, Decoded, Frame, Pdu, Report, Resp, Sequence, Submit, Version, decode}};
//!
//! // The sequence is the message's id: record it before the submit is written.
//! let sequence = Sequence { node: 3_025_001_234, time: 520_093_015, counter: 7 };
//! let submit = Submit {
//!     sp_number: "106573001234".try_into()?,
//!     user_numbers: vec!["8613800138001".try_into()?],
//!     corp_id: "94321".try_into()?,
//!     message_content: b"Safety notice".as_slice().into(),
//!     ..Submit::default()
//! };
//! let bytes = Frame { sequence, pdu: Pdu::Submit(submit) }.to_bytes(Version::V12)?;
//! let Decoded::Frame(submitted, _) = decode(&bytes, Version::V12, &FrameLimits::default())? else {
//!     unreachable!("the frame is whole");
//! };
//!
//! // The gateway's report, on a connection it opened, with a sequence of its own.
//! let report = Report { submit_sequence: submitted.sequence, ..Report::default() };
//! let asked = Frame { sequence: Sequence { node: 102_500, ..sequence }, pdu: Pdu::Report(report) };
//! // An answer repeats the sequence of what it answers.
//! let answer = Frame { sequence: asked.sequence, pdu: Pdu::ReportResp(Resp::new(Code::OK)) };
//! assert_eq!(answer.to_bytes(Version::V12)?.len(), 29);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod body;
mod code;
mod codec;
mod command;
mod pdu;
mod sequence;
mod view;

pub use crate::auth::timestamp;
pub use code::Code;
pub use codec::{decode, encode};
pub use command::{CommandId, Header, Version};
pub use pdu::{
    Bind, Deliver, LoginType, Pdu, Report, ReportState, Resp, Submit, Trace, TraceNode, TraceResp,
    UserRpt,
};
pub use sequence::{Sequence, SequenceError};

/// Size of the header in bytes (SGIP 1.2, message header).
pub const HEADER_LEN: usize = 20;

/// Most receivers one submit may carry (SGIP 1.2, Submit). All of their reports quote the same sequence.
pub const MAX_RECEIVERS: usize = crate::octets::MAX_RECEIVERS;

/// SGIP as a [`Protocol`](crate::Protocol).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sgip;

/// One PDU with the Sequence Number of its header, 12 bytes at 8 (SGIP 1.2, message header).
pub type Frame = crate::Frame<Sgip>;

/// What [`decode`] finds at the start of a buffer.
pub type Decoded = crate::Decoded<Sgip>;

/// Collects bytes and hands out frames.
pub type FrameReader = crate::FrameReader<Sgip>;

/// What [`decode`] and [`FrameReader`] report.
pub type DecodeError = crate::DecodeError<Header>;
