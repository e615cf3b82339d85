//! What the ledger's lines say. Each line is one [`Event`] as compact JSON with `e` first; the words
//! and fields are fixed by `docs/ledger.md`.

use serde::{Deserialize, Serialize};

use super::{
    id::{
        CampaignId, ClaimId, GatewayId, GroupId, LaneId, MessageId, OrderId, OrphanId, Position,
        RunId,
    },
    lifecycle::{CampaignAct, CampaignState, Intent, RunAct, StopAct},
    message::{Change, Outcome, SuppressReason},
    policy::{Late, OnDoubt},
    priority::Priority,
    time::Micros,
};

/// Who or what caused a change of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The carrier's answer or report.
    Carrier,
    /// Our connection to it (time-out, lost link).
    Gateway,
    /// Our own rule (limit, suppression, not-after, window over).
    Watchbell,
    /// A person said so.
    Person,
}

/// A span of positions `from..to` in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The lane its positions are in.
    pub lane: LaneId,
    /// First position.
    pub from: i64,
    /// One past the last.
    pub to: i64,
}

impl Span {
    /// One message.
    pub fn of(message: MessageId) -> Self {
        let from = message.position();
        Self {
            lane: message.lane(),
            from,
            to: from + 1,
        }
    }

    /// How many messages.
    pub fn len(&self) -> i64 {
        self.to - self.from
    }

    /// Does it hold none?
    pub fn is_empty(&self) -> bool {
        self.to <= self.from
    }

    /// Its positions, rising.
    pub fn positions(&self) -> std::ops::Range<Position> {
        self.from..self.to
    }

    /// Its messages, in the order of their positions.
    pub fn messages(&self) -> impl Iterator<Item = MessageId> + use<> {
        let lane = self.lane;
        self.positions().map(move |p| MessageId::new(lane, p))
    }
}

/// What was decided about a run and decides what is sent when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The slot it fires for, UTC.
    pub slot: Micros,
    /// How urgent.
    pub priority: Priority,
    /// The policy for doubt.
    pub on_doubt: OnDoubt,
    /// Not later; `None`, written 0: no limit.
    #[serde(with = "zero_is_none")]
    pub not_after: Option<Micros>,
    /// Not earlier; `None`, written 0: at once.
    #[serde(with = "zero_is_none")]
    pub not_before: Option<Micros>,
    /// People who stood in the audience more than once.
    pub merged: i64,
    /// What it does when it could not begin on time.
    #[serde(default = "send", skip_serializing_if = "is_send")]
    pub late: Late,
}

/// A lane as it was frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenLane {
    /// Its id.
    pub lane: LaneId,
    /// Its gateway; empty where nobody can be reached.
    pub gateway: GatewayId,
    /// How many messages.
    pub size: i64,
    /// How many segments they have together.
    pub segments: i64,
    /// Bytes at the text's start that the carrier writes itself.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub written_from: i64,
    /// Messages go as whole texts: one part each, however many segments it counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// RFC 6962 root over the messages' commitments, hex.
    pub root: String,
}

/// A run's part at one gateway, as an approver was shown before the campaign was approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncedForecast {
    /// The run's slot.
    pub slot: Micros,
    /// Through which gateway.
    pub gateway: GatewayId,
    /// How many recipients the run was to have.
    pub people: i64,
    /// How many segments their messages were to take.
    pub segments: i64,
    /// When the first segment goes; `None`, written 0: never.
    #[serde(with = "zero_is_none")]
    pub starts: Option<Micros>,
    /// When the last one is handed over; `None`, written 0: never.
    #[serde(with = "zero_is_none")]
    pub ends: Option<Micros>,
}

