//! Do the gateways let us in? Logs in to each and sends nothing.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use serde::Serialize;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Gateways, Result};
use crate::{
    config::{self, Kind},
    domain::{
        id::GatewayId,
        lang::Lang,
        role::{Act, Actor},
    },
    engine::lock::EngineLock,
    gateway::{Context, EVENT_ROOM, Event, Notice, WriteGate, listens_at, open},
};

/// How long a gateway has to let us in.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often its health is asked: a refused connection is no event.
const LOOK: Duration = Duration::from_millis(100);

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Checkup {
    /// Every gateway let us in, with all the links that were tried.
    pub ok: bool,
    /// Another process has the engine, and so the carriers' links.
    pub engine_elsewhere: bool,
    /// Each gateway, in the order of the settings.
    pub gateways: Vec<Checked>,
}

/// One gateway.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    /// Its name.
    pub id: GatewayId,
    /// Its protocol.
    pub kind: &'static str,
    /// Where it is.
    pub address: String,
    /// How many links were tried.
    pub links: u16,
    /// How many of them logged in.
    pub links_up: u16,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
    /// Of a protocol whose gateways dial us to report: can we listen?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener: Option<Listener>,
}

/// What became of listening for the carrier's gateway. That it can dial us, only its dialling proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Listener {
    /// We can listen there.
    Free {
        /// Where we would listen.
        address: SocketAddr,
    },
    /// The engine listens there, or nobody can: it has to be asked.
    Elsewhere {
        /// Where somebody listens already.
        address: SocketAddr,
    },
    /// We can't.
    Failed {
        /// Where we tried to listen.
        address: SocketAddr,
        /// The system's own error.
        reason: String,
    },
    /// There is no `listen`.
    None,
}

impl Listener {
    fn find(gateway: &config::Gateway, engine_elsewhere: bool) -> Option<Self> {
        if gateway.kind != Kind::Sgip12 {
            return None;
        }
        let Some(address) = listens_at(gateway) else {
            return Some(Self::None);
        };
        Some(match TcpListener::bind(address) {
            Ok(_) => Self::Free { address },
            Err(e) if engine_elsewhere && e.kind() == ErrorKind::AddrInUse => {
                Self::Elsewhere { address }
            }
            Err(e) => Self::Failed {
                address,
                reason: e.to_string(),
            },
        })
    }

    /// What was found, what that does not prove, and how to mend it.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::Free { address } => lang.pick(
                format!("可以监听 {address}；运营商能否连到这里，只有等它回连才知道：请确认防火墙放行，并已把本机地址、端口和 listen_account 报给运营商"),
                format!("can listen on {address}; whether the carrier can dial in only its dialling shows: let it through the firewall, and give the carrier this machine's address, port and listen_account"),
            ),
            Self::Elsewhere { address } => lang.pick(
                format!("{address} 正由另一进程（应为发送引擎）监听，见 /readyz"),
                format!("another process, probably the engine, listens on {address}: see /readyz"),
            ),
            Self::Failed { address, reason } => lang.pick(
                format!("无法监听 {address}：{reason}。收不到状态报告；请核对 listen，或关闭占用该端口的程序"),
                format!("cannot listen on {address}: {reason}. No reports will come in; check listen, or stop what uses the port"),
            ),
            Self::None => lang.pick(
                "没有配置 listen：只有运营商把状态报告发到我方连接上才收得到".to_owned(),
                "no listen is configured: reports come in only if the carrier sends them over our own connection".to_owned(),
            ),
        }
    }
}

impl Checked {
    fn is_fine(&self) -> bool {
        let listens = !matches!(self.listener, Some(Listener::Failed { .. }));
        self.finding == Finding::Fine && listens
    }
}

/// What one gateway's check came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", content = "detail", rename_all = "snake_case")]
pub enum Finding {
    /// All links logged in.
    Fine,
    /// The carrier refused the login, with its status.
    LoginRefused(String),
    /// Some links logged in, the others did not.
    TooFewLinks(String),
    /// There is no connection, or it broke.
    Unreachable(String),
    /// Connected, and no answer to the login.
    Silent,
    /// Another process has taken over the engine meanwhile, and needs the links.
    LeaseLost,
    /// The settings can't be used.
    BadSettings(String),
}

impl Finding {
    /// Can only the settings mend it?
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::BadSettings(_))
    }

    /// What was found and how to mend it.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::Fine => lang.pick("正常".into(), "fine".into()),
            Self::LoginRefused(why) => lang.pick(
                format!("登录被拒：{why}。请核对 account、password，以及运营商登记的源地址（local_address）和连接数"),
                format!("login refused: {why}. Check account and password, the source address that the carrier has on its list (local_address), and how many links it allows"),
            ),
            Self::TooFewLinks(why) => lang.pick(
                format!("只有部分连接登录成功：{why}。请把 links 改为合同允许的数目，或检查是否有别的程序占用了连接"),
                format!("only some of the links logged in: {why}. Set links to what the contract allows, or see whether another program uses them"),
            ),
            Self::Unreachable(why) => lang.pick(
                format!("连接不上：{why}。请核对 address，以及专线、VPN 和防火墙"),
                format!("no connection: {why}. Check address, and the line, VPN and firewall to it"),
            ),
            Self::Silent => lang.pick(
                format!("已连接，但 {} 秒内登录没有应答。请核对 address 的端口和 kind", PATIENCE.as_secs()),
                format!("connected, but the login was not answered within {} s. Check the port in address, and kind", PATIENCE.as_secs()),
            ),
            Self::LeaseLost => lang.pick(
                "检查期间另一进程接管了发送引擎，已让出连接：请稍后再查".into(),
                "another process took over the engine during the check, and the links were left to it: check again later".into(),
            ),
            Self::BadSettings(why) => lang.pick(format!("配置有误：{why}"), format!("bad settings: {why}")),
        }
    }
}

