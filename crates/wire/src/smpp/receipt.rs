//! Delivery receipts: the text of a `deliver_sm`, and message ids that are spelled in two ways.

use std::fmt::Write as _;

/// A delivery receipt, `short_message` of a `deliver_sm` with `esm_class` 0x04 (SMPP 3.4 appendix B).
/// Its format is the message centre's own; where the parameters `receipted_message_id` and
/// `message_state` are there, they are better.
///
/// ```
/// use watchbell_wire::smpp::{MessageState, Receipt};
///
/// let receipt = Receipt::parse(b"id:0a1B sub:001 dlvrd:001 submit date:2306150930 \
///     done date:2306150931 stat:DELIVRD err:000 text:Safety notice")?;
/// assert_eq!((&*receipt.id, receipt.state()), ("0a1B", MessageState::Delivered));
/// # Ok::<(), watchbell_wire::smpp::ReceiptError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The message's id as the text spells it; see [`same_message_id`].
    pub id: String,
    /// Messages submitted; empty when the text does not say.
    pub sub: String,
    /// Messages delivered; empty when the text does not say.
    pub dlvrd: String,
    /// `YYMMDDhhmm`, also with the century, seconds or a zone behind.
    pub submit_date: String,
    /// The same form.
    pub done_date: String,
    /// What became of the message, `DELIVRD`.
    pub stat: String,
    /// Why; the network's number or the message centre's.
    pub err: String,
    /// The start of the message; bytes that are not UTF-8 are replaced.
    pub text: String,
}

/// A text that is no receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text has neither `id:` nor `stat:`, so it is no delivery receipt")]
pub struct ReceiptError;

/// `message_state` (SMPP 3.4 §5.2.28, SMPP 5.0 §4.7.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageState {
    /// 0 in 5.0: waits for its time.
    Scheduled,
    /// 1: under way. Not final.
    Enroute,
    /// 2: on the handset.
    Delivered,
    /// 3: validity ran out.
    Expired,
    /// 4: removed.
    Deleted,
    /// 5: it cannot be delivered.
    Undeliverable,
    /// 6: taken by the message centre. Not final.
    Accepted,
    /// 7, and what this list does not have.
    Unknown,
    /// 8: refused.
    Rejected,
    /// 9 in 5.0: left out.
    Skipped,
}

impl MessageState {
    /// The state of a number.
    pub const fn from_wire(number: u8) -> Self {
        match number {
            0 => Self::Scheduled,
            1 => Self::Enroute,
            2 => Self::Delivered,
            3 => Self::Expired,
            4 => Self::Deleted,
            5 => Self::Undeliverable,
            6 => Self::Accepted,
            8 => Self::Rejected,
            9 => Self::Skipped,
            _ => Self::Unknown,
        }
    }

    /// The state of a stat text, in any case; message centres cut the words at different places.
    pub fn from_stat(stat: &str) -> Self {
        let stat = stat.to_ascii_uppercase();
        let words = [
            ("SCHED", Self::Scheduled),
            ("ENROUT", Self::Enroute),
            ("DELIV", Self::Delivered),
            ("EXPIR", Self::Expired),
            ("DELET", Self::Deleted),
            ("UNDEL", Self::Undeliverable),
            ("ACCEP", Self::Accepted),
            ("REJEC", Self::Rejected),
            ("SKIP", Self::Skipped),
        ];
        let known = words.into_iter().find(|(word, _)| stat.starts_with(word));
        known.map_or(Self::Unknown, |(_, state)| state)
    }

    /// The stat text that a receipt in words has for it (SMPP 3.4 appendix B).
    pub const fn stat(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::Enroute => "ENROUTE",
            Self::Delivered => "DELIVRD",
            Self::Expired => "EXPIRED",
            Self::Deleted => "DELETED",
            Self::Undeliverable => "UNDELIV",
            Self::Accepted => "ACCEPTD",
            Self::Unknown => "UNKNOWN",
            Self::Rejected => "REJECTD",
            Self::Skipped => "SKIPPED",
        }
    }

    /// False while another receipt is to follow.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Scheduled | Self::Enroute | Self::Accepted)
    }
}

