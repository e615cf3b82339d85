//! What passes between a session and its driver.

use std::time::Duration;

use crate::gateway::{Answer, DeliverRef, Delivery, LoginRefusal, Submit, protocol::MoPart};

/// A link's limits, from the gateway's configuration.
#[derive(Debug, Clone, Copy)]
pub struct LinkLimits {
    /// Unanswered submits at most.
    pub window: usize,
    /// After this a submit is in doubt, and a login has failed.
    pub response_timeout: Duration,
    /// Silence after which a keep-alive goes out.
    pub keep_alive: Duration,
}

/// What happened on a session, for its driver.
#[derive(Debug)]
pub enum SessionEvent {
    /// Logged in.
    Up,
    /// The login was refused, by the carrier or by us. The session ends.
    LoginRefused(LoginRefusal),
    /// The carrier answered a submit.
    Answered {
        /// Each of its numbers' sequence and answer; never empty.
        answers: Vec<(u32, Answer)>,
        /// From its write to the answer, at most the response time-out.
        delay: Duration,
    },
    /// The peer has no submit to several numbers: surely none of it left, and each goes alone.
    OnlySingly(Vec<Submit>),
    /// A submit to several numbers was refused, perhaps for one of them: surely none of it left.
    Split(Vec<Submit>),
    /// The same after its lane was recalled: it goes back.
    Recalled(Vec<u32>),
    /// A keep-alive came after silence: the answer to ours, or the peer's own.
    StillThere,
    /// No answer in time; they free their place in the window.
    TimedOut(Vec<u32>),
    /// A report or an MO that waits for [`Session::acknowledge`](super::Session::acknowledge).
    Delivered {
        /// What the acknowledgement names.
        deliver: DeliverRef,
        /// What it holds.
        content: Delivery<MoPart>,
    },
}

/// Why a submit was not taken. What it holds comes back with it.
#[derive(Debug)]
pub enum NotTaken {
    /// Not logged in, closing, or the window is full.
    NoRoom(Vec<Submit>),
    /// It can't be written in this protocol: surely did not leave.
    Unsendable(Vec<Submit>, String),
}

/// What a link leaves behind.
#[derive(Debug, Default)]
pub struct Remains {
    /// Handed to the socket, at least in part, and never answered.
    pub unanswered: Vec<u32>,
    /// Never handed to the socket.
    pub unwritten: Vec<Submit>,
}
