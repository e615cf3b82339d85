//! What a text costs and how it is cut: everything is counted on the final text, signature and opt-out included.

use std::str::FromStr;

/// Units of a UCS2 message that stands alone, and of one part of a long one (6 of its 140 bytes are the header).
const UCS2: Room = Room {
    alone: 70,
    part: 67,
};
/// Septets of a GSM message that stands alone, and of one part of a long one.
const GSM7: Room = Room {
    alone: 160,
    part: 153,
};

/// More segments than this are refused before anything is sent: the widest of the usual channel limits is 1,000
/// characters, which is 15 parts.
pub const MAX_SEGMENTS: usize = 15;

/// How a gateway takes a long text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    /// Cut into short messages by us, one submit for each.
    #[default]
    Parts,
    /// In one piece: the carrier cuts it, and counts its segments all the same.
    Whole,
}

/// Above this a text deserves a warning: many channels refuse more parts, and phones join them unreliably.
pub const ADVISED_SEGMENTS: usize = 5;

/// Longest signature in characters, without its brackets. Carriers usually register up to 20, but two offices that
/// sign together have been seen with 24.
pub const MAX_SIGNATURE: usize = 30;

const OPEN: char = '【';
const CLOSE: char = '】';

/// How a carrier counts (and bills) a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Count {
    /// 70/67 UTF-16 units for every text, pure ASCII included: what mainland carriers do.
    #[default]
    Ucs2,
    /// 160/153 septets when every character is in the GSM alphabet, else as [`Count::Ucs2`].
    Gsm7,
}

impl Count {
    /// The name in configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ucs2 => "ucs2",
            Self::Gsm7 => "gsm7",
        }
    }
}

/// Not a way of counting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("way of counting {0:?} is not known: write ucs2 or gsm7")]
pub struct UnknownCount(String);

impl FromStr for Count {
    type Err = UnknownCount;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "ucs2" => Ok(Self::Ucs2),
            "gsm7" => Ok(Self::Gsm7),
            _ => Err(UnknownCount(s.to_owned())),
        }
    }
}

/// How many short messages the text is; 1 for an empty one.
pub fn segments(text: &str, count: Count) -> usize {
    let (cost, room) = measure(text, count);
    if text.chars().map(cost).sum::<usize>() <= room.alone {
        return 1;
    }
    let mut parts = 1;
    let mut used = 0;
    for units in text.chars().map(cost) {
        if used + units > room.part {
            parts += 1;
            used = 0;
        }
        used += units;
    }
    parts
}

/// The text cut into its segments. No character is cut in half, so a part may hold one unit less than it could.
pub fn split(text: &str, count: Count) -> Vec<&str> {
    let (cost, room) = measure(text, count);
    if text.chars().map(cost).sum::<usize>() <= room.alone {
        return vec![text];
    }
    let mut parts = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (at, c) in text.char_indices() {
        if used + cost(c) > room.part {
            parts.push(&text[start..at]);
            (start, used) = (at, 0);
        }
        used += cost(c);
    }
    parts.push(&text[start..]);
    parts
}

/// Units of the text by the carrier's way of counting: what the editor shows beside 70, 134, 201.
pub fn units(text: &str, count: Count) -> usize {
    text.chars().map(measure(text, count).0).sum()
}

/// Can the text be written in the GSM alphabet, its extension table included?
pub fn is_gsm7(text: &str) -> bool {
    text.chars().all(|c| septets(c).is_some())
}

struct Room {
    alone: usize,
    part: usize,
}

fn measure(text: &str, count: Count) -> (fn(char) -> usize, Room) {
    if count == Count::Gsm7 && is_gsm7(text) {
        (|c| septets(c).unwrap_or(1), GSM7)
    } else {
        (char::len_utf16, UCS2)
    }
}

/// Septets of a character in the GSM alphabet (3GPP TS 23.038, 6.2.1); `None` when it is not in it.
fn septets(c: char) -> Option<usize> {
    match c {
        '\n'
        | '\r'
        | ' '..='#'
        | '%'..='?'
        | 'A'..='Z'
        | 'a'..='z'
        | '@'
        | '$'
        | '_'
        | '£'
        | '¥'
        | 'è'
        | 'é'
        | 'ù'
        | 'ì'
        | 'ò'
        | 'Ç'
        | 'Ø'
        | 'ø'
        | 'Å'
        | 'å'
        | 'Δ'
        | 'Φ'
        | 'Γ'
        | 'Λ'
        | 'Ω'
        | 'Π'
        | 'Ψ'
        | 'Σ'
        | 'Θ'
        | 'Ξ'
        | 'Æ'
        | 'æ'
        | 'ß'
        | 'É'
        | '¤'
        | '¡'
        | 'Ä'
        | 'Ö'
        | 'Ñ'
        | 'Ü'
        | '§'
        | '¿'
        | 'ä'
        | 'ö'
        | 'ñ'
        | 'ü'
        | 'à' => Some(1),
        '\u{c}' | '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' => Some(2),
        _ => None,
    }
}

/// Who puts the signature before the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SignatureBy {
    /// We write it.
    #[default]
    Us,
    /// The carrier's gateway adds it; its room is counted, but it is not written twice.
    Carrier,
}

impl SignatureBy {
    /// The name in configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Carrier => "carrier",
        }
    }
}

/// Not one who signs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("signature_by {0:?} is not known: write us or carrier")]
pub struct UnknownSignatureBy(String);

