//! What the ledger says of each message, in 40 bytes: strings that repeat are numbered, carriers' ids
//! are kept as 16 bytes of their hash. What words mean is `domain::message`'s business alone.

use std::collections::{BTreeMap, HashMap};

use crate::domain::{
    bilingual::{Bilingual, bilingual},
    ledger::leaf,
    message::{Change, MessageState, Outcome, Part, ReportStatus},
};

/// Strings that repeat: codes, reasons, gateways. Number 0 is the empty one.
#[derive(Debug)]
pub(super) struct Interner {
    list: Vec<String>,
    index: HashMap<String, u32>,
}

impl Default for Interner {
    fn default() -> Self {
        Self {
            list: vec![String::new()],
            index: HashMap::from([(String::new(), 0)]),
        }
    }
}

impl Interner {
    /// Its number. There is room for 2^28 different ones, and a ledger that has more is not ours.
    pub(super) fn number(&mut self, word: &str) -> u32 {
        if let Some(&known) = self.index.get(word) {
            return known;
        }
        let new = (self.list.len() as u32) & CODE;
        self.list.push(word.to_owned());
        self.index.insert(word.to_owned(), new);
        new
    }

    pub(super) fn word(&self, number: u32) -> &str {
        self.list.get(number as usize).map_or("", String::as_str)
    }
}

/// What stands for a carrier's id.
pub(super) fn short(id: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&leaf(id.as_bytes())[..16]);
    short
}

const CODE: u32 = (1 << 28) - 1;

/// One part: four bits of kind, the code's number, what stands for the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    word: u32,
    id: [u8; 16],
}

impl Piece {
    const OPEN: Self = Self {
        word: 0,
        id: [0; 16],
    };

    fn of(part: &Part, words: &mut Interner) -> Self {
        let (kind, id, code) = match part {
            Part::Open => (0, None, ""),
            Part::Accepted(id) => (1, Some(id), ""),
            Part::Refused(code) => (2, None, code.as_str()),
            Part::Doubt(id) => (3, id.as_ref(), ""),
            Part::Reported(id, ReportStatus::Delivered, code) => (4, Some(id), code.as_str()),
            Part::Reported(id, ReportStatus::Undelivered, code) => (5, Some(id), code.as_str()),
            Part::Reported(id, ReportStatus::Expired, code) => (6, Some(id), code.as_str()),
        };
        let mut short = [0; 16];
        if let Some(id) = id {
            // Ours: the hexadecimal form of the 16 bytes.
            _ = hex::decode_to_slice(id, &mut short);
        }
        Self {
            word: kind << 28 | words.number(code),
            id: short,
        }
    }

    fn part(self, words: &Interner) -> Part {
        let id = || hex::encode(self.id);
        let code = || words.word(self.word & CODE).to_owned();
        match self.word >> 28 {
            0 => Part::Open,
            1 => Part::Accepted(id()),
            2 => Part::Refused(code()),
            3 => Part::Doubt((self.id != Self::OPEN.id).then(id)),
            4 => Part::Reported(id(), ReportStatus::Delivered, code()),
            5 => Part::Reported(id(), ReportStatus::Undelivered, code()),
            _ => Part::Reported(id(), ReportStatus::Expired, code()),
        }
    }
}

const ADOPTED: u16 = 1;
const UNCONFIRMED: u16 = 2;
const SUPPRESSED: u16 = 4;
const CANCELLED: u16 = 8;
const LONG: u16 = 16;
const ERASED: u16 = 32;

/// One message. Of a long one the parts stand in [`Messages::long`], and `piece` holds our own reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) first: u32,
    pub(super) last: u32,
    /// The entry that last wrote its row.
    pub(super) changed: u32,
    gateway: u32,
    attempt: u16,
    flags: u16,
    piece: Piece,
}

impl Mark {
    const FRESH: Self = Self {
        first: 0,
        last: 0,
        changed: 0,
        gateway: 0,
        attempt: 1,
        flags: 0,
        piece: Piece::OPEN,
    };

    pub(super) fn is_erased(self) -> bool {
        self.flags & ERASED != 0
    }

    /// Where it goes when not through the lane's gateway; empty: there.
    pub(super) fn gateway(self, words: &Interner) -> &str {
        words.word(self.gateway)
    }
}

