//! What the columns are, told by their headings in Chinese or English.

use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use super::{IntakeError, is_blank, tidy};
use crate::domain::{
    phone::Phone, phone_cell::PhoneError, template::canonical_name, text::is_invisible,
};

/// Headings of a phone column. Where a file has columns of several ranks the first rank is used: an office line
/// headed 电话 does not compete with a mobile number headed 手机.
const PHONE: [&[&str]; 3] = [
    &[
        "手机",
        "手机号",
        "手机号码",
        "移动电话",
        "移动电话号码",
        "联系手机",
        "手机电话",
        "mobile",
        "mobilephone",
        "mobilenumber",
        "cellphone",
        "cell",
    ],
    &[
        "联系电话",
        "联系方式",
        "联系号码",
        "联系人电话",
        "phone",
        "phonenumber",
    ],
    &[
        "电话",
        "电话号码",
        "号码",
        "tel",
        "telephone",
        "telephonenumber",
        "msisdn",
    ],
];
const NAME: &[&str] = &["姓名", "名字", "联系人", "联系人姓名", "name", "fullname"];
const UNIT: &[&str] = &[
    "单位",
    "单位名称",
    "工作单位",
    "所在单位",
    "unit",
    "organisation",
    "organization",
    "company",
];
const DEPARTMENT: &[&str] = &[
    "部门",
    "部门名称",
    "所在部门",
    "科室",
    "股室",
    "department",
    "dept",
];
const POST: &[&str] = &[
    "职务", "职位", "岗位", "post", "title", "position", "jobtitle",
];

/// The columns of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// Their headings, tidied; a blank one is called by its letter, `C列`.
    pub headings: Vec<String>,
    /// What each is.
    pub roles: Vec<Role>,
    /// Which one holds the number.
    pub phone: usize,
}

impl Columns {
    /// The placeholders that this file can fill.
    pub fn placeholders(&self) -> Vec<&str> {
        use crate::domain::template;
        let names = self.roles.iter().filter_map(|role| match role {
            Role::Phone => None,
            Role::Name => Some(template::NAME),
            Role::Unit => Some(template::UNIT),
            Role::Department => Some(template::DEPARTMENT),
            Role::Post => Some(template::POST),
            Role::Field(name) => Some(&**name),
        });
        names.collect()
    }
}

/// What a column is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// The number.
    Phone,
    /// The person's name.
    Name,
    /// Their unit.
    Unit,
    /// Their department.
    Department,
    /// Their post.
    Post,
    /// Anything else, usable as a placeholder of this name.
    Field(Arc<str>),
}

/// What a look at the first rows gave.
pub(super) enum Found {
    /// The heading's row and the columns.
    Heading(u64, Columns),
    /// How wide the first row is, and why there is no heading.
    None(usize, IntakeError),
}

/// Looks for the heading among the first rows that are not blank.
pub(super) fn find(records: &[(u64, Vec<String>)]) -> Found {
    for (row, cells) in records {
        match recognise(*row, cells) {
            Some(Ok(columns)) => return Found::Heading(*row, columns),
            Some(Err(error)) => return Found::None(cells.len(), error),
            None => {}
        }
    }
    let Some((row, cells)) = records.first() else {
        return Found::None(0, IntakeError::Empty);
    };
    let holds_number =
        |cell: &String| matches!(Phone::parse(cell), Ok(_) | Err(PhoneError::Several(_)));
    let error = match cells.iter().position(holds_number) {
        Some(at) => IntakeError::NoHeading {
            row: *row,
            column: letter(at),
        },
        None => IntakeError::NoPhoneColumn {
            found: cells
                .iter()
                .filter(|c| !is_blank(c))
                .map(|c| tidy(c))
                .collect(),
        },
    };
    Found::None(cells.len(), error)
}

/// The columns, if one of the cells is the heading of a phone column.
fn recognise(row: u64, cells: &[String]) -> Option<Result<Columns, IntakeError>> {
    let width = cells
        .iter()
        .rposition(|c| !is_blank(c))
        .map_or(0, |last| last + 1);
    let keys: Vec<String> = cells[..width].iter().map(|c| key(c)).collect();
    let phones = PHONE.iter().find_map(|rank| {
        let at: Vec<usize> = (0..width).filter(|i| rank.contains(&&*keys[*i])).collect();
        (!at.is_empty()).then_some(at)
    })?;
    if let [first, second, ..] = phones[..] {
        return Some(Err(IntakeError::TwoPhoneColumns {
            row,
            first: tidy(&cells[first]),
            second: tidy(&cells[second]),
        }));
    }
    let mut columns = Columns {
        headings: Vec::new(),
        roles: Vec::new(),
        phone: phones[0],
    };
    for (i, (cell, key)) in cells.iter().zip(&keys).enumerate() {
        let free = |role: Role| (!columns.roles.contains(&role)).then_some(role);
        let known = match &**key {
            _ if i == columns.phone => Some(Role::Phone),
            k if NAME.contains(&k) => free(Role::Name),
            k if UNIT.contains(&k) => free(Role::Unit),
            k if DEPARTMENT.contains(&k) => free(Role::Department),
            k if POST.contains(&k) => free(Role::Post),
            _ => None,
        };
        let heading = match tidy(cell) {
            blank if blank.is_empty() => format!("{}列", letter(i)),
            heading => heading,
        };
        let role = known.unwrap_or_else(|| Role::Field(unused_name(&columns, &heading)));
        columns.headings.push(heading);
        columns.roles.push(role);
    }
    Some(Ok(columns))
}

/// The placeholder's name for a column; a second 备注 becomes 备注2.
fn unused_name(columns: &Columns, heading: &str) -> Arc<str> {
    let name = canonical_name(heading);
    let taken = columns.placeholders();
    let numbered = (2..).map(|n| format!("{name}{n}"));
    std::iter::once(name.clone())
        .chain(numbered)
        .find(|n| !taken.contains(&&**n))
        .expect("there are more numbers than columns")
        .into()
}

/// A heading reduced to what it means: `* 手机号码（必填）：` is 手机号码.
fn key(heading: &str) -> String {
    let plain: String = heading
        .nfkc()
        .filter(|c| !is_invisible(*c) && !c.is_control())
        .collect();
    let plain = plain.to_lowercase();
    let before = plain
        .find(['(', '[', '【'])
        .filter(|at| *at > 0)
        .map_or(&*plain, |at| &plain[..at]);
    before
        .chars()
        .filter(|c| !(c.is_whitespace() || matches!(c, '*' | ':' | '_' | '-' | '.' | '\'' | '"')))
        .collect()
}

/// A column's name in Excel: A, B … Z, AA.
fn letter(column: usize) -> String {
    let mut letters = Vec::new();
    let mut n = column + 1;
    while n > 0 {
        letters.push(char::from(b'A' + ((n - 1) % 26) as u8));
        n = (n - 1) / 26;
    }
    letters.iter().rev().collect()
}
