//! A trace read back: PDUs in the order in which they were whole.

use std::{borrow::Cow, collections::HashMap, path::Path};

use serde_json::json;
use watchbell_wire::{
    View,
    view::{Fields, Value},
};

use super::{
    Direction, TraceError,
    file::{End, open},
    writer,
};
use crate::{
    config::{Kind, Secret},
    domain::{phone::Phone, time::Micros},
    gateway::{LinkNo, pdu},
};

/// Bytes before a record's own.
const RECORD_HEAD: usize = 1 + 8 + 2 + 4 + 4;

/// Longer than any PDU that a session takes: what claims to be longer is none.
const LONGEST: usize = 1 << 20;

/// Are numbers shown?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Masked, and content as bytes left out.
    Masked,
    /// As they are.
    Shown,
}

/// Something in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceEntry {
    /// The connection begins.
    Began,
    /// A PDU.
    Pdu(View),
    /// Bytes that are none.
    Bytes {
        /// As they came.
        bytes: Vec<u8>,
        /// Why they are none.
        why: String,
    },
    /// So many pieces found no room: what follows may be cut.
    Gap(u64),
    /// The connection has ended.
    Ended,
}

/// One line of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceLine {
    /// When its last byte went over the socket.
    pub at: Micros,
    /// Which link; those that the carrier has opened come behind ours.
    pub link: LinkNo,
    /// Which connection of that link.
    pub connection: u32,
    /// Which way; none of what has no way.
    pub direction: Option<Direction>,
    /// What happened.
    pub entry: TraceEntry,
}

impl TraceLine {
    /// As a JSON object.
    pub fn json(&self, numbers: Numbers) -> String {
        let mut line = json!({
            "time": self.at.to_string(), "link": self.link, "connection": self.connection,
        });
        if let Some(direction) = self.direction {
            line["direction"] = direction.as_str().into();
        }
        match &self.entry {
            TraceEntry::Began => line["event"] = "began".into(),
            TraceEntry::Ended => line["event"] = "ended".into(),
            TraceEntry::Gap(n) => line["lost_pieces"] = (*n).into(),
            TraceEntry::Bytes { bytes, why } => {
                line["undecodable"] = why.as_str().into();
                match numbers {
                    Numbers::Shown => line["bytes_hex"] = hex::encode(bytes).into(),
                    Numbers::Masked => line["bytes"] = bytes.len().into(),
                }
            }
            TraceEntry::Pdu(view) => {
                let mut view = view.clone();
                if numbers == Numbers::Masked {
                    mask(&mut view.fields);
                }
                // What a view writes is JSON.
                let view = serde_json::from_str(&view.to_string());
                line["pdu"] = view.unwrap_or_default();
            }
        }
        line.to_string()
    }
}

/// Reads a trace, line by line.
pub fn read(
    path: &Path,
    passphrase: &Secret,
    mut line: impl FnMut(&TraceLine),
) -> Result<End, TraceError> {
    let mut kind = None;
    let mut streams = Streams::default();
    let mut rest = Vec::new();
    open(path, passphrase, |part| {
        rest.extend_from_slice(part);
        let mut plain = &rest[..];
        let kind = match kind {
            Some(kind) => kind,
            None => {
                let (name, records) = named(plain).ok_or(TraceError::Content)?;
                plain = records;
                *kind.insert(name)
            }
        };
        while let Some((record, after)) = record(plain)? {
            streams.take(kind, &record, &mut line);
            plain = after;
        }
        rest = plain.to_vec();
        Ok(())
    })
}

/// The protocol's name in front.
fn named(plain: &[u8]) -> Option<(Kind, &[u8])> {
    let (length, rest) = plain.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((std::str::from_utf8(name).ok()?.parse().ok()?, rest))
}

struct Raw<'a> {
    what: u8,
    at: Micros,
    link: LinkNo,
    connection: u32,
    bytes: &'a [u8],
}

/// The first record; none when it is not whole.
fn record(plain: &[u8]) -> Result<Option<(Raw<'_>, &[u8])>, TraceError> {
    let Some((head, rest)) = plain.split_at_checked(RECORD_HEAD) else {
        return Ok(None);
    };
    let number = |from: usize, to: usize| {
        let digits = head[from..to].iter();
        digits.fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
    };
    let Some((bytes, after)) = rest.split_at_checked(number(15, 19) as usize) else {
        return Ok(None);
    };
    if head[0] > writer::ENDED {
        return Err(TraceError::Content);
    }
    let raw = Raw {
        what: head[0],
        at: Micros(number(1, 9).cast_signed()),
        link: number(9, 11) as LinkNo,
        connection: number(11, 15) as u32,
        bytes,
    };
    Ok(Some((raw, after)))
}

/// What of each direction of each connection is not a whole PDU yet.
#[derive(Default)]
struct Streams(HashMap<(LinkNo, u32, Direction), Vec<u8>>);

