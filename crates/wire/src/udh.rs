//! The user data header of long messages: building, reading, splitting.
//!
//! A message longer than one segment is sent as parts that each begin with a concatenation element
//! (GSM 03.40 §9.2.3.24.1 with an 8-bit reference, §9.2.3.24.8 with a 16-bit one). `TP_udhi` is 1 then.

mod reassemble;
mod split;

pub use reassemble::{Incomplete, PartOutcome, Pushed, Reassembler, ReassemblerLimits};
pub use split::{SplitError, SplitPart, TooManyParts, split, split_ucs2};

/// Content of one segment in bytes, header included.
pub const SEGMENT_LEN: usize = 140;

/// Most UTF-16 units of a text that needs no header.
pub const MAX_UNITS: usize = SEGMENT_LEN / 2;

const CONCAT_8: u8 = 0x00;
const CONCAT_16: u8 = 0x08;

/// Tells the parts of one long message from those of another to the same phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// 6-byte header, 67 UTF-16 units a part. Repeats after 256 messages.
    Eight(u8),
    /// 7-byte header, 66 UTF-16 units a part.
    Sixteen(u16),
}

impl Reference {
    /// Size of the header in bytes: 6 or 7.
    pub const fn header_len(self) -> usize {
        match self {
            Self::Eight(_) => 6,
            Self::Sixteen(_) => 7,
        }
    }

    /// Most UTF-16 units of one part: 67 or 66.
    pub const fn units_per_part(self) -> usize {
        (SEGMENT_LEN - self.header_len()) / 2
    }
}

/// Concatenation element: which part of which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Concat {
    /// The same in all parts.
    pub reference: Reference,
    /// Number of parts, from 1.
    pub total: u8,
    /// This part, from 1 to `total`.
    pub part: u8,
}

impl Concat {
    /// Checks the part numbers.
    pub const fn new(reference: Reference, total: u8, part: u8) -> Result<Self, UdhError> {
        if total == 0 || part == 0 || part > total {
            return Err(UdhError::BadPart { total, part });
        }
        Ok(Self {
            reference,
            total,
            part,
        })
    }

    /// The header on its own: `05 00 03 ref total part` or `06 08 04 ref ref total part`.
    pub fn to_header(self) -> Vec<u8> {
        match self.reference {
            Reference::Eight(reference) => {
                vec![5, CONCAT_8, 3, reference, self.total, self.part]
            }
            Reference::Sixteen(reference) => {
                let [high, low] = reference.to_be_bytes();
                vec![6, CONCAT_16, 4, high, low, self.total, self.part]
            }
        }
    }
}

/// Content taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserData<'a> {
    /// The concatenation element, if there is one. Of several the last counts (GSM 03.40 §9.2.3.24).
    pub concat: Option<Concat>,
    /// Content behind the header.
    pub payload: &'a [u8],
}

/// A user data header that contradicts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UdhError {
    /// The content is empty.
    #[error("no user data header")]
    Missing,
    /// The header claims more bytes than the content has.
    #[error("header of {claimed} bytes in {len} bytes of content")]
    BeyondContent {
        /// The length the header claims, in bytes, its own length byte not counted.
        claimed: u8,
        /// Length of the content in bytes.
        len: usize,
    },
    /// An element is cut or ends behind the header.
    #[error("element {id:#04x} ends outside the header")]
    BadElement {
        /// Information element identifier.
        id: u8,
    },
    /// A concatenation element of the wrong size.
    #[error("concatenation element {id:#04x} of {len} bytes")]
    BadConcatLength {
        /// Information element identifier.
        id: u8,
        /// Its length in bytes.
        len: u8,
    },
    /// Total 0, part 0, or a part behind the total.
    #[error("part {part} of {total}")]
    BadPart {
        /// Number of parts.
        total: u8,
        /// Number of this part.
        part: u8,
    },
}

/// Takes apart content that starts with a header (`TP_udhi` is 1). Elements it does not know are skipped.
pub fn parse(content: &[u8]) -> Result<UserData<'_>, UdhError> {
    let (&claimed, rest) = content.split_first().ok_or(UdhError::Missing)?;
    let (mut elements, payload) =
        rest.split_at_checked(usize::from(claimed))
            .ok_or(UdhError::BeyondContent {
                claimed,
                len: content.len(),
            })?;
    let mut concat = None;
    while let Some((&id, rest)) = elements.split_first() {
        let bad = UdhError::BadElement { id };
        let (&len, rest) = rest.split_first().ok_or(bad)?;
        let (value, rest) = rest.split_at_checked(usize::from(len)).ok_or(bad)?;
        concat = parse_concat(id, len, value)?.or(concat);
        elements = rest;
    }
    Ok(UserData { concat, payload })
}

fn parse_concat(id: u8, len: u8, value: &[u8]) -> Result<Option<Concat>, UdhError> {
    match (id, value) {
        (CONCAT_8, &[reference, total, part]) => {
            Concat::new(Reference::Eight(reference), total, part).map(Some)
        }
        (CONCAT_16, &[high, low, total, part]) => {
            let reference = Reference::Sixteen(u16::from_be_bytes([high, low]));
            Concat::new(reference, total, part).map(Some)
        }
        (CONCAT_8 | CONCAT_16, _) => Err(UdhError::BadConcatLength { id, len }),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_headers_read_back_with_other_elements_before_them() {
        for reference in [Reference::Eight(0xFF), Reference::Sixteen(0x2608)] {
            let concat = Concat::new(reference, 3, 2).expect("part within total");
            let header = concat.to_header();
            assert_eq!(header.len(), reference.header_len());
            let mut content = vec![header[0] + 4, 0x24, 2, 9, 9];
            content.extend_from_slice(&header[1..]);
            content.extend_from_slice(b"rest");
            let data = UserData {
                concat: Some(concat),
                payload: b"rest",
            };
            assert_eq!(parse(&content), Ok(data));
        }
    }

    #[test]
    fn a_header_that_contradicts_itself_is_an_error() {
        for (content, error) in [
            (&[][..], UdhError::Missing),
            (
                &[200, 0, 3, 1, 2, 1],
                UdhError::BeyondContent {
                    claimed: 200,
                    len: 6,
                },
            ),
            (&[5, 0, 9, 1, 2, 1, 7, 7, 7], UdhError::BadElement { id: 0 }),
            (&[1, 0], UdhError::BadElement { id: 0 }),
            (
                &[4, 0, 2, 1, 1],
                UdhError::BadConcatLength { id: 0, len: 2 },
            ),
            (&[5, 0, 3, 1, 2, 0], UdhError::BadPart { total: 2, part: 0 }),
            (&[5, 0, 3, 1, 0, 1], UdhError::BadPart { total: 0, part: 1 }),
            (&[5, 0, 3, 1, 2, 3], UdhError::BadPart { total: 2, part: 3 }),
        ] {
            assert_eq!(parse(content), Err(error), "{content:02x?}");
        }
        let plain = UserData {
            concat: None,
            payload: b"ab",
        };
        assert_eq!(parse(&[0, b'a', b'b']), Ok(plain));
    }
}
