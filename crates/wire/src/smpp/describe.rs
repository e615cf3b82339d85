//! Names and values of a frame.

use std::borrow::Cow;

use super::{Frame, HEADER_LEN, Smpp, Version, layout, seen::Seen};
use crate::{
    View,
    view::{Describe, Fields, Value},
};

impl Describe for Smpp {
    fn describe(frame: &Frame, version: Version) -> View {
        let command_id = u32::from(frame.pdu.id());
        let mut view = View {
            pdu: "unknown",
            command_id,
            fields: Fields::default(),
        };
        let Some(layout) = layout::of(command_id) else {
            return view;
        };
        view.pdu = layout.name;
        let fields = &mut view.fields;
        fields.add("command_id_name", Value::Text(layout.name.to_owned()));
        fields.number("sequence_number", frame.sequence);
        fields.number("command_status", u32::from(frame.pdu.status));
        // A PDU made by hand may be wrong; then as much is shown as can be read.
        let bytes = frame.to_bytes(version).unwrap_or_default();
        let body = bytes.get(HEADER_LEN..).unwrap_or_default();
        let _ = layout.walk(body, &mut |name, seen| show(fields, name, seen));
        view
    }
}

fn show(fields: &mut Fields, name: &'static str, seen: Seen<'_>) {
    let (name, value) = match seen {
        Seen::Number(number) => (Cow::Borrowed(name), Value::Number(number)),
        Seen::Text(text) => {
            let text = String::from_utf8_lossy(text).into_owned();
            (Cow::Borrowed(name), Value::Text(text))
        }
        Seen::Bytes(bytes) => (Cow::Borrowed(name), Value::hex(bytes)),
        Seen::UnknownTlv(tag, value) => {
            (Cow::Owned(format!("tlv_{tag:04x}_hex")), Value::hex(value))
        }
        Seen::Item => {
            let item = Value::Map(Fields::default());
            match fields.0.last_mut() {
                Some((last, Value::List(items))) if *last == name => items.push(item),
                _ => fields.add(name, Value::List(vec![item])),
            }
            return;
        }
    };
    // Members of a list's element come right behind it, and have names of their own.
    let is_member = matches!(
        &*name,
        "dest_addr_ton" | "dest_addr_npi" | "destination_addr" | "dl_name" | "error_status_code"
    );
    if is_member
        && let Some((_, Value::List(items))) = fields.0.last_mut()
        && let Some(Value::Map(item)) = items.last_mut()
    {
        item.add(name, value);
        return;
    }
    add_or_collect(fields, name, value);
}

/// A parameter that comes more than once becomes a list.
fn add_or_collect(fields: &mut Fields, name: Cow<'static, str>, value: Value) {
    let Some((_, there)) = fields.0.iter_mut().find(|(field, _)| *field == name) else {
        fields.add(name, value);
        return;
    };
    match there {
        Value::List(values) => values.push(value),
        first => *first = Value::List(vec![first.clone(), value]),
    }
}
