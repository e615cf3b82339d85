//! `watchbell serve`: the daemon.

use tokio_util::sync::CancellationToken;

use super::{CliError, Ctx, Exit};
use crate::{
    app::{self, Daemon},
    clock::Clock,
    service::Office,
};

/// Serves until SIGTERM or SIGINT, then drains and ends.
pub async fn run(ctx: &Ctx) -> Result<Exit, CliError> {
    let waits = || {
        _ = ctx.out.note(ctx.say(
            "数据库还是旧版本的结构，另一进程正在使用：等它停止后升级",
            "The database has an older version's schema, and another process uses it: it is brought up to date when that one stops",
        ));
    };
    let office = Office::open_to_serve(ctx.config()?, Clock::system(), waits).await?;
    let stop = CancellationToken::new();
    app::stop_at_signals(stop.clone())?;
    if office.config.practice {
        ctx.out.note(ctx.say(
            "【演练】不会发出任何真实短信",
            "PRACTICE: no real message goes out",
        ))?;
    }
    let daemon = Daemon::start(office, stop).await?;
    let address = daemon.address()?;
    ctx.out.note(ctx.lang.pick(
        format!("正在监听 http://{address}"),
        format!("listening on http://{address}"),
    ))?;
    daemon.run().await?;
    Ok(Exit::Done)
}
