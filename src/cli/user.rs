//! `watchbell user`: the people and what they are.

use clap::Subcommand;

use super::{CliError, Ctx, Exit};
use crate::domain::role::Role;

/// `watchbell user …`
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// 新增（空库的第一个用户不需要管理员） · add one; the first on an empty database is free
    Add {
        /// 用户名 · the name
        name: String,
        /// clerk、approver、carrier、auditor 或 admin · what they are
        #[arg(long)]
        role: Role,
    },
    /// 列出 · list them
    List {
        /// 输出一个 JSON · print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// 停用 · no longer lets them in; their acts stay in the ledger
    Disable {
        /// 用户名 · the name
        name: String,
    },
    /// 设置密码 · set a password (`WATCHBELL_NEW_PASSWORD`, asked for, or a line of standard input)
    Passwd {
        /// 用户名 · the name
        name: String,
    },
}

/// Does it.
#[expect(clippy::unused_async, reason = "the command awaits once it is built")]
pub async fn run(_command: UserCommand, _ctx: &Ctx) -> Result<Exit, CliError> {
    Err(CliError::NotBuilt("user"))
}
