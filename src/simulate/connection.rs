//! One client's connection to a simulated gateway.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap, VecDeque},
    io,
    sync::Arc,
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::{net::TcpStream, time::Instant};

use super::{
    Losing, Shared,
    dialect::{ClientPdu, Dialect, Refusing, Submit, Unreadable},
    job::{Job, Wall},
};

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1_024;

/// Above this much unsent output a connection is neither read nor given reports: the client is slow.
const OUTPUT_LIMIT: usize = 256 * 1_024;

/// How often a connection looks for work that others have made.
const LOOK_AROUND: Duration = Duration::from_millis(20);

/// How long an answer is held back so that later ones overtake it.
const OVERTAKEN: Duration = Duration::from_millis(15);

/// How long an answer waits for the report before it, which goes another way.
const AFTER_ITS_REPORT: Duration = Duration::from_millis(60);

/// Who has opened a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opened {
    /// The client: it sends requests; reports and texts go to it unless we dial it.
    ByClient,
    /// We have dialled the client: reports and texts go to it, it answers.
    ByUs,
}

struct ClientConnection {
    shared: Arc<Shared>,
    opened: Opened,
    dialect: Box<dyn Dialect>,
    output: BytesMut,
    bound: bool,
    /// Closes as soon as the output is out.
    leaving: bool,
    /// Closes now, without writing the output.
    dead: bool,
    sequence: u32,
    /// Answers held back.
    delayed: BinaryHeap<Reverse<(Instant, u32, Bytes)>>,
    unanswered: HashMap<u32, Job>,
    /// The same in the order of sending; those answered are dropped lazily.
    sent: VecDeque<(Instant, u32)>,
    until_disconnect: Option<u64>,
    last_input: Instant,
    last_test: Instant,
}

/// Serves one client until it goes; true if there was a login.
pub(super) async fn serve(
    stream: TcpStream,
    dialect: Box<dyn Dialect>,
    shared: Arc<Shared>,
    opened: Opened,
) -> bool {
    let mut kicks = shared.kicks.subscribe();
    let mut connection = ClientConnection::new(dialect, shared, opened);
    tokio::select! {
        _ = kicks.changed() => {}
        _ = connection.run(&stream) => {}
    }
    connection.bound
}

impl Drop for ClientConnection {
    /// What the client has not answered waits for the next one.
    fn drop(&mut self) {
        let mut account = self.shared.account();
        let in_order: BTreeMap<u32, Job> = self.unanswered.drain().collect();
        for (_, job) in in_order.into_iter().rev() {
            account.unacknowledged(job);
        }
    }
}

impl ClientConnection {
    fn new(dialect: Box<dyn Dialect>, shared: Arc<Shared>, opened: Opened) -> Self {
        let now = Instant::now();
        let until_disconnect = shared.settings.faults.disconnect_every.map(|n| {
            // Somewhere between half and one and a half times n, so that it hits every step once.
            n / 2 + shared.account().dice().below(n.max(1)) + 1
        });
        Self {
            shared,
            opened,
            dialect,
            output: BytesMut::new(),
            bound: false,
            leaving: false,
            dead: false,
            sequence: 1,
            delayed: BinaryHeap::new(),
            unanswered: HashMap::new(),
            sent: VecDeque::new(),
            until_disconnect,
            last_input: now,
            last_test: now,
        }
    }

    async fn run(&mut self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = vec![0; READ_BYTES];
        if self.opened == Opened::ByUs {
            let wall = Wall::new(self.shared.settings.clock.now());
            let sequence = self.next_sequence();
            self.dialect.greet(sequence, &wall, &mut self.output);
        }
        loop {
            let now = Instant::now();
            self.deliver_due(now);
            self.keep_alive(now);
            while !self.output.is_empty() {
                match stream.try_write(&self.output) {
                    Ok(count) => self.output.advance(count),
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                    Err(e) => return Err(e),
                }
            }
            if self.dead || (self.leaving && self.output.is_empty()) {
                return Ok(());
            }
            let may_read = self.output.len() < OUTPUT_LIMIT;
            tokio::select! {
                ready = stream.readable(), if may_read => {
                    ready?;
                    match stream.try_read(&mut buffer) {
                        Ok(0) => return Ok(()),
                        Ok(count) => self.input(Instant::now(), &buffer[..count]),
                        Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                        Err(e) => return Err(e),
                    }
                }
                ready = stream.writable(), if !self.output.is_empty() => ready?,
                () = tokio::time::sleep_until(self.next_wake(now)) => {}
            }
        }
    }

