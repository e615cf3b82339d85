//! SMPP 3.4 and 5.0.

use watchbell_wire::{
    Decoded, FrameLimits,
    smpp::{Frame, Message, Receipt, Smpp, Version, decode, rusmpp_core::pdus::owned::Pdu},
};

use super::{bytes_in, frame_out, source::Source};

fn content(message: &Message) -> &[u8] {
    match message.body() {
        Some(Pdu::SubmitSm(submit)) => submit.short_message(),
        Some(Pdu::DeliverSm(deliver)) => deliver.short_message(),
        _ => &[],
    }
}

/// The first byte is for nothing, as other protocols have their version there; the rest comes from a
/// peer.
pub fn smpp_in(data: &[u8]) {
    let Some((_, bytes)) = data.split_first() else {
        return;
    };
    if let Ok(receipt) = Receipt::parse(bytes) {
        assert!(Receipt::parse(receipt.build().as_bytes()).is_ok());
    }
    bytes_in::<Smpp>(bytes, Version::V34, content);
}

/// All bytes become a PDU as it stands on the wire: it is read, and what was read is written as the same
/// bytes. (The PDUs are another crate's types, so they are made by reading.)
pub fn smpp_out(data: &[u8]) {
    let s = &mut Source::new(data);
    let cut = s.u32() as usize;
    let bytes = frame(s);
    let decoded = decode(&bytes, Version::V34, &FrameLimits::default());
    let Ok(Decoded::Frame(frame, size)) = decoded else {
        panic!("{decoded:?} of {bytes:02x?}");
    };
    assert_eq!(size, bytes.len());
    check(&frame, &bytes, cut);
}

fn check(frame: &Frame, bytes: &[u8], cut: usize) {
    let encoded = frame.to_bytes(Version::V34).expect("what was read fits");
    assert_eq!(encoded, bytes, "{frame:02x?}");
    frame_out(frame, Version::V34, cut);
}

/// Ids of all commands.
pub const COMMANDS: [u32; 33] = [
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    0xB,
    0x15,
    0x21,
    0x102,
    0x103,
    0x111,
    0x112,
    0x113,
    0x8000_0000,
    0x8000_0001,
    0x8000_0002,
    0x8000_0003,
    0x8000_0004,
    0x8000_0005,
    0x8000_0006,
    0x8000_0007,
    0x8000_0008,
    0x8000_0009,
    0x8000_0015,
    0x8000_0021,
    0x8000_0103,
    0x8000_0111,
    0x8000_0112,
    0x8000_0113,
];

/// A whole frame of any command.
pub fn frame(s: &mut Source<'_>) -> Vec<u8> {
    let command = COMMANDS[usize::from(s.u8()) % COMMANDS.len()];
    let mut w = Wire(vec![0; 4]);
    w.0.extend(command.to_be_bytes());
    // An error comes without a body; see `tests/smpp.rs` for those.
    w.0.extend([0; 4]);
    w.0.extend(s.u32().to_be_bytes());
    w.body(command, s);
    let size = w.0.len() as u32;
    w.0[..4].copy_from_slice(&size.to_be_bytes());
    w.0
}

struct Wire(Vec<u8>);

impl Wire {
    fn body(&mut self, command: u32, s: &mut Source<'_>) {
        match command {
            1 | 2 | 9 => self.bind(s),
            0xB => {
                self.text(16, s);
                self.text(9, s);
            }
            4 | 5 => {
                self.text(6, s);
                self.address(21, s);
                self.address(21, s);
                self.message(s);
            }
            0x21 => self.multi(s),
            0x103 => {
                self.text(6, s);
                self.address(65, s);
                self.address(65, s);
                self.0.extend(s.array::<3>());
                self.tlvs(s);
            }
            3 | 0x112 => {
                self.text(65, s);
                self.address(21, s);
                if command == 0x112 {
                    self.tlv(0x0204, &s.array::<2>());
                }
            }
            8 => {
                self.text(6, s);
                self.text(65, s);
                self.address(21, s);
                self.address(21, s);
            }
            7 => self.replace(s),
            0x102 => {
                self.address(65, s);
                self.address(65, s);
                self.tlv(0x0422, &s.array::<1>());
            }
            0x111 => self.broadcast(s),
            0x113 => {
                self.text(6, s);
                self.text(65, s);
                self.address(21, s);
                self.tlvs(s);
            }
            0x8000_0001 | 0x8000_0002 | 0x8000_0009 => {
                self.text(16, s);
                self.tlv(0x0210, &s.array::<1>());
            }
            0x8000_0003 => {
                self.text(65, s);
                self.time(s);
                self.0.extend(s.array::<2>());
            }
            0x8000_0021 => {
                self.text(65, s);
                let count = s.u8() % 4;
                self.0.push(count);
                for _ in 0..count {
                    self.address(21, s);
                    self.0.extend(s.array::<4>());
                }
                self.tlvs(s);
            }
            0x8000_0004 | 0x8000_0005 | 0x8000_0103 | 0x8000_0111 | 0x8000_0112 => {
                self.text(65, s);
                self.tlvs(s);
            }
            _ => {}
        }
    }

