//! Names and values of a frame.

use bytes::Bytes;

use super::{Deliver, Frame, Pdu, QueryResp, Report, Smgp, Submit, Tlvs, Version};
use crate::{
    FixedStr, View,
    view::{Describe, Fields, Value},
};

impl Describe for Smgp {
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
        Pdu::Login(_) => "login",
        Pdu::LoginResp(_) => "login_resp",
        Pdu::Submit(_) => "submit",
        Pdu::SubmitResp(_) => "submit_resp",
        Pdu::Deliver(_) => "deliver",
        Pdu::DeliverResp(_) => "deliver_resp",
        Pdu::ActiveTest => "active_test",
        Pdu::ActiveTestResp => "active_test_resp",
        Pdu::Exit => "exit",
        Pdu::ExitResp => "exit_resp",
        Pdu::Query(_) => "query",
        Pdu::QueryResp(_) => "query_resp",
    }
}

fn describe(pdu: &Pdu, version: Version, f: &mut Fields) {
    match pdu {
        Pdu::Login(login) => {
            f.text("client_id", &login.client_id);
            f.hex("authenticator_client_hex", &login.authenticator_client);
            f.number("login_mode", login.login_mode.0);
            f.number("timestamp", login.timestamp);
            f.hex("client_version", &[login.client_version]);
        }
        Pdu::LoginResp(resp) => {
            f.number("status", resp.status.0);
            f.hex("authenticator_server_hex", &resp.authenticator_server);
            f.hex("server_version", &[resp.server_version]);
        }
        Pdu::Submit(submit) => describe_submit(submit, version, f),
        Pdu::SubmitResp(resp) => {
            f.hex("msg_id_hex", &resp.msg_id.0);
            f.number("status", resp.status.0);
        }
        Pdu::Deliver(deliver) => describe_deliver(deliver, f),
        Pdu::DeliverResp(resp) => {
            f.hex("msg_id_hex", &resp.msg_id.0);
            f.number("status", resp.status.0);
        }
        Pdu::Query(query) => {
            f.text("query_time", &query.query_time);
            f.number("query_type", query.query_type);
            f.text("query_code", &query.query_code);
        }
        Pdu::QueryResp(resp) => describe_query_resp(resp, f),
        Pdu::ActiveTest | Pdu::ActiveTestResp | Pdu::Exit | Pdu::ExitResp => {}
    }
}

fn describe_submit(s: &Submit, version: Version, f: &mut Fields) {
    f.number("msg_type", s.msg_type);
    f.number("need_report", s.need_report);
    f.number("priority", s.priority);
    f.text("service_id", &s.service_id);
    f.text("fee_type", &s.fee_type);
    f.text("fee_code", &s.fee_code);
    if version == Version::V30 {
        f.text("fixed_fee", &s.fixed_fee);
    }
    f.number("msg_format", s.msg_format);
    f.text("valid_time", &s.valid_time);
    f.text("at_time", &s.at_time);
    f.text("src_term_id", &s.src_term_id);
    f.text("charge_term_id", &s.charge_term_id);
    f.numbers("dest_term_ids", &s.dest_term_ids);
    f.hex("msg_content_hex", &s.msg_content);
    f.text("reserve", &s.reserve);
    describe_tlvs(&s.tlvs, f);
    f.content_text(&s.msg_content, s.msg_format, s.has_udh());
}

fn describe_deliver(d: &Deliver, f: &mut Fields) {
    let report = d.report();
    f.hex("msg_id_hex", &d.msg_id.0);
    f.number("is_report", d.is_report);
    f.number("msg_format", d.msg_format);
    f.text("recv_time", &d.recv_time);
    f.text("src_term_id", &d.src_term_id);
    f.text("dest_term_id", &d.dest_term_id);
    // A report says all that its content says.
    let content = if report.is_some() {
        &[]
    } else {
        &d.msg_content[..]
    };
    f.hex("msg_content_hex", content);
    f.text("reserve", &d.reserve);
    describe_tlvs(&d.tlvs, f);
    match report {
        Some(report) => f.add("report", Value::Map(describe_report(&report))),
        None => f.content_text(&d.msg_content, d.msg_format, d.has_udh()),
    }
}

fn describe_report(report: &Report) -> Fields {
    let mut f = Fields::default();
    f.hex("msg_id_hex", &report.msg_id.0);
    f.text("sub", &report.sub);
    f.text("dlvrd", &report.dlvrd);
    f.text("submit_date", &report.submit_date);
    f.text("done_date", &report.done_date);
    f.text("stat", &report.stat.stat);
    f.text("err", &report.stat.err);
    let txt = String::from_utf8_lossy(&report.txt).into_owned();
    f.add("txt", Value::Text(txt));
    f
}

/// In the order of the tags; parameters with other tags stand together as they came.
fn describe_tlvs(tlvs: &Tlvs, f: &mut Fields) {
    let mut t = Fields::default();
    number(&mut t, "tp_pid", tlvs.tp_pid);
    number(&mut t, "tp_udhi", tlvs.tp_udhi);
    string(&mut t, "link_id", tlvs.link_id.as_ref());
    number(&mut t, "charge_user_type", tlvs.charge_user_type);
    number(&mut t, "charge_term_type", tlvs.charge_term_type);
    bytes(
        &mut t,
        "charge_term_pseudo",
        tlvs.charge_term_pseudo.as_ref(),
    );
    number(&mut t, "dest_term_type", tlvs.dest_term_type);
    bytes(&mut t, "dest_term_pseudo", tlvs.dest_term_pseudo.as_ref());
    number(&mut t, "pk_total", tlvs.pk_total);
    number(&mut t, "pk_number", tlvs.pk_number);
    number(&mut t, "submit_msg_type", tlvs.submit_msg_type);
    number(&mut t, "sp_deal_result", tlvs.sp_deal_result);
    number(&mut t, "src_term_type", tlvs.src_term_type);
    bytes(&mut t, "src_term_pseudo", tlvs.src_term_pseudo.as_ref());
    number(&mut t, "nodes_count", tlvs.nodes_count);
    string(&mut t, "msg_src", tlvs.msg_src.as_ref());
    number(&mut t, "src_type", tlvs.src_type);
    string(&mut t, "m_service_id", tlvs.m_service_id.as_ref());
    f.add("tlvs", Value::Map(t));
    if !tlvs.other.is_empty() {
        f.hex("other_tlvs_hex", tlvs.other.as_wire());
    }
}

fn number(f: &mut Fields, name: &'static str, value: Option<u8>) {
    if let Some(value) = value {
        f.hex(name, &[value]);
    }
}

fn string<const N: usize>(f: &mut Fields, name: &'static str, value: Option<&FixedStr<N>>) {
    if let Some(value) = value {
        f.hex(name, value.as_field());
    }
}

fn bytes(f: &mut Fields, name: &'static str, value: Option<&Bytes>) {
    if let Some(value) = value {
        f.hex(name, value);
    }
}

fn describe_query_resp(resp: &QueryResp, f: &mut Fields) {
    f.text("query_time", &resp.query_time);
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
    f.text("reserve", &resp.reserve);
}
