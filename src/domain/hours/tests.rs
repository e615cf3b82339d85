use proptest::prelude::*;

use super::*;

const BEIJING: Tz = chrono_tz::Asia::Shanghai;

fn at(text: &str) -> Micros {
    parse_not_after(text, Micros(0), BEIJING).unwrap()
}

fn hours(season: [&str; 2], quiet: [&str; 2]) -> Hours {
    Hours {
        season: Season {
            from: season[0].parse().unwrap(),
            to: season[1].parse().unwrap(),
        },
        quiet: QuietHours {
            from: quiet[0].parse().unwrap(),
            to: quiet[1].parse().unwrap(),
        },
        zone: BEIJING,
    }
}

fn june() -> Hours {
    hours(["06-01", "06-30"], ["21:00", "08:00"])
}

fn opens(hours: &Hours, now: &str) -> Option<(Micros, Closed)> {
    match hours.may_send(at(now), Priority::Normal) {
        Window::Open => None,
        Window::OpensAt(t, why) => Some((t, why)),
    }
}

#[test]
fn june_days_are_open_from_eight_to_nine() {
    for (now, expected) in [
        ("2023-06-12 08:00", None),
        ("2023-06-12 20:59:59", None),
        (
            "2023-06-12 21:00",
            Some(("2023-06-13 08:00", Closed::QuietHours)),
        ),
        (
            "2023-06-12 07:59:59",
            Some(("2023-06-12 08:00", Closed::QuietHours)),
        ),
        (
            "2023-06-01 00:00",
            Some(("2023-06-01 08:00", Closed::QuietHours)),
        ),
        (
            "2023-05-31 12:00",
            Some(("2023-06-01 08:00", Closed::OutOfSeason)),
        ),
        ("2023-06-30 20:59", None),
        (
            "2023-06-30 21:00",
            Some(("2024-06-01 08:00", Closed::QuietHours)),
        ),
        (
            "2023-07-01 00:00",
            Some(("2024-06-01 08:00", Closed::OutOfSeason)),
        ),
    ] {
        assert_eq!(
            opens(&june(), now),
            expected.map(|(t, why)| (at(t), why)),
            "{now}"
        );
    }
}

#[test]
fn urgent_messages_go_out_at_any_time() {
    assert_eq!(
        june().may_send(at("2023-12-24 03:00"), Priority::Urgent),
        Window::Open
    );
    assert_ne!(
        june().may_send(at("2023-12-24 03:00"), Priority::Bulk),
        Window::Open
    );
}

#[test]
fn a_season_may_span_the_new_year() {
    let winter = hours(["12-01", "02-29"], ["00:00", "00:00"]);
    for open in [
        "2023-12-01 00:00",
        "2023-12-31 23:59",
        "2024-01-01 00:00",
        "2024-02-29 23:59",
        "2023-02-28 12:00",
    ] {
        assert_eq!(opens(&winter, open), None, "{open}");
    }
    assert_eq!(
        opens(&winter, "2024-03-01 00:00"),
        Some((at("2024-12-01 00:00"), Closed::OutOfSeason))
    );
}

#[test]
fn a_season_that_begins_on_a_leap_day_begins_in_march_in_other_years() {
    let season = hours(["02-29", "03-31"], ["00:00", "00:00"]);
    assert_eq!(
        opens(&season, "2023-02-28 12:00"),
        Some((at("2023-03-01 00:00"), Closed::OutOfSeason))
    );
    assert_eq!(
        opens(&season, "2024-02-28 12:00"),
        Some((at("2024-02-29 00:00"), Closed::OutOfSeason))
    );
}

#[test]
fn quiet_hours_may_lie_within_one_day_or_be_none() {
    let noon = hours(["01-01", "12-31"], ["12:00", "14:00"]);
    assert_eq!(
        opens(&noon, "2023-06-12 13:00"),
        Some((at("2023-06-12 14:00"), Closed::QuietHours))
    );
    assert_eq!(opens(&noon, "2023-06-12 14:00"), None);
    let none = hours(["01-01", "12-31"], ["08:00", "08:00"]);
    assert_eq!(opens(&none, "2023-06-12 08:00"), None);
    assert_eq!(none.closes_at(at("2023-06-12 08:00")), None);
}

#[test]
fn the_window_closes_in_the_evening_and_at_the_seasons_end() {
    assert_eq!(
        june().closes_at(at("2023-06-12 09:00")),
        Some(at("2023-06-12 21:00"))
    );
    assert_eq!(
        june().closes_at(at("2023-06-12 22:00")),
        Some(at("2023-06-12 22:00"))
    );
    let no_quiet = hours(["06-01", "06-30"], ["00:00", "00:00"]);
    assert_eq!(
        no_quiet.closes_at(at("2023-06-30 22:00")),
        Some(at("2023-07-01 00:00"))
    );
}

