//! The HTTP listener: is it alive, is it ready, what does it count; and carriers' calls.

mod carriers;

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Json, Router,
    extract::State as Extract,
    http::{StatusCode, header},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    service::{Office, health::Watch},
    telemetry::{HTTP_ANSWERS, Metrics},
};

/// What the routes know.
#[derive(Debug, Clone)]
pub struct State {
    office: Office,
    metrics: Metrics,
    watch: Watch,
}

impl State {
    /// Routes of this office.
    pub fn new(office: Office, metrics: Metrics, watch: Watch) -> Self {
        Self {
            office,
            metrics,
            watch,
        }
    }
}

/// All routes.
pub fn router(state: State) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/carriers/{gateway}/reports", post(carriers::reports))
        .fallback(async || {
            problem(
                StatusCode::NOT_FOUND,
                "not_found",
                "There is nothing at this address.",
            )
        })
        .layer(map_response(count))
        .with_state(state)
}

async fn count(answer: Response) -> Response {
    let class = match answer.status().as_u16() {
        ..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    };
    HTTP_ANSWERS.add(&[("class", class)], 1);
    answer
}

/// Who asks whether we are ready gets an answer within a second, whatever is broken.
const READY_WITHIN: Duration = Duration::from_millis(800);

/// Ready: the database answers, and where this process sends, it may write and each gateway has a link.
async fn ready(Extract(state): Extract<State>) -> Response {
    let asked = timeout(READY_WITHIN, state.office.installation()).await;
    let installation = match asked {
        Ok(Ok(installation)) => installation,
        no_answer => {
            let error = no_answer.map_or_else(|e| e.to_string(), |e| format!("{e:?}"));
            tracing::error!(%error, "The database does not answer");
            return problem(
                StatusCode::SERVICE_UNAVAILABLE,
                "database_unreachable",
                "The database does not answer.",
            );
        }
    };
    let gateways: Option<BTreeMap<String, serde_json::Value>> = state.watch.health().map(|all| {
        let words = |h: crate::service::health::Health| {
            let mut words =
                json!({ "links": h.links, "links_up": h.links_up, "trouble": h.trouble });
            if let Some(at) = h.listening {
                words["listening"] = json!(at.to_string());
            }
            if let Some(why) = h.listen_error {
                words["not_listening"] = json!(why);
            }
            words
        };
        all.into_iter().map(|(id, h)| (id.0, words(h))).collect()
    });
    let all_up = gateways
        .as_ref()
        .is_none_or(|g| g.values().all(|h| h["links_up"].as_u64() > Some(0)));
    let may_write = state.watch.may_write();
    let is_ready = all_up && may_write != Some(false);
    let body = json!({
        "ready": is_ready,
        "database": "ok",
        "practice": installation.practice,
        "held": installation.held,
        "stopped": installation.stopped.is_some(),
        "engine": gateways.is_some(),
        "may_write": may_write,
        "gateways": gateways,
    });
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(body)).into_response()
}

async fn metrics(Extract(state): Extract<State>) -> Response {
    state.metrics.upkeep();
    let text = state.metrics.render();
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        text,
    )
        .into_response()
}

/// RFC 9457.
fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let body = json!({
        "type": format!("about:blank#{code}"),
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
    });
    (
        status,
        [(header::CONTENT_TYPE, "application/problem+json")],
        body.to_string(),
    )
        .into_response()
}
