//! `watchbell send`: one run now, whole or not at all.

use std::{path::PathBuf, str::FromStr};

use clap::Args;

use super::{CliError, Ctx, Exit};
use crate::domain::priority::Priority;

/// `watchbell send`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("audience").required(true).args(["to", "group"]))]
pub struct SendArgs {
    /// 含手机号列的 CSV 或 XLSX · a CSV or XLSX file with a phone column
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// 通讯录里的组 · a group of the address books
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// 短信正文 · the text
    #[arg(long)]
    pub text: String,
    /// urgent、normal 或 bulk · how urgent
    #[arg(long, default_value = "normal")]
    pub priority: Priority,
    /// 存疑时：hold 不重发，resend 重发一次 · about a message in doubt
    #[arg(long, default_value = "hold", value_name = "hold|resend")]
    pub on_doubt: OnDoubt,
    /// 最晚时间 · nothing goes out after this (2023-06-12 18:00, 18:00, +2h)
    #[arg(long, value_name = "T")]
    pub not_after: Option<String>,
    /// 等到没有未决短信 · stay until no message is open
    #[arg(long)]
    pub wait: bool,
    /// 等到允许发送的时段 · queue it when it may not go out now
    #[arg(long)]
    pub wait_for_window: bool,
    /// 输出一个 JSON · print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What a run does about a message in doubt once the grace is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDoubt {
    /// Never twice: greetings.
    Hold,
    /// Once more: alerts.
    Resend,
}

impl FromStr for OnDoubt {
    type Err = &'static str;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "hold" => Ok(Self::Hold),
            "resend" => Ok(Self::Resend),
            _ => Err("write hold or resend"),
        }
    }
}

/// Queues it.
#[expect(clippy::unused_async, reason = "the command awaits once it is built")]
pub async fn run(_args: SendArgs, _ctx: &Ctx) -> Result<Exit, CliError> {
    Err(CliError::NotBuilt("send"))
}
