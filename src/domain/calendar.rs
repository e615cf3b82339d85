//! Which days are worked: weekends, holidays, the make-up workdays of the yearly notices, and exam days.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate, Weekday};
use serde::Deserialize;
use toml::Spanned;

use super::{hours::MonthDay, lang::Lang};

/// The calendar that comes with the program; see its head for where the days are from.
const CHINA: &str = include_str!("../../config/calendar/china.toml");

/// Holidays, make-up workdays and exam days, year by year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    made: NaiveDate,
    years: BTreeMap<i32, Year>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Year {
    provisional: bool,
    special: BTreeMap<NaiveDate, Special>,
    exams: BTreeMap<NaiveDate, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Special {
    Off(String),
    Worked,
}

/// Why a year's days are to be looked at by a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// The data has no such year: Monday to Friday are taken as workdays, and no day as an exam day.
    Missing(i32),
    /// The year's notice was not out when the data was made: make-up workdays may be missing.
    Provisional(i32),
}

impl Doubt {
    /// The year.
    pub fn year(self) -> i32 {
        match self {
            Self::Missing(year) | Self::Provisional(year) => year,
        }
    }

    /// What to know and how to mend it.
    pub fn text(self, lang: Lang) -> String {
        match self {
            Self::Missing(year) => lang.pick(
                format!("日历数据里没有 {year} 年：按周一至周五为工作日推算，节假日、调休和考试日都不算在内。请补上这一年的日历数据"),
                format!("the calendar data has no {year}: Monday to Friday are taken as workdays, without holidays, make-up workdays or exams. Add the year to the calendar data"),
            ),
            Self::Provisional(year) => lang.pick(
                format!("{year} 年的放假安排在日历数据里是暂定的（只有法定节日，没有调休）：国务院办公厅通知发布后请更新并重新检查"),
                format!("the calendar data for {year} is provisional (statutory days only, no make-up workdays): bring it up to date once the notice is published, and check again"),
            ),
        }
    }
}

impl Calendar {
    /// The calendar that comes with the program.
    pub fn builtin() -> Self {
        Self::parse(CHINA).expect("a test reads the built-in calendar")
    }

    /// Reads a calendar file; the format is explained in `config/calendar/china.toml`.
    pub fn parse(text: &str) -> Result<Self, CalendarError> {
        let file: File = toml::from_str(text).map_err(|e| {
            let at = e.span().map_or(0, |s| s.start);
            CalendarError::at(text, at, e.message().to_owned())
        })?;
        let made = date_of(file.made.get_ref()).ok_or_else(|| {
            let why = "made: expected a date, 2026-11-24".to_owned();
            CalendarError::at(text, file.made.span().start, why)
        })?;
        let mut years = BTreeMap::new();
        for written in file.years {
            let at = written.span().start;
            let number = written.get_ref().year;
            let year = written
                .into_inner()
                .read()
                .map_err(|(span, why)| CalendarError::at(text, span.unwrap_or(at), why))?;
            if years.insert(number, year).is_some() {
                let why = format!("year {number} stands here a second time: join the two");
                return Err(CalendarError::at(text, at, why));
            }
        }
        Ok(Self { made, years })
    }

    /// When the data was made.
    pub fn made(&self) -> NaiveDate {
        self.made
    }

    /// Is the day worked? Monday to Friday, but for holidays, and the make-up workdays.
    pub fn is_workday(&self, date: NaiveDate) -> bool {
        match self.special(date) {
            Some(Special::Off(_)) => false,
            Some(Special::Worked) => true,
            None => !matches!(date.weekday(), Weekday::Sat | Weekday::Sun),
        }
    }

    /// Is it a day of an exam?
    pub fn is_exam_day(&self, date: NaiveDate) -> bool {
        self.years
            .get(&date.year())
            .is_some_and(|y| y.exams.contains_key(&date))
    }

    /// The holiday that the day is off for.
    pub fn holiday_name(&self, date: NaiveDate) -> Option<&str> {
        match self.special(date)? {
            Special::Off(name) => Some(name),
            Special::Worked => None,
        }
    }

    /// Which of the years are missing or provisional; each once, rising.
    pub fn warnings(&self, years: impl IntoIterator<Item = i32>) -> Vec<Doubt> {
        let doubt = |year| match self.years.get(&year) {
            None => Some(Doubt::Missing(year)),
            Some(known) => known.provisional.then_some(Doubt::Provisional(year)),
        };
        let mut doubts: Vec<_> = years.into_iter().filter_map(doubt).collect();
        doubts.sort_by_key(|d| d.year());
        doubts.dedup();
        doubts
    }

    fn special(&self, date: NaiveDate) -> Option<&Special> {
        self.years.get(&date.year())?.special.get(&date)
    }
}

/// A calendar file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct CalendarError {
    /// Line of the file, from 1.
    pub line: usize,
    /// What is wrong and what was expected.
    pub why: String,
}

