//! The record of a gateway's acceptance: as a page to print and to sign, and as plain text.

use std::fmt::Write as _;

use askama::Template;

use crate::domain::lang::Lang;

/// One step.
#[derive(Debug, Clone)]
pub struct Row {
    /// From 1.
    pub n: usize,
    /// What was tried.
    pub title: &'static str,
    /// What should be seen.
    pub expected: String,
    /// What was seen.
    pub observed: String,
    /// Why it failed or was not shown.
    pub reason: Option<String>,
    /// In a word.
    pub verdict: &'static str,
    /// The same for the page's style.
    pub class: &'static str,
    /// When it began.
    pub started: String,
    /// How long it took.
    pub took: String,
}

/// The whole record.
#[derive(Debug, Clone, Template)]
#[template(path = "report/acceptance.html")]
pub struct Page {
    /// Its language.
    pub lang: Lang,
    /// The office.
    pub office: String,
    /// The carrier was simulated.
    pub practice: bool,
    /// The gateway's name.
    pub gateway: String,
    /// `CMPP 2.0` …
    pub protocol: &'static str,
    /// Where it is.
    pub address: String,
    /// The account.
    pub account: String,
    /// The number that phones see and write to.
    pub access_number: String,
    /// Rate, links, window, batch.
    pub contract: String,
    /// This program's version.
    pub version: &'static str,
    /// When it began.
    pub started: String,
    /// When it ended.
    pub ended: String,
    /// The office's zone.
    pub zone: String,
    /// How many phones.
    pub phones: usize,
    /// Segments handed to the carrier.
    pub segments: usize,
    /// Reports and texts that were left for the engine.
    pub others: u64,
    /// Steps seen as they should be.
    pub ok: usize,
    /// Steps seen otherwise.
    pub failed: usize,
    /// Steps not seen.
    pub not_shown: usize,
    /// Why it was broken off.
    pub broken_off: Option<String>,
    /// The ledger's head afterwards.
    pub head: String,
    /// The steps.
    pub rows: Vec<Row>,
}

impl Page {
    /// The page; everything in it is escaped.
    pub fn html(&self) -> Result<String, askama::Error> {
        self.render()
    }

    /// The same as text.
    pub fn text(&self) -> String {
        let t = |zh, en| self.t(zh, en);
        let mut out = String::new();
        let mut line = |text: String| _ = writeln!(out, "{text}");
        line(format!("{} {}", self.office, self.title()));
        if self.practice {
            line(
                t(
                    "【演练】对方是模拟运营商",
                    "PRACTICE: the carrier was simulated",
                )
                .to_owned(),
            );
        }
        for (name, value) in self.facts() {
            line(format!("{name}{}{value}", t("：", ": ")));
        }
        for row in &self.rows {
            line(String::new());
            line(format!(
                "{:>2}. {}  [{}]  {}  {}",
                row.n, row.title, row.verdict, row.started, row.took
            ));
            line(format!("    {}{}", t("预期：", "expected: "), row.expected));
            if !row.observed.is_empty() {
                line(format!("    {}{}", t("实测：", "observed: "), row.observed));
            }
            if let Some(reason) = &row.reason {
                line(format!("    {}{reason}", t("说明：", "reason: ")));
            }
        }
        line(String::new());
        line(self.summary());
        if let Some(why) = &self.broken_off {
            line(format!("{}{why}", t("中途停止：", "broken off: ")));
        }
        for who in self.signers() {
            line(String::new());
            line(format!(
                "{who}{}____________________  {}____________",
                t("：", ": "),
                t("日期：", "date: ")
            ));
        }
        out
    }

    fn t(&self, zh: &'static str, en: &'static str) -> &'static str {
        self.lang.pick(zh, en)
    }

    fn title(&self) -> &'static str {
        self.t("短信网关联调记录", "SMS gateway acceptance protocol")
    }

    /// What it was about.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let t = |zh, en| self.t(zh, en);
        let version = format!("Watchbell {}, {}", self.version, self.protocol);
        let time = format!("{} – {} ({})", self.started, self.ended, self.zone);
        let mut facts = vec![
            (t("时间", "time"), time),
            (
                t("网关", "gateway"),
                format!("{} {}", self.gateway, self.address),
            ),
            (t("账号", "account"), self.account.clone()),
            (t("接入号", "access number"), self.access_number.clone()),
            (t("版本", "versions"), version),
            (t("合同", "contract"), self.contract.clone()),
            (t("号码数", "phones"), self.phones.to_string()),
            (
                t("提交条数", "segments handed over"),
                self.segments.to_string(),
            ),
            (t("台账位置", "ledger head"), self.head.clone()),
        ];
        if self.others > 0 {
            let left = self.lang.pick(
                format!("{} 条，未确认，留给发送引擎收取", self.others),
                format!(
                    "{}, not acknowledged: the engine will get them",
                    self.others
                ),
            );
            facts.push((t("别的报告和上行", "other reports and texts"), left));
        }
        facts
    }

    fn summary(&self) -> String {
        let (ok, failed, open) = (self.ok, self.failed, self.not_shown);
        self.lang.pick(
            format!("结论：{ok} 项通过，{failed} 项不通过，{open} 项未验证"),
            format!("result: {ok} ok, {failed} failed, {open} not shown"),
        )
    }

    fn signers(&self) -> [&'static str; 2] {
        [self.t("使用单位", "office"), self.t("运营商", "carrier")]
    }
}
