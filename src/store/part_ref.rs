//! References of long messages: which runs use which, since when, and who shares numbers with whom.

use std::collections::HashSet;

use super::{Corrupt, Result, Tx, columns, columns::Columns, on};
use crate::domain::{
    id::{LaneId, MessageId, RunId},
    time::Micros,
};

/// A run whose long messages went, or may go, with a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRefUse {
    /// The reference, 0 to 127.
    pub part_ref: u8,
    /// The run's first lane with parts.
    pub lane: LaneId,
    /// When it was last known to be used.
    pub used: Micros,
    /// Something with parts is still to be sent, or on its way, or may be sent again.
    pub is_sending: bool,
}

#[derive(sqlx::FromRow)]
struct UseRow {
    id: String,
    part_ref: i64,
    lane: i64,
    used_us: i64,
    sending: i64,
}

impl TryFrom<UseRow> for PartRefUse {
    type Error = Corrupt;

    fn try_from(row: UseRow) -> Result<Self, Corrupt> {
        let run = Columns::of("run", &row.id);
        Ok(Self {
            part_ref: run.number("part_ref", row.part_ref)?,
            lane: LaneId(row.lane),
            used: Micros(row.used_us),
            is_sending: run.flag("part_ref", row.sending)?,
        })
    }
}

impl Tx {
    /// Runs with parts that are not over, or since no longer than `after`. What only awaits reports is not sending.
    pub async fn part_ref_uses(&mut self, after: Micros) -> Result<Vec<PartRefUse>> {
        columns::all::<UseRow, _>(on!(self, db => sqlx::query_as(
            "SELECT r.id, r.part_ref, MIN(l.id) AS lane,
                    MAX(CASE WHEN l.sent_us > r.opened_us THEN l.sent_us ELSE r.opened_us END) AS used_us,
                    CAST(MAX(CASE WHEN l.next < l.\"end\"
                      OR EXISTS (SELECT 1 FROM again a WHERE a.lane_id = l.id)
                      OR EXISTS (SELECT 1 FROM claim c WHERE c.lane_id = l.id)
                      OR EXISTS (SELECT 1 FROM doubt d WHERE d.message_id >= l.id * 4294967296
                                  AND d.message_id < (l.id + 1) * 4294967296 AND (d.graced = 0 OR d.since_us > $1))
                      THEN 1 ELSE 0 END) AS BIGINT) AS sending
               FROM run r JOIN lane l ON l.run_id = r.id
              WHERE r.opened_us > 0 AND (r.closed_us = 0 OR r.closed_us > $1)
                AND l.max_parts > 1 AND l.whole = 0 AND l.gateway <> ''
              GROUP BY r.id, r.part_ref")
            .bind(after.0).fetch_all(db).await)?)
    }

    /// How many people of a run get parts.
    pub async fn people_with_parts(&mut self, run: RunId) -> Result<i64> {
        on!(self, db => sqlx::query_scalar(
            "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM lane
              WHERE run_id = $1 AND max_parts > 1 AND whole = 0 AND gateway <> ''")
            .bind(run.to_string()).fetch_one(db).await)
    }

    /// The references with which people of this run get parts from another run, among lanes from `from` on and runs
    /// that are over since no longer than `after`. Asks for each number, by the index of numbers.
    pub async fn part_refs_shared(
        &mut self,
        run: RunId,
        from: LaneId,
        after: Micros,
    ) -> Result<HashSet<u8>> {
        let shared: Vec<i64> = on!(self, db => sqlx::query_scalar(
            "SELECT DISTINCT r.part_ref
               FROM lane n CROSS JOIN message a CROSS JOIN message b CROSS JOIN lane l CROSS JOIN run r
              WHERE n.run_id = $1 AND n.max_parts > 1 AND n.whole = 0 AND n.gateway <> ''
                AND a.lane_id = n.id AND a.id >= n.id * 4294967296 AND a.id < (n.id + 1) * 4294967296
                AND a.segments > 1 AND a.phone <> ''
                AND b.phone = a.phone AND b.id >= $2 AND b.segments > 1
                AND l.id = b.lane_id AND l.max_parts > 1 AND l.whole = 0
                AND r.id = l.run_id AND r.id <> n.run_id AND r.opened_us > 0 AND (r.closed_us = 0 OR r.closed_us > $3)")
            .bind(run.to_string()).bind(MessageId::new(from, 0).0).bind(after.0).fetch_all(db).await)?;
        let row = Columns::of("run", &"that shares numbers");
        let read = |n| Ok(row.number("part_ref", n)?);
        shared.into_iter().map(read).collect()
    }
}
