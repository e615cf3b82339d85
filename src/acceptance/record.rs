//! The record of an acceptance: what was seen, as JSON and as a page to print and to sign.

use super::{
    prepared::Acceptance,
    step::{Step, StepVerdict},
};
use crate::{
    config::{self, Kind},
    domain::{bilingual::Bilingual, lang::Lang, ledger::Head, time::Micros},
    report::acceptance::{Page, Row},
};

/// What went on between the gateway's opening and its end.
#[derive(Debug)]
pub struct Ran {
    /// All steps, also those that were not made any more.
    pub steps: Vec<Step>,
    /// When it began.
    pub started: Micros,
    /// Segments that were handed to the carrier.
    pub segments: usize,
    /// Reports and texts that came and are not of this acceptance.
    pub others: u64,
}

/// What of the office's settings stands on the record.
#[derive(Debug, Clone)]
pub struct Letterhead {
    /// The office's name: its signature.
    pub office: String,
    /// The zone that times are told in.
    pub zone: chrono_tz::Tz,
    /// The carrier is simulated.
    pub practice: bool,
}

/// How it ended.
#[derive(Debug)]
pub struct End {
    /// Wall time after the last step and the gateway's closing.
    pub at: Micros,
    /// The ledger's head after it.
    pub head: Head,
    /// Why it was broken off, if it was.
    pub broken_off: Option<Bilingual>,
}

/// The record of an acceptance.
#[derive(Debug, Clone)]
pub struct Record {
    /// Nothing failed, and nobody broke it off.
    pub ok: bool,
    /// Its steps.
    pub steps: Vec<Step>,
    /// When it began.
    pub started: Micros,
    /// When it ended.
    pub ended: Micros,
    /// Segments that were handed to the carrier.
    pub segments: usize,
    /// Reports and texts that came and are not of this acceptance: the carrier gives them again.
    pub others: u64,
    /// Why it was broken off.
    pub broken_off: Option<Bilingual>,
    /// The ledger's head afterwards.
    pub head: String,
    phones: usize,
    letterhead: Letterhead,
    gateway: config::Gateway,
}

impl Record {
    /// Of what ran. It is good when no step failed and nobody broke it off.
    pub fn new(acceptance: &Acceptance, ran: Ran, letterhead: Letterhead, end: End) -> Self {
        let failed = |s: &Step| s.verdict == StepVerdict::Failed;
        Self {
            ok: end.broken_off.is_none() && !ran.steps.iter().any(failed),
            steps: ran.steps,
            started: ran.started,
            ended: end.at,
            segments: ran.segments,
            others: ran.others,
            broken_off: end.broken_off,
            head: end.head.to_string(),
            phones: acceptance.phones(),
            letterhead,
            gateway: acceptance.gateway.clone(),
        }
    }

    /// As one JSON object; no number stands in it whole.
    pub fn json(&self, lang: Lang) -> serde_json::Value {
        let time = |at: Micros| at.rfc3339(self.letterhead.zone);
        let steps: Vec<_> = self
            .steps
            .iter()
            .map(|s| {
                serde_json::json!({
                    "n": s.n,
                    "step": s.name.as_str(),
                    "verdict": s.verdict.as_str(),
                    "expected": s.expected.text(lang),
                    "observed": s.observed.text(lang),
                    "reason": s.reason.as_ref().map(|r| r.text(lang)),
                    "started": time(s.started),
                    "seconds": s.took.as_secs_f64(),
                    "figures": s.figures,
                })
            })
            .collect();
        serde_json::json!({
            "ok": self.ok,
            "practice": self.letterhead.practice,
            "gateway": self.gateway.id,
            "kind": self.gateway.kind.as_str(),
            "address": self.gateway.address,
            "account": self.gateway.account,
            "phones": self.phones,
            "segments": self.segments,
            "others": self.others,
            "started": time(self.started),
            "ended": time(self.ended),
            "broken_off": self.broken_off.as_ref().map(|w| w.text(lang)),
            "head": self.head,
            "steps": steps,
        })
    }

    /// As a page, to print and to sign.
    pub fn page(&self, lang: Lang) -> Page {
        let at = |at: Micros, form: &str| at.local(self.letterhead.zone).format(form).to_string();
        let of = |verdict| self.steps.iter().filter(|s| s.verdict == verdict).count();
        let row = |s: &Step| Row {
            n: s.n,
            title: s.name.label(lang),
            expected: s.expected.text(lang).to_owned(),
            observed: s.observed.text(lang).to_owned(),
            reason: s.reason.as_ref().map(|r| r.text(lang).to_owned()),
            verdict: s.verdict.label(lang),
            class: s.verdict.as_str(),
            started: at(s.started, "%H:%M:%S"),
            took: format!("{:.1} s", s.took.as_secs_f64()),
        };
        Page {
            lang,
            office: self.letterhead.office.clone(),
            practice: self.letterhead.practice,
            gateway: self.gateway.id.0.clone(),
            protocol: spoken(self.gateway.kind),
            address: self.gateway.address.clone(),
            account: self.gateway.account.clone(),
            access_number: self.gateway.access_number.clone(),
            contract: contract(&self.gateway, lang),
            version: env!("CARGO_PKG_VERSION"),
            started: at(self.started, "%Y-%m-%d %H:%M:%S"),
            ended: at(self.ended, "%Y-%m-%d %H:%M:%S"),
            zone: self.letterhead.zone.to_string(),
            phones: self.phones,
            segments: self.segments,
            others: self.others,
            ok: of(StepVerdict::Ok),
            failed: of(StepVerdict::Failed),
            not_shown: of(StepVerdict::NotShown),
            broken_off: self.broken_off.as_ref().map(|w| w.text(lang).to_owned()),
            head: self.head.clone(),
            rows: self.steps.iter().map(row).collect(),
        }
    }
}

/// The protocol and its version, as carriers write it.
fn spoken(kind: Kind) -> &'static str {
    match kind {
        Kind::Cmpp20 => "CMPP 2.0",
        Kind::Cmpp30 => "CMPP 3.0",
        Kind::Sgip12 => "SGIP 1.2",
        Kind::Smgp30 => "SMGP 3.0",
        Kind::Smpp34 => "SMPP 3.4",
        Kind::Http => "HTTP",
    }
}

fn contract(gateway: &config::Gateway, lang: Lang) -> String {
    let config::Gateway {
        rate,
        links,
        window,
        batch,
        ..
    } = gateway;
    let unit = match gateway.rate_unit {
        config::RateUnit::Segments => lang.pick("条", "segments"),
        config::RateUnit::Requests => lang.pick("次请求", "requests"),
    };
    lang.pick(
        format!("每秒 {rate} {unit}，{links} 个连接，窗口 {window}，每次提交至多 {batch} 个号码"),
        format!("{rate} {unit} a second, {links} links, window {window}, at most {batch} numbers in a submit"),
    )
}
