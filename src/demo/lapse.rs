//! Time-lapse: the wall clock jumps to the next event, but only when nothing is in flight. Pacing and the
//! protocols' timers run on real time all the while, and the simulated carriers share the clock.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;

use crate::{
    app::Carriers,
    domain::{hours::Window, time::Micros},
    service::{Office, ServiceError, refusal::DemoRefusal},
    store::flight::UnderWay,
};

/// How often it looks whether all is quiet.
const LOOK: Duration = Duration::from_millis(25);

/// Looks in a row that must find nothing in flight: an engine that has just been woken has not begun yet.
const QUIET_LOOKS: u32 = 3;

/// Without any change for so long something is wrong; it is said, not waited out.
const PATIENCE: Duration = Duration::from_secs(90);

/// A month seen in minutes.
#[derive(Debug)]
pub(super) struct Lapse<'a> {
    pub(super) office: &'a Office,
    pub(super) carriers: &'a Carriers,
}

/// Where the wall clock stands while it is quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Something is on its way: wait.
    Busy,
    /// Nothing will happen before this instant.
    At(Micros),
    /// Nothing will happen at all.
    Never,
}

impl Lapse<'_> {
    /// Lives on until `until`: from event to event, each time as soon as all is quiet.
    pub(super) async fn live_until(&self, until: Micros) -> Result<(), ServiceError> {
        loop {
            let next = self.settle().await?;
            let now = self.office.clock.now();
            if now >= until {
                return Ok(());
            }
            let to = next.map_or(until, |t| t.min(until));
            if to > now {
                self.office
                    .clock
                    .advance(TimeDelta::microseconds(to.0 - now.0));
            }
        }
    }

    /// Waits until nothing is in flight; gives the next instant at which something will happen.
    pub(super) async fn settle(&self) -> Result<Option<Micros>, ServiceError> {
        let mut quiet = 0;
        let mut last: Option<(UnderWay, usize)> = None;
        let mut since = Instant::now();
        loop {
            let (under_way, next) = self.look().await?;
            quiet = if next == Next::Busy { 0 } else { quiet + 1 };
            if quiet >= QUIET_LOOKS {
                return Ok(match next {
                    Next::At(t) => Some(t),
                    Next::Busy | Next::Never => None,
                });
            }
            if last != Some(under_way) {
                (last, since) = (Some(under_way), Instant::now());
            }
            if since.elapsed() > PATIENCE {
                return Err(stuck(&under_way.0));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn look(&self) -> Result<((UnderWay, usize), Next), ServiceError> {
        let now = self.office.clock.now();
        let mut tx = self.office.store.read("lapse").await?;
        let under_way = tx.under_way().await?;
        let opening = tx.runs_to_open(now).await?;
        drop(tx);
        let hours = self.office.sending().hours();
        let mut opening = opening.iter();
        let opens_now = opening.any(|run| hours.may_send(now, run.priority) == Window::Open);
        let pending = self.carriers.iter().map(|(_, c)| c.pending()).sum();
        let due = self.office.plans().next_due(now).await?;
        let is_due = due.is_some_and(|t| t <= now);
        let next = if under_way.is_busy(now) || pending > 0 || is_due || opens_now {
            Next::Busy
        } else {
            let grace = self.office.config.sending.doubt_grace + Duration::from_micros(1);
            let grace_over = under_way.oldest_doubt.map(|since| since + grace);
            [due, grace_over, under_way.next_retry]
                .into_iter()
                .flatten()
                .min()
                .map_or(
                    Next::Never,
                    |t| if t <= now { Next::Busy } else { Next::At(t) },
                )
        };
        Ok(((under_way, pending), next))
    }
}

fn stuck(under_way: &UnderWay) -> ServiceError {
    DemoRefusal::StandsStill {
        patience: format!("{PATIENCE:?}"),
        under_way: format!("{under_way:?}"),
    }
    .into()
}
