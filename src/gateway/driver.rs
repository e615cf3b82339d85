//! The one task of a gateway. It owns all the links, so that the limiter stands at the write, and it
//! is the only one who touches their sockets. Commands come in through [`Inbox`], never waiting;
//! events go out through a bounded channel: while there is no room for them the sockets are not read,
//! and commands are taken all the same, so the two sides can't wait for each other.

mod handle;
mod links;
mod listener;
mod write;

pub(super) use handle::Handle;
use handle::{DriverCommand, Inbox};
use listener::CarrierListener;

use std::{
    net::IpAddr,
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    AckToken, Context, Event, Health, LinkNo, Submit,
    inbound::Inbound,
    link::{Link, LinkPhase},
    outbox::Outbox,
    pacer::Pacer,
    protocol::SessionProtocol,
    queue::Queue,
    session::{LinkEnd, LinkLimits},
    trace::Tracer,
};
use crate::{
    config::{self, Kind},
    domain::id::GatewayId,
    random::SplitMix64,
};

/// Logins refused in a row for account or password before the gateway rests: more would lock the account at some
/// carriers.
const LOGIN_TRIES: u32 = 3;

/// Segments that may wait. The engine claims at most 200 ms ahead, so this is never reached; what
/// comes beyond it is given back.
const QUEUE_LIMIT: usize = 200_000;

/// Events that wait for room in the channel before the sockets are no longer read.
const OUTBOX_LIMIT: usize = 4_096;

/// Bytes read at once, and written at once to one link: some hundred PDUs.
const BATCH_BYTES: usize = 64 * 1_024;

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
    /// How long it rests after [`LOGIN_TRIES`].
    pub(super) login_retry: Duration,
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
    listener: Option<CarrierListener<P>>,
    queue: Queue,
    pacer: Pacer,
    inbound: Inbound,
    outbox: Outbox,
    buffer: Vec<u8>,
    random: SplitMix64,
    /// Logins refused in a row for account or password.
    refused: u32,
    /// A login was refused since the last one that was taken.
    was_refused: bool,
    /// No link is opened before this.
    rests_until: Option<Instant>,
    /// The carrier has said that it takes no submit to several numbers.
    only_singly: bool,
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
            let (clock, tasks) = (&context.clock, &context.tasks);
            Tracer::start(settings.kind, trace, &settings.id, clock, tasks)
        });
        Self {
            tracer,
            links: (0..settings.links).map(|no| Link::new(no, now)).collect(),
            listener: protocol
                .listen_at()
                .map(|at| CarrierListener::new(at, settings.links, now)),
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
            was_refused: false,
            rests_until: None,
            only_singly: false,
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
                DriverCommand::Submit(batch) => self.enqueue(batch),
                DriverCommand::Recall(lanes) => {
                    for link in &mut self.links {
                        if let Some(connection) = link.connection() {
                            connection.session.recall(&lanes);
                        }
                    }
                    let recalled = self.queue.recall(&lanes);
                    self.outbox.push(Event::Recalled(recalled));
                }
                DriverCommand::Acknowledge(tokens) => self.acknowledge(&tokens),
                DriverCommand::Close(grace) => self.close(grace),
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
            self.outbox.push(Event::GivenBack(refused));
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
            self.outbox.push(Event::GivenBack(recalled));
        }
        for link in &mut self.links {
            match link.connection() {
                Some(connection) => {
                    connection.session.recall(&[]);
                    connection.session.close(now);
                }
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
                let at = self.rests_until.map_or(*until, |rested| rested.max(*until));
                (may_connect && (anyone_up || !trying)).then_some(at)
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
            listening: self.listener.as_ref().and_then(CarrierListener::address),
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
    mut listener: Option<&mut CarrierListener<P>>,
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
