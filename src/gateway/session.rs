//! One link to a carrier's gateway without the socket: bytes, submits and the time go in; bytes,
//! events and a deadline come out. Login, window, response time-outs, keep-alive and goodbye are
//! written once here for every protocol; a [`Protocol`] gives the PDUs and no loops.
//!
//! It reads no clock, and it forgets nothing: each submit it took is either answered, or named in
//! [`Remains`] when the link has ended, as handed to the socket or not.

mod answers;
mod event;

pub use event::{Limits, NotTaken, Remains, SessionEvent};

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use bytes::{Buf, BytesMut};
use tokio::time::Instant;

use super::{
    DeliverRef, Submit,
    protocol::{Incoming, Protocol, Reply},
};
use crate::domain::time::Micros;

/// Unanswered keep-alives before the link counts as lost: the documents' N.
const KEEP_ALIVE_TRIES: u8 = 3;

/// How long a goodbye waits for its answer; the peer that does not say it back has gone already.
const GOODBYE_WAIT: Duration = Duration::from_secs(2);

/// A link that was quiet for so long when its peer closed it was closed because it was quiet.
const QUIET: Duration = Duration::from_secs(1);

/// How long the answer to a refused login has to get out.
const LAST_WORD: Duration = Duration::from_millis(100);

/// Overdue answers that a link may owe. Above it the link is broken, and closing it tells the engine
/// that they can no longer come; it also bounds what is remembered.
const LATE_LIMIT: usize = 65_536;

/// Bytes of responses that may wait for a peer that does not read.
const TRANSMIT_LIMIT: usize = 4 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    LoggingIn {
        until: Instant,
    },
    Up,
    /// The peer has dialled us and has to log in.
    Expecting {
        until: Instant,
    },
    /// The peer has dialled us and is logged in: it asks, we answer.
    Hosting,
    /// The peer has dialled us and may not: it is not listened to any more.
    Refused {
        until: Instant,
    },
    /// No more submits; says goodbye when the window is empty.
    Draining,
    /// Our goodbye is out, or the answer to the peer's.
    Leaving {
        until: Instant,
    },
}

/// A submit in the transmit buffer: its bytes' place, counted from the connection's first byte, and those
/// who travel in it; the first one's sequence number is its own.
#[derive(Debug)]
struct Mark {
    start: u64,
    end: u64,
    batch: Vec<Submit>,
}

/// A submit that is written and unanswered.
#[derive(Debug)]
struct Sent {
    at: Instant,
    /// Those who travel in it, where there are several.
    batch: Vec<Submit>,
}

/// The sequence numbers in a submit with this number: its own alone where it has no list.
fn sequences(own: u32, batch: &[Submit]) -> Vec<u32> {
    match batch {
        [] => vec![own],
        several => several.iter().map(|s| s.sequence).collect(),
    }
}

/// One connection's session.
#[derive(Debug)]
pub struct Session<P> {
    protocol: P,
    limits: Limits,
    state: State,
    ended: Option<String>,
    input: BytesMut,
    transmit: BytesMut,
    /// Bytes handed to the socket so far.
    handed: u64,
    marks: VecDeque<Mark>,
    /// The last byte of the submit that was handed over last, and how many numbers it has.
    last: (u64, u32),
    /// Written and unanswered.
    open: HashMap<u32, Sent>,
    /// The same in the order of writing; answered ones are dropped lazily.
    order: VecDeque<(Instant, u32)>,
    /// Timed out, yet their answer may still come.
    late: HashMap<u32, Vec<Submit>>,
    events: VecDeque<SessionEvent>,
    last_input: Instant,
    last_test: Option<Instant>,
    tests: u8,
    /// It ends because nothing was said on it.
    resting: bool,
    next_sequence: u32,
}

impl<P: Protocol> Session<P> {
    /// A session on a fresh connection; its login stands in the transmit buffer. `first_sequence` is
    /// where our own requests (login, keep-alive) start counting; `wall` is what the login's
    /// timestamp shows.
    pub fn new(
        now: Instant,
        protocol: P,
        limits: Limits,
        first_sequence: u32,
        wall: Micros,
    ) -> Self {
        let until = now + limits.response_timeout;
        let mut session = Self::fresh(now, protocol, limits, State::LoggingIn { until });
        session.next_sequence = first_sequence;
        let sequence = session.sequence();
        session
            .protocol
            .login(sequence, wall, &mut session.transmit);
        session
    }

