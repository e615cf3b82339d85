//! Users.

use super::{
    Corrupt, Result, Tx,
    columns::{self, Columns},
    on,
};
use crate::domain::{role::Role, time::Micros};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Login name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// argon2id, PHC string.
    pub password: String,
    /// No longer let in.
    pub disabled: bool,
    /// 16 random bytes for the digest.
    pub salt: Vec<u8>,
    /// When the user was added.
    pub created: Micros,
}

impl Account {
    /// What the ledger commits to: one JSON array.
    pub fn commitment(&self) -> String {
        serde_json::json!([
            self.name,
            self.role.as_str(),
            self.password,
            i64::from(self.disabled)
        ])
        .to_string()
    }
}

crate::store::columns::stored_row! {
    /// As stored.
    struct AccountRow as account_columns {
        name: String,
        role: String,
        password: String,
        disabled: i64,
        salt: Vec<u8>,
        created_us: i64,
    }
}

impl TryFrom<AccountRow> for Account {
    type Error = Corrupt;

    fn try_from(row: AccountRow) -> Result<Self, Corrupt> {
        let account = Columns::of("account", &row.name);
        Ok(Self {
            role: account.word("role", &row.role)?,
            disabled: account.flag("disabled", row.disabled)?,
            created: Micros(row.created_us),
            name: row.name,
            password: row.password,
            salt: row.salt,
        })
    }
}

impl Tx {
    /// One user.
    pub async fn account(&mut self, name: &str) -> Result<Option<Account>> {
        let row: Option<AccountRow> = on!(self, db =>
            sqlx::query_as(concat!("SELECT ", account_columns!(), " FROM account WHERE name = $1")).bind(name).fetch_optional(db).await)?;
        Ok(row.map(Account::try_from).transpose()?)
    }

    /// All users by name.
    pub async fn accounts(&mut self) -> Result<Vec<Account>> {
        columns::all::<AccountRow, _>(
            on!(self, db => sqlx::query_as(concat!("SELECT ", account_columns!(), " FROM account ORDER BY name")).fetch_all(db).await)?,
        )
    }

    /// Adds or changes a user.
    pub async fn put_account(&mut self, a: &Account) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO account (name, role, password, disabled, salt, created_us) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (name) DO UPDATE SET role = excluded.role, password = excluded.password,
                disabled = excluded.disabled, salt = excluded.salt")
            .bind(&a.name).bind(a.role.as_str()).bind(&a.password).bind(i64::from(a.disabled)).bind(&a.salt)
            .bind(a.created.0).execute(db).await.map(drop))
    }
}
