//! `watchbell plan`: a month's plan, checked, read in, and made anew for another year.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use chrono_tz::Tz;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    CliError, Ctx, Exit,
    refusal::{CliRefusal, PlanProblems},
};
use crate::{
    config::Sending,
    domain::{
        bilingual::Bilingual,
        bilingual::headings,
        calendar::Calendar,
        lang::Lang,
        plan::{Plan, Planned, Problem, Resolved},
        role::Actor,
        time::Micros,
    },
    intake::plan_files::{self, PlanFile, PlanFileError},
    service::{
        Office,
        plan::{Effect, Import, ImportDiff},
    },
};

/// `watchbell plan`
#[derive(Debug, Subcommand)]
pub enum PlanCommand {
    /// 检查计划文件，逐行指出错误 · check a plan: errors with their lines
    Check(CheckArgs),
    /// 导入为草稿；再次导入则列出变化 · read it in as drafts; again: what has changed
    Import(ImportArgs),
    /// 预测每批何时发完、多少段、多少钱、谁一天收得太多 · when each run is through, at what cost
    Forecast(ForecastArgs),
    /// 已批准任务的预测与实际 · what approvers were told beside what came of it
    Facts(FactsArgs),
    /// 把计划改到另一年 · the same plan for another year
    New(NewArgs),
}

/// `watchbell plan check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// 计划文件 · the plan file
    pub file: PathBuf,
    /// 输出一个 JSON · print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `watchbell plan import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// 计划文件 · the plan file
    pub file: PathBuf,
    /// 只看会有什么变化 · only say what would change
    #[arg(long)]
    pub dry_run: bool,
    /// 输出一个 JSON · print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `watchbell plan forecast`
