//! Long messages from phones, put together from parts that arrive in any order.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

use bytes::{Bytes, BytesMut};

use super::{Concat, Reference};

/// Bounds of a [`Reassembler`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReassemblerLimits {
    /// Most messages waiting for parts; the oldest is dropped for a new one. A set
    /// holds at most 255 parts.
    pub max_sets: usize,
    /// How long after its first part a message is given up, in milliseconds.
    pub timeout_ms: u64,
}

impl Default for ReassemblerLimits {
    /// 1024 messages, 10 minutes: parts of a phone's message come within seconds, or after the
    /// gateway's retries within minutes.
    fn default() -> Self {
        Self {
            max_sets: 1024,
            timeout_ms: 600_000,
        }
    }
}

/// Collects parts by sender. `K` is what identifies a sender, such as the pair of phone and our number;
/// the connection is no part of it, because parts arrive on different ones.
///
/// Time is milliseconds since any fixed moment, given by the caller, and never goes back.
#[derive(Debug)]
pub struct Reassembler<K> {
    sets: HashMap<SetKey<K>, Set>,
    limits: ReassemblerLimits,
}

type SetKey<K> = (K, Reference, u8);

#[derive(Debug)]
struct Set {
    since_ms: u64,
    parts: BTreeMap<u8, Bytes>,
}

/// What a part did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartOutcome {
    /// Other parts are missing.
    Waiting {
        /// Parts so far.
        have: usize,
        /// Parts of the message.
        total: u8,
    },
    /// The same part was there already.
    Duplicate,
    /// The whole message: the payloads in order, without headers.
    Complete(Bytes),
}

/// A message given up, with the parts that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incomplete<K> {
    /// Its sender.
    pub key: K,
    /// Parts of the message.
    pub total: u8,
    /// What arrived, by part number.
    pub parts: BTreeMap<u8, Bytes>,
}

/// Result of [`Reassembler::push`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed<K> {
    /// What the part did.
    pub outcome: PartOutcome,
    /// Another message that had to go: the oldest when there were too many, or the one whose reference
    /// a new message of the same sender uses again.
    pub dropped: Option<Incomplete<K>>,
}

impl<K: Clone + Eq + Hash> Reassembler<K> {
    /// Without any parts yet.
    pub fn new(limits: ReassemblerLimits) -> Self {
        Self {
            sets: HashMap::new(),
            limits,
        }
    }

    /// Takes a part: `payload` is the content behind the header.
    pub fn push(&mut self, now_ms: u64, key: K, concat: Concat, payload: Bytes) -> Pushed<K> {
        let set_key = (key, concat.reference, concat.total);
        let dropped = match self.known_part(&set_key, concat.part) {
            Some(known) if *known == payload => {
                return Pushed {
                    outcome: PartOutcome::Duplicate,
                    dropped: None,
                };
            }
            Some(_) => self.remove(&set_key),
            None => self.make_room(&set_key),
        };
        let set = self.sets.entry(set_key.clone()).or_insert_with(|| Set {
            since_ms: now_ms,
            parts: BTreeMap::new(),
        });
        set.parts.insert(concat.part, payload);
        let have = set.parts.len();
        let outcome = if have >= usize::from(concat.total) {
            let set = self.sets.remove(&set_key);
            PartOutcome::Complete(set.map(|set| join(&set.parts)).unwrap_or_default())
        } else {
            PartOutcome::Waiting {
                have,
                total: concat.total,
            }
        };
        Pushed { outcome, dropped }
    }

    /// Gives up the messages whose time is over. Call it at [`Reassembler::next_timeout_ms`].
    pub fn expire(&mut self, now_ms: u64) -> Vec<Incomplete<K>> {
        let timeout_ms = self.limits.timeout_ms;
        self.sets
            .extract_if(|_, set| now_ms >= set.since_ms.saturating_add(timeout_ms))
            .map(|(key, set)| incomplete(key, set))
            .collect()
    }

    /// When the next message is given up; `None` when none waits.
    pub fn next_timeout_ms(&self) -> Option<u64> {
        let oldest = self.sets.values().map(|set| set.since_ms).min()?;
        Some(oldest.saturating_add(self.limits.timeout_ms))
    }

    /// Messages waiting for parts.
    pub fn len(&self) -> usize {
        self.sets.len()
    }

