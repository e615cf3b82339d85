//! The form that goes with an order on paper and comes back filled in. Read back, every wrong cell is named, and
//! nothing is taken while one is wrong. The form bears the order's number, check code and revision, so that a wrong or
//! an old one is noticed.

use std::{fmt::Write as _, io::Cursor};

use calamine::{Data, DataType as _, Reader as _, Xlsx};
use chrono::{NaiveDate, NaiveDateTime, TimeZone as _};
use chrono_tz::Tz;
use rust_xlsxwriter::{Format, FormatBorder, Workbook, Worksheet, XlsxError};

use super::{Answer, Figures, Proof};
use crate::domain::{
    bilingual::{Bilingual, Fixed},
    lang::Lang,
    phone::Phone,
    text::half_width,
    time::Micros,
    work_order::MAX_TEXT,
};

/// Largest form that is read, in bytes.
pub const MAX_FORM: usize = 2 * 1_024 * 1_024;

const SHEET: &str = "回执";

/// What the first cell says: a workbook without it is no form of ours.
const MARK: &str = "公益短信协办单回执";

/// Rows from 0.
const NUMBER: u32 = 1;
const CODE: u32 = 2;
const REVISION: u32 = 3;
const ACCEPTED: u32 = 9;
const REASON: u32 = 10;
const STARTS: u32 = 11;
const ENDS: u32 = 12;
const PROOFS: u32 = 16;
const PROOF_ROWS: u32 = 20;
const COUNTS: u32 = PROOFS + PROOF_ROWS + 2;
const COUNT_ROWS: u32 = 60;

const YES: &str = "受理";
const NO: &str = "不受理";

/// Longest remark, in characters.
const MAX_REMARK: usize = 200;

/// What is printed into the form.
#[derive(Debug, Clone, Copy)]
pub struct Prefill<'a> {
    /// As on the letter.
    pub number: &'a str,
    /// The check code.
    pub check_code: &'a str,
    /// Which round of proofs.
    pub revision: i64,
    /// The text as a phone has to show it.
    pub shown: &'a str,
    /// To whom.
    pub audience: &'a str,
    /// Days and hours, in words.
    pub times: &'a str,
    /// In words.
    pub daily_cap: &'a str,
    /// Where proofs go.
    pub seed_phones: &'a [String],
}

/// A form that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// As on the letter.
    pub number: String,
    /// The check code, as printed.
    pub check_code: String,
    /// Which round.
    pub revision: i64,
    /// What the carrier says.
    pub answer: Answer,
}

/// A wrong cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// As Excel counts, from 1.
    pub row: u32,
    /// As Excel names it.
    pub column: char,
    /// What stands there.
    pub value: String,
    /// Why it is wrong.
    pub what: Bilingual,
}

impl Problem {
    /// `B12 “昨天”：…`.
    pub fn text(&self, lang: Lang) -> String {
        let Self {
            row,
            column,
            value,
            what,
        } = self;
        let what = what.text(lang);
        lang.pick(
            format!("{column}{row} “{value}”：{what}"),
            format!("{column}{row} {value:?}: {what}"),
        )
    }
}

/// A form that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// No form of ours at all.
    #[error("this is not the form that went with the order: {0}")]
    NotOurs(String),
    /// Some cells are wrong: all of them.
    #[error("{}; nothing was taken", cells(.0.len()))]
    Cells(Vec<Problem>),
    /// It cannot be written.
    #[error("the form cannot be written: {0}")]
    Write(#[from] XlsxError),
}

fn cells(n: usize) -> String {
    match n {
        1 => "1 cell is wrong".to_owned(),
        _ => format!("{n} cells are wrong"),
    }
}

impl FormError {
    /// A line for each thing that is wrong.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::NotOurs(why) => lang.pick(
                format!("这不是随协办单发出的回执表：{why}"),
                self.to_string(),
            ),
            Self::Cells(problems) => {
                let mut text = lang.pick(
                    format!("有 {} 个单元格有误，什么都没有写入：", problems.len()),
                    self.to_string(),
                );
                for p in problems {
                    _ = write!(text, "\n  {}", p.text(lang));
                }
                text
            }
            Self::Write(e) => lang.pick(format!("写不出回执表：{e}"), self.to_string()),
        }
    }
}

