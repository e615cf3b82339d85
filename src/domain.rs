//! The rules, pure: values in, values out. No I/O, no clock, nothing async.

pub mod id;
pub mod time;
