//! The one task of a gateway. It owns all the links, so that the limiter stands at the write, and it
//! is the only one who touches their sockets. Commands come in through [`Inbox`], never waiting;
//! events go out through a bounded channel: while there is no room for them the sockets are not read,
//! and commands are taken all the same, so the two sides can't wait for each other.

mod handle;
mod listener;
mod write;

pub(super) use handle::Handle;
use handle::{Command, Inbox};
use listener::Listener;

use std::{
    net::IpAddr,
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tracing::{debug, info};

use super::{
    AckToken, Answer, Context, Delivery, Event, Health, LinkNo, Notice, Submit,
    inbound::Inbound,
    link::{Link, LinkPhase},
    outbox::Outbox,
    pacer::Pacer,
    protocol::{MoPart, SessionProtocol},
    queue::Queue,
    session::{LinkEnd, LinkLimits, Session, SessionEvent},
    trace::Tracer,
};
use crate::{
    config::{self, Kind},
    domain::id::GatewayId,
    random::SplitMix64,
};

/// Logins refused in a row before the gateway stops: more would lock the account at some carriers.
const LOGIN_TRIES: u32 = 3;

/// Segments that may wait. The engine claims at most 200 ms ahead, so this is never reached; what
/// comes beyond it is given back.
const QUEUE_LIMIT: usize = 200_000;

/// Events that wait for room in the channel before the sockets are no longer read.
const OUTBOX_LIMIT: usize = 4_096;

/// Bytes read at once, and written at once to one link: some hundred PDUs.
const BATCH_BYTES: usize = 64 * 1_024;

/// Reads from one link before the others have their turn.
const READS_PER_TURN: usize = 4;

/// How often a shut write gate is looked at while something waits behind it.
const GATE_POLL: Duration = Duration::from_millis(20);

/// The longest sleep, where nothing is due.
const MAX_SLEEP: Duration = Duration::from_hours(1);

/// What a driver needs to know, whatever the protocol.
pub(super) struct DriverSettings {
    pub(super) id: GatewayId,
    pub(super) address: String,
    pub(super) local_address: Option<IpAddr>,
    pub(super) links: LinkNo,
    pub(super) rate: u32,
    /// Numbers in one submit at most.
    pub(super) batch: u16,
    pub(super) limits: LinkLimits,
    pub(super) kind: Kind,
    /// Where the trace of the links goes; none: nowhere.
    pub(super) trace: Option<config::Trace>,
}

struct Driver<P> {
    protocol: P,
    settings: DriverSettings,
    context: Context,
    inbox: Arc<Inbox>,
    links: Vec<Link<P>>,
    /// In a protocol whose carriers dial us.
    listener: Option<Listener<P>>,
    queue: Queue,
    pacer: Pacer,
    inbound: Inbound,
    outbox: Outbox,
    buffer: Vec<u8>,
    random: SplitMix64,
    refused: u32,
    /// Counts the halves of refused submits.
    splits: u32,
    trouble: Option<String>,
    /// Set once closing: when the grace is over.
    closing: Option<Instant>,
    tracer: Option<Tracer>,
}

impl<P: SessionProtocol + Clone> Driver<P> {
    fn new(protocol: P, settings: DriverSettings, context: Context, inbox: Arc<Inbox>) -> Self {
        let now = Instant::now();
        let seed = settings.id.0.bytes().fold(context.seed, |seed, byte| {
            seed.rotate_left(8) ^ u64::from(byte)
        });
        let tracer = settings.trace.as_ref().and_then(|trace| {
            let (clock, tracker) = (&context.clock, &context.tracker);
            Tracer::start(settings.kind, trace, &settings.id, clock, tracker)
        });
        Self {
            tracer,
            links: (0..settings.links).map(|no| Link::new(no, now)).collect(),
            listener: protocol
                .listen_at()
                .map(|at| Listener::new(at, settings.links, now)),
            pacer: Pacer::new(now, settings.rate, settings.batch.into()),
            outbox: Outbox::new(settings.id.clone(), context.events.clone()),
            protocol,
            settings,
            context,
            inbox,
            queue: Queue::default(),
            inbound: Inbound::new(now),
            buffer: vec![0; BATCH_BYTES],
            random: SplitMix64::new(seed),
            refused: 0,
            splits: 0,
            trouble: None,
            closing: None,
        }
    }

    async fn run(mut self) {
        loop {
            self.handle_commands();
            let paced = self.turn();
            if !self.outbox.flush() {
                return;
            }
            if self.is_closed() {
                return self.outbox.drain().await;
            }
            let wake = self.next_wake(paced);
            let may_read = self.outbox.len() < OUTBOX_LIMIT;
            tokio::select! {
                () = self.inbox.notify.notified() => {}
                sent = self.outbox.send_next(), if !self.outbox.is_empty() => {
                    if !sent {
                        return;
                    }
                }
                () = ready(&mut self.links, self.listener.as_mut(), may_read) => {}
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    /// Closing, with all links down and all responses written?
    fn is_closed(&self) -> bool {
        let flushed = |until| {
            Instant::now() >= until
                || self
                    .listener
                    .as_ref()
                    .is_none_or(|listener| !listener.has_output())
        };
        self.links.iter().all(Link::is_idle) && self.closing.is_some_and(flushed)
    }

    /// Takes the commands that have come, in their order.
    fn handle_commands(&mut self) {
        let commands = std::mem::take(
            &mut *self
                .inbox
                .commands
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for command in commands {
            match command {
                Command::Submit(batch) => self.enqueue(batch),
                Command::Recall(lanes) => {
                    let recalled = self.queue.recall(&lanes);
                    self.outbox.push(Event::Recalled(recalled));
                }
                Command::Acknowledge(tokens) => self.acknowledge(&tokens),
                Command::Close(grace) => self.close(grace),
            }
        }
    }

    fn enqueue(&mut self, batch: Vec<Submit>) {
        let anyone = self.closing.is_none() && self.links.iter().any(Link::is_up);
        let mut refused = Vec::new();
        for submit in batch {
            let there = match submit.link {
                None => anyone,
                Some(no) => anyone && self.links.get(usize::from(no)).is_some_and(Link::is_up),
            };
            if there && self.queue.len() < QUEUE_LIMIT {
                self.queue.push(submit);
            } else {
                refused.push(submit.sequence);
            }
        }
        if !refused.is_empty() {
            self.outbox.push(Event::Recalled(refused));
        }
    }

    fn acknowledge(&mut self, tokens: &[AckToken]) {
        for token in tokens {
            if token.link >= self.settings.links {
                if let Some(listener) = &mut self.listener {
                    listener.acknowledge(token);
                }
            } else if let Some(link) = self.links.get_mut(usize::from(token.link))
                && link.connection_no == token.connection
                && let Some(connection) = link.connection()
            {
                connection.session.acknowledge(token.deliver);
            }
        }
    }

    fn close(&mut self, grace: Duration) {
        let now = Instant::now();
        let until = now + grace;
        self.closing = Some(self.closing.map_or(until, |earlier| earlier.min(until)));
        let recalled = self.queue.recall(&[]);
        if !recalled.is_empty() {
            self.outbox.push(Event::Recalled(recalled));
        }
        for link in &mut self.links {
            match link.connection() {
                Some(connection) => connection.session.close(now),
                None => _ = link.drop_connection(now, 0.0),
            }
        }
    }

    /// Everything that can be done now; returns when the pacer wants to be asked again.
    fn turn(&mut self) -> Option<Instant> {
        for index in 0..self.links.len() {
            self.read_link(index);
        }
        self.serve_listener();
        let now = Instant::now();
        self.outbox.extend(self.inbound.handle_timeout(now));
        if self.pacer.handle_timeout(now) {
            self.outbox.push(Event::Pace(self.pacer.pace()));
        }
        if let Some(until) = self.closing {
            if now >= until {
                self.end_all(&LinkEnd::GraceOver);
            }
        } else {
            self.connect(now);
        }
        let paced = self.pump(now);
        // A write may have ended a session.
        for index in 0..self.links.len() {
            self.drain_session(index);
        }
        paced
    }

    /// Reads one link, and handles its session's events.
    fn read_link(&mut self, index: usize) {
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
                for _ in 0..READS_PER_TURN {
                    if self.outbox.len() >= OUTBOX_LIMIT || !connection.read(&mut self.buffer) {
                        break;
                    }
                }
                if self.outbox.len() >= OUTBOX_LIMIT {
                    // We did not read, so the carrier's silence means nothing.
                    connection.session.excuse_silence(now);
                } else {
                    connection.session.handle_timeout(now);
                }
            }
        }
        self.drain_session(index);
    }

    fn drain_session(&mut self, index: usize) {
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
                self.refused = 0;
                info!(gateway.id = %self.settings.id, link = no, "Gateway {} logged in", self.settings.id);
                self.outbox.push(Event::LinkUp(no));
                self.report_health();
            }
            SessionEvent::LoginRefused(reason) => {
                self.refused += 1;
                let gave_up = self.refused >= LOGIN_TRIES;
                if gave_up {
                    // Those that are connected are up, or have just been refused.
                    self.links
                        .iter_mut()
                        .filter(|link| !link.is_up())
                        .for_each(|link| link.stopped = true);
                }
                let notice = Notice::LoginRefused { reason, gave_up };
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
            SessionEvent::Split(batch) => {
                link.proved_good();
                self.split(batch);
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

    fn delivered(&mut self, now: Instant, content: Delivery<MoPart>, token: AckToken) {
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
            self.refused = 0;
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

    fn end_all(&mut self, end: &LinkEnd) {
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
    fn connect(&mut self, now: Instant) {
        let anyone_up = self.links.iter().any(Link::is_up);
        let mut trying = self
            .links
            .iter()
            .any(|link| !link.is_idle() && !link.is_up());
        if !self.context.gate.is_open(now) {
            return;
        }
        for link in &mut self.links {
            let due = matches!(link.phase, LinkPhase::Waiting { until } if until <= now);
            if due && !link.stopped && (anyone_up || !trying) {
                link.connect(self.settings.address.clone(), self.settings.local_address);
                trying = true;
            }
        }
    }

    fn next_wake(&self, paced: Option<Instant>) -> Instant {
        let now = Instant::now();
        let may_connect = self.closing.is_none() && self.context.gate.is_open(now);
        let anyone_up = self.links.iter().any(Link::is_up);
        let trying = self
            .links
            .iter()
            .any(|link| !link.is_idle() && !link.is_up());
        let may_read = self.outbox.len() < OUTBOX_LIMIT;
        let links = self.links.iter().filter_map(|link| match &link.phase {
            LinkPhase::Waiting { until } => {
                (may_connect && !link.stopped && (anyone_up || !trying)).then_some(*until)
            }
            LinkPhase::Connecting { .. } => None,
            LinkPhase::Connected(connection) => {
                connection.session.poll_timeout().filter(|_| may_read)
            }
        });
        let others = [
            paced,
            self.pacer.poll_timeout(),
            self.inbound.poll_timeout(),
            self.listener
                .as_ref()
                .and_then(|listener| listener.poll_timeout(may_connect, may_read)),
            self.closing,
        ];
        links
            .chain(others.into_iter().flatten())
            .min()
            .unwrap_or(now + MAX_SLEEP)
    }

    fn report_health(&mut self) {
        let links_up = self.links.iter().filter(|link| link.is_up()).count() as u16;
        if links_up == self.settings.links {
            self.trouble = None;
        }
        let health = Health {
            links_up,
            links: self.settings.links,
            listening: self.listener.as_ref().and_then(Listener::address),
            listen_error: self
                .listener
                .as_ref()
                .and_then(|listener| listener.trouble().map(str::to_owned)),
            trouble: self.trouble.clone(),
        };
        *self
            .inbox
            .health
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = health;
    }
}

/// Waits until one of the links, or the listener, has something to do.
async fn ready<P: SessionProtocol>(
    links: &mut [Link<P>],
    mut listener: Option<&mut Listener<P>>,
    may_read: bool,
) {
    std::future::poll_fn(|cx| {
        let mut any = listener
            .as_mut()
            .is_some_and(|listener| listener.poll(cx, may_read));
        for link in links.iter_mut() {
            // Every one is asked, so that every one wakes us.
            any |= link.poll(cx, may_read);
        }
        if any {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}
