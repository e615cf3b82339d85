//! When runs will be through: the engine's rule played ahead. At each gateway the most urgent run goes
//! first, among equals the older one; whoever may go goes, at the rate that the pacer lets out.
//!
//! Segments are a fluid here: one gateway's work is counted in the microseconds that it takes, so all
//! sums are exact and nothing drifts. What no forecast knows is left out: carriers that are slow, links
//! that are down, a window that is smaller than the rate needs.

use std::collections::BTreeMap;

use chrono::{Datelike as _, Days, NaiveDate, NaiveTime};
use serde::Serialize;

use super::{
    bilingual::{labelled_facts, labels},
    hours::{Hours, Window, instant},
    id::GatewayId,
    priority::Priority,
    time::Micros,
};

/// A second's worth of the contract leaves in a second, and then the pacer's ring keeps silent so long,
/// in microseconds (`gateway::pacer::WINDOW` is a second and this).
pub const PAUSE_US: i64 = 25_000;

/// A second of work.
const SECOND_US: i64 = 1_000_000;

/// From the instant at which a run may go to its first segment: the engine wakes, opens it, claims and
/// writes, and the carrier answers. Measured in the demo on two cores with SQLite, as the end of small runs.
pub const LATENCY_US: i64 = 2_000;

/// People whose daily limits the engine reserves in one commit before their runs open.
pub const RESERVE_PEOPLE: i64 = 500;

/// Such a commit, full, with the look before it. Measured likewise.
pub const RESERVE_US: i64 = 10_000;

/// What a quota is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// One of the office's days.
    Day,
    /// A month.
    Month,
}

labels!(Period { Day: "当日", "daily"; Month: "当月", "monthly" });

labelled_facts!(Period);

impl Period {
    /// Its first day.
    pub fn of(self, day: NaiveDate) -> NaiveDate {
        match self {
            Self::Day => day,
            Self::Month => day.with_day(1).unwrap_or(day),
        }
    }
}

/// What a gateway's contract allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// The gateway whose contract this is.
    pub gateway: GatewayId,
    /// Segments a second by contract; see [`PAUSE_US`].
    pub rate: u32,
    /// Price of a segment in millionths of the currency.
    pub price: i64,
    /// Segments a day; 0: no limit.
    pub daily_quota: i64,
    /// Segments a month; 0: no limit.
    pub monthly_quota: i64,
}

impl Contract {
    /// How long so many segments take at full pace, in microseconds.
    fn work(&self, segments: i64) -> i64 {
        let us = i128::from(segments) * i128::from(SECOND_US) / i128::from(self.rate.max(1));
        i64::try_from(us).unwrap_or(i64::MAX)
    }
}

/// The part of a run that goes through one gateway: what is still to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The gateway that takes this part.
    pub gateway: GatewayId,
    /// How many recipients go through it.
    pub people: i64,
    /// Their segments.
    pub segments: i64,
}

/// A run that is to be forecast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// What people call it.
    pub label: String,
    /// When it fires; for one that is under way: now.
    pub slot: Micros,
    /// How urgent.
    pub priority: Priority,
    /// Its place among equally urgent ones: the order of freezing.
    pub order: u64,
    /// Nothing of it goes after.
    pub not_after: Option<Micros>,
    /// Its lanes are open already: nothing to reserve any more.
    pub is_open: bool,
    /// What goes where.
    pub shares: Vec<Share>,
}

impl Load {
    /// From when on it may go.
    fn opens(&self, hours: &Hours) -> Micros {
        hours.opens(self.slot, self.priority)
    }

    /// People whose daily limits are reserved before it opens. Urgent runs reserve nothing.
    fn reserves(&self) -> i64 {
        match (self.is_open, self.priority) {
            (true, _) | (_, Priority::Urgent) => 0,
            (false, Priority::Normal | Priority::Bulk) => {
                self.shares.iter().map(|s| s.people).sum()
            }
        }
    }
}

