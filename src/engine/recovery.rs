//! What a crash left, settled before any link opens: half-made runs are cleared away, and every
//! message of an open claim without an outcome is in doubt, for it may have reached the socket. Where the
//! carrier knows a request by its key the claim stays open, and its requests will be said again.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use crate::{
    clock::Clock,
    domain::{
        event::Source,
        id::{GatewayId, LaneId, MessageId, Position},
        message::{Change, Outcome, Part},
        text::Framing,
        time::Micros,
    },
    engine::journal::{Grant, Item, Op, PartChange, Recorder, restore},
    gateway::OwnIds,
    store::{self, Store, Tx, hot::Segment, lane::Claim},
};

use super::core::{ClaimReplay, wire_number};

/// A run still half made after so long has lost its maker; a maker that was only slow finds its run
/// gone, and says so.
const HALF_MADE_SECONDS: i64 = 3_600;

/// Rows cleared away in one transaction.
const CLEAR_CHUNK: i64 = 2_000;

/// What recovery found.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Claims that were open.
    pub claims: usize,
    /// Messages that are in doubt now because of them.
    pub doubts: usize,
    /// Half-made runs cleared away.
    pub half_made: usize,
    /// Claims that stay open, for their requests can be said again.
    pub replays: Vec<ClaimReplay>,
}

/// For how long each gateway's carrier knows a request by its key; who is not here has none that does.
pub type Repeatable = HashMap<GatewayId, Duration>;

/// What a carrier's gateway is known by.
#[derive(Debug, Default)]
pub struct Known {
    /// Which requests may be said again.
    pub repeatable: Repeatable,
    /// Whose ids are known before the answer: a claim that is cut off has them all.
    pub own_ids: HashMap<GatewayId, OwnIds>,
}

/// Does it. Safe to be interrupted and done again.
pub async fn recover(
    store: &Store,
    clock: &Clock,
    recorder: &mut Recorder,
    known: &Known,
) -> store::Result<Recovered> {
    let mut found = Recovered {
        half_made: clear_half_made(store, clock).await?,
        ..Recovered::default()
    };
    let claims = store.read("open_claims").await?.claims().await?;
    // The newest first: a message that was given back and claimed again may have left through the
    // later claim's gateway.
    // What a newer claim that stays open has taken is that claim's, and not an older one's.
    let mut taken: HashSet<MessageId> = HashSet::new();
    for claim in claims.into_iter().rev() {
        if !is_known(store, claim.span.lane).await? {
            tracing::error!(
                claim = claim.id.0,
                "A claim is of no lane: run `watchbell audit verify`"
            );
            continue;
        }
        if let Some(replay) =
            to_replay(store, &claim, &taken, &known.repeatable, clock.now()).await?
        {
            let items = replay.grant.items.iter();
            taken.extend(items.map(|i| MessageId::new(claim.span.lane, i.position)));
            found.replays.push(replay);
            continue;
        }
        let ops = settle_claim(store, &claim, &taken, known).await?;
        found.claims += 1;
        found.doubts += messages(&ops);
        recorder.commit(&ops).await?;
    }
    Ok(found)
}

