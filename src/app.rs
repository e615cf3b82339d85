//! Builds the parts and wires them; owns start and shutdown. In practice mode it starts the simulated
//! carriers and points the gateways at them.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    alert::{Alert, Alerts, Kind as AlertKind, Webhook},
    api,
    campaign::fire::Scheduler,
    clock::Clock,
    config::{self, Config, Kind, RateUnit, Secret, SignatureBy},
    domain::{carrier::Carrier, id::GatewayId, text::Count},
    engine::{Engine, EngineError},
    gateway,
    service::{Office, ServiceError, health::Watch, work_order::desk::Desk},
    simulate::{
        Dialling, Running, Settings, Simulator,
        orders::{OrderDesk, OrderSettings},
    },
    telemetry::Metrics,
};

/// How often a daemon without the engine tries to get it.
const TRY_LOCK: Duration = Duration::from_secs(1);

/// How often old traces are looked for.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// The account that practice gateways log in with.
const PRACTICE_ACCOUNT: &str = "901234";

/// In practice mode without any gateway: one for each carrier, as a county would have them.
#[must_use]
pub fn with_practice_gateways(mut config: Config) -> Config {
    if config.practice && config.gateways.is_empty() {
        config.gateways = practice_gateways(&config.sending.signature);
    }
    config
}

/// One practice gateway for each carrier.
pub fn practice_gateways(signature: &str) -> Vec<config::Gateway> {
    let serves: [(&str, &[Carrier]); 3] = [
        ("mobile", &[Carrier::Mobile, Carrier::Broadnet]),
        ("unicom", &[Carrier::Unicom]),
        ("telecom", &[Carrier::Telecom]),
    ];
    serves
        .into_iter()
        .map(|(id, carriers)| practice_gateway(id, carriers, signature))
        .collect()
}

fn practice_gateway(id: &str, carriers: &[Carrier], signature: &str) -> config::Gateway {
    config::Gateway {
        id: GatewayId::from(id),
        kind: Kind::Cmpp20,
        carriers: carriers.to_vec(),
        address: "127.0.0.1:0".to_owned(),
        account: PRACTICE_ACCOUNT.to_owned(),
        password: Secret::new("practice"),
        access_number: "10690000".to_owned(),
        service_id: "SAFETY".to_owned(),
        rate: 500,
        rate_unit: RateUnit::Segments,
        links: 2,
        window: 32,
        batch: 1,
        count: Count::Ucs2,
        signature: signature.to_owned(),
        signature_by: SignatureBy::Us,
        opt_out: String::new(),
        price: 0.05,
        daily_quota: 0,
        monthly_quota: 0,
        trace: None,
        response_timeout: Duration::from_secs(30),
        local_address: String::new(),
        extra: BTreeMap::new(),
    }
}

/// The simulated carriers of a practice office, by gateway; they stop when dropped.
#[derive(Debug, Default)]
pub struct Carriers(BTreeMap<GatewayId, Running>);

impl Carriers {
    /// One simulator a gateway, set by `settings`; the office's gateways point at them afterwards.
    pub async fn start(
        office: &mut Office,
        settings: impl Fn(&config::Gateway) -> Settings,
    ) -> std::io::Result<Self> {
        let mut config = (*office.config).clone();
        let mut running = BTreeMap::new();
        for gateway in &mut config.gateways {
            let settings = Settings {
                protocol: gateway.kind,
                ..settings(gateway)
            };
            let settings = match gateway.kind {
                Kind::Sgip12 => dialled(gateway, settings)?,
                _ => settings,
            };
            let simulator = Simulator::start(settings).await?;
            gateway.address = match gateway.kind {
                Kind::Http => format!("http://{}", simulator.address()),
                _ => simulator.address().to_string(),
            };
            running.insert(gateway.id.clone(), simulator);
        }
        office.config = Arc::new(config);
        Ok(Self(running))
    }

    /// Those of a practice office; none of a real one.
    pub async fn practice(office: &mut Office) -> std::io::Result<Self> {
        if !office.config.practice {
            return Ok(Self::default());
        }
        let clock = office.clock.clone();
        Self::start(office, move |g| carrier_for(g, clock.clone())).await
    }

    /// One of them.
    pub fn get(&self, id: &GatewayId) -> Option<&Running> {
        self.0.get(id)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&GatewayId, &Running)> {
        self.0.iter()
    }
}

/// A carrier that dials its client: this gateway listens on a free port of this machine, wherever it would.
fn dialled(gateway: &mut config::Gateway, settings: Settings) -> std::io::Result<Settings> {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    let extra = &mut gateway.extra;
    let mut set = |key: &str, value: &str| {
        _ = extra.insert(key.to_owned(), toml::Value::String(value.to_owned()));
    };
    set("listen", &free.to_string());
    set("listen_account", PRACTICE_ACCOUNT);
    set("listen_password", PRACTICE_ACCOUNT);
    extra.remove("listen_allow");
    Ok(Settings {
        dialling: Dialling {
            address: Some(free.to_string()),
            account: PRACTICE_ACCOUNT.to_owned(),
            password: PRACTICE_ACCOUNT.to_owned(),
        },
        ..settings
    })
}

