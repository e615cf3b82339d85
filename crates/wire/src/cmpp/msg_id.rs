//! `Msg_Id`: eight opaque bytes with several spellings.

use std::{fmt, str::FromStr};

/// A gateway's message id, u64 (CMPP 2.0 §7.4.3.2).
///
/// The documents give its bits a meaning (see [`MsgIdParts`]), but resellers put anything there, so it
/// is kept and compared as eight opaque bytes and never rebuilt from a date. It has no year and its
/// sequence wraps: match on id, receiver and a time window.
///
/// [`Display`](fmt::Display) and [`FromStr`] use the 16 hexadecimal digits, which is the wire order and
/// cannot be mistaken for a decimal of another length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MsgId(pub u64);

/// The bit fields the documents describe, from the most significant bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MsgIdParts {
    /// 4 bits; 1 to 12 when the gateway keeps to the document.
    pub month: u8,
    /// 5 bits.
    pub day: u8,
    /// 5 bits.
    pub hour: u8,
    /// 6 bits.
    pub minute: u8,
    /// 6 bits.
    pub second: u8,
    /// Gateway code, 22 bits.
    pub gateway: u32,
    /// 16 bits.
    pub sequence: u16,
}

/// A text that is no message id in the form asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message id in this form")]
pub struct MsgIdError;

impl MsgId {
    /// Packs the fields, for a gateway that makes ids. `None` when one exceeds its bits.
    ///
    /// ```
    /// use watchbell_wire::cmpp::{MsgId, MsgIdParts};
    ///
    /// let parts = MsgIdParts { month: 5, day: 20, hour: 9, minute: 30, second: 15, gateway: 102_500, sequence: 54_321 };
    /// assert_eq!(MsgId::from_parts(parts), Some(MsgId(0x5A25_E3C1_9064_D431)));
    /// ```
    pub fn from_parts(parts: MsgIdParts) -> Option<Self> {
        let mut id = 0;
        for (value, bits) in [
            (u64::from(parts.month), 4),
            (u64::from(parts.day), 5),
            (u64::from(parts.hour), 5),
            (u64::from(parts.minute), 6),
            (u64::from(parts.second), 6),
            (u64::from(parts.gateway), 22),
            (u64::from(parts.sequence), 16),
        ] {
            if value >> bits != 0 {
                return None;
            }
            id = id << bits | value;
        }
        Some(Self(id))
    }

    /// The bit fields, whatever they hold.
    pub const fn parts(self) -> MsgIdParts {
        MsgIdParts {
            month: (self.0 >> 60) as u8,
            day: (self.0 >> 55) as u8 & 0x1F,
            hour: (self.0 >> 50) as u8 & 0x1F,
            minute: (self.0 >> 44) as u8 & 0x3F,
            second: (self.0 >> 38) as u8 & 0x3F,
            gateway: (self.0 >> 16) as u32 & 0x3F_FFFF,
            sequence: self.0 as u16,
        }
    }

    /// Id of the receiver at `index` (from 0) of a submit that was answered with this id: the sequence
    /// wraps inside its own 16 bits.
    #[must_use]
    pub const fn for_receiver(self, index: u16) -> Self {
        let sequence = (self.0 as u16).wrapping_add(index);
        Self(self.0 & !0xFFFF | sequence as u64)
    }

    /// 20 decimal digits with leading zeros.
    pub fn to_decimal(self) -> String {
        format!("{:020}", self.0)
    }

    /// Reads a decimal of up to 20 digits; a minus sign is accepted, because Java programs print ids of
    /// August and later as negative numbers.
    pub fn from_decimal(text: &str) -> Result<Self, MsgIdError> {
        if text.starts_with('-') {
            let signed: i64 = text.parse().map_err(|_| MsgIdError)?;
            return Ok(Self(signed as u64));
        }
        let digits = Digits(text);
        digits.number(0..text.len()).map(Self)
    }

    /// 22 decimal digits: `MMDDhhmmss`, 7 of the gateway, 5 of the sequence. Lossless, whatever the bits.
    pub fn to_digits22(self) -> String {
        let p = self.parts();
        format!(
            "{:02}{:02}{:02}{:02}{:02}{:07}{:05}",
            p.month, p.day, p.hour, p.minute, p.second, p.gateway, p.sequence
        )
    }

    /// Reads the form of [`MsgId::to_digits22`].
    pub fn from_digits22(text: &str) -> Result<Self, MsgIdError> {
        if text.len() != 22 {
            return Err(MsgIdError);
        }
        let digits = Digits(text);
        let two = |at: usize| digits.number(at..at + 2).map(|number| number as u8);
        let parts = MsgIdParts {
            month: two(0)?,
            day: two(2)?,
            hour: two(4)?,
            minute: two(6)?,
            second: two(8)?,
            gateway: digits.number(10..17)? as u32,
            sequence: u16::try_from(digits.number(17..22)?).map_err(|_| MsgIdError)?,
        };
        Self::from_parts(parts).ok_or(MsgIdError)
    }
}

impl fmt::Display for MsgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for MsgId {
    type Err = MsgIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 16 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(MsgIdError);
        }
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| MsgIdError)
    }
}

/// Decimal digits only: the integer parsers would also take a plus sign.
struct Digits<'a>(&'a str);

impl Digits<'_> {
    fn number(&self, range: std::ops::Range<usize>) -> Result<u64, MsgIdError> {
        let text = self.0.get(range).ok_or(MsgIdError)?;
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(MsgIdError);
        }
        text.parse().map_err(|_| MsgIdError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: MsgId = MsgId(0x5A25_E3C1_9064_D431);

    #[test]
    fn every_form_reads_back() {
        for id in [
            EXAMPLE,
            MsgId(0),
            MsgId(u64::MAX),
            MsgId(0xB2B9_DA80_0001_0000),
        ] {
            assert_eq!(MsgId::from_decimal(&id.to_decimal()), Ok(id));
            assert_eq!(MsgId::from_digits22(&id.to_digits22()), Ok(id));
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(MsgId::from_parts(id.parts()), Some(id));
        }
        assert_eq!(EXAMPLE.to_digits22(), "0520093015010250054321");
        assert_eq!(EXAMPLE.to_decimal(), "06495848458042528817");
        assert_eq!(EXAMPLE.to_string(), "5a25e3c19064d431");
    }

    #[test]
    fn a_negative_decimal_is_the_same_id_seen_by_java() {
        let id = MsgId(0xB2B9_DA80_0001_0000);
        assert_eq!(MsgId::from_decimal(&(id.0 as i64).to_string()), Ok(id));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "+1",
            "-",
            "1 ",
            "99999999999999999999",
            "５",
            "0520093015010250065536",
        ] {
            assert_eq!(MsgId::from_decimal(text), Err(MsgIdError), "{text}");
            assert_eq!(MsgId::from_digits22(text), Err(MsgIdError), "{text}");
            assert_eq!(text.parse::<MsgId>(), Err(MsgIdError), "{text}");
        }
    }

    #[test]
    fn the_sequence_of_further_receivers_wraps_in_its_field() {
        assert_eq!(
            MsgId(0x5A25_E3C1_9064_FFFF).for_receiver(2),
            MsgId(0x5A25_E3C1_9064_0001)
        );
    }
}
