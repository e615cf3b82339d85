//! The shape of Alibaba Cloud SMS: `config/gateways/aliyun.toml`, with the sources there.

use chrono::FixedOffset;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    ParsedRequest, Reply, Shared,
    book::{Batch, DueDelivery, HttpBook, What},
    now,
};
use crate::domain::phone::Phone;

/// Numbers in one request.
const MOST: usize = 1_000;

const BEIJING: FixedOffset = FixedOffset::east_opt(8 * 3_600).expect("eight hours");

pub(super) fn serve(shared: &Shared, asked: &ParsedRequest) -> Reply {
    let refused =
        |status, code: &str| Reply::new(status, json!({ "Code": code, "RequestId": "r" }));
    let query = pairs(asked.uri.query().unwrap_or_default());
    if let Err(code) = verify(shared, asked, &query) {
        shared.login(false);
        return refused(400, code);
    }
    let field = |name: &str| {
        query
            .iter()
            .find(|(k, _)| k == name)
            .map_or("", |(_, v)| v.as_str())
    };
    match asked.header("x-acs-action") {
        "QuerySmsSignList" => {
            shared.login(true);
            Reply::new(200, json!({ "Code": "OK", "SmsSignList": [] }))
        }
        "SendSms" => Reply::of_send(send(shared, &field)),
        _ => refused(404, "InvalidAction.NotFound"),
    }
}

fn send<'q>(shared: &Shared, field: &impl Fn(&str) -> &'q str) -> Reply {
    let refused = |code: &str| Reply::new(200, json!({ "Code": code, "RequestId": "r" }));
    let phones: Option<Vec<Phone>> = field("PhoneNumbers")
        .split(',')
        .map(Phone::from_wire)
        .collect();
    let Some(phones) = phones else {
        return refused("isv.MOBILE_NUMBER_ILLEGAL");
    };
    if phones.len() > MOST {
        return refused("isv.MOBILE_COUNT_OVER_LIMIT");
    }
    if field("SignName").is_empty() {
        return refused("isv.SMS_SIGNATURE_ILLEGAL");
    }
    let templates = &shared.settings.http.templates;
    let template = templates
        .iter()
        .find(|(code, _)| code == field("TemplateCode"));
    let values: Option<Value> = serde_json::from_str(field("TemplateParam")).ok();
    let (Some((_, template)), Some(values)) = (template, values) else {
        return refused("isv.SMS_TEMPLATE_ILLEGAL");
    };
    let mut text = format!("【{}】{template}", field("SignName"));
    for (name, value) in values.as_object().into_iter().flatten() {
        text = text.replace(&format!("${{{name}}}"), value.as_str().unwrap_or_default());
    }
    if text.contains("${") {
        return refused("isv.TEMPLATE_MISSING_PARAMETERS");
    }
    let mut book = shared.book();
    let units = HttpBook::segments(&text) * phones.len() as u64;
    if !book.arrive(&shared.settings, now(), units) {
        return refused("isv.BUSINESS_LIMIT_CONTROL");
    }
    let id = format!("{}^0", book.next_id());
    let batch = Batch {
        from: field("SignName"),
        text: &text,
        valid_until: "",
        references: vec![field("OutId").to_owned(); phones.len()],
        phones,
        id: Some(id.clone()),
    };
    book.take(&shared.settings, now(), &batch);
    Reply::new(
        200,
        json!({ "Code": "OK", "Message": "OK", "BizId": id, "RequestId": "r" }),
    )
}

/// Version 3 of the signature, from what came over the wire.
fn verify(
    shared: &Shared,
    asked: &ParsedRequest,
    query: &[(String, String)],
) -> Result<(), &'static str> {
    let authorization = asked.header("authorization");
    let part = |name: &str| {
        authorization
            .strip_prefix("ACS3-HMAC-SHA256 ")?
            .split(',')
            .find_map(|p| p.trim().strip_prefix(name))
    };
    let (Some(id), Some(names), Some(signature)) = (
        part("Credential="),
        part("SignedHeaders="),
        part("Signature="),
    ) else {
        return Err("MissingParameter");
    };
    if !shared.knows(id) {
        return Err("InvalidAccessKeyId.NotFound");
    }
    let hash = hex::encode(Sha256::digest(&asked.body));
    if asked.header("x-acs-content-sha256") != hash {
        return Err("SignatureDoesNotMatch");
    }
    let lines: Vec<String> = names
        .split(';')
        .map(|name| format!("{name}:{}\n", asked.header(name).trim()))
        .collect();
    let lines = lines.concat();
    let mut sorted: Vec<String> = query
        .iter()
        .map(|(k, v)| format!("{}={}", encoded(k), encoded(v)))
        .collect();
    sorted.sort();
    let request = format!(
        "{}\n{}\n{}\n{lines}\n{names}\n{hash}",
        asked.method,
        asked.uri.path(),
        sorted.join("&")
    );
    let hashed = hex::encode(Sha256::digest(request.as_bytes()));
    let mut mac = Hmac::<Sha256>::new_from_slice(shared.secret().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(format!("ACS3-HMAC-SHA256\n{hashed}").as_bytes());
    let given = hex::decode(signature).unwrap_or_default();
    mac.verify_slice(&given)
        .map_err(|_| "SignatureDoesNotMatch")
}

fn pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(k, v)| (decoded(k), decoded(v)))
        .collect()
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3);
        match (bytes[at], hex.and_then(|h| u8::from_str_radix(h, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(b).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// A push's list has this for each.
pub(super) fn push(news: &DueDelivery) -> Value {
    match &news.what {
        What::Report {
            id,
            phone,
            reference,
            stat,
            at,
        } => {
            let time = at.utc().with_timezone(&BEIJING).format("%Y-%m-%d %H:%M:%S");
            let good = *stat == "DELIVRD";
            json!({
                "phone_number": phone.expose(), "send_time": time.to_string(), "report_time": time.to_string(),
                "success": good, "err_code": if good { "DELIVERED" } else { *stat }, "err_msg": "",
                "sms_size": "1", "biz_id": id, "out_id": reference,
            })
        }
        What::Text { phone, to, text } => json!({
            "phone_number": phone.expose(), "content": text, "send_time": "2023-06-12 08:00:00",
            "dest_code": to, "sequence_id": news.number.to_string(),
        }),
    }
}
