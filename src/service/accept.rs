//! A gateway's acceptance (联调): proves against a carrier's gateway, with some phones, what the contract says
//! of rate, window, reports, texts from phones, long messages and keep-alive, and prints what was seen.
//!
//! It sends real messages outside of any run: under the engine's lock, so that nobody else sends through the
//! same account meanwhile; through the same gateways, so that nothing goes over the contract; noted in the
//! ledger before the first byte leaves. What the carrier delivers meanwhile and is not ours is not
//! acknowledged: it comes again, and the engine makes it durable.

mod expected;
mod finding;
mod halt;
mod links;
mod name;
mod phones;
mod run;
mod steps;
mod talk;
mod texts;

use std::{path::Path, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{Gateways, Office, Result, ServiceError, refusal::GatewayRefusal};
use crate::{
    config::{self, Kind},
    domain::{
        bilingual::Bilingual,
        event::Event,
        lang::Lang,
        role::{Act, Actor},
        time::Micros,
    },
    engine::{EngineError, lock::EngineLock},
    gateway,
    gateway::WriteGate,
    report::acceptance::{Page, Row},
};

pub use finding::Verdict;
use halt::Halt;
pub use name::StepName;
use phones::Receiver;
use texts::Texts;

/// Phones at most, and at least.
const MOST_PHONES: usize = 50;
const LEAST_PHONES: usize = 2;

/// Segments that one phone gets at most for the rate: more would be an assault on who holds it.
const MOST_A_PHONE: usize = 30;

/// Seconds of the contract's rate that are enough to see it.
const RATE_SECONDS: usize = 2;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct AcceptRequest<'a> {
    /// Which gateway.
    pub gateway: &'a str,
    /// An address book with the phones.
    pub phones: &'a Path,
    /// How long reports and a reply are waited for.
    pub wait: Duration,
    /// How long the links are left silent; none: what their keep-alive asks for.
    pub idle: Option<Duration>,
    /// Segments for the rate at most; 0: the rate is not tried.
    pub rate_segments: usize,
}

/// An acceptance that is ready to begin.
#[derive(Debug, Clone)]
pub struct Acceptance {
    gateway: config::Gateway,
    receivers: Vec<Receiver>,
    texts: Texts,
    wait: Duration,
    idle: Option<Duration>,
    keep_alive: gateway::KeepAlive,
    report_channel: gateway::ReportChannel,
    /// Numbers in the one submit; 0: not tried.
    batch: usize,
    /// Segments for the rate; 0: not tried.
    rate: usize,
    strangers: usize,
}

/// One step as it is planned.
#[derive(Debug, Clone)]
pub struct Planned {
    /// From 1.
    pub n: usize,
    /// The step.
    pub name: StepName,
    /// What should be seen.
    pub expected: Bilingual,
    /// Segments that it sends.
    pub segments: usize,
}

/// One step as it went.
#[derive(Debug, Clone)]
pub struct Step {
    /// From 1.
    pub n: usize,
    /// The step that was made.
    pub name: StepName,
    /// What should be seen.
    pub expected: Bilingual,
    /// What was seen.
    pub observed: Bilingual,
    /// What that comes to.
    pub verdict: Verdict,
    /// Why it failed, or was not shown.
    pub reason: Option<Bilingual>,
    /// When it began.
    pub started: Micros,
    /// How long it took.
    pub took: Duration,
    /// The figures in it.
    pub figures: serde_json::Value,
}

/// What is going on, for who waits.
#[derive(Debug)]
pub enum Going<'a> {
    /// A step begins.
    Begins(StepName),
    /// One of the phones is to send this word to this number now.
    Reply {
        /// The word.
        word: &'a str,
        /// The number.
        to: &'a str,
        /// How long it is waited for.
        within: Duration,
    },
    /// A step has ended.
    Ended(&'a Step),
}

/// The protocol of an acceptance.
#[derive(Debug, Clone)]
pub struct Protocol {
    /// Nothing failed, and nobody broke it off.
    pub ok: bool,
    /// Its steps.
    pub steps: Vec<Step>,
    /// When it began.
    pub started: Micros,
    /// When it ended.
    pub ended: Micros,
    /// Segments that were handed to the carrier.
    pub segments: usize,
    /// Reports and texts that came and are not of this acceptance: the carrier gives them again.
    pub others: u64,
    /// Why it was broken off.
    pub broken_off: Option<Bilingual>,
    /// The ledger's head afterwards.
    pub head: String,
    phones: usize,
    practice: bool,
    office: String,
    zone: chrono_tz::Tz,
    gateway: config::Gateway,
}

impl Acceptance {
    /// The most segments that it sends.
    pub fn segments(&self) -> usize {
        StepName::ALL.iter().map(|name| self.sends(*name)).sum()
    }

    /// How many phones.
    pub fn phones(&self) -> usize {
        self.receivers.len()
    }

