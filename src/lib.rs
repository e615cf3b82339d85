//! Watchbell (警钟): safety reminders by SMS, through the carriers' own gateways, with a log that an
//! auditor can verify.
//!
//! The tour, bottom up: [`domain`] holds the rules and does no I/O.

pub mod clock;
pub mod config;
pub mod county;
pub mod domain;
pub mod gateway;
pub mod intake;
pub mod simulate;
