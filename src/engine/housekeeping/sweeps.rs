//! When what can wait is looked at: each second, and not in the way of a run that begins.

use std::time::Duration;

use tokio::time::Instant;

/// Between two sweeps.
const EACH: Duration = Duration::from_secs(1);

/// A run that begins puts the sweep off, but not for longer than this since the last one.
const AT_LAST: Duration = Duration::from_secs(3);

/// The sweeps' pace.
#[derive(Debug)]
pub(super) struct Sweeps {
    last: Instant,
    next: Instant,
}

impl Sweeps {
    /// The first one is due at once.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            last: now,
            next: now,
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.next <= now
    }

    /// Not now: what is due goes first.
    pub(super) fn put_off(&mut self, now: Instant) {
        self.next = now + EACH;
    }

    /// A run begins: not now, unless the last sweep is long ago.
    pub(super) fn give_way(&mut self, now: Instant) {
        self.next = (now + EACH).min(self.last + AT_LAST);
    }

    /// One was made.
    pub(super) fn made(&mut self, now: Instant) {
        self.last = now;
        self.put_off(now);
    }

    /// It has found more than it took: the next look goes on.
    pub(super) fn go_on(&mut self) {
        self.next = self.last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many sweeps ten seconds bring when something is looked at each tenth of a second.
    fn in_ten_seconds(mut meanwhile: impl FnMut(&mut Sweeps, Instant)) -> u32 {
        let start = Instant::now();
        let mut sweeps = Sweeps::new(start);
        let mut made = 0;
        for tenth in 0..100 {
            let now = start + Duration::from_millis(100) * tenth;
            meanwhile(&mut sweeps, now);
            if sweeps.is_due(now) {
                sweeps.made(now);
                made += 1;
            }
        }
        made
    }

    #[test]
    fn one_a_second_and_the_first_at_once() {
        assert_eq!(in_ten_seconds(|_, _| ()), 10);
    }

    #[test]
    fn runs_that_begin_all_the_time_put_it_off_for_three_seconds_at_most() {
        assert_eq!(in_ten_seconds(Sweeps::give_way), 3);
    }

    #[test]
    fn a_journal_that_takes_nothing_is_given_nothing() {
        assert_eq!(in_ten_seconds(Sweeps::put_off), 0);
    }

    #[test]
    fn where_more_was_found_each_look_goes_on() {
        assert_eq!(in_ten_seconds(|sweeps, _| sweeps.go_on()), 100);
    }

    #[test]
    fn one_that_failed_is_made_at_the_next_look() {
        let now = Instant::now();
        let mut sweeps = Sweeps::new(now);
        sweeps.made(now);
        let later = now + EACH;
        assert!(
            sweeps.is_due(later),
            "and it fails: nobody says that it was made"
        );
        assert!(sweeps.is_due(later + Duration::from_millis(1)));
    }
}
