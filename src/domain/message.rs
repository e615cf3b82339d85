//! A message's outcomes and how they follow from its parts. One function derives the state, so that
//! the recorder and the audit can never disagree about what a sequence of changes means.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::bilingual::labels;

mod stored;
mod suppress_reason;

pub use stored::{Contradiction, LogState, Mark, StoredPart, StoredState};
pub use suppress_reason::SuppressReason;

/// What a message's row may hold. `queued`, `submitting` and cancelled-by-range are derived from
/// position and never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The carrier took all segments; reports pending.
    Submitted,
    /// Asked, no answer: did it leave?
    InDoubt,
    /// Taken, no report within the window: did it arrive?
    Unconfirmed,
    /// On the handset, says the carrier.
    Delivered,
    /// Not delivered, says the carrier; or only some segments went.
    Undelivered,
    /// The validity ran out, says the carrier.
    Expired,
    /// The carrier said no: nothing left.
    Rejected,
    /// We did not send.
    Suppressed,
    /// Stopped before it was claimed.
    Cancelled,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Submitted,
        Self::InDoubt,
        Self::Unconfirmed,
        Self::Delivered,
        Self::Undelivered,
        Self::Expired,
        Self::Rejected,
        Self::Suppressed,
        Self::Cancelled,
    ];

    /// The name in the database, the log and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::InDoubt => "in_doubt",
            Self::Unconfirmed => "unconfirmed",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::Suppressed => "suppressed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Nothing changes it any more.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Submitted | Self::InDoubt | Self::Unconfirmed => false,
            Self::Delivered
            | Self::Undelivered
            | Self::Expired
            | Self::Rejected
            | Self::Suppressed
            | Self::Cancelled => true,
        }
    }

    /// Did nothing of it leave? A place of the person's daily limit that it has taken (a message without one is
    /// never claimed) is given back then.
    pub const fn never_left(self) -> bool {
        match self {
            Self::Rejected | Self::Suppressed | Self::Cancelled => true,
            Self::Submitted
            | Self::InDoubt
            | Self::Unconfirmed
            | Self::Delivered
            | Self::Undelivered
            | Self::Expired => false,
        }
    }

    /// What a report sums it under.
    pub const fn ending(self) -> Ending {
        match self {
            Self::Submitted => Ending::OnTheWay,
            Self::Delivered => Ending::Delivered,
            Self::Undelivered | Self::Expired | Self::Rejected => Ending::Failed,
            Self::Suppressed | Self::Cancelled => Ending::HeldBack,
            Self::InDoubt | Self::Unconfirmed => Ending::Doubtful,
        }
    }
}

/// What a message has come to, as reports sum it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Nothing final is known, and it may be.
    OnTheWay,
    /// A report says that it was delivered.
    Delivered,
    /// The carrier said no, or that it did not arrive.
    Failed,
    /// Not sent, on purpose.
    HeldBack,
    /// Nobody knows whether it arrived.
    Doubtful,
}

labels!(Outcome {
    Submitted: "待回执", "submitted";
    InDoubt: "存疑", "in doubt";
    Unconfirmed: "无回执", "unconfirmed";
    Delivered: "已送达", "delivered";
    Undelivered: "未送达", "undelivered";
    Expired: "超时未达", "expired";
    Rejected: "被拒收", "rejected";
    Suppressed: "未发送", "suppressed";
    Cancelled: "已取消", "cancelled";
});

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word is no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown message state {0:?}")]
pub struct UnknownOutcome(pub String);

impl FromStr for Outcome {
    type Err = UnknownOutcome;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|o| o.as_str() == s)
            .ok_or_else(|| UnknownOutcome(s.to_owned()))
    }
}

/// What is known of one part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Part {
    /// Not asked yet, or given back unsent.
    #[default]
    Open,
    /// The carrier took it under this id.
    Accepted(String),
    /// The carrier said no, with this code.
    Refused(String),
    /// Asked, no answer; with its id where that was known before it was asked.
    Doubt(Option<String>),
    /// A final report: the carrier's id, what it says, its code.
    Reported(String, ReportStatus, String),
}

