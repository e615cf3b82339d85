//! What a carrier says of an order, by whichever way it came: taken in whole or not at all. What is there already is
//! not taken twice, so the same answer may come again and again.

use sha2::{Digest as _, Sha256};

use super::{WorkOrders, change::Change, check_may_see};
use crate::{
    domain::{
        id::OrderId,
        ledger::Hash,
        phone::Phone,
        role::{Act, Actor},
        work_order::{
            MAX_EVIDENCE, MAX_TEXT, OrderEvent, OrderState, ReadBack, on_the_phone, readback,
        },
    },
    service::{Result, refusal::OrderRefusal},
    store::work_order::{OrderCounts, OrderEvidence, OrderProof},
    work_orders::{Answer, Figures, Piece, Proof, client},
};

/// Longest name of a piece of evidence, in characters.
const MAX_NAME: usize = 100;

/// What of an answer was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// It was acknowledged or refused.
    pub decided: bool,
    /// How many proofs were read.
    pub proofs: usize,
    /// Of them, not the approved text.
    pub differing: usize,
    /// Reports of figures.
    pub counts: usize,
    /// Pieces of evidence.
    pub evidence: usize,
}

/// What to do with an answer that the order's state does not admit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutOfTurn {
    /// It is refused: a person reads why.
    Refuse,
    /// A machine will say it again; what it says too late stays with it.
    Leave,
}

impl WorkOrders<'_> {
    /// Takes in what a carrier says; its staff only of their own orders.
    pub async fn answer(self, actor: &Actor, id: OrderId, answer: &Answer) -> Result<Taken> {
        actor.may(Act::AnswerOrders)?;
        let mut change = Change::begin(self.office, "answer_order", id).await?;
        check_may_see(&mut change.acting.tx, actor, &change.order).await?;
        let taken = take(&mut change, &actor.label(), answer, OutOfTurn::Refuse).await?;
        if !change.is_empty() {
            change.commit().await?;
        }
        Ok(taken)
    }

    /// A piece of evidence with its bytes.
    pub async fn evidence(self, actor: &Actor, id: OrderId, n: i64) -> Result<(String, Vec<u8>)> {
        let view = self.get(actor, id).await?;
        let missing = || crate::store::Error::Missing {
            what: "evidence",
            id: n.to_string(),
        };
        let piece = view
            .evidence
            .into_iter()
            .find(|e| e.n == n)
            .ok_or_else(missing)?;
        let bytes = self
            .office
            .store
            .read("evidence")
            .await?
            .evidence_bytes(n)
            .await?;
        Ok((piece.name, bytes.ok_or_else(missing)?))
    }
}

/// Takes an answer into a change.
pub(super) async fn take(
    change: &mut Change,
    by: &str,
    answer: &Answer,
    out_of_turn: OutOfTurn,
) -> Result<Taken> {
    let mut taken = Taken {
        decided: decide(change, by, answer, out_of_turn)?,
        ..Taken::default()
    };
    take_proofs(change, by, &answer.proofs, out_of_turn, &mut taken).await?;
    for figures in &answer.counts {
        if take_counts(change, by, figures, out_of_turn).await? {
            taken.counts += 1;
        }
    }
    for piece in &answer.evidence {
        if take_evidence(change, by, piece, out_of_turn).await? {
            taken.evidence += 1;
        }
    }
    Ok(taken)
}

/// Is the event to be applied? A person's always is: the lifecycle's own words refuse it.
fn is_applied(change: &Change, event: OrderEvent, out_of_turn: OutOfTurn) -> bool {
    change.order.state.on(event).is_ok() || out_of_turn == OutOfTurn::Refuse
}

/// Acknowledges or refuses the order, if the answer does; false: it says nothing new.
fn decide(change: &mut Change, by: &str, answer: &Answer, out_of_turn: OutOfTurn) -> Result<bool> {
    let state = change.order.state;
    if let Some(reason) = &answer.refused {
        let is_new = state != OrderState::Refused;
        if !is_new || !is_applied(change, OrderEvent::Refuse, out_of_turn) {
            return Ok(false);
        }
        change.apply(by, OrderEvent::Refuse, &client::tidy(reason))?;
        return Ok(true);
    }
    // Said again of an order that has gone on, it is nothing new.
    let is_new = matches!(
        state,
        OrderState::Issued | OrderState::Draft | OrderState::Approved
    );
    if !answer.acknowledged || !is_new {
        return Ok(false);
    }
    if answer.planned.is_some() {
        change.order.planned = answer.planned;
    }
    if !is_applied(change, OrderEvent::Acknowledge, out_of_turn) {
        return Ok(false);
    }
    change.apply(by, OrderEvent::Acknowledge, "")?;
    Ok(true)
}

