//! `watchbell gateways`: log in to each gateway and send nothing.

use clap::Subcommand;

use super::{CliError, Ctx, Exit, NotBuilt};

/// `watchbell gateways …`
#[derive(Debug, Subcommand)]
pub enum GatewaysCommand {
    /// 逐个登录，不发送 · log in to each, send nothing
    Check {
        /// 输出一个 JSON · print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// 入网测试（尚未实现） · acceptance tests (not built yet)
    Accept(NotBuilt),
}

/// Does it.
#[expect(clippy::unused_async, reason = "the command awaits once it is built")]
pub async fn run(command: GatewaysCommand, _ctx: &Ctx) -> Result<Exit, CliError> {
    match command {
        GatewaysCommand::Check { .. } => Err(CliError::NotBuilt("gateways check")),
        GatewaysCommand::Accept(_) => Err(CliError::NotBuilt("gateways accept")),
    }
}
