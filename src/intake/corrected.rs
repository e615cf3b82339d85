//! The corrected file: what was accepted, mended, and one row for each of several numbers; it imports clean. What
//! had to be left out goes, with its row and reason, to a second file beside it, so that nobody is lost.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use rust_xlsxwriter::{Workbook, XlsxError};

use super::{Columns, Layout, Row, Verdict, guard};
use crate::domain::{lang::Lang, phone::Phone, phone_cell::PhoneError, refusal::refusals};

/// Rows of a sheet in Excel, heading included.
const MAX_SHEET_ROWS: u32 = 1_048_576;

/// Writes the corrected file row by row: XLSX when its name ends in `.xlsx`, else CSV in UTF-8 with a mark.
pub struct Corrected {
    path: PathBuf,
    out: Out,
    columns: Columns,
    left_out: Option<csv::Writer<BufWriter<File>>>,
    written: HashMap<Phone, u64>,
    lang: Lang,
    summary: Summary,
}

enum Out {
    Csv(Box<csv::Writer<BufWriter<File>>>),
    Xlsx { workbook: Box<Workbook>, next: u32 },
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Rows in the corrected file.
    pub written: u64,
    /// How many of them came from cells with several numbers.
    pub split: u64,
    /// Rows that were left out.
    pub left_out: u64,
    /// Where those stand; `None` when there are none.
    pub left_out_file: Option<PathBuf>,
}

refusals! {
    /// Why the corrected file cannot be written.
    pub enum CorrectedError {
        /// The corrected file cannot be written.
        /// Choose another place for it.
        Io { path: PathBuf, why: String } = Refused "corrected_file_unwritable"
            zh "改正后的文件 {path} 写不出来：{why}；请另选位置"
            en "{path} cannot be written: {why}; choose another place for the corrected file";
        /// A sheet cannot hold so many rows.
        /// Give the corrected file a name ending in .csv.
        TooManyRows { path: PathBuf, most: u32 } = Refused "corrected_file_too_long"
            zh "{path}：一张工作表最多 {most} 行，放不下：请把改正后的文件名改为以 .csv 结尾"
            en "{path}: a sheet holds {most} rows and there are more: give the corrected file a name ending in .csv";
    }
}

impl Corrected {
    /// Begins the file with the headings of the original; reasons for what is left out come in `lang`.
    pub fn create(path: &Path, layout: &Layout, lang: Lang) -> Result<Self, CorrectedError> {
        let is_xlsx = path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("xlsx"));
        let out = if is_xlsx {
            let mut workbook = Workbook::new();
            workbook.add_worksheet();
            Out::Xlsx {
                workbook: Box::new(workbook),
                next: 0,
            }
        } else {
            Out::Csv(Box::new(csv_file(path)?))
        };
        // A list left by an earlier run would speak of another file.
        let _ = fs::remove_file(left_out_path(path));
        let mut corrected = Self {
            path: path.to_owned(),
            out,
            columns: layout.columns.clone(),
            left_out: None,
            written: HashMap::new(),
            lang,
            summary: Summary::default(),
        };
        let headings = corrected.columns.headings.clone();
        corrected
            .out
            .write(path, headings.iter().map(String::as_str))?;
        Ok(corrected)
    }

    /// Adds a row of the original.
    pub fn add(&mut self, row: &Row) -> Result<(), CorrectedError> {
        match &row.verdict {
            Verdict::Accepted(person) => {
                if let Some(earlier) = self.written.get(&person.phone).copied() {
                    return self.leave_out(row, "duplicate", &duplicate(earlier, self.lang));
                }
                self.write(row, person.phone)
            }
            Verdict::Duplicate { of_row, .. } => {
                self.leave_out(row, "duplicate", &duplicate(*of_row, self.lang))
            }
            Verdict::Refused(refusal) => {
                let PhoneError::Several(numbers) = &refusal.error else {
                    return self.leave_out(row, refusal.code(), &refusal.reason(self.lang));
                };
                let fresh: Vec<Phone> = numbers
                    .iter()
                    .copied()
                    .filter(|phone| !self.written.contains_key(phone))
                    .collect();
                if fresh.is_empty() {
                    return self.leave_out(row, refusal.code(), &refusal.reason(self.lang));
                }
                for phone in fresh {
                    self.write(row, phone)?;
                    self.summary.split += 1;
                }
                Ok(())
            }
        }
    }

    /// Completes the files.
    pub fn finish(mut self) -> Result<Summary, CorrectedError> {
        if let Some(mut left_out) = self.left_out.take() {
            let path = left_out_path(&self.path);
            left_out.flush().map_err(|e| CorrectedError::Io {
                path: path.clone(),
                why: e.to_string(),
            })?;
            self.summary.left_out_file = Some(path);
        }
        let path = self.path;
        match self.out {
            Out::Csv(mut writer) => writer.flush().map_err(|e| CorrectedError::Io {
                path,
                why: e.to_string(),
            })?,
            Out::Xlsx { mut workbook, .. } => {
                workbook.save(&path).map_err(|e| CorrectedError::Io {
                    path,
                    why: e.to_string(),
                })?;
            }
        }
        Ok(self.summary)
    }

    fn write(&mut self, row: &Row, phone: Phone) -> Result<(), CorrectedError> {
        let number = phone.expose();
        let cells = row.cells.iter().enumerate();
        let cells = cells.map(|(i, cell)| {
            if i == self.columns.phone {
                &*number
            } else {
                &**cell
            }
        });
        self.out.write(&self.path, cells)?;
        self.written.insert(phone, row.line);
        self.summary.written += 1;
        Ok(())
    }

    fn leave_out(&mut self, row: &Row, code: &str, reason: &str) -> Result<(), CorrectedError> {
        let path = left_out_path(&self.path);
        let mut writer = if let Some(writer) = self.left_out.take() {
            writer
        } else {
            let mut writer = csv_file(&path)?;
            let first = self
                .lang
                .pick(["行号", "代码", "原因"], ["row", "code", "reason"]);
            let headings = first
                .into_iter()
                .chain(self.columns.headings.iter().map(String::as_str));
            write_csv(&mut writer, &path, headings)?;
            writer
        };
        let line = row.line.to_string();
        let cells = [&*line, code, reason]
            .into_iter()
            .chain(row.cells.iter().map(String::as_str));
        write_csv(&mut writer, &path, cells)?;
        self.left_out = Some(writer);
        self.summary.left_out += 1;
        Ok(())
    }
}

