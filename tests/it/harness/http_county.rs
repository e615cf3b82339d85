//! An office whose carrier speaks HTTP, with the daemon listening for its calls.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use super::postgres;
use tempfile::TempDir;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use watchbell::{
    app::Daemon,
    clock::Clock,
    config::Config,
    domain::policy::OnDoubt,
    domain::{id::RunId, message::Outcome, priority::Priority},
    service::{
        Office, ServiceError, audit,
        send::{OutOfHours, Queued, SendRequest, Target},
    },
    simulate::{Running, Settings, Simulator},
    store::{lane::Counts, log::LogFilter},
};

use crate::{
    harness::county::{PATIENCE, settings, somebody, until},
    harness::story::machine,
};

/// An office at work.
pub(crate) struct HttpCounty {
    pub(crate) office: Office,
    pub(crate) carrier: Running,
    pub(crate) dir: TempDir,
    pub(crate) address: String,
    stop: CancellationToken,
    daemon: JoinHandle<Result<(), ServiceError>>,
}

/// The settings' text for an HTTP gateway.
pub(crate) fn http_settings(database: &str, address: &str, sending: &str, gateway: &str) -> String {
    let text = settings(database, &format!("http://{address}"), sending, gateway);
    let text = text.replace("kind = \"cmpp20\"", "kind = \"http\"");
    format!("[server]\nlisten = \"127.0.0.1:0\"\n{text}")
}

/// Runs a story on each database.
pub(crate) async fn on_each_database(story: impl AsyncFn(&str)) {
    story("sqlite://watchbell.db").await;
    if let Some(url) = postgres::scratch().await {
        story(&url).await;
    }
}

impl HttpCounty {
    /// An office with its daemon; the carrier calls it.
    pub(crate) async fn open(
        database: &str,
        carrier: Settings,
        sending: &str,
        gateway: &str,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let carrier = Simulator::start_http(carrier).await.unwrap();
        let address = carrier.address().to_string();
        let text = http_settings(database, &address, sending, gateway);
        let file = dir.path().join("watchbell.toml");
        std::fs::write(&file, text).unwrap();
        let config = Config::load(Some(&file), []).unwrap();
        let office = Office::open(config.clone(), Clock::system()).await.unwrap();
        let listening = Office::open(config, Clock::system()).await.unwrap();
        let stop = CancellationToken::new();
        let daemon = Daemon::start(listening, stop.clone()).await.unwrap();
        let address = daemon.address().unwrap().to_string();
        carrier.call_back(&format!("http://{address}/carriers/mobile/reports"));
        Self {
            office,
            carrier,
            dir,
            address,
            stop,
            daemon: tokio::spawn(daemon.run()),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn numbers(&self, n: u64) -> PathBuf {
        let mut text = String::from("手机,姓名\n");
        for i in 0..n {
            writeln!(text, "{},张{i}", 13_800_100_000 + i).unwrap();
        }
        let path = self.dir.path().join(format!("list-{n}.csv"));
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) async fn send(&self, n: u64, text: &str) -> Queued {
        self.send_to(&self.numbers(n), text).await
    }

    pub(crate) async fn send_to(&self, list: &Path, text: &str) -> Queued {
        let request = SendRequest {
            name: "test".to_owned(),
            to: Target::File(list),
            text,
            priority: Priority::Normal,
            on_doubt: OnDoubt::Hold,
            not_after: None,
            out_of_hours: OutOfHours::Refuse,
        };
        self.office
            .sending()
            .send(&somebody(), &request)
            .await
            .unwrap()
    }

    /// Until no message of the run is open.
    pub(crate) async fn finish(&self, run: RunId) -> Counts {
        self.finish_within(run, PATIENCE).await
    }

    /// The daemon has the engine: one process has one, so this one only watches.
    pub(crate) async fn finish_within(&self, run: RunId, patience: Duration) -> Counts {
        let deadline = Instant::now() + patience;
        loop {
            let counts = self
                .office
                .runs()
                .get(&machine(), run)
                .await
                .unwrap()
                .counts;
            if counts.open() == 0 {
                return counts;
            }
            assert!(
                Instant::now() < deadline,
                "still open after {patience:?}: {counts:?}, the carrier has {:?}",
                self.carrier.counts()
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Everybody's figures agree, nobody got it twice, and the ledger verifies; then it ends.
    pub(crate) async fn close(self) {
        until("the carrier has told all", async || {
            self.carrier.pending() == 0
        })
        .await;
        self.stop.cancel();
        self.daemon.await.unwrap().unwrap();
        let theirs = self.carrier.per_number();
        let mut tx = self.office.store.read("test").await.unwrap();
        let rows = tx
            .log_after(&LogFilter::default(), None, 1_000_000)
            .await
            .unwrap();
        drop(tx);
        for row in rows {
            let report = theirs
                .get(&row.phone.unwrap())
                .and_then(|n| n.report.as_deref());
            match row.state.as_str() {
                "delivered" => assert_eq!(report, Some("DELIVRD"), "{}", row.id),
                "undelivered" | "expired" | "submitted" | "unconfirmed" | "in_doubt" => {}
                never_left => assert_eq!(report, None, "{never_left}: {}", row.id),
            }
        }
        assert_eq!(self.carrier.counts().recipients_sent_twice, 0);
        let verdict = audit::verify(&self.office.store, None).await.unwrap();
        assert!(verdict.ok, "{verdict:?}");
        self.office.store.close().await;
    }
}

/// All of them are delivered.
pub(crate) fn all_delivered(counts: &Counts, n: i64) {
    assert_eq!(counts.of(Outcome::Delivered), n, "{counts:?}");
    assert_eq!(counts.total(), n, "{counts:?}");
}
