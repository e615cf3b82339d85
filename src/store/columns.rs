//! From a row's columns to values that cannot be wrong. Each function names table, column and row where a
//! column holds what Watchbell never writes; none has a value to fall back on.

/// Declares a stored row, and a macro with the names of its columns: what a newer version of the schema adds is not
/// read by a process that does not know it.
macro_rules! stored_row {
    ($(#[$about:meta])* $vis:vis struct $row:ident as $columns:ident {
        $first:ident: $first_type:ty,
        $($field:ident: $type:ty,)*
    }) => {
        $(#[$about])*
        #[derive(sqlx::FromRow)]
        $vis struct $row {
            $first: $first_type,
            $($field: $type,)*
        }

        macro_rules! $columns {
            () => {
                concat!(stringify!($first) $(, ", ", stringify!($field))*)
            };
            ($of:literal) => {
                concat!($of, stringify!($first) $(, ", ", $of, stringify!($field))*)
            };
        }
    };
}
pub(super) use stored_row;

use std::{fmt::Display, str::FromStr};

use serde::{Serialize, de::DeserializeOwned};

use super::{Result, error::Corrupt};
use crate::domain::{id::GatewayId, ledger::Hash, phone::Phone, time::Micros};

/// The columns of one row.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    table: &'static str,
    row: &'a dyn Display,
}

type Read<T> = std::result::Result<T, Corrupt>;

impl<'a> Columns<'a> {
    /// Of the row with this key.
    pub(super) fn of(table: &'static str, row: &'a dyn Display) -> Self {
        Self { table, row }
    }

    /// The value of `column` is wrong.
    pub(super) fn corrupt(self, column: &'static str) -> Corrupt {
        Corrupt::on(self.table, column, self.row)
    }

    /// A word that is written in one way only.
    pub(super) fn word<T: FromStr>(self, column: &'static str, text: &str) -> Read<T> {
        text.parse().map_err(|_| self.corrupt(column))
    }

    /// A text that could be written in several ways, and is stored in one.
    pub(super) fn parse<T: FromStr + Display>(self, column: &'static str, text: &str) -> Read<T> {
        let value: T = self.word(column, text)?;
        match value.to_string() == text {
            true => Ok(value),
            false => Err(self.corrupt(column)),
        }
    }

    /// A number within the bounds of its type.
    pub(super) fn number<T: TryFrom<i64>>(self, column: &'static str, n: i64) -> Read<T> {
        T::try_from(n).map_err(|_| self.corrupt(column))
    }

    /// 0 or 1.
    pub(super) fn flag(self, column: &'static str, n: i64) -> Read<bool> {
        match n {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.corrupt(column)),
        }
    }

    /// A SHA-256 value.
    pub(super) fn hash(self, column: &'static str, bytes: &[u8]) -> Read<Hash> {
        bytes.try_into().map_err(|_| self.corrupt(column))
    }

    /// A number that must be there, as its 11 digits.
    pub(super) fn phone(self, column: &'static str, text: &str) -> Read<Phone> {
        let phone = Phone::from_wire(text).filter(|_| text.len() == 11);
        phone.ok_or_else(|| self.corrupt(column))
    }

    /// A number that may have been erased: empty.
    pub(super) fn phone_or_erased(self, column: &'static str, text: &str) -> Read<Option<Phone>> {
        match text {
            "" => Ok(None),
            text => self.phone(column, text).map(Some),
        }
    }

    /// JSON of a known shape, written as serde writes it.
    pub(super) fn json<T: Serialize + DeserializeOwned>(
        self,
        column: &'static str,
        text: &str,
    ) -> Read<T> {
        let value: T = serde_json::from_str(text).map_err(|_| self.corrupt(column))?;
        match serde_json::to_string(&value).is_ok_and(|written| written == text) {
            true => Ok(value),
            false => Err(self.corrupt(column)),
        }
    }
}

/// A row's key that is a number: masked, for an error may end in a log.
pub(super) struct NumberKey<'a>(pub(super) &'a str);

impl Display for NumberKey<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match Phone::from_wire(self.0) {
            Some(phone) => phone.fmt(f),
            None => f.write_str("a number that is none"),
        }
    }
}

/// An instant; 0 means none.
pub(super) fn time(us: i64) -> Option<Micros> {
    (us != 0).then_some(Micros(us))
}

/// An instant as it is stored: none is 0.
pub(super) fn us(at: Option<Micros>) -> i64 {
    at.map_or(0, |at| at.0)
}

/// A text; empty means none.
pub(super) fn text(text: String) -> Option<String> {
    Some(text).filter(|t| !t.is_empty())
}

/// A gateway; empty means none.
pub(super) fn gateway(id: String) -> Option<GatewayId> {
    text(id).map(GatewayId)
}

/// The rows that can be read, and what is wrong with the others: where one that fits nowhere must not stop all.
pub(super) fn readable<R, T: TryFrom<R, Error = Corrupt>>(rows: Vec<R>) -> (Vec<T>, Vec<Corrupt>) {
    let mut read = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match T::try_from(row) {
            Ok(value) => read.0.push(value),
            Err(corrupt) => read.1.push(corrupt),
        }
    }
    read
}

/// Every row as a value.
pub(super) fn all<R, T: TryFrom<R, Error = Corrupt>>(rows: Vec<R>) -> Result<Vec<T>> {
    let read: Read<Vec<T>> = rows.into_iter().map(T::try_from).collect();
    Ok(read?)
}
