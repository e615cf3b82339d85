//! A run's own steps: reserving its people's daily limits, opening its lanes, seeing it done.

use super::{Decision, Told, work::Work};
use crate::{
    domain::{
        event::{Event, Source, Span},
        id::{LaneId, MessageId, RunId},
        lifecycle::{CampaignAct, Intent},
        message::{Change, Outcome},
        policy::Late,
    },
    store::{self, Tx, forecast::ForecastRow},
};

/// References that tell long messages apart; the eighth bit tells a repetition.
const PART_REFS: i64 = 128;

/// Reserves the day's places for a stretch of a lane; who has had enough is suppressed.
pub(super) async fn reserve(
    tx: &mut Tx,
    work: &mut Work<'_>,
    id: LaneId,
    to: i64,
    day: &str,
    limit: i64,
) -> store::Result<()> {
    let lane = work.lane(tx, id).await?;
    let to = to.min(lane.size);
    if lane.reserved >= to {
        return Ok(());
    }
    let run: RunId = lane
        .run_id
        .parse()
        .map_err(|_| corrupt("lane", &lane.run_id))?;
    tx.set_run_day(run, day).await?;
    let day = if lane.day.is_empty() {
        day.to_owned()
    } else {
        lane.day.clone()
    };
    if let Some(lane) = work.lanes.get_mut(&id) {
        lane.day.clone_from(&day);
        lane.reserved = to;
    }
    let enough = tx.reserve_days(id, lane.reserved, to, &day, limit).await?;
    work.note(&Event::Reserved {
        span: Span {
            lane: id,
            from: lane.reserved,
            to,
        },
        day,
    });
    let ids: Vec<_> = enough.into_iter().map(MessageId).collect();
    work.load_messages(tx, ids.iter().copied().collect())
        .await?;
    for message in ids {
        let reason = "daily_limit".to_owned();
        work.change(
            message,
            0,
            &Change::Suppressed { reason },
            Source::Watchbell,
        );
    }
    work.done.requeued = true;
    tx.set_reserved(id, to).await
}

/// Gives back the places of a stretch that will not be sent: the end of an ended lane.
pub(super) async fn give_back(
    tx: &mut Tx,
    work: &mut Work<'_>,
    id: LaneId,
    from: i64,
) -> store::Result<()> {
    let lane = work.lane(tx, id).await?;
    let from = from.max(lane.end);
    if lane.reserved <= from || lane.day.is_empty() {
        return Ok(());
    }
    for row in tx.claimed(id, from, lane.reserved).await? {
        let no_outcome = row.state.as_deref().unwrap_or_default().is_empty();
        if let (true, Some(phone)) = (
            no_outcome,
            crate::domain::phone::Phone::from_wire(&row.phone),
        ) {
            work.days.push((lane.day.clone(), phone));
        }
    }
    if let Some(lane) = work.lanes.get_mut(&id) {
        lane.reserved = from;
    }
    work.note(&Event::GivenBack {
        span: Span {
            lane: id,
            from,
            to: lane.reserved,
        },
    });
    tx.set_reserved(id, from).await
}

/// Opens an approved run whose limits are reserved. Without a free reference for its long messages it
/// stays shut until an older run has been over for an hour.
pub(super) async fn open(tx: &mut Tx, work: &mut Work<'_>, id: RunId) -> store::Result<()> {
    let run = tx.run(id).await?;
    if run.opened_us > 0 || run.closed_us > 0 || run.approved_us == 0 || run.intent()? != Intent::Go
    {
        return Ok(());
    }
    let busy = tx.busy_part_refs(work.now).await?;
    let Some(part_ref) = (0..PART_REFS).find(|r| !busy.contains(r)) else {
        tracing::warn!(run.id = %id, "Run {id} waits: 128 runs with long messages within an hour use all references");
        return Ok(());
    };
    tx.open_run(id, part_ref, work.now).await?;
    let now = work.now.0;
    work.run_changed(id, |lane| (lane.opened_us, lane.part_ref) = (now, part_ref));
    work.done.requeued = true;
    work.note(&Event::Run {
        by: "watchbell".into(),
        act: "opened".into(),
        run: id,
        intent: run.intent,
        reason: String::new(),
        part_ref: Some(part_ref),
    });
    campaign_act(tx, work, &run.campaign_id, CampaignAct::Start).await
}

/// Closes a run of which no message is open; its campaign is finished with it.
pub(super) async fn close(tx: &mut Tx, work: &mut Work<'_>, id: RunId) -> store::Result<()> {
    let run = tx.run(id).await?;
    if run.closed_us > 0 || !is_done(tx, id).await? {
        return Ok(());
    }
    tx.close_run(id, work.now).await?;
    let now = work.now.0;
    work.run_changed(id, |lane| lane.closed_us = now);
    work.note(&Event::Run {
        by: "watchbell".into(),
        act: "done".into(),
        run: id,
        intent: run.intent.clone(),
        reason: String::new(),
        part_ref: None,
    });
    finish(
        tx,
        work,
        &run.campaign_id,
        run.intent()? == Intent::Cancelled,
    )
    .await
}

