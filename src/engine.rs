//! The engine: what the project exists for. [`core`] decides, [`driver`] does the I/O around it; one
//! engine per database, by [`lock`]; [`sidecar`] tells a copy from a crash, and what is held opens no link; [`recovery`] settles what
//! a crash left, before any link opens.

pub mod core;
pub mod driver;
pub mod error;
pub mod housekeeping;
pub mod journal;
pub mod lock;
pub mod recovery;
pub mod sidecar;

mod held;

pub use crate::store::error::Next;
pub use driver::{Engine, Parts};
pub use error::EngineError;
pub use housekeeping::Policy;
