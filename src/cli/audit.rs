//! `watchbell audit`: verify and export the ledger.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CliError, Ctx, Exit, NotBuilt};
use crate::domain::ledger::Head;

/// `watchbell audit …`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// 核验台账 · verify the ledger
    Verify(VerifyArgs),
    /// 导出台账 · write the ledger to a file that a stranger can check
    Export {
        /// Where to.
        file: PathBuf,
    },
    /// 包含证明（尚未实现） · an inclusion proof (not built yet)
    Prove(NotBuilt),
    /// 检验证明（尚未实现） · check a proof (not built yet)
    Check(NotBuilt),
}

/// `watchbell audit verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// 以前抄下的链头 · a head that was noted before: it must stand in the chain
    #[arg(long, value_name = "N:HEX")]
    pub expect: Option<Head>,
    /// 输出一个 JSON · print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Does it.
#[expect(clippy::unused_async, reason = "the command awaits once it is built")]
pub async fn run(command: AuditCommand, _ctx: &Ctx) -> Result<Exit, CliError> {
    match command {
        AuditCommand::Verify(_) => Err(CliError::NotBuilt("audit verify")),
        AuditCommand::Export { .. } => Err(CliError::NotBuilt("audit export")),
        AuditCommand::Prove(_) => Err(CliError::NotBuilt("audit prove")),
        AuditCommand::Check(_) => Err(CliError::NotBuilt("audit check")),
    }
}