impl Part {
    /// The carrier's id, where it has one.
    pub fn carrier_id(&self) -> Option<&str> {
        match self {
            Self::Accepted(id) | Self::Reported(id, ..) => Some(id),
            Self::Doubt(id) => id.as_deref(),
            Self::Open | Self::Refused(_) => None,
        }
    }

    /// Asked, no answer?
    pub const fn is_doubt(&self) -> bool {
        matches!(self, Self::Doubt(_))
    }

    /// Did the carrier say that it has it?
    const fn is_taken(&self) -> bool {
        matches!(self, Self::Accepted(_) | Self::Reported(..))
    }
}

/// What a final report says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportStatus {
    /// On the handset.
    Delivered,
    /// Not deliverable.
    Undelivered,
    /// Validity ran out.
    Expired,
}

impl FromStr for ReportStatus {
    type Err = UnknownOutcome;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s.parse()? {
            Outcome::Delivered => Ok(Self::Delivered),
            Outcome::Undelivered => Ok(Self::Undelivered),
            Outcome::Expired => Ok(Self::Expired),
            _ => Err(UnknownOutcome(s.to_owned())),
        }
    }
}

impl ReportStatus {
    /// The message's outcome when it is the only report.
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Delivered => Outcome::Delivered,
            Self::Undelivered => Outcome::Undelivered,
            Self::Expired => Outcome::Expired,
        }
    }
}

/// Something that happened to one part of a message, as the ledger words it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "w", rename_all = "snake_case")]
pub enum Change {
    /// The carrier took the part.
    Accepted {
        /// The carrier's id.
        #[serde(rename = "c")]
        id: String,
    },
    /// The carrier refused the part.
    Refused {
        /// The carrier's code.
        #[serde(rename = "k")]
        code: String,
    },
    /// Handed to the socket, no answer.
    Doubt {
        /// Its id, where the protocol has it before the answer.
        #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    /// A final report about the part.
    Reported {
        /// Which way.
        #[serde(rename = "v")]
        status: ReportStatus,
        /// The carrier's code.
        #[serde(rename = "k")]
        code: String,
    },
    /// A doubtful part matched to an orphan report by its number: it left, under this id.
    Adopted {
        /// The orphan's carrier id.
        #[serde(rename = "c")]
        id: String,
    },
    /// The report window passed in silence.
    Unconfirmed,
    /// The run's policy sends a doubtful message again, once.
    Resent,
    /// We don't send.
    Suppressed {
        /// Stands in the row as its code.
        #[serde(rename = "k")]
        reason: SuppressReason,
    },
    /// Stopped before it left.
    Cancelled {
        /// Why its run was cancelled, as the ledger keeps it.
        #[serde(rename = "k")]
        reason: String,
    },
}

impl Change {
    /// The carrier's answer to a submit, yes or no.
    pub const fn is_answer(&self) -> bool {
        match self {
            Self::Accepted { .. } | Self::Refused { .. } => true,
            Self::Doubt { .. }
            | Self::Reported { .. }
            | Self::Adopted { .. }
            | Self::Unconfirmed
            | Self::Resent
            | Self::Suppressed { .. }
            | Self::Cancelled { .. } => false,
        }
    }
}

/// A message's state: its parts, and what we decided ourselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageState {
    /// One per segment.
    pub parts: Vec<Part>,
    /// Our own final word: `suppressed` or `cancelled` with the reason.
    pub ours: Option<(Outcome, String)>,
    /// The report window passed.
    pub unconfirmed: bool,
    /// 1, or 2 once sent again.
    pub attempt: i64,
    /// A doubt was settled by adoption.
    pub adopted: bool,
}

