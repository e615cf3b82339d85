//! What each step should show, said before it begins.

use std::time::Duration;

use super::{prepared::Acceptance, step::StepName, texts::LONG_PARTS, times::seconds};
use crate::{
    config::Kind,
    domain::bilingual::{Bilingual, bilingual},
    gateway::KeepAlive,
};

/// How much longer than its keep-alive a link is left silent: the answer has to come, too.
const AFTER_THE_QUESTION: Duration = Duration::from_secs(3);

/// How long a link is left silent in a protocol in which nobody asks.
const QUIET_ENOUGH: Duration = Duration::from_mins(1);

/// One step as it is planned.
#[derive(Debug, Clone)]
pub struct Planned {
    /// From 1.
    pub n: usize,
    /// The step.
    pub name: StepName,
    /// What should be seen.
    pub expected: Bilingual,
    /// Segments that it sends.
    pub segments: usize,
}

impl Acceptance {
    /// The steps, with what should be seen.
    pub fn plan(&self) -> Vec<Planned> {
        let planned = |(place, name): (usize, &StepName)| Planned {
            n: place + 1,
            name: *name,
            expected: self.expected(*name),
            segments: self.sends(*name),
        };
        StepName::ALL.iter().enumerate().map(planned).collect()
    }

    /// How long the links are left silent; none: there is nothing to keep.
    pub(super) fn idles_for(&self) -> Option<Duration> {
        let usual = match self.keep_alive {
            KeepAlive::Every(interval) => interval + AFTER_THE_QUESTION,
            KeepAlive::IdleClose(Some(interval)) => interval + AFTER_THE_QUESTION,
            KeepAlive::IdleClose(None) => QUIET_ENOUGH,
            KeepAlive::NoLinks => return None,
        };
        Some(self.idle.unwrap_or(usual))
    }

    pub(super) fn expected(&self, name: StepName) -> Bilingual {
        let gateway = &self.gateway;
        let (n, links, wait) = (self.receivers.len(), gateway.links, seconds(self.wait));
        match name {
            StepName::Login => bilingual!("{links} 个连接全部登录", "all {links} links log in"),
            StepName::Short => bilingual!(
                "向 {n} 个号码各发 1 条，全部受理，消息标识各不相同",
                "one text to each of {n} phones; all are taken, with ids of their own"
            ),
            StepName::Reports => bilingual!(
                "{wait} 秒内每个号码都有“已送达”的状态报告",
                "a report of delivery for each phone within {wait} s"
            ),
            StepName::Long => bilingual!(
                "{LONG_PARTS} 段的长短信发到第一个号码，各段受理并有状态报告",
                "a text of {LONG_PARTS} parts to the first phone; each part is taken and reported"
            ),
            StepName::OnePiece => bilingual!(
                "手机上显示为完整的一条（由人查看）",
                "the phone shows it as one message (for a person to see)"
            ),
            StepName::Batch => match self.batch {
                0 => bilingual!("不适用", "does not apply"),
                batch => bilingual!(
                    "{batch} 个号码一次提交，一次应答，各有状态报告；不向真实运营商提交错误号码",
                    "one submit to {batch} numbers, one answer, a report for each; no malformed number is sent to a carrier"
                ),
            },
            StepName::Rate => match self.rate {
                0 => bilingual!(
                    "每秒 {} 不被流控（本次不测）",
                    "{} a second without being throttled (not tried)",
                    gateway.rate
                ),
                all => bilingual!(
                    "{all} 条按每秒 {} 提交，不被流控",
                    "{all} segments at {} a second are not throttled",
                    gateway.rate
                ),
            },
            StepName::Window if gateway.kind == Kind::Http => {
                bilingual!("不适用", "does not apply")
            }
            StepName::Window => bilingual!(
                "一个连接上同时有 {} 个提交未应答",
                "{} submits without an answer on a link at the same time",
                gateway.window
            ),
            StepName::Reply => bilingual!(
                "{wait} 秒内收到任一号码回复的 {}",
                "a reply with {} from one of the phones within {wait} s",
                self.texts.word
            ),
            StepName::KeepAlive => match (self.keep_alive, self.idles_for()) {
                (KeepAlive::Every(_), Some(idle)) => bilingual!(
                    "静默 {} 秒，链路检测有应答，连接不断",
                    "{} s of silence: the keep-alive is answered, the links stay",
                    seconds(idle)
                ),
                (KeepAlive::IdleClose(_), Some(idle)) => bilingual!(
                    "静默 {} 秒，连接不断，或因空闲断开后重新登录",
                    "{} s of silence: the links stay, or close as idle and log in again",
                    seconds(idle)
                ),
                _ => bilingual!("不适用", "does not apply"),
            },
            StepName::Goodbye => bilingual!(
                "提交全部有应答后拆除连接，对方应答",
                "with nothing unanswered we say goodbye, and the carrier answers"
            ),
        }
    }
}
