//! A carrier's gateway to practise against: the server side of the real protocol on a real socket,
//! with every habit and fault that carriers were seen to have, on request and by seed.
//!
//! It is a product feature (`watchbell simulate`, the demo) and the counterpart of the tests. It
//! counts what reached it number by number, because that is the only place where "nobody twice,
//! nobody lost" can be seen.

mod account;
mod command;
mod connection;
mod dice;
mod job;
mod meter;
pub mod orders;
mod settings;

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

pub use account::NumberCounts;
pub use command::{RunError, run};
pub use settings::{Faults, Losing, Refusal, Settings};

use crate::domain::phone::Phone;
use account::Account;

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
    shared: Arc<Shared>,
    stop: CancellationToken,
    tracker: TaskTracker,
}

/// What all connections of one simulator share. The lock is held for one read's worth of requests and
/// never across an await.
#[derive(Debug)]
struct Shared {
    settings: Settings,
    account: Mutex<Account>,
    /// Counts up when everybody is thrown out.
    kicks: watch::Sender<u64>,
}

impl Shared {
    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Simulator {
    /// Listens; port 0 takes a free one.
    pub async fn start(settings: Settings) -> io::Result<Running> {
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        let (kicks, _) = watch::channel(0);
        let account = Mutex::new(Account::new(&settings));
        let shared = Arc::new(Shared {
            settings,
            account,
            kicks,
        });
        let running = Running {
            address,
            shared: shared.clone(),
            stop: CancellationToken::new(),
            tracker: TaskTracker::new(),
        };
        running.tracker.spawn(accept(
            listener,
            shared,
            running.stop.clone(),
            running.tracker.clone(),
        ));
        Ok(running)
    }
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has counted so far.
    pub fn counts(&self) -> Counts {
        self.shared.account().counts()
    }

    /// What it has counted for each number.
    pub fn per_number(&self) -> HashMap<Phone, NumberCounts> {
        self.shared.account().per_number().clone()
    }

    /// Reports and texts that wait for a client, or for its answer.
    pub fn pending(&self) -> usize {
        self.shared.account().pending()
    }

    /// A phone writes to the access number; a long text comes in parts.
    pub fn inject_mo(&self, phone: Phone, text: &str) {
        self.shared.account().inject_mo(phone, text);
    }

    /// Throws everybody out without a goodbye.
    pub fn kick(&self) {
        self.shared.kicks.send_modify(|kicks| *kicks += 1);
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
        let shared = shared.clone();
        let stop = stop.clone();
        tracker.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = connection::serve(stream, shared) => {}
            }
        });
    }
}
