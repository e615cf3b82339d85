//! The one task of an HTTP gateway: it paces requests, repeats those whose answer was lost, fetches
//! reports, and passes on what callbacks bring. Of a repeated request the engine gets one event when it is first
//! written, and the next when there is an answer or none can come any more.

mod incoming;
mod sending;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, oneshot},
    task::JoinSet,
    time::Instant,
};
use tracing::{debug, info};

use super::{
    account::HttpAccount,
    description::Description,
    exchange::{CallResult, Ready, Transport},
};
use crate::{
    domain::{
        id::{GatewayId, LaneId},
        text::MAX_SEGMENTS,
    },
    gateway::{
        AckToken, Context, Delivery, Event, Health, LinkEnd, LinkNo, LoginFault, LoginRefusal,
        Notice, Submit, outbox::Outbox, pacer::Pacer,
    },
    random::SplitMix64,
};

/// Logins refused in a row before the gateway rests: more would lock the account at some carriers.
const LOGIN_TRIES: u32 = 3;

/// Unclear answers in a row, over all requests, before the carrier counts as down.
const MAX_UNCLEAR: u32 = 8;

/// Messages that may wait; the engine claims at most 200 ms ahead.
const QUEUE_LIMIT: usize = 200_000;

/// Events that wait for room in the channel before callbacks are put off.
const OUTBOX_LIMIT: usize = 20_000;

/// How often a request is sent at most, the first time included.
const TRIES: u32 = 10;

/// The pause before the first repetition; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause between two repetitions, or two probes of a carrier that is down.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How often a shut write gate is looked at while something waits behind it.
const GATE_POLL: Duration = Duration::from_millis(20);

/// The longest sleep, where nothing is due.
const MAX_SLEEP: Duration = Duration::from_hours(1);

/// Where commands wait for the driver, in their order.
#[derive(Debug, Default)]
pub(super) struct HttpInbox {
    commands: Mutex<Vec<HttpCommand>>,
    pub(super) health: Mutex<Health>,
    notify: Notify,
}

#[derive(Debug)]
pub(super) enum HttpCommand {
    Submit(Vec<Submit>),
    Recall(Vec<LaneId>),
    Acknowledge(Vec<AckToken>),
    Deliveries(Vec<Delivery>, oneshot::Sender<()>),
    Close(Duration),
}

impl HttpInbox {
    pub(super) fn send(&self, command: HttpCommand) {
        self.commands
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(command);
        self.notify.notify_one();
    }
}

/// What the driver needs to know beside the account.
#[derive(Debug, Clone)]
pub(super) struct HttpSettings {
    pub(super) id: GatewayId,
    /// Requests at the same time.
    pub(super) links: LinkNo,
    pub(super) rate: u32,
    /// The rate counts segments; else requests.
    pub(super) by_segments: bool,
    pub(super) timeout: Duration,
    /// How long it rests after [`LOGIN_TRIES`].
    pub(super) login_retry: Duration,
}

/// One request with its messages, until it has an answer.
#[derive(Debug)]
struct PendingRequest {
    submits: Vec<Submit>,
    ready: Ready,
    cost: u32,
    /// How often it has been sent.
    tries: u32,
    /// It is not sent before.
    due: Instant,
    /// It is not sent after; none: it is never sent again.
    until: Option<Instant>,
    /// Recalled while it was on the way: it is not sent again either.
    recalled: bool,
}

impl PendingRequest {
    fn sequences(&self) -> impl Iterator<Item = u32> {
        self.submits.iter().map(|s| s.sequence)
    }

    /// It may have arrived at the carrier.
    fn may_have_arrived(&self) -> bool {
        self.tries > 0 || self.submits.first().is_some_and(|s| s.request.repeat)
    }
}

/// Does the carrier take requests?
#[derive(Debug)]
enum CarrierLink {
    /// No; it is probed again then.
    Down(Instant),
    Probing,
    Up,
}

/// A call to the carrier that has ended.
enum Done {
    Sent(PendingRequest, CallResult),
    Probed(CallResult),
    Fetched(CallResult),
    Confirmed(CallResult),
}

/// Deliveries that are not durable yet, and what waits for them.
struct PendingDeliveries {
    left: usize,
    waiter: Waiter,
}

enum Waiter {
    /// A callback's answer.
    Callback(oneshot::Sender<()>),
    /// The next fetch, from this cursor on; at once when there is more.
    Fetch { cursor: String, more: bool },
}

pub(super) struct HttpDriver {
    account: Arc<HttpAccount>,
    settings: HttpSettings,
    context: Context,
    inbox: Arc<HttpInbox>,
    transport: Transport,
    pacer: Pacer,
    link: CarrierLink,
    probes: u32,
    refused: u32,
    /// A login was refused since a request was last answered.
    was_refused: bool,
    unclear_in_a_row: u32,
    trouble: Option<String>,
    queues: [VecDeque<PendingRequest>; 3],
    queued: usize,
    /// Sent at least once, to be sent again.
    repeats: Vec<PendingRequest>,
    running: JoinSet<Done>,
    /// Sends among those running: their sequence numbers and lanes.
    on_the_way: HashMap<u32, LaneId>,
    /// Those of which nothing is sent again: recalled while they were on the way.
    recalled: HashSet<u32>,
    sending: usize,
    cursor: String,
    next_fetch: Option<Instant>,
    waiting: HashMap<u128, PendingDeliveries>,
    last_token: u128,
    outbox: Outbox,
    random: SplitMix64,
    closing: Option<Instant>,
}