#[derive(Debug, Args)]
pub struct ForecastArgs {
    /// 计划文件 · the plan file
    pub file: PathBuf,
    /// 输出一个 JSON · print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `watchbell plan facts`
#[derive(Debug, Args)]
pub struct FactsArgs {
    /// 输出一个 JSON · print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `watchbell plan new`
#[derive(Debug, Args)]
pub struct NewArgs {
    /// 哪一年 · for which year
    #[arg(long, value_name = "YYYY", value_parser = clap::value_parser!(i32).range(1900..=2200))]
    pub year: i32,
    /// 以哪个计划为底本，默认用自带的安全生产月计划 · the plan to start from; default: the built-in one
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// 写到哪个文件，默认打印出来 · the file to write; default: standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Runs it.
pub async fn run(command: PlanCommand, ctx: &Ctx) -> Result<Exit, CliError> {
    match command {
        PlanCommand::Check(args) => check(&args, ctx),
        PlanCommand::Import(args) => import(&args, ctx).await,
        PlanCommand::Forecast(args) => forecast(&args, ctx).await,
        PlanCommand::Facts(args) => facts(&args, ctx).await,
        PlanCommand::New(args) => new(&args, ctx),
    }
}

fn check(args: &CheckArgs, ctx: &Ctx) -> Result<Exit, CliError> {
    let sending = ctx.config()?.sending;
    let calendar = calendar(&sending)?;
    let read = PlanFile::load(&args.file);
    let resolved = read.and_then(|file| {
        let zone = file.read.plan.zone.unwrap_or(sending.timezone);
        let resolved = file.resolve(&calendar, zone, None)?;
        Ok((file, zone, resolved))
    });
    let (file, zone, resolved) = match resolved {
        Ok(all) => all,
        Err(error @ PlanFileError::Io { .. }) => return Err(wrong(error)),
        Err(PlanFileError::Wrong { path, problems }) => {
            if args.json {
                let problems: Vec<_> = problems.iter().map(|p| problem(p, ctx.lang)).collect();
                ctx.out
                    .json(&json!({ "ok": false, "problems": problems }))?;
            }
            for p in &problems {
                ctx.out
                    .note(p.text(&path.display().to_string(), ctx.lang))?;
            }
            return Ok(Exit::No);
        }
    };
    let path = args.file.display().to_string();
    for warning in &resolved.warnings {
        ctx.out.note(warning.text(&path, ctx.lang))?;
    }
    if args.json {
        let items: Vec<_> = resolved.items.iter().map(|i| item(i, zone)).collect();
        let warnings: Vec<_> = resolved
            .warnings
            .iter()
            .map(|p| problem(p, ctx.lang))
            .collect();
        ctx.out.json(&json!({
            "ok": true, "plan": file.read.plan.name, "campaigns": items,
            "work_orders": resolved.orders.len(), "warnings": warnings,
        }))?;
        return Ok(Exit::Done);
    }
    let heading = headings(
        ctx.lang,
        [
            ("代号", "id"),
            ("名称", "name"),
            ("发给", "to"),
            ("次数", "slots"),
            ("第一次", "first"),
            ("最后一次", "last"),
        ],
    );
    let rows = resolved.items.iter().map(|i| {
        [
            i.item.clone(),
            i.name.clone(),
            i.include.join("、"),
            i.slots.len().to_string(),
            i.slots.first().map_or_else(String::new, |s| when(*s, zone)),
            i.slots.last().map_or_else(String::new, |s| when(*s, zone)),
        ]
    });
    ctx.out.table(heading, rows)?;
    let (campaigns, orders) = (resolved.items.len(), resolved.orders.len());
    let slots: usize = resolved.items.iter().map(|i| i.slots.len()).sum();
    ctx.out.line(ctx.lang.pick(
        format!("没有错误：{campaigns} 项任务、{slots} 次发送、{orders} 份委托单。"),
        format!("No errors: {campaigns} campaigns, {slots} slots, {orders} work orders."),
    ))?;
    Ok(Exit::Done)
}

async fn import(args: &ImportArgs, ctx: &Ctx) -> Result<Exit, CliError> {
    let file = PlanFile::load(&args.file).map_err(wrong)?;
    let office = ctx.office().await?;
    let actor = ctx.actor(&office).await?;
    let resolved = beside_the_groups(&file, &office, &actor).await?;
    let plan = &file.read.plan;
    let import = Import {
        plan: &plan.name,
        title: &plan.title,
        source: &file.source,
        items: &resolved.items,
        orders: &resolved.orders,
    };
    let diff = office.plans().import(&actor, &import, args.dry_run).await?;
    office.store.close().await;
    let path = args.file.display().to_string();
    for warning in &resolved.warnings {
        ctx.out.note(warning.text(&path, ctx.lang))?;
    }
    show_diff(&diff, args, ctx)?;
    Ok(Exit::Done)
}

fn calendar(sending: &Sending) -> Result<Calendar, CliError> {
    plan_files::calendar(sending.calendar.as_deref()).map_err(|e| {
        CliRefusal::Calendar {
            why: Bilingual::of(|lang| e.text(lang)),
        }
        .into()
    })
}

/// The plan worked out, its groups looked up among those there are.
async fn beside_the_groups(
    file: &PlanFile,
    office: &Office,
    actor: &Actor,
) -> Result<Resolved, CliError> {
    let groups = office.contacts().groups(actor).await?;
    let groups: Vec<String> = groups.into_iter().map(|g| g.name).collect();
    let sending = &office.config.sending;
    file.resolve(&calendar(sending)?, sending.timezone, Some(&groups))
        .map_err(wrong)
}

/// Exit 1 when something does not fit: a quota, or a not-after.
async fn forecast(args: &ForecastArgs, ctx: &Ctx) -> Result<Exit, CliError> {
    let file = PlanFile::load(&args.file).map_err(wrong)?;
    let office = ctx.office().await?;
    let actor = ctx.actor(&office).await?;
    let resolved = beside_the_groups(&file, &office, &actor).await?;
    let plan = &file.read.plan.name;
    let forecast = office
        .plans()
        .forecast(&actor, plan, &resolved.items)
        .await?;
    office.store.close().await;
    super::forecast::forecast(ctx, &forecast, args.json)?;
    if forecast.runs.is_empty() {
        ctx.out.note(ctx.say(
            "计划里的时间都已过去。",
            "all of the plan's slots have passed.",
        ))?;
    }
    let over = !forecast.fits_quotas();
    Ok(Exit::of(!over && forecast.totals.left_people == 0))
}

async fn facts(args: &FactsArgs, ctx: &Ctx) -> Result<Exit, CliError> {
    let office = ctx.office().await?;
    let actor = ctx.actor(&office).await?;
    super::forecast::compared(ctx, &office, &actor, args.json).await?;
    office.store.close().await;
    Ok(Exit::Done)
}

/// The diff: what is new, changed, voided, unchanged, too late, gone.
fn show_diff(diff: &ImportDiff, args: &ImportArgs, ctx: &Ctx) -> Result<(), CliError> {
    let count = |effect| diff.items.iter().filter(|i| i.effect == effect).count();
    if args.json {
        let items: Vec<_> = diff
            .items
            .iter()
            .map(|i| {
                json!({
                    "item": i.item, "name": i.name, "effect": i.effect.as_str(),
                    "fields": i.fields, "campaign": i.campaign.map(|c| c.to_string()),
                    "work_order": i.order.map(|o| o.to_string()),
                })
            })
            .collect();
        return ctx.out.json(&json!({
            "plan": diff.plan, "dry_run": args.dry_run, "new": count(Effect::New),
            "changed": count(Effect::Changed), "renamed": count(Effect::Renamed), "voided": count(Effect::Voided),
            "unchanged": count(Effect::Unchanged), "too_late": count(Effect::TooLate), "gone": count(Effect::Gone),
            "items": items,
        }));
    }
    let heading = headings(
        ctx.lang,
        [
            ("代号", "id"),
            ("名称", "name"),
            ("变化", "what happens"),
            ("哪些内容", "fields"),
            ("任务或委托单", "campaign or work order"),
        ],
    );
    let shown = diff.items.iter().filter(|i| i.effect != Effect::Unchanged);
    let rows = shown.map(|i| {
        [
            i.item.clone(),
            i.name.clone(),
            i.effect.label(ctx.lang).to_owned(),
            i.fields.join(", "),
            i.campaign
                .map(|c| c.to_string())
                .or_else(|| i.order.map(|o| o.to_string()))
                .unwrap_or_default(),
        ]
    });
    ctx.out.table(heading, rows)?;
    let unchanged = count(Effect::Unchanged);
    ctx.out.line(ctx.lang.pick(
        format!(
            "新增 {}，改动 {}，审批作废 {}，不变 {unchanged}{}",
            count(Effect::New),
            count(Effect::Changed) + count(Effect::Renamed),
            count(Effect::Voided),
            if args.dry_run {
                "（只是预演，什么都没有写入）"
            } else {
                ""
            }
        ),
        format!(
            "{} new, {} changed, {} approvals voided, {unchanged} unchanged{}",
            count(Effect::New),
            count(Effect::Changed) + count(Effect::Renamed),
            count(Effect::Voided),
            if args.dry_run {
                " (a dry run: nothing was written)"
            } else {
                ""
            }
        ),
    ))
}

fn new(args: &NewArgs, ctx: &Ctx) -> Result<Exit, CliError> {
    let file = match &args.from {
        Some(path) => PlanFile::load(path).map_err(wrong)?,
        None => PlanFile::builtin(),
    };
    let (plan, notes) = file.read.plan.for_year(args.year);
    let text = plan.to_toml();
    match &args.out {
        None => ctx.out.stream(|out| out.write_all(text.as_bytes()))?,
        Some(path) => write_new(path, &text)?,
    }
    for note in &notes {
        ctx.out.note(note.text(ctx.lang))?;
    }
    // What the moved plan comes to is looked at as `plan check` would.
    let sending = ctx.config()?.sending;
    let path = args.out.clone().unwrap_or_else(|| file.path.clone());
    let checked = Plan::parse(&text).map(|read| PlanFile {
        path: path.clone(),
        source: text.clone(),
        read,
    });
    let found = match checked {
        Ok(file) => match file.resolve(&calendar(&sending)?, sending.timezone, None) {
            Ok(resolved) => resolved.warnings,
            Err(PlanFileError::Wrong { problems, .. }) => problems,
            Err(error) => return Err(wrong(error)),
        },
        Err(problems) => problems,
    };
    for problem in &found {
        ctx.out
            .note(problem.text(&path.display().to_string(), ctx.lang))?;
    }
    Ok(Exit::Done)
}

/// Nobody's file is written over.
fn write_new(path: &Path, text: &str) -> Result<(), CliError> {
    let mut file = fs::File::create_new(path).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => CliRefusal::FileExists {
            path: path.to_owned(),
        }
        .into(),
        _ => CliError::Io(io::Error::new(e.kind(), format!("{}: {e}", path.display()))),
    })?;
    Ok(io::Write::write_all(&mut file, text.as_bytes())?)
}

fn wrong(error: PlanFileError) -> CliError {
    match error {
        PlanFileError::Io { path, source } => CliRefusal::PlanUnreadable {
            path,
            why: source.to_string(),
        },
        PlanFileError::Wrong { path, problems } => CliRefusal::PlanWrong {
            problems: PlanProblems(path.display().to_string(), problems),
        },
    }
    .into()
}

fn problem(p: &Problem, lang: Lang) -> serde_json::Value {
    json!({ "line": p.line, "key": p.key, "what": p.what(lang) })
}

fn item(i: &Planned, zone: Tz) -> serde_json::Value {
    let slots: Vec<_> = i.slots.iter().map(|s| s.local(zone).to_rfc3339()).collect();
    json!({
        "id": i.item, "name": i.name, "to": i.include, "rule": i.rule, "priority": i.priority,
        "late": i.late, "slots": slots,
    })
}

fn when(slot: Micros, zone: Tz) -> String {
    slot.local(zone).format("%Y-%m-%d %H:%M").to_string()
}
