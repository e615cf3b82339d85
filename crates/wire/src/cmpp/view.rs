//! Names and values of a frame.

use super::{Cmpp, Deliver, Frame, Pdu, Query, QueryResp, Report, Submit, Version};
use crate::{
    View,
    view::{Describe, Fields, Value},
};

impl Describe for Cmpp {
    fn describe(frame: &Frame, version: Version) -> View {
        let mut fields = Fields::default();
        fields.number("sequence_id", frame.sequence);
        describe(&frame.pdu, version, &mut fields);
        View {
            pdu: name(&frame.pdu),
            command_id: frame.pdu.command_id().to_wire(),
            fields,
        }
    }
}

const fn name(pdu: &Pdu) -> &'static str {
    match pdu {
        Pdu::Connect(_) => "connect",
        Pdu::ConnectResp(_) => "connect_resp",
        Pdu::Terminate => "terminate",
        Pdu::TerminateResp => "terminate_resp",
        Pdu::Submit(_) => "submit",
        Pdu::SubmitResp(_) => "submit_resp",
        Pdu::Deliver(_) => "deliver",
        Pdu::DeliverResp(_) => "deliver_resp",
        Pdu::Query(_) => "query",
        Pdu::QueryResp(_) => "query_resp",
        Pdu::Cancel(_) => "cancel",
        Pdu::CancelResp(_) => "cancel_resp",
        Pdu::ActiveTest => "active_test",
        Pdu::ActiveTestResp => "active_test_resp",
    }
}

fn describe(pdu: &Pdu, version: Version, f: &mut Fields) {
    match pdu {
        Pdu::Connect(connect) => {
            f.text("source_addr", &connect.source_addr);
            f.hex("authenticator_source_hex", &connect.authenticator_source);
            f.hex("version", &[connect.version]);
            f.number("timestamp", connect.timestamp);
        }
        Pdu::ConnectResp(resp) => {
            f.number("status", resp.status.0);
            f.hex("authenticator_ismg_hex", &resp.authenticator_ismg);
            f.hex("version", &[resp.version]);
        }
        Pdu::Submit(submit) => describe_submit(submit, version, f),
        Pdu::SubmitResp(resp) => {
            f.hex("msg_id_hex", &resp.msg_id.0.to_be_bytes());
            f.number("result", resp.result.0);
        }
        Pdu::Deliver(deliver) => describe_deliver(deliver, version, f),
        Pdu::DeliverResp(resp) => {
            f.hex("msg_id_hex", &resp.msg_id.0.to_be_bytes());
            f.number("result", resp.result.0);
        }
        Pdu::Query(query) => describe_query(query, f),
        Pdu::QueryResp(resp) => describe_query_resp(resp, f),
        Pdu::Cancel(cancel) => f.hex("msg_id_hex", &cancel.msg_id.0.to_be_bytes()),
        Pdu::CancelResp(resp) => f.number("success_id", resp.success_id),
        Pdu::ActiveTestResp => f.number("reserved", 0_u8),
        Pdu::Terminate | Pdu::TerminateResp | Pdu::ActiveTest => {}
    }
}

fn describe_submit(s: &Submit, version: Version, f: &mut Fields) {
    f.hex("msg_id_hex", &s.msg_id.0.to_be_bytes());
    f.number("pk_total", s.pk_total);
    f.number("pk_number", s.pk_number);
    f.number("registered_delivery", s.registered_delivery);
    f.number("msg_level", s.msg_level);
    f.text("service_id", &s.service_id);
    f.number("fee_user_type", s.fee_user_type);
    f.text("fee_terminal_id", &s.fee_terminal_id);
    if version == Version::V30 {
        f.number("fee_terminal_type", s.fee_terminal_type);
    }
    f.number("tp_pid", s.tp_pid);
    f.number("tp_udhi", s.tp_udhi);
    f.number("msg_fmt", s.msg_fmt);
    f.text("msg_src", &s.msg_src);
    f.text("fee_type", &s.fee_type);
    f.text("fee_code", &s.fee_code);
    f.text("valid_time", &s.valid_time);
    f.text("at_time", &s.at_time);
    f.text("src_id", &s.src_id);
    f.numbers("dest_terminal_ids", &s.dest_terminal_ids);
    if version == Version::V30 {
        f.number("dest_terminal_type", s.dest_terminal_type);
    }
    f.hex("msg_content_hex", &s.msg_content);
    match version {
        Version::V20 => f.text("reserve", &s.reserve),
        Version::V30 => f.text("link_id", &s.link_id),
    }
    f.content_text(&s.msg_content, s.msg_fmt, s.has_udh());
}

fn describe_deliver(d: &Deliver, version: Version, f: &mut Fields) {
    f.hex("msg_id_hex", &d.msg_id.0.to_be_bytes());
    f.text("dest_id", &d.dest_id);
    f.text("service_id", &d.service_id);
    f.number("tp_pid", d.tp_pid);
    f.number("tp_udhi", d.tp_udhi);
    f.number("msg_fmt", d.msg_fmt);
    f.text("src_terminal_id", &d.src_terminal_id);
    if version == Version::V30 {
        f.number("src_terminal_type", d.src_terminal_type);
    }
    f.number("registered_delivery", d.registered_delivery);
    f.hex("msg_content_hex", &d.msg_content);
    match version {
        Version::V20 => f.text("reserve", &d.reserve),
        Version::V30 => f.text("link_id", &d.link_id),
    }
    match d.report() {
        Some(report) => f.add("report", Value::Map(describe_report(&report))),
        None => f.content_text(&d.msg_content, d.msg_fmt, d.has_udh()),
    }
}

fn describe_report(report: &Report) -> Fields {
    let mut f = Fields::default();
    f.hex("msg_id_hex", &report.msg_id.0.to_be_bytes());
    f.text("stat", &report.stat.0);
    f.text("submit_time", &report.submit_time);
    f.text("done_time", &report.done_time);
    f.text("dest_terminal_id", &report.dest_terminal_id);
    f.number("smsc_sequence", report.smsc_sequence);
    f
}

fn describe_query(query: &Query, f: &mut Fields) {
    f.text("time", &query.time);
    f.number("query_type", query.query_type);
    f.text("query_code", &query.query_code);
    f.text("reserve", &query.reserve);
}

fn describe_query_resp(resp: &QueryResp, f: &mut Fields) {
    f.text("time", &resp.time);
    f.number("query_type", resp.query_type);
    f.text("query_code", &resp.query_code);
    f.number("mt_tlmsg", resp.mt_tlmsg);
    f.number("mt_tlusr", resp.mt_tlusr);
    f.number("mt_scs", resp.mt_scs);
    f.number("mt_wt", resp.mt_wt);
    f.number("mt_fl", resp.mt_fl);
    f.number("mo_scs", resp.mo_scs);
    f.number("mo_wt", resp.mo_wt);
    f.number("mo_fl", resp.mo_fl);
}
