//! MOs and orphans: what came in from phones and carriers.

use super::{
    Result, Tx,
    columns::{self, Columns},
    hot::{OrphanReport, OrphanRow},
    on,
};
use crate::domain::{
    id::{GatewayId, OrphanId},
    phone::Phone,
};

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
    /// What the phone wrote.
    pub text: String,
    /// 0 or 1.
    pub opt_out: i64,
    /// 16 random bytes.
    pub salt: Vec<u8>,
    /// When it came in, in microseconds since 1970, UTC.
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
    pub async fn insert_orphan(&mut self, id: OrphanId, o: &OrphanReport) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO orphan (id, gateway, carrier_id, phone, verdict, code, submit_time, salt, at_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
            .bind(id.0).bind(&o.gateway.0).bind(&o.carrier_id).bind(o.phone.expose()).bind(o.status.outcome().as_str())
            .bind(&o.code).bind(&o.submit_time).bind(&o.salt).bind(o.at.0).execute(db).await.map(drop))
    }

    /// It has found its message.
    pub async fn delete_orphan(&mut self, id: OrphanId) -> Result<()> {
        on!(self, db => sqlx::query("DELETE FROM orphan WHERE id = $1").bind(id.0).execute(db).await.map(drop))
    }

    /// Where orphans wait.
    pub async fn orphan_places(&mut self) -> Result<Vec<(GatewayId, Phone)>> {
        let rows: Vec<(String, String)> = on!(self, db => sqlx::query_as("SELECT DISTINCT gateway, phone FROM orphan").fetch_all(db).await)?;
        let read = |(gateway, phone): (String, String)| {
            let phone = Columns::of("orphan", &gateway).phone("phone", &phone)?;
            Ok((GatewayId(gateway), phone))
        };
        rows.into_iter().map(read).collect()
    }

    /// Up to `limit` orphans or MOs after a number, for the audit.
    pub async fn orphans_after(
        &mut self,
        id: OrphanId,
        limit: i64,
    ) -> Result<Vec<(OrphanId, OrphanReport)>> {
        let rows: Vec<OrphanReport> = columns::all::<OrphanRow, _>(
            on!(self, db => sqlx::query_as(
            "SELECT id, gateway, carrier_id, phone, verdict, code, submit_time, salt, at_us FROM orphan WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(id.0).bind(limit).fetch_all(db).await)?,
        )?;
        Ok(rows.into_iter().filter_map(|o| Some((o.id?, o))).collect())
    }

    /// Up to `limit` MOs after a number, for the audit.
    pub async fn mos_after(&mut self, id: i64, limit: i64) -> Result<Vec<MoRow>> {
        on!(self, db => sqlx::query_as(
            "SELECT id, gateway, carrier_id, phone, \"to\", text, opt_out, salt, at_us FROM mo WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(id).bind(limit).fetch_all(db).await)
    }
}
