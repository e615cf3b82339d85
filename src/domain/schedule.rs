//! When a campaign fires: once, by a cron rule, or around an event; on which days, and where it moves when it must.

mod cron;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fmt, str::FromStr};

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime};
use chrono_tz::Tz;

pub use self::cron::{Cron, CronError};
use super::{
    calendar::{Calendar, nearest_day},
    hours::{HourMinute, instant},
    lang::Lang,
    time::Micros,
};

/// The most slots a campaign may have: more than one a day all year is a slip of the pen.
pub const MAX_SLOTS: usize = 400;

/// How far a slot may move to a day that fits.
pub const MAX_MOVE_DAYS: u64 = 31;

/// The longest stretch of a cron rule, in days.
pub const MAX_CRON_DAYS: i64 = 366;

/// The most days, workdays or weeks that a slot may lie before or after its event.
pub const MAX_OFFSET: u16 = 366;

/// Days from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
}

impl Span {
    /// One day.
    pub fn day(date: NaiveDate) -> Self {
        Self {
            from: date,
            to: date,
        }
    }

    /// Is it a single day?
    pub fn is_day(&self) -> bool {
        self.from == self.to
    }

    /// Is the day one of them?
    pub fn contains(&self, date: NaiveDate) -> bool {
        self.from <= date && date <= self.to
    }

    /// Each day.
    pub fn days(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        let to = self.to;
        self.from.iter_days().take_while(move |d| *d <= to)
    }
}

/// For texts: `6月12日`, `6月4日至10日`, `6月28日至7月2日`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(f, "{}月{}日", from.month(), from.day())?;
        if self.is_day() {
            Ok(())
        } else if (from.year(), from.month()) == (to.year(), to.month()) {
            write!(f, "至{}日", to.day())
        } else {
            write!(f, "至{}月{}日", to.month(), to.day())
        }
    }
}

/// A campaign's schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// When it would fire.
    pub form: Form,
    /// On which days it may.
    pub days: Fitting,
    /// What becomes of a slot on another day.
    pub otherwise: Otherwise,
}

/// The forms in which a schedule is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// One day of the calendar.
    On {
        /// The day.
        date: NaiveDate,
        /// The time of day.
        at: HourMinute,
    },
    /// Again and again on the plan's clock.
    Cron {
        /// Minute, hour, day, month, weekday.
        rule: Cron,
        /// From which day to which.
        span: Span,
    },
    /// On a day counted from an event, or on its day.
    Around {
        /// The event's id.
        event: String,
        /// How far from it.
        offset: Option<Offset>,
        /// From which end of it.
        edge: Edge,
        /// The time of day.
        at: HourMinute,
    },
    /// On each day of an event.
    Every {
        /// The event's id.
        event: String,
        /// Which days.
        every: Every,
        /// The time of day.
        at: HourMinute,
    },
}

/// So far before or after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    /// Which way.
    pub way: Way,
    /// How many; 1 to [`MAX_OFFSET`].
    pub count: u16,
    /// Of what.
    pub unit: Unit,
}

/// An enum whose words stand in files: all of them, each one's word, and the way back.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$vdoc])* $variant),+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in files.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }
    };
}

words! {
    /// Before or after.
    Way {
        /// Days before the event.
        Before = "before",
        /// Days after the event.
        After = "after",
    }
}

words! {
    /// What is counted.
    Unit {
        /// Days of the calendar.
        Days = "days",
        /// Days that are worked; the first or last day of the event is not counted.
        Workdays = "workdays",
        /// Seven days.
        Weeks = "weeks",
    }
}

words! {
    /// An end of an event.
    Edge {
        /// Its first day.
        Start = "start",
        /// Its last day.
        End = "end",
    }
}

words! {
    /// Which days of an event.
    Every {
        /// Each day.
        Day = "day",
        /// Each that is worked.
        Workday = "workday",
    }
}

words! {
    /// The days on which a slot may lie.
    Fitting {
        /// Any day.
        Any = "any",
        /// Worked ones.
        Workdays = "workdays",
        /// Those that are off.
        Restdays = "restdays",
        /// All but exam days.
        NotExams = "not-exams",
        /// Exam days only.
        Exams = "exams",
    }
}

