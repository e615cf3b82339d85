//! How an engine ends: in order, or by an error.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{Engine, EngineError, Phase, Step, write_sidecar};

/// How long open windows may answer when the engine ends; what is silent then is in doubt.
const DRAIN: Duration = Duration::from_secs(5);

/// How long the gateways may take to unbind after that.
const UNBIND: Duration = Duration::from_secs(2);

/// How long the lease's return may take while the engine ends.
const RETURN: Duration = Duration::from_secs(1);

/// An engine has ended by then, whatever the database does; recovery reads what it left.
pub(super) const LAST_CALL: Duration = Duration::from_secs(8);

impl Engine {
    /// Stop claiming, let windows answer, unbind, last commit.
    pub(super) async fn drain(&mut self) -> Result<(), EngineError> {
        self.phase = Phase::Ending;
        self.core.halt();
        self.act();
        let deadline = Instant::now() + DRAIN;
        while !(self.core.is_idle() && self.outbox.is_empty()) && Instant::now() < deadline {
            self.drain_step(deadline).await?;
        }
        for gateway in self.gateways.values() {
            gateway.close(Duration::from_millis(500));
        }
        // Until all gateways have closed, so that what was unanswered is in doubt.
        let deadline = Instant::now() + UNBIND;
        while let Ok(Some((id, event))) =
            tokio::time::timeout_at(deadline, self.events.recv()).await
        {
            self.on_gateway_event(&id, event);
            self.act();
        }
        // Answers to late claims make the core give them back, so this goes on until all is durable.
        while !(self.outbox.is_empty() && self.uncommitted == 0) {
            let step = self.journal_step().await;
            self.take(step).await?;
        }
        Ok(())
    }

    async fn drain_step(&mut self, deadline: Instant) -> Result<(), EngineError> {
        let lost = self.lock.lost();
        let step = tokio::select! {
            step = self.step() => step,
            lost = lost => return Err(lost.into()),
            () = tokio::time::sleep_until(deadline) => Step::Tick,
        };
        self.take(step).await
    }

    /// The next thing that happens at the journal alone.
    async fn journal_step(&mut self) -> Step {
        tokio::select! {
            biased;
            done = self.committed.recv() => done.map_or(Step::JournalGone, Step::Committed),
            permit = self.journal.clone().reserve_owned(), if !self.outbox.is_empty() => {
                permit.map_or(Step::JournalGone, Step::Room)
            }
        }
    }

    /// Everything is durable: the lock goes to whoever waits for it.
    pub(super) async fn give_back(self) -> Result<(), EngineError> {
        drop(self.journal);
        drop(self.committed);
        match self.recorder.await {
            Ok(done) => done?,
            Err(_) => return Err(EngineError::Journal),
        }
        _ = timeout(Duration::from_secs(1), self.tasks.end()).await;
        self.lock.gate().shut_for_good();
        write_sidecar(&self.parts.store, &self.installation).await?;
        // A lease that can't be given back runs out by itself.
        _ = timeout(RETURN, self.lock.give_back()).await;
        Ok(())
    }

    /// An error: nothing more may be written, to the carriers or to the database, by the time the lock
    /// is free for another engine.
    pub(super) async fn abandon(self) {
        if !self.recorder.is_finished() {
            self.recorder.abort();
            _ = self.recorder.await;
        }
        self.lock.gate().shut_for_good();
        for gateway in self.gateways.values() {
            gateway.close(Duration::ZERO);
        }
        drop(self.events);
        _ = timeout(Duration::from_secs(1), self.tasks.end()).await;
    }
}
