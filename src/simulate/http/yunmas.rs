//! The shape of China Mobile's Cloud MAS: `config/gateways/yunmas.toml`, with the sources there.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::FixedOffset;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use super::{
    ParsedRequest, Reply, Shared,
    book::{Batch, DueDelivery, HttpBook, What},
    now,
};
use crate::domain::phone::Phone;

/// Numbers in one request.
const MOST: usize = 5_000;

const BEIJING: FixedOffset = FixedOffset::east_opt(8 * 3_600).expect("eight hours");

pub(super) fn serve(shared: &Shared, asked: &ParsedRequest) -> Reply {
    let refused = |code: &str| {
        Reply::new(
            200,
            json!({ "msgGroup": "", "rspcod": code, "success": false }),
        )
    };
    if asked.uri.path() != "/sms/norsubmit" {
        return Reply::new(404, Value::Null);
    }
    let body = BASE64_STANDARD
        .decode(&asked.body)
        .ok()
        .and_then(|json| serde_json::from_slice::<Value>(&json).ok());
    let Some(body) = body else {
        shared.book().counts.malformed += 1;
        return refused("InvalidMessage");
    };
    let field = |name: &str| body[name].as_str().unwrap_or_default();
    if !shared.knows(field("apId")) {
        shared.login(false);
        return refused("InvalidUsrOrPwd");
    }
    let joined = [
        field("ecName"),
        field("apId"),
        shared.secret(),
        field("mobiles"),
        field("content"),
        field("sign"),
        field("addSerial"),
    ]
    .concat();
    if hex::encode(Md5::digest(joined.as_bytes())) != field("mac") {
        shared.login(false);
        return refused("IllegalMac");
    }
    if field("sign").is_empty() {
        return refused("NoSignId");
    }
    let phones: Option<Vec<Phone>> = field("mobiles").split(',').map(Phone::from_wire).collect();
    let Some(phones) = phones else {
        return refused("InvalidMobile");
    };
    if phones.len() > MOST {
        return refused("TooManyMobiles");
    }
    let mut book = shared.book();
    let units = HttpBook::segments(field("content")) * phones.len() as u64;
    book.arrive(&shared.settings, now(), units);
    let group = book.next_id();
    let batch = Batch {
        from: field("sign"),
        text: field("content"),
        valid_until: "",
        phones,
        references: Vec::new(),
        id: Some(group.clone()),
    };
    book.take(&shared.settings, now(), &batch);
    Reply::of_send(Reply::new(
        200,
        json!({ "msgGroup": group, "rspcod": "success", "success": true }),
    ))
}

/// One push, one object.
pub(super) fn push(news: &DueDelivery) -> Value {
    match &news.what {
        What::Report {
            id,
            phone,
            stat,
            at,
            ..
        } => {
            let time = at.utc().with_timezone(&BEIJING).format("%Y%m%d%H%M%S");
            let code = if *stat == "DELIVRD" { "" } else { *stat };
            json!({
                "reportStatus": stat, "mobile": phone.expose(), "submitDate": time.to_string(),
                "receiveDate": time.to_string(), "errorCode": code, "msgGroup": id,
            })
        }
        What::Text { phone, to, text } => json!({
            "mobile": phone.expose(), "smsContent": text, "addSerial": to,
            "sendTime": format!("2023-06-12 08:00:{:02}", news.number % 60),
        }),
    }
}
