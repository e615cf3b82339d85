//! The driver's incoming side: deliveries from callbacks and polls, acknowledged once they are durable.

use tokio::{sync::oneshot, time::Instant};

use super::{Done, HttpDriver, OUTBOX_LIMIT, PendingDeliveries, Waiter};
use crate::gateway::{
    AckToken, DeliverRef, Delivery, Event,
    http::{exchange::CallResult, template::Fill},
};

impl HttpDriver {
    /// A callback's deliveries; `done` is dropped when they can't be taken now.
    pub(super) fn on_callback(&mut self, deliveries: Vec<Delivery>, done: oneshot::Sender<()>) {
        if self.closing.is_none() && self.outbox.len() < OUTBOX_LIMIT {
            self.deliver(deliveries, Waiter::Callback(done));
        }
    }

    /// Hands deliveries to the engine; the waiter goes on once all are durable.
    fn deliver(&mut self, deliveries: Vec<Delivery>, waiter: Waiter) {
        self.last_token += 1;
        let token = AckToken {
            link: 0,
            connection: 0,
            deliver: DeliverRef {
                sequence: 0,
                id: self.last_token,
            },
        };
        let left = deliveries.len();
        self.waiting
            .insert(self.last_token, PendingDeliveries { left, waiter });
        for delivery in deliveries {
            self.outbox.push(Event::Delivered {
                delivery,
                tokens: vec![token],
            });
        }
    }

    /// These are durable.
    pub(super) fn acknowledged(&mut self, tokens: &[AckToken]) {
        for token in tokens {
            let Some(waiting) = self.waiting.get_mut(&token.deliver.id) else {
                continue;
            };
            waiting.left = waiting.left.saturating_sub(1);
            if waiting.left > 0 {
                continue;
            }
            let Some(waiting) = self.waiting.remove(&token.deliver.id) else {
                continue;
            };
            match waiting.waiter {
                // The caller may have hung up.
                Waiter::Callback(done) => _ = done.send(()),
                Waiter::Fetch { cursor, more } => self.advance_cursor(cursor, more),
            }
        }
    }

    /// Fetches reports when it is time; gives when it will be.
    pub(super) fn fetch_when_due(&mut self, now: Instant) -> Option<Instant> {
        let at = self.next_fetch?;
        if at > now {
            return Some(at);
        }
        self.next_fetch = None;
        let (account, transport) = (self.account.clone(), self.transport.clone());
        let cursor = self.cursor.clone();
        self.running.spawn(async move {
            let result = match &account.description.poll {
                Some(poll) => {
                    let ready = account.plain(&poll.call, &cursor);
                    account.call(&poll.call, &ready, &transport).await
                }
                None => CallResult::Lost("nothing to fetch".to_owned()),
            };
            Done::Fetched(result)
        });
        None
    }

    /// What a fetch has brought: acknowledged to the carrier only once it is durable.
    pub(super) fn on_fetched(&mut self, result: CallResult) {
        self.next_fetch = Some(Instant::now() + self.account.poll_every);
        let Some(poll) = &self.account.description.poll else {
            return;
        };
        let (status, body) = match result {
            CallResult::Answer(status, body) => (status, body),
            CallResult::Unreachable(why) | CallResult::Lost(why) => {
                tracing::debug!(gateway.id = %self.settings.id, why, "Reports could not be fetched; they will be");
                return;
            }
        };
        let good = (200..300).contains(&status)
            && poll.call.success.as_ref().is_none_or(|t| t.holds(&body));
        let found = good
            .then(|| self.account.description.deliveries(&body, &poll.list))
            .flatten();
        let Some(deliveries) = found else {
            tracing::warn!(gateway.id = %self.settings.id, status, "Gateway {}: the answer to fetching reports is not what its description says", self.settings.id);
            return;
        };
        let cursor = Fill::at(&body, &poll.cursor).unwrap_or_else(|| self.cursor.clone());
        let more = poll.more.as_ref().is_some_and(|t| t.holds(&body));
        if deliveries.is_empty() {
            return self.advance_cursor(cursor, more);
        }
        // The next fetch comes when these are durable.
        self.next_fetch = None;
        self.deliver(deliveries, Waiter::Fetch { cursor, more });
    }

    /// All before this cursor is durable, and the carrier may forget it.
    fn advance_cursor(&mut self, cursor: String, more: bool) {
        let Some(poll) = &self.account.description.poll else {
            return;
        };
        let moved = cursor != self.cursor;
        self.cursor = cursor;
        // What has moved on is fetched again soon where asking is what acknowledges.
        let soon = more || (moved && poll.confirm.is_none());
        let pause = match soon && more {
            true => std::time::Duration::ZERO,
            false => self.account.poll_every,
        };
        self.next_fetch = Some(Instant::now() + pause);
        if let (true, Some(confirm)) = (moved, poll.confirm.clone()) {
            let (account, transport, cursor) = (
                self.account.clone(),
                self.transport.clone(),
                self.cursor.clone(),
            );
            self.running.spawn(async move {
                let ready = account.plain(&confirm, &cursor);
                Done::Confirmed(account.call(&confirm, &ready, &transport).await)
            });
        }
    }
}
