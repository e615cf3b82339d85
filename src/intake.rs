//! Address books as people have them: CSV in whatever encoding and with whatever separator their Excel writes, or
//! XLSX. What a file is, is told by its content; its name proves nothing.
//!
//! A file may hold a million rows, so rows are handed over one by one; what is kept is one small entry per number,
//! for finding duplicates. Nothing here knows the database: who is new or changed is decided further up.

pub mod corrected;
mod delimited;
mod encoding;
mod heading;
pub mod plan_files;
mod sheet;

use std::{
    collections::HashMap,
    io::{BufReader, Cursor, Read, Seek},
    ops::ControlFlow,
    sync::Arc,
};

use crate::domain::{
    carrier::CarrierTable,
    lang::Lang,
    phone::Phone,
    phone_cell::{PhoneError, Repaired},
    refusal::refusals,
    template::Values,
    text::is_invisible,
};

pub use encoding::Encoding;
pub use heading::{Columns, Role};

/// Rows above the heading that are looked through: a title, a date, a blank line.
const MAX_TITLE_ROWS: usize = 10;

/// Columns that are read; Excel has 16,384, no address book more than a few dozen.
pub const MAX_COLUMNS: usize = 256;

/// Bytes in one cell: Excel's own limit of 32,767 characters, four bytes each. A longer one is a quote that was
/// never closed.
const MAX_CELL: usize = 4 * 32_767;

/// An address book whose heading has been found.
pub struct Book<S: Read + Seek> {
    source: Source<S>,
    layout: Arc<Layout>,
}

enum Source<S: Read + Seek> {
    Text(Box<Text<S>>),
    Sheet(Box<sheet::Sheet<S>>),
}

struct Text<S: Read + Seek> {
    reader: BufReader<S>,
    encoding: Encoding,
    separator: char,
}

/// How a file is laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// What kind of file it is.
    pub format: Format,
    /// The row of the heading; 1 in a file without a title above it.
    pub heading_row: u64,
    /// The columns.
    pub columns: Columns,
    /// Other sheets of the workbook that hold something and are not read.
    pub other_sheets: Vec<String>,
}

/// What kind of file it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// Text with separators.
    Text {
        /// In this encoding.
        encoding: Encoding,
        /// With this between the cells.
        separator: char,
    },
    /// A workbook.
    Xlsx {
        /// The sheet that is read.
        sheet: String,
    },
}

/// One row below the heading that is not blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The row number that a person sees in Excel.
    pub line: u64,
    /// All cells, one for each column: tidied, but the phone cell as the file has it.
    pub cells: Vec<String>,
    /// What the row is.
    pub verdict: Verdict,
}

/// What a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A person with a number.
    Accepted(Person),
    /// The same number stands higher up.
    Duplicate {
        /// The row, counted from 1 with the heading, that had the number first.
        of_row: u64,
        /// The number.
        phone: Phone,
    },
    /// No number that could be used.
    Refused(Refusal),
}

/// A person as the file describes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The number.
    pub phone: Phone,
    /// What was mended in it; `None` when it was right as it stood.
    pub repaired: Option<Repaired>,
    /// Name; empty when the file has none.
    pub name: String,
    /// 单位; empty where the file has none.
    pub unit: String,
    /// 部门; empty where the file has none.
    pub department: String,
    /// 职务; empty where the file has none.
    pub post: String,
    /// All other columns with something in them, by heading.
    pub fields: Values,
}

/// Why a row was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The heading of the column at fault.
    pub column: String,
    /// What the cell holds.
    pub value: String,
    /// What is wrong with it.
    pub error: PhoneError,
}

impl Refusal {
    /// A code that never changes, for programs.
    pub fn code(&self) -> &'static str {
        self.error.code()
    }

    /// What is wrong and how to mend it.
    pub fn reason(&self, lang: Lang) -> String {
        self.error.reason(lang)
    }
}

/// The figures of a file; `rows` is the sum of accepted, duplicate and refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Rows below the heading that are not blank.
    pub rows: u64,
    /// Rows with a number.
    pub accepted: u64,
    /// How many of the accepted were mended.
    pub repaired: u64,
    /// Rows whose number stands higher up.
    pub duplicate: u64,
    /// Rows without a usable number.
    pub refused: u64,
}

