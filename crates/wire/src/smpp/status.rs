//! `command_status`, and what it means.

use rusmpp_core::CommandStatus;

use crate::SubmitClass;

/// `command_status`, u32 at offset 8 (SMPP 3.4 §5.1.3, SMPP 5.0 §4.7.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Status(pub u32);

impl From<CommandStatus> for Status {
    fn from(status: CommandStatus) -> Self {
        Self(status.into())
    }
}

impl Status {
    /// No error.
    pub const OK: Self = Self(0);
    /// The length of the message or of the command is wrong.
    pub const BAD_LENGTH: Self = Self(0x02);
    /// Unknown command.
    pub const BAD_COMMAND: Self = Self(0x03);
    /// The session is in no state for this command.
    pub const BAD_STATE: Self = Self(0x04);
    /// The message centre's queue is full.
    pub const QUEUE_FULL: Self = Self(0x14);
    /// Too fast.
    pub const THROTTLED: Self = Self(0x58);

    /// True for status 0.
    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }

    /// What it is about as the answer to a submit (SMPP 3.4 §5.1.3). `0x14` is full because of us, so it asks
    /// to slow down; `0x0B` is in China most often a number of another carrier.
    pub const fn class(self) -> SubmitClass {
        match self.0 {
            0x00 => SubmitClass::Accepted,
            0x14 | 0x58 => SubmitClass::Throttled,
            0x0B => SubmitClass::WrongNetwork,
            // System error, list or submit failed, receiver's temporary error, delivery failed, unknown.
            0x08 | 0x44 | 0x45 | 0x64 | 0xFE | 0xFF => SubmitClass::Passing,
            // Wrong state, already bound.
            0x04 | 0x05 => SubmitClass::Link,
            // Bind, password, system id; source address, service type, types of number, system type: the same
            // in all submits.
            0x0A | 0x0D..=0x0F | 0x15 | 0x48..=0x51 | 0x53 => SubmitClass::Account,
            // The receiver refused, for good.
            0x65 | 0x66 => SubmitClass::Number,
            // Lengths, command, flags, ids, cancel, replace, lists, times, query, optional parameters.
            0x01..=0x03
            | 0x06
            | 0x07
            | 0x0C
            | 0x11
            | 0x13
            | 0x33
            | 0x34
            | 0x40
            | 0x42
            | 0x43
            | 0x54
            | 0x55
            | 0x61..=0x63
            | 0x67
            | 0xC0..=0xC4 => SubmitClass::Message,
            _ => SubmitClass::Unlisted,
        }
    }

    /// A few English words for a log.
    pub const fn meaning(self) -> &'static str {
        match self.0 {
            0x00 => "ok",
            0x01 => "bad message length",
            0x02 => "bad command length",
            0x03 => "bad command id",
            0x04 => "wrong bind state",
            0x05 => "already bound",
            0x06 => "bad priority flag",
            0x07 => "bad registered delivery flag",
            0x08 => "system error",
            0x0A => "bad source address",
            0x0B => "bad destination address",
            0x0C => "bad message id",
            0x0D => "bind failed",
            0x0E => "bad password",
            0x0F => "bad system id",
            0x11 => "cancel failed",
            0x13 => "replace failed",
            0x14 => "message queue full",
            0x15 => "bad service type",
            0x33 => "bad number of destinations",
            0x34 => "bad distribution list name",
            0x40 => "bad destination flag",
            0x42 => "bad submit with replace",
            0x43 => "bad esm_class",
            0x44 => "cannot submit to the list",
            0x45 => "submit failed",
            0x48..=0x51 => "bad address type",
            0x53..=0x55 => "bad system type or flag",
            0x58 => "throttled",
            0x61 => "bad scheduled time",
            0x62 => "bad validity period",
            0x63 => "bad predefined message",
            0x64 => "receiver's temporary error",
            0x65 => "receiver's permanent error",
            0x66 => "receiver refused",
            0x67 => "query failed",
            0xC0 => "bad optional parameters",
            0xC1 => "optional parameter not allowed",
            0xC2 => "bad parameter length",
            0xC3 => "optional parameter missing",
            0xC4 => "bad parameter value",
            0xFE => "delivery failed",
            0xFF => "unknown error",
            0x100..=0x112 => "version 5.0 or broadcast error",
            0x400..=0x4FF => "vendor",
            _ => "unlisted",
        }
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
            (0..=0xFF).filter(is_it).collect()
        };
        assert_eq!(of(C::Accepted), [0]);
        assert_eq!(of(C::Throttled), [0x14, 0x58]);
        assert_eq!(of(C::WrongNetwork), [0x0B]);
        assert_eq!(of(C::Passing), [0x08, 0x44, 0x45, 0x64, 0xFE, 0xFF]);
        assert_eq!(of(C::Link), [0x04, 0x05]);
        assert_eq!(of(C::Number), [0x65, 0x66]);
        for status in (0..=0xFF).map(Status) {
            let unlisted = status.meaning() == "unlisted";
            assert_eq!(unlisted, status.class() == C::Unlisted, "{status:?}");
        }
        assert_eq!(Status(0x412).class(), C::Unlisted);
        assert_eq!(
            Status::from(CommandStatus::EsmeRthrottled),
            Status::THROTTLED
        );
    }
}
