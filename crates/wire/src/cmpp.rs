//! CMPP 2.0 and 3.0, China Mobile's protocol between a service provider (SP) and its gateway (ISMG).
//!
//! One struct per PDU serves both versions: a field that only one version has must be empty or zero in
//! the other, and strings that differ in size use the larger type. Section numbers are those of the
//! interface documents: "CMPP 2.0 §7.4.3" and "CMPP 3.0 §8.4.3" both describe submit.
//!
//! The byte order is big-endian. Every PDU starts with 12 bytes (CMPP 2.0 §7.3): `Total_Length`,
//! `Command_Id` and `Sequence_Id`, 4 bytes each. Offsets in this documentation count from the start of
//! `Total_Length`.

pub mod auth;
mod body;
mod codec;
mod codes;
mod command;
mod msg_id;
mod pdu;
mod report;
mod stat;
mod view;

pub use codec::{decode, encode};
pub use codes::{ConnectStatus, DeliverResult, SubmitResult};
pub use command::{CommandId, Header, Version};
pub use msg_id::{MsgId, MsgIdError, MsgIdParts};
pub use pdu::{
    Cancel, CancelResp, Connect, ConnectResp, Deliver, DeliverResp, Pdu, Query, QueryResp, Submit,
    SubmitResp,
};
pub use report::{Report, ReportSizeError};
pub use stat::Stat;

/// Size of the header in bytes (CMPP 2.0 §7.3).
pub const HEADER_LEN: usize = 12;

/// Most receivers one submit may carry (CMPP 2.0 §7.4.3.1). The text says fewer than 100; gateways and
/// libraries take 100.
pub const MAX_RECEIVERS: usize = crate::octets::MAX_RECEIVERS;

/// CMPP as a [`Protocol`](crate::Protocol).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cmpp;

/// One PDU with the `Sequence_Id` of its header, u32 at 8 (CMPP 2.0 §7.3).
pub type Frame = crate::Frame<Cmpp>;

/// What [`decode`] finds at the start of a buffer.
pub type Decoded = crate::Decoded<Cmpp>;

/// Collects bytes and hands out frames.
pub type FrameReader = crate::FrameReader<Cmpp>;

/// What [`decode`] and [`FrameReader`] report.
pub type DecodeError = crate::DecodeError<Header>;
