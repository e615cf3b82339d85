//! What goes over the wire, as `docs/work-orders.md` writes it down: bodies, keys, signed headers. Both ends use it,
//! the office's client and the simulated carrier.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Answer, Figures, Proof};
use crate::{
    domain::{id::OrderId, time::Micros, work_order::command::CommandAct},
    web::signing,
};

/// Largest answer about an order that is read, in bytes: figures twice a day for years.
pub const MAX_STANDING: usize = 1_024 * 1_024;

/// Most proofs, reports or pieces of evidence that one answer may have.
pub const MAX_LISTED: usize = 1_000;

/// The idempotency key: the same order, revision and act is the same request, however often it comes.
pub fn key(order: OrderId, revision: i64, act: CommandAct) -> String {
    format!("{order}:{revision}:{}", act.as_str())
}

/// The id of a question: it names the order, so that a signed one cannot be put to another.
pub fn question(order: OrderId, what: &str, now: Micros) -> String {
    format!("{order}:{what}:{}", now.0)
}

/// Where an act goes, under the carrier's address.
pub fn path(order: OrderId, act: CommandAct) -> String {
    match act {
        CommandAct::Create => "/orders".to_owned(),
        other => format!("/orders/{order}/{}", other.as_str()),
    }
}

/// A command to a carrier: a request that changes something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Which order.
    pub order: OrderId,
    /// Which round of proofs.
    pub revision: i64,
    /// What the office asks for.
    pub act: CommandAct,
    /// Why, of a correction or a withdrawal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The order, of `create` and `correct`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Request>,
}

/// An order as the carrier gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// As on the letter.
    pub number: String,
    /// What people call it.
    pub name: String,
    /// Which carrier's subscribers.
    pub carrier: String,
    /// What it says, without the signature. Not to be retyped.
    pub text: String,
    /// SHA-256 of the text's UTF-8 bytes, hex.
    pub text_sha256: String,
    /// What people compare.
    pub check_code: String,
    /// The sender's name, shown in 【】 before the text.
    pub signature: String,
    /// What the carrier adds at the end by agreement.
    #[serde(default)]
    pub appended: String,
    /// To whom, in words.
    pub audience: String,
    /// First day.
    pub from: String,
    /// Last day.
    pub to: String,
    /// `09:00-18:00`.
    pub hours: String,
    /// The zone of days and hours.
    pub zone: String,
    /// At most so many a day; 0: no cap.
    pub daily_cap: i64,
    /// Wanted counts.
    pub counts: Vec<String>,
    /// Wanted evidence, in words.
    #[serde(default)]
    pub evidence: String,
    /// Whom to ask.
    pub contact: String,
    /// Where proofs go.
    #[serde(default)]
    pub seed_phones: Vec<String>,
}

/// SHA-256 of a text, hex.
pub fn text_digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Where an order stands with the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CarrierState {
    /// It is there; nobody has decided.
    Received,
    /// It will be done.
    Acknowledged,
    /// It will not be done.
    Refused,
    /// It is being sent.
    Sending,
    /// All is sent; the last figures are in.
    Done,
    /// It was called off.
    Withdrawn,
}

/// What a carrier answers about an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The order the carrier speaks of.
    pub order: OrderId,
    /// The round that the carrier is at.
    pub revision: i64,
    /// Where it stands.
    pub state: CarrierState,
    /// Why, of a refusal.
    #[serde(default)]
    pub reason: String,
    /// When it means to send.
    #[serde(default)]
    pub planned: Option<Planned>,
    /// What arrived on the seed phones.
    #[serde(default)]
    pub proofs: Vec<WireProof>,
    /// Its figures so far, the oldest first.
    #[serde(default)]
    pub counts: Vec<WireFigures>,
    /// Evidence, to be fetched one by one.
    #[serde(default)]
    pub evidence: Vec<WirePiece>,
    /// When it will say more; asked again at the latest by the office's own rhythm.
    #[serde(default, with = "maybe_time")]
    pub ask_again_at: Option<Micros>,
}

/// Planned times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The first moment it means to send at.
    #[serde(with = "time")]
    pub from: Micros,
    /// The moment it means to be through at.
    #[serde(with = "time")]
    pub to: Micros,
}

/// A proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireProof {
    /// From 1.
    pub n: i64,
    /// Of which round.
    pub revision: i64,
    /// Which phone.
    pub phone: String,
    /// What it shows, as it arrived.
    pub text: String,
}

/// One statement of a carrier's figures, as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireFigures {
    /// From 1.
    pub n: i64,
    /// As of when.
    #[serde(with = "time")]
    pub as_of: Micros,
    /// How many were to get it.
    #[serde(default)]
    pub requested: Option<i64>,
    /// How many were sent to.
    #[serde(default)]
    pub sent: Option<i64>,
    /// How many got it.
    #[serde(default)]
    pub delivered: Option<i64>,
    /// These are the last.
    #[serde(default, rename = "final")]
    pub last: bool,
    /// In words.
    #[serde(default)]
    pub remark: String,
}

