//! The golden vectors: bytes that other implementations produced, and broken ones.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what is wrong")]

#[expect(dead_code, unreachable_pub, reason = "shared by the test binaries")]
mod support;

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use support::{base_of, bytes_of, is_variant, name_of, vectors};
use watchbell_wire::{
    DecodeErrorKind, Decoded, Frame, FrameLimits, Protocol, cmpp, decode, sgip, smgp,
    text::{self, Coding},
    udh,
    view::Describe,
};

fn decode_whole<P: Protocol>(name: &str, bytes: &[u8], version: P::Version) -> Frame<P> {
    match decode(bytes, version, &FrameLimits::default()) {
        Ok(Decoded::Frame(frame, consumed)) => {
            assert_eq!(consumed, bytes.len(), "{name}");
            frame
        }
        other => panic!("{name}: {other:?}"),
    }
}

/// Inputs of a digest, which are not on the wire.
fn is_digest_input(pdu: &str, key: &str) -> bool {
    matches!(
        (pdu, key),
        (_, "shared_secret")
            | ("connect_resp", "authenticator_source_hex")
            | ("login_resp", "authenticator_client_hex")
    )
}

/// The view has the vector's PDU and fields, all of them and no others.
fn check_view<P: Describe>(vector: &Value, frame: &Frame<P>, version: P::Version) {
    let name = name_of(vector);
    let view: Value = serde_json::from_str(&frame.view(version).to_string()).unwrap();
    assert_eq!(view["pdu"], vector["pdu"], "{name}");
    let command_id = u32::from_be_bytes(bytes_of(vector)[4..8].try_into().unwrap());
    assert_eq!(view["command_id"], json!(command_id), "{name}");
    let mut expected = vector["fields"].as_object().unwrap().clone();
    expected.retain(|key, _| !is_digest_input(vector["pdu"].as_str().unwrap(), key));
    assert_eq!(view["fields"], Value::Object(expected), "{name}");
}

fn base_vectors_of<P: Describe>(file: &str, version: P::Version) {
    let Some(vectors) = vectors(file) else { return };
    for vector in vectors.iter().filter(|v| !is_variant(v)) {
        let name = name_of(vector);
        let bytes = bytes_of(vector);
        let frame: Frame<P> = decode_whole(name, &bytes, version);
        check_view(vector, &frame, version);
        let encoded = frame.to_bytes(version).unwrap();
        assert_eq!(hex::encode(&encoded), hex::encode(&bytes), "{name}");
    }
}

#[test]
fn base_vectors_decode_to_their_fields_and_encode_to_the_same_bytes() {
    base_vectors_of::<cmpp::Cmpp>("cmpp20.json", cmpp::Version::V20);
    base_vectors_of::<cmpp::Cmpp>("cmpp30.json", cmpp::Version::V30);
    base_vectors_of::<sgip::Sgip>("sgip.json", sgip::Version::V12);
    base_vectors_of::<smgp::Smgp>("smgp.json", smgp::Version::V30);
}

/// `to_base` makes of a variant's PDU what its base says: another digest, a report built anew. What
/// differs only in size or order needs nothing.
fn variants_of<P: Describe>(
    file: &str,
    version: P::Version,
    to_base: impl Fn(&mut P::Pdu, &P::Pdu),
) {
    let Some(vectors) = vectors(file) else { return };
    for vector in vectors.iter().filter(|v| is_variant(v)) {
        let name = name_of(vector);
        let mut frame: Frame<P> = decode_whole(name, &bytes_of(vector), version);
        check_view(vector, &frame, version);
        let base = bytes_of(base_of(vector, &vectors));
        to_base(&mut frame.pdu, &decode_whole::<P>(name, &base, version).pdu);
        let encoded = frame.to_bytes(version).unwrap();
        assert_eq!(hex::encode(encoded), hex::encode(base), "{name}");
    }
}

