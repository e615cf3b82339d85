//! Errors and limits every codec shares.

/// Bounds a decoder keeps, whatever a peer claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLimits {
    /// Largest frame in bytes, header included. A larger claim is fatal for the connection, because
    /// after it the stream cannot be trusted to be in step.
    pub max_frame: usize,
}

impl FrameLimits {
    /// 8192 bytes: the largest legal CMPP PDU has 3522 (3.0, 100 receivers), so this leaves room for
    /// vendor tails and still refuses text protocols talking to the wrong port.
    pub const DEFAULT_MAX_FRAME: usize = 8192;
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self {
            max_frame: Self::DEFAULT_MAX_FRAME,
        }
    }
}

/// A PDU that cannot be written, with the field and the limit it breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A string or the content is longer than its field in this protocol version.
    #[error("{field} has {len} bytes, at most {max} fit")]
    TooLong {
        /// Field name of the PDU struct.
        field: &'static str,
        /// Length in bytes.
        len: usize,
        /// Largest length in bytes.
        max: usize,
    },
    /// A number or a count lies outside what the field can carry.
    #[error("{field} is {value}, allowed are {min} to {max}")]
    OutOfRange {
        /// Field name of the PDU struct.
        field: &'static str,
        /// The refused value.
        value: u64,
        /// Smallest allowed value.
        min: u64,
        /// Largest allowed value.
        max: u64,
    },
    /// The field carries a value, but this protocol version has no such field; dropping it silently
    /// could change who is addressed.
    #[error("{field} is set but does not exist in this protocol version")]
    NotInVersion {
        /// Field name of the PDU struct.
        field: &'static str,
    },
}

/// Bytes that are not a PDU. `H` is the protocol's header type.
///
/// Incomplete input is not an error, see each protocol's `Decoded`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {kind}")]
pub struct DecodeError<H> {
    /// What is wrong, and what is known of the frame.
    pub kind: DecodeErrorKind<H>,
    /// Field at which decoding stopped; the header's or the PDU struct's name for it.
    pub field: &'static str,
}

/// Kinds of [`DecodeError`], from the reader's point of view: what can it do next?
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeErrorKind<H> {
    /// The length field is below the header size or above [`FrameLimits::max_frame`]. The stream is out of
    /// step: close the connection.
    #[error("frame length {claimed} is outside {min} to {max}")]
    BadLength {
        /// The length read, in bytes.
        claimed: u32,
        /// Header size, in bytes.
        min: usize,
        /// [`FrameLimits::max_frame`].
        max: usize,
    },
    /// Well framed, but no command of this protocol: skip `consumed` bytes and go on.
    #[error("unknown command")]
    UnknownCommand {
        /// Header of the frame.
        header: H,
        /// Size of the frame in bytes.
        consumed: usize,
    },
    /// Well framed, but the body contradicts itself: answer it with an error result, skip `consumed`
    /// bytes and go on.
    #[error("{fault}")]
    BadBody {
        /// Header of the frame; enough to answer it.
        header: H,
        /// Size of the frame in bytes.
        consumed: usize,
        /// What is wrong with the body.
        fault: BodyFault,
    },
}

impl<H> DecodeError<H> {
    /// True when the connection must be closed because framing is lost.
    pub const fn is_fatal(&self) -> bool {
        matches!(self.kind, DecodeErrorKind::BadLength { .. })
    }

    /// Bytes to skip to reach the next frame; 0 when framing is lost.
    pub const fn consumed(&self) -> usize {
        match self.kind {
            DecodeErrorKind::BadLength { .. } => 0,
            DecodeErrorKind::UnknownCommand { consumed, .. }
            | DecodeErrorKind::BadBody { consumed, .. } => consumed,
        }
    }

    /// Header of the frame, unless framing is lost.
    pub const fn header(&self) -> Option<&H> {
        match &self.kind {
            DecodeErrorKind::BadLength { .. } => None,
            DecodeErrorKind::UnknownCommand { header, .. }
            | DecodeErrorKind::BadBody { header, .. } => Some(header),
        }
    }
}

/// What is wrong with the body of a well framed PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// The body ends inside a field.
    #[error("needs {needed} bytes, {left} are left")]
    Truncated {
        /// Bytes the field needs.
        needed: usize,
        /// Bytes the body still has.
        left: usize,
    },
    /// The body goes on after its last field.
    #[error("{extra} bytes too many")]
    Trailing {
        /// Bytes after the last field.
        extra: usize,
    },
    /// A count is outside its range.
    #[error("{value} is outside {min} to {max}")]
    OutOfRange {
        /// The value read.
        value: u32,
        /// Smallest allowed value.
        min: u32,
        /// Largest allowed value.
        max: u32,
    },
    /// An optional parameter whose value has not the size its tag asks for.
    #[error("value of {len} bytes, {expected} are expected")]
    TlvSize {
        /// Size of the value in bytes.
        len: usize,
        /// Its size by the document, in bytes.
        expected: usize,
    },
    /// A string that must end in a zero byte and does not within its size.
    #[error("no zero byte ends the string within {max} bytes")]
    Unterminated {
        /// Largest size in bytes, the zero byte included.
        max: usize,
    },
    /// A value that may be of one size or of another, and is neither.
    #[error("{len} bytes, allowed are {either} or {or}")]
    Size {
        /// Size in bytes.
        len: usize,
        /// The one size.
        either: usize,
        /// The other.
        or: usize,
    },
    /// A string with bytes outside ASCII where the codec takes none.
    #[error("not in ASCII, or outside what the field may hold")]
    BadValue,
    /// A status report whose block has a size no version knows.
    #[error("report block of {len} bytes")]
    ReportSize {
        /// Size of the block in bytes.
        len: usize,
    },
}
