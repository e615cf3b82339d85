//! `watchbell serve`: the daemon.

use tokio_util::sync::CancellationToken;

use super::{CliError, Ctx, Exit};
use crate::app::{self, Daemon};

/// Serves until SIGTERM or SIGINT, then drains and ends.
pub async fn run(ctx: &Ctx) -> Result<Exit, CliError> {
    let office = ctx.office().await?;
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
