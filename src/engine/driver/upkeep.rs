//! The engine's turns by the clock: the sidecar, and what people and other processes
//! changed.

use std::time::Duration;

use tokio::time::Instant;

use super::{Engine, EngineError, Halt, OUTBOX_ROOM, Phase};
use crate::{
    campaign::lifecycle,
    domain::{
        bilingual::bilingual,
        event::Event as LedgerEvent,
        id::{GatewayId, RunId},
        lifecycle::StopAct,
        time::Micros,
    },
    engine::held::write_sidecar,
    engine::journal::{Op, Shortage},
    store::{self, error::Next},
    telemetry::alert::{Alert, Kind},
};

/// How often the file beside a SQLite database says that its engine lives, and gateways without a link are told of.
const SIDECAR_EVERY: Duration = Duration::from_secs(1);

/// How long what people want may be unknown while sending goes on.
const BLIND_FOR: Duration = Duration::from_secs(5);

impl Engine {
    /// A database that is away for a moment is waited for: the journal does the same, and without a
    /// renewed lease no byte goes out.
    pub(super) async fn poll_or_wait(&mut self) -> Result<(), EngineError> {
        self.alert_on_lease();
        match self.poll().await {
            Err(EngineError::Store(error))
                if matches!(error.next(), Next::Retry | Next::AskHead)
                    && !self.recorder.is_finished() =>
            {
                tracing::warn!("The database does not answer for now: {error}");
                self.housekeeper.look_again();
                self.blind(&error);
                Ok(())
            }
            done => {
                if done.is_ok() {
                    self.seen_at = Instant::now();
                    self.parts.alerts.resolve(Kind::Database, "poll");
                }
                done
            }
        }
    }

    /// What people want cannot be seen: after a moment nothing more is claimed, or a stop would not hold.
    fn blind(&mut self, error: &store::Error) {
        if self.seen_at.elapsed() < BLIND_FOR {
            return;
        }
        self.core.halt();
        self.halted.get_or_insert(Halt::Held);
        self.parts.alerts.raise(Alert {
            kind: Kind::Database,
            subject: "poll".into(),
            text: bilingual!(
                "数据库读不出来，看不到人员的操作，发送已暂停，将继续重试：{error}",
                "the database cannot be read, so that nobody's act is seen; sending waits and tries again: {error}"
            ),
        });
    }

    /// Without a renewed lease nothing goes out, though all links are up.
    fn alert_on_lease(&mut self) {
        let may_write = self.lock.gate().is_open(Instant::now());
        match (may_write, self.may_write) {
            (false, true) => self.parts.alerts.raise(Alert {
                kind: Kind::Lock,
                subject: "lease".into(),
                text: bilingual!(
                    "发送引擎的租约未能按时续期，暂不发送，将继续重试",
                    "the engine's lease was not renewed in time: nothing goes out for now, and it is tried again"
                ),
            }),
            (true, false) => self.parts.alerts.resolve(Kind::Lock, "lease"),
            (true, true) | (false, false) => {}
        }
        self.may_write = may_write;
    }

    /// Reads what people and other processes changed; keeps the sidecar and the house.
    async fn poll(&mut self) -> Result<(), EngineError> {
        if Instant::now() >= self.sidecar_due {
            self.sidecar_due = Instant::now() + SIDECAR_EVERY;
            write_sidecar(&self.parts.store, &self.installation).await?;
            self.alert_absent();
        }
        if self.recorder.is_finished() {
            return Err(self.journal_error().await);
        }
        let now = self.parts.clock.now();
        if self.outbox_ops >= OUTBOX_ROOM {
            self.housekeeper.put_off();
        }
        let mut tx = self.parts.store.read_soon("poll").await?;
        let Some(findings) = self.housekeeper.look(&mut tx, now).await? else {
            return self.count_after_halt().await;
        };
        drop(tx);
        let was_halted = self.halted.is_some();
        // Stopped once more: whoever did waits for a count of their own.
        let stopped_again = findings.stopped != self.stopped;
        self.halted = match (findings.may_send, findings.stopped.is_some(), self.halted) {
            (true, ..) => None,
            (false, false, _) => Some(Halt::Held),
            (false, true, Some(Halt::Counted)) if !stopped_again => Some(Halt::Counted),
            (false, true, _) => Some(Halt::Waiting),
        };
        if findings.may_send {
            if self.phase == Phase::Held {
                self.phase = Phase::Released;
            }
            if was_halted {
                self.core.resume(now);
            }
        } else {
            self.core.halt();
        }
        self.stopped = findings.stopped;
        for message in &findings.resent {
            self.core.forget(*message);
        }
        self.core.lanes(now, findings.lanes);
        if !findings.ops.is_empty() {
            self.outbox_ops += findings.ops.len();
            self.outbox.push_back(findings.ops);
        }
        for alert in findings.alerts {
            self.parts.alerts.raise(alert);
        }
        self.count_after_halt().await
    }

