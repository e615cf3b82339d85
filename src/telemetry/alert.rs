//! Who is told when something goes wrong: the log at once, the webhook and whoever else listens through
//! bounded queues. The same trouble is told once in ten minutes, with a count of the times kept back.
//! No personal data is in an alert: it names gateways, runs and figures.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock, domain::bilingual::Bilingual, domain::time::Micros, telemetry::ALERT_NOTICES,
    web::tls,
};

/// The same kind and subject is told at most once in this time.
const THROTTLE: Duration = Duration::from_mins(10);
/// Notices that wait for a slow listener; further ones are counted and left out.
const QUEUE: usize = 64;
/// A webhook that takes longer has not heard it.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// Remembered subjects; beyond it the ones past their ten minutes are forgotten.
const REMEMBERED: usize = 1_000;

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A gateway has no link.
    GatewayDown,
    /// A carrier refuses our login.
    LoginRefused,
    /// A carrier can't dial us: its reports wait there.
    NotListening,
    /// A run will not be through in time.
    RunLate,
    /// A run waits for a person.
    RunHeld,
    /// A run's slot passed while nothing could go out.
    RunMissed,
    /// Messages stay in doubt after their grace.
    DoubtLeft,
    /// No reference is free for another run's long messages.
    PartReferences,
    /// A quota is nearly used up.
    Quota,
    /// The disk is nearly full.
    Disk,
    /// The engine's lock is held elsewhere, or was lost.
    Lock,
    /// The engine has ended by an error, and its process with it.
    Engine,
    /// The database does not take what is to be written.
    Database,
    /// The database is a copy, or was put back: all sending waits for a release.
    DatabaseHeld,
    /// The ledger does not add up.
    Ledger,
    /// A work order is overdue.
    WorkOrderOverdue,
    /// What a carrier's proof shows is not the approved text, or it refused a request.
    WorkOrderProof,
    /// The clock is off.
    ClockOff,
}

impl Kind {
    /// Does sending stand still, or is the record in danger?
    pub const fn is_error(self) -> bool {
        match self {
            Self::GatewayDown
            | Self::LoginRefused
            | Self::NotListening
            | Self::RunMissed
            | Self::Disk
            | Self::Engine
            | Self::Database
            | Self::DatabaseHeld
            | Self::Ledger => true,
            Self::RunLate
            | Self::RunHeld
            | Self::DoubtLeft
            | Self::PartReferences
            | Self::Quota
            | Self::Lock
            | Self::WorkOrderOverdue
            | Self::WorkOrderProof
            | Self::ClockOff => false,
        }
    }
}

/// One alert, as it is raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What kind of trouble; with `subject` it decides whether two alerts are the same.
    pub kind: Kind,
    /// With what: a gateway's or a run's name, a path.
    pub subject: String,
    /// What happened and what to do.
    pub text: Bilingual,
}

/// One alert, as it is told (and the webhook's JSON).
#[derive(Debug, Clone, Serialize)]
pub struct Notice {
    /// What kind of trouble.
    pub kind: Kind,
    /// `error` or `warning`.
    pub severity: &'static str,
    /// With what.
    pub subject: String,
    /// What happened and what to do, in Chinese.
    pub text: String,
    /// The same in English.
    pub text_en: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// How many of the same were kept back since the last one told.
    pub suppressed: u64,
    /// Is this practice?
    pub practice: bool,
}

/// Takes alerts from anywhere in the program. Cheap to clone; never blocks, never fails.
#[derive(Debug, Clone)]
pub struct Alerts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    practice: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    notices: HashMap<(Kind, String), LastNotice>,
    listeners: Vec<mpsc::Sender<Arc<Notice>>>,
}

#[derive(Debug)]
struct LastNotice {
    at: Instant,
    kept_back: u64,
}

impl Alerts {
    /// Alerts that go to the log, until somebody listens.
    pub fn new(clock: Clock, practice: bool) -> Self {
        Self(Arc::new(Inner {
            clock,
            practice,
            state: Mutex::default(),
        }))
    }

