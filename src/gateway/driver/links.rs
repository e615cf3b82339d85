//! The driver's side of its links: connecting, reading, and what their sessions' events come to.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, info};

use super::{Driver, LOGIN_TRIES, OUTBOX_LIMIT};
use crate::gateway::{
    AckToken, Answer, Delivery, Event, LoginFault, Notice,
    link::{Link, LinkPhase},
    protocol::{MoPart, SessionProtocol},
    session::{LinkEnd, Session, SessionEvent},
};

impl<P: SessionProtocol + Clone> Driver<P> {
    /// Reads one link, and handles its session's events.
    pub(super) fn read_link(&mut self, index: usize) {
        let now = Instant::now();
        let link = &mut self.links[index];
        match &mut link.phase {
            LinkPhase::Waiting { .. } | LinkPhase::Connecting { result: None, .. } => return,
            LinkPhase::Connecting { result, .. } => match result.take() {
                Some(Ok(stream)) => {
                    let wall = self.context.clock.now();
                    let first = self.random.next() as u32;
                    link.begin(
                        stream,
                        Session::new(
                            now,
                            self.protocol.clone(),
                            self.settings.limits,
                            first,
                            wall,
                        ),
                        self.tracer.as_ref(),
                    );
                }
                Some(Err(e)) => {
                    let end = LinkEnd::NotConnected {
                        address: self.settings.address.clone(),
                        reason: e.to_string(),
                    };
                    return self.on_link_end(index, end);
                }
                None => return,
            },
            LinkPhase::Connected(connection) => {
                let may_read = self.outbox.len() < OUTBOX_LIMIT;
                connection.turn(now, may_read, &mut self.buffer);
            }
        }
        self.drain_session(index);
    }

    pub(super) fn drain_session(&mut self, index: usize) {
        let now = Instant::now();
        while let Some(event) = self.links[index]
            .connection()
            .and_then(|connection| connection.session.poll_event())
        {
            self.on_session_event(now, index, event);
        }
        if let Some(end) = self.links[index]
            .connection()
            .and_then(|connection| connection.session.ended().cloned())
        {
            self.on_link_end(index, end);
        }
    }

    fn on_session_event(&mut self, now: Instant, index: usize, event: SessionEvent) {
        let link = &mut self.links[index];
        let no = link.no;
        match event {
            SessionEvent::Up => {
                if let Some(connection) = link.connection() {
                    connection.up_since = Some(now);
                }
                (self.refused, self.rests_until) = (0, None);
                if std::mem::take(&mut self.was_refused) {
                    self.outbox.push(Event::Notice(Notice::LoginTaken));
                }
                info!(gateway.id = %self.settings.id, link = no, "Gateway {} logged in", self.settings.id);
                self.outbox.push(Event::LinkUp(no));
                self.report_health();
            }
            SessionEvent::LoginRefused(refusal) => {
                let rests = self.rest_after(now, refusal.about);
                let notice = Notice::LoginRefused { refusal, rests };
                self.outbox.push(Event::Notice(notice));
            }
            SessionEvent::Answered { answers, delay } => {
                link.proved_good();
                let is_throttled =
                    |(_, answer): &(u32, Answer)| matches!(answer, Answer::Throttled(_));
                if answers.iter().any(is_throttled) && self.pacer.throttled(now, delay) {
                    self.outbox.push(Event::Pace(self.pacer.pace()));
                }
                self.outbox.push(Event::Answered { link: no, answers });
            }
            SessionEvent::OnlySingly(batch) => {
                link.proved_good();
                if !self.only_singly {
                    self.only_singly = true;
                    self.outbox.push(Event::Notice(Notice::OnlySingly));
                }
                self.queue.push_front(batch);
            }
            SessionEvent::Split(batch) => {
                link.proved_good();
                self.split(batch);
            }
            SessionEvent::Recalled(sequences) => {
                link.proved_good();
                self.outbox.push(Event::GivenBack(sequences));
            }
            SessionEvent::StillThere => {
                let notice = Notice::StillThere(no);
                self.outbox.push(Event::Notice(notice));
            }
            SessionEvent::TimedOut(sequences) => self.outbox.push(Event::TimedOut(sequences)),
            SessionEvent::Delivered { deliver, content } => {
                let token = AckToken {
                    link: no,
                    connection: link.connection_no,
                    deliver,
                };
                self.delivered(now, content, token);
            }
        }
    }

