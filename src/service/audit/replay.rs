//! The projections as they follow from the ledger alone: events in, what the tables should hold out.
//! It mirrors what the recorder and the services write; no table is read here.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    difference::{Say, say},
    foretold::Foretold,
    known::{Arrival, Campaign, Doubt, Genesis, Halt, Run, Suppression},
    orders::{KnownOrder, Orders},
    queue::Lane,
    standing::{News, Words},
};
use crate::{
    domain::{
        event::{Event, FrozenLane, Span, SuppressedSpan, Terms},
        id::{CampaignId, MessageId, RunId},
    },
    store::lane::{AgainRow, ClaimRow},
};

/// Where an event stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub(super) entry: u32,
    pub(super) time_us: i64,
}

/// Everything that follows from the entries so far.
#[derive(Debug, Default)]
pub(super) struct Replay {
    pub(super) genesis: Option<Genesis>,
    pub(super) halt: Halt,
    pub(super) lanes: BTreeMap<i64, Lane>,
    pub(super) runs: BTreeMap<String, Run>,
    pub(super) campaigns: BTreeMap<String, Campaign>,
    pub(super) users: BTreeMap<String, String>,
    pub(super) groups: BTreeMap<String, (i64, String)>,
    pub(super) nested: BTreeMap<String, BTreeSet<String>>,
    pub(super) suppressions: BTreeMap<i64, Suppression>,
    pub(super) orphans: BTreeMap<i64, Arrival>,
    pub(super) mos: BTreeMap<i64, Arrival>,
    pub(super) claims: BTreeMap<i64, ClaimRow>,
    pub(super) doubts: BTreeMap<(i64, i64), Doubt>,
    /// The highest number drawn, by counter.
    pub(super) drawn: BTreeMap<&'static str, i64>,
    pub(super) words: Words,
    /// The campaign whose run was frozen just before, in which entry, and the run.
    handed_in: Option<(CampaignId, u32, RunId)>,
    /// Plans' digests, by name.
    pub(super) plans: BTreeMap<String, (String, String, i64)>,
    /// Forecasts as they were told.
    pub(super) foretold: Foretold,
    /// Carriers' work orders.
    pub(super) orders: Orders,
    /// The entries' times, by number.
    pub(super) times: Vec<i64>,
}

/// An event the rules don't admit.
type Heard = Result<(), Say>;

fn unknown(what: &str, id: impl std::fmt::Display) -> Say {
    say(
        format!("提到台账中没有的 {what} {id}"),
        format!("names {what} {id}, which the ledger has not"),
    )
}

impl Replay {
    /// One line of an entry.
    pub(super) fn line(&mut self, at: At, line: &str) -> Heard {
        let event = serde_json::from_str(line).map_err(|e| {
            say(
                format!("不是已知的事件（{e}）"),
                format!("is no event that this version knows ({e})"),
            )
        })?;
        if self.genesis.is_none() != matches!(event, Event::Genesis { .. }) {
            return Err(say(
                "genesis 只能是第一个事件",
                "the chain begins with genesis, and only once",
            ));
        }
        self.event(at, event)
    }

