//! The door of a gateway whose carrier dials us: connections come in, are let in or not, log in, and bring
//! reports and texts. They belong to the driver's task as the links do, and are numbered behind them.
//!
//! Whoever knocks is a stranger until the login is taken: who may come from where, how many, how long, and how
//! often somebody may be wrong, all has a limit.

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::{IpAddr, SocketAddr},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::Instant,
};
use tracing::{debug, info, warn};

use super::{Driver, OUTBOX_LIMIT, READS_PER_TURN};
use crate::gateway::{
    AckToken, Event, LinkNo, Notice, WriteGate,
    link::Talk,
    protocol::{self, Protocol},
    session::{Limits, Session, SessionEvent},
    trace::Tracer,
};

/// Connections at the same time. Carriers open a few; a flood finds no more room than this.
const GUESTS: usize = 16;

/// Connections taken from the system at once, so that a flood does not keep the links waiting.
const ARRIVALS: usize = 32;

/// Connections that wait in the system to be taken.
const BACKLOG: u32 = 64;

/// How long a guest has for its login.
const LOGIN_WAIT: Duration = Duration::from_secs(5);

/// A guest that is silent for so long has gone without a word; one that has not dials again.
const LONGEST_SILENCE: Duration = Duration::from_mins(10);

/// With all places taken, who was silent for so long makes room for the next.
const GIVES_WAY: Duration = Duration::from_mins(1);

/// How often a door that can't be opened is tried.
const RETRY: Duration = Duration::from_secs(5);

/// The pause after a connection that could not be taken: out of file descriptors passes.
const PAUSE: Duration = Duration::from_millis(100);

/// Wrong logins from one address before it has to wait, and the longest wait.
const FREE_TRIES: u32 = 3;
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Addresses remembered for their wrong logins.
const REMEMBERED: usize = 256;

/// The door of one gateway.
pub(super) struct Door<P> {
    rules: protocol::Door,
    /// The number of the first guest.
    first: LinkNo,
    listener: Option<TcpListener>,
    /// Neither opened nor asked for connections before.
    rest_until: Instant,
    arrivals: VecDeque<(TcpStream, SocketAddr)>,
    guests: [Option<Guest<P>>; GUESTS],
    connections: u32,
    strikes: HashMap<IpAddr, Strikes>,
    trouble: Option<String>,
    /// Connections that were closed at once.
    turned_away: u64,
}

struct Guest<P> {
    talk: Box<Talk<P>>,
    connection: u32,
    from: IpAddr,
    heard: Instant,
}

/// One address's wrong logins in a row.
#[derive(Debug, Clone, Copy)]
struct Strikes {
    count: u32,
    until: Instant,
}

impl<P: Protocol> Door<P> {
    pub(super) fn new(rules: protocol::Door, first: LinkNo, now: Instant) -> Self {
        Self {
            rules,
            first,
            listener: None,
            rest_until: now,
            arrivals: VecDeque::new(),
            guests: std::array::from_fn(|_| None),
            connections: 0,
            strikes: HashMap::new(),
            trouble: None,
            turned_away: 0,
        }
    }