/// From when on each load's segments can go: of those that may go from the same instant on, the limits are
/// reserved one after the other, the most urgent and oldest first, and a commit is filled up with the next one's.
fn ready(loads: &[Load], hours: &Hours) -> Vec<Micros> {
    let opens: Vec<Micros> = loads.iter().map(|l| l.opens(hours)).collect();
    let mut all: BTreeMap<Micros, i64> = BTreeMap::new();
    for (load, opens) in loads.iter().zip(&opens) {
        *all.entry(*opens).or_default() += load.reserves();
    }
    let mut order: Vec<usize> = (0..loads.len()).collect();
    order.sort_by_key(|n| (loads[*n].priority, loads[*n].order, *n));
    let mut reserved: BTreeMap<Micros, i64> = BTreeMap::new();
    let mut ready = opens.clone();
    for n in order {
        let mine = loads[n].reserves();
        let so_far = reserved.entry(opens[n]).or_default();
        *so_far += mine;
        let full = (*so_far + RESERVE_PEOPLE - 1) / RESERVE_PEOPLE * RESERVE_PEOPLE;
        let people = if mine > 0 {
            full.min(all[&opens[n]])
        } else {
            0
        };
        let latency = if loads[n].is_open { 0 } else { LATENCY_US };
        let delay = latency + RESERVE_US * people / RESERVE_PEOPLE;
        ready[n] = Micros(opens[n].0.saturating_add(delay));
    }
    ready
}

/// How a run's part at one gateway goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Which gateway.
    pub gateway: GatewayId,
    /// How many recipients pass.
    pub people: i64,
    /// How many segments pass.
    pub segments: i64,
    /// When its first segment goes; `None`: none ever does.
    pub starts: Option<Micros>,
    /// When its last segment is handed over: of those that go.
    pub ends: Option<Micros>,
    /// Segments that do not fit before its not-after.
    pub left_segments: i64,
    /// About so many people are left without.
    pub left_people: i64,
    /// What the segments that go cost, in millionths of the currency.
    pub cost: i64,
    /// Segments by the office's days.
    pub days: Vec<(NaiveDate, i64)>,
}

/// A run's forecast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// What people call it.
    pub label: String,
    /// When it fires.
    pub slot: Micros,
    /// By gateway.
    pub passages: Vec<Passage>,
}

impl Course {
    /// When its first segment goes.
    pub fn starts(&self) -> Option<Micros> {
        self.passages.iter().filter_map(|p| p.starts).min()
    }

    /// When its last segment is handed over.
    pub fn ends(&self) -> Option<Micros> {
        self.passages.iter().filter_map(|p| p.ends).max()
    }

    /// Its segments.
    pub fn segments(&self) -> i64 {
        self.passages.iter().map(|p| p.segments).sum()
    }

    /// What it costs, in millionths of the currency.
    pub fn cost(&self) -> i64 {
        self.passages.iter().map(|p| p.cost).sum()
    }

    /// Segments that do not fit before its not-after.
    pub fn left_segments(&self) -> i64 {
        self.passages.iter().map(|p| p.left_segments).sum()
    }
}

/// Plays the engine's rule ahead: each load's course, in the order of the loads. A share whose gateway
/// has no contract (it is not configured any more) never goes.
pub fn simulate(loads: &[Load], contracts: &[Contract], hours: &Hours) -> Vec<Course> {
    let mut courses: Vec<Course> = loads
        .iter()
        .map(|load| Course {
            label: load.label.clone(),
            slot: load.slot,
            passages: load.shares.iter().map(unsent).collect(),
        })
        .collect();
    let ready = ready(loads, hours);
    for contract in contracts {
        let mut lanes: Vec<Lane> = loads
            .iter()
            .enumerate()
            .zip(&ready)
            .flat_map(|((run, load), ready)| {
                let shares = load.shares.iter().enumerate();
                shares
                    .filter(|(_, s)| s.gateway == contract.gateway && s.segments > 0)
                    .map(move |(share, s)| Lane::new((run, share), load, *ready, s, contract))
            })
            .collect();
        play(&mut lanes, hours);
        for lane in lanes {
            let (run, share) = lane.place;
            let passage = &mut courses[run].passages[share];
            lane.report_to(passage, contract);
        }
    }
    courses
}

fn unsent(share: &Share) -> Passage {
    Passage {
        gateway: share.gateway.clone(),
        people: share.people,
        segments: share.segments,
        starts: None,
        ends: None,
        left_segments: share.segments,
        left_people: share.people,
        cost: 0,
        days: Vec::new(),
    }
}

/// A share at its gateway.
#[derive(Debug)]
struct Lane {
    /// Which load's which share.
    place: (usize, usize),
    priority: Priority,
    order: u64,
    ready: Micros,
    not_after: Micros,
    /// All its work, and what is done of it.
    work: i64,
    done: i64,
    starts: Option<Micros>,
    ends: Option<Micros>,
    /// Work done by the end of each day on which it went.
    days: Vec<(NaiveDate, i64)>,
}

impl Lane {
    fn new(
        place: (usize, usize),
        load: &Load,
        ready: Micros,
        share: &Share,
        contract: &Contract,
    ) -> Self {
        Self {
            place,
            priority: load.priority,
            order: load.order,
            ready,
            not_after: load.not_after.unwrap_or(Micros(i64::MAX)),
            work: contract.work(share.segments).max(1),
            done: 0,
            starts: None,
            ends: None,
            days: Vec::new(),
        }
    }