/// A change that the present state does not admit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("part {part} is {from:?}: {change:?} is impossible")]
pub struct Impossible {
    /// From 0.
    pub part: usize,
    /// What is known of the part.
    pub from: Part,
    /// What was asked.
    pub change: Change,
}

impl MessageState {
    /// A message of `parts` segments to which nothing has happened.
    pub fn fresh(parts: usize) -> Self {
        Self {
            parts: vec![Part::Open; parts.max(1)],
            ours: None,
            unconfirmed: false,
            attempt: 1,
            adopted: false,
        }
    }

    /// Its parts' numbers, from 0. A message has 255 at most: the concatenation header counts no further.
    pub fn numbers(&self) -> std::ops::Range<u8> {
        0..u8::try_from(self.parts.len()).unwrap_or(u8::MAX)
    }

    /// The first part that is not asked yet.
    pub fn first_open(&self) -> Option<u8> {
        let open = |k: &u8| self.parts[usize::from(*k)] == Part::Open;
        self.numbers().find(open)
    }

    /// Applies `change` to part `k`. `Ok(false)`: the word is known already or comes too late to
    /// change anything (a repeated report, a second final report: the first one holds).
    pub fn apply(&mut self, k: usize, change: &Change) -> Result<bool, Impossible> {
        let news = self.change(k, change)?;
        // What a row can't hold must not be remembered: silence counts only while it is the state.
        self.unconfirmed &= self.outcome().is_some_and(|o| o.0 == Outcome::Unconfirmed);
        Ok(news)
    }

    fn change(&mut self, k: usize, change: &Change) -> Result<bool, Impossible> {
        let Some(part) = self.parts.get(k) else {
            return Err(Impossible {
                part: k,
                from: Part::Open,
                change: change.clone(),
            });
        };
        let impossible = || Impossible {
            part: k,
            from: part.clone(),
            change: change.clone(),
        };
        if self.ours.is_some() {
            // A part that left before we stopped the rest may still be reported on; it changes nothing.
            return if part.is_taken() {
                Ok(false)
            } else {
                Err(impossible())
            };
        }
        let next = match (part, change) {
            (Part::Open | Part::Doubt(_), Change::Accepted { id })
            | (Part::Doubt(_), Change::Adopted { id }) => {
                self.adopted |= matches!(change, Change::Adopted { .. });
                Part::Accepted(id.clone())
            }
            // The late answer of a part that a report has settled meanwhile says nothing new.
            (
                Part::Accepted(_) | Part::Reported(..),
                Change::Accepted { .. } | Change::Adopted { .. },
            )
            | (Part::Reported(..), Change::Reported { .. } | Change::Unconfirmed)
            | (Part::Doubt(_) | Part::Accepted(_) | Part::Reported(..), Change::Doubt { .. }) => {
                return Ok(false);
            }
            (Part::Open | Part::Doubt(_), Change::Refused { code }) => Part::Refused(code.clone()),
            (Part::Open, Change::Doubt { id }) => Part::Doubt(id.clone()),
            // A report that names the id needs no answer.
            (Part::Accepted(id) | Part::Doubt(Some(id)), Change::Reported { status, code }) => {
                Part::Reported(id.clone(), *status, code.clone())
            }
            (Part::Accepted(_), Change::Unconfirmed) => {
                let news = !self.unconfirmed;
                self.unconfirmed = true;
                return Ok(news);
            }
            (Part::Doubt(_), Change::Resent) => {
                self.parts.fill(Part::Open);
                self.attempt += 1;
                return Ok(true);
            }
            (Part::Open, Change::Suppressed { reason }) => {
                self.ours = Some((Outcome::Suppressed, reason.as_str().to_owned()));
                return Ok(true);
            }
            (Part::Open, Change::Cancelled { reason }) => {
                self.ours = Some((Outcome::Cancelled, reason.clone()));
                return Ok(true);
            }
            (
                Part::Open,
                Change::Adopted { .. }
                | Change::Reported { .. }
                | Change::Unconfirmed
                | Change::Resent,
            )
            | (Part::Doubt(None), Change::Reported { .. })
            | (Part::Doubt(_), Change::Unconfirmed)
            | (Part::Accepted(_) | Part::Reported(..), Change::Refused { .. } | Change::Resent)
            | (
                Part::Accepted(_) | Part::Reported(..) | Part::Doubt(_),
                Change::Suppressed { .. } | Change::Cancelled { .. },
            )
            | (Part::Refused(_), _) => return Err(impossible()),
        };
        self.parts[k] = next;
        Ok(true)
    }