/// A run that has not opened is too late: skipped, held for a person, or sent all the same.
pub(super) async fn late(tx: &mut Tx, work: &mut Work<'_>, id: RunId) -> store::Result<()> {
    let run = tx.run(id).await?;
    if run.opened_us > 0 || run.closed_us > 0 || run.intent()? != Intent::Go {
        return Ok(());
    }
    let policy = run.late.parse();
    match policy.map_err(|_| corrupt("run", &run.late))? {
        Late::Skip => miss(tx, work, id, "late").await,
        Late::Ask => intend(tx, work, id, Intent::Held, "held", "watchbell", "late").await,
        Late::Send => Ok(()),
    }
}

/// A run's time has passed before it opened: its lanes end, and it is over. What people wanted of it
/// stays as it was.
pub(super) async fn miss(
    tx: &mut Tx,
    work: &mut Work<'_>,
    id: RunId,
    reason: &str,
) -> store::Result<()> {
    let run = tx.run(id).await?;
    if run.opened_us > 0 || run.closed_us > 0 || run.intent()? == Intent::Cancelled {
        return Ok(());
    }
    for lane in tx.lanes_of(id).await? {
        work.end(tx, LaneId(lane.id), reason).await?;
    }
    tx.miss_run(id, reason, work.now).await?;
    let now = work.now.0;
    work.run_changed(id, |lane| lane.closed_us = now);
    work.note(&Event::Run {
        by: "watchbell".into(),
        act: "missed".into(),
        run: id,
        intent: run.intent.clone(),
        reason: reason.to_owned(),
        part_ref: None,
    });
    finish(tx, work, &run.campaign_id, false).await
}

/// The campaign's last run is over: a recurring one's is that of its last slot, once no other is open.
async fn finish(
    tx: &mut Tx,
    work: &mut Work<'_>,
    campaign: &str,
    called_off: bool,
) -> store::Result<()> {
    let id = campaign
        .parse()
        .map_err(|_| corrupt("campaign", campaign))?;
    let slots = tx.campaign(id).await?.slots()?;
    let over = match slots.last() {
        Some(last) if slots.len() > 1 => {
            let runs = tx.slots_of(campaign).await?;
            runs.iter().any(|r| r.slot_us >= last.0) && runs.iter().all(|r| r.closed_us > 0)
        }
        _ => !called_off,
    };
    match over {
        true => campaign_act(tx, work, campaign, CampaignAct::Finish).await,
        false => Ok(()),
    }
}

/// Is no message of the run open? Doubt counts as open until its grace is over.
pub(crate) async fn is_done(tx: &mut Tx, run: RunId) -> store::Result<bool> {
    let counts = tx.run_counts(run).await?;
    let open = counts.open();
    if open == 0 {
        return Ok(true);
    }
    // A second try that never left is in doubt without a grace of its own: the first one's is over.
    Ok(open == counts.of(Outcome::InDoubt) && !tx.has_doubt_in_grace(run).await?)
}

async fn campaign_act(
    tx: &mut Tx,
    work: &mut Work<'_>,
    id: &str,
    act: CampaignAct,
) -> store::Result<()> {
    let id = id.parse().map_err(|_| corrupt("campaign", id))?;
    let mut campaign = tx.campaign(id).await?;
    let from = campaign.state()?;
    // A rule's step never overrules a person's: a campaign that was paused or called off stays so.
    let Ok(to) = from.on(act) else { return Ok(()) };
    campaign.state = to.as_str().to_owned();
    tx.update_campaign(&campaign, from, work.now).await?;
    work.note(&Event::Campaign {
        by: "watchbell".into(),
        act: act.as_str().into(),
        campaign: id,
        state: campaign.state,
        digest: hex::encode(&campaign.digest),
        reason: String::new(),
    });
    Ok(())
}

