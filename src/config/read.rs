//! Reading one section: each key with what is expected of it, and at the end whatever is left over.

use std::{collections::BTreeSet, time::Duration};

use config::{Map, Value, ValueKind};

use super::{
    error::Problem,
    load::{Layers, is_env, join},
};
use crate::domain::{
    bilingual::{Bilingual, Fixed as Expect, bilingual},
    hours::parse_duration,
    nearest::nearest,
};

/// Keys whose values are never repeated in an error.
const SECRET: [&str; 7] = [
    "password",
    "listen_password",
    "secret",
    "url",
    "webhook",
    "phones",
    "seed_phones",
];

/// A table that is being read.
pub(super) struct Section<'a> {
    path: String,
    table: Map<String, Value>,
    known: BTreeSet<&'static str>,
    absent: Vec<&'static str>,
    layers: &'a Layers,
    problems: Vec<Problem>,
}

impl<'a> Section<'a> {
    /// The outermost table.
    pub(super) fn root(layers: &'a Layers) -> Self {
        Self::new(String::new(), layers.root.clone(), layers)
    }

    fn new(path: String, table: Map<String, Value>, layers: &'a Layers) -> Self {
        Self {
            path,
            table,
            known: BTreeSet::new(),
            absent: Vec::new(),
            layers,
            problems: Vec::new(),
        }
    }

    /// The layers it comes from.
    pub(super) fn layers(&self) -> &'a Layers {
        self.layers
    }

    /// Reads a key by `parse`; what it does not take is a problem that says what was expected.
    pub(super) fn get<T>(
        &mut self,
        key: &'static str,
        expect: Expect,
        parse: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let Some(value) = self.take(key) else {
            let place = self.layers.place(None, &self.path);
            self.problem_at(
                place,
                key,
                bilingual!([expect] "必填，应为{expect}", "is missing; expected {expect}"),
            );
            return None;
        };
        let parsed = parse(&value);
        if parsed.is_none() {
            self.refuse(key, &value, expect);
        }
        parsed
    }

    /// Like [`Section::get`], but a key that is not there means `default`.
    pub(super) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        expect: Expect,
        parse: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        if self.table.contains_key(key) {
            self.get(key, expect, parse)
        } else {
            self.take(key);
            Some(default)
        }
    }

    /// Is the key there, and not yet read?
    pub(super) fn has(&mut self, key: &'static str) -> bool {
        self.known.insert(key);
        self.table.contains_key(key)
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.insert(key);
        let value = self.table.remove(key).filter(|v| v.kind != ValueKind::Nil);
        if value.is_none() {
            self.absent.push(key);
        }
        value
    }

    /// A table inside this one, read by `read`.
    pub(super) fn table<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'a>) -> Option<T>,
    ) -> Option<T> {
        const TABLE: Expect = Expect("一个表", "a table");
        let table = self.get(key, TABLE, |v| {
            if let ValueKind::Table(t) = &v.kind {
                Some(t.clone())
            } else {
                None
            }
        })?;
        let mut inner = Self::new(join(&self.path, key), table, self.layers);
        let read = read(&mut inner);
        self.problems.extend(inner.finish());
        read
    }

    /// A list of tables, each read by `read`; none when the key is absent.
    pub(super) fn tables<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        const TABLES: Expect = Expect(
            "若干个 [[…]] 段",
            "a list of tables, each under its own [[…]]",
        );
        let list = self.or(key, Vec::new(), TABLES, |v| {
            let ValueKind::Array(items) = &v.kind else {
                return None;
            };
            items
                .iter()
                .map(|i| {
                    if let ValueKind::Table(t) = &i.kind {
                        Some(t.clone())
                    } else {
                        None
                    }
                })
                .collect()
        })?;
        let mut all = Some(Vec::new());
        for (n, table) in list.into_iter().enumerate() {
            let mut inner = Self::new(
                format!("{}[{n}]", join(&self.path, key)),
                table,
                self.layers,
            );
            match (read(&mut inner), &mut all) {
                (Some(one), Some(list)) => list.push(one),
                // Read on, so that all that is wrong is said at once.
                _ => all = None,
            }
            self.problems.extend(inner.finish());
        }
        all
    }

    /// Whatever no key asked for.
    pub(super) fn rest(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.table)
    }

    /// The keys asked for so far that were not there.
    pub(super) fn absent(&self) -> &[&'static str] {
        &self.absent
    }

    /// Notes a problem with a key of this section.
    pub(super) fn problem(&mut self, key: &str, origin: Option<&str>, what: Bilingual) {
        let place = self.layers.place(origin, &join(&self.path, key));
        self.problem_at(place, key, what);
    }

    /// Keys left over are unknown; gives all problems.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        let mut left: Vec<_> = self.rest().into_iter().collect();
        left.sort_by(|a, b| a.0.cmp(&b.0));
        for (key, value) in left {
            self.unknown(&key, &value);
        }
        self.problems
    }

    /// An unknown key, with the nearest known one.
    pub(super) fn unknown(&mut self, key: &str, value: &Value) {
        let known: Vec<_> = self.known.iter().copied().collect();
        let what = match nearest(key, &known, 3) {
            Some(near) => bilingual!(
                "没有这个配置项，是不是 {near}？",
                "unknown key; did you mean {near}?"
            ),
            None => bilingual!(
                [known] "没有这个配置项，这里可用：{known}", "unknown key; known here: {known}"
            ),
        };
        // A table's own value has no place; its first inner value has.
        let origin = value
            .origin()
            .map(str::to_owned)
            .or_else(|| inner_origin(value));
        self.problem(key, origin.as_deref(), what);
    }

    fn refuse(&mut self, key: &str, value: &Value, expect: Expect) {
        let what = if SECRET.contains(&key) {
            bilingual!([expect] "应为{expect}", "expected {expect}")
        } else {
            let found = shown(value);
            bilingual!([expect] "应为{expect}，写的是 {found}", "expected {expect}, found {found}")
        };
        let origin = value.origin().map(str::to_owned);
        self.problem(key, origin.as_deref(), what);
    }

    fn problem_at(&mut self, place: String, key: &str, what: Bilingual) {
        self.problems.push(Problem {
            place,
            key: join(&self.path, key),
            what,
        });
    }
}

