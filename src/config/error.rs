//! What can be wrong with the settings, said so that the reader knows which line to mend.

use std::{fmt, path::PathBuf};

use crate::domain::{bilingual::Bilingual, lang::Lang};

/// The settings cannot be used. [`fmt::Display`] is English; [`ConfigError::text`] takes the language.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    Read {
        /// The file that could not be read.
        path: PathBuf,
        /// The system's own error.
        source: std::io::Error,
    },
    /// The file is not TOML. The line itself is not shown: it may hold a password.
    Syntax {
        /// The file with the mistake.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// The parser's words.
        message: String,
    },
    /// Keys that nobody knows, or values that cannot be: all of them at once.
    Invalid(Vec<Problem>),
}

/// One thing to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `watchbell.toml:12`, or `environment variable WATCHBELL__SENDING__TIMEZONE`.
    pub place: String,
    /// The key's whole path, such as `sending.season.from`.
    pub key: String,
    /// What is wrong and what was expected.
    pub what: Bilingual,
}

impl ConfigError {
    /// The whole message, a line for each thing to mend.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::Read { path, source } => {
                let path = path.display();
                lang.pick(
                    format!("读不了配置文件 {path}：{source}。请检查 --config 后面的路径和文件权限。"),
                    format!("cannot read the configuration file {path}: {source}. Check the path after --config and the file's permissions."),
                )
            }
            Self::Syntax {
                path,
                line,
                column,
                message,
            } => {
                let path = path.display();
                lang.pick(
                    format!("{path}:{line}:{column}：不是合法的 TOML：{message}"),
                    format!("{path}:{line}:{column}: not valid TOML: {message}"),
                )
            }
            Self::Invalid(problems) => {
                let lines = problems.iter().map(|p| p.text(lang));
                let head = lang.pick("配置有误：", "the configuration cannot be used:");
                std::iter::once(head.to_owned())
                    .chain(lines.map(|l| format!("  {l}")))
                    .collect::<Vec<_>>()
                    .join("\n")
            }
        }
    }
}

impl Problem {
    /// One line: where, which key, what is wrong.
    pub fn text(&self, lang: Lang) -> String {
        let Self { place, key, what } = self;
        let what = what.text(lang);
        lang.pick(
            format!("{place}：{key}：{what}"),
            format!("{place}: {key}: {what}"),
        )
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            Self::Syntax { .. } | Self::Invalid(_) => None,
        }
    }
}
