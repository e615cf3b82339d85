//! Numbers that responses carry and words that reports carry, and what they mean.

use std::fmt;

use crate::{FixedStr, FixedStrError, Retry};

/// Status of `login_resp`, `submit_resp` and `deliver_resp`, u32 (SMGP 3.0 §6.2.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Status(pub u32);

impl Status {
    /// Done.
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

    /// True when no submit of the account can succeed until people have done something: too many
    /// connections, wrong address, wrong secret, wrong version, expired. Stop and raise an alarm.
    pub const fn stops_account(self) -> bool {
        matches!(self.0, 2 | 20 | 21 | 22 | 76)
    }

    /// Whether to send again. There is no code of its own for too fast: gateways use 1, 75 or a vendor's
    /// code from 128, and the last are for configuration to name.
    pub const fn retry(self) -> Retry {
        match self.0 {
            1 => Retry::SlowDown,
            47 => Retry::Reroute,
            74 => Retry::Later,
            75 => Retry::NextDay,
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
            1 => ("system busy", "系统忙"),
            2 => ("too many connections", "超过最大连接数"),
            10 => ("bad structure", "消息结构错"),
            11 => ("bad command", "命令字错"),
            12 => ("sequence repeated", "序列号重复"),
            20 => ("bad ip address", "IP地址错"),
            21 => ("authentication failed", "认证错"),
            22 => ("version too high", "版本太高"),
            30 => ("bad msg_type", "非法消息类型"),
            31 => ("bad priority", "非法优先级"),
            32 => ("bad fee_type", "非法资费类型"),
            33 => ("bad fee_code", "非法资费代码"),
            34 => ("bad msg_format", "非法短消息格式"),
            35 => ("bad time", "非法时间格式"),
            36 => ("bad msg_length", "非法短消息长度"),
            37 => ("expired", "有效期已过"),
            38 => ("bad query_type", "非法查询类别"),
            39 => ("bad route", "路由错误"),
            40 => ("bad fixed_fee", "非法包月费或封顶费"),
            41 => ("bad update_type", "非法更新类型"),
            42 => ("bad route_id", "非法路由编号"),
            43 => ("bad service_id", "非法服务代码"),
            44 => ("bad valid_time", "非法有效期"),
            45 => ("bad at_time", "非法定时发送时间"),
            46 => ("bad src_term_id", "非法发送用户号码"),
            47 => ("bad dest_term_id", "非法接收用户号码"),
            48 => ("bad charge_term_id", "非法计费用户号码"),
            49 => ("bad sp code", "非法SP服务代码"),
            56..=72 => ("route server or prepaid", "路由服务器或预付费错误"),
            73 => ("bad m_service_id", "非法移动业务产品代码"),
            74 => ("sp barred at this hour", "SP禁止下发时段"),
            75 => ("over the daily quota", "超过日发送限额"),
            76 => ("account expired", "账号过期"),
            128..=255 => ("vendor", "厂商自定义"),
            _ => ("unlisted", "未收录的代码"),
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

/// What a [`Stat`] says about the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatKind {
    /// `DELIVRD`: on the handset.
    Delivered,
    /// `EXPIRED`: validity ran out.
    Expired,
    /// `DELETED`: removed before delivery.
    Deleted,
    /// `UNDELIV`: it cannot be delivered.
    Undelivered,
    /// `ACCEPTD`: taken by the message centre. Not final.
    Accepted,
    /// `REJECTD`: refused.
    Rejected,
    /// `UNKNOWN`, and words this list does not have; it may have been delivered.
    Unknown,
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

    /// False only for `ACCEPTD`: every other report is the last one.
    pub fn is_final(&self) -> bool {
        self.kind() != StatKind::Accepted
    }

    /// Whether to send again.
    pub fn retry(&self) -> Retry {
        match (self.kind(), self.err.as_bytes()) {
            (StatKind::Accepted, _) => Retry::Wait,
            (StatKind::Expired, _) => Retry::Later,
            (StatKind::Unknown, _) | (StatKind::Undelivered, b"006") => Retry::Soon,
            _ => Retry::No,
        }
    }

    /// What Err says in English; `None` for a number the document does not have.
    pub fn meaning(&self) -> Option<&'static str> {
        self.words().map(|(en, _)| en)
    }

    /// The same in Chinese, for people.
    pub fn meaning_zh(&self) -> Option<&'static str> {
        self.words().map(|(_, zh)| zh)
    }

    fn words(&self) -> Option<(&'static str, &'static str)> {
        Some(match self.err.as_bytes() {
            b"000" => ("ok", "成功"),
            b"001" => ("phone unreachable", "用户不能通信"),
            b"002" => ("phone busy", "用户忙"),
            b"003" => ("no such phone", "无此终端"),
            b"004" => ("illegal user", "非法用户"),
            b"005" => ("black-listed", "用户在黑名单内"),
            b"006" => ("system error", "系统错误"),
            b"007" => ("phone's memory is full", "用户内存满"),
            b"008" => ("phone has no short messages", "非信息终端"),
            b"009" => ("data error", "数据错误"),
            b"010" => ("data lost", "数据丢失"),
            b"999" => ("unknown", "未知错误"),
            _ => return None,
        })
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
    fn a_status_says_what_to_do() {
        for (status, retry) in [
            (0, Retry::No),
            (1, Retry::SlowDown),
            (12, Retry::No),
            (36, Retry::No),
            (47, Retry::Reroute),
            (74, Retry::Later),
            (75, Retry::NextDay),
            (76, Retry::No),
            (130, Retry::No),
        ] {
            assert_eq!(Status(status).retry(), retry, "{status}");
        }
        let stopping: Vec<u32> = (0..300).filter(|&s| Status(s).stops_account()).collect();
        assert_eq!(stopping, [2, 20, 21, 22, 76]);
        assert_eq!(Status(74).meaning_zh(), "SP禁止下发时段");
        assert_eq!(Status(200).meaning(), "vendor");
    }

    #[test]
    fn a_stat_is_judged_with_its_error() {
        use {Retry as R, StatKind as K};
        for (stat, err, kind, retry) in [
            ("DELIVRD", "000", K::Delivered, R::No),
            ("EXPIRED", "007", K::Expired, R::Later),
            ("UNDELIV", "003", K::Undelivered, R::No),
            ("UNDELIV", "006", K::Undelivered, R::Soon),
            ("ACCEPTD", "000", K::Accepted, R::Wait),
            ("REJECTD", "705", K::Rejected, R::No),
            ("UNKNOWN", "999", K::Unknown, R::Soon),
            ("", "", K::Unknown, R::Soon),
        ] {
            let it = Stat::new(stat, err).expect("fits");
            assert_eq!((it.kind(), it.retry()), (kind, retry), "{it}");
            assert_eq!(it.is_final(), stat != "ACCEPTD");
        }
        assert_eq!(
            Stat::new("UNDELIV", "003").expect("fits").to_string(),
            "UNDELIV:003"
        );
    }
}