    /// Where it is open.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.listener.as_ref()?.local_addr().ok()
    }

    /// Why it is not.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Answers a guest's deliver: it is durable.
    pub(super) fn acknowledge(&mut self, token: &AckToken) {
        let slot = usize::from(token.link - self.first);
        if let Some(Some(guest)) = self.guests.get_mut(slot)
            && guest.connection == token.connection
        {
            guest.talk.session.acknowledge(token.deliver);
        }
    }

    /// Has anything been answered that is not written yet?
    pub(super) fn has_output(&self) -> bool {
        let waits = |guest: &Guest<P>| !guest.talk.session.poll_transmit().is_empty();
        self.guests.iter().flatten().any(waits)
    }

    /// Hands the answers to the sockets.
    pub(super) fn flush(&mut self, gate: &WriteGate) {
        for guest in self.guests.iter_mut().flatten() {
            if guest.talk.has_output() {
                guest.talk.flush(gate);
            }
        }
    }

    /// Is there something to do: somebody new, somebody readable, somebody writable again?
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, may_read: bool) -> bool {
        let mut any = false;
        if let Some(listener) = &self.listener
            && self.rest_until <= Instant::now()
        {
            while self.arrivals.len() < ARRIVALS {
                match listener.poll_accept(cx) {
                    Poll::Ready(Ok(arrival)) => self.arrivals.push_back(arrival),
                    Poll::Ready(Err(error)) => {
                        debug!(%error, "A connection could not be taken");
                        self.rest_until = Instant::now() + PAUSE;
                        any = true;
                        break;
                    }
                    Poll::Pending => break,
                }
            }
        }
        for guest in self.guests.iter_mut().flatten() {
            // Every one is asked, so that every one wakes us.
            any |= guest.talk.poll(cx, may_read);
        }
        any || !self.arrivals.is_empty()
    }

    /// When there is something to do without anybody knocking.
    pub(super) fn poll_timeout(&self, may_open: bool, may_read: bool) -> Option<Instant> {
        let rests = self.rest_until > Instant::now() || self.listener.is_none();
        let open = (may_open && rests).then_some(self.rest_until);
        let guests = self.guests.iter().flatten();
        guests
            .filter_map(|guest| guest.talk.session.poll_timeout().filter(|_| may_read))
            .chain(open)
            .min()
    }

    /// Opens the door; tells when that does not do, and when it does again.
    fn open(&mut self, now: Instant) -> Option<Notice> {
        if self.listener.is_some() || now < self.rest_until {
            return None;
        }
        match listen(self.rules.listen) {
            Ok(listener) => {
                let at = listener.local_addr().unwrap_or(self.rules.listen);
                self.listener = Some(listener);
                self.trouble = None;
                Some(Notice::Listening(at))
            }
            Err(error) => {
                self.rest_until = now + RETRY;
                let reason = format!("listening on {}: {error}", self.rules.listen);
                let first = self.trouble.replace(reason.clone()).is_none();
                first.then_some(Notice::NotListening { reason })
            }
        }
    }

    /// Lets in who may come in; the others' connections are closed at once, without a word.
    fn admit(&mut self, now: Instant, protocol: &P, tracer: Option<&Tracer>)
    where
        P: Clone,
    {
        while let Some((stream, from)) = self.arrivals.pop_front() {
            let from = from.ip().to_canonical();
            let known = self.rules.allow.is_empty()
                || self.rules.allow.iter().any(|net| net.contains(&from));
            let waits = self.strikes.get(&from).is_some_and(|s| now < s.until);
            let Some(slot) = self.place(now).filter(|_| known && !waits) else {
                self.turned_away += 1;
                // The first, the second, the fourth …: a flood does not fill the log.
                if self.turned_away.is_power_of_two() {
                    warn!(
                        %from,
                        count = self.turned_away,
                        "Connections to our listener were closed at once: {}",
                        if known { "too many, or too many wrong logins" } else { "not from where the carrier dials" }
                    );
                }
                continue;
            };
            // An answer is small and must not wait for the one before.
            if stream.set_nodelay(true).is_err() {
                continue;
            }
            self.connections = self.connections.wrapping_add(1);
            let limits = Limits {
                window: 0,
                response_timeout: LOGIN_WAIT,
                keep_alive: LONGEST_SILENCE,
            };
            let session = Session::host(now, protocol.clone(), limits);
            let number = self.first + slot as LinkNo;
            let tap = tracer.map(|tracer| Box::new(tracer.connection(number, self.connections)));
            self.guests[slot] = Some(Guest {
                talk: Box::new(Talk::new(stream, session, tap)),
                connection: self.connections,
                from,
                heard: now,
            });
        }
    }

    /// A free place, or that of the one who was silent for the longest.
    fn place(&self, now: Instant) -> Option<usize> {
        let free = self.guests.iter().position(Option::is_none);
        let quiet = || {
            let heard = |slot: &usize| self.guests[*slot].as_ref().map(|guest| guest.heard);
            (0..GUESTS)
                .min_by_key(heard)
                .filter(|slot| heard(slot).is_some_and(|heard| now - heard >= GIVES_WAY))
        };
        free.or_else(quiet)
    }

    /// A wrong login: after a few, whoever comes from there waits longer each time.
    fn strike(&mut self, now: Instant, from: IpAddr) {
        if self.strikes.len() >= REMEMBERED && !self.strikes.contains_key(&from) {
            self.strikes.retain(|_, strikes| now < strikes.until);
            if self.strikes.len() >= REMEMBERED {
                return;
            }
        }
        let fresh = Strikes {
            count: 0,
            until: now,
        };
        let strikes = self.strikes.entry(from).or_insert(fresh);
        strikes.count += 1;
        if let Some(over) = strikes.count.checked_sub(FREE_TRIES) {
            let wait = Duration::from_secs(1 << over.min(6)).min(LONGEST_WAIT);
            strikes.until = now + wait;
        }
    }
}

