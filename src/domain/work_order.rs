//! A carrier's work order: what it may go through, what its proof has to be, what its figures may say.
//! The office holds none of the numbers; it asks a carrier to send, and believes what it can check.

pub mod command;
pub mod confusable;
pub mod counts;
pub mod due;
pub mod readback;
#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use chrono::NaiveDate;
use serde_json::json;

use super::{
    bilingual::Fact,
    carrier::Carrier,
    hours::HourSpan,
    lang::Lang,
    ledger::{Hash, digest_of},
    lifecycle::{UnknownState, states},
    plan::WantedCount,
    refusal::refusals,
};

/// Longest text of an order, in characters: the widest channel limit that is known (15 parts).
pub const MAX_TEXT: usize = 1_000;

/// Most seed phones of an order: a few on each network, not an audience.
pub const MAX_SEED_PHONES: usize = 20;

/// Largest piece of evidence, in bytes: a scanned statement of some pages.
pub const MAX_EVIDENCE: usize = 5 * 1_024 * 1_024;

states!(
    /// Where a work order stands. That it is overdue is a mark beside it: an order that is late goes on from where it was.
    OrderState {
        /// Being written.
        Draft = "draft" / "草稿",
        /// Approved by a second person; it has not left yet.
        Approved = "approved" / "已批准",
        /// Numbered and handed to the carrier.
        Issued = "issued" / "已下达",
        /// The carrier has said that it will do it.
        Acknowledged = "acknowledged" / "已受理",
        /// A proof was wrong or the office sent the text again: a new proof is awaited.
        Corrected = "corrected" / "已更正待回读",
        /// What arrived on every seed phone is the approved text.
        Proofed = "proofed" / "回读一致",
        /// The carrier was told that it may send.
        Sending = "sending" / "发送中",
        /// The carrier has reported its last figures.
        Reported = "reported" / "已报最终数量",
        /// Figures and evidence were looked at and taken.
        Accepted = "accepted" / "已验收",
        /// Done and filed.
        Closed = "closed" / "已办结",
        /// The carrier will not do it.
        Refused = "refused" / "运营商不受理",
        /// The office has called it off.
        Withdrawn = "withdrawn" / "已撤回",
    }
);

/// What the proofs of the present round come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadBack {
    /// Every seed phone shows the approved text.
    Equal,
    /// Those that are in show it; others are awaited.
    Partial,
    /// One of them shows something else: nothing may be sent.
    Differs,
}

/// What happens to a work order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderEvent {
    /// Its plan says something else, and nobody has decided about it yet.
    Change,
    /// Its plan says something else: the approval no longer holds.
    Void,
    /// A second person approved it as it stood.
    Approve,
    /// Numbered and handed to the carrier.
    Issue,
    /// The carrier will do it.
    Acknowledge,
    /// The carrier will not.
    Refuse,
    /// Proofs have come in.
    Proofs(ReadBack),
    /// The text is sent again, for a new round of proofs.
    Correct,
    /// The carrier may send.
    Release,
    /// Figures have come in.
    Counts {
        /// The carrier says that they are its last.
        last: bool,
    },
    /// Evidence has come in.
    Evidence,
    /// Figures and evidence are taken.
    Accept {
        /// The evidence that the order asks for is there.
        proven: bool,
    },
    /// The evidence is complete and the order is filed.
    Close,
    /// Called off.
    Withdraw,
    /// The carrier has not done in time what it owes.
    Overdue,
}

impl OrderEvent {
    /// Its word in the ledger.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Change => "changed",
            Self::Void => "voided",
            Self::Approve => "approved",
            Self::Issue => "issued",
            Self::Acknowledge => "acknowledged",
            Self::Refuse => "refused",
            Self::Proofs(ReadBack::Equal) => "proofed",
            Self::Proofs(ReadBack::Partial) => "proof",
            Self::Proofs(ReadBack::Differs) => "proof_differs",
            Self::Correct => "corrected",
            Self::Release => "released",
            Self::Counts { last: false } => "counts",
            Self::Counts { last: true } => "reported",
            Self::Evidence => "evidence",
            Self::Accept { .. } => "accepted",
            Self::Close => "closed",
            Self::Withdraw => "withdrawn",
            Self::Overdue => "overdue",
        }
    }
}

impl OrderEvent {
    /// All of them, each kind of what they carry once.
    pub const ALL: [Self; 18] = [
        Self::Change,
        Self::Void,
        Self::Approve,
        Self::Issue,
        Self::Acknowledge,
        Self::Refuse,
        Self::Proofs(ReadBack::Equal),
        Self::Proofs(ReadBack::Partial),
        Self::Proofs(ReadBack::Differs),
        Self::Correct,
        Self::Release,
        Self::Counts { last: false },
        Self::Counts { last: true },
        Self::Evidence,
        Self::Accept { proven: true },
        Self::Close,
        Self::Withdraw,
        Self::Overdue,
    ];

