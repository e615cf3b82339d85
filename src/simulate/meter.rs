//! Counts within a sliding second, exactly.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// The contract's second.
const SECOND: Duration = Duration::from_secs(1);

/// What happened within the last second, and the most that ever did. Its memory is one entry for each
/// read of the last second, not for each segment.
#[derive(Debug, Default)]
pub(super) struct Meter {
    entries: VecDeque<(Instant, u64)>,
    sum: u64,
    peak: u64,
}

impl Meter {
    /// Counts `units` at `now`.
    pub(super) fn add(&mut self, now: Instant, units: u64) {
        self.forget(now);
        match self.entries.back_mut() {
            Some((at, count)) if *at >= now => *count += units,
            _ => self.entries.push_back((now, units)),
        }
        self.sum += units;
        self.peak = self.peak.max(self.sum);
    }

    /// How many within the second that ends at `now`.
    pub(super) fn within(&mut self, now: Instant) -> u64 {
        self.forget(now);
        self.sum
    }

    /// The most within any second so far.
    pub(super) fn peak(&self) -> u64 {
        self.peak
    }

    /// A second is half open: what happened exactly a second ago is out.
    fn forget(&mut self, now: Instant) {
        while let Some((_, units)) = self.entries.pop_front_if(|(at, _)| *at + SECOND <= now) {
            self.sum -= units;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_that_of_any_sliding_second() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut meter = Meter::default();
        meter.add(at(0), 3);
        meter.add(at(900), 4);
        meter.add(at(999), 1);
        assert_eq!(meter.peak(), 8);
        meter.add(at(1_000), 2);
        assert_eq!((meter.within(at(1_000)), meter.peak()), (7, 8));
        meter.add(at(1_899), 2);
        assert_eq!(meter.peak(), 9);
        assert_eq!(meter.within(at(5_000)), 0);
    }
}
