//! Letting go and holding back the whole installation.

use std::{collections::HashMap, time::Duration};

use super::{
    Again, Office, Sending, ServiceError, check_optional_reason, check_reason,
    refusal::CampaignRefusal,
};
use crate::{
    clock::Clock,
    domain::{
        event::Event,
        ledger::Head,
        lifecycle::StopAct,
        role::{Act, Actor},
    },
    engine::{
        journal::{Op, Recorder},
        lock::EngineLock,
        sidecar,
    },
    store::{self, installation::Installation},
};

/// How long `stop` waits for the engine's count before it counts itself.
const COUNT_PATIENCE: Duration = Duration::from_secs(3);

/// What `stop` found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Messages of unfinished runs that have left, or may have.
    pub left: i64,
    /// The engine counted itself, after its last write.
    pub by_engine: bool,
}

impl Sending<'_> {
    /// Halts all sending, and says exactly how many have left.
    pub async fn stop(self, actor: &Actor, reason: &str) -> Result<Stopped, ServiceError> {
        actor.may(Act::Stop)?;
        let reason = check_optional_reason(reason)?;
        let mut again = Again::default();
        let head = loop {
            match self.halt(actor, reason).await {
                Err(e) if again.after(&e).await => {}
                halted => break halted?,
            }
        };
        let deadline = tokio::time::Instant::now() + COUNT_PATIENCE;
        while tokio::time::Instant::now() < deadline {
            if let Some(left) = self.count_since(head.n).await? {
                return Ok(Stopped {
                    left,
                    by_engine: true,
                });
            }
            // With the lock in our hands no engine runs, and none can start while we count. The halt holds already:
            // what goes wrong here says nothing about it.
            let label = format!("stop-{}", std::process::id());
            if let Ok(Some(lock)) = EngineLock::try_take(&self.office.store, &label).await {
                let left = self.office.store.read("left").await?.left().await?;
                _ = lock.give_back().await;
                return Ok(Stopped {
                    left,
                    by_engine: false,
                });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(CampaignRefusal::StopNotCounted.into())
    }

    /// Lets a held or stopped installation go on, by a person's word.
    pub async fn release(self, actor: &Actor, reason: &str) -> Result<(), ServiceError> {
        actor.may(Act::Release)?;
        let reason = check_reason(reason)?;
        let mut again = Again::default();
        let released = loop {
            match self.let_go(actor, reason).await {
                Err(e) if again.after(&e).await => {}
                released => break released?,
            }
        };
        let Some((installation, head)) = released else {
            return Ok(());
        };
        if let Some(path) = self.office.store.path() {
            sidecar::write(path, &installation.id, head, Clock::system().now())?;
        }
        Ok(())
    }

    async fn halt(self, actor: &Actor, reason: &str) -> Result<Head, ServiceError> {
        let mut act = self.office.act("stop").await?;
        if act.tx.installation().await?.is_none() {
            return Err(store::Error::Missing {
                what: "installation in this database",
                id: String::new(),
            }
            .into());
        }
        let now = act.time();
        act.tx.set_stopped(Some(now)).await?;
        let event = Event::Stop {
            by: actor.label(),
            act: StopAct::Stop,
            reason: reason.to_owned(),
            left: None,
        };
        Ok(act.commit(&[event]).await?)
    }

    async fn let_go(
        self,
        actor: &Actor,
        reason: &str,
    ) -> Result<Option<(Installation, Head)>, ServiceError> {
        let mut act = self.office.act("release").await?;
        let Some(installation) = act.tx.installation().await? else {
            return Ok(None);
        };
        let place = act.tx.place().await?;
        act.tx.set_held("").await?;
        act.tx.set_stopped(None).await?;
        act.tx.set_place(&place).await?;
        let event = Event::Stop {
            by: actor.label(),
            act: StopAct::Release,
            reason: reason.to_owned(),
            left: None,
        };
        Ok(Some((installation, act.commit(&[event]).await?)))
    }

    async fn count_since(self, entry: i64) -> Result<Option<i64>, ServiceError> {
        let mut tx = self.office.store.read("count_since").await?;
        for entry in tx.entries_after(entry, 10_000).await? {
            for line in entry
                .events
                .lines()
                .filter(|l| l.starts_with(r#"{"e":"stop""#))
            {
                if let Ok(Event::Stop {
                    left: Some(left), ..
                }) = serde_json::from_str(line)
                {
                    return Ok(Some(left));
                }
            }
        }
        Ok(None)
    }
}

impl Office {
    /// Makes a person's act durable by a journal of its own, beside the engine's.
    pub(super) async fn commit(&self, op: Op) -> Result<(), ServiceError> {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        let journal = Recorder::open(store, clock, HashMap::new()).await?;
        Ok(journal.commit_soon(&[op]).await?)
    }
}
