//! A calendar month, as a report is asked for one.

use std::{fmt, str::FromStr};

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, TimeDelta, TimeZone as _};
use chrono_tz::Tz;

use super::time::Micros;

/// A month of a year, such as `2023-06`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(NaiveDate);

impl Month {
    /// Its first instant in a zone, and the next month's.
    pub fn bounds(self, zone: Tz) -> (Micros, Micros) {
        let next = self.0 + chrono::Months::new(1);
        (midnight(self.0, zone), midnight(next, zone))
    }

    /// The year.
    pub fn year(self) -> i32 {
        self.0.year()
    }

    /// 1 to 12.
    pub fn number(self) -> u32 {
        self.0.month()
    }
}

/// A day's first instant; where clocks skip midnight, the first one after it.
fn midnight(day: NaiveDate, zone: Tz) -> Micros {
    let mut local = NaiveDateTime::from(day);
    for _ in 0..8 {
        if let Some(first) = zone.from_local_datetime(&local).earliest() {
            return first.into();
        }
        local += TimeDelta::minutes(30);
    }
    local.and_utc().into()
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.number())
    }
}

/// Not a month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} 不是月份，请写成 2023-06 · is no month: write it like 2023-06")]
pub struct UnknownMonth(String);

impl FromStr for Month {
    type Err = UnknownMonth;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownMonth(s.to_owned());
        let is_plain = s.len() == 7 && s.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let day =
            NaiveDate::parse_from_str(&format!("{s}-01"), "%Y-%m-%d").map_err(|_| unknown())?;
        // Beyond these a month's end is no instant that can be stored.
        match is_plain && (1970..=9000).contains(&day.year()) {
            true => Ok(Self(day)),
            false => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_and_ends_at_the_offices_midnight() {
        let month: Month = "2023-06".parse().unwrap();
        let (from, to) = month.bounds(chrono_tz::Asia::Shanghai);
        assert_eq!(from.to_string(), "2023-05-31T16:00:00.000000Z");
        assert_eq!(to.to_string(), "2023-06-30T16:00:00.000000Z");
        assert_eq!(month.to_string(), "2023-06");
        let (_, to) = "2023-12".parse::<Month>().unwrap().bounds(chrono_tz::UTC);
        assert_eq!(to.to_string(), "2024-01-01T00:00:00.000000Z");
    }

    #[test]
    fn what_is_no_month_is_refused() {
        for wrong in [
            "",
            "2023",
            "2023-13",
            "2023-6",
            "23-06",
            "2023-06-01",
            "+023-06",
            "六月",
        ] {
            assert!(wrong.parse::<Month>().is_err(), "{wrong}");
        }
    }
}
