//! One link's connection: connecting with jittered back-off, the socket, and the session on it.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    task::Context,
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::{
    net::{TcpSocket, TcpStream, lookup_host},
    time::{Instant, timeout},
};

use super::{
    LinkNo, WriteGate,
    protocol::SessionProtocol,
    session::{LinkEnd, Remains, Session},
    trace::{Direction, Tap, Tracer},
};

/// How long a connection may take to come up; a carrier in the same country answers in milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The first pause after a lost connection, doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The longest pause between tries: short enough that a carrier's restart costs seconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// A link that was up for so long starts its back-off anew.
const GOOD_AFTER: Duration = Duration::from_secs(5);

/// Reads from one connection before the others have their turn.
const READS_PER_TURN: usize = 4;

/// One of a gateway's links.
pub(super) struct Link<P> {
    pub(super) no: LinkNo,
    /// Counts this link's connections, so that a token of an earlier one is told apart.
    pub(super) connection_no: u32,
    pub(super) phase: LinkPhase<P>,
    /// Which of a name's addresses is tried next; counts on when one did not let us in.
    next_address: usize,
    failures: u32,
}

pub(super) enum LinkPhase<P> {
    Waiting {
        until: Instant,
    },
    Connecting {
        connect: BoxFuture<'static, io::Result<TcpStream>>,
        result: Option<io::Result<TcpStream>>,
    },
    Connected(Box<Connection<P>>),
}

/// A connected link.
pub(super) struct Connection<P> {
    pub(super) session: Session<P>,
    stream: TcpStream,
    /// Since when it is logged in.
    pub(super) up_since: Option<Instant>,
    /// The socket took less than it was given.
    blocked: bool,
    /// Writes what goes over the socket to the trace, if there is one.
    tap: Option<Box<Tap>>,
    /// Numbers of the submit that stands half in the transmit buffer: they are paced again before
    /// its rest goes.
    pub(super) half_written: u32,
}

impl<P: SessionProtocol> Link<P> {
    pub(super) fn new(no: LinkNo, now: Instant) -> Self {
        Self {
            no,
            connection_no: 0,
            phase: LinkPhase::Waiting { until: now },
            next_address: 0,
            failures: 0,
        }
    }

    pub(super) fn connection(&mut self) -> Option<&mut Connection<P>> {
        match &mut self.phase {
            LinkPhase::Connected(connection) => Some(connection),
            LinkPhase::Waiting { .. } | LinkPhase::Connecting { .. } => None,
        }
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(&self.phase, LinkPhase::Connected(connection) if connection.session.is_up())
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.phase, LinkPhase::Waiting { .. })
    }

    /// Starts connecting.
    pub(super) fn connect(&mut self, address: String, local: Option<IpAddr>) {
        self.phase = LinkPhase::Connecting {
            connect: connect(address, local, self.next_address).boxed(),
            result: None,
        };
    }

    /// The connection is there: the session begins.
    pub(super) fn begin(
        &mut self,
        stream: TcpStream,
        session: Session<P>,
        tracer: Option<&Tracer>,
    ) {
        self.connection_no = self.connection_no.wrapping_add(1);
        let tap = tracer.map(|tracer| Box::new(tracer.connection(self.no, self.connection_no)));
        self.phase = LinkPhase::Connected(Box::new(Connection::new(stream, session, tap)));
    }

    /// The connection is gone, or never came: what the session leaves, if there was one. `jitter` in
    /// 0..1 spreads the next tries of many links.
    pub(super) fn drop_connection(&mut self, now: Instant, jitter: f64) -> Option<Remains> {
        let phase = std::mem::replace(&mut self.phase, LinkPhase::Waiting { until: now });
        let connection = match phase {
            LinkPhase::Connected(connection) => Some(connection),
            LinkPhase::Waiting { .. } | LinkPhase::Connecting { .. } => None,
        };
        if connection
            .as_ref()
            .and_then(|t| t.up_since)
            .is_some_and(|since| now - since >= GOOD_AFTER)
        {
            self.failures = 0;
        }
        if connection.as_ref().is_none_or(|t| t.up_since.is_none()) {
            self.next_address = self.next_address.wrapping_add(1);
        }
        let pause = FIRST_PAUSE
            .saturating_mul(1 << self.failures.min(10))
            .min(LONGEST_PAUSE);
        self.failures += 1;
        self.phase = LinkPhase::Waiting {
            until: now + pause.mul_f64(0.5 + jitter / 2.0),
        };
        connection.map(|connection| connection.session.into_remains())
    }

    /// A submit was answered, or the link was only idle: its back-off starts anew.
    pub(super) fn proved_good(&mut self) {
        self.failures = 0;
    }

    /// Is there something to do: connected, readable (if it may be read), writable again?
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, may_read: bool) -> bool {
        match &mut self.phase {
            LinkPhase::Waiting { .. } => false,
            LinkPhase::Connecting { connect, result } => {
                if result.is_none()
                    && let std::task::Poll::Ready(connected) = connect.poll_unpin(cx)
                {
                    *result = Some(connected);
                }
                result.is_some()
            }
            LinkPhase::Connected(connection) => connection.poll(cx, may_read),
        }
    }
}

