//! Groups, contacts, suppressions, routing evidence.

use super::{
    Result, Tx,
    columns::{Columns, NumberKey},
    dialect, on,
};
use crate::domain::{carrier::Carrier, id::GroupId, ledger::Hash, phone::Phone, time::Micros};

/// A group as stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct GroupRow {
    /// [`GroupId`].
    pub id: String,
    /// Unique name.
    pub name: String,
    /// How many contacts.
    pub members: i64,
    /// Root over the contacts' digests by number.
    pub root: Vec<u8>,
}

impl GroupRow {
    /// Its id, typed.
    pub fn id(&self) -> Result<GroupId> {
        Ok(Columns::of("contact_group", &self.name).parse("id", &self.id)?)
    }
}

/// A person as one address book lists them.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ContactRow {
    /// 11 digits.
    pub phone: String,
    /// 姓名
    pub name: String,
    /// 单位
    pub unit: String,
    /// 部门
    pub department: String,
    /// 职务
    pub post: String,
    /// Other named fields, canonical JSON.
    pub fields: String,
    /// 16 random bytes.
    pub salt: Vec<u8>,
}

impl ContactRow {
    /// What the ledger commits to: one JSON array.
    pub fn commitment(&self) -> String {
        serde_json::json!([
            self.phone,
            self.name,
            self.unit,
            self.department,
            self.post,
            self.fields
        ])
        .to_string()
    }

    /// The same person in the same words?
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.commitment() == other.commitment()
    }
}

/// A number that must not be sent to.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SuppressionRow {
    /// Counts up; what is newer than a known number is news.
    pub seq: i64,
    /// 11 digits.
    pub phone: String,
    /// Why: `opt_out`, or a user's own words.
    pub reason: String,
    /// Who or what put it there.
    pub source: String,
    /// 16 random bytes.
    pub salt: Vec<u8>,
    /// When it was suppressed, in microseconds since 1970, UTC.
    pub at_us: i64,
}

impl SuppressionRow {
    /// Its number, typed.
    pub fn number(&self) -> Result<Phone> {
        Ok(Columns::of("suppression", &self.seq).phone("phone", &self.phone)?)
    }

    /// What the ledger commits to: one JSON array.
    pub fn commitment(&self) -> String {
        serde_json::json!([self.seq, self.phone, self.reason]).to_string()
    }
}

impl Tx {
    /// A group by name.
    pub async fn group(&mut self, name: &str) -> Result<Option<GroupRow>> {
        on!(self, db => sqlx::query_as("SELECT id, name, members, root FROM contact_group WHERE name = $1")
            .bind(name).fetch_optional(db).await)
    }

    /// All groups by name.
    pub async fn groups(&mut self) -> Result<Vec<GroupRow>> {
        on!(self, db => sqlx::query_as("SELECT id, name, members, root FROM contact_group ORDER BY name").fetch_all(db).await)
    }

    /// Makes an empty group.
    pub async fn insert_group(
        &mut self,
        id: GroupId,
        name: &str,
        root: &Hash,
        now: Micros,
    ) -> Result<()> {
        on!(self, db => sqlx::query("INSERT INTO contact_group (id, name, root, created_us) VALUES ($1, $2, $3, $4)")
            .bind(id.to_string()).bind(name).bind(&root[..]).bind(now.0).execute(db).await.map(drop))
    }

    /// Notes a group's new size and root.
    pub async fn set_group_root(&mut self, id: GroupId, members: i64, root: &Hash) -> Result<()> {
        on!(self, db => sqlx::query("UPDATE contact_group SET members = $2, root = $3 WHERE id = $1")
            .bind(id.to_string()).bind(members).bind(&root[..]).execute(db).await.map(drop))
    }

    /// Which groups contain which.
    pub async fn nestings(&mut self) -> Result<Vec<(String, String)>> {
        on!(self, db => sqlx::query_as("SELECT parent_id, child_id FROM group_nesting ORDER BY 1, 2").fetch_all(db).await)
    }

    /// Sets what a group contains.
    pub async fn set_nesting(&mut self, parent: GroupId, children: &[GroupId]) -> Result<()> {
        on!(self, db => sqlx::query("DELETE FROM group_nesting WHERE parent_id = $1").bind(parent.to_string()).execute(db).await.map(drop))?;
        for child in children {
            on!(self, db => sqlx::query("INSERT INTO group_nesting (parent_id, child_id) VALUES ($1, $2)")
                .bind(parent.to_string()).bind(child.to_string()).execute(db).await.map(drop))?;
        }
        Ok(())
    }

