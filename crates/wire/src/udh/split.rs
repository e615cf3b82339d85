//! A text cut into segments.

use bytes::{Bytes, BytesMut};

use super::{Concat, MAX_UNITS, Reference, SEGMENT_LEN};
use crate::text::{self, Coding, TextError};

/// One segment of a text, ready to be content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitPart {
    /// Its place in the message; `None` when the text fits one segment and needs no header.
    pub concat: Option<Concat>,
    /// The content, header included: at most [`SEGMENT_LEN`] bytes, or 160 septets a byte each.
    pub content: Bytes,
}

impl SplitPart {
    /// The `TP_udhi` byte to send with it.
    pub const fn tp_udhi(&self) -> u8 {
        self.concat.is_some() as u8
    }
}

/// A text of more than 255 parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text needs {parts} parts, at most 255 can be numbered")]
pub struct TooManyParts {
    /// Parts it would take.
    pub parts: usize,
}

/// A text that cannot be cut into parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// The coding cannot carry the text.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The text is too long.
    #[error(transparent)]
    TooManyParts(#[from] TooManyParts),
}

/// How much of a text one segment carries.
#[derive(Clone, Copy)]
struct Room {
    bytes: usize,
    characters: usize,
}

impl Room {
    /// `header` is 0 for a text in one segment.
    fn of(coding: Coding, header: usize) -> Self {
        let bytes = match coding {
            // The message centre packs septets, eight in seven bytes; the header takes whole septets.
            Coding::Gsm7 => SEGMENT_LEN * 8 / 7 - (header * 8).div_ceil(7),
            _ => SEGMENT_LEN - header,
        };
        let characters = match coding {
            // Message centres turn GBK into UCS2, so an ASCII character takes two bytes there too.
            Coding::Gbk => (SEGMENT_LEN - header) / 2,
            _ => usize::MAX,
        };
        Self { bytes, characters }
    }

    fn holds(self, bytes: usize, characters: usize) -> bool {
        bytes <= self.bytes && characters <= self.characters
    }
}

/// Splits a text in any coding. One segment has no header: 70 characters in UCS2 and GBK, 160 septets in
/// GSM 7-bit, 140 characters in ASCII and Latin-1. No character is divided between parts: neither a
/// surrogate pair, nor the two bytes of GBK, nor an escaped septet.
///
/// ```
/// use watchbell_wire::{text::Coding, udh::{Reference, split}};
///
/// let parts = split(&"安a".repeat(50), Coding::Gbk, Reference::Eight(1))?;
/// assert_eq!(parts.len(), 2);
/// assert_eq!(parts[0].content.len(), 6 + 34 * 2 + 33);
/// # Ok::<(), watchbell_wire::udh::SplitError>(())
/// ```
pub fn split(
    text: &str,
    coding: Coding,
    reference: Reference,
) -> Result<Vec<SplitPart>, SplitError> {
    if coding == Coding::Ucs2 {
        return Ok(split_ucs2(text, reference)?);
    }
    let whole = text::encode(text, coding)?;
    if Room::of(coding, 0).holds(whole.len(), text.chars().count()) {
        let content = whole.into();
        return Ok(vec![SplitPart {
            concat: None,
            content,
        }]);
    }
    let room = Room::of(coding, reference.header_len());
    let pieces = cut(text, coding, room)?;
    let total = u8::try_from(pieces.len()).map_err(|_| TooManyParts {
        parts: pieces.len(),
    })?;
    let parts = (1..=total).zip(pieces).map(|(part, piece)| {
        let concat = Concat {
            reference,
            total,
            part,
        };
        let mut content = concat.to_header();
        content.extend(piece);
        SplitPart {
            concat: Some(concat),
            content: content.into(),
        }
    });
    Ok(parts.collect())
}

fn cut(text: &str, coding: Coding, room: Room) -> Result<Vec<Vec<u8>>, TextError> {
    let mut pieces = Vec::new();
    let mut piece = Vec::new();
    let mut characters = 0;
    let mut encoded = Vec::new();
    for character in text.chars() {
        encoded.clear();
        text::encode_char(character, coding, &mut encoded)?;
        if !room.holds(piece.len() + encoded.len(), characters + 1) {
            pieces.push(std::mem::take(&mut piece));
            characters = 0;
        }
        piece.extend_from_slice(&encoded);
        characters += 1;
    }
    pieces.push(piece);
    Ok(pieces)
}