impl FromStr for SignatureBy {
    type Err = UnknownSignatureBy;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "us" => Ok(Self::Us),
            "carrier" => Ok(Self::Carrier),
            _ => Err(UnknownSignatureBy(s.to_owned())),
        }
    }
}

/// The parts of a final text, for one gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Composition<'a> {
    /// The registered name, with or without its brackets; empty: none.
    pub signature: &'a str,
    /// What the clerk wrote, placeholders filled.
    pub body: &'a str,
    /// Wording that tells how to refuse, such as `拒收请回复R`; empty: none.
    pub opt_out: &'a str,
    /// Who writes the signature.
    pub signature_by: SignatureBy,
}

impl Composition<'_> {
    /// The final text: signature first, opt-out wording last, neither doubled when the body already has it.
    pub fn compose(&self) -> Result<FinalText, TextError> {
        let name = self
            .signature
            .trim()
            .trim_start_matches(OPEN)
            .trim_end_matches(CLOSE)
            .trim();
        if name.chars().count() > MAX_SIGNATURE
            || name.contains([OPEN, CLOSE])
            || name.contains(char::is_control)
        {
            return Err(TextError::BadSignature(name.to_owned()));
        }
        let body = self.body.replace("\r\n", "\n").replace('\r', "\n");
        let mut body = body.trim();
        let mut signature = if name.is_empty() {
            String::new()
        } else {
            format!("{OPEN}{name}{CLOSE}")
        };
        if !signature.is_empty() {
            body = body.strip_prefix(&*signature).unwrap_or(body);
            body = body.strip_suffix(&*signature).unwrap_or(body).trim();
        } else if body.starts_with(OPEN)
            && let Some(end) = body.find(CLOSE)
        {
            // Without a configured signature the text may bring its own, at the place where carriers look for it.
            let (own, rest) = body.split_at(end + CLOSE.len_utf8());
            own.clone_into(&mut signature);
            body = rest.trim();
        }
        if body.is_empty() {
            return Err(TextError::Empty);
        }
        if body.contains([OPEN, CLOSE]) {
            return Err(TextError::SecondSignature);
        }
        let opt_out = self.opt_out.trim();
        if let Some((at, c)) = body
            .chars()
            .chain(opt_out.chars())
            .enumerate()
            .find(|(_, c)| !is_sendable(*c))
        {
            return Err(TextError::Unsendable {
                place: at + 1,
                code: c as u32,
            });
        }

        let written_from = match self.signature_by {
            SignatureBy::Carrier if !name.is_empty() => signature.len(),
            _ => 0,
        };
        let mut full = signature;
        full.push_str(body);
        let already_there = body
            .trim_end_matches(['。', '.', '！', '!', '）', ')', ' '])
            .ends_with(opt_out);
        if !already_there {
            full.push_str(opt_out);
        }
        Ok(FinalText { full, written_from })
    }
}

/// A text as it reaches the phone, and the part of it that we write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinalText {
    full: String,
    written_from: usize,
}

impl FinalText {
    /// What the person reads, a signature added by the carrier included.
    pub fn full(&self) -> &str {
        &self.full
    }

    /// What we hand to the carrier.
    pub fn written(&self) -> &str {
        &self.full[self.written_from..]
    }

    /// How many segments it is; an error above [`MAX_SEGMENTS`].
    pub fn segments(&self, count: Count) -> Result<usize, TextError> {
        match segments(&self.full, count) {
            n if n > MAX_SEGMENTS => Err(TextError::TooLong(n)),
            n => Ok(n),
        }
    }

    /// The parts that we write; the first leaves room for a signature added by the carrier.
    pub fn split(&self, count: Count) -> Vec<&str> {
        // A signature is at most 62 units, so it always lies within the first part.
        const { assert!(2 * MAX_SIGNATURE + 2 < UCS2.part) };
        let mut parts = split(&self.full, count);
        parts[0] = &parts[0][self.written_from..];
        parts
    }
}

/// Why a text cannot be sent as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing to send.
    #[error("the text is empty: write what is to be sent")]
    Empty,
    /// Carriers take what stands in 【】 for a signature, and allow one.
    #[error(
        "the text holds 【 or 】 besides its signature, which carriers refuse: use 〔〕, “” or () in the text"
    )]
    SecondSignature,
    /// The configured signature.
    #[error(
        "signature {0:?} cannot be used: at most {MAX_SIGNATURE} characters, no brackets inside, no control characters"
    )]
    BadSignature(String),
    /// A character that phones show as nothing, or that hides what the text says.
    #[error(
        "character {place} of the text is U+{code:04X}, which is invisible or damaged: delete it"
    )]
    Unsendable {
        /// Its place in the body, from 1.
        place: usize,
        /// Its code point.
        code: u32,
    },
    /// Too many segments.
    #[error("the text is {0} short messages long, at most {MAX_SEGMENTS} are allowed: shorten it")]
    TooLong(usize),
}

/// May the character stand in a text that people receive?
pub fn is_sendable(c: char) -> bool {
    let visible = !c.is_control() && !is_invisible(c) && c != char::REPLACEMENT_CHARACTER;
    // The zero-width joiner builds emoji out of emoji.
    visible || c == '\n' || c == '\u{200d}'
}

/// Characters that show as nothing: zero-width, direction marks, byte order marks. They come with text copied from
/// the contacts of Windows and phones.
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The half-width form of a full-width letter, digit or sign; other characters as they are.
pub fn half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        _ => c,
    }
}

#[cfg(test)]
mod tests;
