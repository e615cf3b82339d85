//! What a simulated carrier makes of its orders: all its answers follow from the requests, their times, and the
//! time it is asked at.

use std::{collections::BTreeMap, fmt::Write as _};

use axum::http::StatusCode;
use chrono::{NaiveDate, NaiveTime, TimeZone as _};
use sha2::{Digest as _, Sha256};

use super::OrderSettings;
use crate::{
    domain::{
        hours::HourMinute,
        id::OrderId,
        schedule::Span,
        time::Micros,
        work_order::{command::CommandAct, confusable, on_the_phone},
    },
    random::SplitMix64,
    work_orders::protocol::{
        CarrierState, Command, Planned, Request, Standing, WireFigures, WirePiece, WireProof,
        text_digest,
    },
};

/// When it reports, on the office's clock.
const REPORTS: [(u32, u32); 2] = [(11, 0), (17, 0)];

/// From its last figures to its evidence.
const EVIDENCE_S: i64 = 3_600;

/// Why a request is refused.
#[derive(Debug)]
pub(super) struct Refused(pub(super) StatusCode, pub(super) String);

/// All its orders.
#[derive(Debug)]
pub(super) struct OrderBook {
    orders: BTreeMap<OrderId, SimulatedOrder>,
    dice: SplitMix64,
}

impl Default for OrderBook {
    fn default() -> Self {
        Self::new(1)
    }
}

#[derive(Debug)]
struct SimulatedOrder {
    request: Request,
    revision: i64,
    taken: Micros,
    /// When the text last came.
    asked: Micros,
    released: Option<Micros>,
    withdrawn: Option<Micros>,
    /// What its hand makes of the text in each round.
    rounds: Vec<(i64, String)>,
}

impl OrderBook {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            orders: BTreeMap::new(),
            dice: SplitMix64::new(seed),
        }
    }

    pub(super) fn apply(
        &mut self,
        settings: &OrderSettings,
        now: Micros,
        command: &Command,
    ) -> Result<(), Refused> {
        let no = |words: &str| Err(Refused(StatusCode::CONFLICT, words.to_owned()));
        if command.act == CommandAct::Create {
            let Some(request) = &command.request else {
                return Err(Refused(
                    StatusCode::BAD_REQUEST,
                    "an order without its text".to_owned(),
                ));
            };
            check(settings, request)?;
            if self.orders.contains_key(&command.order) {
                return no("the order is here already");
            }
            let order = SimulatedOrder {
                request: request.clone(),
                revision: command.revision,
                taken: now,
                asked: now,
                released: None,
                withdrawn: None,
                rounds: Vec::new(),
            };
            self.orders.insert(command.order, order);
            return Ok(());
        }
        let Some(order) = self.orders.get_mut(&command.order) else {
            return Err(Refused(StatusCode::NOT_FOUND, "no such order".to_owned()));
        };
        if order.withdrawn.is_some() {
            return no("the order was withdrawn");
        }
        match (command.act, &command.request) {
            (CommandAct::Correct, Some(request)) => {
                check(settings, request)?;
                order.request = request.clone();
                order.revision = command.revision;
                order.asked = now;
                order.released = None;
            }
            (CommandAct::Release, _) if command.revision != order.revision => {
                return no("another revision is here");
            }
            (CommandAct::Release, _) => order.released = Some(now),
            (CommandAct::Withdraw, _) => order.withdrawn = Some(now),
            (CommandAct::Correct | CommandAct::Create, _) => {
                return no("a correction without its text");
            }
        }
        Ok(())
    }

    pub(super) fn standing(
        &mut self,
        settings: &OrderSettings,
        now: Micros,
        id: OrderId,
        slips: &mut u64,
    ) -> Option<Standing> {
        let order = self.orders.get_mut(&id)?;
        let mut standing = Standing {
            order: id,
            revision: order.revision,
            state: CarrierState::Received,
            reason: String::new(),
            planned: None,
            proofs: Vec::new(),
            counts: Vec::new(),
            evidence: Vec::new(),
            ask_again_at: None,
        };
        let decides = after(order.taken, settings.acknowledges_after);
        if settings.silent || now < decides {
            standing.ask_again_at = (!settings.silent).then_some(decides);
            return Some(standing);
        }
        if let Some(words) = &settings.refuses {
            standing.state = CarrierState::Refused;
            words.clone_into(&mut standing.reason);
            return Some(standing);
        }
        standing.state = CarrierState::Acknowledged;
        standing.planned = order.plan(settings);
        let proofs = after(order.asked.max(decides), settings.proofs_after);
        if now >= proofs
            && order
                .rounds
                .last()
                .is_none_or(|(r, _)| *r != order.revision)
        {
            let text = order.retyped(settings, &mut self.dice, slips);
            order.rounds.push((order.revision, text));
        }
        standing.proofs = order.proofs();
        if order.withdrawn.is_some() {
            standing.state = CarrierState::Withdrawn;
        }
        let reports = order.reports(settings);
        let is_due =
            |r: &&WireFigures| r.as_of <= now && order.withdrawn.is_none_or(|t| r.as_of <= t);
        standing.counts = reports.iter().filter(is_due).cloned().collect();
        if order.withdrawn.is_none() && order.released.is_some() {
            standing.state = CarrierState::Sending;
            if standing.counts.last().is_some_and(|c| c.last) {
                standing.state = CarrierState::Done;
            }
        }
        let evidence = reports
            .last()
            .filter(|r| r.last)
            .map(|r| r.as_of.plus_secs(EVIDENCE_S));
        if evidence.is_some_and(|t| t <= now) && order.withdrawn.is_none() {
            let bytes = order.statement(settings);
            standing.evidence.push(WirePiece {
                n: 1,
                name: format!("{}-汇总.csv", order.request.number),
                sha256: hex::encode(Sha256::digest(&bytes)),
            });
        }
        let next = [
            Some(proofs),
            reports.iter().map(|r| r.as_of).find(|t| *t > now),
            evidence,
        ];
        standing.ask_again_at = next.into_iter().flatten().filter(|t| *t > now).min();
        Some(standing)
    }

    pub(super) fn evidence(
        &self,
        settings: &OrderSettings,
        now: Micros,
        id: OrderId,
        n: i64,
    ) -> Option<Vec<u8>> {
        let order = self.orders.get(&id)?;
        let last = order.reports(settings).pop().filter(|r| r.last)?;
        (n == 1 && now >= last.as_of.plus_secs(EVIDENCE_S)).then(|| order.statement(settings))
    }
}

