//! What the ledger knows of runs, campaigns, suppressions and arrivals: plain values that the replay
//! fills in and the tables are compared with.

use crate::domain::{
    event::{FrozenLane, Terms},
    id::{CampaignId, RunId},
    lifecycle::{CampaignAct, CampaignState, Intent},
    policy::Late,
    time::Micros,
};

/// A run as the ledger knows it.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) campaign: CampaignId,
    pub(super) terms: Terms,
    pub(super) lanes: Vec<FrozenLane>,
    pub(super) intent: Intent,
    pub(super) reason: String,
    pub(super) frozen: Micros,
    pub(super) approved: Option<Micros>,
    pub(super) opened: Option<Micros>,
    pub(super) closed: Option<Micros>,
    pub(super) day: Option<String>,
    pub(super) part_ref: u8,
    pub(super) late: Late,
}

impl Run {
    pub(super) fn size(&self) -> i64 {
        self.lanes.iter().map(|l| l.size).sum()
    }
}

/// A campaign as the ledger knows it.
#[derive(Debug)]
pub(super) struct Campaign {
    pub(super) created_by: String,
    pub(super) submitted_by: String,
    /// Who decided last; empty where the office asks for no decision.
    pub(super) decided_by: String,
    pub(super) state: CampaignState,
    /// Of the last act that was not a rule's.
    pub(super) reason: String,
    pub(super) digest: String,
    pub(super) changed: Micros,
    /// Since when it is approved.
    pub(super) approved: Option<Micros>,
    pub(super) bound: Bound,
}

/// What a campaign's digest was made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Bound {
    /// Its row as a draft.
    #[default]
    Draft,
    /// Its row as it was submitted to fire again and again.
    Recurring,
    /// Its text and this run.
    Run(RunId),
}

impl Campaign {
    /// One to which nothing has happened.
    pub(super) fn new() -> Self {
        Self {
            created_by: String::new(),
            submitted_by: String::new(),
            decided_by: String::new(),
            state: CampaignState::Draft,
            reason: String::new(),
            digest: String::new(),
            changed: Micros(0),
            approved: None,
            bound: Bound::Draft,
        }
    }

    /// One act of its life; `run` is the one frozen just before, if it submits the campaign.
    pub(super) fn act(
        &mut self,
        by: String,
        act: CampaignAct,
        reason: String,
        run: Option<RunId>,
        at: Micros,
    ) {
        use CampaignAct as A;
        match act {
            A::Approve => self.approved = Some(at),
            A::Create | A::Change | A::Void | A::Submit => self.approved = None,
            A::Rename
            | A::Return
            | A::Reject
            | A::Start
            | A::Pause
            | A::Resume
            | A::Cancel
            | A::Finish => {}
        }
        match (run, act) {
            // With a run: submitted, or approved at once, and then nobody decides.
            (Some(run), _) => {
                self.bound = Bound::Run(run);
                if self.created_by.is_empty() {
                    self.created_by.clone_from(&by);
                }
                self.submitted_by = by;
            }
            (None, A::Create) => self.created_by = by,
            (None, A::Change | A::Void) => self.bound = Bound::Draft,
            (None, A::Submit) => {
                self.bound = Bound::Recurring;
                self.submitted_by = by;
            }
            (None, A::Approve | A::Return | A::Reject) => self.decided_by = by,
            (None, A::Rename | A::Start | A::Pause | A::Resume | A::Cancel | A::Finish) => {}
        }
        // A rule's steps leave the last person's reason standing.
        if !matches!(act, A::Start | A::Finish | A::Rename) {
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
    pub(super) at: Micros,
}

/// A doubtful part.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) since: Micros,
    pub(super) grace_over: bool,
}

/// What began the chain.
#[derive(Debug)]
pub(super) struct Genesis {
    pub(super) installation: String,
    pub(super) practice: bool,
    pub(super) at: Micros,
}

/// Why nothing may go out.
#[derive(Debug, Default)]
pub(super) struct Halt {
    pub(super) held: String,
    pub(super) stopped: Option<Micros>,
}
