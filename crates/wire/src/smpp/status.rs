//! `command_status`, and what it means.

use rusmpp_core::CommandStatus;

use crate::Retry;

/// `command_status`, u32 at offset 8 (SMPP 3.4 §5.1.3, SMPP 5.0 §4.7.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Status(pub u32);

impl From<CommandStatus> for Status {
    fn from(status: CommandStatus) -> Self {
        Self(status.into())
    }
}

impl Status {
    /// Done.
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

    /// True when no submit of the account can succeed until people have done something: bind failed,
    /// wrong password, unknown account.
    pub const fn stops_account(self) -> bool {
        matches!(self.0, 0x0D..=0x0F)
    }

    /// Whether to send again.
    pub const fn retry(self) -> Retry {
        match self.0 {
            0x14 | 0x58 => Retry::SlowDown,
            0x04 | 0x08 | 0x44 | 0x45 | 0x64 | 0xFE | 0xFF => Retry::Soon,
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
            0x00 => ("ok", "成功"),
            0x01 => ("bad message length", "短消息长度错误"),
            0x02 => ("bad command length", "命令长度错误"),
            0x03 => ("bad command id", "命令字错误"),
            0x04 => ("wrong bind state", "会话状态不允许"),
            0x05 => ("already bound", "已经绑定"),
            0x06 => ("bad priority flag", "优先级错误"),
            0x07 => ("bad registered delivery flag", "状态报告标志错误"),
            0x08 => ("system error", "系统错误"),
            0x0A => ("bad source address", "源地址错误"),
            0x0B => ("bad destination address", "目的地址错误"),
            0x0C => ("bad message id", "消息标识错误"),
            0x0D => ("bind failed", "绑定失败"),
            0x0E => ("bad password", "口令错误"),
            0x0F => ("bad system id", "系统账号错误"),
            0x11 => ("cancel failed", "取消失败"),
            0x13 => ("replace failed", "替换失败"),
            0x14 => ("message queue full", "消息队列已满"),
            0x15 => ("bad service type", "业务类型错误"),
            0x33 => ("bad number of destinations", "目的地址数量错误"),
            0x34 => ("bad distribution list name", "分发列表名错误"),
            0x40 => ("bad destination flag", "目的地址标志错误"),
            0x42 => ("bad submit with replace", "替换提交请求错误"),
            0x43 => ("bad esm_class", "esm_class错误"),
            0x44 => ("cannot submit to the list", "无法提交到分发列表"),
            0x45 => ("submit failed", "提交失败"),
            0x48..=0x51 => ("bad address type", "地址类型错误"),
            0x53..=0x55 => ("bad system type or flag", "系统类型或标志错误"),
            0x58 => ("throttled", "超过流速"),
            0x61 => ("bad scheduled time", "定时时间错误"),
            0x62 => ("bad validity period", "有效期错误"),
            0x63 => ("bad predefined message", "预定义消息错误"),
            0x64 => ("receiver's temporary error", "接收方临时错误"),
            0x65 => ("receiver's permanent error", "接收方永久错误"),
            0x66 => ("receiver refused", "接收方拒绝"),
            0x67 => ("query failed", "查询失败"),
            0xC0 => ("bad optional parameters", "可选参数错误"),
            0xC1 => ("optional parameter not allowed", "不允许的可选参数"),
            0xC2 => ("bad parameter length", "参数长度错误"),
            0xC3 => ("optional parameter missing", "缺少可选参数"),
            0xC4 => ("bad parameter value", "参数值错误"),
            0xFE => ("delivery failed", "投递失败"),
            0xFF => ("unknown error", "未知错误"),
            0x100..=0x112 => ("version 5.0 or broadcast error", "5.0版或小区广播错误"),
            0x400..=0x4FF => ("vendor", "厂商自定义"),
            _ => ("unlisted", "未收录的代码"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_what_to_do() {
        for (status, retry) in [
            (0x00, Retry::No),
            (0x08, Retry::Soon),
            (0x05, Retry::No),
            (0x0B, Retry::No),
            (0x14, Retry::SlowDown),
            (0x58, Retry::SlowDown),
            (0x61, Retry::No),
            (0x412, Retry::No),
        ] {
            assert_eq!(Status(status).retry(), retry, "{status:#x}");
        }
        assert!(Status(0x0E).stops_account() && !Status(0x58).stops_account());
        let throttled = Status::from(CommandStatus::EsmeRthrottled);
        assert_eq!(throttled, Status::THROTTLED);
        assert_eq!(throttled.meaning_zh(), "超过流速");
    }
}
