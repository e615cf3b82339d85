//! One account's SGIP: the keys of its `[[gateways]]` table, and what a connection knows of itself.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use ipnet::IpNet;
use watchbell_wire::{
    FixedStr, FixedStrError,
    sgip::{self, Bind, Code, Sequence},
};

use super::{
    super::{OpenError, answer_codes::AnswerCodes, options::Options, protocol::ListenAt},
    OwnIds, SubmitTimes, URGENT,
};
use crate::config;

/// 21 zeros: the SP pays (SGIP 1.2, Submit).
const SP_PAYS: &str = "000000000000000000000";

/// One account's SGIP.
#[derive(Debug, Clone)]
pub(in crate::gateway) struct Sgip {
    pub(super) ids: OwnIds,
    pub(super) name: FixedStr<16>,
    pub(super) secret: config::Secret,
    pub(super) prefix86: bool,
    pub(super) priority: Option<u8>,
    pub(super) codes: AnswerCodes,
    /// A link that was idle for so long is closed and opened anew; none: never.
    pub(super) idle_close: Option<Duration>,
    pub(super) listener: Option<CarrierLogin>,
    /// What all submits have in common.
    pub(super) common: sgip::Submit,
    pub(super) role: Role,
    /// The unbind that is being answered.
    pub(super) unbinding: Sequence,
    pub(super) submit_times: SubmitTimes,
}

/// Which end of a connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The peer has dialled us and has to log in.
    AwaitingBind,
    /// The peer has dialled us and is logged in.
    Bound,
    /// We have dialled, at this time.
    Caller {
        /// The second word of our own commands.
        time: u32,
    },
}

/// Where the carrier dials us, and the login that it has to give.
#[derive(Debug, Clone)]
pub(super) struct CarrierLogin {
    pub(super) listen_at: ListenAt,
    name: FixedStr<16>,
    secret: config::Secret,
}

impl CarrierLogin {
    /// Are these the name and password agreed upon? In constant time.
    pub(super) fn admits(&self, bind: &Bind) -> bool {
        let secret = FixedStr::new(self.secret.expose());
        secret.is_ok_and(|secret| bind.verify(&self.name, &secret))
    }
}

impl Sgip {
    /// Reads the account's settings, protocol-specific keys included.
    pub(in crate::gateway) fn new(config: &config::Gateway) -> Result<Self, OpenError> {
        let mut options = Options::new(&config.extra);
        let node = options.word("node")?.ok_or_else(|| OpenError::Setting {
            key: "node",
            reason: "is missing: write the SP node number that China Unicom gave you, such as 3025001234"
                .to_owned(),
        })?;
        let _: FixedStr<16> = fit("password", config.password.expose())?;
        let this = Self {
            ids: OwnIds { node },
            name: fit("account", &config.account)?,
            secret: config.password.clone(),
            prefix86: options.flag("prefix86", true)?,
            priority: options.number("priority", None, URGENT)?,
            codes: AnswerCodes::read(&mut options, |code| Code(code as u8).class())?,
            idle_close: idle_close(config, &mut options)?,
            listener: host(&mut options)?,
            common: common(config, &mut options, node)?,
            role: Role::AwaitingBind,
            unbinding: Sequence::default(),
            submit_times: SubmitTimes::default(),
        };
        options.finish()?;
        Ok(this)
    }

    /// A link that was idle for so long is closed by us; none: never.
    pub(in crate::gateway) fn closes_after(&self) -> Option<Duration> {
        self.idle_close
    }
}

/// `idle_close`: a time, or `"0"` and 0 for never.
fn idle_close(
    config: &config::Gateway,
    options: &mut Options<'_>,
) -> Result<Option<Duration>, OpenError> {
    const KEY: &str = "idle_close";
    let never = match config.extra.get(KEY) {
        None | Some(toml::Value::Integer(0)) => true,
        Some(toml::Value::String(text)) => text == "0" || text == "0s",
        Some(_) => false,
    };
    if never {
        options.knows(KEY);
        return Ok(None);
    }
    Ok(Some(options.duration(KEY, Duration::ZERO)?))
}

/// Where the carrier dials us; none without `listen`.
fn host(options: &mut Options<'_>) -> Result<Option<CarrierLogin>, OpenError> {
    let listen = options.text("listen", "", 64)?;
    let allow = options.list(
        "listen_allow",
        "a list of addresses and networks, such as [\"10.1.2.3\", \"10.1.3.0/24\"]",
        network,
    )?;
    let account = options.text("listen_account", "", 16)?;
    // Checked by the function whose error does not repeat the value.
    let password = options.text("listen_password", "", usize::MAX)?;
    let _: FixedStr<16> = fit("listen_password", &password)?;
    if listen.is_empty() {
        return Ok(None);
    }
    let listen: SocketAddr = listen.parse().map_err(|_| OpenError::Setting {
        key: "listen",
        reason: format!("{listen:?} is no address with a port, such as 0.0.0.0:8801"),
    })?;
    if account.is_empty() || password.is_empty() {
        return Err(OpenError::Setting {
            key: "listen_account",
            reason: "and listen_password are missing: with them the carrier's gateway logs in when it dials us"
                .to_owned(),
        });
    }
    if allow.is_empty() && !listen.ip().to_canonical().is_loopback() {
        return Err(OpenError::Setting {
            key: "listen_allow",
            reason: "is missing: write the addresses the carrier's gateway dials from, such as [\"10.1.2.3\"]; anybody else is turned away"
                .to_owned(),
        });
    }
    Ok(Some(CarrierLogin {
        listen_at: ListenAt {
            address: listen,
            allow,
        },
        name: fit("listen_account", &account)?,
        secret: config::Secret::new(password),
    }))
}

/// An address alone is a network of one.
fn network(text: &str) -> Option<IpNet> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// What all submits of the account have in common.
fn common(
    config: &config::Gateway,
    options: &mut Options<'_>,
    node: u32,
) -> Result<sgip::Submit, OpenError> {
    let own = sgip::Submit::default();
    // A node is 3, the area code in four digits, and the enterprise's in five.
    let enterprise = format!("{:05}", node % 100_000);
    let corp_id = options.text("corp_id", &enterprise, 5)?;
    let charge_number = options.text("charge_number", SP_PAYS, 21)?;
    let fee_value = options.text("fee_value", "0", 6)?;
    let given_value = options.text("given_value", "0", 6)?;
    let mut number = |key, default, max| {
        options
            .number(key, Some(default), max)
            .map(|n| n.unwrap_or(default))
    };
    Ok(sgip::Submit {
        fee_type: number("fee_type", own.fee_type, 4)?,
        agent_flag: number("agent_flag", own.agent_flag, 1)?,
        morelate_to_mt_flag: number("more_related", own.morelate_to_mt_flag, 3)?,
        report_flag: number("report_flag", own.report_flag, 3)?,
        sp_number: fit("access_number", &config.access_number)?,
        charge_number: fit("charge_number", &charge_number)?,
        corp_id: fit("corp_id", &corp_id)?,
        service_type: fit("service_id", &config.service_id)?,
        fee_value: fit("fee_value", &fee_value)?,
        given_value: fit("given_value", &given_value)?,
        ..own
    })
}

fn fit<const N: usize>(key: &'static str, text: &str) -> Result<FixedStr<N>, OpenError> {
    FixedStr::new(text).map_err(|e: FixedStrError| OpenError::Setting {
        key,
        reason: e.to_string(),
    })
}
