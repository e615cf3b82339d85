//! What is asked of a carrier's gateway before anything is sent through it: does it let us in ([`check`])? Talks to
//! gateways only: rights, the engine's lock and the ledger are the service's.

mod login;

pub use self::login::{Checked, Engine, Finding, Listener, check};
