//! `watchbell demo`: the main job without a server, an account or a configuration.

use std::path::PathBuf;

use chrono::Datelike as _;
use clap::Args;

use super::{CliError, Ctx, Exit, progress::Progress};
use crate::{
    demo::{self, Day, OrderStep, Outcome, Step, Wanted},
    domain::{
        bilingual::headings,
        lang::Lang,
        message::Outcome as State,
        time::Micros,
        work_order::{OrderState, readback::summary},
    },
    service::{
        plan::{Effect, ImportDiff},
        work_order::OrderView,
    },
};

/// June's.
const DAYS: u64 = 30;

/// `watchbell demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// 通讯录人数 · contacts in the example county's address books
    #[arg(long, default_value_t = 5_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub recipients: u32,
    /// 输出目录 · the folder for everything it makes
    #[arg(long, default_value = "demo")]
    pub dir: PathBuf,
    /// 随机种子 · the same seed makes the same county and the same carriers' whims
    #[arg(long, default_value_t = 20_230_601, value_name = "S")]
    pub seed: u64,
    /// 改用 PostgreSQL · a PostgreSQL database instead of DIR/watchbell.db
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// 做完即退出 · end when it is done instead of keeping the console open
    #[arg(long)]
    pub headless: bool,
    /// 输出一个 JSON · print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Lives through it, and shows what came of it.
pub async fn run(args: DemoArgs, ctx: &Ctx) -> Result<Exit, CliError> {
    let wanted = Wanted {
        recipients: args.recipients,
        dir: args.dir,
        seed: args.seed,
        database: args.database,
        lang: ctx.lang,
    };
    ctx.out.note(ctx.say(
        "【演练】运营商都是模拟的，不会发出任何真实短信。",
        "PRACTICE: simulated carriers, no real message goes out.",
    ))?;
    let progress = Progress::new(0, ctx.say("六月", "June"));
    let lang = ctx.lang;
    let outcome = demo::run(&wanted, |step| show(&step, &progress, lang)).await?;
    drop(progress);
    if args.json {
        ctx.out.json(&outcome)?;
    } else {
        table(&outcome, ctx)?;
    }
    if let Some(what) = &outcome.disagreement {
        ctx.out.note(ctx.lang.pick(
            format!("两边对不上：{what}"),
            format!("The two sides disagree: {what}"),
        ))?;
    }
    Ok(Exit::of(outcome.is_good()))
}

fn show(step: &Step<'_>, progress: &Progress, lang: Lang) {
    let line = match step {
        Step::Imported(book, r) => lang.pick(
            format!(
                "导入 {}（{}）：{} 行，新增 {}，修复 {}，重复 {}，拒收 {}",
                book.group,
                book.file_name,
                r.rows,
                r.new,
                r.repaired,
                r.duplicate,
                r.refused.len()
            ),
            format!(
                "imported {} ({}): {} rows, {} new, {} repaired, {} duplicate, {} refused",
                book.group,
                book.file_name,
                r.rows,
                r.new,
                r.repaired,
                r.duplicate,
                r.refused.len()
            ),
        ),
        Step::Drafted {
            title,
            campaigns,
            slots,
            work_orders,
        } => {
            progress.set_total(DAYS);
            lang.pick(
                format!("导入计划《{title}》：{campaigns} 项任务、{slots} 次发送、{work_orders} 份委托单，全部为草稿"),
                format!("imported the plan {title}: {campaigns} campaigns, {slots} slots, {work_orders} work orders, all of them drafts"),
            )
        }
        Step::OwnRefused(words) => lang.pick(
            format!("周晓岚想批准自己提交的短信：{words}"),
            format!("the clerk tried to approve her own: {words}"),
        ),
        Step::Returned { name, reason } => lang.pick(
            format!("何志远退回“{name}”：{reason}"),
            format!("the approver gave back {name}: {reason}"),
        ),
        Step::Approved(n) => lang.pick(
            format!("何志远批准 {n} 项任务"),
            format!("the approver approved {n} campaigns"),
        ),
        Step::Changed(diff) => changed(diff, lang),
        Step::Order(order, at, step) => order_line(order, *at, step, lang),
        Step::OptedOut(phone) => lang.pick(
            format!("{phone} 回复“退订”：以后的短信不再发给此人"),
            format!("{phone} wrote back 退订: left out from the next run on"),
        ),
        Step::Day(day) => {
            progress.set(u64::from(day.date.day()));
            day_line(day, lang)
        }
    };
    progress.line(&line);
}

