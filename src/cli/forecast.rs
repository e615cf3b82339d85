//! Forecasts, and what came of them, as people and programs read them.

use chrono_tz::Tz;
use serde_json::json;

use super::{CliError, Ctx};
use crate::{
    domain::{bilingual::headings, forecast::Period, role::Actor, time::Micros},
    service::{
        Office,
        forecast::{Clash, Compared, Forecast, OFTEN, QuotaUse, RunForecast},
    },
};

/// Prints a forecast.
pub fn forecast(ctx: &Ctx, forecast: &Forecast, as_json: bool) -> Result<(), CliError> {
    if as_json {
        return ctx.out.json(forecast);
    }
    let zone = ctx.config()?.sending.timezone;
    runs(ctx, &forecast.runs, zone)?;
    let t = &forecast.totals;
    let ends = moment(t.ends, zone);
    ctx.out.line(ctx.lang.pick(
        format!(
            "共 {} 次，{} 人次，{} 条，费用 {}，{ends} 发完",
            t.runs,
            t.people,
            t.segments,
            money(t.cost)
        ),
        format!(
            "{} runs, {} texts to people, {} segments, cost {}, through at {ends}",
            t.runs,
            t.people,
            t.segments,
            money(t.cost)
        ),
    ))?;
    if t.left_people > 0 {
        ctx.out.line(ctx.lang.pick(
            format!("注意：约 {} 人次赶不上最晚时间", t.left_people),
            format!(
                "careful: about {} of them do not fit before a not-after",
                t.left_people
            ),
        ))?;
    }
    for quota in forecast.quotas.iter().filter(|q| q.quota.is_some()) {
        ctx.out.line(quota_line(ctx, quota))?;
    }
    for clash in &forecast.clashes {
        ctx.out.line(clash_line(ctx, clash))?;
    }
    Ok(())
}

/// Prints how good the forecasts were.
pub async fn compared(
    ctx: &Ctx,
    office: &Office,
    actor: &Actor,
    as_json: bool,
) -> Result<(), CliError> {
    let compared = office.runs().forecast_vs_fact(actor).await?;
    if as_json {
        return ctx.out.json(&json!({ "compared": compared }));
    }
    let zone = ctx.config()?.sending.timezone;
    let heading = match ctx.lang {
        crate::domain::lang::Lang::Zh => ["任务", "时间", "网关", "预计发完", "实际发完", "相差"],
        crate::domain::lang::Lang::En => {
            ["campaign", "slot", "gateway", "forecast", "fact", "off by"]
        }
    };
    ctx.out
        .table(heading, compared.iter().map(|c| compared_row(c, zone)))
}

fn compared_row(c: &Compared, zone: Tz) -> [String; 6] {
    [
        c.name.clone(),
        moment(Some(c.slot), zone),
        c.gateway.as_ref().map_or("*".into(), |g| g.0.clone()),
        moment(Some(c.forecast), zone),
        moment(Some(c.fact), zone),
        format!("{:+.1} s ({:+.1} %)", c.seconds, c.percent),
    ]
}

fn runs(ctx: &Ctx, runs: &[RunForecast], zone: Tz) -> Result<(), CliError> {
    let heading = headings(
        ctx.lang,
        [
            ("任务", "run"),
            ("时间", "slot"),
            ("人数", "people"),
            ("1/2/3…条", "1/2/3…"),
            ("条数", "segments"),
            ("费用", "cost"),
            ("开始", "starts"),
            ("发完", "ends"),
            ("赶不上", "left"),
        ],
    );
    let rows = runs.iter().map(|r| {
        let lengths: Vec<_> = r.by_segments.iter().map(ToString::to_string).collect();
        [
            r.name.clone(),
            moment(Some(r.slot), zone),
            r.people.to_string(),
            lengths.join("/"),
            r.segments.to_string(),
            money(r.cost),
            moment(r.starts, zone),
            moment(r.ends, zone),
            r.left_people.to_string(),
        ]
    });
    ctx.out.table(heading, rows)
}

fn quota_line(ctx: &Ctx, q: &QuotaUse) -> String {
    let from = match q.period {
        Period::Day => q.from.to_string(),
        Period::Month => q.from.format("%Y-%m").to_string(),
    };
    let (quota, left) = (q.quota.unwrap_or(0), q.left.unwrap_or(0));
    let (id, used, ahead) = (&q.gateway, q.used, q.ahead);
    ctx.lang.pick(
        format!("网关 {id} {from}：限额 {quota} 条，已发 {used}，将发 {ahead}，剩余 {left}"),
        format!("gateway {id}, {from}: {quota} segments allowed, {used} gone, {ahead} to come, {left} left"),
    )
}

fn clash_line(ctx: &Ctx, c: &Clash) -> String {
    let (day, group, often, over) = (c.day, &c.group, c.often, c.over_limit);
    ctx.lang.pick(
        format!("{day} {group}：{often} 人当天收到 {OFTEN} 条以上短信，{over} 人超过每人每日上限（超出的不会发送）"),
        format!("{day} {group}: {often} people get {OFTEN} texts or more that day, {over} exceed the daily limit (what is over it is not sent)"),
    )
}

/// To the second, on the office's clock.
fn moment(at: Option<Micros>, zone: Tz) -> String {
    at.map_or_else(
        || "-".to_owned(),
        |t| t.local(zone).format("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// Millionths as people write them, to the cent.
fn money(millionths: i64) -> String {
    format!("{:.2}", millionths as f64 / 1e6)
}
