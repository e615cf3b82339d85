//! `watchbell user`: the people and what they are.

use clap::Subcommand;

use super::{
    CliError, Ctx, Exit,
    actor::{NEW_PASSWORD_VARIABLE, PASSWORD_VARIABLE, new_password, os_account},
};
use crate::{
    domain::{
        bilingual::headings,
        carrier::Carrier,
        role::{Actor, Role},
    },
    service::user::{User, check_carrier},
};

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
        /// 运营商人员属于哪家：mobile、unicom、telecom 或 broadnet · whose staff, of the role carrier
        #[arg(long)]
        carrier: Option<Carrier>,
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
    /// 重新启用 · lets them in again
    Enable {
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
pub async fn run(command: UserCommand, ctx: &Ctx) -> Result<Exit, CliError> {
    let office = ctx.office().await?;
    match command {
        UserCommand::Add {
            name,
            role,
            carrier,
        } => {
            check_carrier(role, carrier)?;
            let first = office.users().is_empty().await?;
            // Nobody can prove to be anybody yet, whatever `--as` says.
            let actor = if first {
                Actor::System {
                    account: os_account(),
                }
            } else {
                ctx.actor(&office).await?
            };
            let given = ctx.env(NEW_PASSWORD_VARIABLE);
            // The first one's own password; later it is the administrator's.
            let given = given.or_else(|| ctx.env(PASSWORD_VARIABLE).filter(|_| first));
            let password = new_password(given, &name, ctx.lang)?;
            let users = office.users();
            users.add(&actor, &name, role, carrier, &password).await?;
            let title = role.label(ctx.lang);
            done(
                ctx,
                &format!("已新增用户 {name}（{title}）。"),
                &format!("added user {name} ({title})"),
            )
        }
        UserCommand::List { json } => {
            let actor = ctx.actor(&office).await?;
            list(&office.users().list(&actor).await?, json, ctx)
        }
        UserCommand::Disable { name } => {
            let actor = ctx.actor(&office).await?;
            office.users().disable(&actor, &name).await?;
            done(
                ctx,
                &format!("已停用 {name}。"),
                &format!("disabled {name}"),
            )
        }
        UserCommand::Enable { name } => {
            let actor = ctx.actor(&office).await?;
            office.users().enable(&actor, &name).await?;
            done(ctx, &format!("已启用 {name}。"), &format!("enabled {name}"))
        }
        UserCommand::Passwd { name } => {
            let actor = ctx.actor(&office).await?;
            let password = new_password(ctx.env(NEW_PASSWORD_VARIABLE), &name, ctx.lang)?;
            office
                .users()
                .set_password(&actor, &name, &password)
                .await?;
            done(
                ctx,
                &format!("已设置 {name} 的密码。"),
                &format!("set the password of {name}"),
            )
        }
    }
}

fn done(ctx: &Ctx, zh: &str, en: &str) -> Result<Exit, CliError> {
    ctx.out.note(ctx.say(zh, en))?;
    Ok(Exit::Done)
}

fn list(users: &[User], json: bool, ctx: &Ctx) -> Result<Exit, CliError> {
    if json {
        ctx.out.json(&serde_json::json!({ "users": users }))?;
        return Ok(Exit::Done);
    }
    let state = |u: &User| {
        if u.disabled {
            ctx.say("已停用", "disabled")
        } else {
            ctx.say("启用", "enabled")
        }
    };
    let rows = users.iter().map(|u| {
        [
            u.name.clone(),
            u.role.label(ctx.lang).to_owned(),
            state(u).to_owned(),
        ]
    });
    ctx.out.table(
        headings(
            ctx.lang,
            [("用户", "user"), ("角色", "role"), ("状态", "state")],
        ),
        rows,
    )?;
    Ok(Exit::Done)
}