refusals! {
    /// Why a file of people cannot be read.
    pub enum IntakeError {
        /// The file cannot be read from the disk.
        /// Check the file and the disk.
        Io { why: String } = Refused "file_unreadable"
            zh "文件读不出来：{why}"
            en "the file cannot be read: {why}";
        /// Nothing is in the file.
        /// Save the address book again.
        Empty = Refused "file_empty"
            zh "文件是空的，请重新保存通讯录。"
            en "the file is empty: save the address book again";
        /// The workbook is in Excel's format of before 2007.
        /// Open it in Excel and save it as .xlsx or as CSV.
        OldExcel = Refused "old_excel"
            zh "这是旧的 .xls 工作簿，请在 Excel 里另存为 .xlsx 或 CSV。"
            en "this is an old .xls workbook: open it in Excel and save it as .xlsx or as CSV";
        /// A zip that is no workbook, or a damaged one.
        /// Open it in Excel and save it again as .xlsx.
        Workbook { why: String } = Refused "workbook_unreadable"
            zh "看起来是 .xlsx 工作簿，但读不出来（{why}）。请在 Excel 里打开后重新另存为 .xlsx。"
            en "this looks like an .xlsx workbook but cannot be read ({why}): open it in Excel and save it again as .xlsx";
        /// The bytes of a line are text in no known encoding.
        /// Save the file as "CSV UTF-8" or .xlsx.
        Encoding { line: u64, tried: &'static str } = Refused "bad_encoding"
            zh "第 {line} 行不是 {tried} 编码的文字。请另存为“CSV UTF-8”或 .xlsx。"
            en "line {line} is not {tried} text: save the file as \"CSV UTF-8\" or .xlsx";
        /// A quote is never closed, or a cell is beyond all measure.
        /// Remove the quote or double it.
        UnclosedQuote { row: u64 } = Refused "unclosed_quote"
            zh "第 {row} 行有一个引号 \" 没有配对，会把下面的行都吞进去。请删掉它或写成两个。"
            en "row {row}: a quote \" is opened and never closed, so the rows below would be swallowed: remove or double it";
        /// The first row is already a person.
        /// Insert a first row with headings such as 姓名,手机.
        NoHeading { row: u64, column: String } = Refused "no_heading"
            zh "第 {row} 行没有表头，{column} 列已经是手机号码。请在最上面插入一行表头，如：姓名,手机"
            en "row {row} has no headings but a phone number in column {column}: insert a first row such as 姓名,手机";
        /// No heading means a phone number.
        /// Head the column 手机.
        NoPhoneColumn { found: Vec<String> } = Refused "no_phone_column"
            zh "没有哪一列的表头是手机、手机号码、联系电话、电话、phone 或 mobile；找到的表头是：{found}"
            en "no column is headed 手机, 手机号码, 联系电话, 电话, phone or mobile; the headings found are: {found}";
        /// Two columns are headed as phone numbers.
        /// Rename the one that is not to be used.
        TwoPhoneColumns { row: u64, first: String, second: String } = Refused "two_phone_columns"
            zh "第 {row} 行的“{first}”和“{second}”都像手机号码列。请把不用的那一列改名，如：备用号码"
            en "row {row}: both {first:?} and {second:?} are headed as phone columns: rename the one that is not to be used, 备用号码 for example";
    }
}

impl From<std::io::Error> for IntakeError {
    fn from(error: std::io::Error) -> Self {
        Self::Io {
            why: error.to_string(),
        }
    }
}

impl<S: Read + Seek> Book<S> {
    /// Finds out what the file is and where its heading stands.
    pub fn open(mut source: S) -> Result<Self, IntakeError> {
        let mut magic = [0; 8];
        source.rewind()?;
        let n = read_up_to(&mut source, &mut magic)?;
        source.rewind()?;
        match &magic[..n] {
            [] => Err(IntakeError::Empty),
            [b'P', b'K', 3, 4, ..] => {
                let (sheet, layout) = sheet::open(BufReader::new(source))?;
                Ok(Self {
                    source: Source::Sheet(Box::new(sheet)),
                    layout: Arc::new(layout),
                })
            }
            [0xd0, 0xcf, 0x11, 0xe0, ..] => Err(IntakeError::OldExcel),
            _ => {
                let mut reader = BufReader::new(source);
                let encoding = encoding::detect(&mut reader)?;
                let sample = encoding::sample(&mut reader, encoding)?;
                let (separator, heading_row, columns) = delimited::layout(&sample)?;
                let layout = Layout {
                    format: Format::Text {
                        encoding,
                        separator,
                    },
                    heading_row,
                    columns,
                    other_sheets: Vec::new(),
                };
                Ok(Self {
                    source: Source::Text(Box::new(Text {
                        reader,
                        encoding,
                        separator,
                    })),
                    layout: Arc::new(layout),
                })
            }
        }
    }

    /// How the file is laid out.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Hands over each row below the heading that is not blank, in order, until the end or until `on_row` breaks;
    /// returns the figures of the rows handed over.
    pub fn each(
        &mut self,
        table: &CarrierTable,
        mut on_row: impl FnMut(Row) -> ControlFlow<()>,
    ) -> Result<Counts, IntakeError> {
        let layout = Arc::clone(&self.layout);
        let mut judge = Judge {
            layout: &layout,
            table,
            seen: HashMap::new(),
            counts: Counts::default(),
        };
        let mut on_record = |line: u64, cells: &[String]| match judge.row(line, cells) {
            Some(row) => on_row(row),
            None => ControlFlow::Continue(()),
        };
        match &mut self.source {
            Source::Text(text) => {
                delimited::each(
                    &mut text.reader,
                    text.encoding,
                    text.separator,
                    &mut on_record,
                )?;
            }
            Source::Sheet(sheet) => sheet.each(&mut on_record)?,
        }
        Ok(judge.counts)
    }
}

/// Reads a small file at once.
pub fn read(
    bytes: &[u8],
    table: &CarrierTable,
) -> Result<(Arc<Layout>, Vec<Row>, Counts), IntakeError> {
    let mut book = Book::open(Cursor::new(bytes))?;
    let mut rows = Vec::new();
    let counts = book.each(table, |row| {
        rows.push(row);
        ControlFlow::Continue(())
    })?;
    Ok((Arc::clone(book.layout()), rows, counts))
}

/// Decides about one row after the other.
struct Judge<'a> {
    layout: &'a Layout,
    table: &'a CarrierTable,
    seen: HashMap<Phone, u64>,
    counts: Counts,
}

