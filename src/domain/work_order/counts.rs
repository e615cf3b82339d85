//! A carrier's figures: declared, partial, and sometimes impossible. What contradicts itself is shown; nothing is
//! averaged, corrected or left out.

use crate::domain::bilingual::labels;
use chrono::{Datelike as _, NaiveDate};
use chrono_tz::Tz;

use crate::domain::{lang::Lang, time::Micros};

/// One report of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Its number with us.
    pub n: i64,
    /// The carrier's figures are as of then.
    pub as_of: Micros,
    /// When we got it.
    pub got: Micros,
    /// How many were to get it.
    pub requested: Option<i64>,
    /// How many were sent to.
    pub sent: Option<i64>,
    /// How many got it.
    pub delivered: Option<i64>,
}

/// What the order allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The office's clock.
    pub zone: Tz,
    /// The first day.
    pub from: NaiveDate,
    /// The first day's first hour.
    pub opens: Micros,
    /// When the carrier was let send; `None`: it never was.
    pub released: Option<Micros>,
    /// At most so many a day; `None`: no cap.
    pub daily_cap: Option<i64>,
}

/// Which figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// How many were to get it.
    Requested,
    /// How many were sent to.
    Sent,
    /// How many got it.
    Delivered,
}

impl Figure {
    const ALL: [Self; 3] = [Self::Requested, Self::Sent, Self::Delivered];

    fn of(self, report: &Report) -> Option<i64> {
        match self {
            Self::Requested => report.requested,
            Self::Sent => report.sent,
            Self::Delivered => report.delivered,
        }
    }
}

labels!(Figure {
    Requested: "应发", "requested";
    Sent: "已发", "sent";
    Delivered: "送达", "delivered";
});

/// What cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A figure that only grows has fallen since report `before`.
    Fell {
        /// The figure that went down.
        figure: Figure,
        /// The earlier report.
        before: i64,
        /// What it said.
        was: i64,
        /// What this one says.
        is: i64,
    },
    /// More arrived than were sent.
    DeliveredOverSent {
        /// Declared as delivered.
        delivered: i64,
        /// Declared as sent.
        sent: i64,
    },
    /// More were sent than were to be.
    SentOverRequested {
        /// Declared as sent.
        sent: i64,
        /// What the order asks for.
        requested: i64,
    },
    /// More were sent in these days than the cap lets out.
    AboveDailyCap {
        /// Sent in them.
        sent: i64,
        /// In so many days.
        days: i64,
        /// The cap of one.
        cap: i64,
    },
    /// Something was sent before the order's first hour.
    BeforeWindow {
        /// Declared as sent.
        sent: i64,
    },
    /// Something was sent before the carrier was let send.
    NotReleased {
        /// Declared as sent.
        sent: i64,
    },
    /// The figures are as of a time that had not come.
    AsOfInFuture,
    /// Report `before` has other figures as of the same time.
    Repeated {
        /// The earlier report.
        before: i64,
    },
    /// A figure below nothing.
    Negative {
        /// The figure below zero.
        figure: Figure,
        /// What it says.
        is: i64,
    },
}

/// A report and what cannot be about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contradiction {
    /// The report's number with us.
    pub n: i64,
    /// As of when it is.
    pub as_of: Micros,
    /// What does not add up.
    pub what: What,
}

impl Contradiction {
    /// In words.
    pub fn text(&self, zone: Tz, lang: Lang) -> String {
        let at = self.as_of.local(zone).format("%m-%d %H:%M");
        let what = self.what.text(lang);
        lang.pick(
            format!("截至 {at} 的数量：{what}"),
            format!("as of {at}: {what}"),
        )
    }
}

impl What {
    fn text(&self, lang: Lang) -> String {
        match *self {
            Self::Fell {
                figure, was, is, ..
            } => {
                let name = figure.label(lang);
                lang.pick(
                    format!("{name}由 {was} 减少为 {is}，累计数不会减少"),
                    format!("{name} fell from {was} to {is}; a running total does not fall"),
                )
            }
            Self::DeliveredOverSent { delivered, sent } => lang.pick(
                format!("送达 {delivered} 多于已发 {sent}"),
                format!("{delivered} delivered are more than {sent} sent"),
            ),
            Self::SentOverRequested { sent, requested } => lang.pick(
                format!("已发 {sent} 多于应发 {requested}"),
                format!("{sent} sent are more than {requested} requested"),
            ),
            Self::AboveDailyCap { sent, days, cap } => lang.pick(
                format!("{days} 天内发送 {sent}，超过每日上限 {cap}"),
                format!("{sent} sent within {days} days are above the daily cap of {cap}"),
            ),
            Self::BeforeWindow { sent } => lang.pick(
                format!("委托时段开始之前已发 {sent}"),
                format!("{sent} were sent before the order's first hour"),
            ),
            Self::NotReleased { sent } => lang.pick(
                format!("放行之前已发 {sent}"),
                format!("{sent} were sent before the carrier was let send"),
            ),
            Self::AsOfInFuture => lang
                .pick("截止时间晚于收到时间", "is later than the report itself")
                .to_owned(),
            Self::Repeated { .. } => lang
                .pick(
                    "同一截止时间报过不同的数量",
                    "other figures were reported as of the same time",
                )
                .to_owned(),
            Self::Negative { figure, is } => {
                let name = figure.label(lang);
                lang.pick(
                    format!("{name}为负数 {is}"),
                    format!("{name} is {is}, below nothing"),
                )
            }
        }
    }
}