#[test]
fn variants_decode_and_encode_to_the_base_form() {
    for (file, version) in [
        ("cmpp20.json", cmpp::Version::V20),
        ("cmpp30.json", cmpp::Version::V30),
    ] {
        variants_of::<cmpp::Cmpp>(file, version, |pdu, base| match (pdu, base) {
            (cmpp::Pdu::Connect(pdu), cmpp::Pdu::Connect(base)) => {
                assert_ne!(pdu.authenticator_source, base.authenticator_source);
                pdu.authenticator_source = base.authenticator_source;
            }
            (cmpp::Pdu::ConnectResp(pdu), cmpp::Pdu::ConnectResp(base)) => {
                pdu.authenticator_ismg = base.authenticator_ismg;
            }
            _ => {}
        });
    }
    variants_of::<smgp::Smgp>("smgp.json", smgp::Version::V30, |pdu, base| {
        match (pdu, base) {
            (smgp::Pdu::LoginResp(pdu), smgp::Pdu::LoginResp(base)) => {
                pdu.authenticator_server = base.authenticator_server;
            }
            (smgp::Pdu::Deliver(pdu), _) if pdu.is_report() => {
                pdu.msg_content = pdu.report().unwrap().build().unwrap();
            }
            _ => {}
        }
    });
}

#[cfg(feature = "smpp")]
mod of_smpp {
    use watchbell_wire::smpp::{
        Message, Smpp, Version,
        rusmpp_core::{CommandStatus, pdus::owned::Pdu},
    };

    use super::*;

    const VERSION: Version = Version::V34;

    #[test]
    fn base_vectors_decode_to_their_fields_and_encode_to_the_same_bytes() {
        base_vectors_of::<Smpp>("smpp.json", VERSION);
    }

    /// Parameters in another order mean the same, but are kept in their order.
    #[test]
    fn variants_decode_and_encode_to_the_base_form() {
        variants_of::<Smpp>("smpp.json", VERSION, |pdu, base| {
            let (Some(Pdu::DeliverSm(deliver)), Some(Pdu::DeliverSm(base))) =
                (pdu.body(), base.body())
            else {
                assert_ne!(pdu.status, CommandStatus::EsmeRok);
                return;
            };
            let mut tlvs = deliver.tlvs().to_vec();
            tlvs.sort_by_key(|tlv| base.tlvs().iter().position(|of_base| of_base == tlv));
            assert_eq!(tlvs, base.tlvs());
            let mut ordered = base.clone();
            ordered.set_short_message(deliver.short_message().clone());
            *pdu = Message::with_status(pdu.status, ordered);
        });
    }

    #[test]
    fn malformed_vectors_behave_as_expected() {
        for limits in [FrameLimits::default(), watchbell_wire::smpp::LIMITS] {
            malformed_within::<Smpp>("smpp_malformed.json", VERSION, limits, |_| None);
        }
    }
}

#[test]
fn digests_of_cmpp_are_the_vectors() {
    use cmpp::auth::{SpIdForm, StatusWidth, authenticator_ismg, authenticator_source, verify};
    for (file, version) in [
        ("cmpp20.json", cmpp::Version::V20),
        ("cmpp30.json", cmpp::Version::V30),
    ] {
        for vector in vectors(file).unwrap_or_default() {
            let name = name_of(&vector);
            let frame: cmpp::Frame = decode_whole(name, &bytes_of(&vector), version);
            let secret = vector["fields"]["shared_secret"].as_str().unwrap_or("");
            match frame.pdu {
                cmpp::Pdu::Connect(c) => {
                    assert!(verify(&c, secret.as_bytes()), "{name}");
                    assert!(!verify(&c, b"another"), "{name}");
                    let form = match name.ends_with("padded-id") {
                        true => SpIdForm::Padded,
                        false => SpIdForm::Bare,
                    };
                    let id = c.source_addr.as_bytes();
                    let digest = authenticator_source(id, secret.as_bytes(), c.timestamp, form);
                    assert_eq!(digest, c.authenticator_source, "{name}");
                }
                cmpp::Pdu::ConnectResp(c) => {
                    let width = match name.ends_with("status4") {
                        true => StatusWidth::Four,
                        false => version.into(),
                    };
                    let source = digest_input(&vector, "authenticator_source_hex");
                    let digest = authenticator_ismg(c.status, &source, secret.as_bytes(), width);
                    assert_eq!(digest, c.authenticator_ismg, "{name}");
                }
                _ => {}
            }
        }
    }
}

