//! What the engine must see to besides sending: what people changed, runs to open, lanes whose time is
//! over, doubts past their grace, reports that never came, runs that are done. It looks, and says what
//! to do; the journal does it.

mod sweeps;

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono_tz::Tz;
use tokio::time::Instant;

use self::sweeps::Sweeps;
use super::core::Lane;
use crate::{
    campaign::lifecycle,
    config,
    domain::{
        bilingual::bilingual,
        event::Source,
        forecast::RESERVE_PEOPLE,
        hours::{Hours, Window},
        id::{GatewayId, LaneId, MessageId, RunId},
        message::Change,
        optout::OptOutWords,
        policy::{Late, OnDoubt, is_late},
        priority::Priority,
        template::Template,
        time::Micros,
    },
    engine::journal::{Op, PartChange},
    store::{self, Corrupt, Tx, lane::Requeued, run::Run},
    telemetry::alert::{Alert, Kind},
};

/// Messages whose places an ended lane gives back in one sweep.
const GIVE_BACK_CHUNK: i64 = 2_000;

/// Doubts settled in one sweep.
const SWEEP_CHUNK: i64 = 2_000;

/// Reports no longer waited for in one sweep, most of which have come: some ten milliseconds of the journal's
/// time each second. Where there are more and no lane is open the next look goes on.
const PAST_CHUNK: i64 = 1_000;

/// Of these, those that have not come: their messages are read.
const SILENCE_CHUNK: usize = 200;

/// The office's rules of sending.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Season and quiet hours.
    pub hours: Hours,
    /// The office's zone, for days.
    pub zone: Tz,
    /// Messages a person gets on one day at most.
    pub daily_limit: i64,
    /// How long a report is waited for.
    pub report_window: Duration,
    /// How long evidence is waited for before the run's policy decides about doubt.
    pub doubt_grace: Duration,
    /// Replies that opt out.
    pub opt_out: OptOutWords,
}

/// What a look brought.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Neither held nor stopped?
    pub(super) may_send: bool,
    /// When a person stopped all sending.
    pub(super) stopped: Option<Micros>,
    /// All lanes that may be claimed from now.
    pub(super) lanes: Vec<Lane>,
    /// What must be made durable.
    pub(super) ops: Vec<Op>,
    /// Doubtful messages that go again.
    pub(super) resent: Vec<MessageId>,
    /// What somebody must hear.
    pub(super) alerts: Vec<Alert>,
}

/// Looks after the house. Remembers what it has seen, so that an idle house costs one small read.
#[derive(Debug)]
pub(super) struct Housekeeper {
    policy: Policy,
    known: Vec<GatewayId>,
    change: Option<i64>,
    sweeps: Sweeps,
    /// When the next thing comes that only time changes and that must not wait for the sweep: a run's
    /// slot, or the window's opening for somebody who waits.
    due: Option<Micros>,
    templates: HashMap<LaneId, Arc<Template>>,
}

impl Housekeeper {
    pub(super) fn new(policy: Policy, gateways: &[config::Gateway]) -> Self {
        Self {
            policy,
            known: gateways.iter().map(|g| g.id.clone()).collect(),
            change: None,
            sweeps: Sweeps::new(Instant::now()),
            due: None,
            templates: HashMap::new(),
        }
    }

    /// What was known is stale.
    pub(super) fn look_again(&mut self) {
        self.change = None;
    }

    /// The journal is behind: what can wait is not added to it.
    pub(super) fn put_off(&mut self) {
        self.sweeps.put_off(Instant::now());
    }

    /// When the next thing comes that only time changes, as far as the last look knows.
    pub(super) fn due(&self) -> Option<Micros> {
        self.due
    }

