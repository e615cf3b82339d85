//! What is under way: asked by whoever must not disturb it (time-lapse).

use super::{Result, Tx, on};
use crate::domain::time::Micros;

/// What is not over yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct UnderWay {
    /// Claims whose last outcome is not in.
    pub claims: i64,
    /// Opened runs with something open besides doubt.
    pub runs: i64,
    /// When the oldest doubt began whose grace is not over; 0: there is none.
    pub doubt_us: i64,
    /// When the next of the waiting retries is due; 0: there is none.
    pub again_us: i64,
}

impl UnderWay {
    /// Is something on its way to a carrier, or back?
    pub fn is_busy(&self, now: Micros) -> bool {
        let retry_is_due = self.again_us > 0 && self.again_us <= now.0;
        self.claims > 0 || retry_is_due || (self.runs > 0 && self.again_us == 0)
    }
}

impl Tx {
    /// One look at all of it.
    pub async fn under_way(&mut self) -> Result<UnderWay> {
        on!(self, db => sqlx::query_as(
            "SELECT (SELECT COUNT(*) FROM claim) AS claims,
                    (SELECT COUNT(*) FROM run r WHERE r.opened_us > 0 AND r.closed_us = 0
                        AND NOT EXISTS (SELECT 1 FROM lane l JOIN doubt d ON d.lane_id = l.id WHERE l.run_id = r.id)) AS runs,
                    COALESCE((SELECT MIN(since_us) FROM doubt WHERE graced = 0), 0) AS doubt_us,
                    COALESCE((SELECT MIN(due_us) FROM again), 0) AS again_us")
            .fetch_one(db).await)
    }
}
