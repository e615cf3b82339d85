//! Does a gateway let us in? Logs in and sends nothing.

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
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    config::{self, Kind},
    domain::{id::GatewayId, lang::Lang},
    gateway::{
        Context, EVENT_ROOM, Event, Gateway, Health, LinkNo, Notice, WriteGate, listens_at, open,
    },
    tasks::Tasks,
};

/// How long a gateway has to let us in.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often its health is asked: a refused connection is no event.
const LOOK: Duration = Duration::from_millis(100);

/// How long a goodbye may take.
const UNBIND_WAIT: Duration = Duration::from_secs(2);

/// Who has the engine meanwhile, and so the carriers' links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Nobody: we hold its lock.
    Free,
    /// Another process.
    Elsewhere,
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
    /// Tries to listen, for a moment; none for a protocol whose gateways do not dial us. Before any link is up: nobody
    /// is to dial in while nothing is taken in.
    pub fn find(gateway: &config::Gateway, engine: Engine) -> Option<Self> {
        if gateway.kind != Kind::Sgip12 {
            return None;
        }
        let Some(address) = listens_at(gateway) else {
            return Some(Self::None);
        };
        Some(match TcpListener::bind(address) {
            Ok(_) => Self::Free { address },
            Err(e) if engine == Engine::Elsewhere && e.kind() == ErrorKind::AddrInUse => {
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
    /// All links that were tried are in, and where the carrier dials us we could listen.
    pub fn is_fine(&self) -> bool {
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
    /// Of a login that has ended, or waited long enough.
    pub(super) fn of(
        up: usize,
        links: usize,
        refused: Option<String>,
        trouble: Option<String>,
    ) -> Self {
        match (up, refused, trouble) {
            _ if up >= links => Self::Fine,
            (0, Some(why), _) => Self::LoginRefused(why),
            (0, None, Some(why)) => Self::Unreachable(why),
            (0, None, None) => Self::Silent,
            (up, refused, trouble) => {
                let why = refused.or(trouble).map(|w| format!(", {w}"));
                Self::TooFewLinks(format!("{up}/{links}{}", why.unwrap_or_default()))
            }
        }
    }

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

/// Logs in, waits until all links are up or it is plain that they will not be, and says goodbye; sends nothing. What
/// the carrier delivers meanwhile is not acknowledged, so that it comes again. `lost`: the lease is another
/// process's, and the links are left to it. [`Listener::find`] goes before: this listens nowhere.
pub async fn check(
    mut gateway: config::Gateway,
    clock: Clock,
    gate: WriteGate,
    lost: &CancellationToken,
) -> Checked {
    gateway.extra.remove("listen");
    let checked = |links_up, finding| Checked {
        id: gateway.id.clone(),
        kind: gateway.kind.as_str(),
        address: gateway.address.clone(),
        links: gateway.links,
        links_up,
        finding,
        listener: None,
    };
    let tasks = Tasks::default();
    let (events, mut heard) = mpsc::channel(EVENT_ROOM);
    let context = Context {
        clock,
        gate,
        tasks: tasks.clone(),
        events,
        installation: String::new(),
        seed: 0,
    };
    let handle = match open(&gateway, context) {
        Ok(handle) => handle,
        Err(e) => return checked(0, Finding::BadSettings(e.to_string())),
    };
    let (health, refused) = let_in(&*handle, gateway.links, &mut heard, lost).await;
    let (up, links) = (health.links_up, gateway.links);
    let finding = match lost.is_cancelled() && up < links {
        true => Finding::LeaseLost,
        false => Finding::of(up.into(), links.into(), refused, health.trouble),
    };
    handle.close(UNBIND_WAIT);
    // Its events have to be taken, or it waits for room.
    let ended = async {
        while heard.recv().await.is_some() {}
        tasks.end().await;
    };
    _ = timeout(UNBIND_WAIT + LOOK, ended).await;
    checked(health.links_up, finding)
}

/// Waits until all links are up, a login is refused, or it takes too long; gives the refusal's reason, if there was one.
async fn let_in(
    gateway: &dyn Gateway,
    links: LinkNo,
    heard: &mut mpsc::Receiver<(GatewayId, Event)>,
    lost: &CancellationToken,
) -> (Health, Option<String>) {
    let until = Instant::now() + PATIENCE;
    let mut refused = None;
    loop {
        let event = tokio::select! {
            event = timeout(LOOK, heard.recv()) => event,
            () = lost.cancelled() => return (gateway.health(), refused),
        };
        if let Ok(Some((_, Event::Notice(Notice::LoginRefused { refusal, .. })))) = event {
            // Once is enough: a wrong password tried again and again closes an account.
            refused = Some(refusal.reason);
        }
        let health = gateway.health();
        if refused.is_some() || health.links_up >= links || Instant::now() >= until {
            return (health, refused);
        }
    }
}