    fn next_wake(&self, now: Instant) -> Instant {
        let delayed = self.delayed.peek().map(|Reverse((at, ..))| *at);
        // With a full window the next due report is no reason to wake: an answer is.
        let free =
            self.may_deliver() && self.unanswered.len() < self.shared.settings.deliver_window;
        let due = if free {
            self.shared.account().next_due()
        } else {
            None
        };
        [delayed, due]
            .into_iter()
            .flatten()
            .min()
            .map_or(now + LOOK_AROUND, |at| at.min(now + LOOK_AROUND))
    }

    fn input(&mut self, now: Instant, bytes: &[u8]) {
        self.last_input = now;
        self.dialect.push(bytes);
        let shared = self.shared.clone();
        let wall = Wall::new(shared.settings.clock.now());
        while !self.dead && !self.leaving {
            match self.dialect.next() {
                Ok(None) => return,
                Ok(Some(request)) => self.request(now, &wall, request),
                Err(error) => self.unreadable(&error),
            }
        }
    }

    fn request(&mut self, now: Instant, wall: &Wall, request: ClientPdu) {
        match request {
            ClientPdu::Login { ok, answer } => {
                self.shared.account().login(ok);
                self.bound = ok;
                self.leaving = !ok;
                self.output.extend_from_slice(&answer);
            }
            ClientPdu::LoggedIn { ok } => {
                self.bound = ok;
                self.leaving = !ok;
            }
            ClientPdu::KeepAlive { sequence } => {
                let ignored = self.shared.settings.faults.ignored_keep_alives;
                if !self.shared.account().dice().hits(ignored) {
                    self.dialect.keep_alive_resp(sequence, &mut self.output);
                }
            }
            ClientPdu::Unbind { sequence } => {
                self.dialect.unbind_resp(sequence, &mut self.output);
                self.leaving = true;
            }
            ClientPdu::UnbindAnswered => self.leaving = true,
            ClientPdu::KeepAliveAnswered => {}
            ClientPdu::Submit { sequence, submit } if self.bound => {
                self.submit(now, wall, sequence, &submit);
            }
            ClientPdu::DeliverAnswered { sequence, ok } if self.bound => {
                if let Some(job) = self.unanswered.remove(&sequence) {
                    let mut account = self.shared.account();
                    if ok {
                        account.acknowledged(&job);
                    } else {
                        account.refused(job, now + self.shared.settings.deliver_timeout);
                    }
                }
            }
            ClientPdu::Submit { .. } | ClientPdu::DeliverAnswered { .. } | ClientPdu::NotServed => {
                self.shared.account().malformed();
                // Nothing but a login is taken before the login.
                self.leaving |= !self.bound;
            }
        }
    }

