//! The golden vectors: bytes that other implementations produced, and broken ones.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what is wrong")]

use std::{env, fs, path::Path};

use bytes::{Bytes, BytesMut};
use serde_json::{Map, Value, json};
use watchbell_wire::{
    DecodeErrorKind, FixedStr, Limits,
    cmpp::{
        Deliver, Frame, Pdu, Report, Submit, Version,
        auth::{self, SpIdForm, StatusWidth},
        decode,
    },
    text::{self, Coding},
    udh,
};

/// `None` only where the environment allows the vectors to be away.
fn vectors(name: &str) -> Option<Vec<Value>> {
    if env::var_os("WATCHBELL_NO_SHARED_VECTORS").is_some() {
        return None;
    }
    let path = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/vectors"
    ))
    .join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "golden vectors {} cannot be read ({error}); set WATCHBELL_NO_SHARED_VECTORS to do without",
            path.display()
        )
    });
    let vectors: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(!vectors.is_empty(), "{name} is empty");
    Some(vectors)
}

fn bytes_of(vector: &Value) -> Vec<u8> {
    hex::decode(vector["hex"].as_str().unwrap()).unwrap()
}

fn decode_whole(name: &str, bytes: &[u8], version: Version) -> Frame {
    match decode(bytes, version, &Limits::default()) {
        Ok(watchbell_wire::cmpp::Decoded::Frame(frame, consumed)) => {
            assert_eq!(consumed, bytes.len(), "{name}");
            frame
        }
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn base_vectors_decode_to_their_fields_and_encode_to_the_same_bytes() {
    for (file, version) in [("cmpp20.json", Version::V20), ("cmpp30.json", Version::V30)] {
        let Some(vectors) = vectors(file) else { return };
        for vector in vectors.iter().filter(|v| v.get("variant_of").is_none()) {
            let name = vector["name"].as_str().unwrap();
            let bytes = bytes_of(vector);
            let frame = decode_whole(name, &bytes, version);
            check_fields(name, vector, &frame, version);
            let encoded = frame.to_bytes(version).unwrap();
            assert_eq!(hex::encode(&encoded), hex::encode(&bytes), "{name}");
        }
    }
}

/// Variants differ from their base in a digest (the same layout, so they encode to themselves) or in the
/// size of a code (so they encode to the base).
#[test]
fn variants_decode_and_encode_to_the_base_form() {
    for (file, version) in [("cmpp20.json", Version::V20), ("cmpp30.json", Version::V30)] {
        let Some(vectors) = vectors(file) else { return };
        for vector in vectors.iter().filter(|v| v.get("variant_of").is_some()) {
            let name = vector["name"].as_str().unwrap();
            let bytes = bytes_of(vector);
            let frame = decode_whole(name, &bytes, version);
            check_fields(name, vector, &frame, version);
            let expected = match frame.pdu {
                Pdu::Connect(_) | Pdu::ConnectResp(_) => bytes,
                _ => {
                    let base = vectors.iter().find(|v| v["name"] == vector["variant_of"]);
                    bytes_of(base.unwrap())
                }
            };
            assert_eq!(frame.to_bytes(version).unwrap(), expected, "{name}");
        }
    }
}

/// Compares every field of the vector; a field this test does not know fails it.
fn check_fields(name: &str, vector: &Value, frame: &Frame, version: Version) {
    let expected = vector["fields"].as_object().unwrap();
    let actual = fields(frame, expected, name, version);
    for (key, value) in expected {
        if key == "shared_secret" || is_digest_input(frame, key) {
            continue;
        }
        assert_eq!(actual.get(key), Some(value), "{name}: {key}");
    }
}

fn is_digest_input(frame: &Frame, key: &str) -> bool {
    matches!(frame.pdu, Pdu::ConnectResp(_)) && key == "authenticator_source_hex"
}

fn fields(
    frame: &Frame,
    expected: &Map<String, Value>,
    name: &str,
    version: Version,
) -> Map<String, Value> {
    let mut fields = match &frame.pdu {
        Pdu::Connect(c) => {
            let secret = expected["shared_secret"].as_str().unwrap().as_bytes();
            assert!(auth::verify(c, secret), "{name}");
            assert!(!auth::verify(c, b"another"), "{name}");
            let form = if name.ends_with("padded-id") {
                SpIdForm::Padded
            } else {
                SpIdForm::Bare
            };
            let id = c.source_addr.as_bytes();
            let digest = auth::authenticator_source(id, secret, c.timestamp, form);
            assert_eq!(digest, c.authenticator_source, "{name}");
            json!({
                "source_addr": text_of(&c.source_addr),
                "authenticator_source_hex": hex::encode(c.authenticator_source),
                "version": hex::encode([c.version]),
                "timestamp": c.timestamp,
            })
        }
        Pdu::ConnectResp(c) => {
            let width = if name.ends_with("status4") {
                StatusWidth::Four
            } else {
                version.into()
            };
            let source = hex::decode(expected["authenticator_source_hex"].as_str().unwrap());
            let digest = auth::authenticator_ismg(
                c.status,
                &source.unwrap().try_into().unwrap(),
                expected["shared_secret"].as_str().unwrap().as_bytes(),
                width,
            );
            assert_eq!(digest, c.authenticator_ismg, "{name}");
            json!({
                "status": c.status.0,
                "authenticator_ismg_hex": hex::encode(c.authenticator_ismg),
                "version": hex::encode([c.version]),
            })
        }
        Pdu::Submit(submit) => submit_fields(submit),
        Pdu::SubmitResp(resp) => {
            json!({ "msg_id_hex": resp.msg_id.to_string(), "result": resp.result.0 })
        }
        Pdu::Deliver(deliver) => deliver_fields(name, deliver, version),
        Pdu::DeliverResp(resp) => {
            json!({ "msg_id_hex": resp.msg_id.to_string(), "result": resp.result.0 })
        }
        Pdu::Query(q) => json!({
            "time": text_of(&q.time),
            "query_type": q.query_type,
            "query_code": text_of(&q.query_code),
            "reserve": text_of(&q.reserve),
        }),
        Pdu::QueryResp(q) => json!({
            "time": text_of(&q.time),
            "query_type": q.query_type,
            "query_code": text_of(&q.query_code),
            "mt_tlmsg": q.mt_tlmsg,
            "mt_tlusr": q.mt_tlusr,
            "mt_scs": q.mt_scs,
            "mt_wt": q.mt_wt,
            "mt_fl": q.mt_fl,
            "mo_scs": q.mo_scs,
            "mo_wt": q.mo_wt,
            "mo_fl": q.mo_fl,
        }),
        Pdu::Cancel(cancel) => json!({ "msg_id_hex": cancel.msg_id.to_string() }),
        Pdu::CancelResp(resp) => json!({ "success_id": resp.success_id }),
        Pdu::ActiveTestResp => json!({ "reserved": 0 }),
        Pdu::Terminate | Pdu::TerminateResp | Pdu::ActiveTest => json!({}),
    };
    fields["sequence_id"] = frame.sequence.into();
    fields.as_object().unwrap().clone()
}

fn submit_fields(s: &Submit) -> Value {
    let receivers: Vec<String> = s.dest_terminal_ids.iter().map(text_of).collect();
    json!({
        "msg_id_hex": s.msg_id.to_string(),
        "pk_total": s.pk_total,
        "pk_number": s.pk_number,
        "registered_delivery": s.registered_delivery,
        "msg_level": s.msg_level,
        "service_id": text_of(&s.service_id),
        "fee_user_type": s.fee_user_type,
        "fee_terminal_id": text_of(&s.fee_terminal_id),
        "fee_terminal_type": s.fee_terminal_type,
        "tp_pid": s.tp_pid,
        "tp_udhi": s.tp_udhi,
        "msg_fmt": s.msg_fmt,
        "msg_src": text_of(&s.msg_src),
        "fee_type": text_of(&s.fee_type),
        "fee_code": text_of(&s.fee_code),
        "valid_time": text_of(&s.valid_time),
        "at_time": text_of(&s.at_time),
        "src_id": text_of(&s.src_id),
        "dest_terminal_ids": receivers,
        "dest_terminal_type": s.dest_terminal_type,
        "msg_content_hex": hex::encode(&s.msg_content),
        "text": content_text(s.msg_fmt, &s.msg_content),
        "reserve": text_of(&s.reserve),
        "link_id": text_of(&s.link_id),
    })
}

fn deliver_fields(name: &str, d: &Deliver, version: Version) -> Value {
    json!({
        "msg_id_hex": d.msg_id.to_string(),
        "dest_id": text_of(&d.dest_id),
        "service_id": text_of(&d.service_id),
        "tp_pid": d.tp_pid,
        "tp_udhi": d.tp_udhi,
        "msg_fmt": d.msg_fmt,
        "src_terminal_id": text_of(&d.src_terminal_id),
        "src_terminal_type": d.src_terminal_type,
        "registered_delivery": d.registered_delivery,
        "msg_content_hex": hex::encode(&d.msg_content),
        "text": content_text(d.msg_fmt, &d.msg_content),
        "report": d.report().map(|report| {
            assert_eq!(report.build(version).unwrap(), d.msg_content, "{name}");
            report_fields(&report)
        }),
        "reserve": text_of(&d.reserve),
        "link_id": text_of(&d.link_id),
    })
}

fn report_fields(report: &Report) -> Value {
    json!({
        "msg_id_hex": report.msg_id.to_string(),
        "stat": report.stat.to_string(),
        "submit_time": text_of(&report.submit_time),
        "done_time": text_of(&report.done_time),
        "dest_terminal_id": text_of(&report.dest_terminal_id),
        "smsc_sequence": report.smsc_sequence,
    })
}

fn text_of<const N: usize>(text: &FixedStr<N>) -> String {
    text.as_str().unwrap().to_owned()
}

/// The text; encoding it again must give the content back.
fn content_text(msg_fmt: u8, content: &Bytes) -> Option<String> {
    let coding = Coding::from_msg_fmt(msg_fmt);
    let decoded = text::decode(content, coding)?;
    if !decoded.lossy
        && let Ok(encoded) = text::encode(&decoded.text, coding)
    {
        assert_eq!(encoded, content[..]);
    }
    Some(decoded.text)
}

/// What the decoder did, in the words of the vectors.
fn behaviour(bytes: &[u8], version: Version) -> &'static str {
    match decode(bytes, version, &Limits::default()) {
        Ok(watchbell_wire::cmpp::Decoded::Incomplete { .. }) => "need_more",
        Ok(watchbell_wire::cmpp::Decoded::Frame(frame, _)) => match frame.pdu {
            Pdu::Submit(s) if s.has_udh() && udh::parse(&s.msg_content).is_err() => "bad_udh",
            Pdu::Deliver(d) if d.has_udh() && udh::parse(&d.msg_content).is_err() => "bad_udh",
            _ => "accepted",
        },
        Err(error) => match error.kind {
            DecodeErrorKind::BadLength { .. } => "bad_length",
            DecodeErrorKind::UnknownCommand { .. } => "unknown_command",
            DecodeErrorKind::BadBody { .. } => "bad_body",
        },
    }
}

#[test]
fn malformed_vectors_behave_as_expected() {
    for (file, version) in [
        ("cmpp20_malformed.json", Version::V20),
        ("cmpp30_malformed.json", Version::V30),
    ] {
        let Some(vectors) = vectors(file) else { return };
        for vector in vectors {
            let name = vector["name"].as_str().unwrap();
            let actual = behaviour(&bytes_of(&vector), version);
            let expected = match vector["expect"].as_str().unwrap() {
                "report_2.0_size" | "report_3.0_size" => "accepted",
                expected => expected,
            };
            let tolerated = vector["lenient_ok"] == true && actual == "accepted";
            assert!(actual == expected || tolerated, "{name}: {actual}");
        }
    }
}

#[test]
fn parts_of_our_own_equal_the_vectors() {
    let Some(vectors) = vectors("cmpp20.json") else {
        return;
    };
    for kind in ["udh6_ucs2", "udh7_ucs2"] {
        let mut whole = BytesMut::new();
        let mut contents = Vec::new();
        let mut reference = None;
        for part in ["p1", "p2"] {
            let name = format!("cmpp2-submit-{kind}_{part}");
            let vector = vectors.iter().find(|v| v["name"] == name.as_str()).unwrap();
            let content = hex::decode(vector["fields"]["msg_content_hex"].as_str().unwrap());
            let content = content.unwrap();
            let data = udh::parse(&content).unwrap();
            whole.extend_from_slice(data.payload);
            reference = data.concat.map(|concat| concat.reference);
            contents.push(Bytes::from(content));
        }
        let text = text::decode(&whole, Coding::Ucs2).unwrap().text;
        let parts = udh::split_ucs2(&text, reference.unwrap()).unwrap();
        let ours: Vec<Bytes> = parts.into_iter().map(|part| part.content).collect();
        assert_eq!(ours, contents, "{kind}");
    }
}
