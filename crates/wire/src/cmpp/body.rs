//! Bodies field by field. Each pair of functions follows the order of the wire, so that they can be read
//! beside the document.

use super::{
    Cancel, CancelResp, CommandId, Connect, ConnectResp, ConnectStatus, Deliver, DeliverResp,
    DeliverResult, MsgId, Pdu, Query, QueryResp, Report, Submit, SubmitResp, SubmitResult, Version,
};
use crate::{
    BodyFault, EncodeError, FixedStr,
    octets::{Fault, Reader, Writer},
};

const RECEIVERS: &str = "dest_terminal_ids";
/// Longest content of a submit in ASCII (CMPP 2.0 §7.4.3.1: fewer than 160 bytes).
const MAX_ASCII_CONTENT: u8 = 159;
/// Longest content of a submit in any other coding.
const MAX_CONTENT: u8 = 140;

/// Reads a whole body, nothing left over.
pub(super) fn read(command: CommandId, body: &[u8], version: Version) -> Result<Pdu, Fault> {
    let r = &mut Reader::new(body);
    let pdu = match command {
        CommandId::Connect => Pdu::Connect(read_connect(r)?),
        CommandId::ConnectResp => Pdu::ConnectResp(read_connect_resp(r)?),
        CommandId::Terminate => Pdu::Terminate,
        CommandId::TerminateResp => Pdu::TerminateResp,
        CommandId::Submit => Pdu::Submit(read_submit(r, version)?),
        CommandId::SubmitResp => Pdu::SubmitResp(SubmitResp {
            msg_id: MsgId(r.u64("msg_id")?),
            result: SubmitResult(read_code(r, "result")?),
        }),
        CommandId::Deliver => Pdu::Deliver(read_deliver(r, version)?),
        CommandId::DeliverResp => Pdu::DeliverResp(DeliverResp {
            msg_id: MsgId(r.u64("msg_id")?),
            result: DeliverResult(read_code(r, "result")?),
        }),
        CommandId::Query => Pdu::Query(read_query(r)?),
        CommandId::QueryResp => Pdu::QueryResp(read_query_resp(r)?),
        CommandId::Cancel => Pdu::Cancel(Cancel {
            msg_id: MsgId(r.u64("msg_id")?),
        }),
        CommandId::CancelResp => Pdu::CancelResp(CancelResp {
            success_id: read_code(r, "success_id")?,
        }),
        CommandId::ActiveTest => Pdu::ActiveTest,
        CommandId::ActiveTestResp => {
            // Some peers leave the reserved byte out.
            if r.left() > 0 {
                r.u8("reserved")?;
            }
            Pdu::ActiveTestResp
        }
    };
    r.end()?;
    Ok(pdu)
}

/// Room for the frame of a PDU, in bytes: exact for what carries most of the traffic.
pub(super) fn room(pdu: &Pdu, version: Version) -> usize {
    let (submit, deliver) = match version {
        Version::V20 => (138, 85),
        Version::V30 => (163, 109),
    };
    match pdu {
        Pdu::Submit(s) => {
            submit + s.dest_terminal_ids.len() * terminal_len(version) + s.msg_content.len()
        }
        Pdu::Deliver(d) => deliver + d.msg_content.len(),
        _ => 64,
    }
}

/// Writes a whole body.
pub(super) fn write(pdu: &Pdu, version: Version, w: &mut Writer<'_>) -> Result<(), EncodeError> {
    match pdu {
        Pdu::Connect(connect) => write_connect(connect, w),
        Pdu::ConnectResp(resp) => {
            write_code("status", resp.status.0, version, w)?;
            w.bytes(&resp.authenticator_ismg);
            w.u8(resp.version);
        }
        Pdu::Submit(submit) => write_submit(submit, version, w)?,
        Pdu::SubmitResp(resp) => {
            w.u64(resp.msg_id.0);
            write_code("result", resp.result.0, version, w)?;
        }
        Pdu::Deliver(deliver) => write_deliver(deliver, version, w)?,
        Pdu::DeliverResp(resp) => {
            w.u64(resp.msg_id.0);
            write_code("result", resp.result.0, version, w)?;
        }
        Pdu::Query(query) => write_query(query, w),
        Pdu::QueryResp(resp) => write_query_resp(resp, w),
        Pdu::Cancel(cancel) => w.u64(cancel.msg_id.0),
        Pdu::CancelResp(resp) => write_code("success_id", resp.success_id, version, w)?,
        Pdu::ActiveTestResp => w.u8(0),
        Pdu::Terminate | Pdu::TerminateResp | Pdu::ActiveTest => {}
    }
    Ok(())
}

/// A code at the end of a response: one byte in 2.0, four in 3.0. What is left of the body decides,
/// because peers answer in the other version's size.
fn read_code(r: &mut Reader<'_>, field: &'static str) -> Result<u32, Fault> {
    if r.left() >= 4 {
        r.u32(field)
    } else {
        r.u8(field).map(u32::from)
    }
}

