//! Days of the lunar year: when a festival falls in a year.

use std::{fmt, str::FromStr};

use chrono::{Datelike, NaiveDate};
use tyme4rs::tyme::lunar;

/// A month and a day of the lunar year, `05-05`; never of a leap month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LunarDay {
    month: u8,
    day: u8,
}

impl LunarDay {
    /// `None` when no lunar year has such a day.
    pub fn new(month: u8, day: u8) -> Option<Self> {
        ((1..=12).contains(&month) && (1..=30).contains(&day)).then_some(Self { month, day })
    }

    /// The day of the solar year on which it falls; a day in the last lunar month may fall in January.
    pub fn in_year(self, year: i32) -> Option<NaiveDate> {
        let of = |lunar_year: i32| {
            let day = lunar::LunarDay::new(
                isize::try_from(lunar_year).ok()?,
                isize::from(self.month),
                usize::from(self.day),
            )
            .ok()?
            .get_solar_day();
            NaiveDate::from_ymd_opt(
                i32::try_from(day.get_year()).ok()?,
                u32::try_from(day.get_month()).ok()?,
                u32::try_from(day.get_day()).ok()?,
            )
        };
        [year, year - 1]
            .into_iter()
            .filter_map(of)
            .find(|d| d.year() == year)
    }
}

impl fmt::Display for LunarDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}-{:02}", self.month, self.day)
    }
}

/// Not a day of the lunar year.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a day of the lunar year: write month and day, 05-05")]
pub struct NoLunarDay(String);

impl FromStr for LunarDay {
    type Err = NoLunarDay;
    fn from_str(s: &str) -> Result<Self, NoLunarDay> {
        let read = || {
            let (month, day) = s.trim().split_once('-')?;
            Self::new(month.parse().ok()?, day.parse().ok()?)
        };
        read().ok_or_else(|| NoLunarDay(s.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dragon_boat_festival_falls_where_the_notices_say() {
        let festival: LunarDay = "05-05".parse().unwrap();
        for (year, month, day) in [
            (2023, 6, 22),
            (2024, 6, 10),
            (2025, 5, 31),
            (2026, 6, 19),
            (2027, 6, 9),
            (2028, 5, 28),
        ] {
            assert_eq!(
                festival.in_year(year),
                NaiveDate::from_ymd_opt(year, month, day),
                "{year}"
            );
        }
    }
}