impl CalendarError {
    fn at(text: &str, offset: usize, why: String) -> Self {
        let line = text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1;
        Self { line, why }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    made: Spanned<toml::value::Datetime>,
    years: Vec<Spanned<WrittenYear>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenYear {
    year: i32,
    /// For people: where the days are from.
    #[serde(default, rename = "notice")]
    _notice: String,
    #[serde(default)]
    provisional: bool,
    #[serde(default)]
    holidays: Vec<Named>,
    #[serde(default)]
    workdays: Vec<Spanned<String>>,
    #[serde(default)]
    exams: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
    days: Spanned<String>,
}

/// What is wrong, and where it begins.
type Fault = (Option<usize>, String);

impl WrittenYear {
    fn read(self) -> Result<Year, Fault> {
        let mut year = Year {
            provisional: self.provisional,
            ..Year::default()
        };
        for holiday in self.holidays {
            for day in days(self.year, &holiday.days)? {
                let special = Special::Off(holiday.name.clone());
                enter(&mut year.special, day, special, &holiday.days)?;
            }
        }
        for written in self.workdays {
            for day in days(self.year, &written)? {
                enter(&mut year.special, day, Special::Worked, &written)?;
            }
        }
        for exam in self.exams {
            for day in days(self.year, &exam.days)? {
                enter(&mut year.exams, day, exam.name.clone(), &exam.days)?;
            }
        }
        Ok(year)
    }
}

fn enter<T>(
    into: &mut BTreeMap<NaiveDate, T>,
    day: NaiveDate,
    what: T,
    written: &Spanned<String>,
) -> Result<(), Fault> {
    match into.insert(day, what) {
        None => Ok(()),
        Some(_) => Err((
            Some(written.span().start),
            format!("{day} stands twice in this year: leave it once"),
        )),
    }
}

/// `06-22` or `06-22..06-24` in a year.
fn days(year: i32, written: &Spanned<String>) -> Result<Vec<NaiveDate>, Fault> {
    let text = written.get_ref();
    let wrong = || {
        (
            Some(written.span().start),
            format!(
                "{text:?} are no days of {year}: write MONTH-DAY, or FIRST..LAST in one year, 06-22..06-24"
            ),
        )
    };
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let day = |s: &str| {
        let day: MonthDay = s.parse().ok()?;
        day.exactly_in(year)
    };
    let (first, last) = day(first).zip(day(last)).ok_or_else(wrong)?;
    if first > last {
        return Err(wrong());
    }
    Ok(first.iter_days().take_while(|d| *d <= last).collect())
}

/// A TOML date as chrono's.
pub(crate) fn date_of(written: &toml::value::Datetime) -> Option<NaiveDate> {
    let date = written.date.filter(|_| written.time.is_none())?;
    NaiveDate::from_ymd_opt(date.year.into(), date.month.into(), date.day.into())
}

/// The next day that fits, `date` itself left out, within so many days; later or earlier.
pub fn nearest_day(
    date: NaiveDate,
    later: bool,
    within: u64,
    fits: impl Fn(NaiveDate) -> bool,
) -> Option<NaiveDate> {
    (1..=within)
        .filter_map(|n| {
            if later {
                date.checked_add_days(Days::new(n))
            } else {
                date.checked_sub_days(Days::new(n))
            }
        })
        .find(|d| fits(*d))
}

#[cfg(test)]
mod tests {
    use tyme4rs::tyme::{Culture, holiday::LegalHoliday};

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_published_years_are_those_of_the_notices() {
        let calendar = Calendar::builtin();
        let first = day("2023-01-01");
        for date in first.iter_days().take_while(|d| d.year() <= 2026) {
            let known = LegalHoliday::from_ymd(
                date.year() as isize,
                date.month() as usize,
                date.day() as usize,
            );
            let weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
            let worked = known.as_ref().map_or(!weekend, LegalHoliday::is_work);
            assert_eq!(calendar.is_workday(date), worked, "{date}");
            let name = known.filter(|h| !h.is_work()).map(|h| h.get_name());
            assert_eq!(calendar.holiday_name(date), name.as_deref(), "{date}");
        }
    }

    #[test]
    fn a_missing_or_provisional_year_is_said() {
        let calendar = Calendar::builtin();
        assert_eq!(
            calendar.warnings([2031, 2023, 2027, 2027]),
            [Doubt::Provisional(2027), Doubt::Missing(2031)]
        );
        assert!(calendar.is_workday(day("2031-10-01")));
        assert!(!calendar.is_workday(day("2031-10-04")));
        assert!(!calendar.is_workday(day("2027-06-09")));
        assert!(Doubt::Missing(2031).text(Lang::Zh).contains("2031"));
    }

    #[test]
    fn exam_days_are_known() {
        let calendar = Calendar::builtin();
        assert!(calendar.is_exam_day(day("2023-06-07")));
        assert!(calendar.is_exam_day(day("2023-06-09")));
        assert!(!calendar.is_exam_day(day("2023-06-10")));
    }

    #[test]
    fn a_bad_file_is_refused_with_its_line() {
        let line = |text: &str| {
            let e = Calendar::parse(text).unwrap_err();
            (e.line, e.why)
        };
        let (at, why) = line("made = 2026-01-01\n[[years]]\nyear = 2023\nworkdays = [\"02-29\"]\n");
        assert_eq!(at, 4);
        assert!(why.contains("02-29"), "{why}");
        let (at, _) = line("made = 2026-01-01\n[[years]]\nyear = 2023\nholiday = []\n");
        assert_eq!(at, 4);
        let twice = "made = 2026-01-01\n[[years]]\nyear = 2023\n[[years]]\nyear = 2023\n";
        assert_eq!(line(twice).0, 4);
        let both = "made = 2026-01-01\n[[years]]\nyear = 2023\nholidays = [{ name = \"x\", days = \"06-22..06-24\" }]\nworkdays = [\"06-24\"]\n";
        let (at, why) = line(both);
        assert_eq!(at, 5);
        assert!(why.contains("2023-06-24"), "{why}");
    }
}
