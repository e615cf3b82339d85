//! The rules, pure: values in, values out. No I/O, no clock, nothing async.

pub mod audience;
pub mod audience_spec;
pub mod calendar;
pub mod carrier;
pub mod check_code;
pub mod event;
pub mod forecast;
pub mod hours;
pub mod id;
pub mod lang;
pub mod ledger;
pub mod lifecycle;
pub mod message;
pub mod month;
pub mod nearest;
pub mod optout;
pub mod phone;
pub mod plan;
pub mod policy;
pub mod priority;
pub mod role;
pub mod schedule;
pub mod template;
pub mod text;
pub mod time;
pub mod work_order;
