//! `watchbell migrate`, `backup` and `restore`.

use std::path::PathBuf;

use clap::Args;

use super::{CliError, Ctx, Exit};

/// `watchbell backup`
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// 备份到哪个文件 · where to
    pub file: PathBuf,
}

/// `watchbell restore`
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// 从哪个文件恢复 · from where
    pub file: PathBuf,
}

/// Brings the database up to date.
#[expect(clippy::unused_async, reason = "the command awaits once it is built")]
pub async fn migrate(_ctx: &Ctx) -> Result<Exit, CliError> {
    Err(CliError::NotBuilt("migrate"))
}

/// Copies the database while it is in use.
#[expect(clippy::unused_async, reason = "the command awaits once it is built")]
pub async fn backup(_args: BackupArgs, _ctx: &Ctx) -> Result<Exit, CliError> {
    Err(CliError::NotBuilt("backup"))
}

/// Puts a copy in place; it starts held.
#[expect(clippy::unused_async, reason = "the command awaits once it is built")]
pub async fn restore(_args: RestoreArgs, _ctx: &Ctx) -> Result<Exit, CliError> {
    Err(CliError::NotBuilt("restore"))
}
