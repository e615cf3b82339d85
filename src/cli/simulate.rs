//! `watchbell simulate`: a carrier's gateway to practise against.

use std::{net::SocketAddr, time::Duration};

use clap::Args;

use super::{CliError, Ctx, Exit, refusal::CliRefusal};
use crate::{
    config::Kind,
    simulate::{self, Counts, Dialling, Ending, Faults, Http, RunError, Settings},
};

/// How much later than the others a late report is.
const LATE_FACTOR: u32 = 20;

/// How late a slow answer is.
const SLOW_BY: Duration = Duration::from_secs(1);

/// `watchbell simulate`
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// cmpp20、cmpp30、sgip12、smgp30、smpp34 或 http · which protocol
    #[arg(long, value_name = "KIND")]
    pub protocol: Kind,
    /// 监听地址 · where to listen, address:port
    #[arg(long, value_name = "ADDR")]
    pub listen: SocketAddr,
    /// 账号 · the account that may log in; anyone when left out
    #[arg(long, value_name = "A")]
    pub account: Option<String>,
    /// 密码 · its password; any when left out
    #[arg(long, value_name = "P")]
    pub password: Option<String>,
    /// 每秒至多几段，超出则拒 · segments a second; more is refused
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
    /// 状态报告延迟 · milliseconds until a report
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub report_delay: u64,
    /// 未送达百分比 · how many of a hundred are not delivered
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    pub undelivered: f64,
    /// 尾号决定结果，可多次写，如 7=expired · how messages to numbers with this ending end: delivered, undelivered, own-code, expired or rejected; repeatable
    #[arg(long, value_name = "TAIL=HOW", value_parser = ending)]
    pub ends: Vec<(String, Ending)>,
    /// 收下并报告但不应答的百分比 · how many of a hundred submits are taken and never answered
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    pub lost_answers: f64,
    /// 报告两次的百分比 · how many of a hundred are reported twice
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    pub duplicate_reports: f64,
    /// 先报告后应答的百分比 · how many of a hundred are reported before their answer
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    pub early_reports: f64,
    /// 报告晚到二十倍的百分比 · how many of a hundred reports take twenty times the delay
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    pub late_reports: f64,
    /// 应答晚到一秒的百分比 · how many of a hundred are answered a second late
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    pub slow_answers: f64,
    /// 应答次序颠倒的百分比 · how many of a hundred are answered after some that came later
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    pub out_of_order: f64,
    /// 夹带乱码的百分比 · how many of a hundred are followed by a deliver that can't be read
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    pub garbage: f64,
    /// 每约几次提交断线一次 · drops the connection about every so many submits
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub disconnect_every: Option<u64>,
    /// 状态报告推送到此地址（http 为网址，sgip12 为“主机:端口”）· where an http carrier calls, and an sgip12 carrier dials, with reports
    #[arg(long, value_name = "URL|HOST:PORT")]
    pub callback: Option<String>,
    /// 回连时的账号（仅 sgip12），默认同 --account · who an sgip12 carrier logs in as where it dials; as --account when left out
    #[arg(long, value_name = "A")]
    pub callback_account: Option<String>,
    /// 回连时的密码（仅 sgip12），默认同 --password · its password there; as --password when left out
    #[arg(long, value_name = "P")]
    pub callback_password: Option<String>,
    /// 以 500 作答的百分比（仅 http）· how many of a hundred requests over http are answered with 500
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    pub server_errors: f64,
    /// 漏推的报告百分比（仅 http）· how many of a hundred reports an http carrier does not call in
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    pub lost_callbacks: f64,
    /// 随机种子 · decides what is left to chance
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// 结束时输出一个 JSON · print the counts as one JSON object at the end
    #[arg(long)]
    pub json: bool,
}

fn percent(s: &str) -> Result<f64, String> {
    let n: Option<f64> = s.trim_end_matches('%').parse().ok();
    n.filter(|n| (0.0..=100.0).contains(n))
        .ok_or_else(|| "write a number from 0 to 100".to_owned())
}

