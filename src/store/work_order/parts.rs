//! What hangs on an order: proofs, figures and evidence that carriers answer. Each stands in the ledger by its number and a
//! salted digest of its row.

use serde_json::json;

use super::super::{
    Corrupt, Result, Tx,
    columns::{self, Columns},
    on,
};
use crate::domain::{
    id::OrderId,
    ledger::{Hash, salted},
    phone::Phone,
    time::Micros,
    work_order::counts,
};

/// What arrived on a seed phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderProof {
    /// Its number.
    pub n: i64,
    /// The order it belongs to.
    pub order: OrderId,
    /// Of which round.
    pub revision: i64,
    /// Which phone; `None`: not said.
    pub phone: Option<Phone>,
    /// What it shows.
    pub text: String,
    /// It is the approved text.
    pub is_equal: bool,
    /// The carrier's own number of it; `None`: taken in here.
    pub theirs: Option<i64>,
    /// Who took it in.
    pub by: String,
    /// 16 random bytes.
    pub salt: Vec<u8>,
    /// When it came in.
    pub at: Micros,
}

/// Figures as a carrier declares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderCounts {
    /// Their number.
    pub n: i64,
    /// The order they belong to.
    pub order: OrderId,
    /// As of when.
    pub as_of: Micros,
    /// How many were to get it; `None`: the carrier does not say.
    pub requested: Option<i64>,
    /// How many were sent to; `None`: the carrier does not say.
    pub sent: Option<i64>,
    /// How many got it; `None`: the carrier does not say.
    pub delivered: Option<i64>,
    /// The carrier says that these are its last.
    pub is_last: bool,
    /// The carrier's own number of them; `None`: taken in here.
    pub theirs: Option<i64>,
    /// In its own words; empty: none.
    pub remark: String,
    /// Who took them in.
    pub by: String,
    /// 16 random bytes.
    pub salt: Vec<u8>,
    /// When they came in.
    pub at: Micros,
}

impl OrderCounts {
    /// As the rules look at them.
    pub fn report(&self) -> counts::Report {
        counts::Report {
            n: self.n,
            as_of: self.as_of,
            got: self.at,
            requested: self.requested,
            sent: self.sent,
            delivered: self.delivered,
        }
    }
}

/// A carrier's evidence without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderEvidence {
    /// Its number.
    pub n: i64,
    /// The order it belongs to.
    pub order: OrderId,
    /// What the carrier calls it.
    pub name: String,
    /// Media type, by its content.
    pub media: String,
    /// SHA-256 of its bytes.
    pub sha256: Hash,
    /// The carrier's own number of it; `None`: taken in here.
    pub theirs: Option<i64>,
    /// Who took it in.
    pub by: String,
    /// 16 random bytes.
    pub salt: Vec<u8>,
    /// When it came in.
    pub at: Micros,
}

/// What hangs on an order and stands in the ledger.
pub trait Part {
    /// Its table, without `work_order_`.
    const TO: &'static str;
    /// Its number.
    fn n(&self) -> i64;
    /// What the ledger holds of its row.
    fn digest(&self) -> Hash;
}

/// A part's row: what the ledger commits to.
pub(super) trait PartRow {
    fn n(&self) -> i64;
    fn digest(&self) -> Hash;
}

macro_rules! part {
    ($part:ident, $row:ident, $to:literal, |$r:ident| $json:expr) => {
        impl PartRow for $row {
            fn n(&self) -> i64 {
                self.n
            }
            fn digest(&self) -> Hash {
                let $r = self;
                salted(&self.salt, $json.to_string().as_bytes())
            }
        }

        impl Part for $part {
            const TO: &'static str = $to;
            fn n(&self) -> i64 {
                self.n
            }
            fn digest(&self) -> Hash {
                $row::from(self).digest()
            }
        }
    };
}

pub(super) use part;

part!(OrderProof, ProofRow, "proof", |r| json!([
    r.n, r.order_id, r.revision, r.phone, r.text, r.equal, r.theirs, r.by_whom, r.at_us
]));
part!(OrderCounts, CountRow, "count", |r| json!([
    r.n,
    r.order_id,
    r.as_of_us,
    r.requested,
    r.sent,
    r.delivered,
    r.last,
    r.theirs,
    r.remark,
    r.by_whom,
    r.at_us
]));
part!(OrderEvidence, EvidenceRow, "evidence", |r| json!([
    r.n,
    r.order_id,
    r.name,
    r.media,
    hex::encode(&r.sha256),
    r.theirs,
    r.by_whom,
    r.at_us
]));
crate::store::columns::stored_row! {
    /// As stored.
    pub(super) struct ProofRow as proof_columns {
        n: i64,
        order_id: String,
        revision: i64,
        phone: String,
        text: String,
        equal: i64,
        theirs: i64,
        by_whom: String,
        salt: Vec<u8>,
        at_us: i64,
    }
}

