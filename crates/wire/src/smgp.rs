//! SMGP 3.0, China Telecom's protocol between a service provider (SP) and its gateway.
//!
//! One struct per PDU serves both versions: 1.3 differs only in a submit that has no `FixedFee` and, in
//! practice, no optional parameters. Section numbers are those of the 3.0.2 edition; where none is known the
//! PDU or the parameter is named.
//!
//! The byte order is big-endian. Every PDU starts with 12 bytes (SMGP 3.0 §5.2.1): `PacketLength`,
//! `RequestID` and `SequenceID`, 4 bytes each. Offsets in this documentation count from the start of
//! `PacketLength`; strings are left aligned and padded with zero bytes.
//!
//! ```
//! use watchbell_wire::{
//!     smgp::{Frame, Login, LoginMode, Pdu, Submit, Tlvs, Version, auth},
//!     text::Coding,
//!     udh::{self, Reference},
//! };
//!
//! let timestamp = auth::timestamp(5, 20, 9, 30, 15).expect("a date");
//! let login = Login {
//!     client_id: "10659001".try_into()?,
//!     authenticator_client: auth::authenticator_client(
//!         b"10659001", b"shared_pw1", timestamp, auth::ClientIdForm::Bare,
//!     ),
//!     login_mode: LoginMode::BOTH,
//!     timestamp,
//!     client_version: Version::V30.to_wire(),
//! };
//! assert_eq!(Frame { sequence: 1, pdu: Pdu::Login(login) }.to_bytes(Version::V30)?.len(), 42);
//!
//! // A long message: a submit for each part, with the header in the content and in the parameters.
//! let parts = udh::split(&"请检查消防通道。".repeat(10), Coding::Ucs2, Reference::Eight(37))?;
//! for (sequence, part) in (2..).zip(parts) {
//!     let submit = Submit {
//!         msg_format: Coding::Ucs2.msg_fmt(),
//!         src_term_id: "106573001234".try_into()?,
//!         dest_term_ids: vec!["13800138001".try_into()?],
//!         msg_content: part.content,
//!         tlvs: part.concat.map(Tlvs::for_part).unwrap_or_default(),
//!         ..Submit::default()
//!     };
//!     Frame { sequence, pdu: Pdu::Submit(submit) }.to_bytes(Version::V30)?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod auth;
mod body;
mod codec;
mod command;
mod msg_id;
mod pdu;
mod report;
mod status;
mod tlv;
mod view;

pub use codec::{decode, encode};
pub use command::{CommandId, Header, Version};
pub use msg_id::{MsgId, MsgIdError, MsgIdParts};
pub use pdu::{
    Deliver, DeliverResp, Login, LoginMode, LoginResp, Pdu, Query, QueryResp, Submit, SubmitResp,
};
pub use report::{Report, ReportError};
pub use status::{Stat, Status};
pub use tlv::{OtherTlvs, Tlvs, tag};

/// Size of the header in bytes (SMGP 3.0 §5.2.1).
pub const HEADER_LEN: usize = 12;

/// Most receivers one submit may carry (SMGP 3.0 §5.2.2.2.1).
pub const MAX_RECEIVERS: usize = crate::octets::MAX_RECEIVERS;

/// SMGP as a [`Protocol`](crate::Protocol).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Smgp;

/// One PDU with the `SequenceID` of its header, u32 at 8 (SMGP 3.0 §5.2.1).
pub type Frame = crate::Frame<Smgp>;

/// What [`decode`] finds at the start of a buffer.
pub type Decoded = crate::Decoded<Smgp>;

/// Collects bytes and hands out frames.
pub type FrameReader = crate::FrameReader<Smgp>;

/// What [`decode`] and [`FrameReader`] report.
pub type DecodeError = crate::DecodeError<Header>;
