//! Frames out of a stream that arrives in any pieces.

use bytes::{Buf, BytesMut};

use super::{DecodeError, Decoded, Frame, Version, decode};
use crate::Limits;

/// Collects bytes and hands out frames.
///
/// It holds only bytes that were pushed, never room for a length that a peer merely claims; a caller
/// that takes every frame after each push keeps it below [`Limits::max_frame`] plus one push.
#[derive(Debug)]
pub struct FrameReader {
    buffer: BytesMut,
    version: Version,
    limits: Limits,
}

impl FrameReader {
    /// An empty reader.
    pub fn new(version: Version, limits: Limits) -> Self {
        Self {
            buffer: BytesMut::new(),
            version,
            limits,
        }
    }

    /// Adds what came from the peer.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Takes the next frame; `None` until more bytes are pushed.
    ///
    /// After an error with [`is_fatal`](crate::DecodeError::is_fatal) every further call repeats it.
    /// After any other error the bad frame is gone and the next call goes on behind it.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, DecodeError> {
        match decode(&self.buffer, self.version, &self.limits) {
            Ok(Decoded::Incomplete { .. }) => Ok(None),
            Ok(Decoded::Frame(frame, consumed)) => {
                self.buffer.advance(consumed);
                Ok(Some(frame))
            }
            Err(error) => {
                self.buffer.advance(error.consumed());
                Err(error)
            }
        }
    }

    /// Reads further frames in another layout, as after a `connect_resp` that names one.
    pub fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// Bytes pushed and not yet part of a frame. Not zero at the end of a stream: it was cut.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }
}
