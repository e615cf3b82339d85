//! Tests from outside, one binary: files by feature, helpers in `support`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod address_books;
mod audit_ledger;
mod audit_plans;
mod audit_support;
mod audit_tables;
mod bad_input;
mod binary_support;
mod chaos_copies;
mod chaos_kill;
mod commands;
mod contacts;
mod county_support;
mod daemon;
mod forecast;
mod gateway_limits;
mod gateway_stories;
mod gateway_support;
mod gateways_check;
mod holding_back;
mod intake;
mod june;
mod log;
mod opt_outs;
mod order_support;
mod plan_commands;
mod plan_import;
mod rates;
mod recorder_stories;
mod recorder_support;
mod report;
mod scheduling;
mod sending_stories;
mod simulate_stories;
mod slots;
mod support;
mod tidy;
mod trouble_below;
mod users;
mod work_order_kill;
mod work_order_papers;
mod work_order_tables;
mod work_orders;
