//! What holds for every input.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what is wrong")]

use bytes::{Bytes, BytesMut};
use proptest::{collection::vec, prelude::*, sample::select};
use watchbell_wire::{
    FixedStr, FrameLimits,
    cmpp::{
        Cancel, CancelResp, Connect, ConnectResp, ConnectStatus, Decoded, Deliver, DeliverResp,
        DeliverResult, Frame, FrameReader, MsgId, Pdu, Query, QueryResp, Report, Stat, Submit,
        SubmitResp, SubmitResult, Version, decode, encode,
    },
    text::{self, Coding},
    udh::{self, PartOutcome, Reassembler, ReassemblerLimits, Reference},
};

/// Any bytes a field can hold: neither zeros, nor blanks at the ends.
fn field<const N: usize>(max: usize) -> impl Strategy<Value = FixedStr<N>> {
    let byte = prop_oneof![4 => b'0'..=b'9', 1 => 1..=u8::MAX];
    vec(byte, 0..=max).prop_map(|bytes| FixedStr::new(bytes).unwrap())
}

fn version() -> impl Strategy<Value = Version> {
    select(vec![Version::V20, Version::V30])
}

const fn terminal_len(version: Version) -> usize {
    match version {
        Version::V20 => 21,
        Version::V30 => 32,
    }
}

/// A value for a field that only 3.0 has.
fn only_v30(version: Version) -> impl Strategy<Value = u8> {
    0..=match version {
        Version::V20 => 0,
        Version::V30 => u8::MAX,
    }
}

fn code(version: Version) -> impl Strategy<Value = u32> {
    0..=match version {
        Version::V20 => u8::MAX.into(),
        Version::V30 => u32::MAX,
    }
}

fn tail(version: Version) -> impl Strategy<Value = (FixedStr<8>, FixedStr<20>)> {
    match version {
        Version::V20 => (field(8), field(0)),
        Version::V30 => (field(0), field(20)),
    }
}

fn msg_id() -> impl Strategy<Value = MsgId> {
    any::<u64>().prop_map(MsgId)
}

fn bytes(max: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..=max).prop_map(Bytes::from)
}

fn submit(version: Version) -> impl Strategy<Value = Submit> {
    let head = (msg_id(), any::<[u8; 5]>(), field(10), only_v30(version));
    let coding = (any::<[u8; 2]>(), select(vec![0, 4, 8, 15, 25]));
    let texts = (
        field(terminal_len(version)),
        field(6),
        field(2),
        field(6),
        (field(17), field(17)),
        field(21),
    );
    let receivers = (
        vec(field(terminal_len(version)), 1..=100),
        only_v30(version),
    );
    (head, coding, texts, receivers, tail(version))
        .prop_flat_map(|all| {
            let max = if all.1.1 == 0 { 159 } else { 140 };
            (Just(all), bytes(max))
        })
        .prop_map(|((head, coding, texts, receivers, tail), msg_content)| {
            let (msg_id, numbers, service_id, fee_terminal_type) = head;
            let ([tp_pid, tp_udhi], msg_fmt) = coding;
            let (fee_terminal_id, msg_src, fee_type, fee_code, times, src_id) = texts;
            Submit {
                msg_id,
                pk_total: numbers[0],
                pk_number: numbers[1],
                registered_delivery: numbers[2],
                msg_level: numbers[3],
                service_id,
                fee_user_type: numbers[4],
                fee_terminal_id,
                fee_terminal_type,
                tp_pid,
                tp_udhi,
                msg_fmt,
                msg_src,
                fee_type,
                fee_code,
                valid_time: times.0,
                at_time: times.1,
                src_id,
                dest_terminal_ids: receivers.0,
                dest_terminal_type: receivers.1,
                msg_content,
                reserve: tail.0,
                link_id: tail.1,
            }
        })
}

fn report(version: Version) -> impl Strategy<Value = Report> {
    (
        msg_id(),
        field(7),
        field(10),
        field(10),
        field(terminal_len(version)),
        any::<u32>(),
    )
        .prop_map(
            |(msg_id, stat, submit_time, done_time, receiver, sequence)| Report {
                msg_id,
                stat: Stat(stat),
                submit_time,
                done_time,
                dest_terminal_id: receiver,
                smsc_sequence: sequence,
            },
        )
}

