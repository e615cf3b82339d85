//! The command line: arguments in, one call of the service, an answer and an exit code out. A file a
//! command; no rules of its own.

pub mod actor;
pub mod audit;
pub mod bench;
pub mod campaign;
pub mod contacts;
pub mod ctx;
pub mod database;
pub mod demo;
pub mod error;
pub mod forecast;
pub mod gateways;
pub mod log;
pub mod out;
pub mod pdu;
pub mod plan;
pub mod progress;
mod refusal;
pub mod report;
pub mod run;
pub mod send;
pub mod serve;
pub mod simulate;
pub mod stop;
mod unparsed;
pub mod user;
pub mod work_order;

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand};

pub use self::{
    ctx::Ctx,
    error::{CliError, Exit},
    refusal::CliRefusal,
};
use crate::{config, domain::lang::Lang, telemetry};

/// 警钟：向干部职工发送安全提醒短信，并留下可核验的发送台账。
/// Watchbell: safety reminders by SMS, with a delivery log that an auditor can verify.
#[derive(Debug, Parser)]
#[command(
    name = "watchbell",
    version,
    after_help = "先试一试：watchbell demo · Try it: watchbell demo\n退出码 0 完成，1 结果为否，2 用法或配置有误 · Exit codes: 0 done, 1 the answer is no, 2 wrong usage or configuration"
)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// 配置文件，默认 ./watchbell.toml · the configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// 语言 zh 或 en，默认随系统 · the language, zh or en
    #[arg(long, global = true, value_name = "LANG")]
    pub lang: Option<Lang>,
    /// 以哪个用户的身份，须凭密码 · who you are, proved by a password (asked for, or in `WATCHBELL_PASSWORD`)
    #[arg(long = "as", global = true, value_name = "USER")]
    pub as_user: Option<String>,
}

/// All commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// 在模拟运营商上过完整个六月 · live through June with simulated carriers
    Demo(demo::DemoArgs),
    /// 启动守护进程 · run the daemon
    Serve,
    /// 立即发送一次 · queue one run now
    Send(send::SendArgs),
    /// 短信任务：查看、提交、审批、退回、否决 · campaigns
    #[command(subcommand)]
    Campaign(campaign::CampaignCommand),
    /// 发送批次：查看、暂停、恢复、取消 · runs
    #[command(subcommand)]
    Run(run::RunCommand),
    /// 立即停止一切发送 · halt all sending within a second
    Stop(stop::StopArgs),
    /// 解除挂起 · let a held database or run go on
    Release(stop::ReleaseArgs),
    /// 通讯录 · contacts
    #[command(subcommand)]
    Contacts(contacts::ContactsCommand),
    /// 发送记录 · the delivery log
    Log(log::LogArgs),
    /// 台账核验与导出 · verify and export the ledger
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// 网关检查 · check gateways
    #[command(subcommand)]
    Gateways(gateways::GatewaysCommand),
    /// 模拟一个运营商网关 · a carrier's gateway to practise against
    Simulate(simulate::SimulateArgs),
    /// 升级数据库结构 · bring the database up to date
    Migrate,
    /// 用户 · users
    #[command(subcommand)]
    User(user::UserCommand),
    /// 备份数据库 · back up the database
    Backup(database::BackupArgs),
    /// 恢复数据库（恢复后先挂起） · restore the database; it starts held
    Restore(database::RestoreArgs),
    /// 性能测试 · benchmarks
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// 月度计划：检查、导入、改到另一年 · a month's plan
    #[command(subcommand)]
    Plan(plan::PlanCommand),
    /// 月度总结 · the month's report
    Report(report::ReportArgs),
    /// 解码一个 PDU · one PDU's fields
    #[command(subcommand)]
    Pdu(pdu::PduCommand),
    /// 委托运营商群发：下达、回读、放行、报数、凭证 · carrier work orders
    #[command(name = "work-order", subcommand)]
    WorkOrder(work_order::WorkOrderCommand),
    /// 全面检查（尚未实现） · check everything (not built yet)
    Doctor(NotBuilt),
    /// 接口令牌（尚未实现） · API tokens (not built yet)
    Token(NotBuilt),
}

/// A command that parses and is not built yet.
#[derive(Debug, Args)]
pub struct NotBuilt {
    /// Whatever it will take.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub rest: Vec<String>,
}

impl Command {
    /// Runs it.
    pub async fn run(self, ctx: &Ctx) -> Result<Exit, CliError> {
        match self {
            Self::Demo(args) => demo::run(args, ctx).await,
            Self::Serve => serve::run(ctx).await,
            Self::Send(args) => send::run(args, ctx).await,
            Self::Campaign(command) => campaign::run(command, ctx).await,
            Self::Run(command) => run::run(command, ctx).await,
            Self::Stop(args) => stop::stop(args, ctx).await,
            Self::Release(args) => stop::release(args, ctx).await,
            Self::Contacts(command) => contacts::run(command, ctx).await,
            Self::Log(args) => log::run(args, ctx).await,
            Self::Audit(command) => audit::run(command, ctx).await,
            Self::Gateways(command) => gateways::run(command, ctx).await,
            Self::Simulate(args) => simulate::run(args, ctx).await,
            Self::Migrate => database::migrate(ctx).await,
            Self::User(command) => user::run(command, ctx).await,
            Self::Backup(args) => database::backup(args, ctx).await,
            Self::Restore(args) => database::restore(args, ctx).await,
            Self::Bench(command) => bench::run(command, ctx).await,
            Self::Plan(command) => plan::run(command, ctx).await,
            Self::Report(args) => report::run(args, ctx).await,
            Self::Pdu(command) => pdu::run(&command, ctx),
            Self::WorkOrder(command) => work_order::run(command, ctx).await,
            Self::Doctor(_) => Err(CliError::not_built("doctor")),
            Self::Token(_) => Err(CliError::not_built("token")),
        }
    }

    /// What its log shows when nobody asks for more: a command prints its own answer.
    fn usual_log(&self) -> &'static str {
        match self {
            Self::Serve => "info",
            // What the log would warn of is its answer.
            Self::Gateways(_) => "error",
            _ => "warn",
        }
    }
}

/// The whole program: parses `args`, runs the command, says what went wrong, gives the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args: Vec<OsString> = args.into_iter().collect();
    let env = config::process_env().collect::<BTreeMap<_, _>>();
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version are answers; their reader may have gone (`| head`).
            unparsed::show(&e);
            return if e.use_stderr() {
                let ctx = Ctx::new(unparsed::global(&args), env, unparsed::wants_json(&args));
                ctx.answer(&unparsed::refusal(&e).into())
            } else {
                Exit::Done
            };
        }
    };
    // Behind a command that is not built yet everything is a value; its language counts all the same.
    let global = Global {
        lang: cli.global.lang.or(unparsed::global(&args).lang),
        ..cli.global
    };
    let ctx = Ctx::new(global, env, unparsed::wants_json(&args));
    let filter = ctx.env(telemetry::LOG_VARIABLE);
    if let Err(e) = telemetry::start_logs(filter, cli.command.usual_log()) {
        return ctx.explain(&CliRefusal::LogFilter { why: e.to_string() }.into());
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(e) => return ctx.explain(&CliError::Io(e)),
    };
    let ended = runtime.block_on(async {
        crate::app::survive_size_limits()?;
        cli.command.run(&ctx).await
    });
    // A prompt that still waits for a line must not keep the process.
    runtime.shutdown_background();
    ended.unwrap_or_else(|e| ctx.explain(&e))
}

#[cfg(test)]
mod tests;