impl Receipt {
    /// Reads a text: its keys in any order and case, each of them optional but id or stat; `text` takes
    /// everything behind it.
    pub fn parse(text: &[u8]) -> Result<Self, ReceiptError> {
        let text = String::from_utf8_lossy(text);
        let lower = text.to_ascii_lowercase();
        let text_at = key(&lower, "text:");
        let head_end = text_at.map_or(lower.len(), |(start, _)| start);
        let head = &lower[..head_end];
        let value = |name: &str| {
            let (_, at) = key(head, name)?;
            text[at..head_end].split_ascii_whitespace().next()
        };
        let of = |name| value(name).unwrap_or_default().to_owned();
        let receipt = Self {
            id: of("id:"),
            sub: of("sub:"),
            dlvrd: of("dlvrd:"),
            submit_date: of("submit date:"),
            done_date: of("done date:"),
            stat: of("stat:"),
            err: of("err:"),
            text: text_at.map_or("", |(_, at)| &text[at..]).to_owned(),
        };
        if receipt.id.is_empty() && receipt.stat.is_empty() {
            return Err(ReceiptError);
        }
        Ok(receipt)
    }

    /// Writes the text of appendix B.
    pub fn build(&self) -> String {
        let mut out = String::new();
        let Self {
            id,
            sub,
            dlvrd,
            submit_date,
            done_date,
            stat,
            err,
            text,
        } = self;
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "id:{id} sub:{sub} dlvrd:{dlvrd} submit date:{submit_date} done date:{done_date} \
             stat:{stat} err:{err} text:{text}"
        );
        out
    }

    /// What became of the message.
    pub fn state(&self) -> MessageState {
        MessageState::from_stat(&self.stat)
    }
}

/// Where a key stands as a word of its own, and where its value starts. `_` does for a blank.
fn key(text: &str, name: &str) -> Option<(usize, usize)> {
    let found = |name: &str| {
        text.match_indices(name)
            .map(|(at, _)| (at, at + name.len()))
            .find(|&(at, _)| at == 0 || text.as_bytes()[at - 1].is_ascii_whitespace())
    };
    found(name).or_else(|| found(&name.replace(' ', "_")))
}

/// True when two spellings may be of one message id: equal as texts in any case, or as numbers with
/// either of them decimal or hexadecimal. Message centres answer a submit in one form and send receipts
/// in the other.
pub fn same_message_id(a: &str, b: &str) -> bool {
    let numbers = |text: &str| {
        let decimal = text.parse::<u128>().ok();
        [decimal, u128::from_str_radix(text, 16).ok()]
    };
    let (a_numbers, b_numbers) = (numbers(a), numbers(b));
    let same_number = |number: &Option<u128>| number.is_some() && b_numbers.contains(number);
    a.eq_ignore_ascii_case(b) || a_numbers.iter().any(same_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_states_word_means_the_state() {
        for state in (0..=9).map(MessageState::from_wire) {
            assert_eq!(MessageState::from_stat(state.stat()), state);
        }
    }

    fn sample() -> Receipt {
        let own = str::to_owned;
        Receipt {
            id: own("0a1B2c3D4"),
            sub: own("001"),
            dlvrd: own("000"),
            submit_date: own("2306150930"),
            done_date: own("2306150931"),
            stat: own("UNDELIV"),
            err: own("003"),
            text: own("stat:DELIVRD id:7"),
        }
    }

    #[test]
    fn a_receipt_reads_back_and_its_text_misleads_nobody() {
        assert_eq!(Receipt::parse(sample().build().as_bytes()), Ok(sample()));
        assert_eq!(sample().state(), MessageState::Undeliverable);
    }

    #[test]
    fn keys_may_be_missing_reordered_and_in_any_case() {
        let text = b"STAT:Delivrd Submit_Date:20230615093000 ID:42";
        let receipt = Receipt::parse(text).expect("a receipt");
        assert_eq!(receipt.id, "42");
        assert_eq!(receipt.submit_date, "20230615093000");
        assert_eq!(receipt.state(), MessageState::Delivered);
        assert_eq!(receipt.text, "");
        for text in [&b""[..], b"valid:1 restate:2", b"hello \xFF"] {
            assert_eq!(Receipt::parse(text), Err(ReceiptError));
        }
    }

    #[test]
    fn states_know_whether_they_are_the_last() {
        for number in 0..=u8::MAX {
            let state = MessageState::from_wire(number);
            assert_eq!(state.is_final(), !matches!(number, 0 | 1 | 6));
        }
        assert_eq!(MessageState::from_stat("ACCEPTD"), MessageState::Accepted);
        assert_eq!(MessageState::from_stat("ENROUTE"), MessageState::Enroute);
        assert_eq!(MessageState::from_stat("other"), MessageState::Unknown);
    }

    #[test]
    fn ids_are_compared_in_both_bases() {
        assert!(same_message_id("0a1B", "0A1b"));
        assert!(same_message_id("ff", "255"));
        assert!(same_message_id("255", "00ff"));
        assert!(same_message_id("0000012", "12"));
        assert!(!same_message_id("12", "13"));
        assert!(!same_message_id("x1", "x2"));
    }
}
