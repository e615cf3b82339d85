//! Address books in every form in which they arrive.

use std::{io::Cursor, ops::ControlFlow};

use encoding_rs::GB18030;
use proptest::prelude::*;
use rust_xlsxwriter::{Formula, Workbook};
use watchbell::{
    domain::{carrier::CarrierTable, lang::Lang},
    intake::{
        Book, Counts, Encoding, Format, IntakeError, Layout, Row, Verdict, corrected::Corrected,
        guard, read,
    },
};

fn rows(bytes: &[u8]) -> (Vec<Row>, Counts) {
    let (_, rows, counts) = read(bytes, CarrierTable::builtin()).unwrap_or_else(|e| panic!("{e}"));
    (rows, counts)
}

fn layout(bytes: &[u8]) -> Layout {
    (*read(bytes, CarrierTable::builtin())
        .unwrap_or_else(|e| panic!("{e}"))
        .0)
        .clone()
}

fn refusal(bytes: &[u8]) -> IntakeError {
    match read(bytes, CarrierTable::builtin()) {
        Ok((layout, ..)) => panic!("{layout:?}"),
        Err(e) => e,
    }
}

/// Each row as its number, what became of it, and the name.
fn told(bytes: &[u8]) -> Vec<(u64, String)> {
    let tell = |row: Row| match row.verdict {
        Verdict::Accepted(p) => (row.line, format!("{} {}", p.name, p.phone.expose())),
        Verdict::Duplicate { of_row, .. } => (row.line, format!("duplicate of {of_row}")),
        Verdict::Refused(refusal) => (row.line, refusal.code().to_owned()),
    };
    rows(bytes).0.into_iter().map(tell).collect()
}

fn utf16(text: &str, big: bool, bom: bool) -> Vec<u8> {
    let mark = bom.then_some(0xfeff);
    let units = mark.into_iter().chain(text.encode_utf16());
    units
        .flat_map(|u| {
            if big {
                u.to_be_bytes()
            } else {
                u.to_le_bytes()
            }
        })
        .collect()
}

fn expected() -> Vec<(u64, String)> {
    vec![
        (2, "张三 13800138001".into()),
        (3, "李四 13900139002".into()),
    ]
}

const BOOK: &str =
    "姓名,手机号码,单位\r\n张三,13800138001,县安监局\r\n李四,13900139002,县气象局\r\n";

#[test]
fn the_encoding_is_told_by_the_bytes() {
    let mut marked = b"\xef\xbb\xbf".to_vec();
    marked.extend(BOOK.as_bytes());
    let tabs = BOOK.replace(',', "\t");
    for (bytes, encoding, separator) in [
        (BOOK.as_bytes().to_vec(), Encoding::Utf8 { bom: false }, ','),
        (marked, Encoding::Utf8 { bom: true }, ','),
        (GB18030.encode(BOOK).0.into_owned(), Encoding::Gb18030, ','),
        (
            utf16(&tabs, false, true),
            Encoding::Utf16Le { bom: true },
            '\t',
        ),
        (
            utf16(&tabs, true, true),
            Encoding::Utf16Be { bom: true },
            '\t',
        ),
        (
            utf16(&tabs, false, false),
            Encoding::Utf16Le { bom: false },
            '\t',
        ),
        (
            utf16(&tabs, true, false),
            Encoding::Utf16Be { bom: false },
            '\t',
        ),
    ] {
        assert_eq!(
            layout(&bytes).format,
            Format::Text {
                encoding,
                separator
            }
        );
        assert_eq!(told(&bytes), expected(), "{encoding:?}");
    }
}

#[test]
fn the_separator_is_told_by_the_heading() {
    for separator in [",", "，", ";", "；", "\t"] {
        assert_eq!(
            told(BOOK.replace(',', separator).as_bytes()),
            expected(),
            "{separator:?}"
        );
    }
    let book = "姓名;单位;手机\n张三;\"县局,一股\";13800138001\n李四;县局，二股；;13900139002\n";
    assert_eq!(told(book.as_bytes()), expected());
    assert_eq!(
        told(format!("sep=;\n{}", BOOK.replace(',', ";")).as_bytes()),
        expected()
    );
}

