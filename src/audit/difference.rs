//! What verification found, in words for people and for programs.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use crate::{
    domain::lang::Lang,
    store::{self, Corrupt},
};

/// The first thing that is not as the ledger says, or that the ledger itself contradicts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which table.
    pub table: &'static str,
    /// Which row of it.
    pub row: String,
    /// What about it.
    pub what: What,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A column holds something else.
    Differs {
        /// Which column.
        column: &'static str,
        /// What it holds.
        is: String,
        /// What follows from the ledger.
        ledger: String,
    },
    /// The ledger has it, the table has not.
    Missing,
    /// The table has it, the ledger knows nothing of it.
    Extra,
    /// Something else.
    Wrong(Say),
}

/// A sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Say {
    /// 中文
    pub zh: String,
    /// The same in English.
    pub en: String,
}

pub(super) fn say(zh: impl Into<String>, en: impl Into<String>) -> Say {
    Say {
        zh: zh.into(),
        en: en.into(),
    }
}

impl Difference {
    /// The sentence for people.
    pub fn text(&self, lang: Lang) -> String {
        let Self { table, row, what } = self;
        let about = what.text(lang);
        match lang {
            Lang::Zh => format!("{table} {row}：{about}"),
            Lang::En => format!("{table} {row}: {about}"),
        }
    }
}

impl What {
    fn text(&self, lang: Lang) -> String {
        match self {
            Self::Differs { column, is, ledger } => lang.pick(
                format!("{column} 为 {is:?}，按台账应为 {ledger:?}"),
                format!("{column} is {is:?}, the ledger says {ledger:?}"),
            ),
            Self::Missing => lang
                .pick("台账中有，表中没有", "the ledger has it, the table has not")
                .to_owned(),
            Self::Extra => lang
                .pick(
                    "表中有，台账中没有",
                    "the table has it, the ledger knows nothing of it",
                )
                .to_owned(),
            Self::Wrong(Say { zh, en }) => lang.pick(zh, en).clone(),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl Serialize for Difference {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut object = to.serialize_struct("Difference", 3)?;
        object.serialize_field("table", self.table)?;
        object.serialize_field("row", &self.row)?;
        object.serialize_field("what", &self.what.text(Lang::En))?;
        object.end()
    }
}

/// Why a check went no further.
#[derive(Debug)]
pub(super) enum Stop {
    Found(Difference),
    Store(store::Error),
}

impl From<Difference> for Stop {
    fn from(found: Difference) -> Self {
        Self::Found(found)
    }
}

impl From<store::Error> for Stop {
    fn from(error: store::Error) -> Self {
        match error {
            // What no program of ours writes is a finding, not a failure.
            store::Error::Corrupt(Corrupt { table, column, row }) => Self::Found(wrong(
                table,
                row,
                say(
                    format!("{column} 含有不可能的内容"),
                    format!("{column} holds what is never written"),
                ),
            )),
            other => Self::Store(other),
        }
    }
}

pub(super) type Check<T = ()> = Result<T, Stop>;

pub(super) fn wrong(table: &'static str, row: impl fmt::Display, words: Say) -> Difference {
    Difference {
        table,
        row: row.to_string(),
        what: What::Wrong(words),
    }
}

pub(super) fn missing(table: &'static str, row: impl fmt::Display) -> Stop {
    Stop::Found(Difference {
        table,
        row: row.to_string(),
        what: What::Missing,
    })
}

pub(super) fn extra(table: &'static str, row: impl fmt::Display) -> Stop {
    Stop::Found(Difference {
        table,
        row: row.to_string(),
        what: What::Extra,
    })
}

/// A column must hold what the ledger says.
#[expect(
    clippy::needless_pass_by_value,
    reason = "numbers and strings alike, without a & at each of them"
)]
pub(super) fn same<T: PartialEq + fmt::Display>(
    table: &'static str,
    row: impl fmt::Display,
    column: &'static str,
    is: T,
    ledger: T,
) -> Check {
    if is == ledger {
        return Ok(());
    }
    let what = What::Differs {
        column,
        is: is.to_string(),
        ledger: ledger.to_string(),
    };
    Err(Stop::Found(Difference {
        table,
        row: row.to_string(),
        what,
    }))
}
