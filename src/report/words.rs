//! States and codes in plain words.

use watchbell_wire::cmpp::Stat;

use crate::domain::{
    lang::Lang,
    message::{LogState, Outcome, SuppressReason},
};

/// What a state of the log means.
pub fn meaning(state: LogState, lang: Lang) -> &'static str {
    let (zh, en) = match state {
        LogState::Queued => ("等待发送", "waiting to be sent"),
        LogState::Submitting => ("正在交给网关", "on its way to the gateway"),
        LogState::Outcome(outcome) => match outcome {
            Outcome::Submitted => (
                "运营商已接收，正在等回执",
                "taken by the carrier; its report is awaited",
            ),
            Outcome::Delivered => (
                "运营商回执确认已到手机",
                "the carrier's report says that it is on the phone",
            ),
            Outcome::Undelivered => (
                "运营商回执说明没有送到，或长短信只送到一部分",
                "the carrier's report says no, or only a part of it went",
            ),
            Outcome::Expired => (
                "在有效期内没有送到手机",
                "the phone was not reached in time",
            ),
            Outcome::Rejected => (
                "运营商网关没有接收，短信没有发出",
                "the carrier's gateway did not take it; it did not leave",
            ),
            Outcome::Suppressed => ("按规则没有发送", "held back by the rules"),
            Outcome::Cancelled => (
                "发出之前由人或时限叫停",
                "stopped by a person or a time limit before it left",
            ),
            Outcome::InDoubt => (
                "已提交，没有得到网关答复，可能发出也可能没有",
                "submitted without an answer: it may have left or not",
            ),
            Outcome::Unconfirmed => (
                "运营商已接收，期限内没有回执",
                "taken by the carrier; no report within the window",
            ),
        },
    };
    lang.pick(zh, en)
}

/// Why a run is not what was planned: a rule's word, or a person's own as they wrote it.
pub fn reason(word: &str, lang: Lang) -> &str {
    match word {
        "changed" => lang.pick("计划有改动，按新稿另行发送", "the plan was changed"),
        "late" => lang.pick("没能按时开始", "it could not begin on time"),
        "not_after" => lang.pick("过了规定的最晚时间", "its latest time was past"),
        "not approved in time" => lang.pick("审批晚于发送时间", word),
        "a group is gone" => lang.pick("名单已不存在", word),
        "groups contain each other" => lang.pick("名单互相包含", word),
        "text cannot be sent" => lang.pick("正文无法发送", word),
        "audience is empty" => lang.pick("名单里没有人", word),
        "values change the text's frame" => lang.pick("名单里的内容改变了签名等固定部分", word),
        own => own,
    }
}

/// The words of reports that may have a number behind them (SMGP, SMPP: `UNDELIV:003`).
const WITH_NUMBER: &[&str] = &[
    "UNDELIV", "EXPIRED", "DELETED", "UNKNOWN", "ACCEPTD", "REJECTD",
];

/// Why a message did not arrive, by its code.
pub fn cause(code: &str, lang: Lang) -> String {
    if let Some(rest) = code.strip_prefix("partial:") {
        return lang.pick(
            format!("长短信只发出一部分：{}", cause(rest, lang)),
            format!("only a part of a long text went: {}", cause(rest, lang)),
        );
    }
    if let Some((word, number)) = code.split_once(':')
        && WITH_NUMBER.contains(&word)
    {
        return lang.pick(
            format!("{}（运营商代码 {number}）", cause(word, lang)),
            format!("{} (the carrier's number {number})", cause(word, lang)),
        );
    }
    if let Some(why) = SuppressReason::of(code) {
        return why.label(lang).to_owned();
    }
    let (zh, en) = match code {
        "" => ("没有说明原因", "no reason was given"),
        "partial" => ("长短信只发出一部分", "only a part of a long text went"),
        "not_after" => ("过了规定的最晚时间，不再发送", "its latest time was past"),
        "too_late" => ("过了最晚时间，不再重发", "it was too late to send it again"),
        "stopped" | "stop" => ("有人按下全部停发", "all sending was halted"),
        "cancelled" => ("批次由人取消", "a person cancelled the run"),
        _ => return by_carrier(code, lang).to_owned(),
    };
    lang.pick(zh, en).to_owned()
}

/// What carriers' tables say about the text of a report; those of CMPP have the words of SMGP and SMPP too.
fn by_carrier(code: &str, lang: Lang) -> &'static str {
    let words = Stat::new(code).ok().and_then(|stat| stat.words());
    let (zh, en) = words.unwrap_or((
        "运营商代码，含义请问运营商",
        "the carrier's own code: ask the carrier",
    ));
    lang.pick(zh, en)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_in_plain_words() {
        assert_eq!(cause("MK:0001", Lang::Zh), "空号");
        assert_eq!(cause("MA:0001", Lang::Zh), "短信中心无应答");
        assert_eq!(cause("MI:0024", Lang::En), "phone off or unreachable");
        let numbered = cause("UNDELIV:003", Lang::En);
        assert!(numbered.starts_with("undeliverable") && numbered.contains("003"));
        assert!(cause("partial:not_after", Lang::En).ends_with("its latest time was past"));
        assert!(cause("X9", Lang::Zh).contains("请问运营商"));
    }
}
