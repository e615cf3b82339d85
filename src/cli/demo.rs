//! `watchbell demo`: the main job without a server, an account or a configuration.

use std::path::PathBuf;

use clap::Args;

use super::{CliError, Ctx, Exit, progress::Progress};
use crate::{
    demo::{self, Outcome, Step, Wanted},
    domain::{lang::Lang, message::Outcome as State},
};

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
    };
    ctx.out.note(ctx.say(
        "【演练】三家模拟运营商，不会发出任何真实短信。",
        "PRACTICE: three simulated carriers, no real message goes out.",
    ))?;
    let progress = Progress::new(0, ctx.say("发送", "sending"));
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
        Step::OwnRefused(words) => lang.pick(
            format!("周晓岚想批准自己提交的短信：{words}"),
            format!("the clerk tried to approve her own: {words}"),
        ),
        Step::Approved {
            group,
            people,
            segments,
        } => {
            progress.set_total(people.unsigned_abs());
            lang.pick(
                format!("何志远批准：{group}，{people} 人，{segments} 段"),
                format!("approved: {group}, {people} people, {segments} segments"),
            )
        }
        Step::Sending(counts) => {
            progress.set((counts.total() - counts.open()).unsigned_abs());
            return;
        }
        Step::OptedOut(phone) => lang.pick(
            format!("{phone} 回复“退订”：下一条起不再发给此人"),
            format!("{phone} wrote back 退订: left out from the next run on"),
        ),
        Step::Done(group, counts) => lang.pick(
            format!(
                "完成：{group}，送达 {}/{}",
                counts.of(State::Delivered),
                counts.total()
            ),
            format!(
                "done: {group}, {} of {} delivered",
                counts.of(State::Delivered),
                counts.total()
            ),
        ),
    };
    progress.line(&line);
}

fn table(outcome: &Outcome, ctx: &Ctx) -> Result<(), CliError> {
    let heading = match ctx.lang {
        Lang::Zh => [
            "名单",
            "人数",
            "已提交段数",
            "已送达",
            "未送达",
            "过期",
            "未发",
            "存疑",
        ],
        Lang::En => [
            "audience",
            "people",
            "segments taken",
            "delivered",
            "undelivered",
            "expired",
            "suppressed",
            "in doubt",
        ],
    };
    let rows = outcome.groups.iter().map(|(group, c, segments)| {
        [
            (*group).to_owned(),
            c.total().to_string(),
            segments.to_string(),
            c.of(State::Delivered).to_string(),
            c.of(State::Undelivered).to_string(),
            c.of(State::Expired).to_string(),
            c.of(State::Suppressed).to_string(),
            c.of(State::InDoubt).to_string(),
        ]
    });
    ctx.out.line("")?;
    ctx.out.table(heading, rows)?;
    let heading = match ctx.lang {
        Lang::Zh => [
            "网关",
            "协议",
            "合同速率/秒",
            "任一秒内最多",
            "运营商收到段数",
            "回执",
        ],
        Lang::En => [
            "gateway",
            "protocol",
            "contract/s",
            "most in any second",
            "segments the carrier took",
            "reports",
        ],
    };
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
