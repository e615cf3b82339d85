//! Reading one table of a plan file: each key with what is expected of it, and at the end whatever is left over.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::domain::{
    bilingual::{Bilingual, Fixed as Expect, bilingual},
    lang::Lang,
    nearest::nearest,
};

/// Slips that are still taken for a known word.
const SLIPS: usize = 3;

/// Something wrong in a plan file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The key, with the table it stands in.
    pub key: String,
    what: Bilingual,
}

impl Problem {
    pub(super) fn new(line: usize, key: impl Into<String>, what: Bilingual) -> Self {
        Self {
            line,
            key: key.into(),
            what,
        }
    }

    /// What is wrong in both languages, to be said of another place.
    pub(super) fn into_what(self) -> Bilingual {
        self.what
    }

    /// What is wrong, and how to mend it.
    pub fn what(&self, lang: Lang) -> &str {
        self.what.text(lang)
    }

    /// One line: where, which key, what is wrong.
    pub fn text(&self, file: &str, lang: Lang) -> String {
        let (line, key, what) = (self.line, &self.key, self.what(lang));
        lang.pick(
            format!("{file}:{line}：{key}：{what}"),
            format!("{file}:{line}: {key}: {what}"),
        )
    }
}

/// On which line each key stands.
#[derive(Debug, Clone, Default)]
pub struct Places(BTreeMap<(String, &'static str), usize>);

impl Places {
    /// A problem with a key, on the line where it stands, or where its table begins.
    pub(super) fn problem(&self, table: &str, key: &'static str, what: Bilingual) -> Problem {
        let line = |key| self.0.get(&(table.to_owned(), key)).copied();
        let line = line(key).or_else(|| line("")).unwrap_or(1);
        Problem::new(line, format!("{table}.{key}"), what)
    }
}

/// The file being read, with what is wrong in it so far.
#[derive(Debug)]
pub(super) struct Reading<'i> {
    source: &'i str,
    pub(super) places: Places,
    pub(super) problems: Vec<Problem>,
}

impl<'i> Reading<'i> {
    pub(super) fn new(source: &'i str) -> Self {
        Self {
            source,
            places: Places::default(),
            problems: Vec::new(),
        }
    }

    pub(super) fn line(&self, at: usize) -> usize {
        let before = self.source.get(..at).unwrap_or(self.source);
        before.matches('\n').count() + 1
    }
}

/// A table with the keys that have not been asked for yet.
#[derive(Debug)]
pub(super) struct Table<'i> {
    pub(super) path: String,
    line: usize,
    keys: BTreeMap<String, (Range<usize>, DeValue<'i>)>,
    known: BTreeSet<&'static str>,
}

impl<'i> Table<'i> {
    pub(super) fn new(reading: &mut Reading<'i>, path: &str, table: Spanned<DeTable<'i>>) -> Self {
        let line = reading.line(table.span().start);
        reading.places.0.insert((path.to_owned(), ""), line);
        let keys = table.into_inner().into_iter().map(|(key, value)| {
            let at = key.span();
            (key.into_inner().into_owned(), (at, value.into_inner()))
        });
        Self {
            path: path.to_owned(),
            line,
            keys: keys.collect(),
            known: BTreeSet::new(),
        }
    }

    /// A key with the table it stands in.
    fn key(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The line of a key, or of the table when it is not there (any more).
    fn take(
        &mut self,
        reading: &mut Reading<'i>,
        key: &'static str,
    ) -> Option<(usize, DeValue<'i>)> {
        self.known.insert(key);
        let (at, value) = self.keys.remove(key)?;
        let line = reading.line(at.start);
        reading.places.0.insert((self.path.clone(), key), line);
        Some((line, value))
    }

    /// Is the key there, and not asked for yet?
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// A key that need not be there, read by `parse`; what it does not take is a problem.
    pub(super) fn optional<T>(
        &mut self,
        reading: &mut Reading<'i>,
        key: &'static str,
        expect: Expect,
        parse: impl FnOnce(&DeValue<'i>) -> Option<T>,
    ) -> Option<T> {
        let (line, value) = self.take(reading, key)?;
        let parsed = parse(&value);
        if parsed.is_none() {
            let found = shown(&value);
            reading.problems.push(Problem::new(
                line,
                self.key(key),
                bilingual!([expect] "应为{expect}，写的是 {found}", "expected {expect}, found {found}"),
            ));
        }
        parsed
    }

    /// A key that must be there.
    pub(super) fn required<T>(
        &mut self,
        reading: &mut Reading<'i>,
        key: &'static str,
        expect: Expect,
        parse: impl FnOnce(&DeValue<'i>) -> Option<T>,
    ) -> Option<T> {
        if self.has(key) {
            return self.optional(reading, key, expect, parse);
        }
        self.known.insert(key);
        reading.problems.push(Problem::new(
            self.line,
            self.key(key),
            bilingual!([expect] "必填，应为{expect}", "is missing; expected {expect}"),
        ));
        None
    }

    /// One of a few words; the nearest is named when it is another.
    pub(super) fn word<T: Copy>(
        &mut self,
        reading: &mut Reading<'i>,
        key: &'static str,
        all: &[T],
        name: fn(T) -> &'static str,
    ) -> Option<T> {
        let (line, value) = self.take(reading, key)?;
        let words: Vec<&str> = all.iter().map(|t| name(*t)).collect();
        let written = text(&value);
        let found = written
            .as_deref()
            .and_then(|w| all.iter().find(|t| name(**t) == w));
        if found.is_none() {
            let near = nearest(written.as_deref().unwrap_or_default(), &words, SLIPS);
            let problem = unknown(line, self.key(key), &shown(&value), near, &words);
            reading.problems.push(problem);
        }
        found.copied()
    }

    /// A problem of this table's own making.
    pub(super) fn problem(&self, reading: &mut Reading<'i>, key: &'static str, what: Bilingual) {
        let problem = reading.places.problem(&self.path, key, what);
        reading.problems.push(problem);
    }

    /// A table inside this one.
    pub(super) fn table(&mut self, reading: &mut Reading<'i>, key: &'static str) -> Option<Self> {
        let path = self.key(key);
        let at = self.keys.get(key).map(|(at, _)| at.clone());
        let table = self.required(reading, key, TABLE, |v| match v {
            DeValue::Table(table) => Some(table.clone()),
            _ => None,
        })?;
        Some(Self::new(reading, &path, Spanned::new(at?, table)))
    }

    /// A list of tables, each under its own `[[…]]`; none when the key is absent.
    pub(super) fn tables(&mut self, reading: &mut Reading<'i>, key: &'static str) -> Vec<Self> {
        let Some((line, value)) = self.take(reading, key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value else {
            let problem = Problem::new(
                line,
                self.key(key),
                bilingual!(
                    "应为若干个 [[{key}]] 段",
                    "expected tables, each under its own [[{key}]]"
                ),
            );
            reading.problems.push(problem);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (n, item) in items.into_iter().enumerate() {
            let at = item.span();
            if let DeValue::Table(table) = item.into_inner() {
                let path = format!("{key}[{}]", n + 1);
                tables.push(Self::new(reading, &path, Spanned::new(at, table)));
            }
        }
        tables
    }

    /// Keys left over are unknown: each with the nearest known one.
    pub(super) fn finish(self, reading: &mut Reading<'i>) {
        let known: Vec<&str> = self.known.iter().copied().collect();
        for (key, (at, _)) in &self.keys {
            let near = nearest(key, &known, SLIPS);
            let what = match near {
                Some(near) => bilingual!(
                    "没有这个键，是不是 {near}？",
                    "unknown key; did you mean {near}?"
                ),
                None => bilingual!(
                    [known] "没有这个键，这里可用：{known}", "unknown key; known here: {known}"
                ),
            };
            let problem = Problem::new(reading.line(at.start), self.key(key), what);
            reading.problems.push(problem);
        }
    }
}

const TABLE: Expect = Expect("一个表", "a table");

/// A word that names nothing, with the nearest that does.
pub(super) fn unknown(
    line: usize,
    key: String,
    written: &str,
    near: Option<&str>,
    known: &[&str],
) -> Problem {
    match near {
        Some(near) => Problem::new(
            line,
            key,
            bilingual!(
                "没有 {written}，是不是 {near}？",
                "there is no {written}; did you mean {near}?"
            ),
        ),
        None => Problem::new(
            line,
            key,
            bilingual!([known] "没有 {written}，可用：{known}", "there is no {written}; known: {known}"),
        ),
    }
}

/// A string's text; `None` for any other kind of value.
pub(super) fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(s) => Some(Cow::clone(s).into_owned()),
        _ => None,
    }
}

/// Text that says something, on one line.
pub(super) fn line_of_text(value: &DeValue<'_>) -> Option<String> {
    let text = text(value)?;
    let good = !text.trim().is_empty() && !text.chars().any(char::is_control);
    good.then(|| text.trim().to_owned())
}

/// A list of texts, each saying something.
pub(super) fn texts(value: &DeValue<'_>) -> Option<Vec<String>> {
    match value {
        DeValue::Array(items) => items.iter().map(|i| line_of_text(i.get_ref())).collect(),
        _ => None,
    }
}

/// A whole number.
pub(super) fn whole(value: &DeValue<'_>) -> Option<i64> {
    match value {
        DeValue::Integer(n) => i64::from_str_radix(&n.as_str().replace('_', ""), n.radix()).ok(),
        _ => None,
    }
}

/// Parsed from its text.
pub(super) fn parsed<T: std::str::FromStr>(value: &DeValue<'_>) -> Option<T> {
    text(value)?.parse().ok()
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(s) => format!("{s:?}"),
        DeValue::Integer(n) => n.to_string(),
        DeValue::Float(n) => n.to_string(),
        DeValue::Boolean(b) => b.to_string(),
        DeValue::Datetime(d) => d.to_string(),
        DeValue::Array(_) => "[…]".to_owned(),
        DeValue::Table(_) => "{…}".to_owned(),
    }
}
