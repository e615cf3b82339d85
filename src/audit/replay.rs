//! The projections as they follow from the ledger alone: events in, what the tables should hold out.
//! It mirrors what the recorder and the services write; no table is read here.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    forecasts::Forecasts,
    known::{Arrival, Campaign, Doubt, Genesis, Halt, Run, Suppression},
    orders::{KnownOrder, Orders},
    queue::Lane,
    standing::{Interner, MessageEvent},
};
use crate::{
    domain::{
        bilingual::{Bilingual, bilingual},
        event::{Event, FrozenLane, Span, SuppressedSpan, Terms},
        id::{CampaignId, ClaimId, GroupId, LaneId, MessageId, OrphanId, RunId},
        lifecycle::{Intent, RunAct, StopAct},
        policy::Late,
        time::Micros,
    },
    store::lane::{Claim, Requeued},
};

/// Where an event stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub(super) entry: u32,
    pub(super) time: Micros,
}

/// Everything that follows from the entries so far.
#[derive(Debug, Default)]
pub(super) struct Replay {
    pub(super) genesis: Option<Genesis>,
    pub(super) halt: Halt,
    pub(super) lanes: BTreeMap<LaneId, Lane>,
    pub(super) runs: BTreeMap<RunId, Run>,
    pub(super) campaigns: BTreeMap<CampaignId, Campaign>,
    pub(super) users: BTreeMap<String, String>,
    pub(super) groups: BTreeMap<GroupId, (i64, String)>,
    pub(super) nested: BTreeMap<GroupId, BTreeSet<GroupId>>,
    pub(super) suppressions: BTreeMap<i64, Suppression>,
    pub(super) orphans: BTreeMap<OrphanId, Arrival>,
    pub(super) mos: BTreeMap<i64, Arrival>,
    pub(super) claims: BTreeMap<ClaimId, Claim>,
    pub(super) doubts: BTreeMap<(MessageId, u8), Doubt>,
    /// The highest number drawn, by counter.
    pub(super) drawn: BTreeMap<&'static str, i64>,
    pub(super) words: Interner,
    /// The campaign whose run was frozen just before, in which entry, and the run.
    just_frozen: Option<(CampaignId, u32, RunId)>,
    /// Plans' digests, by name.
    pub(super) plans: BTreeMap<String, (String, String, Micros)>,
    /// Forecasts as they were announced.
    pub(super) forecasts: Forecasts,
    /// Carriers' work orders.
    pub(super) orders: Orders,
    /// The entries' times, by number.
    pub(super) times: Vec<Micros>,
}

/// An event the rules don't admit.
type Applied = Result<(), Bilingual>;

fn unknown(what: &str, id: impl std::fmt::Display) -> Bilingual {
    bilingual!(
        "提到台账中没有的 {what} {id}",
        "names {what} {id}, which the ledger has not"
    )
}

impl Replay {
    /// One line of an entry.
    pub(super) fn line(&mut self, at: At, line: &str) -> Applied {
        let event = serde_json::from_str(line).map_err(|e| {
            bilingual!(
                "不是已知的事件（{e}）",
                "is no event that this version knows ({e})"
            )
        })?;
        if self.genesis.is_none() != matches!(event, Event::Genesis { .. }) {
            return Err(bilingual!(
                "genesis 只能是第一个事件",
                "the chain begins with genesis, and only once"
            ));
        }
        self.event(at, event)
    }