fn deliver(version: Version) -> impl Strategy<Value = Deliver> {
    let message = (
        any::<u8>().prop_filter("1 is a report", |&kind| kind != 1),
        bytes(255),
    );
    // Either size of block goes through either version.
    let block = (Just(1_u8), self::version())
        .prop_flat_map(|(kind, size)| (Just(kind), Just(size), report(size)))
        .prop_map(|(kind, size, report)| (kind, report.build(size).unwrap()));
    (
        (msg_id(), field(21), field(10), any::<[u8; 3]>()),
        field(terminal_len(version)),
        only_v30(version),
        prop_oneof![message, block],
        tail(version),
    )
        .prop_map(
            |(head, src_terminal_id, src_terminal_type, content, tail)| Deliver {
                msg_id: head.0,
                dest_id: head.1,
                service_id: head.2,
                tp_pid: head.3[0],
                tp_udhi: head.3[1],
                msg_fmt: head.3[2],
                src_terminal_id,
                src_terminal_type,
                registered_delivery: content.0,
                msg_content: content.1,
                reserve: tail.0,
                link_id: tail.1,
            },
        )
}

fn small(version: Version) -> impl Strategy<Value = Pdu> {
    let connect = (field(6), any::<[u8; 16]>(), any::<u8>(), any::<u32>()).prop_map(
        |(source_addr, authenticator_source, version, timestamp)| {
            Pdu::Connect(Connect {
                source_addr,
                authenticator_source,
                version,
                timestamp,
            })
        },
    );
    let connect_resp = (code(version), any::<[u8; 16]>(), any::<u8>()).prop_map(
        |(status, authenticator_ismg, version)| {
            Pdu::ConnectResp(ConnectResp {
                status: ConnectStatus(status),
                authenticator_ismg,
                version,
            })
        },
    );
    let responses =
        (msg_id(), code(version), 0..3_u8).prop_map(|(msg_id, code, which)| match which {
            0 => Pdu::SubmitResp(SubmitResp {
                msg_id,
                result: SubmitResult(code),
            }),
            1 => Pdu::DeliverResp(DeliverResp {
                msg_id,
                result: DeliverResult(code),
            }),
            _ => Pdu::CancelResp(CancelResp { success_id: code }),
        });
    let query = (field(8), any::<u8>(), field(10), field(8)).prop_map(
        |(time, query_type, query_code, reserve)| {
            Pdu::Query(Query {
                time,
                query_type,
                query_code,
                reserve,
            })
        },
    );
    let query_resp = (field(8), any::<u8>(), field(10), any::<[u32; 8]>()).prop_map(
        |(time, query_type, query_code, totals)| {
            Pdu::QueryResp(QueryResp {
                time,
                query_type,
                query_code,
                mt_tlmsg: totals[0],
                mt_tlusr: totals[1],
                mt_scs: totals[2],
                mt_wt: totals[3],
                mt_fl: totals[4],
                mo_scs: totals[5],
                mo_wt: totals[6],
                mo_fl: totals[7],
            })
        },
    );
    let bare = select(vec![
        Pdu::Terminate,
        Pdu::TerminateResp,
        Pdu::ActiveTest,
        Pdu::ActiveTestResp,
    ]);
    let cancel = msg_id().prop_map(|msg_id| Pdu::Cancel(Cancel { msg_id }));
    prop_oneof![
        connect,
        connect_resp,
        responses,
        query,
        query_resp,
        bare,
        cancel
    ]
}

fn frame(version: Version) -> impl Strategy<Value = Frame> {
    let pdu = prop_oneof![
        1 => submit(version).prop_map(Pdu::Submit),
        1 => deliver(version).prop_map(Pdu::Deliver),
        2 => small(version),
    ];
    (any::<u32>(), pdu).prop_map(|(sequence, pdu)| Frame { sequence, pdu })
}

