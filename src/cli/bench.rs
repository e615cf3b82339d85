//! `watchbell bench`: the figures that the documents quote, measured on this machine.

use clap::{Args, Subcommand};

use super::{CliError, Ctx, Exit};

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
    /// 改用这个数据库 · a database to write to instead of a temporary SQLite file
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// 输出一个 JSON · print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Measures.
#[expect(clippy::unused_async, reason = "the command awaits once it is built")]
pub async fn run(_command: BenchCommand, _ctx: &Ctx) -> Result<Exit, CliError> {
    Err(CliError::NotBuilt("bench"))
}
