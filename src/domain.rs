//! The rules, pure: values in, values out. No I/O, no clock, nothing async.

pub mod carrier;
pub mod id;
pub mod lang;
pub mod phone;
pub mod template;
pub mod text;
pub mod time;
