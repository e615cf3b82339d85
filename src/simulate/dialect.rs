//! What a simulated gateway needs of its protocol: requests read, answers and news written; no loops,
//! no chance. One file a protocol, and one line in [`open`].

mod cmpp;
mod sgip;
mod smgp;
mod smpp;

use bytes::{Bytes, BytesMut};
use watchbell_wire::{Frame, Protocol, encode};

use super::{
    Settings,
    job::{Job, Serial, Wall},
    settings::BusyLogins,
};
use crate::config::Kind;

/// One connection's protocol.
pub(super) trait Dialect: Send {
    /// Takes bytes from the client, in any cut.
    fn push(&mut self, bytes: &[u8]);
    /// The next request; none until more bytes come.
    fn next(&mut self) -> Result<Option<ClientPdu>, Unreadable>;
    /// Appends our login, on a connection that we have opened.
    fn greet(&mut self, _sequence: u32, _wall: &Wall, _out: &mut BytesMut) {}
    /// Appends the answer to a submit.
    fn answer(&mut self, sequence: u32, outcome: SubmitOutcome, out: &mut BytesMut);
    /// Appends the answer to a submit of which each number is answered, with those refused and why.
    fn answer_each(
        &mut self,
        sequence: u32,
        outcome: SubmitOutcome,
        _refused: &[(String, u32)],
        out: &mut BytesMut,
    ) {
        self.answer(sequence, outcome, out);
    }
    /// Appends a report or a text from a phone.
    fn deliver(&mut self, sequence: u32, job: &Job, wall: &Wall, out: &mut BytesMut);
    /// Appends a report that can't be read.
    fn garbage(&mut self, sequence: u32, out: &mut BytesMut);
    /// Appends a keep-alive.
    fn keep_alive(&self, sequence: u32, out: &mut BytesMut);
    /// Appends the answer to the client's keep-alive.
    fn keep_alive_resp(&self, sequence: u32, out: &mut BytesMut);
    /// Appends the answer to the client's unbind.
    fn unbind_resp(&self, sequence: u32, out: &mut BytesMut);
}

/// A PDU of the client's, as far as the simulator cares.
pub(super) enum ClientPdu {
    /// The answer to our login.
    LoggedIn { ok: bool },
    /// A login, judged already, and what to answer.
    Login { ok: bool, answer: Bytes },
    /// A message for phones.
    Submit { sequence: u32, submit: Submit },
    /// The answer to a report or a text.
    DeliverAnswered { sequence: u32, ok: bool },
    /// A keep-alive.
    KeepAlive { sequence: u32 },
    /// The answer to our keep-alive.
    KeepAliveAnswered,
    /// An unbind.
    Unbind { sequence: u32 },
    /// The answer to an unbind of ours.
    UnbindAnswered,
    /// No request that a gateway serves.
    NotServed,
}

/// A submit, whatever it came in.
pub(super) struct Submit {
    /// The client's own id of it, where it has one.
    pub(super) id: [u32; 3],
    /// The receivers, as they stand on the wire.
    pub(super) numbers: Vec<String>,
    /// The number that phones show.
    pub(super) from: String,
    /// The data coding.
    pub(super) coding: u8,
    /// The content, a user data header included.
    pub(super) content: Bytes,
    /// The content starts with a user data header.
    pub(super) has_header: bool,
    /// The part's place, where it stands in fields and not in the content.
    pub(super) part: (u8, u8),
    /// The validity's end, as it stands on the wire.
    pub(super) valid_until: String,
    /// A report is wanted.
    pub(super) report: bool,
    /// What one bad number does to the others.
    pub(super) refusing: Refusing,
}

/// What a number that can't be taken does to the others of its submit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusing {
    /// All are refused.
    Whole,
    /// It is refused alone; one that is no number with this status.
    Each(u32),
}

/// What becomes of a submit.
#[derive(Debug, Clone, Copy)]
pub(super) enum SubmitOutcome {
    /// Taken; reports will name this.
    Taken(Serial),
    /// Over the rate or the window.
    TooFast,
    /// A number that is none.
    BadReceiver,
    /// The content contradicts itself.
    BadStructure,
    /// Refused with this number.
    Refused(u32),
}

/// Bytes that are no request.
pub(super) struct Unreadable {
    /// Nobody knows where the next request starts.
    pub(super) fatal: bool,
    /// What to answer, where an answer exists.
    pub(super) answer: Bytes,
}

/// Does a gateway of this kind dial its clients?
pub(super) fn dials(kind: Kind) -> bool {
    kind == Kind::Sgip12
}

/// A fresh connection's protocol; none for HTTP, which has no connections of its own.
pub(super) fn open(settings: &Settings) -> Option<Box<dyn Dialect>> {
    use watchbell_wire::cmpp::Version;
    match settings.protocol {
        Kind::Cmpp20 => Some(Box::new(cmpp::Cmpp::new(Version::V20, settings))),
        Kind::Cmpp30 => Some(Box::new(cmpp::Cmpp::new(Version::V30, settings))),
        Kind::Smgp30 => Some(Box::new(smgp::Smgp::new(settings))),
        Kind::Smpp34 => Some(Box::new(smpp::Smpp::new(settings))),
        Kind::Sgip12 => Some(Box::new(sgip::Sgip::new(settings))),
        Kind::Http => None,
    }
}

/// What a login has to show.
#[derive(Debug)]
struct Credentials {
    account: Option<String>,
    password: Option<String>,
    /// So many are still refused.
    busy: BusyLogins,
}

/// What a login gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    In,
    /// Account or password are wrong.
    Wrong,
    /// Right, and one link too many.
    Busy,
}

impl Credentials {
    fn new(settings: &Settings) -> Self {
        Self {
            account: settings.account.clone(),
            password: settings.password.clone(),
            busy: settings.faults.busy_logins.clone(),
        }
    }

    /// Is this the account, does `proof` hold for its password, and is there room?
    fn admit(&self, account: &str, proof: impl FnOnce(&[u8]) -> bool) -> Admission {
        match self.is_known(account, proof) {
            false => Admission::Wrong,
            true if self.busy.take() => Admission::Busy,
            true => Admission::In,
        }
    }

    fn is_known(&self, account: &str, proof: impl FnOnce(&[u8]) -> bool) -> bool {
        let known = self.account.as_deref().is_none_or(|known| known == account);
        known
            && self
                .password
                .as_deref()
                .is_none_or(|password| proof(password.as_bytes()))
    }
}

/// What we write fits its fields.
fn put<P: Protocol>(sequence: P::Sequence, pdu: P::Pdu, version: P::Version, out: &mut BytesMut) {
    let encoded = encode(&Frame::<P> { sequence, pdu }, version, out);
    debug_assert!(encoded.is_ok(), "{encoded:?}");
}

/// The same on its own.
fn bytes<P: Protocol>(sequence: P::Sequence, pdu: P::Pdu, version: P::Version) -> Bytes {
    let mut out = BytesMut::new();
    put::<P>(sequence, pdu, version, &mut out);
    out.freeze()
}
