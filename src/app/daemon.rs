//! The daemon: the engine while its lock is ours, the scheduler and the work orders' desk beside it, and the
//! HTTP server.

use std::{net::SocketAddr, time::Duration};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::practice::{Carriers, OrderDesks};
use crate::{
    campaign::fire::Scheduler,
    domain::bilingual::bilingual,
    engine::{Engine, EngineError, Next},
    gateway, http,
    service::{
        Office, ServiceError, health::Watch, refusal::MachineRefusal, work_order::desk::Desk,
    },
    tasks::Tasks,
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
pub fn alerts(
    office: &Office,
    stop: &CancellationToken,
    tasks: &Tasks,
) -> Result<Alerts, ServiceError> {
    let alerts = Alerts::new(office.clock.clone(), office.config.practice);
    let url = &office.config.alerts.webhook;
    if !url.is_empty() {
        let webhook = Webhook::new(url, &alerts)
            .map_err(|e| ServiceError::from(MachineRefusal::Webhook { why: e.to_string() }))?;
        tasks.spawn_until(stop, "webhook for alerts", webhook.run(stop.clone()));
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
    tasks: Tasks,
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
        let tasks = Tasks::default();
        let alerts = alerts(&office, &stop, &tasks)?;
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
            tasks,
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
            tasks,
            stop,
        } = self;
        let sweeps = sweep_traces(office.clone(), stop.clone());
        tasks.spawn_until(&stop, "sweep of old traces", sweeps);
        let until = stop.clone();
        let server = axum::serve(
            listener,
            http::router(state).into_make_service_with_connect_info::<SocketAddr>(),
        )
        .with_graceful_shutdown(async move { until.cancelled().await });
        tasks.spawn_until(&stop, "HTTP server", async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "The HTTP server has ended");
            }
        });
        let ending = stop.child_token();
        let engine = keep_engine(&office, &alerts, &watch, &ending);
        tokio::pin!(engine);
        let ended = tokio::select! {
            ended = &mut engine => ended,
            name = tasks.died() => {
                ending.cancel();
                engine.await.and(go_on_after(Err(EngineError::Task { name }), &alerts).map_err(Into::into))
            }
        };
        stop.cancel();
        _ = tokio::time::timeout(Duration::from_secs(1), tasks.end()).await;
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

/// Takes the engine whenever it is free, until `stop`. What passes by itself is waited for: a lease that another
/// engine has, a database that is away. What can't be trusted any more ends the daemon: recovery reads the journal
/// at the next start.
pub async fn keep_engine(
    office: &Office,
    alerts: &Alerts,
    watch: &Watch,
    stop: &CancellationToken,
) -> Result<(), ServiceError> {
    let mut told = false;
    while !stop.is_cancelled() {
        match Engine::start(office.sending().engine_parts(alerts.clone())).await {
            Ok(Some(engine)) => {
                told = false;
                tracing::info!("The engine is ours");
                alerts.resolve(AlertKind::Lock, "engine");
                alerts.resolve(AlertKind::Database, "engine");
                watch.set(Some((engine.gateways(), engine.gate())));
                let desk = Desk::new(office.clone(), alerts.clone())?;
                let ended = beside(engine, desk, office, alerts, stop).await;
                watch.set(None);
                go_on_after(ended, alerts)?;
            }
            Ok(None) if !told => {
                told = true;
                alerts.resolve(AlertKind::Database, "engine");
                tracing::info!("Another process has the engine; this one answers HTTP and waits");
            }
            Ok(None) => {}
            Err(error) => {
                told = false;
                go_on_after(Err(error), alerts)?;
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(TRY_LOCK) => {}
        }
    }
    Ok(())
}

/// Runs the engine with the scheduler and the work orders' desk beside it. One of them that dies ends it in order.
async fn beside(
    engine: Engine,
    desk: Desk,
    office: &Office,
    alerts: &Alerts,
    stop: &CancellationToken,
) -> Result<(), EngineError> {
    let (ending, firing) = (stop.child_token(), stop.child_token());
    let tasks = Tasks::default();
    let scheduler = Scheduler::new(
        office.store.for_engine(),
        office.clock.clone(),
        office.config.clone(),
        alerts.clone(),
    );
    tasks.spawn_until(&firing, "scheduler", scheduler.run(firing.clone()));
    tasks.spawn_until(&firing, "work orders' desk", desk.run(firing.clone()));
    let running = engine.run(ending.clone());
    tokio::pin!(running);
    let ended = tokio::select! {
        ended = &mut running => ended,
        name = tasks.died() => {
            ending.cancel();
            running.await.and(Err(EngineError::Task { name }))
        }
    };
    firing.cancel();
    tasks.end().await;
    ended
}

/// Says why the engine has ended, and whether that ends the daemon too.
fn go_on_after(ended: Result<(), EngineError>, alerts: &Alerts) -> Result<(), EngineError> {
    let Err(error) = ended else {
        return Ok(());
    };
    let (kind, text) = match error.next() {
        Next::GiveWay => (
            AlertKind::Lock,
            bilingual!(
                "发送引擎的租约被另一进程接管，本进程已停止发送，等待接手",
                "another process has taken over the engine's lease; this one sends no more, and waits to take its turn"
            ),
        ),
        Next::Retry | Next::AskHead => (
            AlertKind::Database,
            bilingual!(
                "数据库没有应答，本进程暂不发送，将继续重试：{error}",
                "the database does not answer; this process sends nothing for now, and tries again: {error}"
            ),
        ),
        Next::Die => (
            AlertKind::Engine,
            bilingual!(
                "发送引擎已停止，进程即将退出；重启后会从台账恢复：{error}",
                "the engine has stopped, and this process ends; the next start recovers from the ledger: {error}"
            ),
        ),
    };
    alerts.raise(Alert {
        kind,
        subject: "engine".into(),
        text,
    });
    match error.next() {
        Next::Die => Err(error),
        Next::GiveWay | Next::Retry | Next::AskHead => Ok(()),
    }
}
