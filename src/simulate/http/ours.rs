//! Our own shape: `config/gateways/watchbell.toml`.

use serde_json::{Value, json};

use super::{
    ParsedRequest, Reply, Shared,
    book::{Batch, DueDelivery, HttpBook, What, hash},
    now,
};
use crate::{domain::phone::Phone, web::signing};

/// Events in one answer to a fetch.
const PAGE: usize = 500;

pub(super) fn serve(shared: &Shared, asked: &ParsedRequest) -> Reply {
    if let Err(said) = let_in(shared, asked) {
        return said;
    }
    let Ok(body) = serde_json::from_slice::<Value>(&asked.body) else {
        shared.book().counts.malformed += 1;
        return Reply::new(400, json!({ "code": "malformed" }));
    };
    if !shared.knows(body["account"].as_str().unwrap_or_default()) {
        shared.login(false);
        return Reply::new(403, json!({ "code": "unknown_account" }));
    }
    match asked.uri.path() {
        "/v1/account" => {
            shared.login(true);
            Reply::new(200, json!({ "code": "ok" }))
        }
        "/v1/messages" => Reply::of_send(messages(shared, asked, &body)),
        "/v1/reports" => reports(shared, &body),
        _ => Reply::new(404, json!({ "code": "not_found" })),
    }
}

fn let_in(shared: &Shared, asked: &ParsedRequest) -> Result<(), Reply> {
    if shared.settings.password.is_none() {
        return Ok(());
    }
    let headers = signing::Headers {
        id: asked.header(signing::ID),
        timestamp: asked.header(signing::TIMESTAMP),
        signature: asked.header(signing::SIGNATURE),
    };
    headers
        .verify(
            shared.secret().as_bytes(),
            &asked.body,
            shared.now_seconds(),
        )
        .map_err(|_| {
            shared.login(false);
            Reply::new(401, json!({ "code": "bad_signature" }))
        })
}

fn messages(shared: &Shared, asked: &ParsedRequest, body: &Value) -> Reply {
    let settings = &shared.settings;
    let text = body["text"].as_str().unwrap_or_default();
    let all = body["recipients"].as_array().cloned().unwrap_or_default();
    let phones: Option<Vec<Phone>> = all
        .iter()
        .map(|r| Phone::from_wire(r["to"].as_str()?))
        .collect();
    let mut book = shared.book();
    let Some(phones) = phones.filter(|p| !p.is_empty() && !text.is_empty()) else {
        book.counts.malformed += 1;
        return Reply::new(400, json!({ "code": "malformed" }));
    };
    let units = HttpBook::segments(text) * phones.len() as u64;
    let fits = book.arrive(settings, now(), units);
    let (key, hash) = (asked.header(signing::ID).to_owned(), hash(&asked.body));
    if let Some((before, status, answer)) = book.keys.get(&key) {
        return match *before == hash {
            true => Reply::new(*status, answer.clone()),
            false => Reply::new(422, json!({ "code": "key_used_for_another_body" })),
        };
    }
    if !fits {
        return Reply::new(429, json!({ "code": "rate_limited" }));
    }
    let references = all
        .iter()
        .map(|r| r["ref"].as_str().unwrap_or_default().to_owned())
        .collect();
    let batch = Batch {
        from: body["from"].as_str().unwrap_or_default(),
        text,
        valid_until: body["valid_until"].as_str().unwrap_or_default(),
        phones,
        references,
        id: None,
    };
    let words = book.take(settings, now(), &batch);
    let results: Vec<Value> = batch
        .phones
        .iter()
        .zip(words)
        .map(|(phone, word)| match word {
            Ok(id) => json!({ "to": phone.expose(), "id": id, "code": "accepted" }),
            Err(13) => json!({ "to": phone.expose(), "code": "wrong_network" }),
            Err(8) => json!({ "to": phone.expose(), "code": "rate_limited" }),
            Err(code) => json!({ "to": phone.expose(), "code": format!("refused_{code}") }),
        })
        .collect();
    let answer = json!({ "code": "ok", "results": results });
    book.keys.insert(key, (hash, 200, answer.clone()));
    Reply::new(200, answer)
}

/// What is not delivered yet, after a cursor; all before it is acknowledged by the cursor.
fn reports(shared: &Shared, body: &Value) -> Reply {
    let after: u64 = body["after"]
        .as_str()
        .and_then(|s| s.parse().ok())
        .unwrap_or(0);
    let mut book = shared.book();
    book.due(&shared.settings, now());
    let safe: Vec<u64> = book.pending.range(..=after).map(|(n, _)| *n).collect();
    for number in safe {
        book.delivered(number);
    }
    let page: Vec<(u64, Value)> = book
        .pending
        .iter()
        .take(PAGE)
        .map(|(n, news)| (*n, event(news)))
        .collect();
    let next = page.last().map_or(after, |(n, _)| *n);
    let more = book.pending.len() > page.len();
    let events: Vec<Value> = page.into_iter().map(|(_, event)| event).collect();
    Reply::new(
        200,
        json!({ "events": events, "next": next.to_string(), "more": more }),
    )
}

/// A report or a text as an event.
pub(super) fn event(news: &DueDelivery) -> Value {
    match &news.what {
        What::Report {
            id,
            phone,
            reference,
            stat,
            at,
        } => {
            let status = match *stat {
                "DELIVRD" => "delivered",
                "EXPIRED" => "expired",
                _ => "undelivered",
            };
            json!({
                "id": id, "to": phone.expose(), "ref": reference, "status": status, "code": stat,
                "submitted_at": at.utc().to_rfc3339(),
            })
        }
        What::Text { phone, to, text } => json!({
            "id": format!("mo{}", news.number), "from": phone.expose(), "to": to, "text": text,
        }),
    }
}