    /// A session on a connection that the peer has opened: it logs in within the response time-out, asks, and
    /// may be silent for as long as `keep_alive` says.
    pub fn host(now: Instant, protocol: P, limits: Limits) -> Self {
        let until = now + limits.response_timeout;
        Self::fresh(now, protocol, limits, State::Expecting { until })
    }

    fn fresh(now: Instant, protocol: P, limits: Limits, state: State) -> Self {
        Self {
            protocol,
            limits,
            state,
            ended: None,
            input: BytesMut::new(),
            transmit: BytesMut::new(),
            handed: 0,
            marks: VecDeque::new(),
            last: (0, 0),
            open: HashMap::new(),
            order: VecDeque::new(),
            late: HashMap::new(),
            events: VecDeque::new(),
            last_input: now,
            last_test: None,
            tests: 0,
            resting: false,
            next_sequence: 0,
        }
    }

    /// Why the link is over, once it is; the driver then closes the socket and asks
    /// [`Session::into_remains`].
    pub fn ended(&self) -> Option<&str> {
        self.ended.as_deref()
    }

    /// Logged in and taking submits?
    pub fn is_up(&self) -> bool {
        self.ended.is_none() && self.state == State::Up
    }

    /// Is the link over, or going, only because nothing was said on it? Nothing is owed then, and the next
    /// connection may come at once.
    pub fn is_resting(&self, now: Instant) -> bool {
        let quiet = now.saturating_duration_since(self.last_input) >= QUIET;
        self.protocol.rests()
            && self.unanswered() == 0
            && self.late.is_empty()
            && (self.resting || quiet)
    }

    /// How many more submits the window takes now.
    pub fn room(&self) -> usize {
        if self.is_up() {
            self.limits.window.saturating_sub(self.unanswered())
        } else {
            0
        }
    }

    /// Submits that the carrier owes an answer to, in time.
    pub fn unanswered(&self) -> usize {
        self.open.len() + self.marks.len()
    }

