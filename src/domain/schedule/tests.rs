//! Every kind of rule against an oracle that is slow and simple, over ten years.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, Timelike, Weekday};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;
use crate::domain::calendar::Calendar;

const FIRST: i32 = 2018;
const LAST: i32 = 2027;

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn ten_years() -> Span {
    Span {
        from: day(FIRST, 1, 1),
        to: day(LAST, 12, 31),
    }
}

// ---- cron ------------------------------------------------------------------------------------------

/// The oracle's own reading of one field: which values fit.
fn values(field: &str, first: u32, last: u32, names: &[&str]) -> BTreeSet<u32> {
    let number = |s: &str| {
        let named = names.iter().position(|n| *n == s);
        named.map_or_else(|| s.parse().unwrap(), |n| n as u32 + first)
    };
    let mut fit = BTreeSet::new();
    for part in field.split(',') {
        let (range, step) = part
            .split_once('/')
            .map_or((part, 1), |(r, s)| (r, s.parse().unwrap()));
        let (from, to) = match range.split_once('-') {
            Some((a, b)) => (number(a), number(b)),
            None if range == "*" => (first, last),
            None => (number(range), number(range)),
        };
        fit.extend((from..=to).step_by(step));
    }
    fit
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// Walks through the years minute by minute.
fn cron_oracle(rule: &str) -> Vec<NaiveDateTime> {
    let fields: Vec<&str> = rule.split(' ').collect();
    let minutes = values(fields[0], 0, 59, &[]);
    let hours = values(fields[1], 0, 23, &[]);
    let days = values(fields[2], 1, 31, &[]);
    let months = values(fields[3], 1, 12, &MONTHS);
    let weekdays = values(fields[4], 0, 6, &WEEKDAYS);
    let mut found = Vec::new();
    let end = day(LAST + 1, 1, 1).and_hms_opt(0, 0, 0).unwrap();
    let mut t = day(FIRST, 1, 1).and_hms_opt(0, 0, 0).unwrap();
    while t < end {
        if minutes.contains(&t.minute())
            && hours.contains(&t.hour())
            && days.contains(&t.day())
            && months.contains(&t.month())
            && weekdays.contains(&t.weekday().num_days_from_sunday())
        {
            found.push(t);
        }
        t += TimeDelta::minutes(1);
    }
    found
}

fn number_field(first: u32, last: u32) -> impl Strategy<Value = String> {
    let one = first..=last;
    prop_oneof![
        2 => Just("*".to_owned()),
        3 => one.clone().prop_map(|n| n.to_string()),
        1 => (one.clone(), one.clone()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (one.clone(), one.clone()).prop_map(|(a, b)| format!("{},{}", a.min(b), a.max(b))),
        1 => (2..=last).prop_map(|n| format!("*/{n}")),
        1 => (one.clone(), one, 1..=4_u32).prop_map(|(a, b, n)| format!("{}-{}/{n}", a.min(b), a.max(b))),
    ]
}

fn named_field(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let one = 0..names.len();
    prop_oneof![
        3 => Just("*".to_owned()),
        2 => one.clone().prop_map(|n| names[n].to_owned()),
        2 => (one.clone(), one.clone()).prop_map(|(a, b)| format!("{}-{}", names[a.min(b)], names[a.max(b)])),
        1 => (one.clone(), one).prop_map(|(a, b)| format!("{},{}", names[a], names[b])),
    ]
}

/// Rules that fire at most three times an hour: the oracle is what is slow here.
fn rule() -> impl Strategy<Value = String> {
    let minute = prop_oneof![
        (0..60_u32).prop_map(|n| n.to_string()),
        (0..60_u32, 0..60_u32).prop_map(|(a, b)| format!("{a},{b}")),
        Just("*/20".to_owned()),
    ];
    let month = prop_oneof![number_field(1, 12), named_field(&MONTHS)];
    (
        minute,
        number_field(0, 23),
        number_field(1, 31),
        month,
        named_field(&WEEKDAYS),
    )
        .prop_map(|(a, b, c, d, e)| format!("{a} {b} {c} {d} {e}"))
}

/// The house rule, found by trying every quarter of an hour that a zone's clock can be off by.
fn instant_oracle(local: NaiveDateTime, zone: Tz) -> Micros {
    for later in 0..=8 {
        let wanted = local + TimeDelta::minutes(15 * later);
        // From the largest offset on: the earliest instant first.
        let earliest = (-56..=56).rev().find_map(|quarters: i64| {
            let utc = (wanted - TimeDelta::minutes(15 * quarters)).and_utc();
            (utc.with_timezone(&zone).naive_local() == wanted).then_some(utc)
        });
        if let Some(utc) = earliest {
            return Micros::from(utc);
        }
    }
    panic!("{local} in {zone}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_cron_rule_fires_when_a_walk_through_ten_years_says_so(rule in rule()) {
        let cron: Cron = rule.parse().unwrap();
        let times: Vec<_> = cron.times(ten_years()).collect();
        prop_assert_eq!(times, cron_oracle(&rule));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn clocks_that_change_skip_no_slot_and_double_none(
        hour in 0..4_u32, minute in 0..60_u32, year in FIRST..=LAST,
        zone in prop_oneof![
            Just(chrono_tz::Europe::Berlin), Just(chrono_tz::America::New_York),
            Just(chrono_tz::Asia::Shanghai), Just(chrono_tz::Australia::Lord_Howe)],
    ) {
        let schedule = Schedule::any_day(Form::Cron {
            rule: format!("{minute} {hour} * * *").parse().unwrap(),
            span: Span { from: day(year, 1, 1), to: day(year, 12, 31) },
        });
        let slots = schedule.slots(&|_| None, &Calendar::builtin(), zone).unwrap();
        let time = chrono::NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
        let days = day(year, 1, 1).iter_days().take_while(|d| d.year() == year);
        let wanted: BTreeSet<_> = days.map(|d| instant_oracle(d.and_time(time), zone)).collect();
        prop_assert_eq!(slots, wanted.into_iter().collect::<Vec<_>>());
    }
}

// ---- around events ---------------------------------------------------------------------------------

/// Counts one day at a time.
fn counted(from: NaiveDate, offset: Option<Offset>, calendar: &Calendar) -> NaiveDate {
    let Some(offset) = offset else { return from };
    let step = |d: NaiveDate| match offset.way {
        Way::Before => d.pred_opt().unwrap(),
        Way::After => d.succ_opt().unwrap(),
    };
    let mut left = match offset.unit {
        Unit::Weeks => 7 * offset.count,
        Unit::Days | Unit::Workdays => offset.count,
    };
    let mut date = from;
    while left > 0 {
        date = step(date);
        if offset.unit != Unit::Workdays || calendar.is_workday(date) {
            left -= 1;
        }
    }
    date
}

/// Where a slot's day ends up, looked for one day at a time.
fn moved(date: NaiveDate, schedule: &Schedule, calendar: &Calendar) -> Option<NaiveDate> {
    let fits = |d: NaiveDate| match schedule.days {
        Fitting::Any => true,
        Fitting::Workdays => calendar.is_workday(d),
        Fitting::Restdays => !calendar.is_workday(d),
        Fitting::NotExams => !calendar.is_exam_day(d),
        Fitting::Exams => calendar.is_exam_day(d),
    };
    let reach = match schedule.otherwise {
        Otherwise::Skip => 0,
        Otherwise::Before | Otherwise::After => 31,
    };
    (0..=reach).find_map(|n| {
        let d = match schedule.otherwise {
            Otherwise::Before => date - Days::new(n),
            Otherwise::Skip | Otherwise::After => date + Days::new(n),
        };
        fits(d).then_some(d)
    })
}

fn any_of<T: Copy + fmt::Debug>(all: &'static [T]) -> impl Strategy<Value = T> {
    (0..all.len()).prop_map(|n| all[n])
}

fn offset() -> impl Strategy<Value = Option<Offset>> {
    let some = (any_of(Way::ALL), 1..40_u16, any_of(Unit::ALL))
        .prop_map(|(way, count, unit)| Offset { way, count, unit });
    proptest::option::of(some)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_rule_around_an_event_falls_where_counting_day_by_day_ends(
        start in 0..3_652_i64, length in 0..12_i64, offset in offset(), edge in any_of(Edge::ALL),
        days in any_of(Fitting::ALL), otherwise in any_of(Otherwise::ALL), every in proptest::option::of(any_of(Every::ALL)),
    ) {
        let calendar = Calendar::builtin();
        let from = day(FIRST, 1, 1) + TimeDelta::days(start);
        let span = Span { from, to: from + TimeDelta::days(length) };
        let at = HourMinute::new(9, 30).unwrap();
        let form = match every {
            Some(every) => Form::Every { event: "e".into(), every, at },
            None => Form::Around { event: "e".into(), offset, edge, at },
        };
        let schedule = Schedule { form, days, otherwise };
        let zone = chrono_tz::Asia::Shanghai;
        let candidates: Vec<NaiveDate> = match every {
            Some(Every::Day) => span.days().collect(),
            Some(Every::Workday) => span.days().filter(|d| calendar.is_workday(*d)).collect(),
            None => vec![counted(if edge == Edge::Start { span.from } else { span.to }, offset, &calendar)],
        };
        let wanted: BTreeSet<Micros> = candidates
            .into_iter()
            .filter_map(|d| moved(d, &schedule, &calendar))
            .map(|d| instant_oracle(d.and_time(at.time()), zone))
            .collect();
        let slots = schedule.slots(&|id| (id == "e").then_some(span), &calendar, zone).unwrap();
        prop_assert_eq!(slots, wanted.into_iter().collect::<Vec<_>>());
    }
}

// ---- refusals --------------------------------------------------------------------------------------

#[test]
fn what_means_different_days_in_different_programs_is_refused() {
    assert!(matches!(
        "0 9 * * 1-5".parse::<Cron>(),
        Err(CronError::WeekdayNumber(_))
    ));
    assert_eq!("0 0 9 * * MON".parse::<Cron>(), Err(CronError::Fields(6)));
    assert!(matches!(
        "0 25 * * MON".parse::<Cron>(),
        Err(CronError::Field { field: 1, .. })
    ));
    assert!(matches!(
        "0 9 * * MOO".parse::<Cron>(),
        Err(CronError::Field { field: 4, .. })
    ));
}

#[test]
fn two_workdays_before_consultation_day_lies_beyond_the_weekend() {
    // June 12, 2023 is a Monday.
    let calendar = Calendar::builtin();
    let two = Offset {
        way: Way::Before,
        count: 2,
        unit: Unit::Workdays,
    };
    assert_eq!(two.from(day(2023, 6, 12), &calendar), Some(day(2023, 6, 8)));
    // June 25, 2023, a Sunday, is worked for the Dragon Boat Festival.
    let one = Offset { count: 1, ..two };
    assert_eq!(
        one.from(day(2023, 6, 26), &calendar),
        Some(day(2023, 6, 25))
    );
    assert_eq!(day(2023, 6, 25).weekday(), Weekday::Sun);
}
