//! A carrier's JSON with its numbers as they stand: an id beyond 64 bits, or with leading or trailing zeros behind a
//! point, read as a float would be another message's.

use std::collections::BTreeMap;

use serde_json::{Error, Map, Value, value::RawValue};

/// Nested so deep is no answer of a carrier's.
const MAX_DEPTH: u32 = 64;

/// Reads a body. A number that no 64 bits hold exactly becomes the text of its digits.
pub(super) fn read(body: &[u8]) -> Result<Value, Error> {
    of(serde_json::from_slice(body)?, 0)
}

fn of(raw: &RawValue, depth: u32) -> Result<Value, Error> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{' | b'[') if depth == MAX_DEPTH => Err(serde::de::Error::custom("nested too deep")),
        Some(b'{') => {
            let fields: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
            let fields = fields.into_iter();
            let fields: Result<Map<_, _>, _> = fields
                .map(|(name, value)| Ok((name, of(value, depth + 1)?)))
                .collect();
            fields.map(Value::Object)
        }
        Some(b'[') => {
            let values: Vec<&RawValue> = serde_json::from_str(text)?;
            let values = values.into_iter().map(|value| of(value, depth + 1));
            values.collect::<Result<_, _>>().map(Value::Array)
        }
        Some(b'-' | b'0'..=b'9') => Ok(match serde_json::from_str(text) {
            Ok(Value::Number(number)) if number.to_string() == text => Value::Number(number),
            _ => Value::String(text.to_owned()),
        }),
        _ => serde_json::from_str(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        let body = br#"{"a":[26061209300000000001,26061209300000000002,18446744073709551615,-7,9007199254740993],
            "b":1.50,"c":1e400,"d":{"e":123456789012345678901234567890.10}}"#;
        let expected = json!({
            "a": ["26061209300000000001", "26061209300000000002", 18_446_744_073_709_551_615_u64, -7, 9_007_199_254_740_993_u64],
            "b": "1.50", "c": "1e400", "d": { "e": "123456789012345678901234567890.10" },
        });
        assert_eq!(read(body).expect("JSON"), expected);
    }

    #[test]
    fn everything_else_is_as_serde_reads_it() {
        for body in [
            r#"{"k":"\u9000 \"x\"","n":null,"t":true,"l":[],"o":{}}"#,
            " [1, 2 , \"3\"] ",
            "\"text\"",
            "7",
        ] {
            let expected: Value = serde_json::from_str(body).expect("JSON");
            assert_eq!(read(body.as_bytes()).expect("JSON"), expected);
        }
        for body in ["", "{", "{\"a\":}", "[1,]", "nul"] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(read(deep(60).as_bytes()).is_ok());
        assert!(read(deep(100).as_bytes()).is_err());
        assert!(read(deep(100_000).as_bytes()).is_err());
    }
}