    /// Up to `limit` contacts of a group after a number, in the order of the numbers.
    pub async fn contacts_after(
        &mut self,
        group: GroupId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<ContactRow>> {
        on!(self, db => sqlx::query_as(
            "SELECT phone, name, unit, department, post, fields, salt FROM contact
              WHERE group_id = $1 AND phone > $2 ORDER BY phone LIMIT $3")
            .bind(group.to_string()).bind(after).bind(limit).fetch_all(db).await)
    }

    /// The contacts of a group that have one of these numbers.
    pub async fn contacts_with(
        &mut self,
        group: GroupId,
        phones: &[String],
    ) -> Result<Vec<ContactRow>> {
        let list = serde_json::json!(phones).to_string();
        let sql = dialect!(self,
            sqlite: "SELECT c.phone, c.name, c.unit, c.department, c.post, c.fields, c.salt
                       FROM json_each($2) j CROSS JOIN contact c ON c.group_id = $1 AND c.phone = j.value",
            postgres: "SELECT c.phone, c.name, c.unit, c.department, c.post, c.fields, c.salt
                         FROM json_array_elements_text($2::json) AS j (value) JOIN contact c ON c.group_id = $1 AND c.phone = j.value");
        on!(self, db => sqlx::query_as(sql).bind(group.to_string()).bind(list).fetch_all(db).await)
    }

    /// Adds or changes contacts of a group.
    pub async fn put_contacts(&mut self, group: GroupId, rows: &[ContactRow]) -> Result<()> {
        let list: Vec<_> = rows
            .iter()
            .map(|c| {
                serde_json::json!([
                    c.phone,
                    c.name,
                    c.unit,
                    c.department,
                    c.post,
                    c.fields,
                    hex::encode(&c.salt)
                ])
            })
            .collect();
        let sql = dialect!(self,
            sqlite: "INSERT INTO contact (group_id, phone, name, unit, department, post, fields, salt)
                     SELECT $1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, unhex(value ->> 6)
                       FROM jsonb_each($2) WHERE true
                     ON CONFLICT (group_id, phone) DO UPDATE SET name = excluded.name, unit = excluded.unit,
                        department = excluded.department, post = excluded.post, fields = excluded.fields, salt = excluded.salt",
            postgres: "INSERT INTO contact (group_id, phone, name, unit, department, post, fields, salt)
                     SELECT $1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, decode(value ->> 6, 'hex')
                       FROM json_array_elements($2::json) AS j (value)
                     ON CONFLICT (group_id, phone) DO UPDATE SET name = excluded.name, unit = excluded.unit,
                        department = excluded.department, post = excluded.post, fields = excluded.fields, salt = excluded.salt");
        on!(self, db => sqlx::query(sql).bind(group.to_string()).bind(serde_json::Value::Array(list).to_string())
            .execute(db).await.map(drop))
    }

    /// Puts a number on the suppression list; `None` when it stood there already.
    pub async fn suppress(&mut self, row: SuppressionRow) -> Result<Option<SuppressionRow>> {
        let known: Option<i64> = on!(self, db => sqlx::query_scalar("SELECT seq FROM suppression WHERE phone = $1")
            .bind(&row.phone).fetch_optional(db).await)?;
        if known.is_some() {
            return Ok(None);
        }
        let row = SuppressionRow {
            seq: self.draw("suppression", 1).await?,
            ..row
        };
        on!(self, db => sqlx::query(
            "INSERT INTO suppression (seq, phone, reason, source, salt, at_us) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(row.seq).bind(&row.phone).bind(&row.reason).bind(&row.source).bind(&row.salt).bind(row.at_us)
            .execute(db).await.map(drop))?;
        Ok(Some(row))
    }

    /// Suppressions newer than a known one, in order.
    pub async fn suppressions_after(
        &mut self,
        seq: i64,
        limit: i64,
    ) -> Result<Vec<SuppressionRow>> {
        on!(self, db => sqlx::query_as(
            "SELECT seq, phone, reason, source, salt, at_us FROM suppression WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(seq).bind(limit).fetch_all(db).await)
    }

    /// Where numbers are known to be served by another carrier than their segment says.
    pub async fn routing(&mut self) -> Result<Vec<(Phone, Carrier)>> {
        let rows: Vec<(String, String)> = on!(self, db => sqlx::query_as(
            "SELECT phone, carrier FROM routing_evidence").fetch_all(db).await)?;
        let typed = |(phone, carrier): &(String, String)| {
            let key = NumberKey(phone);
            let row = Columns::of("routing_evidence", &key);
            Ok((row.phone("phone", phone)?, row.word("carrier", carrier)?))
        };
        rows.iter().map(typed).collect()
    }

    /// Remembers who serves a number. A person's word is not overruled by a delivery.
    pub async fn put_routing(
        &mut self,
        phone: &str,
        carrier: &str,
        source: &str,
        now: Micros,
    ) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO routing_evidence (phone, carrier, source, at_us) VALUES ($1, $2, $3, $4)
             ON CONFLICT (phone) DO UPDATE SET carrier = excluded.carrier, source = excluded.source, at_us = excluded.at_us
              WHERE routing_evidence.source <> 'person' OR excluded.source = 'person'")
            .bind(phone).bind(carrier).bind(source).bind(now.0).execute(db).await.map(drop))
    }
}