impl Streams {
    fn take(&mut self, kind: Kind, raw: &Raw<'_>, line: &mut impl FnMut(&TraceLine)) {
        let mut tell = |direction, entry| {
            line(&TraceLine {
                at: raw.at,
                link: raw.link,
                connection: raw.connection,
                direction,
                entry,
            });
        };
        let direction = match raw.what {
            writer::BEGAN => return tell(None, TraceEntry::Began),
            writer::IN => Direction::In,
            writer::OUT => Direction::Out,
            writer::GAP_IN | writer::GAP_OUT => {
                let digits = raw.bytes.iter();
                let n = digits.fold(0, |n, byte| n << 8 | u64::from(*byte));
                let direction = match raw.what {
                    writer::GAP_IN => Direction::In,
                    _ => Direction::Out,
                };
                // The rest of what was begun is lost.
                _ = self.0.remove(&(raw.link, raw.connection, direction));
                return tell(Some(direction), TraceEntry::Gap(n));
            }
            _ => {
                for direction in [Direction::In, Direction::Out] {
                    let rest = self.0.remove(&(raw.link, raw.connection, direction));
                    if let Some(bytes) = rest.filter(|bytes| !bytes.is_empty()) {
                        let why = "the connection ended within it".to_owned();
                        tell(Some(direction), TraceEntry::Bytes { bytes, why });
                    }
                }
                return tell(None, TraceEntry::Ended);
            }
        };
        let key = (raw.link, raw.connection, direction);
        let stream = self.0.entry(key).or_default();
        stream.extend_from_slice(raw.bytes);
        while let Some((length, rest)) = stream.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            if !(12..=LONGEST).contains(&length) {
                let bytes = std::mem::take(stream);
                let why = "its length is none".to_owned();
                return tell(Some(direction), TraceEntry::Bytes { bytes, why });
            }
            if rest.len() + 4 < length {
                return;
            }
            let bytes: Vec<u8> = stream.drain(..length).collect();
            let entry = match pdu::decode(kind, &bytes) {
                Ok(view) => TraceEntry::Pdu(view),
                Err(error) => TraceEntry::Bytes {
                    bytes,
                    why: error.to_string(),
                },
            };
            tell(Some(direction), entry);
        }
    }
}

/// Numbers masked wherever they stand, also within a text; content as bytes, which may hold any, left out.
fn mask(fields: &mut Fields) {
    for (name, value) in &mut fields.0 {
        mask_value(name, value);
    }
}

fn mask_value(name: &str, value: &mut Value) {
    match value {
        Value::Number(_) => {}
        Value::List(values) => values.iter_mut().for_each(|value| mask_value(name, value)),
        Value::Map(fields) => mask(fields),
        Value::Text(text) if may_hold_content(name) => {
            *text = format!("({} bytes)", text.len() / 2);
        }
        // Ids and times are long, and what a trace is looked at for.
        Value::Text(_)
            if ["msg_id", "message_id", "time", "period"]
                .iter()
                .any(|part| name.contains(part)) => {}
        Value::Text(text) => {
            if let Cow::Owned(masked) = masked(text) {
                *text = masked;
            }
        }
    }
}

/// Bytes of a text, or of an unknown parameter; ids and digests are none.
fn may_hold_content(name: &str) -> bool {
    let content = [
        "content",
        "message",
        "payload",
        "tlv_",
        "reserve",
        "user_data",
    ];
    name.ends_with("_hex")
        && content.iter().any(|part| name.contains(part))
        && !name.contains("message_id")
}

/// Runs of digits that are long enough for a number show their ends only.
fn masked(text: &str) -> Cow<'_, str> {
    const LEAST: usize = 11;
    let long = |run: &str| run.len() >= LEAST;
    if !text.split(|c: char| !c.is_ascii_digit()).any(long) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        match (Phone::from_wire(run), long(run)) {
            (Some(phone), _) => out.push_str(&phone.to_string()),
            (None, true) => {
                out.push_str(&run[..3]);
                out.push_str("****");
                out.push_str(&run[run.len() - 4..]);
            }
            (None, false) => out.push_str(run),
        }
        let next = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        out.push_str(&after[..next]);
        rest = &after[next..];
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_masked_wherever_they_stand() {
        assert_eq!(masked("8613800138001"), "138****8001");
        assert_eq!(masked("请致电13800138001或119"), "请致电138****8001或119");
        assert_eq!(masked("id:00001234567890123 x"), "id:000****0123 x");
        assert!(matches!(masked("10690000"), Cow::Borrowed(_)));
    }

    #[test]
    fn bytes_of_content_are_left_out_and_ids_are_not() {
        for name in [
            "msg_content_hex",
            "short_message_hex",
            "message_payload_hex",
            "tlv_1403_hex",
        ] {
            assert!(may_hold_content(name), "{name}");
        }
        for name in ["msg_id_hex", "authenticator_source_hex", "text"] {
            assert!(!may_hold_content(name), "{name}");
        }
    }
}
