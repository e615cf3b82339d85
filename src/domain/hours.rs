//! When messages may go out: the season, the quiet hours, and what people write as times, all on the office's clock.

use std::{fmt, str::FromStr, time::Duration};

use chrono::{
    DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike,
};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{lang::Lang, priority::Priority, time::Micros};

/// A day of any year, `06-30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonthDay {
    month: u32,
    day: u32,
}

impl MonthDay {
    /// `None` when no year has such a day; 29 February is one.
    pub fn new(month: u32, day: u32) -> Option<Self> {
        // 2000 was a leap year.
        NaiveDate::from_ymd_opt(2000, month, day).map(|_| Self { month, day })
    }

    fn of(date: NaiveDate) -> Self {
        Self {
            month: date.month(),
            day: date.day(),
        }
    }

    /// The day in a year; 29 February becomes 1 March where there is none.
    fn in_year(self, year: i32) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(year, self.month, self.day)
            .or_else(|| NaiveDate::from_ymd_opt(year, 3, 1))
    }
}

impl MonthDay {
    /// The day in a year that has it.
    pub fn exactly_in(self, year: i32) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(year, self.month, self.day)
    }

    /// Its month, from 1.
    pub fn month(self) -> u32 {
        self.month
    }

    /// Its day, from 1.
    pub fn day(self) -> u32 {
        self.day
    }
}

impl fmt::Display for MonthDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}-{:02}", self.month, self.day)
    }
}

impl FromStr for MonthDay {
    type Err = TimeError;
    fn from_str(s: &str) -> Result<Self, TimeError> {
        let parsed = two_numbers(s, '-').and_then(|(month, day)| Self::new(month, day));
        parsed.ok_or_else(|| TimeError::MonthDay(s.to_owned()))
    }
}

/// A time of day to the minute, `21:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HourMinute(NaiveTime);

impl HourMinute {
    /// `None` when no day has such a time.
    pub fn new(hour: u32, minute: u32) -> Option<Self> {
        NaiveTime::from_hms_opt(hour, minute, 0).map(Self)
    }

    /// As chrono's time.
    pub fn time(self) -> NaiveTime {
        self.0
    }
}

impl fmt::Display for HourMinute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0.hour(), self.0.minute())
    }
}

impl FromStr for HourMinute {
    type Err = TimeError;
    fn from_str(s: &str) -> Result<Self, TimeError> {
        let parsed = two_numbers(s, ':').and_then(|(hour, minute)| Self::new(hour, minute));
        parsed.ok_or_else(|| TimeError::HourMinute(s.to_owned()))
    }
}

/// From when to when on each of some days, `09:00-18:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourSpan {
    /// The first minute.
    pub opens: HourMinute,
    /// The minute at which it is over.
    pub closes: HourMinute,
}

impl fmt::Display for HourSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.opens, self.closes)
    }
}

impl FromStr for HourSpan {
    type Err = TimeError;
    fn from_str(s: &str) -> Result<Self, TimeError> {
        let (opens, closes) = s
            .split_once('-')
            .ok_or_else(|| TimeError::HourMinute(s.to_owned()))?;
        Ok(Self {
            opens: opens.parse()?,
            closes: closes.parse()?,
        })
    }
}

/// Reads and writes a type as its text.
macro_rules! serde_as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

serde_as_text!(MonthDay, HourMinute, HourSpan);

/// The part of the year in which messages go out, both days included; `from` after `to` spans the new year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Season {
    /// First day.
    pub from: MonthDay,
    /// Last day.
    pub to: MonthDay,
}

impl Season {
    /// Is the day in season?
    pub fn contains(&self, date: NaiveDate) -> bool {
        let day = MonthDay::of(date);
        if self.from <= self.to {
            self.from <= day && day <= self.to
        } else {
            day >= self.from || day <= self.to
        }
    }

    /// The first day of the season on or after a day out of season.
    fn next_start(&self, date: NaiveDate) -> Option<NaiveDate> {
        let this_year = self.from.in_year(date.year())?;
        if this_year >= date {
            Some(this_year)
        } else {
            self.from.in_year(date.year() + 1)
        }
    }
}

/// The hours in which nothing but urgent messages goes out: from `from` until just before `to`, also over midnight;
/// the same time twice means none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// When quiet begins.
    pub from: HourMinute,
    /// When sending may begin again.
    pub to: HourMinute,
}

impl QuietHours {
    /// Is the time of day a quiet one?
    pub fn contains(&self, time: NaiveTime) -> bool {
        let (from, to) = (self.from.0, self.to.0);
        if from <= to {
            from <= time && time < to
        } else {
            time >= from || time < to
        }
    }
}

/// The office's rule about when messages go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// In which part of the year.
    pub season: Season,
    /// Not at these hours.
    pub quiet: QuietHours,
    /// On whose clock.
    pub zone: Tz,
}

/// May a message go out now?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// It may be sent now.
    Open,
    /// No: not before this instant, for this reason.
    OpensAt(Micros, Closed),
}

/// Why nothing may go out now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// The day is out of season.
    OutOfSeason,
    /// The hour is a quiet one.
    QuietHours,
}

impl Closed {
    /// A code that never changes, for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::OutOfSeason => "out_of_season",
            Self::QuietHours => "quiet_hours",
        }
    }

    /// The reason in words.
    pub fn reason(self, lang: Lang) -> &'static str {
        match self {
            Self::OutOfSeason => lang.pick("不在发送季节内", "out of season"),
            Self::QuietHours => lang.pick("在免打扰时段内", "in the quiet hours"),
        }
    }
}

