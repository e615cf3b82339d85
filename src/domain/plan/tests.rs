//! Plans there and back, and what is wrong in them.

use chrono::NaiveDate;
use proptest::prelude::*;

use super::*;

use crate::domain::{
    calendar::Calendar,
    hours::HourMinute,
    lang::Lang,
    schedule::{Edge, Every, Fitting, Form, Offset, Otherwise, Unit, Way},
};

const PLAN: &str = include_str!("../../../config/plans/safety-month-2023.toml");

fn problems(text: &str) -> Vec<String> {
    let found = Plan::parse(text).expect_err("there is something wrong in it");
    found.iter().map(|p| p.text("p.toml", Lang::En)).collect()
}

#[test]
fn the_example_plan_reads_back_as_it_was_written() {
    let plan = Plan::parse(PLAN).unwrap().plan;
    assert_eq!(Plan::parse(&plan.to_toml()).unwrap().plan, plan);
    assert!(plan.campaigns.len() >= 25);
}

#[test]
fn all_that_is_wrong_is_said_at_once_with_lines_and_the_nearest_word() {
    let text = r#"
[plan]
name = "June"
titel = "六月"
year = 2023

[[events]]
id = "consultation-day"
name = "咨询日"
date = 2023-06-12

[[campaigns]]
id = "a"
name = "a"
to = []
text = "x"
schedule = { event = "consultation-dya", before = "two days", at = "9 o'clock" }
priority = "urgnet"
"#;
    let found = problems(text);
    let has = |line: usize, words: &[&str]| {
        let fits = |p: &&String| {
            p.starts_with(&format!("p.toml:{line}: ")) && words.iter().all(|w| p.contains(w))
        };
        assert!(
            found.iter().any(|p| fits(&p)),
            "line {line} {words:?} in {found:#?}"
        );
    };
    has(3, &["name", "small letters"]);
    has(2, &["title", "missing"]);
    has(4, &["titel", "did you mean title"]);
    has(15, &["to", "group"]);
    has(17, &["event", "did you mean consultation-day"]);
    has(17, &["before", "workdays"]);
    has(17, &["at", "time of day"]);
    has(18, &["did you mean urgent"]);
}

#[test]
fn a_lunar_festival_on_another_day_is_noticed() {
    let text = "[plan]\nname = \"p\"\ntitle = \"t\"\nyear = 2023\n[[events]]\nid = \"e\"\nname = \"端午节\"\ndate = 2023-06-21\nlunar = \"05-05\"\n";
    assert_eq!(
        problems(text),
        ["p.toml:9: events[1].lunar: lunar 05-05 is 2023-06-22 in 2023, not the event's date"]
    );
}

#[test]
fn texts_that_are_not_there_and_slips_in_them_are_named() {
    let text = r#"
[plan]
name = "p"
title = "t"
year = 2023
[[events]]
id = "e"
name = "咨询日"
date = 2023-06-12
[[campaigns]]
id = "a"
name = "a"
to = ["全县"]
template = "openning"
schedule = { on = 2023-06-12, at = "09:00" }
[[campaigns]]
id = "b"
name = "b"
to = ["全县"]
text = "((咨询曰))请到广场"
schedule = { on = 2023-06-10, at = "09:00", days = "workdays" }
"#;
    let read = Plan::parse(text).unwrap();
    let names = ["opening".to_owned()];
    let groups = ["全县干部".to_owned()];
    let found = read
        .resolve(
            &|_| None,
            &names,
            &Calendar::builtin(),
            chrono_tz::Asia::Shanghai,
            Some(&groups),
        )
        .unwrap_err();
    let found: Vec<_> = found.iter().map(|p| p.text("p.toml", Lang::En)).collect();
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(
        found[0].starts_with("p.toml:13: campaigns[1].to: there is no group"),
        "{found:#?}"
    );
    assert!(found[1].contains("did you mean opening?"), "{found:#?}");
    assert!(
        found
            .iter()
            .any(|p| p.contains("campaigns[2].schedule: no day fits")),
        "{found:#?}"
    );
}

#[test]
fn a_slip_in_an_events_name_is_a_warning_with_the_nearest() {
    let text = PLAN.replace(
        "template = \"consultation-units\"",
        "text = \"((咨询曰))到广场\"",
    );
    let read = Plan::parse(&text).unwrap();
    let found = read
        .resolve(
            &|_| Some("好".into()),
            &[],
            &Calendar::builtin(),
            chrono_tz::Asia::Shanghai,
            None,
        )
        .unwrap();
    let words: Vec<_> = found
        .warnings
        .iter()
        .map(|p| p.what(Lang::En).to_owned())
        .collect();
    assert!(
        words.iter().any(|w| w.contains("did you mean 咨询日?")),
        "{words:?}"
    );
}

#[test]
fn another_years_plan_moves_the_festival_and_warns_of_a_year_without_a_notice() {
    let plan = Plan::parse(PLAN).unwrap().plan;
    let (plan, notes) = plan.for_year(2027);
    assert_eq!(plan.name, "safety-month-2027");
    let festival = plan.events.iter().find(|e| e.id == "dragon-boat").unwrap();
    assert_eq!(festival.span.from.to_string(), "2027-06-09");
    assert_eq!(notes.len(), 1);
    let read = Plan::parse(&plan.to_toml()).unwrap();
    assert_eq!(read.plan, plan);
    let resolved = read
        .resolve(
            &|_| Some("好".into()),
            &[],
            &Calendar::builtin(),
            chrono_tz::Asia::Shanghai,
            None,
        )
        .unwrap_or_else(|p| panic!("{p:#?}"));
    let warned = resolved
        .warnings
        .iter()
        .any(|p| p.what(Lang::En).contains("provisional"));
    assert!(warned, "{:?}", resolved.warnings);
}

