//! Texts from phones, put together from the delivers they came in.
//!
//! Parts may come over different links, so this stands in the gateway and not in a session. None is
//! acknowledged before the whole is durable: the tokens of all parts travel together.

use std::{collections::HashMap, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;
use watchbell_wire::{
    text::{self, Coding},
    udh::{self, Concat, Incomplete, PartOutcome, Reassembler, ReassemblerLimits, Reference},
};

use super::{AckToken, CarrierMessageId, Delivery, Event, Mo, protocol::MoPart};
use crate::domain::phone::Phone;

/// Long texts that wait for parts at most; a phone's parts come within seconds.
const MAX_SETS: usize = 1_024;

/// After this a text is passed on with what came: carriers repeat an unacknowledged deliver within a
/// minute or two, and half an opt-out is better than none.
const GIVE_UP_AFTER: Duration = Duration::from_mins(5);

/// Delivers remembered for one text: each of 255 parts, repeated. More are acknowledged with the next.
const MAX_TOKENS: usize = 1_024;

/// Stands where a part is missing.
const GAP: &str = "[…]";

/// Sender, access number, and the long text's reference.
type Key = (Phone, String, Reference);

/// Collects parts.
#[derive(Debug)]
pub(super) struct Inbound {
    origin: Instant,
    parts: Reassembler<Key>,
    waiting: HashMap<(Key, u8), Collecting>,
}

#[derive(Debug)]
struct Collecting {
    coding: Coding,
    ids: Vec<(u8, u128)>,
    tokens: Vec<AckToken>,
}

impl Inbound {
    /// Empty; `origin` is when its clock starts.
    pub(super) fn new(origin: Instant) -> Self {
        let timeout_ms = GIVE_UP_AFTER.as_millis() as u64;
        let limits = ReassemblerLimits {
            max_sets: MAX_SETS,
            timeout_ms,
        };
        Self {
            origin,
            parts: Reassembler::new(limits),
            waiting: HashMap::new(),
        }
    }

    /// Takes one deliver's part; gives the texts that are whole now, or had to make room.
    pub(super) fn push(&mut self, now: Instant, part: MoPart, token: AckToken) -> Vec<Event> {
        let coding = part.coding;
        let header = part
            .has_header
            .then(|| udh::parse(&part.content).ok())
            .flatten();
        let Some(concat) = header.and_then(|data| data.concat) else {
            // A header that contradicts itself is passed on as it came: a person may make sense of it.
            let payload = header.map_or(&part.content[..], |data| data.payload);
            let id = CarrierMessageId(format!("{:016x}", token.deliver.id));
            return vec![whole(
                part.phone,
                part.to,
                decode(payload, coding),
                id,
                vec![token],
            )];
        };
        let payload = header.map_or_else(Bytes::new, |data| part.content.slice_ref(data.payload));
        self.push_part(
            now,
            (part.phone, part.to, concat.reference),
            concat,
            coding,
            payload,
            token,
        )
    }

    /// Passes on what has waited too long, with gaps.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Vec<Event> {
        let given_up = self.parts.expire(self.millis(now));
        given_up
            .into_iter()
            .filter_map(|set| self.incomplete(set))
            .collect()
    }

    /// When [`Inbound::handle_timeout`] has something to do.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.parts
            .next_timeout_ms()
            .map(|ms| self.origin + Duration::from_millis(ms))
    }

    fn push_part(
        &mut self,
        now: Instant,
        key: Key,
        concat: Concat,
        coding: Coding,
        payload: Bytes,
        token: AckToken,
    ) -> Vec<Event> {
        let pushed = self
            .parts
            .push(self.millis(now), key.clone(), concat, payload);
        let mut events: Vec<Event> = pushed
            .dropped
            .into_iter()
            .filter_map(|set| self.incomplete(set))
            .collect();
        let waiting_key = (key, concat.total);
        let waiting = self
            .waiting
            .entry(waiting_key.clone())
            .or_insert_with(|| Collecting {
                coding,
                ids: Vec::new(),
                tokens: Vec::new(),
            });
        if waiting.tokens.len() < MAX_TOKENS {
            waiting.tokens.push(token);
        }
        if !waiting.ids.iter().any(|(part, _)| *part == concat.part) {
            waiting.ids.push((concat.part, token.deliver.id));
        }
        if let PartOutcome::Complete(content) = pushed.outcome
            && let Some(waiting) = self.waiting.remove(&waiting_key)
        {
            let (phone, to, _) = waiting_key.0;
            let text = decode(&content, waiting.coding);
            events.push(whole(phone, to, text, joined(waiting.ids), waiting.tokens));
        }
        events
    }

    fn incomplete(&mut self, set: Incomplete<Key>) -> Option<Event> {
        let waiting = self.waiting.remove(&(set.key.clone(), set.total))?;
        let mut text = String::new();
        let mut run = BytesMut::new();
        let mut gap = false;
        for number in 1..=set.total {
            if let Some(payload) = set.parts.get(&number) {
                run.extend_from_slice(payload);
                gap = false;
            } else if !gap {
                text.push_str(&decode(&run.split(), waiting.coding));
                text.push_str(GAP);
                gap = true;
            }
        }
        text.push_str(&decode(&run, waiting.coding));
        let (phone, to, _) = set.key;
        Some(whole(phone, to, text, joined(waiting.ids), waiting.tokens))
    }

    fn millis(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.origin).as_millis() as u64
    }
}

