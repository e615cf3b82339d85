//! What a binary protocol gives to the [`Session`](super::session::Session): its PDUs and codes, no
//! loops, no state machine. One file a protocol, and one line in [`open`](super::open).

use std::{fmt, net::SocketAddr, time::Duration};

use bytes::{Bytes, BytesMut};
use ipnet::IpNet;
use watchbell_wire::text::Coding;

use super::{Answer, CarrierMessageId, DeliverRef, Delivery, LoginRefusal, Submit};
use crate::domain::{phone::Phone, time::Micros};

/// A protocol's PDUs.
pub trait SessionProtocol: fmt::Debug + Send + 'static {
    /// Silence after which a keep-alive goes out.
    fn idle_after(&self) -> Duration;
    /// In a protocol without a keep-alive either side may close an idle link, and nobody is alerted: we do after
    /// [`SessionProtocol::idle_after`].
    fn closes_when_idle(&self) -> bool {
        false
    }
    /// Where the carrier dials us, in a protocol whose gateways do.
    fn listen_at(&self) -> Option<ListenAt> {
        None
    }
    /// Appends the login request.
    fn login(&mut self, sequence: u32, wall: Micros, out: &mut BytesMut);
    /// Appends one submit to all of these, which differ in nothing but their numbers; it has the first one's
    /// sequence number. An error says for people why it can't be written.
    fn submit(&mut self, batch: &[Submit], out: &mut BytesMut) -> Result<(), String>;
    /// The id of the receiver at this place (from 0) of a submit that was answered with `first`.
    fn counted(&self, first: &CarrierMessageId, _place: u16) -> CarrierMessageId {
        first.clone()
    }
    /// Appends the keep-alive.
    fn keep_alive(&self, sequence: u32, out: &mut BytesMut);
    /// Appends the request to unbind.
    fn unbind(&self, sequence: u32, out: &mut BytesMut);
    /// Appends the answer to a request of the peer's.
    fn respond(&self, sequence: u32, response: Response, out: &mut BytesMut);
    /// Takes one whole PDU off the front of `input`, or nothing when there is none yet.
    fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Incoming>, Fatal>;
}

/// Where the carrier's gateway dials us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAt {
    /// Where we listen.
    pub address: SocketAddr,
    /// Networks that may connect; empty: all.
    pub allow: Vec<IpNet>,
}

/// Framing is lost: the connection can't be used any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fatal(pub String);

/// Our answer to a request of the peer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    /// To a keep-alive.
    KeepAlive,
    /// To an unbind.
    Unbind,
    /// To a deliver.
    Delivery {
        /// The deliver's own id, repeated.
        deliver_id: u128,
        /// Taken, or malformed.
        ok: bool,
    },
}

/// A PDU from the peer, as far as a session cares.
#[derive(Debug)]
pub enum Incoming {
    /// The login was taken.
    LoggedIn,
    /// The login was refused.
    LoginRefused(LoginRefusal),
    /// A refusal that names a number and no command: the login's as long as that is not answered, else a submit's.
    Nacked {
        /// What it says of a login.
        login: LoginRefusal,
        /// The number.
        sequence: u32,
        /// What it says of a submit.
        answer: Answer,
        /// It does not know the command: of a submit to several numbers nothing was looked at.
        unknown_command: bool,
    },
    /// The peer, which has dialled us, logs in.
    LogsIn {
        /// An encoded response: taken or refused.
        answer: Bytes,
        /// Why it is refused; none where it is taken.
        refused: Option<String>,
    },
    /// A request that is well formed and not for us.
    NotServed {
        /// An encoded response with the protocol's code for it.
        answer: Bytes,
    },
    /// Answer to a submit.
    Answered {
        /// The submit's sequence number.
        sequence: u32,
        /// The answer for all its numbers but those in `except`.
        answer: Answer,
        /// Numbers with an answer of their own; empty in a protocol that answers all alike.
        except: Vec<(Phone, Answer)>,
    },
    /// A final report or an MO; acknowledged once it is durable.
    Delivered {
        /// What its response repeats.
        deliver: DeliverRef,
        /// What it holds.
        content: Delivery<MoPart>,
    },
    /// A deliver that can't be read: answered with an error at once, not by closing. The id is 0 where it
    /// could not be read.
    Malformed(DeliverRef),
    /// A deliver that is well formed and changes nothing (an intermediate report, a text from a service
    /// number): answered with yes at once, so that it is not repeated.
    NothingToKeep(DeliverRef),
    /// The peer's keep-alive.
    KeepAlive {
        /// Its sequence number.
        sequence: u32,
    },
    /// The peer unbinds.
    Unbind {
        /// Its sequence number.
        sequence: u32,
    },
    /// The peer answered our unbind.
    UnbindAnswered,
    /// Anything else: proof of life.
    Other,
}

/// One deliver's share of an MO, as it stands on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoPart {
    /// The sender.
    pub phone: Phone,
    /// The access number that it was sent to.
    pub to: String,
    /// The data coding, whatever number the protocol has for it.
    pub coding: Coding,
    /// The content starts with a user data header.
    pub has_header: bool,
    /// The user data.
    pub content: Bytes,
}
