//! `watchbell campaign`: list, show, and move through approval.

use clap::{Args, Subcommand};

use serde_json::json;

use super::{CliError, Ctx, Exit, refusal::CliRefusal};
use crate::{
    domain::{
        bilingual::headings, check_code::CheckCode, id::CampaignId, lang::Lang,
        lifecycle::CampaignState, role::Actor, time::Micros,
    },
    service::{
        Office, ServiceError,
        campaigns::{CampaignDecision, CampaignView},
        forecast::Forecast,
    },
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
        /// 任务编号（见 campaign list） · the campaign's id, as `campaign list` shows it
        id: CampaignId,
        /// 输出一个 JSON · print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// 提交审批 · submit for approval
    Submit(ToSubmit),
    /// 批准（不能批准自己的） · approve; never your own
    Approve(ToApprove),
    /// 退回修改 · give it back to be mended
    Return(WithReason),
    /// 否决 · turn it down for good
    Reject(WithReason),
}

/// What is submitted: one campaign, or all drafts of a plan.
#[derive(Debug, Args)]
pub struct ToSubmit {
    /// 任务编号（见 campaign list） · the campaign's id, as `campaign list` shows it
    #[arg(required_unless_present = "plan", conflicts_with = "plan")]
    pub id: Option<CampaignId>,
    /// 整个计划的草稿 · all drafts of this plan
    #[arg(long, value_name = "NAME")]
    pub plan: Option<String>,
    /// 修改后的正文 · another text
    #[arg(long, conflicts_with = "plan")]
    pub text: Option<String>,
}

/// What is let out.
#[derive(Debug, Args)]
pub struct ToApprove {
    /// 任务编号，一个或几个 · the campaigns' ids, one or several
    #[arg(required = true)]
    pub ids: Vec<CampaignId>,
    /// 看到的校验码（至少前四位）；批准几个任务就按顺序写几次 · the check code that was shown, or its first four digits and
    /// more; as many, in the same order, as there are campaigns
    #[arg(long, value_name = "CODE")]
    pub check: Vec<CheckCode>,
}

