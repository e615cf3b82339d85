//! Where the golden vectors are, and reading them; hex with labels.

use std::{env, fs, path::Path};

use serde_json::Value;

/// `None` only where the environment allows the vectors to be away.
pub fn vectors(name: &str) -> Option<Vec<Value>> {
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

pub fn bytes_of(vector: &Value) -> Vec<u8> {
    hex::decode(vector["hex"].as_str().unwrap()).unwrap()
}

pub fn name_of(vector: &Value) -> &str {
    vector["name"].as_str().unwrap()
}

pub fn is_variant(vector: &Value) -> bool {
    vector.get("variant_of").is_some()
}

/// The vector this one is another implementation's form of.
pub fn base_of<'a>(vector: &Value, vectors: &'a [Value]) -> &'a Value {
    let base = vectors.iter().find(|v| v["name"] == vector["variant_of"]);
    base.unwrap()
}

/// Joins labelled hex; `*n` after bytes repeats them, blanks mean nothing.
pub fn hex_of(fields: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for field in fields.iter().flat_map(|field| field.split_whitespace()) {
        let (part, count) = field.split_once('*').unwrap_or((field, "1"));
        let part = hex::decode(part).unwrap();
        bytes.extend(part.repeat(count.parse().unwrap()));
    }
    bytes
}
