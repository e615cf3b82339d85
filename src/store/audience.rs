//! Reading an audience in the order of the numbers, in chunks.

use super::{Result, Tx, dialect, on};

/// One row of an audience: a contact with its group.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AudienceRow {
    /// 11 digits.
    pub phone: String,
    /// The group's id.
    pub group_id: String,
    /// 姓名
    pub name: String,
    /// 单位
    pub unit: String,
    /// 部门
    pub department: String,
    /// 职务
    pub post: String,
    /// Other named fields, JSON.
    pub fields: String,
}

impl Tx {
    /// Contacts of these groups with numbers after `after`, by number; a number's rows all come in
    /// one chunk (`limit` counts numbers).
    pub async fn audience_after(
        &mut self,
        groups: &[String],
        after: &str,
        limit: i64,
    ) -> Result<Vec<AudienceRow>> {
        let list = serde_json::json!(groups).to_string();
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
        on!(self, db => sqlx::query_as(sql).bind(list).bind(after).bind(limit).fetch_all(db).await)
    }

    /// All numbers of these groups.
    pub async fn phones_of(&mut self, groups: &[String]) -> Result<Vec<String>> {
        let list = serde_json::json!(groups).to_string();
        let sql = dialect!(self,
            sqlite: "SELECT DISTINCT phone FROM contact WHERE group_id IN (SELECT value FROM json_each($1))",
            postgres: "SELECT DISTINCT phone FROM contact WHERE group_id IN (SELECT json_array_elements_text($1::json))");
        on!(self, db => sqlx::query_scalar(sql).bind(list).fetch_all(db).await)
    }
}

impl Tx {
    /// The further named fields that the address books of these groups have.
    pub async fn field_names(&mut self, groups: &[String]) -> Result<Vec<String>> {
        let list = serde_json::json!(groups).to_string();
        let sql = dialect!(self,
            sqlite: "SELECT DISTINCT f.key FROM contact c, json_each(c.fields) f
                      WHERE c.fields <> '{}' AND c.group_id IN (SELECT value FROM json_each($1)) ORDER BY 1",
            postgres: "SELECT DISTINCT f.key FROM contact c, json_object_keys(c.fields::json) AS f (key)
                        WHERE c.fields <> '{}' AND c.group_id IN (SELECT json_array_elements_text($1::json)) ORDER BY 1");
        on!(self, db => sqlx::query_scalar(sql).bind(list).fetch_all(db).await)
    }
}