async fn take_proofs(
    change: &mut Change,
    by: &str,
    proofs: &[Proof],
    out_of_turn: OutOfTurn,
    taken: &mut Taken,
) -> Result<()> {
    let mut known = change.acting.tx.proofs(change.order.id).await?;
    let before = known.len();
    let event = OrderEvent::Proofs(ReadBack::Partial);
    if proofs.is_empty() || !is_applied(change, event, out_of_turn) {
        return Ok(());
    }
    for proof in proofs {
        let proof = read_proof(change, by, proof)?;
        let is_known = known
            .iter()
            .any(|k| (k.revision, k.phone, &k.text) == (proof.revision, proof.phone, &proof.text));
        if is_known {
            continue;
        }
        if proof.text.chars().count() > MAX_TEXT {
            return Err(OrderRefusal::ProofTooLong { longest: MAX_TEXT }.into());
        }
        let proof = OrderProof {
            n: change.draw().await?,
            ..proof
        };
        change.acting.tx.insert_proof(&proof).await?;
        change.add(&proof);
        taken.differing += usize::from(!proof.is_equal);
        known.push(proof);
    }
    taken.proofs = known.len() - before;
    if taken.proofs == 0 {
        return Ok(());
    }
    let read_back = read_back(&known, &change.order.seeds, change.order.revision);
    change.apply(by, OrderEvent::Proofs(read_back), "")
}

/// A proof beside the approved text, without a number yet.
fn read_proof(change: &Change, by: &str, proof: &Proof) -> Result<OrderProof> {
    let order = &change.order;
    let approved = on_the_phone(&order.signature, &order.text);
    Ok(OrderProof {
        n: 0,
        order: order.id,
        revision: match proof.revision {
            0 => order.revision,
            revision => revision,
        },
        phone: seed_phone(&proof.phone)?,
        text: proof.text.clone(),
        is_equal: readback::compare(&approved, &proof.text, &order.appended).is_empty(),
        theirs: proof.theirs,
        by: by.to_owned(),
        salt: crate::random::salt().to_vec(),
        at: change.now(),
    })
}

/// A number in its one form; an empty cell names no phone.
fn seed_phone(phone: &str) -> Result<Option<Phone>> {
    if phone.trim().is_empty() {
        return Ok(None);
    }
    match Phone::parse(phone) {
        Ok((phone, _)) => Ok(Some(phone)),
        Err(_) => Err(OrderRefusal::SeedPhone.into()),
    }
}

/// What the present round comes to: one wrong phone spoils it until the text is sent again.
fn read_back(proofs: &[OrderProof], seeds: &[Phone], revision: i64) -> ReadBack {
    let round: Vec<_> = proofs.iter().filter(|p| p.revision == revision).collect();
    if round.iter().any(|p| !p.is_equal) {
        return ReadBack::Differs;
    }
    let is_in = |seed: &Phone| round.iter().any(|p| p.phone == Some(*seed));
    match seeds.iter().all(is_in) && !round.is_empty() {
        true => ReadBack::Equal,
        false => ReadBack::Partial,
    }
}

/// False: these figures are known, or come out of turn.
async fn take_counts(
    change: &mut Change,
    by: &str,
    f: &Figures,
    out_of_turn: OutOfTurn,
) -> Result<bool> {
    let event = OrderEvent::Counts { last: f.last };
    let known = change.acting.tx.order_counts(change.order.id).await?;
    let is_known = known.iter().any(|k| {
        (k.as_of, k.requested, k.sent, k.delivered, k.is_last)
            == (f.as_of, f.requested, f.sent, f.delivered, f.last)
    });
    if is_known || !is_applied(change, event, out_of_turn) {
        return Ok(false);
    }
    let counts = OrderCounts {
        n: change.draw().await?,
        order: change.order.id,
        as_of: f.as_of,
        requested: f.requested,
        sent: f.sent,
        delivered: f.delivered,
        is_last: f.last,
        theirs: f.theirs,
        remark: client::tidy(&f.remark),
        by: by.to_owned(),
        salt: crate::random::salt().to_vec(),
        at: change.now(),
    };
    change.acting.tx.insert_counts(&counts).await?;
    change.add(&counts);
    change.apply(by, event, "")?;
    Ok(true)
}