    /// Bytes from the peer, in any cut.
    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        if self.ended.is_some() {
            return;
        }
        let quiet = now.saturating_duration_since(self.last_input) >= QUIET;
        self.last_input = now;
        if self.tests > 0 {
            self.events.push_back(SessionEvent::StillThere);
        }
        self.tests = 0;
        self.input.extend_from_slice(bytes);
        while self.ended.is_none() {
            match self.protocol.decode(&mut self.input) {
                Ok(Some(incoming)) => {
                    self.resting |= quiet && matches!(incoming, Incoming::Goodbye { .. });
                    self.handle(now, incoming);
                }
                Ok(None) => break,
                Err(fatal) => self.end(fatal.0),
            }
        }
        if self.transmit.len() > TRANSMIT_LIMIT {
            self.end("the carrier does not read our responses".to_owned());
        }
        self.leave_when_drained(now);
    }

    /// The peer has closed its side, or the socket failed.
    pub fn handle_eof(&mut self, reason: String) {
        self.end(reason);
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.ended.is_some() {
            return;
        }
        match self.state {
            State::LoggingIn { until } if now >= until => {
                return self.end("no answer to the login".to_owned());
            }
            State::Expecting { until } if now >= until => {
                return self.end("it did not log in".to_owned());
            }
            State::Refused { until } if now >= until => {
                return self.end("its login was refused".to_owned());
            }
            State::Leaving { until } if now >= until => return self.end("said goodbye".to_owned()),
            State::LoggingIn { .. }
            | State::Expecting { .. }
            | State::Refused { .. }
            | State::Leaving { .. }
            | State::Up
            | State::Hosting
            | State::Draining => {}
        }
        self.expire(now);
        if now >= self.next_test() && self.state == State::Hosting {
            return self.end("nothing was said on it for too long".to_owned());
        }
        if now >= self.next_test() && self.protocol.rests() {
            self.last_test = Some(now);
            self.resting = true;
            self.close(now);
        } else if now >= self.next_test() {
            if self.tests >= KEEP_ALIVE_TRIES {
                return self.end("no answer to three keep-alives".to_owned());
            }
            self.tests += 1;
            self.last_test = Some(now);
            if matches!(self.state, State::Up | State::Draining) {
                let sequence = self.sequence();
                self.protocol.keep_alive(sequence, &mut self.transmit);
            }
        }
        self.leave_when_drained(now);
    }

    /// The driver has not read for a while: nothing may be concluded from not having heard.
    pub fn excuse_silence(&mut self, now: Instant) {
        self.last_input = now;
        self.tests = 0;
    }

    /// When [`Session::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.ended.is_some() {
            return None;
        }
        let state = match self.state {
            State::LoggingIn { until }
            | State::Expecting { until }
            | State::Refused { until }
            | State::Leaving { until } => Some(until),
            State::Up | State::Hosting | State::Draining => None,
        };
        let answer = self
            .order
            .front()
            .map(|(written, _)| *written + self.limits.response_timeout);
        [state, answer, Some(self.next_test())]
            .into_iter()
            .flatten()
            .min()
    }

    /// What happened since it was last asked.
    pub fn poll_event(&mut self) -> Option<SessionEvent> {
        self.events.pop_front()
    }

    /// Bytes for the socket; tell what it took with [`Session::transmitted`].
    pub fn poll_transmit(&self) -> &[u8] {
        &self.transmit
    }

    /// The socket took the first `count` bytes: names those whose submit's first byte was among them.
    pub fn transmitted(&mut self, now: Instant, count: usize) -> Vec<u32> {
        self.transmit.advance(count);
        self.handed += count as u64;
        let mut written = Vec::new();
        while let Some(mark) = self.marks.pop_front_if(|mark| mark.start < self.handed) {
            let Some(own) = mark.batch.first().map(|s| s.sequence) else {
                continue;
            };
            written.extend(mark.batch.iter().map(|s| s.sequence));
            self.last = (mark.end, mark.batch.len() as u32);
            let batch = if mark.batch.len() > 1 {
                mark.batch
            } else {
                Vec::new()
            };
            self.open.insert(own, Sent { at: now, batch });
            self.order.push_back((now, own));
        }
        written
    }

    /// Numbers in the submit of which the socket has taken a part only.
    pub fn half_sent(&self) -> u32 {
        if self.handed < self.last.0 {
            self.last.1
        } else {
            0
        }
    }

    /// Encodes one submit to all of these into the transmit buffer and gives it a place in the window.
    /// They differ in nothing but their numbers.
    pub fn submit(&mut self, batch: Vec<Submit>) -> Result<(), NotTaken> {
        if self.room() == 0 {
            return Err(NotTaken::NoRoom(batch));
        }
        let own = batch.first().map(|s| s.sequence);
        if own.is_none_or(|own| self.open.contains_key(&own) || self.late.contains_key(&own)) {
            return Err(NotTaken::Unsendable(
                batch,
                "its sequence number is still in use".to_owned(),
            ));
        }
        let before = self.transmit.len();
        if let Err(reason) = self.protocol.submit(&batch, &mut self.transmit) {
            self.transmit.truncate(before);
            return Err(NotTaken::Unsendable(batch, reason));
        }
        let start = self.handed + before as u64;
        let end = self.handed + self.transmit.len() as u64;
        self.marks.push_back(Mark { start, end, batch });
        Ok(())
    }

    /// Takes back the submits of which no byte was handed to the socket: they will be paced anew.
    pub fn withdraw(&mut self) -> Vec<Submit> {
        if self.marks.is_empty() {
            return Vec::new();
        }
        let mut kept = BytesMut::with_capacity(self.transmit.len());
        let mut from = 0;
        let marks = std::mem::take(&mut self.marks);
        for mark in &marks {
            let start = (mark.start - self.handed) as usize;
            kept.extend_from_slice(&self.transmit[from..start]);
            from = (mark.end - self.handed) as usize;
        }
        kept.extend_from_slice(&self.transmit[from..]);
        self.transmit = kept;
        marks.into_iter().flat_map(|mark| mark.batch).collect()
    }

    /// Answers a deliver: it is durable.
    pub fn acknowledge(&mut self, deliver: DeliverRef) {
        if self.ended.is_none() && self.state_allows_responses() {
            self.respond(deliver, true);
        }
    }

    fn respond(&mut self, deliver: DeliverRef, ok: bool) {
        let reply = Reply::Delivery {
            deliver_id: deliver.id,
            ok,
        };
        self.protocol
            .reply(deliver.sequence, reply, &mut self.transmit);
    }

    /// Takes no more submits, and says goodbye as soon as the window is empty.
    pub fn close(&mut self, now: Instant) {
        match self.state {
            State::Up => {
                self.state = State::Draining;
                self.leave_when_drained(now);
            }
            State::LoggingIn { .. } => self.end("closed before the login was answered".to_owned()),
            State::Expecting { .. } | State::Hosting | State::Refused { .. } => {
                self.end("closed".to_owned());
            }
            State::Draining | State::Leaving { .. } => {}
        }
    }

    /// What the ended link leaves behind, exactly split by what was handed to the socket.
    pub fn into_remains(self) -> Remains {
        let open = self.open.into_iter().map(|(own, sent)| (own, sent.batch));
        let mut unanswered: Vec<u32> = open
            .chain(self.late)
            .flat_map(|(own, batch)| sequences(own, &batch))
            .collect();
        unanswered.sort_unstable();
        Remains {
            unanswered,
            unwritten: self.marks.into_iter().flat_map(|m| m.batch).collect(),
        }
    }

    fn handle(&mut self, now: Instant, incoming: Incoming) {
        if matches!(self.state, State::Refused { .. }) {
            return;
        }
        let login = matches!(incoming, Incoming::LogsIn { .. });
        if matches!(self.state, State::Expecting { .. }) && !login {
            return self.end("it asked for something before its login".to_owned());
        }
        match incoming {
            Incoming::LogsIn { answer, refused } => self.logs_in(now, &answer, refused),
            Incoming::NotServed { answer } => self.transmit.extend_from_slice(&answer),
            Incoming::LoggedIn => {
                if matches!(self.state, State::LoggingIn { .. }) {
                    self.state = State::Up;
                    self.events.push_back(SessionEvent::Up);
                }
            }
            Incoming::LoginRefused(reason) => {
                if matches!(self.state, State::LoggingIn { .. }) {
                    self.events
                        .push_back(SessionEvent::LoginRefused(reason.clone()));
                    self.end(format!("login refused: {reason}"));
                }
            }
            Incoming::Answered {
                sequence,
                answer,
                except,
            } => self.answered(now, sequence, answer, &except),
            Incoming::Delivered { deliver, content } => {
                let event = SessionEvent::Delivered { deliver, content };
                self.events.push_back(event);
            }
            Incoming::Malformed(deliver) => self.respond(deliver, false),
            Incoming::NothingToKeep(deliver) => self.respond(deliver, true),
            Incoming::KeepAlive { sequence } => {
                self.events.push_back(SessionEvent::StillThere);
                self.protocol
                    .reply(sequence, Reply::KeepAlive, &mut self.transmit);
            }
            Incoming::Goodbye { sequence } => {
                self.protocol
                    .reply(sequence, Reply::Goodbye, &mut self.transmit);
                self.state = State::Leaving { until: now };
            }
            Incoming::GoodbyeAnswered => {
                if matches!(self.state, State::Leaving { .. }) {
                    self.end("said goodbye".to_owned());
                }
            }
            Incoming::Other => {}
        }
    }

    /// The peer's login, as the protocol has judged it. One that comes again changes nothing.
    fn logs_in(&mut self, now: Instant, answer: &[u8], refused: Option<String>) {
        self.transmit.extend_from_slice(answer);
        if !matches!(self.state, State::Expecting { .. }) {
            return;
        }
        match refused {
            None => {
                self.state = State::Hosting;
                self.events.push_back(SessionEvent::Up);
            }
            Some(reason) => {
                self.events.push_back(SessionEvent::LoginRefused(reason));
                self.state = State::Refused {
                    until: now + LAST_WORD,
                };
            }
        }
    }

    fn leave_when_drained(&mut self, now: Instant) {
        if self.ended.is_none() && self.state == State::Draining && self.unanswered() == 0 {
            let sequence = self.sequence();
            self.protocol.goodbye(sequence, &mut self.transmit);
            self.state = State::Leaving {
                until: now + GOODBYE_WAIT,
            };
        }
    }

    fn state_allows_responses(&self) -> bool {
        !matches!(
            self.state,
            State::LoggingIn { .. } | State::Expecting { .. } | State::Refused { .. }
        )
    }

    fn next_test(&self) -> Instant {
        self.last_test
            .map_or(self.last_input, |test| test.max(self.last_input))
            + self.limits.keep_alive
    }

    fn end(&mut self, reason: String) {
        self.ended.get_or_insert(reason);
    }

    fn sequence(&mut self) -> u32 {
        let sequence = self.next_sequence;
        self.next_sequence = self.next_sequence.wrapping_add(1);
        sequence
    }
}

#[cfg(test)]
pub(super) mod tests;
