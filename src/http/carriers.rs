//! Carriers call us: reports and texts from phones. Refused cheaply where anything is wrong; a yes means
//! that everything in the call is durable.

use std::net::SocketAddr;

use axum::{
    body::to_bytes,
    extract::{ConnectInfo, Path, Request, State as Extract},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use tokio::time::timeout;

use super::{State, problem};
use crate::service::carriers::{CallbackHead, CallbackRefusal, MAX_BODY, READ_WITHIN};

/// `POST /carriers/{gateway}/reports`
pub(super) async fn reports(
    Extract(state): Extract<State>,
    Path(gateway): Path<String>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    match take(&state, &gateway, from, request).await {
        Ok(reply) => {
            let kind = match reply.starts_with(['{', '[']) {
                true => "application/json",
                false => "text/plain; charset=utf-8",
            };
            ([(header::CONTENT_TYPE, kind)], reply).into_response()
        }
        Err(refusal) => {
            tracing::debug!(gateway.id = gateway, %refusal, "A callback was not taken");
            refused(refusal)
        }
    }
}

async fn take(
    state: &State,
    gateway: &str,
    from: SocketAddr,
    request: Request,
) -> Result<String, CallbackRefusal> {
    let callbacks = state.office.gateways().callbacks(&state.watch, gateway)?;
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok());
    let arrival = CallbackHead {
        from: from.ip(),
        length: header("content-length").and_then(|n| n.parse().ok()),
        header: &header,
    };
    let admitted = callbacks.admit(&arrival)?;
    let body = timeout(READ_WITHIN, to_bytes(body, MAX_BODY))
        .await
        .map_err(|_| CallbackRefusal::NotNow)?
        .map_err(|_| CallbackRefusal::TooLong)?;
    admitted.take(&body).await
}

fn refused(refusal: CallbackRefusal) -> Response {
    let (status, code) = match refusal {
        CallbackRefusal::Unknown => (StatusCode::NOT_FOUND, "not_found"),
        CallbackRefusal::Source => (StatusCode::FORBIDDEN, "source_not_allowed"),
        CallbackRefusal::TooLong => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_long"),
        CallbackRefusal::Signature => (StatusCode::UNAUTHORIZED, "bad_signature"),
        CallbackRefusal::Malformed => (StatusCode::BAD_REQUEST, "malformed"),
        CallbackRefusal::NotNow => (StatusCode::SERVICE_UNAVAILABLE, "not_now"),
    };
    let mut response = problem(status, code, &refusal.to_string());
    let headers = response.headers_mut();
    if refusal == CallbackRefusal::NotNow {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
    } else {
        // What was not read is not read any more.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
