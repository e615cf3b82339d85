//! One acceptance's session with its gateway: what was handed over, and everything that was heard of it. It spans all
//! links; [`crate::gateway::session`] is a single connection's.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    halt::{Halt, Halted},
    phones::Receiver,
    step::StepName,
};
use crate::{
    domain::{
        id::{ClaimId, GatewayId, LaneId},
        message::ReportStatus,
        phone::Phone,
        priority::Priority,
        time::Micros,
    },
    gateway::{
        AckToken, Answer, CarrierMessageId, Delivery, Event, Gateway, LinkEnd, LinkNo, Mo, Notice,
        Report, RequestId, SegmentPlace, Sharing, Submit,
    },
};

/// An acceptance is no run: it has no lane, and the gateway only compares them.
const LANE: LaneId = LaneId(1);

/// Not our numbers and not our business: reports and texts that are kept until we know better.
const MOST_EARLY: usize = 1_000;

/// How a text ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SubmitFailure {
    /// None came in time, or the link was lost.
    Unanswered,
    /// It was never handed to the socket.
    Unwritten,
}

/// A text to one phone that was handed over, or one part of a long one, with all that was heard of it.
#[derive(Debug)]
pub(super) struct SentText {
    pub(super) step: StepName,
    pub(super) receiver: Receiver,
    /// Segments that it counts: more than one where the carrier cuts a long text itself.
    pub(super) segments: u8,
    pub(super) written: Option<Instant>,
    pub(super) answered: Option<Instant>,
    pub(super) answer: Option<Answer>,
    /// The link that its answer came over.
    pub(super) link: Option<LinkNo>,
    /// An answer may still come after it.
    pub(super) failure: Option<SubmitFailure>,
    /// Final reports: when, what, and the carrier's word.
    pub(super) reports: Vec<(Instant, ReportStatus, String)>,
    /// Which answer it was: those that travelled together have the same.
    pub(super) answer_no: Option<u64>,
    /// When it was written and answered, in the order of the events.
    pub(super) span: (Option<u64>, Option<u64>),
}

impl SentText {
    /// Nothing was heard of it yet.
    fn new(step: StepName, receiver: Receiver, segments: u8) -> Self {
        Self {
            step,
            receiver,
            segments,
            written: None,
            answered: None,
            answer: None,
            link: None,
            failure: None,
            reports: Vec::new(),
            answer_no: None,
            span: (None, None),
        }
    }

    pub(super) fn is_accepted(&self) -> bool {
        matches!(
            self.answer,
            Some(Answer::Accepted(_) | Answer::AcceptedAs { .. })
        )
    }

    /// Nothing more will come of the submit itself.
    fn is_settled(&self) -> bool {
        self.answer.is_some() || self.failure.is_some()
    }

    fn has_id(&self, id: &CarrierMessageId) -> bool {
        match &self.answer {
            Some(Answer::Accepted(own)) => own == id,
            Some(Answer::AcceptedAs { answered, counted }) => answered == id || counted == id,
            _ => false,
        }
    }
}

/// A text to be handed over.
#[derive(Debug, Clone)]
pub(super) struct OutgoingText {
    pub(super) receiver: Receiver,
    pub(super) text: String,
    pub(super) part: SegmentPlace,
    pub(super) segments: u8,
    pub(super) link: Option<LinkNo>,
}

impl OutgoingText {
    /// A text of one segment.
    pub(super) fn short(receiver: Receiver, text: String) -> Self {
        Self {
            receiver,
            text,
            part: SegmentPlace {
                number: 1,
                total: 1,
                reference: 0,
            },
            segments: 1,
            link: None,
        }
    }
}

/// How texts share submits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Batching {
    /// Each in a submit of its own.
    Alone,
    /// All in one, as far as the gateway takes it.
    Together,
}

/// A link that went down.
#[derive(Debug, Clone)]
pub(super) struct Down {
    pub(super) at: Instant,
    pub(super) end: LinkEnd,
    pub(super) idle: bool,
}

/// A reply that held the word.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) at: Instant,
    pub(super) mo: Mo,
}

/// Hears only while a step waits: [`Session::until`] and [`Session::close`] take the events in.
pub(super) struct Session {
    gateway: Arc<dyn Gateway>,
    events: mpsc::Receiver<(GatewayId, Event)>,
    halt: Halt,
    phones: Vec<Phone>,
    word: String,
    valid_until: Micros,
    next_sequence: u32,
    next_position: i64,
    next_order: u64,
    pub(super) sent: BTreeMap<u32, SentText>,
    pub(super) links_up: Vec<LinkNo>,
    pub(super) was_up: bool,
    pub(super) downs: Vec<Down>,
    pub(super) login_refused: Option<String>,
    pub(super) still_there: BTreeMap<LinkNo, Instant>,
    pub(super) reply: Option<Reply>,
    pub(super) last_delivery: Option<Instant>,
    pub(super) closed: bool,
    /// Reports of no text of ours so far; their answer may follow.
    early: Vec<(Report, Instant, Vec<AckToken>)>,
    other_texts: u64,
    /// Reports on a text that had one already.
    pub(super) twice: u64,
}

