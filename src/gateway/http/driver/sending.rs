//! The driver's sending side: which request is sent when, and what its answer means.

use tokio::time::Instant;

use super::{CarrierLink, Done, HttpDriver, MAX_UNCLEAR, PendingRequest, QUEUE_LIMIT, TRIES};
use crate::{
    domain::{
        id::{ClaimId, LaneId},
        time::Micros,
    },
    gateway::{
        Answer, Event, Submit,
        http::exchange::{CallResult, Meaning},
    },
};

impl HttpDriver {
    /// Puts requests in line. Those that may have been sent before a restart wait with the repetitions.
    pub(super) fn enqueue(&mut self, batch: Vec<Submit>) {
        let up = matches!(self.link, CarrierLink::Up) && self.closing.is_none();
        let mut refused = Vec::new();
        let mut rest = batch.into_iter().peekable();
        while let Some(first) = rest.next() {
            let request = first.request;
            let mut submits = vec![first];
            while let Some(next) =
                rest.next_if(|s| s.request == request && request.claim != ClaimId::default())
            {
                submits.push(next);
            }
            let sequences: Vec<u32> = submits.iter().map(|s| s.sequence).collect();
            let repeated = request.repeat && self.closing.is_none();
            if !(up && self.queued + submits.len() <= QUEUE_LIMIT || repeated) {
                refused.extend(sequences);
                continue;
            }
            match self.prepare(submits) {
                Ok(pending) if repeated => {
                    self.outbox.push(Event::Written(sequences));
                    self.repeats.push(pending);
                }
                Ok(pending) => {
                    self.queued += pending.submits.len();
                    let line = pending.submits[0].priority as usize;
                    self.queues[line].push_back(pending);
                }
                // It can't be made as it was, so its outcome will never be known.
                Err(_) if repeated => {
                    self.outbox.push(Event::Written(sequences.clone()));
                    self.outbox.push(Event::TimedOut(sequences));
                }
                Err(reason) => self.answer_all(&sequences, &Answer::Refused(reason)),
            }
        }
        if !refused.is_empty() {
            self.outbox.push(Event::GivenBack(refused));
        }
    }

    fn prepare(&mut self, submits: Vec<Submit>) -> Result<PendingRequest, String> {
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
        Ok(PendingRequest {
            ready,
            cost,
            tries: 0,
            due: now,
            until: self.repeated_until(request.asked, now),
            recalled: false,
            submits,
        })
    }

    /// How long the carrier knows a request that was asked for then. After a clock was set back nobody can tell.
    fn repeated_until(&self, asked: Micros, now: Instant) -> Option<Instant> {
        let window = self.description().idempotency_window?;
        let wall = self.context.clock.now();
        (asked <= wall).then(|| now + window.saturating_sub(wall.since(asked)))
    }

    /// What of these lanes (all when empty) was not sent is given back; what waits to be sent again is not, and
    /// so is in doubt: nothing goes out for a run that is stopped, nor when the answer to what is on the way is lost.
    pub(super) fn recall(&mut self, lanes: &[LaneId]) {
        let back = self.take_queued(lanes);
        self.outbox.push(Event::Recalled(back));
        let goes = |p: &PendingRequest| lanes.is_empty() || lanes.contains(&p.submits[0].lane);
        let (given_up, stay): (Vec<_>, _) = std::mem::take(&mut self.repeats)
            .into_iter()
            .partition(goes);
        self.repeats = stay;
        self.give_up(&given_up);
        let of_these = |lane: &LaneId| lanes.is_empty() || lanes.contains(lane);
        let on_the_way = self.on_the_way.iter();
        self.recalled.extend(
            on_the_way
                .filter(|(_, lane)| of_these(lane))
                .map(|(s, _)| *s),
        );
    }

    pub(super) fn take_queued(&mut self, lanes: &[LaneId]) -> Vec<u32> {
        let mut back = Vec::new();
        for queue in &mut self.queues {
            queue.retain(|pending| {
                let goes = lanes.is_empty() || lanes.contains(&pending.submits[0].lane);
                if goes {
                    back.extend(pending.sequences());
                }
                !goes
            });
        }
        self.queued -= back.len();
        back
    }

    fn give_up(&mut self, requests: &[PendingRequest]) {
        let sequences: Vec<u32> = requests
            .iter()
            .flat_map(|p| p.sequences().collect::<Vec<_>>())
            .collect();
        if !sequences.is_empty() {
            self.outbox.push(Event::TimedOut(sequences));
        }
    }

    /// What may have arrived and can't be said again any more is in doubt, whether the carrier is there or not. Gives
    /// when the next comes.
    pub(super) fn give_up_overdue(&mut self, now: Instant) -> Option<Instant> {
        let over =
            |p: &PendingRequest| p.until.is_none_or(|until| until <= now) || p.tries >= TRIES;
        let (given_up, stay): (Vec<_>, _) = std::mem::take(&mut self.repeats)
            .into_iter()
            .partition(over);
        self.repeats = stay;
        self.give_up(&given_up);
        self.repeats.iter().filter_map(|p| p.until).min()
    }

