//! Data codings of message content: ASCII, UCS2, GBK.
//!
//! The numbers are those of GSM 03.38 as carriers use them (CMPP 2.0 §7.4.3.1, `Msg_Fmt`); the other
//! protocols have the same.

use encoding_rs::{GBK, UTF_16BE};

/// How content is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// 0: one byte a character.
    Ascii,
    /// 4: no text.
    Binary,
    /// 8: UTF-16 in big-endian order. The safest for Chinese text on every gateway.
    Ucs2,
    /// 15: GBK, two bytes for a Chinese character.
    Gbk,
    /// Anything else, as received.
    Other(u8),
}

/// A text that a coding cannot write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// The coding has no such character; write the text in UCS2 instead.
    #[error("{character:?} does not exist in this coding")]
    Unmappable {
        /// The first character without a code.
        character: char,
    },
    /// The coding carries no text.
    #[error("this coding carries no text")]
    NotText,
    /// The text is longer than memory can hold.
    #[error("the text is too long")]
    TooLong,
}

/// Text read from content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodedText {
    /// The text; U+FFFD stands for what could not be read.
    pub text: String,
    /// True when something could not be read.
    pub lossy: bool,
}

impl Coding {
    /// ASCII when it can carry the text, else UCS2. GBK only by configuration: message centres re-code it.
    pub fn choose(text: &str) -> Self {
        if text.chars().all(is_plain_ascii) {
            Self::Ascii
        } else {
            Self::Ucs2
        }
    }

    /// The coding of a `Msg_Fmt` byte. 9, 24 and 25 (flash messages and a vendor's habit) are UCS2, 16 is
    /// ASCII of class 0.
    pub const fn from_msg_fmt(msg_fmt: u8) -> Self {
        match msg_fmt {
            0 | 0x10 => Self::Ascii,
            4 => Self::Binary,
            8 | 9 | 0x18 | 0x19 => Self::Ucs2,
            15 => Self::Gbk,
            other => Self::Other(other),
        }
    }

    /// The `Msg_Fmt` byte.
    pub const fn msg_fmt(self) -> u8 {
        match self {
            Self::Ascii => 0,
            Self::Binary => 4,
            Self::Ucs2 => 8,
            Self::Gbk => 15,
            Self::Other(other) => other,
        }
    }
}

/// Writes a text.
///
/// ```
/// use watchbell_wire::text::{Coding, TextError, encode};
///
/// assert_eq!(encode("安全", Coding::Ucs2)?, [0x5B, 0x89, 0x51, 0x68]);
/// assert_eq!(encode("安全", Coding::Gbk)?, [0xB0, 0xB2, 0xC8, 0xAB]);
/// assert_eq!(encode("安", Coding::Ascii), Err(TextError::Unmappable { character: '安' }));
/// # Ok::<(), TextError>(())
/// ```
pub fn encode(text: &str, coding: Coding) -> Result<Vec<u8>, TextError> {
    match coding {
        Coding::Ascii => match text.chars().find(|&character| !is_plain_ascii(character)) {
            None => Ok(text.as_bytes().to_vec()),
            Some(character) => Err(TextError::Unmappable { character }),
        },
        Coding::Ucs2 => Ok(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        Coding::Gbk => encode_gbk(text),
        Coding::Binary | Coding::Other(_) => Err(TextError::NotText),
    }
}

/// Reads content without its user data header. `None` when the coding carries no text.
///
/// A part of a long message may end inside a character; join the parts first.
pub fn decode(content: &[u8], coding: Coding) -> Option<DecodedText> {
    match coding {
        Coding::Ascii => Some(decode_ascii(content)),
        Coding::Ucs2 => Some(decode_with(UTF_16BE, content)),
        Coding::Gbk => Some(decode_with(GBK, content)),
        Coding::Binary | Coding::Other(_) => None,
    }
}

fn is_plain_ascii(character: char) -> bool {
    matches!(character, ' '..='~' | '\n' | '\r')
}

/// `encoding_rs` encodes GBK with the four-byte codes of GB 18030 left out, but maps the euro sign to the
/// single byte 0x80, which message centres do not know.
fn encode_gbk(text: &str) -> Result<Vec<u8>, TextError> {
    let unmappable = |character| TextError::Unmappable { character };
    if text.contains('€') {
        return Err(unmappable('€'));
    }
    let mut encoder = GBK.new_encoder();
    let Some(room) = encoder.max_buffer_length_from_utf8_without_replacement(text.len()) else {
        return Err(TextError::TooLong);
    };
    let mut bytes = Vec::with_capacity(room);
    let (result, _) = encoder.encode_from_utf8_to_vec_without_replacement(text, &mut bytes, true);
    match result {
        encoding_rs::EncoderResult::InputEmpty => Ok(bytes),
        encoding_rs::EncoderResult::Unmappable(character) => Err(unmappable(character)),
        encoding_rs::EncoderResult::OutputFull => Err(TextError::TooLong),
    }
}

fn decode_ascii(content: &[u8]) -> DecodedText {
    let text = content
        .iter()
        .map(|&byte| {
            if byte.is_ascii() {
                char::from(byte)
            } else {
                '\u{FFFD}'
            }
        })
        .collect();
    DecodedText {
        text,
        lossy: !content.is_ascii(),
    }
}

fn decode_with(encoding: &'static encoding_rs::Encoding, content: &[u8]) -> DecodedText {
    let (text, lossy) = encoding.decode_without_bom_handling(content);
    DecodedText {
        text: text.into_owned(),
        lossy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_is_chosen_only_when_it_carries_everything() {
        assert_eq!(Coding::choose("Safety notice 1: 18:00\n"), Coding::Ascii);
        assert_eq!(Coding::choose(""), Coding::Ascii);
        assert_eq!(Coding::choose("Café"), Coding::Ucs2);
        assert_eq!(Coding::choose("bell\u{7}"), Coding::Ucs2);
    }

    #[test]
    fn gbk_refuses_what_a_message_centre_would_not_know() {
        for character in ['€', '😀', '𠮷', '\u{E5E5}'] {
            assert_eq!(
                encode(&format!("安全{character}"), Coding::Gbk),
                Err(TextError::Unmappable { character })
            );
        }
    }

    #[test]
    fn broken_content_is_read_as_far_as_it_goes() {
        for (content, coding) in [
            (&[0x5B, 0x89, 0x51][..], Coding::Ucs2),
            (&[0xD8, 0x3D, 0x00, 0x41], Coding::Ucs2),
            (&[0xB0], Coding::Gbk),
            (&[0xB0], Coding::Ascii),
        ] {
            let decoded = decode(content, coding).expect("a text coding");
            assert!(
                decoded.lossy && decoded.text.contains('\u{FFFD}'),
                "{decoded:?}"
            );
        }
        assert_eq!(decode(&[1, 2], Coding::Binary), None);
    }

    #[test]
    fn msg_fmt_survives_whatever_it_is() {
        assert_eq!(Coding::from_msg_fmt(0x19), Coding::Ucs2);
        assert_eq!(Coding::from_msg_fmt(3).msg_fmt(), 3);
    }
}