words! {
    /// What becomes of a slot whose day does not fit.
    Otherwise {
        /// It is left out.
        Skip = "skip",
        /// The nearest fitting day earlier, within [`MAX_MOVE_DAYS`]; else it is left out.
        Before = "before",
        /// The nearest fitting day later, within [`MAX_MOVE_DAYS`]; else it is left out.
        After = "after",
    }
}

impl Fitting {
    fn fits(self, date: NaiveDate, calendar: &Calendar) -> bool {
        match self {
            Self::Any => true,
            Self::Workdays => calendar.is_workday(date),
            Self::Restdays => !calendar.is_workday(date),
            Self::NotExams => !calendar.is_exam_day(date),
            Self::Exams => calendar.is_exam_day(date),
        }
    }
}

impl Schedule {
    /// A schedule on any day.
    pub fn any_day(form: Form) -> Self {
        Self {
            form,
            days: Fitting::Any,
            otherwise: Otherwise::Skip,
        }
    }

    /// The event it hangs on.
    pub fn event(&self) -> Option<&str> {
        match &self.form {
            Form::On { .. } | Form::Cron { .. } => None,
            Form::Around { event, .. } | Form::Every { event, .. } => Some(event),
        }
    }

    /// Do workdays or exam days decide about it?
    pub fn asks_calendar(&self) -> bool {
        let form = match &self.form {
            Form::On { .. } | Form::Cron { .. } => false,
            Form::Around { offset, .. } => offset.is_some_and(|o| o.unit == Unit::Workdays),
            Form::Every { every, .. } => *every == Every::Workday,
        };
        form || self.days != Fitting::Any
    }

    /// When it fires: rising, none twice, at most [`MAX_SLOTS`]; none at all is for the caller to judge. `span` knows
    /// the plan's events by their keys.
    pub fn slots(
        &self,
        span: &dyn Fn(&str) -> Option<Span>,
        calendar: &Calendar,
        zone: Tz,
    ) -> Result<Vec<Micros>, SlotsError> {
        let mut slots = BTreeSet::new();
        for local in self.candidates(span, calendar)? {
            if let Some(date) = self.fitting(local.date(), calendar) {
                slots.insert(instant(date.and_time(local.time()), zone));
            }
            if slots.len() > MAX_SLOTS {
                return Err(SlotsError::TooMany);
            }
        }
        Ok(slots.into_iter().collect())
    }

    /// The local times before the days are looked at.
    fn candidates<'a>(
        &'a self,
        span: &dyn Fn(&str) -> Option<Span>,
        calendar: &'a Calendar,
    ) -> Result<Box<dyn Iterator<Item = NaiveDateTime> + 'a>, SlotsError> {
        let span = |id: &str| span(id).ok_or_else(|| SlotsError::UnknownEvent(id.to_owned()));
        Ok(match &self.form {
            Form::On { date, at } => Box::new(std::iter::once(date.and_time(at.time()))),
            Form::Cron { rule, span } => Box::new(rule.times(*span)),
            Form::Around {
                event,
                offset,
                edge,
                at,
            } => {
                let span = span(event)?;
                let day = match edge {
                    Edge::Start => span.from,
                    Edge::End => span.to,
                };
                let day = match offset {
                    None => Some(day),
                    Some(offset) => offset.from(day, calendar),
                };
                let day = day.ok_or(SlotsError::OutOfRange)?;
                Box::new(std::iter::once(day.and_time(at.time())))
            }
            Form::Every { event, every, at } => {
                let wanted = move |d: &NaiveDate| *every == Every::Day || calendar.is_workday(*d);
                let days = span(event)?.days().filter(wanted);
                Box::new(days.map(|d| d.and_time(at.time())))
            }
        })
    }

    /// The day itself when it fits, else where it moves.
    fn fitting(&self, date: NaiveDate, calendar: &Calendar) -> Option<NaiveDate> {
        let fits = |d| self.days.fits(d, calendar);
        if fits(date) {
            return Some(date);
        }
        match self.otherwise {
            Otherwise::Skip => None,
            Otherwise::Before => nearest_day(date, false, MAX_MOVE_DAYS, fits),
            Otherwise::After => nearest_day(date, true, MAX_MOVE_DAYS, fits),
        }
    }
}