    fn event(&mut self, at: At, event: Event) -> Applied {
        match event {
            Event::Genesis {
                v: 1,
                installation,
                practice,
            } => {
                self.genesis = Some(Genesis {
                    installation,
                    practice,
                    at: at.time,
                });
            }
            Event::Genesis { v, .. } => {
                return Err(bilingual!(
                    "格式版本 {v} 未知",
                    "format version {v} is not known"
                ));
            }
            Event::User { name, digest, .. } => _ = self.users.insert(name, digest),
            Event::Contacts {
                group,
                members,
                root,
                ..
            } => _ = self.groups.insert(group, (members, root)),
            Event::Nested {
                group, children, ..
            } => {
                self.nested.insert(group, children.into_iter().collect());
            }
            Event::Suppression {
                seq,
                by,
                reason,
                digest,
            } => {
                self.draw("suppression", seq);
                self.suppressions
                    .insert(seq, Suppression { by, reason, digest });
            }
            Event::Unsuppressed { seq, .. } => {
                self.suppressions
                    .remove(&seq)
                    .ok_or_else(|| unknown("suppression", seq))?;
            }
            Event::Campaign {
                by,
                act,
                campaign,
                state,
                digest,
                reason,
            } => {
                let known = self.campaigns.entry(campaign).or_insert_with(Campaign::new);
                let run = self
                    .just_frozen
                    .filter(|(whose, entry, _)| *whose == campaign && *entry == at.entry)
                    .map(|(_, _, run)| run);
                known.act(by, act, reason, run, at.time);
                (known.state, known.digest, known.changed) = (state, digest, at.time);
                self.just_frozen = None;
            }
            Event::Plan {
                by, plan, digest, ..
            } => _ = self.plans.insert(plan, (by, digest, at.time)),
            Event::Forecast { campaign, rows, .. } => {
                let rows = rows.into_iter().map(|row| {
                    let key = (campaign, row.slot, row.gateway.clone());
                    (key, (row, at.time))
                });
                self.forecasts.extend(rows);
            }
            Event::Frozen {
                run,
                campaign,
                terms,
                lanes,
                suppressed,
            } => {
                self.frozen(at, run, campaign, terms, lanes, &suppressed)?;
            }
            Event::Run {
                act,
                run,
                intent,
                reason,
                part_ref,
                ..
            } => self.run(at, act, run, (intent, reason), part_ref)?,
            Event::Claimed {
                claim,
                span,
                part,
                gateway,
                node,
                attempt,
                first,
                stride,
                again,
                batch,
            } => {
                let claim = Claim {
                    id: claim,
                    span,
                    part,
                    gateway,
                    node,
                    attempt,
                    first,
                    stride,
                    at: at.time,
                    batch,
                    left_out: Vec::new(),
                };
                self.claimed(claim, again)?;
            }
            Event::Closed { claim, lane } => match self.claims.remove(&claim) {
                Some(known) if known.span.lane == lane => {}
                _ => {
                    return Err(bilingual!(
                        "没有未结的领取 {claim}",
                        "claim {claim} is not open"
                    ));
                }
            },
            Event::Released {
                span,
                part,
                gateway,
                attempt,
                due,
            } => {
                let range = Requeued {
                    span,
                    part,
                    gateway,
                    attempt,
                    due,
                };
                lane_of(&mut self.lanes, span)?.release(at.entry, range, &mut self.words)?;
            }
            Event::Ended { span, reason } => lane_of(&mut self.lanes, span)?.end(span, reason)?,
            Event::M {
                m,
                p,
                part,
                of,
                change,
                s,
                ..
            } => {
                let event = MessageEvent {
                    entry: at.entry,
                    previous: p,
                    part,
                    of,
                    change: &change,
                    state: s,
                };
                self.message(at, m, &event)?;
            }
            Event::Orphan {
                orphan,
                gateway,
                digest,
            } => {
                self.draw("orphan", orphan.0);
                let arrival = Arrival {
                    gateway: gateway.0,
                    opt_out: false,
                    digest,
                    at: at.time,
                };
                self.orphans.insert(orphan, arrival);
            }
            Event::Matched { orphan, m } => {
                self.orphans
                    .remove(&orphan)
                    .ok_or_else(|| unknown("orphan", orphan))?;
                self.known(m)?;
            }
            Event::Heard { m, .. } => self.known(m)?,
            Event::Mo {
                mo,
                gateway,
                opt_out,
                digest,
            } => {
                self.draw("mo", mo);
                self.mos.insert(
                    mo,
                    Arrival {
                        gateway: gateway.0,
                        opt_out,
                        digest,
                        at: at.time,
                    },
                );
            }
            Event::Graced { m, part } => {
                self.doubts
                    .get_mut(&(m, part))
                    .ok_or_else(|| unknown("doubt", m))?
                    .grace_over = true;
            }
            Event::Reserved { span, day } => {
                let lane = lane_of(&mut self.lanes, span)?;
                lane.reserve(span)?;
                if let Some(run) = self.runs.get_mut(&lane.run).filter(|r| r.day.is_none()) {
                    run.day = Some(day);
                }
            }
            Event::GivenBack { span } => lane_of(&mut self.lanes, span)?.give_back(span)?,
            Event::Erased { m, .. } => {
                self.known(m)?;
                if let Some(lane) = self.lanes.get_mut(&m.lane()) {
                    lane.messages.erase(m.position());
                }
            }
            Event::Stop { act, reason, .. } => match act {
                StopAct::Stop => self.halt.stopped = Some(at.time),
                StopAct::Hold => self.halt.held = reason,
                StopAct::Release => self.halt = Halt::default(),
                StopAct::Count => {}
            },
            Event::Order {
                act,
                order,
                state,
                digest,
                number,
                rows,
                ..
            } => {
                if let Some(highest) = rows.iter().map(|r| r.n).max() {
                    self.draw("order_part", highest);
                }
                let known = KnownOrder {
                    state,
                    digest,
                    changed_us: at.time.0,
                };
                self.orders
                    .apply(order.to_string(), &act, known, number, rows)?;
            }
            Event::Staff { name, carrier, .. } => _ = self.orders.staff.insert(name, carrier),
            Event::Engine { .. } | Event::Acceptance { .. } | Event::Seen { .. } => {}
        }
        Ok(())
    }

