//! Freezing's rows: lanes and messages of a run that is being made, in chunks.

use super::{Result, Tx, dialect, on};
use crate::domain::{
    id::{LaneId, RunId},
    ledger::Hash,
    text::Framing,
    time::Micros,
};

/// Who stood in an audience more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRow {
    /// The number.
    pub phone: String,
    /// Which group's row won.
    pub kept: String,
    /// In which groups it stood besides.
    pub others: String,
}

/// A lane's final figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneFigures {
    /// The lane.
    pub lane: LaneId,
    /// How many messages were put into it.
    pub size: i64,
    /// Segments of the longest.
    pub max_parts: i64,
    /// Segments of all.
    pub segments: i64,
    /// Suppressed at freezing.
    pub suppressed: i64,
    /// Root over the commitments.
    pub root: Hash,
}

impl Tx {
    /// Is the run still being made, and by nobody cleared away until this transaction ends? A freezer that slept
    /// must not write into what is gone.
    pub async fn must_be_half_made(&mut self, run: RunId) -> Result<()> {
        let sql = dialect!(self,
            sqlite: "SELECT 1 FROM run WHERE id = $1 AND frozen_us = 0",
            postgres: "SELECT 1 FROM run WHERE id = $1 AND frozen_us = 0 FOR SHARE");
        match self.find_run(sql, run).await? {
            true => Ok(()),
            false => Err(super::Refusal::RunClearedAway { run }.into()),
        }
    }

    async fn find_run(&mut self, sql: &'static str, run: RunId) -> Result<bool> {
        let found = on!(self, db => sqlx::query(sql).bind(run.to_string()).fetch_optional(db).await.map(|row| row.is_some()))?;
        Ok(found)
    }

    /// Makes a lane of a run that is being frozen.
    pub async fn insert_lane(
        &mut self,
        lane: LaneId,
        run: RunId,
        gateway: &str,
        template: &str,
        written_from: i64,
        framing: Framing,
    ) -> Result<()> {
        on!(self, db => sqlx::query("INSERT INTO lane (id, run_id, gateway, template, written_from, whole) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(lane.0).bind(run.to_string()).bind(gateway).bind(template).bind(written_from)
            .bind(i64::from(framing == Framing::Whole)).execute(db).await.map(drop))
    }

    /// Writes who was merged.
    pub async fn insert_merges(&mut self, run: RunId, rows: &[MergeRow]) -> Result<()> {
        for m in rows {
            on!(self, db => sqlx::query(
                "INSERT INTO merge (run_id, phone, kept, others) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
                .bind(run.to_string()).bind(&m.phone).bind(&m.kept).bind(&m.others).execute(db).await.map(drop))?;
        }
        Ok(())
    }

    /// Writes a lane's final figures.
    pub async fn finish_lane(&mut self, f: &LaneFigures) -> Result<()> {
        on!(self, db => sqlx::query(
            "UPDATE lane SET size = $2, \"end\" = $2, max_parts = $3, segments = $4, ahead = $5, root = $6 WHERE id = $1")
            .bind(f.lane.0).bind(f.size).bind(f.max_parts).bind(f.segments).bind(f.suppressed).bind(&f.root[..])
            .execute(db).await.map(drop))?;
        Ok(())
    }

    /// The run exists from this commit on.
    pub async fn finish_run(
        &mut self,
        run: RunId,
        size: i64,
        merged: i64,
        now: Micros,
    ) -> Result<()> {
        let done = on!(self, db => sqlx::query("UPDATE run SET frozen_us = $2, size = $3, merged = $4 WHERE id = $1 AND frozen_us = 0")
            .bind(run.to_string()).bind(now.0).bind(size).bind(merged).execute(db).await.map(|d| d.rows_affected()))?;
        match done {
            1 => Ok(()),
            _ => Err(super::Refusal::RunClearedAway { run }.into()),
        }
    }

    /// Removes up to `limit` messages of a half-made run; returns how many went. At 0 the run and its
    /// lanes are removed too. A run that has been frozen meanwhile stays as it is.
    pub async fn drop_half_made(&mut self, run: RunId, limit: i64) -> Result<u64> {
        let sql = dialect!(self,
            sqlite: "SELECT 1 FROM run WHERE id = $1 AND frozen_us = 0",
            postgres: "SELECT 1 FROM run WHERE id = $1 AND frozen_us = 0 FOR UPDATE");
        if !self.find_run(sql, run).await? {
            return Ok(0);
        }
        let gone = on!(self, db => sqlx::query(
            "DELETE FROM message WHERE (lane_id, id) IN (SELECT m.lane_id, m.id FROM message m JOIN lane l ON m.lane_id = l.id
              AND m.id >= l.id * 4294967296 AND m.id < (l.id + 1) * 4294967296 WHERE l.run_id = $1 LIMIT $2)")
            .bind(run.to_string()).bind(limit).execute(db).await.map(|d| d.rows_affected()))?;
        if gone == 0 {
            on!(self, db => sqlx::query("DELETE FROM merge WHERE run_id = $1").bind(run.to_string()).execute(db).await.map(drop))?;
            on!(self, db => sqlx::query("DELETE FROM lane WHERE run_id = $1").bind(run.to_string()).execute(db).await.map(drop))?;
            on!(self, db => sqlx::query("DELETE FROM run WHERE id = $1 AND frozen_us = 0").bind(run.to_string()).execute(db).await.map(drop))?;
        }
        Ok(gone)
    }
}
