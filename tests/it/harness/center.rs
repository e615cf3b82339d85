//! A message centre of SMPP by script: it takes the login, answers as it is told, and says what it wants, byte by byte.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// One PDU on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pdu {
    pub(crate) command: u32,
    pub(crate) status: u32,
    pub(crate) sequence: u32,
    pub(crate) body: Vec<u8>,
}

/// Nothing is said for `status` milliseconds.
pub(crate) const PAUSE: u32 = u32::MAX;

pub(crate) const UNBIND: u32 = 6;
pub(crate) const SUBMIT_SM: u32 = 4;
pub(crate) const SUBMIT_MULTI: u32 = 0x21;
pub(crate) const RESPONSE: u32 = 0x8000_0000;
pub(crate) const GENERIC_NACK: u32 = 0x8000_0000;

impl Pdu {
    pub(crate) fn new(command: u32, status: u32, sequence: u32, body: &[u8]) -> Self {
        Self {
            command,
            status,
            sequence,
            body: body.to_vec(),
        }
    }

    /// The answer of this command to it.
    pub(crate) fn answer(&self, status: u32, body: &[u8]) -> Self {
        Self::new(self.command | RESPONSE, status, self.sequence, body)
    }

    /// From a capture.
    pub(crate) fn of_hex(hex: &str) -> Self {
        Self::read(&hex::decode(hex).expect("hex digits"))
    }

    fn read(frame: &[u8]) -> Self {
        let word = |at: usize| u32::from_be_bytes(frame[at..at + 4].try_into().unwrap());
        Self::new(word(4), word(8), word(12), &frame[16..])
    }

    fn bytes(&self) -> Vec<u8> {
        let length = 16 + self.body.len() as u32;
        let head = [length, self.command, self.status, self.sequence];
        let mut bytes: Vec<u8> = head.into_iter().flat_map(u32::to_be_bytes).collect();
        bytes.extend(&self.body);
        bytes
    }
}

/// What the centre says to what it hears, the login aside; nothing is an answer too.
type Script = Box<dyn FnMut(&Pdu) -> Vec<Pdu> + Send>;

/// A centre that listens.
pub(crate) struct Center {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<Pdu>>>,
}

impl Center {
    pub(crate) async fn start(script: impl FnMut(&Pdu) -> Vec<Pdu> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(serve(listener, heard.clone(), Box::new(script)));
        Self { address, heard }
    }

    /// What came of this command, in its order.
    pub(crate) fn heard(&self, command: u32) -> Vec<Pdu> {
        let heard = self.heard.lock().unwrap();
        heard
            .iter()
            .filter(|pdu| pdu.command == command)
            .cloned()
            .collect()
    }
}

async fn serve(listener: TcpListener, heard: Arc<Mutex<Vec<Pdu>>>, mut script: Script) {
    while let Ok((mut stream, _)) = listener.accept().await {
        while let Some(pdu) = next(&mut stream).await {
            let answers = match pdu.command {
                // bind_transceiver, enquire_link, unbind
                9 => vec![pdu.answer(0, b"center\0")],
                0x15 | 6 => vec![pdu.answer(0, b"")],
                _ => script(&pdu),
            };
            heard.lock().unwrap().push(pdu);
            for answer in answers {
                if answer.command == PAUSE {
                    tokio::time::sleep(Duration::from_millis(answer.status.into())).await;
                    continue;
                }
                if stream.write_all(&answer.bytes()).await.is_err() {
                    break;
                }
            }
        }
    }
}

async fn next(stream: &mut TcpStream) -> Option<Pdu> {
    let length = stream.read_u32().await.ok()?;
    let mut frame = length.to_be_bytes().to_vec();
    frame.resize(length as usize, 0);
    stream.read_exact(&mut frame[4..]).await.ok()?;
    Some(Pdu::read(&frame))
}
