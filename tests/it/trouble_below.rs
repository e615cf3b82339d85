//! Trouble under the program: a disk without room, a database that somebody holds, a clock that jumps.

use std::{path::Path, time::Duration};

use chrono::TimeDelta;
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use tokio_util::sync::CancellationToken;
use watchbell::{
    clock::Clock,
    config::Config,
    domain::message::Outcome,
    engine::Engine,
    service::Office,
    store::{Limits, Store},
    telemetry::alert::{Alerts, Kind},
};

use crate::{
    harness::county::carrier,
    harness::program::{Stage, eventually, stays},
};

async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}", path.display()))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_over_its_size_limit_ends_the_process_with_an_error_and_recovery_goes_on() {
    let stage = Stage::open(
        carrier(),
        "doubt_grace = \"2s\"",
        "rate = 500\nlinks = 2\nwindow = 32",
    )
    .await;
    let run = stage.queue(&stage.numbers(0, 1_500), &[]).await;
    let database = std::fs::metadata(stage.path("watchbell.db")).unwrap().len();
    // The journal file beside the database hits the limit after some commits.
    let limited = stage.spawn_limited(database / 1_024 + 64, &["serve"]);
    let ended = limited.ended(Duration::from_secs(30)).await;
    assert_eq!(ended.code, Some(1), "an error, not a death: {ended:?}");
    assert!(ended.err.contains("the database refused"), "{}", ended.err);
    let before = stage.taken();
    println!("{before} were taken before the disk was full");
    let (daemon, _) = stage.serve().await;
    eventually("the run is over", async || {
        stage.view(&run).await.closed.is_some()
    })
    .await;
    daemon.ends_well().await;
    let counts = stage.view(&run).await.counts;
    assert_eq!(counts.total(), 1_500);
    assert_eq!(
        counts.of(Outcome::Delivered) as u64,
        stage.taken(),
        "{counts:?}"
    );
    assert_eq!(
        counts.of(Outcome::Delivered) + counts.of(Outcome::InDoubt),
        1_500,
        "{counts:?}"
    );
    assert_eq!(stage.carrier.counts().recipients_sent_twice, 0);
}

