//! `watchbell stop` and `watchbell release`: halt everything, let go on what is held.

use clap::Args;

use serde_json::json;

use super::{CliError, Ctx, Exit};
use crate::{
    clock::Clock,
    domain::{id::RunId, lifecycle::Intent},
    service::Office,
};

/// `watchbell stop`
#[derive(Debug, Args)]
pub struct StopArgs {
    /// 理由 · why
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// 输出一个 JSON · print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `watchbell release`
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// 理由 · why it may go on
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// 只解除一个批次 · one held run instead of the database
    #[arg(long, value_name = "ID")]
    pub run: Option<RunId>,
}

/// Halts all sending.
pub async fn stop(args: StopArgs, ctx: &Ctx) -> Result<Exit, CliError> {
    // Also a daemon of an older version has to be halted, while it is being replaced.
    let office = Office::open_as_it_is(ctx.config()?, Clock::system()).await?;
    let actor = ctx.actor(&office).await?;
    let stopped = office
        .sending()
        .stop(&actor, &args.reason.unwrap_or_default())
        .await?;
    if args.json {
        ctx.out.json(&json!({ "stopped": true, "left": stopped.left, "counted_by_engine": stopped.by_engine }))?;
    } else {
        ctx.out.line(ctx.lang.pick(
            format!("已停发。未完成的批次中已发出（或可能已发出）{} 条；用 watchbell release --reason 理由 放行。", stopped.left),
            format!("Stopped. Of the unfinished runs {} messages have left, or may have; go on with `watchbell release --reason TEXT`.", stopped.left),
        ))?;
    }
    Ok(Exit::Done)
}

/// Lets a held or stopped installation, or one held run, go on.
pub async fn release(args: ReleaseArgs, ctx: &Ctx) -> Result<Exit, CliError> {
    let office = ctx.office().await?;
    let actor = ctx.actor(&office).await?;
    match args.run {
        Some(run) => {
            _ = office
                .runs()
                .intend(&actor, run, Intent::Go, &args.reason)
                .await?;
        }
        None => office.sending().release(&actor, &args.reason).await?,
    }
    ctx.out.line(ctx.say(
        "已放行，并已记入台账。",
        "Released, and recorded in the ledger.",
    ))?;
    Ok(Exit::Done)
}
