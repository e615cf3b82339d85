//! `watchbell contacts`: address books from CSV or XLSX, groups, opt-outs.

use crate::domain::bilingual::headings;
use std::{path::PathBuf, sync::Arc};

use clap::{Args, Subcommand};

use super::{CliError, Ctx, Exit, progress::Progress};
use crate::service::{
    Office,
    contacts::{Import, ImportReport, OptOut, Step},
};

/// Refused rows that people are shown; the corrected file and `--json` have all.
const SHOWN: usize = 50;

/// `watchbell contacts …`
#[derive(Debug, Subcommand)]
pub enum ContactsCommand {
    /// 从 CSV 或 XLSX 导入 · import a CSV or XLSX file
    Import(ImportArgs),
    /// 列出所有组 · list the groups
    Groups {
        /// 输出一个 JSON · print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// 设定一个组包含哪些组 · say which groups a group contains
    Nest {
        /// 组名，没有则新建 · the group; made if there is none
        group: String,
        /// 包含的组，逗号分隔；留空则不再包含 · the groups, with commas; empty: none
        #[arg(long, value_name = "NAMES", value_delimiter = ',')]
        contains: Vec<String>,
    },
    /// 登记一个号码不再接收短信 · never send to a number again
    OptOut {
        /// 手机号 · the number
        phone: String,
        /// 原因，不要写号码 · why; without the number
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// `watchbell contacts import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// CSV 或 XLSX 文件 · the file; its format is told by its content
    pub file: PathBuf,
    /// 导入到哪个组 · into which group
    #[arg(long, value_name = "NAME")]
    pub group: String,
    /// 只看结果，不写入 · say what would happen, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// 写出改好的文件 · write a file that imports clean
    #[arg(long, value_name = "FILE")]
    pub corrected: Option<PathBuf>,
    /// 输出一个 JSON · print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Does it.
pub async fn run(command: ContactsCommand, ctx: &Ctx) -> Result<Exit, CliError> {
    let office = ctx.office().await?;
    match command {
        ContactsCommand::Import(args) => import(args, &office, ctx).await,
        ContactsCommand::Groups { json } => groups(json, &office, ctx).await,
        ContactsCommand::Nest { group, contains } => {
            let contains: Vec<_> = contains.into_iter().filter(|n| !n.is_empty()).collect();
            let actor = ctx.actor(&office).await?;
            office.contacts().nest(&actor, &group, &contains).await?;
            let list = contains.join("、");
            ctx.out.note(ctx.lang.pick(
                format!("“{group}”现在包含：{list}"),
                format!("{group} now contains: {list}"),
            ))?;
            Ok(Exit::Done)
        }
        ContactsCommand::OptOut { phone, reason } => {
            let actor = ctx.actor(&office).await?;
            let done = office
                .contacts()
                .opt_out(&actor, &phone, reason.as_deref())
                .await?;
            ctx.out.line(match done {
                OptOut::Added(phone) => ctx.lang.pick(
                    format!("{phone} 已登记，不再发送。"),
                    format!("{phone} will not be sent to any more"),
                ),
                OptOut::Known(phone) => ctx.lang.pick(
                    format!("{phone} 早已登记，本来就不发送。"),
                    format!("{phone} was on the list already"),
                ),
            })?;
            Ok(Exit::Done)
        }
    }
}

async fn import(args: ImportArgs, office: &Office, ctx: &Ctx) -> Result<Exit, CliError> {
    let actor = ctx.actor(office).await?;
    let bar = Progress::new(0, ctx.say("读取", "reading"));
    let (reading, writing) = (
        ctx.say("读取", "reading").to_owned(),
        ctx.say("写入", "writing").to_owned(),
    );
    let on_step = move |step| match step {
        Step::Read(done) => {
            bar.label(&reading);
            bar.set(done);
        }
        Step::Written(done, total) => {
            bar.label(&writing);
            bar.set_total(total);
            bar.set(done);
        }
    };
    let wish = Import {
        group: args.group.clone(),
        dry_run: args.dry_run,
        corrected: args.corrected.clone(),
        lang: ctx.lang,
        progress: Arc::new(on_step),
    };
    let report = office
        .contacts()
        .import_file(&actor, &args.file, wish)
        .await?;
    if args.json {
        ctx.out.json(&report)?;
    } else {
        show(&report, &args, ctx)?;
    }
    if let (Some(corrected), Some(path)) = (&report.corrected, &args.corrected) {
        let path = path.display();
        let n = corrected.written;
        ctx.out.note(ctx.lang.pick(
            format!("改正后的文件：{path}，{n} 行"),
            format!("corrected file: {path}, {n} rows"),
        ))?;
        if let Some(left_out) = &corrected.left_out_file {
            let (path, n) = (left_out.display(), corrected.left_out);
            ctx.out.note(ctx.lang.pick(
                format!("未能改正的行：{path}，{n} 行"),
                format!("rows that could not be mended: {path}, {n} rows"),
            ))?;
        }
    }
    Ok(Exit::of(report.refused.is_empty()))
}

fn show(report: &ImportReport, args: &ImportArgs, ctx: &Ctx) -> Result<(), CliError> {
    let headers = headings(
        ctx.lang,
        [
            ("总行数", "rows"),
            ("新增", "new"),
            ("变更", "changed"),
            ("未变", "unchanged"),
            ("已修正", "repaired"),
            ("重复", "duplicate"),
            ("被拒", "refused"),
        ],
    );
    let counts = [
        report.rows,
        report.new,
        report.changed,
        report.unchanged,
        report.repaired,
        report.duplicate,
        report.refused.len() as u64,
    ];
    ctx.out.table(headers, [counts.map(|n| n.to_string())])?;
    if !report.refused.is_empty() {
        let rows = report.refused.iter().take(SHOWN).map(|r| {
            [
                r.row.to_string(),
                r.column.clone(),
                // A cell may hold control characters that a terminal would act on.
                r.value.replace(char::is_control, " "),
                r.reason.clone(),
            ]
        });
        let headers = headings(
            ctx.lang,
            [
                ("行", "row"),
                ("列", "column"),
                ("内容", "value"),
                ("原因", "reason"),
            ],
        );
        ctx.out.table(headers, rows)?;
        if let Some(more @ 1..) = report.refused.len().checked_sub(SHOWN) {
            ctx.out.note(ctx.lang.pick(
                format!("还有 {more} 行被拒；--corrected 或 --json 列出全部。"),
                format!("{more} more rows were refused; --corrected or --json lists them all"),
            ))?;
        }
    }
    if args.dry_run {
        ctx.out
            .note(ctx.say("试运行：什么也没有写入。", "dry run: nothing was written"))?;
    }
    Ok(())
}

async fn groups(json: bool, office: &Office, ctx: &Ctx) -> Result<Exit, CliError> {
    let actor = ctx.actor(office).await?;
    let groups = office.contacts().groups(&actor).await?;
    if json {
        ctx.out.json(&serde_json::json!({ "groups": groups }))?;
        return Ok(Exit::Done);
    }
    let rows = groups.into_iter().map(|g| {
        [
            g.name,
            g.members.to_string(),
            g.contains.join(ctx.say("、", ", ")),
        ]
    });
    let headers = headings(
        ctx.lang,
        [("组", "group"), ("人数", "people"), ("包含", "contains")],
    );
    ctx.out.table(headers, rows)?;
    Ok(Exit::Done)
}
