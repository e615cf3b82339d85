//! Texts with placeholders, `((姓名))`, checked against everyone's values before anything is sent.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::{
    nearest::distance,
    text::{is_invisible, is_sendable},
};

/// Longest value in characters unless a limit of its own is given: enough for a unit's full name, short enough that
/// one person's row does not make a text of many segments.
pub const DEFAULT_VALUE_LIMIT: usize = 40;

/// Longest name of a placeholder in characters.
pub const MAX_NAME: usize = 20;

/// Problems listed one by one; beyond it they are only counted, since a wrong column repeats in every row.
pub const MAX_PROBLEMS: usize = 1000;

/// The placeholder that stands for a person's name.
pub const NAME: &str = "姓名";
/// For the unit.
pub const UNIT: &str = "单位";
/// For the department.
pub const DEPARTMENT: &str = "部门";
/// For the post.
pub const POST: &str = "职务";

/// A text with placeholders, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Arc<str>),
}

impl Template {
    /// Reads `((name))`; full-width parentheses are taken too.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        loop {
            let Some((at, after)) = opening(rest) else {
                if !rest.is_empty() {
                    pieces.push(Piece::Text(rest.to_owned()));
                }
                break;
            };
            let line = text[..text.len() - rest.len() + at].matches('\n').count() + 1;
            if at > 0 {
                pieces.push(Piece::Text(rest[..at].to_owned()));
            }
            let inside = &rest[after..];
            let Some((end, next)) = closing(inside) else {
                return Err(TemplateError::Unclosed {
                    line,
                    near: excerpt(inside),
                });
            };
            let written = &inside[..end];
            if opening(written).is_some() || written.contains('\n') {
                return Err(TemplateError::Unclosed {
                    line,
                    near: excerpt(written),
                });
            }
            let name = canonical_name(written);
            if name.is_empty() {
                return Err(TemplateError::EmptyName { line });
            }
            if name.chars().count() > MAX_NAME {
                return Err(TemplateError::LongName {
                    line,
                    near: excerpt(&name),
                });
            }
            pieces.push(Piece::Value(name.into()));
            rest = &inside[next..];
        }
        Ok(Self { pieces })
    }

    /// The placeholders, each once, in the order of the text.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for piece in &self.pieces {
            if let Piece::Value(name) = piece
                && !names.contains(&&**name)
            {
                names.push(&**name);
            }
        }
        names
    }

    /// The text with the values in place. Values are never read as templates.
    pub fn render(&self, values: &Values) -> Result<String, Problem> {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Value(name) => match values.get(name) {
                    Some(value) if !value.is_empty() => out.push_str(value),
                    Some(_) => {
                        return Err(Problem {
                            row: None,
                            name: name.clone(),
                            fault: Fault::Empty,
                        });
                    }
                    None => {
                        return Err(Problem {
                            row: None,
                            name: name.clone(),
                            fault: Fault::Missing,
                        });
                    }
                },
            }
        }
        Ok(out)
    }

    /// The text with those placeholders filled in that `value` knows, and the others left as they are.
    pub fn fill(&self, value: impl Fn(&str) -> Option<String>) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Value(name) => value(name).unwrap_or_else(|| format!("(({name}))")),
        };
        self.pieces.iter().map(piece).collect()
    }

    /// Placeholders that none of the known columns can fill, each with the nearest right name.
    pub fn check_names<'a>(&self, known: impl IntoIterator<Item = &'a str>) -> Vec<Problem> {
        let known: Vec<String> = known.into_iter().map(canonical_name).collect();
        self.names()
            .into_iter()
            .filter(|name| !known.iter().any(|k| k == name))
            .map(|name| Problem {
                row: None,
                name: name.into(),
                fault: Fault::Unknown {
                    nearest: nearest(name, &known),
                },
            })
            .collect()
    }

    /// Everything that would go wrong: first the names, then, when they are right, each row's values. `rows` are
    /// pairs of what a person calls the row (its line in the file, say) and its values.
    pub fn check<'a, 'v>(
        &self,
        known: impl IntoIterator<Item = &'a str>,
        rows: impl IntoIterator<Item = (u64, &'v Values)>,
        limits: &ValueLimits,
    ) -> Problems {
        let names = self.check_names(known);
        let mut problems = Problems {
            total: names.len(),
            listed: names,
        };
        if problems.total > 0 {
            return problems;
        }
        for (row, values) in rows {
            self.check_row(row, values, limits, &mut problems);
        }
        problems
    }

    /// Adds one row's problems; for callers that stream their rows.
    pub fn check_row(
        &self,
        row: u64,
        values: &Values,
        limits: &ValueLimits,
        problems: &mut Problems,
    ) {
        for name in self.names() {
            let fault = match values.get(name) {
                None => Some(Fault::Missing),
                Some(value) => limits.fault(name, value),
            };
            if let Some(fault) = fault {
                problems.total += 1;
                if problems.listed.len() < MAX_PROBLEMS {
                    problems.listed.push(Problem {
                        row: Some(row),
                        name: name.into(),
                        fault,
                    });
                }
            }
        }
    }
}

