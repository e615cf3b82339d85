//! What a simulated HTTP carrier has taken, and what it still has to deliver.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use super::super::{
    Counts, NumberCounts, Settings,
    account::{fate, refusal},
    meter::Meter,
};
use crate::{
    domain::{
        phone::Phone,
        text::{Count, segments},
        time::Micros,
    },
    random::SplitMix64,
};

/// Something to deliver to the client.
#[derive(Debug, Clone)]
pub(super) struct DueDelivery {
    pub(super) what: What,
    /// By which the client knows a repetition.
    pub(super) number: u64,
    /// How often it has been called in.
    pub(super) tries: u32,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Report {
        id: String,
        phone: Phone,
        /// The client's own name for the message.
        reference: String,
        stat: &'static str,
        at: Micros,
    },
    Text {
        phone: Phone,
        to: String,
        text: String,
    },
}

/// A batch as it came.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    pub(super) from: &'a str,
    pub(super) text: &'a str,
    pub(super) valid_until: &'a str,
    pub(super) phones: Vec<Phone>,
    /// The client's own name for each.
    pub(super) references: Vec<String>,
    /// The id for all of them; none: one for each.
    pub(super) id: Option<String>,
}

/// What became of each number of a batch: an id, or a refusal's number.
pub(super) type BatchAnswers = Vec<Result<String, u8>>;

#[derive(Debug)]
pub(super) struct HttpBook {
    pub(super) counts: Counts,
    pub(super) numbers: HashMap<Phone, NumberCounts>,
    pub(super) dice: SplitMix64,
    seen: HashSet<u64>,
    arrivals: Meter,
    taken: Meter,
    ids: u64,
    /// Answers by the keys of their requests, with a hash of the body.
    pub(super) keys: HashMap<String, (u64, u16, Value)>,
    /// Not due yet.
    scheduled: BTreeMap<(Instant, u64), DueDelivery>,
    /// Due and not called in yet (or again).
    pub(super) to_call: Vec<DueDelivery>,
    /// Due, and neither acknowledged nor fetched.
    pub(super) pending: BTreeMap<u64, DueDelivery>,
    order: u64,
    numbers_out: u64,
}

impl HttpBook {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            counts: Counts::default(),
            numbers: HashMap::new(),
            dice: SplitMix64::new(seed),
            seen: HashSet::new(),
            arrivals: Meter::default(),
            taken: Meter::default(),
            ids: 0,
            keys: HashMap::new(),
            scheduled: BTreeMap::new(),
            to_call: Vec::new(),
            pending: BTreeMap::new(),
            order: 0,
            numbers_out: 0,
        }
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            distinct_recipients: self.numbers.len() as u64,
            peak_segments_in_one_second: self.arrivals.peak(),
            ..self.counts
        }
    }

    pub(super) fn pending(&self) -> usize {
        self.scheduled.len() + self.pending.len()
    }

    /// A request arrives; false when it is too much for the rate.
    pub(super) fn arrive(&mut self, settings: &Settings, now: Instant, units: u64) -> bool {
        self.counts.submits += 1;
        self.arrivals.add(now, units);
        let over = settings
            .rate
            .is_some_and(|rate| self.taken.within(now) + units > u64::from(rate));
        if !over {
            self.taken.add(now, units);
        }
        !over
    }

    /// Segments of one message.
    pub(super) fn segments(text: &str) -> u64 {
        segments(text, Count::Ucs2) as u64
    }

    /// Takes a batch, number by number.
    pub(super) fn take(
        &mut self,
        settings: &Settings,
        now: Instant,
        batch: &Batch<'_>,
    ) -> BatchAnswers {
        let mut words = Vec::with_capacity(batch.phones.len());
        for (place, phone) in batch.phones.iter().enumerate() {
            if let Some(code) = refusal(settings, *phone, 1) {
                words.push(Err(code));
                continue;
            }
            let id = match &batch.id {
                Some(id) => id.clone(),
                None => self.next_id(),
            };
            self.count(*phone, batch);
            let reference = batch.references.get(place).cloned().unwrap_or_default();
            self.schedule(settings, now, *phone, &id, reference);
            words.push(Ok(id));
        }
        words
    }

    pub(super) fn next_id(&mut self) -> String {
        self.ids += 1;
        format!("{:012}", self.ids)
    }

    fn count(&mut self, phone: Phone, batch: &Batch<'_>) {
        let mut hasher = DefaultHasher::new();
        (phone.number(), batch.from, batch.valid_until, batch.text).hash(&mut hasher);
        let fresh = self.seen.insert(hasher.finish());
        let units = Self::segments(batch.text);
        let number = self.numbers.entry(phone).or_default();
        number.submits += 1;
        if fresh {
            number.segments += units as u32;
        } else {
            if number.twice == 0 {
                self.counts.recipients_sent_twice += 1;
            }
            number.twice += 1;
        }
        self.counts.segments += units;
        self.counts.recipients += 1;
    }

    fn schedule(
        &mut self,
        settings: &Settings,
        now: Instant,
        phone: Phone,
        id: &str,
        reference: String,
    ) {
        let stat = fate(settings, phone);
        if let Some(number) = self.numbers.get_mut(&phone) {
            number.report = Some(stat.to_owned());
        }
        let faults = &settings.faults;
        if self.dice.hits(faults.lost_reports) {
            return;
        }
        let jitter = self.dice.below(settings.report_jitter.as_micros() as u64);
        let mut delay = settings.report_delay + Duration::from_micros(jitter);
        if self.dice.hits(faults.late_reports) {
            delay *= faults.late_factor.max(1);
        }
        let what = What::Report {
            id: id.to_owned(),
            phone,
            reference,
            stat,
            at: settings.clock.now(),
        };
        self.put(now + delay, what);
    }

    pub(super) fn text_from(&mut self, phone: Phone, text: &str, to: &str) {
        let what = What::Text {
            phone,
            to: to.to_owned(),
            text: text.to_owned(),
        };
        self.put(Instant::now(), what);
    }

    fn put(&mut self, at: Instant, what: What) {
        self.order += 1;
        let due = DueDelivery {
            what,
            number: 0,
            tries: 0,
        };
        self.scheduled.insert((at, self.order), due);
    }

    /// Moves on what is due; gives when the next will be.
    pub(super) fn due(&mut self, settings: &Settings, now: Instant) -> Option<Instant> {
        while let Some(entry) = self.scheduled.first_entry() {
            if entry.key().0 > now {
                return Some(entry.key().0);
            }
            let mut due = entry.remove();
            // In the order of being due, so that a cursor stands behind all that was given out.
            self.numbers_out += 1;
            due.number = self.numbers_out;
            self.pending.insert(due.number, due.clone());
            if self.dice.hits(settings.faults.lost_callbacks) {
                continue;
            }
            if self.dice.hits(settings.faults.duplicate_reports) {
                self.to_call.push(due.clone());
            }
            self.to_call.push(due);
        }
        None
    }

    /// The client has it for good.
    pub(super) fn delivered(&mut self, number: u64) {
        if let Some(due) = self.pending.remove(&number)
            && matches!(due.what, What::Report { .. })
        {
            self.counts.reports += 1;
        }
    }
}

/// A hash of a body: a repetition has the same, a key used twice has another.
pub(super) fn hash(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}
