//! The check code: what a person was shown of a campaign or a work order, and what their approval binds.

use std::{fmt, str::FromStr};

/// Hex digits that people are shown: 48 bits of the digest.
const SHOWN: usize = 12;

/// Fewer hex digits would match another text by chance too often.
const FEWEST: usize = 4;

/// The beginning of a digest as lower-case hex, 4 to 64 digits: what stood before the person who decides.
/// A decision compares it with the digest in the transaction that decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckCode(String);

/// It is no check code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a check code is at least {FEWEST} of the digits 0-9 and a-f, as they were shown")]
pub struct NoCheckCode;

impl CheckCode {
    /// The code of what bears this digest, with all its digits.
    pub fn of(digest: &[u8]) -> Self {
        Self(hex::encode(digest))
    }

    /// Does what bears this digest look as it was shown?
    pub fn matches(&self, digest: &[u8]) -> bool {
        self.0.len() >= FEWEST && hex::encode(digest).starts_with(&self.0)
    }

    /// All the digits that there are.
    pub fn whole(&self) -> &str {
        &self.0
    }

    /// In groups of four, for paper: `3f2a-91c0-77de`.
    pub fn grouped(&self) -> String {
        let shown = self.to_string();
        let groups: Vec<_> = (0..shown.len())
            .step_by(4)
            .map(|at| &shown[at..(at + 4).min(shown.len())])
            .collect();
        groups.join("-")
    }
}

/// The twelve digits that people are shown.
impl fmt::Display for CheckCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0[..SHOWN.min(self.0.len())])
    }
}

/// Blanks, hyphens and capitals don't matter.
impl FromStr for CheckCode {
    type Err = NoCheckCode;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let digits: String = given
            .chars()
            .filter(|c| !matches!(c, '-' | ' '))
            .flat_map(char::to_lowercase)
            .collect();
        let is_hex = digits.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
        match is_hex && (FEWEST..=64).contains(&digits.len()) {
            true => Ok(Self(digits)),
            false => Err(NoCheckCode),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: [u8; 32] = [0x3f; 32];

    #[test]
    fn a_code_is_matched_by_its_beginning_however_it_is_written() {
        for given in ["3f3f", "3F3F-3f3f-3f3f", " 3f 3f 3", &hex::encode(DIGEST)] {
            let code: CheckCode = given.parse().expect(given);
            assert!(code.matches(&DIGEST), "{given}");
        }
        let other: CheckCode = "3f3e".parse().expect("a code");
        assert!(!other.matches(&DIGEST));
    }

    #[test]
    fn what_matches_by_chance_or_always_is_no_code() {
        for given in ["", "-", "3f3", "3f3g", "校验码", &"3".repeat(65)] {
            assert_eq!(given.parse::<CheckCode>(), Err(NoCheckCode), "{given:?}");
        }
        assert!(!CheckCode::of(&[]).matches(&[]), "no digest is no digest");
    }

    #[test]
    fn people_see_twelve_digits() {
        let code = CheckCode::of(&DIGEST);
        assert_eq!(code.to_string(), "3f3f3f3f3f3f");
        assert_eq!(code.grouped(), "3f3f-3f3f-3f3f");
    }
}
