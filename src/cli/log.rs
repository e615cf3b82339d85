//! `watchbell log`: the delivery log, one line a message.

use std::io;

use clap::{Args, ValueEnum};

use super::{CliError, Ctx, Exit, refusal::CliRefusal};
use crate::{
    domain::{
        id::{CampaignId, RunId},
        lang::Lang,
        message::LogState,
        role::Actor,
    },
    service::{
        Office,
        log::{EXCEL_MARK, LogLine, LogQuery, UnmatchedLine, UnmatchedQuery, csv_page, csv_rows},
    },
};

/// `watchbell log`
#[derive(Debug, Args)]
pub struct LogArgs {
    /// 手机号 · one number
    #[arg(long, value_name = "P")]
    pub phone: Option<String>,
    /// 短信任务 · one campaign
    #[arg(long, value_name = "C")]
    pub campaign: Option<CampaignId>,
    /// 发送批次 · one run
    #[arg(long, value_name = "R")]
    pub run: Option<RunId>,
    /// 状态 · one state, such as delivered or `in_doubt`
    #[arg(long, value_name = "S")]
    pub state: Option<String>,
    /// 起始时间，日期从零点起 · changed at or after; a day from its midnight
    #[arg(long, value_name = "T")]
    pub from: Option<String>,
    /// 截止时间，日期含当天 · changed before; a day to its end
    #[arg(long, value_name = "T")]
    pub to: Option<String>,
    /// 至多几行 · at most so many
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// 格式 · the format
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// CSV 开头写上 Excel 认得的标记 · begin the CSV with the mark that Excel wants
    #[arg(long)]
    pub bom: bool,
    /// 只看找不到对应短信的状态报告 · the carriers' reports that belong to no known message
    #[arg(long, conflicts_with_all = ["campaign", "run", "state", "from", "to"])]
    pub unmatched: bool,
    /// Whole numbers.
    #[command(flatten)]
    pub unmask: Unmask,
}

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// 给人看的表格 · for people
    #[default]
    Table,
    /// 带表头 · with a heading
    Csv,
    /// 每行一个 JSON 对象 · one JSON object a line
    Jsonl,
}

/// Whole numbers, with a reason that is logged.
#[derive(Debug, Clone, Default, Args)]
pub struct Unmask {
    /// 显示完整号码（会记入台账） · show whole numbers; it is logged
    #[arg(long, requires = "reason")]
    pub unmask: bool,
    /// 为什么要看完整号码 · why
    #[arg(long, value_name = "TEXT", requires = "unmask")]
    pub reason: Option<String>,
}

impl Unmask {
    /// The reason, when whole numbers are asked for.
    pub fn asked(&self) -> Option<&str> {
        self.reason.as_deref().filter(|_| self.unmask)
    }
}

/// Prints it, page by page: a log of any length needs no more memory than a short one.
pub async fn run(args: LogArgs, ctx: &Ctx) -> Result<Exit, CliError> {
    let office = ctx.office().await?;
    let actor = ctx.actor(&office).await?;
    if args.bom && args.format != Format::Csv {
        return Err(CliRefusal::BomNotFor.into());
    }
    if args.unmatched {
        return unmatched(args, ctx, &office, &actor).await;
    }
    let query = LogQuery {
        unmask: args.unmask.asked().map(str::to_owned),
        phone: args.phone,
        campaign: args.campaign,
        run: args.run,
        state: args.state,
        from: args.from,
        to: args.to,
        limit: args.limit,
    };
    let mut log = office.messages().log(&actor, &query).await?;
    if args.bom {
        ctx.out.stream(|out| out.write_all(EXCEL_MARK))?;
    }
    let mut begin = true;
    loop {
        let page = log.page().await?;
        match args.format {
            _ if page.is_empty() && !begin => return Ok(Exit::Done),
            Format::Table => {
                let rows = page
                    .into_iter()
                    .map(|line| labelled(line, ctx.lang).cells());
                match begin {
                    true => ctx.out.table(LogLine::COLUMNS, rows)?,
                    false => ctx.out.more_rows(rows)?,
                }
            }
            Format::Csv => ctx.out.stream(|out| csv_page(out, &page, begin))?,
            Format::Jsonl => ctx.out.stream(|out| jsonl_rows(out, &page))?,
        }
        begin = false;
    }
}

/// In Chinese a table shows the state's label; programs, and English readers, see its word.
fn labelled(line: LogLine, lang: Lang) -> LogLine {
    match line.state.parse::<LogState>() {
        Ok(state) if lang == Lang::Zh => LogLine {
            state: state.label(lang).to_owned(),
            ..line
        },
        _ => line,
    }
}

async fn unmatched(
    args: LogArgs,
    ctx: &Ctx,
    office: &Office,
    actor: &Actor,
) -> Result<Exit, CliError> {
    let query = UnmatchedQuery {
        unmask: args.unmask.asked().map(str::to_owned),
        phone: args.phone,
        limit: args.limit,
    };
    let lines = office.messages().unmatched(actor, &query).await?;
    let rows = lines.iter().cloned().map(UnmatchedLine::cells);
    if args.bom {
        ctx.out.stream(|out| out.write_all(EXCEL_MARK))?;
    }
    match args.format {
        Format::Table => ctx.out.table(UnmatchedLine::COLUMNS, rows)?,
        Format::Csv => ctx
            .out
            .stream(|out| csv_rows(out, Some(&UnmatchedLine::COLUMNS), rows))?,
        Format::Jsonl => ctx.out.stream(|out| jsonl_rows(out, &lines))?,
    }
    Ok(Exit::Done)
}

fn jsonl_rows<T: serde::Serialize>(out: &mut dyn io::Write, page: &[T]) -> io::Result<()> {
    for line in page {
        serde_json::to_writer(&mut *out, line)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