#[test]
fn digests_of_smgp_are_the_vectors() {
    use smgp::auth::{
        ClientIdForm, StatusWidth, authenticator_client, authenticator_server, verify,
    };
    for vector in vectors("smgp.json").unwrap_or_default() {
        let name = name_of(&vector);
        let frame: smgp::Frame = decode_whole(name, &bytes_of(&vector), smgp::Version::V30);
        let secret = vector["fields"]["shared_secret"].as_str().unwrap_or("");
        match frame.pdu {
            smgp::Pdu::Login(login) => {
                assert!(verify(&login, secret.as_bytes()), "{name}");
                assert!(!verify(&login, b"another"), "{name}");
                let id = login.client_id.as_bytes();
                let bare = ClientIdForm::Bare;
                let digest = authenticator_client(id, secret.as_bytes(), login.timestamp, bare);
                assert_eq!(digest, login.authenticator_client, "{name}");
            }
            smgp::Pdu::LoginResp(resp) => {
                let width = match name.ends_with("status1") {
                    true => StatusWidth::One,
                    false => StatusWidth::Four,
                };
                let client = digest_input(&vector, "authenticator_client_hex");
                let digest = authenticator_server(resp.status, &client, secret.as_bytes(), width);
                assert_eq!(digest, resp.authenticator_server, "{name}");
            }
            _ => {}
        }
    }
}

fn digest_input(vector: &Value, key: &str) -> [u8; 16] {
    let hex = vector["fields"][key].as_str().unwrap();
    hex::decode(hex).unwrap().try_into().unwrap()
}

#[test]
fn reports_of_the_vectors_are_built_to_the_same_bytes() {
    for (file, version) in [
        ("cmpp20.json", cmpp::Version::V20),
        ("cmpp30.json", cmpp::Version::V30),
    ] {
        let mut reports = 0;
        for vector in vectors(file).unwrap_or_default() {
            let name = name_of(&vector);
            let frame: cmpp::Frame = decode_whole(name, &bytes_of(&vector), version);
            if let cmpp::Pdu::Deliver(deliver) = frame.pdu
                && let Some(report) = deliver.report()
            {
                reports += 1;
                assert_eq!(
                    report.build(version).unwrap(),
                    deliver.msg_content,
                    "{name}"
                );
            }
        }
        assert!(reports > 10 || vectors(file).is_none());
    }
}

/// Texts of the contents, written again, are the contents.
#[test]
fn texts_of_the_vectors_are_encoded_to_the_same_bytes() {
    for file in ["cmpp20.json", "cmpp30.json", "sgip.json", "smgp.json"] {
        for vector in vectors(file).unwrap_or_default() {
            let fields = &vector["fields"];
            let of = |keys: [&str; 3]| keys.into_iter().find_map(|key| fields.get(key));
            let coding = of(["msg_fmt", "message_coding", "msg_format"]);
            let content = of(["msg_content_hex", "message_content_hex", ""]);
            if let (Some(text), Some(coding), Some(content)) = (fields.get("text"), coding, content)
            {
                let coding = Coding::from_msg_fmt(coding.as_u64().unwrap() as u8);
                let encoded = text::encode(text.as_str().unwrap(), coding).unwrap();
                assert_eq!(hex::encode(encoded), *content, "{}", name_of(&vector));
            }
        }
    }
}

/// What the decoder did, in the words of the vectors. `content` is what starts with a user data header.
fn behaviour<P: Protocol>(
    bytes: &[u8],
    version: P::Version,
    limits: FrameLimits,
    content: impl Fn(&P::Pdu) -> Option<&Bytes>,
) -> &'static str {
    match decode::<P>(bytes, version, &limits) {
        Ok(Decoded::Incomplete { .. }) => "need_more",
        Ok(Decoded::Frame(frame, _)) => match content(&frame.pdu) {
            Some(content) if udh::parse(content).is_err() => "bad_udh",
            _ => "accepted",
        },
        Err(error) => {
            // The reason says where.
            assert!(!error.field.is_empty() && !error.to_string().is_empty());
            match error.kind {
                DecodeErrorKind::BadLength { .. } => "bad_length",
                DecodeErrorKind::UnknownCommand { .. } => "unknown_command",
                DecodeErrorKind::BadBody { .. } => "bad_body",
            }
        }
    }
}

