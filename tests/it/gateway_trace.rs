//! A trace is what went over the wire, in its order, without the login's secrets, and for nobody without the key.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use watchbell::{
    clock::Clock,
    config::{self, Kind, Secret},
    gateway::{
        self, pdu,
        trace::{Direction, End, Numbers, TraceEntry, TraceLine, read},
    },
    simulate::{Settings, Simulator},
};

use crate::{
    harness::gateway::{
        PASSWORD, Pair, accepted, carrier, config, mos, phone, reports, sgip_keys, submit,
    },
    harness::program::{Stage, TEXT, eventually},
};

const KEY: &str = "a long passphrase";

type Received = Arc<Mutex<Vec<u8>>>;

/// A wire in two pieces with somebody who listens in between: the address, and what went each way.
async fn wire(to: std::net::SocketAddr) -> (std::net::SocketAddr, Received, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (there, back) = (Received::default(), Received::default());
    let ears = (there.clone(), back.clone());
    tokio::spawn(async move {
        let (near, _) = listener.accept().await.unwrap();
        let far = TcpStream::connect(to).await.unwrap();
        let (near_read, near_write) = near.into_split();
        let (far_read, far_write) = far.into_split();
        tokio::spawn(pass(near_read, far_write, ears.0));
        pass(far_read, near_write, ears.1).await;
    });
    (address, there, back)
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, sink: Received) {
    let mut buffer = vec![0; 4_096];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        sink.lock().unwrap().extend_from_slice(&buffer[..n]);
        if to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}

/// Its PDUs, one by one.
fn cut(kind: Kind, stream: &[u8]) -> Vec<String> {
    let mut rest = stream;
    let mut pdus = Vec::new();
    while let Some((length, _)) = rest.split_first_chunk::<4>() {
        let (one, after) = rest.split_at(u32::from_be_bytes(*length) as usize);
        pdus.push(pdu::decode(kind, one).unwrap().to_string());
        rest = after;
    }
    pdus
}

fn is_login(pdu: &str) -> bool {
    ["connect", "bind", "login"]
        .iter()
        .any(|word| pdu.starts_with(&format!("{{\"pdu\":\"{word}")))
}

