//! Bodies field by field. Each pair of functions follows the order of the wire, so that they can be read
//! beside the document.

use bytes::Bytes;

use super::{
    Bind, Code, CommandId, Deliver, LoginType, Pdu, Report, Resp, Sequence, Submit, Trace,
    TraceNode, TraceResp, UserRpt,
};
use crate::{
    EncodeError,
    octets::{Fault, Reader, Writer},
};

const RECEIVERS: &str = "user_numbers";
/// Size in bytes of a phone number.
const NUMBER_LEN: usize = 21;
/// Size in bytes of a node of `trace_resp`.
const NODE_LEN: usize = 47;

/// Reads a whole body, nothing left over.
pub(super) fn read(command: CommandId, body: &[u8]) -> Result<Pdu, Fault> {
    let r = &mut Reader::new(body);
    let pdu = match command {
        CommandId::Bind => Pdu::Bind(read_bind(r)?),
        CommandId::BindResp => Pdu::BindResp(read_resp(r)?),
        CommandId::Unbind => Pdu::Unbind,
        CommandId::UnbindResp => {
            // A gateway was seen to answer with Result and Reserve, as to all other requests.
            if r.left() > 0 {
                read_resp(r)?;
            }
            Pdu::UnbindResp
        }
        CommandId::Submit => Pdu::Submit(read_submit(r)?),
        CommandId::SubmitResp => Pdu::SubmitResp(read_resp(r)?),
        CommandId::Deliver => Pdu::Deliver(read_deliver(r)?),
        CommandId::DeliverResp => Pdu::DeliverResp(read_resp(r)?),
        CommandId::Report => Pdu::Report(read_report(r)?),
        CommandId::ReportResp => Pdu::ReportResp(read_resp(r)?),
        CommandId::UserRpt => Pdu::UserRpt(read_user_rpt(r)?),
        CommandId::UserRptResp => Pdu::UserRptResp(read_resp(r)?),
        CommandId::Trace => Pdu::Trace(read_trace(r)?),
        CommandId::TraceResp => Pdu::TraceResp(read_trace_resp(r)?),
    };
    r.end()?;
    Ok(pdu)
}

/// Room for the frame of a PDU, in bytes: exact for what carries most of the traffic.
pub(super) fn room(pdu: &Pdu) -> usize {
    match pdu {
        Pdu::Submit(s) => 143 + NUMBER_LEN * s.user_numbers.len() + s.message_content.len(),
        Pdu::Deliver(d) => 77 + d.message_content.len(),
        Pdu::TraceResp(resp) => 21 + NODE_LEN * resp.nodes.len(),
        _ => 71,
    }
}

/// Writes a whole body.
pub(super) fn write(pdu: &Pdu, w: &mut Writer<'_>) -> Result<(), EncodeError> {
    match pdu {
        Pdu::Bind(bind) => write_bind(bind, w),
        Pdu::BindResp(resp)
        | Pdu::SubmitResp(resp)
        | Pdu::DeliverResp(resp)
        | Pdu::ReportResp(resp)
        | Pdu::UserRptResp(resp) => write_resp(resp, w),
        Pdu::Submit(submit) => write_submit(submit, w)?,
        Pdu::Deliver(deliver) => write_deliver(deliver, w)?,
        Pdu::Report(report) => write_report(report, w),
        Pdu::UserRpt(report) => write_user_rpt(report, w),
        Pdu::Trace(trace) => write_trace(trace, w),
        Pdu::TraceResp(resp) => write_trace_resp(resp, w)?,
        Pdu::Unbind | Pdu::UnbindResp => {}
    }
    Ok(())
}

fn read_bind(r: &mut Reader<'_>) -> Result<Bind, Fault> {
    Ok(Bind {
        login_type: LoginType(r.u8("login_type")?),
        login_name: r.text("login_name")?,
        login_password: r.text("login_password")?,
        reserve: r.text("reserve")?,
    })
}

fn write_bind(bind: &Bind, w: &mut Writer<'_>) {
    w.u8(bind.login_type.0);
    w.text(&bind.login_name);
    w.text(&bind.login_password);
    w.text(&bind.reserve);
}

fn read_resp(r: &mut Reader<'_>) -> Result<Resp, Fault> {
    Ok(Resp {
        result: Code(r.u8("result")?),
        reserve: r.text("reserve")?,
    })
}

fn write_resp(resp: &Resp, w: &mut Writer<'_>) {
    w.u8(resp.result.0);
    w.text(&resp.reserve);
}

fn read_submit(r: &mut Reader<'_>) -> Result<Submit, Fault> {
    Ok(Submit {
        sp_number: r.text("sp_number")?,
        charge_number: r.text("charge_number")?,
        user_numbers: r.receivers(RECEIVERS, NUMBER_LEN)?,
        corp_id: r.text("corp_id")?,
        service_type: r.text("service_type")?,
        fee_type: r.u8("fee_type")?,
        fee_value: r.text("fee_value")?,
        given_value: r.text("given_value")?,
        agent_flag: r.u8("agent_flag")?,
        morelate_to_mt_flag: r.u8("morelate_to_mt_flag")?,
        priority: r.u8("priority")?,
        expire_time: r.text("expire_time")?,
        schedule_time: r.text("schedule_time")?,
        report_flag: r.u8("report_flag")?,
        tp_pid: r.u8("tp_pid")?,
        tp_udhi: r.u8("tp_udhi")?,
        message_coding: r.u8("message_coding")?,
        message_type: r.u8("message_type")?,
        message_content: read_content(r)?,
        reserve: r.text("reserve")?,
    })
}

