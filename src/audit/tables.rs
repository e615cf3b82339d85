//! Runs, campaigns, lanes, claims, `again`: the control tables against what follows from the ledger.

use std::collections::BTreeMap;

use super::{
    difference::{Check, extra, missing, same, wrong},
    known::Bound,
    messages::Sums,
    replay::Replay,
};
use crate::{
    domain::{
        bilingual::bilingual,
        commitment,
        event::Terms,
        id::{CampaignId, ClaimId, LaneId, Position, RunId},
        time::Micros,
    },
    store::{
        Tx,
        audit::AuditLane,
        campaign::Campaign,
        lane::{Claim, Requeued},
        plan::StoredPlan,
        run::Run,
    },
};

/// As it is stored: none is 0.
fn us(at: Option<Micros>) -> i64 {
    at.map_or(0, |at| at.0)
}

/// What this database is.
pub(super) async fn installation(tx: &mut Tx, replay: &Replay) -> Check {
    match (tx.installation().await?, &replay.genesis) {
        (None, None) => Ok(()),
        (Some(row), None) => Err(extra("installation", row.id)),
        (None, Some(genesis)) => Err(missing("installation", &genesis.installation)),
        (Some(row), Some(genesis)) => {
            let id = row.id.clone();
            same(
                "installation",
                &id,
                "id",
                row.id.as_str(),
                genesis.installation.as_str(),
            )?;
            same(
                "installation",
                &id,
                "practice",
                row.practice,
                genesis.practice,
            )?;
            same(
                "installation",
                &id,
                "created_us",
                row.created.0,
                genesis.at.0,
            )?;
            same(
                "installation",
                &id,
                "held",
                row.held.as_str(),
                replay.halt.held.as_str(),
            )?;
            same(
                "installation",
                &id,
                "stopped_us",
                us(row.stopped),
                us(replay.halt.stopped),
            )
        }
    }
}

/// Frozen runs; half-made ones are of no account.
pub(super) async fn runs(tx: &mut Tx, replay: &Replay) -> Check {
    let rows: BTreeMap<RunId, Run> = tx
        .audit_runs()
        .await?
        .into_iter()
        .map(|r| (r.id, r))
        .collect();
    for (id, row) in &rows {
        let Some(run) = replay.runs.get(id) else {
            if row.frozen.is_none() {
                continue;
            }
            return Err(extra("run", id));
        };
        let Terms {
            slot,
            priority,
            on_doubt,
            not_after,
            not_before,
            merged,
            late: _,
        } = run.terms;
        let text = |day: &Option<String>| day.clone().unwrap_or_default();
        same("run", id, "frozen_us", us(row.frozen), run.frozen.0)?;
        same("run", id, "campaign_id", row.campaign, run.campaign)?;
        same("run", id, "intent", row.intent, run.intent)?;
        same("run", id, "reason", &row.reason, &run.reason)?;
        same("run", id, "slot_us", row.slot.0, slot.0)?;
        same("run", id, "priority", row.priority, priority)?;
        same("run", id, "on_doubt", row.on_doubt, on_doubt)?;
        same("run", id, "not_after_us", us(row.not_after), us(not_after))?;
        same(
            "run",
            id,
            "not_before_us",
            us(row.not_before),
            us(not_before),
        )?;
        same("run", id, "approved_us", us(row.approved), us(run.approved))?;
        same("run", id, "opened_us", us(row.opened), us(run.opened))?;
        same("run", id, "closed_us", us(row.closed), us(run.closed))?;
        same("run", id, "day", text(&row.day), text(&run.day))?;
        same("run", id, "part_ref", row.part_ref, run.part_ref)?;
        same("run", id, "size", row.size, run.size())?;
        same("run", id, "merged", row.merged, merged)?;
        same("run", id, "late", row.late, run.late)?;
    }
    match replay.runs.keys().find(|id| !rows.contains_key(*id)) {
        Some(id) => Err(missing("run", id)),
        None => Ok(()),
    }
}

