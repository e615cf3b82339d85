//! Data codings of message content: ASCII, GSM 7-bit, Latin-1, UCS2, GBK.
//!
//! The numbers are those of GSM 03.38 as carriers use them: CMPP's `Msg_Fmt` (CMPP 2.0 §7.4.3.1), SGIP's
//! `MessageCoding` and SMGP's `MsgFormat` are the same, SMPP's `data_coding` differs in 0 and 3.

pub mod gsm7;

use encoding_rs::{GBK, UTF_16BE};

/// How content is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// 0 in China's protocols, 1 in SMPP: one byte a character.
    Ascii,
    /// 0 in SMPP: the GSM 7-bit alphabet, one septet a byte; see [`gsm7`] for packing.
    Gsm7,
    /// 3 in SMPP: ISO 8859-1.
    Latin1,
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

    /// The coding of a `Msg_Fmt` byte. 9 (a vendor's habit) is UCS2.
    pub const fn from_msg_fmt(msg_fmt: u8) -> Self {
        match msg_fmt {
            0 => Self::Ascii,
            4 => Self::Binary,
            8 | 9 => Self::Ucs2,
            15 => Self::Gbk,
            other => Self::of_group(other, Self::Ascii),
        }
    }

    /// A coding of a phone's message with its class or indication, by GSM 03.38 §4; `default` is what the default
    /// alphabet comes as.
    const fn of_group(byte: u8, default: Self) -> Self {
        match (byte >> 4, byte & 0x0F) {
            // General, uncompressed, with a class: the alphabet stands in bits 3 and 2.
            (0x1, 0..=3) => default,
            (0x1, 4..=7) => Self::Binary,
            (0x1, 8..=11) => Self::Ucs2,
            // Message waiting: discarded or stored, and stored in UCS2.
            (0xC | 0xD, _) => default,
            (0xE, _) => Self::Ucs2,
            // Data coding and class: bit 2 says whether it is data.
            (0xF, 0..=3 | 8..=11) => default,
            (0xF, _) => Self::Binary,
            _ => Self::Other(byte),
        }
    }

    /// The coding of SMPP's `data_coding` byte (SMPP 3.4 §5.2.19). 0 is whatever the message centre
    /// takes for its default, most often the GSM alphabet; 15 is a habit of Chinese ones.
    pub const fn from_data_coding(data_coding: u8) -> Self {
        match data_coding {
            0 => Self::Gsm7,
            1 => Self::Ascii,
            3 => Self::Latin1,
            2 | 4 => Self::Binary,
            8 => Self::Ucs2,
            15 => Self::Gbk,
            other => Self::of_group(other, Self::Gsm7),
        }
    }

    /// SMPP's `data_coding` byte.
    pub const fn data_coding(self) -> u8 {
        match self {
            Self::Ascii => 1,
            _ => self.msg_fmt(),
        }
    }

    /// The `Msg_Fmt` byte.
    pub const fn msg_fmt(self) -> u8 {
        match self {
            Self::Ascii | Self::Gsm7 => 0,
            Self::Latin1 => 3,
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
        Coding::Ucs2 => Ok(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        Coding::Gbk => encode_gbk(text),
        Coding::Ascii | Coding::Gsm7 | Coding::Latin1 => {
            let mut bytes = Vec::with_capacity(text.len());
            for character in text.chars() {
                encode_char(character, coding, &mut bytes)?;
            }
            Ok(bytes)
        }
        Coding::Binary | Coding::Other(_) => Err(TextError::NotText),
    }
}

/// Appends one character, whose bytes must not be divided between the parts of a long message.
pub(crate) fn encode_char(
    character: char,
    coding: Coding,
    out: &mut Vec<u8>,
) -> Result<(), TextError> {
    let unmappable = TextError::Unmappable { character };
    match coding {
        Coding::Ascii if is_plain_ascii(character) => out.push(character as u8),
        Coding::Latin1 => out.push(u8::try_from(character).map_err(|_| unmappable)?),
        Coding::Gsm7 => gsm7::encode_char(character, out).ok_or(unmappable)?,
        Coding::Ascii => return Err(unmappable),
        Coding::Ucs2 | Coding::Gbk | Coding::Binary | Coding::Other(_) => {
            out.extend(encode(character.encode_utf8(&mut [0; 4]), coding)?);
        }
    }
    Ok(())
}

/// Reads content without its user data header. `None` when the coding carries no text.
///
/// A part of a long message may end inside a character; join the parts first.
pub fn decode(content: &[u8], coding: Coding) -> Option<DecodedText> {
    match coding {
        Coding::Ascii => Some(decode_ascii(content)),
        Coding::Gsm7 => {
            let (text, lossy) = gsm7::decode(content);
            Some(DecodedText { text, lossy })
        }
        Coding::Latin1 => Some(DecodedText {
            text: content.iter().map(|&byte| char::from(byte)).collect(),
            lossy: false,
        }),
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
    fn the_codings_of_smpp_read_back() {
        for (text, data_coding) in [
            ("{Café@}", 0),
            ("plain", 1),
            ("Café ÿ", 3),
            ("安全", 8),
            ("安全", 15),
        ] {
            let coding = Coding::from_data_coding(data_coding);
            assert_eq!(coding.data_coding(), data_coding);
            let encoded = encode(text, coding).expect("in the coding");
            let decoded = decode(&encoded, coding).expect("a text coding");
            assert_eq!((&decoded.text[..], decoded.lossy), (text, false));
        }
        let character = '安';
        for coding in [Coding::Gsm7, Coding::Latin1, Coding::Ascii] {
            assert_eq!(
                encode("安", coding),
                Err(TextError::Unmappable { character })
            );
        }
    }

    #[test]
    fn msg_fmt_survives_whatever_it_is() {
        assert_eq!(Coding::from_msg_fmt(0x19), Coding::Ucs2);
        assert_eq!(Coding::from_msg_fmt(3).msg_fmt(), 3);
    }
}
