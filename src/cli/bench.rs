//! `watchbell bench`: the figures that the documents quote, measured on this machine.

use std::{fs, path::PathBuf};

use clap::{Args, Subcommand};

use super::{CliError, Ctx, Exit, refusal::CliRefusal};
use crate::{
    app,
    bench::{self, BenchError, FreezeFigures},
};

/// `watchbell bench …`
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// 冻结一个批次 · write a run's messages
    Freeze(FreezeArgs),
}

/// `watchbell bench freeze`
#[derive(Debug, Args)]
pub struct FreezeArgs {
    /// 人数 · how many
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub recipients: u32,
    /// 正文含姓名 · with each person's name in the text
    #[arg(long)]
    pub personal: bool,
    /// 临时数据库放在哪里，默认系统临时目录 · where the temporary SQLite file goes
    #[arg(long, value_name = "DIR", conflicts_with = "database")]
    pub dir: Option<PathBuf>,
    /// 改用这个数据库 · a database to write to instead of a temporary SQLite file
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// 输出一个 JSON · print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Measures, and prints the figures.
pub async fn run(command: BenchCommand, ctx: &Ctx) -> Result<Exit, CliError> {
    let BenchCommand::Freeze(args) = command;
    // The practice gateways, whatever this machine's settings are: figures must be comparable.
    let gateways = app::practice_gateways(bench::SIGNATURE);
    let figures = match &args.database {
        Some(url) => bench::freeze_run(url, &gateways, args.recipients, args.personal).await,
        None => {
            let folder = bench::fresh_folder(args.dir.as_deref())?;
            let url = format!("sqlite://{}", folder.join("bench.db").display());
            let figures = bench::freeze_run(&url, &gateways, args.recipients, args.personal).await;
            fs::remove_dir_all(&folder)?;
            figures
        }
    };
    let figures = figures.map_err(explain)?;
    if args.json {
        ctx.out.json(&figures)?;
    } else {
        ctx.out.line(line(&figures, ctx))?;
    }
    Ok(Exit::Done)
}

fn explain(error: BenchError) -> CliError {
    let text = error.to_string();
    match error {
        BenchError::Io(e) => CliError::Io(e),
        BenchError::InUse | BenchError::Store(_) | BenchError::Freeze(_) => {
            CliRefusal::Bench { why: text }.into()
        }
    }
}

fn line(f: &FreezeFigures, ctx: &Ctx) -> String {
    ctx.lang.pick(
        format!(
            "冻结 {} 人（{} 段）用时 {:.2} 秒，每秒 {:.0} 人；内存峰值 {:.0} MB，数据库 {:.0} MB",
            f.recipients, f.segments, f.seconds, f.rows_per_second, f.peak_rss_mb, f.database_mb
        ),
        format!(
            "froze {} people ({} segments) in {:.2} s, {:.0} a second; peak memory {:.0} MB, database {:.0} MB",
            f.recipients, f.segments, f.seconds, f.rows_per_second, f.peak_rss_mb, f.database_mb
        ),
    )
}
