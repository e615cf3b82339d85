//! Wall time comes from a [`Clock`] handed in, so that June can be lived through in seconds. Elapsed
//! time (keep-alive, windows, time-outs, rates) is `tokio::time::Instant`, never this.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use crate::domain::time::Micros;

/// Where wall time comes from. Cheap to clone; clones of one clock agree.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Shifted(Arc<Hand>),
    Manual(Arc<Hand>),
}

/// What a shifted clock is ahead of the machine's, or what a manual one shows, in microseconds.
#[derive(Debug)]
struct Hand {
    us: AtomicI64,
    moved: Notify,
}

impl Hand {
    fn at(us: i64) -> Arc<Self> {
        Arc::new(Self {
            us: AtomicI64::new(us),
            moved: Notify::new(),
        })
    }

    fn us(&self) -> i64 {
        self.us.load(Ordering::Relaxed)
    }

    fn advance(&self, us: i64) {
        self.us.fetch_add(us, Ordering::Relaxed);
        self.moved.notify_waiters();
    }
}

/// The longest single sleep: the machine's clock may be set meanwhile, and nobody tells.
const DOZE: Duration = Duration::from_secs(1);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Runs at the machine's pace, but shows `start` now (demo, rehearsals).
    pub fn starting_at(start: Micros) -> Self {
        Self(Source::Shifted(Hand::at(start.0 - system_now())))
    }

    /// Stands still until moved.
    pub fn manual(start: Micros) -> Self {
        Self(Source::Manual(Hand::at(start.0)))
    }

    /// The current time in microseconds since 1970, UTC.
    pub fn now(&self) -> Micros {
        Micros(match &self.0 {
            Source::System => system_now(),
            Source::Shifted(ahead) => system_now() + ahead.us(),
            Source::Manual(shown) => shown.us(),
        })
    }

    /// Moves a shifted or manual clock (forward or back); the machine's own stays as it is.
    pub fn advance(&self, by: chrono::TimeDelta) {
        let us = by.num_microseconds().unwrap_or(0);
        match &self.0 {
            Source::System => {}
            Source::Shifted(hand) | Source::Manual(hand) => hand.advance(us),
        }
    }

    /// Returns once it shows `at` or later, at the very moment when it is moved there. Cancel safe.
    pub async fn reached(&self, at: Micros) {
        loop {
            let moved = match &self.0 {
                Source::System => None,
                Source::Shifted(hand) | Source::Manual(hand) => Some(hand.moved.notified()),
            };
            let mut moved = std::pin::pin!(async {
                match moved {
                    Some(moved) => moved.await,
                    None => std::future::pending().await,
                }
            });
            // Enrolled before the look at the clock: a move in between is not missed. One that came
            // before the enrolment has used this wait up: another is needed.
            if futures_util::poll!(&mut moved).is_ready() {
                continue;
            }
            let left = at.0.saturating_sub(self.now().0);
            if left <= 0 {
                return;
            }
            let sleeps = !matches!(self.0, Source::Manual(_));
            let doze = Duration::from_micros(left.unsigned_abs()).min(DOZE);
            tokio::select! {
                () = &mut moved => {}
                () = tokio::time::sleep(doze), if sleeps => {}
            }
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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_an_instant_wakes_when_the_clock_is_moved_there() {
        let clock = Clock::manual(Micros(0));
        let mut waits = std::pin::pin!(clock.reached(Micros(1_000)));
        assert!(futures_util::poll!(&mut waits).is_pending());
        clock.advance(TimeDelta::microseconds(999));
        assert!(futures_util::poll!(&mut waits).is_pending());
        clock.advance(TimeDelta::microseconds(1));
        assert!(futures_util::poll!(&mut waits).is_ready());
        clock.reached(Micros(-5)).await;
    }

    #[tokio::test]
    async fn a_clock_moved_by_another_thread_at_any_moment_wakes_who_waits() {
        const MOVES: i64 = 200_000;
        let clock = Clock::manual(Micros(0));
        let mover = std::thread::spawn({
            let clock = clock.clone();
            move || {
                for _ in 0..MOVES {
                    clock.advance(TimeDelta::microseconds(1));
                }
            }
        });
        for at in (0..=MOVES).step_by(7) {
            clock.reached(Micros(at)).await;
        }
        clock.reached(Micros(MOVES)).await;
        mover.join().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_shifted_clock_also_gets_there_by_itself() {
        let clock = Clock::starting_at(Micros(0));
        // The machine's clock goes on while tokio's is paused: only that it returns is certain.
        clock.reached(Micros(5_000)).await;
        assert!(clock.now() >= Micros(5_000));
    }
}