#[test]
fn the_offices_clock_decides_and_not_the_servers() {
    let mut tokyo = june();
    tokyo.zone = chrono_tz::Asia::Tokyo;
    assert_eq!(
        opens(&tokyo, "2023-06-12 20:30").map(|o| o.1),
        Some(Closed::QuietHours)
    );
}

#[test]
fn a_morning_skipped_by_a_change_of_clocks_opens_when_it_exists() {
    let mut berlin = hours(["01-01", "12-31"], ["01:00", "02:30"]);
    berlin.zone = chrono_tz::Europe::Berlin;
    let now = parse_not_after("2023-03-26 01:30", Micros(0), berlin.zone).unwrap();
    assert_eq!(
        berlin.may_send(now, Priority::Normal),
        Window::OpensAt(
            parse_not_after("2023-03-26T03:00:00+02:00", now, berlin.zone).unwrap(),
            Closed::QuietHours
        )
    );
}

#[test]
fn not_after_is_read_in_each_of_its_forms() {
    let now = at("2023-06-12T09:30:00+08:00");
    for (text, expected) in [
        ("2023-06-12T18:00:00+08:00", "2023-06-12T18:00:00+08:00"),
        ("2023-06-12T10:00:00Z", "2023-06-12T18:00:00+08:00"),
        ("2023-06-12 18:00", "2023-06-12T18:00:00+08:00"),
        ("2023-06-12T18:00", "2023-06-12T18:00:00+08:00"),
        ("2023-06-12", "2023-06-13T00:00:00+08:00"),
        (" 18:00 ", "2023-06-12T18:00:00+08:00"),
        ("+2h", "2023-06-12T11:30:00+08:00"),
        ("+1h30m", "2023-06-12T11:00:00+08:00"),
    ] {
        let read = parse_not_after(text, now, BEIJING).unwrap();
        assert_eq!(read.rfc3339(BEIJING), expected, "{text}");
    }
    for text in [
        "",
        "tomorrow",
        "+",
        "+2",
        "25:00",
        "2023-13-01 10:00",
        "2023-06-31",
        "18",
    ] {
        assert!(parse_not_after(text, now, BEIJING).is_err(), "{text}");
    }
}

#[test]
fn durations_are_read_with_their_unit() {
    for (text, millis) in [
        ("72h", 259_200_000),
        ("30m", 1_800_000),
        ("10s", 10_000),
        ("500ms", 500),
        ("1d12h", 129_600_000),
        ("0s", 0),
    ] {
        assert_eq!(
            parse_duration(text),
            Ok(Duration::from_millis(millis)),
            "{text}"
        );
    }
    for text in [
        "",
        "72",
        "h",
        "-1h",
        "1 h",
        "1w",
        "99999999999999999999h",
        "18446744073709551615d",
        "安",
    ] {
        assert!(parse_duration(text).is_err(), "{text}");
    }
}

#[test]
fn settings_read_back_as_they_were_written() {
    let season: Season = toml::from_str("from = \"06-01\"\nto = \"6-30\"").unwrap();
    assert_eq!(
        toml::to_string(&season).unwrap(),
        "from = \"06-01\"\nto = \"06-30\"\n"
    );
    for bad in ["06-31", "13-01", "0601", "06-01-2023", "六月"] {
        assert!(bad.parse::<MonthDay>().is_err(), "{bad}");
    }
    for bad in ["24:00", "8", "08:60", "08:00:00", "08.00", "+8:00"] {
        assert!(bad.parse::<HourMinute>().is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn a_window_that_opens_is_open_then_and_not_a_minute_earlier(
        minute in 0_i64..(3 * 366 * 1440),
        season in ((1_u32..=12, 1_u32..=28), (1_u32..=12, 1_u32..=28)),
        quiet in ((0_u32..24, 0_u32..60), (0_u32..24, 0_u32..60)),
    ) {
        let now = at("2023-01-01 00:00").plus_secs(minute * 60);
        let rule = Hours {
            season: Season { from: MonthDay::new(season.0.0, season.0.1).unwrap(), to: MonthDay::new(season.1.0, season.1.1).unwrap() },
            quiet: QuietHours { from: HourMinute::new(quiet.0.0, quiet.0.1).unwrap(), to: HourMinute::new(quiet.1.0, quiet.1.1).unwrap() },
            zone: BEIJING,
        };
        if let Window::OpensAt(then, _) = rule.may_send(now, Priority::Bulk) {
            prop_assert!(then > now);
            prop_assert_eq!(rule.may_send(then, Priority::Bulk), Window::Open);
            prop_assert_ne!(rule.may_send(then.plus_secs(-60), Priority::Bulk), Window::Open);
        } else if let Some(end) = rule.closes_at(now) {
            prop_assert_eq!(rule.may_send(end.plus_secs(-1), Priority::Bulk), Window::Open);
            prop_assert_ne!(rule.may_send(end, Priority::Bulk), Window::Open);
        }
    }
}