impl Session {
    pub(super) fn new(
        gateway: Arc<dyn Gateway>,
        events: mpsc::Receiver<(GatewayId, Event)>,
        halt: Halt,
        receivers: &[Receiver],
        word: &str,
        valid_until: Micros,
        first_sequence: u32,
    ) -> Self {
        Self {
            gateway,
            events,
            halt,
            phones: receivers.iter().map(|r| r.phone).collect(),
            word: word.to_owned(),
            valid_until,
            next_sequence: first_sequence,
            next_position: 0,
            next_order: 0,
            sent: BTreeMap::new(),
            links_up: Vec::new(),
            was_up: false,
            downs: Vec::new(),
            login_refused: None,
            still_there: BTreeMap::new(),
            reply: None,
            last_delivery: None,
            closed: false,
            early: Vec::new(),
            other_texts: 0,
            twice: 0,
        }
    }

    pub(super) fn gateway(&self) -> &dyn Gateway {
        &*self.gateway
    }

    /// Those of one step.
    pub(super) fn of(&self, step: StepName) -> impl Iterator<Item = &SentText> {
        self.sent.values().filter(move |p| p.step == step)
    }

    /// Segments that were handed to the carrier.
    pub(super) fn handed_over(&self) -> usize {
        let written = self.sent.values().filter(|p| p.written.is_some());
        written.map(|p| usize::from(p.segments)).sum()
    }

    /// What came and is not ours; the carrier gives it again.
    pub(super) fn others(&self) -> u64 {
        self.early.len() as u64 + self.other_texts
    }

    /// Hands texts to the gateway; gives the first one's sequence number.
    pub(super) fn send(
        &mut self,
        step: StepName,
        batching: Batching,
        asked: Micros,
        texts: Vec<OutgoingText>,
    ) -> u32 {
        let first = self.next_sequence;
        let mut batch = Vec::with_capacity(texts.len());
        for text in texts {
            let sequence = self.next_sequence;
            self.next_sequence += 1;
            if batching == Batching::Alone || sequence == first {
                self.next_position += 1;
            }
            let sharing = match batching {
                Batching::Alone => Sharing::Only(sequence),
                Batching::Together => Sharing::Anyone,
            };
            batch.push(Submit {
                sequence,
                link: text.link,
                lane: LANE,
                priority: Priority::Normal,
                phone: text.receiver.phone,
                text: text.text,
                part: text.part,
                segments: text.segments,
                valid_until: Some(self.valid_until),
                request: RequestId {
                    claim: ClaimId(1),
                    position: self.next_position,
                    asked,
                    repeat: false,
                },
                sharing,
            });
            let sent = SentText::new(step, text.receiver, text.segments);
            self.sent.insert(sequence, sent);
        }
        self.gateway.submit(batch);
        first
    }

    /// Listens until all of the step's texts are answered, or can't be any more.
    pub(super) async fn settle(&mut self, step: StepName, within: Duration) -> Result<(), Halted> {
        let until = Instant::now() + within;
        self.until(until, |session| session.of(step).all(SentText::is_settled))
            .await?;
        Ok(())
    }

    /// Listens until each taken text of the step has its report, or for so long.
    pub(super) async fn reported(
        &mut self,
        step: StepName,
        within: Duration,
    ) -> Result<(), Halted> {
        let until = Instant::now() + within;
        let all = |session: &Self| {
            let mut taken = session.of(step).filter(|p| p.is_accepted());
            taken.all(|p| !p.reports.is_empty())
        };
        self.until(until, all).await?;
        Ok(())
    }

    /// Listens until something holds; false when it does not in time.
    pub(super) async fn until(
        &mut self,
        deadline: Instant,
        done: impl Fn(&Self) -> bool,
    ) -> Result<bool, Halted> {
        loop {
            if done(self) {
                return Ok(true);
            }
            tokio::select! {
                () = self.halt.halted() => return Err(Halted),
                event = self.events.recv(), if !self.closed => match event {
                    Some((_, event)) => self.on_event(event),
                    None => self.closed = true,
                },
                () = sleep_until(deadline) => return Ok(done(self)),
            }
        }
    }

