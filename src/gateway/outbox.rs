//! Events on their way out of a gateway, in their order and as fast as the engine takes them.

use std::{collections::VecDeque, time::Duration};

use tokio::sync::mpsc;

use super::Event;
use crate::domain::id::GatewayId;

/// How long the last events wait for room once the gateway has closed.
const DRAIN_WAIT: Duration = Duration::from_secs(1);

/// Events that wait for room in the channel. Its length is the driver's to limit: it reads nothing meanwhile.
pub(super) struct Outbox {
    gateway: GatewayId,
    waiting: VecDeque<Event>,
    events: mpsc::Sender<(GatewayId, Event)>,
}

impl Outbox {
    pub(super) fn new(gateway: GatewayId, events: mpsc::Sender<(GatewayId, Event)>) -> Self {
        Self {
            gateway,
            waiting: VecDeque::new(),
            events,
        }
    }

    pub(super) fn push(&mut self, event: Event) {
        self.waiting.push_back(event);
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Passes on what there is room for; false when the receiver is gone.
    pub(super) fn flush(&mut self) -> bool {
        while let Some(event) = self.waiting.pop_front() {
            match self.events.try_send((self.gateway.clone(), event)) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full((_, event))) => {
                    self.waiting.push_front(event);
                    return true;
                }
                Err(mpsc::error::TrySendError::Closed(_)) => return false,
            }
        }
        true
    }

    /// Waits for room and passes on one; false when the receiver is gone. Cancel safe.
    pub(super) async fn send_next(&mut self) -> bool {
        let Ok(permit) = self.events.reserve().await else {
            return false;
        };
        if let Some(event) = self.waiting.pop_front() {
            permit.send((self.gateway.clone(), event));
        }
        true
    }

    /// Passes on the rest. What has no room in time is dropped: the engine has ended, and its
    /// recovery reads the journal.
    pub(super) async fn drain(mut self) {
        let all = async { while !self.is_empty() && self.send_next().await {} };
        _ = tokio::time::timeout(DRAIN_WAIT, all).await;
    }
}

impl Extend<Event> for Outbox {
    fn extend<T: IntoIterator<Item = Event>>(&mut self, events: T) {
        self.waiting.extend(events);
    }
}