fn word() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9-]{0,8}"
}

/// A line with whatever TOML has to escape.
fn line() -> impl Strategy<Value = String> {
    "[\\u{4e00}-\\u{4e20}a-z\"'\\\\#\\[\\]=,(){}]{1,12}"
}

fn date() -> impl Strategy<Value = NaiveDate> {
    (2018..2028_i32, 1..=366_u32).prop_map(|(y, d)| {
        NaiveDate::from_yo_opt(y, d).unwrap_or_else(|| NaiveDate::from_yo_opt(y, 365).unwrap())
    })
}

fn span() -> impl Strategy<Value = Span> {
    (date(), 0..30_i64).prop_map(|(from, n)| Span {
        from,
        to: from + chrono::TimeDelta::days(n),
    })
}

fn time() -> impl Strategy<Value = HourMinute> {
    (0..24_u32, 0..60_u32).prop_map(|(h, m)| HourMinute::new(h, m).unwrap())
}

fn any_of<T: Copy + std::fmt::Debug>(all: &'static [T]) -> impl Strategy<Value = T> {
    (0..all.len()).prop_map(|n| all[n])
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let offset = (any_of(Way::ALL), 1..=366_u16, any_of(Unit::ALL))
        .prop_map(|(way, count, unit)| Offset { way, count, unit });
    let form = prop_oneof![
        (date(), time()).prop_map(|(date, at)| Form::On { date, at }),
        span().prop_map(|span| Form::Cron {
            rule: "30 8 * * MON-FRI".parse().unwrap(),
            span
        }),
        (proptest::option::of(offset), any_of(Edge::ALL), time()).prop_map(|(offset, edge, at)| {
            Form::Around {
                event: "e0".into(),
                offset,
                edge,
                at,
            }
        }),
        (any_of(Every::ALL), time()).prop_map(|(every, at)| Form::Every {
            event: "e0".into(),
            every,
            at
        }),
    ];
    (form, any_of(Fitting::ALL), any_of(Otherwise::ALL)).prop_map(|(form, days, otherwise)| {
        Schedule {
            form,
            days,
            otherwise,
        }
    })
}

fn source() -> impl Strategy<Value = TextSource> {
    prop_oneof![
        word().prop_map(TextSource::Template),
        "[a-z\\n\"\\u{4e00}-\\u{4e20}]{1,20}x".prop_map(TextSource::Inline),
    ]
}

fn campaign() -> impl Strategy<Value = Campaign> {
    let policies = (
        any_of(&Priority::ALL),
        any_of(&Late::ALL),
        any_of(&[OnDoubt::Hold, OnDoubt::Resend]),
        proptest::option::of((1..5_000_u64).prop_map(|m| Duration::from_secs(m * 60))),
    );
    let to = proptest::collection::vec(line(), 1..3);
    let exclude = proptest::collection::vec(line(), 0..2);
    (line(), to, exclude, source(), schedule(), policies).prop_map(
        |(name, to, exclude, text, schedule, (priority, late, on_doubt, not_after))| Campaign {
            id: String::new(),
            name,
            to,
            exclude,
            text,
            schedule,
            priority,
            not_after,
            late,
            on_doubt,
        },
    )
}

fn work_order() -> impl Strategy<Value = WorkOrder> {
    let carrier = any_of(&[
        Carrier::Mobile,
        Carrier::Unicom,
        Carrier::Telecom,
        Carrier::Broadnet,
    ]);
    let counts = proptest::collection::vec(any_of(WantedCount::ALL), 0..3);
    (
        line(),
        carrier,
        source(),
        line(),
        span(),
        0..1_000_000_u64,
        counts,
        (line(), line()),
    )
        .prop_map(
            |(name, carrier, text, audience, span, daily_cap, counts, (evidence, contact))| {
                WorkOrder {
                    id: String::new(),
                    name,
                    carrier,
                    text,
                    signature: "云岭县安委办".into(),
                    appended: String::new(),
                    audience,
                    span,
                    hours: "09:00-18:30".parse().unwrap(),
                    daily_cap,
                    counts,
                    evidence,
                    contact,
                }
            },
        )
}

fn plan() -> impl Strategy<Value = Plan> {
    let event = (span(), proptest::collection::vec(line(), 0..3));
    (
        (word(), line(), 2018..2028_i32, proptest::option::of(line())),
        proptest::collection::vec(event, 1..4),
        proptest::collection::vec(campaign(), 0..4),
        proptest::collection::vec(work_order(), 0..3),
    )
        .prop_map(
            |((name, title, year, texts), events, mut campaigns, mut work_orders)| {
                let events = events
                    .into_iter()
                    .enumerate()
                    .map(|(n, (span, units))| Event {
                        id: format!("e{n}"),
                        name: format!("事{n}"),
                        span,
                        lunar: None,
                        units,
                        about: String::new(),
                    });
                let events = events.collect();
                for (n, c) in campaigns.iter_mut().enumerate() {
                    c.id = format!("c{n}");
                }
                for (n, w) in work_orders.iter_mut().enumerate() {
                    w.id = format!("w{n}");
                }
                let zone = Some(chrono_tz::Asia::Shanghai);
                Plan {
                    name,
                    title,
                    year,
                    zone,
                    texts,
                    events,
                    campaigns,
                    work_orders,
                }
            },
        )
}

proptest! {
    #[test]
    fn any_plan_reads_back_as_it_was_written(plan in plan()) {
        let text = plan.to_toml();
        let read = Plan::parse(&text).unwrap_or_else(|p| panic!("{p:#?}\n{text}"));
        prop_assert_eq!(read.plan, plan);
    }
}
