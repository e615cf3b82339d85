//! tshark reads what our gateways and simulated carriers say to each other: nothing malformed, and every field
//! as we read it. It knows SMPP and CMPP 3.0; of SGIP and SMGP it has nothing.

use std::{collections::BTreeMap, path::Path, time::Duration};

use watchbell::{
    config::{Kind, Secret},
    gateway::{Event, Notice, SegmentPlace, Submit, pdu},
    simulate::{Faults, Settings, Simulator, SubmitRefusal},
};
use watchbell_wire::{
    View,
    view::{Fields, Value},
};

use crate::{
    gateway_stories::extra,
    harness::foreign::{Tools, tools},
    harness::gateway::*,
    harness::program::eventually,
    harness::wiretap::{Side, Wiretap},
};

/// Between fields, and between the values of one; no text has them.
const FIELDS: char = '\u{1e}';
const VALUES: char = '\u{1f}';

/// The bit of an answer's command.
const RESPONSE: u32 = 0x8000_0000;

/// A protocol, as tshark calls it, and its fields: tshark's names and ours.
struct Dissector {
    kind: Kind,
    name: &'static str,
    port: u16,
    fields: &'static [(&'static str, &'static str)],
    /// A code that refuses for good.
    refused: u8,
    /// The question whether the other side is there.
    asking: &'static str,
}

const SMPP: Dissector = Dissector {
    kind: Kind::Smpp34,
    name: "smpp",
    port: 2_775,
    fields: &[
        ("smpp.command_id", "command_id"),
        ("smpp.command_status", "command_status"),
        ("smpp.sequence_number", "sequence_number"),
        ("smpp.system_id", "system_id"),
        ("smpp.password", "password"),
        ("smpp.interface_version", "interface_version"),
        ("smpp.SC_interface_version", "sc_interface_version"),
        ("smpp.source_addr", "source_addr"),
        ("smpp.destination_addr", "destination_addr"),
        ("smpp.data_coding", "data_coding"),
        ("smpp.message", "short_message_hex"),
        ("smpp.message_text", "text"),
        ("smpp.message_id", "message_id"),
        ("smpp.receipted_message_id", "receipted_message_id"),
        ("smpp.message_state", "message_state"),
    ],
    refused: 0x45,
    asking: "enquire_link",
};

/// A conversation with everything in it: a refused login, a login, short and long texts, refusals, reports,
/// texts from phones, questions from both sides, a unbind.
async fn conversation(dissector: &Dissector) -> Wiretap {
    let rule = |suffix: &str, result| SubmitRefusal {
        suffix: suffix.to_owned(),
        part: None,
        result,
    };
    let too_fast = if dissector.kind == Kind::Smpp34 {
        0x58
    } else {
        8
    };
    let carrier = Simulator::start(Settings {
        protocol: dissector.kind,
        undelivered_percent: 30.0,
        refusals: vec![rule("04", dissector.refused), rule("05", too_fast)],
        faults: Faults {
            out_of_order: 20.0,
            ..Faults::default()
        },
        active_test: Duration::from_millis(200),
        ..carrier()
    })
    .await
    .unwrap();
    let tap = Wiretap::before(carrier.address()).await;
    let mut config = config(tap.address);
    config.kind = dissector.kind;
    config.password = Secret::new("wrong");
    let mut pair = Pair::open(&config);
    let refused = |e: &Event| matches!(e, Event::Notice(Notice::LoginRefused { .. }));
    pair.until("the refusal", |received| received.iter().any(refused))
        .await;
    pair.close().await;

    // Then over a link on which we ask, and over one on which the carrier does: who is asked has no need to.
    config.password = Secret::new(PASSWORD);
    config.extra = extra("keep_alive = \"40ms\"");
    let pair = Pair::open(&config);
    asked(dissector, &tap, Side::Client).await;
    pair.close().await;
    config.extra.clear();
    let mut pair = Pair::open(&config);
    let up = |e: &Event| matches!(e, Event::LinkUp(_));
    pair.until("the link", |received| received.iter().any(up))
        .await;
    let mut all: Vec<_> = (1..=40).map(submit).collect();
    all.extend((1..=3).map(part));
    pair.gateway.submit(all);
    carrier.inject_mo(phone(6), "退订");
    carrier.inject_mo(phone(7), &"已收到，".repeat(40));
    // Two of them are refused.
    pair.until("all answers, reports and texts", |received| {
        answers(received).count() == 43 && reports(received).len() == 41 && mos(received).len() == 2
    })
    .await;
    eventually("all of it is acknowledged", async || carrier.pending() == 0).await;
    asked(dissector, &tap, Side::Server).await;
    pair.close().await;
    assert_eq!(carrier.counts().malformed, 0);
    tap
}