/// A lane's messages by position.
#[derive(Debug, Default)]
pub(super) struct Messages {
    marks: Vec<Mark>,
    long: BTreeMap<u32, Vec<Piece>>,
}

/// An event of the ledger about a message.
#[derive(Debug)]
pub(super) struct MessageEvent<'a> {
    pub(super) entry: u32,
    pub(super) previous: i64,
    pub(super) part: u8,
    pub(super) of: u8,
    pub(super) change: &'a Change,
    pub(super) state: Option<Outcome>,
}

/// How a part stood before and after a word.
pub(super) type Turn = (MessageState, MessageState);

impl Messages {
    pub(super) fn mark(&self, position: i64) -> Mark {
        self.marks
            .get(position as usize)
            .copied()
            .unwrap_or(Mark::FRESH)
    }

    fn mark_mut(&mut self, position: i64) -> &mut Mark {
        let at = position as usize;
        if self.marks.len() <= at {
            self.marks.resize(at + 1, Mark::FRESH);
        }
        &mut self.marks[at]
    }

    /// Suppressed when the run was frozen: there is no event of its own.
    pub(super) fn suppress(&mut self, position: i64, reason: &str, words: &mut Interner) {
        let mark = self.mark_mut(position);
        mark.flags |= SUPPRESSED;
        mark.piece.word = words.number(reason);
    }

    pub(super) fn erase(&mut self, position: i64) {
        self.mark_mut(position).flags |= ERASED;
    }

    /// It goes back into the queue, perhaps of another gateway (empty: the lane's).
    pub(super) fn reroute(&mut self, position: i64, gateway: u32, entry: u32) {
        if self.mark(position).gateway != gateway {
            let mark = self.mark_mut(position);
            (mark.gateway, mark.changed) = (gateway, entry);
        }
    }

    /// How many parts, as its events say; `None` before the first.
    pub(super) fn parts(&self, position: i64) -> Option<usize> {
        let mark = self.mark(position);
        match (mark.first, mark.flags & LONG) {
            (0, _) => None,
            (_, 0) => Some(1),
            _ => self.long.get(&(position as u32)).map(Vec::len),
        }
    }

    /// Where it stands; `parts` matters while no event has told.
    pub(super) fn standing(&self, position: i64, parts: usize, words: &Interner) -> MessageState {
        let mark = self.mark(position);
        let mut standing = MessageState::fresh(parts);
        standing.attempt = i64::from(mark.attempt);
        standing.adopted = mark.flags & ADOPTED != 0;
        standing.unconfirmed = mark.flags & UNCONFIRMED != 0;
        let reason = || words.word(mark.piece.word & CODE).to_owned();
        if mark.flags & SUPPRESSED != 0 {
            standing.ours = Some((Outcome::Suppressed, reason()));
        } else if mark.flags & CANCELLED != 0 {
            standing.ours = Some((Outcome::Cancelled, reason()));
        }
        if mark.flags & LONG != 0 {
            let pieces = self
                .long
                .get(&(position as u32))
                .map_or(&[][..], Vec::as_slice);
            standing.parts = pieces.iter().map(|p| p.part(words)).collect();
        } else if standing.ours.is_none() && mark.first > 0 {
            standing.parts = vec![mark.piece.part(words)];
        }
        standing
    }

    /// Applies an event to a message.
    pub(super) fn apply(
        &mut self,
        position: i64,
        event: &MessageEvent<'_>,
        words: &mut Interner,
    ) -> Result<Turn, Bilingual> {
        let mark = self.mark(position);
        if i64::from(mark.last) != event.previous {
            return Err(bilingual!(
                "称上一事件在第 {} 条，实际在第 {} 条",
                "its previous event is said to be in entry {}, but is in entry {}",
                event.previous,
                mark.last
            ));
        }
        let of = usize::from(event.of);
        if of == 0 || self.parts(position).is_some_and(|known| known != of) {
            return Err(bilingual!(
                "短信条数前后不一",
                "its number of parts is not what it was"
            ));
        }
        let before = self.standing(position, of, words);
        let mut after = before.clone();
        let change = match event.change {
            Change::Accepted { id } => Change::Accepted {
                id: hex::encode(short(id)),
            },
            Change::Adopted { id } => Change::Adopted {
                id: hex::encode(short(id)),
            },
            Change::Doubt { id: Some(id) } => Change::Doubt {
                id: Some(hex::encode(short(id))),
            },
            other => other.clone(),
        };
        match after.apply(usize::from(event.part), &change) {
            Ok(true) => {}
            Ok(false) => return Err(bilingual!("重复的事件", "the event says nothing new")),
            Err(e) => return Err(bilingual!("按此前的状态不可能发生", "{e}")),
        }
        let state = after.outcome().map(|o| o.0);
        if state != event.state {
            let name = |s: Option<Outcome>| s.map_or("-", Outcome::as_str);
            return Err(bilingual!(
                "记为 {}，按事件应为 {}",
                "state is said to be {}, but follows to be {}",
                name(event.state),
                name(state)
            ));
        }
        self.pack(position, event.entry, &after, words);
        Ok((before, after))
    }