    /// Sends what may be sent now; gives when to look again.
    pub(super) fn pump(&mut self, now: Instant) -> Option<Instant> {
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
            let pending = match (due, line) {
                (Some(at), _) => Some(self.repeats.swap_remove(at)),
                (None, Some(line)) => self.queues[line].pop_front(),
                (None, None) => None,
            };
            if let Some(pending) = pending {
                self.send(pending, due.is_some());
            }
        }
        self.repeats
            .iter()
            .map(|p| p.due)
            .min()
            .filter(|at| *at > now)
    }

    fn send(&mut self, mut pending: PendingRequest, is_retry: bool) {
        if !is_retry {
            self.queued -= pending.submits.len();
            self.outbox
                .push(Event::Written(pending.sequences().collect()));
        }
        pending.tries += 1;
        self.sending += 1;
        let lanes = pending.submits.iter().map(|s| (s.sequence, s.lane));
        self.on_the_way.extend(lanes);
        let (account, transport) = (self.account.clone(), self.transport.clone());
        self.running.spawn(async move {
            let call = &account.description.send;
            let result = account.call(call, &pending.ready, &transport).await;
            Done::Sent(pending, result)
        });
    }

    /// A request has come to an end.
    pub(super) fn on_sent(&mut self, pending: PendingRequest, result: CallResult) {
        let meaning = match result {
            CallResult::Answer(status, body) => {
                self.account.meaning(status, &body, &pending.submits)
            }
            CallResult::Unreachable(why) => {
                self.down(&format!("connecting to {}: {why}", self.account.base));
                return self.on_not_sent(pending, &why);
            }
            CallResult::Lost(why) => Meaning::Unclear(why),
        };
        match meaning {
            Meaning::Each(answers) => {
                self.unclear_in_a_row = 0;
                self.login_taken();
                self.each(&pending, answers);
            }
            Meaning::Throttled(code) => {
                self.unclear_in_a_row = 0;
                self.login_taken();
                let now = Instant::now();
                if self.pacer.throttled(now, super::FIRST_PAUSE) {
                    self.outbox.push(Event::Pace(self.pacer.pace()));
                }
                self.on_not_sent(pending, &code);
            }
            Meaning::LoginRefused(code, about) => {
                if matches!(self.link, CarrierLink::Up) {
                    self.on_login_refused(&code, about);
                }
                self.on_not_sent(pending, &code);
            }
            Meaning::Unclear(code) => {
                self.unclear_in_a_row += 1;
                self.retry(pending);
                if self.unclear_in_a_row >= MAX_UNCLEAR && matches!(self.link, CarrierLink::Up) {
                    self.down(&format!(
                        "{MAX_UNCLEAR} requests in a row without an answer: {code}"
                    ));
                }
            }
        }
    }

    /// This time it surely did not arrive. If it may have before, it is sent again to find out.
    fn on_not_sent(&mut self, mut pending: PendingRequest, code: &str) {
        let before = pending.tries > 1 || pending.submits[0].request.repeat;
        if before {
            // A carrier that is away, or busy, uses up none of the tries.
            pending.tries -= 1;
            return self.retry(pending);
        }
        let sequences: Vec<u32> = pending.sequences().collect();
        self.answer_all(&sequences, &Answer::Throttled(code.to_owned()));
    }

    /// It may have arrived: it is sent again where the carrier knows it by its key; else it is in doubt.
    fn retry(&mut self, mut pending: PendingRequest) {
        let pause = self.pause(pending.tries.max(1));
        pending.due = Instant::now() + pause;
        let over = pending.until.is_none_or(|until| until <= pending.due) || pending.tries >= TRIES;
        if over || pending.recalled || self.closing.is_some() {
            self.give_up(&[pending]);
        } else {
            debug_assert!(pending.may_have_arrived());
            self.repeats.push(pending);
        }
    }

    fn each(&mut self, pending: &PendingRequest, found: Vec<Option<Answer>>) {
        let mut answers = Vec::with_capacity(found.len());
        let mut silent = Vec::new();
        for (submit, answer) in pending.submits.iter().zip(found) {
            match answer {
                Some(answer) => answers.push((submit.sequence, answer)),
                None => silent.push(submit.sequence),
            }
        }
        if !answers.is_empty() {
            self.outbox.push(Event::Answered { link: 0, answers });
        }
        if !silent.is_empty() {
            self.outbox.push(Event::TimedOut(silent));
        }
    }

    fn answer_all(&mut self, sequences: &[u32], answer: &Answer) {
        let answers = sequences.iter().map(|s| (*s, answer.clone())).collect();
        self.outbox.push(Event::Answered { link: 0, answers });
    }
}
