//! What a carrier says of an order, by whichever way it came: taken in whole or not at all. What is there already is
//! not taken twice, so the same answer may come again and again.

use sha2::{Digest as _, Sha256};

use super::{WorkOrders, change::Change, check_own};
use crate::{
    domain::{
        id::OrderId,
        phone::Phone,
        role::{Act, Actor},
        work_order::{
            MAX_EVIDENCE, MAX_TEXT, OrderEvent, OrderState, ReadBack, on_the_phone, readback,
        },
    },
    service::{Result, refusal::OrderRefusal},
    store::work_order::{CountRow, EvidenceRow, ProofRow},
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

/// What to do with news that the order's state does not admit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutOfTurn {
    /// A person is told.
    Refuse,
    /// A machine will say it again; what it says too late stays with it.
    Leave,
}

impl WorkOrders<'_> {
    /// Takes in what a carrier says; its staff only of their own orders.
    pub async fn answer(self, actor: &Actor, id: OrderId, answer: &Answer) -> Result<Taken> {
        actor.may(Act::AnswerOrders)?;
        let mut change = Change::begin(self.office, "answer_order", id).await?;
        check_own(&mut change.acting.tx, actor, &change.row).await?;
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
        let row = view
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
        Ok((row.name, bytes.ok_or_else(missing)?))
    }
}

/// Takes an answer into a change.
pub(super) async fn take(
    change: &mut Change,
    by: &str,
    answer: &Answer,
    out_of_turn: OutOfTurn,
) -> Result<Taken> {
    let mut taken = Taken::default();
    decision(change, by, answer, out_of_turn, &mut taken)?;
    proofs(change, by, &answer.proofs, out_of_turn, &mut taken).await?;
    for figures in &answer.counts {
        if counted(change, by, figures, out_of_turn).await? {
            taken.counts += 1;
        }
    }
    for piece in &answer.evidence {
        if proven(change, by, piece, out_of_turn).await? {
            taken.evidence += 1;
        }
    }
    Ok(taken)
}

/// May this happen now? Out of turn it is left, or the person is told.
fn admits(change: &Change, event: OrderEvent, out_of_turn: OutOfTurn) -> Result<bool> {
    let possible = change.row.state()?.on(event).is_ok();
    // A person gets the lifecycle's own words.
    Ok(possible || out_of_turn == OutOfTurn::Refuse)
}

fn decision(
    change: &mut Change,
    by: &str,
    answer: &Answer,
    out_of_turn: OutOfTurn,
    taken: &mut Taken,
) -> Result<()> {
    let state = change.row.state()?;
    if let Some(reason) = &answer.refused {
        let is_news = state != OrderState::Refused;
        if is_news && admits(change, OrderEvent::Refuse, out_of_turn)? {
            let reason = client::tidy(reason);
            change.happens(by, OrderEvent::Refuse, &reason)?;
            taken.decided = true;
        }
        return Ok(());
    }
    // Said again of an order that has gone on, it is no news.
    if answer.acknowledged
        && matches!(
            state,
            OrderState::Issued | OrderState::Draft | OrderState::Approved
        )
    {
        if let Some((from, to)) = answer.planned {
            change.row.planned = serde_json::json!([from, to]).to_string();
        }
        if admits(change, OrderEvent::Acknowledge, out_of_turn)? {
            change.happens(by, OrderEvent::Acknowledge, "")?;
            taken.decided = true;
        }
    }
    Ok(())
}

async fn proofs(
    change: &mut Change,
    by: &str,
    proofs: &[Proof],
    out_of_turn: OutOfTurn,
    taken: &mut Taken,
) -> Result<()> {
    let mut known = change.acting.tx.proofs(Some(&change.row.id)).await?;
    let approved = on_the_phone(&change.row.signature, &change.row.text);
    let before = known.len();
    if proofs.is_empty() || !admits(change, OrderEvent::Proofs(ReadBack::Partial), out_of_turn)? {
        return Ok(());
    }
    for proof in proofs {
        let revision = if proof.revision == 0 {
            change.row.revision
        } else {
            proof.revision
        };
        let phone = seed_phone(&proof.phone)?;
        let is_known = known
            .iter()
            .any(|k| k.revision == revision && k.phone == phone && k.text == proof.text);
        if is_known {
            continue;
        }
        if proof.text.chars().count() > MAX_TEXT {
            return Err(OrderRefusal::ProofTooLong { longest: MAX_TEXT }.into());
        }
        let differences = readback::compare(&approved, &proof.text, &change.row.appended);
        let row = ProofRow {
            n: change.draw().await?,
            order_id: change.row.id.clone(),
            revision,
            phone,
            text: proof.text.clone(),
            equal: i64::from(differences.is_empty()),
            theirs: proof.theirs,
            by_whom: by.to_owned(),
            salt: crate::random::salt().to_vec(),
            at_us: change.now().0,
        };
        change.acting.tx.insert_proof(&row).await?;
        change.adds(&row);
        taken.differing += usize::from(!differences.is_empty());
        known.push(row);
    }
    taken.proofs = known.len() - before;
    if taken.proofs == 0 {
        return Ok(());
    }
    let read_back = read_back(&known, &change.row.seeds()?, change.row.revision);
    change.happens(by, OrderEvent::Proofs(read_back), "")
}

