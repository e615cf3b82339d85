//! What a command prints: answers on standard output, everything else on standard error.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use super::error::CliError;

/// The two outputs. Writing to a reader that has gone is [`CliError::Io`] of a broken pipe, which ends
/// the command quietly.
#[derive(Debug)]
pub struct Out {
    terminal: bool,
    /// The one object of `--json` is out.
    answered: AtomicBool,
}

impl Out {
    /// The process's own.
    pub fn process() -> Self {
        Self {
            terminal: io::stdout().is_terminal(),
            answered: AtomicBool::new(false),
        }
    }

    /// One line of the answer.
    pub fn line(&self, line: impl AsRef<str>) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        out.write_all(line.as_ref().as_bytes())?;
        out.write_all(b"\n")?;
        Ok(out.flush()?)
    }

    /// Many lines at once; `write` gets a buffered standard output.
    pub fn stream(
        &self,
        write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
    ) -> Result<(), CliError> {
        let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
        write(&mut out)?;
        Ok(out.flush()?)
    }

    /// The one object of `--json`.
    pub fn json(&self, value: &impl Serialize) -> Result<(), CliError> {
        self.answered.store(true, Ordering::Relaxed);
        self.line(serde_json::to_string(value).map_err(io::Error::other)?)
    }

    /// Is the one object of `--json` out? A command that fails afterwards prints no second one.
    pub(super) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Something for the person that is not the answer.
    pub fn note(&self, line: impl AsRef<str>) -> Result<(), CliError> {
        Ok(writeln!(io::stderr().lock(), "{}", line.as_ref())?)
    }

    /// A table: as wide as the terminal, or without borders when another program reads it.
    pub fn table<const N: usize>(
        &self,
        headers: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> Result<(), CliError> {
        let mut table = self.empty_table();
        table.set_header(headers).add_rows(rows);
        self.line(table.to_string())
    }

    /// More rows of a table that has begun: no heading and no rule comes between them.
    pub fn more_rows<const N: usize>(
        &self,
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> Result<(), CliError> {
        let mut table = self.empty_table();
        table.add_rows(rows);
        let text = table.to_string();
        // Only the style for terminals begins with a rule.
        match text.split_once('\n').filter(|_| self.terminal) {
            Some((_, rows)) => self.line(rows),
            None => self.line(text),
        }
    }

    fn empty_table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(if self.terminal {
            presets::UTF8_FULL_CONDENSED
        } else {
            presets::ASCII_NO_BORDERS
        });
        if self.terminal {
            table.set_content_arrangement(ContentArrangement::Dynamic);
        }
        table
    }
}