    fn draw(&mut self, counter: &'static str, n: i64) {
        let highest = self.drawn.entry(counter).or_default();
        *highest = n.max(*highest);
    }

    fn frozen(
        &mut self,
        at: At,
        run: RunId,
        campaign: CampaignId,
        terms: Terms,
        lanes: Vec<FrozenLane>,
        suppressed: &[SuppressedSpan],
    ) -> Applied {
        self.just_frozen = Some((campaign, at.entry, run));
        for lane in &lanes {
            self.draw("lane", lane.lane.0);
            let new = Lane::new(run, lane)?;
            if self.lanes.insert(lane.lane, new).is_some() {
                return Err(bilingual!(
                    "通道队列 {} 重复",
                    "lane {} was frozen before",
                    lane.lane
                ));
            }
        }
        for part in suppressed {
            let lane = lane_of(&mut self.lanes, part.span)?;
            for position in part.span.from..part.span.to {
                lane.messages
                    .suppress(position, part.reason.as_str(), &mut self.words);
            }
        }
        let new = Run {
            campaign,
            late: terms.late,
            terms,
            lanes,
            intent: Intent::Go,
            reason: String::new(),
            frozen: at.time,
            approved: None,
            opened: None,
            closed: None,
            day: None,
            part_ref: 0,
        };
        match self.runs.insert(run, new) {
            None => Ok(()),
            Some(_) => Err(bilingual!("批次 {run} 重复", "run {run} was frozen before")),
        }
    }

    fn run(
        &mut self,
        at: At,
        act: RunAct,
        id: RunId,
        (intent, reason): (Intent, String),
        part_ref: Option<u8>,
    ) -> Applied {
        let run = self.runs.get_mut(&id).ok_or_else(|| unknown("run", id))?;
        run.intent = intent;
        let once = |known: &mut Option<Micros>| _ = known.get_or_insert(at.time);
        match act {
            RunAct::Approve => once(&mut run.approved),
            RunAct::Finish => once(&mut run.closed),
            RunAct::Miss => {
                once(&mut run.closed);
                run.reason = reason;
            }
            // A person lets it go: being late is no reason to stop any more.
            RunAct::Resume | RunAct::Release => {
                run.late = Late::Send;
                run.reason = reason;
            }
            RunAct::Open => {
                once(&mut run.opened);
                run.part_ref = part_ref.unwrap_or(0);
            }
            RunAct::Pause | RunAct::Hold | RunAct::Cancel => run.reason = reason,
        }
        Ok(())
    }

    fn claimed(&mut self, claim: Claim, again: bool) -> Applied {
        let (id, lane) = (claim.id, claim.span.lane);
        let lane = self
            .lanes
            .get_mut(&lane)
            .ok_or_else(|| unknown("lane", lane))?;
        lane.claim(&claim, again)?;
        // Numbers are drawn in the order of the entries.
        if self.drawn.get("claim").is_some_and(|&last| id.0 <= last) {
            return Err(bilingual!("领取 {id} 重复", "claim {id} was made before"));
        }
        self.draw("claim", id.0);
        self.claims.insert(id, claim);
        Ok(())
    }

    /// The message must stand in a frozen lane.
    fn known(&self, m: MessageId) -> Applied {
        let size = self.lanes.get(&m.lane()).map_or(0, |l| l.size);
        if (0..size).contains(&m.position()) {
            Ok(())
        } else {
            Err(unknown("message", m))
        }
    }

    fn message(&mut self, at: At, m: MessageId, event: &MessageEvent<'_>) -> Applied {
        self.known(m)?;
        let lane = self
            .lanes
            .get_mut(&m.lane())
            .ok_or_else(|| unknown("message", m))?;
        let (before, after) = lane
            .messages
            .apply(m.position(), event, &mut self.words)
            .map_err(|why| bilingual!([why] "短信 {m}：{why}", "message {m}: {why}"))?;
        if event.change.is_answer() {
            lane.sent = Some(at.time);
        }
        for (k, (was, is)) in (0..).zip(before.parts.iter().zip(&after.parts)) {
            let key = (m, k);
            match (was.is_doubt(), is.is_doubt()) {
                (false, true) => {
                    let doubt = Doubt {
                        since: at.time,
                        grace_over: false,
                    };
                    self.doubts.insert(key, doubt);
                }
                (true, false) => _ = self.doubts.remove(&key),
                _ => {}
            }
        }
        Ok(())
    }
}

fn lane_of(lanes: &mut BTreeMap<LaneId, Lane>, span: Span) -> Result<&mut Lane, Bilingual> {
    let lane = lanes
        .get_mut(&span.lane)
        .ok_or_else(|| unknown("lane", span.lane))?;
    if 0 <= span.from && span.from <= span.to && span.to <= lane.size {
        Ok(lane)
    } else {
        Err(bilingual!(
            "区间超出队列",
            "the range is not within the lane"
        ))
    }
}