/// A number in its one form; none is none.
fn seed_phone(phone: &str) -> Result<String> {
    if phone.trim().is_empty() {
        return Ok(String::new());
    }
    match Phone::parse(phone) {
        Ok((phone, _)) => Ok(phone.expose()),
        Err(_) => Err(OrderRefusal::SeedPhone.into()),
    }
}

/// What the present round comes to: one wrong phone spoils it until the text is sent again.
fn read_back(proofs: &[ProofRow], seeds: &[String], revision: i64) -> ReadBack {
    let round: Vec<_> = proofs.iter().filter(|p| p.revision == revision).collect();
    if round.iter().any(|p| p.equal == 0) {
        return ReadBack::Differs;
    }
    let all = seeds.iter().all(|s| round.iter().any(|p| p.phone == *s));
    match all && !round.is_empty() {
        true => ReadBack::Equal,
        false => ReadBack::Partial,
    }
}

async fn counted(
    change: &mut Change,
    by: &str,
    f: &Figures,
    out_of_turn: OutOfTurn,
) -> Result<bool> {
    let event = OrderEvent::Counts { last: f.last };
    let known = change.acting.tx.order_counts(Some(&change.row.id)).await?;
    let is_known = known.iter().any(|k| {
        (k.as_of_us, k.requested, k.sent, k.delivered)
            == (f.as_of.0, f.requested, f.sent, f.delivered)
            && k.last == i64::from(f.last)
    });
    if is_known || !admits(change, event, out_of_turn)? {
        return Ok(false);
    }
    let row = CountRow {
        n: change.draw().await?,
        order_id: change.row.id.clone(),
        as_of_us: f.as_of.0,
        requested: f.requested,
        sent: f.sent,
        delivered: f.delivered,
        last: i64::from(f.last),
        theirs: f.theirs,
        remark: client::tidy(&f.remark),
        by_whom: by.to_owned(),
        salt: crate::random::salt().to_vec(),
        at_us: change.now().0,
    };
    change.acting.tx.insert_count(&row).await?;
    change.adds(&row);
    change.happens(by, event, "")?;
    Ok(true)
}

async fn proven(
    change: &mut Change,
    by: &str,
    piece: &Piece,
    out_of_turn: OutOfTurn,
) -> Result<bool> {
    let sha256 = Sha256::digest(&piece.bytes).to_vec();
    let known = change.acting.tx.evidence(Some(&change.row.id)).await?;
    if known.iter().any(|k| k.sha256 == sha256)
        || !admits(change, OrderEvent::Evidence, out_of_turn)?
    {
        return Ok(false);
    }
    if piece.bytes.is_empty() || piece.bytes.len() > MAX_EVIDENCE {
        return Err(OrderRefusal::EvidenceSize {
            largest: MAX_EVIDENCE,
        }
        .into());
    }
    let name: String = client::tidy(&piece.name).chars().take(MAX_NAME).collect();
    let row = EvidenceRow {
        n: change.draw().await?,
        order_id: change.row.id.clone(),
        name,
        media: media(&piece.bytes).to_owned(),
        sha256,
        theirs: piece.theirs,
        by_whom: by.to_owned(),
        salt: crate::random::salt().to_vec(),
        at_us: change.now().0,
    };
    change.acting.tx.insert_evidence(&row, &piece.bytes).await?;
    change.adds(&row);
    change.happens(by, OrderEvent::Evidence, "")?;
    Ok(true)
}

/// By its content: a name says what somebody likes.
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

    fn proof(phone: &str, equal: i64, revision: i64) -> ProofRow {
        ProofRow {
            n: 1,
            order_id: String::new(),
            revision,
            phone: phone.into(),
            text: String::new(),
            equal,
            theirs: 0,
            by_whom: String::new(),
            salt: Vec::new(),
            at_us: 0,
        }
    }

    #[test]
    fn every_seed_phone_has_to_show_it_and_one_wrong_one_spoils_the_round() {
        let seeds = ["1".to_owned(), "2".to_owned()];
        let is = |proofs: &[ProofRow], revision| read_back(proofs, &seeds, revision);
        assert_eq!(is(&[proof("1", 1, 1)], 1), ReadBack::Partial);
        assert_eq!(
            is(&[proof("1", 1, 1), proof("2", 1, 1)], 1),
            ReadBack::Equal
        );
        assert_eq!(
            is(&[proof("1", 0, 1), proof("1", 1, 1), proof("2", 1, 1)], 1),
            ReadBack::Differs
        );
        // Another round's don't count.
        assert_eq!(
            is(&[proof("1", 0, 1), proof("1", 1, 2), proof("2", 1, 2)], 2),
            ReadBack::Equal
        );
        assert_eq!(
            is(&[proof("1", 1, 1), proof("2", 1, 1)], 2),
            ReadBack::Partial
        );
        assert_eq!(read_back(&[], &[], 1), ReadBack::Partial);
    }

    #[test]
    fn a_piece_is_what_its_bytes_are() {
        assert_eq!(media(b"%PDF-1.7"), "application/pdf");
        assert_eq!(media("汇总".as_bytes()), "text/plain; charset=utf-8");
        assert_eq!(media(&[0xff, 0xfe, 0]), "application/octet-stream");
    }
}
