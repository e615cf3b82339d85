//! One PDU as names and values, for a person who has its bytes: no link, no account.

use watchbell_wire::{self as wire, DecodeErrorKind, Decoded, FrameLimits, Protocol, View, view};

use crate::config::Kind;

/// Bytes that are not one whole, valid PDU.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PduError {
    /// The kind has no PDUs.
    #[error("{} has no PDUs: name cmpp20, cmpp30, sgip12, smgp30 or smpp34", .0.as_str())]
    NoPdus(Kind),
    /// The end is missing.
    #[error("not a whole PDU: at least {needed} more bytes are missing")]
    Incomplete {
        /// How many, at least.
        needed: usize,
    },
    /// More than one PDU, or something behind it.
    #[error("{0} bytes follow the PDU: give one PDU at a time")]
    Trailing(usize),
    /// Not valid.
    #[error("not a valid PDU: {0}")]
    Invalid(String),
}

/// The PDU in these bytes.
pub fn decode(kind: Kind, bytes: &[u8]) -> Result<View, PduError> {
    let limits = FrameLimits::default();
    match kind {
        Kind::Cmpp20 => whole::<wire::cmpp::Cmpp>(bytes, wire::cmpp::Version::V20, limits),
        Kind::Cmpp30 => whole::<wire::cmpp::Cmpp>(bytes, wire::cmpp::Version::V30, limits),
        Kind::Sgip12 => whole::<wire::sgip::Sgip>(bytes, wire::sgip::Version::V12, limits),
        Kind::Smgp30 => whole::<wire::smgp::Smgp>(bytes, wire::smgp::Version::V30, limits),
        // What 5.0 adds has ids of its own, and the shared PDUs are the same.
        Kind::Smpp34 => {
            whole::<wire::smpp::Smpp>(bytes, wire::smpp::Version::V34, wire::smpp::LIMITS)
        }
        Kind::Http => Err(PduError::NoPdus(kind)),
    }
}

fn whole<P: Protocol + view::Describe>(
    bytes: &[u8],
    version: P::Version,
    limits: FrameLimits,
) -> Result<View, PduError> {
    match wire::decode::<P>(bytes, version, &limits) {
        Ok(Decoded::Frame(frame, size)) if size == bytes.len() => Ok(frame.view(version)),
        Ok(Decoded::Frame(_, size)) => Err(PduError::Trailing(bytes.len() - size)),
        Ok(Decoded::Incomplete { needed }) => Err(PduError::Incomplete { needed }),
        Err(error) => Err(PduError::Invalid(match &error.kind {
            DecodeErrorKind::BadLength { claimed, .. } => {
                format!(
                    "{error}; {} bytes were given, {claimed} claimed",
                    bytes.len()
                )
            }
            _ => error.to_string(),
        })),
    }
}
