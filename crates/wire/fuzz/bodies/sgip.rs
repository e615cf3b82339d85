//! SGIP 1.2.

use watchbell_wire::sgip::{
    Bind, Code, Deliver, Frame, LoginType, Pdu, Report, Resp, Sequence, Sgip, Submit, Trace,
    TraceNode, TraceResp, UserRpt, Version,
};

use super::{bytes_in, frame_out, source::Source};

fn content(pdu: &Pdu) -> &[u8] {
    match pdu {
        Pdu::Submit(submit) => &submit.message_content,
        Pdu::Deliver(deliver) => &deliver.message_content,
        _ => &[],
    }
}

/// The first byte is for nothing, as other protocols have their version there; the rest comes from a
/// peer.
pub fn sgip_in(data: &[u8]) {
    if let Some((_, bytes)) = data.split_first() {
        bytes_in::<Sgip>(bytes, Version::V12, content);
    }
}

/// All bytes become a PDU.
pub fn sgip_out(data: &[u8]) {
    let s = &mut Source::new(data);
    let cut = s.u32() as usize;
    let sequence = sequence(s);
    let pdu = pdu(s);
    frame_out(&Frame { sequence, pdu }, Version::V12, cut);
}

fn sequence(s: &mut Source<'_>) -> Sequence {
    let sequence = Sequence {
        node: s.u32(),
        time: s.u32(),
        counter: s.u32(),
    };
    assert_eq!(Sequence::from_bytes(sequence.to_bytes()), sequence);
    assert_eq!(sequence.to_string().parse(), Ok(sequence));
    assert_eq!(
        Sequence::from_digits30(&sequence.to_digits30()),
        Ok(sequence)
    );
    sequence
}

fn resp(s: &mut Source<'_>) -> Resp {
    Resp {
        result: Code(s.u8()),
        reserve: s.text(),
    }
}

/// Any of the PDUs.
pub fn pdu(s: &mut Source<'_>) -> Pdu {
    match s.u8() % 14 {
        0 => Pdu::Bind(Bind {
            login_type: LoginType(s.u8()),
            login_name: s.text(),
            login_password: s.text(),
            reserve: s.text(),
        }),
        1 => Pdu::BindResp(resp(s)),
        2 => Pdu::Unbind,
        3 => Pdu::UnbindResp,
        4 => Pdu::Submit(submit(s)),
        5 => Pdu::SubmitResp(resp(s)),
        6 => Pdu::Deliver(Deliver {
            user_number: s.text(),
            sp_number: s.text(),
            tp_pid: s.u8(),
            tp_udhi: s.u8(),
            message_coding: s.u8(),
            message_content: s.bytes(u8::MAX),
            reserve: s.text(),
        }),
        7 => Pdu::DeliverResp(resp(s)),
        8 => Pdu::Report(Report {
            submit_sequence: sequence(s),
            report_type: s.u8(),
            user_number: s.text(),
            state: s.u8(),
            error_code: Code(s.u8()),
            reserve: s.text(),
        }),
        9 => Pdu::ReportResp(resp(s)),
        10 => Pdu::UserRpt(UserRpt {
            sp_number: s.text(),
            user_number: s.text(),
            user_condition: s.u8(),
            reserve: s.text(),
        }),
        11 => Pdu::UserRptResp(resp(s)),
        12 => Pdu::Trace(Trace {
            submit_sequence: sequence(s),
            user_number: s.text(),
            reserve: s.text(),
        }),
        _ => Pdu::TraceResp(TraceResp {
            nodes: (0..s.u8() % 100).map(|_| node(s)).collect(),
        }),
    }
}

fn submit(s: &mut Source<'_>) -> Submit {
    Submit {
        sp_number: s.text(),
        charge_number: s.text(),
        user_numbers: s.receivers(21),
        corp_id: s.text(),
        service_type: s.text(),
        fee_type: s.u8(),
        fee_value: s.text(),
        given_value: s.text(),
        agent_flag: s.u8(),
        morelate_to_mt_flag: s.u8(),
        priority: s.u8(),
        expire_time: s.text(),
        schedule_time: s.text(),
        report_flag: s.u8(),
        tp_pid: s.u8(),
        tp_udhi: s.u8(),
        message_coding: s.u8(),
        message_type: s.u8(),
        message_content: s.bytes(u8::MAX),
        reserve: s.text(),
    }
}

fn node(s: &mut Source<'_>) -> TraceNode {
    TraceNode {
        result: Code(s.u8()),
        node_id: s.text(),
        receive_time: s.text(),
        send_time: s.text(),
        reserve: s.text(),
    }
}