/// One of three parts.
fn part(number: u8) -> Submit {
    Submit {
        part: SegmentPlace {
            number,
            total: 3,
            reference: 9,
        },
        text: "安".repeat(60 + usize::from(number)),
        phone: phone(50),
        ..submit(40 + u32::from(number))
    }
}

async fn asked(dissector: &Dissector, tap: &Wiretap, side: Side) {
    eventually("a question whether the other is there", async || {
        let said = (0..tap.connections()).map(|connection| tap.said(connection, side));
        let mut pdus = said.flat_map(|said| views(dissector.kind, &said));
        pdus.any(|view| view.pdu == dissector.asking)
    })
    .await;
}

/// The PDUs that one side said, as we read them.
fn views(kind: Kind, mut said: &[u8]) -> Vec<View> {
    let mut views = Vec::new();
    while let Some(length) = said.first_chunk() {
        let Some((whole, rest)) = said.split_at_checked(u32::from_be_bytes(*length) as usize)
        else {
            // The rest is on its way.
            break;
        };
        views.push(pdu::decode(kind, whole).unwrap());
        said = rest;
    }
    views
}

/// Every value under a name, or under a PDU's and a name, also inside structures, in their order.
fn ours(views: &[View], name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for view in views {
        let field = match name.split_once('.') {
            Some((pdu, field)) if pdu == view.pdu => field,
            Some(_) => continue,
            None => name,
        };
        match field {
            "command_id" => found.push(view.command_id.to_string()),
            // tshark reads it where it says something.
            "command_status" if view.command_id & RESPONSE == 0 => {}
            "text" => found.extend(text(view)),
            field => collect(&view.fields, field, &mut found),
        }
    }
    found.retain(|value| !value.is_empty());
    found
}

fn collect(fields: &Fields, name: &str, found: &mut Vec<String>) {
    for (field, value) in &fields.0 {
        match value {
            Value::Map(inside) => collect(inside, name, found),
            _ if field != name => {}
            Value::Number(number) => found.push(number.to_string()),
            // Ids of eight octets are numbers to tshark.
            Value::Text(hex) if name == "msg_id_hex" => {
                found.push(u64::from_str_radix(hex, 16).unwrap().to_string());
            }
            Value::Text(text) => found.push(text.clone()),
            Value::List(values) => found.extend(values.iter().map(|value| match value {
                Value::Text(text) => text.clone(),
                other => panic!("{other:?}"),
            })),
        }
    }
}

/// What an SMPP message says, without its user data header.
fn text(view: &View) -> Option<String> {
    let value = |name| view.fields.find(name);
    let Some(Value::Text(content)) = value("short_message_hex") else {
        return None;
    };
    let content = hex::decode(content).unwrap();
    let head = match value("esm_class") {
        Some(Value::Number(class)) if class & 0x40 != 0 => 1 + usize::from(content[0]),
        _ => 0,
    };
    let content = &content[head..];
    if value("data_coding") == Some(&Value::Number(0)) {
        return Some(String::from_utf8(content.to_vec()).unwrap());
    }
    let units = content
        .chunks(2)
        .map(|two| u16::from_be_bytes([two[0], two[1]]));
    Some(String::from_utf16(&units.collect::<Vec<_>>()).unwrap())
}

/// A number in either base as a decimal one.
fn plain(value: &str) -> String {
    let number = value
        .strip_prefix("0x")
        .map(|hex| u64::from_str_radix(hex, 16));
    match number {
        Some(Ok(number)) => number.to_string(),
        _ => value.to_owned(),
    }
}

impl Dissector {
    /// What tshark shows of the packets that `filter` lets through.
    async fn show(&self, tools: &Tools, file: &Path, filter: &str, fields: &[&str]) -> String {
        let file = file.display().to_string();
        let decode_as = format!("tcp.port=={},{}", self.port, self.name);
        let (separator, aggregator) = (
            format!("separator={FIELDS}"),
            format!("aggregator={VALUES}"),
        );
        let mut args = vec!["-r", &file, "-d", &decode_as, "-Y", filter];
        // Receipts are in the default alphabet, which is not shown by default.
        args.extend(["-o", "smpp.decode_sms_over_smpp:ASCII"]);
        if !fields.is_empty() {
            args.extend(["-T", "fields", "-E", "occurrence=a"]);
            args.extend(["-E", &separator, "-E", &aggregator]);
        }
        for field in fields {
            args.extend(["-e", field]);
        }
        tools.tshark(args).await
    }

