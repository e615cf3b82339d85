//! Plans as they were read in.

use super::{Result, Tx, on};

/// A plan as stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PlanRow {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The file as it was read in.
    pub source: String,
    /// Over name, title and file.
    pub digest: Vec<u8>,
    /// Who read it in last.
    pub imported_by: String,
    /// When it was imported, in microseconds since 1970, UTC.
    pub imported_us: i64,
}

impl Tx {
    /// One plan.
    pub async fn plan(&mut self, name: &str) -> Result<Option<PlanRow>> {
        on!(self, db => sqlx::query_as("SELECT * FROM plan WHERE name = $1").bind(name).fetch_optional(db).await)
    }

    /// All plans.
    pub async fn plans(&mut self) -> Result<Vec<PlanRow>> {
        on!(self, db => sqlx::query_as("SELECT * FROM plan ORDER BY name").fetch_all(db).await)
    }

    /// Writes a plan, new or read in again.
    pub async fn put_plan(&mut self, p: &PlanRow) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO plan (name, title, source, digest, imported_by, imported_us) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (name) DO UPDATE SET title = $2, source = $3, digest = $4, imported_by = $5, imported_us = $6")
            .bind(&p.name).bind(&p.title).bind(&p.source).bind(&p.digest).bind(&p.imported_by).bind(p.imported_us)
            .execute(db).await.map(drop))
    }
}