impl HttpDriver {
    pub(super) fn new(
        account: Arc<HttpAccount>,
        settings: HttpSettings,
        context: Context,
        inbox: Arc<HttpInbox>,
        client: reqwest::Client,
    ) -> Self {
        let now = Instant::now();
        // As much as the engine claims ahead, or the longest text there is.
        let largest = (settings.rate / 5).max(MAX_SEGMENTS as u32);
        Self {
            pacer: Pacer::new(now, settings.rate, largest),
            transport: Transport {
                client,
                timeout: settings.timeout,
                clock: context.clock.clone(),
            },
            link: CarrierLink::Down(now),
            probes: 0,
            refused: 0,
            was_refused: false,
            unclear_in_a_row: 0,
            trouble: None,
            queues: Default::default(),
            queued: 0,
            repeats: Vec::new(),
            running: JoinSet::new(),
            on_the_way: HashMap::new(),
            recalled: HashSet::new(),
            sending: 0,
            cursor: String::new(),
            next_fetch: account.description.poll.as_ref().map(|_| now),
            waiting: HashMap::new(),
            last_token: 0,
            outbox: Outbox::new(settings.id.clone(), context.events.clone()),
            random: SplitMix64::new(context.seed),
            closing: None,
            account,
            settings,
            context,
            inbox,
        }
    }

    fn description(&self) -> &Description {
        &self.account.description
    }

