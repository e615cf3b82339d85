//! A month's plan: events, the campaigns around them, and the work orders for the carriers.

use std::time::Duration;

use super::{
    policy::{Late, OnDoubt},
    priority::Priority,
    time::Micros,
};

/// One campaign of a plan with everything worked out: what an import drafts and a forecast reckons with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Its key in the plan file; stays the same when the plan is imported again.
    pub item: String,
    /// What people call it.
    pub name: String,
    /// The text, the events' dates filled in; placeholders for people's values are left.
    pub text: String,
    /// Groups by name, the first one's rows win.
    pub include: Vec<String>,
    /// Groups whose members are left out.
    pub exclude: Vec<String>,
    /// How urgent.
    pub priority: Priority,
    /// What to do about doubt.
    pub on_doubt: OnDoubt,
    /// What to do when it is late.
    pub late: Late,
    /// Not sent later than so long after its slot.
    pub lasts: Option<Duration>,
    /// The schedule as it stands in the plan, on one line: for people.
    pub rule: String,
    /// When it fires: rising, at least one, none twice. One slot: the run is frozen when it is handed in;
    /// several: each is frozen when it is due.
    pub slots: Vec<Micros>,
}
