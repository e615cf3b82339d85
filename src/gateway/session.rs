//! One link to a carrier's gateway without the socket: bytes, submits and the time go in; bytes,
//! events and a deadline come out. Login, window, response time-outs, keep-alive and unbinding are
//! written once here for every protocol; a [`SessionProtocol`] gives the PDUs and no loops.
//!
//! It reads no clock, and it forgets nothing: each submit it took is either answered, or named in
//! [`Remains`] when the link has ended, as handed to the socket or not.

mod answers;
mod end;
mod event;
mod incoming;

pub use end::LinkEnd;
pub use event::{LinkLimits, NotTaken, Remains, SessionEvent};

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use bytes::{Buf, BytesMut};
use tokio::time::Instant;

use super::{
    DeliverRef, Submit,
    protocol::{Incoming, Response, SessionProtocol},
};
use crate::domain::{id::LaneId, time::Micros};

/// Unanswered keep-alives before the link counts as lost: the documents' N.
const KEEP_ALIVE_TRIES: u8 = 3;

/// How long our unbind waits for its answer; a peer that does not answer has gone already.
const UNBIND_WAIT: Duration = Duration::from_secs(2);

/// How long the peer's unbind waits for the answers that it owes us.
const PEER_UNBIND_WAIT: Duration = Duration::from_secs(5);

/// A link that was idle for so long when its peer closed it was closed for being idle.
const IDLE_END: Duration = Duration::from_secs(1);

/// How long the answer to a refused login has to get out.
const REFUSAL_FLUSH: Duration = Duration::from_millis(100);

/// Overdue answers that a link may owe. Above it the link is broken, and closing it tells the engine
/// that they can no longer come; it also bounds what is remembered.
const LATE_LIMIT: usize = 65_536;

/// Bytes of responses that may wait for a peer that does not read.
const TRANSMIT_LIMIT: usize = 4 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    LoggingIn,
    Up,
    /// The peer has dialled us and has to log in.
    AwaitingLogin,
    /// The peer has dialled us and is logged in: it asks, we answer.
    Serving,
    /// The peer has dialled us and may not: what it sends is not read any more.
    Refused,
    /// No more submits; unbinds when the window is empty.
    Draining,
    /// Our unbind is out.
    Unbinding,
    /// The peer wants to unbind: no more submits; answered when the window is empty.
    PeerUnbinds,
    /// The answer to the peer's unbind is out.
    UnboundByPeer,
}

impl State {
    /// How the connection ends when this state has lasted for its time.
    fn timed_out(self) -> Option<LinkEnd> {
        match self {
            Self::LoggingIn => Some(LinkEnd::LoginTimeout),
            Self::AwaitingLogin => Some(LinkEnd::NoLogin),
            Self::Refused => Some(LinkEnd::RefusedByUs),
            Self::Unbinding => Some(LinkEnd::Unbound { answered: false }),
            Self::UnboundByPeer => Some(LinkEnd::UnboundByPeer),
            Self::Up | Self::Serving | Self::Draining | Self::PeerUnbinds => None,
        }
    }
}

/// A submit in the transmit buffer: its bytes' place, counted from the connection's first byte, and the
/// batch that it carries; the first one's sequence number is its own.
#[derive(Debug)]
struct Buffered {
    start: u64,
    end: u64,
    batch: Vec<Submit>,
}

