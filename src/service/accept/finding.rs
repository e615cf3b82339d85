//! What a step came to, in both languages.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::talk::{Piece, SubmitFailure};
use crate::{domain::lang::Lang, gateway::Answer};

/// The same in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said {
    zh: String,
    en: String,
}

impl Said {
    pub(super) fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            zh: zh.into(),
            en: en.into(),
        }
    }

    /// From what says it in either language.
    pub(super) fn of(text: impl Fn(Lang) -> String) -> Self {
        Self::new(text(Lang::Zh), text(Lang::En))
    }

    /// The one in this language.
    pub fn text(&self, lang: Lang) -> &str {
        lang.pick(&self.zh, &self.en)
    }

    /// Another half-sentence.
    pub(super) fn and(mut self, more: &Self) -> Self {
        if !self.zh.is_empty() && !more.zh.is_empty() {
            self.zh.push('；');
            self.en.push_str("; ");
        }
        self.then(more)
    }

    /// The same half-sentence, further on.
    pub(super) fn then(mut self, more: &Self) -> Self {
        self.zh.push_str(&more.zh);
        self.en.push_str(&more.en);
        self
    }
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Seen as it should be.
    Ok,
    /// Seen otherwise.
    Failed,
    /// Not seen: the reason says why.
    NotShown,
}

impl Verdict {
    /// For programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::NotShown => "not_shown",
        }
    }

    /// For people.
    pub fn title(self, lang: Lang) -> &'static str {
        match self {
            Self::Ok => lang.pick("通过", "ok"),
            Self::Failed => lang.pick("不通过", "FAILED"),
            Self::NotShown => lang.pick("未验证", "not shown"),
        }
    }
}

/// A step's outcome.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) observed: Said,
    pub(super) reason: Option<Said>,
    pub(super) figures: Value,
}

impl Finding {
    pub(super) fn ok(observed: Said, figures: Value) -> Self {
        Self {
            verdict: Verdict::Ok,
            observed,
            reason: None,
            figures,
        }
    }

    pub(super) fn failed(observed: Said, reason: Said, figures: Value) -> Self {
        Self {
            verdict: Verdict::Failed,
            observed,
            reason: Some(reason),
            figures,
        }
    }

    pub(super) fn not_shown(reason: Said) -> Self {
        Self::seen_too_little(Said::default(), reason, json!({}))
    }

    pub(super) fn seen_too_little(observed: Said, reason: Said, figures: Value) -> Self {
        Self {
            verdict: Verdict::NotShown,
            observed,
            reason: Some(reason),
            figures,
        }
    }
}

/// What became of some pieces at the carrier.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) all: usize,
    pub(super) accepted: usize,
    pub(super) throttled: usize,
    pub(super) refused: BTreeMap<String, usize>,
    pub(super) wrong_network: usize,
    pub(super) unanswered: usize,
    pub(super) unwritten: usize,
    delays: Vec<Duration>,
}

impl Tally {
    pub(super) fn of<'a>(pieces: impl Iterator<Item = &'a Piece>) -> Self {
        let mut tally = Self::default();
        for piece in pieces {
            tally.all += 1;
            match &piece.answer {
                Some(Answer::Accepted(_) | Answer::AcceptedAs { .. }) => tally.accepted += 1,
                Some(Answer::Throttled(_)) => tally.throttled += 1,
                Some(Answer::WrongNetwork(_)) => tally.wrong_network += 1,
                Some(Answer::Refused(code)) => {
                    *tally.refused.entry(code.clone()).or_default() += 1;
                }
                None if piece.written.is_none()
                    || piece.failure == Some(SubmitFailure::Unwritten) =>
                {
                    tally.unwritten += 1;
                }
                None => tally.unanswered += 1,
            }
            if let (Some(written), Some(answered)) = (piece.written, piece.answered) {
                tally
                    .delays
                    .push(answered.saturating_duration_since(written));
            }
        }
        tally
    }

    pub(super) fn is_good(&self) -> bool {
        self.accepted == self.all
    }

    /// In figures.
    pub(super) fn json(&self) -> Value {
        json!({
            "sent": self.all,
            "accepted": self.accepted,
            "throttled": self.throttled,
            "refused": self.refused.values().sum::<usize>(),
            "wrong_network": self.wrong_network,
            "unanswered": self.unanswered,
            "unwritten": self.unwritten,
            "answer_ms": spread(&self.delays).map(|s| s.map(ms)),
        })
    }

    /// In words.
    pub(super) fn said(&self) -> Said {
        let mut said = Said::new(
            format!("{} 条中 {} 条受理", self.all, self.accepted),
            format!("{} of {} taken", self.accepted, self.all),
        );
        if let Some([least, median, most]) = spread(&self.delays).map(|s| s.map(ms)) {
            said = said.and(&Said::new(
                format!("应答用时 最短 {least} 中位 {median} 最长 {most} 毫秒"),
                format!("answered in {least}/{median}/{most} ms (least/median/most)"),
            ));
        }
        said
    }

    /// Why not all were taken; empty when they were.
    pub(super) fn trouble(&self) -> Said {
        let mut said = Said::default();
        let mut add = |n: usize, zh: &str, en: &str| {
            if n > 0 {
                said = std::mem::take(&mut said)
                    .and(&Said::new(format!("{n} 条{zh}"), format!("{n} {en}")));
            }
        };
        add(self.throttled, "因流控被拒", "refused as too fast");
        add(
            self.wrong_network,
            "因号码不属于该网被拒",
            "refused because the number is another carrier's",
        );
        for (code, n) in &self.refused {
            add(*n, &format!("被拒（{code}）"), &format!("refused ({code})"));
        }
        add(self.unanswered, "没有应答", "not answered");
        add(
            self.unwritten,
            "未能写出（连接不可用）",
            "not written (no link)",
        );
        said
    }
}

/// Least, median, most.
pub(super) fn spread(times: &[Duration]) -> Option<[Duration; 3]> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let (least, most) = (*sorted.first()?, *sorted.last()?);
    Some([least, sorted[(sorted.len() - 1) / 2], most])
}

pub(super) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Tenths of seconds, for people.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64())
}
