//! `watchbell gateways accept`: proves a gateway against its contract, with a few phones.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    app::{self, Carriers},
    cli::{CliError, Ctx, Exit, refusal::CliRefusal},
    service::{
        Office,
        accept::{AcceptRequest, Acceptance, Going, Record},
    },
};

/// `watchbell gateways accept`
#[derive(Debug, Args)]
pub struct AcceptArgs {
    /// 网关名 · the gateway's name
    #[arg(value_name = "ID")]
    pub id: String,
    /// 联调号码，CSV 或 XLSX，2 到 50 个 · the phones, 2 to 50
    #[arg(long, value_name = "FILE")]
    pub phones: PathBuf,
    /// 确认发送真实短信；不加只列出步骤 · send; without it the steps are only listed
    #[arg(long)]
    pub yes: bool,
    /// 状态报告和回复各等多久 · how long reports and a reply are waited for
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = time)]
    pub wait: Duration,
    /// 静默多久，默认按链路检测间隔 · how long the links are left silent; by default what their keep-alive asks for
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub idle: Option<Duration>,
    /// 测速率至多用多少条，0 为不测；至多两秒的合同量，每号至多 30 条 · segments for the rate; at most two seconds of it
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub rate_segments: usize,
    /// 写成可打印签字的文件（.html 或 .txt） · write the protocol to sign
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// 输出一个 JSON · print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Seconds, or with a unit: `90`, `90s`, `2m`, `500ms`.
fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let n: u64 = digits
        .parse()
        .map_err(|_| format!("{text:?}: write seconds, or 90s, 2m, 500ms"))?;
    match &text[digits.len()..] {
        "" | "s" => Ok(Duration::from_secs(n)),
        "m" if n <= 1_440 => Ok(Duration::from_secs(n * 60)),
        "ms" => Ok(Duration::from_millis(n)),
        _ => Err(format!("{text:?}: write seconds, or 90s, 2m, 500ms")),
    }
    .and_then(|time| match time <= Duration::from_hours(24) {
        true => Ok(time),
        false => Err(format!("{text:?}: at most a day")),
    })
}

/// How the record is written.
#[derive(Debug, Clone, Copy)]
enum Form {
    Html,
    Text,
}

/// Does it. Exit 0 only when it was done and nothing failed.
pub(super) async fn run(args: AcceptArgs, ctx: &Ctx) -> Result<Exit, CliError> {
    // Not found out after the messages have left.
    let form = args.out.as_deref().map(form).transpose()?;
    let mut office = ctx.office().await?;
    let actor = ctx.actor(&office).await?;
    if office.config.practice {
        ctx.out.note(ctx.say(
            "【演练】对方是模拟运营商，不会发出任何真实短信",
            "PRACTICE: the carrier is simulated, no real message goes out",
        ))?;
    }
    let _carriers = match args.yes {
        true => Carriers::practice(&mut office).await?,
        false => Carriers::default(),
    };
    let request = AcceptRequest {
        gateway: &args.id,
        phones: &args.phones,
        wait: args.wait,
        idle: args.idle,
        rate_segments: args.rate_segments,
    };
    let acceptance = office
        .gateways()
        .prepare_acceptance(&actor, &request)
        .await?;
    ctx.out.note(announcement(&acceptance, &office, ctx))?;
    if !args.yes {
        show_plan(&acceptance, &args, ctx)?;
        office.store.close().await;
        return Ok(Exit::No);
    }
    let stop = CancellationToken::new();
    app::stop_at_signals(stop.clone())?;
    let record = office
        .gateways()
        .accept(&actor, &acceptance, &stop, |going| {
            show_progress(&going, ctx);
        })
        .await?;
    office.store.close().await;
    // The answer first: a disk that is full must not cost it.
    if args.json {
        ctx.out.json(&record.json(ctx.lang))?;
    } else {
        ctx.out.line(record.page(ctx.lang).text().trim_end())?;
    }
    if let (Some(path), Some(form)) = (&args.out, form) {
        write(&record, path, form, ctx)?;
    }
    Ok(Exit::of(record.ok))
}

fn form(out: &std::path::Path) -> Result<Form, CliError> {
    let ending = out.extension().unwrap_or_default().to_ascii_lowercase();
    match ending.to_str() {
        Some("html" | "htm") => Ok(Form::Html),
        Some("txt") => Ok(Form::Text),
        _ => Err(CliRefusal::OutName {
            formats: vec![".html", ".txt"],
        }
        .into()),
    }
}

