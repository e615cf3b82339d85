//! The driver's sending side: what is said when, and what its answer means.

use tokio::time::Instant;

use super::{Done, Driver, Link, Parcel, QUEUE_LIMIT, STRIKES, TRIES};
use crate::{
    domain::{id::LaneId, time::Micros},
    gateway::{
        Answer, Event, Submit,
        http::exchange::{Meaning, Said},
    },
};

impl Driver {
    /// Puts requests in line. Those that an earlier life may have said wait with the repetitions.
    pub(super) fn enqueue(&mut self, batch: Vec<Submit>) {
        let up = matches!(self.link, Link::Up) && self.closing.is_none();
        let mut refused = Vec::new();
        let mut rest = batch.into_iter().peekable();
        while let Some(first) = rest.next() {
            let request = first.request;
            let mut submits = vec![first];
            while let Some(next) = rest.next_if(|s| s.request == request && request.claim != 0) {
                submits.push(next);
            }
            let sequences: Vec<u32> = submits.iter().map(|s| s.sequence).collect();
            let repeated = request.repeat && self.closing.is_none();
            if !(up && self.queued + submits.len() <= QUEUE_LIMIT || repeated) {
                refused.extend(sequences);
                continue;
            }
            match self.parcel(submits) {
                Ok(parcel) if repeated => {
                    self.outbox.push_back(Event::Written(sequences));
                    self.repeats.push(parcel);
                }
                Ok(parcel) => {
                    self.queued += parcel.submits.len();
                    let line = parcel.submits[0].priority as usize;
                    self.queues[line].push_back(parcel);
                }
                // It can't be said again as it was, so nobody will ever know.
                Err(_) if repeated => {
                    self.outbox.push_back(Event::Written(sequences.clone()));
                    self.outbox.push_back(Event::TimedOut(sequences));
                }
                Err(reason) => self.answer_all(&sequences, &Answer::Refused(reason)),
            }
        }
        if !refused.is_empty() {
            self.outbox.push_back(Event::Recalled(refused));
        }
    }

    fn parcel(&mut self, submits: Vec<Submit>) -> Result<Parcel, String> {
        let request = submits[0].request;
        let segments: u32 = submits.iter().map(|s| u32::from(s.segments)).sum();
        let cost = match self.settings.by_segments {
            true => segments,
            false => 1,
        };
        if cost > self.settings.rate {
            return Err(format!(
                "local: {cost} segments at once are more than the rate of {}",
                self.settings.rate
            ));
        }
        let key = format!(
            "{}-{}-{}-{}",
            self.context.installation, request.claim, request.position, request.asked.0
        );
        let ready = self
            .account
            .ready(&key, &submits)
            .map_err(|reason| format!("local: {reason}"))?;
        let now = Instant::now();
        Ok(Parcel {
            ready,
            cost,
            tries: 0,
            due: now,
            until: self.repeated_until(request.asked, now),
            submits,
        })
    }

    /// How long the carrier knows a request that was asked for then.
    fn repeated_until(&self, asked: Micros, now: Instant) -> Option<Instant> {
        let window = self.description().idempotency_window?;
        let age = self.context.clock.now().0.saturating_sub(asked.0).max(0);
        let left = window.saturating_sub(std::time::Duration::from_micros(age.unsigned_abs()));
        Some(now + left)
    }

    /// What of these lanes (all when empty) has not been said goes back; what waits to be said again
    /// stays unsaid, and so in doubt: nothing goes out for a run that does not go.
    pub(super) fn recall(&mut self, lanes: &[LaneId]) {
        let back = self.take_queued(lanes);
        self.outbox.push_back(Event::Recalled(back));
        let goes = |p: &Parcel| lanes.is_empty() || lanes.contains(&p.submits[0].lane);
        let (given_up, stay): (Vec<_>, _) = std::mem::take(&mut self.repeats)
            .into_iter()
            .partition(goes);
        self.repeats = stay;
        self.give_up(&given_up);
    }

    pub(super) fn take_queued(&mut self, lanes: &[LaneId]) -> Vec<u32> {
        let mut back = Vec::new();
        for queue in &mut self.queues {
            queue.retain(|parcel| {
                let goes = lanes.is_empty() || lanes.contains(&parcel.submits[0].lane);
                if goes {
                    back.extend(parcel.sequences());
                }
                !goes
            });
        }
        self.queued -= back.len();
        back
    }

    fn give_up(&mut self, parcels: &[Parcel]) {
        let sequences: Vec<u32> = parcels
            .iter()
            .flat_map(|p| p.sequences().collect::<Vec<_>>())
            .collect();
        if !sequences.is_empty() {
            self.outbox.push_back(Event::TimedOut(sequences));
        }
    }

