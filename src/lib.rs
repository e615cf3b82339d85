//! Watchbell (警钟): safety reminders by SMS, through the carriers' own gateways, with a log that an
//! auditor can verify.
//!
//! The tour, bottom up: [`domain`] holds the rules and does no I/O.

pub mod county;
pub mod domain;
pub mod intake;