    /// Every further notice also goes here (the webhook, the duty phones, the console).
    pub fn listen(&self) -> mpsc::Receiver<Arc<Notice>> {
        let (tx, rx) = mpsc::channel(QUEUE);
        self.0
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .listeners
            .push(tx);
        rx
    }

    /// Tells it, unless the same was told within ten minutes.
    pub fn raise(&self, alert: Alert) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(suppressed) = state.admit(alert.kind, &alert.subject, Instant::now()) else {
            ALERT_NOTICES.add(&[("outcome", "suppressed")], 1);
            return;
        };
        let notice = Arc::new(self.0.notice(alert, suppressed));
        log(&notice);
        state
            .listeners
            .retain(|to| match to.try_send(Arc::clone(&notice)) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    ALERT_NOTICES.add(&[("outcome", "dropped")], 1);
                    true
                }
                Err(mpsc::error::TrySendError::Closed(_)) => false,
            });
    }

    /// The trouble is over: the next of its kind is news again.
    pub fn resolve(&self, kind: Kind, subject: &str) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.notices.remove(&(kind, subject.to_owned())).is_some() {
            tracing::info!(alert.kind = ?kind, alert.subject = subject, "Resolved: {kind:?} of {subject}");
        }
    }
}

impl Inner {
    fn notice(&self, alert: Alert, suppressed: u64) -> Notice {
        let now: Micros = self.clock.now();
        Notice {
            kind: alert.kind,
            severity: if alert.kind.is_error() {
                "error"
            } else {
                "warning"
            },
            subject: alert.subject,
            text: alert.text.zh,
            text_en: alert.text.en,
            at: now.to_string(),
            suppressed,
            practice: self.practice,
        }
    }
}

impl State {
    /// How many were kept back before, when this one may be told.
    fn admit(&mut self, kind: Kind, subject: &str, now: Instant) -> Option<u64> {
        let key = (kind, subject.to_owned());
        match self.notices.get_mut(&key) {
            Some(notices) if now.duration_since(notices.at) < THROTTLE => {
                notices.kept_back += 1;
                None
            }
            before => {
                let suppressed = before.map_or(0, |t| t.kept_back);
                if self.notices.len() >= REMEMBERED {
                    self.notices
                        .retain(|_, t| now.duration_since(t.at) < THROTTLE);
                }
                self.notices.insert(
                    key,
                    LastNotice {
                        at: now,
                        kept_back: 0,
                    },
                );
                Some(suppressed)
            }
        }
    }
}

fn log(n: &Notice) {
    let Notice {
        kind,
        subject,
        text_en,
        suppressed,
        ..
    } = n;
    if kind.is_error() {
        tracing::error!(alert.kind = ?kind, alert.subject = %subject, alert.suppressed = suppressed, "{text_en}");
    } else {
        tracing::warn!(alert.kind = ?kind, alert.subject = %subject, alert.suppressed = suppressed, "{text_en}");
    }
}

/// The webhook cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("the alerts' webhook cannot be set up: {0}; on Debian, install ca-certificates for https")]
pub struct WebhookError(reqwest::Error);

/// Posts each notice as JSON to `[alerts] webhook`.
#[derive(Debug)]
pub struct Webhook {
    client: reqwest::Client,
    url: String,
    inbox: mpsc::Receiver<Arc<Notice>>,
}

impl Webhook {
    /// A webhook that hears `alerts` from now on.
    pub fn new(url: impl Into<String>, alerts: &Alerts) -> Result<Self, WebhookError> {
        tls::install();
        let client = reqwest::Client::builder()
            .timeout(WEBHOOK_TIMEOUT)
            // A redirect would carry the alert to a place that nobody configured.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(WebhookError)?;
        Ok(Self {
            client,
            url: url.into(),
            inbox: alerts.listen(),
        })
    }

    /// Posts the next notice; false when there will be none.
    pub async fn run_once(&mut self) -> bool {
        let Some(notice) = self.inbox.recv().await else {
            return false;
        };
        let answer = self.client.post(&self.url).json(&*notice).send().await;
        // The URL stays out of the log: its path often is its password.
        match answer
            .and_then(reqwest::Response::error_for_status)
            .map_err(reqwest::Error::without_url)
        {
            Ok(_) => ALERT_NOTICES.add(&[("outcome", "sent")], 1),
            Err(error) => {
                ALERT_NOTICES.add(&[("outcome", "failed")], 1);
                tracing::error!(%error, alert.kind = ?notice.kind, "The webhook did not take an alert");
            }
        }
        true
    }

