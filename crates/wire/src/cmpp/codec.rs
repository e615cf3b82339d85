//! Framing: header and length on the way in and out.

use bytes::{Bytes, BytesMut};

use super::{CommandId, DecodeError, Frame, HEADER_LEN, Header, MsgId, Version, body};
use crate::{BodyFault, DecodeErrorKind, EncodeError, Limits, octets::Writer};

/// What the start of a buffer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "the value is taken apart at once; a box would cost an allocation a frame"
)]
pub enum Decoded {
    /// Not yet a whole PDU.
    Incomplete {
        /// How many more bytes are needed, at least; exact once the length field has arrived.
        needed: usize,
    },
    /// A PDU, and its size in bytes.
    Frame(Frame, usize),
}

/// Reads the PDU at the start of `input`, which may go on after it.
///
/// Nothing is allocated before the whole frame has arrived. [`FrameReader`](super::FrameReader) does
/// the bookkeeping for a stream.
pub fn decode(input: &[u8], version: Version, limits: &Limits) -> Result<Decoded, DecodeError> {
    let Some(total_length) = u32_at(input, 0) else {
        return Ok(incomplete(input, HEADER_LEN));
    };
    let size = frame_size(total_length, limits.max_frame)?;
    let Some(frame) = input.get(..size) else {
        return Ok(incomplete(input, size));
    };
    decode_frame(frame, total_length, version).map(|frame| Decoded::Frame(frame, size))
}

/// Appends `frame` to `out` in the layout of `version`; on an error `out` is as before.
pub fn encode(frame: &Frame, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
    let start = out.len();
    let mut w = Writer::new(out);
    w.u32(0);
    w.u32(frame.pdu.command_id().to_wire());
    w.u32(frame.sequence);
    if let Err(error) = body::write(&frame.pdu, version, &mut w) {
        out.truncate(start);
        return Err(error);
    }
    // The largest PDU has 100 receivers and 255 bytes of content, so its length always fits.
    let total_length = (out.len() - start) as u32;
    out[start..start + 4].copy_from_slice(&total_length.to_be_bytes());
    Ok(())
}

impl Frame {
    /// The frame on its own, in the layout of `version`.
    pub fn to_bytes(&self, version: Version) -> Result<Bytes, EncodeError> {
        let mut out = BytesMut::new();
        encode(self, version, &mut out)?;
        Ok(out.freeze())
    }
}

fn decode_frame(frame: &[u8], total_length: u32, version: Version) -> Result<Frame, DecodeError> {
    let header = Header {
        total_length,
        command_id: u32_at(frame, 4).unwrap_or_default(),
        sequence: u32_at(frame, 8).unwrap_or_default(),
        msg_id: frame
            .get(HEADER_LEN..)
            .and_then(|body| body.first_chunk())
            .map(|id| MsgId(u64::from_be_bytes(*id))),
    };
    let Some(command) = CommandId::from_wire(header.command_id) else {
        let consumed = frame.len();
        return Err(DecodeError {
            kind: DecodeErrorKind::UnknownCommand { header, consumed },
            field: "command_id",
        });
    };
    match body::read(
        command,
        frame.get(HEADER_LEN..).unwrap_or_default(),
        version,
    ) {
        Ok(pdu) => Ok(Frame {
            sequence: header.sequence,
            pdu,
        }),
        Err(error) => Err(bad_body(header, frame.len(), error.field, error.fault)),
    }
}

fn bad_body(header: Header, consumed: usize, field: &'static str, fault: BodyFault) -> DecodeError {
    DecodeError {
        kind: DecodeErrorKind::BadBody {
            header,
            consumed,
            fault,
        },
        field,
    }
}

fn frame_size(total_length: u32, max: usize) -> Result<usize, DecodeError> {
    usize::try_from(total_length)
        .ok()
        .filter(|size| (HEADER_LEN..=max).contains(size))
        .ok_or(DecodeError {
            kind: DecodeErrorKind::BadLength {
                claimed: total_length,
                min: HEADER_LEN,
                max,
            },
            field: "total_length",
        })
}

fn incomplete(input: &[u8], size: usize) -> Decoded {
    Decoded::Incomplete {
        needed: size - input.len(),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|word| u32::from_be_bytes(*word))
}