/// The form, to be filled in.
pub fn write(p: &Prefill<'_>) -> Result<Vec<u8>, FormError> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.set_name(SHEET)?;
    let look = Look::new();
    for (column, width) in [28.0, 46.0, 14.0, 14.0, 16.0, 24.0].into_iter().enumerate() {
        sheet.set_column_width(column as u16, width)?;
    }
    sheet.write_with_format(0, 0, MARK, &look.title)?;
    let fixed = [
        (NUMBER, "编号（请勿改动）", p.number.to_owned()),
        (CODE, "校验码（请勿改动）", p.check_code.to_owned()),
        (REVISION, "稿次（请勿改动）", p.revision.to_string()),
        (4, "短信全文（请复制，切勿重新录入）", p.shown.to_owned()),
        (5, "发送对象", p.audience.to_owned()),
        (6, "发送日期和时段", p.times.to_owned()),
        (7, "每日上限", p.daily_cap.to_owned()),
    ];
    for (row, label, value) in fixed {
        sheet.write_with_format(row, 0, label, &look.label)?;
        sheet.write_string_with_format(row, 1, value, &look.fixed)?;
    }
    let asked = [
        (ACCEPTED, "是否受理（填：受理 或 不受理）"),
        (REASON, "不受理的原因"),
        (STARTS, "计划开始（如 2023-06-05 09:00）"),
        (ENDS, "计划结束（如 2023-06-09 18:00）"),
    ];
    for (row, label) in asked {
        sheet.write_with_format(row, 0, label, &look.label)?;
        sheet.write_blank(row, 1, &look.open)?;
    }
    heads(
        sheet,
        PROOFS - 1,
        &["测试手机号码", "该手机收到的全文（从手机上原样复制）"],
        &look,
    )?;
    for n in 0..PROOF_ROWS {
        let phone = p.seed_phones.get(n as usize).map_or("", String::as_str);
        sheet.write_string_with_format(PROOFS + n, 0, phone, &look.open)?;
        sheet.write_blank(PROOFS + n, 1, &look.open)?;
    }
    let counts = [
        "截止时间（如 2023-06-05 11:00）",
        "应发（累计）",
        "已发（累计）",
        "送达（累计）",
        "最终数量填“是”",
        "备注",
    ];
    heads(sheet, COUNTS - 1, &counts, &look)?;
    for n in 0..COUNT_ROWS {
        for column in 0..6 {
            sheet.write_blank(COUNTS + n, column, &look.open)?;
        }
    }
    sheet.set_landscape().set_paper_size(9);
    Ok(book.save_to_buffer()?)
}

fn heads(sheet: &mut Worksheet, row: u32, heads: &[&str], look: &Look) -> Result<(), XlsxError> {
    for (column, head) in heads.iter().enumerate() {
        sheet.write_with_format(row, column as u16, *head, &look.label)?;
    }
    Ok(())
}

struct Look {
    title: Format,
    label: Format,
    fixed: Format,
    open: Format,
}

impl Look {
    fn new() -> Self {
        let wrapped = || Format::new().set_text_wrap().set_border(FormatBorder::Thin);
        Self {
            title: Format::new().set_bold().set_font_size(14),
            label: wrapped().set_bold().set_background_color("#F1F3F5"),
            fixed: wrapped(),
            // Text, so that Excel leaves numbers and times as they are typed.
            open: wrapped()
                .set_num_format("@")
                .set_background_color("#FFFDE7"),
        }
    }
}

/// Reads a form that came back; `zone` is the office's clock.
pub fn read(bytes: &[u8], zone: Tz) -> Result<Filled, FormError> {
    let not_ours = |why: String| FormError::NotOurs(why);
    if bytes.len() > MAX_FORM {
        return Err(not_ours(format!("> {MAX_FORM} bytes")));
    }
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|e| not_ours(e.to_string()))?;
    let range = book
        .worksheet_range(SHEET)
        .map_err(|e| not_ours(e.to_string()))?;
    let mut sheet = Filling {
        cell: |row, column| match range.get_value((row, column)) {
            None => String::new(),
            Some(data) => text(data),
        },
        zone,
        problems: Vec::new(),
    };
    if (sheet.cell)(0, 0) != MARK {
        return Err(not_ours(format!("A1 ≠ {MARK}")));
    }
    let number = (sheet.cell)(NUMBER, 1);
    let check_code = (sheet.cell)(CODE, 1);
    let revision = sheet.whole(REVISION, 1).unwrap_or(0);
    let mut answer = sheet.word();
    answer.proofs = sheet.proofs();
    answer.counts = sheet.counts();
    match sheet.problems.is_empty() {
        true => Ok(Filled {
            number,
            check_code,
            revision,
            answer,
        }),
        false => Err(FormError::Cells(sheet.problems)),
    }
}

/// A cell as a person reads it. A proof is taken as it is; what else is trimmed is trimmed where it is read.
fn text(data: &Data) -> String {
    match data {
        Data::Empty => String::new(),
        Data::DateTime(t) if t.is_datetime() => {
            let (year, month, day, hour, minute, _, _) = t.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
        }
        Data::Float(n) => n.to_string(),
        other => other.as_string().unwrap_or_else(|| other.to_string()),
    }
}

