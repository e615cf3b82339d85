//! Numbers that responses carry, and what they mean.

use crate::Retry;

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

    /// Whether to connect again with the same settings. From 5 on the numbers are vendors' own, most
    /// often for too many connections.
    pub const fn retry(self) -> Retry {
        match self.0 {
            0..=4 => Retry::No,
            _ => Retry::Soon,
        }
    }

    /// A few English words for a log.
    pub const fn meaning(self) -> &'static str {
        self.words().0
    }

    /// The same in Chinese, for people.
    pub const fn meaning_zh(self) -> &'static str {
        self.words().1
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self.0 {
            0 => ("ok", "成功"),
            1 => ("bad structure", "消息结构错"),
            2 => ("unknown source address", "非法源地址"),
            3 => ("authentication failed", "认证错"),
            4 => ("version too high", "版本太高"),
            _ => ("other", "其他错误"),
        }
    }
}

/// Result of `submit_resp` (CMPP 2.0 §7.4.3.2); 1 byte on the wire in 2.0, 4 in 3.0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SubmitResult(pub u32);

/// What a [`SubmitResult`] asks of the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubmitResultKind {
    /// 0: taken; `Msg_Id` is valid.
    Ok,
    /// 8: flow control. Pause the account and repeat.
    Throttled,
    /// 13: bad receiver, in practice often a number of another carrier; worth another route.
    WrongNetwork,
    /// 1 to 7 and 9 to 12: final for this submit.
    Refused,
    /// Above 13: reserved and vendors' own. Final, unless an account is configured to know better.
    Vendor,
}

impl SubmitResult {
    /// Taken.
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

    /// The class of the number.
    pub const fn kind(self) -> SubmitResultKind {
        match self.0 {
            0 => SubmitResultKind::Ok,
            8 => SubmitResultKind::Throttled,
            13 => SubmitResultKind::WrongNetwork,
            1..=12 => SubmitResultKind::Refused,
            _ => SubmitResultKind::Vendor,
        }
    }

    /// Whether to send again.
    pub const fn retry(self) -> Retry {
        match self.kind() {
            SubmitResultKind::Throttled => Retry::SlowDown,
            SubmitResultKind::WrongNetwork => Retry::Reroute,
            SubmitResultKind::Ok | SubmitResultKind::Refused | SubmitResultKind::Vendor => {
                Retry::No
            }
        }
    }

    /// A few English words for a log.
    pub const fn meaning(self) -> &'static str {
        self.words().0
    }

    /// The same in Chinese, for people.
    pub const fn meaning_zh(self) -> &'static str {
        self.words().1
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self.0 {
            0 => ("ok", "成功"),
            1 => ("bad structure", "消息结构错"),
            2 => ("bad command", "命令字错"),
            3 => ("sequence repeated", "消息序号重复"),
            4 => ("bad length", "消息长度错"),
            5 => ("bad fee code", "资费代码错"),
            6 => ("message too long", "超过最大信息长"),
            7 => ("bad service code", "业务代码错"),
            8 => ("flow control", "流量控制错"),
            9 => (
                "gateway does not serve this payer, or other",
                "本网关不负责服务此计费号码，或其他错误",
            ),
            10 => ("bad src_id", "Src_Id错误"),
            11 => ("bad msg_src", "Msg_src错误"),
            12 => ("bad fee_terminal_id", "计费号码错误"),
            13 => ("bad dest_terminal_id", "接收号码错误"),
            14..=99 => ("reserved", "保留"),
            100..=199 => ("vendor", "厂商自定义"),
            _ => ("unlisted", "未收录的代码"),
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

    /// A few English words for a log.
    pub const fn meaning(self) -> &'static str {
        self.words().0
    }

    /// The same in Chinese, for people.
    pub const fn meaning_zh(self) -> &'static str {
        self.words().1
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self.0 {
            // Up to 8 they are those of submit.
            0..=8 => SubmitResult(self.0).words(),
            _ => ("other", "其他错误"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_login_is_not_repeated() {
        assert_eq!(ConnectStatus::AUTH_FAILED.retry(), Retry::No);
        assert_eq!(ConnectStatus(5).retry(), Retry::Soon);
        assert_eq!(ConnectStatus(3).meaning_zh(), "认证错");
        assert_eq!(DeliverResult::THROTTLED.meaning(), "flow control");
        assert_eq!(DeliverResult(13).meaning(), "other");
        assert_eq!(SubmitResult(13).meaning_zh(), "接收号码错误");
    }

    #[test]
    fn only_flow_control_may_be_repeated_on_the_same_account() {
        for result in (0..300).chain([u32::MAX]).map(SubmitResult) {
            assert_eq!(
                result.retry().same_account(),
                result == SubmitResult::THROTTLED
            );
        }
        assert_eq!(SubmitResult(13).retry(), Retry::Reroute);
        assert_eq!(SubmitResult(12).kind(), SubmitResultKind::Refused);
        assert_eq!(SubmitResult(100).kind(), SubmitResultKind::Vendor);
        assert_eq!(SubmitResult(70_000).kind(), SubmitResultKind::Vendor);
    }
}
