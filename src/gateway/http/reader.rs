//! Reads a description's TOML: all errors at once, each with its line and the nearest right key.

use std::{cell::RefCell, collections::BTreeMap, fmt, time::Duration};

use serde_json::Value;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::domain::nearest::nearest;

/// What is wrong in a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescriptionError {
    /// Counted from 1.
    pub line: usize,
    /// What, and what would be right.
    pub what: String,
}

impl fmt::Display for DescriptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// A description's text, and what was found wrong in it so far.
#[derive(Debug)]
pub(super) struct Source<'i> {
    text: &'i str,
    problems: RefCell<Vec<DescriptionError>>,
}

impl<'i> Source<'i> {
    pub(super) fn new(text: &'i str) -> Self {
        Self {
            text,
            problems: RefCell::default(),
        }
    }

    /// The whole file; none when it is not TOML.
    pub(super) fn root(&self) -> Option<Section<'_, 'i>> {
        match DeTable::parse(self.text) {
            Ok(table) => Some(Section::new(self, String::new(), table)),
            Err(e) => {
                let at = e.span().map_or(0, |s| s.start);
                self.problem(at, format!("not valid TOML: {}", e.message()));
                None
            }
        }
    }

    fn problem(&self, at: usize, what: String) {
        let line = 1 + self.text[..at.min(self.text.len())].matches('\n').count();
        self.problems
            .borrow_mut()
            .push(DescriptionError { line, what });
    }

    /// All that was wrong, by line.
    pub(super) fn problems(self) -> Vec<DescriptionError> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|p| p.line);
        problems
    }
}

/// One table; [`Section::finish`] complains about keys that were not read.
pub(super) struct Section<'s, 'i> {
    source: &'s Source<'i>,
    path: String,
    at: usize,
    values: BTreeMap<String, (usize, Spanned<DeValue<'i>>)>,
    known: Vec<&'static str>,
}

impl<'s, 'i> Section<'s, 'i> {
    fn new(source: &'s Source<'i>, path: String, table: Spanned<DeTable<'i>>) -> Self {
        let at = table.span().start;
        let values = table
            .into_inner()
            .into_iter()
            .map(|(key, value)| {
                let at = key.span().start;
                (key.into_inner().into_owned(), (at, value))
            })
            .collect();
        Self {
            source,
            path,
            at,
            values,
            known: Vec::new(),
        }
    }

    fn name(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }

    fn take(&mut self, key: &'static str) -> Option<(usize, Spanned<DeValue<'i>>)> {
        self.known.push(key);
        self.values.remove(key)
    }

    /// Says that something is wrong with a key.
    pub(super) fn wrong(&self, at: usize, key: &str, expected: &str) {
        let name = self.name(key);
        self.source.problem(at, format!("`{name}`: {expected}"));
    }

    /// Says that something is wrong with the whole table.
    pub(super) fn wrong_here(&self, what: &str) {
        let path = &self.path;
        self.source.problem(self.at, format!("[{path}]: {what}"));
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        parse: impl Fn(&DeValue<'i>) -> Option<T>,
    ) -> Option<T> {
        let (at, value) = self.take(key)?;
        let parsed = parse(value.get_ref());
        if parsed.is_none() {
            self.wrong(at, key, &format!("expected {expected}"));
        }
        parsed
    }

    /// A text, if it is there.
    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        self.read(key, "a text", |v| v.as_str().map(str::to_owned))
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, key: &'static str) -> Option<String> {
        let missing = !self.values.contains_key(key);
        let text = self.text(key);
        if missing {
            self.wrong(self.at, key, "is missing");
        }
        text
    }

