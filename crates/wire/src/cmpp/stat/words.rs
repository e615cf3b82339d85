//! What carriers' tables say about single stat texts. Data: numbers on which the tables contradict each
//! other are left out, and the prefix speaks.

/// Chinese and English for a stat in capitals; `None` for one that no table has.
pub(super) const fn of(upper: &[u8]) -> Option<(&'static str, &'static str)> {
    let whole = match upper {
        b"DELIVRD" => ("已送达", "delivered"),
        b"EXPIRED" => (
            "有效期内手机一直不在服务区或关机",
            "the phone was off or out of reach until it expired",
        ),
        b"UNDELIV" => (
            "无法送达：可能停机、空号或关机",
            "undeliverable: out of service, no such number, or off",
        ),
        b"DELETED" => ("被运营商删除", "deleted by the carrier"),
        b"REJECTD" => (
            "被运营商拒收：请核对签名、内容和号码限制",
            "refused by the carrier: look at signature, content and limits",
        ),
        b"UNKNOWN" => ("运营商也不清楚结果", "the carrier does not know"),
        b"ACCEPTD" => ("只知道已被接收", "known only to be accepted"),
        b"MK:0001" | b"MK:0012" | b"MK:0013" | b"MN:0001" => ("空号", "unknown number"),
        b"MK:0005" => ("停机或限制呼入", "barred or suspended"),
        b"MK:0004" | b"MK:0011" => ("未开通短信业务", "no short message service"),
        b"MK:0010" | b"MK:0024" | b"MK:0029" | b"MI:0024" => {
            ("关机或不在服务区", "phone off or unreachable")
        }
        b"MK:0017" | b"MI:0010" | b"MI:0017" => ("手机内存满", "phone's memory is full"),
        b"CB:0001" => ("非预付费用户或空号", "not a prepaid user, or empty number"),
        b"CB:0007" => ("余额不足", "no balance"),
        b"DB:0141" => ("黑名单用户", "black-listed"),
        b"DB:0139" | b"DB:0140" | b"DB:0144" => {
            ("名单或时段限制", "refused by a list or a time window")
        }
        b"DB:0142" => ("超过当日下发上限", "daily cap reached"),
        b"IB:0008" => ("下一级网关流量控制", "flow control at the next gateway"),
        b"IC:0151" => ("规定时间内无状态报告", "no report within the window"),
        b"ID:0012" => ("计费号码归属地错误", "wrong payer area"),
        b"ID:0013" => ("其他运营商号码", "another carrier's number"),
        b"MBBLACK" | b"BLACK" => ("黑名单用户", "black-listed"),
        b"SIGFAIL" => ("签名未报备", "signature not registered"),
        b"NOROUTE" => ("无可用通道", "no route"),
        b"LIMIT" => ("下发频次限制", "too often"),
        b"KEYWORD" => ("内容含敏感词", "content refused"),
        [first, second, b':', ..] => return of_prefix([*first, *second]),
        _ => return None,
    };
    Some(whole)
}

const fn of_prefix(prefix: [u8; 2]) -> Option<(&'static str, &'static str)> {
    Some(match &prefix {
        b"MA" => ("短信中心无应答", "message centre did not answer"),
        b"MB" => ("短信中心返回错误", "message centre answered with an error"),
        b"MC" => ("短信中心未返回状态报告", "message centre sent no report"),
        b"CA" => ("计费平台无应答", "charging platform did not answer"),
        b"CB" => (
            "计费平台返回错误",
            "charging platform answered with an error",
        ),
        b"DA" => ("业务平台无应答", "service platform did not answer"),
        b"DB" => (
            "业务平台返回错误",
            "service platform answered with an error",
        ),
        b"SA" => ("SP无应答", "SP did not answer"),
        b"SB" => ("SP返回错误", "SP answered with an error"),
        b"IA" => ("下一级网关无应答", "next gateway did not answer"),
        b"IB" => ("下一级网关返回错误", "next gateway answered with an error"),
        b"IC" => ("下一级网关未返回状态报告", "next gateway sent no report"),
        b"ID" => ("网关内部错误", "gateway's own error"),
        b"MI" => ("短信中心报过期", "expired, with a cause"),
        b"MJ" => ("短信中心报删除", "deleted, with a cause"),
        b"MK" => ("短信中心报无法送达", "undeliverable, with a cause"),
        b"ML" => ("短信中心报已接收", "accepted, with a cause"),
        b"MM" => ("短信中心报未知", "unknown, with a cause"),
        b"MN" => ("短信中心报拒绝", "rejected, with a cause"),
        b"MH" => ("短信中心报其他错误", "other, with a cause"),
        _ => return None,
    })
}