    /// Asks the gateway to end, and hears it out.
    pub(super) async fn close(&mut self, grace: Duration, patience: Duration) {
        self.gateway.close(grace);
        let deadline = Instant::now() + patience;
        while !self.closed {
            // Also broken off it is heard out: what left has to be counted.
            match tokio::time::timeout_at(deadline, self.events.recv()).await {
                Ok(Some((_, event))) => self.on_event(event),
                Ok(None) => self.closed = true,
                Err(tokio::time::error::Elapsed { .. }) => return,
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        let now = Instant::now();
        let order = self.next_order;
        self.next_order += 1;
        match event {
            Event::LinkUp(link) => {
                self.was_up = true;
                self.links_up.retain(|up| *up != link);
                self.links_up.push(link);
            }
            Event::LinkDown {
                link,
                end,
                unanswered,
                unwritten,
                idle,
            } => {
                self.links_up.retain(|up| *up != link);
                self.downs.push(Down { at: now, end, idle });
                self.end(&unanswered, SubmitFailure::Unanswered, order);
                self.end(&unwritten, SubmitFailure::Unwritten, order);
            }
            Event::Written(sequences) => {
                for sequence in sequences {
                    if let Some(text) = self.sent.get_mut(&sequence) {
                        text.written.get_or_insert(now);
                        text.span.0 = Some(order);
                    }
                }
            }
            Event::Answered { link, answers } => self.answered(now, order, link, answers),
            Event::TimedOut(sequences) => self.end(&sequences, SubmitFailure::Unanswered, order),
            Event::Recalled(sequences) | Event::GivenBack(sequences) => {
                self.end(&sequences, SubmitFailure::Unwritten, order);
            }
            Event::Delivered { delivery, tokens } => {
                self.last_delivery = Some(now);
                match delivery {
                    Delivery::Report(report) => self.report(report, now, tokens),
                    Delivery::Mo(mo) => self.text(mo, now, tokens),
                }
            }
            Event::Notice(Notice::LoginRefused { refusal, .. }) => {
                self.login_refused = Some(refusal.reason);
            }
            Event::Notice(Notice::StillThere(link)) => _ = self.still_there.insert(link, now),
            // Health says the same, whenever it is asked.
            Event::Notice(
                Notice::Listening(_)
                | Notice::NotListening { .. }
                | Notice::OnlySingly
                | Notice::LoginTaken,
            )
            | Event::Pace(_) => {}
        }
    }

    fn end(&mut self, sequences: &[u32], failure: SubmitFailure, order: u64) {
        for sequence in sequences {
            if let Some(text) = self.sent.get_mut(sequence)
                && text.answer.is_none()
            {
                text.failure = Some(failure);
                text.span.1.get_or_insert(order);
            }
        }
    }

    fn answered(&mut self, now: Instant, order: u64, link: LinkNo, answers: Vec<(u32, Answer)>) {
        for (sequence, answer) in answers {
            if let Some(text) = self.sent.get_mut(&sequence) {
                text.answered = Some(now);
                text.answer = Some(answer);
                text.link = Some(link);
                text.answer_no = Some(order);
                text.span.1.get_or_insert(order);
            }
        }
        // Reports may overtake the answer that tells their id.
        for (report, at, tokens) in std::mem::take(&mut self.early) {
            self.report(report, at, tokens);
        }
    }

    /// Only what is ours is acknowledged: for anything else the carrier has to come again, when there is an
    /// engine that makes it durable.
    fn report(&mut self, report: Report, at: Instant, tokens: Vec<AckToken>) {
        let is_it =
            |p: &&mut SentText| p.receiver.phone == report.phone && p.has_id(&report.carrier_id);
        let mut ours: Vec<&mut SentText> = self.sent.values_mut().filter(is_it).collect();
        // Of a carrier that gives an id twice, the one that still waits.
        let waiting = ours.iter().position(|p| p.reports.is_empty());
        if ours.is_empty() {
            if self.early.len() < MOST_EARLY {
                self.early.push((report, at, tokens));
            } else {
                self.other_texts += 1;
            }
            return;
        }
        self.twice += u64::from(waiting.is_none());
        let text = ours.swap_remove(waiting.unwrap_or(0));
        text.reports.push((at, report.status, report.code));
        self.gateway.acknowledge(tokens);
    }

    fn text(&mut self, mo: Mo, at: Instant, tokens: Vec<AckToken>) {
        if self.phones.contains(&mo.phone) && mo.text.contains(&self.word) {
            self.gateway.acknowledge(tokens);
            self.reply.get_or_insert(Reply { at, mo });
        } else {
            self.other_texts += 1;
        }
    }
}
