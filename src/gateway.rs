//! Gateways: the [`Gateway`] trait that the engine uses, and the session driver behind it, the same for all
//! binary protocols. No SQL and no policy: it writes what it is given, in the order of urgency, never over the
//! contract's rate, and passes on answers, reports and texts.

mod answer_codes;
mod cmpp;
mod content;
mod driver;
mod gate;
pub mod http;
mod inbound;
mod link;
mod opening;
mod options;
mod outbox;
pub mod pacer;
pub mod pdu;
pub mod protocol;
mod queue;
mod registry;
pub mod session;
mod sgip;
mod smgp;
mod smpp;
pub mod trace;

pub use gate::{Moment, WriteGate};
pub use opening::{Context, EVENT_ROOM, OpenError};
pub use options::OptionError;
pub use registry::{
    KeepAlive, ReportChannel, check, keep_alive, listens_at, open, own_ids, repeats_within,
    report_channel,
};
pub use session::LinkEnd;
pub use sgip::OwnIds;

use std::{net::SocketAddr, time::Duration};

use crate::domain::{
    id::{ClaimId, GatewayId, LaneId},
    message::ReportStatus,
    phone::Phone,
    priority::Priority,
    time::Micros,
};

/// A link's number within its gateway, from 0.
pub type LinkNo = u16;

/// One segment for one number, on its way to the wire.
#[derive(Debug, Clone)]
pub struct Submit {
    /// The wire's sequence number, chosen by the engine: `first + (p - from) * stride + k`.
    pub sequence: u32,
    /// Parts after the first stay on the link that took the first.
    pub link: Option<LinkNo>,
    /// The lane, so that a pause can recall what has not been written.
    pub lane: LaneId,
    /// Urgent segments overtake all others that wait in the gateway.
    pub priority: Priority,
    /// The receiver.
    pub phone: Phone,
    /// This part's text (the whole text when there is one part), as counted by `domain::text::split`.
    pub text: String,
    /// Which part of how many, and the long message's reference.
    pub part: SegmentPlace,
    /// Segments that it counts: 1, and more where the carrier cuts a long text itself.
    pub segments: u8,
    /// The run's not-after: travels as the wire's validity period.
    pub valid_until: Option<Micros>,
    /// The HTTP request that carries it, with others perhaps; those of one request follow each other.
    pub request: RequestId,
    /// Which others may share a submit of a binary protocol with it.
    pub sharing: Sharing,
}

impl Submit {
    /// Do the two differ in nothing but the receiver, so that one submit may carry both?
    fn same_content(&self, other: &Self) -> bool {
        self.lane == other.lane
            && self.sharing == other.sharing
            && self.part == other.part
            && self.valid_until == other.valid_until
            && self.link == other.link
            && self.priority == other.priority
            && self.text == other.text
    }
}

/// Which segments may share a submit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sharing {
    /// All with the same content.
    #[default]
    Anyone,
    /// Only those with the same number: a half of a submit that was refused, perhaps for one of its receivers.
    Only(u32),
}

/// One HTTP request with several numbers: the same numbers and the same text each time it is sent, so that its
/// key may be the carrier's idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestId {
    /// The claim that it was cut from; 0 where there is none.
    pub claim: ClaimId,
    /// The position of its first message in the lane.
    pub position: i64,
    /// When it was claimed: the carrier can't have known it before.
    pub asked: Micros,
    /// It may have been sent before the program was restarted.
    pub repeat: bool,
}

/// A segment's place in its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentPlace {
    /// From 1.
    pub number: u8,
    /// 1 for a short message, which carries no user data header.
    pub total: u8,
    /// The concatenation reference, the same in all parts.
    pub reference: u8,
}

/// The carrier's own id of a segment, opaque: CMPP's 8 bytes as 16 lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CarrierMessageId(pub String);

/// The carrier's answer to a submit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Taken; reports will name this id.
    Accepted(CarrierMessageId),
    /// Taken as one of several numbers; reports will name the answer's id, or the one that this number
    /// has by the protocol's way of counting: carriers do either.
    AcceptedAs {
        /// The answer's, for all of them.
        answered: CarrierMessageId,
        /// This number's own, counted on from the answer's.
        counted: CarrierMessageId,
    },
    /// Too fast: surely did not leave, may go again.
    Throttled(String),
    /// The number is another carrier's (ported): surely did not leave, may go by another gateway.
    WrongNetwork(String),
    /// Refused for good: surely did not leave. The carrier's code, such as `10`.
    Refused(String),
}

/// A final status report on one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The id that the answer gave.
    pub carrier_id: CarrierMessageId,
    /// The receiver.
    pub phone: Phone,
    /// What became of it, for good: what is only on its way never gets here.
    pub status: ReportStatus,
    /// The raw code: `DELIVRD`, `MK:0001` …
    pub code: String,
    /// The carrier's submit time as it stands (`YYMMDDhhmm`), for telling which doubt a report fits.
    pub submit_time: String,
}

/// A message from a phone to us, whole (parts put together).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mo {
    /// The sender.
    pub phone: Phone,
    /// The access number that it was sent to.
    pub to: String,
    /// The text; what is missing or no text stands as `[…]` or in hexadecimal digits.
    pub text: String,
    /// The carrier's id of each deliver it came in, so that a repeat is known.
    pub carrier_id: CarrierMessageId,
}

/// Names one deliver that waits for its response: acknowledged only once it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AckToken {
    /// Which link; those that the carrier has opened come behind ours.
    pub link: LinkNo,
    /// Which connection of that link: a token outlives its connection harmlessly.
    pub connection: u32,
    /// Which deliver of that connection.
    pub deliver: DeliverRef,
}

