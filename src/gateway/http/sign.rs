//! The few signature schemes that a description may name.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::template::Fill;
use crate::{domain::time::Micros, web::signing};

/// MD5 in hex, of the filled template.
pub(super) fn md5_hex(over: &str, fill: &Fill) -> String {
    hex::encode(Md5::digest(fill.text(over).as_bytes()))
}

/// HMAC-SHA256 over a template that may also name `{body}`, `{method}` and `{path}`.
pub(super) fn hmac(over: &str, mut fill: Fill, body: &[u8], secret: &[u8]) -> Hmac<Sha256> {
    fill.set("body", String::from_utf8_lossy(body));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(fill.text(over).as_bytes());
    mac
}

/// As the header carries it.
pub(super) fn encoded(bytes: &[u8], base64: bool) -> String {
    match base64 {
        true => BASE64_STANDARD.encode(bytes),
        false => hex::encode(bytes),
    }
}

/// The bytes that a header carries; none where it carries none.
pub(super) fn decoded(text: &str, base64: bool) -> Option<Vec<u8>> {
    match base64 {
        true => BASE64_STANDARD.decode(text).ok(),
        false => hex::decode(text).ok(),
    }
}

/// The headers of Standard Webhooks.
pub(super) fn standard_webhooks(
    secret: &[u8],
    id: &str,
    seconds: i64,
    body: &[u8],
) -> Vec<(String, String)> {
    vec![
        (signing::ID.to_owned(), id.to_owned()),
        (signing::TIMESTAMP.to_owned(), seconds.to_string()),
        (
            signing::SIGNATURE.to_owned(),
            signing::sign(secret, id, seconds, body),
        ),
    ]
}

/// What an ACS3 signature is made over.
#[derive(Debug)]
pub(super) struct Acs3<'a> {
    pub(super) method: &'a str,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a [(String, String)],
    pub(super) action: &'a str,
    pub(super) version: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: Micros,
    pub(super) body: &'a [u8],
    pub(super) key_id: &'a str,
    pub(super) secret: &'a str,
}

impl Acs3<'_> {
    /// The headers, `authorization` among them.
    pub(super) fn headers(&self) -> Vec<(String, String)> {
        let date = self.now.utc().format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let hash = hex::encode(Sha256::digest(self.body));
        // In the order of their names, as the signature wants them.
        let signed = [
            ("host", self.host),
            ("x-acs-action", self.action),
            ("x-acs-content-sha256", &hash),
            ("x-acs-date", &date),
            ("x-acs-signature-nonce", self.nonce),
            ("x-acs-version", self.version),
        ];
        let names: Vec<&str> = signed.iter().map(|h| h.0).collect();
        let names = names.join(";");
        let lines: Vec<String> = signed.iter().map(|(k, v)| format!("{k}:{v}\n")).collect();
        let lines = lines.concat();
        let (method, path, query) = (self.method, self.path, canonical_query(self.query));
        let request = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{hash}");
        let to_sign = format!(
            "ACS3-HMAC-SHA256\n{}",
            hex::encode(Sha256::digest(request.as_bytes()))
        );
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes())
            .expect("HMAC takes a key of any length");
        mac.update(to_sign.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let authorization = format!(
            "ACS3-HMAC-SHA256 Credential={},SignedHeaders={names},Signature={signature}",
            self.key_id
        );
        signed
            .iter()
            .filter(|(name, _)| *name != "host")
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .chain([("authorization".to_owned(), authorization)])
            .collect()
    }
}

/// Sorted by name, percent-encoded as RFC 3986 has it.
pub(super) fn canonical_query(query: &[(String, String)]) -> String {
    let mut pairs: Vec<String> = query
        .iter()
        .map(|(k, v)| format!("{}={}", percent(k), percent(v)))
        .collect();
    pairs.sort();
    pairs.join("&")
}

/// Everything but RFC 3986's unreserved characters as `%XX`.
pub(super) fn percent(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(byte.into());
            }
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_acs3_signature_is_that_of_the_documentation() {
        // The fixed example of "V3版本请求体&签名机制": ECS RunInstances.
        let query = [
            (
                "ImageId".to_owned(),
                "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd".to_owned(),
            ),
            ("RegionId".to_owned(), "cn-shanghai".to_owned()),
        ];
        let now = chrono::DateTime::parse_from_rfc3339("2023-10-26T10:22:32Z").expect("a time");
        let headers = Acs3 {
            method: "POST",
            host: "ecs.cn-shanghai.aliyuncs.com",
            path: "/",
            query: &query,
            action: "RunInstances",
            version: "2014-05-26",
            nonce: "3156853299f313e23d1673dc12e1703d",
            now: Micros(now.timestamp_micros()),
            body: b"",
            key_id: "YourAccessKeyId",
            secret: "YourAccessKeySecret",
        }
        .headers();
        let authorization = &headers.last().expect("it is there").1;
        assert_eq!(
            authorization,
            "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
        );
    }
}
