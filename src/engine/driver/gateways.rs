//! Where the engine meets its gateways: opening them, and what their events mean for people and for the core.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::mpsc;

use super::{Engine, EngineError, Parts, Phase, meters};
use crate::{
    config,
    domain::{bilingual::bilingual, id::GatewayId},
    engine::lock::EngineLock,
    gateway::{self, Event, Gateway, LoginFault, LoginRefusal, Notice},
    tasks::Tasks,
    telemetry::alert::{Alert, Alerts, Kind},
};

impl Engine {
    /// Alerts people where they must know, and passes on what the core decides by.
    pub(super) fn on_gateway_event(&mut self, id: &GatewayId, event: Event) {
        let links_up = self.gateways.get(id).map_or(0, |g| g.health().links_up);
        meters::count(id, &event, links_up);
        // Links that go down because we close them are nobody's trouble.
        let alerts = (self.phase != Phase::Ending).then_some(&self.parts.alerts);
        match event {
            Event::Notice(notice) => {
                if let Some(alerts) = alerts {
                    alert_on_notice(alerts, id, &notice);
                }
            }
            event => {
                if let Some(alerts) = alerts {
                    alert_on_link(alerts, id, &event);
                }
                self.core.event(self.parts.clock.now(), id, event);
            }
        }
    }
}

type Opened = (
    BTreeMap<GatewayId, Arc<dyn Gateway>>,
    mpsc::Receiver<(GatewayId, Event)>,
);

pub(super) fn open_gateways(
    parts: &Parts,
    gateways: &[config::Gateway],
    installation: &str,
    lock: &EngineLock,
    tasks: &Tasks,
) -> Result<Opened, EngineError> {
    let (sender, events) = mpsc::channel(gateway::EVENT_ROOM);
    let mut opened = BTreeMap::new();
    for config in gateways {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).expect("the operating system gives random bytes");
        let context = gateway::Context {
            clock: parts.clock.clone(),
            gate: lock.gate(),
            tasks: tasks.clone(),
            events: sender.clone(),
            installation: installation.to_owned(),
            seed: u64::from_be_bytes(seed),
        };
        let gateway = gateway::open(config, context).map_err(|source| EngineError::Gateway {
            id: config.id.clone(),
            source,
        })?;
        opened.insert(config.id.clone(), gateway);
    }
    Ok((opened, events))
}

/// Raises the alert of a link that was lost, and takes it back once one is up.
fn alert_on_link(alerts: &Alerts, id: &GatewayId, event: &Event) {
    match event {
        Event::LinkUp(_) => {
            alerts.resolve(Kind::GatewayDown, &id.0);
        }
        Event::LinkDown { idle: true, .. } => {}
        Event::LinkDown { link, end, .. } => {
            alerts.raise(Alert {
                kind: Kind::GatewayDown,
                subject: id.0.clone(),
                text: bilingual!(
                    "网关 {id} 的第 {link} 条连接断开：{end}",
                    "gateway {id}: link {link} is down: {end}"
                ),
            });
        }
        Event::Written(_)
        | Event::Answered { .. }
        | Event::TimedOut(_)
        | Event::Recalled(_)
        | Event::GivenBack(_)
        | Event::Delivered { .. }
        | Event::Pace(_)
        | Event::Notice(_) => {}
    }
}

fn alert_on_notice(alerts: &Alerts, id: &GatewayId, notice: &Notice) {
    match notice {
        Notice::Listening(_) => alerts.resolve(Kind::NotListening, &id.0),
        Notice::NotListening { reason } => alerts.raise(Alert {
            kind: Kind::NotListening,
            subject: id.0.clone(),
            text: bilingual!(
                "网关 {id} 无法监听运营商的回连（{reason}），收不到状态报告和上行短信；短信照常发送，程序会继续重试。请核对 listen，或关闭占用该端口的程序",
                "gateway {id} cannot listen for its carrier ({reason}): no reports and no texts from phones come in, sending goes on, and it tries again. Check listen, or stop what uses the port"
            ),
        }),
        Notice::LoginRefused { refusal, rests } => alert_on_refusal(alerts, id, refusal, *rests),
        Notice::LoginTaken => resolve_refusals(alerts, id),
        Notice::OnlySingly => tracing::warn!(
            gateway.id = %id,
            "Gateway {id} takes no submit to several numbers: each goes alone; set batch = 1"
        ),
        Notice::StillThere(_) => {}
    }
}

fn alert_on_refusal(
    alerts: &Alerts,
    id: &GatewayId,
    refusal: &LoginRefusal,
    rests: Option<Duration>,
) {
    let reason = &refusal.reason;
    let text = match (refusal.about, rests) {
        (LoginFault::Passing, _) => bilingual!(
            "网关 {id} 暂不接受登录：{reason}。运营商可能还占着旧连接，程序会继续重试；若持续不好，请询问运营商",
            "gateway {id} does not let us in for now: {reason}. The carrier may still hold the old links; it is tried again and again; if that lasts, ask the carrier"
        ),
        (LoginFault::Unknown, _) => bilingual!(
            "网关 {id} 拒绝登录：{reason}。程序会继续重试；若一直如此，请核对配置或询问运营商",
            "gateway {id} refuses the login: {reason}. It is tried again and again; if that lasts, check the settings or ask the carrier"
        ),
        (LoginFault::Credentials, None) => bilingual!(
            "网关 {id} 拒绝登录：{reason}",
            "gateway {id} refuses the login: {reason}"
        ),
        (LoginFault::Credentials, Some(rests)) => {
            let minutes = rests.as_secs().div_ceil(60);
            bilingual!(
                "网关 {id} 拒绝登录：{reason}。以后每 {minutes} 分钟才试一次：请核对账号和密码后重启",
                "gateway {id} refuses the login: {reason}. It is tried each {minutes} minutes from now on: check account and password, then restart"
            )
        }
    };
    alerts.raise(Alert {
        kind: Kind::LoginRefused,
        // Or it would be kept back as the repetition of the first refusal.
        subject: match rests {
            Some(_) => format!("{id}: rests"),
            None => id.0.clone(),
        },
        text,
    });
}

fn resolve_refusals(alerts: &Alerts, id: &GatewayId) {
    alerts.resolve(Kind::LoginRefused, &id.0);
    alerts.resolve(Kind::LoginRefused, &format!("{id}: rests"));
}
