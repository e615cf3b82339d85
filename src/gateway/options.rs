//! The protocol-specific keys of a `[[gateways]]` entry: typed, and an unknown one is an error that
//! names the nearest right one.

use std::{collections::BTreeMap, time::Duration};

use toml::Value;

use crate::domain::nearest::distance;

/// A protocol-specific key that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// No such key for this protocol.
    #[error("unknown key `{key}`: did you mean `{nearest}`?")]
    Unknown {
        /// As written.
        key: String,
        /// The right name that is most like it.
        nearest: &'static str,
    },
    /// The value is of another type or outside its range.
    #[error("`{key}` is {found}: expected {expected}")]
    BadValue {
        /// The key.
        key: &'static str,
        /// As written.
        found: String,
        /// What would be right.
        expected: String,
    },
}

/// Reads keys one by one; [`Options::finish`] then complains about those that were not read.
#[derive(Debug)]
pub(super) struct Options<'a> {
    values: &'a BTreeMap<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Options<'a> {
    /// The keys of one gateway.
    pub(super) fn new(values: &'a BTreeMap<String, Value>) -> Self {
        Self {
            values,
            known: Vec::new(),
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> Result<bool, OptionError> {
        self.read(key, default, "true or false", Value::as_bool)
    }

    /// A number within `0..=max`.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        default: Option<u8>,
        max: u8,
    ) -> Result<Option<u8>, OptionError> {
        let within = |v: &Value| {
            v.as_integer()
                .and_then(|n| u8::try_from(n).ok())
                .filter(|n| *n <= max)
                .map(Some)
        };
        self.read(key, default, &format!("a number from 0 to {max}"), within)
    }

    /// A whole number of 32 bits, which may be large.
    pub(super) fn word(&mut self, key: &'static str) -> Result<Option<u32>, OptionError> {
        let word = |v: &Value| Some(v.as_integer().and_then(|n| u32::try_from(n).ok()));
        self.read(key, None, "a number from 0 to 4294967295", |v| {
            word(v).filter(Option::is_some)
        })
    }

    /// A list of texts, each of which `parse` takes.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, OptionError> {
        let list = |v: &Value| v.as_array()?.iter().map(|v| parse(v.as_str()?)).collect();
        self.read(key, Vec::new(), expected, list)
    }

    /// A text of at most `max` bytes.
    pub(super) fn text(
        &mut self,
        key: &'static str,
        default: &str,
        max: usize,
    ) -> Result<String, OptionError> {
        let fits = |v: &Value| v.as_str().filter(|s| s.len() <= max).map(str::to_owned);
        self.read(
            key,
            default.to_owned(),
            &format!("a text of at most {max} bytes"),
            fits,
        )
    }

    /// One of these words; the first is the default.
    pub(super) fn choice(
        &mut self,
        key: &'static str,
        words: &'static [&'static str],
    ) -> Result<&'static str, OptionError> {
        let known = |v: &Value| {
            let word = v.as_str()?;
            words.iter().find(|known| **known == word).copied()
        };
        let default = words.first().copied().unwrap_or_default();
        self.read(key, default, &format!("one of {}", words.join(", ")), known)
    }

    /// A list of result codes.
    pub(super) fn codes(
        &mut self,
        key: &'static str,
        default: &[u32],
    ) -> Result<Vec<u32>, OptionError> {
        let codes = |v: &Value| {
            v.as_array()?
                .iter()
                .map(|c| u32::try_from(c.as_integer()?).ok())
                .collect()
        };
        self.read(
            key,
            default.to_vec(),
            "a list of result codes, such as [13, 101]",
            codes,
        )
    }

    /// Whole seconds, or a text such as `"30s"`, `"500ms"`, `"3m"`.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        default: Duration,
    ) -> Result<Duration, OptionError> {
        self.read(
            key,
            default,
            "a time longer than nothing, such as \"30s\"",
            duration,
        )
    }

    /// The key is one of this protocol's, whatever its value.
    pub(super) fn knows(&mut self, key: &'static str) {
        self.known.push(key);
    }

    /// All keys must have been asked for by now.
    pub(super) fn finish(self) -> Result<(), OptionError> {
        match self
            .values
            .keys()
            .find(|key| !self.known.contains(&key.as_str()))
        {
            None => Ok(()),
            Some(key) => {
                let nearest = self
                    .known
                    .iter()
                    .min_by_key(|known| distance(key, known))
                    .copied()
                    .unwrap_or("");
                Err(OptionError::Unknown {
                    key: key.clone(),
                    nearest,
                })
            }
        }
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        default: T,
        expected: &str,
        parse: impl Fn(&Value) -> Option<T>,
    ) -> Result<T, OptionError> {
        self.known.push(key);
        let Some(value) = self.values.get(key) else {
            return Ok(default);
        };
        parse(value).ok_or_else(|| OptionError::BadValue {
            key,
            found: value.to_string(),
            expected: expected.to_owned(),
        })
    }
}

fn duration(value: &Value) -> Option<Duration> {
    let found = match value {
        Value::Integer(seconds) => Duration::from_secs(u64::try_from(*seconds).ok()?),
        Value::String(text) => {
            let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            let count: u64 = digits.trim().parse().ok()?;
            match &text[digits.len()..] {
                "ms" => Duration::from_millis(count),
                "s" => Duration::from_secs(count),
                "m" => Duration::from_secs(count.checked_mul(60)?),
                _ => return None,
            }
        }
        _ => return None,
    };
    (!found.is_zero()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> BTreeMap<String, Value> {
        toml::from_str(text).expect("valid TOML")
    }

    #[test]
    fn an_unknown_key_names_the_nearest_right_one() {
        let values = values("fee_codes = \"1\"");
        let mut options = Options::new(&values);
        options.text("fee_code", "", 6).expect("absent");
        options.flag("prefix86", false).expect("absent");
        let error = options.finish().expect_err("unknown");
        assert_eq!(
            error.to_string(),
            "unknown key `fee_codes`: did you mean `fee_code`?"
        );
    }

    #[test]
    fn a_bad_value_says_what_was_expected() {
        let values = values("prefix86 = 1\nkeep_alive = \"soon\"\nfee_user_type = 4");
        let mut options = Options::new(&values);
        assert_eq!(
            options
                .flag("prefix86", false)
                .expect_err("bad")
                .to_string(),
            "`prefix86` is 1: expected true or false"
        );
        assert!(
            options
                .duration("keep_alive", Duration::from_secs(30))
                .is_err()
        );
        assert!(options.number("fee_user_type", Some(2), 3).is_err());
    }

    #[test]
    fn times_are_read_with_their_unit() {
        for (text, ms) in [
            ("k = 5", 5_000),
            ("k = \"500ms\"", 500),
            ("k = \"3m\"", 180_000),
            ("k = \"30s\"", 30_000),
        ] {
            let values = values(text);
            let read = Options::new(&values).duration("k", Duration::ZERO);
            assert_eq!(read, Ok(Duration::from_millis(ms)), "{text}");
        }
    }
}
