//! Codecs for the short-message protocols of China's carriers, without I/O.
//!
//! Bytes go in, typed PDUs come out, and the reverse. Nothing here opens a socket, reads a clock or
//! spawns a task; a session or a simulator brings those. No input can make a decoder panic, and no
//! length a peer claims is believed before that many bytes have really arrived.
//!
//! - [`cmpp`]: China Mobile's CMPP 2.0 and 3.0.
//! - [`sgip`]: China Unicom's SGIP 1.2.
//! - [`smgp`]: China Telecom's SMGP 1.3 and 3.0.
//! - `smpp`: SMPP 3.4 and 5.0 on `rusmpp-core`, with the feature `smpp`.
//! - [`text`]: data codings of message content.
//! - [`udh`]: the user data header of long messages, splitting and reassembly.
//! - [`view`]: a PDU as names and values, for people.
//!
//! What the protocols share ([`Protocol`], [`Frame`], [`FrameReader`], [`FixedStr`], [`FrameLimits`],
//! [`EncodeError`], [`DecodeError`], [`SubmitClass`]) stands at the root; each module has its names for it, as
//! [`cmpp::Frame`] and [`cmpp::decode`].
#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod auth;
pub mod cmpp;
mod error;
mod fixed;
mod frame;
mod octets;
pub mod sgip;
pub mod smgp;
#[cfg(feature = "smpp")]
pub mod smpp;
mod stat_kind;
mod submit;
pub mod text;
pub mod udh;
pub mod view;

pub use error::{BodyFault, DecodeError, DecodeErrorKind, EncodeError, FrameLimits};
pub use fixed::{FixedStr, FixedStrError};
pub use frame::{Decoded, Frame, FrameReader, Protocol, decode, encode, take_frame};
pub use stat_kind::StatKind;
pub use submit::SubmitClass;
pub use view::View;
