//! What is under way: asked by whoever must not disturb it (time-lapse).

use super::{Result, Tx, columns, on};
use crate::domain::time::Micros;

/// What is not over yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnderWay {
    /// Claims whose last outcome is not in.
    pub claims: i64,
    /// Opened runs with something open besides doubt.
    pub runs: i64,
    /// When the oldest doubt began whose grace is not over.
    pub oldest_doubt: Option<Micros>,
    /// When the next of the waiting retries is due.
    pub next_retry: Option<Micros>,
}

impl UnderWay {
    /// Is something on its way to a carrier, or back?
    pub fn is_busy(&self, now: Micros) -> bool {
        let retry_is_due = self.next_retry.is_some_and(|at| at <= now);
        self.claims > 0 || retry_is_due || (self.runs > 0 && self.next_retry.is_none())
    }
}

impl Tx {
    /// One look at all of it.
    pub async fn under_way(&mut self) -> Result<UnderWay> {
        let (claims, runs, doubt_us, again_us): (i64, i64, i64, i64) = on!(self, db => sqlx::query_as(
            "SELECT (SELECT COUNT(*) FROM claim) AS claims,
                    (SELECT COUNT(*) FROM run r WHERE r.opened_us > 0 AND r.closed_us = 0
                        AND NOT EXISTS (SELECT 1 FROM lane l JOIN doubt d ON d.lane_id = l.id WHERE l.run_id = r.id)) AS runs,
                    COALESCE((SELECT MIN(since_us) FROM doubt WHERE graced = 0), 0) AS doubt_us,
                    COALESCE((SELECT MIN(due_us) FROM again), 0) AS again_us")
            .fetch_one(db).await)?;
        Ok(UnderWay {
            claims,
            runs,
            oldest_doubt: columns::time(doubt_us),
            next_retry: columns::time(again_us),
        })
    }
}