/// How long a value may be, in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueLimits {
    default: usize,
    by_name: BTreeMap<String, usize>,
}

impl Default for ValueLimits {
    fn default() -> Self {
        Self::new(DEFAULT_VALUE_LIMIT)
    }
}

impl ValueLimits {
    /// One limit for all values.
    pub fn new(default: usize) -> Self {
        Self {
            default,
            by_name: BTreeMap::new(),
        }
    }

    /// A limit of its own for one placeholder.
    #[must_use]
    pub fn with(mut self, name: &str, limit: usize) -> Self {
        self.by_name.insert(canonical_name(name), limit);
        self
    }

    fn fault(&self, name: &str, value: &str) -> Option<Fault> {
        let limit = self.by_name.get(name).copied().unwrap_or(self.default);
        let length = value.chars().count();
        if value.trim().is_empty() {
            Some(Fault::Empty)
        } else if length > limit {
            Some(Fault::TooLong { length, limit })
        } else {
            let bad = value
                .chars()
                .find(|c| matches!(c, '【' | '】') || !is_sendable(*c));
            bad.map(|c| Fault::Forbidden { code: c as u32 })
        }
    }
}

/// A template that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `((` without `))`.
    #[error("line {line}: the placeholder at {near:?} is not closed: write ((name)) on one line")]
    Unclosed {
        /// Line of the text, from 1.
        line: usize,
        /// The text that follows.
        near: String,
    },
    /// `(())`.
    #[error("line {line}: a placeholder has no name: write ((姓名)), for example")]
    EmptyName {
        /// Line of the text, from 1.
        line: usize,
    },
    /// A name longer than any heading.
    #[error(
        "line {line}: the placeholder's name at {near:?} is longer than {MAX_NAME} characters: shorten the heading and the name"
    )]
    LongName {
        /// Line of the text, from 1.
        line: usize,
        /// The name's beginning.
        near: String,
    },
}

