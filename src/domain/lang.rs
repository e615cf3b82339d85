//! The two languages in which reasons are given.

use std::str::FromStr;

/// The language of a page, a command's answer or a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Lang {
    /// Simplified Chinese, what most of the office reads.
    #[default]
    Zh,
    /// English, plain and without idioms.
    En,
}

impl Lang {
    /// Of two texts the one in this language.
    pub fn pick<T>(self, zh: T, en: T) -> T {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }

    /// `zh` or `en`.
    pub fn as_str(self) -> &'static str {
        self.pick("zh", "en")
    }
}

/// The language is neither `zh` nor `en`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("language {0:?} is not known: write zh or en")]
pub struct UnknownLang(String);

impl FromStr for Lang {
    type Err = UnknownLang;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "zh" => Ok(Self::Zh),
            "en" => Ok(Self::En),
            _ => Err(UnknownLang(s.to_owned())),
        }
    }
}