    /// One of these words, if it is there.
    pub(super) fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|w| w.0).collect();
        self.read(key, &format!("one of {}", names.join(", ")), |v| {
            let written = v.as_str()?;
            words.iter().find(|w| w.0 == written).map(|w| w.1)
        })
    }

    /// A whole number from 1 up, if it is there.
    pub(super) fn count(&mut self, key: &'static str) -> Option<u16> {
        self.read(key, "a whole number from 1 to 65535", |v| match v {
            DeValue::Integer(n) => n.as_str().parse().ok().filter(|n: &u16| *n > 0),
            _ => None,
        })
    }

    /// A time with its unit, if it is there.
    pub(super) fn duration(&mut self, key: &'static str) -> Option<Duration> {
        self.read(key, "a time such as \"30s\", \"10m\" or \"24h\"", |v| {
            duration(v.as_str()?)
        })
    }

    /// A list of texts, or one text; empty when it is not there.
    pub(super) fn texts(&mut self, key: &'static str) -> Vec<String> {
        self.read(key, "a text or a list of texts", |v| match v {
            DeValue::String(one) => Some(vec![one.clone().into_owned()]),
            DeValue::Array(all) => all
                .iter()
                .map(|v| v.get_ref().as_str().map(str::to_owned))
                .collect(),
            _ => None,
        })
        .unwrap_or_default()
    }

    /// A table whose values are all texts; empty when it is not there.
    pub(super) fn text_table(&mut self, key: &'static str) -> Vec<(String, String)> {
        self.read(key, "a table of texts", |v| {
            let DeValue::Table(table) = v else {
                return None;
            };
            let entry = |(k, v): (&Spanned<std::borrow::Cow<'i, str>>, &Spanned<DeValue<'i>>)| {
                Some((
                    k.get_ref().clone().into_owned(),
                    v.get_ref().as_str()?.to_owned(),
                ))
            };
            table.iter().map(entry).collect()
        })
        .unwrap_or_default()
    }

    /// Any value, as JSON.
    pub(super) fn json(&mut self, key: &'static str) -> Option<Value> {
        self.read(key, "texts, numbers, lists and tables", json)
    }

    /// A table inside this one.
    pub(super) fn section(&mut self, key: &'static str) -> Option<Section<'s, 'i>> {
        let (at, value) = self.take(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(table) => Some(Section::new(
                self.source,
                self.name(key),
                Spanned::new(span, table),
            )),
            _ => {
                self.wrong(at, key, "expected a table");
                None
            }
        }
    }

    /// A table that must be there.
    pub(super) fn required_section(&mut self, key: &'static str) -> Option<Section<'s, 'i>> {
        let missing = !self.values.contains_key(key);
        let section = self.section(key);
        if missing {
            self.wrong(self.at, key, "is missing");
        }
        section
    }

    /// What is left was not asked for.
    pub(super) fn finish(self) {
        for (key, (at, _)) in &self.values {
            let hint = match nearest(key, &self.known, 3) {
                Some(nearest) => format!("unknown key; did you mean `{nearest}`?"),
                None => format!("unknown key; known are {}", self.known.join(", ")),
            };
            self.wrong(*at, key, &hint);
        }
    }
}

fn json(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(s) => Value::String(s.clone().into_owned()),
        DeValue::Integer(n) => Value::from(n.as_str().parse::<i64>().ok()?),
        DeValue::Boolean(b) => Value::Bool(*b),
        DeValue::Array(all) => Value::Array(
            all.iter()
                .map(|v| json(v.get_ref()))
                .collect::<Option<_>>()?,
        ),
        DeValue::Table(table) => Value::Object(
            table
                .iter()
                .map(|(k, v)| Some((k.get_ref().clone().into_owned(), json(v.get_ref())?)))
                .collect::<Option<_>>()?,
        ),
        DeValue::Float(_) | DeValue::Datetime(_) => return None,
    })
}

fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let count: u64 = digits.parse().ok().filter(|n| *n > 0)?;
    match &text[digits.len()..] {
        "ms" => Some(Duration::from_millis(count)),
        "s" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_secs(count.checked_mul(60)?)),
        "h" => Some(Duration::from_secs(count.checked_mul(3_600)?)),
        _ => None,
    }
}
