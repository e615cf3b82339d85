//! The seven characters in which a status report says what became of a message.

mod words;

use std::fmt;

use crate::{FixedStr, FixedStrError, StatKind};

/// Stat of a report block, 7 bytes at offset 8 of it (CMPP 2.0 §7.4.5.1, CMPP 3.0 §8.4.5.1).
///
/// The raw text is kept. Public tables contradict each other on single numbers, so classification goes
/// by prefix, with the few numbers on which they agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stat(pub FixedStr<7>);

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

    /// What carriers' tables say about it, in Chinese and English; `None` for a text that none has.
    pub fn words(&self) -> Option<(&'static str, &'static str)> {
        words::of(&self.0.as_bytes().to_ascii_uppercase())
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
        use StatKind as K;
        for (text, kind) in [
            ("DELIVRD", K::Delivered),
            ("EXPIRED", K::Expired),
            ("UNDELIV", K::Undelivered),
            ("DELETED", K::Deleted),
            ("REJECTD", K::Rejected),
            ("UNKNOWN", K::Unknown),
            ("ACCEPTD", K::Accepted),
            ("MA:0001", K::Unknown),
            ("MB:1042", K::Undelivered),
            ("CB:0007", K::Rejected),
            ("DB:0141", K::Rejected),
            ("DB:0142", K::Rejected),
            ("IB:0008", K::Undelivered),
            ("IC:0151", K::Unknown),
            ("MI:0024", K::Expired),
            ("MK:0001", K::Undelivered),
            ("MK:0017", K::Undelivered),
            ("MN:0017", K::Rejected),
            ("ML:0001", K::Unknown),
            ("ID:0013", K::Rejected),
            ("MBBLACK", K::Rejected),
            ("ZZ:9999", K::Unknown),
            ("", K::Unknown),
        ] {
            let stat = Stat::new(text).expect("at most 7 bytes");
            assert_eq!(stat.kind(), kind, "{text}");
        }
    }

    #[test]
    fn a_stat_has_words_by_its_number_or_else_by_its_prefix() {
        let words = |text| Stat::new(text).expect("at most 7 bytes").words();
        assert_eq!(words("MK:0001"), Some(("空号", "unknown number")));
        assert_eq!(
            words("mk:9999"),
            Some(("短信中心报无法送达", "undeliverable, with a cause"))
        );
        assert_eq!(words("ID:0013").map(|w| w.0), Some("其他运营商号码"));
        assert_eq!(words("ZZ:0001"), None);
        assert_eq!(words(""), None);
    }
}
