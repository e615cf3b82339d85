//! Typed settings, read once at the start and checked as a whole: built-in defaults, then the file,
//! then `WATCHBELL__SECTION__KEY` from the environment. Nothing else in the program reads settings.

mod error;
mod gateway;
mod load;
mod orders;
mod read;
mod sections;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono_tz::Tz;
use serde::Serialize;

pub use self::{
    error::{ConfigError, Problem},
    orders::{OrderCarrier, WorkOrders},
};
pub use crate::domain::text::SignatureBy;
use crate::domain::{
    carrier::Carrier,
    hours::{Hours, QuietHours, Season},
    id::GatewayId,
    text::{Count, Framing},
    time::Micros,
};

use self::{load::Layers, read::Section};

/// Everything that can be set.
#[derive(Debug, Clone)]
pub struct Config {
    /// Simulated carriers only; true also when no gateway is configured.
    pub practice: bool,
    /// `[server]`
    pub server: Server,
    /// `[database]`
    pub database: Database,
    /// `[sending]`
    pub sending: Sending,
    /// `[alerts]`
    pub alerts: Alerts,
    /// `[[gateways]]`
    pub gateways: Vec<Gateway>,
    /// `[work_orders]` and `[[work_order_carriers]]`
    pub work_orders: WorkOrders,
}

impl Config {
    /// Where traces are, or were: beside the database, and where gateways say.
    pub fn trace_dirs(&self) -> Vec<PathBuf> {
        let said = self.gateways.iter().filter_map(|g| g.trace.as_ref());
        let mut dirs: Vec<PathBuf> = said.map(|trace| trace.dir.clone()).collect();
        dirs.extend(self.database.trace_dir());
        dirs.sort();
        dirs.dedup();
        dirs
    }

    /// Defaults < `file` (else `./watchbell.toml` when it is there) < `WATCHBELL__SECTION__KEY` of `env`,
    /// checked as a whole.
    ///
    /// `env` is handed in ([`process_env`] gives the process's own), so that tests need not touch it.
    ///
    /// # Errors
    /// All that is wrong at once: unknown keys, bad or missing values, passwords that cannot be found.
    pub fn load(
        file: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let layers = Layers::read(file, env.into_iter().collect())?;
        let mut root = Section::root(&layers);
        let config = Self::read(&mut root);
        match (config, root.finish()) {
            (Some(config), problems) if problems.is_empty() => Ok(config),
            (_, problems) => Err(ConfigError::Invalid(problems)),
        }
    }

    /// The built-in defaults as a commented file, for `watchbell.toml`'s writers.
    pub fn default_file() -> &'static str {
        load::DEFAULTS
    }
}

/// The process's environment; what is not UTF-8 cannot be a setting and is left out.
pub fn process_env() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
}

/// `[server]`
#[derive(Debug, Clone)]
pub struct Server {
    /// Where the HTTP listener is opened.
    pub listen: std::net::SocketAddr,
}

/// `[database]`
#[derive(Clone)]
pub struct Database {
    /// `sqlite://…` (relative paths already made relative to the file) or `postgres://…`.
    pub url: String,
}

impl Database {
    /// The SQLite file, for what lies beside it (lock, sidecar); `None` on `PostgreSQL`.
    pub fn sqlite_path(&self) -> Option<PathBuf> {
        let path = self.url.strip_prefix("sqlite://")?.split('?').next()?;
        Some(PathBuf::from(
            path.replace("%3F", "?")
                .replace("%3f", "?")
                .replace("%25", "%"),
        ))
    }

    /// Where traces are when nobody says; none on PostgreSQL, which is beside nothing.
    pub fn trace_dir(&self) -> Option<PathBuf> {
        Some(self.sqlite_path()?.with_file_name("trace"))
    }

    /// The URL without its password, for people and logs.
    pub fn shown(&self) -> String {
        let Some((scheme, rest)) = self.url.split_once("://") else {
            return "***".into();
        };
        let Some((who, place)) = rest.rsplit_once('@') else {
            return self.url.clone();
        };
        let user = who.split(':').next().unwrap_or_default();
        format!("{scheme}://{user}:***@{place}")
    }
}

/// Shows no password.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("url", &self.shown())
            .finish()
    }
}

/// `[sending]`
#[derive(Debug, Clone)]
pub struct Sending {
    /// The office's zone.
    pub timezone: Tz,
    /// Month and day, both inclusive; may wrap over the new year.
    pub season: Season,
    /// Nothing but urgent goes out inside; from = to means none.
    pub quiet_hours: QuietHours,
    /// Messages a person gets on one day at most; urgent ones are exempt.
    pub daily_limit_per_person: u32,
    /// The office's name in 【】.
    pub signature: String,
    /// Two different people for each run.
    pub require_approval: bool,
    /// How long a report is waited for before a submitted message is `unconfirmed`.
    pub report_window: Duration,
    /// How long evidence is waited for before the run's policy decides about doubt.
    pub doubt_grace: Duration,
    /// Replies that opt out, besides the usual ones.
    pub opt_out_words: Vec<String>,
    /// A planned run whose audience differs by more than this share from what was approved is held.
    pub max_deviation: f64,
    /// One's own calendar of holidays, make-up workdays and exam days; none: the one that comes with the program.
    pub calendar: Option<PathBuf>,
}

