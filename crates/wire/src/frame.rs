//! Framing, written once: a length in front, a header behind it, a body to the end.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use crate::{
    DecodeError, DecodeErrorKind, EncodeError, FrameLimits,
    octets::{Fault, Writer},
};

/// A protocol of this crate: what its frames are made of. Implemented by the marker types
/// [`Cmpp`](crate::cmpp::Cmpp), [`Sgip`](crate::sgip::Sgip) and [`Smgp`](crate::smgp::Smgp).
pub trait Protocol: Copy + fmt::Debug + Eq {
    /// Layouts of the same PDUs that a link has to agree on.
    type Version: Copy + fmt::Debug + Eq;
    /// What pairs a response with its request.
    type Sequence: Copy + fmt::Debug + Eq;
    /// What is known of a frame whose body could not be read.
    type Header: Clone + fmt::Debug + Eq;
    /// Every PDU.
    type Pdu: Clone + fmt::Debug + Eq;

    /// Size of the header in bytes; no frame is smaller.
    const HEADER_LEN: usize;
    /// The documents' name of the length field at offset 0, u32.
    const LENGTH_FIELD: &'static str;

    /// Reads one frame, neither more nor less. [`decode`] finds its end.
    fn read_frame(
        frame: &[u8],
        version: Self::Version,
    ) -> Result<Frame<Self>, DecodeError<Self::Header>>;

    /// Appends one frame; on an error `out` may hold a part of it. [`encode`] tidies up.
    fn write_frame(
        frame: &Frame<Self>,
        version: Self::Version,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError>;
}

/// One PDU with the sequence of its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<P: Protocol> {
    /// Chosen by the requester, repeated by the response.
    pub sequence: P::Sequence,
    /// The body.
    pub pdu: P::Pdu,
}

impl<P: Protocol> Frame<P> {
    /// The frame on its own, in the layout of `version`.
    pub fn to_bytes(&self, version: P::Version) -> Result<Bytes, EncodeError> {
        let mut out = BytesMut::new();
        encode(self, version, &mut out)?;
        Ok(out.freeze())
    }
}

/// What the start of a buffer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded<P: Protocol> {
    /// Not yet a whole PDU.
    Incomplete {
        /// How many more bytes are needed, at least; exact once the length field has arrived.
        needed: usize,
    },
    /// A PDU, and its size in bytes.
    Frame(Frame<P>, usize),
}

/// Reads the PDU at the start of `input`, which may go on after it.
///
/// Nothing is allocated before the whole frame has arrived. [`FrameReader`] does the bookkeeping for
/// a stream.
pub fn decode<P: Protocol>(
    input: &[u8],
    version: P::Version,
    limits: &FrameLimits,
) -> Result<Decoded<P>, DecodeError<P::Header>> {
    match whole_frame(input, P::HEADER_LEN, limits.max_frame) {
        Span::Incomplete { needed } => Ok(Decoded::Incomplete { needed }),
        Span::Frame(frame) => {
            P::read_frame(frame, version).map(|decoded| Decoded::Frame(decoded, frame.len()))
        }
        Span::BadLength { claimed } => Err(DecodeError {
            kind: DecodeErrorKind::BadLength {
                claimed,
                min: P::HEADER_LEN,
                max: limits.max_frame,
            },
            field: P::LENGTH_FIELD,
        }),
    }
}

