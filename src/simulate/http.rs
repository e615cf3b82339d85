//! A carrier that speaks HTTP: takes batches, knows requests by their keys, calls back with reports and
//! has them fetched. In our own shape, and in those of two carriers whose interfaces are public; each
//! verifies its signature strictly.

mod aliyun;
mod book;
mod ours;
mod push;
mod yunmas;

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::Response,
};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::Notify,
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Counts, NumberCounts, Settings, Shape, Station};
use crate::domain::phone::Phone;
use book::HttpBook;

/// The longest body taken.
const MAX_BODY: usize = 16 << 20;

/// A request as it came.
struct ParsedRequest {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl ParsedRequest {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
    }
}

/// What is answered, and whether chance may spoil it.
struct Reply {
    status: StatusCode,
    body: Value,
    /// A send: its answer may get lost.
    send: bool,
}

impl Reply {
    fn new(status: u16, body: Value) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            body,
            send: false,
        }
    }

    /// The answer to a send.
    fn of_send(said: Self) -> Self {
        Self { send: true, ..said }
    }
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    book: Mutex<HttpBook>,
    callback: Mutex<Option<String>>,
    /// There is something new to call in.
    news: Notify,
    stop: CancellationToken,
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, HttpBook> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn callback(&self) -> Option<String> {
        self.callback
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn now_seconds(&self) -> i64 {
        self.settings.clock.now().0.div_euclid(1_000_000)
    }

    fn secret(&self) -> &str {
        self.settings.password.as_deref().unwrap_or_default()
    }

    fn knows(&self, account: &str) -> bool {
        self.settings
            .account
            .as_deref()
            .is_none_or(|known| known == account)
    }

    /// Somebody is let in, or not.
    fn login(&self, ok: bool) {
        let counts = &mut self.book().counts;
        match ok {
            true => counts.logins += 1,
            false => counts.refused_logins += 1,
        }
    }
}

impl Station for Shared {
    fn counts(&self) -> Counts {
        self.book().counts()
    }

    fn per_number(&self) -> HashMap<Phone, NumberCounts> {
        self.book().numbers.clone()
    }

    fn pending(&self) -> usize {
        self.book().pending()
    }

    fn inject_mo(&self, phone: Phone, text: &str) {
        let to = self.settings.access_number.clone();
        self.book().text_from(phone, text, &to);
        self.news.notify_one();
    }

    fn kick(&self) {}

    fn call_back(&self, url: &str) {
        *self.callback.lock().unwrap_or_else(PoisonError::into_inner) = Some(url.to_owned());
        self.news.notify_one();
    }
}

/// Starts it on a listener.
pub(super) fn start(
    settings: Settings,
    listener: TcpListener,
    stop: &CancellationToken,
    tracker: &TaskTracker,
) -> Arc<dyn Station> {
    let shared = Arc::new(Shared {
        book: Mutex::new(HttpBook::new(settings.seed)),
        callback: Mutex::new(settings.http.callback.clone()),
        news: Notify::new(),
        stop: stop.clone(),
        settings,
    });
    let router = Router::new().fallback(serve).with_state(shared.clone());
    let stopped = stop.clone();
    tracker.spawn(async move {
        tokio::select! {
            () = stopped.cancelled() => {}
            _ = axum::serve(listener, router) => {}
        }
    });
    tracker.spawn(push::run(shared.clone()));
    shared
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        shared.book().counts.malformed += 1;
        return answer(StatusCode::PAYLOAD_TOO_LARGE, &Value::Null);
    };
    let asked = ParsedRequest {
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        body,
    };
    let faults = &shared.settings.faults;
    // Before it is taken: chance is asked once a request, whatever it is.
    let (broken, taken_first, lost, cut, slow) = {
        let mut book = shared.book();
        let dice = &mut book.dice;
        let broken = dice.hits(faults.server_errors);
        let half = broken && dice.hits(50.0);
        let lost = dice.hits(faults.lost_answers);
        let cut = lost && dice.hits(50.0);
        (broken, half, lost, cut, dice.hits(faults.slow_answers))
    };
    if broken && !taken_first {
        return answer(StatusCode::INTERNAL_SERVER_ERROR, &Value::Null);
    }
    let said = match shared.settings.http.shape {
        Shape::Watchbell => ours::serve(&shared, &asked),
        Shape::YunMas => yunmas::serve(&shared, &asked),
        Shape::Aliyun => aliyun::serve(&shared, &asked),
    };
    shared.news.notify_one();
    if broken {
        return answer(StatusCode::INTERNAL_SERVER_ERROR, &Value::Null);
    }
    if said.send && cut {
        return cut_off();
    }
    if said.send && lost {
        // Whoever waits for it gives up first; a stop ends it, too.
        shared.stop.cancelled().await;
        return answer(StatusCode::SERVICE_UNAVAILABLE, &Value::Null);
    }
    if slow {
        sleep(faults.slow_by).await;
    }
    answer(said.status, &said.body)
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// The connection breaks in the middle of the answer.
fn cut_off() -> Response {
    let broken = futures_util::stream::once(async {
        Err::<Bytes, _>(io::Error::other("the simulated line is cut"))
    });
    Response::new(Body::from_stream(broken))
}

/// Now, for meters.
fn now() -> Instant {
    Instant::now()
}