/// Campaigns with who wrote, submitted and decided; what an approval binds is computed anew.
pub(super) async fn campaigns(tx: &mut Tx, replay: &Replay) -> Check {
    let rows: BTreeMap<CampaignId, Campaign> = tx
        .campaigns()
        .await?
        .into_iter()
        .map(|c| (c.id, c))
        .collect();
    for (id, row) in &rows {
        let Some(campaign) = replay.campaigns.get(id) else {
            return Err(extra("campaign", id));
        };
        same("campaign", id, "state", row.state, campaign.state)?;
        same(
            "campaign",
            id,
            "digest",
            hex::encode(&row.digest),
            campaign.digest.clone(),
        )?;
        same(
            "campaign",
            id,
            "created_by",
            &row.created_by,
            &campaign.created_by,
        )?;
        same(
            "campaign",
            id,
            "submitted_by",
            &row.submitted_by,
            &campaign.submitted_by,
        )?;
        same(
            "campaign",
            id,
            "decided_by",
            &row.decided_by,
            &campaign.decided_by,
        )?;
        same("campaign", id, "reason", &row.reason, &campaign.reason)?;
        same(
            "campaign",
            id,
            "changed_us",
            row.changed.0,
            campaign.changed.0,
        )?;
        // Of others nothing asks for it, and before it was kept it is 0.
        if row.is_recurring() {
            same(
                "campaign",
                id,
                "approved_us",
                us(row.approved),
                us(campaign.approved),
            )?;
        }
        bound(replay, row, &campaign.bound)?;
    }
    match replay.campaigns.keys().find(|id| !rows.contains_key(*id)) {
        Some(id) => Err(missing("campaign", id)),
        None => Ok(()),
    }
}

/// Plans as they were read in.
pub(super) async fn plans(tx: &mut Tx, replay: &Replay) -> Check {
    let rows: BTreeMap<String, StoredPlan> = tx
        .plans()
        .await?
        .into_iter()
        .map(|p| (p.name.clone(), p))
        .collect();
    for (name, row) in &rows {
        let Some((by, digest, at)) = replay.plans.get(name) else {
            return Err(extra("plan", name));
        };
        let stands = commitment::plan(&row.name, &row.title, &row.source);
        same("plan", name, "source", hex::encode(stands), digest.clone())?;
        same(
            "plan",
            name,
            "digest",
            hex::encode(&row.digest),
            digest.clone(),
        )?;
        same("plan", name, "imported_by", &row.imported_by, by)?;
        same("plan", name, "imported_us", row.imported.0, at.0)?;
    }
    match replay.plans.keys().find(|name| !rows.contains_key(*name)) {
        Some(name) => Err(missing("plan", name)),
        None => Ok(()),
    }
}

/// The row's text and policies must be those that the digest was made of: as a draft, as submitted to
/// fire again and again, or with the run that was frozen for it.
fn bound(replay: &Replay, row: &Campaign, bound: &Bound) -> Check {
    let run = match bound {
        Bound::Draft => return digest_is(row, row.draft_digest()),
        Bound::Recurring => return digest_is(row, row.recurring_digest()),
        Bound::Run(id) => replay.runs.get(id),
    };
    let Some(run) = run else { return Ok(()) };
    same(
        "campaign",
        row.id,
        "priority",
        row.priority,
        run.terms.priority,
    )?;
    same(
        "campaign",
        row.id,
        "on_doubt",
        row.on_doubt,
        run.terms.on_doubt,
    )?;
    same(
        "campaign",
        row.id,
        "not_after_us",
        us(row.not_after),
        us(run.terms.not_after),
    )?;
    digest_is(
        row,
        commitment::frozen(&row.template, &run.terms, &run.lanes),
    )
}

fn digest_is(row: &Campaign, digest: [u8; 32]) -> Check {
    if digest[..] == row.digest[..] {
        return Ok(());
    }
    let words = bilingual!(
        "正文不是交付审批的正文",
        "template is not the text that its digest was made of"
    );
    Err(wrong("campaign", row.id, words).into())
}

/// What of the lanes was fixed when they were frozen, before their messages are read.
pub(super) fn frozen_lanes(rows: &[AuditLane], replay: &Replay) -> Check {
    for row in rows.iter().filter(|r| r.frozen_us != 0) {
        let id = row.id;
        let Some(lane) = replay.lanes.get(&LaneId(id)) else {
            return Err(extra("lane", id));
        };
        let (run, gateway) = (
            lane.run.to_string(),
            lane.gateway.clone().unwrap_or_default(),
        );
        same("lane", id, "run_id", &row.run_id, &run)?;
        same("lane", id, "gateway", &row.gateway, &gateway.0)?;
        same("lane", id, "size", row.size, lane.size)?;
        same(
            "lane",
            id,
            "written_from",
            row.written_from,
            lane.written_from,
        )?;
        same("lane", id, "whole", row.whole != 0, lane.whole)?;
        same(
            "lane",
            id,
            "root",
            hex::encode(&row.root),
            lane.root.clone(),
        )?;
        same("lane", id, "segments", row.segments, lane.segments)?;
    }
    let missed = replay
        .lanes
        .keys()
        .find(|id| !rows.iter().any(|r| r.id == id.0 && r.frozen_us != 0));
    missed.map_or(Ok(()), |id| Err(missing("lane", id)))
}