/// Appends `frame` to `out` in the layout of `version`; on an error `out` is as before.
pub fn encode<P: Protocol>(
    frame: &Frame<P>,
    version: P::Version,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    let start = out.len();
    let written = P::write_frame(frame, version, out);
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Collects bytes and hands out frames.
///
/// It holds only bytes that were pushed, never room for a length that a peer merely claims; a caller
/// that takes every frame after each push keeps it below [`FrameLimits::max_frame`] plus one push.
#[derive(Debug)]
pub struct FrameReader<P: Protocol> {
    buffer: BytesMut,
    version: P::Version,
    limits: FrameLimits,
}

impl<P: Protocol> FrameReader<P> {
    /// An empty reader.
    pub fn new(version: P::Version, limits: FrameLimits) -> Self {
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
    /// After an error with [`is_fatal`](DecodeError::is_fatal) every further call repeats it. After any
    /// other error the bad frame is gone and the next call goes on behind it.
    pub fn next_frame(&mut self) -> Result<Option<Frame<P>>, DecodeError<P::Header>> {
        take_frame(&mut self.buffer, self.version, self.limits)
    }

    /// Reads further frames in another layout, as after a login that names one.
    pub fn set_version(&mut self, version: P::Version) {
        self.version = version;
    }

    /// Bytes pushed and not yet part of a frame. Not zero at the end of a stream: it was cut.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }
}

/// Takes the frame at the start of `buffer` out of it, and `None` while it is not whole. A bad frame is taken
/// out too, as far as its end is known: see [`DecodeError::consumed`].
pub fn take_frame<P: Protocol>(
    buffer: &mut BytesMut,
    version: P::Version,
    limits: FrameLimits,
) -> Result<Option<Frame<P>>, DecodeError<P::Header>> {
    match decode(buffer, version, &limits) {
        Ok(Decoded::Incomplete { .. }) => Ok(None),
        Ok(Decoded::Frame(frame, consumed)) => {
            buffer.advance(consumed);
            Ok(Some(frame))
        }
        Err(error) => {
            buffer.advance(error.consumed());
            Err(error)
        }
    }
}

/// What the length field says about the start of a buffer.
pub(crate) enum Span<'a> {
    Incomplete { needed: usize },
    Frame(&'a [u8]),
    BadLength { claimed: u32 },
}

/// Finds the end of the first frame. The length is judged before its bytes are waited for.
pub(crate) fn whole_frame(input: &[u8], header_len: usize, max_frame: usize) -> Span<'_> {
    let Some(claimed) = u32_at(input, 0) else {
        return Span::Incomplete {
            needed: header_len - input.len(),
        };
    };
    let Some(size) = usize::try_from(claimed)
        .ok()
        .filter(|size| (header_len..=max_frame).contains(size))
    else {
        return Span::BadLength { claimed };
    };
    match input.get(..size) {
        Some(frame) => Span::Frame(frame),
        None => Span::Incomplete {
            needed: size - input.len(),
        },
    }
}

/// Turns what a body's reader found into a frame or an error that says where. `None`: no such command.
#[inline]
pub(crate) fn finish<P: Protocol>(
    sequence: P::Sequence,
    header: P::Header,
    consumed: usize,
    body: Option<Result<P::Pdu, Fault>>,
) -> Result<Frame<P>, DecodeError<P::Header>> {
    match body {
        Some(Ok(pdu)) => Ok(Frame { sequence, pdu }),
        Some(Err(Fault { field, fault })) => Err(DecodeError {
            kind: DecodeErrorKind::BadBody {
                header,
                consumed,
                fault,
            },
            field,
        }),
        None => Err(DecodeError {
            kind: DecodeErrorKind::UnknownCommand { header, consumed },
            field: "command_id",
        }),
    }
}

/// Writes a frame around `body`: the length first as zero, then as what came.
///
/// `room` is a guess that spares the buffer growing field by field.
pub(crate) fn with_length(
    out: &mut BytesMut,
    room: usize,
    body: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.reserve(room);
    let mut w = Writer::new(out);
    w.u32(0);
    body(&mut w)?;
    set_length(out, start)
}

/// Writes the length of the frame that began at `start` and ends here.
pub(crate) fn set_length(out: &mut BytesMut, start: usize) -> Result<(), EncodeError> {
    let len = out.len() - start;
    let Ok(length) = u32::try_from(len) else {
        return Err(EncodeError::TooLong {
            field: "frame",
            len,
            max: u32::MAX as usize,
        });
    };
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|word| u32::from_be_bytes(*word))
}