/// Is there such a lane? A claim that fits nowhere must not keep an engine from starting.
async fn is_known(store: &Store, lane: LaneId) -> store::Result<bool> {
    match store.read("claimed_lane").await?.lane(lane).await {
        Ok(_) => Ok(true),
        Err(store::Error::Missing { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn clear_half_made(store: &Store, clock: &Clock) -> store::Result<usize> {
    let before = clock.now().plus_secs(-HALF_MADE_SECONDS);
    let runs = store
        .read("half_made")
        .await?
        .half_made_runs(before)
        .await?;
    for run in &runs {
        loop {
            let mut tx = store.begin("clear_half_made").await?;
            let gone = tx.drop_half_made(run.id, CLEAR_CHUNK).await?;
            tx.commit().await?;
            if gone == 0 {
                break;
            }
        }
    }
    Ok(runs.len())
}

/// A claim whose requests can be said again, just as they were: its carrier still knows their keys, its
/// run still goes, and nothing that stood in them has been erased.
async fn to_replay(
    store: &Store,
    claim: &Claim,
    taken: &HashSet<MessageId>,
    repeatable: &Repeatable,
    now: Micros,
) -> store::Result<Option<ClaimReplay>> {
    let Some(window) = repeatable.get(&claim.gateway) else {
        return Ok(None);
    };
    let until = claim.at + *window;
    let mut tx = store.read("keep_claim").await?;
    let lane = tx.lane(claim.span.lane).await?;
    let in_time = claim.at <= now && now < until;
    if !lane.may_send(now) || !in_time || lane.framing != Framing::Whole {
        return Ok(None);
    }
    let left_out: HashSet<Position> = claim.left_out.iter().copied().collect();
    let waiting = waiting(&mut tx, lane.id).await?;
    let mut items = Vec::new();
    let (mut open, mut gone) = (BTreeSet::new(), BTreeSet::new());
    for message in tx.claimed(claim.span).await? {
        let position = message.id.position();
        if left_out.contains(&position) {
            continue;
        }
        let Some(phone) = message.phone else {
            return Ok(None);
        };
        // Given back, given up, or sent again under another key.
        let elsewhere = message.outcome == Some(Outcome::InDoubt)
            || message.attempt != claim.attempt
            || waiting.contains(&position)
            || taken.contains(&message.id);
        if elsewhere {
            gone.insert(position);
        } else if message.outcome.is_none() {
            open.insert(position);
        }
        items.push(Item {
            position,
            phone,
            values: message.values,
            segments: message.segments,
        });
    }
    Ok((!open.is_empty()).then(|| ClaimReplay {
        grant: Grant {
            claim: claim.clone(),
            items,
            next: lane.next,
            part_ref: lane.part_ref,
        },
        open,
        gone,
        until,
    }))
}

async fn waiting(tx: &mut Tx, lane: LaneId) -> store::Result<HashSet<Position>> {
    let ranges = tx.requeued_of(lane).await?;
    Ok(ranges.iter().flat_map(|r| r.span.positions()).collect())
}

/// How many messages there is news of.
fn messages(ops: &[Op]) -> usize {
    let message = |op: &Op| match op {
        Op::Part(news) => Some(news.message),
        _ => None,
    };
    ops.iter().filter_map(message).collect::<HashSet<_>>().len()
}

/// The doubts of one claim, and its end.
async fn settle_claim(
    store: &Store,
    claim: &Claim,
    taken: &HashSet<MessageId>,
    known: &Known,
) -> store::Result<Vec<Op>> {
    let mut tx = store.read("settle_claim").await?;
    let waiting = waiting(&mut tx, claim.span.lane).await?;
    let ids: Vec<_> = claim
        .span
        .messages()
        .filter(|id| !waiting.contains(&id.position()) && !taken.contains(id))
        .collect();
    let own_ids = known.own_ids.get(&claim.gateway).copied();
    let mut ops = doubts(&mut tx, claim, &ids, own_ids).await?;
    ops.push(Op::Close(claim.span.lane, claim.id));
    Ok(ops)
}

async fn doubts(
    tx: &mut Tx,
    claim: &Claim,
    ids: &[MessageId],
    own_ids: Option<OwnIds>,
) -> store::Result<Vec<Op>> {
    let lane = tx.lane(claim.span.lane).await?;
    let rows = tx.messages(ids).await?;
    let long: Vec<_> = rows
        .iter()
        .filter(|r| r.segments > 1)
        .map(|r| r.id)
        .collect();
    let mut parts: HashMap<MessageId, Vec<Segment>> = HashMap::new();
    for s in tx.segments(&long).await? {
        parts.entry(s.message).or_default().push(s);
    }
    let mut ops = Vec::new();
    for row in rows {
        let state = restore(&row, &lane, &parts.remove(&row.id).unwrap_or_default())?;
        let (None, Some(phone)) = (state.outcome(), row.phone) else {
            continue;
        };
        let message = row.id;
        // A part is handed over as soon as the one before it is heard to be taken, which had not been
        // committed: each of the open ones may have left.
        let parts = state.numbers().zip(&state.parts);
        for (part, _) in parts.filter(|(_, part)| **part == Part::Open) {
            ops.push(Op::Part(PartChange {
                message,
                part,
                phone,
                gateway: claim.gateway.clone(),
                change: Change::Doubt {
                    id: own_ids.map(|ids| own_id(ids, claim, message, part)),
                },
                source: Source::Gateway,
                asked: claim.at,
                counted: None,
            }));
        }
    }
    Ok(ops)
}

/// The id that a part went with, by a protocol whose ids follow from the claim.
fn own_id(ids: OwnIds, claim: &Claim, message: MessageId, part: u8) -> String {
    let offset = message.position() - claim.span.from;
    let number = wire_number(claim.first, claim.stride, offset, part);
    ids.of(number, claim.at).0
}