    fn event(&mut self, at: At, event: Event) -> Heard {
        match event {
            Event::Genesis {
                v: 1,
                installation,
                practice,
            } => {
                self.genesis = Some(Genesis {
                    installation,
                    practice,
                    at_us: at.time_us,
                });
            }
            Event::Genesis { v, .. } => {
                return Err(say(
                    format!("格式版本 {v} 未知"),
                    format!("format version {v} is not known"),
                ));
            }
            Event::User { name, digest, .. } => _ = self.users.insert(name, digest),
            Event::Contacts {
                group,
                members,
                root,
                ..
            } => _ = self.groups.insert(group.to_string(), (members, root)),
            Event::Nested {
                group, children, ..
            } => {
                self.nested.insert(
                    group.to_string(),
                    children.iter().map(ToString::to_string).collect(),
                );
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
                let known = self.campaigns.entry(campaign.to_string()).or_default();
                let run = self
                    .handed_in
                    .filter(|(whose, entry, _)| *whose == campaign && *entry == at.entry)
                    .map(|(_, _, run)| run.to_string());
                known.act(by, &act, reason, run, at.time_us);
                (known.state, known.digest, known.changed_us) = (state, digest, at.time_us);
                self.handed_in = None;
            }
            Event::Plan {
                by, plan, digest, ..
            } => _ = self.plans.insert(plan, (by, digest, at.time_us)),
            Event::Forecast { campaign, rows, .. } => {
                let rows = rows.into_iter().map(|row| {
                    let key = (campaign.to_string(), row.slot, row.gateway.0.clone());
                    (key, (row, at.time_us))
                });
                self.foretold.extend(rows);
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
            } => self.run(at, &act, run, intent, reason, part_ref)?,
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
                let row = ClaimRow {
                    id: claim,
                    lane_id: span.lane.0,
                    from: span.from,
                    to: span.to,
                    part,
                    gateway: gateway.0,
                    node,
                    attempt,
                    first,
                    stride,
                    at_us: at.time_us,
                    batch,
                    left_out: String::new(),
                };
                self.claimed(row, again)?;
            }
            Event::Closed { claim, lane } => match self.claims.remove(&claim) {
                Some(row) if row.lane_id == lane.0 => {}
                _ => {
                    return Err(say(
                        format!("没有未结的领取 {claim}"),
                        format!("claim {claim} is not open"),
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
                let row = AgainRow {
                    lane_id: span.lane.0,
                    from: span.from,
                    to: span.to,
                    part,
                    gateway: gateway.0,
                    attempt,
                    due_us: due,
                };
                lane_of(&mut self.lanes, span)?.release(at.entry, row, &mut self.words)?;
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
                let news = News {
                    entry: at.entry,
                    previous: p,
                    part,
                    of,
                    change: &change,
                    state: s,
                };
                self.message(at, m, &news)?;
            }
            Event::Orphan {
                orphan,
                gateway,
                digest,
            } => {
                self.draw("orphan", orphan);
                let arrival = Arrival {
                    gateway: gateway.0,
                    opt_out: false,
                    digest,
                    at_us: at.time_us,
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
                        at_us: at.time_us,
                    },
                );
            }
            Event::Graced { m, part } => {
                self.doubts
                    .get_mut(&(m.0, part))
                    .ok_or_else(|| unknown("doubt", m))?
                    .graced = true;
            }
            Event::Reserved { span, day } => {
                let lane = lane_of(&mut self.lanes, span)?;
                lane.reserve(span)?;
                if let Some(run) = self.runs.get_mut(&lane.run).filter(|r| r.day.is_empty()) {
                    run.day = day;
                }
            }
            Event::GivenBack { span } => lane_of(&mut self.lanes, span)?.give_back(span)?,
            Event::Erased { m, .. } => {
                self.known(m)?;
                if let Some(lane) = self.lanes.get_mut(&m.lane().0) {
                    lane.messages.erase(m.position());
                }
            }
            Event::Stop { act, reason, .. } => match act.as_str() {
                "stopped" => self.halt.stopped_us = at.time_us,
                "held" => self.halt.held = reason,
                "released" => self.halt = Halt::default(),
                _ => {}
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
                    changed_us: at.time_us,
                };
                self.orders
                    .heard(order.to_string(), &act, known, number, rows)?;
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
    ) -> Heard {
        let id = run.to_string();
        self.handed_in = Some((campaign, at.entry, run));
        for lane in &lanes {
            self.draw("lane", lane.lane.0);
            let new = Lane::new(&id, lane)?;
            if self.lanes.insert(lane.lane.0, new).is_some() {
                return Err(say(
                    format!("通道队列 {} 重复", lane.lane),
                    format!("lane {} was frozen before", lane.lane),
                ));
            }
        }
        for part in suppressed {
            let lane = lane_of(&mut self.lanes, part.span)?;
            for position in part.span.from..part.span.to {
                lane.messages
                    .suppress(position, &part.reason, &mut self.words);
            }
        }
        let new = Run {
            campaign: campaign.to_string(),
            late: terms.late.clone(),
            terms,
            lanes,
            intent: "go".to_owned(),
            reason: String::new(),
            frozen_us: at.time_us,
            approved_us: 0,
            opened_us: 0,
            closed_us: 0,
            day: String::new(),
            part_ref: 0,
        };
        match self.runs.insert(id, new) {
            None => Ok(()),
            Some(_) => Err(say(
                format!("批次 {run} 重复"),
                format!("run {run} was frozen before"),
            )),
        }
    }

    fn run(
        &mut self,
        at: At,
        act: &str,
        id: RunId,
        intent: String,
        reason: String,
        part_ref: Option<i64>,
    ) -> Heard {
        let run = self
            .runs
            .get_mut(&id.to_string())
            .ok_or_else(|| unknown("run", id))?;
        run.intent = intent;
        let once = |at_us: &mut i64| {
            if *at_us == 0 {
                *at_us = at.time_us;
            }
        };
        match act {
            "approved" => once(&mut run.approved_us),
            "done" => once(&mut run.closed_us),
            "missed" => {
                once(&mut run.closed_us);
                run.reason = reason;
            }
            // A person lets it go: being late is no reason to stop any more.
            "resumed" | "released" => {
                run.late = "send".to_owned();
                run.reason = reason;
            }
            "opened" => {
                once(&mut run.opened_us);
                run.part_ref = part_ref.unwrap_or(0);
            }
            _ => run.reason = reason,
        }
        Ok(())
    }

    fn claimed(&mut self, row: ClaimRow, again: bool) -> Heard {
        let lane = self
            .lanes
            .get_mut(&row.lane_id)
            .ok_or_else(|| unknown("lane", row.lane_id))?;
        lane.claim(&row, again)?;
        // Numbers are drawn in the order of the entries.
        if self.drawn.get("claim").is_some_and(|&last| row.id <= last) {
            return Err(say(
                format!("领取 {} 重复", row.id),
                format!("claim {} was made before", row.id),
            ));
        }
        self.draw("claim", row.id);
        self.claims.insert(row.id, row);
        Ok(())
    }

    /// The message must stand in a frozen lane.
    fn known(&self, m: MessageId) -> Heard {
        let size = self.lanes.get(&m.lane().0).map_or(0, |l| l.size);
        if (0..size).contains(&m.position()) {
            Ok(())
        } else {
            Err(unknown("message", m))
        }
    }

    fn message(&mut self, at: At, m: MessageId, news: &News<'_>) -> Heard {
        self.known(m)?;
        let lane = self
            .lanes
            .get_mut(&m.lane().0)
            .ok_or_else(|| unknown("message", m))?;
        let (before, after) = lane
            .messages
            .hear(m.position(), news, &mut self.words)
            .map_err(|s| {
                say(
                    format!("短信 {m}：{}", s.zh),
                    format!("message {m}: {}", s.en),
                )
            })?;
        if news.change.is_answer() {
            lane.sent_us = at.time_us;
        }
        for (k, (was, is)) in before.parts.iter().zip(&after.parts).enumerate() {
            let key = (m.0, k as i64);
            match (was.is_doubt(), is.is_doubt()) {
                (false, true) => {
                    let doubt = Doubt {
                        since_us: at.time_us,
                        graced: false,
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

fn lane_of(lanes: &mut BTreeMap<i64, Lane>, span: Span) -> Result<&mut Lane, Say> {
    let lane = lanes
        .get_mut(&span.lane.0)
        .ok_or_else(|| unknown("lane", span.lane))?;
    if 0 <= span.from && span.from <= span.to && span.to <= lane.size {
        Ok(lane)
    } else {
        Err(say("区间超出队列", "the range is not within the lane"))
    }
}
