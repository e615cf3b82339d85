//! The operating system's signals, as far as they are not a death.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancels the token at SIGINT or SIGTERM; a second signal ends the process at once.
pub fn stop_at_signals(stop: CancellationToken) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        for turn in 0.. {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if turn > 0 {
                std::process::exit(1);
            }
            stop.cancel();
        }
    });
    Ok(())
}

/// A file that grows over the process's size limit must be an error, not a death (SIGXFSZ).
pub fn survive_size_limits() -> std::io::Result<()> {
    /// `SIGXFSZ` on Linux.
    const FILE_SIZE: i32 = 25;
    let mut signals = signal(SignalKind::from_raw(FILE_SIZE))?;
    tokio::spawn(async move { while signals.recv().await.is_some() {} });
    Ok(())
}
