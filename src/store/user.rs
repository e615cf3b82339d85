//! Users' rows.

use super::{Result, Tx, on};

/// A user as stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AccountRow {
    /// Login name.
    pub name: String,
    /// `clerk`, `approver`, `carrier`, `auditor`, `admin`.
    pub role: String,
    /// argon2id, PHC string.
    pub password: String,
    /// 0 or 1.
    pub disabled: i64,
    /// 16 random bytes for the digest.
    pub salt: Vec<u8>,
    /// When the user was added.
    pub created_us: i64,
}

impl AccountRow {
    /// What the ledger commits to: one JSON array.
    pub fn commitment(&self) -> String {
        serde_json::json!([self.name, self.role, self.password, self.disabled]).to_string()
    }
}

impl Tx {
    /// One user.
    pub async fn account(&mut self, name: &str) -> Result<Option<AccountRow>> {
        on!(self, db => sqlx::query_as("SELECT name, role, password, disabled, salt, created_us FROM account WHERE name = $1")
            .bind(name).fetch_optional(db).await)
    }

    /// All users by name.
    pub async fn accounts(&mut self) -> Result<Vec<AccountRow>> {
        on!(self, db => sqlx::query_as("SELECT name, role, password, disabled, salt, created_us FROM account ORDER BY name")
            .fetch_all(db).await)
    }

    /// Adds or changes a user.
    pub async fn put_account(&mut self, a: &AccountRow) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO account (name, role, password, disabled, salt, created_us) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (name) DO UPDATE SET role = excluded.role, password = excluded.password,
                disabled = excluded.disabled, salt = excluded.salt")
            .bind(&a.name).bind(&a.role).bind(&a.password).bind(a.disabled).bind(&a.salt).bind(a.created_us)
            .execute(db).await.map(drop))
    }
}
