//! The month's report: who may have it, and what is gathered for it, in one consistent reading.

use std::collections::BTreeMap;

use super::{Office, Reports, Result, ServiceError, refusal::OfficeRefusal};
use crate::{
    domain::{
        audience_spec::AudienceSpec,
        lang::Lang,
        lifecycle::Intent,
        message::{Ending, LogState, Outcome},
        month::Month,
        role::{Act, Actor},
        time::Micros,
    },
    report::{self, Day, Failure, Gateway, Line, Report, State, Sum},
    store::{
        report::{ReportCount, ReportRun},
        run::Run,
    },
};

/// Units that are listed; what others have is one line.
const MAX_UNITS: i64 = 500;
/// How wide a day's bar is, in the picture's own units.
const BAR: i64 = 200;

impl Reports<'_> {
    /// A month's report as one HTML page that needs nothing beside it; no number stands in it.
    pub async fn month(self, actor: &Actor, month: Month, lang: Lang) -> Result<String> {
        actor.may(Act::ReadLog)?;
        let report = self.office.gather(month, lang).await?;
        report
            .html()
            .map_err(|e| ServiceError::from(OfficeRefusal::Report { why: e.to_string() }))
    }
}

impl Office {
    async fn gather(&self, month: Month, lang: Lang) -> Result<Report> {
        let zone = self.config.sending.timezone;
        let (from, to) = month.bounds(zone);
        let now = self.clock.now();
        let mut tx = self.store.read("report").await?;
        let practice = tx.installation().await?.is_some_and(|i| i.practice);
        let head = tx.head().await?.to_string();
        let runs = tx.report_runs(from, to).await?;
        let counts = tx.report_counts(from, to).await?;
        let segments = tx.report_segments(from, to).await?;
        let units = tx.report_units(from, to, MAX_UNITS).await?;
        let orders = Box::pin(self.orders_of_report(&mut tx, (from, to), lang)).await?;
        drop(tx);

        let total = sum(&counts);
        let by_run = sums(&counts, |c| c.run);
        let sum_of = |run: &ReportRun| by_run.get(&run.run.id).copied().unwrap_or_default();
        let unnamed = lang.pick("（未填单位）", "(no unit given)");
        let units: Vec<Line> = units
            .into_iter()
            .map(|u| Line {
                name: u.unit.unwrap_or_else(|| unnamed.to_owned()),
                sum: Sum {
                    total: u.total,
                    delivered: u.delivered,
                    failed: u.failed,
                    held_back: u.held_back,
                    doubt: u.doubt,
                },
            })
            .collect();
        let in_state = |state: Outcome| -> i64 {
            counts
                .iter()
                .filter(|c| c.state == LogState::Outcome(state))
                .map(|c| c.n)
                .sum()
        };
        Ok(Report {
            lang,
            office: self.config.sending.signature.clone(),
            month: lang.pick(
                format!("{}年{}月", month.year(), month.number()),
                month.to_string(),
            ),
            as_of: now.local(zone).format("%Y-%m-%d %H:%M:%S").to_string(),
            zone: zone.to_string(),
            practice,
            head,
            states: states(&counts, total.total, lang),
            days: days(merged(
                runs.iter()
                    .map(|r| (local(r.run.slot, zone, "%m-%d"), sum_of(r))),
            )),
            groups: lines(merged(runs.iter().map(|r| (audience(r, lang), sum_of(r))))),
            carriers: lines(sums(&counts, |c| c.carrier.label(lang).to_owned())),
            gateways: self.gateways_of_report(&counts, &segments, lang),
            failures: failures(&counts, lang),
            other_units: total.total - units.iter().map(|u| u.sum.total).sum::<i64>(),
            units,
            in_doubt: in_state(Outcome::InDoubt),
            unconfirmed: in_state(Outcome::Unconfirmed),
            orders,
            runs: runs
                .iter()
                .map(|r| report::Run {
                    slot: local(r.run.slot, zone, "%m-%d %H:%M"),
                    name: r.name.clone(),
                    to: audience(r, lang),
                    standing: standing(&r.run, now, lang),
                    missed: is_missed(&r.run, now),
                    sum: sum_of(r),
                })
                .collect(),
            total,
        })
    }

    fn gateways_of_report(
        &self,
        counts: &[ReportCount],
        segments: &[(String, i64)],
        lang: Lang,
    ) -> Vec<Gateway> {
        let price_of = |id: &str| {
            self.config
                .gateways
                .iter()
                .find(|g| g.id.0 == id)
                .map(|g| g.price)
        };
        let taken: BTreeMap<&str, i64> = segments.iter().map(|(id, n)| (id.as_str(), *n)).collect();
        sums(counts, |c| c.gateway.clone())
            .into_iter()
            .map(|(id, sum)| {
                let id = id.map_or_else(String::new, |id| id.0);
                let segments = taken.get(id.as_str()).copied().unwrap_or(0);
                Gateway {
                    sum,
                    segments,
                    cost: match price_of(&id) {
                        Some(price) if price > 0.0 => format!("{:.2}", price * segments as f64),
                        _ => "—".to_owned(),
                    },
                    name: if id.is_empty() {
                        lang.pick("（无路由）", "(no route)").to_owned()
                    } else {
                        id
                    },
                }
            })
            .collect()
    }
}

fn local(at: Micros, zone: chrono_tz::Tz, format: &str) -> String {
    at.local(zone).format(format).to_string()
}

