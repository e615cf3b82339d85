//! `watchbell serve`: the daemon.

use super::{CliError, Ctx, Exit};

/// Runs until SIGTERM or SIGINT.
#[expect(clippy::unused_async, reason = "the command awaits once it is built")]
pub async fn run(_ctx: &Ctx) -> Result<Exit, CliError> {
    Err(CliError::NotBuilt("serve"))
}