impl<P: SessionProtocol> Connection<P> {
    pub(super) fn new(stream: TcpStream, session: Session<P>, tap: Option<Box<Tap>>) -> Self {
        Self {
            session,
            stream,
            up_since: None,
            blocked: false,
            tap,
            half_written: 0,
        }
    }

    /// Readable (if it may be read), or writable again?
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, may_read: bool) -> bool {
        let readable = may_read && self.stream.poll_read_ready(cx).is_ready();
        let writable = self.blocked && self.stream.poll_write_ready(cx).is_ready();
        self.blocked &= !writable;
        readable || writable
    }

    /// Reads a turn's worth and does what is due; true when something came. While it may not read, the peer's
    /// silence means nothing.
    pub(super) fn turn(&mut self, now: Instant, may_read: bool, buffer: &mut [u8]) -> bool {
        if !may_read {
            self.session.excuse_silence(now);
            return false;
        }
        let reads = (0..READS_PER_TURN).take_while(|_| self.read(buffer));
        let came = reads.count() > 0;
        self.session.handle_timeout(now);
        came
    }

    /// Reads what is there into the session; false when there is nothing (more).
    fn read(&mut self, buffer: &mut [u8]) -> bool {
        match self.stream.try_read(buffer) {
            Ok(0) => self.session.handle_end(LinkEnd::PeerClosed),
            Ok(count) => {
                if let Some(tap) = &mut self.tap {
                    tap.bytes(Direction::In, &buffer[..count]);
                }
                self.session.handle_input(Instant::now(), &buffer[..count]);
                return true;
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => self.failed("reading", &e),
        }
        false
    }

    fn failed(&mut self, doing: &'static str, error: &io::Error) {
        self.session.handle_end(LinkEnd::Io {
            doing,
            reason: error.to_string(),
        });
    }

    /// Is anything waiting that the socket may take?
    pub(super) fn has_output(&self) -> bool {
        !self.blocked && !self.session.poll_transmit().is_empty()
    }

    /// May a submit be written now: logged in, room in the window, nothing before it?
    pub(super) fn takes_submits(&self) -> bool {
        self.session.room() > 0 && self.session.poll_transmit().is_empty() && !self.blocked
    }

    /// Hands the transmit buffer to the socket as far as it takes it, unless the gate is shut: the
    /// submits of which a byte went.
    pub(super) fn flush(&mut self, gate: &WriteGate) -> Vec<u32> {
        let mut written = Vec::new();
        while !self.session.poll_transmit().is_empty() {
            let now = Instant::now();
            if !gate.is_open(now) {
                break;
            }
            match self.stream.try_write(self.session.poll_transmit()) {
                Ok(count) => {
                    if let Some(tap) = &mut self.tap {
                        tap.bytes(Direction::Out, &self.session.poll_transmit()[..count]);
                    }
                    written.append(&mut self.session.transmitted(now, count));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked = true;
                    break;
                }
                Err(e) => {
                    self.failed("writing", &e);
                    break;
                }
            }
        }
        written
    }
}

/// Tries one address of a name, the `turn`th: a dead one must not take the others' time.
async fn connect(address: String, local: Option<IpAddr>, turn: usize) -> io::Result<TcpStream> {
    let found = timeout(CONNECT_TIMEOUT, lookup_host(&address)).await;
    let found = found.unwrap_or_else(|_| Err(timed_out("no address")));
    let remotes: Vec<SocketAddr> = found?
        .filter(|remote| local.is_none_or(|local| local.is_ipv4() == remote.is_ipv4()))
        .collect();
    let Some(at) = turn.checked_rem(remotes.len()) else {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address",
        ));
    };
    let tried = timeout(CONNECT_TIMEOUT, connect_to(remotes[at], local)).await;
    tried.unwrap_or_else(|_| Err(timed_out("no connection")))
}

fn timed_out(what: &str) -> io::Error {
    let text = format!("{what} within {} s", CONNECT_TIMEOUT.as_secs());
    io::Error::new(io::ErrorKind::TimedOut, text)
}

async fn connect_to(remote: SocketAddr, local: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = match remote.is_ipv4() {
        true => TcpSocket::new_v4()?,
        false => TcpSocket::new_v6()?,
    };
    if let Some(local) = local {
        socket.bind((local, 0).into())?;
    }
    // A host that vanished without a word: protocols without a test of their own would never know.
    socket.set_keepalive(true)?;
    let stream = socket.connect(remote).await?;
    // A submit is small and must not wait for the answer to the one before.
    stream.set_nodelay(true)?;
    Ok(stream)
}