struct Filling<F> {
    cell: F,
    zone: Tz,
    problems: Vec<Problem>,
}

impl<F: Fn(u32, u32) -> String> Filling<F> {
    fn wrong(&mut self, row: u32, column: u32, what: Fixed) {
        let mut value = (self.cell)(row, column);
        value.truncate(value.floor_char_boundary(60));
        self.problems.push(Problem {
            row: row + 1,
            column: char::from(b'A' + column as u8),
            value,
            what: what.into(),
        });
    }

    /// Trimmed, in half width.
    fn plain(&self, row: u32, column: u32) -> String {
        let cell = (self.cell)(row, column);
        cell.trim().chars().map(half_width).collect()
    }

    fn whole(&mut self, row: u32, column: u32) -> Option<i64> {
        let cell = self.plain(row, column).replace([',', ' '], "");
        if cell.is_empty() {
            return None;
        }
        let n = cell.parse::<i64>().ok().filter(|n| *n >= 0);
        if n.is_none() {
            self.wrong(
                row,
                column,
                Fixed("应为不小于 0 的整数", "expected a whole number from 0"),
            );
        }
        n
    }

    fn time(&mut self, row: u32, column: u32) -> Option<Micros> {
        let cell = self.plain(row, column).replace('/', "-");
        if cell.is_empty() {
            return None;
        }
        let parsed = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M"]
            .iter()
            .find_map(|f| NaiveDateTime::parse_from_str(&cell, f).ok())
            .or_else(|| {
                let day = NaiveDate::parse_from_str(&cell, "%Y-%m-%d").ok()?;
                day.and_hms_opt(0, 0, 0)
            });
        let at = parsed
            .and_then(|t| self.zone.from_local_datetime(&t).earliest())
            .map(Micros::from);
        if at.is_none() {
            self.wrong(
                row,
                column,
                Fixed(
                    "应为日期和时间，如 2023-06-05 11:00",
                    "expected day and time, such as 2023-06-05 11:00",
                ),
            );
        }
        at
    }

    /// Whether the carrier will do it, and when.
    fn word(&mut self) -> Answer {
        let word = self.plain(ACCEPTED, 1);
        let reason = (self.cell)(REASON, 1).trim().to_owned();
        let planned = (self.time(STARTS, 1), self.time(ENDS, 1));
        if let (Some(from), Some(to)) = planned
            && to < from
        {
            self.wrong(
                ENDS,
                1,
                Fixed("计划结束早于计划开始", "ends before it starts"),
            );
        }
        if word == NO && reason.is_empty() {
            self.wrong(
                REASON,
                1,
                Fixed("请写明不受理的原因", "say why it is refused"),
            );
        }
        if ![YES, NO, ""].contains(&word.as_str()) {
            self.wrong(
                ACCEPTED,
                1,
                Fixed("请填“受理”或“不受理”", "write 受理 (yes) or 不受理 (no)"),
            );
        }
        Answer {
            acknowledged: word == YES,
            refused: (word == NO).then_some(reason),
            planned: planned.0.zip(planned.1),
            ..Answer::default()
        }
    }

    fn proofs(&mut self) -> Vec<Proof> {
        let mut proofs = Vec::new();
        for row in PROOFS..PROOFS + PROOF_ROWS {
            // As it is: a blank at its end is a difference.
            let text = (self.cell)(row, 1);
            let phone = self.plain(row, 0);
            if text.trim().is_empty() {
                continue;
            }
            if text.chars().count() > MAX_TEXT {
                self.wrong(
                    row,
                    1,
                    Fixed("太长，不是一条短信", "too long for a message"),
                );
            }
            let phone = match Phone::parse(&phone) {
                Ok((phone, _)) => phone.expose(),
                Err(_) if phone.is_empty() => String::new(),
                Err(_) => {
                    self.wrong(row, 0, Fixed("不是手机号码", "is no phone number"));
                    continue;
                }
            };
            proofs.push(Proof {
                theirs: None,
                revision: 0,
                phone,
                text,
            });
        }
        proofs
    }

