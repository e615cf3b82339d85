//! Text with separators, read as Excel reads it.
//!
//! Not the `csv` crate: it skips empty lines, so that the row numbers we show would not be Excel's, and its separators
//! are single bytes, which a full-width comma is not.

use std::{
    io::{Read, Seek},
    ops::ControlFlow,
};

use super::{
    Columns, Encoding, IntakeError, MAX_CELL, MAX_COLUMNS, MAX_TITLE_ROWS, encoding,
    heading::{self, Found},
    is_blank,
};

/// What may stand between cells; of two that fit equally well the earlier one.
const SEPARATORS: [char; 5] = [',', '\t', ';', '，', '；'];

/// Ctrl-Z, which old programs put at the end of a text file.
const CTRL_Z: char = '\u{1a}';

/// Finds separator, heading row and columns in the beginning of a file.
pub(super) fn layout(sample: &str) -> Result<(char, u64, Columns), IntakeError> {
    let declared = declared_separator(sample);
    let candidates = declared.as_slice();
    let candidates = if candidates.is_empty() {
        &SEPARATORS[..]
    } else {
        candidates
    };
    let mut best: Option<(char, u64, Columns)> = None;
    let mut refused: Option<(usize, IntakeError)> = None;
    for &separator in candidates {
        match heading::find(&first_records(sample, separator)) {
            Found::Heading(row, columns) => {
                if best
                    .as_ref()
                    .is_none_or(|(.., b)| columns.headings.len() > b.headings.len())
                {
                    best = Some((separator, row, columns));
                }
            }
            Found::None(width, error) => {
                if refused.as_ref().is_none_or(|(w, _)| width > *w) {
                    refused = Some((width, error));
                }
            }
        }
    }
    match (best, refused) {
        (Some(best), _) => Ok(best),
        (None, Some((_, error))) => Err(error),
        (None, None) => Err(IntakeError::Empty),
    }
}

/// Hands over each record with its row number, blank ones included.
pub(super) fn each<R: Read + Seek>(
    source: &mut R,
    encoding: Encoding,
    separator: char,
    on_record: &mut dyn FnMut(u64, &[String]) -> ControlFlow<()>,
) -> Result<(), IntakeError> {
    let mut parser = Parser::new(separator);
    let mut ended = None;
    encoding::decode(
        source,
        encoding,
        &mut |text| match parser.push(text, on_record) {
            Ok(ControlFlow::Continue(())) => ControlFlow::Continue(()),
            Ok(ControlFlow::Break(())) => {
                ended = Some(Ok(()));
                ControlFlow::Break(())
            }
            Err(e) => {
                ended = Some(Err(e));
                ControlFlow::Break(())
            }
        },
    )?;
    ended.unwrap_or_else(|| parser.finish(on_record))
}

/// Excel's own first line `sep=;`, which it does not show as a row.
fn declared_separator(sample: &str) -> Option<char> {
    let line = sample.lines().next()?.trim_end();
    let mut rest = line
        .get(..4)
        .filter(|s| s.eq_ignore_ascii_case("sep="))?
        .len()..line.len();
    let declared = line[rest.next()?..].chars().next()?;
    line.ends_with(declared)
        .then_some(declared)
        .filter(|c| !c.is_alphanumeric())
}

fn first_records(sample: &str, separator: char) -> Vec<(u64, Vec<String>)> {
    let mut records = Vec::new();
    let mut parser = Parser::new(separator);
    let mut keep = |row: u64, cells: &[String]| {
        if !cells.iter().all(|c| is_blank(c)) {
            records.push((row, cells.to_vec()));
        }
        if records.len() < MAX_TITLE_ROWS {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    // A sample may end inside a quoted cell: what came before it is what counts.
    if let Ok(ControlFlow::Continue(())) = parser.push(sample, &mut keep) {
        let _ = parser.finish(&mut keep);
    }
    records
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first character of a cell.
    Start,
    Plain,
    Quoted,
    /// After a quote inside a quoted cell: its end, or half of a doubled one.
    QuoteInQuoted,
}

/// Cuts text into records. A cell is quoted only when it begins with a quote; what follows the closing quote belongs
/// to the cell, as in Excel.
struct Parser {
    separator: char,
    state: State,
    row: u64,
    cells: Vec<String>,
    /// How many of `cells` belong to the record; the rest is kept for its buffers.
    used: usize,
    after_cr: bool,
    ctrl_z: bool,
    first_line: bool,
}

impl Parser {
    fn new(separator: char) -> Self {
        Self {
            separator,
            state: State::Start,
            row: 1,
            cells: vec![String::new()],
            used: 1,
            after_cr: false,
            ctrl_z: false,
            first_line: true,
        }
    }

    fn push(
        &mut self,
        text: &str,
        on_record: &mut dyn FnMut(u64, &[String]) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, IntakeError> {
        for c in text.chars() {
            if self.after_cr {
                self.after_cr = false;
                if c == '\n' && self.state != State::Quoted {
                    continue;
                }
            }
            if self.ctrl_z {
                self.ctrl_z = false;
                self.add(CTRL_Z)?;
            }
            match (self.state, c) {
                (State::Quoted, '"') => self.state = State::QuoteInQuoted,
                (State::Quoted, c) => self.add(c)?,
                (State::QuoteInQuoted, '"') => {
                    self.add('"')?;
                    self.state = State::Quoted;
                }
                (_, CTRL_Z) => self.ctrl_z = true,
                (State::Start, '"') => self.state = State::Quoted,
                (_, '\r' | '\n') => {
                    self.after_cr = c == '\r';
                    if self.end_record(on_record).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                (_, c) if c == self.separator => self.next_cell(),
                (_, c) => {
                    self.state = State::Plain;
                    self.add(c)?;
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The end of the file; a Ctrl-Z there was no text.
    fn finish(
        &mut self,
        on_record: &mut dyn FnMut(u64, &[String]) -> ControlFlow<()>,
    ) -> Result<(), IntakeError> {
        if self.state == State::Quoted {
            return Err(IntakeError::UnclosedQuote { row: self.row });
        }
        if self.state != State::Start || self.used > 1 {
            let _ = self.end_record(on_record);
        }
        Ok(())
    }

    fn add(&mut self, c: char) -> Result<(), IntakeError> {
        let cell = &mut self.cells[self.used - 1];
        if cell.len() >= MAX_CELL {
            return Err(IntakeError::UnclosedQuote { row: self.row });
        }
        cell.push(c);
        Ok(())
    }

    fn next_cell(&mut self) {
        self.state = State::Start;
        if self.used < MAX_COLUMNS {
            self.used += 1;
            match self.cells.get_mut(self.used - 1) {
                Some(cell) => cell.clear(),
                None => self.cells.push(String::new()),
            }
        }
    }

    fn end_record(
        &mut self,
        on_record: &mut dyn FnMut(u64, &[String]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let is_declaration = self.first_line
            && self.cells[0]
                .get(..4)
                .is_some_and(|s| s.eq_ignore_ascii_case("sep="))
            && self.cells[..self.used].concat().chars().count() <= 5;
        let flow = if is_declaration {
            ControlFlow::Continue(())
        } else {
            let flow = on_record(self.row, &self.cells[..self.used]);
            self.row += 1;
            flow
        };
        self.first_line = false;
        self.state = State::Start;
        self.used = 1;
        self.cells[0].clear();
        flow
    }
}
