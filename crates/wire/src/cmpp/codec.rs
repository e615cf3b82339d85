//! CMPP's frames: the header on the way in and out.

use bytes::BytesMut;

use super::{
    Cmpp, CommandId, DecodeError, Decoded, Frame, HEADER_LEN, Header, MsgId, Pdu, Version, body,
};
use crate::{
    EncodeError, FrameLimits,
    frame::{self, Protocol, u32_at},
};

/// Reads the PDU at the start of `input`, which may go on after it.
///
/// Nothing is allocated before the whole frame has arrived. [`FrameReader`](super::FrameReader) does
/// the bookkeeping for a stream.
pub fn decode(
    input: &[u8],
    version: Version,
    limits: &FrameLimits,
) -> Result<Decoded, DecodeError> {
    frame::decode(input, version, limits)
}

/// Appends `frame` to `out` in the layout of `version`; on an error `out` is as before.
pub fn encode(frame: &Frame, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
    frame::encode(frame, version, out)
}

impl Protocol for Cmpp {
    type Version = Version;
    type Sequence = u32;
    type Header = Header;
    type Pdu = Pdu;

    const HEADER_LEN: usize = HEADER_LEN;
    const LENGTH_FIELD: &'static str = "total_length";

    fn read_frame(frame: &[u8], version: Version) -> Result<Frame, DecodeError> {
        let body = frame.get(HEADER_LEN..).unwrap_or_default();
        let header = Header {
            total_length: u32_at(frame, 0).unwrap_or_default(),
            command_id: u32_at(frame, 4).unwrap_or_default(),
            sequence: u32_at(frame, 8).unwrap_or_default(),
            msg_id: body.first_chunk().map(|id| MsgId(u64::from_be_bytes(*id))),
        };
        let command = CommandId::from_wire(header.command_id);
        let pdu = command.map(|command| body::read(command, body, version));
        frame::finish(header.sequence, header, frame.len(), pdu)
    }

    fn write_frame(frame: &Frame, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
        frame::with_length(out, body::room(&frame.pdu, version), |w| {
            w.u32(frame.pdu.command_id().to_wire());
            w.u32(frame.sequence);
            body::write(&frame.pdu, version, w)
        })
    }
}
