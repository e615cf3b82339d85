//! One call to the carrier: a request as the description has it, and the meaning of its answer.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::Mac as _;
use serde_json::Value;

use super::{
    account::{HttpAccount, key_bytes},
    description::{Call, Encoding, Scheme},
    json,
    registered::matching,
    sign::{self, Acs3},
    template::Fill,
};
use crate::{
    clock::Clock,
    domain::{priority::Priority, time::Micros},
    gateway::{Answer, CarrierMessageId, LoginFault, Submit},
};

/// An answer longer than this is not read: some hundred bytes for each of a thousand numbers, and room.
const MAX_ANSWER: usize = 4 << 20;

/// What a call came to.
#[derive(Debug)]
pub(super) enum CallResult {
    /// A status, and a body that is JSON (or nothing).
    Answer(u16, Value),
    /// Nothing was handed over: no connection came about.
    Unreachable(String),
    /// No answer, or none that can be read: it may have arrived.
    Lost(String),
}

/// What an answer to a send means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// An answer for each number, in the order of the request; none where the carrier gave none.
    Each(Vec<Option<Answer>>),
    /// Too fast: surely did not leave.
    Throttled(String),
    /// Our credentials are refused: surely did not leave.
    LoginRefused(String, LoginFault),
    /// It may have left.
    Unclear(String),
}

/// A request that is ready to go, but for the time it goes at.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    /// Its idempotency key, the same each time it is sent.
    pub(super) key: String,
    fields: Value,
}

/// What a call needs beside the request.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    pub(super) client: reqwest::Client,
    pub(super) timeout: Duration,
    pub(super) clock: Clock,
}

impl HttpAccount {
    /// A request's fields; the reason when it can't be made.
    pub(super) fn ready(&self, key: &str, submits: &[Submit]) -> Result<Ready, String> {
        let Some(first) = submits.first() else {
            return Err("a request without numbers".to_owned());
        };
        let mut fill = self.fill();
        fill.set("key", key);
        fill.set("text", &first.text);
        fill.set("signature", &self.signature);
        fill.set(
            "priority",
            match first.priority {
                Priority::Urgent => "urgent",
                Priority::Normal => "normal",
                Priority::Bulk => "bulk",
            },
        );
        let until = first
            .valid_until
            .map(|t| t.rfc3339(chrono_tz::Asia::Shanghai));
        fill.set("valid_until", until.unwrap_or_default());
        if self.description.templates {
            let Some((code, params)) = matching(&self.templates, &first.text) else {
                return Err("no registered template makes this text".to_owned());
            };
            fill.set("template.code", code);
            fill.set("template.params", params);
        }
        let phones = submits.iter().map(|s| s.phone.expose()).collect();
        let references = (0..submits.len()).map(|n| format!("{key}.{n}")).collect();
        fill.numbers(phones, references);
        let mut fields = fill.value(&self.description.send.fields);
        if let Scheme::Md5Concat { over, field } = &self.description.sign
            && let Value::Object(table) = &mut fields
        {
            table.insert(field.clone(), sign::md5_hex(over, &fill).into());
        }
        Ok(Ready {
            key: key.to_owned(),
            fields,
        })
    }

    /// The fields of a request without messages.
    pub(super) fn plain(&self, call: &Call, cursor: &str) -> Ready {
        let mut fill = self.fill();
        fill.set("cursor", cursor);
        let key = uuid::Uuid::now_v7().to_string();
        let mut fields = fill.value(&call.fields);
        if let Scheme::Md5Concat { over, field } = &self.description.sign
            && let Value::Object(table) = &mut fields
        {
            table.insert(field.clone(), sign::md5_hex(over, &fill).into());
        }
        Ready { key, fields }
    }

    fn fill(&self) -> Fill {
        let mut fill = Fill::default();
        fill.set("account", &self.user);
        fill.set("secret", &self.secret);
        fill.set("access_number", &self.access_number);
        fill.set("service_id", &self.service_id);
        for (key, value) in &self.options {
            fill.set(format!("option.{key}"), value);
        }
        fill
    }

