//! A carrier's work-order interface to practise against: takes orders, sends proofs to the seed phones (with a slip of
//! the hand now and then), sends over days at its own pace, reports twice a day, hands in evidence; refuses and is late
//! on request. Strict about signatures and keys. Everything follows from the office's clock, so it can be lived through
//! in seconds: nothing here waits, each answer is worked out when it is asked for.

mod book;

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono_tz::Tz;
use serde::Serialize;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    domain::{
        carrier::Carrier,
        id::OrderId,
        time::Micros,
        work_order::command::{CommandAct, UnknownWord},
    },
    web::signing,
    work_orders::protocol::{Command, MAX_STANDING, Signed, key},
};
use book::{OrderBook, Refused};

/// How a simulated carrier behaves.
#[derive(Debug, Clone)]
pub struct OrderSettings {
    /// The carrier that it plays.
    pub carrier: Carrier,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Signs requests and answers.
    pub secret: String,
    /// The office's clock.
    pub clock: Clock,
    /// The office's zone.
    pub zone: Tz,
    /// How many subscribers it has here.
    pub subscribers: i64,
    /// Of a hundred sent, so many arrive.
    pub delivered_percent: i64,
    /// From the order's coming to the acknowledgement.
    pub acknowledges_after: Duration,
    /// From the acknowledgement, or a correction, to the proof.
    pub proofs_after: Duration,
    /// Of a hundred rounds of proofs, so many are retyped with a slip.
    pub typo_percent: f64,
    /// The first so many rounds of each order are, whatever the seed.
    pub typo_rounds: u32,
    /// Slips that its hand is known for: these first, where they occur.
    pub slips: Vec<(char, char)>,
    /// Refuses each order with this reason.
    pub refuses: Option<String>,
    /// Never reports on an order that it has taken.
    pub silent: bool,
    /// Answers to requests are lost on the way, though the request was carried out.
    pub lost_answers: u32,
    /// Decides its whims.
    pub seed: u64,
}

impl OrderSettings {
    /// A well-behaved one.
    pub fn new(carrier: Carrier, secret: &str, clock: Clock, zone: Tz) -> Self {
        Self {
            carrier,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            secret: secret.to_owned(),
            clock,
            zone,
            subscribers: 40_000,
            delivered_percent: 97,
            acknowledges_after: Duration::from_hours(2),
            proofs_after: Duration::from_hours(3),
            typo_percent: 0.0,
            typo_rounds: 0,
            slips: Vec::new(),
            refuses: None,
            silent: false,
            lost_answers: 0,
            seed: 1,
        }
    }
}

/// What a simulated carrier has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct OrderCounts {
    /// Orders that were made.
    pub orders: u64,
    /// Requests whose key was known already: answered again, not done again.
    pub repeated: u64,
    /// Requests that were not signed as they have to be.
    pub unsigned: u64,
    /// Requests that were refused for another reason.
    pub refused: u64,
    /// Rounds of proofs that were retyped with a slip.
    pub slips: u64,
    /// Requests for an order's state.
    pub questions: u64,
}

/// A simulated carrier's interface; it stops when dropped.
#[derive(Debug)]
pub struct OrderDesk {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Shared {
    settings: OrderSettings,
    inner: Mutex<Inner>,
    /// While true, requests are carried out and left without an answer.
    mute: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Inner {
    book: OrderBook,
    counts: OrderCounts,
    /// Keys with the body that came, its status and its answer.
    answered: HashMap<String, (Vec<u8>, StatusCode, Vec<u8>)>,
    lost: u32,
}

impl OrderDesk {
    /// Binds the address and serves until dropped.
    pub async fn start(settings: OrderSettings) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        let inner = Inner {
            book: OrderBook::new(settings.seed),
            lost: settings.lost_answers,
            ..Inner::default()
        };
        let shared = Arc::new(Shared {
            settings,
            inner: Mutex::new(inner),
            mute: watch::Sender::new(false),
        });
        let stop = CancellationToken::new();
        let router = Router::new()
            .route("/orders", post(create))
            .route("/orders/{order}", get(standing))
            .route("/orders/{order}/evidence/{n}", get(evidence))
            .route("/orders/{order}/{act}", post(act))
            .layer(DefaultBodyLimit::max(MAX_STANDING))
            .with_state(shared.clone());
        let stopped = stop.clone();
        tokio::spawn(async move {
            let served = axum::serve(listener, router)
                .with_graceful_shutdown(async move { stopped.cancelled().await });
            if let Err(error) = served.await {
                tracing::warn!(%error, "A simulated work-order interface ended");
            }
        });
        Ok(Self {
            address,
            shared,
            stop,
        })
    }

    /// Its address as the settings have it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has counted so far.
    pub fn counts(&self) -> OrderCounts {
        self.shared.inner().counts
    }

