//! Sequence numbers: three words that pair responses and name messages.

use std::{fmt, str::FromStr};

/// Sequence Number, 12 bytes at offset 8 of every PDU (SGIP 1.2, message header). That of a submit is the message's
/// id, so the SP knows it before it sends, and reports quote it.
///
/// It is kept as three unsigned words, whatever they hold; the time is never read as a date. A response
/// should repeat all of it, but a gateway was seen to put its own clock into the answer to unbind: pair
/// by [`Sequence::pairs_with`].
///
/// [`Display`](fmt::Display) and [`FromStr`] use the 24 hexadecimal digits of the wire order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sequence {
    /// u32 at 8: who sent the command. An SP's node is 3 and its area code and enterprise code
    /// (`3AAAAQQQQQ`, above 2^31), a gateway's is `1AAAAX`.
    pub node: u32,
    /// u32 at 12: `MMDDhhmmss` as a decimal number, local Beijing time.
    pub time: u32,
    /// u32 at 16: counts from 0 and wraps.
    pub counter: u32,
}

/// A text that is no sequence number in the form asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a sequence number in this form")]
pub struct SequenceError;

impl Sequence {
    /// Size on the wire in bytes.
    pub const LEN: usize = 12;

    /// The three words in wire order.
    pub const fn to_words(self) -> [u32; 3] {
        [self.node, self.time, self.counter]
    }

    /// The bytes on the wire.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        for (place, word) in bytes.chunks_exact_mut(4).zip(self.to_words()) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    /// Reads the bytes on the wire.
    pub fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        let number = u128::from_be_bytes({
            let mut wide = [0; 16];
            wide[4..].copy_from_slice(&bytes);
            wide
        });
        Self {
            node: (number >> 64) as u32,
            time: (number >> 32) as u32,
            counter: number as u32,
        }
    }

    /// True when a response with sequence `other` answers a request with this one: same node and
    /// counter. The time is left out, because gateways rebuild it through a calendar.
    pub const fn pairs_with(self, other: Self) -> bool {
        self.node == other.node && self.counter == other.counter
    }

    /// 30 decimal digits, 10 a word with leading zeros: the form of carriers' logs.
    ///
    /// ```
    /// use watchbell_wire::sgip::Sequence;
    ///
    /// let id = Sequence { node: 3_025_001_234, time: 123_161_500, counter: 7 };
    /// assert_eq!(id.to_digits30(), "302500123401231615000000000007");
    /// assert_eq!(Sequence::from_digits30("302500123401231615000000000007"), Ok(id));
    /// assert_eq!(id.to_string(), "b44ddb1207574b9c00000007");
    /// ```
    pub fn to_digits30(self) -> String {
        format!("{:010}{:010}{:010}", self.node, self.time, self.counter)
    }

    /// Reads the form of [`Sequence::to_digits30`].
    pub fn from_digits30(text: &str) -> Result<Self, SequenceError> {
        if text.len() != 30 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SequenceError);
        }
        let word = |at: usize| text[at..at + 10].parse().map_err(|_| SequenceError);
        Ok(Self {
            node: word(0)?,
            time: word(10)?,
            counter: word(20)?,
        })
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}{:08x}{:08x}", self.node, self.time, self.counter)
    }
}

impl FromStr for Sequence {
    type Err = SequenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 24 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(SequenceError);
        }
        let word =
            |at: usize| u32::from_str_radix(&text[at..at + 8], 16).map_err(|_| SequenceError);
        Ok(Self {
            node: word(0)?,
            time: word(8)?,
            counter: word(16)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "b44ddb12075749fc0000000",
            "+44ddb12075749fc00000007",
            "5０2500123401231615000000000007",
            "999999999901231615000000000007",
        ] {
            assert_eq!(text.parse::<Sequence>(), Err(SequenceError), "{text}");
            assert_eq!(Sequence::from_digits30(text), Err(SequenceError), "{text}");
        }
    }

    #[test]
    fn a_response_pairs_without_its_time() {
        let request = Sequence {
            node: 3_025_001_234,
            time: 229_000_000,
            counter: 7,
        };
        assert!(request.pairs_with(Sequence { time: 0, ..request }));
        assert!(!request.pairs_with(Sequence {
            counter: 8,
            ..request
        }));
        assert!(!request.pairs_with(Sequence { node: 1, ..request }));
    }
}