#[test]
fn line_ends_of_all_systems_and_a_final_ctrl_z_are_read() {
    for end in ["\r\n", "\n", "\r"] {
        for tail in ["", "\u{1a}", "\r\n\u{1a}"] {
            let book = BOOK.trim_end().replace("\r\n", end) + tail;
            assert_eq!(told(book.as_bytes()), expected(), "{end:?} {tail:?}");
        }
    }
}

#[test]
fn rows_are_numbered_as_excel_numbers_them() {
    let book = "姓名,备注,手机\n张三,\"一\n二\n三\",13800138001\n\n , ,\n李四,\"说\"\"好\"\"\",1390013\n王五,5\" 管,13800138001\n";
    assert_eq!(
        told(book.as_bytes()),
        [
            (2, "张三 13800138001".into()),
            (5, "phone_too_short".into()),
            (6, "duplicate of 2".into())
        ]
    );
    let (rows, counts) = rows(book.as_bytes());
    assert_eq!(
        (
            counts.rows,
            counts.accepted,
            counts.duplicate,
            counts.refused
        ),
        (3, 1, 1, 1)
    );
    assert_eq!(rows[1].cells, ["李四", "说\"好\"", "1390013"]);
    assert_eq!(rows[2].cells[1], "5\" 管");
    let Verdict::Accepted(person) = &rows[0].verdict else {
        panic!()
    };
    assert_eq!(person.fields.get("备注"), Some("一\n二\n三"));
}

#[test]
fn a_title_above_the_heading_is_no_row() {
    let book =
        "云岭县安委会成员单位通讯录,,\n2023年5月,,\n\n姓名,手机,单位\n张三,13800138001,县局\n";
    assert_eq!(layout(book.as_bytes()).heading_row, 4);
    assert_eq!(told(book.as_bytes()), [(5, "张三 13800138001".into())]);
}

#[test]
fn headings_are_known_in_both_languages_and_with_what_hides_in_them() {
    for heading in [
        "姓名,手机",
        "\u{200b}姓名,手机号",
        "名字,* 手机号码（必填）",
        "姓 名,联系电话：",
        "Name,Phone",
        "NAME,Mobile Phone",
        "full name,tel",
        "联系人,电话",
        "姓名,\u{feff}手机\u{a0}",
        "\"姓名\",\"手机\"",
        "姓名,'手机",
    ] {
        assert_eq!(
            told(format!("{heading}\n张三,13800138001\n").as_bytes()),
            [(2, "张三 13800138001".into())],
            "{heading}"
        );
    }
}

#[test]
fn other_columns_become_placeholders() {
    let book =
        "单位,部门,职务,姓名,手机,备注,,备注,Email\n县局,一股,股长,张三,13800138001,甲,乙,丙,\n";
    let (layout, rows, _) = read(book.as_bytes(), CarrierTable::builtin()).unwrap();
    assert_eq!(
        layout.columns.placeholders(),
        [
            "单位", "部门", "职务", "姓名", "备注", "G列", "备注2", "Email"
        ]
    );
    let Verdict::Accepted(p) = &rows[0].verdict else {
        panic!()
    };
    assert_eq!(
        (&*p.unit, &*p.department, &*p.post),
        ("县局", "一股", "股长")
    );
    assert_eq!(
        p.fields.to_json(),
        r#"{"G列":"乙","备注":"甲","备注2":"丙"}"#
    );
}

#[test]
fn of_two_phone_columns_the_mobile_one_is_used() {
    let book = "姓名,办公电话,电话,手机\n张三,0898-1,0898-12345678,13800138001\n";
    assert_eq!(told(book.as_bytes()), [(2, "张三 13800138001".into())]);
    let error = refusal("姓名,手机,手机号码\n张三,13800138001,13900139002\n".as_bytes());
    assert!(
        matches!(&error, IntakeError::TwoPhoneColumns { row: 1, first, second } if first == "手机" && second == "手机号码"),
        "{error}"
    );
}