fn traced(dir: &Path) -> config::Trace {
    config::Trace {
        key: Secret::new(KEY),
        until: Clock::system().now().plus_secs(600),
        dir: dir.to_owned(),
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files
}

fn lines(file: &Path) -> (Vec<TraceLine>, End) {
    let mut lines = Vec::new();
    let end = read(file, &Secret::new(KEY), |line| lines.push(line.clone())).unwrap();
    (lines, end)
}

async fn the_trace_is_what_went_over_the_wire(kind: Kind) {
    let dir = tempfile::tempdir().unwrap();
    let carrier = Simulator::start(Settings {
        protocol: kind,
        ..carrier()
    })
    .await
    .unwrap();
    let (address, there, back) = wire(carrier.address()).await;
    let mut config = config(address);
    config.kind = kind;
    config.trace = Some(traced(dir.path()));
    if kind == Kind::Sgip12 {
        config.extra = sgip_keys("127.0.0.1:0");
        config.extra.retain(|key, _| key == "node");
    }
    let mut pair = Pair::open(&config);
    pair.until("a link", |received| {
        received
            .iter()
            .any(|e| matches!(e, gateway::Event::LinkUp(_)))
    })
    .await;
    pair.gateway.submit((1..=40).map(submit).collect());
    carrier.inject_mo(phone(5), "收到，谢谢");
    pair.until("all is said", |received| {
        reports(received).len() == 40 && accepted(received).len() == 40 && !mos(received).is_empty()
    })
    .await;
    pair.close().await;
    let all = files(dir.path());
    let [file] = &all[..] else { panic!("{all:?}") };
    eventually("the trace has its end", async || {
        let mut n = 0;
        read(file, &Secret::new(KEY), |_| n += 1).is_ok_and(|end| end == End::Whole && n > 0)
    })
    .await;
    let (lines, _) = lines(file);
    for (direction, sink) in [(Direction::Out, &there), (Direction::In, &back)] {
        let said = cut(kind, &sink.lock().unwrap());
        let kept: Vec<String> = lines
            .iter()
            .filter(|l| l.direction == Some(direction))
            .map(|l| match &l.entry {
                TraceEntry::Pdu(view) => view.to_string(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(said.len() > 40, "{}", said.len());
        assert_eq!(said.len(), kept.len());
        for (said, kept) in said.iter().zip(&kept) {
            match is_login(said) {
                true => assert!(is_login(kept) && !kept.contains(PASSWORD), "{kept}"),
                false => assert_eq!(said, kept),
            }
        }
    }
    let number = phone(7).expose();
    let masked: String = lines.iter().map(|l| l.json(Numbers::Masked)).collect();
    assert!(!masked.contains(&number));
    assert!(masked.contains("138****0007"));
    assert!(!masked.contains(&hex::encode(&number)));
    let shown: String = lines.iter().map(|l| l.json(Numbers::Shown)).collect();
    // The view of an SMPP PDU has its text as bytes only.
    let text = hex::encode(ucs2("收到，谢谢"));
    assert!(shown.contains(&number) && shown.contains(&text) && !masked.contains(&text));
    assert!(!shown.contains(PASSWORD) && !shown.contains(&hex::encode(PASSWORD)));
    holds_nothing_plain(file, &number);
}

fn ucs2(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

/// Neither the number nor a text, in whatever coding.
fn holds_nothing_plain(file: &Path, number: &str) {
    let bytes = std::fs::read(file).unwrap();
    for plain in [
        number.as_bytes().to_vec(),
        ucs2("注意安全"),
        ucs2("防暑降温"),
        b"901234".to_vec(),
    ] {
        assert!(!bytes.windows(plain.len()).any(|w| w == plain), "{plain:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_cmpp_it_is_what_went_over_the_wire() {
    the_trace_is_what_went_over_the_wire(Kind::Cmpp20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_smpp_it_is_what_went_over_the_wire() {
    the_trace_is_what_went_over_the_wire(Kind::Smpp34).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_sgip_it_is_what_went_over_the_wire() {
    the_trace_is_what_went_over_the_wire(Kind::Sgip12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_smgp_it_is_what_went_over_the_wire() {
    the_trace_is_what_went_over_the_wire(Kind::Smgp30).await;
}

#[tokio::test]
async fn an_end_too_far_ahead_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(([127, 0, 0, 1], 9).into());
    config.trace = Some(config::Trace {
        until: Clock::system().now().plus_secs(8 * 24 * 3_600),
        ..traced(dir.path())
    });
    let (events, _heard) = tokio::sync::mpsc::channel(8);
    let context = gateway::Context {
        clock: Clock::system(),
        gate: gateway::WriteGate::always(),
        tasks: watchbell::tasks::Tasks::default(),
        events,
        installation: String::new(),
        seed: 1,
    };
    let error = gateway::open(&config, context).err().unwrap().to_string();
    assert!(
        error.contains("trace_until") && error.contains("7 days"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_daemon_leaves_a_trace_that_can_be_read() {
    let until = Clock::system().now().plus_secs(3_600);
    let gateway = format!(
        "rate = 50\ntrace_key = \"{KEY}\"\ntrace_until = \"{}\"",
        until.utc().to_rfc3339()
    );
    let stage = Stage::open(carrier(), "", &gateway).await;
    let list = stage.numbers(0, 20);
    stage.queue(&list, &[]).await;
    let (mut daemon, _) = stage.serve().await;
    stage.taken_at_least(20).await;
    // What is older than a second survives.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    daemon.kill().await;
    let all = files(&stage.path("trace"));
    let [file] = &all[..] else { panic!("{all:?}") };
    holds_nothing_plain(file, "13800100007");
    stage.file("key", format!("{KEY}\n"));
    let path = file.display().to_string();
    let read = stage
        .run(&["gateways", "trace", &path, "--key", "file:key"])
        .await
        .ok();
    let lines: Vec<serde_json::Value> = read
        .out
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let of = |name: &str| lines.iter().filter(|l| l["pdu"]["pdu"] == name).count();
    assert_eq!(
        (of("connect"), of("submit"), of("submit_resp")),
        (1, 20, 20),
        "{read:?}"
    );
    assert!(read.err.contains("no end"), "{}", read.err);
    assert!(read.out.contains("138****0007") && !read.out.contains("13800100007"));
    assert!(
        read.out.contains(&TEXT[..9]),
        "the text itself is shown: {}",
        read.out
    );

    stage.file("wrong", "another passphrase");
    let wrong = stage
        .run(&["gateways", "trace", &path, "--key", "file:wrong"])
        .await;
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    assert!(wrong.err.contains("the key does not fit"), "{wrong:?}");
    let args = [
        "gateways",
        "trace",
        &path,
        "--key",
        "file:key",
        "--numbers",
        "--reason",
        "with the carrier",
    ];
    let whole = stage.run(&args).await.ok();
    assert!(whole.out.contains("13800100007"));
    let office = stage.office().await;
    assert!(
        crate::harness::program::ledger(&office)
            .await
            .contains(r#""what":"trace","reason":"with the carrier""#)
    );
}