/// The engine in this process, with its alerts.
struct Inside {
    office: Office,
    alerts: Alerts,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Inside {
    async fn start(office: Office) -> Self {
        let alerts = Alerts::new(Clock::system(), false);
        let engine = Engine::start(office.sending().engine_parts(alerts.clone()))
            .await
            .unwrap()
            .unwrap();
        let stop = CancellationToken::new();
        let token = stop.clone();
        let task = tokio::spawn(async move { engine.run(token).await.unwrap() });
        Self {
            office,
            alerts,
            stop,
            task,
        }
    }

    async fn open(stage: &Stage, clock: Clock) -> Office {
        let config = Config::load(Some(&stage.settings_file()), []).unwrap();
        Office::open(config, clock).await.unwrap()
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
        self.office.store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_pauses_sending_with_an_alert_and_loses_nobody() {
    let stage = Stage::open(carrier(), "", "rate = 500\nlinks = 2\nwindow = 32").await;
    let run = stage.queue(&stage.numbers(0, 1_200), &[]).await;
    let path = stage.path("watchbell.db");
    let mut other = connect(&path).await;
    other
        .execute("CREATE TABLE filler AS SELECT randomblob(1000000) AS x")
        .await
        .unwrap();
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count")
        .fetch_one(&mut other)
        .await
        .unwrap();
    let mut office = Inside::open(&stage, Clock::system()).await;
    let url = format!("sqlite://{}", path.display());
    office.store = Store::open(
        &url,
        Limits {
            max_pages: pages as u32 + 12,
        },
    )
    .await
    .unwrap();
    let inside = Inside::start(office).await;
    let mut heard = inside.alerts.listen();
    let notice = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let notice = heard.recv().await.unwrap();
            if notice.kind == Kind::Database {
                return notice;
            }
        }
    })
    .await
    .unwrap();
    println!("{}; {} were taken", notice.text_en, stage.taken());
    // What was claimed before may still be on its way out; then nothing more leaves.
    let quiet = async || {
        let before = stage.carrier.counts().submits;
        tokio::time::sleep(Duration::from_millis(300)).await;
        stage.carrier.counts().submits == before
    };
    eventually("it is quiet", quiet).await;
    assert!(stage.taken() < 1_200, "it was full too late");
    stays(
        "without room nothing is sent",
        Duration::from_secs(1),
        || stage.carrier.counts().submits,
    )
    .await;
    other.execute("DROP TABLE filler").await.unwrap();
    eventually("all is delivered", async || {
        stage.view(&run).await.counts.of(Outcome::Delivered) == 1_200
    })
    .await;
    inside.end().await;
    assert_eq!(stage.carrier.counts().recipients_sent_twice, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_somebody_holds_is_waited_for_with_an_alert() {
    let stage = Stage::open(carrier(), "", "rate = 300\nlinks = 2\nwindow = 32").await;
    let run = stage.queue(&stage.numbers(0, 900), &[]).await;
    let (daemon, _) = stage.serve().await;
    stage.taken_at_least(200).await;
    let mut other = connect(&stage.path("watchbell.db")).await;
    other.execute("PRAGMA busy_timeout = 20000").await.unwrap();
    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    eventually("it says that the database is locked", async || {
        daemon.said().contains("locked")
    })
    .await;
    let before = stage.carrier.counts().submits;
    assert!(before < 900, "nothing leaves without a claim");
    other.execute("ROLLBACK").await.unwrap();
    eventually("all is delivered", async || {
        stage.view(&run).await.counts.of(Outcome::Delivered) == 900
    })
    .await;
    daemon.ends_well().await;
    assert_eq!(stage.carrier.counts().recipients_sent_twice, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_back_and_forth_sends_nothing_twice_and_loses_nothing() {
    let stage = Stage::open(carrier(), "", "rate = 300\nlinks = 2\nwindow = 32").await;
    let run = stage.queue(&stage.numbers(0, 900), &[]).await;
    let overdue = stage
        .queue(
            &stage.numbers(1_000, 900),
            &["--not-after", "+2h", "--priority", "bulk"],
        )
        .await;
    let clock = Clock::starting_at(Clock::system().now());
    let inside = Inside::start(Inside::open(&stage, clock.clone()).await).await;
    for (mark, minutes) in [(100, -180), (250, 200), (400, -90), (550, 45), (700, 25)] {
        stage.taken_at_least(mark).await;
        clock.advance(TimeDelta::minutes(minutes));
    }
    eventually("the first run is over", async || {
        stage.view(&run).await.closed.is_some()
    })
    .await;
    let counts = stage.view(&run).await.counts;
    assert_eq!(counts.of(Outcome::Delivered), 900, "{counts:?}");
    // Past its last moment the other one ends, and going back does not wake it.
    stage.taken_at_least(1_000).await;
    clock.advance(TimeDelta::minutes(181));
    eventually("the other is over", async || {
        stage.view(&overdue).await.closed.is_some()
    })
    .await;
    let counts = stage.view(&overdue).await.counts;
    clock.advance(TimeDelta::minutes(-300));
    stays("it stays over", Duration::from_millis(1_500), || {
        stage.carrier.counts().submits
    })
    .await;
    inside.end().await;
    assert_eq!(stage.view(&overdue).await.counts, counts);
    assert_eq!(
        counts.of(Outcome::Delivered) as u64,
        stage.taken() - 900,
        "{counts:?}"
    );
    assert_eq!(
        counts.of(Outcome::Delivered) + counts.of(Outcome::Cancelled),
        900,
        "{counts:?}"
    );
    assert_eq!(stage.carrier.counts().recipients_sent_twice, 0);
}