crate::store::columns::stored_row! {
    /// As stored.
    pub(super) struct CountRow as count_columns {
        n: i64,
        order_id: String,
        as_of_us: i64,
        requested: Option<i64>,
        sent: Option<i64>,
        delivered: Option<i64>,
        last: i64,
        theirs: i64,
        remark: String,
        by_whom: String,
        salt: Vec<u8>,
        at_us: i64,
    }
}

/// As stored, without its bytes.
#[derive(sqlx::FromRow)]
pub(super) struct EvidenceRow {
    n: i64,
    order_id: String,
    name: String,
    media: String,
    pub(super) sha256: Vec<u8>,
    theirs: i64,
    by_whom: String,
    salt: Vec<u8>,
    at_us: i64,
}

/// The carrier's own number; 0 means none.
fn theirs(n: i64) -> Option<i64> {
    Some(n).filter(|n| *n != 0)
}

impl TryFrom<ProofRow> for OrderProof {
    type Error = Corrupt;

    fn try_from(row: ProofRow) -> Result<Self, Corrupt> {
        let proof = Columns::of("work_order_proof", &row.n);
        Ok(Self {
            n: row.n,
            order: proof.parse("order_id", &row.order_id)?,
            revision: row.revision,
            phone: proof.phone_or_erased("phone", &row.phone)?,
            is_equal: proof.flag("equal", row.equal)?,
            theirs: theirs(row.theirs),
            text: row.text,
            by: row.by_whom,
            salt: row.salt,
            at: Micros(row.at_us),
        })
    }
}

impl TryFrom<CountRow> for OrderCounts {
    type Error = Corrupt;

    fn try_from(row: CountRow) -> Result<Self, Corrupt> {
        let counts = Columns::of("work_order_count", &row.n);
        Ok(Self {
            n: row.n,
            order: counts.parse("order_id", &row.order_id)?,
            as_of: Micros(row.as_of_us),
            requested: row.requested,
            sent: row.sent,
            delivered: row.delivered,
            is_last: counts.flag("last", row.last)?,
            theirs: theirs(row.theirs),
            remark: row.remark,
            by: row.by_whom,
            salt: row.salt,
            at: Micros(row.at_us),
        })
    }
}

impl TryFrom<EvidenceRow> for OrderEvidence {
    type Error = Corrupt;

    fn try_from(row: EvidenceRow) -> Result<Self, Corrupt> {
        let evidence = Columns::of("work_order_evidence", &row.n);
        Ok(Self {
            n: row.n,
            order: evidence.parse("order_id", &row.order_id)?,
            sha256: evidence.hash("sha256", &row.sha256)?,
            theirs: theirs(row.theirs),
            name: row.name,
            media: row.media,
            by: row.by_whom,
            salt: row.salt,
            at: Micros(row.at_us),
        })
    }
}

impl From<&OrderProof> for ProofRow {
    fn from(p: &OrderProof) -> Self {
        Self {
            n: p.n,
            order_id: p.order.to_string(),
            revision: p.revision,
            phone: p.phone.map_or_else(String::new, Phone::expose),
            text: p.text.clone(),
            equal: i64::from(p.is_equal),
            theirs: p.theirs.unwrap_or(0),
            by_whom: p.by.clone(),
            salt: p.salt.clone(),
            at_us: p.at.0,
        }
    }
}

impl From<&OrderCounts> for CountRow {
    fn from(c: &OrderCounts) -> Self {
        Self {
            n: c.n,
            order_id: c.order.to_string(),
            as_of_us: c.as_of.0,
            requested: c.requested,
            sent: c.sent,
            delivered: c.delivered,
            last: i64::from(c.is_last),
            theirs: c.theirs.unwrap_or(0),
            remark: c.remark.clone(),
            by_whom: c.by.clone(),
            salt: c.salt.clone(),
            at_us: c.at.0,
        }
    }
}

