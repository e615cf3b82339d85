//! The order of the steps, and the gateway's opening and closing around them.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_util::task::TaskTracker;

use super::{
    Acceptance, Going, Step, StepName,
    finding::Finding,
    halt::{Halt, Halted},
    talk::Talk,
};
use crate::{
    clock::Clock,
    domain::{bilingual::bilingual, id::GatewayId},
    engine::EngineError,
    gateway::{Context, EVENT_ROOM, WriteGate, open},
    service::{Office, Result},
};

/// How long what was sent stays valid at the carrier: a phone that was off need not hear of it tomorrow.
const VALID_SECONDS: i64 = 3_600;

/// How long a link that is gone has to come back before a step goes on without it.
pub(super) const RECONNECT_WAIT: Duration = Duration::from_secs(20);

/// How long the ends may take when it was broken off: `stop` holds within a second.
const SHORT: Duration = Duration::from_millis(300);

/// What ran.
pub(super) struct Ran {
    pub(super) steps: Vec<Step>,
    pub(super) segments: usize,
    pub(super) others: u64,
}

/// An acceptance under way.
pub(super) struct Run<'a, F> {
    pub(super) plan: &'a Acceptance,
    pub(super) talk: Talk,
    pub(super) clock: Clock,
    pub(super) going: F,
}

/// Opens the gateway, goes through the steps, and closes it.
pub(super) async fn run<F: FnMut(Going<'_>)>(
    office: &Office,
    installation: &str,
    gate: WriteGate,
    plan: &Acceptance,
    halt: &Halt,
    going: F,
) -> Result<Ran> {
    let [a, b, c, d, seed @ ..] = crate::random::bytes::<12>();
    let tracker = TaskTracker::new();
    let (events, heard) = mpsc::channel(EVENT_ROOM);
    let context = Context {
        clock: office.clock.clone(),
        gate,
        tracker: tracker.clone(),
        events,
        installation: installation.to_owned(),
        seed: u64::from_le_bytes(seed),
    };
    let opened = open(&plan.gateway, context);
    let handle = opened.map_err(|source| EngineError::Gateway {
        id: GatewayId(plan.gateway.id.0.clone()),
        source,
    })?;
    tracker.close();
    let talk = Talk::new(
        handle,
        heard,
        halt.clone(),
        &plan.receivers,
        &plan.texts.word,
        office.clock.now().plus_secs(VALID_SECONDS),
        // Far above where claims begin to count, and below what any protocol has room for.
        0x1000_0000 | u32::from_le_bytes([a, b, c, d]) & 0x0fff_0000,
    );
    let mut run = Run {
        plan,
        talk,
        clock: office.clock.clone(),
        going,
    };
    let mut steps = Vec::with_capacity(StepName::ALL.len());
    for (place, name) in StepName::ALL.into_iter().enumerate() {
        (run.going)(Going::Begins(name));
        let (started, begun) = (run.clock.now(), Instant::now());
        let finding = match halt.why() {
            Some(why) => Finding::not_shown(why),
            None => match run.step(name).await {
                Ok(finding) => finding,
                Err(Halted) => Finding::not_shown(halt.why().unwrap_or_default()),
            },
        };
        let step = Step {
            n: place + 1,
            name,
            expected: plan.expected(name),
            observed: finding.observed,
            verdict: finding.verdict,
            reason: finding.reason,
            started,
            took: begun.elapsed(),
            figures: finding.figures,
        };
        (run.going)(Going::Ended(&step));
        steps.push(step);
    }
    if !run.talk.closed {
        run.talk.close(SHORT, SHORT * 2).await;
    }
    _ = timeout(SHORT, tracker.wait()).await;
    Ok(Ran {
        steps,
        segments: run.talk.handed_over(),
        others: run.talk.others(),
    })
}

impl<F: FnMut(Going<'_>)> Run<'_, F> {
    async fn step(&mut self, name: StepName) -> Result<Finding, Halted> {
        if name != StepName::Login && !self.talk.was_up {
            return Ok(Finding::not_shown(bilingual!(
                "没有登录成功的连接",
                "no link was logged in"
            )));
        }
        if !matches!(name, StepName::Login | StepName::Goodbye) {
            // A link that only rested is on its way back; what is sent to none comes back unsent.
            let until = Instant::now() + RECONNECT_WAIT;
            self.talk
                .until(until, |talk| !talk.links_up.is_empty() || talk.closed)
                .await?;
        }
        match name {
            StepName::Login => self.login().await,
            StepName::Short => self.short().await,
            StepName::Reports => self.reports().await,
            StepName::Long => self.long().await,
            StepName::OnePiece => Ok(self.one_piece()),
            StepName::Batch => self.batch().await,
            StepName::Rate => self.rate().await,
            StepName::Window => Ok(self.window()),
            StepName::Reply => self.reply().await,
            StepName::KeepAlive => self.keep_alive().await,
            StepName::Goodbye => Ok(self.goodbye().await),
        }
    }
}