    /// Sends it, and waits for the answer.
    pub(super) async fn call(
        &self,
        call: &Call,
        ready: &Ready,
        transport: &Transport,
    ) -> CallResult {
        let request = match self.request(call, ready, transport) {
            Ok(request) => request,
            Err(e) => return CallResult::Unreachable(e.without_url().to_string()),
        };
        match transport.client.execute(request).await {
            Ok(response) => read(response).await,
            Err(e) if e.is_connect() => CallResult::Unreachable(e.without_url().to_string()),
            Err(e) => CallResult::Lost(e.without_url().to_string()),
        }
    }

    fn request(
        &self,
        call: &Call,
        ready: &Ready,
        transport: &Transport,
    ) -> reqwest::Result<reqwest::Request> {
        let now = transport.clock.now();
        let pairs = flat(&ready.fields);
        let fill = self.head(ready);
        let path = fill.text_with(&call.path, sign::percent);
        let url = format!("{}{path}", self.base);
        let (content_type, body) = match call.encoding {
            Encoding::Query => ("", Vec::new()),
            Encoding::Form => (
                "application/x-www-form-urlencoded",
                sign::canonical_query(&pairs).into_bytes(),
            ),
            Encoding::Json => (
                "application/json",
                match &ready.fields {
                    Value::Null => Vec::new(),
                    fields => fields.to_string().into_bytes(),
                },
            ),
            Encoding::Base64Json => (
                "text/plain; charset=utf-8",
                BASE64_STANDARD
                    .encode(ready.fields.to_string())
                    .into_bytes(),
            ),
        };
        let url = match call.encoding {
            Encoding::Query => format!("{url}?{}", sign::canonical_query(&pairs)),
            Encoding::Json | Encoding::Base64Json | Encoding::Form => url,
        };
        let method = if call.get { "GET" } else { "POST" };
        let mut builder = match call.get {
            true => transport.client.get(&url),
            false => transport.client.post(&url),
        };
        if !content_type.is_empty() {
            builder = builder.header("content-type", content_type);
        }
        for (name, value) in &call.headers {
            builder = builder.header(name.as_str(), fill.text(value));
        }
        let query: &[(String, String)] = match call.encoding {
            Encoding::Query => &pairs,
            Encoding::Json | Encoding::Base64Json | Encoding::Form => &[],
        };
        for (name, value) in self.signed(call, ready, method, query, now, &body) {
            builder = builder.header(name, value);
        }
        builder.timeout(transport.timeout).body(body).build()
    }

    /// What headers and paths are filled with.
    fn head(&self, ready: &Ready) -> Fill {
        let mut fill = self.fill();
        fill.set("key", &ready.key);
        fill
    }

    /// The headers that a scheme asks for.
    fn signed(
        &self,
        call: &Call,
        ready: &Ready,
        method: &str,
        query: &[(String, String)],
        now: Micros,
        body: &[u8],
    ) -> Vec<(String, String)> {
        let seconds = now.0.div_euclid(1_000_000);
        match &self.description.sign {
            Scheme::None | Scheme::Md5Concat { .. } => Vec::new(),
            Scheme::StandardWebhooks => {
                sign::standard_webhooks(&key_bytes(&self.secret), &ready.key, seconds, body)
            }
            Scheme::HmacSha256 {
                over,
                header,
                time_header,
                id_header,
                base64,
            } => {
                let mut fill = self.head(ready);
                fill.set("path", fill.text_with(&call.path, sign::percent));
                fill.set("seconds", seconds.to_string());
                fill.set("method", method);
                let mac = sign::hmac(over, fill, body, &key_bytes(&self.secret));
                let signature = sign::encoded(&mac.finalize().into_bytes(), *base64);
                [
                    (header, signature),
                    (time_header, seconds.to_string()),
                    (id_header, ready.key.clone()),
                ]
                .into_iter()
                .filter(|(name, _)| !name.is_empty())
                .map(|(name, value)| (name.clone(), value))
                .collect()
            }
            Scheme::Acs3 { version } => Acs3 {
                method,
                host: host(&self.base),
                path: &self.head(ready).text_with(&call.path, sign::percent),
                query,
                action: &call.action,
                version,
                nonce: &uuid::Uuid::now_v7().simple().to_string(),
                now,
                body,
                key_id: &self.user,
                secret: &self.secret,
            }
            .headers(),
        }
    }

