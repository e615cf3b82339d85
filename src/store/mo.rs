//! MOs and orphans: what came in from phones and carriers.

use std::time::Duration;

use super::{
    Corrupt, Result, Tx,
    columns::{self, Columns},
    hot::{OrphanReport, OrphanRow},
    on,
};
use crate::domain::{
    id::{GatewayId, OrphanId},
    phone::Phone,
    time::Micros,
};

/// A message from a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptMo {
    /// Its number.
    pub id: i64,
    /// Where it came in.
    pub gateway: GatewayId,
    /// The carrier's id.
    pub carrier_id: String,
    /// Who wrote.
    pub phone: Phone,
    /// What was written to.
    pub to: String,
    /// What the phone wrote.
    pub text: String,
    /// The office's words say that it is an opt-out.
    pub is_opt_out: bool,
    /// 16 random bytes.
    pub salt: Vec<u8>,
    /// When it came in.
    pub at: Micros,
}

impl KeptMo {
    /// What the ledger commits to: one JSON array.
    pub fn commitment(&self) -> String {
        serde_json::json!([self.carrier_id, self.phone.expose(), self.text]).to_string()
    }
}

/// What became of an MO that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrived {
    /// It is kept.
    New(KeptMo),
    /// The carrier repeats the one with this number.
    Again(i64),
}

/// As stored.
#[derive(sqlx::FromRow)]
struct MoRow {
    id: i64,
    gateway: String,
    carrier_id: String,
    phone: String,
    to: String,
    text: String,
    opt_out: i64,
    salt: Vec<u8>,
    at_us: i64,
}

impl TryFrom<MoRow> for KeptMo {
    type Error = Corrupt;

    fn try_from(row: MoRow) -> Result<Self, Corrupt> {
        let mo = Columns::of("mo", &row.id);
        Ok(Self {
            id: row.id,
            gateway: GatewayId(row.gateway),
            carrier_id: row.carrier_id,
            phone: mo.phone("phone", &row.phone)?,
            to: row.to,
            text: row.text,
            is_opt_out: mo.flag("opt_out", row.opt_out)?,
            salt: row.salt,
            at: Micros(row.at_us),
        })
    }
}

impl Tx {
    /// Keeps an MO, whose number is drawn here, unless the carrier repeats itself: the same id, number and text
    /// within `repeated_within`, whichever way the clock was set meanwhile.
    pub async fn insert_mo(&mut self, new: KeptMo, repeated_within: Duration) -> Result<Arrived> {
        let known: Option<i64> = on!(self, db => sqlx::query_scalar(
            "SELECT max(id) FROM mo WHERE gateway = $1 AND carrier_id = $2 AND phone = $3 AND text = $4 AND at_us BETWEEN $5 AND $6")
            .bind(&new.gateway.0).bind(&new.carrier_id).bind(new.phone.expose()).bind(&new.text)
            .bind((new.at - repeated_within).0).bind((new.at + repeated_within).0).fetch_one(db).await)?;
        if let Some(id) = known {
            return Ok(Arrived::Again(id));
        }
        let mo = KeptMo {
            id: self.draw("mo", 1).await?,
            ..new
        };
        on!(self, db => sqlx::query(
            "INSERT INTO mo (id, gateway, carrier_id, phone, \"to\", text, opt_out, salt, at_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
            .bind(mo.id).bind(&mo.gateway.0).bind(&mo.carrier_id).bind(mo.phone.expose()).bind(&mo.to).bind(&mo.text)
            .bind(i64::from(mo.is_opt_out)).bind(&mo.salt).bind(mo.at.0).execute(db).await.map(drop))?;
        Ok(Arrived::New(mo))
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

    /// Where orphans wait, each place with the newest one's time.
    pub async fn orphan_places(&mut self) -> Result<Vec<((GatewayId, Phone), Micros)>> {
        let rows: Vec<(String, String, i64)> = on!(self, db => sqlx::query_as(
            "SELECT gateway, phone, max(at_us) FROM orphan GROUP BY gateway, phone").fetch_all(db).await)?;
        let read = |(gateway, phone, at): (String, String, i64)| {
            let phone = Columns::of("orphan", &gateway).phone("phone", &phone)?;
            Ok(((GatewayId(gateway), phone), Micros(at)))
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
    pub async fn mos_after(&mut self, id: i64, limit: i64) -> Result<Vec<KeptMo>> {
        columns::all::<MoRow, _>(on!(self, db => sqlx::query_as(
            "SELECT id, gateway, carrier_id, phone, \"to\", text, opt_out, salt, at_us FROM mo WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(id).bind(limit).fetch_all(db).await)?)
    }
}
