//! `watchbell audit`: verify and export the ledger.

use std::{
    fs::File,
    io::{self, BufWriter},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};

use super::{CliError, Ctx, Exit, NotBuilt};
use crate::{
    domain::{lang::Lang, ledger::Head},
    service::{
        ServiceError,
        audit::{self, Verdict},
    },
};

/// `watchbell audit …`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// 核验台账 · verify the ledger
    Verify(VerifyArgs),
    /// 导出台账 · write the ledger to a file that a stranger can check
    Export(ExportArgs),
    /// 包含证明（尚未实现） · an inclusion proof (not built yet)
    Prove(NotBuilt),
    /// 检验证明（尚未实现） · check a proof (not built yet)
    Check(NotBuilt),
}

/// `watchbell audit verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// 以前抄下的链头 · a head that was noted before: it must stand in the chain
    #[arg(long, value_name = "N:HEX")]
    pub expect: Option<Head>,
    /// 输出一个 JSON · print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `watchbell audit export`
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// 台账写到哪个文件 · where the ledger goes
    pub file: PathBuf,
    /// 另把每条短信的状态和摘要写到此文件 · and each message's state and commitment to this file
    #[arg(long, value_name = "FILE")]
    pub messages: Option<PathBuf>,
}

/// Does it.
pub async fn run(command: AuditCommand, ctx: &Ctx) -> Result<Exit, CliError> {
    match command {
        AuditCommand::Verify(args) => verify(args, ctx).await,
        AuditCommand::Export(args) => export(args, ctx).await,
        AuditCommand::Prove(_) => Err(CliError::not_built("audit prove")),
        AuditCommand::Check(_) => Err(CliError::not_built("audit check")),
    }
}

async fn verify(args: VerifyArgs, ctx: &Ctx) -> Result<Exit, CliError> {
    let store = audit::open(&ctx.config()?)
        .await
        .map_err(ServiceError::from)?;
    let verdict = audit::verify(&store, args.expect)
        .await
        .map_err(ServiceError::from)?;
    store.close().await;
    if args.json {
        ctx.out.json(&verdict)?;
    } else {
        for line in lines_of(&verdict, ctx.lang) {
            ctx.out.line(line)?;
        }
    }
    Ok(Exit::of(verdict.ok))
}

/// The verdict for people; the head is there to be written down.
fn lines_of(verdict: &Verdict, lang: Lang) -> Vec<String> {
    let Verdict {
        entries,
        events,
        head,
        ..
    } = verdict;
    let root = hex::encode(verdict.root);
    let mut lines = vec![match &verdict.first_difference {
        None => lang.pick(
            format!("台账完整，各表与台账一致：{entries} 条，{events} 个事件。"),
            format!("The ledger is whole and all tables agree with it: {entries} entries, {events} events."),
        ),
        Some(found) => lang.pick(
            format!("不一致！第一处：{}", found.text(lang)),
            format!("Something differs! The first: {}", found.text(lang)),
        ),
    }];
    lines.push(lang.pick(
        format!("链头（请抄下，日后可用 --expect 核对）：{head}"),
        format!("Head (write it down; --expect checks it another day): {head}"),
    ));
    lines.push(lang.pick(format!("总根：{root}"), format!("Root: {root}")));
    lines
}

async fn export(args: ExportArgs, ctx: &Ctx) -> Result<Exit, CliError> {
    let store = audit::open(&ctx.config()?)
        .await
        .map_err(ServiceError::from)?;
    let mut ledger = create(&args.file)?;
    let mut messages = args.messages.as_deref().map(create).transpose()?;
    let done = audit::export(&store, &mut ledger, messages.as_mut().map(|m| m as _))
        .await
        .map_err(ServiceError::from)?;
    store.close().await;
    ctx.out.note(ctx.lang.pick(
        format!(
            "已导出 {} 条台账、{} 条短信状态；格式见 docs/ledger.md。",
            done.entries, done.messages
        ),
        format!(
            "Exported {} entries and {} messages' states; docs/ledger.md has the format.",
            done.entries, done.messages
        ),
    ))?;
    Ok(Exit::Done)
}

fn create(path: &Path) -> Result<BufWriter<File>, CliError> {
    let file = File::create(path)
        .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))?;
    Ok(BufWriter::with_capacity(1 << 16, file))
}
