//! Watchbell (警钟): safety reminders by SMS, through the carriers' own gateways, with a log that an
//! auditor can verify.
//!
//! The tour, bottom up: [`domain`] holds the rules and does no I/O; [`config`], [`clock`],
//! [`telemetry`] and [`alert`] are leaves that everybody may use; [`service`] holds the use cases.

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
pub mod telemetry;
pub mod web;
pub mod work_orders;
