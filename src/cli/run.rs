//! `watchbell run`: list, show, pause, resume, cancel.

use clap::Subcommand;

use super::{CliError, Ctx, Exit};
use crate::domain::id::RunId;

/// `watchbell run …`
#[derive(Debug, Subcommand)]
pub enum RunCommand {
    /// 列出 · list them
    List {
        /// 输出一个 JSON · print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// 查看 · show one with its counts
    Show {
        /// Which.
        id: RunId,
        /// 输出一个 JSON · print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// 暂停 · halt it
    Pause {
        /// Which.
        id: RunId,
    },
    /// 恢复 · let it go on
    Resume {
        /// Which.
        id: RunId,
    },
    /// 取消 · end it; what has left has left
    Cancel {
        /// Which.
        id: RunId,
        /// 理由 · why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// Does it.
#[expect(clippy::unused_async, reason = "the command awaits once it is built")]
pub async fn run(_command: RunCommand, _ctx: &Ctx) -> Result<Exit, CliError> {
    Err(CliError::NotBuilt("run"))
}