/// The simulated work-order interfaces of a practice office; they stop when dropped. Nothing of a practice office goes
/// to a real one: its settings point at these afterwards.
#[derive(Debug, Default)]
pub struct OrderDesks(Vec<(Carrier, OrderDesk)>);

impl OrderDesks {
    /// One for each carrier whose interface is configured, set by `settings`.
    pub async fn start(
        office: &mut Office,
        settings: impl Fn(&config::OrderCarrier) -> OrderSettings,
    ) -> std::io::Result<Self> {
        let mut config = (*office.config).clone();
        let mut desks = Vec::new();
        let with_url = config.work_orders.carriers.iter_mut();
        for carrier in with_url.filter(|c| !c.url.is_empty()) {
            let desk = OrderDesk::start(settings(carrier)).await?;
            carrier.url = desk.url();
            desks.push((carrier.carrier, desk));
        }
        office.config = Arc::new(config);
        Ok(Self(desks))
    }

    /// Those of a practice office; none of a real one.
    pub async fn practice(office: &mut Office) -> std::io::Result<Self> {
        if !office.config.practice {
            return Ok(Self::default());
        }
        let (clock, zone) = (office.clock.clone(), office.config.sending.timezone);
        Self::start(office, move |c| {
            OrderSettings::new(c.carrier, c.secret.expose(), clock.clone(), zone)
        })
        .await
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &(Carrier, OrderDesk)> {
        self.0.iter()
    }
}

/// A well-behaved carrier behind this gateway's contract: some numbers are dead, reports take a while.
pub fn carrier_for(gateway: &config::Gateway, clock: Clock) -> Settings {
    Settings {
        account: Some(gateway.account.clone()),
        password: Some(gateway.password.expose().to_owned()),
        report_delay: Duration::from_millis(400),
        report_jitter: Duration::from_millis(400),
        undelivered_percent: 3.0,
        access_number: gateway.access_number.clone(),
        clock,
        ..Settings::default()
    }
}

/// Alerts as configured: to the log, and to the webhook where there is one.
pub fn alerts(office: &Office, stop: &CancellationToken) -> Result<Alerts, ServiceError> {
    let alerts = Alerts::new(office.clock.clone(), office.config.practice);
    let url = &office.config.alerts.webhook;
    if !url.is_empty() {
        let webhook = Webhook::new(url, &alerts)
            .map_err(|e| ServiceError::usage(format!("告警地址不可用：{e}"), e.to_string()))?;
        tokio::spawn(webhook.run(stop.clone()));
    }
    Ok(alerts)
}

/// The daemon: engine, and doors. Without the engine's lock it keeps its doors open and takes over when
/// the lock is free.
#[derive(Debug)]
pub struct Daemon {
    office: Office,
    carriers: Carriers,
    order_desks: OrderDesks,
    alerts: Alerts,
    listener: TcpListener,
    state: api::State,
    watch: Watch,
    stop: CancellationToken,
}

impl Daemon {
    /// Opens the doors; port 0 takes a free one.
    pub async fn start(mut office: Office, stop: CancellationToken) -> Result<Self, ServiceError> {
        let carriers = Carriers::practice(&mut office).await?;
        let order_desks = OrderDesks::practice(&mut office).await?;
        let address = office.config.server.listen;
        let listener = TcpListener::bind(address).await.map_err(|e| {
            ServiceError::usage(
                format!("不能监听 {address}：{e}；请改 [server] listen"),
                format!("cannot listen on {address}: {e}; change [server] listen"),
            )
        })?;
        let alerts = alerts(&office, &stop)?;
        let watch = Watch::default();
        let state = api::State::new(office.clone(), Metrics::of_process(), watch.clone());
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
        let doors_stop = stop.clone();
        let doors = axum::serve(
            listener,
            api::router(state).into_make_service_with_connect_info::<SocketAddr>(),
        )
        .with_graceful_shutdown(async move { doors_stop.cancelled().await });
        let doors: JoinHandle<std::io::Result<()>> = tokio::spawn(async move { doors.await });
        let ended = keep_engine(&office, &alerts, &watch, &stop).await;
        stop.cancel();
        _ = tokio::time::timeout(Duration::from_secs(1), doors).await;
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
        match Engine::start(office.engine_parts(alerts.clone())).await? {
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
                        zh: "发送引擎的租约被另一进程接管，本进程已停止发送".into(),
                        en: "another process has taken over the engine's lease; this one sends no more".into(),
                    });
                    continue;
                }
                ended?;
            }
            None if !told => {
                told = true;
                tracing::info!(
                    "Another process has the engine; this one keeps its doors open and waits"
                );
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

/// Cancels the token at SIGINT or SIGTERM; a second signal ends the process at once.
pub fn stop_at_signals(stop: CancellationToken) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        for turn in 0.. {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if turn > 0 {
                std::process::exit(1);
            }
            stop.cancel();
        }
    });
    Ok(())
}

/// A file that grows over the process's size limit must be an error, not a death (SIGXFSZ).
pub fn survive_size_limits() -> std::io::Result<()> {
    /// `SIGXFSZ` on Linux.
    const FILE_SIZE: i32 = 25;
    let mut signals = signal(SignalKind::from_raw(FILE_SIZE))?;
    tokio::spawn(async move { while signals.recv().await.is_some() {} });
    Ok(())
}
