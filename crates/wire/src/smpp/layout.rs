//! What stands in which body, as a table (SMPP 3.4 §4, SMPP 5.0 §4): says what is wrong where, and gives
//! names to values.

use super::{seen::Seen, tlv};
use crate::{
    BodyFault,
    octets::{Fault, Reader},
};

/// Most optional parameters of a PDU. The specifications have 64 and no limit; but the library takes 14
/// times the memory of an empty one, so a frame full of them would grow to a megabyte.
const MAX_TLVS: u32 = 256;

/// A PDU's name and fields.
pub(super) struct Layout {
    pub(super) name: &'static str,
    fields: &'static [Field],
}

/// One field, or a group of them that the table has often.
#[derive(Clone, Copy)]
enum Field {
    U8(&'static str),
    /// A string that ends in a zero byte, with its largest size, the zero byte included.
    Text(&'static str, usize),
    /// Absolute or relative time: 1 or 17 bytes, the zero byte included.
    Time(&'static str),
    /// TON, NPI and address.
    Address([&'static str; 3], usize),
    /// `sm_length` and `short_message`.
    ShortMessage,
    /// `number_of_dests` and the receivers of `submit_multi`.
    Destinations,
    /// `no_unsuccess` and the failures of `submit_multi_resp`.
    Unsuccessful,
    /// Optional parameters to the end.
    Tlvs,
}

use Field::{Address, Destinations, ShortMessage, Text, Time, Tlvs, U8, Unsuccessful};

const SOURCE: Field = Address(["source_addr_ton", "source_addr_npi", "source_addr"], 21);
const DEST: Field = Address(["dest_addr_ton", "dest_addr_npi", "destination_addr"], 21);
const LONG_SOURCE: Field = Address(["source_addr_ton", "source_addr_npi", "source_addr"], 65);
const LONG_DEST: Field = Address(["dest_addr_ton", "dest_addr_npi", "destination_addr"], 65);
const ESME: Field = Address(["esme_addr_ton", "esme_addr_npi", "esme_addr"], 65);
const ID: Field = Text("message_id", 65);
const SERVICE: Field = Text("service_type", 6);

const BIND: &[Field] = &[
    Text("system_id", 16),
    Text("password", 9),
    Text("system_type", 13),
    U8("interface_version"),
    Address(["addr_ton", "addr_npi", "address_range"], 41),
];
const BIND_RESP: &[Field] = &[Text("system_id", 16), Tlvs];
const ID_RESP: &[Field] = &[ID, Tlvs];
const SM: &[Field] = &[
    SERVICE,
    SOURCE,
    DEST,
    U8("esm_class"),
    U8("protocol_id"),
    U8("priority_flag"),
    Time("schedule_delivery_time"),
    Time("validity_period"),
    U8("registered_delivery"),
    U8("replace_if_present_flag"),
    U8("data_coding"),
    U8("sm_default_msg_id"),
    ShortMessage,
    Tlvs,
];
const MULTI: &[Field] = &[
    SERVICE,
    SOURCE,
    Destinations,
    U8("esm_class"),
    U8("protocol_id"),
    U8("priority_flag"),
    Time("schedule_delivery_time"),
    Time("validity_period"),
    U8("registered_delivery"),
    U8("replace_if_present_flag"),
    U8("data_coding"),
    U8("sm_default_msg_id"),
    ShortMessage,
    Tlvs,
];
const DATA: &[Field] = &[
    SERVICE,
    LONG_SOURCE,
    LONG_DEST,
    U8("esm_class"),
    U8("registered_delivery"),
    U8("data_coding"),
    Tlvs,
];
const QUERY_RESP: &[Field] = &[
    ID,
    Time("final_date"),
    U8("message_state"),
    U8("error_code"),
];
const REPLACE: &[Field] = &[
    ID,
    SOURCE,
    Time("schedule_delivery_time"),
    Time("validity_period"),
    U8("registered_delivery"),
    U8("sm_default_msg_id"),
    ShortMessage,
    Tlvs,
];
const BROADCAST: &[Field] = &[
    SERVICE,
    SOURCE,
    ID,
    U8("priority_flag"),
    Time("schedule_delivery_time"),
    Time("validity_period"),
    U8("replace_if_present_flag"),
    U8("data_coding"),
    U8("sm_default_msg_id"),
    Tlvs,
];

/// The layout of a command; `None` for one that no version has.
pub(super) fn of(command_id: u32) -> Option<Layout> {
    let (name, fields): (_, &[Field]) = match command_id {
        0x0000_0001 => ("bind_receiver", BIND),
        0x8000_0001 => ("bind_receiver_resp", BIND_RESP),
        0x0000_0002 => ("bind_transmitter", BIND),
        0x8000_0002 => ("bind_transmitter_resp", BIND_RESP),
        0x0000_0003 => ("query_sm", &[ID, SOURCE]),
        0x8000_0003 => ("query_sm_resp", QUERY_RESP),
        0x0000_0004 => ("submit_sm", SM),
        0x8000_0004 => ("submit_sm_resp", ID_RESP),
        0x0000_0005 => ("deliver_sm", SM),
        0x8000_0005 => ("deliver_sm_resp", ID_RESP),
        0x0000_0006 => ("unbind", &[]),
        0x8000_0006 => ("unbind_resp", &[]),
        0x0000_0007 => ("replace_sm", REPLACE),
        0x8000_0007 => ("replace_sm_resp", &[]),
        0x0000_0008 => ("cancel_sm", &[SERVICE, ID, SOURCE, DEST]),
        0x8000_0008 => ("cancel_sm_resp", &[]),
        0x0000_0009 => ("bind_transceiver", BIND),
        0x8000_0009 => ("bind_transceiver_resp", BIND_RESP),
        0x0000_000B => ("outbind", &[Text("system_id", 16), Text("password", 9)]),
        0x0000_0015 => ("enquire_link", &[]),
        0x8000_0015 => ("enquire_link_resp", &[]),
        0x0000_0021 => ("submit_multi", MULTI),
        0x8000_0021 => ("submit_multi_resp", &[ID, Unsuccessful, Tlvs]),
        0x0000_0102 => ("alert_notification", &[LONG_SOURCE, ESME, Tlvs]),
        0x0000_0103 => ("data_sm", DATA),
        0x8000_0103 => ("data_sm_resp", ID_RESP),
        0x0000_0111 => ("broadcast_sm", BROADCAST),
        0x8000_0111 => ("broadcast_sm_resp", ID_RESP),
        0x0000_0112 => ("query_broadcast_sm", &[ID, SOURCE, Tlvs]),
        0x8000_0112 => ("query_broadcast_sm_resp", ID_RESP),
        0x0000_0113 => ("cancel_broadcast_sm", &[SERVICE, ID, SOURCE, Tlvs]),
        0x8000_0113 => ("cancel_broadcast_sm_resp", &[]),
        0x8000_0000 => ("generic_nack", &[]),
        _ => return None,
    };
    let is_response = command_id & 0x8000_0000 != 0;
    debug_assert!(is_response == (name.ends_with("_resp") || name == "generic_nack"));
    Some(Layout { name, fields })
}

impl Layout {
    /// Is the body whole and consistent?
    pub(super) fn check(&self, body: &[u8]) -> Result<(), Fault> {
        self.walk(body, &mut |_, _| {})
    }

    /// Shows every value to `see`, in the order of the wire.
    pub(super) fn walk<'a>(
        &self,
        body: &'a [u8],
        see: &mut dyn FnMut(&'static str, Seen<'a>),
    ) -> Result<(), Fault> {
        // A response that refuses, or that has nothing to say, may leave its body out.
        if body.is_empty() && self.name.ends_with("_resp") {
            if let Some(Text(name, _)) = self.fields.first() {
                see(name, Seen::Text(&[]));
            }
            return Ok(());
        }
        let r = &mut Reader::new(body);
        for field in self.fields {
            walk_field(*field, r, see)?;
        }
        r.end()
    }
}

fn walk_field<'a>(
    field: Field,
    r: &mut Reader<'a>,
    see: &mut dyn FnMut(&'static str, Seen<'a>),
) -> Result<(), Fault> {
    match field {
        U8(name) => see(name, Seen::Number(r.u8(name)?.into())),
        Text(name, max) => see(name, Seen::Text(text(r, name, max)?)),
        Time(name) => see(name, Seen::Text(time(r, name)?)),
        Address(names, max) => walk_address(names, max, r, see)?,
        ShortMessage => {
            let content = short_message(r)?;
            see("short_message_hex", Seen::Bytes(content));
        }
        Destinations => walk_destinations(r, see)?,
        Unsuccessful => {
            let count = r.u8("no_unsuccess")?;
            for _ in 0..count {
                see("unsuccess_sme", Seen::Item);
                walk_field(DEST, r, see)?;
                let code = r.u32("error_status_code")?;
                see("error_status_code", Seen::Number(code.into()));
            }
        }
        Tlvs => {
            let mut count = 0;
            while r.left() > 0 {
                count += 1;
                if count > MAX_TLVS {
                    return Err(out_of_range("tlvs", count, 0, MAX_TLVS));
                }
                let tag = r.u16("tlv_tag")?;
                let len = r.u16("tlv_length")?;
                let value = r.take("tlv_value", usize::from(len))?;
                tlv::walk(tag, value, see)?;
            }
        }
    }
    Ok(())
}

fn walk_address<'a>(
    [ton, npi, address]: [&'static str; 3],
    max: usize,
    r: &mut Reader<'a>,
    see: &mut dyn FnMut(&'static str, Seen<'a>),
) -> Result<(), Fault> {
    see(ton, Seen::Number(r.u8(ton)?.into()));
    see(npi, Seen::Number(r.u8(npi)?.into()));
    see(address, Seen::Text(text(r, address, max)?));
    Ok(())
}

fn walk_destinations<'a>(
    r: &mut Reader<'a>,
    see: &mut dyn FnMut(&'static str, Seen<'a>),
) -> Result<(), Fault> {
    let count = r.u8("number_of_dests")?;
    if count == 0 {
        return Err(out_of_range("number_of_dests", 0, 1, 255));
    }
    for _ in 0..count {
        see("dest_address", Seen::Item);
        match r.u8("dest_flag")? {
            1 => walk_field(DEST, r, see)?,
            2 => see("dl_name", Seen::Text(text(r, "dl_name", 21)?)),
            flag => return Err(out_of_range("dest_flag", flag.into(), 1, 2)),
        }
    }
    Ok(())
}

fn out_of_range(field: &'static str, value: u32, min: u32, max: u32) -> Fault {
    Fault::new(field, BodyFault::OutOfRange { value, min, max })
}

/// A string without the zero byte that ends it.
fn text<'a>(r: &mut Reader<'a>, field: &'static str, max: usize) -> Result<&'a [u8], Fault> {
    let text = r
        .until_zero(max)
        .ok_or(Fault::new(field, BodyFault::Unterminated { max }))?;
    if text.is_ascii() {
        Ok(text)
    } else {
        Err(Fault::new(field, BodyFault::BadValue))
    }
}

fn time<'a>(r: &mut Reader<'a>, field: &'static str) -> Result<&'a [u8], Fault> {
    let time = text(r, field, 17)?;
    match time.len() + 1 {
        1 | 17 => Ok(time),
        len => Err(Fault::new(
            field,
            BodyFault::Size {
                len,
                either: 1,
                or: 17,
            },
        )),
    }
}

fn short_message<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], Fault> {
    let len = r.u8("sm_length")?;
    if len == u8::MAX {
        return Err(out_of_range("sm_length", len.into(), 0, 254));
    }
    r.take("short_message", usize::from(len))
}
