//! How a forecast is shown.

use chrono_tz::Tz;

use super::{CliError, Ctx};
use crate::{
    domain::{lang::Lang, time::Micros},
    service::forecast::{Clash, Forecast, MANY_TEXTS, QuotaUse},
};

/// The forecast as tables, and what does not fit in words.
pub fn show(forecast: &Forecast, zone: Tz, ctx: &Ctx) -> Result<(), CliError> {
    let heading = match ctx.lang {
        Lang::Zh => [
            "时间",
            "任务",
            "人数",
            "1 段",
            "2 段",
            "3 段以上",
            "段数",
            "费用",
            "发完",
        ],
        Lang::En => [
            "slot",
            "campaign",
            "people",
            "1 part",
            "2 parts",
            "3 or more",
            "segments",
            "cost",
            "through at",
        ],
    };
    let rows = forecast.runs.iter().map(|r| {
        let parts = r.survey.by_segments();
        let many: i64 = parts.range(3..).map(|(_, n)| n).sum();
        let of = |n: i64| parts.get(&n).copied().unwrap_or(0).to_string();
        [
            r.slot.local(zone).format("%m-%d %H:%M").to_string(),
            r.name.clone(),
            r.survey.people().to_string(),
            of(1),
            of(2),
            many.to_string(),
            r.course.segments().to_string(),
            format!("{:.2}", r.course.cost() as f64 / 1e6),
            r.course
                .ends()
                .map_or_else(|| "—".to_owned(), |t| clock(t, zone)),
        ]
    });
    ctx.out.table(heading, rows)?;
    let (runs, people, segments) = (forecast.runs.len(), forecast.people(), forecast.segments());
    let cost = forecast.cost();
    ctx.out.line(ctx.lang.pick(
        format!("合计 {runs} 批，{people} 人次，{segments} 段，约 {cost:.2} 元。"),
        format!("{runs} runs, {people} messages, {segments} segments, about {cost:.2}."),
    ))?;
    for clash in &forecast.clashes {
        ctx.out.line(clash_words(clash, ctx.lang))?;
    }
    for quota in &forecast.quotas {
        ctx.out.line(quota_words(quota, ctx.lang))?;
    }
    for run in &forecast.runs {
        let left: i64 = run.course.passages.iter().map(|p| p.left_people).sum();
        let problems = run.survey.problems.total;
        let slot = clock(run.slot, zone);
        if left > 0 {
            ctx.out.line(ctx.lang.pick(
                format!("{slot} {}：到最晚时间约有 {left} 人发不完", run.name),
                format!(
                    "{slot} {}: about {left} people do not fit before its not-after",
                    run.name
                ),
            ))?;
        }
        if problems > 0 {
            ctx.out.line(ctx.lang.pick(
                format!("{slot} {}：名单中有 {problems} 处填不出正文", run.name),
                format!(
                    "{slot} {}: {problems} of the audience cannot get this text",
                    run.name
                ),
            ))?;
        }
    }
    Ok(())
}

fn clock(t: Micros, zone: Tz) -> String {
    t.local(zone).format("%m-%d %H:%M:%S").to_string()
}

fn clash_words(c: &Clash, lang: Lang) -> String {
    let (day, group, people, texts) = (c.day.format("%m-%d"), &c.group, c.people, c.texts);
    let over = match c.over_limit {
        0 => String::new(),
        n => lang.pick(
            format!("，超过每人每天上限，其中 {n} 条将不发"),
            format!(", over the daily limit: {n} of them will not go out"),
        ),
    };
    lang.pick(
        format!("{day}：{group} {people} 人当天会收到 {texts} 条（{MANY_TEXTS} 条起提示）{over}"),
        format!("{day}: {people} of {group} get {texts} texts{over}"),
    )
}

fn quota_words(q: &QuotaUse, lang: Lang) -> String {
    let (gateway, quota, planned, left) = (&q.gateway.0, q.quota, q.planned, q.left());
    let from = match q.is_month {
        true => q.from.format("%Y-%m").to_string(),
        false => q.from.to_string(),
    };
    lang.pick(
        format!("配额：{gateway} {from} 计划 {planned} 段，合同 {quota} 段，剩 {left} 段"),
        format!("quota: {gateway} {from}: {planned} segments planned of {quota}, {left} left"),
    )
}