fn announcement(acceptance: &Acceptance, office: &Office, ctx: &Ctx) -> String {
    let (segments, phones) = (acceptance.segments(), acceptance.phones());
    let cost = acceptance.cost().map(|cost| {
        ctx.lang.pick(
            format!("，约 {cost:.2} 元"),
            format!(", at {cost:.2} or less"),
        )
    });
    let cost = cost.unwrap_or_else(|| ctx.say("，未配置单价", ", no price is set").to_owned());
    let real = match office.config.practice {
        true => ctx.say("", ""),
        false => ctx.say("真实", "real "),
    };
    let mut text = ctx.lang.pick(
        format!("将向 {phones} 个号码发送至多 {segments} 条{real}短信{cost}；不计入限额和每人每日上限，也不看时段"),
        format!("up to {segments} {real}segments go to {phones} phones{cost}; they count against no quota or daily limit, and keep no hours"),
    );
    if acceptance.strangers() > 0 {
        let n = acceptance.strangers();
        text.push_str(&ctx.lang.pick(
            format!("\n注意：{n} 个号码按号段不属于该网关服务的运营商，可能被拒"),
            format!("\nnote: by their prefix {n} of the phones are of carriers that this gateway does not serve; they may be refused"),
        ));
    }
    text
}

fn show_plan(acceptance: &Acceptance, args: &AcceptArgs, ctx: &Ctx) -> Result<(), CliError> {
    let plan = acceptance.plan();
    if args.json {
        let steps: Vec<_> = plan
            .iter()
            .map(|p| {
                json!({
                    "n": p.n, "step": p.name.as_str(), "expected": p.expected.text(ctx.lang), "segments": p.segments,
                })
            })
            .collect();
        ctx.out.json(&json!({
            "sent": false, "gateway": args.id, "phones": acceptance.phones(),
            "segments": acceptance.segments(), "cost": acceptance.cost(), "steps": steps,
        }))?;
    } else {
        for p in plan {
            ctx.out.line(format!(
                "{:>2}. {}{}{}",
                p.n,
                p.name.label(ctx.lang),
                ctx.say("：", ": "),
                p.expected.text(ctx.lang)
            ))?;
        }
    }
    ctx.out.note(ctx.say(
        "没有发送任何短信；确认后加 --yes",
        "nothing was sent; add --yes to do it",
    ))
}

/// Whoever waits is told; a reader that has gone changes nothing.
fn show_progress(going: &Going<'_>, ctx: &Ctx) {
    let text = match going {
        Going::Begins(name) => format!("… {}", name.label(ctx.lang)),
        Going::Reply { word, to, within } => ctx.lang.pick(
            format!(
                "请用任一联调号码回复 {word} 到 {to}，等待 {} 秒",
                within.as_secs()
            ),
            format!(
                "send {word} to {to} from one of the phones now; waiting for {} s",
                within.as_secs()
            ),
        ),
        Going::Ended(step) => {
            let reason = step.reason.as_ref().map(|r| r.text(ctx.lang));
            let reason = reason.map(|r| format!("{}{r}", ctx.say("：", ": ")));
            format!(
                "  {} {}{}",
                step.name.label(ctx.lang),
                step.verdict.label(ctx.lang),
                reason.unwrap_or_default()
            )
        }
    };
    _ = ctx.out.note(text);
}

fn write(record: &Record, path: &std::path::Path, form: Form, ctx: &Ctx) -> Result<(), CliError> {
    let page = record.page(ctx.lang);
    let content = match form {
        Form::Text => page.text(),
        Form::Html => page
            .html()
            .map_err(|e| CliRefusal::Record { why: e.to_string() })?,
    };
    let shown = path.display();
    std::fs::write(path, content)
        .map_err(|e| std::io::Error::new(e.kind(), format!("{shown}: {e}")))?;
    ctx.out.note(ctx.lang.pick(
        format!("已写入 {shown}，可打印签字。"),
        format!("Wrote {shown}, to print and to sign."),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_or_are_seconds() {
        for (text, ms) in [
            ("90", 90_000),
            ("90s", 90_000),
            ("2m", 120_000),
            ("500ms", 500),
            ("0", 0),
        ] {
            assert_eq!(time(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "soon", "5h", "-1", "86401", "99999999999999999999"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
