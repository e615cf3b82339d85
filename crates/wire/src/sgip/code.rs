//! The one table of numbers that responses and reports carry.

use crate::SubmitClass;

/// Result of a response or `ErrorCode` of a report, u8 (SGIP 1.2, table of error codes).
///
/// 0 to 20 are for responses, 21 to 33 for reports; the rest comes from carriers' public tables. Some
/// tables print the byte as a signed number: `-74` is 182.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Code(pub u8);

impl Code {
    /// No error.
    pub const OK: Self = Self(0);
    /// Wrong name or password.
    pub const BAD_LOGIN: Self = Self(1);
    /// Logged in already on this connection.
    pub const REPEATED_LOGIN: Self = Self(2);
    /// Too many connections.
    pub const TOO_MANY_CONNECTIONS: Self = Self(3);
    /// Wrong login type.
    pub const BAD_LOGIN_TYPE: Self = Self(4);
    /// A parameter is wrong.
    pub const BAD_PARAMETER: Self = Self(5);
    /// A phone number is wrong: no `86` before it, or not this carrier's.
    pub const BAD_NUMBER: Self = Self(6);
    /// Unknown or unexpected command.
    pub const BAD_COMMAND: Self = Self(7);
    /// The length is wrong.
    pub const BAD_LENGTH: Self = Self(8);
    /// The sequence number is wrong or was used for something else.
    pub const BAD_SEQUENCE: Self = Self(9);
    /// The node is busy: slow down.
    pub const BUSY: Self = Self(11);
    /// A vendor's code for too fast: slow down.
    pub const TOO_FAST: Self = Self(88);

    /// True for 0.
    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }

    /// What it is about as the answer to a submit (SGIP 1.2, table of error codes; from 36 on carriers' public
    /// tables). Gateways send codes that the table has for reports, 21 to 33, in answers too.
    pub const fn class(self) -> SubmitClass {
        match self.0 {
            0 => SubmitClass::Accepted,
            11 | 88 => SubmitClass::Throttled,
            6 => SubmitClass::WrongNetwork,
            // Node unreachable, phone unreachable, memory full, system failure, queue full, phone off.
            21 | 25 | 26 | 32 | 33 | 54 | 59 => SubmitClass::Passing,
            // Repeated login, too many connections.
            2 | 3 => SubmitClass::Link,
            // Login, login type, payer.
            1 | 4 | 24 => SubmitClass::Account,
            // Empty or suspended number, phone without short messages or with an error, unknown user,
            // function, device, black-listed.
            12 | 27..=31 | 36 | 56 | 67 | 86 | 221 | 255 => SubmitClass::Number,
            // Parameter, command, length, sequence, routing, content or frequency.
            5 | 7..=10 | 22 | 23 | 50 | 93 | 117 => SubmitClass::Message,
            _ => SubmitClass::Unlisted,
        }
    }

    /// A few English words for a log.
    pub const fn meaning(self) -> &'static str {
        match self.0 {
            0 => "ok",
            1 => "bad login",
            2 => "repeated login on one connection",
            3 => "too many connections",
            4 => "bad login type",
            5 => "bad parameter",
            6 => "bad phone number, or not this carrier's",
            7 => "bad command id",
            8 => "bad length",
            9 => "bad or repeated sequence number",
            10 => "bad route server operation",
            11 => "node busy",
            12 => "empty number",
            21 => "node unreachable",
            22 => "routing error",
            23 => "no route",
            24 => "payer invalid",
            25 => "phone unreachable",
            26 => "phone's memory is full",
            27 => "phone has no short messages",
            28 => "phone's error",
            29 => "unknown user",
            30 => "function not offered",
            31 => "illegal device",
            32 => "system failure",
            33 => "message centre's queue is full",
            36 | 56 => "empty or suspended number",
            50 => "content refused",
            54 | 59 => "phone off or out of coverage",
            67 | 86 | 221 => "black-listed",
            88 => "too fast",
            93 | 117 => "content or frequency refused",
            255 => "suspended, off or unknown",
            _ => "unlisted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_class() {
        use SubmitClass as C;
        let of = |wanted| -> Vec<u8> {
            let is_it = |code: &u8| Code(*code).class() == wanted;
            (0..=u8::MAX).filter(is_it).collect()
        };
        assert_eq!(of(C::Accepted), [0]);
        assert_eq!(of(C::Throttled), [11, 88]);
        assert_eq!(of(C::WrongNetwork), [6]);
        assert_eq!(of(C::Passing), [21, 25, 26, 32, 33, 54, 59]);
        assert_eq!(of(C::Link), [2, 3]);
        assert_eq!(of(C::Account), [1, 4, 24]);
        assert_eq!(
            of(C::Number),
            [12, 27, 28, 29, 30, 31, 36, 56, 67, 86, 221, 255]
        );
        assert_eq!(of(C::Message), [5, 7, 8, 9, 10, 22, 23, 50, 93, 117]);
        // What has words has a class, and the other way round.
        for code in (0..=u8::MAX).map(Code) {
            let unlisted = code.meaning() == "unlisted";
            assert_eq!(unlisted, code.class() == C::Unlisted, "{code:?}");
        }
    }
}