    /// What they cost at most; none where no price is set.
    pub fn cost(&self) -> Option<f64> {
        (self.gateway.price > 0.0).then(|| self.gateway.price * self.segments() as f64)
    }

    /// Phones whose number belongs to a carrier that this gateway does not serve.
    pub fn strangers(&self) -> usize {
        self.strangers
    }

    /// The steps, with what should be seen.
    pub fn plan(&self) -> Vec<Planned> {
        let planned = |(place, name): (usize, &StepName)| Planned {
            n: place + 1,
            name: *name,
            expected: self.expected(*name),
            segments: self.sends(*name),
        };
        StepName::ALL.iter().enumerate().map(planned).collect()
    }

    fn sends(&self, name: StepName) -> usize {
        match name {
            StepName::Short => self.receivers.len(),
            StepName::Long => texts::LONG_PARTS,
            StepName::Batch => self.batch,
            StepName::Rate => self.rate,
            _ => 0,
        }
    }
}

impl Gateways<'_> {
    /// Reads the phones and works out the steps. Sends nothing.
    pub async fn prepare_acceptance(
        self,
        actor: &Actor,
        request: &AcceptRequest<'_>,
    ) -> Result<Acceptance> {
        actor.may(Act::AcceptGateway)?;
        let gateway = self.office.gateway_called(request.gateway)?.clone();
        let bad = |source| {
            ServiceError::Engine(EngineError::Gateway {
                id: gateway.id.clone(),
                source,
            })
        };
        gateway::check(&gateway).map_err(bad)?;
        let keep_alive = gateway::keep_alive(&gateway).map_err(bad)?;
        let receivers = phones::read(request.phones)?;
        self.office.none_suppressed(&receivers).await?;
        let rate = gateway.rate as usize;
        let most = MOST_A_PHONE * receivers.len();
        let batch = receivers.len().min(usize::from(gateway.batch)).min(rate);
        let strangers = receivers.iter().filter(|r| !r.is_served(&gateway)).count();
        Ok(Acceptance {
            texts: Texts::compose(&gateway)?,
            wait: request.wait,
            idle: request.idle,
            keep_alive,
            report_channel: gateway::report_channel(&gateway),
            batch: if batch > 1 { batch } else { 0 },
            rate: request.rate_segments.min(RATE_SECONDS * rate).min(most),
            strangers,
            receivers,
            gateway,
        })
    }

    /// Does it. `stop` breaks it off; so does `watchbell stop`, within a second.
    pub async fn accept(
        self,
        actor: &Actor,
        acceptance: &Acceptance,
        stop: &CancellationToken,
        going: impl FnMut(Going<'_>),
    ) -> Result<Protocol> {
        actor.may(Act::AcceptGateway)?;
        let node = format!("gateways-accept-{}", std::process::id());
        let Some(mut lock) = EngineLock::try_take(&self.office.store, &node).await? else {
            return Err(GatewayRefusal::OtherSender.into());
        };
        let lost = CancellationToken::new();
        let gate = lock.gate();
        // On the heap: its future is too large for the stacks of all that wait for it.
        let accepted = self
            .office
            .accept_under((gate, &lost), actor, acceptance, stop, going);
        let done = lock.hold(&lost, Box::pin(accepted)).await;
        lock.give_back().await?;
        done
    }
}

