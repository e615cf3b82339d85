//! Which protocol a gateway speaks: a new one is one file beside this, and one line in [`open`].

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use watchbell_wire::cmpp::Version;

use super::{
    Gateway,
    cmpp::Cmpp,
    driver::{DriverSettings, Handle},
    http,
    opening::{Context, OpenError, Start},
    protocol::SessionProtocol,
    session::LinkLimits,
    sgip::{OwnIds, Sgip},
    smgp::Smgp,
    smpp::Smpp,
    trace,
};
use crate::config::{self, Kind};

/// Opens a gateway: it connects at once, and stays silent for its first second. Must be called within
/// a tokio runtime.
pub fn open(config: &config::Gateway, context: Context) -> Result<Arc<dyn Gateway>, OpenError> {
    trace::check(config, context.clock.now())?;
    Ok(prepare(config)?(context))
}

/// Is the configuration right, as far as can be told without connecting?
pub fn check(config: &config::Gateway) -> Result<(), OpenError> {
    prepare(config).map(|_| ())
}

/// How long a carrier knows a request by its key, so that it may be sent again; none: it may not.
pub fn repeats_within(config: &config::Gateway) -> Option<Duration> {
    match config.kind {
        Kind::Http => http::repeats_within(config),
        Kind::Cmpp20 | Kind::Cmpp30 | Kind::Sgip12 | Kind::Smgp30 | Kind::Smpp34 => None,
    }
}

/// How this gateway's ids follow from the claim; none where the carrier gives them, and none where several
/// numbers travel in one submit: whose id is theirs is decided when it is written.
pub fn own_ids(config: &config::Gateway) -> Option<OwnIds> {
    match config.kind {
        _ if config.batch > 1 => None,
        Kind::Sgip12 => OwnIds::read(config),
        Kind::Cmpp20 | Kind::Cmpp30 | Kind::Smgp30 | Kind::Smpp34 | Kind::Http => None,
    }
}

/// What happens on an idle link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepAlive {
    /// A keep-alive after so much silence.
    Every(Duration),
    /// The protocol has none: an idle link may be closed, by us after this (none: never), and is opened anew.
    IdleClose(Option<Duration>),
    /// HTTP: no links.
    NoLinks,
}

/// What happens on this gateway's idle links.
pub fn keep_alive(config: &config::Gateway) -> Result<KeepAlive, OpenError> {
    Ok(match config.kind {
        Kind::Cmpp20 => KeepAlive::Every(Cmpp::new(config, Version::V20)?.idle_after()),
        Kind::Cmpp30 => KeepAlive::Every(Cmpp::new(config, Version::V30)?.idle_after()),
        Kind::Smgp30 => KeepAlive::Every(Smgp::new(config)?.idle_after()),
        Kind::Smpp34 => KeepAlive::Every(Smpp::new(config)?.idle_after()),
        Kind::Sgip12 => KeepAlive::IdleClose(Sgip::new(config)?.closes_after()),
        Kind::Http => KeepAlive::NoLinks,
    })
}

/// How reports and texts come from the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportChannel {
    /// Over a connection.
    Connection,
    /// Polled by us, perhaps besides callbacks.
    Polled,
    /// Callbacks to the daemon only.
    Callback,
}

/// How reports and texts come from this gateway's carrier.
pub fn report_channel(config: &config::Gateway) -> ReportChannel {
    match config.kind {
        Kind::Http if http::fetches(config) => ReportChannel::Polled,
        Kind::Http => ReportChannel::Callback,
        Kind::Cmpp20 | Kind::Cmpp30 | Kind::Sgip12 | Kind::Smgp30 | Kind::Smpp34 => {
            ReportChannel::Connection
        }
    }
}

/// Where the carrier's gateway is to dial us, in a protocol whose gateways do.
pub fn listens_at(config: &config::Gateway) -> Option<SocketAddr> {
    match config.kind {
        Kind::Sgip12 => Some(Sgip::new(config).ok()?.listen_at()?.address),
        Kind::Cmpp20 | Kind::Cmpp30 | Kind::Smgp30 | Kind::Smpp34 | Kind::Http => None,
    }
}

