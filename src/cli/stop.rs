//! `watchbell stop` and `watchbell release`: halt everything, let go on what is held.

use clap::Args;

use super::{CliError, Ctx, Exit};
use crate::domain::id::RunId;

/// `watchbell stop`
#[derive(Debug, Args)]
pub struct StopArgs {
    /// 理由 · why
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// 输出一个 JSON · print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `watchbell release`
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// 理由 · why it may go on
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// 只解除一个批次 · one held run instead of the database
    #[arg(long, value_name = "ID")]
    pub run: Option<RunId>,
}

/// Halts all sending and says how many have left.
#[expect(clippy::unused_async, reason = "the command awaits once it is built")]
pub async fn stop(_args: StopArgs, _ctx: &Ctx) -> Result<Exit, CliError> {
    Err(CliError::NotBuilt("stop"))
}

/// Lets it go on.
#[expect(clippy::unused_async, reason = "the command awaits once it is built")]
pub async fn release(_args: ReleaseArgs, _ctx: &Ctx) -> Result<Exit, CliError> {
    Err(CliError::NotBuilt("release"))
}