/// Splits a text in UCS2. Up to 70 UTF-16 units stay one segment without a header; a surrogate pair is
/// never divided, so a part may have one unit less than it could.
///
/// ```
/// use watchbell_wire::udh::{Reference, split_ucs2};
///
/// assert_eq!(split_ucs2(&"安".repeat(70), Reference::Eight(1))?.len(), 1);
/// let parts = split_ucs2(&"安".repeat(71), Reference::Eight(0x25))?;
/// assert_eq!(parts.len(), 2);
/// assert_eq!(parts[1].content[..6], [0x05, 0x00, 0x03, 0x25, 0x02, 0x02]);
/// # Ok::<(), watchbell_wire::udh::TooManyParts>(())
/// ```
pub fn split_ucs2(text: &str, reference: Reference) -> Result<Vec<SplitPart>, TooManyParts> {
    let units: Vec<u16> = text.encode_utf16().collect();
    if units.len() <= MAX_UNITS {
        return Ok(vec![SplitPart {
            concat: None,
            content: content(&[], &units),
        }]);
    }
    let pieces = pieces(&units, reference.units_per_part());
    let total = u8::try_from(pieces.len()).map_err(|_| TooManyParts {
        parts: pieces.len(),
    })?;
    Ok((1..=total)
        .zip(pieces)
        .map(|(part, piece)| {
            let concat = Concat {
                reference,
                total,
                part,
            };
            SplitPart {
                concat: Some(concat),
                content: content(&concat.to_header(), piece),
            }
        })
        .collect())
}

fn pieces(mut units: &[u16], size: usize) -> Vec<&[u16]> {
    let mut pieces = Vec::new();
    while units.len() > size {
        let splits_pair = (0xD800..0xDC00).contains(&units[size - 1]);
        let (piece, rest) = units.split_at(size - usize::from(splits_pair));
        pieces.push(piece);
        units = rest;
    }
    pieces.push(units);
    pieces
}

fn content(header: &[u8], units: &[u16]) -> Bytes {
    let mut content = BytesMut::with_capacity(header.len() + 2 * units.len());
    content.extend_from_slice(header);
    content.extend(units.iter().flat_map(|unit| unit.to_be_bytes()));
    content.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surrogate_pair_stays_in_one_part() {
        let text = format!("{}😀{}", "安".repeat(66), "全".repeat(10));
        let parts = split_ucs2(&text, Reference::Eight(1)).expect("a short text");
        let sizes: Vec<usize> = parts.iter().map(|part| part.content.len()).collect();
        assert_eq!(sizes, [6 + 2 * 66, 6 + 2 * 12]);
    }

    #[test]
    fn more_parts_than_can_be_numbered_are_refused() {
        assert!(split_ucs2(&"安".repeat(255 * 67), Reference::Eight(1)).is_ok());
        assert_eq!(
            split_ucs2(&"安".repeat(255 * 67 + 1), Reference::Eight(1)),
            Err(TooManyParts { parts: 256 })
        );
    }

    #[test]
    fn gbk_counts_characters_and_divides_none() {
        let sizes = |text: &str| -> Vec<usize> {
            let parts = split(text, Coding::Gbk, Reference::Eight(1)).expect("in GBK");
            parts.iter().map(|part| part.content.len()).collect()
        };
        assert_eq!(sizes(&"安".repeat(70)), [140]);
        assert_eq!(sizes(&"a".repeat(70)), [70]);
        assert_eq!(sizes(&"a".repeat(71)), [6 + 67, 6 + 4]);
        assert_eq!(sizes(&"安".repeat(71)), [6 + 134, 6 + 8]);
    }

    #[test]
    fn an_escaped_septet_stays_with_its_escape() {
        let gsm = |text: &str| {
            let parts = split(text, Coding::Gsm7, Reference::Eight(1)).expect("in the alphabet");
            parts
                .iter()
                .map(|part| part.content.len())
                .collect::<Vec<_>>()
        };
        assert_eq!(gsm(&"a".repeat(160)), [160]);
        assert_eq!(gsm(&"a".repeat(161)), [6 + 153, 6 + 8]);
        let text = format!("{}€{}", "a".repeat(152), "a".repeat(10));
        assert_eq!(gsm(&text), [6 + 152, 6 + 12]);
    }

    #[test]
    fn a_text_the_coding_cannot_carry_is_refused() {
        let character = '安';
        assert_eq!(
            split("安", Coding::Ascii, Reference::Eight(1)),
            Err(TextError::Unmappable { character }.into())
        );
        assert_eq!(
            split("a", Coding::Binary, Reference::Eight(1)),
            Err(TextError::NotText.into())
        );
        assert_eq!(
            split(&"a".repeat(256 * 134), Coding::Ascii, Reference::Eight(1)),
            Err(TooManyParts { parts: 256 }.into())
        );
    }
}
