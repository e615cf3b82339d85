//! An acceptance under way, for its steps: `submits` holds those that send, `links` those that only listen.

use std::time::Duration;

use super::{
    prepared::Acceptance,
    session::Session,
    step::{Step, StepName},
};
use crate::{clock::Clock, config::Kind};

/// How long a link that is gone has to come back before a step goes on without it.
pub(super) const RECONNECT_WAIT: Duration = Duration::from_secs(20);

/// What is going on, for who waits.
#[derive(Debug)]
pub enum Going<'a> {
    /// A step begins.
    Begins(StepName),
    /// One of the phones is to send this word to this number now.
    Reply {
        /// The word.
        word: &'a str,
        /// The number.
        to: &'a str,
        /// How long it is waited for.
        within: Duration,
    },
    /// A step has ended.
    Ended(&'a Step),
}

/// An acceptance under way.
pub(super) struct UnderWay<'a, F> {
    pub(super) plan: &'a Acceptance,
    pub(super) session: Session,
    pub(super) clock: Clock,
    pub(super) going: F,
}

impl<F> UnderWay<'_, F> {
    pub(super) fn is_http(&self) -> bool {
        self.plan.gateway.kind == Kind::Http
    }
}
