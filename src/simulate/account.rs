//! What a simulated carrier knows of its one customer: messages taken, and reports and texts to deliver.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use tokio::time::Instant;
use watchbell_wire::udh::{self, Reference};

use super::{
    BatchIds, Counts, Ending, Settings,
    dialect::{Refusing, Submit, SubmitOutcome},
    job::{Job, JobContent, Serial, Wall},
    meter::Meter,
};
use crate::{
    config::Kind,
    domain::phone::Phone,
    random::{SplitMix64, mix, unit},
};

/// What undeliverable numbers get, one in four each.
const FAILURES: [&str; 4] = ["UNDELIV", "MK:0001", "EXPIRED", "REJECTD"];

/// The same over SGIP, which has numbers instead of texts: no SMS on the handset, unknown user, not reachable,
/// the carrier's system.
const SGIP_FAILURES: [&str; 4] = ["SGIP:27", "SGIP:29", "SGIP:25", "SGIP:32"];

/// What a simulator has counted for one number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NumberCounts {
    /// Segments taken.
    pub submits: u32,
    /// Different segments taken.
    pub segments: u32,
    /// Segments taken that had been taken before, text and place being the same.
    pub twice: u32,
    /// The last report made for it, such as `DELIVRD`.
    pub report: Option<String>,
}

/// What becomes of one submit.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) outcome: SubmitOutcome,
    /// Who is refused out of a submit that is taken all the same: number and status.
    pub(super) refused: Vec<(String, u32)>,
    /// No further part waits for its answer.
    pub(super) last: bool,
    /// Reports that go before the answer.
    pub(super) early: Vec<Job>,
}

#[derive(Debug)]
pub(super) struct CustomerAccount {
    counts: Counts,
    numbers: HashMap<Phone, NumberCounts>,
    /// Hashes of what was taken: number and segment. Eight bytes each, so a million recipients cost
    /// some ten megabytes.
    seen: HashSet<u64>,
    arrivals: Meter,
    taken: Meter,
    scheduled: BinaryHeap<Reverse<Due>>,
    ready: VecDeque<Job>,
    /// Sent and not yet answered.
    pub(super) unanswered: usize,
    dice: SplitMix64,
    ids: u64,
    delivers: u64,
    mo_reference: u8,
}

