//! What carriers' tables say about single stat texts. Data: numbers on which the tables contradict each
//! other are left out, and the prefix speaks.

/// English and Chinese for a stat in capitals; `None` for one that no table has.
pub(super) const fn of(upper: &[u8]) -> Option<(&'static str, &'static str)> {
    let whole = match upper {
        b"DELIVRD" => ("delivered", "已送达"),
        b"EXPIRED" => ("validity ran out", "超过有效期未送达"),
        b"UNDELIV" => ("undeliverable", "无法送达"),
        b"DELETED" => ("deleted", "已删除"),
        b"REJECTD" => ("rejected", "被拒绝"),
        b"UNKNOWN" => ("unknown", "状态未知"),
        b"ACCEPTD" => ("accepted, not final", "短信中心已接收，非最终状态"),
        b"MK:0001" | b"MK:0012" | b"MK:0013" | b"MN:0001" => ("unknown number", "空号"),
        b"MK:0005" => ("barred or suspended", "停机或限制呼入"),
        b"MK:0004" | b"MK:0011" => ("no short message service", "未开通短信业务"),
        b"MK:0010" | b"MK:0024" | b"MK:0029" | b"MI:0024" => {
            ("phone off or unreachable", "关机或不在服务区")
        }
        b"MK:0017" | b"MI:0010" | b"MI:0017" => ("phone's memory is full", "手机内存满"),
        b"CB:0001" => ("not a prepaid user, or empty number", "非预付费用户或空号"),
        b"CB:0007" => ("no balance", "余额不足"),
        b"DB:0141" => ("black-listed", "黑名单用户"),
        b"DB:0139" | b"DB:0140" | b"DB:0144" => {
            ("refused by a list or a time window", "名单或时段限制")
        }
        b"DB:0142" => ("daily cap reached", "超过当日下发上限"),
        b"IB:0008" => ("flow control at the next gateway", "下一级网关流量控制"),
        b"IC:0151" => ("no report within the window", "规定时间内无状态报告"),
        b"ID:0012" => ("wrong payer area", "计费号码归属地错误"),
        b"ID:0013" => ("another carrier's number", "其他运营商号码"),
        b"MBBLACK" | b"BLACK" => ("black-listed", "黑名单用户"),
        b"SIGFAIL" => ("signature not registered", "签名未报备"),
        b"NOROUTE" => ("no route", "无可用通道"),
        b"LIMIT" => ("too often", "下发频次限制"),
        b"KEYWORD" => ("content refused", "内容含敏感词"),
        [first, second, b':', ..] => return of_prefix([*first, *second]),
        _ => return None,
    };
    Some(whole)
}

const fn of_prefix(prefix: [u8; 2]) -> Option<(&'static str, &'static str)> {
    Some(match &prefix {
        b"MA" => ("message centre did not answer", "短信中心无应答"),
        b"MB" => ("message centre answered with an error", "短信中心返回错误"),
        b"MC" => ("message centre sent no report", "短信中心未返回状态报告"),
        b"CA" => ("charging platform did not answer", "计费平台无应答"),
        b"CB" => (
            "charging platform answered with an error",
            "计费平台返回错误",
        ),
        b"DA" => ("service platform did not answer", "业务平台无应答"),
        b"DB" => (
            "service platform answered with an error",
            "业务平台返回错误",
        ),
        b"SA" => ("SP did not answer", "SP无应答"),
        b"SB" => ("SP answered with an error", "SP返回错误"),
        b"IA" => ("next gateway did not answer", "下一级网关无应答"),
        b"IB" => ("next gateway answered with an error", "下一级网关返回错误"),
        b"IC" => ("next gateway sent no report", "下一级网关未返回状态报告"),
        b"ID" => ("gateway's own error", "网关内部错误"),
        b"MI" => ("expired, with a cause", "短信中心报过期"),
        b"MJ" => ("deleted, with a cause", "短信中心报删除"),
        b"MK" => ("undeliverable, with a cause", "短信中心报无法送达"),
        b"ML" => ("accepted, with a cause", "短信中心报已接收"),
        b"MM" => ("unknown, with a cause", "短信中心报未知"),
        b"MN" => ("rejected, with a cause", "短信中心报拒绝"),
        b"MH" => ("other, with a cause", "短信中心报其他错误"),
        _ => return None,
    })
}
