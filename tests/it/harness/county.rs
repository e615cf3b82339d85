//! A whole small office for a test: its own database, simulated carriers, settings; verbs, not tables.

use std::{fmt::Write as _, path::PathBuf, time::Duration};

use tempfile::TempDir;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use watchbell::{
    clock::Clock,
    config::{Config, Kind},
    domain::policy::OnDoubt,
    domain::{id::RunId, priority::Priority, role::Actor},
    service::{
        Office,
        send::{OutOfHours, Queued, SendRequest, Target},
    },
    simulate::{Dialling, Faults, Running, Settings, Simulator},
    store::lane::Counts,
    telemetry::alert::Alerts,
};

use crate::harness::gateway::{dialling, sgip_keys};
use crate::harness::story::machine;

pub(crate) const ACCOUNT: &str = "901234";
pub(crate) const PASSWORD: &str = "sharedpw";

/// Longer than anything here takes on a busy machine; only a failure waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) fn carrier() -> Settings {
    Settings {
        account: Some(ACCOUNT.to_owned()),
        password: Some(PASSWORD.to_owned()),
        report_delay: Duration::from_millis(30),
        ..Settings::default()
    }
}

/// An office with one carrier that serves everybody.
pub(crate) struct County {
    pub(crate) office: Office,
    pub(crate) carrier: Running,
    pub(crate) dir: TempDir,
}

/// The settings' text for one gateway at `address`; `sending` and `gateway` are further lines.
pub(crate) fn settings(database: &str, address: &str, sending: &str, gateway: &str) -> String {
    format!(
        r#"
[database]
url = "{database}"
[sending]
season = {{ from = "01-01", to = "12-31" }}
quiet_hours = {{ from = "00:00", to = "00:00" }}
require_approval = false
signature = "云岭县安委办"
{sending}
[[gateways]]
id = "mobile"
kind = "cmpp20"
address = "{address}"
account = "{ACCOUNT}"
password = "{PASSWORD}"
access_number = "10690000"
service_id = "SAFETY"
{gateway}
"#
    )
}

/// A carrier that dials its client, and the keys of the gateway that it finds; of other protocols nothing.
pub(crate) fn dialled(carrier: Settings) -> (String, Settings) {
    if carrier.protocol != Kind::Sgip12 {
        return (String::new(), carrier);
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    let mut keys = String::new();
    for (key, value) in sgip_keys(&address) {
        write!(keys, "\n{key} = {value}").unwrap();
    }
    let dialling = Dialling {
        address: Some(address),
        ..dialling()
    };
    (
        keys,
        Settings {
            dialling,
            ..carrier
        },
    )
}

impl County {
    pub(crate) async fn open(carrier: Settings, sending: &str, gateway: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let kind = format!("kind = \"{}\"", carrier.protocol.as_str());
        let (own, carrier) = dialled(carrier);
        let carrier = Simulator::start(carrier).await.unwrap();
        let text = settings(
            "sqlite://watchbell.db",
            &carrier.address().to_string(),
            sending,
            &format!("{gateway}{own}"),
        )
        .replace("kind = \"cmpp20\"", &kind);
        let file = dir.path().join("watchbell.toml");
        std::fs::write(&file, text).unwrap();
        let config = Config::load(Some(&file), []).unwrap();
        let office = Office::open(config, Clock::system()).await.unwrap();
        Self {
            office,
            carrier,
            dir,
        }
    }

    /// A CSV of `n` distinct numbers, the first being 13800100000.
    pub(crate) fn numbers(&self, n: u64) -> PathBuf {
        let mut text = String::from("手机,姓名\n");
        for i in 0..n {
            writeln!(text, "{},张{i}", 13_800_100_000 + i).unwrap();
        }
        let path = self.dir.path().join(format!("list-{n}.csv"));
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) async fn send(
        &self,
        list: &std::path::Path,
        text: &str,
        on_doubt: OnDoubt,
    ) -> Queued {
        let request = SendRequest {
            name: "test".to_owned(),
            to: Target::File(list),
            text,
            priority: Priority::Normal,
            on_doubt,
            not_after: None,
            out_of_hours: OutOfHours::Refuse,
        };
        self.office
            .sending()
            .send(&somebody(), &request)
            .await
            .unwrap()
    }

    /// Does the sending until no message of the run is open.
    pub(crate) async fn finish(&self, run: RunId) -> Counts {
        let stop = CancellationToken::new();
        let alerts = Alerts::new(Clock::system(), false);
        let done = tokio::time::timeout(
            PATIENCE,
            self.office.runs().wait(run, &alerts, &stop, |_| {}),
        )
        .await;
        match done {
            Ok(counts) => counts.unwrap(),
            Err(tokio::time::error::Elapsed { .. }) => panic!(
                "still open after {PATIENCE:?}: {:?}",
                self.office
                    .runs()
                    .get(&machine(), run)
                    .await
                    .unwrap()
                    .counts
            ),
        }
    }
}

pub(crate) fn somebody() -> Actor {
    Actor::System {
        account: "test".to_owned(),
    }
}

/// Each fault of answers and reports in one of a hundred submits.
pub(crate) fn one_in_a_hundred() -> Faults {
    Faults {
        lost_answers: 1.0,
        duplicate_reports: 1.0,
        early_reports: 1.0,
        late_reports: 1.0,
        late_factor: 10,
        slow_answers: 1.0,
        slow_by: Duration::from_millis(100),
        out_of_order: 1.0,
        garbage: 1.0,
        ..Faults::default()
    }
}

/// Waits until `done` says so.
pub(crate) async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done().await {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Everybody's figures on the carrier's side agree with the database's.
pub(crate) async fn both_sides_agree(county: &County) {
    use watchbell::store::log::LogFilter;
    let per_number = county.carrier.per_number();
    let mut tx = county.office.store.read("test").await.unwrap();
    let rows = tx
        .log_after(&LogFilter::default(), None, 1_000_000)
        .await
        .unwrap();
    for row in rows {
        let phone = row.phone.unwrap();
        let theirs = per_number.get(&phone);
        match row.state.as_str() {
            "delivered" => assert_eq!(
                theirs.and_then(|n| n.report.as_deref()),
                Some("DELIVRD"),
                "{}",
                row.id
            ),
            "undelivered" | "expired" | "submitted" | "unconfirmed" | "in_doubt" => {}
            never_left => assert!(
                theirs.is_none(),
                "{never_left}: {} left all the same",
                row.id
            ),
        }
    }
    assert_eq!(
        county.carrier.counts().recipients_sent_twice,
        0,
        "somebody got it twice"
    );
}
