//! What breaks an acceptance off, and who watches for it.

use crate::domain::bilingual::{Bilingual, bilingual};
use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
};

use tokio::time::{Duration, sleep};
use tokio_util::sync::CancellationToken;

use super::super::Office;

/// How often it is looked whether sending was stopped: that has to hold within a second.
const LOOK: Duration = Duration::from_millis(200);

/// It was broken off.
#[derive(Debug, Clone, Copy)]
pub(super) struct Halted;

/// The end that others may set.
#[derive(Debug, Clone)]
pub(super) struct Halt {
    asked: CancellationToken,
    token: CancellationToken,
    why: Arc<OnceLock<Bilingual>>,
}

impl Halt {
    pub(super) fn new(stop: &CancellationToken) -> Self {
        Self {
            asked: stop.clone(),
            token: stop.child_token(),
            why: Arc::default(),
        }
    }

    fn set(&self, why: Bilingual) {
        _ = self.why.set(why);
        self.token.cancel();
    }

    /// Returns once it is broken off.
    pub(super) async fn halted(&self) {
        self.token.cancelled().await;
    }

    /// Why it was broken off, if it was.
    pub(super) fn why(&self) -> Option<Bilingual> {
        let asked = || bilingual!("被中断", "interrupted");
        let why = self.why.get().cloned();
        why.or_else(|| self.asked.is_cancelled().then(asked))
    }
}

impl Office {
    /// Notices when the lease is lost, and when sending is stopped.
    pub(super) async fn watch_over(&self, lost: &CancellationToken, halt: &Halt) -> Infallible {
        loop {
            tokio::select! {
                () = sleep(LOOK) => {}
                () = lost.cancelled() => {
                    halt.set(bilingual!(
                        "发送引擎的租约被另一进程接管",
                        "another process has taken over the engine's lease"
                    ));
                    std::future::pending::<()>().await;
                }
            }
            match self.installation().await {
                Ok(installation) if installation.may_send() => {}
                Ok(_) => halt.set(bilingual!("发送被叫停", "sending was stopped")),
                Err(error) => {
                    tracing::warn!(%error, "Whether sending was stopped could not be read");
                    halt.set(bilingual!(
                        "读不了数据库，不知道是否已叫停：{error}",
                        "the database cannot be read, so nobody knows whether sending was stopped: {error}"
                    ));
                }
            }
        }
    }
}
