//! A work order as its readers see it: one form for `--json`, HTTP and pages.

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{Compared, OrderFile};
use crate::{
    domain::{
        carrier::Carrier,
        check_code::CheckCode,
        hours::HourSpan,
        id::OrderId,
        lang::Lang,
        time::{Micros, Zoned},
        work_order::{
            OrderState,
            command::{Channel, CommandAct},
            counts::Contradiction,
            due::Owed,
            readback::Difference,
        },
    },
    store::work_order::{OrderCommand, OrderCounts, OrderEvidence},
};

/// An order in a list.
#[derive(Debug, Clone, Serialize)]
pub struct OrderLine {
    /// Its id.
    #[serde(rename = "work_order")]
    pub id: OrderId,
    /// Its key in the plan file.
    pub item: String,
    /// What people call it.
    pub name: String,
    /// As on the letter; empty until it is issued.
    pub number: String,
    /// Who sends.
    pub carrier: Carrier,
    /// How far it is.
    pub state: OrderState,
    /// What the carrier owes and has not done in time.
    #[serde(serialize_with = "owed_word")]
    pub overdue: Option<Owed>,
    /// Counts up with each correction; 0 until it is issued.
    pub revision: i64,
    /// How it reaches the carrier; `None`, written as an empty word: it is not issued yet.
    #[serde(serialize_with = "channel_word")]
    pub channel: Option<Channel>,
    /// What people compare.
    #[serde(serialize_with = "grouped")]
    pub check_code: CheckCode,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
    /// Of the last act that had one.
    pub reason: String,
    /// The newest figures by their "as of"; nothing is made up from several.
    #[serde(flatten)]
    pub figures: FiguresView,
    /// How many things cannot be about its figures.
    pub contradictions: usize,
    /// What the carrier owes next, and until when.
    pub owed: Option<OwedView>,
}

/// Figures as a carrier declares them; `None`: it has said nothing of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FiguresView {
    /// As of when.
    pub as_of: Option<Zoned>,
    /// How many were to get it.
    pub requested: Option<i64>,
    /// How many were sent to.
    pub sent: Option<i64>,
    /// How many got it.
    pub delivered: Option<i64>,
}

/// What a carrier owes, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OwedView {
    /// What it is.
    pub what: Owed,
    /// Until when.
    pub until: Zoned,
}

/// An order with all that hangs on it.
#[derive(Debug, Clone, Serialize)]
pub struct OrderView {
    /// What a list shows of it.
    #[serde(flatten)]
    pub line: OrderLine,
    /// The office's zone.
    #[serde(skip)]
    pub zone: Tz,
    /// What it says.
    pub text: String,
    /// The sender's name, without its brackets.
    pub signature: String,
    /// To whom, in words.
    pub audience: String,
    /// From when to when on each day.
    pub hours: HourSpan,
    /// At most so many a day; 0: no cap.
    pub daily_cap: i64,
    /// Who approved it; empty: nobody yet.
    pub approved_by: String,
    /// When it was issued, on the office's clock.
    pub issued: Option<Zoned>,
    /// When the carrier said that it will do it.
    pub acknowledged: Option<Zoned>,
    /// What arrived on seed phones; their sentences in [`Self::json`].
    #[serde(skip)]
    pub proofs: Vec<ProofView>,
    /// The carrier's figures, by their "as of".
    pub counts: Vec<CountsView>,
    /// What cannot be about them; its sentences in [`Self::json`].
    #[serde(skip)]
    pub contradictions: Vec<Contradiction>,
    /// Its evidence, without the bytes.
    pub evidence: Vec<EvidenceView>,
    /// The commands to its carrier, sent or still to be sent.
    pub commands: Vec<CommandView>,
}

/// What arrived on a seed phone, beside the approved text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofView {
    /// Its number.
    pub n: i64,
    /// Of which round.
    pub revision: i64,
    /// Which phone, its middle left out: the office's own, and yet a number. Empty: not said.
    pub phone: String,
    /// Where it is not as approved; empty: equal to the character.
    pub differences: Vec<Difference>,
    /// Who took it in.
    pub by: String,
    /// When it came in.
    pub at: Zoned,
}

/// One report of figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CountsView {
    /// Its number.
    pub n: i64,
    /// What the carrier declares.
    #[serde(flatten)]
    pub figures: FiguresView,
    /// The carrier says that these are its last.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Who took it in.
    pub by: String,
    /// When it came in.
    pub at: Zoned,
}

/// A piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceView {
    /// Its number.
    pub n: i64,
    /// What the carrier calls it.
    pub name: String,
    /// Media type, by its content.
    pub media: String,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// When it came in.
    pub at: Zoned,
}

