//! Plans as they were read in.

use super::{Result, Tx, on};
use crate::domain::time::Micros;

/// A plan as it was read in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPlan {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The file as it was read in.
    pub source: String,
    /// Over name, title and file; verification compares whatever stands here.
    pub digest: Vec<u8>,
    /// Who read it in last.
    pub imported_by: String,
    /// When it was imported.
    pub imported: Micros,
}

crate::store::columns::stored_row! {
    /// As stored.
    struct PlanRow as plan_columns {
        name: String,
        title: String,
        source: String,
        digest: Vec<u8>,
        imported_by: String,
        imported_us: i64,
    }
}

impl From<PlanRow> for StoredPlan {
    fn from(row: PlanRow) -> Self {
        Self {
            name: row.name,
            title: row.title,
            source: row.source,
            digest: row.digest,
            imported_by: row.imported_by,
            imported: Micros(row.imported_us),
        }
    }
}

impl Tx {
    /// One plan.
    pub async fn plan(&mut self, name: &str) -> Result<Option<StoredPlan>> {
        let row: Option<PlanRow> = on!(self, db =>
            sqlx::query_as(concat!("SELECT ", plan_columns!(), " FROM plan WHERE name = $1")).bind(name).fetch_optional(db).await)?;
        Ok(row.map(Into::into))
    }

    /// All plans.
    pub async fn plans(&mut self) -> Result<Vec<StoredPlan>> {
        let rows: Vec<PlanRow> = on!(self, db =>
            sqlx::query_as(concat!("SELECT ", plan_columns!(), " FROM plan ORDER BY name")).fetch_all(db).await)?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Writes a plan, new or read in again.
    pub async fn put_plan(&mut self, p: &StoredPlan) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO plan (name, title, source, digest, imported_by, imported_us) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (name) DO UPDATE SET title = $2, source = $3, digest = $4, imported_by = $5, imported_us = $6")
            .bind(&p.name).bind(&p.title).bind(&p.source).bind(&p.digest).bind(&p.imported_by).bind(p.imported.0)
            .execute(db).await.map(drop))
    }
}
