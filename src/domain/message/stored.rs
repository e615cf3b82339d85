//! A message's state as its row holds it, and back: written and read in this one place. `queued`,
//! `submitting` and cancelled ranges are not stored; they follow from the position ([`LogState`]).

use std::{fmt, str::FromStr};

use super::{Ending, MessageState, Outcome, Part, ReportStatus, UnknownOutcome};
use crate::domain::lang::Lang;

/// The columns of a message's row that hold its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredState {
    /// `state`; `None`: NULL or empty.
    pub outcome: Option<Outcome>,
    /// `code`: the carrier's, or our reason; empty where there is none.
    pub code: String,
    /// `carrier_id`, of a message with one part.
    pub carrier_id: Option<String>,
    /// `attempt`: 1, or 2 once sent again.
    pub attempt: i64,
    /// `mark`: how its doubt ended.
    pub mark: Option<Mark>,
}

/// The columns of a part's row that hold its state. Only messages of several parts have such rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// `state`; `None`: empty.
    pub outcome: Option<Outcome>,
    /// `carrier_id`; empty: none.
    pub carrier_id: String,
    /// `code`; empty: none.
    pub code: String,
}

/// How a message's doubt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// An orphan report that could only be its own.
    Adopted,
    /// The run's policy sent it again.
    Resent,
}

impl Mark {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Adopted => "adopted",
            Self::Resent => "resent",
        }
    }
}

/// The word is no mark.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown mark {0:?}")]
pub struct UnknownMark(pub String);

impl FromStr for Mark {
    type Err = UnknownMark;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "adopted" => Ok(Self::Adopted),
            "resent" => Ok(Self::Resent),
            _ => Err(UnknownMark(s.to_owned())),
        }
    }
}

/// A message's state as the log shows it: its outcome, or where it stands without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogState {
    /// Not claimed yet, or back in the queue.
    Queued,
    /// Claimed, no answer yet.
    Submitting,
    /// What its row holds, or cancelled with the rest of its lane.
    Outcome(Outcome),
}

impl LogState {
    /// The name in the log and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Submitting => "submitting",
            Self::Outcome(outcome) => outcome.as_str(),
        }
    }

    /// The name that people read.
    pub const fn label(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Queued, Lang::Zh) => "排队中",
            (Self::Queued, Lang::En) => "queued",
            (Self::Submitting, Lang::Zh) => "正在提交",
            (Self::Submitting, Lang::En) => "submitting",
            (Self::Outcome(outcome), lang) => outcome.label(lang),
        }
    }

    /// What a report sums it under.
    pub const fn ending(self) -> Ending {
        match self {
            Self::Queued | Self::Submitting => Ending::OnTheWay,
            Self::Outcome(outcome) => outcome.ending(),
        }
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let outcomes = Outcome::ALL.map(Self::Outcome);
        [Self::Queued, Self::Submitting].into_iter().chain(outcomes)
    }

    /// The one of this name, written as its word or as its label in either language.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|s| [s.as_str(), s.label(Lang::Zh), s.label(Lang::En)].contains(&name))
    }
}

impl fmt::Display for LogState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LogState {
    type Err = UnknownOutcome;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "queued" => Ok(Self::Queued),
            "submitting" => Ok(Self::Submitting),
            outcome => outcome.parse().map(Self::Outcome),
        }
    }
}

/// The columns hold what no message can have come to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{column} cannot be so beside the others")]
pub struct Contradiction {
    /// The column that can't be so.
    pub column: &'static str,
}

const fn contradiction(column: &'static str) -> Contradiction {
    Contradiction { column }
}

/// What stands before the reason where a part had left when the rest was stopped or refused.
const PARTIAL: &str = "partial:";

