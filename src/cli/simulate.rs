//! `watchbell simulate`: a carrier's gateway to practise against.

use std::net::SocketAddr;

use clap::Args;

use super::{CliError, Ctx, Exit};
use crate::config::Kind;

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
    #[arg(long, value_name = "A", requires = "password")]
    pub account: Option<String>,
    /// 密码 · its password
    #[arg(long, value_name = "P", requires = "account")]
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
    /// 结束时输出一个 JSON · print the counts as one JSON object at the end
    #[arg(long)]
    pub json: bool,
}

fn percent(s: &str) -> Result<f64, String> {
    let n: Option<f64> = s.trim_end_matches('%').parse().ok();
    n.filter(|n| (0.0..=100.0).contains(n))
        .ok_or_else(|| "write a number from 0 to 100".to_owned())
}

/// Listens until SIGINT or SIGTERM.
#[expect(clippy::unused_async, reason = "the command awaits once it is built")]
pub async fn run(_args: SimulateArgs, _ctx: &Ctx) -> Result<Exit, CliError> {
    Err(CliError::NotBuilt("simulate"))
}
