//! `watchbell gateways`: log in to each gateway and send nothing; prove one against its contract.

mod accept;
mod trace;

use clap::Subcommand;

use super::{CliError, Ctx, Exit};
use crate::{app::Carriers, service::gateways::Checkup};

/// `watchbell gateways …`
#[derive(Debug, Subcommand)]
pub enum GatewaysCommand {
    /// 逐个登录，不发送 · log in to each, send nothing
    Check {
        /// 有别的进程在发送时也登录全部连接 · all links, also while another process sends over them
        #[arg(long)]
        force: bool,
        /// 输出一个 JSON · print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// 网关联调：用十个号码验证合同，记录可签字 · prove a gateway with ten phones
    Accept(accept::AcceptArgs),
    /// 查看链路跟踪文件 · the PDUs of a trace, as lines of JSON
    Trace(trace::TraceArgs),
}

/// Does it.
pub async fn run(command: GatewaysCommand, ctx: &Ctx) -> Result<Exit, CliError> {
    match command {
        GatewaysCommand::Check { force, json } => check(force, json, ctx).await,
        GatewaysCommand::Accept(args) => accept::run(args, ctx).await,
        GatewaysCommand::Trace(args) => trace::run(args, ctx).await,
    }
}

async fn check(force: bool, json: bool, ctx: &Ctx) -> Result<Exit, CliError> {
    let mut office = ctx.office().await?;
    let actor = ctx.actor(&office).await?;
    let carriers = Carriers::practice(&mut office).await?;
    if office.config.practice {
        ctx.out.note(ctx.say(
            "【演练】登录的是模拟运营商",
            "PRACTICE: these are simulated carriers",
        ))?;
    }
    let found = office.gateways().check(&actor, force).await?;
    drop(carriers);
    if found.engine_elsewhere && !force {
        ctx.out.note(ctx.say(
            "另一进程正在使用这些网关，因此每个网关只试登一个连接；用 --force 试登全部连接",
            "another process uses these gateways, so only one link of each was tried; --force tries all",
        ))?;
    }
    if json {
        ctx.out.json(&found)?;
    } else {
        for g in &found.gateways {
            ctx.out.line(format!(
                "{} ({} {}) {}/{}: {}",
                g.id,
                g.kind,
                g.address,
                g.links_up,
                g.links,
                g.finding.text(ctx.lang)
            ))?;
            if let Some(listener) = &g.listener {
                ctx.out
                    .line(format!("{}: {}", g.id, listener.text(ctx.lang)))?;
            }
        }
    }
    Ok(exit(&found))
}

fn exit(found: &Checkup) -> Exit {
    if found.gateways.iter().any(|g| g.finding.is_usage()) {
        Exit::Usage
    } else {
        Exit::of(found.ok)
    }
}
