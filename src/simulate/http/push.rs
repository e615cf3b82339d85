//! Calls the client in with what is due.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::{Shared, aliyun, book::DueDelivery, now, ours, yunmas};
use crate::{simulate::Shape, web::signing, web::tls};

/// Events in one call.
const PAGE: usize = 200;

/// A call that is not answered with 2xx is made so often; then it can only be fetched.
const TRIES: u32 = 5;

/// Between two tries.
const AGAIN: Duration = Duration::from_millis(300);

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// Until the simulator stops.
pub(super) async fn run(shared: Arc<Shared>) {
    tls::install();
    let Ok(client) = reqwest::Client::builder().timeout(PATIENCE).build() else {
        return;
    };
    let mut calls = 0_u64;
    loop {
        let (page, next) = {
            let mut book = shared.book();
            let next = book.due(&shared.settings, now());
            let most = match shared.settings.http.shape {
                Shape::YunMas => 1,
                Shape::Watchbell | Shape::Aliyun => PAGE,
            };
            let most = book.to_call.len().min(most);
            let page: Vec<DueDelivery> = match shared.callback() {
                Some(_) => book.to_call.drain(..most).collect(),
                None => Vec::new(),
            };
            (page, next)
        };
        if let (false, Some(url)) = (page.is_empty(), shared.callback()) {
            calls += 1;
            tokio::select! {
                () = shared.stop.cancelled() => return,
                () = call(&shared, &client, &url, page, calls) => {}
            }
            continue;
        }
        let idle = Instant::now() + Duration::from_secs(1);
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.news.notified() => {}
            () = sleep_until(next.unwrap_or(idle)) => {}
        }
    }
}

async fn call(
    shared: &Shared,
    client: &reqwest::Client,
    url: &str,
    mut page: Vec<DueDelivery>,
    number: u64,
) {
    let body: Value = match shared.settings.http.shape {
        Shape::Watchbell => {
            json!({ "events": page.iter().map(ours::event).collect::<Vec<_>>() })
        }
        Shape::YunMas => page.first().map(yunmas::push).unwrap_or_default(),
        Shape::Aliyun => page.iter().map(aliyun::push).collect(),
    };
    let body = body.to_string();
    let mut request = client.post(url).header("content-type", "application/json");
    if shared.settings.http.shape == Shape::Watchbell {
        let id = format!("evt_{}_{number}", shared.settings.seed);
        let seconds = shared.now_seconds();
        let signature = signing::sign(shared.secret().as_bytes(), &id, seconds, body.as_bytes());
        request = request
            .header(signing::ID, id)
            .header(signing::TIMESTAMP, seconds.to_string())
            .header(signing::SIGNATURE, signature);
    }
    let taken = request
        .body(body)
        .send()
        .await
        .is_ok_and(|answer| answer.status().is_success());
    let again = {
        let mut book = shared.book();
        match taken {
            true => {
                for news in &page {
                    book.delivered(news.number);
                }
                false
            }
            false => {
                page.retain_mut(|news| {
                    news.tries += 1;
                    news.tries < TRIES
                });
                book.to_call.append(&mut page);
                true
            }
        }
    };
    if again {
        tokio::time::sleep(AGAIN).await;
    }
}