#[test]
fn a_file_without_a_usable_heading_is_refused_and_says_how_to_mend_it() {
    let error = refusal("姓名,传真,单位\n张三,1234567,县局\n".as_bytes());
    assert!(
        matches!(&error, IntakeError::NoPhoneColumn { found } if found == &["姓名", "传真", "单位"]),
        "{error}"
    );
    let error = refusal("13800138001\n13900139002\n".as_bytes());
    assert!(
        matches!(&error, IntakeError::NoHeading { row: 1, column } if column == "A"),
        "{error}"
    );
    assert!(error.to_string().contains("insert a first row"));
    let error = refusal("张三,13800138001\n".as_bytes());
    assert!(
        matches!(&error, IntakeError::NoHeading { column, .. } if column == "B"),
        "{error}"
    );
}

#[test]
fn what_is_no_address_book_is_refused_with_the_place() {
    assert!(matches!(refusal(b""), IntakeError::Empty));
    assert!(matches!(refusal(b"\xef\xbb\xbf"), IntakeError::Empty));
    assert!(matches!(refusal(b" \r\n\r\n"), IntakeError::Empty));
    assert!(matches!(
        refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        IntakeError::OldExcel
    ));
    assert!(matches!(
        refusal(b"PK\x03\x04 no zip at all"),
        IntakeError::Workbook { .. }
    ));
    let mut damaged = BOOK.as_bytes().to_vec();
    let at = damaged.len() - 3;
    damaged[at] = 0xff;
    assert!(matches!(
        refusal(&damaged),
        IntakeError::Encoding {
            line: 3,
            tried: "UTF-8"
        }
    ));
    let mut damaged = GB18030.encode(BOOK).0.into_owned();
    let at = damaged.len() - 3;
    damaged[at] = 0xff;
    assert!(matches!(
        refusal(&damaged),
        IntakeError::Encoding { line: 3, .. }
    ));
    let error = refusal("姓名,手机\n\"张三,13800138001\n李四,13900139002\n".as_bytes());
    assert!(
        matches!(error, IntakeError::UnclosedQuote { row: 2 }),
        "{error}"
    );
}

#[test]
fn a_workbook_is_read_by_content_with_numbers_formulas_and_blank_rows() {
    let mut workbook = Workbook::new();
    workbook
        .add_worksheet()
        .set_name("说明")
        .unwrap()
        .write_string(0, 0, "填表说明")
        .unwrap();
    let sheet = workbook.add_worksheet().set_name("通讯录").unwrap();
    for (column, heading) in ["姓名", "手机", "序号"].into_iter().enumerate() {
        sheet.write_string(0, column as u16, heading).unwrap();
    }
    sheet
        .write_string(1, 0, "张三")
        .unwrap()
        .write_number(1, 1, 13_800_138_001.0)
        .unwrap()
        .write_number(1, 2, 1.5)
        .unwrap();
    sheet.write_string(3, 0, "李四").unwrap();
    sheet
        .write_formula(
            3,
            1,
            Formula::new("=13900139000+2").set_result("13900139002"),
        )
        .unwrap();
    sheet
        .write_string(4, 0, "王𠮷")
        .unwrap()
        .write_string(4, 1, "＋86 137 0013 7003")
        .unwrap();
    sheet
        .write_string(5, 0, "赵六")
        .unwrap()
        .write_number(5, 1, 1_380_013.0)
        .unwrap();
    let bytes = workbook.save_to_buffer().unwrap();

    assert_eq!(
        told(&bytes),
        [
            (2, "张三 13800138001".into()),
            (4, "李四 13900139002".into()),
            (5, "王𠮷 13700137003".into()),
            (6, "phone_too_short".into())
        ]
    );
    let layout = layout(&bytes);
    assert_eq!(
        layout.format,
        Format::Xlsx {
            sheet: "通讯录".into()
        }
    );
    assert_eq!(layout.other_sheets, ["说明"]);
    let (rows, counts) = rows(&bytes);
    let Verdict::Accepted(p) = &rows[0].verdict else {
        panic!()
    };
    assert_eq!((p.repaired, p.fields.get("序号")), (None, Some("1.5")));
    assert_eq!(counts.repaired, 1);
}

