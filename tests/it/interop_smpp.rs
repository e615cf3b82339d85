//! SMPP with implementations that no one here wrote: their message centres take our gateway's messages, their
//! clients talk to our simulated carrier, and tshark reads what both say.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde_json::{Value, json};
use watchbell::{
    config::{self, Kind, Secret},
    domain::policy::OnDoubt,
    domain::{message::Outcome, message::ReportStatus},
    gateway::{Event, Notice, Submit},
    service::gateways::Finding,
    simulate::{NumberCounts, Running, Settings, Simulator},
};

use crate::{
    harness::county::{self, County, somebody},
    harness::foreign::*,
    harness::gateway::{self, *},
    harness::program::{TEXT, log},
};

const SIGNATURE: &str = "【云岭县安委办】";

/// Three parts with the signature.
fn long_text() -> String {
    "防汛值班电话请保持畅通，".repeat(14)
}

fn str_of<'a>(told: &'a Value, key: &str) -> &'a str {
    told[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key}: {told}"))
}

/// Every state in the log, by number.
async fn states(county: &County) -> BTreeMap<String, (String, String)> {
    let rows = log(&county.office).await.into_iter();
    rows.map(|row| {
        (
            row.phone.unwrap().expose(),
            (row.state.to_string(), row.code),
        )
    })
    .collect()
}

// --- their message centres, our gateway ---------------------------------------------------------

#[tokio::test(flavor = "multi_thread")]
async fn npms_message_centre_takes_a_run() {
    let Some(tools) = tools() else { return };
    // The last of 200: its refusal is there before its turn.
    let phone_says = json!({"from": "8613800100199", "message": "退订", "how": "plain"});
    let mut center = tools.node(
        "npm_server.js",
        &wish(json!({
            "undeliverable": ["7"], "throttled": ["03"], "receipt_after": 400, "phone_says": phone_says,
        })),
    );
    let address = center.address().await;
    let gateway = "rate = 200\nwindow = 16\nkeep_alive = \"100ms\"";
    let county = county_at(address, gateway).await;
    let list = county.numbers(200);
    let queued = county.send(&list, TEXT, OnDoubt::Hold).await;
    let counts = county.finish(queued.frozen.run).await;
    let of = |outcome| counts.of(outcome);
    assert_eq!(
        (
            of(Outcome::Delivered),
            of(Outcome::Undelivered),
            of(Outcome::Suppressed)
        ),
        (179, 20, 1),
        "{counts:?}"
    );
    let submits = center.hear("submit", 199).await;
    let numbers: BTreeSet<_> = submits.iter().map(|s| str_of(s, "to")).collect();
    assert_eq!((numbers.len(), submits.len()), (199, 199));
    for submit in &submits {
        assert_eq!(submit["text"], format!("{SIGNATURE}{TEXT}"));
        assert_eq!(
            (
                &submit["from"],
                &submit["data_coding"],
                &submit["esm_class"],
                &submit["registered_delivery"]
            ),
            (&json!("10690000"), &json!(8), &json!(0), &json!(1))
        );
        assert!(str_of(submit, "to").starts_with("86138001"), "{submit}");
    }
    for (phone, (state, code)) in states(&county).await {
        let expected = match &phone[9..] {
            "99" if phone.ends_with("0199") => ("suppressed", ""),
            end if end.ends_with('7') => ("undelivered", "UNDELIV:045"),
            _ => ("delivered", "DELIVRD"),
        };
        assert_eq!(state, expected.0, "{phone}");
        assert!(
            state == "suppressed" || code == expected.1,
            "{phone} {code}"
        );
    }
    assert_eq!(center.told("throttled").len(), 2);

    // Another run over a link of its own.
    let few = county.numbers(5);
    let queued = county.send(&few, &long_text(), OnDoubt::Hold).await;
    let counts = county.finish(queued.frozen.run).await;
    assert_eq!(counts.of(Outcome::Delivered), 5, "{counts:?}");
    let submits = center.hear("submit", 199 + 15).await.split_off(199);
    let mut parts: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for submit in &submits {
        assert_eq!(submit["esm_class"], 0x40);
        let header = submit["header"][0].as_str().unwrap();
        // Element 0, three octets long: reference, of three parts, which.
        assert!(
            header.starts_with("0003") && &header[6..8] == "03",
            "{header}"
        );
        let of = parts.entry(str_of(submit, "to")).or_default();
        of.insert(&header[8..], str_of(submit, "text"));
    }
    assert_eq!(parts.len(), 5);
    for part in parts.into_values() {
        let whole: String = part.into_values().collect();
        assert_eq!(whole, format!("{SIGNATURE}{}", long_text()));
    }

    assert_eq!(county.carrier.counts().logins, 0, "nobody else was asked");
    center.hear("unbind", 2).await;
    center.hear("closed", 2).await;
    let binds = center.told("bind");
    let bind = json!({"system_id": county::ACCOUNT, "password": county::PASSWORD, "interface_version": 0x34});
    assert_eq!(binds, [bind.clone(), bind]);
    assert!(
        !center.told("asked").is_empty(),
        "we ask whether it is there"
    );
    assert_eq!(center.told("here"), [0, 0], "and answer when it asks");
    assert!(center.told("told").iter().all(|status| *status == 0));
    // A receipt for every part, and the phone's text at each login.
    assert_eq!(center.told("told").len(), 199 + 15 + 2);
    center.end().await;
}

