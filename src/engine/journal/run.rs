//! A run's own steps: reserving its people's daily limits, opening its lanes, seeing it done.

use super::{Announced, Decision, part_ref, work::Work};
use crate::{
    campaign::lifecycle::{self, By, StepError},
    domain::{
        event::{Event, Source, Span},
        id::{LaneId, RunId},
        lifecycle::{CampaignAct, Intent, RunAct},
        message::{Change, SuppressReason},
        policy::Late,
    },
    store::{self, Refusal, Tx},
};

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
        let reason = SuppressReason::DailyLimit;
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

/// Opens an approved run whose limits are reserved. Without a reference for its long messages it stays shut
/// for a while.
pub(super) async fn open(tx: &mut Tx, work: &mut Work<'_>, id: RunId) -> store::Result<()> {
    let run = tx.run(id).await?;
    let may_open = run.approved.is_some() && run.intent == Intent::Go;
    if run.opened.is_some() || run.closed.is_some() || !may_open {
        return Ok(());
    }
    let (part_ref, shortage) = part_ref::choose(tx, &run, work.now).await?;
    work.done.shortages.extend(shortage.map(|s| (id, s)));
    let Some(part_ref) = part_ref else {
        return Ok(());
    };
    let events = lifecycle::open_run(tx, work.now, &run, part_ref).await?;
    let opened = Some(work.now);
    work.run_changed(id, |lane| (lane.opened, lane.part_ref) = (opened, part_ref));
    work.done.requeued = true;
    work.note_all(&events);
    Ok(())
}

/// Closes a run of which no message is open; its campaign is finished with it.
pub(super) async fn close(tx: &mut Tx, work: &mut Work<'_>, id: RunId) -> store::Result<()> {
    let run = tx.run(id).await?;
    if run.closed.is_some() || !lifecycle::is_done(tx, id).await? {
        return Ok(());
    }
    let events = lifecycle::finish_run(tx, work.now, &run).await?;
    let closed = Some(work.now);
    work.run_changed(id, |lane| lane.closed = closed);
    work.note_all(&events);
    Ok(())
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
            let by = By::rule("late");
            redirect(tx, work, id, (Intent::Held, RunAct::Hold), by).await
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
    let missed = (id, run.campaign, run.intent);
    let events = lifecycle::miss_run(tx, work.now, missed, reason).await?;
    let closed = Some(work.now);
    work.run_changed(id, |lane| lane.closed = closed);
    work.note_all(&events);
    Ok(())
}

/// A person's decision about a campaign, with what it means for its frozen runs.
pub(super) async fn decide(
    tx: &mut Tx,
    work: &mut Work<'_>,
    decision: &Decision,
) -> store::Result<()> {
    let mut campaign = tx.campaign(decision.campaign).await?;
    campaign.state.on(decision.act).map_err(Refusal::from)?;
    if !decision.seen.matches(&campaign.digest) {
        return Err(Refusal::NotAsSeen.into());
    }
    let by = By {
        who: &decision.by,
        reason: &decision.reason,
    };
    let event = lifecycle::act(tx, work.now, &mut campaign, decision.act, by).await?;
    if let Some(announced) = &decision.announced {
        store_forecast(tx, work, decision, announced).await?;
    }
    work.note(&event);
    let unexplained = By { reason: "", ..by };
    for run in tx.runs_of(decision.campaign).await? {
        match decision.act {
            CampaignAct::Approve if run.intent == Intent::Go && run.closed.is_none() => {
                let now = work.now;
                let event =
                    lifecycle::approve_run(tx, now, run.id, run.intent, unexplained).await?;
                work.note(&event);
            }
            CampaignAct::Return | CampaignAct::Reject | CampaignAct::Cancel => {
                cancel(tx, work, run.id, decision.act.as_str(), by).await?;
            }
            _ => {}
        }
    }
    tx.bump().await
}

/// Keeps what the approver was shown; with it the quotas are taken. Two approvals that were computed from the
/// same rest cannot both be right: the later one has to be computed anew.
async fn store_forecast(
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
    by: By<'_>,
) -> store::Result<()> {
    if tx.run(id).await?.closed.is_some() {
        return Err(StepError::Over(id).into());
    }
    cancel(tx, work, id, CampaignAct::Cancel.as_str(), by).await
}

/// Ends a run where it stands; its lanes end with this word as their reason.
async fn cancel(
    tx: &mut Tx,
    work: &mut Work<'_>,
    id: RunId,
    word: &str,
    by: By<'_>,
) -> store::Result<()> {
    redirect(tx, work, id, (Intent::Cancelled, RunAct::Cancel), by).await?;
    for lane in tx.lanes_of(id).await? {
        work.end(tx, lane.id, word).await?;
    }
    Ok(())
}

/// Pause, resume, hold, release, cancel: what is wanted of a run.
pub(super) async fn redirect(
    tx: &mut Tx,
    work: &mut Work<'_>,
    id: RunId,
    (to, act): (Intent, RunAct),
    by: By<'_>,
) -> store::Result<()> {
    let from = tx.run(id).await?.intent;
    if let Some(event) = lifecycle::redirect_run(tx, (id, from), to, act, by).await? {
        work.run_changed(id, |lane| lane.intent = to);
        work.note(&event);
    }
    Ok(())
}