fn whole(
    phone: Phone,
    to: String,
    text: String,
    carrier_id: CarrierMessageId,
    tokens: Vec<AckToken>,
) -> Event {
    Event::Delivered {
        delivery: Delivery::Mo(Mo {
            phone,
            to,
            text,
            carrier_id,
        }),
        tokens,
    }
}

/// The ids in the order of the parts, so that a repeat in another order has the same.
fn joined(mut ids: Vec<(u8, u128)>) -> CarrierMessageId {
    ids.sort_unstable();
    let ids: Vec<String> = ids
        .into_iter()
        .map(|(_, id)| format!("{id:016x}"))
        .collect();
    CarrierMessageId(ids.join(","))
}

/// What is no text (binary, unknown codings) is shown as hex, so that nothing gets lost.
fn decode(content: &[u8], coding: Coding) -> String {
    text::decode(content, coding).map_or_else(|| hex::encode(content), |decoded| decoded.text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::DeliverRef;

    fn token(deliver_id: u128) -> AckToken {
        AckToken {
            link: 0,
            connection: 1,
            deliver: DeliverRef {
                sequence: deliver_id as u32,
                id: deliver_id,
            },
        }
    }

    fn parts(text: &str) -> Vec<MoPart> {
        let phone = Phone::from_number(13_800_138_000).expect("a mobile number");
        udh::split_ucs2(text, Reference::Eight(7))
            .expect("few parts")
            .into_iter()
            .map(|part| MoPart {
                phone,
                to: "10690000".to_owned(),
                coding: Coding::Ucs2,
                has_header: part.concat.is_some(),
                content: part.content,
            })
            .collect()
    }

    fn mo(event: &Event) -> (&Mo, &[AckToken]) {
        match event {
            Event::Delivered {
                delivery: Delivery::Mo(mo),
                tokens,
            } => (mo, tokens),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn parts_in_any_order_make_one_text_with_all_tokens() {
        let now = Instant::now();
        let text = "收到".repeat(60);
        let mut inbound = Inbound::new(now);
        let mut parts = parts(&text);
        assert_eq!(parts.len(), 2);
        let first = parts.remove(0);
        assert!(inbound.push(now, parts.remove(0), token(2)).is_empty());
        let events = inbound.push(now, first, token(1));
        let (mo, tokens) = mo(&events[0]);
        assert_eq!(mo.text, text);
        assert_eq!(mo.carrier_id.0, "0000000000000001,0000000000000002");
        assert_eq!(tokens, [token(2), token(1)]);
        assert!(inbound.waiting.is_empty());
    }

    #[test]
    fn a_missing_part_leaves_a_gap_and_still_acknowledges_the_rest() {
        let now = Instant::now();
        let mut inbound = Inbound::new(now);
        let second = parts(&"收到".repeat(60)).remove(1);
        assert!(inbound.push(now, second, token(2)).is_empty());
        let due = inbound.poll_timeout().expect("one waits");
        let events = inbound.handle_timeout(due);
        let (mo, tokens) = mo(&events[0]);
        assert!(mo.text.starts_with("[…]"), "{}", mo.text);
        assert_eq!(tokens, [token(2)]);
        assert!(inbound.waiting.is_empty() && inbound.poll_timeout().is_none());
    }

    #[test]
    fn a_short_text_passes_at_once() {
        let now = Instant::now();
        let events = Inbound::new(now).push(now, parts("R").remove(0), token(3));
        assert_eq!(mo(&events[0]).0.text, "R");
    }
}
