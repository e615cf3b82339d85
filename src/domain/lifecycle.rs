//! The lives of campaigns and runs: which act is possible when. A transition is one `match`; an
//! impossible one is an error that names both.

use std::{fmt, str::FromStr};

/// Declares a state enum: the word that the database, programs and English readers see, and the Chinese label.
macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal / $zh:literal),+ $(,)? }) => {
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

            /// The one of this name, written as its word or as its label in either language.
            pub fn named(name: &str) -> Option<Self> {
                use $crate::domain::lang::Lang;
                Self::ALL.iter().copied().find(|v| v.as_str() == name || v.label(Lang::Zh) == name)
            }
        }

        $crate::domain::bilingual::labels!($name { $($variant: $zh, $text);+ });
        $crate::domain::bilingual::labelled_facts!($name);

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
        Draft = "draft" / "草稿",
        /// Waits for an approver.
        Submitted = "submitted" / "待审批",
        /// Sent back to be changed.
        Returned = "returned" / "已退回",
        /// Approved; its time has not come.
        Approved = "approved" / "已批准",
        /// A run of it is going.
        Active = "active" / "发送中",
        /// Halted by a person.
        Paused = "paused" / "已暂停",
        /// All runs done.
        Finished = "finished" / "已结束",
        /// Refused for good.
        Rejected = "rejected" / "已否决",
        /// Called off.
        Cancelled = "cancelled" / "已取消",
    }
);

states!(
    /// What happens to a campaign.
    CampaignAct {
        /// Drafted for the first time.
        Create = "created" / "起草",
        /// Called otherwise; nothing that an approval binds has changed.
        Rename = "renamed" / "改名",
        /// Submitted for approval.
        Submit = "submitted" / "提交审批",
        /// A second person approved it as it stood.
        Approve = "approved" / "批准",
        /// Sent back with a reason.
        Return = "returned" / "退回",
        /// Refused with a reason.
        Reject = "rejected" / "否决",
        /// A run has opened.
        Start = "started" / "开始发送",
        /// Halted until somebody resumes it.
        Pause = "paused" / "暂停",
        /// Let go on.
        Resume = "resumed" / "恢复",
        /// Called off.
        Cancel = "cancelled" / "取消",
        /// The last run is done.
        Finish = "finished" / "结束",
        /// Its plan says something else now, and nobody has been asked yet.
        Change = "changed" / "修改",
        /// Its plan says something else now: what was submitted or approved no longer holds.
        Void = "voided" / "作废",
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
        Go = "go" / "发送",
        /// Wait until resumed.
        Paused = "paused" / "暂停",
        /// Wait until released: something about it is not as approved.
        Held = "held" / "扣住",
        /// Don't send the rest.
        Cancelled = "cancelled" / "取消",
    }
);

states!(
    /// What happens to a run.
    RunAct {
        /// Its campaign was approved.
        Approve = "approved" / "批准",
        /// Its lanes opened.
        Open = "opened" / "开始",
        /// Halted by a person.
        Pause = "paused" / "暂停",
        /// Goes on, by a person's word.
        Resume = "resumed" / "恢复",
        /// Halted by a rule, until a person decides.
        Hold = "held" / "扣住",
        /// Goes on though a rule had halted it, by a person's word.
        Release = "released" / "放行",
        /// Called off, or its campaign was.
        Cancel = "cancelled" / "取消",
        /// Its time has passed before it opened.
        Miss = "missed" / "错过",
        /// No message of it is open any more.
        Finish = "done" / "结束",
    }
);

states!(
    /// What happens to all sending.
    StopAct {
        /// Halted by a person.
        Stop = "stopped" / "停发",
        /// What had left when the halt took hold.
        Count = "left" / "已发条数",
        /// Halted by a rule: this may be a copy.
        Hold = "held" / "挂起",
        /// Goes on, by a person's word.
        Release = "released" / "放行",
    }
);

states!(
    /// How far a run is: derived, never stored.
    Progress {
        /// Not frozen yet.
        Planned = "planned" / "未生成",
        /// Frozen, nothing claimed.
        Frozen = "frozen" / "待发送",
        /// Messages wait or are on their way.
        Sending = "sending" / "发送中",
        /// All handed over; reports pending.
        AwaitingReports = "awaiting_reports" / "等回执",
        /// No message open.
        Done = "done" / "已完成",
        /// Its time passed while nothing could go out.
        Missed = "missed" / "已错过",
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
