//! `watchbell campaign`: list, show, and move through approval.

use clap::{Args, Subcommand};

use super::{CliError, Ctx, Exit};
use crate::domain::id::CampaignId;

/// `watchbell campaign …`
#[derive(Debug, Subcommand)]
pub enum CampaignCommand {
    /// 列出 · list them
    List {
        /// 输出一个 JSON · print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// 查看 · show one
    Show {
        /// Which.
        id: CampaignId,
        /// 输出一个 JSON · print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// 提交审批 · hand it in for approval
    Submit {
        /// Which.
        id: CampaignId,
    },
    /// 批准（不能批准自己的） · let it out; never your own
    Approve {
        /// Which.
        id: CampaignId,
    },
    /// 退回修改 · give it back to be mended
    Return(WithReason),
    /// 否决 · turn it down for good
    Reject(WithReason),
}

/// A campaign and why.
#[derive(Debug, Args)]
pub struct WithReason {
    /// Which.
    pub id: CampaignId,
    /// 理由 · why
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Does it.
#[expect(clippy::unused_async, reason = "the command awaits once it is built")]
pub async fn run(_command: CampaignCommand, _ctx: &Ctx) -> Result<Exit, CliError> {
    Err(CliError::NotBuilt("campaign"))
}