    /// What an answer to a send means.
    pub(super) fn meaning(&self, status: u16, answer: &Value, submits: &[Submit]) -> Meaning {
        let rule = &self.description.answer;
        let code = rule
            .code
            .iter()
            .find_map(|at| Fill::at(answer, at))
            .unwrap_or_default();
        let named = match code.as_str() {
            "" => format!("HTTP {status}"),
            code => code.to_owned(),
        };
        let codes = &rule.codes;
        if codes.throttled.contains(&code) || status == 429 {
            return Meaning::Throttled(named);
        }
        if codes.login.contains(&code) {
            return Meaning::LoginRefused(named, LoginFault::Credentials);
        }
        if matches!(status, 401 | 403 | 404 | 405) {
            return Meaning::LoginRefused(named, LoginFault::of_http(status));
        }
        if codes.transient.contains(&code) || status >= 500 || status == 408 {
            return Meaning::Unclear(named);
        }
        let good = (200..300).contains(&status)
            && self
                .description
                .send
                .success
                .as_ref()
                .is_none_or(|test| test.holds(answer));
        if !good {
            let refused = match codes.wrong_network.contains(&code) {
                true => Answer::WrongNetwork(named),
                false => Answer::Refused(named),
            };
            return Meaning::Each(vec![Some(refused); submits.len()]);
        }
        self.accepted(answer, submits)
    }

    fn accepted(&self, answer: &Value, submits: &[Submit]) -> Meaning {
        let rule = &self.description.answer;
        let whole = rule
            .id
            .iter()
            .find_map(|at| Fill::at(answer, at))
            .filter(|id| !id.is_empty());
        let Some(each) = &rule.each else {
            return match whole {
                Some(id) => {
                    let taken = Answer::Accepted(CarrierMessageId(id));
                    Meaning::Each(vec![Some(taken); submits.len()])
                }
                None => Meaning::Unclear("a yes without an id".to_owned()),
            };
        };
        let Some(list) = answer.pointer(&each.list).and_then(Value::as_array) else {
            return Meaning::Unclear("a yes without its list".to_owned());
        };
        let mut words: std::collections::HashMap<String, Answer> = list
            .iter()
            .filter_map(|item| {
                let phone = Fill::at(item, &each.phone)?;
                let code = Fill::at(item, &each.code)?;
                let id = Fill::at(item, &each.id)
                    .filter(|id| !id.is_empty())
                    .or_else(|| whole.clone());
                let word = match id {
                    Some(id) if each.accepted.contains(&code) => {
                        Answer::Accepted(CarrierMessageId(id))
                    }
                    // Accepted without an id: its reports could not be matched.
                    None if each.accepted.contains(&code) => return None,
                    _ if rule.codes.throttled.contains(&code) => Answer::Throttled(code),
                    _ if rule.codes.wrong_network.contains(&code) => Answer::WrongNetwork(code),
                    _ if rule.codes.transient.contains(&code) => return None,
                    _ => Answer::Refused(code),
                };
                Some((phone, word))
            })
            .collect();
        Meaning::Each(
            submits
                .iter()
                .map(|s| words.remove(&s.phone.expose()))
                .collect(),
        )
    }
}

/// Reads an answer, within a limit.
async fn read(mut response: reqwest::Response) -> CallResult {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER => {
                body.extend_from_slice(&chunk);
            }
            Ok(Some(_)) => return CallResult::Lost("an answer without end".to_owned()),
            Ok(None) => break,
            Err(e) => return CallResult::Lost(e.without_url().to_string()),
        }
    }
    match json::read(&body) {
        Ok(answer) => CallResult::Answer(status, answer),
        Err(_) if (200..300).contains(&status) && !body.is_empty() => {
            CallResult::Lost("an answer that is not JSON".to_owned())
        }
        Err(_) => CallResult::Answer(status, Value::Null),
    }
}

/// A table's texts as pairs, for forms and queries.
fn flat(fields: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    fields
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), text(value)))
        .collect()
}

/// `host[:port]` of an address, as the `Host` header has it.
fn host(base: &str) -> &str {
    base.split_once("://")
        .map_or(base, |(_, rest)| rest)
        .split('/')
        .next()
        .unwrap_or_default()
}