/// What reading the changed plan in brought.
fn changed(diff: &ImportDiff, lang: Lang) -> String {
    let items = diff.items.iter().filter(|i| i.effect == Effect::Voided);
    let voided: Vec<_> = items
        .map(|i| format!("“{}”（{}）", i.name, i.fields.join("、")))
        .collect();
    let unchanged = diff.items.len() - voided.len();
    let voided = voided.join("、");
    lang.pick(
        format!("周晓岚改了计划再导入：{voided}有变化，原审批作废，重新送审；其余 {unchanged} 项不变"),
        format!("the clerk changed the plan and read it in again: {voided} must be approved anew; {unchanged} as they were"),
    )
}

/// `06-15 14:30  委托中国电信…发送：回读不一致 …`.
fn order_line(order: &OrderView, at: Micros, step: &OrderStep, lang: Lang) -> String {
    let what = match step {
        OrderStep::Approved(code) => lang.pick(
            format!("何志远批准，校验码 {code}"),
            format!("approved by the approver, check code {code}"),
        ),
        OrderStep::Issued => lang.pick(
            format!("下达，{}", order.line.number),
            format!("issued as {}", order.line.number),
        ),
        OrderStep::Acknowledged => lang.pick("运营商受理", "the carrier will do it").to_owned(),
        OrderStep::Proof { phone, differences } => {
            // The office's own phones, and yet numbers.
            let phone = format!("…{}", phone.get(7..).unwrap_or_default());
            let found = summary(differences, lang);
            match differences.is_empty() {
                true => lang.pick(
                    format!("测试手机{phone}回读：逐字一致"),
                    format!("seed phone {phone} shows the approved text"),
                ),
                false => lang.pick(
                    format!("测试手机{phone}回读不一致，停止：{found}"),
                    format!("seed phone {phone} shows something else, stopped: {found}"),
                ),
            }
        }
        OrderStep::Corrected => lang
            .pick(
                "周晓岚退回更正，重新回读",
                "the text was sent again for a new proof",
            )
            .to_owned(),
        OrderStep::Released => lang
            .pick("放行，可以发送", "the carrier may send")
            .to_owned(),
        OrderStep::Counts {
            as_of,
            requested,
            sent,
            delivered,
            last,
        } => {
            let zone = chrono_tz::Asia::Shanghai;
            let as_of = as_of.local(zone).format("%H:%M");
            let last = if *last {
                lang.pick("（最终）", " (final)")
            } else {
                ""
            };
            lang.pick(
                format!("申报截至 {as_of}：应发 {requested}，已发 {sent}，送达 {delivered}{last}"),
                format!("declared as of {as_of}: requested {requested}, sent {sent}, delivered {delivered}{last}"),
            )
        }
        OrderStep::Evidence(name) => {
            lang.pick(format!("收到凭证 {name}"), format!("evidence {name}"))
        }
        OrderStep::Accepted => lang.pick("验收", "accepted").to_owned(),
        OrderStep::Closed => lang.pick("办结", "closed").to_owned(),
    };
    let at = at.local(chrono_tz::Asia::Shanghai).format("%m-%d %H:%M");
    let name = &order.line.name;
    lang.pick(
        format!("  {at}  {name}：{what}"),
        format!("  {at}  {name}: {what}"),
    )
}

/// `06-12 周一  3 批  812 条  送达 788`, and the names.
fn day_line(day: &Day, lang: Lang) -> String {
    let weekday = match lang {
        Lang::Zh => ["周一", "周二", "周三", "周四", "周五", "周六", "周日"]
            [day.date.weekday().num_days_from_monday() as usize]
            .to_owned(),
        Lang::En => day.date.format("%a").to_string(),
    };
    let date = day.date.format("%m-%d");
    if day.runs.is_empty() {
        return format!("{date} {weekday}  —");
    }
    let (total, delivered) = (day.counts.total(), day.counts.of(State::Delivered));
    let names = day.runs.join(lang.pick("、", ", "));
    lang.pick(
        format!(
            "{date} {weekday}  {} 批 {total} 条，送达 {delivered}：{names}",
            day.runs.len()
        ),
        format!(
            "{date} {weekday}  {} runs, {total} messages, {delivered} delivered: {names}",
            day.runs.len()
        ),
    )
}