/// One thing that is wrong with a placeholder or with somebody's value for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}(({name})): {fault}", row.map(|r| format!("row {r}: ")).unwrap_or_default())]
pub struct Problem {
    /// The row; `None` when the template itself is at fault.
    pub row: Option<u64>,
    /// The placeholder.
    pub name: Arc<str>,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a placeholder or a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// No column has this name.
    Unknown {
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// The row has no such value.
    Missing,
    /// The value is empty.
    Empty,
    /// The value is too long.
    TooLong {
        /// Its characters.
        length: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// The value holds a bracket reserved for the signature, or something invisible.
    Forbidden {
        /// The character's code point.
        code: u32,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown {
                nearest: Some(name),
            } => write!(f, "no column has this name: did you mean (({name}))?"),
            Self::Unknown { nearest: None } => {
                f.write_str("no column has this name: add the column, or take it out of the text")
            }
            Self::Missing => f.write_str("there is no value: fill in the column"),
            Self::Empty => f.write_str("the value is empty: fill it in"),
            Self::TooLong { length, limit } => write!(
                f,
                "the value has {length} characters, at most {limit} are allowed: shorten it"
            ),
            Self::Forbidden { code } => write!(
                f,
                "the value holds U+{code:04X}, which cannot be sent: delete it"
            ),
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems {
    /// The first [`MAX_PROBLEMS`].
    pub listed: Vec<Problem>,
    /// How many there are.
    pub total: usize,
}

/// One person's values by placeholder, sorted by name; as JSON an object without blanks, always the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Values(Vec<(Arc<str>, String)>);

impl Values {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a value, in place of an earlier one; the name is brought to its canonical form.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.set_shared(&canonical_name(name).into(), value.into());
    }

    /// As [`Values::set`], for a name that already is canonical: a million rows share one copy of it.
    pub fn set_shared(&mut self, name: &Arc<str>, value: String) {
        match self.0.binary_search_by(|(n, _)| n.cmp(name)) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (Arc::clone(name), value)),
        }
    }

    /// The value of a placeholder.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .binary_search_by(|(n, _)| (**n).cmp(name))
            .ok()
            .map(|at| &*self.0[at].1)
    }

    /// All values in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (&**n, &**v))
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Canonical JSON: what is stored and hashed.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a map of strings always serialises")
    }

    /// Reads [`Values::to_json`] back.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }
}

impl<N: AsRef<str>, V: Into<String>> FromIterator<(N, V)> for Values {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut values = Self::new();
        for (name, value) in pairs {
            values.set(name.as_ref(), value);
        }
        values
    }
}

impl Serialize for Values {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let map = BTreeMap::<String, String>::deserialize(from)?;
        Ok(Self(map.into_iter().map(|(n, v)| (n.into(), v)).collect()))
    }
}

/// The one spelling of a placeholder's name or a column's heading: half-width, without what cannot be seen; the
/// English names of the four known columns become the Chinese ones.
pub fn canonical_name(written: &str) -> String {
    let visible: String = written
        .nfkc()
        .filter(|c| !is_invisible(*c) && !c.is_control())
        .collect();
    let name = visible.trim();
    match &*name.to_lowercase() {
        "name" => NAME.to_owned(),
        "unit" | "organisation" | "organization" => UNIT.to_owned(),
        "department" => DEPARTMENT.to_owned(),
        "post" | "title" => POST.to_owned(),
        _ => name.to_owned(),
    }
}

/// The first `((`: where it begins and where the name begins. Of three parentheses in a row the first is text, so
/// that `（((单位))）` is a unit in parentheses.
fn opening(text: &str) -> Option<(usize, usize)> {
    let is_open = |c: char| matches!(c, '(' | '（');
    let mut previous: Option<usize> = None;
    let mut pair = None;
    for (at, c) in text.char_indices() {
        if is_open(c) {
            pair = previous.map(|first| (first, at + c.len_utf8()));
            previous = Some(at);
        } else if pair.is_some() {
            break;
        } else {
            previous = None;
        }
    }
    pair
}

/// The first `))`: where the name ends and where the text goes on.
fn closing(text: &str) -> Option<(usize, usize)> {
    let mut previous: Option<usize> = None;
    for (at, c) in text.char_indices() {
        if !matches!(c, ')' | '）') {
            previous = None;
        } else if let Some(first) = previous {
            return Some((first, at + c.len_utf8()));
        } else {
            previous = Some(at);
        }
    }
    None
}

fn excerpt(text: &str) -> String {
    text.chars().take(10).collect()
}

/// The known name that was probably meant: the one that differs least, letter case ignored, if it shares
/// anything with what was written.
pub fn nearest(name: &str, known: &[String]) -> Option<String> {
    let written = name.to_lowercase();
    known
        .iter()
        .map(|k| (distance(&written, &k.to_lowercase()), k))
        .filter(|(d, k)| *d < name.chars().count().max(k.chars().count()))
        .min_by_key(|(d, _)| *d)
        .map(|(_, k)| k.clone())
}

#[cfg(test)]
mod tests;