    fn bind(&mut self, s: &mut Source<'_>) {
        self.text(16, s);
        self.text(9, s);
        self.text(13, s);
        self.0.push(s.u8());
        self.address(41, s);
    }

    fn multi(&mut self, s: &mut Source<'_>) {
        self.text(6, s);
        self.address(21, s);
        let count = 1 + s.u8() % 4;
        self.0.push(count);
        for _ in 0..count {
            if s.flag() {
                self.0.push(1);
                self.address(21, s);
            } else {
                self.0.push(2);
                self.text(21, s);
            }
        }
        self.message(s);
    }

    fn message(&mut self, s: &mut Source<'_>) {
        self.0.extend(s.array::<3>());
        self.time(s);
        self.time(s);
        self.0.extend(s.array::<4>());
        self.content(s);
        self.tlvs(s);
    }

    fn replace(&mut self, s: &mut Source<'_>) {
        self.text(65, s);
        self.address(21, s);
        self.time(s);
        self.time(s);
        self.0.extend(s.array::<2>());
        self.content(s);
        if s.flag() {
            let payload = s.bytes(200);
            self.tlv(0x0424, &payload);
        }
    }

    fn broadcast(&mut self, s: &mut Source<'_>) {
        self.text(6, s);
        self.address(21, s);
        self.text(65, s);
        self.0.push(s.u8());
        self.time(s);
        self.time(s);
        self.0.extend(s.array::<3>());
        self.tlvs(s);
    }

    fn address(&mut self, max: u8, s: &mut Source<'_>) {
        self.0.extend(s.array::<2>());
        self.text(max, s);
    }

    /// ASCII without zeros, and one behind.
    fn text(&mut self, max: u8, s: &mut Source<'_>) {
        let text = s.bytes(max - 1);
        self.0.extend(text.iter().map(|byte| (byte & 0x7F).max(1)));
        self.0.push(0);
    }

    fn time(&mut self, s: &mut Source<'_>) {
        if s.flag() {
            self.0.extend(s.array::<16>().map(|byte| b'0' + byte % 10));
        }
        self.0.push(0);
    }

    fn content(&mut self, s: &mut Source<'_>) {
        let content = s.bytes(254);
        self.0.push(content.len() as u8);
        self.0.extend(content);
    }

    fn tlv(&mut self, tag: u16, value: &[u8]) {
        self.0.extend(tag.to_be_bytes());
        self.0.extend((value.len() as u16).to_be_bytes());
        self.0.extend(value);
    }

    /// Parameters with numbers, strings and bytes, and some that nobody knows.
    fn tlvs(&mut self, s: &mut Source<'_>) {
        for _ in 0..s.u8() % 4 {
            match s.u8() % 6 {
                0 => self.tlv(0x0604, &s.array::<2>()),
                1 => self.tlv(0x0427, &s.array::<1>()),
                2 => self.tlv(0x0423, &s.array::<3>()),
                3 => self.tlv(0x001E, b"0a1B\0"),
                4 => {
                    let payload = s.bytes(255);
                    self.tlv(0x0424, &payload);
                }
                _ => {
                    let value = s.bytes(20);
                    self.tlv(0x1400 | u16::from(s.u8()), &value);
                }
            }
        }
    }
}
