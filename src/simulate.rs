//! A carrier's gateway to practise against: the server side of the real protocol on a real socket,
//! with every habit and fault that carriers were seen to have, on request and by seed.
//!
//! It is a product feature (`watchbell simulate`, the demo) and the counterpart of the tests. It
//! counts what reached it number by number, because that is the only place where "nobody twice,
//! nobody lost" can be seen.

mod account;
mod command;
mod connection;
mod dial;
mod dialect;
mod http;
mod job;
mod meter;
pub mod orders;
mod settings;

use std::{
    collections::HashMap,
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

pub use account::NumberCounts;
pub use command::{RunError, run};
pub use settings::{
    BatchIds, BusyLogins, Dialling, Ending, Faults, Http, Losing, Receipts, Settings, Shape,
    SubmitRefusal,
};

use crate::{config::Kind, domain::phone::Phone};
use account::CustomerAccount;
use connection::Opened;
use job::Wall;

/// What `watchbell simulate --json` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Logins taken.
    pub logins: u64,
    /// Logins refused.
    pub refused_logins: u64,
    /// Submit requests that came, also those refused.
    pub submits: u64,
    /// Short messages taken, times receivers.
    pub segments: u64,
    /// Messages taken, times receivers: a long one counts once, with its first part.
    pub recipients: u64,
    /// Different numbers that at least one segment was taken for.
    pub distinct_recipients: u64,
    /// Numbers for which the very same segment (text, place in the message, sender and validity) was
    /// taken more than once. Another text to the same number is another message; the same text with
    /// another run's not-after is too.
    pub recipients_sent_twice: u64,
    /// Status reports that the client has acknowledged, each counted once.
    pub reports: u64,
    /// The most segments that arrived within any sliding second, also those refused.
    pub peak_segments_in_one_second: u64,
    /// Requests that could not be read, or came before the login.
    pub malformed: u64,
}

/// Starts simulators.
#[derive(Debug)]
pub struct Simulator;

/// A simulator that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    carrier: Arc<dyn Station>,
    stop: CancellationToken,
    tracker: TaskTracker,
}

/// A simulated carrier, whatever it speaks.
trait Station: fmt::Debug + Send + Sync {
    fn counts(&self) -> Counts;
    fn per_number(&self) -> HashMap<Phone, NumberCounts>;
    fn pending(&self) -> usize;
    fn inject_mo(&self, phone: Phone, text: &str);
    fn kick(&self);
    /// Where it calls or dials its client from now on.
    fn call_back(&self, _address: &str) {}
}

impl Station for Shared {
    fn counts(&self) -> Counts {
        self.account().counts()
    }

    fn per_number(&self) -> HashMap<Phone, NumberCounts> {
        self.account().per_number().clone()
    }

    fn pending(&self) -> usize {
        self.account().pending()
    }

    fn inject_mo(&self, phone: Phone, text: &str) {
        let wall = Wall::new(self.settings.clock.now());
        self.account().inject_mo(phone, text, &wall);
    }

    fn kick(&self) {
        self.kicks.send_modify(|kicks| *kicks += 1);
    }

    fn call_back(&self, address: &str) {
        if dialect::dials(self.settings.protocol) {
            self.dials.send_replace(Some(address.to_owned()));
        }
    }
}

/// What all connections of one simulator share. The lock is held for one read's worth of requests and
/// never across an await.
#[derive(Debug)]
struct Shared {
    settings: Settings,
    account: Mutex<CustomerAccount>,
    /// Counts up when everybody is thrown out.
    kicks: watch::Sender<u64>,
    /// Where it dials its client; none: reports go over the client's connections.
    dials: watch::Sender<Option<String>>,
}

impl Shared {
    fn account(&self) -> MutexGuard<'_, CustomerAccount> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Simulator {
    /// Listens; port 0 takes a free one. the protocol is [`Settings::protocol`].
    pub async fn start(settings: Settings) -> io::Result<Running> {
        if settings.protocol == Kind::Http {
            return Self::start_http(settings).await;
        }
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        let (kicks, _) = watch::channel(0);
        let (dials, _) = watch::channel(settings.dialling.address.clone());
        let account = Mutex::new(CustomerAccount::new(&settings));
        let shared = Arc::new(Shared {
            settings,
            account,
            kicks,
            dials,
        });
        let running = Running {
            address,
            carrier: shared.clone(),
            stop: CancellationToken::new(),
            tracker: TaskTracker::new(),
        };
        if dialect::dials(shared.settings.protocol) {
            let dialling = dial::keep_dialling(shared.clone());
            let stop = running.stop.clone();
            running.tracker.spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    never = dialling => match never {},
                }
            });
        }
        running.tracker.spawn(accept(
            listener,
            shared,
            running.stop.clone(),
            running.tracker.clone(),
        ));
        Ok(running)
    }

    /// The same for a carrier that speaks HTTP.
    pub async fn start_http(settings: Settings) -> io::Result<Running> {
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        let carrier = http::start(settings, listener, &stop, &tracker);
        Ok(Running {
            address,
            carrier,
            stop,
            tracker,
        })
    }
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has counted so far.
    pub fn counts(&self) -> Counts {
        self.carrier.counts()
    }

    /// What it has counted for each number.
    pub fn per_number(&self) -> HashMap<Phone, NumberCounts> {
        self.carrier.per_number()
    }

    /// Reports and texts that wait for a client, or for its answer.
    pub fn pending(&self) -> usize {
        self.carrier.pending()
    }

    /// A phone writes to the access number; a long text comes in parts.
    pub fn inject_mo(&self, phone: Phone, text: &str) {
        self.carrier.inject_mo(phone, text);
    }

    /// Drops all connections without unbinding.
    pub fn kick(&self) {
        self.carrier.kick();
    }

    /// A carrier that speaks HTTP or SGIP calls or dials its client there from now on.
    pub fn call_back(&self, address: &str) {
        self.carrier.call_back(address);
    }

    /// Stops listening, drops all connections and gives the last counts.
    pub async fn stop(self) -> Counts {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
        self.counts()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    stop: CancellationToken,
    tracker: TaskTracker,
) {
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(e) => {
                    warn!(error = %e, "The simulator could not take a connection");
                    // Out of file descriptors passes, and spinning would not make it pass sooner.
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let Some(dialect) = dialect::open(&shared.settings) else {
            return;
        };
        let shared = shared.clone();
        let stop = stop.clone();
        tracker.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                _ = connection::serve(stream, dialect, shared, Opened::ByClient) => {}
            }
        });
    }
}
