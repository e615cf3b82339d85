//! MOs and orphans: what came in from phones and carriers.

use super::{Result, Tx, hot::OrphanRow, on};

/// A message from a phone.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct MoRow {
    /// Its number.
    pub id: i64,
    /// Where it came in.
    pub gateway: String,
    /// The carrier's id.
    pub carrier_id: String,
    /// Who wrote.
    pub phone: String,
    /// What was written to.
    pub to: String,
    /// What.
    pub text: String,
    /// 0 or 1.
    pub opt_out: i64,
    /// 16 random bytes.
    pub salt: Vec<u8>,
    /// When.
    pub at_us: i64,
}

impl MoRow {
    /// What the ledger commits to: one JSON array.
    pub fn commitment(&self) -> String {
        serde_json::json!([self.carrier_id, self.phone, self.text]).to_string()
    }
}

impl Tx {
    /// Keeps an MO; `None` when the carrier repeats itself.
    pub async fn insert_mo(&mut self, row: MoRow) -> Result<Option<MoRow>> {
        let known: Option<i64> = on!(self, db => sqlx::query_scalar(
            "SELECT id FROM mo WHERE gateway = $1 AND carrier_id = $2 AND phone = $3")
            .bind(&row.gateway).bind(&row.carrier_id).bind(&row.phone).fetch_optional(db).await)?;
        if known.is_some() {
            return Ok(None);
        }
        let row = MoRow {
            id: self.draw("mo", 1).await?,
            ..row
        };
        on!(self, db => sqlx::query(
            "INSERT INTO mo (id, gateway, carrier_id, phone, \"to\", text, opt_out, salt, at_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
            .bind(row.id).bind(&row.gateway).bind(&row.carrier_id).bind(&row.phone).bind(&row.to).bind(&row.text)
            .bind(row.opt_out).bind(&row.salt).bind(row.at_us).execute(db).await.map(drop))?;
        Ok(Some(row))
    }

    /// Keeps a report whose id is unknown.
    pub async fn insert_orphan(&mut self, o: &OrphanRow) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO orphan (id, gateway, carrier_id, phone, verdict, code, submit_time, salt, at_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
            .bind(o.id).bind(&o.gateway).bind(&o.carrier_id).bind(&o.phone).bind(&o.verdict).bind(&o.code)
            .bind(&o.submit_time).bind(&o.salt).bind(o.at_us).execute(db).await.map(drop))
    }

    /// It has found its message.
    pub async fn delete_orphan(&mut self, id: i64) -> Result<()> {
        on!(self, db => sqlx::query("DELETE FROM orphan WHERE id = $1").bind(id).execute(db).await.map(drop))
    }

    /// Where orphans wait.
    pub async fn orphan_places(&mut self) -> Result<Vec<(String, String)>> {
        on!(self, db => sqlx::query_as("SELECT DISTINCT gateway, phone FROM orphan").fetch_all(db).await)
    }

    /// Up to `limit` orphans or MOs after a number, for the audit.
    pub async fn orphans_after(&mut self, id: i64, limit: i64) -> Result<Vec<OrphanRow>> {
        on!(self, db => sqlx::query_as(
            "SELECT id, gateway, carrier_id, phone, verdict, code, submit_time, salt, at_us FROM orphan WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(id).bind(limit).fetch_all(db).await)
    }

    /// Up to `limit` MOs after a number, for the audit.
    pub async fn mos_after(&mut self, id: i64, limit: i64) -> Result<Vec<MoRow>> {
        on!(self, db => sqlx::query_as(
            "SELECT id, gateway, carrier_id, phone, \"to\", text, opt_out, salt, at_us FROM mo WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(id).bind(limit).fetch_all(db).await)
    }
}