/// A campaign and why.
#[derive(Debug, Args)]
pub struct WithReason {
    /// 任务编号（见 campaign list） · the campaign's id, as `campaign list` shows it
    pub id: CampaignId,
    /// 理由 · why
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Does it.
pub async fn run(command: CampaignCommand, ctx: &Ctx) -> Result<Exit, CliError> {
    let office = ctx.office().await?;
    let actor = ctx.actor(&office).await?;
    match command {
        CampaignCommand::List { json } => {
            list(&office, &office.campaigns().list(&actor).await?, json, ctx)?;
        }
        CampaignCommand::Show { id, json } => {
            let campaign = office.campaigns().get(&actor, id).await?;
            let forecast = match campaign.state {
                CampaignState::Submitted | CampaignState::Approved => {
                    Some(office.campaigns().forecast(&actor, id).await?)
                }
                _ => None,
            };
            show(&campaign, forecast.as_ref(), json, ctx)?;
        }
        CampaignCommand::Submit(what) => return submit(&office, &actor, what, ctx).await,
        CampaignCommand::Approve(what) => return approve(&office, &actor, what, ctx).await,
        CampaignCommand::Return(w) => {
            decide(&office, &actor, w, CampaignDecision::Return, ctx).await?;
        }
        CampaignCommand::Reject(w) => {
            decide(&office, &actor, w, CampaignDecision::Reject, ctx).await?;
        }
    }
    Ok(Exit::Done)
}

/// One campaign, or all drafts of a plan, each by itself: what cannot be submitted keeps no other.
async fn submit(
    office: &Office,
    actor: &Actor,
    what: ToSubmit,
    ctx: &Ctx,
) -> Result<Exit, CliError> {
    if let Some(id) = what.id {
        office
            .campaigns()
            .submit(actor, id, what.text.as_deref())
            .await?;
        show(&office.campaigns().get(actor, id).await?, None, false, ctx)?;
        return Ok(Exit::Done);
    }
    let plan = what.plan.unwrap_or_default();
    let drafts: Vec<_> = office
        .campaigns()
        .list(actor)
        .await?
        .into_iter()
        .rev()
        .filter(|c| c.plan == plan && c.state == CampaignState::Draft)
        .collect();
    if drafts.is_empty() {
        return Err(CliRefusal::NoDrafts { plan: plan.clone() }.into());
    }
    each(drafts.iter().map(|c| c.id), ctx, async |id| {
        let submission = office.campaigns().submit(actor, id, None).await?;
        Ok(ctx.lang.pick(
            format!("已提交，{} 人", submission.people),
            format!("submitted, {} people", submission.people),
        ))
    })
    .await
}

/// Lets each out as it was shown: by its check code, or as it stands now, before the first is decided.
async fn approve(
    office: &Office,
    actor: &Actor,
    what: ToApprove,
    ctx: &Ctx,
) -> Result<Exit, CliError> {
    let seen = seen(office, actor, &what).await?;
    if let ([id], [seen]) = (&what.ids[..], &seen[..]) {
        let campaign = office.campaigns().approve(actor, *id, seen).await?;
        let forecast = office.campaigns().forecast(actor, *id).await?;
        show(&campaign, Some(&forecast), false, ctx)?;
        return Ok(Exit::Done);
    }
    let mut seen = seen.iter();
    each(what.ids.iter().copied(), ctx, async |id| {
        if let Some(seen) = seen.next() {
            office.campaigns().approve(actor, id, seen).await?;
        }
        Ok(ctx.lang.pick("已批准".to_owned(), "approved".to_owned()))
    })
    .await
}

async fn seen(
    office: &Office,
    actor: &Actor,
    what: &ToApprove,
) -> Result<Vec<CheckCode>, CliError> {
    if !what.check.is_empty() {
        return match what.check.len() == what.ids.len() {
            true => Ok(what.check.clone()),
            false => Err(CliRefusal::CheckCount.into()),
        };
    }
    let mut seen = Vec::with_capacity(what.ids.len());
    for id in &what.ids {
        seen.push(office.campaigns().get(actor, *id).await?.check_code);
    }
    Ok(seen)
}

/// Several campaigns one after the other, a line for each; the answer is no when any was refused.
async fn each(
    ids: impl Iterator<Item = CampaignId>,
    ctx: &Ctx,
    mut act: impl AsyncFnMut(CampaignId) -> Result<String, ServiceError>,
) -> Result<Exit, CliError> {
    let mut exit = Exit::Done;
    for id in ids {
        match act(id).await {
            Ok(done) => ctx.out.line(format!("{id}  {done}"))?,
            Err(refusal) => {
                exit = Exit::No;
                ctx.out.note(format!("{id}  {}", refusal.text(ctx.lang)))?;
            }
        }
    }
    Ok(exit)
}

async fn decide(
    office: &Office,
    actor: &Actor,
    what: WithReason,
    decision: CampaignDecision,
    ctx: &Ctx,
) -> Result<(), CliError> {
    let Some(reason) = what.reason else {
        return Err(CliRefusal::ReasonMissing.into());
    };
    let campaign = office
        .campaigns()
        .decide(actor, what.id, decision, &reason)
        .await?;
    show(&campaign, None, false, ctx)
}

fn list(
    office: &Office,
    campaigns: &[CampaignView],
    as_json: bool,
    ctx: &Ctx,
) -> Result<(), CliError> {
    if as_json {
        return ctx.out.json(&json!({ "campaigns": campaigns }));
    }
    let heading = headings(
        ctx.lang,
        [
            ("任务", "campaign"),
            ("名称", "name"),
            ("状态", "state"),
            ("计划", "plan"),
            ("下次发送", "next slot"),
            ("提交人", "submitted by"),
            ("决定人", "decided by"),
            ("校验码", "check code"),
        ],
    );
    let zone = office.config.sending.timezone;
    let local = |at: Micros| at.local(zone).format("%Y-%m-%d %H:%M").to_string();
    let rows = campaigns.iter().map(|c| {
        [
            c.id.to_string(),
            c.name.clone(),
            c.state.label(ctx.lang).to_owned(),
            c.plan.clone(),
            c.next_slot.map_or(String::new(), local),
            c.submitted_by.clone(),
            c.decided_by.clone(),
            c.check_code.to_string(),
        ]
    });
    ctx.out.table(heading, rows)
}

fn show(
    c: &CampaignView,
    forecast: Option<&Forecast>,
    as_json: bool,
    ctx: &Ctx,
) -> Result<(), CliError> {
    if as_json {
        let mut value = json!(c);
        if let Some(forecast) = forecast {
            value["forecast"] = json!(forecast);
        }
        return ctx.out.json(&value);
    }
    let code = &c.check_code;
    ctx.out.line(ctx.lang.pick(
        format!("任务 {}（{}）：{}", c.id, c.name, c.state.label(Lang::Zh)),
        format!("campaign {} ({}): {}", c.id, c.name, c.state),
    ))?;
    ctx.out.line(&c.text)?;
    ctx.out.line(ctx.lang.pick(
        format!(
            "提交 {}，决定 {}，校验码 {code}",
            c.submitted_by, c.decided_by,
        ),
        format!(
            "submitted by {}, decided by {}, check code {code}",
            c.submitted_by, c.decided_by,
        ),
    ))?;
    forecast.map_or(Ok(()), |f| super::forecast::forecast(ctx, f, false))
}
