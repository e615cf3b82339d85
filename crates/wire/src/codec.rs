//! The protocols as tokio-util's `Decoder` and `Encoder`. Needs the feature `codec`.

use std::io;

use bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

use crate::{DecodeError, EncodeError, Frame, Limits, Protocol, encode, frame::take_frame};

/// Frames of a protocol for tokio-util's `Framed`.
///
/// A `Framed` stream ends with its first error, yet a bad body is no reason to hang up. So the item is
/// itself a result: an error in it is to be answered, and the stream goes on behind that frame. Only what
/// breaks the framing is an error of the stream.
///
/// ```
/// use bytes::BytesMut;
/// use tokio_util::codec::{Decoder, Encoder};
/// use watchbell_wire::{Limits, codec::Codec, smgp::{Frame, Pdu, Smgp, Version}};
///
/// let mut codec = Codec::<Smgp>::new(Version::V30, Limits::default());
/// let frame = Frame { sequence: 7, pdu: Pdu::ActiveTest };
/// let mut buffer = BytesMut::new();
/// codec.encode(&frame, &mut buffer)?;
/// assert_eq!(codec.decode(&mut buffer)?, Some(Ok(frame)));
/// assert_eq!(codec.decode(&mut buffer)?, None);
/// # Ok::<(), watchbell_wire::codec::CodecError<watchbell_wire::smgp::Header>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Codec<P: Protocol> {
    version: P::Version,
    limits: Limits,
}

/// Why a stream ends.
#[derive(Debug, thiserror::Error)]
pub enum CodecError<H: std::fmt::Debug> {
    /// The connection broke, or ended inside a frame.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The peer's bytes are out of step; see [`DecodeError::is_fatal`].
    #[error("{0}")]
    Decode(DecodeError<H>),
    /// A frame of ours cannot be written; nothing of it was.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl<P: Protocol> Codec<P> {
    /// Reads and writes in the layout of `version`.
    pub const fn new(version: P::Version, limits: Limits) -> Self {
        Self { version, limits }
    }

    /// Changes the layout, as after a login that names one.
    pub fn set_version(&mut self, version: P::Version) {
        self.version = version;
    }
}

impl<P: Protocol> Decoder for Codec<P> {
    type Item = Result<Frame<P>, DecodeError<P::Header>>;
    type Error = CodecError<P::Header>;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Self::Item>, Self::Error> {
        match take_frame(buffer, self.version, self.limits) {
            Ok(frame) => Ok(frame.map(Ok)),
            Err(error) if error.is_fatal() => Err(CodecError::Decode(error)),
            Err(error) => Ok(Some(Err(error))),
        }
    }
}

impl<P: Protocol> Encoder<&Frame<P>> for Codec<P> {
    type Error = CodecError<P::Header>;

    fn encode(&mut self, frame: &Frame<P>, buffer: &mut BytesMut) -> Result<(), Self::Error> {
        Ok(encode(frame, self.version, buffer)?)
    }
}

impl<P: Protocol> Encoder<Frame<P>> for Codec<P> {
    type Error = CodecError<P::Header>;

    fn encode(&mut self, frame: Frame<P>, buffer: &mut BytesMut) -> Result<(), Self::Error> {
        Ok(encode(&frame, self.version, buffer)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmpp::{Cmpp, Pdu, Version};

    fn codec() -> Codec<Cmpp> {
        Codec::new(Version::V20, Limits::default())
    }

    #[test]
    fn a_bad_body_is_an_item_and_the_next_frame_follows() {
        let mut buffer = BytesMut::new();
        buffer.extend_from_slice(&[0, 0, 0, 12, 0, 0, 0, 4, 0, 0, 0, 9]);
        let good = Frame {
            sequence: 10,
            pdu: Pdu::Terminate,
        };
        codec().encode(good.clone(), &mut buffer).expect("fits");
        let bad = codec().decode(&mut buffer).expect("framing holds");
        let bad = bad.expect("a whole frame").expect_err("no body");
        assert_eq!(bad.header().map(|header| header.sequence), Some(9));
        assert!(matches!(codec().decode(&mut buffer), Ok(Some(Ok(frame))) if frame == good));
        assert!(matches!(codec().decode(&mut buffer), Ok(None)));
    }

    #[test]
    fn lost_framing_and_a_cut_stream_are_errors() {
        let mut buffer = BytesMut::from(&[0xFF; 12][..]);
        assert!(matches!(
            codec().decode(&mut buffer),
            Err(CodecError::Decode(_))
        ));
        let mut buffer = BytesMut::from(&[0, 0, 0, 12, 0][..]);
        assert!(matches!(
            codec().decode_eof(&mut buffer),
            Err(CodecError::Io(_))
        ));
    }
}