impl Gateways<'_> {
    /// Logs in to each gateway at the same time, sends nothing, and says goodbye. Where another process
    /// has the engine, a login takes away from its links: then one link a gateway is tried, unless
    /// `force`. What carriers deliver meanwhile is not acknowledged, so they deliver it again.
    pub async fn check(self, actor: &Actor, force: bool) -> Result<Checkup> {
        actor.may(Act::CheckGateways)?;
        let node = format!("gateways-check-{}", std::process::id());
        let mut lock = EngineLock::try_take(&self.office.store, &node).await?;
        let engine_elsewhere = lock.is_none();
        // With the lock no byte goes out after its deadline; beside an engine there is none of ours to keep.
        let gate = lock
            .as_ref()
            .map_or_else(WriteGate::always, EngineLock::gate);
        let lost = CancellationToken::new();
        let mut checks = tokio::task::JoinSet::new();
        for (place, gateway) in self.office.config.gateways.iter().enumerate() {
            let mut gateway = gateway.clone();
            if engine_elsewhere && !force {
                gateway.links = gateway.links.min(1);
            }
            let clock = self.office.clock.clone();
            // Before the links: nobody is to dial in while nothing is taken in.
            let listener = Listener::find(&gateway, engine_elsewhere);
            gateway.extra.remove("listen");
            let (gate, lost) = (gate.clone(), lost.clone());
            checks.spawn(async move {
                let found = check(gateway, clock, gate, &lost).await;
                (place, Checked { listener, ..found })
            });
        }
        // Ours until we are done, so that no engine starts into a check.
        let mut found = match &mut lock {
            Some(lock) => lock.hold(&lost, checks.join_all()).await,
            None => checks.join_all().await,
        };
        if let Some(lock) = lock {
            lock.give_back().await?;
        }
        found.sort_by_key(|(place, _)| *place);
        let gateways: Vec<_> = found.into_iter().map(|(_, checked)| checked).collect();
        Ok(Checkup {
            ok: gateways.iter().all(Checked::is_fine),
            engine_elsewhere,
            gateways,
        })
    }
}

async fn check(
    gateway: config::Gateway,
    clock: crate::clock::Clock,
    gate: WriteGate,
    lost: &CancellationToken,
) -> Checked {
    let checked = |links_up, finding| Checked {
        id: gateway.id.clone(),
        kind: gateway.kind.as_str(),
        address: gateway.address.clone(),
        links: gateway.links,
        links_up,
        finding,
        listener: None,
    };
    let tracker = TaskTracker::new();
    let (events, mut heard) = mpsc::channel(EVENT_ROOM);
    let context = Context {
        clock,
        gate,
        tracker: tracker.clone(),
        events,
        installation: String::new(),
        seed: 0,
    };
    let handle = match open(&gateway, context) {
        Ok(handle) => handle,
        Err(e) => return checked(0, Finding::BadSettings(e.to_string())),
    };
    tracker.close();
    let until = Instant::now() + PATIENCE;
    let mut refused = None;
    let health = loop {
        let event = tokio::select! {
            event = timeout(LOOK, heard.recv()) => event,
            () = lost.cancelled() => break handle.health(),
        };
        if let Ok(Some((_, Event::Notice(Notice::LoginRefused { reason, .. })))) = event {
            // Once is enough: a wrong password tried again and again closes an account.
            refused = Some(reason);
        }
        let health = handle.health();
        if refused.is_some() || health.links_up >= gateway.links || Instant::now() >= until {
            break health;
        }
    };
    let trouble = refused.clone().or(health.trouble);
    let finding = match (health.links_up, refused, trouble) {
        (up, ..) if up >= gateway.links => Finding::Fine,
        _ if lost.is_cancelled() => Finding::LeaseLost,
        (0, Some(why), _) => Finding::LoginRefused(why),
        (0, None, Some(why)) => Finding::Unreachable(why),
        (0, None, None) => Finding::Silent,
        (up, _, why) => Finding::TooFewLinks(format!(
            "{up}/{}{}",
            gateway.links,
            why.map(|w| format!(", {w}")).unwrap_or_default()
        )),
    };
    handle.close(GOODBYE);
    // Its events have to be taken, or it waits for room.
    let ended = async {
        while heard.recv().await.is_some() {}
        tracker.wait().await;
    };
    _ = timeout(GOODBYE + LOOK, ended).await;
    checked(health.links_up, finding)
}