/// A submit that is written and unanswered.
#[derive(Debug)]
struct Sent {
    at: Instant,
    /// What it carries, where that is several; empty for one.
    batch: Vec<Submit>,
    /// Its lane was recalled since: none of it is written again.
    recalled: bool,
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
    limits: LinkLimits,
    state: State,
    /// When the state has lasted for too long; none for those that may last.
    state_until: Option<Instant>,
    ended: Option<LinkEnd>,
    input: BytesMut,
    transmit: BytesMut,
    /// Bytes handed to the socket so far.
    handed: u64,
    buffered: VecDeque<Buffered>,
    /// The end of the submit that was handed over last, and how many numbers it has.
    last_handed: (u64, u32),
    /// Written and unanswered.
    open: HashMap<u32, Sent>,
    /// The same in the order of writing; answered ones are dropped lazily.
    order: VecDeque<(Instant, u32)>,
    /// Timed out, yet their answer may still come.
    late: HashMap<u32, Vec<Submit>>,
    events: VecDeque<SessionEvent>,
    last_input: Instant,
    last_keep_alive: Option<Instant>,
    /// Keep-alives sent since the last input.
    keep_alives: u8,
    /// The number of the peer's unbind, until it is answered.
    peer_unbind: Option<u32>,
    /// One side unbinds because the link is idle.
    idle_close: bool,
    next_sequence: u32,
}

impl<P: SessionProtocol> Session<P> {
    /// A session on a fresh connection; its login stands in the transmit buffer. `first_sequence` is
    /// where our own requests (login, keep-alive) start counting; `wall` is what the login's
    /// timestamp shows.
    pub fn new(
        now: Instant,
        protocol: P,
        limits: LinkLimits,
        first_sequence: u32,
        wall: Micros,
    ) -> Self {
        let until = now + limits.response_timeout;
        let mut session = Self::fresh(now, protocol, limits, State::LoggingIn, until);
        session.next_sequence = first_sequence;
        let sequence = session.sequence();
        session
            .protocol
            .login(sequence, wall, &mut session.transmit);
        session
    }

    /// A session on a connection that the peer has opened: it logs in within the response time-out, asks, and
    /// may be silent for `keep_alive`.
    pub fn host(now: Instant, protocol: P, limits: LinkLimits) -> Self {
        let until = now + limits.response_timeout;
        Self::fresh(now, protocol, limits, State::AwaitingLogin, until)
    }

    fn fresh(now: Instant, protocol: P, limits: LinkLimits, state: State, until: Instant) -> Self {
        Self {
            protocol,
            limits,
            state,
            state_until: Some(until),
            ended: None,
            input: BytesMut::new(),
            transmit: BytesMut::new(),
            handed: 0,
            buffered: VecDeque::new(),
            last_handed: (0, 0),
            open: HashMap::new(),
            order: VecDeque::new(),
            late: HashMap::new(),
            events: VecDeque::new(),
            last_input: now,
            last_keep_alive: None,
            keep_alives: 0,
            peer_unbind: None,
            idle_close: false,
            next_sequence: 0,
        }
    }

    /// How the link ended, once it has; the driver then closes the socket and asks
    /// [`Session::into_remains`].
    pub fn ended(&self) -> Option<&LinkEnd> {
        self.ended.as_ref()
    }

    /// Logged in and taking submits?
    pub fn is_up(&self) -> bool {
        self.ended.is_none() && self.state == State::Up
    }

    /// Has the link ended, or is it about to, only because it was idle? No answer is owed then, and the next
    /// connection may come at once.
    pub fn ends_idle(&self, now: Instant) -> bool {
        self.protocol.closes_when_idle()
            && self.unanswered() == 0
            && self.late.is_empty()
            && (self.idle_close || self.was_idle(now))
    }