/// The reports in the order of their "as of", those of one time as they came in.
pub fn in_order(reports: &[Report]) -> Vec<Report> {
    let mut reports = reports.to_vec();
    reports.sort_by_key(|r| (r.as_of, r.n));
    reports
}

/// Everything that cannot be, in the order of the reports.
pub fn check(reports: &[Report], bounds: &Bounds) -> Vec<Contradiction> {
    let ordered = in_order(reports);
    let mut found = Vec::new();
    for (i, report) in ordered.iter().enumerate() {
        let mut say = |what| {
            found.push(Contradiction {
                n: report.n,
                as_of: report.as_of,
                what,
            });
        };
        alone(report, bounds, &mut say);
        let Some(before) = i.checked_sub(1).and_then(|p| ordered.get(p)) else {
            continue;
        };
        if before.as_of == report.as_of {
            let same = Figure::ALL.iter().all(|f| f.of(before) == f.of(report));
            if !same {
                say(What::Repeated { before: before.n });
            }
            continue;
        }
        for figure in Figure::ALL {
            // A report may leave a figure out: the newest one that has it counts.
            let earlier = ordered[..i]
                .iter()
                .rev()
                .find_map(|r| Some((r.n, figure.of(r)?)));
            if let (Some((n, was)), Some(is)) = (earlier, figure.of(report))
                && is < was
                // How many are to get it may be counted anew, as long as nothing is sent.
                && (figure != Figure::Requested || before.sent.unwrap_or(0) > 0)
            {
                say(What::Fell {
                    figure,
                    before: n,
                    was,
                    is,
                });
            }
        }
        within_cap(before, report, bounds, &mut say);
    }
    found
}

/// What a report says against itself and the order.
fn alone(report: &Report, bounds: &Bounds, say: &mut impl FnMut(What)) {
    for figure in Figure::ALL {
        if let Some(is) = figure.of(report).filter(|n| *n < 0) {
            say(What::Negative { figure, is });
        }
    }
    if let (Some(delivered), Some(sent)) = (report.delivered, report.sent)
        && delivered > sent
    {
        say(What::DeliveredOverSent { delivered, sent });
    }
    if let (Some(sent), Some(requested)) = (report.sent, report.requested)
        && sent > requested
    {
        say(What::SentOverRequested { sent, requested });
    }
    if report.as_of > report.got {
        say(What::AsOfInFuture);
    }
    let Some(sent) = report.sent.filter(|n| *n > 0) else {
        return;
    };
    if report.as_of < bounds.opens {
        say(What::BeforeWindow { sent });
    } else if bounds.released.is_none_or(|at| report.as_of < at) {
        say(What::NotReleased { sent });
    }
    let days = days_between(bounds.from, report.as_of, bounds.zone);
    if let Some(cap) = bounds.daily_cap
        && days > 0
        && sent > cap.saturating_mul(days)
    {
        say(What::AboveDailyCap { sent, days, cap });
    }
}

/// What was sent between two reports, against the days they touch: on each of them the cap may have been used.
fn within_cap(before: &Report, report: &Report, bounds: &Bounds, say: &mut impl FnMut(What)) {
    let (Some(was), Some(is)) = (before.sent, report.sent) else {
        return;
    };
    let first = before.as_of.local(bounds.zone).date_naive();
    let days = days_between(first, report.as_of, bounds.zone);
    let sent = is.saturating_sub(was);
    if let Some(cap) = bounds.daily_cap
        && sent > cap.saturating_mul(days)
    {
        say(What::AboveDailyCap { sent, days, cap });
    }
}

/// Days from `first` to the day of `at`, both counted; below 1 when it lies before.
fn days_between(first: NaiveDate, at: Micros, zone: Tz) -> i64 {
    let last = at.local(zone).date_naive();
    i64::from(last.num_days_from_ce()) - i64::from(first.num_days_from_ce()) + 1
}
