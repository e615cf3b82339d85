//! `watchbell send`: one run now, whole or not at all.

use std::path::PathBuf;

use clap::Args;

use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{CliError, Ctx, Exit, progress::Progress, refusal::CliRefusal};
use crate::{
    app::{self, Carriers},
    domain::{hours::parse_not_after, message::Outcome, priority::Priority, role::Actor},
    service::{
        Office,
        runs::Counts,
        send::{OnDoubt, OutOfHours, Queued, SendRequest, Target},
    },
    tasks::Tasks,
};

/// `watchbell send`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("audience").required(true).args(["to", "group"]))]
pub struct SendArgs {
    /// 含手机号列的 CSV 或 XLSX · a CSV or XLSX file with a phone column
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// 通讯录里的组 · a group of the address books
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// 短信正文 · the text
    #[arg(long)]
    pub text: String,
    /// urgent、normal 或 bulk · how urgent
    #[arg(long, default_value = "normal")]
    pub priority: Priority,
    /// 存疑时：hold 不重发，resend 重发一次 · about a message in doubt
    #[arg(long, default_value = "hold", value_name = "hold|resend", value_parser = on_doubt)]
    pub on_doubt: OnDoubt,
    /// 最晚时间 · nothing goes out after this (2023-06-12 18:00, 18:00, +2h)
    #[arg(long, value_name = "T")]
    pub not_after: Option<String>,
    /// 等到没有未决短信 · stay until no message is open
    #[arg(long)]
    pub wait: bool,
    /// 等到允许发送的时段 · queue it when it may not go out now
    #[arg(long)]
    pub wait_for_window: bool,
    /// 输出一个 JSON · print one JSON object
    #[arg(long)]
    pub json: bool,
}

fn on_doubt(text: &str) -> Result<OnDoubt, String> {
    match text {
        "hold" => Ok(OnDoubt::Hold),
        "resend" => Ok(OnDoubt::Resend),
        other => Err(format!("{other:?}: write hold or resend")),
    }
}

/// Queues it; with `--wait` stays until it is over.
pub async fn run(args: SendArgs, ctx: &Ctx) -> Result<Exit, CliError> {
    let mut office = ctx.office().await?;
    let actor = ctx.actor(&office).await?;
    let zone = office.config.sending.timezone;
    let not_after = match &args.not_after {
        None => None,
        Some(text) => Some(
            parse_not_after(text, office.clock.now(), zone).map_err(|e| CliRefusal::NotAfter {
                text: text.clone(),
                why: e.to_string(),
            })?,
        ),
    };
    let groups: Vec<String> = args.group.iter().cloned().collect();
    let request = SendRequest {
        name: args.text.chars().take(20).collect(),
        to: match &args.to {
            Some(file) => Target::File(file),
            None => Target::Groups {
                include: &groups,
                exclude: &[],
            },
        },
        text: &args.text,
        priority: args.priority,
        on_doubt: args.on_doubt,
        not_after,
        out_of_hours: if args.wait_for_window {
            OutOfHours::Wait
        } else {
            OutOfHours::Refuse
        },
    };
    let started = Instant::now();
    let queued = office.sending().send(&actor, &request).await?;
    show_queued(&queued, &office, ctx)?;
    let counts = match args.wait {
        true => wait(&mut office, &queued, ctx).await?,
        false => office.runs().get(&actor, queued.frozen.run).await?.counts,
    };
    report((&office, &actor), &queued, &counts, started, &args, ctx).await?;
    office.store.close().await;
    Ok(Exit::of(
        !args.wait || (counts.of(Outcome::InDoubt) == 0 && counts.open() == 0),
    ))
}

async fn wait(office: &mut Office, queued: &Queued, ctx: &Ctx) -> Result<Counts, CliError> {
    let stop = CancellationToken::new();
    app::stop_at_signals(stop.clone())?;
    let _carriers = Carriers::practice(office).await?;
    let alerts = app::alerts(office, &stop, &Tasks::default())?;
    let progress = Progress::new(
        queued.frozen.size.unsigned_abs(),
        ctx.say("发送", "sending"),
    );
    let counts = office
        .runs()
        .wait(queued.frozen.run, &alerts, &stop, |c| {
            progress.set((c.total() - c.open()).unsigned_abs());
        })
        .await?;
    Ok(counts)
}

fn show_queued(queued: &Queued, office: &Office, ctx: &Ctx) -> Result<(), CliError> {
    let f = &queued.frozen;
    if office.config.practice {
        ctx.out.note(ctx.say(
            "【演练】不会发出任何真实短信",
            "PRACTICE: no real message goes out",
        ))?;
    }
    if queued.refused_rows > 0 {
        ctx.out.note(ctx.lang.pick(
            format!("名单中有 {} 行读不出手机号，未列入：用 contacts import --dry-run 查看", queued.refused_rows),
            format!("{} rows of the list hold no usable number and were left out: see `contacts import --dry-run`", queued.refused_rows),
        ))?;
    }
    ctx.out.note(ctx.lang.pick(
        format!(
            "批次 {}：{} 人，{} 段，合并重复 {}，不发 {}",
            f.run, f.size, f.segments, f.merged, f.suppressed
        ),
        format!(
            "run {}: {} people, {} segments, {} merged, {} suppressed",
            f.run, f.size, f.segments, f.merged, f.suppressed
        ),
    ))?;
    if queued.waits_for_approval {
        ctx.out.note(ctx.lang.pick(
            format!("已提交审批，须由另一人批准：watchbell campaign approve {} --as 审批人（校验码 {}）", f.campaign, f.check_code),
            format!("submitted; another person must approve it: watchbell campaign approve {} --as APPROVER (check code {})", f.campaign, f.check_code),
        ))?;
    }
    if let Some((at, why)) = queued.opens_at {
        let when = at.rfc3339(office.config.sending.timezone);
        ctx.out.note(format!("{}: {when}", why.reason(ctx.lang)))?;
    }
    Ok(())
}

async fn report(
    (office, actor): (&Office, &Actor),
    queued: &Queued,
    counts: &Counts,
    started: Instant,
    args: &SendArgs,
    ctx: &Ctx,
) -> Result<(), CliError> {
    let seconds = started.elapsed().as_secs_f64();
    let taken = office
        .runs()
        .segments_taken(actor, queued.frozen.run)
        .await?;
    if args.json {
        return ctx.out.json(&json!({
            "run": queued.frozen.run,
            "campaign": queued.frozen.campaign,
            "messages": counts,
            "refused_rows": queued.refused_rows,
            "segments_submitted": taken,
            "elapsed_seconds": seconds,
            "segments_per_second": taken as f64 / seconds.max(0.001),
        }));
    }
    ctx.out.line(super::run::counts_line(counts, ctx))
}