/// A line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "e", rename_all = "snake_case")]
pub enum Event {
    /// The chain begins.
    Genesis {
        /// Format version, 1.
        v: u8,
        /// The installation's id.
        installation: String,
        /// Simulated carriers only.
        practice: bool,
    },
    /// A user was added, changed or disabled.
    User {
        /// Who did it.
        by: String,
        /// `added`, `password`, `disabled`, `enabled`.
        act: String,
        /// Login name.
        name: String,
        /// Salted digest over name, role, password hash and disabled flag, hex.
        digest: String,
    },
    /// A group's address book was read in or changed.
    Contacts {
        /// Who did it.
        by: String,
        /// The group.
        group: GroupId,
        /// Members afterwards.
        members: i64,
        /// Root over the members' salted digests in the order of their numbers, hex.
        root: String,
    },
    /// Groups that a group contains.
    Nested {
        /// Who did it.
        by: String,
        /// The group.
        group: GroupId,
        /// What it contains now.
        children: Vec<GroupId>,
    },
    /// A number must not be sent to.
    Suppression {
        /// Its sequence number.
        seq: i64,
        /// Who did it: a person, or `mo` with the message's number.
        by: String,
        /// `opt_out`, `person` …
        reason: String,
        /// Salted digest over seq, number and reason, hex.
        digest: String,
    },
    /// A suppression was lifted.
    Unsuppressed {
        /// Its sequence number.
        seq: i64,
        /// Who did it.
        by: String,
        /// The user's own words.
        reason: String,
    },
    /// A campaign's lifecycle.
    Campaign {
        /// Who did it.
        by: String,
        /// What happened.
        act: CampaignAct,
        /// The campaign that changed.
        campaign: CampaignId,
        /// The state afterwards.
        state: CampaignState,
        /// What the act is about: text, people, time; hex.
        digest: String,
        /// Why, where there is a reason.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// A plan was read in: its campaigns' events follow.
    Plan {
        /// Who did it.
        by: String,
        /// `imported`.
        act: String,
        /// Its name.
        plan: String,
        /// Over name, title and the file; hex.
        digest: String,
    },
    /// What an approver was shown before the campaign was approved.
    Forecast {
        /// Who lets it out.
        by: String,
        /// The campaign it was computed for.
        campaign: CampaignId,
        /// By run and gateway.
        rows: Vec<AnnouncedForecast>,
    },
    /// A run exists, whole.
    Frozen {
        /// The run that was frozen.
        run: RunId,
        /// The campaign it belongs to.
        campaign: CampaignId,
        /// What was decided about it.
        #[serde(flatten)]
        terms: Terms,
        /// Its lanes.
        lanes: Vec<FrozenLane>,
        /// Messages suppressed at freezing, with the reason: spans and counts follow from the rows.
        suppressed: Vec<SuppressedSpan>,
    },
    /// A run's intent or progress.
    Run {
        /// Who did it; `watchbell` for a rule.
        by: String,
        /// What happened.
        act: RunAct,
        /// The run that changed.
        run: RunId,
        /// The intent afterwards.
        intent: Intent,
        /// Why, where there is a reason.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
        /// Of `opened`: the long messages' reference.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part_ref: Option<u8>,
    },
    /// Messages of a range are about to be handed to a gateway.
    Claimed {
        /// The claim.
        claim: ClaimId,
        /// Which messages.
        #[serde(flatten)]
        span: Span,
        /// The first part to send, from 0.
        part: u8,
        /// Through which gateway.
        gateway: GatewayId,
        /// By which process.
        node: String,
        /// 1, or 2 when sent again.
        attempt: i64,
        /// Wire sequence of (from, part 0).
        first: u32,
        /// Sequences per position.
        stride: u32,
        /// Taken from `again`, not from the lane's front.
        again: bool,
        /// Numbers in one request at most.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        batch: i64,
    },
    /// A claim's last outcome is in.
    Closed {
        /// The claim.
        claim: ClaimId,
        /// Its lane.
        lane: LaneId,
    },
    /// Messages go back into the queue: they surely did not leave.
    Released {
        /// The messages that are free again.
        #[serde(flatten)]
        span: Span,
        /// The first part still to be sent.
        part: u8,
        /// Through which gateway next.
        gateway: GatewayId,
        /// 1, or 2 when sent again.
        attempt: i64,
        /// Not before.
        due: Micros,
    },
    /// The rest of a lane will not be sent.
    Ended {
        /// What remained.
        #[serde(flatten)]
        span: Span,
        /// `person`, `not_after`, `returned` …
        reason: String,
    },
    /// Something happened to a message.
    M {
        /// The message that changed.
        m: MessageId,
        /// The entry of its previous event; 0: none since it was frozen.
        p: i64,
        /// Which part, from 0.
        part: u8,
        /// Of how many; absent: of one.
        #[serde(default = "one_part", skip_serializing_if = "is_one_part")]
        of: u8,
        /// What happened to it.
        #[serde(flatten)]
        change: Change,
        /// The message's state afterwards; absent while it is still on its way.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        s: Option<Outcome>,
        /// Who says so.
        src: Source,
    },
    /// A report names an id we don't know (yet).
    Orphan {
        /// Its number.
        orphan: OrphanId,
        /// Where it came in.
        gateway: GatewayId,
        /// Salted digest over carrier id, number, verdict, code; hex.
        digest: String,
    },
    /// An orphan has found its message (whose own event follows or precedes in the same entry).
    Matched {
        /// The orphan.
        orphan: OrphanId,
        /// The message.
        m: MessageId,
    },
    /// A report that changed nothing: repeated, late or contradicting.
    Heard {
        /// The message.
        m: MessageId,
        /// The part.
        part: u8,
        /// The carrier's code.
        k: String,
    },
    /// A message from a phone.
    Mo {
        /// Its number.
        mo: i64,
        /// Where it came in.
        gateway: GatewayId,
        /// Is it an opt-out?
        opt_out: bool,
        /// Salted digest over carrier id, number and text; hex.
        digest: String,
    },
    /// A doubt's grace is over; the run's policy is to hold.
    Graced {
        /// The message.
        m: MessageId,
        /// The part.
        part: u8,
    },
    /// Limits reserved for a stretch of a lane.
    Reserved {
        /// Which stretch.
        #[serde(flatten)]
        span: Span,
        /// The office's day whose places were taken.
        day: String,
    },
    /// The reserved places of a stretch that will not be sent were given back.
    GivenBack {
        /// Which stretch.
        #[serde(flatten)]
        span: Span,
    },
    /// All sending halted, or let go on.
    Stop {
        /// Who did it.
        by: String,
        /// What happened.
        act: StopAct,
        /// The user's own words; may be empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
        /// Segments handed over before it took hold, since the first entry.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<i64>,
    },
    /// An engine took or gave up the database.
    Engine {
        /// Which process.
        node: String,
        /// `started`, `recovered`, `ended`.
        act: String,
    },
    /// A gateway's acceptance: texts that left outside of any run.
    Acceptance {
        /// Who did it.
        by: String,
        /// `began`, `ended`.
        act: String,
        /// Through which gateway.
        gateway: GatewayId,
        /// To how many phones.
        phones: i64,
        /// Of `began`: segments at most; of `ended`: segments that were handed over.
        segments: i64,
    },
    /// Somebody saw what is usually masked, or exported it.
    Seen {
        /// The user's name.
        by: String,
        /// What: `log`, `export` …
        what: String,
        /// Why they were shown, in the user's own words.
        reason: String,
    },
    /// A carrier's work order: what happened to it, and the rows that came with it.
    Order {
        /// Who did it; `carrier:telecom` for what a carrier says over its interface.
        by: String,
        /// `created`, `changed`, `renamed`, `voided`, `approved`, `issued`, `acknowledged`, `refused`, `proof`,
        /// `proof_differs`, `proofed`, `corrected`, `released`, `counts`, `reported`, `evidence`, `accepted`, `closed`,
        /// `withdrawn`, `overdue`, `told`.
        act: String,
        /// The order that changed.
        order: OrderId,
        /// The state afterwards.
        state: String,
        /// Salted digest over its row afterwards, hex.
        digest: String,
        /// Why, where there is a reason.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
        /// Of `issued`: the year and the number that it got.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<(i64, i64)>,
        /// Rows that are new or were answered.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rows: Vec<OrderPart>,
    },
    /// Which carrier a user belongs to.
    Staff {
        /// Who says so.
        by: String,
        /// The user.
        name: String,
        /// The carrier.
        carrier: String,
    },
    /// A personal record was erased; its commitment stays.
    Erased {
        /// The message whose recipient was erased.
        m: MessageId,
        /// The user's name.
        by: String,
    },
}

/// A row that hangs on a work order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPart {
    /// `proof`, `count`, `evidence`, `wish`.
    pub to: String,
    /// Its number.
    pub n: i64,
    /// Salted digest over it, hex.
    pub digest: String,
}