fn write_submit(s: &Submit, w: &mut Writer<'_>) -> Result<(), EncodeError> {
    w.text(&s.sp_number);
    w.text(&s.charge_number);
    w.receivers(RECEIVERS, &s.user_numbers, NUMBER_LEN)?;
    w.text(&s.corp_id);
    w.text(&s.service_type);
    w.u8(s.fee_type);
    w.text(&s.fee_value);
    w.text(&s.given_value);
    w.u8(s.agent_flag);
    w.u8(s.morelate_to_mt_flag);
    w.u8(s.priority);
    w.text(&s.expire_time);
    w.text(&s.schedule_time);
    w.u8(s.report_flag);
    w.u8(s.tp_pid);
    w.u8(s.tp_udhi);
    w.u8(s.message_coding);
    w.u8(s.message_type);
    write_content(&s.message_content, w)?;
    w.text(&s.reserve);
    Ok(())
}

/// Content behind a four-byte length, which is believed only as far as there are bytes.
fn read_content(r: &mut Reader<'_>) -> Result<Bytes, Fault> {
    const FIELD: &str = "message_content";
    let len = r.u32(FIELD)?;
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    r.take(FIELD, len).map(Bytes::copy_from_slice)
}

fn write_content(content: &[u8], w: &mut Writer<'_>) -> Result<(), EncodeError> {
    let Ok(len) = u32::try_from(content.len()) else {
        return Err(EncodeError::TooLong {
            field: "message_content",
            len: content.len(),
            max: u32::MAX as usize,
        });
    };
    w.u32(len);
    w.bytes(content);
    Ok(())
}

fn read_deliver(r: &mut Reader<'_>) -> Result<Deliver, Fault> {
    Ok(Deliver {
        user_number: r.text("user_number")?,
        sp_number: r.text("sp_number")?,
        tp_pid: r.u8("tp_pid")?,
        tp_udhi: r.u8("tp_udhi")?,
        message_coding: r.u8("message_coding")?,
        message_content: read_content(r)?,
        reserve: r.text("reserve")?,
    })
}

fn write_deliver(d: &Deliver, w: &mut Writer<'_>) -> Result<(), EncodeError> {
    w.text(&d.user_number);
    w.text(&d.sp_number);
    w.u8(d.tp_pid);
    w.u8(d.tp_udhi);
    w.u8(d.message_coding);
    write_content(&d.message_content, w)?;
    w.text(&d.reserve);
    Ok(())
}

fn read_sequence(r: &mut Reader<'_>) -> Result<Sequence, Fault> {
    r.array("submit_sequence").map(Sequence::from_bytes)
}

fn read_report(r: &mut Reader<'_>) -> Result<Report, Fault> {
    Ok(Report {
        submit_sequence: read_sequence(r)?,
        report_type: r.u8("report_type")?,
        user_number: r.text("user_number")?,
        state: r.u8("state")?,
        error_code: Code(r.u8("error_code")?),
        reserve: r.text("reserve")?,
    })
}

fn write_report(report: &Report, w: &mut Writer<'_>) {
    w.bytes(&report.submit_sequence.to_bytes());
    w.u8(report.report_type);
    w.text(&report.user_number);
    w.u8(report.state);
    w.u8(report.error_code.0);
    w.text(&report.reserve);
}

fn read_user_rpt(r: &mut Reader<'_>) -> Result<UserRpt, Fault> {
    Ok(UserRpt {
        sp_number: r.text("sp_number")?,
        user_number: r.text("user_number")?,
        user_condition: r.u8("user_condition")?,
        reserve: r.text("reserve")?,
    })
}

fn write_user_rpt(report: &UserRpt, w: &mut Writer<'_>) {
    w.text(&report.sp_number);
    w.text(&report.user_number);
    w.u8(report.user_condition);
    w.text(&report.reserve);
}

fn read_trace(r: &mut Reader<'_>) -> Result<Trace, Fault> {
    Ok(Trace {
        submit_sequence: read_sequence(r)?,
        user_number: r.text("user_number")?,
        reserve: r.text("reserve")?,
    })
}

fn write_trace(trace: &Trace, w: &mut Writer<'_>) {
    w.bytes(&trace.submit_sequence.to_bytes());
    w.text(&trace.user_number);
    w.text(&trace.reserve);
}

fn read_trace_resp(r: &mut Reader<'_>) -> Result<TraceResp, Fault> {
    let count = usize::from(r.u8("nodes")?);
    // Taken as one piece, so that the list is only made when all nodes are there.
    let all = r.take("nodes", count * NODE_LEN)?;
    let mut nodes = Vec::with_capacity(count);
    for node in all.chunks_exact(NODE_LEN) {
        nodes.push(read_node(&mut Reader::new(node))?);
    }
    Ok(TraceResp { nodes })
}

fn read_node(r: &mut Reader<'_>) -> Result<TraceNode, Fault> {
    Ok(TraceNode {
        result: Code(r.u8("result")?),
        node_id: r.text("node_id")?,
        receive_time: r.text("receive_time")?,
        send_time: r.text("send_time")?,
        reserve: r.text("reserve")?,
    })
}

fn write_trace_resp(resp: &TraceResp, w: &mut Writer<'_>) -> Result<(), EncodeError> {
    let Ok(count) = u8::try_from(resp.nodes.len()) else {
        return Err(EncodeError::OutOfRange {
            field: "nodes",
            value: resp.nodes.len() as u64,
            min: 0,
            max: u8::MAX.into(),
        });
    };
    w.u8(count);
    for node in &resp.nodes {
        w.u8(node.result.0);
        w.text(&node.node_id);
        w.text(&node.receive_time);
        w.text(&node.send_time);
        w.text(&node.reserve);
    }
    Ok(())
}
