//! CMPP 2.0 and 3.0.

use bytes::Bytes;
use watchbell_wire::{
    FixedStr,
    cmpp::{
        Cancel, CancelResp, Cmpp, Connect, ConnectResp, ConnectStatus, Deliver, DeliverResp,
        DeliverResult, Frame, MsgId, Pdu, Query, QueryResp, Report, Stat, Submit, SubmitResp,
        SubmitResult, Version,
    },
};

use super::{bytes_in, frame_out, source::Source};

fn version(byte: u8) -> Version {
    match byte % 2 {
        0 => Version::V20,
        _ => Version::V30,
    }
}

fn content(pdu: &Pdu) -> &[u8] {
    match pdu {
        Pdu::Submit(submit) => &submit.msg_content,
        Pdu::Deliver(deliver) => &deliver.msg_content,
        _ => &[],
    }
}

/// The first byte is the version, the rest comes from a peer.
pub fn cmpp_in(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else {
        return;
    };
    let _ = Report::parse(bytes);
    bytes_in::<Cmpp>(bytes, version(*first), content);
}

/// All bytes become a PDU.
pub fn cmpp_out(data: &[u8]) {
    let s = &mut Source::new(data);
    let version = version(s.u8());
    let cut = s.u32() as usize;
    let sequence = s.u32();
    let pdu = pdu(s, version);
    frame_out(&Frame { sequence, pdu }, version, cut);
}

fn code(s: &mut Source<'_>, version: Version) -> u32 {
    match version {
        Version::V20 => s.u8().into(),
        Version::V30 => s.u32(),
    }
}

fn number_len(version: Version) -> u8 {
    match version {
        Version::V20 => 21,
        Version::V30 => 32,
    }
}

fn only_v30(s: &mut Source<'_>, version: Version) -> u8 {
    match version {
        Version::V20 => 0,
        Version::V30 => s.u8(),
    }
}

fn tail(s: &mut Source<'_>, version: Version) -> (FixedStr<8>, FixedStr<20>) {
    match version {
        Version::V20 => (s.text(), FixedStr::EMPTY),
        Version::V30 => (FixedStr::EMPTY, s.text()),
    }
}

/// Any of the PDUs.
pub fn pdu(s: &mut Source<'_>, version: Version) -> Pdu {
    match s.u8() % 14 {
        0 => Pdu::Connect(Connect {
            source_addr: s.text(),
            authenticator_source: s.array(),
            version: s.u8(),
            timestamp: s.u32(),
        }),
        1 => Pdu::ConnectResp(ConnectResp {
            status: ConnectStatus(code(s, version)),
            authenticator_ismg: s.array(),
            version: s.u8(),
        }),
        2 => Pdu::Submit(submit(s, version)),
        3 => Pdu::SubmitResp(SubmitResp {
            msg_id: MsgId(s.u64()),
            result: SubmitResult(code(s, version)),
        }),
        4 => Pdu::Deliver(deliver(s, version)),
        5 => Pdu::DeliverResp(DeliverResp {
            msg_id: MsgId(s.u64()),
            result: DeliverResult(code(s, version)),
        }),
        6 => Pdu::Query(Query {
            time: s.text(),
            query_type: s.u8(),
            query_code: s.text(),
            reserve: s.text(),
        }),
        7 => Pdu::QueryResp(QueryResp {
            time: s.text(),
            query_type: s.u8(),
            query_code: s.text(),
            mt_tlmsg: s.u32(),
            mt_tlusr: s.u32(),
            mt_scs: s.u32(),
            mt_wt: s.u32(),
            mt_fl: s.u32(),
            mo_scs: s.u32(),
            mo_wt: s.u32(),
            mo_fl: s.u32(),
        }),
        8 => Pdu::Cancel(Cancel {
            msg_id: MsgId(s.u64()),
        }),
        9 => Pdu::CancelResp(CancelResp {
            success_id: code(s, version),
        }),
        10 => Pdu::Terminate,
        11 => Pdu::TerminateResp,
        12 => Pdu::ActiveTest,
        _ => Pdu::ActiveTestResp,
    }
}

fn submit(s: &mut Source<'_>, version: Version) -> Submit {
    let (reserve, link_id) = tail(s, version);
    Submit {
        msg_id: MsgId(s.u64()),
        pk_total: s.u8(),
        pk_number: s.u8(),
        registered_delivery: s.u8(),
        msg_level: s.u8(),
        service_id: s.text(),
        fee_user_type: s.u8(),
        fee_terminal_id: s.text_of(number_len(version)),
        fee_terminal_type: only_v30(s, version),
        tp_pid: s.u8(),
        tp_udhi: s.u8(),
        msg_fmt: s.u8(),
        msg_src: s.text(),
        fee_type: s.text(),
        fee_code: s.text(),
        valid_time: s.text(),
        at_time: s.text(),
        src_id: s.text(),
        dest_terminal_ids: s.receivers(number_len(version)),
        dest_terminal_type: only_v30(s, version),
        msg_content: s.bytes(140),
        reserve,
        link_id,
    }
}

fn deliver(s: &mut Source<'_>, version: Version) -> Deliver {
    let (reserve, link_id) = tail(s, version);
    let registered_delivery = s.u8();
    Deliver {
        msg_id: MsgId(s.u64()),
        dest_id: s.text(),
        service_id: s.text(),
        tp_pid: s.u8(),
        tp_udhi: s.u8(),
        msg_fmt: s.u8(),
        src_terminal_id: s.text_of(number_len(version)),
        src_terminal_type: only_v30(s, version),
        registered_delivery,
        msg_content: match registered_delivery {
            1 => block(s),
            _ => s.bytes(u8::MAX),
        },
        reserve,
        link_id,
    }
}

/// A report block of either version's size, whatever the link's.
fn block(s: &mut Source<'_>) -> Bytes {
    let version = version(s.u8());
    let report = Report {
        msg_id: MsgId(s.u64()),
        stat: Stat(s.text()),
        submit_time: s.text(),
        done_time: s.text(),
        dest_terminal_id: s.text_of(number_len(version)),
        smsc_sequence: s.u32(),
    };
    let block = report
        .build(version)
        .expect("every field is within its limits");
    assert_eq!(Report::parse(&block), Ok(report));
    block
}