fn frames(max: usize) -> impl Strategy<Value = (Version, Vec<Frame>)> {
    version().prop_flat_map(move |version| (Just(version), vec(frame(version), 1..=max)))
}

/// Reads everything a reader has, errors included, and checks that it comes to an end.
fn drain(reader: &mut FrameReader) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let before = reader.buffered();
        match reader.next_frame() {
            Ok(None) => return seen,
            Err(error) if error.is_fatal() => {
                seen.push(format!("{error:?}"));
                return seen;
            }
            other => seen.push(format!("{other:?}")),
        }
        assert!(reader.buffered() < before, "no progress");
    }
}

fn reference() -> impl Strategy<Value = Reference> {
    prop_oneof![
        any::<u8>().prop_map(Reference::Eight),
        any::<u16>().prop_map(Reference::Sixteen)
    ]
}

proptest! {
    #[test]
    fn decoding_what_was_encoded_gives_the_same_frame((version, frames) in frames(1)) {
        let encoded = frames[0].to_bytes(version).unwrap();
        let decoded = decode(&encoded, version, &FrameLimits::default()).unwrap();
        prop_assert_eq!(decoded, Decoded::Frame(frames[0].clone(), encoded.len()));
    }

    #[test]
    fn any_split_of_the_stream_gives_the_same_frames(
        (version, frames) in frames(4),
        cuts in vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut stream = BytesMut::new();
        for frame in &frames {
            encode(frame, version, &mut stream).unwrap();
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let mut reader = FrameReader::new(version, FrameLimits::default());
        let mut read = Vec::new();
        for cut in cuts.windows(2) {
            reader.push(&stream[cut[0]..cut[1]]);
            while let Some(frame) = reader.next_frame().unwrap() {
                read.push(frame);
            }
        }
        prop_assert_eq!(read, frames);
        prop_assert_eq!(reader.buffered(), 0);
    }

    #[test]
    fn a_cut_frame_is_incomplete_and_says_how_much_it_lacks(
        (version, frames) in frames(1),
        cut in any::<prop::sample::Index>(),
    ) {
        let encoded = frames[0].to_bytes(version).unwrap();
        let cut = cut.index(encoded.len());
        let decoded = decode(&encoded[..cut], version, &FrameLimits::default());
        let whole = if cut < 4 { 12 } else { encoded.len() };
        prop_assert_eq!(decoded, Ok(Decoded::Incomplete { needed: whole - cut }));
    }

    #[test]
    fn arbitrary_bytes_never_panic(version in version(), bytes in vec(any::<u8>(), 0..600)) {
        let mut reader = FrameReader::new(version, FrameLimits::default());
        reader.push(&bytes);
        drain(&mut reader);
        let _ = udh::parse(&bytes);
        let _ = Report::parse(&bytes);
        for msg_fmt in 0..=u8::MAX {
            let _ = text::decode(&bytes, Coding::from_msg_fmt(msg_fmt));
        }
    }

    #[test]
    fn any_body_behind_a_good_header_never_panics_and_frees_its_frame(
        version in version(),
        command in 0_u32..10,
        response in any::<bool>(),
        body in vec(any::<u8>(), 0..300),
    ) {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&(body.len() as u32 + 12).to_be_bytes());
        bytes.extend_from_slice(&(command | u32::from(response) << 31).to_be_bytes());
        bytes.extend_from_slice(&[0, 0, 0, 1]);
        bytes.extend_from_slice(&body);
        let mut reader = FrameReader::new(version, FrameLimits::default());
        reader.push(&bytes);
        prop_assert_eq!(drain(&mut reader).len(), 1);
        prop_assert_eq!(reader.buffered(), 0);
    }

    #[test]
    fn a_damaged_frame_never_panics(
        (version, frames) in frames(1),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        read_as in version(),
    ) {
        let mut encoded = frames[0].to_bytes(version).unwrap().to_vec();
        for (at, byte) in damage {
            let at = at.index(encoded.len());
            encoded[at] = byte;
        }
        let mut reader = FrameReader::new(read_as, FrameLimits::default());
        reader.push(&encoded);
        drain(&mut reader);
    }

    #[test]
    fn segments_join_to_the_text(text in "[安全a😀\\PC]{0,300}", reference in reference()) {
        let parts = udh::split_ucs2(&text, reference).unwrap();
        let mut order: Vec<_> = parts.iter().collect();
        order.reverse();
        let mut reassembler = Reassembler::new(ReassemblerLimits::default());
        let mut whole = None;
        for part in order {
            prop_assert!(part.content.len() <= udh::SEGMENT_LEN);
            let payload = if part.tp_udhi() == 1 {
                let data = udh::parse(&part.content).unwrap();
                prop_assert_eq!(data.concat, part.concat);
                data.payload
            } else {
                &part.content[..]
            };
            // Each part is readable on its own: no pair is divided.
            prop_assert!(!text::decode(payload, Coding::Ucs2).unwrap().lossy);
            whole = match part.concat {
                None => Some(part.content.clone()),
                Some(concat) => {
                    let payload = Bytes::copy_from_slice(payload);
                    match reassembler.push(0, "phone", concat, payload).outcome {
                        PartOutcome::Complete(whole) => Some(whole),
                        _ => None,
                    }
                }
            };
        }
        let whole = text::decode(&whole.unwrap(), Coding::Ucs2).unwrap();
        prop_assert_eq!(whole.text, text);
        prop_assert!(reassembler.is_empty());
    }

    #[test]
    fn segments_in_any_coding_join_to_the_text(
        (text, coding) in prop_oneof![
            ("[a-z安全生产]{0,300}", Just(Coding::Gbk)),
            ("[a-z€{}@]{0,500}", Just(Coding::Gsm7)),
            ("[ -~]{0,500}", Just(Coding::Ascii)),
            ("[ -~é-ü]{0,500}", Just(Coding::Latin1)),
            ("[a安😀]{0,300}", Just(Coding::Ucs2)),
        ],
        reference in reference(),
    ) {
        let parts = udh::split(&text, coding, reference).unwrap();
        let mut joined = String::new();
        for (index, part) in parts.iter().enumerate() {
            let max = if coding == Coding::Gsm7 { 160 } else { udh::SEGMENT_LEN };
            prop_assert!(part.content.len() <= max);
            let payload = match part.concat {
                Some(concat) => {
                    prop_assert_eq!(usize::from(concat.part), index + 1);
                    prop_assert_eq!(usize::from(concat.total), parts.len());
                    udh::parse(&part.content).unwrap().payload
                }
                None => &part.content[..],
            };
            // Each part is readable on its own: no character is divided.
            let decoded = text::decode(payload, coding).unwrap();
            prop_assert!(!decoded.lossy);
            joined.push_str(&decoded.text);
        }
        prop_assert_eq!(joined, text);
    }

    #[test]
    fn packed_septets_unpack(septets in vec(0..128_u8, 0..170), header_len in 0_usize..20) {
        let fill = text::gsm7::fill_bits(header_len);
        let packed = text::gsm7::pack(&septets, fill);
        prop_assert_eq!(text::gsm7::unpack(&packed, septets.len(), fill), septets);
    }

    #[test]
    fn text_reads_back_in_the_coding_chosen_for_it(text in "\\PC{0,100}") {
        let coding = Coding::choose(&text);
        let encoded = text::encode(&text, coding).unwrap();
        prop_assert_eq!(text::decode(&encoded, coding).unwrap().text, text.clone());
        if let Ok(encoded) = text::encode(&text, Coding::Gbk) {
            prop_assert_eq!(text::decode(&encoded, Coding::Gbk).unwrap().text, text);
        }
    }

    #[test]
    fn every_spelling_of_a_message_id_reads_back(id in msg_id()) {
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(MsgId::from_decimal(&id.to_decimal()), Ok(id));
        prop_assert_eq!(MsgId::from_decimal(&(id.0 as i64).to_string()), Ok(id));
        prop_assert_eq!(MsgId::from_digits22(&id.to_digits22()), Ok(id));
        prop_assert_eq!(MsgId::from_parts(id.parts()), Some(id));
    }
}
