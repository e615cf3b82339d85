//! Carriers' calls at the daemon's listener: what is wrong changes nothing and costs little.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};
use watchbell::{clock::Clock, domain::ledger::Head, domain::message::Outcome, web::signing};

use crate::{
    harness::county::{PASSWORD, carrier, until},
    harness::http_county::{HttpCounty, all_delivered},
    harness::story::machine,
};

struct Caller<'a> {
    county: &'a HttpCounty,
    client: reqwest::Client,
    now: i64,
}

impl Caller<'_> {
    async fn call(&self, id: &str, at: i64, signature: &str, body: reqwest::Body) -> u16 {
        let url = format!("http://{}/carriers/mobile/reports", self.county.address);
        let request = self
            .client
            .post(url)
            .header(signing::ID, id)
            .header(signing::TIMESTAMP, at.to_string())
            .header(signing::SIGNATURE, signature)
            .body(body);
        match request.send().await {
            Ok(answer) => answer.status().as_u16(),
            // It was hung up on in the middle of a body that is too long.
            Err(_) => 413,
        }
    }

    async fn signed(&self, id: &str, at: i64, body: &str) -> u16 {
        let signature = signing::sign(PASSWORD.as_bytes(), id, at, body.as_bytes());
        self.call(id, at, &signature, body.to_owned().into()).await
    }

    /// A body without end, in chunks, without a length.
    async fn unannounced(&self, signature: &str) -> u16 {
        let (address, at) = (&self.county.address, self.now);
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /carriers/mobile/reports HTTP/1.1\r\nHost: {address}\r\nTransfer-Encoding: chunked\r\n\
             webhook-id: c3\r\nwebhook-timestamp: {at}\r\nwebhook-signature: {signature}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
        let (mut from, mut to) = stream.split();
        let write = async {
            // It hangs up in the middle.
            for _ in 0..800 {
                if to.write_all(chunk.as_bytes()).await.is_err() {
                    break;
                }
            }
        };
        let read = async {
            let mut line = [0; 12];
            from.read_exact(&mut line).await.unwrap();
            line
        };
        let ((), line) = tokio::join!(write, read);
        std::str::from_utf8(&line[9..]).unwrap().parse().unwrap()
    }

    async fn head(&self) -> Head {
        let mut tx = self.county.office.store.read("test").await.unwrap();
        let entries = tx.entries_after(0, i64::MAX).await.unwrap();
        let n = entries.len() as i64;
        Head {
            n,
            hash: tx.entry_hash(n).await.unwrap().unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_an_old_a_repeated_and_a_huge_call_change_nothing() {
    let county = HttpCounty::open(
        "sqlite://watchbell.db",
        carrier(),
        "",
        "rate = 500\nwindow = 100\nbatch = 10",
    )
    .await;
    let queued = county.send(20, "汛期安全提醒").await;
    let counts = county.finish(queued.frozen.run).await;
    all_delivered(&counts, 20);
    until("the carrier has told all", async || {
        county.carrier.pending() == 0
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let caller = Caller {
        county: &county,
        client: reqwest::Client::new(),
        now: Clock::system().now().0 / 1_000_000,
    };
    let text =
        json!({ "events": [{ "id": "mo1", "from": "13800100003", "to": "106", "text": "R" }] });
    let (text, now) = (text.to_string(), caller.now);
    let before = caller.head().await;
    let begun = Instant::now();
    let good = signing::sign(PASSWORD.as_bytes(), "c1", now, text.as_bytes());
    let wrong = signing::sign(b"another secret", "c1", now, text.as_bytes());
    assert_eq!(
        caller.call("c1", now, &wrong, text.clone().into()).await,
        401
    );
    assert_eq!(caller.call("c1", now, "", text.clone().into()).await, 401);
    assert_eq!(
        caller.call("c2", now, &good, text.clone().into()).await,
        401
    );
    for off in [-301, 302] {
        assert_eq!(caller.signed("c1", now + off, &text).await, 401);
    }
    // Fifty megabytes, announced and not.
    let huge = vec![b' '; 50 << 20];
    assert_eq!(
        caller.call("c3", now, &good, huge.clone().into()).await,
        413
    );
    assert_eq!(caller.unannounced(&good).await, 413);
    // Signed, and not what the description says.
    assert_eq!(caller.signed("c4", now, "{\"events\": 7}").await, 400);
    assert_eq!(caller.signed("c5", now, "not JSON").await, 400);
    let spent = begun.elapsed();
    assert!(spent < Duration::from_secs(5), "refusing took {spent:?}");
    assert_eq!(caller.head().await, before, "nothing has changed");
    // A good one counts once, however often it is said.
    assert_eq!(caller.signed("c1", now, &text).await, 200);
    let after = caller.head().await;
    assert_ne!(after, before);
    for _ in 0..3 {
        assert_eq!(caller.signed("c1", now, &text).await, 200);
    }
    assert_eq!(caller.head().await, after, "a replay changes nothing");
    let view = county
        .office
        .runs()
        .get(&machine(), queued.frozen.run)
        .await
        .unwrap();
    assert_eq!(view.counts.of(Outcome::Delivered), 20);
    county.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_for_others_and_from_elsewhere_are_turned_away() {
    let gateway = "rate = 500\nwindow = 100\ncallback_from = [\"192.0.2.1\"]";
    let county = HttpCounty::open("sqlite://watchbell.db", carrier(), "", gateway).await;
    let caller = Caller {
        county: &county,
        client: reqwest::Client::new(),
        now: Clock::system().now().0 / 1_000_000,
    };
    until("the gateway listens", async || {
        caller.signed("c1", caller.now, "{\"events\":[]}").await == 403
    })
    .await;
    let url = format!("http://{}/carriers/nobody/reports", county.address);
    let answer = caller.client.post(url).body("x").send().await.unwrap();
    assert_eq!(answer.status(), 404);
    county.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opt_out_comes_by_call_and_by_fetching() {
    let county = HttpCounty::open(
        "sqlite://watchbell.db",
        carrier(),
        "",
        "rate = 500\nwindow = 100\nbatch = 10\npoll_every = \"300ms\"",
    )
    .await;
    let phone = watchbell::domain::phone::Phone::from_number(13_800_100_003).unwrap();
    county.carrier.inject_mo(phone, "R");
    until("the opt-out is known", async || {
        let mut tx = county.office.store.read("test").await.unwrap();
        tx.suppressions_after(0, 10).await.unwrap().len() == 1
    })
    .await;
    let queued = county.send(10, "汛期安全提醒").await;
    let counts = county.finish(queued.frozen.run).await;
    assert_eq!(counts.of(Outcome::Suppressed), 1, "{counts:?}");
    assert_eq!(counts.of(Outcome::Delivered), 9, "{counts:?}");
    county.close().await;
}