/// A command to the carrier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommandView {
    /// Its number: commands of an order are sent in their order.
    pub n: i64,
    /// What is commanded.
    pub act: CommandAct,
    /// `taken` or `refused: …`; empty: none yet.
    pub answer: String,
}

impl OrderView {
    /// The newest figures by their "as of".
    pub fn figures(&self) -> Option<&CountsView> {
        self.counts.last()
    }

    /// As one JSON object, with the sentences in the reader's language.
    pub fn json(&self, lang: Lang) -> Value {
        let mut value = json!(self);
        value["proofs"] = self.proofs.iter().map(|p| p.json(lang)).collect();
        let sentence = |c: &Contradiction| c.text(self.zone, lang);
        value["contradiction_texts"] = self.contradictions.iter().map(sentence).collect();
        value
    }
}

impl ProofView {
    fn json(&self, lang: Lang) -> Value {
        let difference = |d: &Difference| json!({ "at": d.at + 1, "kind": d.kind.as_str(), "text": d.text(lang) });
        json!({
            "revision": self.revision,
            "phone": self.phone,
            "equal": self.differences.is_empty(),
            "differences": self.differences.iter().map(difference).collect::<Vec<_>>(),
            "by": self.by,
        })
    }
}

impl OrderFile {
    /// As its readers see it, on the office's clock.
    pub(super) fn view(self, zone: Tz) -> OrderView {
        let line = self.line(zone);
        let order = self.order;
        let proof = |p: Compared| proof(p, zone);
        let evidence = |e: OrderEvidence| EvidenceView {
            n: e.n,
            name: e.name,
            media: e.media,
            sha256: hex::encode(e.sha256),
            at: e.at.on(zone),
        };
        OrderView {
            line,
            zone,
            issued: order.issued.map(|i| i.at.on(zone)),
            acknowledged: order.acknowledged.map(|at| at.on(zone)),
            text: order.text,
            signature: order.signature,
            audience: order.audience,
            hours: order.hours,
            daily_cap: order.daily_cap.unwrap_or(0),
            approved_by: order.approved_by.unwrap_or_default(),
            proofs: self.proofs.into_iter().map(proof).collect(),
            counts: self.counts.iter().map(|c| counts(c, zone)).collect(),
            contradictions: self.contradictions,
            evidence: self.evidence.into_iter().map(evidence).collect(),
            commands: self.commands.iter().map(command).collect(),
        }
    }

    fn line(&self, zone: Tz) -> OrderLine {
        let order = &self.order;
        let newest = self.figures().map(|c| counts(c, zone).figures);
        let owed = |(what, until): (Owed, Micros)| OwedView {
            what,
            until: until.on(zone),
        };
        OrderLine {
            id: order.id,
            item: order.item.clone(),
            name: order.name.clone(),
            number: order.number().to_owned(),
            carrier: order.carrier,
            state: order.state,
            overdue: order.overdue,
            revision: order.revision,
            channel: order.channel(),
            check_code: self.check_code(),
            from: order.from,
            to: order.to,
            reason: order.reason.clone(),
            figures: newest.unwrap_or_default(),
            contradictions: self.contradictions.len(),
            owed: self.owed.map(owed),
        }
    }
}

fn proof(compared: Compared, zone: Tz) -> ProofView {
    let proof = compared.proof;
    ProofView {
        n: proof.n,
        revision: proof.revision,
        phone: proof.phone.map_or_else(String::new, |p| p.to_string()),
        differences: compared.differences,
        by: proof.by,
        at: proof.at.on(zone),
    }
}

fn counts(counts: &OrderCounts, zone: Tz) -> CountsView {
    CountsView {
        n: counts.n,
        figures: FiguresView {
            as_of: Some(counts.as_of.on(zone)),
            requested: counts.requested,
            sent: counts.sent,
            delivered: counts.delivered,
        },
        is_final: counts.is_last,
        by: counts.by.clone(),
        at: counts.at.on(zone),
    }
}

fn command(command: &OrderCommand) -> CommandView {
    let answered = command.answered.as_ref();
    CommandView {
        n: command.n,
        act: command.act,
        answer: answered.map_or_else(String::new, |a| a.answer.to_string()),
    }
}

#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's signature"
)]
fn owed_word<S: Serializer>(owed: &Option<Owed>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(owed.map_or("", Owed::as_str))
}

#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's signature"
)]
fn channel_word<S: Serializer>(channel: &Option<Channel>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(channel.map_or("", Channel::as_str))
}

fn grouped<S: Serializer>(code: &CheckCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&code.grouped())
}