    /// Compares all of a conversation; gives what was compared, by tshark's names.
    async fn reads(&self, tools: &Tools) -> BTreeMap<&'static str, Vec<String>> {
        let tap = conversation(self).await;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("conversation.pcap");
        tap.write(&file, self.port);
        let wrong = "_ws.malformed || _ws.expert.severity == error";
        assert_eq!(self.show(tools, &file, wrong, &[]).await, "");
        let mut compared = BTreeMap::<_, Vec<String>>::new();
        let theirs: Vec<_> = self.fields.iter().map(|(theirs, _)| *theirs).collect();
        for connection in 0..tap.connections() {
            for (side, end) in [(Side::Client, "src"), (Side::Server, "dst")] {
                let port = Wiretap::client_port(connection);
                let filter = format!("{} && tcp.{end}port == {port}", self.name);
                let shown = self.show(tools, &file, &filter, &theirs).await;
                let views = views(self.kind, &tap.said(connection, side));
                for (n, (theirs, name)) in self.fields.iter().enumerate() {
                    let read: Vec<_> = shown
                        .lines()
                        .filter_map(|line| line.split(FIELDS).nth(n))
                        .flat_map(|values| values.split(VALUES))
                        .filter(|value| !value.is_empty())
                        .map(plain)
                        .collect();
                    let ours = ours(&views, name);
                    assert_eq!(read, ours, "{theirs}, {side:?} of connection {connection}");
                    compared.entry(*theirs).or_default().extend(ours);
                }
            }
        }
        for (field, values) in &compared {
            assert!(!values.is_empty(), "{field} did not occur");
        }
        compared
    }
}

const CMPP: Dissector = Dissector {
    kind: Kind::Cmpp30,
    name: "cmpp",
    port: 7_890,
    // It names the content's place only, and nothing of it.
    fields: &[
        ("cmpp.Command_Id", "command_id"),
        ("cmpp.Sequence_Id", "sequence_id"),
        ("cmpp.connect.Source_Addr", "source_addr"),
        ("cmpp.connect_resp.Status", "connect_resp.status"),
        ("cmpp.Msg_Id", "msg_id_hex"),
        ("cmpp.submit.Pk_total", "pk_total"),
        ("cmpp.submit.Pk_number", "pk_number"),
        (
            "cmpp.submit.Registered_Delivery",
            "submit.registered_delivery",
        ),
        ("cmpp.Msg_Fmt", "msg_fmt"),
        ("cmpp.TP_udhi", "tp_udhi"),
        ("cmpp.submit.Msg_src", "msg_src"),
        ("cmpp.submit.Src_Id", "src_id"),
        ("cmpp.submit_resp.Result", "submit_resp.result"),
        ("cmpp.deliver.Dest_Id", "dest_id"),
        ("cmpp.deliver.Src_terminal_Id", "src_terminal_id"),
        ("cmpp.deliver.Report.Status", "stat"),
        ("cmpp.deliver.Report.Submit_time", "submit_time"),
        ("cmpp.deliver.Report.Done_time", "done_time"),
        ("cmpp.Report.SMSC_sequence", "smsc_sequence"),
        ("cmpp.deliver_resp.Result", "deliver_resp.result"),
    ],
    refused: 10,
    asking: "active_test",
};

#[tokio::test]
async fn smpp_is_read_by_tshark() {
    let Some(tools) = tools() else { return };
    let compared = SMPP.reads(&tools).await;
    let texts = &compared["smpp.message_text"];
    let times = |text: &str| texts.iter().filter(|t| t.contains(text)).count();
    assert_eq!(
        (times(&submit(1).text), times("退订"), times("stat:")),
        (40, 1, 41)
    );
    assert_eq!(
        (1..=3).map(|n| times(&part(n).text)).collect::<Vec<_>>(),
        [3, 2, 1]
    );
    let statuses = &compared["smpp.command_status"];
    for refused in [14, 0x45, 0x58] {
        assert!(statuses.contains(&refused.to_string()), "{refused}");
    }
}

#[tokio::test]
async fn cmpp_3_is_read_by_tshark() {
    let Some(tools) = tools() else { return };
    let compared = CMPP.reads(&tools).await;
    assert_eq!(compared["cmpp.deliver.Report.Status"].len(), 41);
    assert!(compared["cmpp.connect_resp.Status"].contains(&"3".to_owned()));
    let results = &compared["cmpp.submit_resp.Result"];
    assert!(
        ["0", "8", "10"]
            .iter()
            .all(|result| results.contains(&(*result).to_owned()))
    );
}
