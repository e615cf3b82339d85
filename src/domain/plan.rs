//! A month's plan: events, the campaigns around them, and the work orders for the carriers. Read from a file
//! with all that is wrong in it, written back, moved to another year, and worked out into what is sent when.

mod lunar;
mod moved;
mod read;
mod resolve;
mod table;
#[cfg(test)]
mod tests;
mod write;

use std::{str::FromStr, time::Duration};

use chrono_tz::Tz;

pub use self::{
    lunar::LunarDay,
    read::Read,
    resolve::{Ordered, Resolved},
    table::{Places, Problem},
};
use super::{
    carrier::Carrier,
    hours::HourSpan,
    policy::{Late, OnDoubt},
    priority::Priority,
    schedule::{Schedule, Span},
    time::Micros,
};

/// A plan as its file says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its key: the same name read in again is a change, not a second plan.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The year it is for.
    pub year: i32,
    /// Its clock; the office's when there is none.
    pub zone: Option<Tz>,
    /// Folder of the texts, relative to the plan file.
    pub texts: Option<String>,
    /// What happens when.
    pub events: Vec<Event>,
    /// What is sent about it.
    pub campaigns: Vec<Campaign>,
    /// What the carriers are asked to send to their own subscribers.
    pub work_orders: Vec<WorkOrder>,
}

/// Something that happens on a day or over some days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its key.
    pub id: String,
    /// Its name; in texts `((name))` stands for its date.
    pub name: String,
    /// The days it takes, both included.
    pub span: Span,
    /// The day of the lunar year that it falls on every year.
    pub lunar: Option<LunarDay>,
    /// Who is responsible.
    pub units: Vec<String>,
    /// One line for people.
    pub about: String,
}

/// Where a text comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextSource {
    /// A file of the texts' folder, without its ending.
    Template(String),
    /// Written in the plan itself.
    Inline(String),
}

/// Something that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    /// Its key.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Groups by name, the first one's rows win.
    pub to: Vec<String>,
    /// Groups whose members are left out.
    pub exclude: Vec<String>,
    /// What it says.
    pub text: TextSource,
    /// When it goes out.
    pub schedule: Schedule,
    /// How urgent.
    pub priority: Priority,
    /// Not later than so long after its slot.
    pub not_after: Option<Duration>,
    /// What to do when it is late.
    pub late: Late,
    /// What to do about doubt.
    pub on_doubt: OnDoubt,
}

/// A count that a carrier is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedCount {
    /// How many subscribers were to get it.
    Requested,
    /// How many were sent to.
    Sent,
    /// How many got it.
    Delivered,
}

impl WantedCount {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Requested, Self::Sent, Self::Delivered];

    /// The word in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
        }
    }
}

/// No count that a carrier can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown count {0:?}: write requested, sent or delivered")]
pub struct UnknownCount(pub String);

impl FromStr for WantedCount {
    type Err = UnknownCount;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().copied().find(|c| c.as_str() == s);
        known.ok_or_else(|| UnknownCount(s.to_owned()))
    }
}

/// A batched request that a carrier carries out itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkOrder {
    /// Its key.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Who sends.
    pub carrier: Carrier,
    /// What it says.
    pub text: TextSource,
    /// The sender's name that subscribers see.
    pub signature: String,
    /// What the carrier adds at the end by agreement, such as how to refuse; empty: nothing.
    pub appended: String,
    /// To whom, in words: the office holds none of these numbers.
    pub audience: String,
    /// From which day to which.
    pub span: Span,
    /// Between which hours of a day.
    pub hours: HourSpan,
    /// At most so many a day; 0: no cap.
    pub daily_cap: u64,
    /// Which counts the carrier is to report.
    pub counts: Vec<WantedCount>,
    /// What evidence it is to give, in words.
    pub evidence: String,
    /// Whom it asks.
    pub contact: String,
}

/// One campaign of a plan with everything worked out: what an import drafts and a forecast counts.
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
    /// When it fires: rising, at least one, none twice. One slot: the run is frozen when it is submitted;
    /// several: each is frozen when it is due.
    pub slots: Vec<Micros>,
}
