//! `pdu decode` shows what third parties' golden vectors say, and refuses what is not one whole PDU.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

const FILES: [(&str, &str); 5] = [
    ("cmpp20", "cmpp20"),
    ("cmpp30", "cmpp30"),
    ("sgip12", "sgip"),
    ("smgp30", "smgp"),
    ("smpp34", "smpp"),
];

/// The program is started for every so many vectors: the codecs' own suite reads them all.
const EACH: usize = 6;

/// Beside the repository; `None` where somebody has said that they are not there.
fn vectors() -> Option<PathBuf> {
    if std::env::var_os("WATCHBELL_NO_SHARED_VECTORS").is_some() {
        return None;
    }
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors"))
}

fn decode(protocol: &str, hex: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_watchbell"))
        .env_clear()
        .args(["--lang", "en", "pdu", "decode", "--protocol", protocol, hex])
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn entries(folder: &Path, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder.join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_golden_pdu_is_shown_by_the_vectors_own_names() {
    let Some(folder) = vectors() else { return };
    for (protocol, file) in FILES {
        let all = entries(&folder, &format!("{file}.json"));
        for vector in all.iter().step_by(EACH) {
            let out = decode(protocol, vector["hex"].as_str().unwrap());
            assert_eq!(out.status.code(), Some(0), "{}: {out:?}", vector["name"]);
            let shown: Value = serde_json::from_slice(&out.stdout).unwrap();
            assert_eq!(shown["pdu"], vector["pdu"], "{}", vector["name"]);
            let known = vector["fields"].as_object().unwrap();
            let fields = shown["fields"].as_object().unwrap();
            let same = |name: &String| known.get(name) == fields.get(name);
            let shared: Vec<_> = fields.keys().filter(|n| known.contains_key(*n)).collect();
            let empty = known.is_empty() || fields.is_empty();
            assert!(!shared.is_empty() || empty, "{}: {shown}", vector["name"]);
            for name in shared {
                assert!(same(name), "{} {name}: {shown}", vector["name"]);
            }
        }
    }
}

#[test]
fn what_is_not_one_whole_valid_pdu_is_refused_with_the_reason() {
    let Some(folder) = vectors() else { return };
    for (protocol, file) in FILES {
        let all = entries(&folder, &format!("{file}_malformed.json"));
        let strict = all
            .iter()
            .filter(|v| v["lenient_ok"].as_bool() != Some(true))
            .filter(|v| !v["expect"].as_str().unwrap().starts_with("report_"))
            .filter(|v| v["expect"] != "bad_udh");
        for vector in strict.step_by(EACH) {
            let out = decode(protocol, vector["hex"].as_str().unwrap());
            assert_eq!(out.status.code(), Some(1), "{}: {out:?}", vector["name"]);
            assert!(out.stdout.is_empty() && !out.stderr.is_empty());
        }
    }
    let good = "0000000c0000000800000001";
    assert_eq!(decode("cmpp20", good).status.code(), Some(0), "active test");
    let spaced = decode("cmpp20", "0x00 00 00 0c:00000008 00000001");
    assert_eq!(spaced.status.code(), Some(0), "{spaced:?}");
    let two = decode("cmpp20", &format!("{good}{good}"));
    assert_eq!(two.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&two.stderr).contains("12 bytes follow"));
    assert_eq!(decode("cmpp20", "0000000c000").status.code(), Some(1));
    assert_eq!(decode("cmpp20", "hello").status.code(), Some(2));
    assert_eq!(decode("http", good).status.code(), Some(2));
}
