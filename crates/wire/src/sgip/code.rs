//! The one table of numbers that responses and reports carry.

use crate::Retry;

/// Result of a response or `ErrorCode` of a report, u8 (SGIP 1.2, table of error codes).
///
/// 0 to 20 are for responses, 21 to 33 for reports; the rest comes from carriers' public tables. Some
/// tables print the byte as a signed number: `-74` is 182.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Code(pub u8);

impl Code {
    /// Done.
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

    /// Whether to send again.
    pub const fn retry(self) -> Retry {
        match self.0 {
            11 | 88 => Retry::SlowDown,
            6 => Retry::Reroute,
            21 | 32 => Retry::Soon,
            25 | 26 | 33 | 54 | 59 => Retry::Later,
            _ => Retry::No,
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
            1 => ("bad login", "登录名或口令错误"),
            2 => ("repeated login on one connection", "同一连接重复登录"),
            3 => ("too many connections", "连接过多"),
            4 => ("bad login type", "登录类型错误"),
            5 => ("bad parameter", "参数格式错误"),
            6 => (
                "bad phone number, or not this carrier's",
                "手机号码错误或不属于本网",
            ),
            7 => ("bad command id", "消息类型错误"),
            8 => ("bad length", "消息长度错误"),
            9 => ("bad or repeated sequence number", "序列号错误或重复"),
            10 => ("bad route server operation", "路由表操作错误"),
            11 => ("node busy", "节点忙"),
            12 => ("empty number", "空号"),
            21 => ("node unreachable", "目的地址不可达"),
            22 => ("routing error", "路由错误"),
            23 => ("no route", "路由不存在"),
            24 => ("payer invalid", "计费号码无效"),
            25 => ("phone unreachable", "用户不能通信（关机或不在服务区）"),
            26 => ("phone's memory is full", "手机内存满"),
            27 => ("phone has no short messages", "手机不支持短消息"),
            28 => ("phone's error", "手机接收出错"),
            29 => ("unknown user", "不知道的用户"),
            30 => ("function not offered", "不提供此功能"),
            31 => ("illegal device", "非法设备"),
            32 => ("system failure", "系统失败"),
            33 => ("message centre's queue is full", "短信中心队列满"),
            36 | 56 => ("empty or suspended number", "空号或停机"),
            50 => ("content refused", "内容被拒"),
            54 | 59 => ("phone off or out of coverage", "关机或无法接通"),
            67 | 86 | 221 => ("black-listed", "黑名单"),
            88 => ("too fast", "超过流速"),
            93 | 117 => ("content or frequency refused", "内容或频次被拒"),
            255 => ("suspended, off or unknown", "停机、关机或未知"),
            _ => ("unlisted", "未收录的代码"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_busy_gateway_asks_to_slow_down() {
        for code in (0..=u8::MAX).map(Code) {
            let slow = code.retry() == Retry::SlowDown;
            assert_eq!(
                slow,
                code == Code::BUSY || code == Code::TOO_FAST,
                "{code:?}"
            );
        }
        assert_eq!(Code(25).retry(), Retry::Later);
        assert_eq!(Code(32).retry(), Retry::Soon);
        assert_eq!(Code(6).retry(), Retry::Reroute);
        assert_eq!(Code(29).retry(), Retry::No);
    }

    #[test]
    fn a_known_code_has_words_in_both_languages() {
        assert_eq!(Code(25).meaning(), "phone unreachable");
        assert_eq!(Code(12).meaning_zh(), "空号");
        assert_eq!(Code(200).meaning(), "unlisted");
    }
}
