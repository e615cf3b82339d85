//! Bodies field by field. Each pair of functions follows the order of the wire, so that they can be read
//! beside the document.

use super::{
    CommandId, Deliver, DeliverResp, Login, LoginMode, LoginResp, MsgId, Pdu, Query, QueryResp,
    Status, Submit, SubmitResp, Tlvs, Version,
};
use crate::{
    EncodeError, FixedStr,
    octets::{Fault, Reader, Writer},
};

const RECEIVERS: &str = "dest_term_ids";
/// Size in bytes of a phone number.
const NUMBER_LEN: usize = 21;
/// Longest content of a submit in ASCII: one segment of 160 characters.
const MAX_ASCII_CONTENT: u8 = 160;
/// Longest content of a submit in any other coding (SMGP 3.0 §5.2.2.2.1).
const MAX_CONTENT: u8 = 140;

/// Reads a whole body, nothing left over.
pub(super) fn read(command: CommandId, body: &[u8], version: Version) -> Result<Pdu, Fault> {
    let r = &mut Reader::new(body);
    let pdu = match command {
        CommandId::Login => Pdu::Login(read_login(r)?),
        CommandId::LoginResp => Pdu::LoginResp(read_login_resp(r)?),
        CommandId::Submit => Pdu::Submit(read_submit(r, version)?),
        CommandId::SubmitResp => Pdu::SubmitResp(SubmitResp {
            msg_id: MsgId(r.array("msg_id")?),
            status: Status(r.u32("status")?),
        }),
        CommandId::Deliver => Pdu::Deliver(read_deliver(r)?),
        CommandId::DeliverResp => Pdu::DeliverResp(DeliverResp {
            msg_id: MsgId(r.array("msg_id")?),
            status: Status(r.u32("status")?),
        }),
        CommandId::ActiveTest => Pdu::ActiveTest,
        CommandId::ActiveTestResp => Pdu::ActiveTestResp,
        CommandId::Exit => Pdu::Exit,
        CommandId::ExitResp => Pdu::ExitResp,
        CommandId::Query => Pdu::Query(read_query(r)?),
        CommandId::QueryResp => Pdu::QueryResp(read_query_resp(r)?),
    };
    r.end()?;
    Ok(pdu)
}

/// Room for the frame of a PDU, in bytes: enough for what carries most of the traffic.
pub(super) fn room(pdu: &Pdu) -> usize {
    // The parameters of a part of a long message.
    const TLVS: usize = 15;
    match pdu {
        Pdu::Submit(s) => 126 + NUMBER_LEN * s.dest_term_ids.len() + s.msg_content.len() + TLVS,
        Pdu::Deliver(d) => 89 + d.msg_content.len() + TLVS,
        _ => 71,
    }
}

/// Writes a whole body.
pub(super) fn write(pdu: &Pdu, version: Version, w: &mut Writer<'_>) -> Result<(), EncodeError> {
    match pdu {
        Pdu::Login(login) => write_login(login, w),
        Pdu::LoginResp(resp) => {
            w.u32(resp.status.0);
            w.bytes(&resp.authenticator_server);
            w.u8(resp.server_version);
        }
        Pdu::Submit(submit) => write_submit(submit, version, w)?,
        Pdu::SubmitResp(resp) => {
            w.bytes(&resp.msg_id.0);
            w.u32(resp.status.0);
        }
        Pdu::Deliver(deliver) => write_deliver(deliver, w)?,
        Pdu::DeliverResp(resp) => {
            w.bytes(&resp.msg_id.0);
            w.u32(resp.status.0);
        }
        Pdu::Query(query) => write_query(query, w),
        Pdu::QueryResp(resp) => write_query_resp(resp, w),
        Pdu::ActiveTest | Pdu::ActiveTestResp | Pdu::Exit | Pdu::ExitResp => {}
    }
    Ok(())
}

fn read_login(r: &mut Reader<'_>) -> Result<Login, Fault> {
    Ok(Login {
        client_id: r.text("client_id")?,
        authenticator_client: r.array("authenticator_client")?,
        login_mode: LoginMode(r.u8("login_mode")?),
        timestamp: r.u32("timestamp")?,
        client_version: r.u8("client_version")?,
    })
}

fn write_login(login: &Login, w: &mut Writer<'_>) {
    w.text(&login.client_id);
    w.bytes(&login.authenticator_client);
    w.u8(login.login_mode.0);
    w.u32(login.timestamp);
    w.u8(login.client_version);
}

