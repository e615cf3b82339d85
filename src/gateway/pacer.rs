//! The contract's rate, kept exactly: never more than `rate` units in any sliding second, measured
//! where the bytes go to the socket.
//!
//! Two limits stand one behind the other. The hard one is a ring of millisecond buckets, because a
//! leaky bucket alone (governor's `per_second(n)`) lets up to 2n − 1 through in a sliding second.
//! Governor smooths inside it, so that a second's worth does not leave in its first millisecond and a
//! stall earns no credit. Pure: the time comes in as a parameter.

use std::{num::NonZeroU32, time::Duration};

use governor::{Quota, RateLimiter, clock::FakeRelativeClock, state::InMemoryState};
use tokio::time::Instant;

/// The window the ring counts over: 25 ms longer than the contract's second, so that a receiver
/// whose clock or scheduler shifts an arrival by that much still never counts more than `rate`. It
/// costs 2.44 % of the rate; 97.56 % remain.
pub const WINDOW: Duration = Duration::from_millis(WINDOW_MS);

const WINDOW_MS: u64 = 1_025;
/// [`WINDOW_MS`] as the ring's length.
const BUCKETS: usize = WINDOW_MS as usize;

/// How much may go at once when the timer woke late: timers tick in milliseconds, and a loaded
/// machine wakes some of them late; without this each late wake would be lost throughput.
const SMOOTHING: Duration = Duration::from_millis(10);

/// A throttled gateway keeps at least this share of its rate, so that it notices when the carrier
/// has recovered.
const FLOOR_SHARE: f64 = 1.0 / 64.0;

/// Creep back by this share of the rate each [`CREEP_EVERY`]: sixteen seconds from half to full.
const CREEP_SHARE: f64 = 1.0 / 32.0;

/// How often the pace creeps back after the carrier asked us to slow down.
const CREEP_EVERY: Duration = Duration::from_secs(1);

/// The shortest pause after "too fast": an answer quicker than this says nothing about the delay.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

/// The longest pause after "too fast".
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

type Smoother = RateLimiter<
    governor::state::NotKeyed,
    InMemoryState,
    FakeRelativeClock,
    governor::middleware::NoOpMiddleware<governor::nanos::Nanos>,
>;

/// Says when the next unit may be written. One per gateway, standing at the write.
pub struct Pacer {
    rate: u32,
    largest_cost: u32,
    ring: Ring,
    smoother: Smoother,
    /// Governor's clock, moved by ours.
    clock: FakeRelativeClock,
    /// How many of governor's cells one unit is.
    cells: u32,
    /// Units a second now; `rate` unless the carrier asked us to slow down.
    pace: f64,
    last: Instant,
    /// Nothing before this: the start's silence, or a throttled pause.
    silent_until: Instant,
    next_creep: Option<Instant>,
}

impl Pacer {
    /// A pacer for `rate` units a second, silent for its first [`WINDOW`], so that the contract holds
    /// across a restart without any state: whatever the last process wrote has left the window.
    /// `largest_cost` is the most units one submit can cost (never more than the rate).
    pub fn new(now: Instant, rate: u32, largest_cost: u32) -> Self {
        let rate = rate.max(1);
        let largest_cost = largest_cost.clamp(1, rate);
        let clock = FakeRelativeClock::default();
        // A cell of at most a millisecond, so that the smoothing's burst can be told in time also
        // where one unit takes a whole second.
        let cells = (1_000 / rate).max(1);
        let pace = f64::from(rate);
        Self {
            rate,
            largest_cost,
            ring: Ring::new(now, rate),
            smoother: smoother(pace, cells, largest_cost, clock.clone()),
            clock,
            cells,
            pace,
            last: now,
            silent_until: now + WINDOW,
            next_creep: None,
        }
    }

    /// Takes `cost` units for a write happening now, or says when to ask again. The answer is a lower
    /// bound: what else is taken meanwhile may push it out. A cost above the largest one counts as the
    /// largest: it could never be let out otherwise.
    pub fn take(&mut self, now: Instant, cost: u32) -> Result<(), Instant> {
        let now = self.advance(now);
        let cost = cost.clamp(1, self.largest_cost);
        if now < self.silent_until {
            return Err(self.silent_until);
        }
        self.ring.room(now, cost)?;
        let cells = NonZeroU32::new(cost * self.cells).unwrap_or(NonZeroU32::MIN);
        // The burst is made to hold the largest cost, so governor never says that it can't; if it did,
        // the ring still keeps the contract.
        if let Ok(Err(not_until)) = self.smoother.check_n(cells) {
            let wait = not_until.wait_time_from(governor::clock::Clock::now(&self.clock));
            return Err(now + wait.max(Duration::from_nanos(1)));
        }
        self.ring.add(now, cost);
        Ok(())
    }