impl Sending {
    /// When messages may go out.
    pub fn hours(&self) -> Hours {
        Hours {
            season: self.season,
            quiet: self.quiet_hours,
            zone: self.timezone,
        }
    }
}

/// `[alerts]`
#[derive(Clone, Default)]
pub struct Alerts {
    /// Duty phones (used through another gateway than the one in trouble).
    pub phones: Vec<String>,
    /// A URL that gets each alert as JSON; empty: none.
    pub webhook: String,
}

/// Shows no number, and no webhook: its path often is its password.
impl fmt::Debug for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let webhook = if self.webhook.is_empty() { "" } else { "***" };
        f.debug_struct("Alerts")
            .field("phones", &self.phones.len())
            .field("webhook", &webhook)
            .finish()
    }
}

/// The protocol of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// China Mobile, CMPP 2.0.
    Cmpp20,
    /// China Mobile, CMPP 3.0.
    Cmpp30,
    /// China Unicom, SGIP 1.2.
    Sgip12,
    /// China Telecom, SMGP 3.0.
    Smgp30,
    /// SMPP 3.4.
    Smpp34,
    /// A described HTTP interface.
    Http,
}

impl Kind {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::Cmpp20,
        Self::Cmpp30,
        Self::Sgip12,
        Self::Smgp30,
        Self::Smpp34,
        Self::Http,
    ];

    /// Its name in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cmpp20 => "cmpp20",
            Self::Cmpp30 => "cmpp30",
            Self::Sgip12 => "sgip12",
            Self::Smgp30 => "smgp30",
            Self::Smpp34 => "smpp34",
            Self::Http => "http",
        }
    }

    /// How it takes long texts.
    pub const fn framing(self) -> Framing {
        match self {
            Self::Cmpp20 | Self::Cmpp30 | Self::Sgip12 | Self::Smgp30 | Self::Smpp34 => {
                Framing::Parts
            }
            Self::Http => Framing::Whole,
        }
    }

    /// Destinations that one submit takes at most; an HTTP interface's description may lower its own.
    pub const fn max_batch(self) -> u16 {
        match self {
            Self::Cmpp20 | Self::Cmpp30 => 99,
            Self::Sgip12 => 80,
            Self::Smgp30 => 100,
            Self::Smpp34 => 254,
            Self::Http => u16::MAX,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Kind {
    type Err = UnknownKind;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|k| k.as_str() == s)
            .ok_or_else(|| UnknownKind(s.to_owned()))
    }
}

/// Not the name of a protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown protocol {0:?}: write cmpp20, cmpp30, sgip12, smgp30, smpp34 or http")]
pub struct UnknownKind(pub String);

/// What a contract's rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateUnit {
    /// Short messages on the wire, times receivers.
    Segments,
    /// Submit requests.
    Requests,
}

/// What goes over a gateway's links is written down, encrypted, until then.
#[derive(Debug, Clone)]
pub struct Trace {
    /// The passphrase.
    pub key: Secret,
    /// Nothing is written after this.
    pub until: Micros,
    /// Where the files are.
    pub dir: PathBuf,
}

/// One account at one carrier gateway.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// Unique name.
    pub id: GatewayId,
    /// Its protocol.
    pub kind: Kind,
    /// Who is served; empty means any.
    pub carriers: Vec<Carrier>,
    /// `host:port`, or a URL for http.
    pub address: String,
    /// SP id.
    pub account: String,
    /// Resolved from a literal, `env:NAME` or `file:PATH`.
    pub password: Secret,
    /// Sender shown on the phone.
    pub access_number: String,
    /// Service code agreed with the carrier.
    pub service_id: String,
    /// Never exceeded in any sliding second.
    pub rate: u32,
    /// What `rate` counts.
    pub rate_unit: RateUnit,
    /// How many connections are held open, 1 or more.
    pub links: u16,
    /// Unanswered requests per connection.
    pub window: u16,
    /// Destinations per submit.
    pub batch: u16,
    /// How this carrier counts.
    pub count: Count,
    /// The 【signature】 text for this gateway (the office's unless overridden).
    pub signature: String,
    /// Who writes it.
    pub signature_by: SignatureBy,
    /// Wording appended; empty: none.
    pub opt_out: String,
    /// Per segment, in yuan, for forecasts.
    pub price: f64,
    /// Segments a day; 0: none.
    pub daily_quota: u64,
    /// Segments a month; 0: none.
    pub monthly_quota: u64,
    /// No answer within this: in doubt.
    pub response_timeout: Duration,
    /// How long after three logins refused for account or password it is tried again.
    pub login_retry: Duration,
    /// Source address that the carrier's whitelist knows; empty: any.
    pub local_address: String,
    /// What goes over its links is written down.
    pub trace: Option<Trace>,
    /// Protocol-specific keys, checked by the protocol's own file when the gateway is opened.
    pub extra: BTreeMap<String, toml::Value>,
}

/// A password: never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a password.
    pub fn new(s: impl Into<String>) -> Self {
        Self(s.into())
    }

    /// The password itself, for the wire's digest only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
