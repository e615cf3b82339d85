//! How a simulated carrier behaves.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{clock::Clock, config::Kind};

/// A simulated gateway's behaviour; the defaults are a carrier on a good day.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What it speaks.
    pub protocol: Kind,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The only account it knows; none: any.
    pub account: Option<String>,
    /// The shared secret; none: any.
    pub password: Option<String>,
    /// Segments that it takes within any sliding second; over it, too fast. None: no limit.
    pub rate: Option<u32>,
    /// Submits that may wait for a (slow) answer on one connection; over it, too fast. None: no limit.
    pub window: Option<usize>,
    /// How long after the submit its report comes.
    pub report_delay: Duration,
    /// At most this much later, at random.
    pub report_jitter: Duration,
    /// This share of the numbers is undeliverable, always the same ones for one seed.
    pub undelivered_percent: f64,
    /// Numbers whose messages always end in one way, by how they end; the first that fits.
    pub endings: Vec<(String, Ending)>,
    /// What goes wrong.
    pub faults: Faults,
    /// Who is refused.
    pub refusals: Vec<SubmitRefusal>,
    /// Delivers without an answer on one connection at most. Real gateways have 16; the default is
    /// higher, so that a client's group commits do not limit the reports.
    pub deliver_window: usize,
    /// A deliver without an answer is repeated after this.
    pub deliver_timeout: Duration,
    /// Asks the client whether it is there after this much silence, and closes after three times that.
    pub active_test: Duration,
    /// The access number that phones write to.
    pub access_number: String,
    /// How a message centre that speaks SMPP writes its receipts.
    pub receipts: Receipts,
    /// Which ids the numbers of one submit have.
    pub batch_ids: BatchIds,
    /// How a carrier that speaks SGIP dials its client.
    pub dialling: Dialling,
    /// What only a carrier that speaks HTTP has.
    pub http: Http,
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// Wall time, for message ids and the reports' times.
    pub clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            protocol: Kind::Cmpp20,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            account: None,
            password: None,
            rate: None,
            window: None,
            report_delay: Duration::from_millis(200),
            report_jitter: Duration::ZERO,
            undelivered_percent: 0.0,
            endings: Vec::new(),
            faults: Faults::default(),
            refusals: Vec::new(),
            deliver_window: 1_024,
            deliver_timeout: Duration::from_secs(30),
            active_test: Duration::from_mins(3),
            access_number: "10690000".to_owned(),
            receipts: Receipts::default(),
            batch_ids: BatchIds::default(),
            dialling: Dialling::default(),
            http: Http::default(),
            seed: 0,
            clock: Clock::system(),
        }
    }
}

/// How a message centre that speaks SMPP writes its receipts. Its answers always have hexadecimal ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Receipts {
    /// Text and parameters, with the answer's id.
    #[default]
    Full,
    /// Text alone, with the id in decimal.
    DecimalText,
}

/// How a message ends; each protocol has its own code for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// On the handset.
    Delivered,
    /// `UNDELIV`.
    Undelivered,
    /// A code of the carrier's own, such as `MK:0001`.
    OwnCode,
    /// `EXPIRED`.
    Expired,
    /// `REJECTD`.
    Rejected,
}

impl std::str::FromStr for Ending {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Ok(match s.to_ascii_lowercase().as_str() {
            "delivered" => Self::Delivered,
            "undelivered" => Self::Undelivered,
            "own-code" => Self::OwnCode,
            "expired" => Self::Expired,
            "rejected" => Self::Rejected,
            _ => {
                return Err(format!(
                    "{s:?} is no ending: delivered, undelivered, own-code, expired or rejected"
                ));
            }
        })
    }
}

/// Which ids a carrier's reports name for the numbers of one submit, where the protocol can count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BatchIds {
    /// The answer's, counted on from number to number.
    #[default]
    Counting,
    /// The answer's for all.
    Same,
}

/// How a carrier that speaks SGIP dials its client: to report and to pass on texts it opens a connection of its
/// own. Without an address reports go over the client's.
#[derive(Debug, Clone, Default)]
pub struct Dialling {
    /// The client's listener, host:port.
    pub address: Option<String>,
    /// The name that it logs in with there.
    pub account: String,
    /// And the password.
    pub password: String,
}

/// What only a carrier that speaks HTTP has.
#[derive(Debug, Clone, Default)]
pub struct Http {
    /// Whose interface it speaks.
    pub shape: Shape,
    /// Where it calls its client with reports; none: they can only be fetched.
    pub callback: Option<String>,
    /// Registered templates, where it wants those instead of texts: code and text.
    pub templates: Vec<(String, String)>,
}

/// Whose interface a simulated HTTP carrier speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// Ours: `config/gateways/watchbell.toml`.
    #[default]
    Watchbell,
    /// `config/gateways/yunmas.toml`.
    YunMas,
    /// `config/gateways/aliyun.toml`.
    Aliyun,
}

/// What goes wrong, in percent of the submits unless stated otherwise; all zero by default.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Taken, reported, never answered.
    pub lost_answers: f64,
    /// Which submits' answers get lost.
    pub losing: Losing,
    /// Answered, never reported.
    pub lost_reports: f64,
    /// Reported twice.
    pub duplicate_reports: f64,
    /// Reported before the answer.
    pub early_reports: f64,
    /// Reported [`Faults::late_factor`] times as late.
    pub late_reports: f64,
    /// How much later a late report is.
    pub late_factor: u32,
    /// Answered only after [`Faults::slow_by`].
    pub slow_answers: f64,
    /// How slow a slow answer is.
    pub slow_by: Duration,
    /// Answered after some that came later.
    pub out_of_order: f64,
    /// Followed by a deliver that can't be read.
    pub garbage: f64,
    /// Drops the connection about every so many submits, before the answer.
    pub disconnect_every: Option<u64>,
    /// Over HTTP: answered with 500, half of them after the request was taken.
    pub server_errors: f64,
    /// Over HTTP: a report is not called in; it can still be fetched.
    pub lost_callbacks: f64,
    /// A client's question whether the carrier is there gets no answer.
    pub ignored_keep_alives: f64,
    /// Message ids repeat after so many.
    pub id_reuse: Option<u32>,
    /// So many logins with the right password are refused at first: the carrier still counts old links.
    pub busy_logins: BusyLogins,
}

/// How many logins are still refused as one link too many; shared by all connections.
#[derive(Debug, Clone, Default)]
pub struct BusyLogins(Arc<AtomicU64>);

impl BusyLogins {
    /// So many.
    pub fn of(n: u64) -> Self {
        Self(Arc::new(AtomicU64::new(n)))
    }

    /// Is this one of them?
    pub(super) fn take(&self) -> bool {
        let less = |left: u64| left.checked_sub(1);
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        taken.is_ok()
    }
}

/// Which submits' answers get lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Losing {
    /// Any part's.
    #[default]
    AnyPart,
    /// Only those that no further part waits for.
    LastPart,
}

/// A rule by which submits are refused.
#[derive(Debug, Clone)]
pub struct SubmitRefusal {
    /// Numbers that end in this; empty: all.
    pub suffix: String,
    /// Only this part of a long message; none: every part and short ones.
    pub part: Option<u8>,
    /// What it answers, such as 10 or 13.
    pub result: u8,
}
