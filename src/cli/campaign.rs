//! `watchbell campaign`: list, show, and move through approval.

use clap::{Args, Subcommand};

use serde_json::json;

use super::{CliError, Ctx, Exit, refusal::CliRefusal};
use crate::{
    domain::{
        bilingual::headings,
        check_code::CheckCode,
        id::CampaignId,
        lang::Lang,
        lifecycle::{CampaignAct, CampaignState},
        role::Actor,
        time::Micros,
    },
    service::{Office, ServiceError, forecast::Forecast, sending::Campaign},
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
    /// Which, one or several.
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
            list(&office, &office.campaigns(&actor).await?, json, ctx)?;
        }
        CampaignCommand::Show { id, json } => {
            let campaign = office.campaign(&actor, id).await?;
            let forecast = match campaign.state {
                CampaignState::Submitted | CampaignState::Approved => {
                    Some(office.forecast_campaign(&actor, id).await?)
                }
                _ => None,
            };
            show(&campaign, forecast.as_ref(), json, ctx)?;
        }
        CampaignCommand::Submit(what) => return submit(&office, &actor, what, ctx).await,
        CampaignCommand::Approve(what) => return approve(&office, &actor, what, ctx).await,
        CampaignCommand::Return(w) => decide(&office, &actor, w, CampaignAct::Return, ctx).await?,
        CampaignCommand::Reject(w) => decide(&office, &actor, w, CampaignAct::Reject, ctx).await?,
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
        office.submit(actor, id, what.text.as_deref()).await?;
        show(&office.campaign(actor, id).await?, None, false, ctx)?;
        return Ok(Exit::Done);
    }
    let plan = what.plan.unwrap_or_default();
    let drafts: Vec<_> = office
        .campaigns(actor)
        .await?
        .into_iter()
        .rev()
        .filter(|c| c.is_of(&plan) && c.state == CampaignState::Draft)
        .collect();
    if drafts.is_empty() {
        return Err(CliRefusal::NoDrafts { plan: plan.clone() }.into());
    }
    each(drafts.iter().map(|c| c.id), ctx, async |id| {
        let submission = office.submit(actor, id, None).await?;
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
        let campaign = office.approve(actor, *id, seen).await?;
        let forecast = office.forecast_campaign(actor, *id).await?;
        show(&campaign, Some(&forecast), false, ctx)?;
        return Ok(Exit::Done);
    }
    let mut seen = seen.iter();
    each(what.ids.iter().copied(), ctx, async |id| {
        if let Some(seen) = seen.next() {
            office.approve(actor, id, seen).await?;
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
        seen.push(CheckCode::of(&office.campaign(actor, *id).await?.digest));
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
    act: CampaignAct,
    ctx: &Ctx,
) -> Result<(), CliError> {
    let Some(reason) = what.reason else {
        return Err(CliRefusal::ReasonMissing.into());
    };
    let campaign = office.decide(actor, what.id, act, &reason).await?;
    show(&campaign, None, false, ctx)
}

/// The next slot that has not come; `None`: there is none.
fn next_slot(c: &Campaign, now: Micros) -> Option<Micros> {
    use CampaignState as S;
    match c.state {
        S::Finished | S::Rejected | S::Cancelled => None,
        S::Draft | S::Submitted | S::Returned | S::Approved | S::Active | S::Paused => {
            c.slots.iter().copied().find(|s| *s > now)
        }
    }
}

fn plan_of(c: &Campaign) -> &str {
    c.plan.as_ref().map_or("", |p| &p.plan)
}

fn to_json(c: &Campaign) -> serde_json::Value {
    json!({
        "campaign": c.id, "name": c.name, "state": c.state, "text": c.template, "priority": c.priority,
        "on_doubt": c.on_doubt, "created_by": c.created_by, "submitted_by": c.submitted_by,
        "decided_by": c.decided_by, "reason": c.reason, "digest": hex::encode(&c.digest),
    })
}

fn list(office: &Office, campaigns: &[Campaign], as_json: bool, ctx: &Ctx) -> Result<(), CliError> {
    let now = office.clock.now();
    if as_json {
        let rows = campaigns.iter().map(|c| {
            let mut row = to_json(c);
            row["plan"] = json!(plan_of(c));
            row["next_slot_us"] = json!(next_slot(c, now));
            row
        });
        return ctx
            .out
            .json(&json!({ "campaigns": rows.collect::<Vec<_>>() }));
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
            plan_of(c).to_owned(),
            next_slot(c, now).map_or(String::new(), local),
            c.submitted_by.clone(),
            c.decided_by.clone(),
            CheckCode::of(&c.digest).to_string(),
        ]
    });
    ctx.out.table(heading, rows)
}

fn show(
    c: &Campaign,
    forecast: Option<&Forecast>,
    as_json: bool,
    ctx: &Ctx,
) -> Result<(), CliError> {
    if as_json {
        let mut value = to_json(c);
        if let Some(forecast) = forecast {
            value["forecast"] = json!(forecast);
        }
        return ctx.out.json(&value);
    }
    let code = CheckCode::of(&c.digest);
    ctx.out.line(ctx.lang.pick(
        format!("任务 {}（{}）：{}", c.id, c.name, c.state.label(Lang::Zh)),
        format!("campaign {} ({}): {}", c.id, c.name, c.state),
    ))?;
    ctx.out.line(&c.template)?;
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
