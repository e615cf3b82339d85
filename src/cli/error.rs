//! How a command ends: the three exit codes, and the errors with the code each of them means.

use std::{io, process::ExitCode};

use crate::{
    config::ConfigError,
    domain::{lang::Lang, role::Forbidden},
    service::ServiceError,
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
    /// The arguments do not make sense together, or a value cannot be read.
    #[error("{en}")]
    Usage {
        /// What, where, how to mend it.
        zh: String,
        /// The same in English.
        en: String,
    },
    /// The settings cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The command is not built yet.
    #[error("`watchbell {0}` is not built yet")]
    NotBuilt(&'static str),
    /// The rules say no.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Refused, or failed, for a reason that people can read.
    #[error("{en}")]
    Refused {
        /// What, where, how to mend it.
        zh: String,
        /// The same in English.
        en: String,
    },
    /// A use case did not happen.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// Reading or writing failed.
    #[error("cannot read or write: {0}")]
    Io(#[from] io::Error),
}

impl CliError {
    /// The arguments are wrong.
    pub fn usage(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Usage {
            zh: zh.into(),
            en: en.into(),
        }
    }

    /// The answer is no.
    pub fn refused(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Refused {
            zh: zh.into(),
            en: en.into(),
        }
    }

    /// The exit code it means: the one place that decides.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. } | Self::Config(_) | Self::NotBuilt(_) => Exit::Usage,
            // Who reads the first lines only (`| head`) has got what was asked for.
            Self::Io(e) if e.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Service(e) if e.is_usage() => Exit::Usage,
            Self::Forbidden(_) | Self::Refused { .. } | Self::Service(_) | Self::Io(_) => Exit::No,
        }
    }

    /// What to tell; nothing when the reader has gone.
    pub fn text(&self, lang: Lang) -> Option<String> {
        Some(match self {
            Self::Usage { zh, en } | Self::Refused { zh, en } => lang.pick(zh, en).clone(),
            Self::Config(e) => e.text(lang),
            Self::NotBuilt(what) => lang.pick(
                format!(
                    "watchbell {what} 尚未实现 (not built yet)。可用的命令见 watchbell --help。"
                ),
                format!("watchbell {what}: not built yet. `watchbell --help` lists what is."),
            ),
            Self::Forbidden(e) => e.text(lang),
            Self::Service(e) => e.text(lang),
            Self::Io(e) if e.kind() == io::ErrorKind::BrokenPipe => return None,
            Self::Io(e) => lang.pick(format!("读写失败：{e}"), self.to_string()),
        })
    }
}
