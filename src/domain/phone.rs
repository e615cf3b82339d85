//! A mainland mobile number. How one is read from what people write: [`super::phone_cell`].

use std::fmt;

/// Digits of a mobile number.
pub(super) const LEN: usize = 11;

/// A mobile number in its one canonical form, 11 digits. What prints by itself is masked: `138****8001`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Phone(u64);

impl Phone {
    /// The number from its stored form; `None` when it is not 11 digits beginning with 1. Asks no segment table,
    /// so that a number stays readable when the table changes.
    pub fn from_number(number: u64) -> Option<Self> {
        (10_000_000_000..20_000_000_000)
            .contains(&number)
            .then_some(Self(number))
    }

    /// The number as carriers write it in reports and replies: 11 digits, or with `86`, `+86` or `0086` before.
    pub fn from_wire(text: &str) -> Option<Self> {
        let digits = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
        let digits = digits.strip_prefix('+').unwrap_or(digits);
        let digits = digits.strip_prefix("00").unwrap_or(digits);
        let digits = if digits.len() == LEN + 2 {
            digits.strip_prefix("86")?
        } else {
            digits
        };
        (digits.len() == LEN && digits.bytes().all(|b| b.is_ascii_digit()))
            .then(|| digits.parse().ok().and_then(Self::from_number))
            .flatten()
    }

    /// The number itself, for storing and comparing.
    pub fn number(self) -> u64 {
        self.0
    }

    /// All 11 digits in clear. Whoever writes this word answers for where they go.
    pub fn expose(self) -> String {
        self.0.to_string()
    }

    /// The number without its last digits, for looking up segments: `prefix(3)` of 138… is 138.
    pub(super) fn prefix(self, digits: u32) -> u64 {
        self.0 / 10_u64.pow(LEN as u32 - digits)
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}****{:04}", self.prefix(3), self.0 % 10_000)
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone({self})")
    }
}

/// For `#[serde(with = "phone::exposed")]`: the 11 digits in clear, as a string.
pub mod exposed {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::Phone;

    /// Writes the number in clear.
    pub fn serialize<S: Serializer>(phone: &Phone, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&phone.number())
    }

    /// Reads what [`serialize`] wrote.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Phone, D::Error> {
        let text = String::deserialize(from)?;
        Phone::from_wire(&text)
            .ok_or_else(|| D::Error::custom("expected a mobile number of 11 digits"))
    }
}
