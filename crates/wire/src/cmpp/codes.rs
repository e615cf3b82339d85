//! Numbers that responses carry, and what they mean.

use crate::SubmitClass;

/// Status of `connect_resp` (CMPP 2.0 §7.4.1.2); 1 byte on the wire in 2.0, 4 in 3.0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ConnectStatus(pub u32);

impl ConnectStatus {
    /// Logged in.
    pub const OK: Self = Self(0);
    /// The PDU's structure is wrong.
    pub const BAD_STRUCTURE: Self = Self(1);
    /// Unknown source address (SP id).
    pub const BAD_SOURCE: Self = Self(2);
    /// Authentication failed. Some gateways also say so for an unknown SP id or a clock that is off.
    pub const AUTH_FAILED: Self = Self(3);
    /// The version is too high: connect again with a lower one.
    pub const VERSION_TOO_HIGH: Self = Self(4);

    /// True for status 0.
    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }

    /// A few English words for a log.
    pub const fn meaning(self) -> &'static str {
        match self.0 {
            0 => "ok",
            1 => "bad structure",
            2 => "unknown source address",
            3 => "authentication failed",
            4 => "version too high",
            _ => "other",
        }
    }
}

/// Result of `submit_resp` (CMPP 2.0 §7.4.3.2); 1 byte on the wire in 2.0, 4 in 3.0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SubmitResult(pub u32);

impl SubmitResult {
    /// Taken; the id in the answer is valid.
    pub const OK: Self = Self(0);
    /// The PDU's structure is wrong.
    pub const BAD_STRUCTURE: Self = Self(1);
    /// `Sequence_Id` was used before.
    pub const REPEATED: Self = Self(3);
    /// The length is wrong.
    pub const BAD_LENGTH: Self = Self(4);
    /// Flow control.
    pub const THROTTLED: Self = Self(8);
    /// Bad receiver.
    pub const BAD_RECEIVER: Self = Self(13);

    /// True for result 0.
    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }

    /// What it is about (CMPP 2.0 §7.4.3.2). 3.0 gateways were seen to send vendors' codes above 255.
    pub const fn class(self) -> SubmitClass {
        match self.0 {
            0 => SubmitClass::Accepted,
            8 => SubmitClass::Throttled,
            13 => SubmitClass::WrongNetwork,
            // Fee code, service code, payer not served, Src_Id, Msg_src, payer's number: the same in all submits.
            5 | 7 | 9..=12 => SubmitClass::Account,
            // Structure, command, sequence, length, message length.
            1..=4 | 6 => SubmitClass::Message,
            _ => SubmitClass::Unlisted,
        }
    }
}

/// Result of `deliver_resp` (CMPP 2.0 §7.4.5.2); 1 byte on the wire in 2.0, 4 in 3.0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DeliverResult(pub u32);

impl DeliverResult {
    /// Taken; the gateway will not send it again.
    pub const OK: Self = Self(0);
    /// The PDU's structure is wrong.
    pub const BAD_STRUCTURE: Self = Self(1);
    /// Slow down; the gateway sends it again later.
    pub const THROTTLED: Self = Self(8);
    /// Anything else.
    pub const OTHER: Self = Self(9);

    /// True for result 0.
    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_login_says_why() {
        assert_eq!(
            ConnectStatus::AUTH_FAILED.meaning(),
            "authentication failed"
        );
        assert_eq!(ConnectStatus(5).meaning(), "other");
    }

    #[test]
    fn every_submit_result_has_its_class() {
        use SubmitClass as C;
        let class = |result| SubmitResult(result).class();
        let of = |wanted| -> Vec<u32> { (0..=255).filter(|r| class(*r) == wanted).collect() };
        assert_eq!(of(C::Accepted), [0]);
        assert_eq!(of(C::Throttled), [8]);
        assert_eq!(of(C::WrongNetwork), [13]);
        assert_eq!(of(C::Account), [5, 7, 9, 10, 11, 12]);
        assert_eq!(of(C::Message), [1, 2, 3, 4, 6]);
        assert_eq!(of(C::Unlisted).first(), Some(&14));
        assert_eq!(class(70_000), C::Unlisted);
    }
}