impl Hours {
    /// Whether a message of this priority may go out at `now`, else from when on.
    pub fn may_send(&self, now: Micros, priority: Priority) -> Window {
        let reason = match self.closed(now) {
            Some(reason) if priority != Priority::Urgent => reason,
            _ => return Window::Open,
        };
        // Each step leaves one obstacle behind; the year's turn and a season's first quiet morning are the most there can be.
        let mut at = now;
        for _ in 0..8 {
            let Some(closed) = self.closed(at) else { break };
            let local = at.local(self.zone).naive_local();
            let next = match closed {
                Closed::OutOfSeason => self
                    .season
                    .next_start(local.date())
                    .map(|d| d.and_time(NaiveTime::MIN)),
                Closed::QuietHours => {
                    let to = self.quiet.to.0;
                    let day = if local.time() < to {
                        Some(local.date())
                    } else {
                        local.date().checked_add_days(Days::new(1))
                    };
                    day.map(|d| d.and_time(to))
                }
            };
            at = next.map_or(Micros(i64::MAX), |t| instant(t, self.zone));
        }
        Window::OpensAt(at, reason)
    }

    /// The first instant, from `at` on, at which a message of this priority may go out.
    pub fn opens(&self, at: Micros, priority: Priority) -> Micros {
        match self.may_send(at, priority) {
            Window::Open => at,
            Window::OpensAt(later, _) => later,
        }
    }

    /// The instant from which nothing but urgent messages goes out any more; `now` itself when the window is closed.
    /// `None` when it stays open for the next two days.
    pub fn closes_at(&self, now: Micros) -> Option<Micros> {
        if self.closed(now).is_some() {
            return Some(now);
        }
        let today = now.local(self.zone).date_naive();
        let days = (0..=2).filter_map(|n| today.checked_add_days(Days::new(n)));
        let edges = days.flat_map(|day| {
            [
                day.and_time(NaiveTime::MIN),
                day.and_time(self.quiet.from.0),
            ]
        });
        let mut edges: Vec<Micros> = edges
            .map(|t| instant(t, self.zone))
            .filter(|t| *t > now)
            .collect();
        edges.sort_unstable();
        edges.into_iter().find(|t| self.closed(*t).is_some())
    }

    fn closed(&self, at: Micros) -> Option<Closed> {
        let local = at.local(self.zone);
        if !self.season.contains(local.date_naive()) {
            Some(Closed::OutOfSeason)
        } else if self.quiet.contains(local.time()) {
            Some(Closed::QuietHours)
        } else {
            None
        }
    }
}

/// Reads a *not after*: RFC 3339 with its offset, `2023-06-12 18:00` or `2023-06-12` (its end) on the office's
/// clock, `18:00` today, or `+2h` from now.
pub fn parse_not_after(text: &str, now: Micros, zone: Tz) -> Result<Micros, TimeError> {
    let text = text.trim();
    let unread = || TimeError::NotAfter(text.to_owned());
    if let Some(span) = text.strip_prefix('+') {
        let span = parse_duration(span)?;
        let micros = i64::try_from(span.as_micros()).map_err(|_| unread())?;
        return Ok(Micros(now.0.saturating_add(micros)));
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.into());
    }
    for format in [
        "%Y-%m-%d %H:%M",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%dT%H:%M:%S",
    ] {
        if let Ok(local) = NaiveDateTime::parse_from_str(text, format) {
            return Ok(instant(local, zone));
        }
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        let end = day.checked_add_days(Days::new(1)).ok_or_else(unread)?;
        return Ok(instant(end.and_time(NaiveTime::MIN), zone));
    }
    let time: HourMinute = text.parse().map_err(|_| unread())?;
    Ok(instant(now.local(zone).date_naive().and_time(time.0), zone))
}

/// Reads `72h`, `30m`, `10s`, `500ms`, `2d` and sums such as `1h30m`.
pub fn parse_duration(text: &str) -> Result<Duration, TimeError> {
    let unread = || TimeError::Duration(text.to_owned());
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return Err(unread());
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let amount: u64 = rest[..digits].parse().map_err(|_| unread())?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let millis: u64 = match &rest[..letters] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(unread()),
        };
        rest = &rest[letters..];
        let part = amount
            .checked_mul(millis)
            .map(Duration::from_millis)
            .ok_or_else(unread)?;
        total = total.checked_add(part).ok_or_else(unread)?;
    }
    Ok(total)
}

/// A time that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not a day of the year.
    #[error("{0:?} is not a day of the year: write month and day, 06-30")]
    MonthDay(String),
    /// Not a time of day.
    #[error("{0:?} is not a time of day: write 00:00 to 23:59")]
    HourMinute(String),
    /// Not a duration.
    #[error("{0:?} is not a duration: write 72h, 30m, 10s or 500ms")]
    Duration(String),
    /// Not an instant.
    #[error("{0:?} is not a time: write 2023-06-12T18:00:00+08:00, 2023-06-12 18:00, 18:00 or +2h")]
    NotAfter(String),
}

/// The instant of a local time. A time that occurs twice is its first; one that a change of clocks skips is the next
/// that exists. (Beijing time has neither; the zone is a setting.)
pub fn instant(local: NaiveDateTime, zone: Tz) -> Micros {
    let quarters = (0..=8).map(|n| local + TimeDelta::minutes(15 * n));
    let found = quarters
        .into_iter()
        .find_map(|t| zone.from_local_datetime(&t).earliest());
    found.map_or_else(|| Micros::from(local.and_utc()), Micros::from)
}

/// `06-30` as 6 and 30: one or two digits on each side, nothing else.
fn two_numbers(text: &str, between: char) -> Option<(u32, u32)> {
    let (a, b) = text.trim().split_once(between)?;
    let fits = |s: &str| (1..=2).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit());
    if !(fits(a) && fits(b)) {
        return None;
    }
    Some((a.parse().ok()?, b.parse().ok()?))
}

#[cfg(test)]
mod tests;
