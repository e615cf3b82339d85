//! Where settings come from, one layer over the other, and where each value stood.

use crate::domain::bilingual::{Bilingual, bilingual};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use config::{FileFormat, Map, Source, Value, ValueKind};
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Problem};

/// The built-in defaults: the commented file itself, so that the two cannot differ.
pub(super) const DEFAULTS: &str = include_str!("../../config/default.toml");

/// The file that is read when `--config` names none and it exists.
pub(super) const USUAL_FILE: &str = "watchbell.toml";

const PREFIX: &str = "WATCHBELL__";
const ENV_ORIGIN: &str = "environment variable ";
const DEFAULT_ORIGIN: &str = "built-in defaults";

/// All layers put together.
pub(super) struct Layers {
    /// Every value with the place it came from.
    pub(super) root: Map<String, Value>,
    /// The file that was read.
    pub(super) file: Option<PathBuf>,
    /// Where a key stands in that file: path → line.
    pub(super) lines: BTreeMap<String, usize>,
    /// The whole environment, for `env:NAME`.
    pub(super) env: BTreeMap<String, String>,
}

impl Layers {
    /// Reads the layers; complains about nothing but unreadable sources.
    pub(super) fn read(
        file: Option<&Path>,
        env: BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let usual = Path::new(USUAL_FILE);
        let file = file.or_else(|| usual.is_file().then_some(usual));
        let mut builder = config::Config::builder().add_source(Layer::toml(
            DEFAULT_ORIGIN,
            DEFAULTS,
            Path::new(DEFAULT_ORIGIN),
        )?);
        let mut lines = BTreeMap::new();
        let mut gateway_ids = Vec::new();
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
                path: path.to_owned(),
                source,
            })?;
            let table = DeTable::parse(&text).map_err(|e| syntax(path, &text, &e))?;
            note_lines("", table.get_ref(), &text, &mut lines);
            gateway_ids = ids(table.get_ref());
            builder = builder.add_source(Layer::toml(&path.display().to_string(), &text, path)?);
        }
        let mut problems = Vec::new();
        // One source a variable, in order: which wins must not depend on a hash map's mood.
        for (name, value) in env
            .iter()
            .filter_map(|(n, v)| n.strip_prefix(PREFIX).map(|rest| (rest, v)))
        {
            let origin = format!("{ENV_ORIGIN}{PREFIX}{name}");
            match key_path(name, &gateway_ids) {
                Ok(path) => builder = builder.add_source(Layer::one(&origin, path, value)),
                Err(what) => problems.push(Problem {
                    place: origin,
                    key: name.to_lowercase(),
                    what,
                }),
            }
        }
        let built = builder.build().map_err(|e| {
            problems.push(Problem {
                place: file.unwrap_or(usual).display().to_string(),
                key: "*".into(),
                what: Bilingual::same(e.to_string()),
            });
        });
        let root = built.ok().and_then(|c| {
            if let ValueKind::Table(t) = c.cache.kind {
                Some(t)
            } else {
                None
            }
        });
        match root {
            Some(root) if problems.is_empty() => Ok(Self {
                root,
                file: file.map(Path::to_owned),
                lines,
                env,
            }),
            _ => Err(ConfigError::Invalid(problems)),
        }
    }

    /// The folder that relative paths start from.
    pub(super) fn folder(&self) -> &Path {
        self.file
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or(Path::new(""))
    }

    /// Where a key stands, for people: `watchbell.toml:12`, or the variable's name.
    pub(super) fn place(&self, origin: Option<&str>, key: &str) -> String {
        match origin {
            Some(origin) if origin.starts_with(ENV_ORIGIN) => origin.to_owned(),
            _ => match (&self.file, self.lines.get(key)) {
                (Some(file), Some(line)) => format!("{}:{line}", file.display()),
                (Some(file), None) => file.display().to_string(),
                (None, _) => USUAL_FILE.to_owned(),
            },
        }
    }
}

/// Did this value come as text from the environment? Then a number is still to be read out of it.
pub(super) fn is_env(value: &Value) -> bool {
    value.origin().is_some_and(|o| o.starts_with(ENV_ORIGIN))
}

/// One source whose values know where they came from.
#[derive(Debug, Clone)]
struct Layer(Map<String, Value>);