/// What a careful engineer would check before anything is done.
fn check(settings: &OrderSettings, request: &Request) -> Result<(), Refused> {
    let bad = |words: &str| Err(Refused(StatusCode::UNPROCESSABLE_ENTITY, words.to_owned()));
    if request.carrier != settings.carrier.as_str() {
        return bad("this is another carrier's order");
    }
    if text_digest(&request.text) != request.text_sha256 {
        return bad("the text is not what its digest was made of");
    }
    if request.span().is_none() || request.opening().is_none() {
        return bad("days or hours cannot be read");
    }
    Ok(())
}

impl Request {
    fn span(&self) -> Option<Span> {
        let (from, to): (NaiveDate, NaiveDate) = (self.from.parse().ok()?, self.to.parse().ok()?);
        (from <= to).then_some(Span { from, to })
    }

    fn opening(&self) -> Option<(NaiveTime, NaiveTime)> {
        let (from, to) = self.hours.split_once('-')?;
        let (from, to): (HourMinute, HourMinute) = (from.parse().ok()?, to.parse().ok()?);
        Some((from.time(), to.time()))
    }
}

impl SimulatedOrder {
    fn at(settings: &OrderSettings, day: NaiveDate, time: NaiveTime) -> Option<Micros> {
        let local = day.and_time(time);
        Some(settings.zone.from_local_datetime(&local).earliest()?.into())
    }

    fn plan(&self, settings: &OrderSettings) -> Option<Planned> {
        let (span, (opens, closes)) = (self.request.span()?, self.request.opening()?);
        Some(Planned {
            from: Self::at(settings, span.from, opens)?,
            to: Self::at(settings, span.to, closes)?,
        })
    }

    /// The text as it leaves this carrier: it may have been typed anew.
    fn retyped(&self, settings: &OrderSettings, dice: &mut SplitMix64, slips: &mut u64) -> String {
        let text = on_the_phone(&self.request.signature, &self.request.text);
        let is_early = self.rounds.len() < settings.typo_rounds as usize;
        if !is_early && !dice.hits(settings.typo_percent) {
            return text;
        }
        let own = settings
            .slips
            .iter()
            .find_map(|(from, to)| Some((text.find(*from)?, *from, *to)));
        let able: Vec<_> = text
            .char_indices()
            .filter_map(|(at, c)| Some((at, c, confusable::slip(c)?)))
            .collect();
        let any = able.get(dice.below(able.len() as u64) as usize).copied();
        let Some((at, from, to)) = own.or(any) else {
            return text;
        };
        *slips += 1;
        let (head, tail) = text.split_at(at);
        format!("{head}{to}{}", &tail[from.len_utf8()..])
    }

