//! Where the login's secrets stand in a stream of PDUs, so that no trace holds them.
//!
//! All five protocols begin a PDU with its length and its command, four bytes each. A stream that is none of
//! PDUs is blanked whole, as it may hold anything.

use crate::config::Kind;

/// Longer PDUs are none.
const LONGEST: u32 = 1 << 20;

/// What a blanked byte is, in fields of a fixed size.
const FIXED: u8 = 0;

/// What it is in a string that ends with a zero.
const STRING: u8 = b'*';

/// Which bytes of a PDU are secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Secret {
    Nothing,
    /// From here to there.
    Range(u32, u32),
    /// The second string of the body, from here on.
    SecondString(u32),
    /// All of it.
    Everything,
}

/// One direction of one connection.
#[derive(Debug, Clone)]
pub(super) struct Blank {
    kind: Kind,
    /// Bytes of the PDU that have passed.
    at: u32,
    length: u32,
    command: u32,
    secret: Secret,
    /// Zeros of its body so far.
    zeros: u32,
}

impl Blank {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            at: 0,
            length: 0,
            command: 0,
            secret: Secret::Nothing,
            zeros: 0,
        }
    }

    /// Blanks what is secret in the next bytes of the stream, in any cut; gives where the first PDU begins
    /// among them.
    pub(super) fn pass(&mut self, bytes: &mut [u8]) -> Option<usize> {
        let mut begins = None;
        for (place, byte) in bytes.iter_mut().enumerate() {
            if self.at == 0 {
                begins = begins.or(Some(place));
            }
            self.next(byte);
        }
        begins
    }

    fn next(&mut self, byte: &mut u8) {
        if self.secret == Secret::Everything {
            *byte = FIXED;
            return;
        }
        match self.at {
            0..4 => self.length = self.length << 8 | u32::from(*byte),
            4..8 => self.command = self.command << 8 | u32::from(*byte),
            _ => {}
        }
        let at = self.at;
        self.at += 1;
        if at == 3 && !(12..=LONGEST).contains(&self.length) {
            self.secret = Secret::Everything;
            return;
        }
        if at == 7 {
            self.secret = secret(self.kind, self.command, self.length);
        }
        match self.secret {
            Secret::Range(from, to) if (from..to).contains(&at) => *byte = FIXED,
            Secret::SecondString(from) if at >= from => match (*byte, self.zeros) {
                (0, _) => self.zeros += 1,
                (_, 1) => *byte = STRING,
                _ => {}
            },
            _ => {}
        }
        if self.at >= 8 && self.at == self.length {
            *self = Self::new(self.kind);
        }
    }
}

fn secret(kind: Kind, command: u32, length: u32) -> Secret {
    match (kind, command) {
        // Connect: the authenticator behind header and Source_Addr; its answer's behind the status,
        // which is a byte in 2.0 and four in 3.0 (a 3.0 account may be answered in 2.0).
        (Kind::Cmpp20 | Kind::Cmpp30, 1) => Secret::Range(18, 34),
        (Kind::Cmpp20 | Kind::Cmpp30, 0x8000_0001) if length == 30 => Secret::Range(13, 29),
        (Kind::Cmpp20 | Kind::Cmpp30, 0x8000_0001) => Secret::Range(16, length),
        // Login: the authenticator behind header and ClientID; its answer's behind the status.
        (Kind::Smgp30, 1) => Secret::Range(20, 36),
        (Kind::Smgp30, 0x8000_0001) => Secret::Range(16, 32),
        // Bind: the password behind header, login type and name, in clear.
        (Kind::Sgip12, 1) => Secret::Range(37, 53),
        // bind_receiver, bind_transmitter, bind_transceiver: system_id, then the password, in clear.
        (Kind::Smpp34, 1 | 2 | 9) => Secret::SecondString(16),
        _ => Secret::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(kind: Kind, pdu: &[u8], cut: usize) -> Vec<u8> {
        let mut blank = Blank::new(kind);
        let mut all = pdu.to_vec();
        for piece in all.chunks_mut(cut) {
            blank.pass(piece);
        }
        all
    }

    fn pdu(command: u32, body: &[u8]) -> Vec<u8> {
        let mut pdu = (body.len() as u32 + 8).to_be_bytes().to_vec();
        pdu.extend(command.to_be_bytes());
        pdu.extend(body);
        pdu
    }

    #[test]
    fn a_secret_is_blanked_however_the_stream_is_cut_and_the_next_pdu_is_not() {
        let mut body = vec![1; 4];
        body.extend([2; 6]);
        body.extend([7; 16]);
        body.extend([9; 5]);
        let mut stream = pdu(1, &body);
        stream.extend(pdu(4, &[7; 40]));
        for cut in [1, 3, 7, 19, 100] {
            let passed = passed(Kind::Cmpp20, &stream, cut);
            assert_eq!(&passed[18..34], &[0; 16], "{cut}");
            assert_eq!(&passed[..18], &stream[..18]);
            assert_eq!(&passed[34..], &stream[34..]);
        }
    }

    #[test]
    fn a_password_between_zeros_is_starred() {
        let mut body = vec![0; 8];
        body.extend(b"901234\0sharedpw\0type\0\x34\0\0\0");
        let passed = passed(Kind::Smpp34, &pdu(9, &body), 5);
        assert!(passed.windows(16).any(|w| w == b"901234\0********\0"));
        assert!(passed.windows(5).any(|w| w == b"type\0"));
    }

    #[test]
    fn what_is_no_pdu_is_blanked_whole() {
        let passed = passed(Kind::Smgp30, b"GET / HTTP/1.1 password=abc", 4);
        assert!(passed[4..].iter().all(|b| *b == 0), "{passed:?}");
    }
}
