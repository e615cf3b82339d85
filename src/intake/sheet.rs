//! XLSX workbooks, read cell by cell; a sheet is never held as a whole (its strings are).

use std::{
    io::{BufReader, Read, Seek},
    ops::ControlFlow,
};

use calamine::{DataRef, ExcelDateTime, Reader, Xlsx};

use super::{
    Format, IntakeError, Layout, MAX_COLUMNS, MAX_TITLE_ROWS,
    heading::{self, Found},
    is_blank,
};

/// The sheet of a workbook that holds the address book.
pub(super) struct Sheet<S: Read + Seek> {
    workbook: Xlsx<BufReader<S>>,
    name: String,
}

/// Takes the first sheet with a phone column.
pub(super) fn open<S: Read + Seek>(
    source: BufReader<S>,
) -> Result<(Sheet<S>, Layout), IntakeError> {
    let mut workbook = Xlsx::new(source).map_err(fault)?;
    let mut chosen = None;
    let mut refused = None;
    let mut others = Vec::new();
    for name in workbook.sheet_names() {
        let first = first_records(&mut workbook, &name)?;
        match heading::find(&first) {
            Found::Heading(row, columns) if chosen.is_none() => chosen = Some((name, row, columns)),
            Found::None(width, error) if chosen.is_none() && width > 0 => {
                refused.get_or_insert(error);
                others.push(name);
            }
            Found::None(0, _) => {}
            _ => others.push(name),
        }
    }
    let Some((name, heading_row, columns)) = chosen else {
        return Err(refused.unwrap_or(IntakeError::Empty));
    };
    let layout = Layout {
        format: Format::Xlsx {
            sheet: name.clone(),
        },
        heading_row,
        columns,
        other_sheets: others,
    };
    Ok((Sheet { workbook, name }, layout))
}

impl<S: Read + Seek> Sheet<S> {
    /// Hands over each row that has cells, with its number.
    pub(super) fn each(
        &mut self,
        on_record: &mut dyn FnMut(u64, &[String]) -> ControlFlow<()>,
    ) -> Result<(), IntakeError> {
        each(&mut self.workbook, &self.name, on_record)
    }
}

fn each<R: Read + Seek>(
    workbook: &mut Xlsx<R>,
    name: &str,
    on_record: &mut dyn FnMut(u64, &[String]) -> ControlFlow<()>,
) -> Result<(), IntakeError> {
    // Charts have no cells.
    let Ok(mut reader) = workbook.worksheet_cells_reader(name) else {
        return Ok(());
    };
    let mut row = 0;
    let mut cells: Vec<String> = Vec::new();
    while let Some(cell) = reader.next_cell().map_err(fault)? {
        let (r, column) = (
            u64::from(cell.get_position().0) + 1,
            cell.get_position().1 as usize,
        );
        if r != row {
            if !cells.is_empty() && on_record(row, &cells).is_break() {
                return Ok(());
            }
            row = r;
            cells.clear();
        }
        if column < MAX_COLUMNS && !matches!(cell.get_value(), DataRef::Empty) {
            if cells.len() <= column {
                cells.resize(column + 1, String::new());
            }
            cells[column] = text(cell.get_value());
        }
    }
    if !cells.is_empty() {
        let _ = on_record(row, &cells);
    }
    Ok(())
}

fn first_records<R: Read + Seek>(
    workbook: &mut Xlsx<R>,
    name: &str,
) -> Result<Vec<(u64, Vec<String>)>, IntakeError> {
    let mut records = Vec::new();
    each(workbook, name, &mut |row, cells| {
        if !cells.iter().all(|c| is_blank(c)) {
            records.push((row, cells.to_vec()));
        }
        if records.len() < MAX_TITLE_ROWS {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok(records)
}

/// A cell as a person reads it; of a formula the value that was stored with it.
fn text(value: &DataRef) -> String {
    match value {
        DataRef::Empty => String::new(),
        // Numbers print with all their digits and without an exponent: 13800138001, not 1.38E+10.
        DataRef::Int(n) => n.to_string(),
        DataRef::Float(n) => n.to_string(),
        DataRef::String(s) | DataRef::DateTimeIso(s) | DataRef::DurationIso(s) => s.clone(),
        DataRef::SharedString(s) => (*s).to_owned(),
        DataRef::Bool(b) => if *b { "TRUE" } else { "FALSE" }.to_owned(),
        DataRef::DateTime(t) => date(*t),
        DataRef::Error(e) => e.to_string(),
    }
}

fn date(t: ExcelDateTime) -> String {
    if !t.is_datetime() {
        return t.as_f64().to_string();
    }
    let (year, month, day, hour, minute, second, _) = t.to_ymd_hms_milli();
    if t.as_f64().fract() == 0.0 {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what map_err hands over"
)]
fn fault(e: calamine::XlsxError) -> IntakeError {
    IntakeError::Workbook { why: e.to_string() }
}
