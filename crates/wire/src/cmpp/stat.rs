//! The seven characters in which a status report says what became of a message.

mod words;

use std::fmt;

use crate::{FixedStr, FixedStrError, Retry};

/// Stat of a report block, 7 bytes at offset 8 of it (CMPP 2.0 §7.4.5.1, CMPP 3.0 §8.4.5.1).
///
/// The raw text is kept. Public tables contradict each other on single numbers, so classification goes
/// by prefix, with the few numbers on which they agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stat(pub FixedStr<7>);

/// What a [`Stat`] says about the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatKind {
    /// On the handset.
    Delivered,
    /// Validity ran out; the phone was off or out of coverage.
    Expired,
    /// It cannot be delivered, or a node answered with an error.
    Undelivered,
    /// Refused for its content, number, account or policy.
    Rejected,
    /// Removed before delivery.
    Deleted,
    /// Nobody knows; it may have been delivered. Also codes this list does not have.
    Unknown,
    /// Taken by the message centre. Not final: gateways should not pass it on, some do.
    Accepted,
}

impl Stat {
    /// Takes a stat text of at most 7 bytes, as `DELIVRD` or `MK:0001`.
    pub fn new(text: &str) -> Result<Self, FixedStrError> {
        FixedStr::new(text).map(Self)
    }

    /// The bytes as received, without padding.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// What it says about the message.
    pub fn kind(&self) -> StatKind {
        let upper = self.0.as_bytes().to_ascii_uppercase();
        match &upper[..] {
            b"DELIVRD" => StatKind::Delivered,
            b"EXPIRED" => StatKind::Expired,
            b"UNDELIV" => StatKind::Undelivered,
            b"DELETED" => StatKind::Deleted,
            b"REJECTD" => StatKind::Rejected,
            b"ACCEPTD" => StatKind::Accepted,
            [first, second, b':', ..] => kind_of_prefix([*first, *second]),
            b"MBBLACK" | b"BLACK" | b"SIGFAIL" | b"NOROUTE" | b"LIMIT" | b"KEYWORD" => {
                StatKind::Rejected
            }
            _ => StatKind::Unknown,
        }
    }

    /// What carriers' tables say about it, in a few English words; `None` for a text that none has.
    pub fn meaning(&self) -> Option<&'static str> {
        words::of(&self.0.as_bytes().to_ascii_uppercase()).map(|(en, _)| en)
    }

    /// The same in Chinese, for people.
    pub fn meaning_zh(&self) -> Option<&'static str> {
        words::of(&self.0.as_bytes().to_ascii_uppercase()).map(|(_, zh)| zh)
    }

    /// False only for `ACCEPTD`: every other report is the last one.
    pub fn is_final(&self) -> bool {
        self.kind() != StatKind::Accepted
    }

    /// Whether to send again.
    pub fn retry(&self) -> Retry {
        let upper = self.0.as_bytes().to_ascii_uppercase();
        match &upper[..] {
            b"ACCEPTD" => Retry::Wait,
            b"EXPIRED"
            | b"MK:0010"
            | b"MK:0017"
            | b"MK:0024"
            | b"MK:0029"
            | [b'M', b'I', b':', ..] => Retry::Later,
            b"DB:0142" => Retry::NextDay,
            b"ID:0013" => Retry::Reroute,
            b"UNKNOWN"
            | b"IB:0008"
            | [b'M' | b'I', b'A' | b'C', b':', ..]
            | [b'C' | b'D', b'A', b':', ..] => Retry::Soon,
            _ => Retry::No,
        }
    }
}

/// Letters of the 3.0 document (MA to IC), then those of public code tables (MI to ID), then resellers'.
fn kind_of_prefix(prefix: [u8; 2]) -> StatKind {
    match &prefix {
        b"MB" | b"IB" | b"CA" | b"DA" | b"SA" | b"SB" | b"MK" => StatKind::Undelivered,
        b"MI" => StatKind::Expired,
        b"MJ" => StatKind::Deleted,
        b"CB" | b"DB" | b"MN" | b"ID" | b"XA" | b"LT" | b"HD" | b"YX" => StatKind::Rejected,
        // MA, MC, IA, IC: silence or a missing report of a node that may have passed the message on.
        // MM, MH: unknown by name. ML: ACCEPTD with a cause, after which nothing follows.
        _ => StatKind::Unknown,
    }
}

impl fmt::Display for Stat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stats_are_classified_by_prefix() {
        use {Retry as R, StatKind as K};
        for (text, kind, retry) in [
            ("DELIVRD", K::Delivered, R::No),
            ("EXPIRED", K::Expired, R::Later),
            ("UNDELIV", K::Undelivered, R::No),
            ("DELETED", K::Deleted, R::No),
            ("REJECTD", K::Rejected, R::No),
            ("UNKNOWN", K::Unknown, R::Soon),
            ("ACCEPTD", K::Accepted, R::Wait),
            ("MA:0001", K::Unknown, R::Soon),
            ("MB:1042", K::Undelivered, R::No),
            ("CB:0007", K::Rejected, R::No),
            ("DB:0141", K::Rejected, R::No),
            ("DB:0142", K::Rejected, R::NextDay),
            ("IB:0008", K::Undelivered, R::Soon),
            ("IC:0151", K::Unknown, R::Soon),
            ("MI:0024", K::Expired, R::Later),
            ("MK:0001", K::Undelivered, R::No),
            ("MK:0017", K::Undelivered, R::Later),
            ("MN:0017", K::Rejected, R::No),
            ("ML:0001", K::Unknown, R::No),
            ("ID:0013", K::Rejected, R::Reroute),
            ("MBBLACK", K::Rejected, R::No),
            ("ZZ:9999", K::Unknown, R::No),
            ("", K::Unknown, R::No),
        ] {
            let stat = Stat::new(text).expect("at most 7 bytes");
            assert_eq!((stat.kind(), stat.retry()), (kind, retry), "{text}");
            assert_eq!(stat.is_final(), text != "ACCEPTD", "{text}");
        }
    }

    #[test]
    fn a_stat_has_words_by_its_number_or_else_by_its_prefix() {
        let words = |text| {
            let stat = Stat::new(text).expect("at most 7 bytes");
            (stat.meaning(), stat.meaning_zh())
        };
        assert_eq!(words("MK:0001"), (Some("unknown number"), Some("空号")));
        assert_eq!(words("mk:9999").0, Some("undeliverable, with a cause"));
        assert_eq!(words("ID:0013").1, Some("其他运营商号码"));
        assert_eq!(words("ZZ:0001"), (None, None));
        assert_eq!(words(""), (None, None));
    }
}
