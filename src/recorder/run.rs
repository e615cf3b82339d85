//! A run's own steps: reserving its people's daily limits, opening its lanes, seeing it done.

use super::{Announced, Decision, work::Work};
use crate::{
    domain::{
        event::{Event, Source, Span},
        id::{CampaignId, LaneId, RunId},
        lifecycle::{CampaignAct, Intent, RunAct},
        message::{Change, Outcome},
        policy::Late,
    },
    store::{self, Refusal, Tx},
};

/// References that tell long messages apart; the eighth bit tells a repetition.
const PART_REFS: u8 = 128;

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
    tx.set_run_day(lane.run, day).await?;
    let day = lane.day.unwrap_or_else(|| day.to_owned());
    if let Some(lane) = work.lanes.get_mut(&id) {
        lane.day = Some(day.clone());
        lane.reserved = to;
    }
    let span = Span {
        lane: id,
        from: lane.reserved,
        to,
    };
    let enough = tx.reserve_days(span, &day, limit).await?;
    work.note(&Event::Reserved { span, day });
    work.load_messages(tx, enough.iter().copied().collect())
        .await?;
    for message in enough {
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
    let span = Span {
        lane: id,
        from,
        to: lane.reserved,
    };
    let (false, Some(day)) = (span.is_empty(), lane.day) else {
        return Ok(());
    };
    for message in tx.claimed(span).await? {
        if let (None, Some(phone)) = (message.outcome, message.phone) {
            work.days.push((day.clone(), phone));
        }
    }
    if let Some(lane) = work.lanes.get_mut(&id) {
        lane.reserved = from;
    }
    work.note(&Event::GivenBack { span });
    tx.set_reserved(id, from).await
}

/// Opens an approved run whose limits are reserved. Without a free reference for its long messages it
/// stays shut until an older run has been over for an hour.
pub(super) async fn open(tx: &mut Tx, work: &mut Work<'_>, id: RunId) -> store::Result<()> {
    let run = tx.run(id).await?;
    let may_open = run.approved.is_some() && run.intent == Intent::Go;
    if run.opened.is_some() || run.closed.is_some() || !may_open {
        return Ok(());
    }
    let busy = tx.busy_part_refs(work.now).await?;
    let Some(part_ref) = (0..PART_REFS).find(|r| !busy.contains(r)) else {
        tracing::warn!(run.id = %id, "Run {id} waits: 128 runs with long messages within an hour use all references");
        return Ok(());
    };
    tx.open_run(id, part_ref, work.now).await?;
    let opened = Some(work.now);
    work.run_changed(id, |lane| (lane.opened, lane.part_ref) = (opened, part_ref));
    work.done.requeued = true;
    work.note(&Event::Run {
        by: "watchbell".into(),
        act: RunAct::Open,
        run: id,
        intent: run.intent,
        reason: String::new(),
        part_ref: Some(part_ref),
    });
    campaign_act(tx, work, run.campaign, CampaignAct::Start).await
}

/// Closes a run of which no message is open; its campaign is finished with it.
pub(super) async fn close(tx: &mut Tx, work: &mut Work<'_>, id: RunId) -> store::Result<()> {
    let run = tx.run(id).await?;
    if run.closed.is_some() || !is_done(tx, id).await? {
        return Ok(());
    }
    tx.close_run(id, work.now).await?;
    let closed = Some(work.now);
    work.run_changed(id, |lane| lane.closed = closed);
    work.note(&Event::Run {
        by: "watchbell".into(),
        act: RunAct::Finish,
        run: id,
        intent: run.intent,
        reason: String::new(),
        part_ref: None,
    });
    finish(tx, work, run.campaign, run.intent == Intent::Cancelled).await
}

