//! What the ledger knows of runs, campaigns, suppressions and arrivals: plain values that the replay
//! fills in and the tables are compared with.

use crate::domain::event::{FrozenLane, Terms};

/// A run as the ledger knows it.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) campaign: String,
    pub(super) terms: Terms,
    pub(super) lanes: Vec<FrozenLane>,
    pub(super) intent: String,
    pub(super) reason: String,
    pub(super) frozen_us: i64,
    pub(super) approved_us: i64,
    pub(super) opened_us: i64,
    pub(super) closed_us: i64,
    pub(super) day: String,
    pub(super) part_ref: i64,
}

impl Run {
    pub(super) fn size(&self) -> i64 {
        self.lanes.iter().map(|l| l.size).sum()
    }
}

/// A campaign as the ledger knows it.
#[derive(Debug, Default)]
pub(super) struct Campaign {
    pub(super) created_by: String,
    pub(super) submitted_by: String,
    /// Who decided last; empty where the office asks for no decision.
    pub(super) decided_by: String,
    pub(super) state: String,
    /// Of the last act that was not a rule's.
    pub(super) reason: String,
    pub(super) digest: String,
    pub(super) changed_us: i64,
}

impl Campaign {
    /// One act of its life.
    pub(super) fn act(&mut self, by: String, act: &str, reason: String, handed_in: bool) {
        match act {
            // With a run: submitted, or let out at once, and then nobody decides.
            _ if handed_in => {
                if self.created_by.is_empty() {
                    self.created_by.clone_from(&by);
                }
                self.submitted_by = by;
            }
            "approved" | "returned" | "rejected" => self.decided_by = by,
            _ => {}
        }
        // A rule's steps leave the last person's reason standing.
        if !matches!(act, "started" | "finished") {
            self.reason = reason;
        }
    }
}

/// A number that must not be sent to.
#[derive(Debug)]
pub(super) struct Suppression {
    pub(super) by: String,
    pub(super) reason: String,
    pub(super) digest: String,
}

/// A report or an MO that came in.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) gateway: String,
    pub(super) opt_out: bool,
    pub(super) digest: String,
    pub(super) at_us: i64,
}

/// A doubtful part.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) since_us: i64,
    pub(super) graced: bool,
}

/// What began the chain.
#[derive(Debug)]
pub(super) struct Genesis {
    pub(super) installation: String,
    pub(super) practice: bool,
    pub(super) at_us: i64,
}

/// Why nothing may go out.
#[derive(Debug, Default)]
pub(super) struct Halt {
    pub(super) held: String,
    pub(super) stopped_us: i64,
}
