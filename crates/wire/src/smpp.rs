//! SMPP 3.4 and 5.0, between a client (ESME) and a message centre (SMSC), on top of `rusmpp-core`.
//!
//! The PDUs are `rusmpp-core`'s own types, re-exported as [`rusmpp_core`]; this module gives them the
//! same frames, readers, limits, errors and views as the other protocols. Needs the feature `smpp`.
//!
//! The byte order is big-endian. Every PDU starts with 16 bytes (SMPP 3.4 §3.2): `command_length`,
//! `command_id`, `command_status` and `sequence_number`, 4 bytes each.
//!
//! # What `rusmpp-core` 0.4 reads, and what stands around it
//!
//! It has every PDU of 5.0 and all of its parameters, keeps unknown values and parameters, and never
//! panicked here. What follows is done by this module, because the library alone does otherwise:
//!
//! - **Framing.** Its decoder takes no frame as such: it reads fields from a buffer that may hold the next
//!   PDU too. Each frame is cut out and has to be used up.
//! - **Bodies that go on.** It stops behind the last field it knows: further bytes behind bind, outbind,
//!   `query_sm`, `query_sm_resp`, `cancel_sm` and all PDUs without a body go unseen. They are refused.
//! - **`sm_length` 255** is taken (5.0 allows it); 3.4 does not, and it is refused.
//! - **Unknown commands** become a PDU of their own; here they are an error, as in the other protocols.
//! - **Reasons.** Its errors name no field. Every body is walked first by a table of SMPP 3.4 §4 and 5.0
//!   §4, which says what is wrong where.
//! - **Responses with an error** come with no body or with an empty string. Both are read as no body.
//!
//! Some bodies the specification allows and the library's types cannot hold. They are kept as
//! [`Pdu::Other`](rusmpp_core::pdus::owned::Pdu::Other) with their command and their bytes, so that they
//! can be shown and passed on:
//!
//! - `broadcast_rep_num`, two bytes in 5.0 §4.8.4, is one byte there; so any `broadcast_sm` by the book
//!   is kept this way. `source_telematics_id`, one byte in 3.4 §5.3.2.8, is two.
//! - `data_sm` has addresses of at most 20 characters there, for which 3.4 §4.7.1 has 64.
//! - `replace_sm`, `alert_notification` and `query_broadcast_sm` have room for one parameter. So have
//!   `bind_*_resp`, but they stay typed and lose the others.
//!
//! Strings outside ASCII are refused, and more than 256 optional parameters: the library takes 14 times
//! the memory of an empty one.
//!
//! # Example
//!
//! ```
//! use watchbell_wire::smpp::{
//!     Frame, Message, Version,
//!     rusmpp_core::{pdus::owned::SubmitSm, types::owned::{COctetString, OctetString}, values::DataCoding},
//! };
//!
//! let submit = SubmitSm::builder()
//!     .source_addr(COctetString::from_slice(b"106573001234\0").expect("at most 20 characters"))
//!     .destination_addr(COctetString::from_slice(b"8613800138001\0").expect("at most 20 characters"))
//!     .data_coding(DataCoding::Ucs2)
//!     .short_message(OctetString::from_slice(&[0x5B, 0x89]).expect("at most 254 bytes"))
//!     .build();
//! let frame = Frame { sequence: 7, pdu: Message::new(submit) };
//! let view = frame.view(Version::V34);
//! assert_eq!(view.pdu, "submit_sm");
//! # let bytes = frame.to_bytes(Version::V34)?;
//! # assert_eq!(bytes[..4], (bytes.len() as u32).to_be_bytes());
//! # Ok::<(), watchbell_wire::EncodeError>(())
//! ```

mod codec;
mod delivery;
mod describe;
mod layout;
mod message;
mod receipt;
mod seen;
mod status;
mod tlv;

pub use rusmpp_core;

pub use codec::{decode, encode};
pub use delivery::{DATA_SM, DELIVER_SM, Delivery};
pub use message::{Header, Message, Version};
pub use receipt::{MessageState, Receipt, ReceiptError, same_message_id};
pub use status::Status;
pub use tlv::{concat, payload};

use crate::FrameLimits;

/// Size of the header in bytes (SMPP 3.4 §3.2).
pub const HEADER_LEN: usize = 16;

/// Bounds for a link that carries `message_payload`: 64 KiB. Without it [`FrameLimits::default`] is plenty.
pub const LIMITS: FrameLimits = FrameLimits { max_frame: 65_536 };

/// SMPP as a [`Protocol`](crate::Protocol).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Smpp;

/// One PDU with the `sequence_number` of its header, u32 at 12 (SMPP 3.4 §5.1.4).
pub type Frame = crate::Frame<Smpp>;

/// What [`decode`] finds at the start of a buffer.
pub type Decoded = crate::Decoded<Smpp>;

/// Collects bytes and hands out frames.
pub type FrameReader = crate::FrameReader<Smpp>;

/// What [`decode`] and [`FrameReader`] report.
pub type DecodeError = crate::DecodeError<Header>;
