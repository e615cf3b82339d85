//! Encode and decode of every PDU of every protocol, on one core.
//!
//! The PDUs are the golden vectors' shapes: a submit carries one receiver and 70 characters in UCS2, as
//! most notices do. `cargo bench -p watchbell-wire --all-features -- submit` measures what matters most.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use watchbell_wire::{
    Frame, FrameLimits, Protocol, cmpp, decode, encode, sgip, smgp,
    text::{self, Coding},
};

/// 70 characters: one full segment.
fn content() -> Bytes {
    let text = "安全生产，人人有责。".repeat(7);
    text::encode(&text, Coding::Ucs2)
        .expect("UCS2 has all")
        .into()
}

/// Measures both directions of every PDU. The buffer is the caller's and is used again, as a session
/// uses its own.
fn bench_all<P: Protocol>(
    c: &mut Criterion,
    protocol: &str,
    version: P::Version,
    frames: Vec<(&str, Frame<P>)>,
) {
    let limits = FrameLimits::default();
    let mut group = c.benchmark_group(protocol);
    group.throughput(Throughput::Elements(1));
    for (name, frame) in frames {
        let mut buffer = BytesMut::with_capacity(64 * 1024);
        group.bench_function(BenchmarkId::new("encode", name), |b| {
            b.iter(|| {
                buffer.clear();
                encode(black_box(&frame), version, &mut buffer).expect("within limits");
                black_box(&buffer);
            });
        });
        let bytes = frame.to_bytes(version).expect("within limits");
        group.bench_function(BenchmarkId::new("decode", name), |b| {
            b.iter(|| {
                let decoded = decode::<P>(black_box(&bytes), version, &limits);
                black_box(decoded).expect("a good frame")
            });
        });
    }
    group.finish();
}

fn cmpp(c: &mut Criterion) {
    use cmpp::{
        Cancel, CancelResp, Connect, ConnectResp, Deliver, DeliverResp, Frame, MsgId, Pdu, Query,
        QueryResp, Report, Stat, Submit, SubmitResp, Version,
    };
    for (name, version) in [("cmpp20", Version::V20), ("cmpp30", Version::V30)] {
        let report = Report {
            msg_id: MsgId(0x5A25_E3C1_9064_D431),
            stat: Stat::new("DELIVRD").expect("fits"),
            submit_time: "2306150930".try_into().expect("fits"),
            done_time: "2306150931".try_into().expect("fits"),
            dest_terminal_id: "13800138001".try_into().expect("fits"),
            smsc_sequence: 1,
        };
        let submit = Submit {
            registered_delivery: 1,
            service_id: "SAFETY".try_into().expect("fits"),
            fee_user_type: 2,
            msg_fmt: 8,
            msg_src: "901234".try_into().expect("fits"),
            fee_type: "01".try_into().expect("fits"),
            fee_code: "000000".try_into().expect("fits"),
            src_id: "106573001234".try_into().expect("fits"),
            dest_terminal_ids: vec!["13800138001".try_into().expect("fits")],
            msg_content: content(),
            ..Submit::default()
        };
        let message = Deliver {
            dest_id: "106573001234".try_into().expect("fits"),
            msg_fmt: 8,
            src_terminal_id: "13800138001".try_into().expect("fits"),
            msg_content: content(),
            ..Deliver::default()
        };
        let deliver_report = Deliver {
            registered_delivery: 1,
            msg_content: report.build(version).expect("fits"),
            ..message.clone()
        };
        let frames = [
            ("submit", Pdu::Submit(submit)),
            ("submit_resp", Pdu::SubmitResp(SubmitResp::default())),
            ("deliver", Pdu::Deliver(message)),
            ("deliver_report", Pdu::Deliver(deliver_report)),
            ("deliver_resp", Pdu::DeliverResp(DeliverResp::default())),
            ("connect", Pdu::Connect(Connect::default())),
            ("connect_resp", Pdu::ConnectResp(ConnectResp::default())),
            ("query", Pdu::Query(Query::default())),
            ("query_resp", Pdu::QueryResp(QueryResp::default())),
            ("cancel", Pdu::Cancel(Cancel::default())),
            ("cancel_resp", Pdu::CancelResp(CancelResp::default())),
            ("active_test", Pdu::ActiveTest),
            ("active_test_resp", Pdu::ActiveTestResp),
            ("terminate", Pdu::Terminate),
            ("terminate_resp", Pdu::TerminateResp),
        ];
        let frames = frames.map(|(name, pdu)| (name, Frame { sequence: 7, pdu }));
        bench_all::<cmpp::Cmpp>(c, name, version, frames.into());
    }
}