    fn counts(&mut self) -> Vec<Figures> {
        let mut counts = Vec::new();
        for row in COUNTS..COUNTS + COUNT_ROWS {
            if (0..6).all(|column| (self.cell)(row, column).trim().is_empty()) {
                continue;
            }
            if self.plain(row, 0).is_empty() {
                self.wrong(row, 0, Fixed("请写明截止时间", "say as of when"));
            }
            let as_of = self.time(row, 0);
            let figures = [1, 2, 3].map(|column| self.whole(row, column));
            let last = self.plain(row, 4);
            if !["", "是", "否"].contains(&last.as_str()) {
                self.wrong(
                    row,
                    4,
                    Fixed("请填“是”或留空", "write 是 (yes) or leave it empty"),
                );
            }
            let remark = (self.cell)(row, 5).trim().to_owned();
            if remark.chars().count() > MAX_REMARK {
                self.wrong(row, 5, Fixed("备注太长", "the remark is too long"));
            }
            if figures == [None; 3] {
                self.wrong(row, 2, Fixed("这一行没有数量", "this row has no figures"));
            }
            if let Some(as_of) = as_of {
                counts.push(Figures {
                    theirs: None,
                    as_of,
                    requested: figures[0],
                    sent: figures[1],
                    delivered: figures[2],
                    last: last == "是",
                    remark,
                });
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefill() -> Prefill<'static> {
        Prefill {
            number: "县安委办短协〔2023〕1号",
            check_code: "3f2a-91c0-77de",
            revision: 2,
            shown: "【云岭县安委办】天热请看护好孩子。",
            audience: "全部联通用户",
            times: "2023-06-12 至 2023-06-16 09:00-18:00",
            daily_cap: "12000",
            seed_phones: &[],
        }
    }

    /// The form with these cells typed into it, as Excel keeps them.
    fn filled(cells: &[(u32, u16, &str)]) -> Vec<u8> {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        sheet.set_name(SHEET).unwrap();
        for (row, column, value) in [
            (0, 0, MARK),
            (NUMBER, 1, "甲1号"),
            (CODE, 1, "3f2a"),
            (REVISION, 1, "1"),
        ]
        .iter()
        .chain(cells)
        {
            sheet.write_string(*row, *column, *value).unwrap();
        }
        book.save_to_buffer().unwrap()
    }

    #[test]
    fn an_untouched_form_reads_back_as_no_answer() {
        let form = read(&write(&prefill()).unwrap(), chrono_tz::Asia::Shanghai).unwrap();
        assert_eq!(form.number, "县安委办短协〔2023〕1号");
        assert_eq!(
            (form.check_code.as_str(), form.revision),
            ("3f2a-91c0-77de", 2)
        );
        assert_eq!(form.answer, Answer::default());
    }

    #[test]
    fn what_was_filled_in_is_read() {
        let form = filled(&[
            (ACCEPTED, 1, "受理"),
            (STARTS, 1, "2023/06/05 09:00"),
            (ENDS, 1, "2023-06-09 18:00"),
            (PROOFS, 0, "１３８００１３８０００"),
            (PROOFS, 1, "【云岭】天热 "),
            (COUNTS, 0, "2023-06-05 11:00"),
            (COUNTS, 1, "1,000"),
            (COUNTS, 2, "５00"),
            (COUNTS + 1, 0, "2023-06-05 17:00"),
            (COUNTS + 1, 2, "900"),
            (COUNTS + 1, 4, "是"),
            (COUNTS + 1, 5, "已发完"),
        ]);
        let answer = read(&form, chrono_tz::Asia::Shanghai).unwrap().answer;
        assert!(answer.acknowledged && answer.planned.is_some());
        assert_eq!(answer.proofs[0].text, "【云岭】天热 ");
        assert_eq!(answer.proofs[0].phone, "13800138000");
        let counts: Vec<_> = answer
            .counts
            .iter()
            .map(|c| (c.requested, c.sent, c.last))
            .collect();
        assert_eq!(
            counts,
            [(Some(1000), Some(500), false), (None, Some(900), true)]
        );
    }

    #[test]
    fn every_wrong_cell_is_named() {
        let form = filled(&[
            (ACCEPTED, 1, "也许"),
            (STARTS, 1, "昨天"),
            (PROOFS, 0, "123"),
            (PROOFS, 1, "天热"),
            (COUNTS, 1, "很多"),
            (COUNTS, 4, "大概"),
        ]);
        let Err(FormError::Cells(problems)) = read(&form, chrono_tz::Asia::Shanghai) else {
            panic!("it was taken");
        };
        let cells: Vec<_> = problems
            .iter()
            .map(|p| format!("{}{}", p.column, p.row))
            .collect();
        let count = |c: char, row: u32| format!("{c}{}", row + 1);
        assert_eq!(
            cells,
            [
                "B12".to_owned(),
                "B10".to_owned(),
                count('A', PROOFS),
                count('A', COUNTS),
                count('B', COUNTS),
                count('E', COUNTS),
                count('C', COUNTS)
            ]
        );
        assert!(problems[0].text(Lang::Zh).contains("昨天"));
    }

    #[test]
    fn another_workbook_is_no_form() {
        let mut book = Workbook::new();
        book.add_worksheet();
        let bytes = book.save_to_buffer().unwrap();
        for bad in [&bytes[..], b"PK", b""] {
            assert!(matches!(
                read(bad, chrono_tz::UTC),
                Err(FormError::NotOurs(_))
            ));
        }
    }
}