fn write_code(
    field: &'static str,
    code: u32,
    version: Version,
    w: &mut Writer<'_>,
) -> Result<(), EncodeError> {
    match version {
        Version::V20 => w.narrow(field, code),
        Version::V30 => {
            w.u32(code);
            Ok(())
        }
    }
}

/// Refuses a value for which the version has no field.
fn absent(field: &'static str, is_absent: bool) -> Result<(), EncodeError> {
    if is_absent {
        Ok(())
    } else {
        Err(EncodeError::NotInVersion { field })
    }
}

/// Size in bytes of a phone number that may be a pseudo code in 3.0.
const fn terminal_len(version: Version) -> usize {
    match version {
        Version::V20 => 21,
        Version::V30 => 32,
    }
}

fn read_connect(r: &mut Reader<'_>) -> Result<Connect, Fault> {
    Ok(Connect {
        source_addr: r.text("source_addr")?,
        authenticator_source: r.array("authenticator_source")?,
        version: r.u8("version")?,
        timestamp: r.u32("timestamp")?,
    })
}

fn write_connect(connect: &Connect, w: &mut Writer<'_>) {
    w.text(&connect.source_addr);
    w.bytes(&connect.authenticator_source);
    w.u8(connect.version);
    w.u32(connect.timestamp);
}

fn read_connect_resp(r: &mut Reader<'_>) -> Result<ConnectResp, Fault> {
    // 18 bytes are the layout of 2.0; anything that can hold the 21 of 3.0 is read as such.
    let status = if r.left() >= 21 {
        r.u32("status")?
    } else {
        r.u8("status")?.into()
    };
    Ok(ConnectResp {
        status: ConnectStatus(status),
        authenticator_ismg: r.array("authenticator_ismg")?,
        version: r.u8("version")?,
    })
}

fn read_submit(r: &mut Reader<'_>, version: Version) -> Result<Submit, Fault> {
    let v30 = version == Version::V30;
    Ok(Submit {
        msg_id: MsgId(r.u64("msg_id")?),
        pk_total: r.u8("pk_total")?,
        pk_number: r.u8("pk_number")?,
        registered_delivery: r.u8("registered_delivery")?,
        msg_level: r.u8("msg_level")?,
        service_id: r.text("service_id")?,
        fee_user_type: r.u8("fee_user_type")?,
        fee_terminal_id: r.text_of("fee_terminal_id", terminal_len(version))?,
        fee_terminal_type: read_if(v30, r, "fee_terminal_type")?,
        tp_pid: r.u8("tp_pid")?,
        tp_udhi: r.u8("tp_udhi")?,
        msg_fmt: r.u8("msg_fmt")?,
        msg_src: r.text("msg_src")?,
        fee_type: r.text("fee_type")?,
        fee_code: r.text("fee_code")?,
        valid_time: r.text("valid_time")?,
        at_time: r.text("at_time")?,
        src_id: r.text("src_id")?,
        dest_terminal_ids: r.receivers(RECEIVERS, terminal_len(version))?,
        dest_terminal_type: read_if(v30, r, "dest_terminal_type")?,
        msg_content: r.content("msg_content")?,
        reserve: if v30 {
            FixedStr::EMPTY
        } else {
            r.text("reserve")?
        },
        link_id: if v30 {
            r.text("link_id")?
        } else {
            FixedStr::EMPTY
        },
    })
}

fn write_submit(s: &Submit, version: Version, w: &mut Writer<'_>) -> Result<(), EncodeError> {
    let v30 = version == Version::V30;
    w.u64(s.msg_id.0);
    w.u8(s.pk_total);
    w.u8(s.pk_number);
    w.u8(s.registered_delivery);
    w.u8(s.msg_level);
    w.text(&s.service_id);
    w.u8(s.fee_user_type);
    w.text_of("fee_terminal_id", &s.fee_terminal_id, terminal_len(version))?;
    write_if(v30, "fee_terminal_type", s.fee_terminal_type, w)?;
    w.u8(s.tp_pid);
    w.u8(s.tp_udhi);
    w.u8(s.msg_fmt);
    w.text(&s.msg_src);
    w.text(&s.fee_type);
    w.text(&s.fee_code);
    w.text(&s.valid_time);
    w.text(&s.at_time);
    w.text(&s.src_id);
    w.receivers(RECEIVERS, &s.dest_terminal_ids, terminal_len(version))?;
    write_if(v30, "dest_terminal_type", s.dest_terminal_type, w)?;
    let max = if s.msg_fmt == 0 {
        MAX_ASCII_CONTENT
    } else {
        MAX_CONTENT
    };
    w.content("msg_content", &s.msg_content, max)?;
    write_tail(s.reserve, &s.link_id, version, w)
}