    fn submit(&mut self, now: Instant, wall: &Wall, sequence: u32, submit: &Submit) {
        let shared = self.shared.clone();
        let faults = &shared.settings.faults;
        let busy = shared
            .settings
            .window
            .is_some_and(|window| self.delayed.len() >= window);
        let mut account = shared.account();
        let taken = account.submit(&shared.settings, now, wall, busy, submit);
        let dice = account.dice();
        let lost =
            dice.hits(faults.lost_answers) && (taken.last || faults.losing == Losing::AnyPart);
        let slow = dice.hits(faults.slow_answers);
        let overtaken = dice.hits(faults.out_of_order);
        let garbage = dice.hits(faults.garbage);
        let early = !taken.early.is_empty();
        let tells = self.may_deliver();
        if tells {
            account.unanswered += taken.early.len();
            drop(account);
            for job in taken.early {
                self.deliver(now, wall, job);
            }
        } else {
            // Another connection delivers it.
            taken.early.into_iter().for_each(|job| account.hasten(job));
            drop(account);
        }
        let behind = early && !tells;
        if let Some(left) = &mut self.until_disconnect {
            *left = left.saturating_sub(1);
            self.dead = *left == 0;
        }
        if garbage {
            let sequence = self.next_sequence();
            self.dialect.garbage(sequence, &mut self.output);
        }
        if lost || self.dead {
            return;
        }
        let mut answer = BytesMut::new();
        match submit.refusing {
            Refusing::Whole => self.dialect.answer(sequence, taken.outcome, &mut answer),
            Refusing::Each(_) => {
                let (outcome, refused) = (taken.outcome, &taken.refused);
                self.dialect
                    .answer_each(sequence, outcome, refused, &mut answer);
            }
        }
        if slow || overtaken || behind {
            let delay = match (slow, behind) {
                (true, _) => faults.slow_by,
                (false, true) => AFTER_ITS_REPORT,
                (false, false) => OVERTAKEN,
            };
            self.delayed
                .push(Reverse((now + delay, sequence, answer.freeze())));
        } else {
            self.output.extend_from_slice(&answer);
        }
    }

    /// Answers what can't be read where an answer exists; a lost framing ends the connection.
    fn unreadable(&mut self, error: &Unreadable) {
        self.shared.account().malformed();
        // Nobody is listened to for long before the login.
        self.leaving |= !self.bound;
        self.dead |= error.fatal;
        self.output.extend_from_slice(&error.answer);
    }

    /// Sends what is due: answers held back, then reports and texts as far as the window lets them.
    fn deliver_due(&mut self, now: Instant) {
        while let Some(Reverse((at, ..))) = self.delayed.peek() {
            if *at > now {
                break;
            }
            if let Some(Reverse((_, _, bytes))) = self.delayed.pop() {
                self.output.extend_from_slice(&bytes);
            }
        }
        if !self.may_deliver() {
            return;
        }
        let shared = self.shared.clone();
        let mut account = shared.account();
        while let Some(&(at, sequence)) = self.sent.front() {
            match self.unanswered.get(&sequence) {
                Some(_) if at + shared.settings.deliver_timeout > now => break,
                Some(_) => {
                    if let Some(job) = self.unanswered.remove(&sequence) {
                        account.unacknowledged(job);
                    }
                }
                None => {}
            }
            self.sent.pop_front();
        }
        // One without an answer at the front would let the answered ones behind it pile up.
        if self.sent.len() > 2 * shared.settings.deliver_window + 1_024 {
            self.sent
                .retain(|(_, sequence)| self.unanswered.contains_key(sequence));
        }
        let wall = Wall::new(shared.settings.clock.now());
        while self.output.len() < OUTPUT_LIMIT
            && self.unanswered.len() < shared.settings.deliver_window
        {
            let Some(job) = account.next_job(now) else {
                break;
            };
            account.unanswered += 1;
            self.deliver(now, &wall, job);
        }
    }

    /// Do reports and texts go over this connection?
    fn may_deliver(&self) -> bool {
        let here = match self.opened {
            Opened::ByUs => true,
            Opened::ByClient => self.shared.dials.borrow().is_none(),
        };
        self.bound && here
    }

    fn deliver(&mut self, now: Instant, wall: &Wall, job: Job) {
        let sequence = self.next_sequence();
        self.dialect.deliver(sequence, &job, wall, &mut self.output);
        self.unanswered.insert(sequence, job);
        self.sent.push_back((now, sequence));
    }

    fn keep_alive(&mut self, now: Instant) {
        let every = self.shared.settings.active_test;
        if now >= self.last_input + every * 3 {
            self.dead = true;
        } else if self.bound && now >= self.last_input.max(self.last_test) + every {
            self.last_test = now;
            let sequence = self.next_sequence();
            self.dialect.keep_alive(sequence, &mut self.output);
        }
    }

    fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }
}