    /// The event of this word; an acceptance that was possible was of a proven order.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.as_str() == word)
    }
}

impl fmt::Display for OrderEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

refusals! {
    /// The order does not take this step.
    pub enum NotPossible {
        /// A work order in this state does not admit the step.
        /// `work-order show` says where it stands and what comes next.
        State { from: OrderState, event: OrderEvent } = Refused "wrong_order_state"
            zh "委托单处于“{from}”状态，不能{event}"
            en "a work order that is {from} cannot be {event}";
        /// The order asks for evidence, and none has been taken in.
        /// Take it in first: `work-order evidence ID --add FILE`.
        Unproven = Refused "evidence_missing"
            zh "委托单要求提供凭证，目前一份也没有：请先收取凭证"
            en "the order asks for evidence and there is none: take it in first";
    }
}

impl OrderState {
    /// The state after `event`.
    pub fn on(self, event: OrderEvent) -> Result<Self, NotPossible> {
        use OrderEvent as E;
        use OrderState as S;
        match (self, event) {
            (S::Draft, E::Change) | (S::Approved, E::Void) => Ok(S::Draft),
            (S::Draft, E::Approve) => Ok(S::Approved),
            (S::Approved, E::Issue) => Ok(S::Issued),
            (S::Issued, E::Acknowledge) => Ok(S::Acknowledged),
            // A carrier may find out late that it cannot; once it sends, it is withdrawn, not refused.
            (S::Issued | S::Acknowledged | S::Corrected | S::Proofed, E::Refuse) => Ok(S::Refused),
            (
                S::Acknowledged | S::Corrected | S::Proofed,
                E::Proofs(ReadBack::Equal),
            ) => Ok(S::Proofed),
            // A phone that shows something else takes back what others have shown.
            (S::Proofed, E::Proofs(ReadBack::Differs)) => Ok(S::Acknowledged),
            // While it sends, seed phones go on showing what arrives; a person corrects or withdraws.
            (
                from @ (S::Acknowledged | S::Corrected | S::Proofed | S::Sending),
                E::Proofs(ReadBack::Partial | ReadBack::Differs | ReadBack::Equal),
            ) => Ok(from),
            (S::Acknowledged | S::Corrected | S::Proofed | S::Sending, E::Correct) => {
                Ok(S::Corrected)
            }
            (S::Proofed, E::Release) => Ok(S::Sending),
            (S::Sending, E::Counts { last: true }) => Ok(S::Reported),
            // Figures that come when nothing may have been sent are kept and shown as a contradiction.
            (
                from @ (S::Issued
                | S::Acknowledged
                | S::Corrected
                | S::Proofed
                | S::Sending
                | S::Reported
                | S::Accepted
                | S::Withdrawn),
                E::Counts { .. } | E::Evidence,
            ) => Ok(from),
            (S::Reported, E::Accept { proven: true }) => Ok(S::Accepted),
            (S::Reported, E::Accept { proven: false }) => Err(NotPossible::Unproven),
            (S::Accepted, E::Close) => Ok(S::Closed),
            (
                S::Draft
                | S::Approved
                | S::Issued
                | S::Acknowledged
                | S::Corrected
                | S::Proofed
                | S::Sending
                | S::Reported
                | S::Accepted,
                E::Withdraw,
            ) => Ok(S::Withdrawn),
            (
                from @ (S::Issued | S::Acknowledged | S::Corrected | S::Sending | S::Reported),
                E::Overdue,
            ) => Ok(from),
            (
                from @ (S::Draft | S::Approved),
                event @ (E::Issue
                | E::Approve
                | E::Change
                | E::Void
                | E::Acknowledge
                | E::Refuse
                | E::Proofs(_)
                | E::Correct
                | E::Release
                | E::Counts { .. }
                | E::Evidence
                | E::Accept { .. }
                | E::Close
                | E::Overdue),
            )
            | (
                from @ (S::Issued
                | S::Acknowledged
                | S::Corrected
                | S::Proofed
                | S::Sending
                | S::Reported
                | S::Accepted),
                event @ (E::Change | E::Void | E::Approve | E::Issue | E::Close),
            )
            | (
                from @ S::Issued,
                event @ (E::Proofs(_) | E::Correct | E::Release | E::Accept { .. }),
            )
            | (
                from @ (S::Acknowledged | S::Corrected),
                event @ (E::Acknowledge | E::Release | E::Accept { .. }),
            )
            | (
                from @ S::Proofed,
                event @ (E::Acknowledge | E::Accept { .. } | E::Overdue),
            )
            | (
                from @ S::Sending,
                event @ (E::Acknowledge | E::Refuse | E::Release | E::Accept { .. }),
            )
            | (
                from @ S::Reported,
                event @ (E::Acknowledge | E::Refuse | E::Proofs(_) | E::Correct | E::Release),
            )
            | (
                from @ S::Accepted,
                event @ (E::Acknowledge
                | E::Refuse
                | E::Proofs(_)
                | E::Correct
                | E::Release
                | E::Accept { .. }
                | E::Overdue),
            )
            // Final; of a withdrawn one, what had left before is still counted (above).
            | (from @ (S::Closed | S::Refused | S::Withdrawn), event) => {
                Err(NotPossible::State { from, event })
            }
        }
    }

