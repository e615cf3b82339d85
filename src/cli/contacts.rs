//! `watchbell contacts import`: address books from CSV or XLSX.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CliError, Ctx, Exit};

/// `watchbell contacts …`
#[derive(Debug, Subcommand)]
pub enum ContactsCommand {
    /// 从 CSV 或 XLSX 导入 · import a CSV or XLSX file
    Import(ImportArgs),
}

/// `watchbell contacts import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// CSV 或 XLSX 文件 · the file; its format is told by its content
    pub file: PathBuf,
    /// 导入到哪个组 · into which group
    #[arg(long, value_name = "NAME")]
    pub group: String,
    /// 只看结果，不写入 · say what would happen, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// 写出改好的文件 · write a file that imports clean
    #[arg(long, value_name = "FILE")]
    pub corrected: Option<PathBuf>,
    /// 输出一个 JSON · print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Does it.
#[expect(clippy::unused_async, reason = "the command awaits once it is built")]
pub async fn run(_command: ContactsCommand, _ctx: &Ctx) -> Result<Exit, CliError> {
    Err(CliError::NotBuilt("contacts"))
}
