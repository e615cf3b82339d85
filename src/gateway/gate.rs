//! The engine lock's local deadline: no byte goes to a carrier after it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// The engine lock's local deadline. It passes by two clocks: the one that tokio's timers go by, and the one that also
/// counts while the machine sleeps. On a machine that wakes, the lease is another engine's.
#[derive(Debug, Clone)]
pub struct WriteGate {
    origin: Moment,
    /// Microseconds after `origin`, by the timers' clock; `u64::MAX`: always open.
    awake_us: Arc<AtomicU64>,
    /// The same by the clock that counts sleep.
    asleep_us: Arc<AtomicU64>,
    shut: Arc<AtomicBool>,
}

/// An instant by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    awake: Instant,
    /// `CLOCK_BOOTTIME`.
    since_boot: Duration,
}

impl Moment {
    /// This one.
    pub fn now() -> Self {
        Self {
            awake: Instant::now(),
            since_boot: since_boot(),
        }
    }
}

fn since_boot() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or(0),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}

fn us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl WriteGate {
    /// A gate that stays open: the lock is held by the operating system (`SQLite`).
    pub fn always() -> Self {
        Self::open_for(u64::MAX)
    }

    /// A gate that is shut until [`WriteGate::extend`] opens it.
    pub fn shut() -> Self {
        Self::open_for(0)
    }

    fn open_for(us: u64) -> Self {
        Self {
            origin: Moment::now(),
            awake_us: Arc::new(AtomicU64::new(us)),
            asleep_us: Arc::new(AtomicU64::new(us)),
            shut: Arc::default(),
        }
    }

    /// Shuts it for good: the lock is given back, or given up.
    pub fn shut_for_good(&self) {
        self.shut.store(true, Ordering::Release);
    }

    /// Lets bytes through for so long after `from`.
    pub fn extend(&self, from: Moment, lasting: Duration) {
        let awake = from.awake.saturating_duration_since(self.origin.awake);
        let asleep = from.since_boot.saturating_sub(self.origin.since_boot);
        self.asleep_us
            .store(us(asleep + lasting), Ordering::Release);
        self.awake_us.store(us(awake + lasting), Ordering::Release);
    }

    /// May a byte go out at `now`?
    pub fn is_open(&self, now: Instant) -> bool {
        let deadline = self.awake_us.load(Ordering::Acquire);
        if self.shut.load(Ordering::Acquire) {
            return false;
        }
        deadline == u64::MAX
            || us(now.saturating_duration_since(self.origin.awake)) < deadline
                && us(since_boot().saturating_sub(self.origin.since_boot))
                    < self.asleep_us.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASTING: Duration = Duration::from_millis(4_500);

    #[tokio::test(start_paused = true)]
    async fn a_gate_shuts_when_its_time_is_over() {
        let gate = WriteGate::shut();
        assert!(!gate.is_open(Instant::now()));
        gate.extend(Moment::now(), LASTING);
        assert!(gate.is_open(Instant::now()));
        tokio::time::advance(LASTING).await;
        assert!(!gate.is_open(Instant::now()));
        assert!(WriteGate::always().is_open(Instant::now()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_slept_writes_nothing_when_it_wakes() {
        let gate = WriteGate::shut();
        // Booted long enough ago that an earlier moment can be named.
        let slept = Moment {
            since_boot: since_boot().saturating_sub(LASTING),
            ..Moment::now()
        };
        let gate_of_the_past = WriteGate {
            origin: Moment {
                since_boot: Duration::ZERO,
                ..gate.origin
            },
            ..gate
        };
        gate_of_the_past.extend(slept, LASTING);
        assert!(
            !gate_of_the_past.is_open(Instant::now()),
            "the timers' clock stood still meanwhile"
        );
        gate_of_the_past.extend(Moment::now(), LASTING);
        assert!(gate_of_the_past.is_open(Instant::now()));
    }
}
