//! A gateway's acceptance (联调) as a use case: the rights, the engine's lock, so that nobody else sends through the same
//! account meanwhile, and a note in the ledger before the first byte leaves: it sends real messages outside of any
//! run. What is proved, and how, is [`crate::acceptance`].

use std::{collections::HashSet, convert::Infallible, fs::File, path::Path, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

pub use crate::acceptance::{
    AcceptRequest, Acceptance, Going, Planned, Record, Step, StepName, StepVerdict,
};

use super::{
    Gateways, Office, Result, ServiceError,
    refusal::{ContactsRefusal, GatewayRefusal},
};
use crate::{
    acceptance::{self, End, Halt, Letterhead, Receiver},
    config,
    domain::{
        bilingual::bilingual,
        event::Event,
        phone::Phone,
        role::{Act, Actor},
    },
    engine::lock::EngineLock,
    gateway::WriteGate,
    store::installation::Installation,
};

/// Suppressions read at a time.
const PAGE: i64 = 10_000;

/// How often it is looked whether sending was stopped: that has to hold within a second.
const LOOK: Duration = Duration::from_millis(200);

impl Gateways<'_> {
    /// Reads the phones and works out the steps. Sends nothing.
    pub async fn prepare_acceptance(
        self,
        actor: &Actor,
        request: &AcceptRequest<'_>,
    ) -> Result<Acceptance> {
        actor.may(Act::AcceptGateway)?;
        let gateway = self.office.gateway_called(request.gateway)?;
        acceptance::check_settings(gateway)?;
        let receivers = acceptance::read_phones(opened(request.phones)?, request.phones)?;
        self.office.none_suppressed(&receivers).await?;
        Ok(Acceptance::prepare(gateway.clone(), receivers, request)?)
    }

    /// Does it. `stop` breaks it off; so does `watchbell stop`, within a second.
    pub async fn accept(
        self,
        actor: &Actor,
        acceptance: &Acceptance,
        stop: &CancellationToken,
        going: impl FnMut(Going<'_>),
    ) -> Result<Record> {
        actor.may(Act::AcceptGateway)?;
        let node = format!("gateways-accept-{}", std::process::id());
        let Some(lock) = EngineLock::try_take(&self.office.store, &node).await? else {
            return Err(GatewayRefusal::OtherSender.into());
        };
        let lost = CancellationToken::new();
        let gate = lock.gate();
        // On the heap: its future is too large for the stacks of all that wait for it.
        let accepted = self
            .office
            .accept_under((gate, &lost), actor, acceptance, stop, going);
        let done = lock.hold(&lost, Box::pin(accepted)).await;
        // It runs out by itself.
        _ = lock.give_back().await;
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
    ) -> Result<Record> {
        let note = |act: &str, segments: usize| Event::Acceptance {
            by: actor.label(),
            act: act.to_owned(),
            gateway: acceptance.gateway().clone(),
            phones: acceptance.phones() as i64,
            segments: segments as i64,
        };
        // Nothing leaves before it is in the ledger that something will.
        let mut acting = self.act("accept").await?;
        let installation = acting.tx.installation().await?;
        let installation = installation
            .filter(Installation::may_send)
            .ok_or_else(|| ServiceError::from(GatewayRefusal::Held))?;
        acting
            .commit(&[note("began", acceptance.segments())])
            .await?;
        let halt = Halt::new(stop);
        let (clock, id) = (&self.clock, &installation.id);
        let ran = tokio::select! {
            ran = acceptance::run(acceptance, clock, id, gate, &halt, going) => ran?,
            never = self.watch_over(lost, &halt) => match never {},
        };
        let acting = self.act("accepted").await?;
        let end = End {
            head: acting.commit(&[note("ended", ran.segments)]).await?,
            at: self.clock.now(),
            broken_off: halt.why(),
        };
        Ok(Record::new(acceptance, ran, self.letterhead(), end))
    }

    /// Notices when the lease is lost, and when sending is stopped.
    async fn watch_over(&self, lost: &CancellationToken, halt: &Halt) -> Infallible {
        loop {
            tokio::select! {
                () = sleep(LOOK) => {}
                () = lost.cancelled() => {
                    halt.set(bilingual!(
                        "发送引擎的租约被另一进程接管",
                        "another process has taken over the engine's lease"
                    ));
                    std::future::pending::<()>().await;
                }
            }
            match self.installation().await {
                Ok(installation) if installation.may_send() => {}
                Ok(_) => halt.set(bilingual!("发送被叫停", "sending was stopped")),
                Err(error) => {
                    tracing::warn!(%error, "Whether sending was stopped could not be read");
                    halt.set(bilingual!(
                        "读不了数据库，不知道是否已叫停：{error}",
                        "the database cannot be read, so nobody knows whether sending was stopped: {error}"
                    ));
                }
            }
        }
    }

    /// Who said that they want no messages gets none of these either.
    async fn none_suppressed(&self, receivers: &[Receiver]) -> Result<()> {
        let mut after = 0;
        loop {
            let mut tx = self.store.read("accept_suppressions").await?;
            let page = tx.suppressions_after(after, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.seq;
            let listed: HashSet<Phone> = page.iter().map(|s| s.phone).collect();
            let listed = |r: &&Receiver| listed.contains(&r.phone);
            if let Some(receiver) = receivers.iter().find(listed) {
                let row = receiver.row;
                return Err(GatewayRefusal::PhoneSuppressed { row }.into());
            }
        }
    }

    fn letterhead(&self) -> Letterhead {
        let sending = &self.config.sending;
        Letterhead {
            office: sending.signature.clone(),
            zone: sending.timezone,
            practice: self.config.practice,
        }
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

fn opened(phones: &Path) -> Result<File> {
    File::open(phones).map_err(|e| {
        ServiceError::from(ContactsRefusal::CannotOpen {
            path: phones.to_owned(),
            why: e.to_string(),
        })
    })
}