    /// True when no message waits for parts.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    fn known_part(&self, set_key: &SetKey<K>, part: u8) -> Option<&Bytes> {
        self.sets.get(set_key)?.parts.get(&part)
    }

    fn make_room(&mut self, set_key: &SetKey<K>) -> Option<Incomplete<K>> {
        if self.sets.len() < self.limits.max_sets.max(1) || self.sets.contains_key(set_key) {
            return None;
        }
        let (oldest, _) = self.sets.iter().min_by_key(|(_, set)| set.since_ms)?;
        let oldest = oldest.clone();
        self.remove(&oldest)
    }

    fn remove(&mut self, set_key: &SetKey<K>) -> Option<Incomplete<K>> {
        let (key, set) = self.sets.remove_entry(set_key)?;
        Some(incomplete(key, set))
    }
}

fn join(parts: &BTreeMap<u8, Bytes>) -> Bytes {
    let mut whole = BytesMut::with_capacity(parts.values().map(Bytes::len).sum());
    for part in parts.values() {
        whole.extend_from_slice(part);
    }
    whole.freeze()
}

fn incomplete<K>((key, _, total): SetKey<K>, set: Set) -> Incomplete<K> {
    Incomplete {
        key,
        total,
        parts: set.parts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ReassemblerLimits = ReassemblerLimits {
        max_sets: 2,
        timeout_ms: 100,
    };

    fn concat(reference: u8, total: u8, part: u8) -> Concat {
        Concat::new(Reference::Eight(reference), total, part).expect("part within total")
    }

    fn push(
        r: &mut Reassembler<&'static str>,
        now_ms: u64,
        key: &'static str,
        concat: Concat,
        payload: &'static str,
    ) -> Pushed<&'static str> {
        r.push(now_ms, key, concat, Bytes::from_static(payload.as_bytes()))
    }

    #[test]
    fn parts_join_in_any_order_and_duplicates_change_nothing() {
        let mut r = Reassembler::new(LIMITS);
        let waiting = |have| PartOutcome::Waiting { have, total: 3 };
        assert_eq!(
            push(&mut r, 0, "a", concat(7, 3, 3), "c").outcome,
            waiting(1)
        );
        assert_eq!(
            push(&mut r, 1, "a", concat(7, 3, 1), "a").outcome,
            waiting(2)
        );
        assert_eq!(
            push(&mut r, 2, "a", concat(7, 3, 3), "c").outcome,
            PartOutcome::Duplicate
        );
        assert_eq!(
            push(&mut r, 3, "a", concat(7, 3, 2), "b").outcome,
            PartOutcome::Complete(Bytes::from_static(b"abc"))
        );
        assert!(r.is_empty());
    }

    #[test]
    fn senders_and_references_do_not_mix() {
        let mut r = Reassembler::new(LIMITS);
        push(&mut r, 0, "a", concat(7, 2, 1), "1");
        let other = push(&mut r, 0, "b", concat(7, 2, 2), "2");
        assert_eq!(other.outcome, PartOutcome::Waiting { have: 1, total: 2 });
        assert_eq!(r.len(), 2);
    }

    #[test]
    fn a_reference_used_again_starts_a_new_message() {
        let mut r = Reassembler::new(LIMITS);
        push(&mut r, 0, "a", concat(7, 2, 1), "old");
        let pushed = push(&mut r, 50, "a", concat(7, 2, 1), "new");
        assert_eq!(pushed.outcome, PartOutcome::Waiting { have: 1, total: 2 });
        assert_eq!(
            pushed.dropped.expect("a message had to go").parts[&1],
            "old"
        );
        assert_eq!(r.next_timeout_ms(), Some(150));
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let mut r = Reassembler::new(LIMITS);
        push(&mut r, 0, "a", concat(1, 2, 1), "1");
        push(&mut r, 1, "b", concat(1, 2, 1), "1");
        let pushed = push(&mut r, 2, "c", concat(1, 2, 1), "1");
        assert_eq!(pushed.dropped.expect("a message had to go").key, "a");
        assert_eq!(r.len(), 2);
    }

    #[test]
    fn a_message_is_given_up_when_its_time_is_over() {
        let mut r = Reassembler::new(LIMITS);
        push(&mut r, 0, "a", concat(1, 2, 1), "1");
        push(&mut r, 30, "b", concat(1, 2, 2), "2");
        assert_eq!(r.next_timeout_ms(), Some(100));
        assert_eq!(r.expire(99), []);
        assert_eq!(r.expire(100)[0].key, "a");
        assert_eq!(r.next_timeout_ms(), Some(130));
    }
}
