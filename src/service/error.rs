//! Why a use case did not happen: each area's refusals, and what failed below them. All have a code, a kind
//! and a text in both languages.

use std::{io, path::Path};

use serde_json::{Map, Value};

use super::{
    audit::AuditError,
    password::PasswordError,
    refusal::{
        CampaignRefusal, ContactsRefusal, DemoRefusal, GatewayRefusal, MachineRefusal,
        OfficeRefusal, OrderRefusal, UserRefusal,
    },
};
use crate::{
    acceptance::{AcceptanceError, AcceptanceRefusal},
    campaign::freeze::FreezeError,
    domain::{
        lang::Lang,
        lifecycle::InvalidAct,
        refusal::{Kind, Refusal},
        role::Forbidden,
        work_order::NotPossible,
    },
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
    /// About users.
    #[error(transparent)]
    User(#[from] UserRefusal),
    /// About address books and groups.
    #[error(transparent)]
    Contacts(#[from] ContactsRefusal),
    /// About campaigns, plans and runs.
    #[error(transparent)]
    Campaign(#[from] CampaignRefusal),
    /// About work orders.
    #[error(transparent)]
    Order(#[from] OrderRefusal),
    /// The work order does not take this step.
    #[error(transparent)]
    OrderStep(#[from] NotPossible),
    /// About gateways.
    #[error(transparent)]
    Gateway(#[from] GatewayRefusal),
    /// About a gateway's acceptance.
    #[error(transparent)]
    Acceptance(#[from] AcceptanceRefusal),
    /// About the log, reports and backups.
    #[error(transparent)]
    Office(#[from] OfficeRefusal),
    /// The demo.
    #[error(transparent)]
    Demo(#[from] DemoRefusal),
    /// The machine.
    #[error(transparent)]
    Machine(#[from] MachineRefusal),
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

impl From<InvalidAct> for ServiceError {
    fn from(error: InvalidAct) -> Self {
        store::Refusal::from(error).into()
    }
}

impl From<store::Refusal> for ServiceError {
    fn from(refusal: store::Refusal) -> Self {
        Self::Store(refusal.into())
    }
}

impl From<AcceptanceError> for ServiceError {
    fn from(error: AcceptanceError) -> Self {
        match error {
            AcceptanceError::Refused(e) => e.into(),
            AcceptanceError::Phones(e) => e.into(),
            AcceptanceError::Gateway { id, source } => EngineError::Gateway { id, source }.into(),
        }
    }
}

impl From<AuditError> for ServiceError {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Store(e) => e.into(),
            AuditError::NoDatabase(path) => OfficeRefusal::NoDatabase { path }.into(),
            AuditError::Io(e) => e.into(),
        }
    }
}

impl ServiceError {
    /// A file that a person named cannot be opened.
    pub fn cannot_open(path: &Path, why: &io::Error) -> Self {
        ContactsRefusal::CannotOpen {
            path: path.to_owned(),
            why: why.to_string(),
        }
        .into()
    }

    /// The refusal it comes to.
    pub fn refusal(&self) -> Box<dyn Refusal> {
        match self {
            Self::Forbidden(e) => Box::new(e.clone()),
            Self::User(e) => Box::new(e.clone()),
            Self::Contacts(e) => Box::new(e.clone()),
            Self::Campaign(e) => Box::new(e.clone()),
            Self::Order(e) => Box::new(e.clone()),
            Self::OrderStep(e) => Box::new(e.clone()),
            Self::Gateway(e) => Box::new(e.clone()),
            Self::Acceptance(e) => Box::new(e.clone()),
            Self::Office(e) => Box::new(e.clone()),
            Self::Demo(e) => Box::new(e.clone()),
            Self::Machine(e) => Box::new(e.clone()),
            Self::Password(e) => Box::new(e.clone()),
            Self::Intake(e) => Box::new(e.clone()),
            Self::Corrected(e) => Box::new(e.clone()),
            Self::Store(e) | Self::Lock(LockError::Store(e)) => of_store(e),
            Self::Freeze(e) => match e.refusal() {
                Ok(refusal) => Box::new(refusal),
                Err(e) => of_store(e),
            },
            Self::Engine(e) => of_engine(e),
            Self::Lock(e @ LockError::File { .. }) => {
                Box::new(MachineRefusal::Lock { why: e.to_string() })
            }
            Self::Io(e) => Box::new(MachineRefusal::Io { why: e.to_string() }),
        }
    }

    /// The code, one of `docs/errors.md`.
    pub fn code(&self) -> &'static str {
        self.refusal().code()
    }

    /// Is it the asker's or the settings' fault, rather than an answer of no?
    pub fn is_usage(&self) -> bool {
        self.refusal().kind() == Kind::Usage
    }

    /// For people.
    pub fn text(&self, lang: Lang) -> String {
        self.refusal().text(lang)
    }

    /// What the text speaks of, for programs.
    pub fn facts(&self, lang: Lang) -> Map<String, Value> {
        self.refusal().facts(lang)
    }
}

fn of_store(error: &store::Error) -> Box<dyn Refusal> {
    match error {
        store::Error::Refused(refusal) => Box::new(refusal.clone()),
        other => Box::new(MachineRefusal::of(other)),
    }
}

fn of_engine(error: &EngineError) -> Box<dyn Refusal> {
    let why = error.to_string();
    match error {
        EngineError::Store(e) | EngineError::Lock(LockError::Store(e)) => of_store(e),
        EngineError::Lock(LockError::File { .. }) => Box::new(MachineRefusal::Lock { why }),
        EngineError::Gateway { id, source } => Box::new(MachineRefusal::GatewaySettings {
            gateway: id.to_string(),
            why: source.to_string(),
        }),
        EngineError::LeaseLost(_) => Box::new(store::Refusal::LeaseTaken),
        EngineError::Sidecar { .. }
        | EngineError::Journal
        | EngineError::NotDrained
        | EngineError::Task { .. } => Box::new(MachineRefusal::Engine { why }),
    }
}
