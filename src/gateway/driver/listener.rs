//! The listener of a gateway whose carrier dials us: it accepts connections, which log in and bring reports and
//! texts. They belong to the driver's task as the links do, and are numbered behind them.
//!
//! Nobody is trusted before the login: addresses, connections, silence and wrong logins all have a limit.

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

use super::{Driver, OUTBOX_LIMIT};
use crate::gateway::{
    AckToken, Event, LinkNo, LoginRefusal, Notice, WriteGate,
    link::Connection,
    protocol::{ListenAt, SessionProtocol},
    session::{LinkLimits, Session, SessionEvent},
    trace::Tracer,
};

/// Accepted connections at the same time. Carriers open a few; a flood gets no more than this.
const MAX_ACCEPTED: usize = 16;

/// Connections accepted in one turn, so that a flood does not keep the links waiting.
const ACCEPT_BATCH: usize = 32;

/// Connections that wait in the system to be accepted.
const BACKLOG: u32 = 64;

/// How long a peer has for its login.
const LOGIN_WAIT: Duration = Duration::from_secs(5);

/// A connection that is silent for so long is closed; a peer that is still there dials again.
const IDLE_LIMIT: Duration = Duration::from_mins(10);

/// With all slots taken, a connection that was silent for so long gives way to a new one.
const EVICT_AFTER: Duration = Duration::from_mins(1);

/// How often a failed listen is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// The pause after a failed accept: having no file descriptors passes.
const PAUSE: Duration = Duration::from_millis(100);

/// Wrong logins from one address before it has to wait, and the longest wait.
const FREE_TRIES: u32 = 3;
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Addresses remembered for their wrong logins.
const MAX_ADDRESSES: usize = 256;

/// The listener of one gateway.
pub(super) struct CarrierListener<P> {
    listen_at: ListenAt,
    /// The link number of the first slot.
    first: LinkNo,
    socket: Option<TcpListener>,
    /// No listen and no accept before.
    paused_until: Instant,
    arrivals: VecDeque<(TcpStream, SocketAddr)>,
    accepted: [Option<Accepted<P>>; MAX_ACCEPTED],
    connections: u32,
    failed_logins: HashMap<IpAddr, FailedLogins>,
    trouble: Option<String>,
    /// Counts connections that were closed at once.
    rejected: u64,
}

struct Accepted<P> {
    connection: Box<Connection<P>>,
    connection_no: u32,
    from: IpAddr,
    last_input: Instant,
}

/// One address's wrong logins in a row.
#[derive(Debug, Clone, Copy)]
struct FailedLogins {
    count: u32,
    until: Instant,
}

impl<P: SessionProtocol> CarrierListener<P> {
    pub(super) fn new(listen_at: ListenAt, first: LinkNo, now: Instant) -> Self {
        Self {
            listen_at,
            first,
            socket: None,
            paused_until: now,
            arrivals: VecDeque::new(),
            accepted: std::array::from_fn(|_| None),
            connections: 0,
            failed_logins: HashMap::new(),
            trouble: None,
            rejected: 0,
        }
    }