    /// Too often for account or password: the next try comes slowly. Anything else passes by itself.
    fn rest_after(&mut self, now: Instant, about: LoginFault) -> Option<Duration> {
        self.was_refused = true;
        if about != LoginFault::Credentials {
            return None;
        }
        self.refused += 1;
        if self.refused < LOGIN_TRIES {
            return None;
        }
        let rests = self.settings.login_retry;
        self.rests_until = Some(now + rests.mul_f64(1.0 + self.random.unit() / 10.0));
        Some(rests)
    }

    pub(super) fn delivered(&mut self, now: Instant, content: Delivery<MoPart>, token: AckToken) {
        match content {
            Delivery::Report(report) => self.outbox.push(Event::Delivered {
                delivery: Delivery::Report(report),
                tokens: vec![token],
            }),
            Delivery::Mo(part) => self.outbox.extend(self.inbound.push(now, part, token)),
        }
    }

    /// The link's connection is over, or never came to be.
    fn on_link_end(&mut self, index: usize, end: LinkEnd) {
        let now = Instant::now();
        let jitter = self.random.unit();
        let link = &mut self.links[index];
        let no = link.no;
        let was_up = link
            .connection()
            .is_some_and(|connection| connection.up_since.is_some());
        let idle = was_up
            && link
                .connection()
                .is_some_and(|connection| connection.session.ends_idle(now));
        if idle {
            link.proved_good();
        }
        let remains = link.drop_connection(now, jitter).unwrap_or_default();
        // The engine raises the alert; here it is detail.
        debug!(gateway.id = %self.settings.id, link = no, reason = %end, "Gateway {} has lost a link", self.settings.id);
        if !idle {
            self.trouble = Some(end.to_string());
        }
        if was_up {
            // It was logged in, so its password is right, and it has its tries again.
            (self.refused, self.rests_until) = (0, None);
            let mut unwritten: Vec<u32> = remains
                .unwritten
                .iter()
                .map(|submit| submit.sequence)
                .collect();
            unwritten.append(&mut self.queue.unpin(no));
            if !self.links.iter().any(Link::is_up) {
                // No link is left to write them: another gateway may, or the next link.
                unwritten.append(&mut self.queue.recall(&[]));
            }
            self.outbox.push(Event::LinkDown {
                link: no,
                end,
                unanswered: remains.unanswered,
                unwritten,
                idle,
            });
        }
        self.report_health();
    }

    pub(super) fn end_all(&mut self, end: &LinkEnd) {
        for index in 0..self.links.len() {
            match self.links[index].connection() {
                Some(connection) => connection.session.handle_end(end.clone()),
                None => continue,
            }
            self.drain_session(index);
        }
    }

    /// Starts connecting where it is time. While no link is up one tries at a time: a wrong password
    /// is then tried thrice and not thrice a link.
    pub(super) fn connect(&mut self, now: Instant) {
        let anyone_up = self.links.iter().any(Link::is_up);
        let mut trying = self
            .links
            .iter()
            .any(|link| !link.is_idle() && !link.is_up());
        let rests = self.rests_until.is_some_and(|until| now < until);
        if rests || !self.context.gate.is_open(now) {
            return;
        }
        for link in &mut self.links {
            let due = matches!(link.phase, LinkPhase::Waiting { until } if until <= now);
            if due && (anyone_up || !trying) {
                link.connect(self.settings.address.clone(), self.settings.local_address);
                trying = true;
            }
        }
    }
}