    /// A gateway that has never had a link has none to lose: nobody else tells of it.
    fn alert_absent(&self) {
        for (id, gateway) in &self.gateways {
            let health = gateway.health();
            if let (0, Some(trouble)) = (health.links_up, health.trouble) {
                self.parts.alerts.raise(Alert {
                    kind: Kind::GatewayDown,
                    subject: id.0.clone(),
                    text: bilingual!(
                        "网关 {id} 没有可用的连接，它的短信在等待：{trouble}",
                        "gateway {id} is down, its messages wait: {trouble}"
                    ),
                });
            }
        }
    }

    /// No reference is free for a run's long messages.
    pub(super) fn short_of_references(&self, shortages: &[(RunId, Shortage)]) {
        for (run, shortage) in shortages {
            let (subject, text) = match shortage {
                // Asked about at each look, by each run that waits: one alert for all.
                Shortage::Waits => (
                    "long messages".to_owned(),
                    bilingual!(
                        "一小时内有 128 批长短信在发，拼接编号已用完：批次 {run} 等待空闲编号，最多 10 分钟",
                        "128 runs with long messages within an hour use all references: run {run} waits for one, 10 minutes at most"
                    ),
                ),
                Shortage::Reused => (
                    run.to_string(),
                    bilingual!(
                        "长短信的拼接编号已用完：批次 {run} 用了最久未用的编号，一小时内收到两批长短信的手机可能拼接出错",
                        "no reference for long messages is free: run {run} has the one used the longest ago. A phone that gets long messages of both runs within an hour may join them wrongly"
                    ),
                ),
            };
            self.parts.alerts.raise(Alert {
                kind: Kind::PartReferences,
                subject,
                text,
            });
        }
    }

    /// A gateway has no room in its quota for texts of so many segments: somebody hears of it.
    pub(super) fn spent(&self, id: &GatewayId, segments: u8, until: Micros) {
        let at = until.local(self.parts.policy.zone).format("%m-%d %H:%M");
        let text = match segments {
            0 | 1 => bilingual!(
                "网关 {id} 的发送限额已用完，它的短信等到 {at} 再发",
                "gateway {id} has used up its quota: its messages wait until {at}"
            ),
            n => bilingual!(
                "网关 {id} 的发送限额不够 {n} 条一组的长短信，这样长和更长的等到 {at} 再发，短的照常",
                "gateway {id} has used up its quota for texts of {n} segments: they and longer ones wait until {at}, shorter ones go on"
            ),
        };
        self.parts.alerts.raise(Alert {
            kind: Kind::Quota,
            subject: id.0.clone(),
            text,
        });
    }

    /// After a halt, once nothing is between claim and wire: says exactly how many have left.
    async fn count_after_halt(&mut self) -> Result<(), EngineError> {
        let settled = self.core.is_quiet() && self.outbox.is_empty() && self.uncommitted == 0;
        if self.halted != Some(Halt::Waiting) || !settled {
            return Ok(());
        }
        let left = self
            .parts
            .store
            .read_soon("count_left")
            .await?
            .left()
            .await?;
        self.halted = Some(Halt::Counted);
        let event = LedgerEvent::Stop {
            by: lifecycle::RULE.into(),
            act: StopAct::Count,
            reason: String::new(),
            left: Some(left),
        };
        self.outbox_ops += 1;
        self.outbox.push_back(vec![Op::Append(event)]);
        Ok(())
    }
}
