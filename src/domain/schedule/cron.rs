//! Five-field cron rules, read strictly: what means different days in different programs is refused.

use std::{fmt, str::FromStr};

use chrono::{NaiveDateTime, NaiveTime, TimeDelta};

use super::Span;
use crate::domain::lang::Lang;

/// The five fields, in order, in both languages.
const FIELDS: [(&str, &str); 5] = [
    ("分", "minute"),
    ("时", "hour"),
    ("日", "day"),
    ("月", "month"),
    ("星期", "weekday"),
];

/// A cron rule: minute, hour, day, month, weekday by name. Day and weekday must both fit.
#[derive(Debug, Clone)]
pub struct Cron {
    text: String,
    rule: Box<cron::Schedule>,
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Cron {}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Cron {
    /// All its times in the span, rising; local times of any clock.
    pub(super) fn times(&self, span: Span) -> impl Iterator<Item = NaiveDateTime> + '_ {
        // The zone comes later, by the house rule for skipped and repeated times.
        let before = span.from.and_time(NaiveTime::MIN) - TimeDelta::seconds(1);
        self.rule
            .after(&before.and_utc())
            .map(|t| t.naive_utc())
            .take_while(move |t| t.date() <= span.to)
    }
}

impl FromStr for Cron {
    type Err = CronError;
    fn from_str(s: &str) -> Result<Self, CronError> {
        let fields: Vec<&str> = s.split_whitespace().collect();
        if fields.len() != FIELDS.len() {
            return Err(CronError::Fields(fields.len()));
        }
        if fields[4].bytes().any(|b| b.is_ascii_digit()) {
            return Err(CronError::WeekdayNumber(fields[4].to_owned()));
        }
        for (n, field) in fields.iter().enumerate() {
            let mut alone = ["*"; 5];
            alone[n] = field;
            if read(&alone).is_none() {
                return Err(CronError::Field {
                    field: n,
                    word: (*field).to_owned(),
                });
            }
        }
        let rule = read(&fields).ok_or_else(|| CronError::Whole(s.to_owned()))?;
        Ok(Self {
            text: fields.join(" "),
            rule: Box::new(rule),
        })
    }
}

fn read(fields: &[&str]) -> Option<cron::Schedule> {
    format!("0 {}", fields.join(" ")).parse().ok()
}

/// A cron rule that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Not five fields.
    #[error(
        "{0} fields; a rule has five: minute hour day month weekday, \"30 8 * * MON-FRI\" (no seconds in front)"
    )]
    Fields(usize),
    /// A weekday, or a step of weekdays, as a number.
    #[error(
        "weekday {0:?}: 1 is Monday in some programs and Sunday in others; write names, MON-FRI or TUE,SAT"
    )]
    WeekdayNumber(String),
    /// A field that cannot be read.
    #[error("{} field {word:?} cannot be read: write a number, a range 1-5, a list 1,3 or a step */10 within its limits{}", FIELDS[*field].1, name_hint(*field, Lang::En))]
    Field {
        /// Which of the five, from 0.
        field: usize,
        /// What stands there.
        word: String,
    },
    /// The fields are fine and the whole is not.
    #[error("{0:?} cannot be read as a cron rule")]
    Whole(String),
}

impl CronError {
    /// In the reader's language.
    pub fn text(&self, lang: Lang) -> String {
        let zh = match self {
            Self::Fields(n) => format!(
                "写了 {n} 段；应为五段：分 时 日 月 星期，如 \"30 8 * * MON-FRI\"（前面不带秒）"
            ),
            Self::WeekdayNumber(w) => format!(
                "星期 {w:?}：数字在不同程序里指不同的日子，请写英文缩写，如 MON-FRI 或 TUE,SAT"
            ),
            Self::Field { field, word } => format!(
                "“{}”一段 {word:?} 读不懂：请写数字、范围 1-5、列表 1,3 或步长 */10，且在取值范围内{}",
                FIELDS[*field].0,
                name_hint(*field, Lang::Zh)
            ),
            Self::Whole(text) => format!("{text:?} 不是能用的 cron 规则"),
        };
        lang.pick(zh, self.to_string())
    }
}

fn name_hint(field: usize, lang: Lang) -> &'static str {
    match field {
        3 => lang.pick("，或 JAN 至 DEC", ", or JAN to DEC"),
        4 => lang.pick(
            "；星期写 SUN、MON 至 SAT，范围从 SUN 起算（周五到周一写 FRI,SAT,SUN,MON）",
            "; weekdays are SUN, MON to SAT, ranges begin with SUN (Friday to Monday: FRI,SAT,SUN,MON)",
        ),
        _ => "",
    }
}