fn sgip(c: &mut Criterion) {
    use sgip::{
        Bind, Deliver, Frame, Pdu, Report, Resp, Sequence, Submit, Trace, TraceNode, TraceResp,
        UserRpt, Version,
    };
    let sequence = Sequence {
        node: 3_025_001_234,
        time: 520_093_015,
        counter: 7,
    };
    let submit = Submit {
        sp_number: "106573001234".try_into().expect("fits"),
        charge_number: "000000000000000000000".try_into().expect("fits"),
        user_numbers: vec!["8613800138001".try_into().expect("fits")],
        corp_id: "94321".try_into().expect("fits"),
        service_type: "SAFETY".try_into().expect("fits"),
        fee_value: "0".try_into().expect("fits"),
        given_value: "0".try_into().expect("fits"),
        message_coding: 8,
        message_content: content(),
        ..Submit::default()
    };
    let deliver = Deliver {
        user_number: "8613800138001".try_into().expect("fits"),
        sp_number: "106573001234".try_into().expect("fits"),
        message_coding: 8,
        message_content: content(),
        ..Deliver::default()
    };
    let report = Report {
        submit_sequence: sequence,
        user_number: "8613800138001".try_into().expect("fits"),
        ..Report::default()
    };
    let traced = TraceResp {
        nodes: vec![TraceNode::default(); 2],
    };
    let frames = [
        ("submit", Pdu::Submit(submit)),
        ("submit_resp", Pdu::SubmitResp(Resp::default())),
        ("deliver", Pdu::Deliver(deliver)),
        ("deliver_resp", Pdu::DeliverResp(Resp::default())),
        ("report", Pdu::Report(report)),
        ("report_resp", Pdu::ReportResp(Resp::default())),
        ("bind", Pdu::Bind(Bind::default())),
        ("bind_resp", Pdu::BindResp(Resp::default())),
        ("unbind", Pdu::Unbind),
        ("unbind_resp", Pdu::UnbindResp),
        ("userrpt", Pdu::UserRpt(UserRpt::default())),
        ("userrpt_resp", Pdu::UserRptResp(Resp::default())),
        ("trace", Pdu::Trace(Trace::default())),
        ("trace_resp", Pdu::TraceResp(traced)),
    ];
    let frames = frames.map(|(name, pdu)| (name, Frame { sequence, pdu }));
    bench_all::<sgip::Sgip>(c, "sgip", Version::V12, frames.into());
}

