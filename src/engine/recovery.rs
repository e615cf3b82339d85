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
        id::{GatewayId, LaneId, MessageId},
        message::{Change, Part},
        phone::Phone,
        time::Micros,
    },
    gateway::OwnIds,
    recorder::{Grant, Item, Op, PartNews, Recorder, standing},
    store::{
        self, Store, Tx,
        hot::SegmentRow,
        lane::{ClaimRow, LaneRow},
    },
};

use super::core::{Kept, wire_number};

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
    pub kept: Vec<Kept>,
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
        if let Some(kept) = keep(store, &claim, &taken, &known.repeatable, clock.now()).await? {
            let lane = LaneId(claim.lane_id);
            let items = kept.grant.items.iter();
            taken.extend(items.map(|i| MessageId::new(lane, i.position)));
            found.kept.push(kept);
            continue;
        }
        let ops = settle_claim(store, &claim, &taken, known).await?;
        found.claims += 1;
        found.doubts += messages(&ops);
        recorder.commit(&ops).await?;
    }
    // Their connections died with the process.
    let hopes = store.read("hopes").await?.doubts_with_hope().await?;
    for chunk in hopes.chunks(CLEAR_CHUNK as usize) {
        let gone = |(id, part): &(i64, i64)| {
            Op::Gone(MessageId(*id), u8::try_from(*part).unwrap_or(u8::MAX))
        };
        recorder
            .commit(&chunk.iter().map(gone).collect::<Vec<_>>())
            .await?;
    }
    Ok(found)
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
            let gone = tx.drop_half_made(run.id()?, CLEAR_CHUNK).await?;
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
async fn keep(
    store: &Store,
    claim: &ClaimRow,
    taken: &HashSet<MessageId>,
    repeatable: &Repeatable,
    now: Micros,
) -> store::Result<Option<Kept>> {
    let Some(window) = repeatable.get(&GatewayId(claim.gateway.clone())) else {
        return Ok(None);
    };
    let until = Micros(
        claim
            .at_us
            .saturating_add(i64::try_from(window.as_micros()).unwrap_or(i64::MAX)),
    );
    let id = LaneId(claim.lane_id);
    let mut tx = store.read("keep_claim").await?;
    let Some(lane) = tx.lane(id).await?.filter(|lane| goes(lane, now)) else {
        return Ok(None);
    };
    if now.0 < claim.at_us || until <= now || lane.whole == 0 {
        return Ok(None);
    }
    let left_out: HashSet<i64> = claim
        .left_out
        .split(',')
        .filter_map(|p| p.parse().ok())
        .collect();
    let waiting = waiting(&mut tx, id).await?;
    let mut items = Vec::new();
    let (mut open, mut gone) = (BTreeSet::new(), BTreeSet::new());
    for row in tx.claimed(id, claim.from, claim.to).await? {
        let position = MessageId(row.id).position();
        if left_out.contains(&position) {
            continue;
        }
        let Some(phone) = Phone::from_wire(&row.phone) else {
            return Ok(None);
        };
        let state = row.state.as_deref().unwrap_or_default();
        // Given back, given up, or sent again under another key.
        let elsewhere = state == "in_doubt"
            || row.attempt != claim.attempt
            || waiting.contains(&position)
            || taken.contains(&MessageId(row.id));
        if elsewhere {
            gone.insert(position);
        } else if state.is_empty() {
            open.insert(position);
        }
        items.push(Item {
            position,
            phone,
            vals: row.vals,
            segments: row.segments,
        });
    }
    Ok((!open.is_empty()).then(|| Kept {
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

fn goes(lane: &LaneRow, now: Micros) -> bool {
    let in_time = lane.not_after_us == 0 || lane.not_after_us >= now.0;
    in_time && lane.intent == "go" && lane.opened_us > 0 && lane.closed_us == 0
}

async fn waiting(tx: &mut Tx, lane: LaneId) -> store::Result<HashSet<i64>> {
    let rows = tx.again_of(lane).await?;
    Ok(rows.iter().flat_map(|a| a.from..a.to).collect())
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
    claim: &ClaimRow,
    taken: &HashSet<MessageId>,
    known: &Known,
) -> store::Result<Vec<Op>> {
    let mut tx = store.read("settle_claim").await?;
    let lane = LaneId(claim.lane_id);
    let waiting = waiting(&mut tx, lane).await?;
    let ids: Vec<_> = (claim.from..claim.to)
        .filter(|p| !waiting.contains(p))
        .map(|p| MessageId::new(lane, p))
        .filter(|id| !taken.contains(id))
        .collect();
    let own_ids = known
        .own_ids
        .get(&GatewayId(claim.gateway.clone()))
        .copied();
    let mut ops = doubts(&mut tx, claim, &ids, own_ids).await?;
    ops.push(Op::Close(lane, claim.id));
    Ok(ops)
}

async fn doubts(
    tx: &mut Tx,
    claim: &ClaimRow,
    ids: &[MessageId],
    own_ids: Option<OwnIds>,
) -> store::Result<Vec<Op>> {
    let id = LaneId(claim.lane_id);
    let lane = tx.lane(id).await?.ok_or_else(|| store::Error::Missing {
        what: "lane",
        id: id.to_string(),
    })?;
    let rows = tx.messages(ids).await?;
    let long: Vec<_> = rows
        .iter()
        .filter(|r| r.segments > 1)
        .map(|r| MessageId(r.id))
        .collect();
    let mut parts: HashMap<i64, Vec<SegmentRow>> = HashMap::new();
    for s in tx.segments(&long).await? {
        parts.entry(s.message_id).or_default().push(s);
    }
    let mut ops = Vec::new();
    for row in rows {
        let standing = standing(&row, &lane, &parts.remove(&row.id).unwrap_or_default())?;
        let (None, Some(phone)) = (standing.outcome(), Phone::from_wire(&row.phone)) else {
            continue;
        };
        let message = MessageId(row.id);
        // A part is handed over as soon as the one before it is heard to be taken, which had not been
        // committed: each of the open ones may have left.
        let open = standing.parts.iter().enumerate();
        for (part, _) in open.filter(|(_, part)| **part == Part::Open) {
            let part = u8::try_from(part).unwrap_or(u8::MAX);
            ops.push(Op::Part(PartNews {
                message,
                part,
                phone,
                gateway: GatewayId(claim.gateway.clone()),
                change: Change::Doubt {
                    id: own_ids.map(|ids| own_id(ids, claim, message, part)),
                },
                source: Source::Gateway,
                asked: Micros(claim.at_us),
                gone: true,
                counted: None,
            }));
        }
    }
    Ok(ops)
}

/// The id that a part went with, by a protocol whose ids follow from the claim.
fn own_id(ids: OwnIds, claim: &ClaimRow, message: MessageId, part: u8) -> String {
    let word = |n: i64| u32::try_from(n).unwrap_or(0);
    let offset = message.position() - claim.from;
    let number = wire_number(word(claim.first), word(claim.stride), offset, part);
    ids.of(number, Micros(claim.at_us)).0
}