    /// `None`: nothing has changed since the last look.
    pub(super) async fn look(
        &mut self,
        tx: &mut Tx,
        now: Micros,
    ) -> store::Result<Option<Findings>> {
        // Taken before anything can fail, for it wakes the engine at once.
        if self.due.take_if(|at| *at <= now).is_some() {
            self.look_again();
        }
        let Some(installation) = tx.installation().await? else {
            return Ok(None);
        };
        let begun = Instant::now();
        if !self.sweeps.is_due(begun) && self.change == Some(installation.change) {
            return Ok(None);
        }
        self.change = Some(installation.change);
        self.due = None;
        let mut findings = Findings {
            may_send: installation.may_send(),
            stopped: installation.stopped,
            ..Findings::default()
        };
        self.lanes(tx, now, &mut findings).await?;
        self.open_runs(tx, now, &mut findings).await?;
        if !findings.ops.is_empty() {
            self.sweeps.give_way(begun);
        }
        if self.sweeps.is_due(begun) {
            self.sweep(tx, now, &mut findings).await?;
        }
        Ok(Some(findings))
    }

    /// What only time changes, and what may come some seconds late.
    async fn sweep(
        &mut self,
        tx: &mut Tx,
        now: Micros,
        findings: &mut Findings,
    ) -> store::Result<()> {
        let begun = Instant::now();
        self.overdue(tx, now, findings).await?;
        self.doubts(tx, now, findings).await?;
        let more = self.silence(tx, now, findings).await?;
        self.finished(tx, findings).await?;
        self.ended(tx, findings).await?;
        self.sweeps.made(begun);
        // A stop waits until nothing is on its way to the journal, and who sends needs the journal.
        if more && findings.may_send && findings.lanes.is_empty() {
            self.sweeps.go_on();
        }
        Ok(())
    }

    /// May it go now? If not, the window's opening is remembered.
    fn may_go(&mut self, now: Micros, priority: Priority) -> bool {
        match self.policy.hours.may_send(now, priority) {
            Window::Open => true,
            Window::OpensAt(at, _) => {
                self.comes(at);
                false
            }
        }
    }

    /// Something will have to be looked at then.
    fn comes(&mut self, at: Micros) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    async fn lanes(
        &mut self,
        tx: &mut Tx,
        now: Micros,
        findings: &mut Findings,
    ) -> store::Result<()> {
        let rows = tx.open_lanes().await?;
        let mut requeued: HashMap<LaneId, Vec<Requeued>> = HashMap::new();
        for range in tx.requeued().await? {
            requeued.entry(range.span.lane).or_default().push(range);
        }
        self.templates
            .retain(|id, _| rows.iter().any(|r| r.id == *id));
        for row in rows {
            let waiting = requeued.remove(&row.id).unwrap_or_default();
            let Some(lane) = self.lane(row, waiting)? else {
                continue;
            };
            if self.may_go(now, lane.priority) {
                if !self.known.contains(&lane.gateway) {
                    let id = &lane.gateway.0;
                    findings.alerts.push(Alert {
                        kind: Kind::GatewayDown,
                        subject: id.clone(),
                        text: bilingual!(
                            "有短信等待发送，但配置里没有网关 {id}：请恢复该网关的配置，或取消这些批次",
                            "messages wait for gateway {id}, which is not configured: configure it again, or cancel their runs"
                        ),
                    });
                }
                findings.lanes.push(lane);
            }
        }
        Ok(())
    }

    /// `None`: these people have no route.
    fn lane(
        &mut self,
        row: store::lane::Lane,
        requeued: Vec<Requeued>,
    ) -> store::Result<Option<Lane>> {
        let Some(gateway) = row.gateway else {
            return Ok(None);
        };
        let template = match self.templates.get(&row.id) {
            Some(known) => known.clone(),
            None => {
                let parsed = Template::parse(&row.template)
                    .map_err(|_| Corrupt::on("lane", "template", row.id))?;
                let parsed = Arc::new(parsed);
                self.templates.insert(row.id, parsed.clone());
                parsed
            }
        };
        Ok(Some(Lane {
            id: row.id,
            gateway,
            priority: row.priority,
            template,
            written_from: row.carrier_prefix_len,
            next: row.next,
            end: row.end,
            max_parts: u8::try_from(row.max_parts)
                .map_err(|_| Corrupt::on("lane", "max_parts", row.id))?,
            not_after: row.not_after,
            requeued,
        }))
    }

