//! What is asked of a carrier's gateway before anything is sent through it: does it let us in ([`check`]), and does
//! it keep its contract ([`Acceptance`], 联调)? Talks to gateways only: rights, the engine's lock and the ledger are
//! the service's.
//!
//! An acceptance proves with some phones what the contract says of rate, window, reports, texts from phones, long
//! messages and keep-alive, and its [`Record`] says what was seen. What the carrier delivers meanwhile and is not ours
//! is not acknowledged: it comes again, and the engine makes it durable.

mod error;
mod expected;
mod finding;
mod halt;
mod links;
mod login;
mod phones;
mod prepared;
mod record;
mod refusal;
mod reports;
mod run;
mod session;
mod step;
mod submits;
mod tally;
mod texts;
mod times;
mod under_way;

pub use self::{
    error::AcceptanceError,
    expected::Planned,
    halt::Halt,
    login::{Checked, Engine, Finding, Listener, check},
    phones::{Receiver, read_phones},
    prepared::{AcceptRequest, Acceptance, check_settings},
    record::{End, Letterhead, Ran, Record},
    refusal::AcceptanceRefusal,
    run::run,
    step::{Step, StepName, StepVerdict},
    under_way::Going,
};