    /// Carries requests out and leaves them unanswered, or no longer.
    pub fn mute(&self, mute: bool) {
        self.shared.mute.send_replace(mute);
    }
}

impl Drop for OrderDesk {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Shared {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signed by whoever knows the secret, and about this order?
    fn check(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        about: &str,
    ) -> Result<Signed, Box<Response>> {
        let header = |name: &str| {
            let value = headers.get(name).and_then(|v| v.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let signed = Signed {
            id: header(signing::ID),
            timestamp: header(signing::TIMESTAMP),
            signature: header(signing::SIGNATURE),
        };
        let now = self.settings.clock.now();
        let verified = signed.verify(&self.settings.secret, now, body);
        let fits = about.is_empty() || signed.id.starts_with(&format!("{about}:"));
        match verified {
            Ok(()) if fits => Ok(signed),
            _ => {
                self.inner().counts.unsigned += 1;
                let words = verified
                    .err()
                    .map_or("wrong id".to_owned(), |e| e.to_string());
                Err(Box::new(
                    refusal(StatusCode::UNAUTHORIZED, &words).into_response(),
                ))
            }
        }
    }

    /// The answer, signed under the request's own id.
    fn answer(&self, id: &str, status: StatusCode, body: Vec<u8>) -> Response {
        let now = self.settings.clock.now();
        let signed = Signed::new(&self.settings.secret, id, now, &body);
        let mut response = (status, body).into_response();
        for (name, value) in signed.headers() {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    /// A request that changes something: once for each key.
    async fn submit(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        path: Option<(OrderId, CommandAct)>,
    ) -> Response {
        let signed = match self.check(headers, body, "") {
            Ok(signed) => signed,
            Err(response) => return *response,
        };
        let now = self.settings.clock.now();
        let (answer, lost) =
            self.inner()
                .carry_out_once(&self.settings, now, &signed.id, body, path);
        // It is done; the answer is lost or late.
        if self.mute.subscribe().wait_for(|mute| !mute).await.is_err() || lost {
            return StatusCode::BAD_GATEWAY.into_response();
        }
        self.answer(&signed.id, answer.0, answer.1)
    }
}

impl Inner {
    /// The answer, and whether it gets lost on the way.
    fn carry_out_once(
        &mut self,
        settings: &OrderSettings,
        now: Micros,
        id: &str,
        body: &Bytes,
        path: Option<(OrderId, CommandAct)>,
    ) -> ((StatusCode, Vec<u8>), bool) {
        let lost = self.lost > 0;
        self.lost = self.lost.saturating_sub(1);
        (self.carry_out(settings, now, id, body, path), lost)
    }

    fn carry_out(
        &mut self,
        settings: &OrderSettings,
        now: Micros,
        id: &str,
        body: &Bytes,
        path: Option<(OrderId, CommandAct)>,
    ) -> (StatusCode, Vec<u8>) {
        if let Some((was, status, answer)) = self.answered.get(id) {
            self.counts.repeated += 1;
            return match was[..] == body[..] {
                true => (*status, answer.clone()),
                false => refusal(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "this key came with another body",
                ),
            };
        }
        let command: Command = match serde_json::from_slice(body) {
            Ok(command) => command,
            Err(e) => {
                self.counts.refused += 1;
                return refusal(StatusCode::BAD_REQUEST, &e.to_string());
            }
        };
        let fits = key(command.order, command.revision, command.act) == id
            && match path {
                None => command.act == CommandAct::Create,
                Some(path) => path == (command.order, command.act),
            };
        let done = match fits {
            true => self.book.apply(settings, now, &command),
            false => Err(Refused(
                StatusCode::BAD_REQUEST,
                "key, path and body do not agree".to_owned(),
            )),
        };
        let answer = match done {
            Ok(()) => {
                self.counts.orders += u64::from(command.act == CommandAct::Create);
                let words = format!(
                    "{{\"order\":\"{}\",\"revision\":{}}}",
                    command.order, command.revision
                );
                (StatusCode::OK, words.into_bytes())
            }
            Err(Refused(status, words)) => {
                self.counts.refused += 1;
                refusal(status, &words)
            }
        };
        self.answered
            .insert(id.to_owned(), (body.to_vec(), answer.0, answer.1.clone()));
        answer
    }
}

fn refusal(status: StatusCode, words: &str) -> (StatusCode, Vec<u8>) {
    let body = serde_json::json!({ "status": status.as_u16(), "detail": words });
    (status, body.to_string().into_bytes())
}

async fn create(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    shared.submit(&headers, &body, None).await
}

async fn act(
    State(shared): State<Arc<Shared>>,
    Path((order, word)): Path<(OrderId, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match word.parse() {
        Ok(act) => shared.submit(&headers, &body, Some((order, act))).await,
        Err(UnknownWord(_)) => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn standing(
    State(shared): State<Arc<Shared>>,
    Path(order): Path<OrderId>,
    headers: HeaderMap,
) -> Response {
    let signed = match shared.check(&headers, b"", &order.to_string()) {
        Ok(signed) => signed,
        Err(response) => return *response,
    };
    let now = shared.settings.clock.now();
    let mut inner = shared.inner();
    inner.counts.questions += 1;
    let Inner { book, counts, .. } = &mut *inner;
    let answer = match book.standing(&shared.settings, now, order, &mut counts.slips) {
        Some(standing) => serde_json::to_vec(&standing).map_or_else(
            |e| refusal(StatusCode::BAD_REQUEST, &e.to_string()),
            |b| (StatusCode::OK, b),
        ),
        None => refusal(StatusCode::NOT_FOUND, "no such order"),
    };
    drop(inner);
    shared.answer(&signed.id, answer.0, answer.1)
}

async fn evidence(
    State(shared): State<Arc<Shared>>,
    Path((order, n)): Path<(OrderId, i64)>,
    headers: HeaderMap,
) -> Response {
    let signed = match shared.check(&headers, b"", &order.to_string()) {
        Ok(signed) => signed,
        Err(response) => return *response,
    };
    let now = shared.settings.clock.now();
    let piece = shared
        .inner()
        .book
        .evidence(&shared.settings, now, order, n);
    let (status, body) = match piece {
        Some(bytes) => (StatusCode::OK, bytes),
        None => refusal(StatusCode::NOT_FOUND, "no such evidence"),
    };
    shared.answer(&signed.id, status, body)
}
