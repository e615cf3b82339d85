//! The rules, pure: values in, values out. No I/O, no clock, nothing async.

pub mod event;
pub mod id;
pub mod ledger;
pub mod lifecycle;
pub mod message;
pub mod priority;
pub mod time;
