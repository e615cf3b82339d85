//! The lives of campaigns and runs: which act is possible when. A transition is one `match`; an
//! impossible one is an error that names both.

use std::{fmt, str::FromStr};

/// Declares a state enum whose names are what the database and people read.
macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownState;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|v| v.as_str() == s).ok_or_else(|| UnknownState(s.to_owned()))
            }
        }
    };
}

pub(super) use states;

/// The word names no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown state {0:?}")]
pub struct UnknownState(pub String);

states!(
    /// A campaign's state.
    CampaignState {
        /// Being written.
        Draft = "draft",
        /// Waits for an approver.
        Submitted = "submitted",
        /// Sent back to be changed.
        Returned = "returned",
        /// Let out; its time has not come.
        Approved = "approved",
        /// A run of it is going.
        Active = "active",
        /// Halted by a person.
        Paused = "paused",
        /// All runs done.
        Finished = "finished",
        /// Refused for good.
        Rejected = "rejected",
        /// Called off.
        Cancelled = "cancelled",
    }
);

states!(
    /// What happens to a campaign.
    CampaignAct {
        /// Drafted for the first time.
        Create = "created",
        /// Called otherwise; nothing that an approval binds has changed.
        Rename = "renamed",
        /// Handed in for approval.
        Submit = "submitted",
        /// Let out.
        Approve = "approved",
        /// Sent back with a reason.
        Return = "returned",
        /// Refused with a reason.
        Reject = "rejected",
        /// A run has opened.
        Start = "started",
        /// Halted until somebody resumes it.
        Pause = "paused",
        /// Let go on.
        Resume = "resumed",
        /// Called off.
        Cancel = "cancelled",
        /// The last run is done.
        Finish = "finished",
        /// Its plan says something else now, and nobody has been asked yet.
        Change = "changed",
        /// Its plan says something else now: what was handed in or let out no longer holds.
        Void = "voided",
    }
);

/// The act is not possible in this state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a campaign that is {from} cannot be {act}")]
pub struct InvalidAct {
    /// Where it stands.
    pub from: CampaignState,
    /// What was asked.
    pub act: CampaignAct,
}

impl CampaignState {
    /// The state after `act`.
    pub fn on(self, act: CampaignAct) -> Result<Self, InvalidAct> {
        use CampaignAct as A;
        use CampaignState as S;
        match (self, act) {
            (S::Draft | S::Returned, A::Submit) => Ok(S::Submitted),
            (S::Submitted, A::Approve) => Ok(S::Approved),
            (S::Submitted, A::Return) => Ok(S::Returned),
            (S::Submitted, A::Reject) => Ok(S::Rejected),
            (S::Approved, A::Start) => Ok(S::Active),
            (S::Approved | S::Active, A::Pause) => Ok(S::Paused),
            (S::Paused, A::Resume) => Ok(S::Active),
            (
                S::Draft | S::Submitted | S::Returned | S::Approved | S::Active | S::Paused,
                A::Cancel,
            ) => Ok(S::Cancelled),
            // A run can end without having begun: its time has passed.
            (S::Approved | S::Active, A::Finish) => Ok(S::Finished),
            (S::Draft | S::Returned, A::Change) => Ok(S::Draft),
            (S::Submitted | S::Approved | S::Active | S::Paused, A::Void) => Ok(S::Draft),
            (
                from
                @ (S::Draft | S::Returned | S::Submitted | S::Approved | S::Active | S::Paused),
                A::Rename,
            ) => Ok(from),
            (
                from
                @ (S::Draft | S::Returned | S::Submitted | S::Approved | S::Active | S::Paused),
                act @ A::Create,
            )
            | (
                from @ (S::Draft | S::Returned),
                act @ (A::Approve
                | A::Return
                | A::Reject
                | A::Start
                | A::Pause
                | A::Resume
                | A::Finish
                | A::Void),
            )
            | (
                from @ S::Submitted,
                act @ (A::Submit | A::Start | A::Pause | A::Resume | A::Finish | A::Change),
            )
            | (
                from @ (S::Approved | S::Active | S::Paused),
                act @ (A::Submit | A::Approve | A::Return | A::Reject | A::Change),
            )
            | (from @ S::Approved, act @ A::Resume)
            | (from @ S::Active, act @ (A::Start | A::Resume))
            | (from @ S::Paused, act @ (A::Start | A::Pause | A::Finish))
            | (from @ (S::Finished | S::Rejected | S::Cancelled), act) => {
                Err(InvalidAct { from, act })
            }
        }
    }
}

states!(
    /// What people want of a run; kept beside the progress that follows from its messages.
    Intent {
        /// Send, within its hours.
        Go = "go",
        /// Wait until resumed.
        Paused = "paused",
        /// Wait until released: something about it is not as approved.
        Held = "held",
        /// Don't send the rest.
        Cancelled = "cancelled",
    }
);

states!(
    /// What happens to a run.
    RunAct {
        /// Its campaign was approved.
        Approve = "approved",
        /// Its lanes opened.
        Open = "opened",
        /// Halted by a person.
        Pause = "paused",
        /// Goes on, by a person's word.
        Resume = "resumed",
        /// Halted by a rule, until a person decides.
        Hold = "held",
        /// Goes on though a rule had halted it, by a person's word.
        Release = "released",
        /// Called off, or its campaign was.
        Cancel = "cancelled",
        /// Its time has passed before it opened.
        Miss = "missed",
        /// No message of it is open any more.
        Finish = "done",
    }
);

states!(
    /// What happens to all sending.
    StopAct {
        /// Halted by a person.
        Stop = "stopped",
        /// What had left when the halt took hold.
        Count = "left",
        /// Halted by a rule: this may be a copy.
        Hold = "held",
        /// Goes on, by a person's word.
        Release = "released",
    }
);

states!(
    /// How far a run is: derived, never stored.
    Progress {
        /// Not frozen yet.
        Planned = "planned",
        /// Frozen, nothing claimed.
        Frozen = "frozen",
        /// Messages wait or are on their way.
        Sending = "sending",
        /// All handed over; reports pending.
        AwaitingReports = "awaiting_reports",
        /// No message open.
        Done = "done",
        /// Its time passed while nothing could go out.
        Missed = "missed",
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_submitted_campaign_can_be_approved() {
        for &from in CampaignState::ALL {
            assert_eq!(
                from.on(CampaignAct::Approve).is_ok(),
                from == CampaignState::Submitted,
                "{from}"
            );
        }
    }

    #[test]
    fn a_final_campaign_admits_no_act() {
        for from in [
            CampaignState::Finished,
            CampaignState::Rejected,
            CampaignState::Cancelled,
        ] {
            for &act in CampaignAct::ALL {
                assert_eq!(from.on(act), Err(InvalidAct { from, act }));
            }
        }
    }

    #[test]
    fn names_read_back() {
        for &s in CampaignState::ALL {
            assert_eq!(s.as_str().parse(), Ok(s));
        }
    }
}
