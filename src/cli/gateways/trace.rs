//! `watchbell gateways trace`: a trace's PDUs as lines of JSON.

use std::path::PathBuf;

use clap::Args;

use crate::{
    cli::{CliError, Ctx, Exit, refusal::CliRefusal},
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
        .messages()
        .trace(&actor, &args.file, &key, numbers, reason, |line| {
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
            CliError::from(CliRefusal::KeyVariable {
                variable: name.to_owned(),
            })
        });
    }
    let Some(path) = written.strip_prefix("file:") else {
        return Err(CliRefusal::KeyInTheOpen.into());
    };
    let text = std::fs::read_to_string(path).map_err(|e| CliRefusal::KeyFile {
        path: path.to_owned(),
        why: e.to_string(),
    })?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}