fn malformed_of<P: Protocol>(
    file: &str,
    version: P::Version,
    content: impl Fn(&P::Pdu) -> Option<&Bytes>,
) {
    malformed_within::<P>(file, version, FrameLimits::default(), content);
}

fn malformed_within<P: Protocol>(
    file: &str,
    version: P::Version,
    limits: FrameLimits,
    content: impl Fn(&P::Pdu) -> Option<&Bytes>,
) {
    for vector in vectors(file).unwrap_or_default() {
        let name = name_of(&vector);
        let actual = behaviour::<P>(&bytes_of(&vector), version, limits, &content);
        let expected = match vector["expect"].as_str().unwrap() {
            "report_2.0_size" | "report_3.0_size" => "accepted",
            expected => expected,
        };
        let tolerated = vector["lenient_ok"] == true && actual == "accepted";
        assert!(actual == expected || tolerated, "{name}: {actual}");
    }
}

#[test]
fn malformed_vectors_behave_as_expected() {
    for (file, version) in [
        ("cmpp20_malformed.json", cmpp::Version::V20),
        ("cmpp30_malformed.json", cmpp::Version::V30),
    ] {
        malformed_of::<cmpp::Cmpp>(file, version, |pdu| match pdu {
            cmpp::Pdu::Submit(s) if s.has_udh() => Some(&s.msg_content),
            cmpp::Pdu::Deliver(d) if d.has_udh() => Some(&d.msg_content),
            _ => None,
        });
    }
    malformed_of::<sgip::Sgip>("sgip_malformed.json", sgip::Version::V12, |pdu| match pdu {
        sgip::Pdu::Submit(s) if s.has_udh() => Some(&s.message_content),
        sgip::Pdu::Deliver(d) if d.has_udh() => Some(&d.message_content),
        _ => None,
    });
    malformed_of::<smgp::Smgp>("smgp_malformed.json", smgp::Version::V30, |pdu| match pdu {
        smgp::Pdu::Submit(s) if s.has_udh() => Some(&s.msg_content),
        smgp::Pdu::Deliver(d) if d.has_udh() => Some(&d.msg_content),
        _ => None,
    });
}

#[test]
fn parts_of_our_own_equal_the_vectors() {
    for (file, prefix, key) in [
        ("cmpp20.json", "cmpp2", "msg_content_hex"),
        ("cmpp30.json", "cmpp3", "msg_content_hex"),
        ("sgip.json", "sgip", "message_content_hex"),
        ("smgp.json", "smgp", "msg_content_hex"),
    ] {
        let Some(vectors) = vectors(file) else { return };
        for (kind, coding) in [
            ("udh6_ucs2", Coding::Ucs2),
            ("udh7_ucs2", Coding::Ucs2),
            ("udh6_gbk", Coding::Gbk),
        ] {
            let mut whole = BytesMut::new();
            let mut contents = Vec::new();
            let mut reference = None;
            for part in ["p1", "p2"] {
                let name = format!("{prefix}-submit-{kind}_{part}");
                let vector = vectors.iter().find(|v| v["name"] == name.as_str()).unwrap();
                let content = hex::decode(vector["fields"][key].as_str().unwrap()).unwrap();
                let data = udh::parse(&content).unwrap();
                whole.extend_from_slice(data.payload);
                reference = data.concat.map(|concat| concat.reference);
                contents.push(hex::encode(content));
            }
            let text = text::decode(&whole, coding).unwrap().text;
            let parts = udh::split(&text, coding, reference.unwrap()).unwrap();
            let ours: Vec<String> = parts
                .iter()
                .map(|part| hex::encode(&part.content))
                .collect();
            assert_eq!(ours, contents, "{prefix} {kind}");
        }
    }
}