fn table(outcome: &Outcome, ctx: &Ctx) -> Result<(), CliError> {
    let heading = headings(
        ctx.lang,
        [
            ("名单", "audience"),
            ("批次", "runs"),
            ("人次", "messages"),
            ("已提交段数", "segments taken"),
            ("已送达", "delivered"),
            ("未送达", "undelivered"),
            ("过期", "expired"),
            ("未发", "suppressed"),
            ("取消", "cancelled"),
            ("存疑", "in doubt"),
        ],
    );
    let rows = outcome.groups.iter().map(|g| {
        let c = &g.counts;
        [
            g.name.clone(),
            g.runs.to_string(),
            c.total().to_string(),
            g.segments.to_string(),
            c.of(State::Delivered).to_string(),
            c.of(State::Undelivered).to_string(),
            c.of(State::Expired).to_string(),
            c.of(State::Suppressed).to_string(),
            c.of(State::Cancelled).to_string(),
            c.of(State::InDoubt).to_string(),
        ]
    });
    ctx.out.line("")?;
    ctx.out.table(heading, rows)?;
    let heading = headings(
        ctx.lang,
        [
            ("网关", "gateway"),
            ("协议", "protocol"),
            ("合同速率/秒", "contract/s"),
            ("任一秒内最多", "most in any second"),
            ("运营商收到段数", "segments the carrier took"),
            ("回执", "reports"),
        ],
    );
    let rows = outcome.gateways.iter().map(|g| {
        [
            g.id.clone(),
            g.kind.clone(),
            g.rate.to_string(),
            g.peak_segments_in_one_second.to_string(),
            g.submitted_segments.to_string(),
            g.reports.to_string(),
        ]
    });
    ctx.out.table(heading, rows)?;
    for o in &outcome.work_orders {
        let carrier = &o.carrier;
        let known = OrderState::ALL.iter().find(|s| s.as_str() == o.state);
        let state = known.map_or(o.state.as_str(), |s| s.label(ctx.lang));
        ctx.out.line(ctx.lang.pick(
            format!("委托单 {carrier}：{state}，运营商申报应发 {}、已发 {}、送达 {}", o.requested, o.sent, o.delivered),
            format!("work order {carrier}: {state}; declared by the carrier: requested {}, sent {}, delivered {}", o.requested, o.sent, o.delivered),
        ))?;
    }
    let agree = outcome.disagreement.is_none();
    ctx.out.line(ctx.lang.pick(
        format!(
            "逐号核对：数据库与运营商{}；应答丢失而由回执认领的 {} 条。用时 {:.1} 秒。",
            if agree { "一致" } else { "不一致" }, outcome.adopted, outcome.elapsed_seconds
        ),
        format!(
            "Number by number, database and carriers {}; {} messages whose answer was lost were settled by their reports. {:.1} s.",
            if agree { "agree" } else { "DISAGREE" }, outcome.adopted, outcome.elapsed_seconds
        ),
    ))?;
    let f = &outcome.forecast;
    ctx.out.line(ctx.lang.pick(
        format!(
            "预测与实际：{} 批中 {} 批的发完时间相差不超过 5 %，{} 批不超过 5 % 或 0.25 秒，最多差 {:.2} 秒。",
            f.runs, f.within_5_percent, f.within_5_percent_or_250_ms, f.largest_error_seconds
        ),
        format!(
            "Forecast and fact: of {} runs {} were through within 5 % of the forecast time, {} within 5 % or 0.25 s; the farthest was {:.2} s off.",
            f.runs, f.within_5_percent, f.within_5_percent_or_250_ms, f.largest_error_seconds
        ),
    ))?;
    for (item, fact, forecast) in &f.each {
        tracing::debug!(%item, fact, forecast, "forecast and fact");
    }
    let l = &outcome.ledger;
    ctx.out.line(ctx.lang.pick(
        format!("台账：{} 条记录，{} 个事件，核验{}。请抄下台账头，日后用 audit verify --expect 核对：", l.entries, l.events, if l.verified { "通过" } else { "未通过" }),
        format!("Ledger: {} entries, {} events, {}. Write its head down and check it later with `audit verify --expect`:", l.entries, l.events, if l.verified { "verified" } else { "NOT verified" }),
    ))?;
    ctx.out.line(format!("  {}", l.head))?;
    for (name, path) in &outcome.files {
        ctx.out.line(format!("{name}: {}", path.display()))?;
    }
    Ok(())
}
