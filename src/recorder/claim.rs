//! Claiming: to advance a lane's front by n (or to take a row out of `again`) and to note the claim,
//! with the suppression list asked once more in the same commit.

use std::collections::HashSet;

use super::{
    ClaimRequest, Claimed, Grant, Item, Take,
    quota::{Quotas, Room},
    work::Work,
};
use crate::{
    domain::{
        event::{Event, Source, Span},
        id::{GatewayId, LaneId, MessageId},
        message::Change,
        phone::Phone,
    },
    store::{
        self, Tx,
        hot::ClaimedRow,
        lane::{AgainRow, ClaimRow, LaneRow},
    },
};

/// What a claim takes, before it is written.
struct Taken {
    from: i64,
    to: i64,
    part: i64,
    attempt: i64,
}

pub(super) async fn claim(
    tx: &mut Tx,
    work: &mut Work<'_>,
    request: &ClaimRequest,
    suppressed: &[&HashSet<Phone>],
    quotas: &Quotas,
) -> store::Result<Claimed> {
    let refused = Claimed::Refused {
        lane: request.lane,
        gateway: request.gateway.clone(),
    };
    let lane = work.lane(tx, request.lane).await?;
    let may = tx.installation().await?.is_some_and(|i| i.may_send());
    let expired = lane.not_after_us > 0 && lane.not_after_us < work.now.0;
    if !may || expired || lane.intent != "go" || lane.opened_us == 0 || request.most < 1 {
        return Ok(refused);
    }
    let longest = lane.max_parts.max(1);
    let most = match quotas.room(tx, work, &request.gateway, longest).await? {
        Room::Free => request.most,
        Room::For(segments) => request.most.min(segments / longest),
        Room::Until(until) => {
            return Ok(Claimed::Spent {
                gateway: request.gateway.clone(),
                until,
            });
        }
    };
    let taken = match request.take {
        Take::Front => take_front(tx, work, &lane, most).await?,
        Take::Again(from) => take_again(tx, work, &lane, from, (most, &request.gateway)).await?,
    };
    let Some(taken) = taken else {
        return Ok(refused);
    };
    let mut row = ClaimRow {
        id: tx.draw("claim", 1).await?,
        lane_id: lane.id,
        from: taken.from,
        to: taken.to,
        part: taken.part,
        gateway: request.gateway.0.clone(),
        node: request.node.clone(),
        attempt: taken.attempt,
        first: i64::from(request.first),
        stride: i64::from(request.stride),
        at_us: work.now.0,
        batch: request.batch,
        left_out: String::new(),
    };
    work.note(&Event::Claimed {
        claim: row.id,
        span: Span {
            lane: request.lane,
            from: row.from,
            to: row.to,
        },
        part: row.part,
        gateway: request.gateway.clone(),
        node: row.node.clone(),
        attempt: row.attempt,
        first: row.first,
        stride: row.stride,
        again: request.take != Take::Front,
        batch: row.batch,
    });
    let rows = tx.claimed(request.lane, row.from, row.to).await?;
    let items = sort_out(tx, work, &request.gateway, &row, rows, suppressed).await?;
    if request.batch > 1 || lane.whole != 0 {
        row.left_out = left_out(&row, &items);
    }
    if items.is_empty() {
        work.close(request.lane, row.id);
    } else {
        tx.put_claim(&row).await?;
    }
    let next = work.lanes.get(&request.lane).map_or(lane.next, |l| l.next);
    Ok(Claimed::Granted(Grant {
        claim: row,
        items,
        next,
        part_ref: lane.part_ref,
    }))
}

/// The positions that a claim covers and does not hand over.
fn left_out(claim: &ClaimRow, items: &[Item]) -> String {
    let handed: HashSet<i64> = items.iter().map(|i| i.position).collect();
    let rest: Vec<String> = (claim.from..claim.to)
        .filter(|p| !handed.contains(p))
        .map(|p| p.to_string())
        .collect();
    rest.join(",")
}

