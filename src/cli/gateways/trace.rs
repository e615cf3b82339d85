//! `watchbell gateways trace`: a trace's PDUs as lines of JSON.

use std::path::PathBuf;

use clap::Args;

use crate::{
    cli::{CliError, Ctx, Exit},
    config::Secret,
    service::trace::{End, Numbers},
};

/// `watchbell gateways trace`
#[derive(Debug, Args)]
pub struct TraceArgs {
    /// 跟踪文件 · the trace
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// 密钥，`env:变量名` 或 `file:路径` · the `trace_key`, as `env:NAME` or `file:PATH`
    #[arg(long, value_name = "KEY")]
    pub key: String,
    /// 显示完整号码和内容，须写原因 · show numbers and content whole
    #[arg(long, requires = "reason")]
    pub numbers: bool,
    /// 原因，记入台账 · why; it stands in the ledger
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Prints it.
pub(super) async fn run(args: TraceArgs, ctx: &Ctx) -> Result<Exit, CliError> {
    let key = key(&args.key, ctx)?;
    let office = ctx.office().await?;
    let actor = ctx.actor(&office).await?;
    let numbers = match args.numbers {
        true => Numbers::Shown,
        false => Numbers::Masked,
    };
    let reason = args.reason.as_deref().unwrap_or_default();
    let mut printed = Ok(());
    let end = office
        .read_trace(&actor, &args.file, &key, numbers, reason, |line| {
            if printed.is_ok() {
                printed = ctx.out.line(line.json(numbers));
            }
        })
        .await;
    office.store.close().await;
    printed?;
    if end? == End::Cut {
        ctx.out.note(ctx.say(
            "文件没有结尾：仍在写入，或进程中途被终止；以上内容完整",
            "the trace has no end: it is being written, or its process was killed; what is shown is whole",
        ))?;
    }
    Ok(Exit::Done)
}

/// Not as it stands: everybody on the machine sees a command's arguments.
fn key(written: &str, ctx: &Ctx) -> Result<Secret, CliError> {
    if let Some(name) = written.strip_prefix("env:") {
        return ctx.env(name).map(Secret::new).ok_or_else(|| {
            CliError::usage(
                format!("环境变量 {name} 没有设置或是空的"),
                format!("the environment variable {name} is not set or empty"),
            )
        });
    }
    let Some(path) = written.strip_prefix("file:") else {
        return Err(CliError::usage(
            "--key 请写 env:变量名 或 file:路径，命令行参数人人可见",
            "write --key as env:NAME or file:PATH: everybody on this machine sees a command's arguments",
        ));
    };
    let text = std::fs::read_to_string(path).map_err(|e| {
        CliError::usage(
            format!("读不了 {path}：{e}"),
            format!("cannot read {path}: {e}"),
        )
    })?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}