/// What a response to a deliver repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeliverRef {
    /// Its sequence number.
    pub sequence: u32,
    /// Its own id, as wide as the widest protocol's; 0 where the protocol has none.
    pub id: u128,
}

/// What comes out of a gateway, together with its id. Order is the order on the wire, link by link.
#[derive(Debug, Clone)]
pub enum Event {
    /// Logged in; the link takes submits.
    LinkUp(LinkNo),
    /// These were handed to the socket just now.
    Written(Vec<u32>),
    /// The carrier answered a submit (also later than the response time-out, while the connection lives).
    Answered {
        /// The link it went over; 0 over HTTP.
        link: LinkNo,
        /// Each of its numbers' sequence and answer; never empty.
        answers: Vec<(u32, Answer)>,
    },
    /// No answer within the response time-out: in doubt.
    TimedOut(Vec<u32>),
    /// The connection is gone. Written and unanswered ones are in doubt (those already reported by
    /// [`Event::TimedOut`] too: their answer can no longer come); the rest surely did not leave.
    LinkDown {
        /// Its number.
        link: LinkNo,
        /// How it ended.
        end: LinkEnd,
        /// Handed to the socket, at least in part, and never answered.
        unanswered: Vec<u32>,
        /// Never handed to the socket.
        unwritten: Vec<u32>,
        /// Only because it was idle: no alert, the next connection is on its way.
        idle: bool,
    },
    /// The answer to one [`Gateway::recall`]: given back, never handed to the socket.
    Recalled(Vec<u32>),
    /// Given back unasked: never handed to the socket, or refused as a whole submit after a recall. It surely did
    /// not leave.
    GivenBack(Vec<u32>),
    /// A report or an MO, to be acknowledged with [`Gateway::acknowledge`] once durable. MOs that
    /// came in several parts have a token for each.
    Delivered {
        /// What came.
        delivery: Delivery,
        /// What to acknowledge.
        tokens: Vec<AckToken>,
    },
    /// The carrier's flow control halved the pace, or it crept back: segments a second now.
    Pace(f64),
    /// For people and checks: nothing that is to be sent or recorded depends on it.
    Notice(Notice),
}

/// A login that the carrier refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRefusal {
    /// The carrier's status and its meaning.
    pub reason: String,
    /// What it is about.
    pub about: LoginFault,
}

/// What a refused login is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginFault {
    /// Account or password are wrong: more tries could lock the account.
    Credentials,
    /// It passes by itself: the carrier still counts dead links, is busy, or starts.
    Passing,
    /// Nobody can say: it is tried like what passes.
    Unknown,
}

impl LoginFault {
    /// What an HTTP status says of it: an address that is not there is no wrong password.
    fn of_http(status: u16) -> Self {
        match status {
            404 | 405 => Self::Unknown,
            _ => Self::Credentials,
        }
    }
}

impl LoginRefusal {
    /// A status with its meaning; `wrong`: those that name account or password, `passing`: those that pass.
    fn new(status: u32, meaning: &str, (wrong, passing): (&[u32], &[u32])) -> Self {
        Self {
            reason: format!("status {status}: {meaning}"),
            about: match status {
                status if wrong.contains(&status) => LoginFault::Credentials,
                status if passing.contains(&status) => LoginFault::Passing,
                _ => LoginFault::Unknown,
            },
        }
    }
}

/// What people and checks want to know of a gateway, and the engine's core does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The carrier refused the login. It is tried again, soon or slowly.
    LoginRefused {
        /// The carrier's.
        refusal: LoginRefusal,
        /// After three refusals for account or password: how long until the next try. None: soon, after a pause that
        /// grows up to 15 s.
        rests: Option<Duration>,
    },
    /// The carrier can dial us there, in a protocol whose gateways do.
    Listening(SocketAddr),
    /// It can't: reports and texts from phones wait at the carrier. It is tried again.
    NotListening {
        /// The operating system's reason, with the address.
        reason: String,
    },
    /// After refusals the carrier has taken the login.
    LoginTaken,
    /// The carrier takes no submit to several numbers, so that `batch` counts no more until the next start.
    OnlySingly,
    /// A keep-alive came on this link: the answer to ours, or the carrier's own.
    StillThere(LinkNo),
}

/// A report or an MO: whole for the engine, a part of one (`M`) as a single deliver holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery<M = Mo> {
    /// Final status report.
    Report(Report),
    /// Message from a phone.
    Mo(M),
}

/// A gateway's state, for `/readyz`, `gateways check` and alerts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Links logged in now.
    pub links_up: u16,
    /// Links configured.
    pub links: u16,
    /// Where the carrier can dial us now.
    pub listening: Option<SocketAddr>,
    /// Why it can't, in a protocol whose carriers dial us: its reports wait, and sending goes on.
    pub listen_error: Option<String>,
    /// The last thing that went wrong, while it is wrong.
    pub trouble: Option<String>,
}

/// One account at one carrier gateway. Never blocks: commands are queued in bounded room that the
/// window already limits.
pub trait Gateway: Send + Sync {
    /// Its configured name.
    fn id(&self) -> &GatewayId;
    /// Puts segments in line for the wire.
    fn submit(&self, batch: Vec<Submit>);
    /// Requests everything back of these lanes (all lanes when empty) that has not been written;
    /// answered by one [`Event::Recalled`], also when there is nothing.
    fn recall(&self, lanes: Vec<LaneId>);
    /// Sends the responses of durable deliveries.
    fn acknowledge(&self, tokens: Vec<AckToken>);
    /// Unbinds once the window has drained, or closes when `grace` is over; ends with the links down.
    fn close(&self, grace: Duration);
    /// Its present state.
    fn health(&self) -> Health;
    /// Its callback endpoint, where the carrier calls us.
    fn callbacks(&self) -> Option<http::Callbacks> {
        None
    }
}