    /// The carrier said "too fast": halves the pace, and pauses for about one response delay, so that
    /// what is already under way is answered first. Answers to what was written before the pause do
    /// not halve again. Returns whether the pace changed.
    pub fn throttled(&mut self, now: Instant, response_delay: Duration) -> bool {
        let now = self.advance(now);
        if self.next_creep.is_some() && now < self.silent_until {
            return false;
        }
        self.silent_until = now + response_delay.clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        self.next_creep = Some(self.silent_until + CREEP_EVERY);
        self.set_pace(self.pace / 2.0)
    }

    /// Creeps back towards the rate when it is time; returns whether the pace changed.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        let now = self.advance(now);
        let mut changed = false;
        while let Some(due) = self.next_creep.filter(|due| *due <= now) {
            changed |= self.set_pace(self.pace + f64::from(self.rate) * CREEP_SHARE);
            self.next_creep = (self.pace < f64::from(self.rate)).then_some(due + CREEP_EVERY);
        }
        changed
    }

    /// When [`Pacer::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.next_creep
    }

    /// Units a second that it lets out now.
    pub fn pace(&self) -> f64 {
        self.pace
    }

    fn set_pace(&mut self, pace: f64) -> bool {
        let full = f64::from(self.rate);
        let floor = (full * FLOOR_SHARE).max(1.0).min(full);
        let pace = pace.clamp(floor, full);
        let changed = (pace - self.pace).abs() > f64::EPSILON;
        if changed {
            // The new smoother knows nothing of what has just gone: one smoothing burst at most, and
            // the ring counts it.
            self.pace = pace;
            self.smoother = smoother(pace, self.cells, self.largest_cost, self.clock.clone());
        }
        changed
    }

    /// Moves governor's clock along; time never goes back.
    fn advance(&mut self, now: Instant) -> Instant {
        let now = now.max(self.last);
        self.clock.advance(now - self.last);
        self.last = now;
        now
    }
}

fn smoother(pace: f64, cells: u32, largest_cost: u32, clock: FakeRelativeClock) -> Smoother {
    let cell =
        Duration::from_secs_f64(1.0 / (pace * f64::from(cells))).max(Duration::from_nanos(1));
    let slack = (SMOOTHING.as_nanos() / cell.as_nanos()) as u32;
    let burst = NonZeroU32::new(cells.saturating_mul(largest_cost).saturating_add(slack))
        .unwrap_or(NonZeroU32::MIN);
    let quota = Quota::with_period(cell)
        .expect("a cell is at least a nanosecond")
        .allow_burst(burst);
    RateLimiter::direct_with_clock(quota, clock)
}

/// How many units went in each of the last [`BUCKETS`] milliseconds.
struct Ring {
    origin: Instant,
    limit: u32,
    buckets: Box<[u32]>,
    /// The newest bucket's number since the origin.
    head: u64,
    sum: u32,
}

impl Ring {
    fn new(origin: Instant, limit: u32) -> Self {
        Self {
            origin,
            limit,
            buckets: vec![0; BUCKETS].into_boxed_slice(),
            head: 0,
            sum: 0,
        }
    }

    /// Is there room for `cost` now? If not: when enough will have left the window.
    fn room(&mut self, now: Instant, cost: u32) -> Result<(), Instant> {
        self.turn(now);
        let mut over =
            (u64::from(self.sum) + u64::from(cost)).saturating_sub(u64::from(self.limit));
        if over == 0 {
            return Ok(());
        }
        // Oldest first: bucket `head + 1` in ring order is the oldest, and leaves a millisecond from now.
        for ahead in 1..=WINDOW_MS {
            let gone = u64::from(self.buckets[slot(self.head + ahead)]);
            if gone >= over {
                return Err(self.origin + Duration::from_millis(self.head + ahead));
            }
            over -= gone;
        }
        Err(now + WINDOW)
    }

    fn add(&mut self, now: Instant, cost: u32) {
        self.turn(now);
        self.buckets[slot(self.head)] += cost;
        self.sum += cost;
        debug_assert!(self.sum <= self.limit, "the ring was asked before");
    }

    /// Empties the buckets that have left the window.
    fn turn(&mut self, now: Instant) {
        let number = now.saturating_duration_since(self.origin).as_millis() as u64;
        let steps = number.saturating_sub(self.head);
        for step in 1..=steps.min(WINDOW_MS) {
            let bucket = &mut self.buckets[slot(self.head + step)];
            self.sum -= *bucket;
            *bucket = 0;
        }
        self.head += steps;
    }
}

fn slot(number: u64) -> usize {
    (number % WINDOW_MS) as usize
}

#[cfg(test)]
#[path = "pacer_tests.rs"]
mod tests;