impl Offset {
    fn from(self, date: NaiveDate, calendar: &Calendar) -> Option<NaiveDate> {
        let later = self.way == Way::After;
        let days = match self.unit {
            Unit::Days => u64::from(self.count),
            Unit::Weeks => u64::from(self.count) * 7,
            Unit::Workdays => {
                // A month without a workday is no calendar.
                let next = |d, _| nearest_day(d, later, MAX_MOVE_DAYS, |d| calendar.is_workday(d));
                return (0..self.count).try_fold(date, next);
            }
        };
        if later {
            date.checked_add_days(Days::new(days))
        } else {
            date.checked_sub_days(Days::new(days))
        }
    }

    /// `2 workdays`.
    pub fn amount(self) -> String {
        let unit = self.unit.as_str();
        let unit = if self.count == 1 {
            unit.trim_end_matches('s')
        } else {
            unit
        };
        format!("{} {unit}", self.count)
    }
}

/// An amount as it stands after `before` or `after`: `2 workdays`, `1 day`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount(pub u16, pub Unit);

/// The text is no such amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an amount: write 3 days, 2 workdays or 1 week, from 1 to {MAX_OFFSET}")]
pub struct NoAmount(String);

impl FromStr for Amount {
    type Err = NoAmount;
    fn from_str(s: &str) -> Result<Self, NoAmount> {
        let read = || {
            let (count, unit) = s.trim().split_once(' ')?;
            let count: u16 = count.parse().ok()?;
            let plural = format!("{}s", unit.trim().trim_end_matches('s'));
            let unit = Unit::ALL.iter().find(|u| u.as_str() == plural)?;
            (1..=MAX_OFFSET)
                .contains(&count)
                .then_some(Self(count, *unit))
        };
        read().ok_or_else(|| NoAmount(s.to_owned()))
    }
}

/// As in the plan file, on one line.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.form {
            Form::On { date, at } => write!(f, "{{ on = {date}, at = \"{at}\"")?,
            Form::Cron { rule, span } => write!(
                f,
                "{{ cron = \"{rule}\", from = {}, to = {}",
                span.from, span.to
            )?,
            Form::Around {
                event,
                offset,
                edge,
                at,
            } => {
                write!(f, "{{ event = \"{event}\"")?;
                if let Some(offset) = offset {
                    write!(f, ", {} = \"{}\"", offset.way.as_str(), offset.amount())?;
                }
                if *edge != Edge::Start {
                    write!(f, ", edge = \"{}\"", edge.as_str())?;
                }
                write!(f, ", at = \"{at}\"")?;
            }
            Form::Every { event, every, at } => write!(
                f,
                "{{ event = \"{event}\", every = \"{}\", at = \"{at}\"",
                every.as_str()
            )?,
        }
        if self.days != Fitting::Any {
            write!(f, ", days = \"{}\"", self.days.as_str())?;
        }
        if self.otherwise != Otherwise::Skip {
            write!(f, ", otherwise = \"{}\"", self.otherwise.as_str())?;
        }
        f.write_str(" }")
    }
}

/// A schedule without usable slots.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlotsError {
    /// The event is not in the plan.
    #[error("there is no event {0}")]
    UnknownEvent(String),
    /// It would fire too often.
    #[error("more than {MAX_SLOTS} slots: make the rule rarer or the time shorter")]
    TooMany,
    /// The day lies outside the calendar.
    #[error("the day lies outside the calendar: look at the event's date and the amount")]
    OutOfRange,
}

impl SlotsError {
    /// In the reader's language.
    pub fn text(&self, lang: Lang) -> String {
        let zh = match self {
            Self::UnknownEvent(id) => format!("没有事件 {id}"),
            Self::TooMany => {
                format!("时点超过 {MAX_SLOTS} 个：请把规则放稀一些，或把起止日期缩短")
            }
            Self::OutOfRange => "日期超出了日历范围：请检查事件日期和提前、推后的天数".to_owned(),
        };
        lang.pick(zh, self.to_string())
    }
}
