//! `watchbell run`: list, show, pause, resume, cancel.

use clap::Subcommand;

use serde_json::json;

use super::{CliError, Ctx, Exit};
use crate::{
    domain::{
        bilingual::headings,
        id::RunId,
        lang::Lang,
        lifecycle::Intent,
        message::{LogState, Outcome},
        role::Actor,
    },
    service::{
        Office,
        runs::{Counts, RunView},
    },
};

/// `watchbell run …`
#[derive(Debug, Subcommand)]
pub enum RunCommand {
    /// 列出 · list them
    List {
        /// 输出一个 JSON · print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// 查看 · show one with its counts
    Show {
        /// 批次编号（见 run list） · the run's id, as `run list` shows it
        id: RunId,
        /// 输出一个 JSON · print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// 暂停 · halt it
    Pause {
        /// 批次编号（见 run list） · the run's id, as `run list` shows it
        id: RunId,
    },
    /// 恢复 · let it go on
    Resume {
        /// 批次编号（见 run list） · the run's id, as `run list` shows it
        id: RunId,
    },
    /// 取消 · end it; what has left has left
    Cancel {
        /// 批次编号（见 run list） · the run's id, as `run list` shows it
        id: RunId,
        /// 理由 · why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// Does it.
pub async fn run(command: RunCommand, ctx: &Ctx) -> Result<Exit, CliError> {
    let office = ctx.office().await?;
    let actor = ctx.actor(&office).await?;
    match command {
        RunCommand::List { json } => {
            list(&office, &actor, json, ctx).await?;
        }
        RunCommand::Show { id, json } => {
            show(&office.runs().get(&actor, id).await?, json, ctx)?;
        }
        RunCommand::Pause { id } => show(
            &office.runs().intend(&actor, id, Intent::Paused, "").await?,
            false,
            ctx,
        )?,
        RunCommand::Resume { id } => show(
            &office.runs().intend(&actor, id, Intent::Go, "").await?,
            false,
            ctx,
        )?,
        RunCommand::Cancel { id, reason } => {
            let reason = reason.unwrap_or_default();
            show(
                &office
                    .runs()
                    .intend(&actor, id, Intent::Cancelled, &reason)
                    .await?,
                false,
                ctx,
            )?;
        }
    }
    Ok(Exit::Done)
}

async fn list(office: &Office, actor: &Actor, as_json: bool, ctx: &Ctx) -> Result<(), CliError> {
    let runs = office.runs().list(actor).await?;
    if as_json {
        return ctx.out.json(&json!({ "runs": runs }));
    }
    let rows = runs.iter().map(|r| {
        [
            r.id.to_string(),
            r.name.clone(),
            r.progress.label(ctx.lang).to_owned(),
            r.intent.label(ctx.lang).to_owned(),
            r.counts.total().to_string(),
            r.counts.of(Outcome::Delivered).to_string(),
            (r.counts.open()).to_string(),
        ]
    });
    let heading = headings(
        ctx.lang,
        [
            ("批次", "run"),
            ("名称", "name"),
            ("进度", "progress"),
            ("意图", "intent"),
            ("人数", "people"),
            ("已送达", "delivered"),
            ("未决", "open"),
        ],
    );
    ctx.out.table(heading, rows)
}

fn show(view: &RunView, as_json: bool, ctx: &Ctx) -> Result<(), CliError> {
    if as_json {
        return ctx.out.json(view);
    }
    ctx.out.line(ctx.lang.pick(
        format!(
            "批次 {}（{}）：{}，意图 {}",
            view.id,
            view.name,
            view.progress.label(Lang::Zh),
            view.intent.label(Lang::Zh)
        ),
        format!(
            "run {} ({}): {}, intent {}",
            view.id, view.name, view.progress, view.intent
        ),
    ))?;
    ctx.out.line(counts_line(&view.counts, ctx))?;
    let as_of = view.as_of;
    ctx.out.line(
        ctx.lang
            .pick(format!("截至 {as_of}"), format!("as of {as_of}")),
    )
}

/// The counts that are not zero, in the person's words.
pub(super) fn counts_line(counts: &Counts, ctx: &Ctx) -> String {
    let mut parts = vec![format!("{} {}", ctx.say("共", "total"), counts.total())];
    let outcomes = Outcome::ALL.map(|o| (counts.of(o), LogState::Outcome(o)));
    let waiting = [
        (counts.queued, LogState::Queued),
        (counts.submitting, LogState::Submitting),
    ];
    for (n, state) in outcomes.into_iter().chain(waiting) {
        if n > 0 {
            parts.push(format!("{} {n}", state.label(ctx.lang)));
        }
    }
    parts.join(ctx.say("，", ", "))
}
