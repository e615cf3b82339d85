//! A PDU as names and values, for people: what `watchbell pdu decode` shows.

use std::{
    borrow::Cow,
    fmt::{self, Write},
};

use crate::{
    FixedStr, Frame, Protocol,
    text::{self, Coding},
};

/// A PDU with the names of its fields, in the order of the wire. [`Display`](fmt::Display) writes it as
/// one line of JSON.
///
/// ```
/// use watchbell_wire::{View, cmpp::{Frame, Pdu, Version}};
///
/// let frame = Frame { sequence: 7, pdu: Pdu::ActiveTest };
/// assert_eq!(
///     frame.view(Version::V20).to_string(),
///     r#"{"pdu":"active_test","command_id":8,"fields":{"sequence_id":7}}"#,
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Name of the PDU.
    pub pdu: &'static str,
    /// Its command id as on the wire.
    pub command_id: u32,
    /// Names and values. Bytes are hexadecimal digits under a name that ends in `_hex`; `text` is added
    /// where the content has one.
    pub fields: Fields,
}

/// Names and values in the order of the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(pub Vec<(Cow<'static, str>, Value)>);

/// Value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Number(u64),
    /// A string, or bytes as hexadecimal digits.
    Text(String),
    /// Several values.
    List(Vec<Value>),
    /// A structure inside the PDU.
    Map(Fields),
}

/// A protocol whose frames can be shown.
pub trait Describe: Protocol {
    /// The frame as names and values. `version` decides which fields exist.
    fn describe(frame: &Frame<Self>, version: Self::Version) -> View;
}

impl<P: Describe> Frame<P> {
    /// The frame as names and values; `version` is the layout it came in.
    pub fn view(&self, version: P::Version) -> View {
        P::describe(self, version)
    }
}

impl Fields {
    /// The value under a name.
    pub fn find(&self, name: &str) -> Option<&Value> {
        let (_, value) = self.0.iter().find(|(field, _)| *field == name)?;
        Some(value)
    }

    pub(crate) fn add(&mut self, name: impl Into<Cow<'static, str>>, value: Value) {
        self.0.push((name.into(), value));
    }

    pub(crate) fn number(&mut self, name: &'static str, number: impl Into<u64>) {
        self.add(name, Value::Number(number.into()));
    }

    pub(crate) fn text<const N: usize>(&mut self, name: &'static str, text: &FixedStr<N>) {
        self.add(name, Value::text(text));
    }

    pub(crate) fn hex(&mut self, name: &'static str, bytes: &[u8]) {
        self.add(name, Value::hex(bytes));
    }

    pub(crate) fn numbers<const N: usize>(&mut self, name: &'static str, list: &[FixedStr<N>]) {
        let list = list.iter().map(Value::text).collect();
        self.add(name, Value::List(list));
    }

    /// The text of content that is a whole message.
    pub(crate) fn content_text(&mut self, content: &[u8], coding: u8, has_udh: bool) {
        if !has_udh && let Some(decoded) = text::decode(content, Coding::from_msg_fmt(coding)) {
            self.add("text", Value::Text(decoded.text));
        }
    }
}

impl Value {
    pub(crate) fn text<const N: usize>(text: &FixedStr<N>) -> Self {
        Self::Text(text.to_string_lossy().into_owned())
    }

    pub(crate) fn hex(bytes: &[u8]) -> Self {
        let mut digits = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            for nibble in [byte >> 4, byte & 0xF] {
                digits.extend(char::from_digit(nibble.into(), 16));
            }
        }
        Self::Text(digits)
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            r#"{{"pdu":"{}","command_id":{},"fields":{}}}"#,
            self.pdu, self.command_id, self.fields
        )
    }
}

/// As a JSON object.
impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('{')?;
        for (index, (name, value)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, r#"{comma}"{name}":{value}"#)?;
        }
        f.write_char('}')
    }
}

/// As JSON.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => write_string(text, f),
            Self::Map(fields) => fields.fmt(f),
            Self::List(values) => {
                f.write_char('[')?;
                for (index, value) in values.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma}{value}")?;
                }
                f.write_char(']')
            }
        }
    }
}

/// A JSON string; control characters are escaped, everything else stands as it is (RFC 8259 §7).
fn write_string(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            control if control < ' ' => write!(f, "\\u{:04x}", control as u32)?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}
