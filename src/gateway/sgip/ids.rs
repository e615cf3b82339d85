//! Sequence numbers of 96 bits: a message's id that follows from its claim, and the name of a request of the
//! carrier's.

use chrono::{Datelike, Timelike};
use watchbell_wire::sgip::{CommandId, Sequence};

use super::super::{CarrierMessageId, content::beijing, options::Options};
use crate::{config, domain::time::Micros};

/// How a gateway's message ids follow from what is durable before the write: our node, the claim's time, the
/// engine's number (SGIP 1.2, message header: a submit's sequence number is the message's id).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnIds {
    pub(super) node: u32,
}

impl OwnIds {
    /// Those of this account; none without a node, which no gateway opens without.
    pub(in crate::gateway) fn read(config: &config::Gateway) -> Option<Self> {
        let node = Options::new(&config.extra).word("node").ok()??;
        Some(Self { node })
    }

    /// The id of the segment with this number, claimed then.
    pub fn of(self, sequence: u32, asked: Micros) -> CarrierMessageId {
        CarrierMessageId(self.sequence(sequence, asked).to_string())
    }

    pub(super) fn sequence(self, sequence: u32, asked: Micros) -> Sequence {
        Sequence {
            node: self.node,
            time: time_word(asked),
            counter: sequence,
        }
    }
}

/// A moment as the second word: `mmddhhmmss` as a decimal number, in Beijing's time.
pub(super) fn time_word(at: Micros) -> u32 {
    let t = beijing(at);
    [t.day(), t.hour(), t.minute(), t.second()]
        .into_iter()
        .fold(t.month(), |word, two| word * 100 + two)
}

/// The name of a request of the carrier's: which command, and its sequence number.
pub(super) fn deliver_id(command: CommandId, sequence: Sequence) -> u128 {
    let words = sequence.to_words().into_iter();
    words.fold(u128::from(command.to_wire()), |id, word| {
        id << 32 | u128::from(word)
    })
}

/// The same read back.
pub(super) fn asked(deliver_id: u128) -> Option<(CommandId, Sequence)> {
    let word = |place: u32| (deliver_id >> (32 * place)) as u32;
    let sequence = Sequence {
        node: word(2),
        time: word(1),
        counter: word(0),
    };
    Some((CommandId::from_wire(word(3))?, sequence))
}
