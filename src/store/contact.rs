//! Groups, contacts, suppressions, routing evidence.

use super::{
    Corrupt, Result, Tx,
    columns::{self, Columns, NumberKey},
    dialect, on,
};
use crate::domain::{
    carrier::Carrier, id::GroupId, ledger::Hash, phone::Phone, template::Values, time::Micros,
};

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Unique name.
    pub name: String,
    /// How many contacts.
    pub members: i64,
    /// Root over the contacts' digests by number.
    pub root: Hash,
}

/// As stored.
#[derive(sqlx::FromRow)]
struct GroupRow {
    id: String,
    name: String,
    members: i64,
    root: Vec<u8>,
}

impl TryFrom<GroupRow> for Group {
    type Error = Corrupt;

    fn try_from(row: GroupRow) -> Result<Self, Corrupt> {
        let group = Columns::of("contact_group", &row.name);
        Ok(Self {
            id: group.parse("id", &row.id)?,
            root: group.hash("root", &row.root)?,
            members: row.members,
            name: row.name,
        })
    }
}

/// A person as one address book lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Their number.
    pub phone: Phone,
    /// 姓名; empty where the address book has none, like the next three.
    pub name: String,
    /// 单位
    pub unit: String,
    /// 部门
    pub department: String,
    /// 职务
    pub post: String,
    /// Other named fields.
    pub fields: Values,
    /// 16 random bytes.
    pub salt: Vec<u8>,
}

impl Contact {
    /// What the ledger commits to: one JSON array.
    pub fn commitment(&self) -> String {
        serde_json::json!([
            self.phone.expose(),
            self.name,
            self.unit,
            self.department,
            self.post,
            self.fields.to_json()
        ])
        .to_string()
    }
}

/// As stored.
#[derive(sqlx::FromRow)]
struct ContactRow {
    phone: String,
    name: String,
    unit: String,
    department: String,
    post: String,
    fields: String,
    salt: Vec<u8>,
}

impl TryFrom<ContactRow> for Contact {
    type Error = Corrupt;

    fn try_from(row: ContactRow) -> Result<Self, Corrupt> {
        let key = NumberKey(&row.phone);
        let contact = Columns::of("contact", &key);
        Ok(Self {
            phone: contact.phone("phone", &row.phone)?,
            fields: contact.json("fields", &row.fields)?,
            name: row.name,
            unit: row.unit,
            department: row.department,
            post: row.post,
            salt: row.salt,
        })
    }
}

/// A number that must not be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// Counts up: whoever knows the list up to a number reads what is above it.
    pub seq: i64,
    /// The number.
    pub phone: Phone,
    /// Why: `opt_out`, or a user's own words.
    pub reason: String,
    /// Who or what put it there.
    pub source: String,
    /// 16 random bytes.
    pub salt: Vec<u8>,
    /// When it was suppressed.
    pub at: Micros,
}

/// A number that is to be suppressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSuppression {
    /// The number.
    pub phone: Phone,
    /// Why: `opt_out`, or a user's own words.
    pub reason: String,
    /// Who or what puts it there.
    pub source: String,
    /// 16 random bytes.
    pub salt: Vec<u8>,
    /// When it is suppressed.
    pub at: Micros,
}

impl Suppression {
    /// What the ledger commits to: one JSON array.
    pub fn commitment(&self) -> String {
        serde_json::json!([self.seq, self.phone.expose(), self.reason]).to_string()
    }
}

/// As stored.
#[derive(sqlx::FromRow)]
struct SuppressionRow {
    seq: i64,
    phone: String,
    reason: String,
    source: String,
    salt: Vec<u8>,
    at_us: i64,
}

impl TryFrom<SuppressionRow> for Suppression {
    type Error = Corrupt;

    fn try_from(row: SuppressionRow) -> Result<Self, Corrupt> {
        Ok(Self {
            phone: Columns::of("suppression", &row.seq).phone("phone", &row.phone)?,
            seq: row.seq,
            reason: row.reason,
            source: row.source,
            salt: row.salt,
            at: Micros(row.at_us),
        })
    }
}