fn read_login_resp(r: &mut Reader<'_>) -> Result<LoginResp, Fault> {
    Ok(LoginResp {
        status: Status(r.u32("status")?),
        authenticator_server: r.array("authenticator_server")?,
        server_version: r.u8("server_version")?,
    })
}

fn read_submit(r: &mut Reader<'_>, version: Version) -> Result<Submit, Fault> {
    Ok(Submit {
        msg_type: r.u8("msg_type")?,
        need_report: r.u8("need_report")?,
        priority: r.u8("priority")?,
        service_id: r.text("service_id")?,
        fee_type: r.text("fee_type")?,
        fee_code: r.text("fee_code")?,
        fixed_fee: match version {
            Version::V13 => FixedStr::EMPTY,
            Version::V30 => r.text("fixed_fee")?,
        },
        msg_format: r.u8("msg_format")?,
        valid_time: r.text("valid_time")?,
        at_time: r.text("at_time")?,
        src_term_id: r.text("src_term_id")?,
        charge_term_id: r.text("charge_term_id")?,
        dest_term_ids: r.receivers(RECEIVERS, NUMBER_LEN)?,
        msg_content: r.content("msg_content")?,
        reserve: r.text("reserve")?,
        tlvs: Tlvs::read(r)?,
    })
}

fn write_submit(s: &Submit, version: Version, w: &mut Writer<'_>) -> Result<(), EncodeError> {
    w.u8(s.msg_type);
    w.u8(s.need_report);
    w.u8(s.priority);
    w.text(&s.service_id);
    w.text(&s.fee_type);
    w.text(&s.fee_code);
    match version {
        Version::V30 => w.text(&s.fixed_fee),
        Version::V13 if s.fixed_fee.is_empty() => {}
        Version::V13 => return Err(EncodeError::NotInVersion { field: "fixed_fee" }),
    }
    w.u8(s.msg_format);
    w.text(&s.valid_time);
    w.text(&s.at_time);
    w.text(&s.src_term_id);
    w.text(&s.charge_term_id);
    w.receivers(RECEIVERS, &s.dest_term_ids, NUMBER_LEN)?;
    let max = if s.msg_format == 0 {
        MAX_ASCII_CONTENT
    } else {
        MAX_CONTENT
    };
    w.content("msg_content", &s.msg_content, max)?;
    w.text(&s.reserve);
    s.tlvs.write(w)
}

fn read_deliver(r: &mut Reader<'_>) -> Result<Deliver, Fault> {
    Ok(Deliver {
        msg_id: MsgId(r.array("msg_id")?),
        is_report: r.u8("is_report")?,
        msg_format: r.u8("msg_format")?,
        recv_time: r.text("recv_time")?,
        src_term_id: r.text("src_term_id")?,
        dest_term_id: r.text("dest_term_id")?,
        msg_content: r.content("msg_content")?,
        reserve: r.text("reserve")?,
        tlvs: Tlvs::read(r)?,
    })
}

/// Does not look into a report block, so that a simulator can send a broken one.
fn write_deliver(d: &Deliver, w: &mut Writer<'_>) -> Result<(), EncodeError> {
    w.bytes(&d.msg_id.0);
    w.u8(d.is_report);
    w.u8(d.msg_format);
    w.text(&d.recv_time);
    w.text(&d.src_term_id);
    w.text(&d.dest_term_id);
    w.content("msg_content", &d.msg_content, u8::MAX)?;
    w.text(&d.reserve);
    d.tlvs.write(w)
}

fn read_query(r: &mut Reader<'_>) -> Result<Query, Fault> {
    Ok(Query {
        query_time: r.text("query_time")?,
        query_type: r.u8("query_type")?,
        query_code: r.text("query_code")?,
    })
}

fn write_query(query: &Query, w: &mut Writer<'_>) {
    w.text(&query.query_time);
    w.u8(query.query_type);
    w.text(&query.query_code);
}

fn read_query_resp(r: &mut Reader<'_>) -> Result<QueryResp, Fault> {
    Ok(QueryResp {
        query_time: r.text("query_time")?,
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
        reserve: r.text("reserve")?,
    })
}

fn write_query_resp(resp: &QueryResp, w: &mut Writer<'_>) {
    w.text(&resp.query_time);
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
    w.text(&resp.reserve);
}