fn ending(s: &str) -> Result<(String, Ending), String> {
    let (tail, how) = s
        .split_once('=')
        .ok_or("write TAIL=HOW, such as 7=expired")?;
    if tail.is_empty() || !tail.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("{tail:?} is no number's ending"));
    }
    Ok((tail.to_owned(), how.parse()?))
}

/// Listens until SIGINT or SIGTERM.
pub async fn run(args: SimulateArgs, ctx: &Ctx) -> Result<Exit, CliError> {
    let (kind, json) = (args.protocol, args.json);
    let listening = |at: SocketAddr| {
        // Nobody may be there to read it.
        _ = ctx.out.note(ctx.lang.pick(
            format!("模拟网关（{}）正在监听 {at}", kind.as_str()),
            format!("a simulated {} gateway listens on {at}", kind.as_str()),
        ));
    };
    let counts = simulate::run(kind, settings(args), listening)
        .await
        .map_err(explain)?;
    if json {
        ctx.out.json(&counts)?;
    } else {
        ctx.out.line(summary(&counts, ctx))?;
    }
    Ok(Exit::Done)
}

fn settings(args: SimulateArgs) -> Settings {
    let or = |own: Option<String>, common: &Option<String>| {
        own.or_else(|| common.clone()).unwrap_or_default()
    };
    let dialling = Dialling {
        address: args.callback.clone(),
        account: or(args.callback_account, &args.account),
        password: or(args.callback_password, &args.password),
    };
    Settings {
        dialling,
        listen: args.listen,
        account: args.account,
        password: args.password,
        rate: args.rate,
        report_delay: Duration::from_millis(args.report_delay),
        undelivered_percent: args.undelivered,
        endings: args.ends,
        faults: Faults {
            lost_answers: args.lost_answers,
            duplicate_reports: args.duplicate_reports,
            early_reports: args.early_reports,
            late_reports: args.late_reports,
            late_factor: LATE_FACTOR,
            slow_answers: args.slow_answers,
            slow_by: SLOW_BY,
            out_of_order: args.out_of_order,
            garbage: args.garbage,
            disconnect_every: args.disconnect_every,
            server_errors: args.server_errors,
            lost_callbacks: args.lost_callbacks,
            ..Faults::default()
        },
        http: Http {
            callback: args.callback,
            ..Http::default()
        },
        seed: args.seed,
        ..Settings::default()
    }
}

fn explain(error: RunError) -> CliError {
    match error {
        RunError::Listen { address, source } => CliRefusal::CannotListen {
            address: address.to_string(),
            why: source.to_string(),
        }
        .into(),
    }
}

fn summary(counts: &Counts, ctx: &Ctx) -> String {
    let c = counts;
    ctx.lang.pick(
        format!(
            "登录 {}（拒绝 {}），提交 {}，段 {}，号码 {}（重复 {}），状态报告 {}，一秒内最多 {} 段，无法读取 {}",
            c.logins, c.refused_logins, c.submits, c.segments, c.distinct_recipients, c.recipients_sent_twice, c.reports,
            c.peak_segments_in_one_second, c.malformed
        ),
        format!(
            "{} logins ({} refused), {} submits, {} segments, {} numbers ({} sent twice), {} reports, at most {} segments in one second, {} malformed",
            c.logins, c.refused_logins, c.submits, c.segments, c.distinct_recipients, c.recipients_sent_twice, c.reports,
            c.peak_segments_in_one_second, c.malformed
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::{Ending, ending, percent};

    #[test]
    fn an_ending_has_digits_and_a_word() {
        assert_eq!(ending("77=expired"), Ok(("77".to_owned(), Ending::Expired)));
        for wrong in ["", "7", "=expired", "x=expired", "7=lost"] {
            assert!(ending(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_percentage_is_from_0_to_100() {
        assert_eq!(percent("2.5%"), Ok(2.5));
        assert!(percent("101").is_err() && percent("-1").is_err() && percent("NaN").is_err());
    }
}
