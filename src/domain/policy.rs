//! What a run does when things do not go as planned: doubt about a message, and being late.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use super::time::Micros;

/// Policy for messages that may have left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDoubt {
    /// Never twice.
    Hold,
    /// Once more, then a person.
    Resend,
}

impl OnDoubt {
    /// The name in files and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Resend => "resend",
        }
    }
}

/// What a run does when it could not begin on time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Late {
    /// It is not sent; the missed slot stays visible.
    Skip,
    /// It is held until a person lets it go or calls it off.
    #[default]
    Ask,
    /// It is sent all the same, until its not-after.
    Send,
}

impl Late {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Skip, Self::Ask, Self::Send];

    /// The name in files and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Ask => "ask",
            Self::Send => "send",
        }
    }
}

/// What begins within this time of its slot is on time.
pub const LATE_TOLERANCE: Duration = Duration::from_mins(10);

/// Is it late, at `now`, for what could have begun at `due`?
pub fn is_late(now: Micros, due: Micros) -> bool {
    now.since(due) > LATE_TOLERANCE
}

/// The word names no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown policy {0:?}: write {1}")]
pub struct UnknownPolicy(pub String, pub &'static str);

impl fmt::Display for OnDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OnDoubt {
    type Err = UnknownPolicy;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "hold" => Ok(Self::Hold),
            "resend" => Ok(Self::Resend),
            _ => Err(UnknownPolicy(s.to_owned(), "hold or resend")),
        }
    }
}

impl FromStr for Late {
    type Err = UnknownPolicy;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|l| l.as_str() == s)
            .ok_or_else(|| UnknownPolicy(s.to_owned(), "skip, ask or send"))
    }
}