impl Tx {
    /// A group by name.
    pub async fn group(&mut self, name: &str) -> Result<Option<Group>> {
        let row: Option<GroupRow> = on!(self, db =>
            sqlx::query_as("SELECT id, name, members, root FROM contact_group WHERE name = $1")
            .bind(name).fetch_optional(db).await)?;
        Ok(row.map(Group::try_from).transpose()?)
    }

    /// All groups by name.
    pub async fn groups(&mut self) -> Result<Vec<Group>> {
        columns::all::<GroupRow, _>(on!(self, db =>
            sqlx::query_as("SELECT id, name, members, root FROM contact_group ORDER BY name").fetch_all(db).await)?)
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

    /// Which groups contain which: each group with one that it contains.
    pub async fn nestings(&mut self) -> Result<Vec<(GroupId, GroupId)>> {
        let rows: Vec<(String, String)> = on!(self, db =>
            sqlx::query_as("SELECT parent_id, child_id FROM group_nesting ORDER BY 1, 2").fetch_all(db).await)?;
        let read = |(parent, child): &(String, String)| {
            let row = Columns::of("group_nesting", parent);
            Ok((
                row.parse("parent_id", parent)?,
                row.parse("child_id", child)?,
            ))
        };
        rows.iter().map(read).collect()
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

    /// Up to `limit` contacts of a group after a number, or from the first one, in the order of the numbers.
    pub async fn contacts_after(
        &mut self,
        group: GroupId,
        after: Option<Phone>,
        limit: i64,
    ) -> Result<Vec<Contact>> {
        let after = after.map_or_else(String::new, Phone::expose);
        columns::all::<ContactRow, _>(on!(self, db => sqlx::query_as(
            "SELECT phone, name, unit, department, post, fields, salt FROM contact
              WHERE group_id = $1 AND phone > $2 ORDER BY phone LIMIT $3")
            .bind(group.to_string()).bind(after).bind(limit).fetch_all(db).await)?)
    }

    /// Adds or changes contacts of a group.
    pub async fn put_contacts(&mut self, group: GroupId, contacts: &[Contact]) -> Result<()> {
        let list: Vec<_> = contacts
            .iter()
            .map(|c| {
                serde_json::json!([
                    c.phone.expose(),
                    c.name,
                    c.unit,
                    c.department,
                    c.post,
                    c.fields.to_json(),
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
    pub async fn suppress(&mut self, new: NewSuppression) -> Result<Option<Suppression>> {
        let phone = new.phone.expose();
        let known: Option<i64> = on!(self, db => sqlx::query_scalar("SELECT seq FROM suppression WHERE phone = $1")
            .bind(&phone).fetch_optional(db).await)?;
        if known.is_some() {
            return Ok(None);
        }
        let s = Suppression {
            seq: self.draw("suppression", 1).await?,
            phone: new.phone,
            reason: new.reason,
            source: new.source,
            salt: new.salt,
            at: new.at,
        };
        on!(self, db => sqlx::query(
            "INSERT INTO suppression (seq, phone, reason, source, salt, at_us) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(s.seq).bind(&phone).bind(&s.reason).bind(&s.source).bind(&s.salt).bind(s.at.0)
            .execute(db).await.map(drop))?;
        Ok(Some(s))
    }

    /// Up to `limit` suppressions above a known one, in order.
    pub async fn suppressions_after(&mut self, seq: i64, limit: i64) -> Result<Vec<Suppression>> {
        columns::all::<SuppressionRow, _>(on!(self, db => sqlx::query_as(
            "SELECT seq, phone, reason, source, salt, at_us FROM suppression WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(seq).bind(limit).fetch_all(db).await)?)
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
        phone: Phone,
        carrier: Carrier,
        source: &str,
        now: Micros,
    ) -> Result<()> {
        on!(self, db => sqlx::query(
            "INSERT INTO routing_evidence (phone, carrier, source, at_us) VALUES ($1, $2, $3, $4)
             ON CONFLICT (phone) DO UPDATE SET carrier = excluded.carrier, source = excluded.source, at_us = excluded.at_us
              WHERE routing_evidence.source <> 'person' OR excluded.source = 'person'")
            .bind(phone.expose()).bind(carrier.as_str()).bind(source).bind(now.0).execute(db).await.map(drop))
    }
}
