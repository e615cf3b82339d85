//! Names and values of a frame.

use super::{Deliver, Frame, Pdu, Resp, Sequence, Sgip, Submit, TraceNode, Version};
use crate::{
    View,
    view::{Describe, Fields, Value},
};

impl Describe for Sgip {
    fn describe(frame: &Frame, _: Version) -> View {
        let mut fields = Fields::default();
        fields.add("sequence", words(frame.sequence));
        describe(&frame.pdu, &mut fields);
        View {
            pdu: name(&frame.pdu),
            command_id: frame.pdu.command_id().to_wire(),
            fields,
        }
    }
}

const fn name(pdu: &Pdu) -> &'static str {
    match pdu {
        Pdu::Bind(_) => "bind",
        Pdu::BindResp(_) => "bind_resp",
        Pdu::Unbind => "unbind",
        Pdu::UnbindResp => "unbind_resp",
        Pdu::Submit(_) => "submit",
        Pdu::SubmitResp(_) => "submit_resp",
        Pdu::Deliver(_) => "deliver",
        Pdu::DeliverResp(_) => "deliver_resp",
        Pdu::Report(_) => "report",
        Pdu::ReportResp(_) => "report_resp",
        Pdu::UserRpt(_) => "userrpt",
        Pdu::UserRptResp(_) => "userrpt_resp",
        Pdu::Trace(_) => "trace",
        Pdu::TraceResp(_) => "trace_resp",
    }
}

fn words(sequence: Sequence) -> Value {
    let words = sequence.to_words();
    Value::List(words.map(|word| Value::Number(word.into())).to_vec())
}

fn describe(pdu: &Pdu, f: &mut Fields) {
    match pdu {
        Pdu::Bind(bind) => {
            f.number("login_type", bind.login_type.0);
            f.text("login_name", &bind.login_name);
            f.text("login_password", &bind.login_password);
            f.text("reserve", &bind.reserve);
        }
        Pdu::BindResp(resp)
        | Pdu::SubmitResp(resp)
        | Pdu::DeliverResp(resp)
        | Pdu::ReportResp(resp)
        | Pdu::UserRptResp(resp) => describe_resp(resp, f),
        Pdu::Submit(submit) => describe_submit(submit, f),
        Pdu::Deliver(deliver) => describe_deliver(deliver, f),
        Pdu::Report(report) => {
            f.add("submit_sequence", words(report.submit_sequence));
            f.number("report_type", report.report_type);
            f.text("user_number", &report.user_number);
            f.number("state", report.state);
            f.number("error_code", report.error_code.0);
            f.text("reserve", &report.reserve);
        }
        Pdu::UserRpt(report) => {
            f.text("sp_number", &report.sp_number);
            f.text("user_number", &report.user_number);
            f.number("user_condition", report.user_condition);
            f.text("reserve", &report.reserve);
        }
        Pdu::Trace(trace) => {
            f.add("submit_sequence", words(trace.submit_sequence));
            f.text("user_number", &trace.user_number);
            f.text("reserve", &trace.reserve);
        }
        Pdu::TraceResp(resp) => {
            let nodes = resp
                .nodes
                .iter()
                .map(|node| Value::Map(describe_node(node)));
            f.add("nodes", Value::List(nodes.collect()));
        }
        Pdu::Unbind | Pdu::UnbindResp => {}
    }
}

fn describe_resp(resp: &Resp, f: &mut Fields) {
    f.number("result", resp.result.0);
    f.text("reserve", &resp.reserve);
}

fn describe_submit(s: &Submit, f: &mut Fields) {
    f.text("sp_number", &s.sp_number);
    f.text("charge_number", &s.charge_number);
    f.numbers("user_numbers", &s.user_numbers);
    f.text("corp_id", &s.corp_id);
    f.text("service_type", &s.service_type);
    f.number("fee_type", s.fee_type);
    f.text("fee_value", &s.fee_value);
    f.text("given_value", &s.given_value);
    f.number("agent_flag", s.agent_flag);
    f.number("morelate_to_mt_flag", s.morelate_to_mt_flag);
    f.number("priority", s.priority);
    f.text("expire_time", &s.expire_time);
    f.text("schedule_time", &s.schedule_time);
    f.number("report_flag", s.report_flag);
    f.number("tp_pid", s.tp_pid);
    f.number("tp_udhi", s.tp_udhi);
    f.number("message_coding", s.message_coding);
    f.number("message_type", s.message_type);
    f.hex("message_content_hex", &s.message_content);
    f.text("reserve", &s.reserve);
    f.content_text(&s.message_content, s.message_coding, s.has_udh());
}

fn describe_deliver(d: &Deliver, f: &mut Fields) {
    f.text("user_number", &d.user_number);
    f.text("sp_number", &d.sp_number);
    f.number("tp_pid", d.tp_pid);
    f.number("tp_udhi", d.tp_udhi);
    f.number("message_coding", d.message_coding);
    f.hex("message_content_hex", &d.message_content);
    f.text("reserve", &d.reserve);
    f.content_text(&d.message_content, d.message_coding, d.has_udh());
}

fn describe_node(node: &TraceNode) -> Fields {
    let mut f = Fields::default();
    f.number("result", node.result.0);
    f.text("node_id", &node.node_id);
    f.text("receive_time", &node.receive_time);
    f.text("send_time", &node.send_time);
    f.text("reserve", &node.reserve);
    f
}