fn prepare(config: &config::Gateway) -> Result<Start, OpenError> {
    match config.kind {
        Kind::Cmpp20 => session(Cmpp::new(config, Version::V20)?, config),
        Kind::Cmpp30 => session(Cmpp::new(config, Version::V30)?, config),
        Kind::Sgip12 => session(Sgip::new(config)?, config),
        Kind::Smgp30 => session(Smgp::new(config)?, config),
        Kind::Smpp34 => session(Smpp::new(config)?, config),
        Kind::Http => {
            // The numbers that any gateway needs.
            settings(config, Duration::ZERO)?;
            http::prepare(config)
        }
    }
}

/// A gateway of any protocol that the session driver carries.
fn session<P: SessionProtocol + Clone>(
    protocol: P,
    config: &config::Gateway,
) -> Result<Start, OpenError> {
    let settings = settings(config, protocol.idle_after())?;
    Ok(Box::new(move |context| {
        Arc::new(Handle::start(protocol, settings, context))
    }))
}

fn settings(config: &config::Gateway, keep_alive: Duration) -> Result<DriverSettings, OpenError> {
    let positive = |key, value: u32| match value {
        0 => Err(OpenError::Setting {
            key,
            reason: "must be at least 1".to_owned(),
        }),
        value => Ok(value),
    };
    let local_address = match config.local_address.as_str() {
        "" => None,
        text => Some(text.parse::<IpAddr>().map_err(|_| OpenError::Setting {
            key: "local_address",
            reason: format!("{text:?} is no IP address"),
        })?),
    };
    positive("links", config.links.into())?;
    positive("window", config.window.into())?;
    Ok(DriverSettings {
        id: config.id.clone(),
        address: config.address.clone(),
        local_address,
        links: config.links,
        rate: positive("rate", config.rate)?,
        batch: config.batch,
        limits: LinkLimits {
            window: config.window.into(),
            response_timeout: config.response_timeout,
            keep_alive,
        },
        login_retry: config.login_retry,
        kind: config.kind,
        trace: config.trace.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::session::tests::account;

    /// The keys that every kind has.
    const COMMON: &[&str] = &[
        "id",
        "kind",
        "carriers",
        "address",
        "account",
        "password",
        "access_number",
        "service_id",
        "rate",
        "links",
        "window",
        "count",
    ];

    /// All that a protocol has read of its settings; none for HTTP, whose keys are its description's.
    fn read(config: &config::Gateway) -> Option<String> {
        Some(match config.kind {
            Kind::Cmpp20 => format!("{:?}", Cmpp::new(config, Version::V20).expect("valid")),
            Kind::Cmpp30 => format!("{:?}", Cmpp::new(config, Version::V30).expect("valid")),
            Kind::Smgp30 => format!("{:?}", Smgp::new(config).expect("valid")),
            Kind::Smpp34 => format!("{:?}", Smpp::new(config).expect("valid")),
            Kind::Sgip12 => format!("{:?}", Sgip::new(config).expect("valid")),
            Kind::Http => return None,
        })
    }

    #[test]
    fn the_example_configuration_is_valid_and_shows_the_defaults() {
        let text = include_str!("../../config/gateways.example.toml");
        let file: toml::Table = text.parse().expect("valid TOML");
        let gateways = file["gateways"].as_array().expect("gateways");
        let mut shown = 0;
        for gateway in gateways.iter().filter_map(toml::Value::as_table) {
            let mut config = account();
            config.kind = gateway["kind"]
                .as_str()
                .and_then(|k| k.parse().ok())
                .expect("a kind");
            config.password = config::Secret::new("sharedpw");
            // What has no default is not left out.
            if let Some(node) = gateway.get("node") {
                config.extra.insert("node".to_owned(), node.clone());
            }
            let bare = read(&config);
            let own = gateway
                .iter()
                .filter(|(key, _)| !COMMON.contains(&key.as_str()));
            config.extra = own
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            if let Some(bare) = bare {
                shown += 1;
                assert_eq!(Some(bare), read(&config));
                config.kind = if config.kind == Kind::Cmpp20 {
                    Kind::Cmpp30
                } else {
                    config.kind
                };
                assert!(check(&config).is_ok());
            }
        }
        assert_eq!(shown, 4, "one for each layout");
    }

    #[test]
    fn what_does_not_fit_a_protocol_is_named_and_not_shown() {
        let mut config = account();
        config.kind = Kind::Smpp34;
        let error = check(&config).err().map(|e| e.to_string());
        assert_eq!(
            error.as_deref(),
            Some("`password`: must be at most 8 ASCII characters for SMPP")
        );
    }
}