impl Judge<'_> {
    fn row(&mut self, line: u64, raw: &[String]) -> Option<Row> {
        if line <= self.layout.heading_row || raw.iter().all(|cell| is_blank(cell)) {
            return None;
        }
        let columns = &self.layout.columns;
        let cell = |i: usize| raw.get(i).map_or("", String::as_str);
        let cells: Vec<String> = (0..columns.headings.len())
            .map(|i| {
                if i == columns.phone {
                    cell(i).to_owned()
                } else {
                    tidy(cell(i))
                }
            })
            .collect();
        self.counts.rows += 1;
        let verdict = match Phone::parse_with(&cells[columns.phone], self.table) {
            Err(error) => {
                self.counts.refused += 1;
                Verdict::Refused(Refusal {
                    column: columns.headings[columns.phone].clone(),
                    value: cells[columns.phone].clone(),
                    error,
                })
            }
            Ok((phone, _)) if self.seen.contains_key(&phone) => {
                self.counts.duplicate += 1;
                Verdict::Duplicate {
                    of_row: self.seen[&phone],
                    phone,
                }
            }
            Ok((phone, repaired)) => {
                self.seen.insert(phone, line);
                self.counts.accepted += 1;
                self.counts.repaired += u64::from(repaired.any());
                Verdict::Accepted(columns.person(&cells, phone, repaired))
            }
        };
        Some(Row {
            line,
            cells,
            verdict,
        })
    }
}

impl Columns {
    fn person(&self, cells: &[String], phone: Phone, repaired: Repaired) -> Person {
        let mut person = Person {
            phone,
            repaired: repaired.any().then_some(repaired),
            name: String::new(),
            unit: String::new(),
            department: String::new(),
            post: String::new(),
            fields: Values::new(),
        };
        for (role, cell) in self.roles.iter().zip(cells) {
            match role {
                Role::Name => person.name.clone_from(cell),
                Role::Unit => person.unit.clone_from(cell),
                Role::Department => person.department.clone_from(cell),
                Role::Post => person.post.clone_from(cell),
                Role::Field(name) if !cell.is_empty() => {
                    person.fields.set_shared(name, cell.clone());
                }
                Role::Phone | Role::Field(_) => {}
            }
        }
        person
    }
}

/// A cell without its guard, without blanks around it and without what cannot be seen; line breaks inside stay.
fn tidy(cell: &str) -> String {
    let kept = unguard(cell.trim())
        .chars()
        .filter(|c| !is_invisible(*c) && *c != '\r');
    let spaced: String = kept
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .collect();
    spaced.trim().to_owned()
}

fn is_blank(cell: &str) -> bool {
    cell.chars()
        .all(|c| c.is_whitespace() || c.is_control() || is_invisible(c))
}

/// Begins the cell with what a spreadsheet takes for a formula?
fn is_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'])
}

/// Undoes [`guard`]: takes one apostrophe away from before a formula.
fn unguard(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_formula(rest.trim_start_matches('\'')) => rest,
        _ => cell,
    }
}

/// Puts an apostrophe before what a spreadsheet would run as a formula, and before what reading
/// would take for such a guard.
pub fn guard(cell: &str) -> std::borrow::Cow<'_, str> {
    if is_formula(cell.trim_start_matches('\'')) {
        format!("'{cell}").into()
    } else {
        cell.into()
    }
}

fn read_up_to(source: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut n = 0;
    while n < buffer.len() {
        match source.read(&mut buffer[n..])? {
            0 => break,
            more => n += more,
        }
    }
    Ok(n)
}