    /// The address that it listens on, while it does.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.socket.as_ref()?.local_addr().ok()
    }

    /// Why it does not listen.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Answers a peer's deliver: it is durable.
    pub(super) fn acknowledge(&mut self, token: &AckToken) {
        let slot = usize::from(token.link - self.first);
        if let Some(Some(peer)) = self.accepted.get_mut(slot)
            && peer.connection_no == token.connection
        {
            peer.connection.session.acknowledge(token.deliver);
        }
    }

    /// Has anything been answered that is not written yet?
    pub(super) fn has_output(&self) -> bool {
        let waits = |peer: &Accepted<P>| !peer.connection.session.poll_transmit().is_empty();
        self.accepted.iter().flatten().any(waits)
    }

    /// Hands the answers to the sockets.
    pub(super) fn flush(&mut self, gate: &WriteGate) {
        for peer in self.accepted.iter_mut().flatten() {
            if peer.connection.has_output() {
                peer.connection.flush(gate);
            }
        }
    }

    /// Is there something to do: a new connection, or one that is readable, or writable again?
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, may_read: bool) -> bool {
        let mut any = false;
        if let Some(socket) = &self.socket
            && self.paused_until <= Instant::now()
        {
            while self.arrivals.len() < ACCEPT_BATCH {
                match socket.poll_accept(cx) {
                    Poll::Ready(Ok(arrival)) => self.arrivals.push_back(arrival),
                    Poll::Ready(Err(error)) => {
                        debug!(%error, "A connection could not be taken");
                        self.paused_until = Instant::now() + PAUSE;
                        any = true;
                        break;
                    }
                    Poll::Pending => break,
                }
            }
        }
        for peer in self.accepted.iter_mut().flatten() {
            // Every one is asked, so that every one wakes us.
            any |= peer.connection.poll(cx, may_read);
        }
        any || !self.arrivals.is_empty()
    }

    /// When there is something to do without a new connection.
    pub(super) fn poll_timeout(&self, may_open: bool, may_read: bool) -> Option<Instant> {
        let retry = self.paused_until > Instant::now() || self.socket.is_none();
        let open = (may_open && retry).then_some(self.paused_until);
        let accepted = self.accepted.iter().flatten();
        accepted
            .filter_map(|peer| peer.connection.session.poll_timeout().filter(|_| may_read))
            .chain(open)
            .min()
    }

    /// Listens; a notice when that fails for the first time, and when it works.
    fn listen(&mut self, now: Instant) -> Option<Notice> {
        if self.socket.is_some() || now < self.paused_until {
            return None;
        }
        match bind(self.listen_at.address) {
            Ok(socket) => {
                let at = socket.local_addr().unwrap_or(self.listen_at.address);
                self.socket = Some(socket);
                self.trouble = None;
                Some(Notice::Listening(at))
            }
            Err(error) => {
                self.paused_until = now + RETRY;
                let reason = format!("listening on {}: {error}", self.listen_at.address);
                let first = self.trouble.replace(reason.clone()).is_none();
                first.then_some(Notice::NotListening { reason })
            }
        }
    }

    /// Takes the connections that are allowed; the others are closed at once, without an answer.
    fn admit(&mut self, now: Instant, protocol: &P, tracer: Option<&Tracer>)
    where
        P: Clone,
    {
        while let Some((stream, from)) = self.arrivals.pop_front() {
            let from = from.ip().to_canonical();
            let known = self.listen_at.allow.is_empty()
                || self.listen_at.allow.iter().any(|net| net.contains(&from));
            let must_wait = self.failed_logins.get(&from).is_some_and(|s| now < s.until);
            let Some(slot) = self.free_slot(now).filter(|_| known && !must_wait) else {
                self.rejected += 1;
                // The first, the second, the fourth …: a flood does not fill the log.
                if self.rejected.is_power_of_two() {
                    warn!(
                        %from,
                        count = self.rejected,
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
            let limits = LinkLimits {
                window: 0,
                response_timeout: LOGIN_WAIT,
                keep_alive: IDLE_LIMIT,
            };
            let session = Session::host(now, protocol.clone(), limits);
            let number = self.first + slot as LinkNo;
            let tap = tracer.map(|tracer| Box::new(tracer.connection(number, self.connections)));
            self.accepted[slot] = Some(Accepted {
                connection: Box::new(Connection::new(stream, session, tap)),
                connection_no: self.connections,
                from,
                last_input: now,
            });
        }
    }

    /// A free slot, or that of the connection that was silent for the longest.
    fn free_slot(&self, now: Instant) -> Option<usize> {
        let free = self.accepted.iter().position(Option::is_none);
        let quiet = || {
            let last_input =
                |slot: &usize| self.accepted[*slot].as_ref().map(|peer| peer.last_input);
            (0..MAX_ACCEPTED).min_by_key(last_input).filter(|slot| {
                last_input(slot).is_some_and(|last_input| now - last_input >= EVICT_AFTER)
            })
        };
        free.or_else(quiet)
    }

    /// After a few wrong logins, connections from that address are refused for a time, longer each time.
    fn note_failed_login(&mut self, now: Instant, from: IpAddr) {
        if self.failed_logins.len() >= MAX_ADDRESSES && !self.failed_logins.contains_key(&from) {
            self.failed_logins
                .retain(|_, failed_logins| now < failed_logins.until);
            if self.failed_logins.len() >= MAX_ADDRESSES {
                return;
            }
        }
        let fresh = FailedLogins {
            count: 0,
            until: now,
        };
        let failed_logins = self.failed_logins.entry(from).or_insert(fresh);
        failed_logins.count += 1;
        if let Some(over) = failed_logins.count.checked_sub(FREE_TRIES) {
            let wait = Duration::from_secs(1 << over.min(6)).min(LONGEST_WAIT);
            failed_logins.until = now + wait;
        }
    }
}

impl<P: SessionProtocol + Clone> Driver<P> {
    /// Listens, accepts, and reads the accepted connections.
    pub(super) fn serve_listener(&mut self) {
        let now = Instant::now();
        let Some(listener) = &mut self.listener else {
            return;
        };
        if self.closing.is_some() {
            listener.socket = None;
            listener.arrivals.clear();
        } else {
            if self.context.gate.is_open(now)
                && let Some(notice) = listener.listen(now)
            {
                self.outbox.push(Event::Notice(notice));
                self.report_health();
            }
            if let Some(listener) = &mut self.listener {
                listener.admit(now, &self.protocol, self.tracer.as_ref());
            }
        }
        for slot in 0..MAX_ACCEPTED {
            self.read_accepted(slot);
        }
    }

    fn read_accepted(&mut self, slot: usize) {
        let now = Instant::now();
        let Some(listener) = &mut self.listener else {
            return;
        };
        let Some(peer) = &mut listener.accepted[slot] else {
            return;
        };
        let may_read = self.outbox.len() < OUTBOX_LIMIT;
        if peer.connection.turn(now, may_read, &mut self.buffer) {
            peer.last_input = now;
        }
        let (from, connection) = (peer.from, peer.connection_no);
        let link = listener.first + slot as LinkNo;
        while let Some(event) = self.next_event_of(slot) {
            match event {
                SessionEvent::Up => {
                    info!(gateway.id = %self.settings.id, %from, "Gateway {} was dialled by its carrier", self.settings.id);
                    if let Some(listener) = &mut self.listener {
                        listener.failed_logins.remove(&from);
                    }
                }
                SessionEvent::LoginRefused(LoginRefusal { reason, .. }) => {
                    warn!(gateway.id = %self.settings.id, %from, "Gateway {} was dialled and refused the login: {reason}", self.settings.id);
                    if let Some(listener) = &mut self.listener {
                        listener.note_failed_login(now, from);
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
                // We send it no requests.
                SessionEvent::Answered { .. }
                | SessionEvent::OnlySingly(_)
                | SessionEvent::Split(_)
                | SessionEvent::Recalled(_)
                | SessionEvent::StillThere
                | SessionEvent::TimedOut(_) => {}
            }
        }
        let Some(listener) = &mut self.listener else {
            return;
        };
        if let Some(end) = listener.accepted[slot]
            .as_ref()
            .and_then(|peer| peer.connection.session.ended())
        {
            debug!(gateway.id = %self.settings.id, %from, reason = %end, "A carrier's connection is over");
            listener.accepted[slot] = None;
        }
    }

    fn next_event_of(&mut self, slot: usize) -> Option<SessionEvent> {
        let listener = self.listener.as_mut()?;
        listener.accepted[slot]
            .as_mut()?
            .connection
            .session
            .poll_event()
    }
}

fn bind(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = if at.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // Connections from before a restart must not keep the port.
    socket.set_reuseaddr(true)?;
    socket.bind(at)?;
    socket.listen(BACKLOG)
}
