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
    pub(super) late: String,
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
    /// Since when it is let out; 0: not.
    pub(super) approved_us: i64,
    pub(super) bound: Bound,
}

/// What a campaign's digest was made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Bound {
    /// Its row as a draft.
    #[default]
    Draft,
    /// Its row as it was handed in to fire again and again.
    Recurring,
    /// Its text and this run.
    Run(String),
}

impl Campaign {
    /// One act of its life; `run` is the one frozen just before, if it hands the campaign in.
    pub(super) fn act(
        &mut self,
        by: String,
        act: &str,
        reason: String,
        run: Option<String>,
        at_us: i64,
    ) {
        match act {
            "approved" => self.approved_us = at_us,
            "created" | "changed" | "voided" | "submitted" => self.approved_us = 0,
            _ => {}
        }
        match (act, run) {
            // With a run: submitted, or let out at once, and then nobody decides.
            (_, Some(run)) => {
                self.bound = Bound::Run(run);
                if self.created_by.is_empty() {
                    self.created_by.clone_from(&by);
                }
                self.submitted_by = by;
            }
            ("created", None) => self.created_by = by,
            ("changed" | "voided", None) => self.bound = Bound::Draft,
            ("submitted", None) => {
                self.bound = Bound::Recurring;
                self.submitted_by = by;
            }
            ("approved" | "returned" | "rejected", None) => self.decided_by = by,
            _ => {}
        }
        // A rule's steps leave the last person's reason standing.
        if !matches!(act, "started" | "finished" | "renamed") {
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