#[derive(Debug)]
struct Due {
    at: Instant,
    order: u64,
    job: Job,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl CustomerAccount {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            counts: Counts::default(),
            numbers: HashMap::new(),
            seen: HashSet::new(),
            arrivals: Meter::default(),
            taken: Meter::default(),
            scheduled: BinaryHeap::new(),
            ready: VecDeque::new(),
            unanswered: 0,
            dice: SplitMix64::new(settings.seed),
            ids: 0,
            delivers: mix(settings.seed),
            mo_reference: settings.seed as u8,
        }
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            distinct_recipients: self.numbers.len() as u64,
            peak_segments_in_one_second: self.arrivals.peak(),
            ..self.counts
        }
    }

    pub(super) fn per_number(&self) -> &HashMap<Phone, NumberCounts> {
        &self.numbers
    }

    pub(super) fn pending(&self) -> usize {
        self.scheduled.len() + self.ready.len() + self.unanswered
    }

    pub(super) fn dice(&mut self) -> &mut SplitMix64 {
        &mut self.dice
    }

    pub(super) fn login(&mut self, ok: bool) {
        if ok {
            self.counts.logins += 1;
        } else {
            self.counts.refused_logins += 1;
        }
    }

    pub(super) fn malformed(&mut self) {
        self.counts.malformed += 1;
    }

    /// Takes or refuses one submit; `busy` when the connection's window is over.
    pub(super) fn submit(
        &mut self,
        settings: &Settings,
        now: Instant,
        wall: &Wall,
        busy: bool,
        submit: &Submit,
    ) -> Taken {
        self.counts.submits += 1;
        let units = submit.numbers.len() as u64;
        self.arrivals.add(now, units);
        let serial = Serial {
            own: submit.id,
            ..self.serial(settings, wall, units)
        };
        let place = PartOfLong::of(submit);
        let last = place
            .as_ref()
            .map_or(true, |place| place.part >= place.total);
        let refused = |outcome| Taken {
            outcome,
            refused: Vec::new(),
            last,
            early: Vec::new(),
        };
        let over = settings
            .rate
            .is_some_and(|rate| self.taken.within(now) + units > u64::from(rate));
        if over || busy {
            return refused(SubmitOutcome::TooFast);
        }
        let Ok(place) = place else {
            return refused(SubmitOutcome::BadStructure);
        };
        let mut good: Vec<(u16, Phone)> = Vec::new();
        let mut bad: Vec<(String, u32)> = Vec::new();
        for (receiver, number) in (0..).zip(&submit.numbers) {
            let phone = Phone::from_wire(number);
            let refusal = phone.and_then(|phone| refusal(settings, phone, place.part));
            match (phone, refusal, submit.refusing) {
                (Some(phone), None, _) => good.push((receiver, phone)),
                (None, _, Refusing::Whole) => return refused(SubmitOutcome::BadReceiver),
                (_, Some(code), Refusing::Whole) => {
                    return refused(SubmitOutcome::Refused(code.into()));
                }
                (_, code, Refusing::Each(bad_number)) => {
                    bad.push((number.clone(), code.map_or(bad_number, u32::from)));
                }
            }
        }
        if good.is_empty() && bad.is_empty() {
            return refused(SubmitOutcome::BadReceiver);
        }
        self.taken.add(now, good.len() as u64);
        let mut early = Vec::new();
        for (receiver, phone) in good {
            self.count(phone, submit, &place);
            if submit.report {
                let receiver = match settings.batch_ids {
                    BatchIds::Counting => receiver,
                    BatchIds::Same => 0,
                };
                let serial = Serial { receiver, ..serial };
                self.schedule(settings, now, wall, phone, serial, &mut early);
            }
        }
        Taken {
            outcome: SubmitOutcome::Taken(serial),
            refused: bad,
            last,
            early,
        }
    }

    /// What is due by `now`, and when the next is.
    pub(super) fn next_job(&mut self, now: Instant) -> Option<Job> {
        self.ready.pop_front().or_else(|| {
            let due = self
                .scheduled
                .peek()
                .is_some_and(|Reverse(due)| due.at <= now);
            due.then(|| self.scheduled.pop().map(|Reverse(due)| due.job))
                .flatten()
        })
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.scheduled.peek().map(|Reverse(due)| due.at)
    }

    /// The client took it.
    pub(super) fn acknowledged(&mut self, job: &Job) {
        self.unanswered -= 1;
        if let JobContent::Report { counts: true, .. } = job.content {
            self.counts.reports += 1;
        }
    }

    /// It was not answered: it goes again, over whatever connection there is.
    pub(super) fn unacknowledged(&mut self, job: Job) {
        self.unanswered -= 1;
        self.ready.push_front(job);
    }

    /// It goes before all others, over whatever connection there is.
    pub(super) fn hasten(&mut self, job: Job) {
        self.ready.push_front(job);
    }

    /// The client refused it: it is delivered again, later.
    pub(super) fn refused(&mut self, job: Job, again: Instant) {
        self.unanswered -= 1;
        self.put_off(again, job);
    }

    pub(super) fn inject_mo(&mut self, phone: Phone, text: &str, wall: &Wall) {
        self.mo_reference = self.mo_reference.wrapping_add(1);
        let parts = udh::split_ucs2(text, Reference::Eight(self.mo_reference)).unwrap_or_default();
        for part in parts {
            let id = self.deliver_id();
            self.ready.push_back(Job {
                id,
                made: *wall,
                content: JobContent::Mo { phone, part },
            });
        }
    }

    fn count(&mut self, phone: Phone, submit: &Submit, place: &PartOfLong) {
        let mut hasher = DefaultHasher::new();
        (
            phone.number(),
            &submit.from,
            &submit.valid_until,
            submit.coding,
            place.part,
            place.total,
        )
            .hash(&mut hasher);
        place.payload.hash(&mut hasher);
        let fresh = self.seen.insert(hasher.finish());
        let number = self.numbers.entry(phone).or_default();
        number.submits += 1;
        if fresh {
            number.segments += 1;
        } else {
            if number.twice == 0 {
                self.counts.recipients_sent_twice += 1;
            }
            number.twice += 1;
        }
        self.counts.segments += 1;
        if place.part == 1 {
            self.counts.recipients += 1;
        }
    }

    fn schedule(
        &mut self,
        settings: &Settings,
        now: Instant,
        wall: &Wall,
        phone: Phone,
        serial: Serial,
        early: &mut Vec<Job>,
    ) {
        let stat = fate(settings, phone);
        if let Some(number) = self.numbers.get_mut(&phone)
            && number.report.as_deref() != Some(stat)
        {
            number.report = Some(stat.to_owned());
        }
        let faults = &settings.faults;
        if self.dice.hits(faults.lost_reports) {
            return;
        }
        let id = self.deliver_id();
        let report = |counts| Job {
            id,
            made: *wall,
            content: JobContent::Report {
                serial,
                phone,
                stat,
                submitted: wall.stamp,
                counts,
            },
        };
        if self.dice.hits(faults.early_reports) {
            early.push(report(true));
            return;
        }
        let jitter = self.dice.below(settings.report_jitter.as_micros() as u64);
        let mut delay = settings.report_delay + Duration::from_micros(jitter);
        if self.dice.hits(faults.late_reports) {
            delay *= faults.late_factor.max(1);
        }
        if self.dice.hits(faults.duplicate_reports) {
            self.put_off(now + delay + settings.report_delay, report(false));
        }
        self.put_off(now + delay, report(true));
    }

    fn put_off(&mut self, at: Instant, job: Job) {
        self.delivers = self.delivers.wrapping_add(1);
        self.scheduled.push(Reverse(Due {
            at,
            order: self.delivers,
            job,
        }));
    }

    fn deliver_id(&mut self) -> u64 {
        self.delivers = self.delivers.wrapping_add(1);
        self.delivers
    }

    /// The next id; where receivers count on from it, theirs are used up too.
    fn serial(&mut self, settings: &Settings, wall: &Wall, receivers: u64) -> Serial {
        self.ids += 1;
        let (count, time) = match settings.faults.id_reuse {
            // The same ids come again only if the time in them stands still.
            Some(after) => (self.ids % u64::from(after.max(1)), wall.midnight()),
            None => (self.ids, *wall),
        };
        self.ids += receivers.saturating_sub(1);
        Serial {
            count,
            receiver: 0,
            time,
            own: [0; 3],
        }
    }
}

