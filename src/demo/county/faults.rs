//! What goes wrong in every real address book, planted where a test can find it again.

use super::{
    Planted,
    people::{Contact, Lot},
};

/// A way to write the 11 digits.
type Spelling = fn(&str) -> String;

/// How a good number is spelled so that it must be mended, and what the note beside it says.
const REPAIRABLE: [(Spelling, &str); 8] = [
    (
        |d| format!("+86 {} {} {}", &d[..3], &d[3..7], &d[7..]),
        "带国家代码",
    ),
    (
        |d| {
            d.chars()
                .map(|c| char::from_u32(c as u32 + 0xfee0).unwrap_or(c))
                .collect()
        },
        "全角",
    ),
    (|d| format!("'{d}"), "撇号"),
    (|d| format!("{d}.0"), "带小数"),
    (
        |d| format!("{}.{}E+10", &d[..1], &d[1..]),
        "科学计数,数字齐全",
    ),
    (
        |d| format!("{}\u{3000}{}-{}", &d[..3], &d[3..7], &d[7..]),
        "空格和横线",
    ),
    (|d| format!("\u{202d}{d}\u{202c}"), "看不见的字符"),
    (|d| format!("17951{d}"), "IP电话前缀"),
];

/// One row: who, the phone cell, the note.
pub(super) type Row = (Contact, String, &'static str);

/// Spells some of the people's numbers so that they must be mended, and puts rows that must be refused among them.
/// Numbers of refused rows are drawn from `spare` on, so they are nobody else's.
pub(super) fn plant(lot: &Lot, people: Vec<Contact>, spare: usize) -> (Vec<Row>, Vec<Planted>) {
    let first = people.first().map(Contact::digits);
    let good = people.into_iter().enumerate().map(|(i, contact)| {
        let digits = contact.digits();
        match REPAIRABLE.get(i) {
            Some((spell, note)) => ((contact, spell(&digits), *note), Some("repaired")),
            None => ((contact, digits, ""), None),
        }
    });
    let bad = refused(lot, spare, first.as_deref())
        .into_iter()
        .enumerate()
        .map(|(i, (code, cell, note))| {
            let mut contact = lot.contact(spare + 10 + i, 0, 0);
            (contact.unit, contact.post) = ("云岭县人民政府", "调研员");
            ((contact, cell, note), Some(code))
        });
    let mut good = good.collect::<Vec<_>>().into_iter();
    let mut bad = bad.collect::<Vec<_>>().into_iter();
    let (mut rows, mut planted) = (Vec::new(), Vec::new());
    // A good row first, so that the duplicate stands below the row it repeats.
    loop {
        let next: Vec<_> = [good.next(), bad.next()].into_iter().flatten().collect();
        if next.is_empty() {
            return (rows, planted);
        }
        for (row, code) in next {
            rows.push(row);
            // The heading is row 1.
            planted.extend(code.map(|code| Planted {
                row: rows.len() as u64 + 1,
                code,
            }));
        }
    }
}

fn refused(
    lot: &Lot,
    spare: usize,
    first: Option<&str>,
) -> Vec<(&'static str, String, &'static str)> {
    let [one, two, three] = [0, 1, 2].map(|i| lot.phone(spare + i).expose());
    let mut rows = vec![
        ("phone_digits_lost", "1.38E+10".to_owned(), "Excel 科学计数"),
        ("phone_too_short", one[..7].to_owned(), "少四位"),
        ("phone_too_long", format!("{one}1"), "多一位"),
        ("landline", "0898-62345678".to_owned(), "座机"),
        ("short_number", "668123".to_owned(), "虚拟网短号"),
        (
            "hong_kong_macao_taiwan",
            "+852 9123 4567".to_owned(),
            "香港号码",
        ),
        (
            "several_numbers",
            format!("{two}/{three}"),
            "两个号码\n换行的备注",
        ),
        ("phone_empty", String::new(), "没有号码"),
        (
            "not_a_mobile_segment",
            "15412345678".to_owned(),
            "号段未分配",
        ),
        ("iot_number", "1440012345678".to_owned(), "物联网卡"),
        ("not_a_number", "待补充".to_owned(), "不是号码"),
    ];
    rows.extend(first.map(|digits| ("duplicate", format!("86{digits}"), "与第一行相同")));
    rows
}
