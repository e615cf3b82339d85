//! The example county: address books of made-up people in a made-up place, to practise and to test with.
//!
//! The same count and seed give the same bytes on every machine. The numbers are well-formed, since nothing else
//! could be imported; they are drawn by lot and stand for nobody, and practice mode never leaves this machine.

mod faults;
mod people;

use encoding_rs::GB18030;
use rust_xlsxwriter::{Workbook, XlsxError};

use people::{Contact, Lot};

/// The county's name; no county is called so.
pub const COUNTY: &str = "云岭县";

/// Group of the leaders of the county's four leading bodies.
pub const LEADERS: &str = "县四套班子领导";
/// Group of the leaders of the safety committee's member units.
pub const MEMBER_UNITS: &str = "县安委会成员单位负责人";
/// Group of the safety-supervision staff.
pub const STAFF: &str = "安监系统工作人员";

/// Above this the staff's book is CSV: a workbook is built in memory, and a sheet ends at a million rows.
const MAX_WORKBOOK: usize = 100_000;

/// One group's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressBook {
    /// The group.
    pub group: &'static str,
    /// A fitting file name.
    pub file_name: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
    /// How many rows hold a good number that stands no higher up in the file.
    pub accepted: usize,
    /// What was planted, in the order of the rows.
    pub planted: Vec<Planted>,
}

/// A fault that a reader must find, or mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planted {
    /// The row, as Excel numbers it.
    pub row: u64,
    /// The refusal's code, or `repaired`, or `duplicate`.
    pub code: &'static str,
}

/// The number of the county's second person: China Unicom's by its segment, and there however few people are.
pub fn second_number(seed: u64) -> crate::domain::phone::Phone {
    Lot::new(seed).phone(1)
}

/// The books of `n` different people: leaders (GBK CSV with planted faults), member units (UTF-8 CSV), staff (XLSX).
/// Some people stand in two of them. Refused rows come on top of the `n`.
pub fn address_books(n: usize, seed: u64) -> Result<[AddressBook; 3], XlsxError> {
    let lot = Lot::new(seed);
    let leaders = (n / 50).clamp(n.min(12), 400);
    let units = (n / 8).clamp(10, 20_000).min(n - leaders);
    let person = |i: usize| lot.contact(i, leaders, leaders + units);
    Ok([
        leaders_book(&lot, (0..leaders).map(person).collect(), n),
        // Every fourth leader also answers for a member unit, every tenth of those is on the staff too.
        units_book(
            (leaders..leaders + units)
                .chain((0..leaders).step_by(4))
                .map(person),
        ),
        staff_book(
            (leaders + units..n)
                .chain((leaders..leaders + units).step_by(10))
                .map(person),
        )?,
    ])
}

fn leaders_book(lot: &Lot, people: Vec<Contact>, n: usize) -> AddressBook {
    let accepted = people.len();
    let (rows, planted) = faults::plant(lot, people, n);
    let mut text = String::from("姓名,单位,职务,手机号码,备注\r\n");
    for (contact, phone, note) in &rows {
        text.push_str(&line(&[
            &contact.name,
            contact.unit,
            contact.post,
            phone,
            note,
        ]));
    }
    AddressBook {
        group: LEADERS,
        file_name: "leaders.csv",
        bytes: GB18030.encode(&text).0.into_owned(),
        accepted,
        planted,
    }
}

fn units_book(people: impl Iterator<Item = Contact>) -> AddressBook {
    let mut text = String::from("\u{feff}单位,姓名,职务,联系电话\r\n");
    let mut accepted = 0;
    for contact in people {
        accepted += 1;
        text.push_str(&line(&[
            contact.unit,
            &contact.name,
            contact.post,
            &contact.digits(),
        ]));
    }
    AddressBook {
        group: MEMBER_UNITS,
        file_name: "member-units.csv",
        bytes: text.into_bytes(),
        accepted,
        planted: Vec::new(),
    }
}

fn staff_book(people: impl Iterator<Item = Contact>) -> Result<AddressBook, XlsxError> {
    const HEADINGS: [&str; 5] = ["姓名", "单位", "部门", "岗位", "手机"];
    let people: Vec<Contact> = people.collect();
    let mut book = AddressBook {
        group: STAFF,
        file_name: "staff.xlsx",
        bytes: Vec::new(),
        accepted: people.len(),
        planted: Vec::new(),
    };
    if people.len() > MAX_WORKBOOK {
        let mut text = format!("\u{feff}{}", line(&HEADINGS));
        for c in &people {
            text.push_str(&line(&[&c.name, c.unit, c.department, c.post, &c.digits()]));
        }
        book.file_name = "staff.csv";
        book.bytes = text.into_bytes();
        return Ok(book);
    }
    let mut workbook = Workbook::new();
    // The present time would make each day's file a different one.
    let day = rust_xlsxwriter::ExcelDateTime::from_ymd(2023, 5, 15)?;
    workbook.set_properties(&rust_xlsxwriter::DocProperties::new().set_creation_datetime(&day));
    let sheet = workbook.add_worksheet().set_name("通讯录")?;
    for (column, heading) in HEADINGS.into_iter().enumerate() {
        sheet.write_string(0, column as u16, heading)?;
    }
    for (row, c) in (1..).zip(&people) {
        for (column, cell) in [&*c.name, c.unit, c.department, c.post]
            .into_iter()
            .enumerate()
        {
            sheet.write_string(row, column as u16, cell)?;
        }
        // Offices type numbers as numbers and as text in one column.
        if row % 2 == 0 {
            sheet.write_number(row, 4, c.phone.number() as f64)?;
        } else {
            sheet.write_string(row, 4, c.digits())?;
        }
    }
    book.bytes = workbook.save_to_buffer()?;
    Ok(book)
}

/// A line of CSV; none of our words holds a quote.
fn line(cells: &[&str]) -> String {
    let quoted = cells.iter().map(|c| {
        if c.contains([',', '\n']) {
            format!("\"{c}\"")
        } else {
            (*c).to_owned()
        }
    });
    quoted.collect::<Vec<_>>().join(",") + "\r\n"
}