impl<P: Protocol + Clone> Driver<P> {
    /// Opens the door, lets in who knocks, and hears what the guests have to say.
    pub(super) fn receive(&mut self) {
        let now = Instant::now();
        let Some(door) = &mut self.door else { return };
        if self.closing.is_some() {
            door.listener = None;
            door.arrivals.clear();
        } else {
            if self.context.gate.is_open(now)
                && let Some(notice) = door.open(now)
            {
                self.outbox.push_back(Event::Notice(notice));
                self.report_health();
            }
            if let Some(door) = &mut self.door {
                door.admit(now, &self.protocol, self.tracer.as_ref());
            }
        }
        for slot in 0..GUESTS {
            self.serve_guest(slot);
        }
    }

    fn serve_guest(&mut self, slot: usize) {
        let now = Instant::now();
        let Some(door) = &mut self.door else { return };
        let Some(guest) = &mut door.guests[slot] else {
            return;
        };
        for _ in 0..READS_PER_TURN {
            if self.outbox.len() >= OUTBOX_LIMIT || !guest.talk.read(&mut self.buffer) {
                break;
            }
            guest.heard = now;
        }
        if self.outbox.len() >= OUTBOX_LIMIT {
            // It is we who do not listen: the guest's silence means nothing now.
            guest.talk.session.excuse_silence(now);
        } else {
            guest.talk.session.handle_timeout(now);
        }
        let (from, connection) = (guest.from, guest.connection);
        let link = door.first + slot as LinkNo;
        while let Some(happening) = self.happening_of(slot) {
            match happening {
                SessionEvent::Up => {
                    info!(gateway.id = %self.settings.id, %from, "Gateway {} was dialled by its carrier", self.settings.id);
                    if let Some(door) = &mut self.door {
                        door.strikes.remove(&from);
                    }
                }
                SessionEvent::LoginRefused(reason) => {
                    warn!(gateway.id = %self.settings.id, %from, "Gateway {} was dialled and refused the login: {reason}", self.settings.id);
                    if let Some(door) = &mut self.door {
                        door.strike(now, from);
                    }
                }
                SessionEvent::Delivered { deliver, content } => {
                    let token = AckToken {
                        link,
                        connection,
                        deliver,
                    };
                    self.delivered(now, content, token);
                }
                // Nothing is ever asked of a guest.
                SessionEvent::Answered { .. }
                | SessionEvent::Split(_)
                | SessionEvent::StillThere
                | SessionEvent::TimedOut(_) => {}
            }
        }
        let Some(door) = &mut self.door else { return };
        if let Some(end) = door.guests[slot]
            .as_ref()
            .and_then(|guest| guest.talk.session.ended())
        {
            debug!(gateway.id = %self.settings.id, %from, reason = %end, "A carrier's connection is over");
            door.guests[slot] = None;
        }
    }

    fn happening_of(&mut self, slot: usize) -> Option<SessionEvent> {
        let door = self.door.as_mut()?;
        door.guests[slot].as_mut()?.talk.session.poll_event()
    }
}

fn listen(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = if at.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // The connections of an earlier life must not keep the port.
    socket.set_reuseaddr(true)?;
    socket.bind(at)?;
    socket.listen(BACKLOG)
}