    /// Posts until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        while let Some(true) = stop.run_until_cancelled(self.run_once()).await {}
    }
}

#[cfg(test)]
mod tests {
    use axum::{Json, Router, extract::State as Shared, http::StatusCode, routing::post};

    use super::*;
    use crate::domain::bilingual::bilingual;

    fn alert(subject: &str) -> Alert {
        Alert {
            kind: Kind::GatewayDown,
            subject: subject.into(),
            text: bilingual!("网关断开", "the gateway is down"),
        }
    }

    fn alerts() -> Alerts {
        Alerts::new(Clock::manual(Micros(1_685_577_600_000_000)), true)
    }

    /// A server that answers `status` and passes on what it was sent.
    async fn server(status: StatusCode) -> (String, mpsc::Receiver<serde_json::Value>) {
        let (tx, rx) = mpsc::channel(8);
        let take = move |Shared(tx): Shared<mpsc::Sender<serde_json::Value>>,
                         Json(body): Json<serde_json::Value>| async move {
            tx.send(body).await.unwrap();
            status
        };
        let app = Router::new().route("/hook", post(take)).with_state(tx);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (url, rx)
    }

    #[tokio::test]
    async fn an_alert_reaches_the_webhook_as_json() {
        let (url, mut got) = server(StatusCode::OK).await;
        let alerts = alerts();
        let mut webhook = Webhook::new(url, &alerts).unwrap();
        alerts.raise(alert("mobile"));
        assert!(webhook.run_once().await);
        let body = got.recv().await.unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "kind": "gateway_down", "severity": "error", "subject": "mobile", "text": "网关断开",
                "text_en": "the gateway is down", "at": "2023-06-01T00:00:00.000000Z", "suppressed": 0, "practice": true
            })
        );
    }

    #[tokio::test]
    async fn a_webhook_that_fails_does_not_stop_the_next_alert() {
        let (url, mut got) = server(StatusCode::INTERNAL_SERVER_ERROR).await;
        let alerts = alerts();
        let mut webhook = Webhook::new(url, &alerts).unwrap();
        alerts.raise(alert("mobile"));
        alerts.raise(alert("unicom"));
        assert!(webhook.run_once().await && webhook.run_once().await);
        assert_eq!(got.recv().await.unwrap()["subject"], "mobile");
        assert_eq!(got.recv().await.unwrap()["subject"], "unicom");
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_trouble_is_told_once_in_ten_minutes_with_a_count() {
        let alerts = alerts();
        let mut inbox = alerts.listen();
        for _ in 0..5 {
            alerts.raise(alert("mobile"));
        }
        alerts.raise(alert("unicom"));
        tokio::time::advance(THROTTLE).await;
        alerts.raise(alert("mobile"));
        let notices: Vec<_> = std::iter::from_fn(|| inbox.try_recv().ok())
            .map(|n| (n.subject.clone(), n.suppressed))
            .collect();
        assert_eq!(
            notices,
            [
                ("mobile".into(), 0),
                ("unicom".into(), 0),
                ("mobile".into(), 4)
            ]
        );
    }

    #[tokio::test]
    async fn what_was_resolved_is_news_again() {
        let alerts = alerts();
        let mut inbox = alerts.listen();
        alerts.raise(alert("mobile"));
        alerts.resolve(Kind::GatewayDown, "mobile");
        alerts.raise(alert("mobile"));
        assert!(inbox.try_recv().is_ok() && inbox.try_recv().is_ok());
    }

    #[tokio::test]
    async fn a_listener_that_does_not_listen_holds_up_nobody() {
        let alerts = alerts();
        let mut inbox = alerts.listen();
        for n in 0..QUEUE * 2 {
            alerts.raise(alert(&n.to_string()));
        }
        assert_eq!(std::iter::from_fn(|| inbox.try_recv().ok()).count(), QUEUE);
    }
}
