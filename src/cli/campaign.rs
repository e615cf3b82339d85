//! `watchbell campaign`: list, show, and move through approval.

use clap::{Args, Subcommand};

use serde_json::json;

use super::{CliError, Ctx, Exit};
use crate::{
    domain::{
        id::CampaignId,
        lifecycle::{CampaignAct, CampaignState},
        role::Act,
    },
    service::{forecast::Forecast, sending::CampaignRow},
};

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
        /// 修改后的正文 · another text
        #[arg(long)]
        text: Option<String>,
    },
    /// 批准（不能批准自己的） · let it out; never your own
    Approve {
        /// Which.
        id: CampaignId,
        /// 看到的校验码（开头几位即可） · the check code that was shown, or its beginning
        #[arg(long, value_name = "CODE")]
        check: Option<String>,
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
pub async fn run(command: CampaignCommand, ctx: &Ctx) -> Result<Exit, CliError> {
    let office = ctx.office().await?;
    let actor = ctx.actor(&office).await?;
    let (id, act, reason) = match command {
        CampaignCommand::List { json } => {
            actor.may(Act::ReadLog)?;
            list(&office.campaigns().await?, json, ctx)?;
            return Ok(Exit::Done);
        }
        CampaignCommand::Show { id, json } => {
            actor.may(Act::ReadLog)?;
            let campaign = office.campaign(id).await?;
            let foretold = match campaign.state.parse() {
                Ok(CampaignState::Submitted | CampaignState::Approved) => {
                    Some(office.forecast_campaign(id).await?)
                }
                _ => None,
            };
            show(&campaign, foretold.as_ref(), json, ctx)?;
            return Ok(Exit::Done);
        }
        CampaignCommand::Submit { id, text } => {
            office.submit(&actor, id, text.as_deref()).await?;
            show(&office.campaign(id).await?, None, false, ctx)?;
            return Ok(Exit::Done);
        }
        CampaignCommand::Approve { id, check } => {
            let code = hex::encode(office.campaign(id).await?.digest);
            if check.is_some_and(|c| c.is_empty() || !code.starts_with(&c.to_lowercase())) {
                return Err(CliError::refused(
                    "校验码不符：这已不是您看到的那一份，请重新查看",
                    "the check code differs: this is no longer what you were shown, look at it again",
                ));
            }
            (id, CampaignAct::Approve, None)
        }
        CampaignCommand::Return(w) => (w.id, CampaignAct::Return, Some(w.reason)),
        CampaignCommand::Reject(w) => (w.id, CampaignAct::Reject, Some(w.reason)),
    };
    let reason = match reason {
        Some(None) => {
            return Err(CliError::usage(
                "请写明理由：--reason TEXT",
                "say why: --reason TEXT",
            ));
        }
        Some(Some(reason)) => reason,
        None => String::new(),
    };
    let campaign = office.decide(&actor, id, act, &reason).await?;
    let foretold = match act {
        CampaignAct::Approve => Some(office.forecast_campaign(id).await?),
        _ => None,
    };
    show(&campaign, foretold.as_ref(), false, ctx)?;
    Ok(Exit::Done)
}

fn to_json(c: &CampaignRow) -> serde_json::Value {
    json!({
        "campaign": c.id, "name": c.name, "state": c.state, "text": c.template, "priority": c.priority,
        "on_doubt": c.on_doubt, "created_by": c.created_by, "submitted_by": c.submitted_by,
        "decided_by": c.decided_by, "reason": c.reason, "digest": hex::encode(&c.digest),
    })
}

fn list(campaigns: &[CampaignRow], as_json: bool, ctx: &Ctx) -> Result<(), CliError> {
    if as_json {
        let rows: Vec<_> = campaigns.iter().map(to_json).collect();
        return ctx.out.json(&json!({ "campaigns": rows }));
    }
    let heading = match ctx.lang {
        crate::domain::lang::Lang::Zh => ["任务", "名称", "状态", "提交人", "决定人"],
        crate::domain::lang::Lang::En => {
            ["campaign", "name", "state", "submitted by", "decided by"]
        }
    };
    let rows = campaigns.iter().map(|c| {
        [
            c.id.clone(),
            c.name.clone(),
            c.state.clone(),
            c.submitted_by.clone(),
            c.decided_by.clone(),
        ]
    });
    ctx.out.table(heading, rows)
}

fn show(
    c: &CampaignRow,
    foretold: Option<&Forecast>,
    as_json: bool,
    ctx: &Ctx,
) -> Result<(), CliError> {
    if as_json {
        let mut value = to_json(c);
        if let Some(foretold) = foretold {
            value["forecast"] = json!(foretold);
        }
        return ctx.out.json(&value);
    }
    let code = hex::encode(&c.digest);
    ctx.out.line(ctx.lang.pick(
        format!("任务 {}（{}）：{}", c.id, c.name, c.state),
        format!("campaign {} ({}): {}", c.id, c.name, c.state),
    ))?;
    ctx.out.line(&c.template)?;
    ctx.out.line(ctx.lang.pick(
        format!(
            "提交 {}，决定 {}，校验码 {}",
            c.submitted_by,
            c.decided_by,
            &code[..12.min(code.len())]
        ),
        format!(
            "submitted by {}, decided by {}, check code {}",
            c.submitted_by,
            c.decided_by,
            &code[..12.min(code.len())]
        ),
    ))?;
    foretold.map_or(Ok(()), |f| super::forecast::forecast(ctx, f, false))
}