fn read_deliver(r: &mut Reader<'_>, version: Version) -> Result<Deliver, Fault> {
    let v30 = version == Version::V30;
    let mut deliver = Deliver {
        msg_id: MsgId(r.u64("msg_id")?),
        dest_id: r.text("dest_id")?,
        service_id: r.text("service_id")?,
        tp_pid: r.u8("tp_pid")?,
        tp_udhi: r.u8("tp_udhi")?,
        msg_fmt: r.u8("msg_fmt")?,
        src_terminal_id: r.text_of("src_terminal_id", terminal_len(version))?,
        src_terminal_type: read_if(v30, r, "src_terminal_type")?,
        registered_delivery: r.u8("registered_delivery")?,
        msg_content: r.content("msg_content")?,
        ..Deliver::default()
    };
    // Gateways were seen to end a deliver early, in the last field; nothing is lost with it.
    if v30 {
        deliver.link_id = r.text_tail();
    } else {
        deliver.reserve = r.text_tail();
    }
    check_report_size(&deliver)?;
    Ok(deliver)
}

fn check_report_size(deliver: &Deliver) -> Result<(), Fault> {
    let len = deliver.msg_content.len();
    if deliver.is_report() && len != Report::LEN_V20 && len != Report::LEN_V30 {
        return Err(Fault::new("msg_content", BodyFault::ReportSize { len }));
    }
    Ok(())
}

/// Does not look into a report block, so that a simulator can send a broken one.
fn write_deliver(d: &Deliver, version: Version, w: &mut Writer<'_>) -> Result<(), EncodeError> {
    let v30 = version == Version::V30;
    w.u64(d.msg_id.0);
    w.text(&d.dest_id);
    w.text(&d.service_id);
    w.u8(d.tp_pid);
    w.u8(d.tp_udhi);
    w.u8(d.msg_fmt);
    w.text_of("src_terminal_id", &d.src_terminal_id, terminal_len(version))?;
    write_if(v30, "src_terminal_type", d.src_terminal_type, w)?;
    w.u8(d.registered_delivery);
    w.content("msg_content", &d.msg_content, u8::MAX)?;
    write_tail(d.reserve, &d.link_id, version, w)
}

fn read_if(present: bool, r: &mut Reader<'_>, field: &'static str) -> Result<u8, Fault> {
    if present { r.u8(field) } else { Ok(0) }
}

fn write_if(
    present: bool,
    field: &'static str,
    value: u8,
    w: &mut Writer<'_>,
) -> Result<(), EncodeError> {
    if present {
        w.u8(value);
        Ok(())
    } else {
        absent(field, value == 0)
    }
}

fn write_tail(
    reserve: FixedStr<8>,
    link_id: &FixedStr<20>,
    version: Version,
    w: &mut Writer<'_>,
) -> Result<(), EncodeError> {
    match version {
        Version::V20 => {
            absent("link_id", link_id.is_empty())?;
            w.text(&reserve);
        }
        Version::V30 => {
            absent("reserve", reserve.is_empty())?;
            w.text(link_id);
        }
    }
    Ok(())
}

fn read_query(r: &mut Reader<'_>) -> Result<Query, Fault> {
    Ok(Query {
        time: r.text("time")?,
        query_type: r.u8("query_type")?,
        query_code: r.text("query_code")?,
        reserve: r.text("reserve")?,
    })
}

fn write_query(query: &Query, w: &mut Writer<'_>) {
    w.text(&query.time);
    w.u8(query.query_type);
    w.text(&query.query_code);
    w.text(&query.reserve);
}

fn read_query_resp(r: &mut Reader<'_>) -> Result<QueryResp, Fault> {
    Ok(QueryResp {
        time: r.text("time")?,
        query_type: r.u8("query_type")?,
        query_code: r.text("query_code")?,
        mt_tlmsg: r.u32("mt_tlmsg")?,
        mt_tlusr: r.u32("mt_tlusr")?,
        mt_scs: r.u32("mt_scs")?,
        mt_wt: r.u32("mt_wt")?,
        mt_fl: r.u32("mt_fl")?,
        mo_scs: r.u32("mo_scs")?,
        mo_wt: r.u32("mo_wt")?,
        mo_fl: r.u32("mo_fl")?,
    })
}

fn write_query_resp(resp: &QueryResp, w: &mut Writer<'_>) {
    w.text(&resp.time);
    w.u8(resp.query_type);
    w.text(&resp.query_code);
    for total in [
        resp.mt_tlmsg,
        resp.mt_tlusr,
        resp.mt_scs,
        resp.mt_wt,
        resp.mt_fl,
        resp.mo_scs,
        resp.mo_wt,
        resp.mo_fl,
    ] {
        w.u32(total);
    }
}