/// A gateway's settings for somebody else's message centre.
fn abroad(address: &str) -> config::Gateway {
    let mut config = config(address.parse().unwrap());
    config.kind = Kind::Smpp34;
    config
}

async fn linked(pair: &mut Pair, times: usize) {
    let up = |e: &&Event| matches!(e, Event::LinkUp(_));
    pair.until("the link", |received| {
        received.iter().filter(up).count() == times
    })
    .await;
}

#[tokio::test]
async fn npms_message_centre_refuses_a_wrong_password() {
    let Some(tools) = tools() else { return };
    let mut center = tools.node("npm_server.js", &wish(json!({})));
    let address = center.address().await;
    let mut county = county_at(address, "").await;
    let mut config = (*county.office.config).clone();
    config.gateways[0].password = Secret::new("wrong");
    county.office.config = config.into();
    let found = county
        .office
        .gateways()
        .check(&somebody(), false)
        .await
        .unwrap();
    let Finding::LoginRefused(why) = &found.gateways[0].finding else {
        panic!("{found:?}")
    };
    assert!(why.contains("status 14"), "{why}");
    assert_eq!(center.hear("bind", 1).await[0]["password"], "wrong");
    center.hear("closed", 1).await;
    assert_eq!(
        center
            .end()
            .await
            .iter()
            .filter(|l| l.get("submit").is_some())
            .count(),
        0
    );
}

