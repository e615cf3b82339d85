//! What became of some texts at the carrier: counted, in figures and in words.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::{
    session::{SentText, SubmitFailure},
    times::{ms, spread},
};
use crate::{
    domain::bilingual::{Bilingual, bilingual},
    gateway::Answer,
};

/// What became of some texts at the carrier.
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
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a SentText>) -> Self {
        let mut tally = Self::default();
        for text in texts {
            tally.all += 1;
            match &text.answer {
                Some(Answer::Accepted(_) | Answer::AcceptedAs { .. }) => tally.accepted += 1,
                Some(Answer::Throttled(_)) => tally.throttled += 1,
                Some(Answer::WrongNetwork(_)) => tally.wrong_network += 1,
                Some(Answer::Refused(code)) => {
                    *tally.refused.entry(code.clone()).or_default() += 1;
                }
                None if text.written.is_none()
                    || text.failure == Some(SubmitFailure::Unwritten) =>
                {
                    tally.unwritten += 1;
                }
                None => tally.unanswered += 1,
            }
            if let (Some(written), Some(answered)) = (text.written, text.answered) {
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
    pub(super) fn said(&self) -> Bilingual {
        let mut said = bilingual!(
            "{all} 条中 {taken} 条受理",
            "{taken} of {all} taken",
            all = self.all,
            taken = self.accepted
        );
        if let Some([least, median, most]) = spread(&self.delays).map(|s| s.map(ms)) {
            said = said.and(&bilingual!(
                "应答用时 最短 {least} 中位 {median} 最长 {most} 毫秒",
                "answered in {least}/{median}/{most} ms (least/median/most)"
            ));
        }
        said
    }

    /// Why not all were taken; empty when they were.
    pub(super) fn trouble(&self) -> Bilingual {
        let mut said = Bilingual::default();
        let mut add = |n: usize, zh: &str, en: &str| {
            if n > 0 {
                said = std::mem::take(&mut said).and(&bilingual!("{n} 条{zh}", "{n} {en}"));
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
