//! A conversation between two programs, listened to and written down as a capture file that others' tools read.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::Instant,
};

/// 2023-06-12 08:00 in Shanghai, when every conversation begins.
const BEGUN_S: u64 = 1_686_528_000;

/// The most content of one packet.
const LONGEST: usize = 1_400;

/// The first client's port in the file.
const FIRST_CLIENT: u16 = 40_000;

/// Who spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

#[derive(Debug)]
struct Piece {
    after: Duration,
    connection: u16,
    side: Side,
    bytes: Vec<u8>,
}

/// Stands between a client and a server.
pub(crate) struct Wiretap {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<Piece>>>,
}

impl Wiretap {
    pub(crate) async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Vec<Piece>>> = Arc::default();
        let all = heard.clone();
        let begun = Instant::now();
        tokio::spawn(async move {
            for connection in 0.. {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(server).await.unwrap();
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                for (from, to, side) in [
                    (from_client, to_server, Side::Client),
                    (from_server, to_client, Side::Server),
                ] {
                    let heard = all.clone();
                    let note = move |bytes: &[u8]| {
                        let piece = Piece {
                            after: begun.elapsed(),
                            connection,
                            side,
                            bytes: bytes.to_vec(),
                        };
                        heard.lock().unwrap().push(piece);
                    };
                    tokio::spawn(pass_on(from, to, note));
                }
            }
        });
        Self { address, heard }
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> u16 {
        let heard = self.heard.lock().unwrap();
        let last = heard.iter().map(|piece| piece.connection).max();
        last.map_or(0, |last| last + 1)
    }

    /// Everything that one side said over one connection.
    pub(crate) fn said(&self, connection: u16, side: Side) -> Vec<u8> {
        let heard = self.heard.lock().unwrap();
        heard
            .iter()
            .filter(|piece| piece.connection == connection && piece.side == side)
            .flat_map(|piece| piece.bytes.clone())
            .collect()
    }

    /// The port that a connection's client has in the file.
    pub(crate) fn client_port(connection: u16) -> u16 {
        FIRST_CLIENT + connection
    }

    /// Writes what was heard as a capture file (libpcap, Ethernet), the server being at `port`.
    pub(crate) fn write(&self, path: &Path, port: u16) {
        let mut file = Vec::new();
        // Magic, version 2.4, zone, accuracy, longest packet, Ethernet.
        for word in [0xA1B2_C3D4_u32, 0x0002_0004, 0, 0, 65_535, 1] {
            file.extend(word.to_be_bytes());
        }
        let heard = self.heard.lock().unwrap();
        let mut spoken = std::collections::HashMap::<(u16, bool), u32>::new();
        for piece in heard.iter() {
            for bytes in piece.bytes.chunks(LONGEST) {
                let by_client = piece.side == Side::Client;
                let mut count = |by| *spoken.entry((piece.connection, by)).or_default();
                let (own, other) = (count(by_client), count(!by_client));
                let packet = packet(piece, port, own, other, bytes);
                let time = Duration::from_secs(BEGUN_S) + piece.after;
                let length = packet.len() as u32;
                for word in [time.as_secs() as u32, time.subsec_micros(), length, length] {
                    file.extend(word.to_be_bytes());
                }
                file.extend(packet);
                spoken.insert((piece.connection, by_client), own + bytes.len() as u32);
            }
        }
        std::fs::write(path, file).unwrap();
    }
}

async fn pass_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, note: impl Fn(&[u8])) {
    let mut buffer = vec![0; 16 * 1_024];
    // Either side may go without a word.
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        note(&buffer[..count]);
        if to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
    _ = to.shutdown().await;
}

/// One packet: Ethernet, IPv4, TCP; `own` and `other` bytes were said before on either side.
fn packet(piece: &Piece, port: u16, own: u32, other: u32, bytes: &[u8]) -> Vec<u8> {
    let client = ([10, 0, 0, 1], Wiretap::client_port(piece.connection));
    let server = ([10, 0, 0, 2], port);
    let (from, to) = match piece.side {
        Side::Client => (client, server),
        Side::Server => (server, client),
    };
    let mut packet = Vec::new();
    packet.extend([2, 0, 0, 0, 0, to.0[3], 2, 0, 0, 0, 0, from.0[3], 8, 0]);
    let mut ip = vec![0x45, 0];
    ip.extend((40 + bytes.len() as u16).to_be_bytes());
    // No fragments, 64 hops, TCP, and the sum's place.
    ip.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    ip.extend(from.0);
    ip.extend(to.0);
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend(ip);
    packet.extend(from.1.to_be_bytes());
    packet.extend(to.1.to_be_bytes());
    packet.extend((1 + own).to_be_bytes());
    packet.extend((1 + other).to_be_bytes());
    // Five words of header, PSH and ACK, window; readers do not ask for TCP's sum by default.
    packet.extend([0x50, 0x18, 0xFF, 0xFF, 0, 0, 0, 0]);
    packet.extend(bytes);
    packet
}

fn checksum(header: &[u8]) -> u16 {
    let mut sum: u32 = header
        .chunks(2)
        .map(|two| u32::from(two[0]) << 8 | u32::from(two[1]))
        .sum();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}