fn inner_origin(value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::Table(t) => t
            .values()
            .find_map(|v| v.origin().map(str::to_owned).or_else(|| inner_origin(v))),
        _ => None,
    }
}

fn shown(value: &Value) -> String {
    match &value.kind {
        ValueKind::String(s) => format!("{s:?}"),
        ValueKind::Table(_) => "a table".into(),
        ValueKind::Array(_) => "a list".into(),
        other => other.to_string(),
    }
}

/// A string's text; `None` for any other kind of value.
pub(super) fn text(value: &Value) -> Option<String> {
    if let ValueKind::String(s) = &value.kind {
        Some(s.clone())
    } else {
        None
    }
}

/// `true` or `false`.
pub(super) fn flag(value: &Value) -> Option<bool> {
    match &value.kind {
        ValueKind::Boolean(b) => Some(*b),
        ValueKind::String(s) if is_env(value) => s.trim().parse().ok(),
        _ => None,
    }
}

/// A whole number from `least`.
pub(super) fn whole<T: TryFrom<i64> + PartialOrd>(least: T) -> impl Fn(&Value) -> Option<T> {
    move |value| {
        let n = match &value.kind {
            ValueKind::I64(n) => *n,
            ValueKind::U64(n) => i64::try_from(*n).ok()?,
            ValueKind::String(s) if is_env(value) => s.trim().parse().ok()?,
            _ => return None,
        };
        T::try_from(n).ok().filter(|n| *n >= least)
    }
}

/// A number from 0 up.
pub(super) fn money(value: &Value) -> Option<f64> {
    let n = match &value.kind {
        ValueKind::I64(n) => *n as f64,
        ValueKind::Float(n) => *n,
        ValueKind::String(s) if is_env(value) => s.trim().parse().ok()?,
        _ => return None,
    };
    (n.is_finite() && n >= 0.0).then_some(n)
}

/// A list of texts; in the environment separated by commas.
pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    match &value.kind {
        ValueKind::Array(items) => items.iter().map(text).collect(),
        ValueKind::String(s) if is_env(value) => Some(
            s.split(',')
                .map(str::trim)
                .filter(|s| !s.is_empty())
                .map(str::to_owned)
                .collect(),
        ),
        _ => None,
    }
}

/// `72h`, `30m`, `1h30m`, `500ms`, `2d`.
pub(super) fn duration(value: &Value) -> Option<Duration> {
    parse_duration(&text(value)?).ok()
}