impl MessageState {
    /// What its row holds.
    pub fn stored(&self) -> StoredState {
        let (outcome, code) = match self.outcome() {
            Some((outcome, code)) => (Some(outcome), code),
            None => (None, String::new()),
        };
        StoredState {
            outcome,
            code,
            carrier_id: match self.parts.as_slice() {
                [only] => only.carrier_id().map(str::to_owned),
                _ => None,
            },
            attempt: self.attempt,
            mark: match (self.adopted, self.attempt) {
                (true, _) => Some(Mark::Adopted),
                (false, 2..) => Some(Mark::Resent),
                (false, _) => None,
            },
        }
    }

    /// What its parts' rows hold, in their order; nothing of a message with one part.
    pub fn stored_parts(&self) -> Vec<StoredPart> {
        match self.parts.as_slice() {
            [_] => Vec::new(),
            parts => parts.iter().map(Part::stored).collect(),
        }
    }

    /// The state of a message of so many parts, read back; `segments`: its parts' rows by number, as far
    /// as there are any.
    pub fn restore<'a>(
        parts: usize,
        row: &StoredState,
        segments: impl IntoIterator<Item = (u8, &'a StoredPart)>,
    ) -> Result<Self, Contradiction> {
        let mut state = Self::fresh(parts);
        state.attempt = row.attempt;
        state.adopted = row.mark == Some(Mark::Adopted);
        let (outcome, code) = row.last_try();
        if let Some(ours) = outcome.filter(|o| o.ending() == Ending::HeldBack) {
            state.ours = Some((ours, code.to_owned()));
        }
        state.unconfirmed = outcome == Some(Outcome::Unconfirmed);
        if let [only] = state.parts.as_mut_slice() {
            if state.ours.is_none() {
                let id = row.carrier_id.as_deref().unwrap_or_default();
                *only = Part::restore(outcome, id, code).ok_or(contradiction("state"))?;
            }
            return Ok(state);
        }
        for (k, segment) in segments {
            let StoredPart {
                outcome,
                carrier_id,
                code,
            } = segment;
            let part = state.parts.get_mut(usize::from(k));
            let part = part.ok_or(contradiction("part"))?;
            *part = Part::restore(*outcome, carrier_id, code).ok_or(contradiction("state"))?;
        }
        // Stopped after some parts had left: the part that was stopped is still open. When the carrier
        // refused it, its code stands there instead.
        let refused = state.parts.iter().any(|p| matches!(p, Part::Refused(_)));
        let stopped =
            outcome == Some(Outcome::Undelivered) && !refused && state.parts.contains(&Part::Open);
        if let (Some(reason), true) = (code.strip_prefix(PARTIAL), stopped) {
            state.ours = Some((Outcome::Cancelled, reason.to_owned()));
        }
        Ok(state)
    }
}

impl StoredState {
    /// What became of the last try: behind a first one's doubt its own outcome stands in the code.
    fn last_try(&self) -> (Option<Outcome>, &str) {
        let Some(Outcome::InDoubt) = self.outcome else {
            return (self.outcome, &self.code);
        };
        let own = self.code.split_once(':').and_then(|(own, code)| {
            let own: Outcome = own.parse().ok()?;
            own.never_left().then_some((Some(own), code))
        });
        own.unwrap_or((self.outcome, &self.code))
    }
}

impl Part {
    /// What its row holds.
    fn stored(&self) -> StoredPart {
        let (outcome, carrier_id, code) = match self {
            Self::Open => (None, "", ""),
            Self::Accepted(id) => (Some(Outcome::Submitted), id.as_str(), ""),
            Self::Refused(code) => (Some(Outcome::Rejected), "", code.as_str()),
            Self::Doubt(id) => (
                Some(Outcome::InDoubt),
                id.as_deref().unwrap_or_default(),
                "",
            ),
            Self::Reported(id, status, code) => {
                (Some(status.outcome()), id.as_str(), code.as_str())
            }
        };
        StoredPart {
            outcome,
            carrier_id: carrier_id.to_owned(),
            code: code.to_owned(),
        }
    }

