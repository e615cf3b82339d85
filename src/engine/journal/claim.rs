//! Claiming: to advance a lane's front by n (or to take a requeued range) and to note the claim,
//! with the suppression list asked once more in the same commit.

use std::{collections::HashSet, time::Duration};

use super::{
    ClaimRequest, Claimed, Grant, Item, Take,
    quota::{Quotas, Room},
    work::Work,
};
use crate::{
    domain::{
        event::{Event, Source, Span},
        id::{ClaimId, GatewayId, Position},
        message::{Change, SuppressReason},
        phone::Phone,
        text::Framing,
        time::Micros,
    },
    store::{
        self, Tx,
        hot::ClaimedMessage,
        lane::{Claim, Lane},
    },
};

/// What a claim takes, before it is written.
struct Taken {
    span: Span,
    part: u8,
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
    let may_send = tx.installation().await?.is_some_and(|i| i.may_send());
    if !may_send || !lane.may_send(work.now) || request.most < 1 {
        return Ok(refused);
    }
    let longest = lane.max_parts.max(1);
    let most = match quotas.room(tx, work, &request.gateway, longest).await? {
        Room::Free => request.most,
        Room::For(segments) => request.most.min(segments / longest),
        Room::None(rest) => {
            return Ok(Claimed::Spent {
                lane: request.lane,
                gateway: request.gateway.clone(),
                segments: u8::try_from(longest).unwrap_or(u8::MAX),
                rest,
            });
        }
    };
    let taken = match request.take {
        Take::Front => take_front(tx, work, &lane, most).await?,
        Take::Requeued(from) => {
            take_requeued(tx, work, &lane, from, (most, &request.gateway)).await?
        }
    };
    let Some(taken) = taken else {
        return Ok(refused);
    };
    let mut claim = Claim {
        id: ClaimId(tx.draw("claim", 1).await?),
        span: taken.span,
        part: taken.part,
        gateway: request.gateway.clone(),
        node: request.node.clone(),
        attempt: taken.attempt,
        first: request.first,
        stride: request.stride,
        at: work.now,
        batch: request.batch,
        left_out: Vec::new(),
    };
    work.note(&Event::Claimed {
        claim: claim.id,
        span: claim.span,
        part: claim.part,
        gateway: claim.gateway.clone(),
        node: claim.node.clone(),
        attempt: claim.attempt,
        first: claim.first,
        stride: claim.stride,
        again: request.take != Take::Front,
        batch: claim.batch,
    });
    let covered = tx.claimed(claim.span).await?;
    let items = partition_sendable(tx, work, &claim, covered, suppressed).await?;
    if request.batch > 1 || lane.framing == Framing::Whole {
        claim.left_out = left_out(&claim, &items);
    }
    if items.is_empty() {
        work.close(request.lane, claim.id);
    } else {
        tx.put_claim(&claim).await?;
    }
    let next = work.lanes.get(&request.lane).map_or(lane.next, |l| l.next);
    Ok(Claimed::Granted(Grant {
        claim,
        items,
        next,
        part_ref: lane.part_ref,
    }))
}

/// The positions that a claim covers and does not hand over.
fn left_out(claim: &Claim, items: &[Item]) -> Vec<Position> {
    let handed: HashSet<Position> = items.iter().map(|i| i.position).collect();
    let covered = claim.span.positions();
    covered.filter(|p| !handed.contains(p)).collect()
}

async fn take_front(
    tx: &mut Tx,
    work: &mut Work<'_>,
    lane: &Lane,
    most: i64,
) -> store::Result<Option<Taken>> {
    let span = Span {
        lane: lane.id,
        from: lane.next,
        to: (lane.next + most).min(lane.end),
    };
    if span.is_empty() {
        return Ok(None);
    }
    // Outcomes that stood ahead of the front now stand behind it.
    let known = tx.claimed(span).await?;
    let passed = known
        .iter()
        .filter(|m| m.outcome.is_some() || work.has_change(m.id))
        .count() as i64;
    let pending = work.ahead.remove(&lane.id).unwrap_or(0);
    let ahead = lane.ahead + pending - passed;
    tx.advance_lane(lane.id, span.to, ahead).await?;
    if let Some(lane) = work.lanes.get_mut(&lane.id) {
        (lane.next, lane.ahead) = (span.to, ahead);
    }
    Ok(Some(Taken {
        span,
        part: 0,
        attempt: 1,
    }))
}

async fn take_requeued(
    tx: &mut Tx,
    work: &mut Work<'_>,
    lane: &Lane,
    from: Position,
    (most, gateway): (i64, &GatewayId),
) -> store::Result<Option<Taken>> {
    let waiting = tx.requeued_of(lane.id).await?;
    let Some(range) = waiting
        .into_iter()
        .find(|r| r.span.from == from && is_due(r.due, work.now))
    else {
        return Ok(None);
    };
    if range.gateway != *gateway {
        return Ok(None);
    }
    tx.drop_requeued(lane.id, from).await?;
    let to = (from + most).min(range.span.to);
    if to < range.span.to {
        let mut rest = range.clone();
        rest.span.from = to;
        tx.put_requeued(&rest).await?;
    }
    Ok(Some(Taken {
        span: Span { to, ..range.span },
        part: range.part,
        attempt: range.attempt,
    }))
}

/// Waiting never takes longer than [`LONGEST_WAIT`]: a due time further ahead comes from a clock that
/// was set back, and counts as due.
pub(crate) fn is_due(due: Micros, now: Micros) -> bool {
    due <= now || due > now + LONGEST_WAIT
}

/// See [`is_due`].
pub(crate) const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// Leaves out who has an outcome already, and suppresses who has opted out since the run was frozen.
async fn partition_sendable(
    tx: &mut Tx,
    work: &mut Work<'_>,
    claim: &Claim,
    covered: Vec<ClaimedMessage>,
    suppressed: &[&HashSet<Phone>],
) -> store::Result<Vec<Item>> {
    let mut items = Vec::with_capacity(covered.len());
    let mut unwanted = Vec::new();
    for message in covered.into_iter().filter(|m| m.outcome.is_none()) {
        if work.has_change(message.id) {
            continue;
        }
        let Some(phone) = message.phone else {
            unwanted.push((message.id, SuppressReason::Erased));
            continue;
        };
        if suppressed.iter().any(|s| s.contains(&phone)) {
            unwanted.push((message.id, SuppressReason::OptOut));
        } else {
            items.push(Item {
                position: message.id.position(),
                phone,
                values: message.values,
                segments: message.segments,
            });
        }
    }
    work.load_messages(tx, unwanted.iter().map(|u| u.0).collect())
        .await?;
    for (id, reason) in unwanted {
        let change = Change::Suppressed { reason };
        work.change(id, claim.part, &change, Source::Watchbell);
    }
    tracing::trace!(gateway = %claim.gateway, n = items.len(), "claimed");
    Ok(items)
}
