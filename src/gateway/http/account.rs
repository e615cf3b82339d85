//! One gateway's account at an HTTP carrier: its description, and the keys of its table that the
//! description or every HTTP gateway knows.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{description::Description, reader::DescriptionError, registered::Registered};
use crate::{
    config,
    domain::{hours::parse_duration, nearest::nearest},
    gateway::opening::OpenError,
};

/// Keys that every HTTP gateway knows beside the common ones.
const KEYS: [&str; 5] = [
    "description",
    "callback_from",
    "callback_secret",
    "poll_every",
    "templates",
];

/// An account with its description, checked.
#[derive(Debug, Clone)]
pub(super) struct HttpAccount {
    pub(super) description: Description,
    /// Where it is, without a slash at the end.
    pub(super) base: String,
    /// Who we are there.
    pub(super) user: String,
    pub(super) secret: String,
    pub(super) access_number: String,
    pub(super) service_id: String,
    pub(super) signature: String,
    /// The description's own keys.
    pub(super) options: BTreeMap<String, String>,
    pub(super) callback_secret: String,
    /// Whose callbacks are listened to; empty: anybody's, if they are signed.
    pub(super) callback_from: Vec<IpAddr>,
    pub(super) poll_every: Duration,
    pub(super) templates: Vec<Registered>,
}

impl HttpAccount {
    /// Reads the description and the keys of a gateway.
    pub(super) fn read(config: &config::Gateway) -> Result<Self, OpenError> {
        let extra = &config.extra;
        let description = description(config)?;
        let known: Vec<&str> = KEYS
            .into_iter()
            .chain(description.keys.keys().map(String::as_str))
            .collect();
        if let Some(unknown) = extra.keys().find(|key| !known.contains(&key.as_str())) {
            let hint = nearest(unknown, &known, 3).map_or_else(
                || format!("known are {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(bad(unknown, &format!("unknown key; {hint}")));
        }
        let mut options = BTreeMap::new();
        for (key, default) in &description.keys {
            let value = match (extra.get(key), default) {
                (Some(value), _) => value
                    .as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| bad(key, "expected a text"))?,
                (None, Some(default)) => default.clone(),
                (None, None) => return Err(bad(key, "is missing: the description needs it")),
            };
            options.insert(key.clone(), value);
        }
        let poll_every = match extra.get("poll_every") {
            None => description.poll.as_ref().map(|p| p.every),
            Some(value) => Some(
                value
                    .as_str()
                    .and_then(|text| parse_duration(text).ok())
                    .filter(|d| !d.is_zero())
                    .ok_or_else(|| bad("poll_every", "expected a time such as \"30s\""))?,
            ),
        };
        Ok(Self {
            base: config.address.trim_end_matches('/').to_owned(),
            user: config.account.clone(),
            secret: config.password.expose().to_owned(),
            access_number: config.access_number.clone(),
            service_id: config.service_id.clone(),
            signature: config.signature.clone(),
            options,
            callback_secret: match extra.get("callback_secret") {
                None => config.password.expose().to_owned(),
                Some(value) => value
                    .as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| bad("callback_secret", "expected a text"))?,
            },
            callback_from: addresses(extra.get("callback_from"))?,
            poll_every: poll_every.unwrap_or(Duration::from_secs(30)),
            templates: templates(&description, extra.get("templates"))?,
            description,
        })
    }
}

/// The secret's bytes, as Standard Webhooks writes them.
pub(super) fn key_bytes(secret: &str) -> Vec<u8> {
    secret
        .strip_prefix("whsec_")
        .and_then(|encoded| BASE64_STANDARD.decode(encoded).ok())
        .unwrap_or_else(|| secret.as_bytes().to_vec())
}

fn description(config: &config::Gateway) -> Result<Description, OpenError> {
    let name = match config.extra.get("description") {
        None => "watchbell",
        Some(value) => value
            .as_str()
            .ok_or_else(|| bad("description", "expected a name or a path"))?,
    };
    let refused = |problems: Vec<DescriptionError>| OpenError::Description {
        name: name.to_owned(),
        problems: problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; "),
    };
    if let Some(read) = Description::built_in(name) {
        return read.map_err(refused);
    }
    let text = std::fs::read_to_string(name).map_err(|e| {
        let names = Description::names().join(", ");
        bad(
            "description",
            &format!("{name}: {e}; it is one of {names}, or the path of a description file"),
        )
    })?;
    Description::parse(&text).map_err(refused)
}

fn addresses(value: Option<&toml::Value>) -> Result<Vec<IpAddr>, OpenError> {
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let wrong = || bad("callback_from", "expected a list of IP addresses");
    value
        .as_array()
        .ok_or_else(wrong)?
        .iter()
        .map(|v| v.as_str().and_then(|s| s.parse().ok()).ok_or_else(wrong))
        .collect()
}

fn templates(
    description: &Description,
    value: Option<&toml::Value>,
) -> Result<Vec<Registered>, OpenError> {
    let table = value.and_then(toml::Value::as_table);
    match (description.templates, value.is_some(), table) {
        (false, false, _) => Ok(Vec::new()),
        (false, true, _) => Err(bad("templates", "this carrier takes texts as they are")),
        (true, _, None) => Err(bad(
            "templates",
            "this carrier takes registered templates only: write templates = { CODE = \"text with ${name}\" }",
        )),
        (true, _, Some(table)) => table
            .iter()
            .map(|(code, text)| {
                text.as_str()
                    .and_then(|text| Registered::parse(code, text))
                    .ok_or_else(|| {
                        bad(
                            "templates",
                            &format!(
                                "{code}: expected a text with ${{name}}s, no two side by side"
                            ),
                        )
                    })
            })
            .collect(),
    }
}

fn bad(key: &str, reason: &str) -> OpenError {
    OpenError::Key {
        key: key.to_owned(),
        reason: reason.to_owned(),
    }
}