/// A piece of evidence, named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WirePiece {
    /// From 1.
    pub n: i64,
    /// What it is called.
    pub name: String,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
}

/// A carrier's own number; 0 numbers nothing.
pub fn numbered(n: i64) -> Option<i64> {
    Some(n).filter(|n| *n != 0)
}

impl Standing {
    /// Without its evidence, which is fetched.
    pub fn answer(&self) -> Answer {
        Answer {
            acknowledged: matches!(
                self.state,
                CarrierState::Acknowledged | CarrierState::Sending | CarrierState::Done
            ),
            refused: (self.state == CarrierState::Refused).then(|| self.reason.clone()),
            planned: self.planned.map(|p| (p.from, p.to)),
            proofs: self
                .proofs
                .iter()
                .map(|p| Proof {
                    theirs: numbered(p.n),
                    revision: p.revision,
                    phone: p.phone.clone(),
                    text: p.text.clone(),
                })
                .collect(),
            counts: self
                .counts
                .iter()
                .map(|c| Figures {
                    theirs: numbered(c.n),
                    as_of: c.as_of,
                    requested: c.requested,
                    sent: c.sent,
                    delivered: c.delivered,
                    last: c.last,
                    remark: c.remark.clone(),
                })
                .collect(),
            evidence: Vec::new(),
        }
    }

    /// Longer lists than anybody means.
    pub fn is_too_long(&self) -> bool {
        [self.proofs.len(), self.counts.len(), self.evidence.len()]
            .into_iter()
            .any(|n| n > MAX_LISTED)
    }
}

/// The three headers of a signed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// [`signing::ID`].
    pub id: String,
    /// [`signing::TIMESTAMP`].
    pub timestamp: String,
    /// [`signing::SIGNATURE`].
    pub signature: String,
}

impl Signed {
    /// Signs a body.
    pub fn new(secret: &str, id: &str, now: Micros, body: &[u8]) -> Self {
        let seconds = now.0.div_euclid(1_000_000);
        Self {
            id: id.to_owned(),
            timestamp: seconds.to_string(),
            signature: signing::sign(secret.as_bytes(), id, seconds, body),
        }
    }

    /// Header by header.
    pub fn headers(&self) -> [(&'static str, &str); 3] {
        [
            (signing::ID, &self.id),
            (signing::TIMESTAMP, &self.timestamp),
            (signing::SIGNATURE, &self.signature),
        ]
    }

    /// Has somebody who knows the secret signed this, lately?
    pub fn verify(
        &self,
        secret: &str,
        now: Micros,
        body: &[u8],
    ) -> Result<(), signing::SignatureError> {
        let headers = signing::Headers {
            id: &self.id,
            timestamp: &self.timestamp,
            signature: &self.signature,
        };
        headers.verify(secret.as_bytes(), body, now.0.div_euclid(1_000_000))
    }
}

/// Times as RFC 3339 with their offset.
mod time {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::Micros;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    pub(super) fn serialize<S: Serializer>(t: &Micros, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(t)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Micros, D::Error> {
        let text = String::deserialize(from)?;
        chrono::DateTime::parse_from_rfc3339(&text)
            .map(Micros::from)
            .map_err(|e| D::Error::custom(format!("{text:?} is no RFC 3339 time: {e}")))
    }
}

/// The same, where there may be none.
mod maybe_time {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    use super::Micros;

    #[expect(clippy::ref_option, reason = "serde hands a reference")]
    pub(super) fn serialize<S: Serializer>(t: &Option<Micros>, to: S) -> Result<S::Ok, S::Error> {
        t.map(|t| t.to_string()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Micros>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else {
            return Ok(None);
        };
        chrono::DateTime::parse_from_rfc3339(&text)
            .map(|t| Some(Micros::from(t)))
            .map_err(|e| D::Error::custom(format!("{text:?} is no RFC 3339 time: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_reads_what_a_carrier_may_leave_out() {
        let order = OrderId::fresh();
        let text = format!(
            r#"{{"order":"{order}","revision":1,"state":"sending","more":1,
                "counts":[{{"n":1,"as_of":"2023-06-05T17:00:00+08:00","sent":7,"final":true}}]}}"#
        );
        let standing: Standing = serde_json::from_str(&text).unwrap();
        let answer = standing.answer();
        assert!(answer.acknowledged && answer.refused.is_none());
        assert_eq!(answer.counts[0].as_of, Micros(1_685_955_600_000_000));
        assert_eq!(
            (answer.counts[0].sent, answer.counts[0].delivered),
            (Some(7), None)
        );
        let again = serde_json::to_string(&standing).unwrap();
        assert_eq!(serde_json::from_str::<Standing>(&again).unwrap(), standing);
        let odd = text.replace("+08:00", "");
        assert!(serde_json::from_str::<Standing>(&odd).is_err());
    }

    #[test]
    fn the_key_is_the_order_its_revision_and_the_act() {
        let order = OrderId::fresh();
        assert_eq!(
            key(order, 2, CommandAct::Correct),
            format!("{order}:2:correct")
        );
        assert_eq!(path(order, CommandAct::Create), "/orders");
    }
}
