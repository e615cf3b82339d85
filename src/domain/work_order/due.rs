//! What a carrier owes at the moment, and until when.

use crate::domain::bilingual::{labelled_facts, labels};
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::OrderState;
use crate::domain::time::Micros;

/// How long a carrier has for each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From the issue to the acknowledgement.
    pub acknowledge: Duration,
    /// From the acknowledgement (or a correction) to the proof.
    pub proof: Duration,
    /// From one report of figures to the next, while it sends.
    pub counts: Duration,
    /// From the last day to the evidence.
    pub evidence: Duration,
}

/// What a carrier owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// An answer whether it will do it.
    Acknowledgement,
    /// What arrives on the seed phones.
    Proof,
    /// The carrier's figures.
    Counts,
    /// The carrier's evidence.
    Evidence,
}

impl Owed {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Acknowledgement,
        Self::Proof,
        Self::Counts,
        Self::Evidence,
    ];

    /// Its word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledgement => "acknowledgement",
            Self::Proof => "proof",
            Self::Counts => "counts",
            Self::Evidence => "evidence",
        }
    }
}

impl Serialize for Owed {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

labels!(Owed {
    Acknowledgement: "受理答复", "acknowledgement";
    Proof: "回读样本", "proof";
    Counts: "发送数量", "counts";
    Evidence: "凭证", "evidence";
});

labelled_facts!(as_str: Owed);

/// When what happened last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// The last change of state.
    pub step: Micros,
    /// The newest figures came in; `None`: none have.
    pub counted: Option<Micros>,
    /// The first day's first hour.
    pub opens: Micros,
    /// The last day's last hour.
    pub ends: Micros,
    /// The evidence that was asked for is there, or none was.
    pub proven: bool,
}

/// What is owed in this state, and until when; `None`: it is not the carrier's turn.
pub fn owed(state: OrderState, times: &Times, patience: &Patience) -> Option<(Owed, Micros)> {
    let after = |t: Micros, d: Duration| {
        Micros(t.0.saturating_add(i64::try_from(d.as_micros()).unwrap_or(i64::MAX)))
    };
    match state {
        OrderState::Issued => Some((
            Owed::Acknowledgement,
            after(times.step, patience.acknowledge),
        )),
        OrderState::Acknowledged | OrderState::Corrected => {
            Some((Owed::Proof, after(times.step, patience.proof)))
        }
        OrderState::Sending => {
            let last = times.step.max(times.opens);
            let last = times.counted.map_or(last, |at| last.max(at));
            Some((Owed::Counts, after(last, patience.counts)))
        }
        OrderState::Reported if !times.proven => Some((
            Owed::Evidence,
            after(times.step.max(times.ends), patience.evidence),
        )),
        OrderState::Reported
        | OrderState::Draft
        | OrderState::Approved
        | OrderState::Proofed
        | OrderState::Accepted
        | OrderState::Closed
        | OrderState::Refused
        | OrderState::Withdrawn => None,
    }
}
