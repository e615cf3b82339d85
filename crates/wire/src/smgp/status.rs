//! Numbers that responses carry and words that reports carry, and what they mean.

use std::fmt;

use crate::{FixedStr, FixedStrError, StatKind, SubmitClass};

/// Status of `login_resp`, `submit_resp` and `deliver_resp`, u32 (SMGP 3.0 §6.2.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Status(pub u32);

impl Status {
    /// No error.
    pub const OK: Self = Self(0);
    /// The system is busy: slow down.
    pub const BUSY: Self = Self(1);
    /// Too many connections; a half-dead session of our own still counts.
    pub const TOO_MANY_CONNECTIONS: Self = Self(2);
    /// The PDU's structure is wrong.
    pub const BAD_STRUCTURE: Self = Self(10);
    /// Unknown or unexpected command.
    pub const BAD_COMMAND: Self = Self(11);
    /// `SequenceID` was used before.
    pub const REPEATED: Self = Self(12);
    /// Connection from an address that is not agreed.
    pub const BAD_IP: Self = Self(20);
    /// Authentication failed.
    pub const AUTH_FAILED: Self = Self(21);
    /// The version is too high.
    pub const VERSION_TOO_HIGH: Self = Self(22);
    /// Bad receiver.
    pub const BAD_RECEIVER: Self = Self(47);
    /// The SP may not send at this hour.
    pub const BARRED_HOUR: Self = Self(74);
    /// The day's quota is used up.
    pub const OVER_QUOTA: Self = Self(75);
    /// The account has expired.
    pub const ACCOUNT_EXPIRED: Self = Self(76);

    /// True for status 0.
    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }

    /// What it is about as the answer to a submit (SMGP 3.0 §6.2.6). There is no code of its own for too
    /// fast: gateways use 1, 75 or a vendor's code from 128, and the last are for configuration to name.
    pub const fn class(self) -> SubmitClass {
        match self.0 {
            0 => SubmitClass::Accepted,
            1 => SubmitClass::Throttled,
            47 => SubmitClass::WrongNetwork,
            2 => SubmitClass::Link,
            // Address, secret, version; fees, service, sender, payer, SP code, product: the same in all submits;
            // barred hour, day's quota, account expired.
            20..=22 | 32 | 33 | 40 | 43 | 46 | 48 | 49 | 73..=76 => SubmitClass::Account,
            // Structure, command, sequence; type, priority, format, time, length, validity, query, route,
            // update, route server.
            10..=12 | 30 | 31 | 34..=39 | 41 | 42 | 44 | 45 | 56..=72 => SubmitClass::Message,
            _ => SubmitClass::Unlisted,
        }
    }

    /// A few English words for a log.
    pub const fn meaning(self) -> &'static str {
        match self.0 {
            0 => "ok",
            1 => "system busy",
            2 => "too many connections",
            10 => "bad structure",
            11 => "bad command",
            12 => "sequence repeated",
            20 => "bad ip address",
            21 => "authentication failed",
            22 => "version too high",
            30 => "bad msg_type",
            31 => "bad priority",
            32 => "bad fee_type",
            33 => "bad fee_code",
            34 => "bad msg_format",
            35 => "bad time",
            36 => "bad msg_length",
            37 => "expired",
            38 => "bad query_type",
            39 => "bad route",
            40 => "bad fixed_fee",
            41 => "bad update_type",
            42 => "bad route_id",
            43 => "bad service_id",
            44 => "bad valid_time",
            45 => "bad at_time",
            46 => "bad src_term_id",
            47 => "bad dest_term_id",
            48 => "bad charge_term_id",
            49 => "bad sp code",
            56..=72 => "route server or prepaid",
            73 => "bad m_service_id",
            74 => "sp barred at this hour",
            75 => "over the daily quota",
            76 => "account expired",
            128..=255 => "vendor",
            _ => "unlisted",
        }
    }
}

/// Stat of a report, 7 characters (SMGP 3.0 §6.2, `MsgContent`), with the three digits of Err beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stat {
    /// What became of the message.
    pub stat: FixedStr<7>,
    /// Why; `000` when all is well. Carriers send many more numbers than the document has.
    pub err: FixedStr<3>,
}

impl Stat {
    /// Takes both texts, as `UNDELIV` and `003`.
    pub fn new(stat: &str, err: &str) -> Result<Self, FixedStrError> {
        Ok(Self {
            stat: FixedStr::new(stat)?,
            err: FixedStr::new(err)?,
        })
    }

    /// What it says about the message.
    pub fn kind(&self) -> StatKind {
        match &self.stat.as_bytes().to_ascii_uppercase()[..] {
            b"DELIVRD" => StatKind::Delivered,
            b"EXPIRED" => StatKind::Expired,
            b"DELETED" => StatKind::Deleted,
            b"UNDELIV" => StatKind::Undelivered,
            b"ACCEPTD" => StatKind::Accepted,
            b"REJECTD" => StatKind::Rejected,
            _ => StatKind::Unknown,
        }
    }
}

/// `UNDELIV:003`: the raw text to keep.
impl fmt::Display for Stat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.stat, self.err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_class() {
        use SubmitClass as C;
        let of = |wanted| -> Vec<u32> {
            let is_it = |status: &u32| Status(*status).class() == wanted;
            (0..=255).filter(is_it).collect()
        };
        assert_eq!(of(C::Accepted), [0]);
        assert_eq!(of(C::Throttled), [1]);
        assert_eq!(of(C::WrongNetwork), [47]);
        assert_eq!(of(C::Link), [2]);
        assert_eq!(
            of(C::Account),
            [20, 21, 22, 32, 33, 40, 43, 46, 48, 49, 73, 74, 75, 76]
        );
        for status in (0..=300).map(Status) {
            let unlisted = matches!(status.meaning(), "unlisted" | "vendor");
            assert_eq!(unlisted, status.class() == C::Unlisted, "{status:?}");
        }
    }

    #[test]
    fn a_stat_is_judged_by_its_word() {
        use StatKind as K;
        for (stat, err, kind) in [
            ("DELIVRD", "000", K::Delivered),
            ("EXPIRED", "007", K::Expired),
            ("UNDELIV", "003", K::Undelivered),
            ("ACCEPTD", "000", K::Accepted),
            ("REJECTD", "705", K::Rejected),
            ("UNKNOWN", "999", K::Unknown),
            ("", "", K::Unknown),
        ] {
            let it = Stat::new(stat, err).expect("fits");
            assert_eq!(it.kind(), kind, "{it}");
        }
        assert_eq!(
            Stat::new("UNDELIV", "003").expect("fits").to_string(),
            "UNDELIV:003"
        );
    }
}