/// What of the lanes moves.
pub(super) fn moving_lanes(
    rows: &[AuditLane],
    replay: &Replay,
    sums: &BTreeMap<LaneId, Sums>,
) -> Check {
    for row in rows {
        let id = row.id;
        let key = LaneId(id);
        let (Some(lane), Some(sum)) = (replay.lanes.get(&key), sums.get(&key)) else {
            continue;
        };
        same("lane", id, "next", row.next, lane.next)?;
        same("lane", id, "end", row.end, lane.end)?;
        let reason = lane.end_reason.clone().unwrap_or_default();
        same("lane", id, "end_reason", &row.end_reason, &reason)?;
        same("lane", id, "ahead", row.ahead, sum.ahead)?;
        same("lane", id, "reserved", row.reserved, lane.reserved)?;
        same("lane", id, "sent_us", row.sent_us, us(lane.sent))?;
        same("lane", id, "segments", row.segments, sum.segments)?;
        same("lane", id, "max_parts", row.max_parts, sum.max_parts)?;
    }
    Ok(())
}

/// Open claims.
pub(super) async fn claims(tx: &mut Tx, replay: &Replay) -> Check {
    let rows: BTreeMap<ClaimId, Claim> =
        tx.claims().await?.into_iter().map(|c| (c.id, c)).collect();
    for (id, row) in &rows {
        let Some(claim) = replay.claims.get(id) else {
            return Err(extra("claim", id));
        };
        same("claim", id, "lane_id", row.span.lane, claim.span.lane)?;
        same("claim", id, "from", row.span.from, claim.span.from)?;
        same("claim", id, "to", row.span.to, claim.span.to)?;
        same("claim", id, "part", row.part, claim.part)?;
        same("claim", id, "gateway", &row.gateway, &claim.gateway)?;
        same("claim", id, "node", &row.node, &claim.node)?;
        same("claim", id, "attempt", row.attempt, claim.attempt)?;
        same("claim", id, "first", row.first, claim.first)?;
        same("claim", id, "stride", row.stride, claim.stride)?;
        same("claim", id, "at_us", row.at.0, claim.at.0)?;
        same("claim", id, "batch", row.batch, claim.batch)?;
    }
    match replay.claims.keys().find(|id| !rows.contains_key(id)) {
        Some(id) => Err(missing("claim", id)),
        None => Ok(()),
    }
}

/// What waits to be claimed again.
pub(super) async fn requeued(tx: &mut Tx, replay: &Replay) -> Check {
    let rows: BTreeMap<(LaneId, Position), Requeued> = tx
        .requeued()
        .await?
        .into_iter()
        .map(|r| ((r.span.lane, r.span.from), r))
        .collect();
    for ((lane, from), row) in &rows {
        let name = format!("{lane} from {from}");
        let waiting = replay.lanes.get(lane).and_then(|l| l.requeued.get(from));
        let Some(waiting) = waiting else {
            return Err(extra("again", name));
        };
        same("again", &name, "to", row.span.to, waiting.span.to)?;
        same("again", &name, "part", row.part, waiting.part)?;
        same("again", &name, "gateway", &row.gateway, &waiting.gateway)?;
        same("again", &name, "attempt", row.attempt, waiting.attempt)?;
        same("again", &name, "due_us", row.due.0, waiting.due.0)?;
    }
    let waiting = replay
        .lanes
        .iter()
        .flat_map(|(lane, l)| l.requeued.keys().map(move |from| (*lane, *from)));
    for key in waiting {
        if !rows.contains_key(&key) {
            return Err(missing("again", format!("{} from {}", key.0, key.1)));
        }
    }
    Ok(())
}

/// A counter below a number that was drawn would give it out again.
pub(super) async fn counters(tx: &mut Tx, replay: &Replay) -> Check {
    let rows: BTreeMap<String, i64> = tx.audit_counters().await?.into_iter().collect();
    for (&name, &drawn) in &replay.drawn {
        let n = rows.get(name).copied().unwrap_or(0);
        if n < drawn {
            same("counter", name, "n", n, drawn)?;
        }
    }
    Ok(())
}