    /// Has it left the office?
    pub const fn is_out(self) -> bool {
        !matches!(self, Self::Draft | Self::Approved)
    }

    /// Does the last reason explain why it stands so? A correction that has been proofed since explains nothing.
    pub const fn has_reason(self) -> bool {
        matches!(self, Self::Corrected | Self::Refused | Self::Withdrawn)
    }

    /// Is the carrier still to be asked how it goes?
    pub const fn is_open(self) -> bool {
        match self {
            Self::Issued
            | Self::Acknowledged
            | Self::Corrected
            | Self::Proofed
            | Self::Sending
            | Self::Reported => true,
            Self::Draft
            | Self::Approved
            | Self::Accepted
            | Self::Closed
            | Self::Refused
            | Self::Withdrawn => false,
        }
    }
}

impl Fact for OrderEvent {
    fn text(&self, lang: Lang) -> String {
        lang.pick(self.title(), self.as_str()).to_owned()
    }

    fn json(&self, _: Lang) -> serde_json::Value {
        self.as_str().into()
    }
}

impl OrderEvent {
    /// The verb in Chinese.
    fn title(self) -> &'static str {
        match self {
            Self::Change | Self::Void => "改动",
            Self::Approve => "批准",
            Self::Issue => "下达",
            Self::Acknowledge => "受理",
            Self::Refuse => "记为不受理",
            Self::Proofs(_) => "回读",
            Self::Correct => "更正",
            Self::Release => "放行：必须先回读一致",
            Self::Counts { .. } => "记数量",
            Self::Evidence => "收取凭证",
            Self::Accept { .. } => "验收：必须先报最终数量",
            Self::Close => "办结：必须先验收",
            Self::Withdraw => "撤回",
            Self::Overdue => "记为逾期",
        }
    }
}

/// What an approval binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms<'a> {
    /// Who sends.
    pub carrier: Carrier,
    /// What it says.
    pub text: &'a str,
    /// The sender's name, without its brackets.
    pub signature: &'a str,
    /// What the carrier appends by agreement; empty: nothing.
    pub appended: &'a str,
    /// To whom, in words.
    pub audience: &'a str,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// Between which hours of each day.
    pub hours: HourSpan,
    /// At most so many a day; `None`: no cap.
    pub daily_cap: Option<i64>,
    /// Wanted counts.
    pub counts: &'a [WantedCount],
    /// Wanted evidence, in words.
    pub evidence: &'a str,
    /// Whom to ask.
    pub contact: &'a str,
}

impl Terms<'_> {
    /// The digest; its beginning is the check code that people compare.
    pub fn digest(&self) -> Hash {
        digest_of(&json!([
            "work order",
            self.carrier.as_str(),
            self.text,
            self.signature,
            self.appended,
            self.audience,
            self.from.to_string(),
            self.to.to_string(),
            self.hours.to_string(),
            self.daily_cap.unwrap_or(0),
            words_of(self.counts),
            self.evidence,
            self.contact,
        ]))
    }
}

/// Wanted counts as they are stored, and as an approval binds them: a JSON list in a text.
pub fn words_of(counts: &[WantedCount]) -> String {
    let words: Vec<_> = counts.iter().map(|c| c.as_str()).collect();
    json!(words).to_string()
}

/// The text as a phone has to show it.
pub fn on_the_phone(signature: &str, text: &str) -> String {
    match signature {
        "" => text.to_owned(),
        _ => format!("【{signature}】{text}"),
    }
}

/// An order's number, as it stands on the letter.
pub fn number(prefix: &str, year: i64, n: i64) -> String {
    format!("{prefix}〔{year}〕{n}号")
}
