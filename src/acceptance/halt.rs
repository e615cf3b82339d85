//! What breaks an acceptance off.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use crate::domain::bilingual::{Bilingual, bilingual};

/// It was broken off.
#[derive(Debug, Clone, Copy)]
pub(super) struct Halted;

/// The end that others may set. It may come from who waits (the token it is made of), or with a reason from who watches
/// over the acceptance; the first reason stands. Clones are one and the same.
#[derive(Debug, Clone)]
pub struct Halt {
    asked: CancellationToken,
    token: CancellationToken,
    why: Arc<OnceLock<Bilingual>>,
}

impl Halt {
    /// Cancelling `stop` breaks the acceptance off, too.
    pub fn new(stop: &CancellationToken) -> Self {
        Self {
            asked: stop.clone(),
            token: stop.child_token(),
            why: Arc::default(),
        }
    }

    /// Breaks it off.
    pub fn set(&self, why: Bilingual) {
        _ = self.why.set(why);
        self.token.cancel();
    }

    /// Returns once it is broken off.
    pub(super) async fn halted(&self) {
        self.token.cancelled().await;
    }

    /// Why it was broken off, if it was.
    pub fn why(&self) -> Option<Bilingual> {
        let asked = || bilingual!("被中断", "interrupted");
        let why = self.why.get().cloned();
        why.or_else(|| self.asked.is_cancelled().then(asked))
    }
}
