//! How an order reaches its carrier, what the office commands it there, and what the carrier answers to a command.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What begins the stored answer of a carrier that refused.
const REFUSED: &str = "refused: ";

/// No such word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown word {0:?}")]
pub struct UnknownWord(pub String);

/// How an order reaches its carrier; decided when it is issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Over the carrier's own interface.
    Http,
    /// A letter and a form.
    Paper,
}

impl Channel {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Http, Self::Paper];

    /// Its word in the database, in the ledger and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Paper => "paper",
        }
    }
}

impl FromStr for Channel {
    type Err = UnknownWord;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|c| c.as_str() == s);
        known.ok_or_else(|| UnknownWord(s.to_owned()))
    }
}

/// What the office commands a carrier to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommandAct {
    /// Here is an order.
    Create,
    /// The text once more: what arrived was wrong.
    Correct,
    /// What arrived is right: send.
    Release,
    /// Don't send, or stop.
    Withdraw,
}

impl CommandAct {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Create, Self::Correct, Self::Release, Self::Withdraw];

    /// Its word in keys, paths and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Correct => "correct",
            Self::Release => "release",
            Self::Withdraw => "withdraw",
        }
    }
}

impl FromStr for CommandAct {
    type Err = UnknownWord;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|a| a.as_str() == s);
        known.ok_or_else(|| UnknownWord(s.to_owned()))
    }
}

/// What a carrier's interface answered to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandAnswer {
    /// It has the command, and will act on it.
    Taken,
    /// It refuses, for this reason in one line.
    Refused(String),
}

/// As it stands in the database and in the ledger.
impl fmt::Display for CommandAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str("taken"),
            Self::Refused(reason) => write!(f, "{REFUSED}{reason}"),
        }
    }
}

impl FromStr for CommandAnswer {
    type Err = UnknownWord;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match (s, s.strip_prefix(REFUSED)) {
            ("taken", _) => Ok(Self::Taken),
            (_, Some(reason)) => Ok(Self::Refused(reason.to_owned())),
            (_, None) => Err(UnknownWord(s.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_reads_back_and_no_other_does() {
        for channel in Channel::ALL {
            assert_eq!(channel.as_str().parse(), Ok(channel));
        }
        for act in CommandAct::ALL {
            assert_eq!(act.as_str().parse(), Ok(act));
        }
        for answer in [
            CommandAnswer::Taken,
            CommandAnswer::Refused("HTTP 409 no".into()),
        ] {
            assert_eq!(answer.to_string().parse(), Ok(answer));
        }
        assert!("fax".parse::<Channel>().is_err());
        assert!("".parse::<Channel>().is_err());
        assert!("stop".parse::<CommandAct>().is_err());
        assert!("told".parse::<CommandAnswer>().is_err());
    }
}