impl Office {
    async fn accept_under(
        &self,
        (gate, lost): (WriteGate, &CancellationToken),
        actor: &Actor,
        acceptance: &Acceptance,
        stop: &CancellationToken,
        going: impl FnMut(Going<'_>),
    ) -> Result<Protocol> {
        let note = |act: &str, segments: usize| Event::Acceptance {
            by: actor.label(),
            act: act.to_owned(),
            gateway: acceptance.gateway.id.clone(),
            phones: acceptance.receivers.len() as i64,
            segments: segments as i64,
        };
        // Nothing leaves before it is in the ledger that something will.
        let mut acting = self.act("accept").await?;
        let installation = acting.tx.installation().await?;
        let installation = installation
            .filter(crate::store::installation::Installation::may_send)
            .ok_or_else(|| ServiceError::from(GatewayRefusal::Held))?;
        acting
            .commit(&[note("began", acceptance.segments())])
            .await?;
        let started = self.clock.now();
        let halt = Halt::new(stop);
        let running = run::run(self, &installation.id, gate, acceptance, &halt, going);
        let ran = tokio::select! {
            ran = running => ran?,
            never = self.watch_over(lost, &halt) => match never {},
        };
        let acting = self.act("accepted").await?;
        let head = acting.commit(&[note("ended", ran.segments)]).await?;
        let broken_off = halt.why();
        let failed = |s: &Step| s.verdict == Verdict::Failed;
        Ok(Protocol {
            ok: broken_off.is_none() && !ran.steps.iter().any(failed),
            steps: ran.steps,
            started,
            ended: self.clock.now(),
            segments: ran.segments,
            others: ran.others,
            broken_off,
            head: head.to_string(),
            phones: acceptance.receivers.len(),
            practice: self.config.practice,
            office: self.config.sending.signature.clone(),
            zone: self.config.sending.timezone,
            gateway: acceptance.gateway.clone(),
        })
    }

    fn gateway_called(&self, id: &str) -> Result<&config::Gateway> {
        let all = &self.config.gateways;
        all.iter().find(|g| g.id.0 == id).ok_or_else(|| {
            let known = all.iter().map(|g| g.id.0.clone()).collect();
            GatewayRefusal::Unknown {
                gateway: id.to_owned(),
                known,
            }
            .into()
        })
    }
}

impl Protocol {
    /// As one JSON object; no number stands in it whole.
    pub fn json(&self, lang: Lang) -> serde_json::Value {
        let time = |at: Micros| at.rfc3339(self.zone);
        let steps: Vec<_> = self
            .steps
            .iter()
            .map(|s| {
                serde_json::json!({
                    "n": s.n,
                    "step": s.name.as_str(),
                    "verdict": s.verdict.as_str(),
                    "expected": s.expected.text(lang),
                    "observed": s.observed.text(lang),
                    "reason": s.reason.as_ref().map(|r| r.text(lang)),
                    "started": time(s.started),
                    "seconds": s.took.as_secs_f64(),
                    "figures": s.figures,
                })
            })
            .collect();
        serde_json::json!({
            "ok": self.ok,
            "practice": self.practice,
            "gateway": self.gateway.id,
            "kind": self.gateway.kind.as_str(),
            "address": self.gateway.address,
            "account": self.gateway.account,
            "phones": self.phones,
            "segments": self.segments,
            "others": self.others,
            "started": time(self.started),
            "ended": time(self.ended),
            "broken_off": self.broken_off.as_ref().map(|w| w.text(lang)),
            "head": self.head,
            "steps": steps,
        })
    }

    /// As a page, to print and to sign.
    pub fn page(&self, lang: Lang) -> Page {
        let at = |at: Micros, form: &str| at.local(self.zone).format(form).to_string();
        let of = |verdict| self.steps.iter().filter(|s| s.verdict == verdict).count();
        let row = |s: &Step| Row {
            n: s.n,
            title: s.name.label(lang),
            expected: s.expected.text(lang).to_owned(),
            observed: s.observed.text(lang).to_owned(),
            reason: s.reason.as_ref().map(|r| r.text(lang).to_owned()),
            verdict: s.verdict.label(lang),
            class: s.verdict.as_str(),
            started: at(s.started, "%H:%M:%S"),
            took: format!("{:.1} s", s.took.as_secs_f64()),
        };
        Page {
            lang,
            office: self.office.clone(),
            practice: self.practice,
            gateway: self.gateway.id.0.clone(),
            protocol: spoken(self.gateway.kind),
            address: self.gateway.address.clone(),
            account: self.gateway.account.clone(),
            access_number: self.gateway.access_number.clone(),
            contract: contract(&self.gateway, lang),
            version: env!("CARGO_PKG_VERSION"),
            started: at(self.started, "%Y-%m-%d %H:%M:%S"),
            ended: at(self.ended, "%Y-%m-%d %H:%M:%S"),
            zone: self.zone.to_string(),
            phones: self.phones,
            segments: self.segments,
            others: self.others,
            ok: of(Verdict::Ok),
            failed: of(Verdict::Failed),
            not_shown: of(Verdict::NotShown),
            broken_off: self.broken_off.as_ref().map(|w| w.text(lang).to_owned()),
            head: self.head.clone(),
            rows: self.steps.iter().map(row).collect(),
        }
    }
}

/// The protocol and its version, as carriers write it.
fn spoken(kind: Kind) -> &'static str {
    match kind {
        Kind::Cmpp20 => "CMPP 2.0",
        Kind::Cmpp30 => "CMPP 3.0",
        Kind::Sgip12 => "SGIP 1.2",
        Kind::Smgp30 => "SMGP 3.0",
        Kind::Smpp34 => "SMPP 3.4",
        Kind::Http => "HTTP",
    }
}

fn contract(gateway: &config::Gateway, lang: Lang) -> String {
    let config::Gateway {
        rate,
        links,
        window,
        batch,
        ..
    } = gateway;
    let unit = match gateway.rate_unit {
        config::RateUnit::Segments => lang.pick("条", "segments"),
        config::RateUnit::Requests => lang.pick("次请求", "requests"),
    };
    lang.pick(
        format!("每秒 {rate} {unit}，{links} 个连接，窗口 {window}，每次提交至多 {batch} 个号码"),
        format!("{rate} {unit} a second, {links} links, window {window}, at most {batch} numbers in a submit"),
    )
}