    /// Says what may be said now; gives when to look again.
    pub(super) fn pump(&mut self, now: Instant) -> Option<Instant> {
        let over = |p: &Parcel| p.until.is_none_or(|until| until <= now) || p.tries >= TRIES;
        let (given_up, stay): (Vec<_>, _) = std::mem::take(&mut self.repeats)
            .into_iter()
            .partition(over);
        self.repeats = stay;
        self.give_up(&given_up);
        while self.sending < usize::from(self.settings.links) {
            let due = (0..self.repeats.len())
                .filter(|at| self.repeats[*at].due <= now)
                .min_by_key(|at| self.repeats[*at].due);
            let line = self.queues.iter().position(|q| !q.is_empty());
            let cost = match (due, line) {
                (Some(at), _) => self.repeats[at].cost,
                (None, Some(line)) => self.queues[line][0].cost,
                (None, None) => break,
            };
            if let Err(at) = self.pacer.take(now, cost) {
                return Some(at);
            }
            let parcel = match (due, line) {
                (Some(at), _) => Some(self.repeats.swap_remove(at)),
                (None, Some(line)) => self.queues[line].pop_front(),
                (None, None) => None,
            };
            if let Some(parcel) = parcel {
                self.send(parcel, due.is_some());
            }
        }
        self.repeats
            .iter()
            .map(|p| p.due)
            .min()
            .filter(|at| *at > now)
    }

    fn send(&mut self, mut parcel: Parcel, again: bool) {
        if !again {
            self.queued -= parcel.submits.len();
            self.outbox
                .push_back(Event::Written(parcel.sequences().collect()));
        }
        parcel.tries += 1;
        self.sending += 1;
        self.on_the_way.extend(parcel.sequences());
        let (account, line) = (self.account.clone(), self.line.clone());
        self.running.spawn(async move {
            let call = &account.description.send;
            let said = account.say(call, &parcel.ready, &line).await;
            Done::Said(parcel, said)
        });
    }

    /// A request has come to an end.
    pub(super) fn said(&mut self, parcel: Parcel, said: Said) {
        let meaning = match said {
            Said::Answer(status, body) => self.account.meaning(status, &body, &parcel.submits),
            Said::Unreachable(why) => {
                self.down(&format!("connecting to {}: {why}", self.account.base));
                return self.not_said(parcel, &why);
            }
            Said::Lost(why) => Meaning::Unclear(why),
        };
        match meaning {
            Meaning::Each(words) => {
                self.strikes = 0;
                self.each(&parcel, words);
            }
            Meaning::Throttled(code) => {
                self.strikes = 0;
                let now = Instant::now();
                if self.pacer.throttled(now, super::FIRST_PAUSE) {
                    self.outbox.push_back(Event::Pace(self.pacer.pace()));
                }
                self.not_said(parcel, &code);
            }
            Meaning::NotLetIn(code) => {
                if matches!(self.link, Link::Up) {
                    self.not_let_in(&code);
                }
                self.not_said(parcel, &code);
            }
            Meaning::Unclear(code) => {
                self.strikes += 1;
                self.again(parcel);
                if self.strikes >= STRIKES && matches!(self.link, Link::Up) {
                    self.down(&format!(
                        "{STRIKES} requests in a row without an answer: {code}"
                    ));
                }
            }
        }
    }

    /// This time it surely did not arrive. If it may have before, only its repetition will tell.
    fn not_said(&mut self, mut parcel: Parcel, code: &str) {
        let before = parcel.tries > 1 || parcel.submits[0].request.repeat;
        if before {
            // A carrier that is away, or busy, uses up none of the tries.
            parcel.tries -= 1;
            return self.again(parcel);
        }
        let sequences: Vec<u32> = parcel.sequences().collect();
        self.answer_all(&sequences, &Answer::Throttled(code.to_owned()));
    }

    /// It may have arrived: it is said again where the carrier knows it by its key; else it is in doubt.
    fn again(&mut self, mut parcel: Parcel) {
        let pause = self.pause(parcel.tries.max(1));
        parcel.due = Instant::now() + pause;
        let over = parcel.until.is_none_or(|until| until <= parcel.due) || parcel.tries >= TRIES;
        if over || self.closing.is_some() {
            self.give_up(&[parcel]);
        } else {
            debug_assert!(parcel.may_be_there());
            self.repeats.push(parcel);
        }
    }

    fn each(&mut self, parcel: &Parcel, words: Vec<Option<Answer>>) {
        let mut answers = Vec::with_capacity(words.len());
        let mut silent = Vec::new();
        for (submit, word) in parcel.submits.iter().zip(words) {
            match word {
                Some(word) => answers.push((submit.sequence, word)),
                None => silent.push(submit.sequence),
            }
        }
        if !answers.is_empty() {
            self.outbox.push_back(Event::Answered { link: 0, answers });
        }
        if !silent.is_empty() {
            self.outbox.push_back(Event::TimedOut(silent));
        }
    }

    fn answer_all(&mut self, sequences: &[u32], answer: &Answer) {
        let answers = sequences.iter().map(|s| (*s, answer.clone())).collect();
        self.outbox.push_back(Event::Answered { link: 0, answers });
    }
}
