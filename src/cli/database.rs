//! `watchbell migrate`, `backup` and `restore`.

use std::path::PathBuf;

use clap::Args;

use super::{CliError, Ctx, Exit, actor::os_account};
use crate::{
    clock::Clock,
    domain::role::Actor,
    service::{Office, maintenance},
};

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

/// Brings the schema up to date.
pub async fn migrate(ctx: &Ctx) -> Result<Exit, CliError> {
    let office = Office::open_as_it_is(ctx.config()?, Clock::system()).await?;
    let actor = ctx.actor(&office).await?;
    office.database().migrate(&actor).await?;
    ctx.out.line(ctx.say(
        "数据库结构已是最新。",
        "The database's schema is up to date.",
    ))?;
    Ok(Exit::Done)
}

/// Copies the database while it is in use.
pub async fn backup(args: BackupArgs, ctx: &Ctx) -> Result<Exit, CliError> {
    // Also of an older version's database: a copy is made before that is brought up to date.
    let office = Office::open_as_it_is(ctx.config()?, Clock::system()).await?;
    let actor = ctx.actor(&office).await?;
    let head = office.database().backup(&actor, &args.file).await?;
    ctx.out.line(ctx.lang.pick(
        format!("已备份到 {}，台账头 {head}", args.file.display()),
        format!("backed up to {}, ledger head {head}", args.file.display()),
    ))?;
    Ok(Exit::Done)
}

/// Puts a backup in the database's place; it starts held.
pub async fn restore(args: RestoreArgs, ctx: &Ctx) -> Result<Exit, CliError> {
    let config = ctx.config()?;
    // Where there is a database its users decide who may replace it; where there is none, nobody can.
    let there = config.database.sqlite_path().is_some_and(|p| p.exists());
    let actor = if there {
        let office = ctx.office().await?;
        let actor = ctx.actor(&office).await?;
        office.store.close().await;
        actor
    } else {
        Actor::System {
            account: os_account(),
        }
    };
    let kept = maintenance::restore(&config, &actor, &args.file).await?;
    if let Some(kept) = kept {
        ctx.out.line(ctx.lang.pick(
            format!("原数据库保留在 {}", kept.display()),
            format!("the database that was there is kept as {}", kept.display()),
        ))?;
    }
    ctx.out.line(ctx.say(
        "已恢复。数据库处于扣住状态，不会发送；核实后用 watchbell release --reason 理由 放行。",
        "Restored. The database is held and sends nothing; after checking, let it go with `watchbell release --reason TEXT`.",
    ))?;
    Ok(Exit::Done)
}