impl From<&OrderEvidence> for EvidenceRow {
    fn from(e: &OrderEvidence) -> Self {
        Self {
            n: e.n,
            order_id: e.order.to_string(),
            name: e.name.clone(),
            media: e.media.clone(),
            sha256: e.sha256.to_vec(),
            theirs: e.theirs.unwrap_or(0),
            by_whom: e.by.clone(),
            salt: e.salt.clone(),
            at_us: e.at.0,
        }
    }
}

impl Tx {
    /// Writes a proof.
    pub async fn insert_proof(&mut self, proof: &OrderProof) -> Result<()> {
        let p = ProofRow::from(proof);
        on!(self, db => sqlx::query(
            "INSERT INTO work_order_proof (n, order_id, revision, phone, text, equal, theirs, by_whom, salt, at_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
            .bind(p.n).bind(&p.order_id).bind(p.revision).bind(&p.phone).bind(&p.text).bind(p.equal).bind(p.theirs)
            .bind(&p.by_whom).bind(&p.salt).bind(p.at_us).execute(db).await.map(drop))
    }

    /// An order's proofs as they came in.
    pub async fn proofs(&mut self, order: OrderId) -> Result<Vec<OrderProof>> {
        columns::all(self.proof_rows(&order.to_string()).await?)
    }

    /// Of all orders: empty.
    pub(super) async fn proof_rows(&mut self, order: &str) -> Result<Vec<ProofRow>> {
        on!(self, db => sqlx::query_as(concat!("SELECT ", proof_columns!(), " FROM work_order_proof WHERE $1 = '' OR order_id = $1 ORDER BY n"))
            .bind(order).fetch_all(db).await)
    }

    /// Writes figures.
    pub async fn insert_counts(&mut self, counts: &OrderCounts) -> Result<()> {
        let c = CountRow::from(counts);
        on!(self, db => sqlx::query(
            "INSERT INTO work_order_count (n, order_id, as_of_us, requested, sent, delivered, last, theirs, remark, by_whom, salt, at_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
            .bind(c.n).bind(&c.order_id).bind(c.as_of_us).bind(c.requested).bind(c.sent).bind(c.delivered).bind(c.last)
            .bind(c.theirs).bind(&c.remark).bind(&c.by_whom).bind(&c.salt).bind(c.at_us).execute(db).await.map(drop))
    }

    /// An order's figures as they came in.
    pub async fn order_counts(&mut self, order: OrderId) -> Result<Vec<OrderCounts>> {
        columns::all(self.count_rows(&order.to_string()).await?)
    }

    /// Of all orders: empty.
    pub(super) async fn count_rows(&mut self, order: &str) -> Result<Vec<CountRow>> {
        on!(self, db => sqlx::query_as(concat!("SELECT ", count_columns!(), " FROM work_order_count WHERE $1 = '' OR order_id = $1 ORDER BY n"))
            .bind(order).fetch_all(db).await)
    }

    /// Writes a piece of evidence.
    pub async fn insert_evidence(&mut self, evidence: &OrderEvidence, bytes: &[u8]) -> Result<()> {
        let e = EvidenceRow::from(evidence);
        on!(self, db => sqlx::query(
            "INSERT INTO work_order_evidence (n, order_id, name, media, bytes, sha256, theirs, by_whom, salt, at_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
            .bind(e.n).bind(&e.order_id).bind(&e.name).bind(&e.media).bind(bytes).bind(&e.sha256).bind(e.theirs)
            .bind(&e.by_whom).bind(&e.salt).bind(e.at_us).execute(db).await.map(drop))
    }

    /// An order's evidence without its bytes.
    pub async fn evidence(&mut self, order: OrderId) -> Result<Vec<OrderEvidence>> {
        columns::all(self.evidence_rows(&order.to_string()).await?)
    }

    /// Of all orders: empty.
    pub(super) async fn evidence_rows(&mut self, order: &str) -> Result<Vec<EvidenceRow>> {
        on!(self, db => sqlx::query_as(
            "SELECT n, order_id, name, media, sha256, theirs, by_whom, salt, at_us FROM work_order_evidence
              WHERE $1 = '' OR order_id = $1 ORDER BY n").bind(order).fetch_all(db).await)
    }

    /// A piece of evidence's bytes.
    pub async fn evidence_bytes(&mut self, n: i64) -> Result<Option<Vec<u8>>> {
        on!(self, db => sqlx::query_scalar("SELECT bytes FROM work_order_evidence WHERE n = $1")
            .bind(n).fetch_optional(db).await)
    }
}
