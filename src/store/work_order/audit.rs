//! Orders and what hangs on them as verification reads them: it compares what stands there with the ledger, also where
//! no order could be made of it.

use super::{
    super::{Corrupt, Result, Tx, on},
    Order, OrderRow,
    parts::PartRow,
};
use crate::domain::ledger::Hash;

/// An order's row, unread.
#[derive(Debug)]
pub struct AuditOrder(OrderRow);

impl AuditOrder {
    /// Its key.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Its state's word.
    pub fn state(&self) -> &str {
        &self.0.state
    }

    /// Its last ledger entry's time, in microseconds since 1970, UTC.
    pub fn changed_us(&self) -> i64 {
        self.0.changed_us
    }

    /// Its number's year, and its number in it; 0 and 0: none.
    pub fn number(&self) -> (i64, i64) {
        (self.0.year, self.0.seq)
    }

    /// What the ledger should hold of it.
    pub fn digest(&self) -> Hash {
        self.0.ledger_digest()
    }

    /// The order itself.
    pub fn read(self) -> Result<Order, Corrupt> {
        self.0.try_into()
    }
}

/// A row that hangs on an order, unread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPart {
    /// Its number.
    pub n: i64,
    /// What the ledger should hold of it.
    pub digest: Hash,
}

fn parts<R: PartRow>(rows: &[R]) -> Vec<AuditPart> {
    let part = |row: &R| AuditPart {
        n: row.n(),
        digest: row.digest(),
    };
    rows.iter().map(part).collect()
}

impl Tx {
    /// All orders.
    pub async fn audit_orders(&mut self) -> Result<Vec<AuditOrder>> {
        let rows: Vec<OrderRow> = on!(self, db =>
            sqlx::query_as(concat!("SELECT ", super::order_columns!(), " FROM work_order ORDER BY id")).fetch_all(db).await)?;
        Ok(rows.into_iter().map(AuditOrder).collect())
    }

    /// All orders' proofs.
    pub async fn audit_proofs(&mut self) -> Result<Vec<AuditPart>> {
        Ok(parts(&self.proof_rows("").await?))
    }

    /// All orders' figures.
    pub async fn audit_counts(&mut self) -> Result<Vec<AuditPart>> {
        Ok(parts(&self.count_rows("").await?))
    }

    /// All orders' evidence, each with the stored digest of its bytes.
    pub async fn audit_evidence(&mut self) -> Result<Vec<(AuditPart, Vec<u8>)>> {
        let rows = self.evidence_rows("").await?;
        let parts = parts(&rows);
        let digests = rows.into_iter().map(|row| row.sha256);
        Ok(parts.into_iter().zip(digests).collect())
    }

    /// All orders' commands.
    pub async fn audit_commands(&mut self) -> Result<Vec<AuditPart>> {
        Ok(parts(&self.command_rows("").await?))
    }

    /// All carriers' staff by name, with the word of their carrier.
    pub async fn audit_staff(&mut self) -> Result<Vec<(String, String)>> {
        on!(self, db => sqlx::query_as("SELECT name, carrier FROM carrier_staff ORDER BY name").fetch_all(db).await)
    }
}