/// A segment's place in its message, and its content without the header.
struct PartOfLong<'a> {
    part: u8,
    total: u8,
    payload: &'a [u8],
}

impl<'a> PartOfLong<'a> {
    fn of(submit: &'a Submit) -> Result<Self, udh::UdhError> {
        if !submit.has_header {
            let (part, total) = submit.part;
            return Ok(Self {
                part,
                total,
                payload: &submit.content,
            });
        }
        let data = udh::parse(&submit.content)?;
        let (part, total) = data
            .concat
            .map_or((1, 1), |concat| (concat.part, concat.total));
        Ok(Self {
            part,
            total,
            payload: data.payload,
        })
    }
}

pub(super) fn refusal(settings: &Settings, phone: Phone, part: u8) -> Option<u8> {
    let fits = |rule: &&super::SubmitRefusal| {
        rule.part.is_none_or(|only| only == part)
            && (rule.suffix.is_empty() || phone.expose().ends_with(&rule.suffix))
    };
    settings.refusals.iter().find(fits).map(|rule| rule.result)
}

/// What becomes of this number's messages, always the same for one seed.
pub(super) fn fate(settings: &Settings, phone: Phone) -> &'static str {
    let failures = match settings.protocol {
        Kind::Sgip12 => SGIP_FAILURES,
        _ => FAILURES,
    };
    let number = phone.expose();
    let fits = |(suffix, _): &&(String, Ending)| number.ends_with(suffix.as_str());
    if let Some((_, ending)) = settings.endings.iter().find(fits) {
        return match ending {
            Ending::Delivered => "DELIVRD",
            Ending::Undelivered => failures[0],
            Ending::OwnCode => failures[1],
            Ending::Expired => failures[2],
            Ending::Rejected => failures[3],
        };
    }
    let random = mix(mix(phone.number()) ^ settings.seed);
    if unit(random) * 100.0 < settings.undelivered_percent {
        failures[(mix(random) % failures.len() as u64) as usize]
    } else {
        "DELIVRD"
    }
}