fn send() -> Late {
    Late::Send
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_send(late: &Late) -> bool {
    *late == Late::Send
}

/// An instant that may be none, as the ledger writes it.
mod zero_is_none {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::Micros;

    #[expect(clippy::ref_option, reason = "serde hands a reference")]
    pub(super) fn serialize<S: Serializer>(at: &Option<Micros>, to: S) -> Result<S::Ok, S::Error> {
        at.unwrap_or(Micros(0)).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Micros>, D::Error> {
        let at = Micros::deserialize(from)?;
        Ok((at.0 != 0).then_some(at))
    }
}

/// Consecutive messages suppressed at freezing for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuppressedSpan {
    /// The messages of suppressed numbers.
    #[serde(flatten)]
    pub span: Span,
    /// One for all of them: a range ends where the reason changes.
    pub reason: SuppressReason,
}

fn one() -> i64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_one(n: &i64) -> bool {
    *n == 1
}

fn one_part() -> u8 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_one_part(n: &u8) -> bool {
    *n == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(n: &i64) -> bool {
    *n == 0
}

impl Event {
    /// The event as its ledger line, without the line break.
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("an event holds only strings, numbers and lists")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_event_is_one_flat_line() {
        let event = Event::M {
            m: MessageId::new(LaneId(1), 5),
            p: 3,
            part: 0,
            of: 1,
            change: Change::Accepted { id: "00ff".into() },
            s: Some(Outcome::Submitted),
            src: Source::Carrier,
        };
        let line = event.line();
        assert_eq!(
            line,
            r#"{"e":"m","m":4294967301,"p":3,"part":0,"w":"accepted","c":"00ff","s":"submitted","src":"carrier"}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event);
    }

    #[test]
    fn a_range_event_reads_back() {
        let event = Event::Released {
            span: Span {
                lane: LaneId(2),
                from: 1,
                to: 9,
            },
            part: 0,
            gateway: "mobile".into(),
            attempt: 1,
            due: Micros(0),
        };
        assert_eq!(serde_json::from_str::<Event>(&event.line()).unwrap(), event);
    }
}