impl Out {
    fn write<'a>(
        &mut self,
        path: &Path,
        cells: impl Iterator<Item = &'a str>,
    ) -> Result<(), CorrectedError> {
        match self {
            Self::Csv(writer) => write_csv(writer, path, cells),
            Self::Xlsx { workbook, next } => {
                if *next >= MAX_SHEET_ROWS {
                    return Err(CorrectedError::TooManyRows {
                        path: path.to_owned(),
                        most: MAX_SHEET_ROWS,
                    });
                }
                let fault = |e: XlsxError| CorrectedError::Io {
                    path: path.to_owned(),
                    why: e.to_string(),
                };
                let sheet = workbook.worksheet_from_index(0).map_err(fault)?;
                for (column, cell) in cells.enumerate() {
                    // A cell of text is never run; only what reading back would change needs its guard.
                    let cell = if cell.starts_with('\'') {
                        guard(cell)
                    } else {
                        cell.into()
                    };
                    sheet
                        .write_string(*next, column as u16, cell)
                        .map_err(fault)?;
                }
                *next += 1;
                Ok(())
            }
        }
    }
}

/// Where the rows stand that a corrected file leaves out: `book.csv` has `book.refused.csv` beside it.
pub fn left_out_path(corrected: &Path) -> PathBuf {
    corrected.with_extension("refused.csv")
}

fn duplicate(of_row: u64, lang: Lang) -> String {
    lang.pick(
        format!("与第{of_row}行号码相同"),
        format!("the same number as in row {of_row}"),
    )
}

fn csv_file(path: &Path) -> Result<csv::Writer<BufWriter<File>>, CorrectedError> {
    let fault = |e: io::Error| CorrectedError::Io {
        path: path.to_owned(),
        why: e.to_string(),
    };
    let mut file = BufWriter::new(File::create(path).map_err(fault)?);
    // Without the mark a Chinese Excel takes the file for GBK.
    file.write_all(b"\xef\xbb\xbf").map_err(fault)?;
    Ok(csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(file))
}

fn write_csv<'a>(
    writer: &mut csv::Writer<BufWriter<File>>,
    path: &Path,
    cells: impl Iterator<Item = &'a str>,
) -> Result<(), CorrectedError> {
    let fault = |e: csv::Error| CorrectedError::Io {
        path: path.to_owned(),
        why: e.to_string(),
    };
    for cell in cells {
        writer.write_field(&*guard(cell)).map_err(fault)?;
    }
    writer.write_record(None::<&[u8]>).map_err(fault)
}
