//! Wall time comes from a [`Clock`] handed in, so that June can be lived through in seconds. Elapsed
//! time (keep-alive, windows, time-outs, rates) is `tokio::time::Instant`, never this.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use crate::domain::time::Micros;

/// Where wall time comes from. Cheap to clone; clones of one clock agree.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Shifted { by_us: Arc<AtomicI64> },
    Manual { now_us: Arc<AtomicI64> },
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Runs at the machine's pace, but shows `start` now (demo, rehearsals).
    pub fn starting_at(start: Micros) -> Self {
        Self(Source::Shifted {
            by_us: Arc::new(AtomicI64::new(start.0 - system_now())),
        })
    }

    /// Stands still until moved.
    pub fn manual(start: Micros) -> Self {
        Self(Source::Manual {
            now_us: Arc::new(AtomicI64::new(start.0)),
        })
    }

    /// Now.
    pub fn now(&self) -> Micros {
        Micros(match &self.0 {
            Source::System => system_now(),
            Source::Shifted { by_us } => system_now() + by_us.load(Ordering::Relaxed),
            Source::Manual { now_us } => now_us.load(Ordering::Relaxed),
        })
    }

    /// Moves a shifted or manual clock (forward or back); the machine's own stays as it is.
    pub fn advance(&self, by: chrono::TimeDelta) {
        let us = by.num_microseconds().unwrap_or(0);
        match &self.0 {
            Source::System => {}
            Source::Shifted { by_us } => _ = by_us.fetch_add(us, Ordering::Relaxed),
            Source::Manual { now_us } => _ = now_us.fetch_add(us, Ordering::Relaxed),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the machine's clock is read"
)]
fn system_now() -> i64 {
    chrono::Utc::now().timestamp_micros()
}