async fn take_front(
    tx: &mut Tx,
    work: &mut Work<'_>,
    lane: &LaneRow,
    most: i64,
) -> store::Result<Option<Taken>> {
    let (from, to) = (lane.next, (lane.next + most).min(lane.end));
    if from >= to {
        return Ok(None);
    }
    // Outcomes that stood ahead of the front now stand behind it.
    let known = tx.claimed(LaneId(lane.id), from, to).await?;
    let passed = known
        .iter()
        .filter(|r| has_outcome(r) || work.has_news(MessageId(r.id)))
        .count() as i64;
    let pending = work.ahead.remove(&LaneId(lane.id)).unwrap_or(0);
    let ahead = lane.ahead + pending - passed;
    tx.advance_lane(LaneId(lane.id), to, ahead).await?;
    if let Some(lane) = work.lanes.get_mut(&LaneId(lane.id)) {
        (lane.next, lane.ahead) = (to, ahead);
    }
    Ok(Some(Taken {
        from,
        to,
        part: 0,
        attempt: 1,
    }))
}

async fn take_again(
    tx: &mut Tx,
    work: &mut Work<'_>,
    lane: &LaneRow,
    from: i64,
    (most, gateway): (i64, &GatewayId),
) -> store::Result<Option<Taken>> {
    let id = LaneId(lane.id);
    let waiting = tx.again_of(id).await?;
    let Some(row) = waiting
        .into_iter()
        .find(|a| a.from == from && is_due(a.due_us, work.now.0))
    else {
        return Ok(None);
    };
    if row.gateway != gateway.0 {
        return Ok(None);
    }
    tx.take_again(id, from).await?;
    let to = (from + most).min(row.to);
    if to < row.to {
        tx.put_again(&AgainRow {
            from: to,
            ..row.clone()
        })
        .await?;
    }
    Ok(Some(Taken {
        from,
        to,
        part: row.part,
        attempt: row.attempt,
    }))
}

/// Waiting never takes longer than [`LONGEST_WAIT_US`]: a due time further ahead comes from a clock that
/// was set back, and counts as due.
pub(crate) fn is_due(due: i64, now: i64) -> bool {
    due <= now || due > now + LONGEST_WAIT_US
}

/// See [`is_due`], in microseconds.
const LONGEST_WAIT_US: i64 = 300_000_000;

fn has_outcome(row: &ClaimedRow) -> bool {
    row.state.as_deref().is_some_and(|s| !s.is_empty())
}

/// Leaves out who has an outcome already, and suppresses who has opted out since the run was frozen.
async fn sort_out(
    tx: &mut Tx,
    work: &mut Work<'_>,
    gateway: &GatewayId,
    claim: &ClaimRow,
    rows: Vec<ClaimedRow>,
    suppressed: &[&HashSet<Phone>],
) -> store::Result<Vec<Item>> {
    let mut items = Vec::with_capacity(rows.len());
    let mut unwanted = Vec::new();
    for row in rows.into_iter().filter(|r| !has_outcome(r)) {
        let id = MessageId(row.id);
        if work.has_news(id) {
            continue;
        }
        let Some(phone) = Phone::from_wire(&row.phone) else {
            unwanted.push((id, "erased"));
            continue;
        };
        if suppressed.iter().any(|s| s.contains(&phone)) {
            unwanted.push((id, "opt_out"));
        } else {
            items.push(Item {
                position: id.position(),
                phone,
                vals: row.vals,
                segments: row.segments,
            });
        }
    }
    work.load_messages(tx, unwanted.iter().map(|u| u.0).collect())
        .await?;
    let part = u8::try_from(claim.part).unwrap_or(0);
    for (id, reason) in unwanted {
        let change = Change::Suppressed {
            reason: reason.to_owned(),
        };
        work.change(id, part, &change, Source::Watchbell);
    }
    tracing::trace!(gateway = %gateway, n = items.len(), "claimed");
    Ok(items)
}
