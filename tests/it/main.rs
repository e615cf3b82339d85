//! Tests from outside, one binary: files by feature, helpers in `support`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod address_books;
mod audit_ledger;
mod audit_support;
mod audit_tables;
mod binary_support;
mod chaos_copies;
mod chaos_kill;
mod commands;
mod contacts;
mod county_support;
mod gateway_limits;
mod gateway_stories;
mod gateway_support;
mod gateways_check;
mod daemon;
mod holding_back;
mod intake;
mod log;
mod opt_outs;
mod rates;
mod sending_stories;
mod simulate_stories;
mod support;
mod tidy;
mod users;
