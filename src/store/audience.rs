//! Reading an audience in the order of the numbers, in chunks.

use super::{
    Result, Tx,
    columns::{Columns, NumberKey, all},
    dialect,
    error::Corrupt,
    on,
};
use crate::domain::{id::GroupId, phone::Phone, template::Values};

/// A contact of an audience, with one of the audience's groups that it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The contact's number.
    pub phone: Phone,
    /// The group.
    pub group: GroupId,
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
}

/// As stored.
#[derive(sqlx::FromRow)]
struct MemberRow {
    phone: String,
    group_id: String,
    name: String,
    unit: String,
    department: String,
    post: String,
    fields: String,
}

impl TryFrom<MemberRow> for Member {
    type Error = Corrupt;

    fn try_from(row: MemberRow) -> Result<Self, Corrupt> {
        let key = NumberKey(&row.phone);
        let contact = Columns::of("contact", &key);
        Ok(Self {
            phone: contact.phone("phone", &row.phone)?,
            group: contact.parse("group_id", &row.group_id)?,
            fields: contact.json("fields", &row.fields)?,
            name: row.name,
            unit: row.unit,
            department: row.department,
            post: row.post,
        })
    }
}

impl Tx {
    /// Contacts of these groups with numbers after `after` (`None`: from the first one), by number; a number's rows all come in
    /// one chunk (`limit` counts numbers).
    pub async fn audience_after(
        &mut self,
        groups: &[GroupId],
        after: Option<Phone>,
        limit: i64,
    ) -> Result<Vec<Member>> {
        let list = serde_json::json!(groups).to_string();
        let after = after.map_or_else(String::new, Phone::expose);
        let sql = dialect!(self,
            sqlite: "SELECT c.phone, c.group_id, c.name, c.unit, c.department, c.post, c.fields
                       FROM (SELECT DISTINCT phone FROM contact WHERE phone > $2 AND group_id IN (SELECT value FROM json_each($1))
                              ORDER BY phone LIMIT $3) p
                       JOIN contact c ON c.phone = p.phone
                      WHERE c.group_id IN (SELECT value FROM json_each($1)) ORDER BY c.phone",
            postgres: "SELECT c.phone, c.group_id, c.name, c.unit, c.department, c.post, c.fields
                       FROM (SELECT DISTINCT phone FROM contact
                              WHERE phone > $2 AND group_id IN (SELECT json_array_elements_text($1::json)) ORDER BY phone LIMIT $3) p
                       JOIN contact c ON c.phone = p.phone
                      WHERE c.group_id IN (SELECT json_array_elements_text($1::json)) ORDER BY c.phone");
        let rows: Vec<MemberRow> = on!(self, db => sqlx::query_as(sql).bind(list).bind(after).bind(limit).fetch_all(db).await)?;
        all(rows)
    }

    /// All numbers of these groups.
    pub async fn phones_of(&mut self, groups: &[GroupId]) -> Result<Vec<Phone>> {
        let list = serde_json::json!(groups).to_string();
        let sql = dialect!(self,
            sqlite: "SELECT DISTINCT phone FROM contact WHERE group_id IN (SELECT value FROM json_each($1))",
            postgres: "SELECT DISTINCT phone FROM contact WHERE group_id IN (SELECT json_array_elements_text($1::json))");
        let numbers: Vec<String> =
            on!(self, db => sqlx::query_scalar(sql).bind(list).fetch_all(db).await)?;
        let typed = |n: &String| Ok(Columns::of("contact", &NumberKey(n)).phone("phone", n)?);
        numbers.iter().map(typed).collect()
    }
}

impl Tx {
    /// The further named fields that the address books of these groups have.
    pub async fn field_names(&mut self, groups: &[GroupId]) -> Result<Vec<String>> {
        let list = serde_json::json!(groups).to_string();
        let sql = dialect!(self,
            sqlite: "SELECT DISTINCT f.key FROM contact c, json_each(c.fields) f
                      WHERE c.fields <> '{}' AND c.group_id IN (SELECT value FROM json_each($1)) ORDER BY 1",
            postgres: "SELECT DISTINCT f.key FROM contact c, json_object_keys(c.fields::json) AS f (key)
                        WHERE c.fields <> '{}' AND c.group_id IN (SELECT json_array_elements_text($1::json)) ORDER BY 1");
        on!(self, db => sqlx::query_scalar(sql).bind(list).fetch_all(db).await)
    }
}