    pub(super) async fn run(mut self) {
        loop {
            self.handle_commands();
            let wake = self.turn();
            if !self.outbox.flush() {
                return;
            }
            if let Some(until) = self.closing
                && (self.sending == 0 || Instant::now() >= until)
            {
                return self.end().await;
            }
            tokio::select! {
                () = self.inbox.notify.notified() => {}
                sent = self.outbox.send_next(), if !self.outbox.is_empty() => {
                    if !sent {
                        return;
                    }
                }
                Some(done) = self.running.join_next(), if !self.running.is_empty() => {
                    if let Ok(done) = done {
                        self.done(done);
                    }
                }
                () = tokio::time::sleep_until(wake) => {}
            }
        }
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
                HttpCommand::Submit(batch) => self.enqueue(batch),
                HttpCommand::Recall(lanes) => self.recall(&lanes),
                HttpCommand::Acknowledge(tokens) => self.acknowledged(&tokens),
                HttpCommand::Deliveries(deliveries, done) => self.on_callback(deliveries, done),
                HttpCommand::Close(grace) => {
                    let until = Instant::now() + grace;
                    self.closing = Some(self.closing.map_or(until, |earlier| earlier.min(until)));
                    self.recall(&[]);
                }
            }
        }
    }

    /// Everything that can be done now; gives when to look again.
    fn turn(&mut self) -> Instant {
        let now = Instant::now();
        if self.pacer.handle_timeout(now) {
            self.outbox.push(Event::Pace(self.pacer.pace()));
        }
        let mut wakes = vec![now + MAX_SLEEP];
        wakes.extend(self.closing);
        wakes.extend(self.pacer.poll_timeout());
        if self.closing.is_some() {
            return wakes.into_iter().min().unwrap_or(now);
        }
        wakes.extend(self.give_up_overdue(now));
        if !self.context.gate.is_open(now) {
            return now + GATE_POLL;
        }
        match self.link {
            CarrierLink::Down(at) if at <= now => self.probe(),
            CarrierLink::Down(at) => wakes.push(at),
            CarrierLink::Probing => {}
            CarrierLink::Up => {
                wakes.extend(self.pump(now));
                wakes.extend(self.fetch_when_due(now));
            }
        }
        wakes.into_iter().min().unwrap_or(now)
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Sent(mut pending, result) => {
                self.sending -= 1;
                for submit in &pending.submits {
                    self.on_the_way.remove(&submit.sequence);
                    pending.recalled |= self.recalled.remove(&submit.sequence);
                }
                self.on_sent(pending, result);
            }
            Done::Probed(result) => self.on_probed(result),
            Done::Fetched(result) => self.on_fetched(result),
            Done::Confirmed(result) => {
                if let CallResult::Lost(why) | CallResult::Unreachable(why) = result {
                    debug!(gateway.id = %self.settings.id, why, "The carrier did not get the acknowledgement of its reports; it will give them again");
                }
            }
        }
    }

    /// Finds out whether the carrier accepts our login.
    fn probe(&mut self) {
        self.link = CarrierLink::Probing;
        let (account, transport) = (self.account.clone(), self.transport.clone());
        self.running.spawn(async move {
            let result = match &account.description.check {
                Some(call) => {
                    let ready = account.plain(call, "");
                    account.call(call, &ready, &transport).await
                }
                None => reach(&account.base, transport.timeout).await,
            };
            Done::Probed(result)
        });
    }

    fn on_probed(&mut self, result: CallResult) {
        let check = self.description().check.as_ref();
        match result {
            CallResult::Answer(status, body) => {
                let refused = matches!(status, 401 | 403 | 404 | 405)
                    || check
                        .and_then(|c| c.success.as_ref())
                        .is_some_and(|test| !test.holds(&body));
                match () {
                    () if status >= 500 || status == 429 => {
                        self.down(&format!("the carrier answers HTTP {status}"));
                    }
                    () if refused => {
                        self.on_login_refused(
                            &format!("HTTP {status}"),
                            LoginFault::of_http(status),
                        );
                    }
                    () => self.up(),
                }
            }
            CallResult::Unreachable(why) | CallResult::Lost(why) => {
                self.down(&format!("connecting to {}: {why}", self.account.base));
            }
        }
    }

    /// It can be reached. Whether it takes our login only an answer to a request shows.
    fn up(&mut self) {
        self.unclear_in_a_row = 0;
        if !self.was_refused {
            self.probes = 0;
        }
        self.link = CarrierLink::Up;
        self.trouble = None;
        info!(gateway.id = %self.settings.id, "Gateway {} answers", self.settings.id);
        for link in 0..self.settings.links {
            self.outbox.push(Event::LinkUp(link));
        }
        self.report_health();
    }

    /// A request was answered, and not by a refused login.
    pub(super) fn login_taken(&mut self) {
        (self.probes, self.refused) = (0, 0);
        if std::mem::take(&mut self.was_refused) {
            self.outbox.push(Event::Notice(Notice::LoginTaken));
        }
    }

    /// The carrier is down: what was never sent is given back, what may have arrived waits to be sent again.
    fn down(&mut self, reason: &str) {
        let was_up = matches!(self.link, CarrierLink::Up);
        self.probes = self.probes.saturating_add(1);
        self.unclear_in_a_row = 0;
        self.link = CarrierLink::Down(Instant::now() + self.pause(self.probes));
        self.trouble = Some(reason.to_owned());
        if was_up {
            debug!(gateway.id = %self.settings.id, reason, "Gateway {} is down", self.settings.id);
            let mut unwritten = self.take_queued(&[]);
            for link in 0..self.settings.links {
                self.outbox.push(Event::LinkDown {
                    link,
                    end: LinkEnd::HttpFailed(reason.to_owned()),
                    unanswered: Vec::new(),
                    unwritten: std::mem::take(&mut unwritten),
                    idle: false,
                });
            }
        }
        self.report_health();
    }

    fn on_login_refused(&mut self, reason: &str, about: LoginFault) {
        self.down(reason);
        self.was_refused = true;
        self.refused += u32::from(about == LoginFault::Credentials);
        let rests = (about == LoginFault::Credentials && self.refused >= LOGIN_TRIES)
            .then_some(self.settings.login_retry);
        if let Some(rests) = rests {
            let rests = rests.mul_f64(1.0 + self.random.unit() / 10.0);
            self.link = CarrierLink::Down(Instant::now() + rests);
        }
        let refusal = LoginRefusal {
            reason: reason.to_owned(),
            about,
        };
        self.outbox
            .push(Event::Notice(Notice::LoginRefused { refusal, rests }));
    }

    /// Doubled each time, with up to a half more by chance.
    fn pause(&mut self, times: u32) -> Duration {
        let doubled = FIRST_PAUSE.saturating_mul(1 << times.saturating_sub(1).min(10));
        doubled
            .min(LONGEST_PAUSE)
            .mul_f64(1.0 + self.random.unit() / 2.0)
    }

    async fn end(mut self) {
        let mut unanswered: Vec<u32> = self.on_the_way.keys().copied().collect();
        unanswered.sort_unstable();
        for link in 0..self.settings.links {
            self.outbox.push(Event::LinkDown {
                link,
                end: LinkEnd::Closed,
                unanswered: std::mem::take(&mut unanswered),
                unwritten: Vec::new(),
                idle: false,
            });
        }
        self.outbox.drain().await;
    }

    fn report_health(&self) {
        let up = matches!(self.link, CarrierLink::Up);
        *self
            .inbox
            .health
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Health {
            links_up: if up { self.settings.links } else { 0 },
            links: self.settings.links,
            trouble: self.trouble.clone(),
            listening: None,
            listen_error: None,
        };
    }
}

/// Connects and closes: the probe for carriers without a call that costs nothing.
async fn reach(base: &str, within: Duration) -> CallResult {
    let Ok(url) = reqwest::Url::parse(base) else {
        return CallResult::Unreachable("the address is no URL".to_owned());
    };
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return CallResult::Unreachable("the address has no host".to_owned());
    };
    let host = host.trim_matches(['[', ']']);
    match tokio::time::timeout(within, tokio::net::TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => CallResult::Answer(200, serde_json::Value::Null),
        Ok(Err(e)) => CallResult::Unreachable(e.to_string()),
        Err(tokio::time::error::Elapsed { .. }) => CallResult::Unreachable("no answer".to_owned()),
    }
}
