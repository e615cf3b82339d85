//! May this report be about what was handed over then? Carriers use their ids again and tell old reports
//! late, so that neither an id nor a number alone says whose a report is.

use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime};

use crate::{domain::time::Micros, store::hot::OrphanReport};

/// How long after its submit a report is looked at, where nobody configured it.
pub(super) const REPORT_WINDOW: Duration = Duration::from_hours(72);

/// Orphans are looked at so much longer than a report may take: what else of their number was open is settled
/// by a sweep only when its own window is over.
const SWEPT_WITHIN: Duration = Duration::from_hours(1);

/// A report word for word as one that waits is a repetition so soon after it, whatever is on its way.
pub(super) const REPEATED_WITHIN: Duration = Duration::from_secs(10);

/// A carrier's submit time and ours may be apart so much and still be the same submit: the report
/// speaks in minutes, and clocks differ a little. Whole hours are ignored: carriers' zones differ.
const FITS_MINUTES: i64 = 3;

/// No two zones are further apart.
const ZONES_MINUTES: i64 = 14 * 60;

/// The submit time that a report states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stated {
    /// None, or nothing that is ten digits: it excludes nothing.
    Nothing,
    /// Ten digits that are no time: no submit of ours was then.
    Impossible,
    /// By the carrier's clock, whatever its zone.
    At(NaiveDateTime),
}

/// Reads `YYMMDDhhmm`; what follows is ignored.
fn stated(text: &str) -> Stated {
    let Some(digits) = text
        .get(..10)
        .filter(|d| d.bytes().all(|b| b.is_ascii_digit()))
    else {
        return Stated::Nothing;
    };
    let two = |at: usize| digits[at..at + 2].parse::<u32>().unwrap_or(u32::MAX);
    let year = i32::try_from(2000 + two(0)).unwrap_or(i32::MAX);
    NaiveDate::from_ymd_opt(year, two(2), two(4))
        .and_then(|day| day.and_hms_opt(two(6), two(8), 0))
        .map_or(Stated::Impossible, Stated::At)
}

/// Does the submit time that a report states agree with when it was asked?
pub(super) fn time_fits(submit_time: &str, asked: Micros) -> bool {
    let stated = match stated(submit_time) {
        Stated::Nothing => return true,
        Stated::Impossible => return false,
        Stated::At(stated) => stated.and_utc().timestamp().div_euclid(60),
    };
    let apart = stated - asked.0.div_euclid(60_000_000);
    let minutes = apart.rem_euclid(60);
    apart.abs() <= ZONES_MINUTES + FITS_MINUTES && minutes.min(60 - minutes) <= FITS_MINUTES
}

/// Can a submit that the report states have been made between these two instants, in some zone?
pub(super) fn time_is_between(submit_time: &str, from: Micros, to: Micros) -> bool {
    let stated = match stated(submit_time) {
        Stated::Nothing => return true,
        Stated::Impossible => return false,
        Stated::At(stated) => Micros(stated.and_utc().timestamp_micros()),
    };
    let slack = (ZONES_MINUTES + FITS_MINUTES) * 60;
    from.plus_secs(-slack) <= stated && stated <= to.plus_secs(slack)
}

/// Is an orphan that came then nobody's any more?
pub(super) fn is_past(at: Micros, now: Micros, window: Duration) -> bool {
    now.since(at) > window + SWEPT_WITHIN
}

/// Can this orphan be about what was asked then? It came after that by our own clock, within the report
/// window, and its stated time agrees.
pub(super) fn fits(orphan: &OrphanReport, asked: Micros, window: Duration) -> bool {
    orphan.at >= asked && orphan.at.since(asked) <= window && time_fits(&orphan.submit_time, asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-06-01 01:30 UTC.
    const ASKED: Micros = Micros(1_685_583_000_000_000);

    #[test]
    fn whole_hours_of_another_zone_do_not_matter_and_minutes_do() {
        for fits in [
            "2306010130",
            "2306010930",
            "2306010932",
            "230601092759",
            "2305311130",
        ] {
            assert!(time_fits(fits, ASKED), "{fits}");
        }
        for not in ["2306010940", "2306011745", "2305311120"] {
            assert!(!time_fits(not, ASKED), "{not}");
        }
    }

    #[test]
    fn another_day_month_or_year_is_another_submit() {
        for not in [
            "0106010130",
            "2206010130",
            "2305010130",
            "2306020130",
            "2305300130",
        ] {
            assert!(!time_fits(not, ASKED), "{not}");
        }
    }

    #[test]
    fn a_year_a_month_and_a_day_may_end_between_the_two_clocks() {
        // 2023-12-31 16:30 UTC, in China half past midnight of the new year.
        let asked = Micros(1_704_040_200_000_000);
        assert!(time_fits("2401010030", asked));
        assert!(time_fits("2312311630", asked));
        assert!(!time_fits("2301010030", asked));
        // 2024-02-29 23:59 UTC.
        let asked = Micros(1_709_251_140_000_000);
        assert!(time_fits("2403010001", asked) && time_fits("2402292359", asked));
    }

    #[test]
    fn what_cannot_be_read_excludes_nothing_and_an_impossible_time_everything() {
        for nothing in ["", "          ", "23-06-01 09:30", "23060109"] {
            assert!(time_fits(nothing, ASKED), "{nothing:?}");
        }
        for impossible in ["0000000000", "2306310930", "2313010930", "2306012530"] {
            assert!(!time_fits(impossible, ASKED), "{impossible}");
        }
    }
}
