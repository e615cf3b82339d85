//! How a command ends: the three exit codes, and the errors with the code each of them means.

use std::{io, process::ExitCode};

use serde_json::{Map, Value, json};

use super::refusal::CliRefusal;
use crate::{
    config::ConfigError,
    domain::{
        lang::Lang,
        phone::Phone,
        refusal::{Kind, Refusal},
        role::Forbidden,
    },
    service::{ServiceError, refusal::MachineRefusal},
};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: it ran and the answer is no: a check failed, something was refused or left in doubt.
    No,
    /// 2: wrong usage or configuration, or not built yet.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::No => 1,
            Exit::Usage => 2,
        })
    }
}

impl Exit {
    /// [`Exit::Done`] when it is so, else [`Exit::No`].
    pub fn of(ok: bool) -> Self {
        if ok { Self::Done } else { Self::No }
    }
}

/// Why a command could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line itself says no.
    #[error(transparent)]
    Refused(#[from] CliRefusal),
    /// The settings cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The rules say no.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// A use case did not happen.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// Reading or writing failed.
    #[error("cannot read or write: {0}")]
    Io(#[from] io::Error),
}

impl CliError {
    /// The command is not built yet.
    pub fn not_built(command: &'static str) -> Self {
        CliRefusal::NotBuilt { command }.into()
    }

    /// The refusal it comes to.
    pub fn refusal(&self) -> Box<dyn Refusal> {
        match self {
            Self::Refused(e) => Box::new(e.clone()),
            Self::Config(e) => Box::new(CliRefusal::Config { problems: e.into() }),
            Self::Forbidden(e) => Box::new(e.clone()),
            Self::Service(e) => e.refusal(),
            Self::Io(e) => Box::new(MachineRefusal::Io { why: e.to_string() }),
        }
    }

    /// The exit code it means: the one place that decides.
    pub fn exit(&self) -> Exit {
        match self.refusal().kind() {
            _ if self.reader_has_gone() => Exit::Done,
            Kind::Usage => Exit::Usage,
            Kind::Refused => Exit::No,
        }
    }

    /// What to tell; nothing when the reader has gone.
    pub fn text(&self, lang: Lang) -> Option<String> {
        (!self.reader_has_gone()).then(|| masked(&self.refusal().text(lang)))
    }

    /// The one object of `--json`: code and message, and beside them what the message speaks of.
    pub fn json(&self, lang: Lang) -> Option<Value> {
        (!self.reader_has_gone()).then(|| json_of(&*self.refusal(), lang))
    }

    /// Who reads the first lines only (`| head`) has got what was asked for.
    fn reader_has_gone(&self) -> bool {
        matches!(self, Self::Io(e) if e.kind() == io::ErrorKind::BrokenPipe)
    }
}

fn json_of(refusal: &dyn Refusal, lang: Lang) -> Value {
    let mut error = Map::new();
    error.insert("code".to_owned(), refusal.code().into());
    error.insert("message".to_owned(), refusal.text(lang).into());
    error.extend(refusal.facts(lang));
    let mut error = Value::Object(error);
    mask(&mut error);
    json!({ "error": error })
}

/// Whoever typed a phone number where a name or a time should be gets it back masked: screens are shared, and the
/// object is kept in logs.
fn masked(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let numbers = words
        .filter(|w| w.len() == 11)
        .filter_map(|w| Some((w, Phone::from_wire(w)?)));
    numbers.fold(text.to_owned(), |text, (word, phone)| {
        text.replace(word, &phone.to_string())
    })
}

fn mask(value: &mut Value) {
    match value {
        Value::String(text) => *text = masked(text),
        Value::Array(all) => all.iter_mut().for_each(mask),
        Value::Object(all) => all.values_mut().for_each(mask),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_was_typed_comes_back_masked() {
        let mut value = json!({ "a": ["用户13800138000、13800138001", 5], "id": "13800138000a" });
        mask(&mut value);
        let text = value.to_string();
        assert!(
            !text.contains("13800138001") && text.contains("13800138000a"),
            "{text}"
        );
    }
}
