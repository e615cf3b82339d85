//! Whether the database may be used for sending at all: copies, old states put back and restored
//! backups are held, and say so at every start, until a person releases them.

use super::{error::EngineError, sidecar};
use crate::{
    campaign::lifecycle,
    clock::Clock,
    domain::{bilingual::bilingual, event::Event as LedgerEvent, lifecycle::StopAct},
    store::{self, Store},
    telemetry::alert::{Alert, Alerts, Kind},
};

/// What was found at the start.
pub(super) struct Found {
    /// The installation's id.
    pub(super) installation: String,
    /// It is held.
    pub(super) held: bool,
}

/// Is this a copy, an old backup put back, a clone? Then it is held until a person says otherwise.
pub(super) async fn hold_copies(
    store: &Store,
    clock: &Clock,
    alerts: &Alerts,
) -> Result<Found, EngineError> {
    let mut act = store.begin_entry("hold_copies", clock.now()).await?;
    let tx = &mut act.tx;
    let Some(installation) = tx.installation().await? else {
        return Err(store::Error::Missing {
            what: "installation",
            id: "(the database has never been used)".into(),
        }
        .into());
    };
    let reason = if let Some(path) = store.path() {
        sqlite_suspicion(tx, path, &installation.id).await?
    } else {
        let place = tx.place().await?;
        (place != installation.place).then_some(sidecar::Suspicion::Moved)
    };
    if let (Some(reason), true) = (reason, installation.held.is_empty()) {
        tx.set_held(reason.as_str()).await?;
        let event = LedgerEvent::Stop {
            by: lifecycle::RULE.into(),
            act: StopAct::Hold,
            reason: reason.as_str().into(),
            left: None,
        };
        act.commit(&[event]).await?;
        alert_held(alerts, reason.as_str());
    } else if !installation.held.is_empty() {
        alert_held(alerts, &installation.held);
    } else if installation.stopped.is_some() {
        alerts.raise(Alert {
            kind: Kind::DatabaseHeld,
            subject: "stopped".into(),
            text: bilingual!(
                "发送已被人员停止，须用 watchbell release 放行",
                "sending was stopped by a person and waits for `watchbell release --reason …`"
            ),
        });
    }
    let held = reason.is_some() || !installation.held.is_empty();
    Ok(Found {
        installation: installation.id,
        held,
    })
}

/// At every start that finds it so: a daemon that waits in silence looks like one that works.
fn alert_held(alerts: &Alerts, reason: &str) {
    alerts.raise(Alert {
        kind: Kind::DatabaseHeld,
        subject: "database".into(),
        text: bilingual!(
            "数据库已扣住，不会发送任何短信，须由人员核实后用 watchbell release 放行（{reason}）",
            "the database is held and sends nothing until `watchbell release --reason …`: {reason}"
        ),
    });
}

async fn sqlite_suspicion(
    tx: &mut store::Tx,
    path: &std::path::Path,
    installation: &str,
) -> Result<Option<sidecar::Suspicion>, EngineError> {
    let present = sidecar::Present {
        installation: installation.to_owned(),
        head: tx.head().await?,
        sending: !tx.open_lanes().await?.is_empty(),
        now: Clock::system().now(),
    };
    let known = sidecar::read(path);
    let named = known.as_ref().and_then(|(s, _)| sidecar::named_head(s));
    let ours = match named {
        Some(head) if head.n == 0 => true,
        Some(head) => tx.entry_hash(head.n).await? == Some(head.hash),
        None => false,
    };
    sidecar::suspect(path, known.as_ref().map(|(s, t)| (s, *t)), &present, ours).map_err(|source| {
        EngineError::Sidecar {
            path: path.display().to_string(),
            source,
        }
    })
}

pub(super) async fn write_sidecar(store: &Store, installation: &str) -> Result<(), EngineError> {
    let Some(path) = store.path() else {
        return Ok(());
    };
    let head = store.read("sidecar").await?.head().await?;
    sidecar::write(path, installation, head, Clock::system().now()).map_err(|source| {
        EngineError::Sidecar {
            path: sidecar::path_of(path).display().to_string(),
            source,
        }
    })
}
