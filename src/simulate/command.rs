//! `watchbell simulate`: a simulated gateway until it is stopped.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

use super::{Counts, Settings, Simulator};
use crate::config::Kind;

/// The simulator could not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Listening or waiting for a signal failed.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// As given.
        address: std::net::SocketAddr,
        /// The operating system's reason.
        source: io::Error,
    },
}

/// Listens, calls `listening` with the address, serves until SIGINT or SIGTERM, and gives the counts.
pub async fn run(
    kind: Kind,
    settings: Settings,
    listening: impl FnOnce(std::net::SocketAddr),
) -> Result<Counts, RunError> {
    let address = settings.listen;
    let failed = |source| RunError::Listen { address, source };
    // Before listening: whoever waits for the port may send the signal at once.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let settings = Settings {
        protocol: kind,
        ..settings
    };
    let running = Simulator::start(settings).await.map_err(failed)?;
    listening(running.address());
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(running.stop().await)
}
