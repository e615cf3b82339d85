//! The protocols' fixed-size octet strings.

use std::{borrow::Cow, fmt};

/// A string of at most `N` bytes as it stands in a fixed-size field: no NUL, no blanks at either end.
///
/// It lives inline and is as large as its field, so a PDU of twenty strings costs no allocation, and a
/// list of receivers no more memory than its bytes on the wire. Bytes need not be ASCII or UTF-8 and
/// survive a round trip.
///
/// ```
/// use watchbell_wire::FixedStr;
///
/// let id: FixedStr<6> = "901234".try_into()?;
/// assert_eq!(id, "901234");
/// assert!(FixedStr::<6>::new("9012345").is_err());
/// # Ok::<(), watchbell_wire::FixedStrError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FixedStr<const N: usize> {
    // No zero byte stands before another byte, so the derived comparisons hold and these are the bytes
    // on the wire.
    bytes: [u8; N],
}

/// A text that does not fit a [`FixedStr`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FixedStrError {
    /// More bytes than the field has.
    #[error("{len} bytes, at most {max} fit")]
    TooLong {
        /// Length in bytes.
        len: usize,
        /// Size of the field in bytes.
        max: usize,
    },
    /// A zero byte, which would end the string on the wire.
    #[error("contains a zero byte")]
    Nul,
}

impl<const N: usize> FixedStr<N> {
    /// The empty string: all zeros on the wire.
    pub const EMPTY: Self = Self { bytes: [0; N] };

    /// Takes a text without blanks at its ends; those would be lost on the wire, where some peers pad
    /// with them.
    pub fn new(text: impl AsRef<[u8]>) -> Result<Self, FixedStrError> {
        let text = text.as_ref().trim_ascii();
        if text.len() > N {
            return Err(FixedStrError::TooLong {
                len: text.len(),
                max: N,
            });
        }
        if text.contains(&0) {
            return Err(FixedStrError::Nul);
        }
        Ok(Self::fill(text))
    }

    /// Reads a field of its own size.
    ///
    /// Nearly all fields are as this type keeps them. Two sweeps without a branch find that out, several
    /// bytes at a time; only the others are taken apart.
    #[inline]
    pub(crate) fn from_array(bytes: &[u8; N]) -> Self {
        // Blanks and what else may have to be trimmed: 0x01 to 0x20.
        let low = bytes
            .iter()
            .fold(0, |any, byte| any | u8::from(byte.wrapping_sub(1) < b' '));
        // Bytes behind a zero.
        let next = bytes.get(1..).unwrap_or_default();
        let gap = bytes.iter().zip(next).fold(0, |any, (byte, next)| {
            any | (u8::from(*byte == 0) & u8::from(*next != 0))
        });
        if low | gap != 0 {
            return Self::from_field(bytes);
        }
        Self { bytes: *bytes }
    }

    /// The same text in a larger field; what does not fit would be cut.
    #[inline]
    pub(crate) fn from_smaller<const M: usize>(smaller: &FixedStr<M>) -> Self {
        let mut this = Self::EMPTY;
        for (place, byte) in this.bytes.iter_mut().zip(smaller.bytes) {
            *place = byte;
        }
        this
    }

    /// Reads a field: up to the first zero byte or `N` bytes, blanks at the ends removed.
    #[cold]
    pub(crate) fn from_field(field: &[u8]) -> Self {
        let text = field.split(|&byte| byte == 0).next().unwrap_or_default();
        let text = text.get(..N).unwrap_or(text);
        let blank = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
        if blank(text.first()) || blank(text.last()) {
            return Self::fill(text.trim_ascii());
        }
        Self::fill(text)
    }

    fn fill(text: &[u8]) -> Self {
        let mut this = Self::EMPTY;
        this.bytes[..text.len()].copy_from_slice(text);
        this
    }

    /// The field as on the wire, padding included.
    pub(crate) const fn as_field(&self) -> &[u8; N] {
        &self.bytes
    }

    /// The text without padding.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len()]
    }

    /// The text, when it is UTF-8 (in practice: ASCII).
    pub fn as_str(&self) -> Option<&str> {
        str::from_utf8(self.as_bytes()).ok()
    }

    /// The text with anything that is not UTF-8 replaced; for display only.
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }

    /// Length in bytes without padding.
    pub const fn len(&self) -> usize {
        let mut len = 0;
        while len < N && self.bytes[len] != 0 {
            len += 1;
        }
        len
    }

    /// True for an all-zero or all-blank field.
    pub const fn is_empty(&self) -> bool {
        N == 0 || self.bytes[0] == 0
    }
}

impl<const N: usize> Default for FixedStr<N> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<const N: usize> fmt::Debug for FixedStr<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

impl<const N: usize> fmt::Display for FixedStr<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_string_lossy())
    }
}

impl<const N: usize> TryFrom<&str> for FixedStr<N> {
    type Error = FixedStrError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl<const N: usize> TryFrom<&[u8]> for FixedStr<N> {
    type Error = FixedStrError;

    fn try_from(text: &[u8]) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl<const N: usize> std::str::FromStr for FixedStr<N> {
    type Err = FixedStrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl<const N: usize> AsRef<[u8]> for FixedStr<N> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl<const N: usize> PartialEq<str> for FixedStr<N> {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl<const N: usize> PartialEq<&str> for FixedStr<N> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_cut_at_the_first_zero_and_loses_its_blanks() {
        assert_eq!(FixedStr::<6>::from_field(b"90\0\x0012"), "90");
        assert_eq!(FixedStr::<6>::from_field(b"9012  "), "9012");
        assert_eq!(FixedStr::<6>::from_field(b"  \0\0\0\0"), "");
    }

    #[test]
    fn other_bytes_than_ascii_survive() {
        let field = FixedStr::<4>::from_field(&[0xD6, 0xD0, 0xFF, 0]);
        assert_eq!(field.as_bytes(), [0xD6, 0xD0, 0xFF]);
        assert_eq!(field.as_str(), None);
        assert_eq!(format!("{field:?}"), r#""\xd6\xd0\xff""#);
    }

    #[test]
    fn a_zero_byte_or_one_byte_too_many_is_refused() {
        assert_eq!(FixedStr::<3>::new("a\0b"), Err(FixedStrError::Nul));
        assert_eq!(
            FixedStr::<3>::new("abcd"),
            Err(FixedStrError::TooLong { len: 4, max: 3 })
        );
    }
}