fn sum(counts: &[ReportCount]) -> Sum {
    let mut sum = Sum::default();
    for c in counts {
        sum.count(c.state, c.n);
    }
    sum
}

fn sums<K: Ord>(counts: &[ReportCount], key: impl Fn(&ReportCount) -> K) -> BTreeMap<K, Sum> {
    let mut sums: BTreeMap<K, Sum> = BTreeMap::new();
    for c in counts {
        sums.entry(key(c)).or_default().count(c.state, c.n);
    }
    sums
}

fn merged(parts: impl Iterator<Item = (String, Sum)>) -> BTreeMap<String, Sum> {
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    for (key, part) in parts {
        sums.entry(key).or_default().add(&part);
    }
    sums
}

fn lines(sums: BTreeMap<String, Sum>) -> Vec<Line> {
    let mut lines: Vec<_> = sums
        .into_iter()
        .map(|(name, sum)| Line { name, sum })
        .collect();
    lines.sort_by_key(|l| std::cmp::Reverse(l.sum.total));
    lines
}

fn days(sums: BTreeMap<String, Sum>) -> Vec<Day> {
    let longest = sums.values().map(|s| s.total).max().unwrap_or(0);
    sums.into_iter()
        .map(|(name, sum)| Day {
            name,
            bar: sum.bar(BAR, longest),
            sum,
        })
        .collect()
}

/// Endings first, in the order of the page's columns; what is still on its way last.
fn states(counts: &[ReportCount], total: i64, lang: Lang) -> Vec<State> {
    let rank = |state: &LogState| match state.ending() {
        Ending::Delivered => 0,
        Ending::Failed => 1,
        Ending::HeldBack => 2,
        Ending::Doubtful => 3,
        Ending::OnTheWay => 4,
    };
    let mut states: Vec<_> = LogState::all().collect();
    states.sort_by_key(rank);
    states
        .into_iter()
        .map(|state| {
            let n = counts
                .iter()
                .filter(|c| c.state == state)
                .map(|c| c.n)
                .sum();
            State {
                name: state.label(lang),
                meaning: report::meaning(state, lang),
                n,
                share: report::percent(n, total),
            }
        })
        .filter(|s| s.n > 0)
        .collect()
}

/// Everything that did not and will not arrive, the commonest cause first.
fn failures(counts: &[ReportCount], lang: Lang) -> Vec<Failure> {
    let will_not = |c: &&ReportCount| matches!(c.state.ending(), Ending::Failed | Ending::HeldBack);
    let mut sums: BTreeMap<(&str, &str), (LogState, i64)> = BTreeMap::new();
    for c in counts.iter().filter(will_not) {
        let sum = sums
            .entry((c.state.as_str(), &c.code))
            .or_insert((c.state, 0));
        sum.1 += c.n;
    }
    let mut failures: Vec<_> = sums
        .into_iter()
        .map(|((_, code), (state, n))| Failure {
            state: state.label(lang),
            cause: report::cause(code, lang),
            code: code.to_owned(),
            n,
        })
        .collect();
    failures.sort_by_key(|f| std::cmp::Reverse(f.n));
    failures
}

/// To whom, as the campaign says it.
fn audience(run: &ReportRun, lang: Lang) -> String {
    match &run.audience {
        AudienceSpec::Groups { include, .. } => include.join(lang.pick("、", ", ")),
        AudienceSpec::File(file) => lang.pick(format!("文件 {file}"), format!("file {file}")),
    }
}

/// Its time has passed and nothing of it began; what a person called off is not missed.
fn is_missed(run: &Run, now: Micros) -> bool {
    let too_late = run.not_after.is_some_and(|last| last < now);
    let is_over = run.closed.is_some() || too_late;
    run.opened.is_none() && run.intent != Intent::Cancelled && is_over
}

fn standing(run: &Run, now: Micros, lang: Lang) -> String {
    let with_reason = |word: &str| match run.reason.as_str() {
        "" => word.to_owned(),
        reason => {
            let reason = report::reason(reason, lang);
            lang.pick(format!("{word}：{reason}"), format!("{word}: {reason}"))
        }
    };
    let missed = is_missed(run, now);
    let (zh, en) = match run.intent {
        Intent::Cancelled if run.opened.is_none() => {
            return with_reason(lang.pick("未发，已取消", "cancelled, nothing went"));
        }
        Intent::Cancelled => return with_reason(lang.pick("中途取消", "cancelled on the way")),
        Intent::Go | Intent::Paused | Intent::Held if missed && !run.reason.is_empty() => {
            return with_reason(lang.pick("错过", "missed"));
        }
        Intent::Paused => return with_reason(lang.pick("暂停", "paused")),
        Intent::Held => return with_reason(lang.pick("挂起", "held")),
        Intent::Go => match (run.approved, run.opened, run.closed) {
            (None, ..) if missed => ("错过：到点未获批准", "missed: nobody had approved it"),
            _ if missed => ("错过：到点未能开始", "missed: it did not begin"),
            (None, ..) if run.slot < now => ("待审批，已过时点", "awaits approval, late"),
            (None, ..) => ("待审批", "awaits approval"),
            (_, None, _) => ("待发", "waits for its time"),
            (_, _, None) => ("发送中", "going on"),
            _ => ("完成", "done"),
        },
    };
    lang.pick(zh, en).to_owned()
}