/// A person's decision about a campaign, with what it means for its frozen runs.
pub(super) async fn decide(
    tx: &mut Tx,
    work: &mut Work<'_>,
    decision: &Decision,
) -> store::Result<()> {
    let mut campaign = tx.campaign(decision.campaign).await?;
    let from = campaign.state()?;
    let to = from
        .on(decision.act)
        .map_err(|e| store::Error::Conflict(e.to_string()))?;
    if !decision.seen.matches(&campaign.digest) {
        return Err(store::Error::Conflict(
            "the campaign is no longer what was decided about: look at it again".to_owned(),
        ));
    }
    campaign.state = to.as_str().to_owned();
    campaign.reason.clone_from(&decision.reason);
    if decision.act == CampaignAct::Approve {
        campaign.approved_us = work.now.0;
    }
    if matches!(
        decision.act,
        CampaignAct::Approve | CampaignAct::Return | CampaignAct::Reject
    ) {
        campaign.decided_by.clone_from(&decision.by);
    }
    tx.update_campaign(&campaign, from, work.now).await?;
    if let Some(told) = &decision.told {
        keep_forecast(tx, work, decision, told).await?;
    }
    work.note(&Event::Campaign {
        by: decision.by.clone(),
        act: decision.act.as_str().into(),
        campaign: decision.campaign,
        state: to.as_str().into(),
        digest: hex::encode(&campaign.digest),
        reason: decision.reason.clone(),
    });
    for run in tx.runs_of(decision.campaign).await? {
        let id = run.id()?;
        match decision.act {
            CampaignAct::Approve if run.intent()? == Intent::Go && run.closed_us == 0 => {
                tx.approve_run(id, work.now).await?;
                work.note(&Event::Run {
                    by: decision.by.clone(),
                    act: "approved".into(),
                    run: id,
                    intent: run.intent,
                    reason: String::new(),
                    part_ref: None,
                });
            }
            CampaignAct::Return | CampaignAct::Reject | CampaignAct::Cancel => {
                cancel(
                    tx,
                    work,
                    id,
                    decision.act.as_str(),
                    &decision.by,
                    &decision.reason,
                )
                .await?;
            }
            _ => {}
        }
    }
    tx.bump().await
}

/// Keeps what the approver was told; with it the quotas are taken. Two approvals that reckoned with the
/// same rest cannot both be right: the later one has to reckon anew.
async fn keep_forecast(
    tx: &mut Tx,
    work: &mut Work<'_>,
    decision: &Decision,
    told: &Told,
) -> store::Result<()> {
    if tx.is_foretold_since(told.after).await? {
        return Err(store::Error::Conflict(
            "another campaign was let out meanwhile: the quotas have to be reckoned anew"
                .to_owned(),
        ));
    }
    for (campaign, rows) in &told.campaigns {
        let kept: Vec<ForecastRow> = rows
            .iter()
            .map(|r| ForecastRow {
                campaign_id: campaign.to_string(),
                slot_us: r.slot,
                gateway: r.gateway.0.clone(),
                people: r.people,
                segments: r.segments,
                starts_us: r.starts,
                ends_us: r.ends,
                made_us: work.now.0,
            })
            .collect();
        tx.put_forecasts(&kept).await?;
        work.note(&Event::Forecast {
            by: decision.by.clone(),
            campaign: *campaign,
            rows: rows.clone(),
        });
    }
    Ok(())
}

/// Ends one run of a campaign that goes on.
pub(super) async fn call_off(
    tx: &mut Tx,
    work: &mut Work<'_>,
    id: RunId,
    by: &str,
    reason: &str,
) -> store::Result<()> {
    if tx.run(id).await?.closed_us > 0 {
        return Err(store::Error::Conflict(format!(
            "run {id} is over: nothing of it is left to cancel"
        )));
    }
    cancel(tx, work, id, CampaignAct::Cancel.as_str(), by, reason).await
}

/// Ends a run where it stands; its lanes end with this word as their reason.
async fn cancel(
    tx: &mut Tx,
    work: &mut Work<'_>,
    id: RunId,
    word: &str,
    by: &str,
    reason: &str,
) -> store::Result<()> {
    intend(tx, work, id, Intent::Cancelled, "cancelled", by, reason).await?;
    for lane in tx.lanes_of(id).await? {
        work.end(tx, LaneId(lane.id), word).await?;
    }
    Ok(())
}

/// Pause, resume, hold, release, cancel: what is wanted of a run.
pub(super) async fn intend(
    tx: &mut Tx,
    work: &mut Work<'_>,
    id: RunId,
    to: Intent,
    act: &str,
    by: &str,
    reason: &str,
) -> store::Result<()> {
    let run = tx.run(id).await?;
    let from = run.intent()?;
    if from == to {
        return Ok(());
    }
    if from == Intent::Cancelled {
        return Err(store::Error::Conflict(format!(
            "run {id} is cancelled and stays so"
        )));
    }
    tx.set_intent(id, from, to, reason).await?;
    if matches!(act, "resumed" | "released") {
        tx.excuse_late(id).await?;
    }
    work.run_changed(id, |lane| to.as_str().clone_into(&mut lane.intent));
    work.note(&Event::Run {
        by: by.to_owned(),
        act: act.to_owned(),
        run: id,
        intent: to.as_str().into(),
        reason: reason.to_owned(),
        part_ref: None,
    });
    Ok(())
}

fn corrupt(table: &'static str, what: &str) -> store::Error {
    store::Error::Corrupt {
        table,
        what: what.to_owned(),
    }
}