    /// Reserves limits, so many people a look, and opens the runs that all of it covers. Urgent runs reserve
    /// nothing.
    async fn open_runs(
        &mut self,
        tx: &mut Tx,
        now: Micros,
        findings: &mut Findings,
    ) -> store::Result<()> {
        if !findings.may_send {
            return Ok(());
        }
        if let Some(at) = tx.next_not_before(now).await? {
            self.comes(at);
        }
        let mut budget = RESERVE_PEOPLE;
        for run in tx.runs_to_open(now).await? {
            // What is too late is not begun: the sweep says so.
            let is_over = run.not_after.is_some_and(|last| last < now);
            if is_over || !self.may_go(now, run.priority) {
                continue;
            }
            let id = run.id;
            if self.is_late(tx, now, &run).await? {
                findings.alerts.push(late_alert(&run));
                // One that is sent all the same needs no act, however many looks its reserving takes.
                if run.late != Late::Send {
                    findings.ops.push(Op::Late(id));
                    continue;
                }
            }
            let is_covered = run.priority == Priority::Urgent
                || self.reserve(tx, now, id, &mut budget, findings).await?;
            if is_covered {
                findings.ops.push(Op::Open(id));
            }
        }
        Ok(())
    }

    /// Could it have begun long ago? Its time is its slot, when the window opens for it, or when a
    /// person approved it, whichever came last. What goes at once is never late.
    async fn is_late(&self, tx: &mut Tx, now: Micros, run: &Run) -> store::Result<bool> {
        let Some(slot) = run.not_before else {
            return Ok(false);
        };
        let campaign = tx.campaign(run.campaign).await?;
        // A recurring campaign's run is approved by the campaign's approval, not when it was frozen.
        let approved = match campaign.is_recurring() {
            true => campaign.approved,
            false => run.approved,
        };
        let window = self.policy.hours.opens(slot, run.priority);
        let due = approved.map_or(window, |at| at.max(window));
        Ok(is_late(now, due))
    }

