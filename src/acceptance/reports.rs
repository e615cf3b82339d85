//! The reports of the texts that were taken: counted, in figures and in words.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use super::{
    session::SentText,
    times::{ms, seconds, spread},
};
use crate::domain::{
    bilingual::{Bilingual, bilingual},
    message::ReportStatus,
};

/// Phones that are named when something is missing.
const NAMED: usize = 5;

/// Reports of the texts that were taken; of several on one text the first counts.
#[derive(Debug, Default)]
pub(super) struct Reports {
    taken: usize,
    delivered: usize,
    /// The phones of those without.
    pub(super) missing: Vec<Bilingual>,
    /// What carriers say of those that were not delivered.
    codes: BTreeSet<String>,
    delays: Vec<Duration>,
}

impl Reports {
    pub(super) fn of<'a>(taken: impl Iterator<Item = &'a SentText>) -> Self {
        let mut reports = Self::default();
        for text in taken {
            reports.taken += 1;
            let Some((at, status, code)) = text.reports.first() else {
                reports.missing.push(text.receiver.label());
                continue;
            };
            let delay = text.written.map(|w| at.saturating_duration_since(w));
            reports.delays.extend(delay);
            match status {
                ReportStatus::Delivered => reports.delivered += 1,
                _ => _ = reports.codes.insert(code.clone()),
            }
        }
        reports
    }

    pub(super) fn is_good(&self) -> bool {
        self.missing.is_empty() && self.delivered == self.taken
    }

    fn came(&self) -> usize {
        self.taken - self.missing.len()
    }

    /// In figures; `twice` is how many reports came again.
    pub(super) fn json(&self, twice: u64) -> Value {
        json!({
            "accepted": self.taken, "reported": self.came(), "delivered": self.delivered, "reported_twice": twice,
            "delay_ms": spread(&self.delays).map(|s| s.map(ms)),
        })
    }

    /// In words.
    pub(super) fn said(&self) -> Bilingual {
        let (all, came, delivered) = (self.taken, self.came(), self.delivered);
        let said = bilingual!(
            "{all} 条中 {came} 条有报告，{delivered} 条已送达",
            "{came} of {all} reported, {delivered} delivered"
        );
        let Some([least, median, most]) = spread(&self.delays).map(|s| s.map(seconds)) else {
            return said;
        };
        said.and(&bilingual!(
            "报告时延 最短 {least} 中位 {median} 最长 {most} 秒",
            "after {least}/{median}/{most} s (least/median/most)"
        ))
    }

    /// What is wrong with them; empty when all are good.
    pub(super) fn trouble(&self) -> Bilingual {
        let mut trouble = Bilingual::default();
        if !self.missing.is_empty() {
            trouble = trouble
                .and(&bilingual!(
                    "{} 条没有报告：",
                    "{} without a report: ",
                    self.missing.len()
                ))
                .then(&named(&self.missing));
        }
        if self.came() > self.delivered {
            let codes = self.codes.iter().map(String::as_str);
            let codes = codes.collect::<Vec<_>>().join(", ");
            trouble = trouble.and(&bilingual!(
                "{} 条未送达（{codes}）",
                "{} not delivered ({codes})",
                self.came() - self.delivered
            ));
        }
        trouble
    }
}

/// The first few, and how many more.
fn named(phones: &[Bilingual]) -> Bilingual {
    let mut all = phones.iter().take(NAMED);
    let mut said = all.next().cloned().unwrap_or_default();
    for phone in all {
        said = said.then(&bilingual!("、", ", ")).then(phone);
    }
    if phones.len() > NAMED {
        said = said.then(&bilingual!("等", " …"));
    }
    said
}
