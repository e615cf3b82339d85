//! What a crash left, settled before any link opens: half-made runs are cleared away, and every
//! message of an open claim without an outcome is in doubt, for it may have reached the socket.

use std::collections::{HashMap, HashSet};

use crate::{
    clock::Clock,
    domain::{
        event::Source,
        id::{GatewayId, LaneId, MessageId},
        message::{Change, Part},
        phone::Phone,
        time::Micros,
    },
    recorder::{Op, PartNews, Recorder, standing},
    store::{self, Store, Tx, hot::SegmentRow, lane::ClaimRow},
};

/// A run still half made after so long has lost its maker; a maker that was only slow finds its run
/// gone, and says so.
const HALF_MADE_SECONDS: i64 = 3_600;

/// Rows cleared away in one transaction.
const CLEAR_CHUNK: i64 = 2_000;

/// What recovery found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Claims that were open.
    pub claims: usize,
    /// Messages that are in doubt now because of them.
    pub doubts: usize,
    /// Half-made runs cleared away.
    pub half_made: usize,
}

/// Does it. Safe to be interrupted and done again.
pub async fn recover(
    store: &Store,
    clock: &Clock,
    recorder: &mut Recorder,
) -> store::Result<Recovered> {
    let mut found = Recovered {
        half_made: clear_half_made(store, clock).await?,
        ..Recovered::default()
    };
    let claims = store.read("open_claims").await?.claims().await?;
    // The newest first: a message that was given back and claimed again may have left through the
    // later claim's gateway.
    for claim in claims.into_iter().rev() {
        let ops = settle_claim(store, &claim).await?;
        found.claims += 1;
        found.doubts += ops.len() - 1;
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

/// The doubts of one claim, and its end.
async fn settle_claim(store: &Store, claim: &ClaimRow) -> store::Result<Vec<Op>> {
    let mut tx = store.read("settle_claim").await?;
    let lane = LaneId(claim.lane_id);
    let waiting: HashSet<i64> = tx
        .again_of(lane)
        .await?
        .iter()
        .flat_map(|a| a.from..a.to)
        .collect();
    let ids: Vec<_> = (claim.from..claim.to)
        .filter(|p| !waiting.contains(p))
        .map(|p| MessageId::new(lane, p))
        .collect();
    let mut ops = doubts(&mut tx, claim, &ids).await?;
    ops.push(Op::Close(lane, claim.id));
    Ok(ops)
}

async fn doubts(tx: &mut Tx, claim: &ClaimRow, ids: &[MessageId]) -> store::Result<Vec<Op>> {
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
        let asked = standing.parts.iter().position(|p| *p == Part::Open);
        let (Some(part), None, Some(phone)) =
            (asked, standing.outcome(), Phone::from_wire(&row.phone))
        else {
            continue;
        };
        ops.push(Op::Part(PartNews {
            message: MessageId(row.id),
            part: u8::try_from(part).unwrap_or(u8::MAX),
            phone,
            gateway: GatewayId(claim.gateway.clone()),
            change: Change::Doubt,
            source: Source::Gateway,
            asked: Micros(claim.at_us),
            gone: true,
        }));
    }
    Ok(ops)
}
