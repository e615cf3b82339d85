//! Why a use case did not happen, in both languages, with the kind of end it means for the command line (and HTTP).

use std::io;

use super::password::PasswordError;
use crate::{
    campaign::freeze::FreezeError,
    domain::{lang::Lang, role::Forbidden},
    engine::{EngineError, lock::LockError},
    intake::{IntakeError, corrected::CorrectedError},
    store,
};

/// A use case's result.
pub type Result<T, E = ServiceError> = std::result::Result<T, E>;

/// Why a use case did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The role table says no.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// What was asked makes no sense, or speaks of something that does not exist.
    #[error("{en}")]
    Usage {
        /// What, where, how to mend it.
        zh: String,
        /// The same in English.
        en: String,
    },
    /// It was understood, and the answer is no.
    #[error("{en}")]
    Refused {
        /// What, where, how to mend it.
        zh: String,
        /// The same in English.
        en: String,
    },
    /// A password cannot be set, or a stored one cannot be read.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// An address book cannot be read.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// The corrected file cannot be written.
    #[error(transparent)]
    Corrected(#[from] CorrectedError),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The engine could not start, or ended by itself.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The engine's lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The run was not made.
    #[error(transparent)]
    Freeze(#[from] FreezeError),
    /// The disk.
    #[error("cannot read or write: {0}")]
    Io(#[from] io::Error),
}

impl ServiceError {
    /// What was asked makes no sense.
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

    /// Is it the asker's or the settings' fault, rather than an answer of no?
    pub fn is_usage(&self) -> bool {
        // A placeholder that no row can fill is the text's fault, not the rows'.
        if let Self::Freeze(FreezeError::Values(problems)) = self {
            return problems.listed.iter().all(|p| p.row.is_none());
        }
        matches!(
            self,
            Self::Usage { .. }
                | Self::Store(
                    store::Error::Missing { .. }
                        | store::Error::Open { .. }
                        | store::Error::Unsupported(_)
                )
                | Self::Freeze(FreezeError::Template(_) | FreezeError::Text(_))
                | Self::Engine(EngineError::Gateway { .. })
        )
    }

    /// For people.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::Forbidden(e) => e.text(lang),
            Self::Usage { zh, en } | Self::Refused { zh, en } => lang.pick(zh, en).clone(),
            Self::Password(e) => e.text(lang),
            Self::Intake(e) => e.text(lang),
            Self::Corrected(e) => lang.pick(format!("改正后的文件：{e}"), e.to_string()),
            Self::Store(store::Error::Missing { what, id }) => {
                lang.pick(format!("没有 {what} {id}。"), self.to_string())
            }
            Self::Store(e) => lang.pick(format!("数据库：{e}"), e.to_string()),
            Self::Freeze(e) => e.text(lang),
            Self::Engine(e) => lang.pick(format!("发送引擎：{e}"), e.to_string()),
            Self::Lock(e) => lang.pick(format!("发送引擎的锁：{e}"), e.to_string()),
            Self::Io(e) => lang.pick(format!("读写失败：{e}"), self.to_string()),
        }
    }
}
