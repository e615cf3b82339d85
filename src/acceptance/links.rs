//! The steps that send nothing: window, reply, silence, goodbye.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    finding::StepFinding,
    halt::Halted,
    session::{Down, SentText, SubmitFailure},
    step::StepVerdict,
    times::seconds,
    under_way::{Going, RECONNECT_WAIT, UnderWay},
};
use crate::{
    domain::{
        bilingual::{Bilingual, bilingual},
        phone::Phone,
    },
    gateway::{KeepAlive, LinkEnd, LinkNo, ReportChannel},
};

/// Silences that reports broke are begun anew, but the whole never takes longer than so many.
const SILENCES: u32 = 3;

/// How long an orderly end may take, and what is left for what follows it.
const UNBIND_WAIT: Duration = Duration::from_secs(5);
const AFTERWARDS: Duration = Duration::from_secs(2);

/// Characters of a reply that are shown.
const SHOWN: usize = 70;

impl<F: FnMut(Going<'_>)> UnderWay<'_, F> {
    pub(super) fn window(&self) -> StepFinding {
        if self.is_http() {
            return StepFinding::not_shown(bilingual!(
                "不适用：HTTP 的并发由 links 决定",
                "does not apply: over HTTP `links` says how many requests there are at once"
            ));
        }
        let window = usize::from(self.plan.gateway.window);
        let most = most_open(self.session.sent.values());
        let figures = json!({ "window": window, "most_unanswered": most });
        let observed = bilingual!(
            "一个连接上最多同时有 {most} 个未应答（窗口 {window}）",
            "at most {most} without an answer on one link (window {window})"
        );
        if most >= window {
            return StepFinding::ok(observed, figures);
        }
        let reason = bilingual!(
            "运营商应答快，窗口没有用满；要看到它，加 --rate-segments",
            "answers came before the window was full; --rate-segments may fill it"
        );
        StepFinding::seen_too_little(observed, reason, figures)
    }

    pub(super) async fn reply(&mut self) -> Result<StepFinding, Halted> {
        if self.plan.report_channel == ReportChannel::Callback {
            return Ok(StepFinding::not_shown(bilingual!(
                "该运营商只向运行中的 watchbell serve 推送上行短信，联调时不接收",
                "this carrier calls replies in, which only a running `watchbell serve` takes"
            )));
        }
        let begun = Instant::now();
        if self.session.reply.is_none() && !self.plan.wait.is_zero() {
            (self.going)(Going::Reply {
                word: &self.plan.texts.word,
                to: &self.plan.gateway.access_number,
                within: self.plan.wait,
            });
            self.session
                .until(begun + self.plan.wait, |session| session.reply.is_some())
                .await?;
        }
        let Some(reply) = &self.session.reply else {
            return Ok(StepFinding::not_shown(bilingual!(
                "没有号码回复 {}",
                "none of the phones replied with {}",
                self.plan.texts.word
            )));
        };
        let (from, to) = (reply.mo.phone, masked(&reply.mo.to));
        let text: String = reply.mo.text.chars().take(SHOWN).collect();
        let waited = seconds(reply.at.saturating_duration_since(begun));
        let observed = bilingual!(
            "{from} 发到 {to}：“{text}”，等了 {waited} 秒",
            "{from} to {to}: {text:?}, waited for {waited} s"
        );
        let figures = json!({ "from": from.to_string(), "to": to, "text": text });
        Ok(StepFinding::ok(observed, figures))
    }

    pub(super) async fn keep_alive(&mut self) -> Result<StepFinding, Halted> {
        let Some(idle) = self.plan.idles_for() else {
            return Ok(StepFinding::not_shown(bilingual!(
                "不适用：HTTP 不保持连接",
                "does not apply: HTTP keeps no links"
            )));
        };
        let links = self.session.links_up.len();
        if links == 0 {
            return Ok(StepFinding::failed(
                Bilingual::default(),
                bilingual!("连接已经断开", "no link is up any more"),
                json!({}),
            ));
        }
        let begun = Instant::now();
        self.keep_silent(begun, idle).await?;
        let downs = self.session.downs.iter().filter(|down| down.at >= begun);
        let downs: Vec<Down> = downs.cloned().collect();
        if downs.iter().any(|down| down.idle) {
            self.session
                .until(Instant::now() + RECONNECT_WAIT, |session| {
                    session.links_up.len() >= links
                })
                .await?;
        }
        let answers = self.session.still_there.values();
        let silence = Silence {
            asked_for: idle,
            took: begun.elapsed(),
            links,
            up: self.session.links_up.len(),
            answered_on: answers.filter(|at| **at >= begun).count(),
            downs,
        };
        let (verdict, reason) = silence.comes_to(self.plan.keep_alive);
        Ok(StepFinding {
            verdict,
            observed: silence.said(),
            reason,
            figures: silence.json(),
        })
    }

    /// Sends nothing for so long. A report breaks the silence, and with it the reason to ask whether anybody is there:
    /// then it is begun anew.
    async fn keep_silent(&mut self, begun: Instant, idle: Duration) -> Result<(), Halted> {
        let last = begun + idle * SILENCES;
        let mut until = begun + idle;
        while Instant::now() < until {
            self.session
                .until(until, |session| session.links_up.is_empty())
                .await?;
            if self.session.links_up.is_empty() {
                break;
            }
            let heard = self.session.last_delivery.filter(|at| *at > begun);
            until = heard.map_or(until, |at| at + idle).min(last);
        }
        Ok(())
    }

    pub(super) async fn goodbye(&mut self) -> StepFinding {
        let begun = Instant::now();
        let before = self.session.downs.len();
        self.session
            .close(UNBIND_WAIT, UNBIND_WAIT + AFTERWARDS)
            .await;
        let took = begun.elapsed();
        let lost =
            |p: &&SentText| p.failure == Some(SubmitFailure::Unanswered) && p.answer.is_none();
        let unanswered = self.session.sent.values().filter(lost).count();
        if self.is_http() {
            return StepFinding::not_shown(bilingual!(
                "不适用：HTTP 不保持连接",
                "does not apply: HTTP keeps no links"
            ));
        }
        let downs = &self.session.downs[before..];
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for down in downs {
            *reasons.entry(down.end.to_string()).or_default() += 1;
        }
        let silent = |down: &Down| {
            matches!(
                down.end,
                LinkEnd::Unbound { answered: false } | LinkEnd::GraceOver
            )
        };
        let words: Vec<String> = reasons
            .iter()
            .map(|(why, n)| format!("{why} ×{n}"))
            .collect();
        let observed = bilingual!(
            "{} 秒内断开（{}），未应答 {unanswered} 条",
            "closed within {} s ({}), {unanswered} unanswered",
            seconds(took),
            words.join(", ")
        );
        let figures = json!({ "seconds": took.as_secs_f64(), "unanswered": unanswered });
        let reason = if !self.session.closed {
            bilingual!("连接没有断开", "the links did not end")
        } else if unanswered > 0 {
            bilingual!(
                "{unanswered} 条提交始终没有应答",
                "{unanswered} submits were never answered"
            )
        } else if downs.iter().any(silent) {
            bilingual!("拆除连接没有应答", "the goodbye was not answered")
        } else {
            return StepFinding::ok(observed, figures);
        };
        StepFinding::failed(observed, reason, figures)
    }
}

/// What became of the links while nothing was sent.
struct Silence {
    asked_for: Duration,
    /// With the wait for links that rested.
    took: Duration,
    /// Links that were up when it began, and after it.
    links: usize,
    up: usize,
    answered_on: usize,
    downs: Vec<Down>,
}

impl Silence {
    fn rests(&self) -> usize {
        self.downs.iter().filter(|down| down.idle).count()
    }

    fn json(&self) -> Value {
        json!({
            "silent_seconds": self.took.as_secs_f64(), "links_up": self.up, "answered_on": self.answered_on,
            "closed_as_idle": self.rests(), "lost": self.downs.len() - self.rests(),
        })
    }

    fn said(&self) -> Bilingual {
        let (up, still, rests) = (self.up, self.answered_on, self.rests());
        bilingual!(
            "静默 {} 秒，{up} 个连接在线，{still} 个连接上检测有应答，空闲断开 {rests} 次",
            "{} s of silence: {up} links up, the question answered on {still}, closed as idle {rests} times",
            seconds(self.took)
        )
    }

    fn comes_to(&self, keep_alive: KeepAlive) -> (StepVerdict, Option<Bilingual>) {
        let failed = |reason| (StepVerdict::Failed, Some(reason));
        if let Some(lost) = self.downs.iter().find(|down| !down.idle) {
            return failed(bilingual!("连接断开：{}", "a link was lost: {}", lost.end));
        }
        if self.up < self.links {
            return failed(bilingual!(
                "空闲断开后没有重新登录",
                "closed as idle, and not logged in again"
            ));
        }
        match keep_alive {
            KeepAlive::Every(interval) if self.asked_for < interval => {
                let reason = bilingual!(
                    "静默时间比链路检测间隔（{} 秒）短",
                    "the silence was shorter than the keep-alive of {} s",
                    seconds(interval)
                );
                (StepVerdict::NotShown, Some(reason))
            }
            KeepAlive::Every(_) if self.answered_on < self.links => failed(bilingual!(
                "链路检测没有应答",
                "the question whether it is there was not answered"
            )),
            KeepAlive::Every(_) | KeepAlive::IdleClose(_) | KeepAlive::NoLinks => {
                (StepVerdict::Ok, None)
            }
        }
    }
}

/// What was written to, unless it is a phone's number after all.
fn masked(to: &str) -> String {
    Phone::from_wire(to).map_or_else(|| to.to_owned(), |phone| phone.to_string())
}

/// The most submits that one link had without an answer, by the order in which it was heard of them.
fn most_open<'a>(texts: impl Iterator<Item = &'a SentText>) -> usize {
    let mut steps: BTreeMap<LinkNo, BTreeMap<u64, isize>> = BTreeMap::new();
    let mut seen = std::collections::HashSet::new();
    for text in texts {
        let (Some(link), (Some(written), Some(answered))) = (text.link, text.span) else {
            continue;
        };
        // Those that travelled together took one place.
        let together = text.answer_no.is_some_and(|no| !seen.insert((link, no)));
        if together {
            continue;
        }
        let link = steps.entry(link).or_default();
        *link.entry(written).or_default() += 1;
        *link.entry(answered).or_default() -= 1;
    }
    let most = |changes: &BTreeMap<u64, isize>| {
        let open = changes.values().scan(0, |open, change| {
            *open += change;
            Some(*open)
        });
        open.max().unwrap_or(0)
    };
    let most = steps.values().map(most).max().unwrap_or(0);
    usize::try_from(most).unwrap_or(0)
}
