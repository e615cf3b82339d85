//! One link to a carrier's gateway without the socket: bytes, submits and the time go in; bytes,
//! happenings and a deadline come out. Login, window, response time-outs, keep-alive and goodbye are
//! written once here for every protocol; a [`Protocol`] gives the PDUs and no loops.
//!
//! It reads no clock, and it forgets nothing: each submit it took is either answered, or named in
//! [`Remains`] when the link has ended, as handed to the socket or not.

mod happening;

pub use happening::{Happening, Limits, NotTaken, Remains};

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use bytes::{Buf, BytesMut};
use tokio::time::Instant;

use super::{
    Answer, Submit,
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

/// A submit in the transmit buffer: its bytes' place, counted from the connection's first byte.
#[derive(Debug)]
struct Mark {
    start: u64,
    end: u64,
    submit: Submit,
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
    /// Written and unanswered, with the time of writing.
    open: HashMap<u32, Instant>,
    /// The same in the order of writing; answered ones are dropped lazily.
    order: VecDeque<(Instant, u32)>,
    /// Timed out, yet their answer may still come.
    late: HashSet<u32>,
    happenings: VecDeque<Happening>,
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
            open: HashMap::new(),
            order: VecDeque::new(),
            late: HashSet::new(),
            happenings: VecDeque::new(),
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
    pub fn poll_event(&mut self) -> Option<Happening> {
        self.happenings.pop_front()
    }

    /// Bytes for the socket; tell what it took with [`Session::transmitted`].
    pub fn poll_transmit(&self) -> &[u8] {
        &self.transmit
    }

    /// The socket took the first `count` bytes: names the submits whose first byte was among them.
    pub fn transmitted(&mut self, now: Instant, count: usize) -> Vec<u32> {
        self.transmit.advance(count);
        self.handed += count as u64;
        let mut written = Vec::new();
        while let Some(mark) = self.marks.front().filter(|mark| mark.start < self.handed) {
            let sequence = mark.submit.sequence;
            self.marks.pop_front();
            self.open.insert(sequence, now);
            self.order.push_back((now, sequence));
            written.push(sequence);
        }
        written
    }

    /// Encodes a submit into the transmit buffer and gives it a place in the window.
    #[expect(
        clippy::result_large_err,
        reason = "what is not taken is given back whole, and that is rare"
    )]
    pub fn submit(&mut self, submit: Submit) -> Result<(), NotTaken> {
        if self.room() == 0 {
            return Err(NotTaken::NoRoom(submit));
        }
        if self.open.contains_key(&submit.sequence) || self.late.contains(&submit.sequence) {
            return Err(NotTaken::Unsendable(
                submit,
                "its sequence number is still in use".to_owned(),
            ));
        }
        let before = self.transmit.len();
        if let Err(reason) = self.protocol.submit(&submit, &mut self.transmit) {
            self.transmit.truncate(before);
            return Err(NotTaken::Unsendable(submit, reason));
        }
        let start = self.handed + before as u64;
        let end = self.handed + self.transmit.len() as u64;
        self.marks.push_back(Mark { start, end, submit });
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
        marks.into_iter().map(|mark| mark.submit).collect()
    }

    /// Answers a deliver: it is durable.
    pub fn acknowledge(&mut self, sequence: u32, deliver_id: u128) {
        if self.ended.is_none() && self.state_allows_responses() {
            self.protocol.reply(
                sequence,
                Reply::Delivery {
                    deliver_id,
                    ok: true,
                },
                &mut self.transmit,
            );
        }
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
        let mut unanswered: Vec<u32> = self.late.into_iter().chain(self.open.into_keys()).collect();
        unanswered.sort_unstable();
        Remains {
            unanswered,
            unwritten: self.marks.into_iter().map(|mark| mark.submit).collect(),
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
                    self.happenings.push_back(Happening::Up);
                }
            }
            Incoming::LoginRefused(reason) => {
                if matches!(self.state, State::LoggingIn { .. }) {
                    self.happenings
                        .push_back(Happening::LoginRefused(reason.clone()));
                    self.end(format!("login refused: {reason}"));
                }
            }
            Incoming::Answered { sequence, answer } => self.answered(now, sequence, answer),
            Incoming::Delivered {
                sequence,
                deliver_id,
                content,
            } => {
                self.happenings.push_back(Happening::Delivered {
                    sequence,
                    deliver_id,
                    content,
                });
            }
            Incoming::Malformed {
                sequence,
                deliver_id,
            } => {
                self.protocol.reply(
                    sequence,
                    Reply::Delivery {
                        deliver_id,
                        ok: false,
                    },
                    &mut self.transmit,
                );
            }
            Incoming::Useless {
                sequence,
                deliver_id,
            } => {
                self.protocol.reply(
                    sequence,
                    Reply::Delivery {
                        deliver_id,
                        ok: true,
                    },
                    &mut self.transmit,
                );
            }
            Incoming::KeepAlive { sequence } => {
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
                self.happenings.push_back(Happening::Up);
            }
            Some(reason) => {
                self.happenings.push_back(Happening::LoginRefused(reason));
                self.state = State::Refused {
                    until: now + LAST_WORD,
                };
            }
        }
    }

    fn answered(&mut self, now: Instant, sequence: u32, answer: Answer) {
        let delay = match self.open.remove(&sequence) {
            Some(written) => now.saturating_duration_since(written),
            None if self.late.remove(&sequence) => self.limits.response_timeout,
            // Not ours: an answer to nothing we asked on this connection.
            None => return,
        };
        self.happenings.push_back(Happening::Answered {
            sequence,
            answer,
            delay,
        });
        while self
            .order
            .front()
            .is_some_and(|(written, seq)| self.open.get(seq) != Some(written))
        {
            self.order.pop_front();
        }
        // One overdue answer at the front would let the answered ones behind it pile up.
        if self.order.len() > 2 * self.open.len() + 1_024 {
            let open = &self.open;
            self.order
                .retain(|(written, seq)| open.get(seq) == Some(written));
        }
    }

    fn expire(&mut self, now: Instant) {
        let mut overdue = Vec::new();
        while let Some(&(written, sequence)) = self.order.front() {
            if written + self.limits.response_timeout > now {
                break;
            }
            self.order.pop_front();
            if self.open.get(&sequence) == Some(&written) {
                self.open.remove(&sequence);
                self.late.insert(sequence);
                overdue.push(sequence);
            }
        }
        if !overdue.is_empty() {
            self.happenings.push_back(Happening::TimedOut(overdue));
        }
        if self.late.len() > LATE_LIMIT {
            self.end("the carrier owes too many answers".to_owned());
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
