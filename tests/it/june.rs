//! The whole of June, by the program that a newcomer starts: few people, everything else as it is.

use std::{fs, path::Path, process::Stdio};

use tokio::process::Command;

use crate::harness::postgres;

/// Lives through June and looks at what it leaves.
async fn june(dir: &Path, more: &[&str]) -> serde_json::Value {
    let out = Command::new(env!("CARGO_BIN_EXE_watchbell"))
        .args([
            "demo",
            "--headless",
            "--json",
            "--recipients",
            "60",
            "--lang",
            "zh",
            "--dir",
        ])
        .arg(dir)
        .args(more)
        .env_remove("WATCHBELL_LOG")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let err = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(0), "{err}");
    let json: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert!(json["runs"].as_u64().unwrap() >= 25, "{json}");
    let messages = json["messages"].as_object().unwrap();
    let of = |state: &str| messages[state].as_i64().unwrap();
    let sum: i64 = messages
        .keys()
        .filter(|k| *k != "total")
        .map(|k| of(k))
        .sum();
    assert_eq!(sum, of("total"));
    for open in [
        "queued",
        "submitting",
        "submitted",
        "in_doubt",
        "unconfirmed",
    ] {
        assert_eq!(of(open), 0, "{json}");
    }
    assert!(
        of("delivered") * 10 >= of("total") * 8 && of("undelivered") > 0,
        "{json}"
    );
    assert_eq!(json["ledger"]["verified"], true);
    let gateways = json["gateways"].as_array().unwrap();
    let kinds: Vec<_> = gateways
        .iter()
        .map(|g| g["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["cmpp20", "cmpp30", "sgip12", "smgp30", "http", "smpp34"]
    );
    for gateway in gateways {
        let n = |key: &str| gateway[key].as_u64().unwrap();
        assert!(n("submitted_segments") > 0, "{gateway}");
        assert!(n("peak_segments_in_one_second") <= n("rate"), "{gateway}");
    }
    let orders = json["work_orders"].as_array().unwrap();
    assert_eq!(orders.len(), 3, "{json}");
    for order in orders {
        assert_eq!(order["state"], "closed", "{json}");
        assert!(order["sent"].as_i64().unwrap() >= order["delivered"].as_i64().unwrap());
        assert_eq!(order["requested"], order["sent"], "{json}");
    }
    assert!(
        err.lines()
            .any(|l| l.contains("停止") && l.contains("应为“忻”，收到“折”")),
        "{err}"
    );
    for day in ["06-01", "06-12", "06-22", "06-30"] {
        assert!(
            err.lines()
                .any(|l| l.starts_with(day) && l.contains("送达")),
            "{day}: {err}"
        );
    }
    files(&json);
    json
}

fn files(json: &serde_json::Value) {
    let read = |key: &str| fs::read(json["files"][key].as_str().unwrap()).unwrap();
    let log = read("delivery_log_csv");
    assert_eq!(&log[..3], b"\xef\xbb\xbf", "Excel needs the mark");
    let summary = String::from_utf8(read("summary_html")).unwrap();
    assert!(summary.contains("2023") && summary.contains("--expect"));
    assert!(!has_phone(&summary), "a number is on the page");
}

fn has_phone(text: &str) -> bool {
    let numbers = text.split(|c: char| !c.is_ascii_alphanumeric());
    numbers
        .filter(|n| n.len() == 11 && n.bytes().all(|b| b.is_ascii_digit()))
        .any(|n| n.starts_with('1'))
}

#[tokio::test(flavor = "multi_thread")]
async fn june_is_lived_through_on_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let demo = dir.path().join("demo");
    june(&demo, &[]).await;
    let databases = fs::read_dir(&demo).unwrap().filter(|f| {
        let path = f.as_ref().unwrap().path();
        path.extension().is_some_and(|e| e == "db")
    });
    assert_eq!(databases.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn june_is_lived_through_on_postgresql() {
    let Some(url) = postgres::scratch().await else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    june(&dir.path().join("demo"), &["--database", &url]).await;
    postgres::discard(&url).await;
}