fn smgp(c: &mut Criterion) {
    use smgp::{
        Deliver, DeliverResp, Frame, Login, LoginResp, Pdu, Query, QueryResp, Report, Stat, Submit,
        SubmitResp, Tlvs, Version,
    };
    let submit = Submit {
        service_id: "SAFETY".try_into().expect("fits"),
        fee_type: "00".try_into().expect("fits"),
        fee_code: "000000".try_into().expect("fits"),
        fixed_fee: "000000".try_into().expect("fits"),
        msg_format: 8,
        src_term_id: "106573001234".try_into().expect("fits"),
        dest_term_ids: vec!["13800138001".try_into().expect("fits")],
        msg_content: content(),
        ..Submit::default()
    };
    let part = Submit {
        tlvs: Tlvs {
            tp_udhi: Some(1),
            pk_total: Some(2),
            pk_number: Some(1),
            ..Tlvs::default()
        },
        ..submit.clone()
    };
    let message = Deliver {
        msg_format: 8,
        recv_time: "20230615093059".try_into().expect("fits"),
        src_term_id: "13800138001".try_into().expect("fits"),
        dest_term_id: "106573001234".try_into().expect("fits"),
        msg_content: content(),
        ..Deliver::default()
    };
    let report = Report {
        stat: Stat::new("DELIVRD", "000").expect("fits"),
        ..Report::default()
    };
    let deliver_report = Deliver {
        is_report: 1,
        msg_format: 0,
        msg_content: report.build().expect("fits"),
        ..message.clone()
    };
    let frames = [
        ("submit", Pdu::Submit(submit)),
        ("submit_part", Pdu::Submit(part)),
        ("submit_resp", Pdu::SubmitResp(SubmitResp::default())),
        ("deliver", Pdu::Deliver(message)),
        ("deliver_report", Pdu::Deliver(deliver_report)),
        ("deliver_resp", Pdu::DeliverResp(DeliverResp::default())),
        ("login", Pdu::Login(Login::default())),
        ("login_resp", Pdu::LoginResp(LoginResp::default())),
        ("query", Pdu::Query(Query::default())),
        ("query_resp", Pdu::QueryResp(QueryResp::default())),
        ("active_test", Pdu::ActiveTest),
        ("active_test_resp", Pdu::ActiveTestResp),
        ("exit", Pdu::Exit),
        ("exit_resp", Pdu::ExitResp),
    ];
    let frames = frames.map(|(name, pdu)| (name, Frame { sequence: 7, pdu }));
    bench_all::<smgp::Smgp>(c, "smgp", Version::V30, frames.into());
}

#[cfg(feature = "smpp")]
fn smpp(c: &mut Criterion) {
    use watchbell_wire::smpp::{
        Frame, Message, Smpp, Version,
        rusmpp_core::{
            pdus::owned::{
                BindTransceiver, BindTransceiverResp, DeliverSm, DeliverSmResp, Pdu, SubmitSm,
                SubmitSmResp,
            },
            types::owned::{COctetString, OctetString},
            values::DataCoding,
        },
    };
    let number = || COctetString::from_slice(b"8613800138001\0").expect("fits");
    let own = || COctetString::from_slice(b"106573001234\0").expect("fits");
    let text = || OctetString::from_bytes(content()).expect("fits");
    let submit = SubmitSm::builder()
        .source_addr(own())
        .destination_addr(number())
        .data_coding(DataCoding::Ucs2)
        .short_message(text())
        .build();
    let deliver = DeliverSm::builder()
        .source_addr(number())
        .destination_addr(own())
        .data_coding(DataCoding::Ucs2)
        .short_message(text())
        .build();
    let frames = [
        ("submit", Pdu::SubmitSm(submit)),
        ("submit_resp", Pdu::SubmitSmResp(SubmitSmResp::default())),
        ("deliver", Pdu::DeliverSm(deliver)),
        ("deliver_resp", Pdu::DeliverSmResp(DeliverSmResp::default())),
        ("bind", Pdu::BindTransceiver(BindTransceiver::default())),
        (
            "bind_resp",
            Pdu::BindTransceiverResp(BindTransceiverResp::default()),
        ),
        ("enquire_link", Pdu::EnquireLink),
        ("enquire_link_resp", Pdu::EnquireLinkResp),
        ("unbind", Pdu::Unbind),
        ("unbind_resp", Pdu::UnbindResp),
    ];
    let frames = frames.map(|(name, pdu)| {
        let pdu = Message::new(pdu);
        (name, Frame { sequence: 7, pdu })
    });
    bench_all::<Smpp>(c, "smpp", Version::V34, frames.into());
}

#[cfg(not(feature = "smpp"))]
fn smpp(_: &mut Criterion) {}

criterion_group!(benches, cmpp, sgip, smgp, smpp);
criterion_main!(benches);
