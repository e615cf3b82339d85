//! The office's end of a carrier's work-order interface. One request, one answer; whether to ask again is the
//! caller's business. An answer that the carrier has not signed is none: it may be anybody's.

use std::time::Duration;

use reqwest::{Method, StatusCode};

use super::protocol::{MAX_STANDING, Signed, Standing, path, question};
use crate::{
    config::OrderCarrier,
    domain::{
        id::OrderId,
        time::Micros,
        work_order::{MAX_EVIDENCE, command::CommandAct},
    },
    web::signing::{self, SignatureError},
    web::tls,
};

/// A carrier that takes longer has not answered.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Longest reason that is kept of a refusal, in characters.
const MAX_REASON: usize = 200;

/// Why there is no answer to go by.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No connection, no answer in time, or the carrier is in trouble: the same request may be made again.
    #[error("the carrier's interface did not answer: {0}")]
    NoAnswer(String),
    /// Somebody answered who does not know the secret, or whose clock is off.
    #[error("the answer is not signed by the carrier: {0}")]
    Untrusted(#[from] SignatureError),
    /// The carrier says no, and has signed it.
    #[error("the carrier refused ({status}): {reason}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// In its words.
        reason: String,
    },
    /// Signed, and not to be understood.
    #[error("the carrier's answer cannot be read: {0}")]
    Unreadable(String),
}

/// The HTTP client. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client(reqwest::Client);

impl Client {
    /// A client that follows no redirect: it would carry seed phones to a place that nobody configured.
    pub fn new() -> Result<Self, ClientError> {
        tls::install();
        reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map(Self)
            .map_err(|e| ClientError::NoAnswer(e.to_string()))
    }

    /// Submits a command to the carrier; `body` is the same in each repetition, and so is `key`.
    pub async fn submit_command(
        &self,
        carrier: &OrderCarrier,
        now: Micros,
        order: OrderId,
        act: CommandAct,
        key: &str,
        body: &str,
    ) -> Result<(), ClientError> {
        let ask = Ask {
            method: Method::POST,
            path: path(order, act),
            id: key.to_owned(),
            body: body.to_owned(),
            most: MAX_STANDING,
        };
        self.ask(carrier, now, ask).await.map(drop)
    }

    /// Asks how an order goes.
    pub async fn standing(
        &self,
        carrier: &OrderCarrier,
        now: Micros,
        order: OrderId,
    ) -> Result<Standing, ClientError> {
        let ask = Ask {
            method: Method::GET,
            path: format!("/orders/{order}"),
            id: question(order, "ask", now),
            body: String::new(),
            most: MAX_STANDING,
        };
        let bytes = self.ask(carrier, now, ask).await?;
        // Where it cannot be read, and not what stands there: it may be a number or a text.
        let unreadable = |e: serde_json::Error| {
            ClientError::Unreadable(format!("line {}, column {}", e.line(), e.column()))
        };
        let standing: Standing = serde_json::from_slice(&bytes).map_err(unreadable)?;
        match standing.order == order && !standing.is_too_long() {
            true => Ok(standing),
            false => Err(ClientError::Unreadable(
                "it speaks of another order, or has more than 1000 items".to_owned(),
            )),
        }
    }

    /// Fetches a piece of evidence.
    pub async fn evidence(
        &self,
        carrier: &OrderCarrier,
        now: Micros,
        order: OrderId,
        n: i64,
    ) -> Result<Vec<u8>, ClientError> {
        let ask = Ask {
            method: Method::GET,
            path: format!("/orders/{order}/evidence/{n}"),
            id: question(order, &format!("evidence-{n}"), now),
            body: String::new(),
            most: MAX_EVIDENCE,
        };
        self.ask(carrier, now, ask).await
    }

    async fn ask(
        &self,
        carrier: &OrderCarrier,
        now: Micros,
        ask: Ask,
    ) -> Result<Vec<u8>, ClientError> {
        let secret = carrier.secret.expose();
        let signed = Signed::new(secret, &ask.id, now, ask.body.as_bytes());
        let mut request = self
            .0
            .request(ask.method, format!("{}{}", carrier.url, ask.path))
            .header("content-type", "application/json");
        for (name, value) in signed.headers() {
            request = request.header(name, value);
        }
        let mut response = request.body(ask.body).send().await.map_err(no_answer)?;
        let header = |name: &str| {
            let value = response.headers().get(name).and_then(|v| v.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let theirs = Signed {
            id: header(signing::ID),
            timestamp: header(signing::TIMESTAMP),
            signature: header(signing::SIGNATURE),
        };
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
            if body.len() + chunk.len() > ask.most {
                let most = ask.most;
                return Err(ClientError::Unreadable(format!(
                    "it is longer than {most} bytes"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(ClientError::NoAnswer(status.to_string()));
        }
        // It answers this very request: another one's answer, however well signed, is none.
        if theirs.id != signed.id {
            return Err(SignatureError::Headers.into());
        }
        theirs.verify(secret, now, &body)?;
        match status.is_success() {
            true => Ok(body),
            false => Err(ClientError::Refused {
                status: status.as_u16(),
                reason: reason(&body),
            }),
        }
    }
}

struct Ask {
    method: Method,
    path: String,
    id: String,
    body: String,
    most: usize,
}

/// Without the URL: its path may be its password.
fn no_answer(error: reqwest::Error) -> ClientError {
    let mut text = error.without_url().to_string();
    text.truncate(text.floor_char_boundary(200));
    ClientError::NoAnswer(text)
}

/// A refusal's words, on one line and without what could be a number.
fn reason(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Problem {
        #[serde(default)]
        detail: String,
    }
    let detail = serde_json::from_slice::<Problem>(body).map(|p| p.detail);
    tidy(&detail.unwrap_or_default())
}

/// Somebody else's words, fit for the ledger: one line, not long, no number of a phone.
pub fn tidy(words: &str) -> String {
    let mut tidy = String::new();
    let mut digits = 0;
    for c in words.chars().take(MAX_REASON) {
        digits = if c.is_ascii_digit() { digits + 1 } else { 0 };
        match c {
            c if c.is_control() => tidy.push(' '),
            _ if digits > 7 => tidy.push('*'),
            c => tidy.push(c),
        }
    }
    tidy.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anothers_words_are_one_line_without_a_number() {
        assert_eq!(
            tidy("no:\n13800138000 is closed"),
            "no: 1380013**** is closed"
        );
        assert_eq!(reason(br#"{"detail":"busy"}"#), "busy");
        assert_eq!(reason(b"<html>"), "");
        assert_eq!(tidy(&"a".repeat(500)).len(), MAX_REASON);
    }
}
