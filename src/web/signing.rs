//! Signed HTTP bodies as Standard Webhooks has them: who knows the secret said this, lately, and it has not
//! been changed on the way. Header `webhook-signature` holds `v1,` and the base64 of
//! HMAC-SHA256(secret, `id.timestamp.body`); several, with blanks between, while a secret is exchanged.
//! The id (`webhook-id`) is the same in each repetition, so it serves as the receiver's idempotency key.
//!
//! Source: Standard Webhooks specification, "Signature scheme", "Verifying webhook authenticity".

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Header of the message's id, the same in each repetition.
pub const ID: &str = "webhook-id";
/// Header of the time, in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// Header of the signature.
pub const SIGNATURE: &str = "webhook-signature";

/// A message this much older or newer than our clock is refused: what was overheard cannot be said again later.
pub const TOLERANCE_SECONDS: i64 = 300;

/// Longest id taken.
const MAX_ID: usize = 255;

/// Why a message is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header is missing or is not what it should be.
    #[error("the headers webhook-id, webhook-timestamp and webhook-signature must all be there")]
    Headers,
    /// Too old, or from the future.
    #[error("the time is more than {TOLERANCE_SECONDS} s off: check both clocks")]
    Time,
    /// Nobody who knows the secret has signed this body.
    #[error("the signature does not fit: check the secret")]
    Signature,
}

/// A message's headers as they came.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a> {
    /// [`ID`].
    pub id: &'a str,
    /// [`TIMESTAMP`].
    pub timestamp: &'a str,
    /// [`SIGNATURE`].
    pub signature: &'a str,
}

impl Headers<'_> {
    /// Are id and time such that the body is worth reading? Asked before a body is taken in.
    pub fn check_time(&self, now_seconds: i64) -> Result<i64, SignatureError> {
        if self.id.is_empty() || self.id.len() > MAX_ID || self.id.contains('.') {
            return Err(SignatureError::Headers);
        }
        let at: i64 = self
            .timestamp
            .parse()
            .map_err(|_| SignatureError::Headers)?;
        if at.abs_diff(now_seconds) > TOLERANCE_SECONDS.unsigned_abs() {
            return Err(SignatureError::Time);
        }
        Ok(at)
    }

    /// Has somebody who knows the secret signed this very body, at about `now_seconds`?
    pub fn verify(
        &self,
        secret: &[u8],
        body: &[u8],
        now_seconds: i64,
    ) -> Result<(), SignatureError> {
        let at = self.check_time(now_seconds)?;
        let fits = |signature: &str| {
            signature
                .strip_prefix("v1,")
                .and_then(|s| BASE64_STANDARD.decode(s).ok())
                // Compares in constant time.
                .is_some_and(|s| mac(secret, self.id, at, body).verify_slice(&s).is_ok())
        };
        match self.signature.split(' ').any(fits) {
            true => Ok(()),
            false => Err(SignatureError::Signature),
        }
    }
}

/// The signature header of a body sent at `seconds`.
pub fn sign(secret: &[u8], id: &str, seconds: i64, body: &[u8]) -> String {
    let bytes = mac(secret, id, seconds, body).finalize().into_bytes();
    format!("v1,{}", BASE64_STANDARD.encode(bytes))
}

fn mac(secret: &[u8], id: &str, seconds: i64, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(id.as_bytes());
    mac.update(b".");
    mac.update(seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"a secret of the office";

    fn headers(signature: &str) -> Headers<'_> {
        Headers {
            id: "msg_1",
            timestamp: "1686531600",
            signature,
        }
    }

    #[test]
    fn what_was_signed_is_believed_also_beside_another_signature() {
        let signature = sign(SECRET, "msg_1", 1_686_531_600, b"{}");
        assert_eq!(
            headers(&signature).verify(SECRET, b"{}", 1_686_531_700),
            Ok(())
        );
        let both = format!("v1,AAAA {signature}");
        assert_eq!(headers(&both).verify(SECRET, b"{}", 1_686_531_600), Ok(()));
    }

    #[test]
    fn the_signature_is_that_of_the_specification() {
        // From the specification's own example: key, id, time and payload.
        let key = BASE64_STANDARD
            .decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .expect("base64");
        let signature = sign(
            &key,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn whatever_differs_is_refused() {
        let signature = sign(SECRET, "msg_1", 1_686_531_600, b"{}");
        let verify = |h: Headers<'_>, secret: &[u8], body: &[u8], now| h.verify(secret, body, now);
        let now = 1_686_531_600;
        let wrong = Err(SignatureError::Signature);
        assert_eq!(verify(headers(&signature), SECRET, b"{ }", now), wrong);
        assert_eq!(verify(headers(&signature), b"another", b"{}", now), wrong);
        assert_eq!(verify(headers("v1,"), SECRET, b"{}", now), wrong);
        assert_eq!(verify(headers(""), SECRET, b"{}", now), wrong);
        let other_id = Headers {
            id: "msg_2",
            ..headers(&signature)
        };
        assert_eq!(verify(other_id, SECRET, b"{}", now), wrong);
        for off in [TOLERANCE_SECONDS + 1, -TOLERANCE_SECONDS - 1] {
            assert_eq!(
                verify(headers(&signature), SECRET, b"{}", now + off),
                Err(SignatureError::Time)
            );
        }
        for bad in ["", "today", "99999999999999999999"] {
            let odd = Headers {
                timestamp: bad,
                ..headers(&signature)
            };
            assert_eq!(
                verify(odd, SECRET, b"{}", now),
                Err(SignatureError::Headers)
            );
        }
    }
}
