//! `watchbell demo`: the main job without a server, an account or a configuration.

use std::path::PathBuf;

use clap::Args;

use super::{CliError, Ctx, Exit};

/// `watchbell demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// 通讯录人数 · contacts in the example county's address books
    #[arg(long, default_value_t = 2_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub recipients: u32,
    /// 输出目录 · the folder for everything it makes
    #[arg(long, default_value = "demo")]
    pub dir: PathBuf,
    /// 随机种子 · the same seed makes the same county and the same carriers' whims
    #[arg(long, default_value_t = 20_230_601, value_name = "S")]
    pub seed: u64,
    /// 改用 PostgreSQL · a PostgreSQL database instead of DIR/watchbell.db
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// 做完即退出 · end when it is done instead of keeping the console open
    #[arg(long)]
    pub headless: bool,
    /// 输出一个 JSON · print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Lives through June.
#[expect(clippy::unused_async, reason = "the command awaits once it is built")]
pub async fn run(_args: DemoArgs, _ctx: &Ctx) -> Result<Exit, CliError> {
    Err(CliError::NotBuilt("demo"))
}