    fn was_idle(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_input) >= IDLE_END
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
        self.open.len() + self.buffered.len()
    }

    /// Bytes from the peer, in any cut.
    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        if self.ended.is_some() {
            return;
        }
        let was_idle = self.was_idle(now);
        self.last_input = now;
        if self.keep_alives > 0 {
            self.events.push_back(SessionEvent::StillThere);
        }
        self.keep_alives = 0;
        self.input.extend_from_slice(bytes);
        while self.ended.is_none() {
            match self.protocol.decode(&mut self.input) {
                Ok(Some(incoming)) => {
                    self.idle_close |= was_idle && matches!(incoming, Incoming::Unbind { .. });
                    self.handle(now, incoming);
                }
                Ok(None) => break,
                Err(fatal) => self.end(LinkEnd::Protocol(fatal.0)),
            }
        }
        if self.transmit.len() > TRANSMIT_LIMIT {
            self.end(LinkEnd::ResponsesUnread);
        }
        self.unbind_when_drained(now);
    }

    /// The driver has no connection any more, or gives it up.
    pub fn handle_end(&mut self, end: LinkEnd) {
        self.end(end);
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.ended.is_some() {
            return;
        }
        if self.state_until.is_some_and(|until| now >= until) {
            if self.state == State::PeerUnbinds {
                self.answer_unbind(now);
            } else if let Some(end) = self.state.timed_out() {
                return self.end(end);
            }
        }
        self.expire(now);
        if now >= self.next_keep_alive() {
            self.on_silence(now);
        }
        self.unbind_when_drained(now);
    }

    /// Nothing came for as long as a keep-alive waits.
    fn on_silence(&mut self, now: Instant) {
        if self.state == State::Serving {
            return self.end(LinkEnd::Silent);
        }
        self.last_keep_alive = Some(now);
        if self.protocol.closes_when_idle() {
            self.idle_close = true;
            return self.close(now);
        }
        if self.keep_alives >= KEEP_ALIVE_TRIES {
            return self.end(LinkEnd::KeepAliveLost);
        }
        self.keep_alives += 1;
        if matches!(self.state, State::Up | State::Draining) {
            let sequence = self.sequence();
            self.protocol.keep_alive(sequence, &mut self.transmit);
        }
    }

    /// The driver has not read for a while, so the peer's silence means nothing.
    pub fn excuse_silence(&mut self, now: Instant) {
        self.last_input = now;
        self.keep_alives = 0;
    }

    /// When [`Session::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.ended.is_some() {
            return None;
        }
        let answer = self
            .order
            .front()
            .map(|(written, _)| *written + self.limits.response_timeout);
        [self.state_until, answer, Some(self.next_keep_alive())]
            .into_iter()
            .flatten()
            .min()
    }

    /// What happened since it was last asked.
    pub fn poll_event(&mut self) -> Option<SessionEvent> {
        self.events.pop_front()
    }

    /// Bytes for the socket; what it took goes to [`Session::transmitted`].
    pub fn poll_transmit(&self) -> &[u8] {
        &self.transmit
    }

    /// The socket took the first `count` bytes: names those whose submit's first byte was among them.
    pub fn transmitted(&mut self, now: Instant, count: usize) -> Vec<u32> {
        self.transmit.advance(count);
        self.handed += count as u64;
        let mut written = Vec::new();
        while let Some(Buffered { end, batch, .. }) =
            self.buffered.pop_front_if(|b| b.start < self.handed)
        {
            let Some(own) = batch.first().map(|s| s.sequence) else {
                continue;
            };
            written.extend(batch.iter().map(|s| s.sequence));
            self.last_handed = (end, batch.len() as u32);
            let batch = if batch.len() > 1 { batch } else { Vec::new() };
            let sent = Sent {
                at: now,
                batch,
                recalled: false,
            };
            self.open.insert(own, sent);
            self.order.push_back((now, own));
        }
        written
    }

    /// Numbers in the submit of which the socket has taken a part only.
    pub fn half_sent(&self) -> u32 {
        if self.handed < self.last_handed.0 {
            self.last_handed.1
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
        self.buffered.push_back(Buffered { start, end, batch });
        Ok(())
    }

    /// Nothing of these lanes (of all when empty) that is on its way is to be written again.
    pub fn recall(&mut self, lanes: &[LaneId]) {
        for sent in self.open.values_mut() {
            let lane = sent.batch.first().map(|s| s.lane);
            sent.recalled |= lane.is_some_and(|lane| lanes.is_empty() || lanes.contains(&lane));
        }
    }

    /// Takes back the submits of which no byte was handed to the socket: they will be paced anew.
    pub fn withdraw(&mut self) -> Vec<Submit> {
        if self.buffered.is_empty() {
            return Vec::new();
        }
        let mut kept = BytesMut::with_capacity(self.transmit.len());
        let mut from = 0;
        let withdrawn = std::mem::take(&mut self.buffered);
        for submit in &withdrawn {
            let start = (submit.start - self.handed) as usize;
            kept.extend_from_slice(&self.transmit[from..start]);
            from = (submit.end - self.handed) as usize;
        }
        kept.extend_from_slice(&self.transmit[from..]);
        self.transmit = kept;
        withdrawn.into_iter().flat_map(|b| b.batch).collect()
    }

    /// Answers a deliver: it is durable.
    pub fn acknowledge(&mut self, deliver: DeliverRef) {
        if self.ended.is_none() && self.state_allows_responses() {
            self.respond(deliver, true);
        }
    }

    fn respond(&mut self, deliver: DeliverRef, ok: bool) {
        let reply = Response::Delivery {
            deliver_id: deliver.id,
            ok,
        };
        self.protocol
            .respond(deliver.sequence, reply, &mut self.transmit);
    }

    /// Takes no more submits, and unbinds as soon as the window is empty.
    pub fn close(&mut self, now: Instant) {
        match self.state {
            State::Up => {
                self.enter(State::Draining, None);
                self.unbind_when_drained(now);
            }
            State::LoggingIn => self.end(LinkEnd::ClosedBeforeLogin),
            State::AwaitingLogin | State::Serving | State::Refused => self.end(LinkEnd::Closed),
            State::Draining | State::Unbinding | State::PeerUnbinds | State::UnboundByPeer => {}
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
            unwritten: self.buffered.into_iter().flat_map(|b| b.batch).collect(),
        }
    }

    fn enter(&mut self, state: State, until: Option<Instant>) {
        self.state = state;
        self.state_until = until;
    }

    /// The peer's unbind: what it still owes an answer to would be in doubt if the link ended at once.
    fn peer_unbinds(&mut self, now: Instant, sequence: u32) {
        self.peer_unbind = Some(sequence);
        match self.state {
            State::Up | State::Draining if self.unanswered() > 0 => {
                self.enter(State::PeerUnbinds, Some(now + PEER_UNBIND_WAIT));
            }
            _ => self.answer_unbind(now),
        }
    }

    fn answer_unbind(&mut self, now: Instant) {
        if let Some(sequence) = self.peer_unbind.take() {
            self.protocol
                .respond(sequence, Response::Unbind, &mut self.transmit);
        }
        self.enter(State::UnboundByPeer, Some(now));
    }

    fn unbind_when_drained(&mut self, now: Instant) {
        if self.ended.is_none() && self.state == State::PeerUnbinds && self.unanswered() == 0 {
            return self.answer_unbind(now);
        }
        if self.ended.is_none() && self.state == State::Draining && self.unanswered() == 0 {
            let sequence = self.sequence();
            self.protocol.unbind(sequence, &mut self.transmit);
            self.enter(State::Unbinding, Some(now + UNBIND_WAIT));
        }
    }

    fn state_allows_responses(&self) -> bool {
        !matches!(
            self.state,
            State::LoggingIn | State::AwaitingLogin | State::Refused
        )
    }

    fn next_keep_alive(&self) -> Instant {
        self.last_keep_alive
            .map_or(self.last_input, |sent| sent.max(self.last_input))
            + self.limits.keep_alive
    }

    fn end(&mut self, end: LinkEnd) {
        self.ended.get_or_insert(end);
    }

    fn sequence(&mut self) -> u32 {
        let sequence = self.next_sequence;
        self.next_sequence = self.next_sequence.wrapping_add(1);
        sequence
    }
}

#[cfg(test)]
pub(super) mod tests;
