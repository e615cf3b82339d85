//! Copies, old copies put back and restored backups send nothing until a person lets them.

use std::{fs, path::Path, time::Duration};

use watchbell::domain::message::Outcome;

use crate::{
    harness::county::carrier,
    harness::program::{Process, Stage, eventually, ledger, ready, stays},
};

/// How long a held database is watched: were its links open, their first silent second would be over.
const WATCHED: Duration = Duration::from_millis(2_500);

/// A copy as `cp` makes it: the file and its journal.
fn copy(from: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        let side = |path: &Path| format!("{}{suffix}", path.display());
        match fs::copy(side(from), side(to)) {
            Ok(_) => {}
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => _ = fs::remove_file(side(to)),
            Err(e) => panic!("{e}"),
        }
    }
}

fn forget_shared_memory(database: &Path) {
    _ = fs::remove_file(format!("{}-shm", database.display()));
}

/// It is held, says so, and sends nothing; nor does it log in, for then it would take reports.
async fn sends_nothing(stage: &Stage, settings: &Path, why: &str) -> Process {
    let logins = stage.carrier.counts().logins;
    let mut daemon = stage.serve_with(settings).await;
    eventually("it has the engine, and is held", async || {
        let said = daemon.0.said();
        assert!(daemon.0.is_running(), "{said}");
        let ready = ready(&daemon.1).await;
        ready["engine"] == true && ready["held"].as_str().is_some_and(|h| h.contains(why))
    })
    .await;
    stays("a held database sends nothing", WATCHED, || {
        stage.carrier.counts().submits
    })
    .await;
    assert_eq!(
        stage.carrier.counts().logins,
        logins,
        "a held database logs in nowhere"
    );
    assert!(
        daemon.0.said().contains("watchbell release"),
        "{}",
        daemon.0.said()
    );
    daemon.0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_elsewhere_sends_nothing_until_a_person_releases_it() {
    let stage = Stage::open(carrier(), "", "rate = 200\nwindow = 32").await;
    let run = stage.queue(&stage.numbers(0, 1_200), &[]).await;
    let (mut original, _) = stage.serve().await;
    stage.taken_at_least(100).await;
    // While it runs; with its sidecar, for a copied folder is no better.
    fs::create_dir(stage.path("elsewhere")).unwrap();
    let there = stage.path("elsewhere/watchbell.db");
    copy(&stage.path("watchbell.db"), &there);
    fs::copy(
        stage.path("watchbell.here"),
        stage.path("elsewhere/watchbell.here"),
    )
    .unwrap();
    let settings = stage.file("elsewhere/watchbell.toml", stage.text.as_bytes());
    original.kill().await;
    let copied = sends_nothing(&stage, &settings, "copy").await;
    copied.ends_well().await;
    // Without the sidecar either, and by the other command that could send.
    fs::remove_file(stage.path("elsewhere/watchbell.here")).unwrap();
    let list = stage.numbers(0, 10).display().to_string();
    let args = ["send", "--to", &list, "--text", "副本不得发送", "--wait"];
    let waiting = stage.start(stage.command(&settings, &args));
    eventually("it says that it is held", async || {
        waiting.said().contains("held")
    })
    .await;
    stays("a held copy sends nothing", WATCHED, || {
        stage.carrier.counts().submits
    })
    .await;
    waiting.terminate().await;
    assert_eq!(waiting.ended(Duration::from_secs(10)).await.code, Some(1));
    // The one that was killed goes on, for it is where it was.
    let list = stage.numbers(2_000, 10).display().to_string();
    let ended = stage
        .run(&["send", "--to", &list, "--text", "原件继续发送", "--wait"])
        .await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (last, address) = stage.serve().await;
    assert_eq!(ready(&address).await["held"], "");
    eventually("the original ends its run", async || {
        let counts = stage.view(&run).await.counts;
        counts.queued + counts.submitting + counts.of(Outcome::Submitted) == 0
    })
    .await;
    last.ends_well().await;
    assert_eq!(stage.carrier.counts().recipients_sent_twice, 0);
    // After the end a copy is held all the same; a person lets it go, and that is in its ledger.
    let before = stage.taken();
    for suffix in ["", "-wal", "-shm"] {
        _ = fs::remove_file(format!("{}{suffix}", there.display()));
    }
    copy(&stage.path("watchbell.db"), &there);
    let list = stage.numbers(3_000, 10).display().to_string();
    let args = ["send", "--to", &list, "--text", "换了机器", "--wait"];
    let waiting = stage.start(stage.command(&settings, &args));
    eventually("it says that it is held", async || {
        waiting.said().contains("held")
    })
    .await;
    assert_eq!(stage.taken(), before);
    let release = ["release", "--reason", "moved here"];
    stage
        .start(stage.command(&settings, &release))
        .ended(WATCHED * 10)
        .await
        .ok();
    waiting.ended(Duration::from_secs(30)).await.ok();
    assert_eq!(stage.taken(), before + 10);
    stage.configure(|text| *text = text.replace("watchbell.db", "elsewhere/watchbell.db"));
    assert!(ledger(&stage.office().await).await.contains("moved here"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_put_back_sends_nothing_until_a_person_releases_it() {
    let stage = Stage::open(carrier(), "", "rate = 200\nwindow = 32").await;
    stage.queue(&stage.numbers(0, 1_000), &[]).await;
    let (database, old) = (stage.path("watchbell.db"), stage.path("old.db"));
    let (mut daemon, _) = stage.serve().await;
    stage.taken_at_least(100).await;
    copy(&database, &old);
    // Another heartbeat has seen more than the copy.
    stage.taken_at_least(400).await;
    daemon.kill().await;
    copy(&old, &database);
    forget_shared_memory(&database);
    let held = sends_nothing(&stage, &stage.settings_file(), "restored").await;
    let before = stage.taken();
    stage
        .run(&["release", "--reason", "the original is lost"])
        .await
        .ok();
    stage.taken_at_least(before + 20).await;
    held.ends_well().await;
    assert!(
        ledger(&stage.office().await)
            .await
            .contains("the original is lost")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_sends_nothing_until_a_person_releases_it() {
    let stage = Stage::open(carrier(), "", "rate = 500\nwindow = 32").await;
    let run = stage.queue(&stage.numbers(0, 200), &[]).await;
    stage.run(&["backup", "queued.bak"]).await.ok();
    let (daemon, _) = stage.serve().await;
    eventually("all is delivered", async || {
        stage.view(&run).await.counts.of(Outcome::Delivered) == 200
    })
    .await;
    let refused = stage.run(&["restore", "queued.bak"]).await;
    assert_eq!(refused.code, Some(1), "under a running daemon: {refused:?}");
    daemon.ends_well().await;
    stage.run(&["restore", "queued.bak"]).await.ok();
    assert_eq!(stage.view(&run).await.counts.queued, 200);
    let held = sends_nothing(&stage, &stage.settings_file(), "copy").await;
    assert_eq!(stage.taken(), 200);
    held.ends_well().await;
    // Stopping and starting again does not let it go.
    let held = sends_nothing(&stage, &stage.settings_file(), "copy").await;
    // What is to be sent once more is for a person to say: this one calls it off, then lets go.
    stage
        .run(&["run", "cancel", &run, "--reason", "sent before"])
        .await
        .ok();
    stage
        .run(&["release", "--reason", "checked with the carrier"])
        .await
        .ok();
    let list = stage.numbers(500, 20).display().to_string();
    stage
        .run(&["send", "--to", &list, "--text", "恢复之后", "--wait"])
        .await
        .ok();
    held.ends_well().await;
    let counts = stage.carrier.counts();
    assert_eq!((counts.recipients, counts.recipients_sent_twice), (220, 0));
    assert!(
        ledger(&stage.office().await)
            .await
            .contains("checked with the carrier")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restore_replaces_is_kept_whole_even_while_somebody_reads_it() {
    let stage = Stage::open(carrier(), "", "").await;
    let path = stage.dir.path();
    stage.run(&["backup", "before.bak"]).await.ok();
    let list = stage.numbers(0, 20).display().to_string();
    // A reader that stays keeps SQLite from folding its journal into the file.
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path.join("watchbell.db"));
    let reader = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let mut open = reader.begin().await.unwrap();
    sqlx::query("SELECT count(*) FROM entry")
        .execute(&mut *open)
        .await
        .unwrap();
    stage
        .run(&["contacts", "import", &list, "--group", "after"])
        .await
        .ok();
    let itself = stage.run(&["restore", "watchbell.db"]).await;
    assert_eq!(itself.code, Some(2), "{itself:?}");
    fs::write(path.join("other.db"), b"SQLite format 3\0 and nothing else").unwrap();
    assert_ne!(stage.run(&["restore", "other.db"]).await.code, Some(0));
    assert!(
        path.join("watchbell.db").exists(),
        "a refused restore leaves the database"
    );
    stage.run(&["restore", "before.bak"]).await.ok();
    drop(open);
    reader.close().await;
    let kept = fs::read_dir(path)
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| {
            p.extension().is_some_and(|e| {
                e.to_string_lossy().starts_with("replaced-")
                    && !e.to_string_lossy().contains("-wal")
                    && !e.to_string_lossy().contains("-shm")
            })
        })
        .unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&kept);
    let old = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let members: i64 = sqlx::query_scalar("SELECT members FROM contact_group WHERE name = 'after'")
        .fetch_one(&old)
        .await
        .unwrap();
    assert_eq!(
        members, 20,
        "what was committed before the restore is in what was kept"
    );
}
