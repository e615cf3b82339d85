//! The order of the steps, and the gateway's opening and closing around them.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

use super::{
    error::AcceptanceError,
    finding::StepFinding,
    halt::{Halt, Halted},
    prepared::Acceptance,
    record::Ran,
    session::Session,
    step::{Step, StepName},
    under_way::{Going, RECONNECT_WAIT, UnderWay},
};
use crate::{
    clock::Clock,
    domain::bilingual::bilingual,
    gateway::{Context, EVENT_ROOM, WriteGate, open},
    random,
    tasks::Tasks,
};

/// How long what was sent stays valid at the carrier: a phone that was off need not hear of it tomorrow.
const VALID_SECONDS: i64 = 3_600;

/// How long the ends may take when it was broken off: `stop` holds within a second.
const SHORT: Duration = Duration::from_millis(300);

/// Opens the gateway, goes through the steps, and closes it. Real messages go out: who calls holds the engine's lock
/// (`gate` is its deadline) and has it in the ledger that they will. Broken off, the steps that are left are not shown.
pub async fn run<F: FnMut(Going<'_>)>(
    plan: &Acceptance,
    clock: &Clock,
    installation: &str,
    gate: WriteGate,
    halt: &Halt,
    going: F,
) -> Result<Ran, AcceptanceError> {
    let started = clock.now();
    let tasks = Tasks::default();
    let (events, heard) = mpsc::channel(EVENT_ROOM);
    let [a, b, c, d, seed @ ..] = random::bytes::<12>();
    let context = Context {
        clock: clock.clone(),
        gate,
        tasks: tasks.clone(),
        events,
        installation: installation.to_owned(),
        seed: u64::from_le_bytes(seed),
    };
    let handle = open(&plan.gateway, context).map_err(AcceptanceError::of(&plan.gateway))?;
    let session = Session::new(
        handle,
        heard,
        halt.clone(),
        &plan.receivers,
        &plan.texts.word,
        clock.now().plus_secs(VALID_SECONDS),
        // Far above where claims begin to count, and below what any protocol has room for.
        0x1000_0000 | u32::from_le_bytes([a, b, c, d]) & 0x0fff_0000,
    );
    let mut under_way = UnderWay {
        plan,
        session,
        clock: clock.clone(),
        going,
    };
    let steps = under_way.steps(halt).await;
    let mut session = under_way.session;
    if !session.closed {
        session.close(SHORT, SHORT * 2).await;
    }
    _ = timeout(SHORT, tasks.end()).await;
    Ok(Ran {
        steps,
        started,
        segments: session.handed_over(),
        others: session.others(),
    })
}

impl<F: FnMut(Going<'_>)> UnderWay<'_, F> {
    async fn steps(&mut self, halt: &Halt) -> Vec<Step> {
        let mut steps = Vec::with_capacity(StepName::ALL.len());
        for (place, name) in StepName::ALL.into_iter().enumerate() {
            (self.going)(Going::Begins(name));
            let (started, begun) = (self.clock.now(), Instant::now());
            let finding = match halt.why() {
                Some(why) => StepFinding::not_shown(why),
                None => match self.step(name).await {
                    Ok(finding) => finding,
                    Err(Halted) => StepFinding::not_shown(halt.why().unwrap_or_default()),
                },
            };
            let step = Step {
                n: place + 1,
                name,
                expected: self.plan.expected(name),
                observed: finding.observed,
                verdict: finding.verdict,
                reason: finding.reason,
                started,
                took: begun.elapsed(),
                figures: finding.figures,
            };
            (self.going)(Going::Ended(&step));
            steps.push(step);
        }
        steps
    }

    async fn step(&mut self, name: StepName) -> Result<StepFinding, Halted> {
        if name != StepName::Login && !self.session.was_up {
            return Ok(StepFinding::not_shown(bilingual!(
                "没有登录成功的连接",
                "no link was logged in"
            )));
        }
        if !matches!(name, StepName::Login | StepName::Goodbye) {
            // A link that only rested is on its way back; what is sent to none comes back unsent.
            let until = Instant::now() + RECONNECT_WAIT;
            self.session
                .until(until, |session| {
                    !session.links_up.is_empty() || session.closed
                })
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