    /// The stored state and code; `None` while it is still on its way or waits. Of a message that was sent
    /// again, only the second try can be known never to have left: the first one's doubt stays.
    pub fn outcome(&self) -> Option<(Outcome, String)> {
        match self.last_try() {
            Some((outcome, code)) if self.attempt > 1 && outcome.never_left() => {
                Some((Outcome::InDoubt, format!("{outcome}:{code}")))
            }
            known => known,
        }
    }

    fn last_try(&self) -> Option<(Outcome, String)> {
        if let Some(ours) = &self.ours {
            // A part that already left makes "cancelled" a half truth; say what really happened.
            return match self.parts.iter().any(Part::is_taken) {
                true => Some((Outcome::Undelivered, format!("partial:{}", ours.1))),
                false => Some(ours.clone()),
            };
        }
        let mut refused = None;
        let mut failed = None;
        let (mut open, mut doubt, mut taken, mut delivered) = (0, 0, 0, 0);
        let mut last_code = "";
        for part in &self.parts {
            match part {
                Part::Open => open += 1,
                Part::Doubt(_) => doubt += 1,
                Part::Refused(code) => refused = refused.or(Some(code)),
                Part::Accepted(_) => taken += 1,
                Part::Reported(_, ReportStatus::Delivered, code) => {
                    (delivered, last_code) = (delivered + 1, code);
                }
                Part::Reported(_, status, code) => {
                    failed = failed.or(Some((status.outcome(), code)));
                }
            }
        }
        let left = taken + delivered + doubt + usize::from(failed.is_some());
        match (failed, refused) {
            (Some((outcome, code)), _) => Some((outcome, code.clone())),
            (None, Some(code)) if left > 0 => {
                Some((Outcome::Undelivered, format!("partial:{code}")))
            }
            (None, Some(code)) => Some((Outcome::Rejected, code.clone())),
            (None, None) if doubt > 0 => Some((Outcome::InDoubt, String::new())),
            (None, None) if open > 0 => None,
            (None, None) if taken > 0 && self.unconfirmed => {
                Some((Outcome::Unconfirmed, String::new()))
            }
            (None, None) if taken > 0 => Some((Outcome::Submitted, String::new())),
            (None, None) => Some((Outcome::Delivered, last_code.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(id: &str) -> Change {
        Change::Accepted { id: id.into() }
    }
    fn reported(status: ReportStatus) -> Change {
        Change::Reported {
            status,
            code: "X".into(),
        }
    }

    #[test]
    fn three_parts_with_the_second_refused_are_undelivered_partial() {
        let mut m = MessageState::fresh(3);
        assert!(m.apply(0, &accepted("a")).unwrap());
        assert_eq!(m.outcome(), None);
        assert!(m.apply(1, &Change::Refused { code: "6".into() }).unwrap());
        assert_eq!(
            m.outcome(),
            Some((Outcome::Undelivered, "partial:6".into()))
        );
    }

    #[test]
    fn delivered_only_when_all_parts_are_and_undelivered_as_soon_as_one_is() {
        let mut m = MessageState::fresh(2);
        m.apply(0, &accepted("a")).unwrap();
        m.apply(1, &accepted("b")).unwrap();
        assert_eq!(m.outcome().unwrap().0, Outcome::Submitted);
        m.apply(0, &reported(ReportStatus::Delivered)).unwrap();
        assert_eq!(m.outcome().unwrap().0, Outcome::Submitted);
        let mut bad = m.clone();
        bad.apply(1, &reported(ReportStatus::Expired)).unwrap();
        assert_eq!(bad.outcome().unwrap().0, Outcome::Expired);
        m.apply(1, &reported(ReportStatus::Delivered)).unwrap();
        assert_eq!(m.outcome().unwrap().0, Outcome::Delivered);
    }

    #[test]
    fn one_doubtful_part_makes_the_message_doubtful() {
        let mut m = MessageState::fresh(2);
        m.apply(0, &accepted("a")).unwrap();
        m.apply(1, &Change::Doubt { id: None }).unwrap();
        assert_eq!(m.outcome().unwrap().0, Outcome::InDoubt);
        m.apply(1, &Change::Adopted { id: "b".into() }).unwrap();
        assert_eq!(m.outcome().unwrap().0, Outcome::Submitted);
        assert!(m.adopted);
    }

    #[test]
    fn the_first_final_report_holds_and_a_repeat_changes_nothing() {
        let mut m = MessageState::fresh(1);
        m.apply(0, &accepted("a")).unwrap();
        assert!(m.apply(0, &reported(ReportStatus::Delivered)).unwrap());
        assert!(!m.apply(0, &reported(ReportStatus::Undelivered)).unwrap());
        assert_eq!(m.outcome().unwrap().0, Outcome::Delivered);
    }

    #[test]
    fn a_late_report_still_changes_an_unconfirmed_message() {
        let mut m = MessageState::fresh(1);
        m.apply(0, &accepted("a")).unwrap();
        assert!(m.apply(0, &Change::Unconfirmed).unwrap());
        assert_eq!(m.outcome().unwrap().0, Outcome::Unconfirmed);
        m.apply(0, &reported(ReportStatus::Delivered)).unwrap();
        assert_eq!(m.outcome().unwrap().0, Outcome::Delivered);
    }

    #[test]
    fn silence_about_one_part_is_forgotten_when_another_settles_the_message() {
        let mut m = MessageState::fresh(2);
        m.apply(0, &accepted("a")).unwrap();
        m.apply(1, &Change::Doubt { id: None }).unwrap();
        m.apply(0, &Change::Unconfirmed).unwrap();
        assert!(!m.unconfirmed, "the row says in_doubt and nothing else");
    }

    #[test]
    fn a_refused_message_admits_nothing_more() {
        let mut m = MessageState::fresh(1);
        m.apply(0, &Change::Refused { code: "1".into() }).unwrap();
        assert!(m.apply(0, &accepted("a")).is_err());
        assert!(m.apply(0, &Change::Resent).is_err());
    }

    #[test]
    fn a_second_try_that_never_left_leaves_the_first_ones_doubt() {
        let again = || {
            let mut m = MessageState::fresh(1);
            m.apply(0, &Change::Doubt { id: None }).unwrap();
            m.apply(0, &Change::Resent).unwrap();
            m
        };
        let mut refused = again();
        refused
            .apply(0, &Change::Refused { code: "6".into() })
            .unwrap();
        assert_eq!(
            refused.outcome(),
            Some((Outcome::InDoubt, "rejected:6".into()))
        );
        let mut stopped = again();
        let reason = "person".into();
        stopped.apply(0, &Change::Cancelled { reason }).unwrap();
        assert_eq!(
            stopped.outcome(),
            Some((Outcome::InDoubt, "cancelled:person".into()))
        );
        let mut taken = again();
        taken.apply(0, &accepted("a")).unwrap();
        assert_eq!(taken.outcome().unwrap().0, Outcome::Submitted);
    }

    #[test]
    fn outcomes_read_back_from_their_names() {
        for o in Outcome::ALL {
            assert_eq!(o.as_str().parse(), Ok(o));
        }
    }
}