    fn waits(&self, now: Micros) -> bool {
        self.done < self.work && now < self.not_after
    }

    /// Goes from `now` for so long.
    fn go(&mut self, now: Micros, span: i64, hours: &Hours) {
        self.starts.get_or_insert(now);
        self.done += span;
        self.ends = Some(Micros(now.0 + span));
        let day = now.local(hours.zone).date_naive();
        match self.days.last_mut() {
            Some((last, done)) if *last == day => *done = self.done,
            _ => self.days.push((day, self.done)),
        }
    }

    /// Work as segments: whole ones only, until all is done.
    fn segments(&self, done: i64, all: i64) -> i64 {
        let whole = i128::from(done) * i128::from(all) / i128::from(self.work);
        i64::try_from(whole).unwrap_or(all)
    }

    fn report_to(&self, passage: &mut Passage, contract: &Contract) {
        let all = passage.segments;
        let sent = self.segments(self.done, all);
        passage.starts = self.starts;
        // The last one goes at the beginning of its place in the flow, not at the end.
        let last = Micros(self.ends.map_or(0, |t| t.0) - contract.work(1));
        passage.ends = self.starts.map(|first| first.max(last));
        passage.left_segments = all - sent;
        // Somebody whose message goes in part only is left without, too.
        let left = i128::from(passage.people) * i128::from(all - sent);
        let left = (left + i128::from(all) - 1) / i128::from(all.max(1));
        passage.left_people = i64::try_from(left).unwrap_or(passage.people);
        passage.cost = sent.saturating_mul(contract.price);
        let mut before = 0;
        for (day, done) in &self.days {
            let by_then = self.segments(*done, all);
            passage.days.push((*day, by_then - before));
            before = by_then;
        }
    }
}

/// One gateway from the first event to the last.
fn play(lanes: &mut [Lane], hours: &Hours) {
    let Some(mut now) = lanes.iter().map(|l| l.ready).min() else {
        return;
    };
    // Work of the second under way: at its end the ring keeps silent.
    let mut second = 0;
    loop {
        let is_open = matches!(hours.may_send(now, Priority::Normal), Window::Open);
        let next = lanes
            .iter()
            .enumerate()
            .filter(|(_, l)| l.waits(now) && l.ready <= now)
            .filter(|(_, l)| is_open || l.priority == Priority::Urgent)
            .min_by_key(|(_, l)| (l.priority, l.order, l.place))
            .map(|(at, _)| at);
        let Some(until) = next_event(lanes, now, hours) else {
            return;
        };
        match next {
            Some(at) => {
                let lane = &mut lanes[at];
                let span = (lane.work - lane.done)
                    .min(until.0 - now.0)
                    .min(lane.not_after.0 - now.0)
                    .min(SECOND_US - second);
                lane.go(now, span, hours);
                now = Micros(now.0 + span);
                second += span;
                if second == SECOND_US {
                    (now, second) = (Micros(now.0 + PAUSE_US), 0);
                }
            }
            None => (now, second) = (until, 0),
        }
    }
}

/// When the choice may be another one without any lane being done: somebody gets ready, the window
/// turns, the day turns. `None`: nobody waits any more.
fn next_event(lanes: &[Lane], now: Micros, hours: &Hours) -> Option<Micros> {
    let mut waiting = lanes.iter().filter(|l| l.waits(now)).peekable();
    waiting.peek()?;
    let window = match hours.may_send(now, Priority::Normal) {
        Window::Open => hours.closes_at(now),
        Window::OpensAt(at, _) => Some(at),
    };
    let mut ready = None;
    let mut is_anybody_ready = false;
    for lane in waiting {
        if lane.ready > now {
            ready = Some(ready.map_or(lane.ready, |r: Micros| r.min(lane.ready)));
        } else {
            is_anybody_ready = true;
        }
    }
    // While nobody is ready the window and the days may turn unseen.
    let turns = is_anybody_ready.then(|| [window, Some(midnight_after(now, hours))]);
    let turns = turns.into_iter().flatten().flatten();
    ready.into_iter().chain(turns).filter(|t| *t > now).min()
}

/// The beginning of the office's next day.
fn midnight_after(now: Micros, hours: &Hours) -> Micros {
    let today = now.local(hours.zone).date_naive();
    let next = today
        .checked_add_days(Days::new(1))
        .unwrap_or(NaiveDate::MAX);
    instant(next.and_time(NaiveTime::MIN), hours.zone)
}

#[cfg(test)]
mod tests;
