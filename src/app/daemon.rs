//! The daemon: the engine while its lock is ours, the scheduler and the work orders' desk beside it, and the
//! HTTP server.

use std::{net::SocketAddr, time::Duration};

use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::practice::{Carriers, OrderDesks};
use crate::{
    campaign::fire::Scheduler,
    domain::bilingual::bilingual,
    engine::{Engine, EngineError},
    gateway, http,
    service::{
        Office, ServiceError, health::Watch, refusal::MachineRefusal, work_order::desk::Desk,
    },
    telemetry::{
        Metrics,
        alert::{Alert, Alerts, Kind as AlertKind, Webhook},
    },
};

/// How often a daemon without the engine tries to get it.
const TRY_LOCK: Duration = Duration::from_secs(1);

/// How often old traces are looked for.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// Alerts as configured: to the log, and to the webhook where there is one.
pub fn alerts(office: &Office, stop: &CancellationToken) -> Result<Alerts, ServiceError> {
    let alerts = Alerts::new(office.clock.clone(), office.config.practice);
    let url = &office.config.alerts.webhook;
    if !url.is_empty() {
        let webhook = Webhook::new(url, &alerts)
            .map_err(|e| ServiceError::from(MachineRefusal::Webhook { why: e.to_string() }))?;
        tokio::spawn(webhook.run(stop.clone()));
    }
    Ok(alerts)
}

/// The daemon: engine and HTTP listener. Without the engine's lock it still answers HTTP, and takes over when
/// the lock is free.
#[derive(Debug)]
pub struct Daemon {
    office: Office,
    carriers: Carriers,
    order_desks: OrderDesks,
    alerts: Alerts,
    listener: TcpListener,
    state: http::State,
    watch: Watch,
    stop: CancellationToken,
}

impl Daemon {
    /// Opens the HTTP listener; port 0 takes a free one.
    pub async fn start(mut office: Office, stop: CancellationToken) -> Result<Self, ServiceError> {
        let carriers = Carriers::practice(&mut office).await?;
        let order_desks = OrderDesks::practice(&mut office).await?;
        let address = office.config.server.listen;
        let listener = TcpListener::bind(address).await.map_err(|e| {
            ServiceError::from(MachineRefusal::Listen {
                address: address.to_string(),
                why: e.to_string(),
            })
        })?;
        let alerts = alerts(&office, &stop)?;
        let watch = Watch::default();
        let state = http::State::new(office.clone(), Metrics::of_process(), watch.clone());
        Ok(Self {
            office,
            carriers,
            order_desks,
            alerts,
            listener,
            state,
            watch,
            stop,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until the token given at the start is cancelled; then drains and ends.
    pub async fn run(self) -> Result<(), ServiceError> {
        let Self {
            office,
            carriers,
            order_desks,
            alerts,
            listener,
            state,
            watch,
            stop,
        } = self;
        tokio::spawn(sweep_traces(office.clone(), stop.clone()));
        let until = stop.clone();
        let server = axum::serve(
            listener,
            http::router(state).into_make_service_with_connect_info::<SocketAddr>(),
        )
        .with_graceful_shutdown(async move { until.cancelled().await });
        let server: JoinHandle<std::io::Result<()>> = tokio::spawn(async move { server.await });
        let ended = keep_engine(&office, &alerts, &watch, &stop).await;
        stop.cancel();
        _ = tokio::time::timeout(Duration::from_secs(1), server).await;
        drop((carriers, order_desks));
        office.store.close().await;
        ended
    }
}

/// Deletes old traces, at once and each hour, until `stop`; also those of a trace that is no longer asked for.
async fn sweep_traces(office: Office, stop: CancellationToken) {
    loop {
        let (dirs, now) = (office.config.trace_dirs(), office.clock.now());
        let swept = tokio::task::spawn_blocking(move || {
            for dir in dirs {
                match gateway::trace::sweep(&dir, now) {
                    Ok(0) => {}
                    Ok(n) => tracing::info!(dir = %dir.display(), "{n} old traces were deleted"),
                    Err(error) => {
                        tracing::warn!(dir = %dir.display(), %error, "Old traces could not be deleted");
                    }
                }
            }
        });
        _ = swept.await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SWEEP_EVERY) => {}
        }
    }
}

/// Takes the engine whenever it is free, until `stop`. An engine that ends by an error ends the daemon:
/// recovery reads the journal at the next start.
pub async fn keep_engine(
    office: &Office,
    alerts: &Alerts,
    watch: &Watch,
    stop: &CancellationToken,
) -> Result<(), ServiceError> {
    let mut told = false;
    while !stop.is_cancelled() {
        match Engine::start(office.sending().engine_parts(alerts.clone())).await? {
            Some(engine) => {
                tracing::info!("The engine is ours");
                watch.set(Some(engine.gateways()));
                let firing = stop.child_token();
                let scheduler = Scheduler::new(
                    office.store.clone(),
                    office.clock.clone(),
                    office.config.clone(),
                    alerts.clone(),
                );
                let scheduler = tokio::spawn(scheduler.run(firing.clone()));
                let desk = Desk::new(office.clone(), alerts.clone())?;
                let desk = tokio::spawn(desk.run(firing.clone()));
                let ended = engine.run(stop.clone()).await;
                firing.cancel();
                _ = tokio::join!(scheduler, desk);
                watch.set(None);
                if let Err(EngineError::LeaseLost(_)) = &ended {
                    alerts.raise(Alert {
                        kind: AlertKind::Lock,
                        subject: "engine".into(),
                        text: bilingual!(
                            "发送引擎的租约被另一进程接管，本进程已停止发送",
                            "another process has taken over the engine's lease; this one sends no more"
                        ),
                    });
                    continue;
                }
                ended?;
            }
            None if !told => {
                told = true;
                tracing::info!("Another process has the engine; this one answers HTTP and waits");
            }
            None => {}
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(TRY_LOCK) => {}
        }
    }
    Ok(())
}
