//! SMGP 1.3 and 3.0.

use bytes::Bytes;
use watchbell_wire::{
    FixedStr,
    smgp::{
        Deliver, DeliverResp, Frame, Login, LoginMode, LoginResp, MsgId, OtherTlvs, Pdu, Query,
        QueryResp, Report, Smgp, Stat, Status, Submit, SubmitResp, Tlvs, Version,
    },
};

use super::{bytes_in, frame_out, source::Source};

fn version(byte: u8) -> Version {
    match byte % 2 {
        0 => Version::V13,
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
pub fn smgp_in(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else {
        return;
    };
    if let Ok(report) = Report::parse(bytes) {
        let block = report.build().expect("a parsed report fits its fields");
        assert_eq!(block.len(), Report::LEN);
    }
    bytes_in::<Smgp>(bytes, version(*first), content);
}

/// All bytes become a PDU.
pub fn smgp_out(data: &[u8]) {
    let s = &mut Source::new(data);
    let version = version(s.u8());
    let cut = s.u32() as usize;
    let sequence = s.u32();
    let pdu = pdu(s, version);
    frame_out(&Frame { sequence, pdu }, version, cut);
}

fn msg_id(s: &mut Source<'_>) -> MsgId {
    let id = MsgId(s.array());
    assert_eq!(id.to_string().parse(), Ok(id));
    if let Some(parts) = id.parts() {
        assert_eq!(MsgId::from_parts(parts), Some(id));
    }
    id
}

/// Any of the PDUs.
pub fn pdu(s: &mut Source<'_>, version: Version) -> Pdu {
    match s.u8() % 12 {
        0 => Pdu::Login(Login {
            client_id: s.text(),
            authenticator_client: s.array(),
            login_mode: LoginMode(s.u8()),
            timestamp: s.u32(),
            client_version: s.u8(),
        }),
        1 => Pdu::LoginResp(LoginResp {
            status: Status(s.u32()),
            authenticator_server: s.array(),
            server_version: s.u8(),
        }),
        2 => Pdu::Submit(submit(s, version)),
        3 => Pdu::SubmitResp(SubmitResp {
            msg_id: msg_id(s),
            status: Status(s.u32()),
        }),
        4 => Pdu::Deliver(deliver(s)),
        5 => Pdu::DeliverResp(DeliverResp {
            msg_id: msg_id(s),
            status: Status(s.u32()),
        }),
        6 => Pdu::Query(Query {
            query_time: s.text(),
            query_type: s.u8(),
            query_code: s.text(),
        }),
        7 => Pdu::QueryResp(QueryResp {
            query_time: s.text(),
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
            reserve: s.text(),
        }),
        8 => Pdu::ActiveTest,
        9 => Pdu::ActiveTestResp,
        10 => Pdu::Exit,
        _ => Pdu::ExitResp,
    }
}

fn submit(s: &mut Source<'_>, version: Version) -> Submit {
    Submit {
        msg_type: s.u8(),
        need_report: s.u8(),
        priority: s.u8(),
        service_id: s.text(),
        fee_type: s.text(),
        fee_code: s.text(),
        fixed_fee: match version {
            Version::V13 => FixedStr::EMPTY,
            Version::V30 => s.text(),
        },
        msg_format: s.u8(),
        valid_time: s.text(),
        at_time: s.text(),
        src_term_id: s.text(),
        charge_term_id: s.text(),
        dest_term_ids: s.receivers(21),
        msg_content: s.bytes(140),
        reserve: s.text(),
        tlvs: tlvs(s),
    }
}

fn deliver(s: &mut Source<'_>) -> Deliver {
    let is_report = s.u8();
    Deliver {
        msg_id: msg_id(s),
        is_report,
        msg_format: s.u8(),
        recv_time: s.text(),
        src_term_id: s.text(),
        dest_term_id: s.text(),
        msg_content: match is_report {
            1 => block(s),
            _ => s.bytes(u8::MAX),
        },
        reserve: s.text(),
        tlvs: tlvs(s),
    }
}

/// Text that runs on to a zero byte, as a pseudo code is read.
fn pseudo(s: &mut Source<'_>) -> Bytes {
    Bytes::copy_from_slice(s.text_of::<32>(32).as_ref())
}

fn tlvs(s: &mut Source<'_>) -> Tlvs {
    let mut other = OtherTlvs::default();
    for _ in 0..s.u8() % 3 {
        let tag = s.u32() as u16;
        let value = s.bytes(40);
        let _ = other.push(tag, &value);
    }
    Tlvs {
        tp_pid: s.option(Source::u8),
        tp_udhi: s.option(Source::u8),
        link_id: s.option(Source::text),
        charge_user_type: s.option(Source::u8),
        charge_term_type: s.option(Source::u8),
        charge_term_pseudo: s.option(pseudo),
        dest_term_type: s.option(Source::u8),
        dest_term_pseudo: s.option(|s| s.bytes(100)),
        pk_total: s.option(Source::u8),
        pk_number: s.option(Source::u8),
        submit_msg_type: s.option(Source::u8),
        sp_deal_result: s.option(Source::u8),
        src_term_type: s.option(Source::u8),
        src_term_pseudo: s.option(pseudo),
        nodes_count: s.option(Source::u8),
        msg_src: s.option(Source::text),
        src_type: s.option(Source::u8),
        m_service_id: s.option(Source::text),
        other,
    }
}

/// Digits only, as labels are looked for in the text.
fn digits<const N: usize>(s: &mut Source<'_>) -> FixedStr<N> {
    let digits = s.array::<N>().map(|byte| b'0' + byte % 10);
    FixedStr::new(digits).expect("as long as its field")
}

/// A report block whose id and text are any bytes.
fn block(s: &mut Source<'_>) -> Bytes {
    let txt = s.bytes(20);
    let end = txt
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |at| at + 1);
    let report = Report {
        msg_id: msg_id(s),
        sub: digits(s),
        dlvrd: digits(s),
        submit_date: digits(s),
        done_date: digits(s),
        stat: Stat {
            stat: digits(s),
            err: digits(s),
        },
        txt: txt.slice(..end),
    };
    let block = report.build().expect("every field is within its limits");
    assert_eq!(Report::parse(&block), Ok(report));
    block
}