    fn pack(&mut self, position: i64, entry: u32, standing: &MessageState, words: &mut Interner) {
        let mut mark = self.mark(position);
        if mark.first == 0 {
            mark.first = entry;
        }
        (mark.last, mark.changed) = (entry, entry);
        mark.attempt = standing.attempt as u16;
        mark.flags &= ERASED;
        if standing.adopted {
            mark.flags |= ADOPTED;
        }
        if standing.unconfirmed {
            mark.flags |= UNCONFIRMED;
        }
        if let Some((outcome, reason)) = &standing.ours {
            mark.flags |= match outcome {
                Outcome::Suppressed => SUPPRESSED,
                Outcome::Cancelled => CANCELLED,
                Outcome::Submitted
                | Outcome::InDoubt
                | Outcome::Unconfirmed
                | Outcome::Delivered
                | Outcome::Undelivered
                | Outcome::Expired
                | Outcome::Rejected => 0,
            };
            mark.piece = Piece {
                word: words.number(reason),
                id: [0; 16],
            };
        } else if let [part] = standing.parts.as_slice() {
            mark.piece = Piece::of(part, words);
        }
        if standing.parts.len() > 1 {
            mark.flags |= LONG;
            let pieces = standing.parts.iter().map(|p| Piece::of(p, words)).collect();
            self.long.insert(position as u32, pieces);
        }
        *self.mark_mut(position) = mark;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::message::SuppressReason;

    fn change() -> impl Strategy<Value = Change> {
        let id = prop_oneof![Just("a".to_owned()), Just("b".to_owned())];
        let code = prop_oneof![Just("0".to_owned()), Just("13".to_owned())];
        let word = prop_oneof![
            Just(ReportStatus::Delivered),
            Just(ReportStatus::Undelivered),
            Just(ReportStatus::Expired)
        ];
        prop_oneof![
            id.clone().prop_map(|id| Change::Accepted { id }),
            code.clone().prop_map(|code| Change::Refused { code }),
            Just(Change::Doubt { id: None }),
            id.clone().prop_map(|id| Change::Doubt { id: Some(id) }),
            (word, code).prop_map(|(status, code)| Change::Reported { status, code }),
            id.prop_map(|id| Change::Adopted { id }),
            Just(Change::Unconfirmed),
            Just(Change::Resent),
            Just(Change::Suppressed {
                reason: SuppressReason::OptOut
            }),
            Just(Change::Cancelled {
                reason: "person".into()
            }),
        ]
    }

    proptest! {
        #[test]
        fn the_small_form_follows_the_whole_one(
            of in 1..4_usize,
            changes in proptest::collection::vec((0..3_usize, change()), 0..12),
        ) {
            let mut words = Interner::default();
            let mut messages = Messages::default();
            let mut whole = MessageState::fresh(of);
            let mut last = 0;
            for (n, (part, change)) in changes.iter().enumerate() {
                if whole.apply(*part, change) != Ok(true) {
                    continue;
                }
                let entry = n as u32 + 1;
                let state = whole.outcome().map(|o| o.0);
                let event = MessageEvent { entry, previous: last, part: *part as u8, of: of as u8, change, state };
                prop_assert!(messages.apply(5, &event, &mut words).is_ok(), "{change:?}");
                last = i64::from(entry);
                prop_assert_eq!(messages.standing(5, of, &words).outcome(), whole.outcome());
            }
        }
    }

    #[test]
    fn a_message_takes_forty_bytes() {
        assert_eq!(size_of::<Mark>(), 40);
    }
}