impl Layer {
    fn toml(origin: &str, text: &str, path: &Path) -> Result<Self, ConfigError> {
        let map = config::File::from_str(text, FileFormat::Toml)
            .collect()
            .map_err(|e| ConfigError::Syntax {
                path: path.to_owned(),
                line: 1,
                column: 1,
                message: e.to_string(),
            })?;
        let origin = origin.to_owned();
        Ok(Self(
            map.into_iter()
                .map(|(k, v)| (k, tagged(&origin, v)))
                .collect(),
        ))
    }

    fn one(origin: &str, path: String, value: &str) -> Self {
        Self(
            [(path, Value::new(Some(&origin.to_owned()), value))]
                .into_iter()
                .collect(),
        )
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
}

fn tagged(origin: &String, value: Value) -> Value {
    let kind = match value.kind {
        ValueKind::Table(t) => {
            ValueKind::Table(t.into_iter().map(|(k, v)| (k, tagged(origin, v))).collect())
        }
        ValueKind::Array(a) => ValueKind::Array(a.into_iter().map(|v| tagged(origin, v)).collect()),
        plain => plain,
    };
    Value::new(Some(origin), kind)
}

/// `SENDING__SEASON__FROM` → `sending.season.from`; `GATEWAYS__0__RATE` and `GATEWAYS__MOBILE__RATE` →
/// `gateways[0].rate`.
fn key_path(name: &str, gateway_ids: &[String]) -> Result<String, Bilingual> {
    let parts: Vec<String> = name.split("__").map(str::to_lowercase).collect();
    if parts.iter().any(String::is_empty) {
        return Err(bilingual!(
            "名称不完整，应为 WATCHBELL__段__键",
            "the name has an empty part; expected WATCHBELL__SECTION__KEY"
        ));
    }
    match parts.as_slice() {
        [first, which, rest @ ..] if first == "gateways" && !rest.is_empty() => {
            let found = which
                .parse()
                .ok()
                .or_else(|| gateway_ids.iter().position(|id| as_variable(id) == *which));
            match found {
                // One past the end adds a gateway; a gap would be a gateway of nothing.
                Some(n) if n <= gateway_ids.len() => {
                    Ok(format!("gateways[{n}].{}", rest.join(".")))
                }
                _ => {
                    let known = gateway_ids.to_vec();
                    Err(bilingual!(
                        [known] "文件里没有网关“{which}”，已有：{known}",
                        "the file has no gateway {which:?}; it has: {known}"
                    ))
                }
            }
        }
        _ => Ok(parts.join(".")),
    }
}

fn as_variable(id: &str) -> String {
    id.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect()
}

fn ids(table: &DeTable<'_>) -> Vec<String> {
    let Some(DeValue::Array(list)) = table.get("gateways").map(toml::Spanned::get_ref) else {
        return Vec::new();
    };
    list.iter()
        .map(|g| match g.get_ref() {
            DeValue::Table(t) => t
                .get("id")
                .and_then(|v| v.get_ref().as_str())
                .unwrap_or_default()
                .to_owned(),
            _ => String::new(),
        })
        .collect()
}

/// A key's path inside a table's.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn note_lines(prefix: &str, table: &DeTable<'_>, text: &str, lines: &mut BTreeMap<String, usize>) {
    for (key, value) in table {
        let path = join(prefix, key.get_ref());
        lines.insert(path.clone(), position(text, key.span().start).0);
        match value.get_ref() {
            DeValue::Table(inner) => note_lines(&path, inner, text, lines),
            DeValue::Array(list) => {
                for (n, item) in list.iter().enumerate() {
                    let path = format!("{path}[{n}]");
                    lines.insert(path.clone(), position(text, item.span().start).0);
                    if let DeValue::Table(inner) = item.get_ref() {
                        note_lines(&path, inner, text, lines);
                    }
                }
            }
            _ => {}
        }
    }
}

fn syntax(path: &Path, text: &str, e: &toml::de::Error) -> ConfigError {
    let (line, column) = position(text, e.span().map_or(0, |s| s.start));
    ConfigError::Syntax {
        path: path.to_owned(),
        line,
        column,
        message: e.message().to_owned(),
    }
}

/// Line and column of a byte, from 1.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    (line, column)
}
