//! SGIP's frames: the header on the way in and out.

use bytes::BytesMut;

use super::{
    CommandId, DecodeError, Decoded, Frame, HEADER_LEN, Header, Pdu, Sequence, Sgip, Version, body,
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

/// Appends `frame` to `out`; on an error `out` is as before.
pub fn encode(frame: &Frame, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
    frame::encode(frame, version, out)
}

impl Protocol for Sgip {
    type Version = Version;
    type Sequence = Sequence;
    type Header = Header;
    type Pdu = Pdu;

    const HEADER_LEN: usize = HEADER_LEN;
    const LENGTH_FIELD: &'static str = "message_length";

    fn read_frame(frame: &[u8], _: Version) -> Result<Frame, DecodeError> {
        let word = |at| u32_at(frame, at).unwrap_or_default();
        let sequence = Sequence {
            node: word(8),
            time: word(12),
            counter: word(16),
        };
        let header = Header {
            message_length: word(0),
            command_id: word(4),
            sequence,
        };
        let body = frame.get(HEADER_LEN..).unwrap_or_default();
        let command = CommandId::from_wire(header.command_id);
        let pdu = command.map(|command| body::read(command, body));
        frame::finish(sequence, header, frame.len(), pdu)
    }

    fn write_frame(frame: &Frame, _: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
        frame::with_length(out, body::room(&frame.pdu), |w| {
            w.u32(frame.pdu.command_id().to_wire());
            w.bytes(&frame.sequence.to_bytes());
            body::write(&frame.pdu, w)
        })
    }
}
