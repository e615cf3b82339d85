//! `watchbell report`: the month's report as a file.

use std::path::PathBuf;

use clap::Args;

use super::{CliError, Ctx, Exit, refusal::CliRefusal};
use crate::domain::month::Month;

/// `watchbell report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// 月份 · the month, such as 2023-06
    #[arg(long, value_name = "YYYY-MM")]
    pub month: Month,
    /// 写到哪个文件（.html） · the file to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Writes it.
pub async fn run(args: ReportArgs, ctx: &Ctx) -> Result<Exit, CliError> {
    check_format(&args.out)?;
    let office = ctx.office().await?;
    let actor = ctx.actor(&office).await?;
    let html = office.reports().month(&actor, args.month, ctx.lang).await?;
    office.store.close().await;
    let path = args.out.display();
    std::fs::write(&args.out, html)
        .map_err(|e| std::io::Error::new(e.kind(), format!("{path}: {e}")))?;
    ctx.out.note(ctx.lang.pick(
        format!("已写入 {path}，可用浏览器打开和打印。"),
        format!("Wrote {path}; a browser shows and prints it."),
    ))?;
    Ok(Exit::Done)
}

fn check_format(out: &std::path::Path) -> Result<(), CliError> {
    let ending = out.extension().unwrap_or_default().to_ascii_lowercase();
    match ending.to_str() {
        Some("html" | "htm") => Ok(()),
        Some("docx") => Err(CliError::not_built("report --out FILE.docx")),
        Some("xlsx") => Err(CliError::not_built("report --out FILE.xlsx")),
        _ => Err(CliRefusal::OutName {
            formats: vec![".html"],
        }
        .into()),
    }
}