#[tokio::test]
async fn npms_message_centre_hands_on_texts_in_every_way_and_may_unbind() {
    let Some(tools) = tools() else { return };
    let mut center = tools.node(
        "npm_server.js",
        &wish(json!({"receipts": "words", "undeliverable": ["2"]})),
    );
    let mut pair = Pair::open(&abroad(&center.address().await));
    linked(&mut pair, 1).await;
    let message = "已转移群众三十二人，全部安置在镇中心小学。".repeat(6);
    for how in ["plain", "header", "parameters", "payload"] {
        let message = if how == "plain" { "退订" } else { &*message };
        center
            .order(&json!({"phone_says": {"from": "13800000005", "message": message, "how": how}}))
            .await;
    }
    pair.until("four texts", |received| mos(received).len() == 4)
        .await;
    let texts: Vec<_> = mos(&pair.received).iter().map(|mo| &*mo.text).collect();
    assert_eq!(texts, ["退订", &*message, &*message, &*message]);
    assert!(
        mos(&pair.received)
            .iter()
            .all(|mo| mo.phone == phone(5) && mo.to == "10690000")
    );

    pair.gateway.submit(vec![submit(1), submit(2)]);
    pair.until("two reports", |received| reports(received).len() == 2)
        .await;
    let ids: BTreeMap<_, _> = accepted(&pair.received)
        .into_iter()
        .map(|(n, id)| (n, id.0))
        .collect();
    for told in center.hear("submit", 2).await {
        let number: u64 = str_of(&told, "to")[2..].parse().unwrap();
        let sequence = (number - phone(0).number()) as u32;
        assert_eq!(ids[&sequence], str_of(&told, "id"));
        let report = reports(&pair.received)
            .into_iter()
            .find(|r| r.carrier_id.0 == ids[&sequence])
            .unwrap();
        let (status, code) = match sequence {
            2 => (ReportStatus::Undelivered, "UNDELIV:045"),
            _ => (ReportStatus::Delivered, "DELIVRD"),
        };
        assert_eq!(
            (report.status, &*report.code, &*report.submit_time),
            (status, code, "2306121000")
        );
    }

    center.order(&json!({"unbind": true})).await;
    assert_eq!(center.hear("unbound", 1).await, [0]);
    linked(&mut pair, 2).await;
    pair.gateway.submit(vec![submit(3)]);
    pair.until("an answer over the next link", |received| {
        accepted(received).len() == 3
    })
    .await;
    pair.close().await;
    center.hear("unbind", 1).await;
    center.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn smpp34s_message_centre_takes_a_run_and_reports_in_parameters_alone() {
    let Some(tools) = tools() else { return };
    let phone_says = json!({"from": "13800100039", "message": "退订"});
    let mut center = tools.python(
        "smpp34_server.py",
        &json!({"undeliverable": ["7"], "refused": ["5"], "phone_says": phone_says}),
    );
    let county = county_at(center.address().await, "rate = 100\nwindow = 10").await;
    let list = county.numbers(40);
    let queued = county.send(&list, &long_text(), OnDoubt::Hold).await;
    let counts = county.finish(queued.frozen.run).await;
    let of = |outcome| counts.of(outcome);
    assert_eq!(
        (
            of(Outcome::Delivered),
            of(Outcome::Undelivered),
            of(Outcome::Rejected),
            of(Outcome::Suppressed)
        ),
        (31, 4, 4, 1),
        "{counts:?}"
    );
    for (phone, (state, code)) in states(&county).await {
        let expected = match &phone[10..] {
            "5" => ("rejected", "1"),
            "7" => ("undelivered", "UNDELIV"),
            "9" if phone.ends_with("39") => continue,
            _ => ("delivered", "DELIVRD"),
        };
        assert_eq!((&*state, &*code), expected, "{phone}");
    }
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for submit in center.hear("submit", 35 * 3).await {
        texts
            .entry(str_of(&submit, "to").to_owned())
            .or_default()
            .push_str(str_of(&submit, "text"));
    }
    assert_eq!(texts.len(), 35);
    let expected = format!("{SIGNATURE}{}", long_text());
    assert!(texts.values().all(|text| *text == expected), "{texts:?}");
    center.hear("unbind", 1).await;
    assert!(center.told("told").iter().all(|status| *status == 0));
    center.end().await;
}

/// As far as it goes: see what its script says of it.
#[tokio::test]
async fn smppys_message_centre_takes_one_text_at_a_time() {
    let Some(tools) = tools() else { return };
    let answering = format!("86{}", phone(30).expose());
    let mut center = tools.python(
        "smppy_server.py",
        &json!({"password": PASSWORD, "answering": answering, "answer": "收到，谢谢"}),
    );
    let address = center.address().await;
    let mut config = abroad(&address);
    config.window = 1;
    let mut pair = Pair::open(&config);
    linked(&mut pair, 1).await;
    let text = |n: u32| format!("【某县安委办】第{n}号：注意安全");
    let texts = (1..=30).map(|n| Submit {
        text: text(n),
        ..submit(n)
    });
    pair.gateway.submit(texts.collect());
    pair.until("answers and a text", |received| {
        accepted(received).len() == 30 && mos(received).len() == 1
    })
    .await;
    assert_eq!(
        (mos(&pair.received)[0].phone, &*mos(&pair.received)[0].text),
        (phone(30), "收到，谢谢")
    );
    let submits = center.hear("submit", 30).await;
    for (n, told) in (1..).zip(&submits) {
        let expected = json!({"to": format!("86{}", phone(n.into()).expose()), "from": "10690000", "text": text(n)});
        assert_eq!(*told, expected);
    }
    center.hear("told", 1).await;
    pair.close().await;
    center.hear("unbind", 1).await;

    config.password = Secret::new("wrong");
    let mut pair = Pair::open(&config);
    let refused = |e: &Event| matches!(e, Event::Notice(Notice::LoginRefused { refusal, .. }) if refusal.reason.contains("status 13"));
    pair.until("the refusal", |received| received.iter().any(refused))
        .await;
    drop(pair);
    center.end().await;
}

// --- their clients, our simulated carrier --------------------------------------------------------

async fn carrier() -> Running {
    let settings = Settings {
        protocol: Kind::Smpp34,
        undelivered_percent: 30.0,
        ..gateway::carrier()
    };
    Simulator::start(settings).await.unwrap()
}

/// What a client is to do, beside `more`.
fn errand(carrier: &Running, mut more: Value) -> Value {
    more["port"] = carrier.address().port().into();
    wish(more)
}

/// The texts of a client: to numbers from 1 on.
fn texts(n: u64) -> impl Iterator<Item = (u64, String)> {
    (1..=n).map(|n| (n, format!("第{n}条：注意防火")))
}

/// Every answer's id is reported once, as the carrier decided.
fn receipts_fit(client: &Foreign, carrier: &Running, expected: usize) {
    let answers = client.told("answer");
    assert!(answers.iter().all(|a| a["status"] == 0), "{answers:?}");
    let ids: BTreeSet<_> = answers.iter().map(|a| str_of(a, "id").to_owned()).collect();
    let receipts = client.told("receipt");
    let reported: BTreeSet<_> = receipts
        .iter()
        .map(|r| str_of(r, "id").to_owned())
        .collect();
    assert_eq!((ids.len(), receipts.len()), (expected, expected));
    assert_eq!(ids, reported);
    for receipt in &receipts {
        let words = str_of(receipt, "words");
        let state = match receipt["state"].as_u64().unwrap() {
            2 => "DELIVRD",
            3 => "EXPIRED",
            5 => "UNDELIV",
            8 => "REJECTD",
            7 => "MK:0001",
            other => panic!("{other}: {words}"),
        };
        assert!(words.contains(&format!("stat:{state}")), "{receipt}");
        assert!(
            words.starts_with(&format!("id:{} sub:001", str_of(receipt, "id"))),
            "{words}"
        );
    }
    let failed = receipts.iter().filter(|r| r["state"] != 2).count();
    let made =
        |n: &NumberCounts| usize::from(n.report.as_deref() != Some("DELIVRD")) * n.submits as usize;
    assert_eq!(
        failed,
        carrier.per_number().values().map(made).sum::<usize>()
    );
    assert!(failed > 0);
}

fn counted(carrier: &Running, segments: u64, recipients: u64) {
    let counts = carrier.counts();
    assert_eq!(
        (
            counts.logins,
            counts.segments,
            counts.recipients,
            counts.reports
        ),
        (1, segments, recipients, segments)
    );
    assert_eq!((counts.recipients_sent_twice, counts.malformed), (0, 0));
    assert_eq!(carrier.pending(), 0);
}

#[tokio::test]
async fn smpplibs_client_talks_to_the_simulated_carrier() {
    let Some(tools) = tools() else { return };
    let carrier = carrier().await;
    carrier.inject_mo(phone(3), "退订");
    let to = |(n, message)| json!({"to": format!("86{}", phone(n).expose()), "message": message});
    let mut all: Vec<_> = texts(20).map(to).collect();
    all.push(to((21, long_text())));
    let long = 3;
    let errand = errand(
        &carrier,
        json!({"texts": all, "receipts": 20 + long, "phones": 1}),
    );
    let mut client = tools.python("smpplib_client.py", &errand);
    assert_eq!(client.hear("unbound", 1).await, [0]);
    assert_eq!(
        client.told("bound"),
        [json!({"status": 0, "name": "watchbell"})]
    );
    assert_eq!(
        client.told("phone"),
        [json!({"from": phone(3).expose(), "text": "退订"})]
    );
    receipts_fit(&client, &carrier, 20 + long);
    counted(&carrier, 23, 21);
    client.end().await;
}

#[tokio::test]
async fn a_refused_login_is_read_by_their_clients() {
    let Some(tools) = tools() else { return };
    let carrier = carrier().await;
    let nothing = json!({"texts": [], "receipts": 1, "phones": 0, "patience_ms": 1_000});
    let mut wrong = errand(&carrier, nothing.clone());
    wrong["password"] = json!("wrong");
    let mut one_way = errand(&carrier, nothing);
    one_way["bind"] = json!("bind_transmitter");
    let clients = [
        (tools.python("smpplib_client.py", &wrong), json!(14)),
        (tools.python("smpplib_client.py", &one_way), json!(13)),
        (tools.node("npm_client.js", &wrong), json!(14)),
        // Only that it is not let in.
        (
            tools.python("smpp34_client.py", &wrong),
            json!("bind timed out"),
        ),
    ];
    for (mut client, status) in clients {
        assert_eq!(client.hear("bound", 1).await[0]["status"], status);
        client.end().await;
    }
    let counts = carrier.counts();
    assert_eq!(
        (counts.logins, counts.refused_logins, counts.malformed),
        (0, 4, 0)
    );
}

fn hex_of(text: &str) -> String {
    let mut hex = String::new();
    for unit in text.encode_utf16() {
        write!(hex, "{unit:04x}").unwrap();
    }
    hex
}

#[tokio::test]
async fn smpp34s_client_talks_to_the_simulated_carrier_with_long_texts_in_every_way() {
    let Some(tools) = tools() else { return };
    let carrier = carrier().await;
    carrier.inject_mo(phone(3), "R");
    let to = |n| format!("86{}", phone(n).expose());
    let mut all: Vec<_> = texts(20)
        .map(|(n, text)| json!({"to": to(n), "hex": hex_of(&text)}))
        .collect();
    for part in 1..=2 {
        let text = hex_of(&"汛".repeat(60 + part));
        let header = format!("05000309020{part}");
        all.push(json!({"to": to(21), "hex": header + &text, "esm_class": 0x40}));
        // sar_msg_ref_num, sar_total_segments, sar_segment_seqnum.
        let place = json!([
            [0x020C, "0102"],
            [0x020E, "02"],
            [0x020F, format!("0{part}")]
        ]);
        all.push(json!({"to": to(22), "hex": text, "tlvs": place}));
        // message_payload: two texts, not parts of one.
        all.push(json!({"to": to(23), "hex": "", "tlvs": [[0x0424, text]]}));
    }
    let errand = errand(&carrier, json!({"texts": all, "receipts": 26, "phones": 1}));
    let mut client = tools.python("smpp34_client.py", &errand);
    assert_eq!(client.hear("unbound", 1).await, [0]);
    assert_eq!(
        client.told("phone"),
        [json!({"from": phone(3).expose(), "text": "R"})]
    );
    receipts_fit(&client, &carrier, 26);
    counted(&carrier, 26, 20 + 1 + 1 + 2);
    client.end().await;
}

#[tokio::test]
async fn npms_client_talks_to_the_simulated_carrier_and_hears_what_it_does_not_serve() {
    let Some(tools) = tools() else { return };
    let carrier = carrier().await;
    carrier.inject_mo(phone(3), "收到");
    let to = |n: u64| format!("86{}", phone(n).expose());
    let mut all: Vec<_> = texts(20)
        .map(|(n, message)| json!({"to": to(n), "message": message}))
        .collect();
    for part in 1..=3 {
        // A reference of 16 bits.
        let udh = format!("0608040102030{part}");
        all.push(json!({"to": to(21), "message": "值".repeat(60 + part), "udh": udh}));
    }
    all.push(json!({"to": to(22), "message": long_text(), "payload": true}));
    let errand = errand(
        &carrier,
        json!({"texts": all, "receipts": 24, "phones": 1, "ask": true}),
    );
    let mut client = tools.node("npm_client.js", &errand);
    assert_eq!(client.hear("unbound", 1).await, [0]);
    let bound = json!({"status": 0, "name": "watchbell", "sc_interface_version": 0x34});
    assert_eq!(client.told("bound"), [bound]);
    assert_eq!(client.told("here"), [0]);
    assert_eq!(
        client.told("query"),
        [json!({"command": "generic_nack", "status": 3})]
    );
    assert_eq!(
        client.told("phone"),
        [json!({"from": phone(3).expose(), "text": "收到"})]
    );
    receipts_fit(&client, &carrier, 24);
    assert_eq!(
        carrier.counts().malformed,
        1,
        "the question that it does not serve"
    );
    assert_eq!(
        (carrier.counts().segments, carrier.counts().recipients),
        (24, 22)
    );
    client.hear("closed", 1).await;
    client.end().await;
}
