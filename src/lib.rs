//! Watchbell (警钟): safety reminders by SMS, through the carriers' own gateways, with a log that an
//! auditor can verify.
//!
//! # The tour
//!
//! Read it in this order; each room's first lines say what it is for, and `tests/it/tidy.rs` names every
//! arrow between them.
//!
//! 1. [`domain`]: the rules, values in and values out. [`domain::message`] is the heart: how a message's
//!    state follows from what happened to it, and how its row holds that state. [`domain::event`] is what the
//!    ledger says.
//! 2. [`store`]: SQLite and PostgreSQL behind one concrete [`store::Store`]. Rows stay inside; typed values
//!    come out; a corrupt row is an error that names table, column and row.
//! 3. [`campaign`]: an audience and a text become a frozen run ([`campaign::freeze`]), slots come
//!    ([`campaign::fire`]), and every step of either life is written in [`campaign::lifecycle`].
//! 4. [`engine`]: what the project exists for. [`engine::core`] decides without I/O; [`engine::journal`]
//!    makes durable; [`engine::driver`] joins them to the gateways. Nothing goes to a socket before its claim
//!    is durable, nothing is acknowledged before it is.
//! 5. [`gateway`]: carriers. One session driver for all binary protocols, one file a protocol, HTTP carriers
//!    by description; [`simulate`] is the other end.
//! 6. [`acceptance`]: does a carrier's gateway keep its contract, before anything is sent through it.
//! 7. [`audit`]: from the ledger alone to what the tables must hold.
//! 8. [`service`]: the use cases. Who may do what is asked here and nowhere else.
//! 9. [`cli`] and [`http`]: one service call each; [`app`] starts and stops the parts, [`demo`] lives through
//!    a whole month with them.

pub mod acceptance;
pub mod app;
pub mod audit;
pub mod bench;
pub mod campaign;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod domain;
pub mod engine;
pub mod gateway;
pub mod http;
pub mod intake;
pub mod random;
pub mod report;
pub mod service;
pub mod simulate;
pub mod store;
pub mod tasks;
pub mod telemetry;
pub mod web;
pub mod work_orders;
