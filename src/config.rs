//! Typed settings, read once at the start and checked as a whole: built-in defaults, then the file,
//! then `WATCHBELL__SECTION__KEY` from the environment. Nothing else in the program reads settings.

use std::{collections::BTreeMap, time::Duration};

use chrono_tz::Tz;
use serde::Serialize;

use crate::domain::{carrier::Carrier, id::GatewayId, text::Count};

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
}

/// `[server]`
#[derive(Debug, Clone)]
pub struct Server {
    /// Where the HTTP door listens.
    pub listen: std::net::SocketAddr,
}

/// `[database]`
#[derive(Debug, Clone)]
pub struct Database {
    /// `sqlite://…` (relative paths already made relative to the file) or `postgres://…`.
    pub url: String,
}

/// `[sending]`
#[derive(Debug, Clone)]
pub struct Sending {
    /// The office's zone.
    pub timezone: Tz,
    /// Month and day, both inclusive; may wrap over the new year.
    pub season: crate::domain::hours::Season,
    /// Nothing but urgent goes out inside; from = to means none.
    pub quiet_hours: crate::domain::hours::QuietHours,
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
}

/// `[alerts]`
#[derive(Debug, Clone, Default)]
pub struct Alerts {
    /// Duty phones (used through another gateway than the one in trouble).
    pub phones: Vec<String>,
    /// A URL that gets each alert as JSON; empty: none.
    pub webhook: String,
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
    pub const ALL: [Self; 6] = [Self::Cmpp20, Self::Cmpp30, Self::Sgip12, Self::Smgp30, Self::Smpp34, Self::Http];

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
}

/// What a contract's rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateUnit {
    /// Short messages on the wire, times receivers.
    Segments,
    /// Submit requests.
    Requests,
}

/// Who writes the 【signature】.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureBy {
    /// We write it.
    Us,
    /// The carrier adds it; its room is counted all the same.
    Carrier,
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
    /// Connections.
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
    /// Source address that the carrier's whitelist knows; empty: any.
    pub local_address: String,
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

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}