    fn proofs(&self) -> Vec<WireProof> {
        let phones = match self.request.seed_phones.as_slice() {
            [] => vec![String::new()],
            phones => phones.to_vec(),
        };
        let mut proofs = Vec::new();
        for (revision, text) in &self.rounds {
            for phone in &phones {
                proofs.push(WireProof {
                    n: proofs.len() as i64 + 1,
                    revision: *revision,
                    phone: phone.clone(),
                    text: format!("{text}{}", self.request.appended),
                });
            }
        }
        proofs
    }

    /// All its reports to the end, as the pace of its days has them; none before it may send.
    fn reports(&self, settings: &OrderSettings) -> Vec<WireFigures> {
        let (Some(released), Some(span), Some((opens, closes))) =
            (self.released, self.request.span(), self.request.opening())
        else {
            return Vec::new();
        };
        let cap = match self.request.daily_cap {
            0 => i64::MAX,
            cap => cap,
        };
        let total = settings.subscribers;
        let days = span.days().count() as i64;
        // Spread over the days, never above the cap.
        let daily = cap.min((total + days - 1) / days.max(1));
        let mut reports = Vec::new();
        let mut sent_before = 0;
        for day in span.days() {
            let (Some(begin), Some(end)) = (
                Self::at(settings, day, opens),
                Self::at(settings, day, closes),
            ) else {
                continue;
            };
            let begin = begin.max(released);
            let today = if begin < end {
                daily.min(total - sent_before)
            } else {
                0
            };
            for (hour, minute) in REPORTS {
                let time = NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or_default();
                let Some(as_of) = Self::at(settings, day, time).filter(|t| *t > released) else {
                    continue;
                };
                let part = share(today, begin, end, as_of);
                reports.push(self.figures(
                    settings,
                    reports.len(),
                    as_of,
                    sent_before + part,
                    false,
                ));
            }
            sent_before += today;
            let over = sent_before >= total || day == span.to;
            if over && end > released {
                reports.push(self.figures(settings, reports.len(), end, sent_before, true));
                break;
            }
        }
        reports
    }

    fn figures(
        &self,
        settings: &OrderSettings,
        before: usize,
        as_of: Micros,
        sent: i64,
        last: bool,
    ) -> WireFigures {
        let wants = |figure: &str| self.request.counts.iter().any(|c| c == figure);
        // The last reports of the phones are in by the evening; by day some are still out.
        let percent = if last {
            settings.delivered_percent
        } else {
            settings.delivered_percent - 2
        };
        WireFigures {
            n: before as i64 + 1,
            as_of,
            requested: wants("requested").then_some(settings.subscribers),
            sent: wants("sent").then_some(sent),
            delivered: wants("delivered").then_some(sent * percent.clamp(0, 100) / 100),
            last,
            remark: String::new(),
        }
    }

    /// The statement: its reports as a table that Excel opens.
    fn statement(&self, settings: &OrderSettings) -> Vec<u8> {
        let mut text = String::from("\u{feff}截止时间,应发,已发,送达\r\n");
        let cell = |n: Option<i64>| n.map_or_else(String::new, |n| n.to_string());
        for r in self.reports(settings) {
            _ = write!(
                text,
                "{},{},{},{}\r\n",
                r.as_of.local(settings.zone).format("%Y-%m-%d %H:%M"),
                cell(r.requested),
                cell(r.sent),
                cell(r.delivered)
            );
        }
        text.into_bytes()
    }
}

/// How much of a day's work is done by `now`, at an even pace.
fn share(today: i64, begin: Micros, end: Micros, now: Micros) -> i64 {
    if now <= begin || end <= begin {
        return 0;
    }
    let done = i128::from(now.min(end).0 - begin.0);
    let part = i128::from(today) * done / i128::from(end.0 - begin.0);
    i64::try_from(part).unwrap_or(today)
}

fn after(t: Micros, d: std::time::Duration) -> Micros {
    Micros(t.0.saturating_add(i64::try_from(d.as_micros()).unwrap_or(i64::MAX)))
}
