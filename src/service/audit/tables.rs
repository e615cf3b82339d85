//! Runs, campaigns, lanes, claims, `again`: the control tables against what follows from the ledger.

use std::collections::BTreeMap;

use super::{
    difference::{Check, extra, missing, same, say, wrong},
    known::Bound,
    messages::Sums,
    replay::Replay,
};
use crate::{
    domain::event::Terms,
    expander,
    store::{
        Tx,
        audit::AuditLane,
        campaign::CampaignRow,
        lane::{AgainRow, ClaimRow},
        plan::PlanRow,
        run::RunRow,
    },
};

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
                row.practice != 0,
                genesis.practice,
            )?;
            same(
                "installation",
                &id,
                "created_us",
                row.created_us,
                genesis.at_us,
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
                row.stopped_us,
                replay.halt.stopped_us,
            )
        }
    }
}

/// Frozen runs; half-made ones are of no account.
pub(super) async fn runs(tx: &mut Tx, replay: &Replay) -> Check {
    let rows: BTreeMap<String, RunRow> = tx
        .audit_runs()
        .await?
        .into_iter()
        .map(|r| (r.id.clone(), r))
        .collect();
    for (id, row) in &rows {
        let Some(run) = replay.runs.get(id) else {
            if row.frozen_us == 0 {
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
        } = &run.terms;
        same("run", id, "frozen_us", row.frozen_us, run.frozen_us)?;
        same("run", id, "campaign_id", &row.campaign_id, &run.campaign)?;
        same("run", id, "intent", &row.intent, &run.intent)?;
        same("run", id, "reason", &row.reason, &run.reason)?;
        same("run", id, "slot_us", row.slot_us, *slot)?;
        same("run", id, "priority", &row.priority, priority)?;
        same("run", id, "on_doubt", &row.on_doubt, on_doubt)?;
        same("run", id, "not_after_us", row.not_after_us, *not_after)?;
        same("run", id, "not_before_us", row.not_before_us, *not_before)?;
        same("run", id, "approved_us", row.approved_us, run.approved_us)?;
        same("run", id, "opened_us", row.opened_us, run.opened_us)?;
        same("run", id, "closed_us", row.closed_us, run.closed_us)?;
        same("run", id, "day", &row.day, &run.day)?;
        same("run", id, "part_ref", row.part_ref, run.part_ref)?;
        same("run", id, "size", row.size, run.size())?;
        same("run", id, "merged", row.merged, *merged)?;
        same("run", id, "late", &row.late, &run.late)?;
    }
    match replay.runs.keys().find(|id| !rows.contains_key(*id)) {
        Some(id) => Err(missing("run", id)),
        None => Ok(()),
    }
}

/// Campaigns with who wrote, submitted and decided; what an approval binds is computed anew.
pub(super) async fn campaigns(tx: &mut Tx, replay: &Replay) -> Check {
    let rows: BTreeMap<String, CampaignRow> = tx
        .campaigns()
        .await?
        .into_iter()
        .map(|c| (c.id.clone(), c))
        .collect();
    for (id, row) in &rows {
        let Some(campaign) = replay.campaigns.get(id) else {
            return Err(extra("campaign", id));
        };
        same("campaign", id, "state", &row.state, &campaign.state)?;
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
            row.changed_us,
            campaign.changed_us,
        )?;
        // Of others nothing asks for it, and before it was kept it is 0.
        if row.is_recurring()? {
            same(
                "campaign",
                id,
                "approved_us",
                row.approved_us,
                campaign.approved_us,
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
    let rows: BTreeMap<String, PlanRow> = tx
        .plans()
        .await?
        .into_iter()
        .map(|p| (p.name.clone(), p))
        .collect();
    for (name, row) in &rows {
        let Some((by, digest, at_us)) = replay.plans.get(name) else {
            return Err(extra("plan", name));
        };
        let stands = expander::plan_digest(&row.name, &row.title, &row.source);
        same("plan", name, "source", hex::encode(stands), digest.clone())?;
        same(
            "plan",
            name,
            "digest",
            hex::encode(&row.digest),
            digest.clone(),
        )?;
        same("plan", name, "imported_by", &row.imported_by, by)?;
        same("plan", name, "imported_us", row.imported_us, *at_us)?;
    }
    match replay.plans.keys().find(|name| !rows.contains_key(*name)) {
        Some(name) => Err(missing("plan", name)),
        None => Ok(()),
    }
}

/// The row's text and policies must be those that the digest was made of: as a draft, as handed in to
/// fire again and again, or with the run that was frozen for it.
fn bound(replay: &Replay, row: &CampaignRow, bound: &Bound) -> Check {
    let run = match bound {
        Bound::Draft => return digest_is(row, expander::draft_digest(row)?),
        Bound::Recurring => return digest_is(row, expander::recurring_digest(row)?),
        Bound::Run(id) => replay.runs.get(id),
    };
    let Some(run) = run else { return Ok(()) };
    same(
        "campaign",
        &row.id,
        "priority",
        &row.priority,
        &run.terms.priority,
    )?;
    same(
        "campaign",
        &row.id,
        "on_doubt",
        &row.on_doubt,
        &run.terms.on_doubt,
    )?;
    same(
        "campaign",
        &row.id,
        "not_after_us",
        row.not_after_us,
        run.terms.not_after,
    )?;
    digest_is(row, expander::digest(&row.template, &run.terms, &run.lanes))
}

fn digest_is(row: &CampaignRow, digest: [u8; 32]) -> Check {
    if digest[..] == row.digest[..] {
        return Ok(());
    }
    let words = say(
        "正文不是交付审批的正文",
        "template is not the text that its digest was made of",
    );
    Err(wrong("campaign", &row.id, words).into())
}

/// What of the lanes was fixed when they were frozen, before their messages are read.
pub(super) fn frozen_lanes(rows: &[AuditLane], replay: &Replay) -> Check {
    for row in rows.iter().filter(|r| r.frozen_us != 0) {
        let id = row.id;
        let Some(lane) = replay.lanes.get(&id) else {
            return Err(extra("lane", id));
        };
        same("lane", id, "run_id", &row.run_id, &lane.run)?;
        same("lane", id, "gateway", &row.gateway, &lane.gateway)?;
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
        .find(|id| !rows.iter().any(|r| r.id == **id && r.frozen_us != 0));
    missed.map_or(Ok(()), |id| Err(missing("lane", id)))
}

/// What of the lanes moves.
pub(super) fn moving_lanes(
    rows: &[AuditLane],
    replay: &Replay,
    sums: &BTreeMap<i64, Sums>,
) -> Check {
    for row in rows {
        let id = row.id;
        let (Some(lane), Some(sum)) = (replay.lanes.get(&id), sums.get(&id)) else {
            continue;
        };
        same("lane", id, "next", row.next, lane.next)?;
        same("lane", id, "end", row.end, lane.end)?;
        same("lane", id, "end_reason", &row.end_reason, &lane.end_reason)?;
        same("lane", id, "ahead", row.ahead, sum.ahead)?;
        same("lane", id, "reserved", row.reserved, lane.reserved)?;
        same("lane", id, "sent_us", row.sent_us, lane.sent_us)?;
        same("lane", id, "segments", row.segments, sum.segments)?;
        same("lane", id, "max_parts", row.max_parts, sum.max_parts)?;
    }
    Ok(())
}

/// Open claims.
pub(super) async fn claims(tx: &mut Tx, replay: &Replay) -> Check {
    let rows: BTreeMap<i64, ClaimRow> = tx.claims().await?.into_iter().map(|c| (c.id, c)).collect();
    for (id, row) in &rows {
        let Some(claim) = replay.claims.get(id) else {
            return Err(extra("claim", id));
        };
        same("claim", id, "lane_id", row.lane_id, claim.lane_id)?;
        same("claim", id, "from", row.from, claim.from)?;
        same("claim", id, "to", row.to, claim.to)?;
        same("claim", id, "part", row.part, claim.part)?;
        same("claim", id, "gateway", &row.gateway, &claim.gateway)?;
        same("claim", id, "node", &row.node, &claim.node)?;
        same("claim", id, "attempt", row.attempt, claim.attempt)?;
        same("claim", id, "first", row.first, claim.first)?;
        same("claim", id, "stride", row.stride, claim.stride)?;
        same("claim", id, "at_us", row.at_us, claim.at_us)?;
        same("claim", id, "batch", row.batch, claim.batch)?;
    }
    match replay.claims.keys().find(|id| !rows.contains_key(id)) {
        Some(id) => Err(missing("claim", id)),
        None => Ok(()),
    }
}

/// What waits to be claimed again.
pub(super) async fn again(tx: &mut Tx, replay: &Replay) -> Check {
    let rows: BTreeMap<(i64, i64), AgainRow> = tx
        .again()
        .await?
        .into_iter()
        .map(|a| ((a.lane_id, a.from), a))
        .collect();
    for ((lane, from), row) in &rows {
        let name = format!("{lane} from {from}");
        let waiting = replay.lanes.get(lane).and_then(|l| l.again.get(from));
        let Some(waiting) = waiting else {
            return Err(extra("again", name));
        };
        same("again", &name, "to", row.to, waiting.to)?;
        same("again", &name, "part", row.part, waiting.part)?;
        same("again", &name, "gateway", &row.gateway, &waiting.gateway)?;
        same("again", &name, "attempt", row.attempt, waiting.attempt)?;
        same("again", &name, "due_us", row.due_us, waiting.due_us)?;
    }
    let waiting = replay
        .lanes
        .iter()
        .flat_map(|(lane, l)| l.again.keys().map(move |from| (*lane, *from)));
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
