//! Bad lists, bad texts, bad settings, bad hours: a clear answer, and nothing sent by mistake.

use std::{fmt::Write as _, time::Duration};

use chrono::{Datelike as _, Timelike as _};
use watchbell::clock::Clock;

use crate::{
    harness::county::carrier,
    harness::program::{Stage, TEXT, eventually, log, stays},
};

const GATEWAY: &str = "rate = 500\nwindow = 32";

/// Was nothing queued, and did nothing leave?
async fn nothing_happened(stage: &Stage) {
    assert!(log(&stage.office().await).await.is_empty());
    assert_eq!(stage.carrier.counts().submits, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_bad_rows_in_a_hundred_are_named_and_the_others_go_out() {
    let stage = Stage::open(carrier(), "", GATEWAY).await;
    let bad = [
        "1380013",
        "电话不详",
        "138 0010 00011",
        "",
        "＋1",
        "12345678901",
        "1.38E+10",
        "13800100001、13800100002",
        "0",
        "x",
    ];
    let mut text = String::from("手机,姓名\n");
    for i in 0..90 {
        writeln!(text, "{},张{i}", 13_800_100_000_u64 + i).unwrap();
        if i % 9 == 0 {
            writeln!(text, "{},李{i}", bad[i as usize / 9]).unwrap();
        }
    }
    let list = stage.file("mixed.csv", text).display().to_string();
    let sent = stage
        .run(&["send", "--to", &list, "--text", TEXT, "--wait", "--json"])
        .await
        .ok();
    assert!(
        sent.err
            .contains("10 rows of the list hold no usable number"),
        "{}",
        sent.err
    );
    assert_eq!(sent.json()["messages"]["delivered"], 90);
    assert_eq!(stage.carrier.counts().distinct_recipients, 90);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_placeholder_names_the_right_one_and_sends_nothing() {
    let stage = Stage::open(carrier(), "", GATEWAY).await;
    let list = stage.numbers(0, 50).display().to_string();
    let refused = stage
        .run(&[
            "send",
            "--to",
            &list,
            "--text",
            "((姓明))，请注意防汛。",
            "--wait",
        ])
        .await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.err.contains("姓明") && refused.err.contains("((姓名))"),
        "{}",
        refused.err
    );
    let unclosed = stage
        .run(&[
            "send",
            "--to",
            &list,
            "--text",
            "((姓名，请注意防汛。",
            "--wait",
        ])
        .await;
    assert_eq!(unclosed.code, Some(2), "{unclosed:?}");
    let nobody = stage
        .run(&["send", "--group", "水利局", "--text", TEXT, "--wait"])
        .await;
    assert_eq!(nobody.code, Some(2), "{nobody:?}");
    assert!(nobody.err.contains("水利局"), "{}", nobody.err);
    stage
        .run(&["contacts", "import", &list, "--group", "水务局"])
        .await
        .ok();
    let similar = stage
        .run(&["send", "--group", "水利局", "--text", TEXT, "--wait"])
        .await;
    assert_eq!(similar.code, Some(2), "{similar:?}");
    assert!(similar.err.contains("水务局"), "{}", similar.err);
    let missing = stage
        .run(&["send", "--to", "no-such-list.csv", "--text", TEXT])
        .await;
    assert_eq!(missing.code, Some(2), "{missing:?}");
    nothing_happened(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_gateway_makes_messages_wait_loudly() {
    let mut stage = Stage::open(carrier(), "", GATEWAY).await;
    // A port that was free a moment ago: nobody listens there.
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let open = stage.carrier.address().to_string();
    stage.set_gateway("address", closed);
    let list = stage.numbers(0, 40).display().to_string();
    let sender = stage.spawn(&["send", "--to", &list, "--text", TEXT, "--wait", "--json"]);
    eventually("it says that the gateway is down", async || {
        sender.said().contains("gateway mobile") && sender.said().contains("down")
    })
    .await;
    sender.terminate().await;
    let ended = sender.ended(Duration::from_secs(10)).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.json()["messages"]["queued"], 40);
    // Once it is there, they go.
    stage.set_gateway("address", open);
    let (daemon, _) = stage.serve().await;
    stage.taken_at_least(40).await;
    daemon.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_tried_three_times_and_then_not_soon() {
    let mut stage = Stage::open(carrier(), "", GATEWAY).await;
    stage.set_gateway("password", "shared_2");
    let list = stage.numbers(0, 5).display().to_string();
    let sender = stage.spawn(&["send", "--to", &list, "--text", TEXT, "--wait", "--json"]);
    eventually("three tries", async || {
        stage.carrier.counts().refused_logins == 3
    })
    .await;
    eventually("it says so", async || {
        let said = sender.said();
        said.contains("refuses the login") && said.contains("each 10 minutes from now on")
    })
    .await;
    stays("no fourth try soon", Duration::from_secs(3), || {
        stage.carrier.counts().refused_logins
    })
    .await;
    assert!(
        !sender.said().contains("shared_pw"),
        "no password in the log"
    );
    sender.terminate().await;
    let ended = sender.ended(Duration::from_secs(10)).await;
    assert_eq!(
        (ended.code, &ended.json()["messages"]["queued"]),
        (Some(1), &5.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn out_of_hours_it_is_refused_or_waits_and_urgent_goes() {
    let beijing = Clock::system().now().local(chrono_tz::Asia::Shanghai);
    let span = |from: &str, to: &str| {
        toml::Table::from_iter([("from".into(), from.into()), ("to".into(), to.into())])
    };
    let season = match beijing.month() {
        1..=6 => span("09-01", "09-30"),
        _ => span("03-01", "03-31"),
    };
    let quiet = match beijing.hour() {
        0..12 => span("00:00", "13:00"),
        _ => span("11:00", "01:00"),
    };
    for (key, is) in [("season", season), ("quiet_hours", quiet)] {
        let mut stage = Stage::open(carrier(), "", GATEWAY).await;
        stage.set("sending", key, is.clone());
        let list = stage.numbers(0, 10).display().to_string();
        let send = ["send", "--to", &list, "--text", TEXT];
        let refused = stage.run(&send).await;
        assert_eq!(refused.code, Some(1), "{is}: {refused:?}");
        assert!(refused.err.contains("--wait-for-window"), "{}", refused.err);
        nothing_happened(&stage).await;
        let (daemon, _) = stage.serve().await;
        let waits = stage
            .run(&[&send[..], &["--wait-for-window", "--json"]].concat())
            .await
            .ok();
        assert_eq!(waits.json()["messages"]["queued"], 10);
        let urgent = [
            &send[..4],
            &["紧急：请立即转移。", "--priority", "urgent", "--wait"],
        ]
        .concat();
        stage.run(&urgent).await.ok();
        stays(
            "what waits for its window waits",
            Duration::from_millis(1_500),
            || stage.taken(),
        )
        .await;
        assert_eq!(stage.taken(), 10, "{is}");
        daemon.ends_well().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_said_before_anything_is_queued() {
    let stage = Stage::open(carrier(), "", GATEWAY).await;
    let list = stage.numbers(0, 10).display().to_string();
    let send = ["send", "--to", &list, "--text", TEXT, "--wait"];
    for more in [
        ["--not-after", "2020-01-01 00:00"],
        ["--not-after", "soon"],
        ["--priority", "very"],
        ["--on-doubt", "guess"],
    ] {
        let refused = stage.run(&[&send[..], &more[..]].concat()).await;
        assert_eq!(refused.code, Some(2), "{more:?}: {refused:?}");
        assert!(!refused.err.is_empty());
    }
    let empty = stage.file("empty.csv", "手机,姓名\n").display().to_string();
    let nobody = stage.run(&["send", "--to", &empty, "--text", TEXT]).await;
    assert_ne!(nobody.code, Some(0), "{nobody:?}");
    for noise in [&b"\xff\xfe\x00"[..], b"PK\x03\x04broken", b"\0\0\0\0"] {
        let file = stage.file("noise.csv", noise).display().to_string();
        let refused = stage.run(&["send", "--to", &file, "--text", TEXT]).await;
        assert!(
            matches!(refused.code, Some(1 | 2)),
            "{noise:?}: {refused:?}"
        );
    }
    // Not a key of the gateway's protocol; nothing is queued that could then not be sent.
    for line in ["servise_code = 5", "registered_deliver = true"] {
        stage.configure(|text| writeln!(text, "\n{line}").unwrap());
        let refused = stage.run(&send).await;
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(
            refused.err.contains(line.split(' ').next().unwrap()),
            "{}",
            refused.err
        );
    }
    stage.configure(|_| {});
    nothing_happened(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn practice_and_real_never_share_a_database() {
    let stage = Stage::open(carrier(), "", GATEWAY).await;
    let list = stage.numbers(0, 10).display().to_string();
    let send = ["send", "--to", &list, "--text", TEXT];
    let practised = |text: &mut String| text.insert_str(0, "practice = true\n");
    stage.configure(practised);
    let sent = stage.run(&send).await.ok();
    assert!(sent.err.contains("PRACTICE"), "{}", sent.err);
    stage.configure(|_| {});
    for command in [&send[..], &["serve"]] {
        let refused = stage.run(command).await;
        assert_eq!(refused.code, Some(2), "{command:?}: {refused:?}");
        assert!(refused.err.contains("practice"), "{}", refused.err);
    }
    assert_eq!(stage.carrier.counts().logins, 0);
    // And the other way round.
    stage.configure(|text| *text = text.replace("watchbell.db", "real.db"));
    stage.run(&send).await.ok();
    stage.configure(|text| {
        *text = text.replace("watchbell.db", "real.db");
        practised(text);
    });
    let refused = stage.run(&send).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
}