/// False: this piece is known, or comes out of turn.
async fn take_evidence(
    change: &mut Change,
    by: &str,
    piece: &Piece,
    out_of_turn: OutOfTurn,
) -> Result<bool> {
    let sha256: Hash = Sha256::digest(&piece.bytes).into();
    let known = change.acting.tx.evidence(change.order.id).await?;
    let is_known = known.iter().any(|k| k.sha256 == sha256);
    if is_known || !is_applied(change, OrderEvent::Evidence, out_of_turn) {
        return Ok(false);
    }
    if piece.bytes.is_empty() || piece.bytes.len() > MAX_EVIDENCE {
        return Err(OrderRefusal::EvidenceSize {
            largest: MAX_EVIDENCE,
        }
        .into());
    }
    let evidence = OrderEvidence {
        n: change.draw().await?,
        order: change.order.id,
        name: client::tidy(&piece.name).chars().take(MAX_NAME).collect(),
        media: media(&piece.bytes).to_owned(),
        sha256,
        theirs: piece.theirs,
        by: by.to_owned(),
        salt: crate::random::salt().to_vec(),
        at: change.now(),
    };
    let tx = &mut change.acting.tx;
    tx.insert_evidence(&evidence, &piece.bytes).await?;
    change.add(&evidence);
    change.apply(by, OrderEvent::Evidence, "")?;
    Ok(true)
}

/// The media type by content; the name's ending proves nothing.
fn media(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'%', b'P', b'D', b'F', ..] => "application/pdf",
        [b'P', b'K', 3, 4, ..] => {
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        }
        _ if std::str::from_utf8(bytes).is_ok() => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Micros;

    const SEEDS: [u64; 2] = [13_300_000_001, 13_300_000_002];

    fn seed(n: usize) -> Phone {
        Phone::from_number(SEEDS[n]).unwrap()
    }

    fn right(n: usize, revision: i64) -> OrderProof {
        OrderProof {
            n: 1,
            order: OrderId::fresh(),
            revision,
            phone: Some(seed(n)),
            text: String::new(),
            is_equal: true,
            theirs: None,
            by: String::new(),
            salt: Vec::new(),
            at: Micros(0),
        }
    }

    fn wrong(n: usize, revision: i64) -> OrderProof {
        OrderProof {
            is_equal: false,
            ..right(n, revision)
        }
    }

    #[test]
    fn every_seed_phone_has_to_show_it_and_one_wrong_one_spoils_the_round() {
        let seeds = [seed(0), seed(1)];
        let is = |proofs: &[OrderProof], revision| read_back(proofs, &seeds, revision);
        assert_eq!(is(&[right(0, 1)], 1), ReadBack::Partial);
        assert_eq!(is(&[right(0, 1), right(1, 1)], 1), ReadBack::Equal);
        let spoilt = [wrong(0, 1), right(0, 1), right(1, 1)];
        assert_eq!(is(&spoilt, 1), ReadBack::Differs);
        // Another round's don't count.
        let again = [wrong(0, 1), right(0, 2), right(1, 2)];
        assert_eq!(is(&again, 2), ReadBack::Equal);
        assert_eq!(is(&[right(0, 1), right(1, 1)], 2), ReadBack::Partial);
        assert_eq!(read_back(&[], &[], 1), ReadBack::Partial);
    }

    #[test]
    fn a_piece_is_what_its_bytes_are() {
        assert_eq!(media(b"%PDF-1.7"), "application/pdf");
        assert_eq!(media("汇总".as_bytes()), "text/plain; charset=utf-8");
        assert_eq!(media(&[0xff, 0xfe, 0]), "application/octet-stream");
    }
}