/// A run that has not opened is too late: skipped, held for a person, or sent all the same.
pub(super) async fn late(tx: &mut Tx, work: &mut Work<'_>, id: RunId) -> store::Result<()> {
    let run = tx.run(id).await?;
    if run.opened.is_some() || run.closed.is_some() || run.intent != Intent::Go {
        return Ok(());
    }
    match run.late {
        Late::Skip => miss(tx, work, id, "late").await,
        Late::Ask => {
            intend(
                tx,
                work,
                id,
                Intent::Held,
                RunAct::Hold,
                "watchbell",
                "late",
            )
            .await
        }
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
    if run.opened.is_some() || run.closed.is_some() || run.intent == Intent::Cancelled {
        return Ok(());
    }
    for lane in tx.lanes_of(id).await? {
        work.end(tx, lane.id, reason).await?;
    }
    tx.miss_run(id, reason, work.now).await?;
    let closed = Some(work.now);
    work.run_changed(id, |lane| lane.closed = closed);
    work.note(&Event::Run {
        by: "watchbell".into(),
        act: RunAct::Miss,
        run: id,
        intent: run.intent,
        reason: reason.to_owned(),
        part_ref: None,
    });
    finish(tx, work, run.campaign, false).await
}

/// The campaign's last run is over: a recurring one's is that of its last slot, once no other is open.
async fn finish(
    tx: &mut Tx,
    work: &mut Work<'_>,
    campaign: CampaignId,
    called_off: bool,
) -> store::Result<()> {
    let slots = tx.campaign(campaign).await?.slots;
    let over = match slots.last() {
        Some(last) if slots.len() > 1 => {
            let runs = tx.slots_of(campaign).await?;
            runs.iter().any(|r| r.slot >= *last) && runs.iter().all(|r| r.closed.is_some())
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
    id: CampaignId,
    act: CampaignAct,
) -> store::Result<()> {
    let mut campaign = tx.campaign(id).await?;
    let from = campaign.state;
    // A rule's step never overrules a person's: a campaign that was paused or called off stays so.
    let Ok(to) = from.on(act) else { return Ok(()) };
    campaign.state = to;
    tx.update_campaign(&campaign, from, work.now).await?;
    work.note(&Event::Campaign {
        by: "watchbell".into(),
        act,
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
    let from = campaign.state;
    let to = from.on(decision.act).map_err(Refusal::from)?;
    if !decision.seen.matches(&campaign.digest) {
        return Err(Refusal::NotAsSeen.into());
    }
    campaign.state = to;
    campaign.reason.clone_from(&decision.reason);
    if decision.act == CampaignAct::Approve {
        campaign.approved = Some(work.now);
    }
    if matches!(
        decision.act,
        CampaignAct::Approve | CampaignAct::Return | CampaignAct::Reject
    ) {
        campaign.decided_by.clone_from(&decision.by);
    }
    tx.update_campaign(&campaign, from, work.now).await?;
    if let Some(announced) = &decision.announced {
        keep_forecast(tx, work, decision, announced).await?;
    }
    work.note(&Event::Campaign {
        by: decision.by.clone(),
        act: decision.act,
        campaign: decision.campaign,
        state: to,
        digest: hex::encode(&campaign.digest),
        reason: decision.reason.clone(),
    });
    for run in tx.runs_of(decision.campaign).await? {
        let id = run.id;
        match decision.act {
            CampaignAct::Approve if run.intent == Intent::Go && run.closed.is_none() => {
                tx.approve_run(id, work.now).await?;
                work.note(&Event::Run {
                    by: decision.by.clone(),
                    act: RunAct::Approve,
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

/// Keeps what the approver was shown; with it the quotas are taken. Two approvals that reckoned with the
/// same rest cannot both be right: the later one has to reckon anew.
async fn keep_forecast(
    tx: &mut Tx,
    work: &mut Work<'_>,
    decision: &Decision,
    announced: &Announced,
) -> store::Result<()> {
    if tx.is_announced_since(announced.after).await? {
        return Err(Refusal::QuotasTaken.into());
    }
    for (campaign, rows) in &announced.campaigns {
        tx.put_forecasts(*campaign, rows, work.now).await?;
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
    if tx.run(id).await?.closed.is_some() {
        return Err(Refusal::RunOver { run: id }.into());
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
    intend(tx, work, id, Intent::Cancelled, RunAct::Cancel, by, reason).await?;
    for lane in tx.lanes_of(id).await? {
        work.end(tx, lane.id, word).await?;
    }
    Ok(())
}

/// Pause, resume, hold, release, cancel: what is wanted of a run.
pub(super) async fn intend(
    tx: &mut Tx,
    work: &mut Work<'_>,
    id: RunId,
    to: Intent,
    act: RunAct,
    by: &str,
    reason: &str,
) -> store::Result<()> {
    let run = tx.run(id).await?;
    let from = run.intent;
    if from == to {
        return Ok(());
    }
    if from == Intent::Cancelled {
        return Err(Refusal::RunCancelled { run: id }.into());
    }
    tx.set_intent(id, from, to, reason).await?;
    if matches!(act, RunAct::Resume | RunAct::Release) {
        tx.excuse_late(id).await?;
    }
    work.run_changed(id, |lane| lane.intent = to);
    work.note(&Event::Run {
        by: by.to_owned(),
        act,
        run: id,
        intent: to,
        reason: reason.to_owned(),
        part_ref: None,
    });
    Ok(())
}