    /// Reserves as many of a run's limits as the budget holds; true when that is all of them.
    async fn reserve(
        &self,
        tx: &mut Tx,
        now: Micros,
        run: RunId,
        budget: &mut i64,
        findings: &mut Findings,
    ) -> store::Result<bool> {
        let lanes = tx.lanes_of(run).await?;
        for lane in lanes.iter().filter(|l| l.gateway.is_some()) {
            let people = (lane.size - lane.reserved).min(*budget);
            if people > 0 {
                *budget -= people;
                findings.ops.push(Op::Reserve {
                    lane: lane.id,
                    to: lane.reserved + people,
                    day: now.local(self.policy.zone).format("%Y-%m-%d").to_string(),
                    limit: self.policy.daily_limit,
                });
            }
            if lane.reserved + people < lane.size {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Runs whose not-after has passed end where they stand.
    async fn overdue(
        &self,
        tx: &mut Tx,
        now: Micros,
        findings: &mut Findings,
    ) -> store::Result<()> {
        for run in tx.overdue_runs(now).await? {
            let missed = run.opened.is_none();
            if missed {
                findings.ops.push(Op::Miss(run.id, "not_after".into()));
            } else {
                for lane in tx.lanes_of(run.id).await? {
                    findings.ops.push(Op::End(lane.id, "not_after".into()));
                }
            }
            let (kind, text) = match missed {
                true => (
                    Kind::RunMissed,
                    bilingual!(
                        "错过：在最晚时间之前没能开始发送",
                        "missed: its not-after passed before anything could go out"
                    ),
                ),
                false => (
                    Kind::RunLate,
                    bilingual!(
                        "到了最晚时间，其余的不再发送",
                        "its not-after has passed: the rest will not be sent"
                    ),
                ),
            };
            findings.alerts.push(Alert {
                kind,
                subject: run.id.to_string(),
                text,
            });
        }
        Ok(())
    }

    /// Doubts past their grace: the run's policy decides.
    async fn doubts(&self, tx: &mut Tx, now: Micros, findings: &mut Findings) -> store::Result<()> {
        let before = now - self.policy.doubt_grace;
        let mut held = 0;
        for (doubt, policy, attempt) in tx.doubts_before(before, SWEEP_CHUNK).await? {
            let (message, part) = (doubt.message, doubt.part);
            match (policy, attempt) {
                (OnDoubt::Resend, 1) => {
                    if !findings.resent.contains(&message) {
                        findings.resent.push(message);
                        findings.ops.push(Op::Part(PartChange {
                            message,
                            part,
                            phone: doubt.phone,
                            gateway: doubt.gateway,
                            change: Change::Resent,
                            source: Source::Watchbell,
                            asked: now,
                            counted: None,
                        }));
                    }
                }
                (OnDoubt::Hold | OnDoubt::Resend, _) => {
                    held += 1;
                    findings.ops.push(Op::GraceExpired(message, part));
                }
            }
        }
        if held > 0 {
            findings.alerts.push(Alert {
                kind: Kind::DoubtLeft,
                subject: "in_doubt".into(),
                text: bilingual!(
                    "{held} 条短信是否发出仍然存疑，已过等待期，不再自动重发",
                    "{held} messages are still in doubt after their grace; they are not sent again"
                ),
            });
        }
        Ok(())
    }

    /// Reports that never came within the window, and those that did and might have been repeated.
    /// Are there more?
    async fn silence(
        &self,
        tx: &mut Tx,
        now: Micros,
        findings: &mut Findings,
    ) -> store::Result<bool> {
        let before = now - self.policy.report_window;
        let rows = tx.inflight_before(before, PAST_CHUNK).await?;
        let is_full = rows.len() as i64 == PAST_CHUNK;
        let (heard, silent): (Vec<_>, Vec<_>) = rows.into_iter().partition(|past| past.delivered);
        let more = is_full || silent.len() > SILENCE_CHUNK;
        let silent = silent.into_iter().take(SILENCE_CHUNK);
        findings
            .ops
            .extend(silent.map(|past| Op::WindowOver(past.wait)));
        if !heard.is_empty() {
            let rows = heard.into_iter().map(|past| past.wait).collect();
            findings.ops.push(Op::DropReportWaits(rows));
        }
        Ok(more)
    }

    async fn finished(&self, tx: &mut Tx, findings: &mut Findings) -> store::Result<()> {
        for run in tx.unclosed_runs().await? {
            if lifecycle::is_done(tx, run.id).await? {
                findings.ops.push(Op::CloseRun(run.id));
            }
        }
        Ok(())
    }

    /// Ended lanes give the day's places back, a chunk a sweep.
    async fn ended(&self, tx: &mut Tx, findings: &mut Findings) -> store::Result<()> {
        for places in tx.places_to_give_back().await? {
            let from = places.from.max(places.to - GIVE_BACK_CHUNK);
            findings.ops.push(Op::GiveBack(places.lane, from));
        }
        Ok(())
    }
}

fn late_alert(run: &Run) -> Alert {
    let (kind, text) = match run.late {
        Late::Skip => (
            Kind::RunMissed,
            bilingual!(
                "错过：没能按时开始，按其设置不再发送",
                "missed: it could not begin on time, and is not sent late"
            ),
        ),
        Late::Ask => (
            Kind::RunLate,
            bilingual!(
                "没能按时开始，已挂起：请放行或取消",
                "it could not begin on time and is held: release or cancel it"
            ),
        ),
        Late::Send => (
            Kind::RunLate,
            bilingual!(
                "没能按时开始，现在补发",
                "it could not begin on time and is sent late"
            ),
        ),
    };
    Alert {
        kind,
        subject: run.id.to_string(),
        text,
    }
}