#[test]
fn reading_stops_when_it_is_told_to() {
    let mut book = Book::open(Cursor::new(BOOK)).unwrap();
    let counts = book
        .each(CarrierTable::builtin(), |_| ControlFlow::Break(()))
        .unwrap();
    assert_eq!(counts.rows, 1);
    let counts = book
        .each(CarrierTable::builtin(), |_| ControlFlow::Continue(()))
        .unwrap();
    assert_eq!(counts.rows, 2, "and it can begin again");
}

/// Writes the corrected file and reads it back.
fn correct(bytes: &[u8], name: &str) -> (Vec<u8>, Option<String>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    let (layout, rows, _) = read(bytes, CarrierTable::builtin()).unwrap();
    let mut corrected = Corrected::create(&path, &layout, Lang::Zh).unwrap();
    for row in &rows {
        corrected.add(row).unwrap();
    }
    let summary = corrected.finish().unwrap();
    let left_out = summary
        .left_out_file
        .map(|p| std::fs::read_to_string(p).unwrap());
    (std::fs::read(path).unwrap(), left_out)
}

#[test]
fn the_corrected_file_imports_clean_and_nobody_is_lost() {
    let book = "姓名,手机,备注\n张三,+86 138 0013 8001,=1+1\n李四,13900139002/13900139003/13800138001,'=2\n王五,13900139003,@x\n\
                赵六,1380013,\"-\n5\"\n钱七,１３６００１３６００１,'\n孙八,8613800138001,\n";
    for name in ["corrected.csv", "corrected.xlsx"] {
        let (bytes, left_out) = correct(book.as_bytes(), name);
        let (rows, counts) = rows(&bytes);
        assert_eq!(
            (counts.rows, counts.accepted, counts.repaired),
            (4, 4, 0),
            "{name}"
        );
        let people: Vec<_> = rows
            .into_iter()
            .map(|row| match row.verdict {
                Verdict::Accepted(p) => format!(
                    "{} {} {}",
                    p.name,
                    p.phone.expose(),
                    p.fields.get("备注").unwrap_or_default()
                ),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            people,
            [
                "张三 13800138001 =1+1",
                "李四 13900139002 =2",
                "李四 13900139003 =2",
                "钱七 13600136001 '"
            ]
        );
        let left_out = left_out.unwrap();
        let codes: Vec<_> = left_out
            .lines()
            .filter_map(|l| l.split(',').nth(1))
            .collect();
        assert_eq!(
            codes,
            ["代码", "duplicate", "phone_too_short", "duplicate"],
            "{left_out}"
        );
    }
    let (bytes, _) = correct(book.as_bytes(), "corrected.csv");
    let text = String::from_utf8(bytes).unwrap();
    assert!(
        text.starts_with('\u{feff}') && text.contains(",'=1+1\r\n"),
        "{text}"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_a_book_or_a_reason(bytes in prop::collection::vec(any::<u8>(), 0..300), prefix in 0_usize..5) {
        let head: [&[u8]; 5] = [b"", b"phone\n", b"\xff\xfe", "手机,姓名\n".as_bytes(), b"PK\x03\x04"];
        let bytes = [head[prefix], &bytes].concat();
        if let Ok((_, rows, counts)) = read(&bytes, CarrierTable::builtin()) {
            prop_assert_eq!(counts.rows, rows.len() as u64);
            prop_assert_eq!(counts.rows, counts.accepted + counts.duplicate + counts.refused);
        }
    }

    #[test]
    fn what_a_cell_holds_comes_back_from_the_corrected_file(cell in "['=+@\\-\"a安,;\n]{0,12}", quoted in "[a安,\"\n']{0,6}") {
        let mut out = csv::Writer::from_writer(Vec::new());
        out.write_record(["手机", "甲", "乙"]).unwrap();
        out.write_record(["13800138001", &*guard(&cell), &*guard(&quoted)]).unwrap();
        let first = out.into_inner().unwrap();
        let (before, _) = rows(&first);
        for name in ["a.csv", "a.xlsx"] {
            let (again, _) = correct(&first, name);
            let (after, _) = rows(&again);
            prop_assert_eq!(&before, &after);
        }
    }
}
