//! Wall time as one integer, and the office's zone.

use std::{
    fmt,
    ops::{Add, Sub},
    time::Duration,
};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01 UTC: the one form in which wall time is stored and compared.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl Micros {
    /// The same instant as a chrono time in UTC.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }

    /// The same instant on the office's clock.
    pub fn local(self, zone: Tz) -> DateTime<Tz> {
        self.utc().with_timezone(&zone)
    }

    /// This instant moved by whole seconds (negative: earlier).
    #[must_use]
    pub fn plus_secs(self, secs: i64) -> Self {
        Self(self.0.saturating_add(secs.saturating_mul(1_000_000)))
    }

    /// RFC 3339 with the zone's offset, to the second.
    pub fn rfc3339(self, zone: Tz) -> String {
        self.local(zone)
            .to_rfc3339_opts(chrono::SecondsFormat::Secs, false)
    }
}

impl Micros {
    /// How long ago `earlier` was; nothing when it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        let us = self.0.saturating_sub(earlier.0);
        Duration::from_micros(u64::try_from(us).unwrap_or(0))
    }
}

/// An instant on the office's clock, for people and programs: RFC 3339 with the zone's offset, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zoned {
    /// The instant.
    pub at: Micros,
    /// The office's zone.
    pub zone: Tz,
}

impl Micros {
    /// This instant on the office's clock.
    pub const fn on(self, zone: Tz) -> Zoned {
        Zoned { at: self, zone }
    }
}

impl Zoned {
    /// In a form of chrono's, `%m-%d %H:%M`.
    pub fn format(self, form: &str) -> String {
        self.at.local(self.zone).format(form).to_string()
    }
}

impl fmt::Display for Zoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.at.rfc3339(self.zone))
    }
}

impl Serialize for Zoned {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// An instant before 292,000 years from now, or that one.
impl Add<Duration> for Micros {
    type Output = Self;
    fn add(self, later: Duration) -> Self {
        let us = i64::try_from(later.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(us))
    }
}

/// An instant after 292,000 years ago, or that one.
impl Sub<Duration> for Micros {
    type Output = Self;
    fn sub(self, earlier: Duration) -> Self {
        let us = i64::try_from(earlier.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(us))
    }
}

impl<Z: chrono::TimeZone> From<DateTime<Z>> for Micros {
    fn from(t: DateTime<Z>) -> Self {
        Self(t.timestamp_micros())
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.utc()
            .to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
            .fmt(f)
    }
}
