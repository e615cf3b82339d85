//! SMPP's frames: the header on the way in and out, bodies by `rusmpp-core`.

use bytes::BytesMut;
use rusmpp_core::{
    CommandId, CommandStatus,
    decode::owned::DecodeWithKeyOptional,
    encode::{Length, owned::Encode},
    pdus::owned::Pdu,
    types::owned::AnyOctetString,
};

use super::{DecodeError, Decoded, Frame, HEADER_LEN, Header, Message, Smpp, Version, layout};
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

impl Protocol for Smpp {
    type Version = Version;
    type Sequence = u32;
    type Header = Header;
    type Pdu = Message;

    const HEADER_LEN: usize = HEADER_LEN;
    const LENGTH_FIELD: &'static str = "command_length";

    fn read_frame(frame: &[u8], _: Version) -> Result<Frame, DecodeError> {
        let word = |at| u32_at(frame, at).unwrap_or_default();
        let header = Header {
            command_length: word(0),
            command_id: word(4),
            command_status: word(8),
            sequence: word(12),
        };
        let body = frame.get(HEADER_LEN..).unwrap_or_default();
        let message = layout::of(header.command_id).map(|layout| {
            layout.check(body)?;
            Ok(read_message(&header, body))
        });
        frame::finish(header.sequence, header, frame.len(), message)
    }

    fn write_frame(frame: &Frame, _: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
        let message = &frame.pdu;
        let body = message.body();
        let room = HEADER_LEN + body.map_or(0, Length::length);
        let start = out.len();
        frame::with_length(out, room, |w| {
            w.u32(message.id().into());
            w.u32(message.status.into());
            w.u32(frame.sequence);
            Ok(())
        })?;
        if let Some(body) = body {
            body.encode(out);
        }
        frame::set_length(out, start)
    }
}

fn read_message(header: &Header, body: &[u8]) -> Message {
    let id = CommandId::from(header.command_id);
    let status = CommandStatus::from(header.command_status);
    let refused = id.is_response() && header.command_status != 0;
    // An error comes without a body or with an empty string; neither says anything.
    let body = match body {
        [0] if refused => None,
        [] => empty_body(id),
        body => Some(read_body(id, body)),
    };
    Message::from_parts(id, status, body)
}

/// `rusmpp-core` has a PDU for those that never have a body.
fn empty_body(id: CommandId) -> Option<Pdu> {
    Some(match id {
        CommandId::Unbind => Pdu::Unbind,
        CommandId::UnbindResp => Pdu::UnbindResp,
        CommandId::EnquireLink => Pdu::EnquireLink,
        CommandId::EnquireLinkResp => Pdu::EnquireLinkResp,
        CommandId::GenericNack => Pdu::GenericNack,
        CommandId::CancelSmResp => Pdu::CancelSmResp,
        CommandId::ReplaceSmResp => Pdu::ReplaceSmResp,
        CommandId::CancelBroadcastSmResp => Pdu::CancelBroadcastSmResp,
        _ => return None,
    })
}

/// The body as the library's type or, where it cannot take what the layout allows, as it stands.
fn read_body(id: CommandId, body: &[u8]) -> Pdu {
    let mut buffer = BytesMut::from(body);
    let typed = Pdu::decode(id, &mut buffer, body.len());
    // The layout was checked to the last byte, so all that may be left in the buffer are parameters that
    // the type has no room for. Those of a login are not worth losing its type.
    let whole = buffer.is_empty() || is_bind_resp(id);
    match typed {
        Ok(Some((pdu, _))) if whole => pdu,
        _ => Pdu::Other {
            command_id: id,
            body: AnyOctetString::from_slice(body),
        },
    }
}

const fn is_bind_resp(id: CommandId) -> bool {
    matches!(
        id,
        CommandId::BindReceiverResp
            | CommandId::BindTransmitterResp
            | CommandId::BindTransceiverResp
    )
}