    /// Read back; `None`: no part comes to this.
    fn restore(outcome: Option<Outcome>, carrier_id: &str, code: &str) -> Option<Self> {
        let id = carrier_id.to_owned();
        let reported = |status| Self::Reported(id.clone(), status, code.to_owned());
        Some(match outcome {
            None => Self::Open,
            Some(Outcome::Submitted | Outcome::Unconfirmed) => Self::Accepted(id),
            Some(Outcome::Rejected) => Self::Refused(code.to_owned()),
            Some(Outcome::InDoubt) => Self::Doubt(Some(id).filter(|id| !id.is_empty())),
            Some(Outcome::Delivered) => reported(ReportStatus::Delivered),
            Some(Outcome::Undelivered) => reported(ReportStatus::Undelivered),
            Some(Outcome::Expired) => reported(ReportStatus::Expired),
            Some(Outcome::Suppressed | Outcome::Cancelled) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::message::{Change, SuppressReason};

    fn change() -> impl Strategy<Value = Change> {
        let word = || proptest::string::string_regex("[a-z0-9:]{1,6}").expect("a pattern");
        let status = prop_oneof![
            Just(ReportStatus::Delivered),
            Just(ReportStatus::Undelivered),
            Just(ReportStatus::Expired)
        ];
        prop_oneof![
            4 => word().prop_map(|id| Change::Accepted { id }),
            1 => word().prop_map(|code| Change::Refused { code }),
            2 => proptest::option::of(word()).prop_map(|id| Change::Doubt { id }),
            3 => (status, word()).prop_map(|(status, code)| Change::Reported { status, code }),
            1 => word().prop_map(|id| Change::Adopted { id }),
            1 => Just(Change::Unconfirmed),
            2 => Just(Change::Resent),
            1 => proptest::sample::select(&SuppressReason::ALL[..]).prop_map(|reason| Change::Suppressed { reason }),
            1 => word().prop_map(|reason| Change::Cancelled { reason }),
        ]
    }

    proptest! {
        /// Whatever has happened to a message, its rows say all that matters for what may happen next.
        #[test]
        fn what_is_stored_reads_back(
            parts in 1..4_usize,
            changes in proptest::collection::vec((0..4_usize, change()), 0..10),
        ) {
            let mut state = MessageState::fresh(parts);
            for (k, change) in &changes {
                // We stop only what has come to nothing yet.
                let ours = matches!(change, Change::Suppressed { .. } | Change::Cancelled { .. });
                if !(ours && state.outcome().is_some()) {
                    _ = state.apply(k % parts, change);
                }
            }
            let (row, segments) = (state.stored(), state.stored_parts());
            let numbered = (0..).zip(&segments);
            let restored = MessageState::restore(parts, &row, numbered).expect("what we wrote");
            prop_assert_eq!(restored.outcome(), state.outcome());
            prop_assert_eq!(restored.stored(), row);
            prop_assert_eq!(restored.stored_parts(), segments);
            // And so it answers to whatever comes next.
            for (k, change) in &changes {
                let (mut a, mut b) = (state.clone(), restored.clone());
                let (said, repeated) = (a.apply(k % parts, change), b.apply(k % parts, change));
                prop_assert_eq!(said.is_ok_and(|news| news), repeated.is_ok_and(|news| news));
                prop_assert_eq!(a.outcome(), b.outcome());
            }
        }
    }

    #[test]
    fn what_no_part_comes_to_is_a_contradiction() {
        let row = |outcome| StoredState {
            outcome: Some(outcome),
            code: String::new(),
            carrier_id: None,
            attempt: 1,
            mark: None,
        };
        let segment = StoredPart {
            outcome: Some(Outcome::Cancelled),
            carrier_id: String::new(),
            code: String::new(),
        };
        let read = |k| MessageState::restore(2, &row(Outcome::Submitted), [(k, &segment)]);
        assert_eq!(read(0), Err(contradiction("state")));
        assert_eq!(read(2), Err(contradiction("part")), "beyond the last");
    }
}
