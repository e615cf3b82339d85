//! The steps that send.

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use serde_json::json;
use tokio::time::Instant;

use super::{
    finding::StepFinding,
    halt::Halted,
    login::{Finding, Listener},
    prepared::MOST_A_PHONE,
    reports::Reports,
    session::{Batching, OutgoingText, SentText},
    step::{StepName, StepVerdict},
    tally::Tally,
    times::seconds,
    under_way::{Going, UnderWay},
};
use crate::{
    config::RateUnit,
    domain::bilingual::{Bilingual, bilingual},
    gateway::{Answer, CarrierMessageId, LinkNo, ReportChannel, SegmentPlace, listens_at},
};

/// How long the links have for their login.
const LOGIN: Duration = Duration::from_secs(10);

/// A gateway is silent in its first second; the rest is a loaded machine's.
const SLACK: Duration = Duration::from_secs(3);

/// The contract's second.
const SECOND: Duration = Duration::from_secs(1);

impl<F: FnMut(Going<'_>)> UnderWay<'_, F> {
    /// How long answers to so many segments may take.
    fn answers_within(&self, segments: usize) -> Duration {
        let gateway = &self.plan.gateway;
        let written = Duration::from_secs_f64(segments as f64 / f64::from(gateway.rate.max(1)));
        SLACK + written.mul_f64(1.5) + gateway.response_timeout
    }

    pub(super) async fn login(&mut self) -> Result<StepFinding, Halted> {
        let gateway = &self.plan.gateway;
        let links = usize::from(gateway.links);
        let begun = Instant::now();
        self.session
            .until(begun + LOGIN, |session| {
                session.login_refused.is_some() || session.links_up.len() >= links
            })
            .await?;
        let health = self.session.gateway().health();
        let up = self.session.links_up.len();
        let figures = json!({ "links": links, "links_up": up });
        let mut observed = bilingual!(
            "{links} 个连接中 {up} 个登录成功，用时 {} 秒",
            "{up} of {links} links logged in after {} s",
            seconds(begun.elapsed())
        );
        if let Some(at) = health.listening {
            observed = observed.and(&bilingual!(
                "正在 {at} 等待运营商回连",
                "listening on {at} for the carrier"
            ));
        }
        let refused = self.session.login_refused.clone();
        let finding = Finding::of(up, links, refused, health.trouble);
        if self.session.login_refused.is_some() && up == 0 {
            // Once is enough: a wrong password tried again and again closes an account.
            self.session.close(Duration::ZERO, SLACK).await;
        }
        if finding != Finding::Fine {
            let reason = Bilingual::of(|lang| finding.text(lang));
            return Ok(StepFinding::failed(observed, reason, figures));
        }
        if let (Some(address), Some(reason)) = (listens_at(gateway), health.listen_error) {
            let failed = Listener::Failed { address, reason };
            let reason = Bilingual::of(|lang| failed.text(lang));
            return Ok(StepFinding::failed(observed, reason, figures));
        }
        Ok(StepFinding::ok(observed, figures))
    }

    pub(super) async fn short(&mut self) -> Result<StepFinding, Halted> {
        let text = &self.plan.texts.short;
        let texts: Vec<OutgoingText> = self
            .plan
            .receivers
            .iter()
            .map(|r| OutgoingText::short(*r, text.clone()))
            .collect();
        let within = self.answers_within(texts.len());
        let asked = self.clock.now();
        self.session
            .send(StepName::Short, Batching::Alone, asked, texts);
        self.session.settle(StepName::Short, within).await?;
        let tally = Tally::of(self.session.of(StepName::Short));
        let ids = ids(self.session.of(StepName::Short));
        let again = tally.accepted - ids.len();
        let mut figures = tally.json();
        figures["ids_given_twice"] = json!(again);
        let mut reason = tally.trouble();
        if again > 0 {
            reason = reason.and(&bilingual!(
                "{again} 条的消息标识与别的相同，状态报告会对不上",
                "{again} got an id that another has, so reports cannot be told apart"
            ));
        }
        let observed = tally.said();
        Ok(match tally.is_good() && again == 0 {
            true => StepFinding::ok(observed, figures),
            false => StepFinding::failed(observed, reason, figures),
        })
    }

    pub(super) async fn reports(&mut self) -> Result<StepFinding, Halted> {
        if !self.session.of(StepName::Short).any(SentText::is_accepted) {
            return Ok(StepFinding::not_shown(bilingual!(
                "没有一条被受理",
                "no text was taken"
            )));
        }
        self.reports_of(StepName::Short).await
    }

    /// Waits for the reports of one step's texts.
    async fn reports_of(&mut self, step: StepName) -> Result<StepFinding, Halted> {
        if self.plan.report_channel == ReportChannel::Callback {
            return Ok(StepFinding::not_shown(bilingual!(
                "该运营商只向运行中的 watchbell serve 推送状态报告，联调时不接收",
                "this carrier calls its reports in, which only a running `watchbell serve` takes"
            )));
        }
        self.session.reported(step, self.plan.wait).await?;
        let reports = Reports::of(self.session.of(step).filter(|p| p.is_accepted()));
        let (observed, figures) = (reports.said(), reports.json(self.session.twice));
        if reports.is_good() {
            return Ok(StepFinding::ok(observed, figures));
        }
        // A page of reports is fetched again and again until all in it is durable.
        if self.plan.report_channel == ReportChannel::Polled
            && self.session.others() > 0
            && !reports.missing.is_empty()
        {
            let why = bilingual!(
                "运营商处还有别的批次的报告排在前面：先运行 watchbell serve 收取，再来联调",
                "reports of other runs wait before these at the carrier: let `watchbell serve` take them in first"
            );
            return Ok(StepFinding::seen_too_little(observed, why, figures));
        }
        Ok(StepFinding::failed(observed, reports.trouble(), figures))
    }

    pub(super) async fn long(&mut self) -> Result<StepFinding, Halted> {
        let Some(first) = self.plan.receivers.first().copied() else {
            return Ok(StepFinding::not_shown(Bilingual::default()));
        };
        let parts = &self.plan.texts.long;
        let asked = self.clock.now();
        let mut link: Option<LinkNo> = None;
        for (place, (text, segments)) in parts.iter().enumerate() {
            let text = OutgoingText {
                receiver: first,
                text: text.clone(),
                part: SegmentPlace {
                    number: place as u8 + 1,
                    total: parts.len() as u8,
                    reference: self.plan.texts.reference,
                },
                segments: *segments,
                link,
            };
            let within = self.answers_within(usize::from(*segments));
            let sequence = self
                .session
                .send(StepName::Long, Batching::Alone, asked, vec![text]);
            self.session.settle(StepName::Long, within).await?;
            // As in a run: the next part goes after the yes to this one, over the same link.
            match self.session.sent.get(&sequence) {
                Some(sent) if sent.is_accepted() => link = sent.link,
                _ => break,
            }
        }
        let tally = Tally::of(self.session.of(StepName::Long));
        if tally.accepted < parts.len() {
            let observed = bilingual!(
                "{all} 次提交中 {taken} 次受理",
                "{taken} of {all} submits taken",
                all = parts.len(),
                taken = tally.accepted
            );
            return Ok(StepFinding::failed(observed, tally.trouble(), tally.json()));
        }
        self.with_reports(StepName::Long, &tally).await
    }

    /// All were taken: what comes of their reports decides.
    async fn with_reports(&mut self, step: StepName, tally: &Tally) -> Result<StepFinding, Halted> {
        let reports = self.reports_of(step).await?;
        Ok(StepFinding {
            observed: tally.said().and(&reports.observed),
            figures: json!({ "submits": tally.json(), "reports": reports.figures }),
            ..reports
        })
    }

    pub(super) fn one_piece(&self) -> StepFinding {
        let taken = self.session.of(StepName::Long).filter(|p| p.is_accepted());
        let first = self.plan.receivers.first();
        match first.filter(|_| taken.count() == self.plan.texts.long.len()) {
            None => StepFinding::not_shown(bilingual!(
                "长短信没有发全",
                "the long text did not go whole"
            )),
            Some(first) => StepFinding::not_shown(
                bilingual!("请人查看 ", "a person has to look at ")
                    .then(&first.label())
                    .then(&bilingual!(
                        "：从“一开始”到“末”应显示为完整的一条",
                        ": the text up to 末 should stand there as one message"
                    )),
            ),
        }
    }

    pub(super) async fn batch(&mut self) -> Result<StepFinding, Halted> {
        let most = self.plan.batch;
        if most == 0 {
            return Ok(StepFinding::not_shown(match self.plan.gateway.batch {
                1 => bilingual!(
                    "不适用：batch 为 1，每次提交一个号码",
                    "does not apply: batch is 1, each number has a submit of its own"
                ),
                _ => bilingual!(
                    "合同速率为每秒 1，一次只能提交一个号码",
                    "the contract's rate is 1, so no submit has two numbers"
                ),
            }));
        }
        let text = &self.plan.texts.batch;
        let texts = self.plan.receivers.iter().take(most);
        let texts = texts
            .map(|r| OutgoingText::short(*r, text.clone()))
            .collect();
        let within = self.answers_within(most);
        let asked = self.clock.now();
        self.session
            .send(StepName::Batch, Batching::Together, asked, texts);
        self.session.settle(StepName::Batch, within).await?;
        let tally = Tally::of(self.session.of(StepName::Batch));
        let answers: BTreeSet<u64> = self
            .session
            .of(StepName::Batch)
            .filter_map(|p| p.answer_no)
            .collect();
        if !tally.is_good() {
            return Ok(StepFinding::failed(
                tally.said(),
                tally.trouble(),
                tally.json(),
            ));
        }
        if answers.len() > 1 {
            let reason = bilingual!(
                "运营商不接受一次提交 {most} 个号码，拆成了 {} 次：请核对账号是否开通群发，或把 batch 改小",
                "the carrier does not take {most} numbers at once; they went in {} pieces: ask whether the account may, or lower batch",
                answers.len()
            );
            return Ok(StepFinding::failed(tally.said(), reason, tally.json()));
        }
        self.with_reports(StepName::Batch, &tally).await
    }

    pub(super) async fn rate(&mut self) -> Result<StepFinding, Halted> {
        let all = self.plan.rate;
        let rate = self.plan.gateway.rate as usize;
        if all == 0 {
            return Ok(StepFinding::not_shown(bilingual!(
                "未要求：加 --rate-segments {} 才测",
                "not asked for: --rate-segments {} tries it",
                rate.min(MOST_A_PHONE * self.plan.phones())
            )));
        }
        let receivers = self.plan.receivers.iter().cycle();
        let texts = receivers
            .take(all)
            .zip(1..)
            .map(|(r, n)| OutgoingText::short(*r, self.plan.texts.of_rate(n, all)))
            .collect();
        let within = self.answers_within(all);
        let asked = self.clock.now();
        self.session
            .send(StepName::Rate, Batching::Alone, asked, texts);
        self.session.settle(StepName::Rate, within).await?;
        let tally = Tally::of(self.session.of(StepName::Rate));
        let mut times: Vec<Instant> = self
            .session
            .of(StepName::Rate)
            .filter_map(|p| p.written)
            .collect();
        times.sort_unstable();
        let busiest = busiest(&times);
        let took = match (times.first(), times.last()) {
            (Some(first), Some(last)) => last.saturating_duration_since(*first),
            _ => Duration::ZERO,
        };
        let observed = bilingual!(
            "{} 条在 {} 秒内写出，最忙的一秒 {busiest} 条（合同 {rate}）",
            "{} written in {} s, {busiest} in the busiest second (contract: {rate})",
            times.len(),
            seconds(took)
        )
        .and(&tally.said());
        let mut figures = tally.json();
        figures["written"] = json!(times.len());
        figures["busiest_second"] = json!(busiest);
        figures["contract"] = json!(rate);
        if !tally.is_good() {
            return Ok(StepFinding::failed(observed, tally.trouble(), figures));
        }
        let (verdict, reason) = self.pace_comes_to(busiest);
        Ok(StepFinding {
            verdict,
            observed,
            reason,
            figures,
        })
    }

    /// What so many in the busiest second prove, when none was refused.
    fn pace_comes_to(&self, busiest: usize) -> (StepVerdict, Option<Bilingual>) {
        let (all, rate) = (self.plan.rate, self.plan.gateway.rate as usize);
        let reason = match self.plan.gateway.rate_unit {
            _ if busiest * 10 >= rate * 9 => return (StepVerdict::Ok, None),
            _ if all < rate => bilingual!(
                "只发了 {all} 条，不到合同的一秒",
                "only {all} were sent, less than a second of the contract"
            ),
            RateUnit::Requests => too_slow(rate, "requests"),
            RateUnit::Segments => too_slow(rate, "segments"),
        };
        (StepVerdict::NotShown, Some(reason))
    }
}

fn too_slow(rate: usize, unit: &str) -> Bilingual {
    bilingual!(
        "应答太慢，现有的连接数和窗口达不到合同速率：请与运营商商定更多连接或更大窗口",
        "answers are too slow for {rate} {unit} a second with these links and this window: agree upon more links or a larger window"
    )
}

/// The ids that answers gave.
fn ids<'a>(texts: impl Iterator<Item = &'a SentText>) -> HashSet<&'a CarrierMessageId> {
    texts
        .filter_map(|p| match &p.answer {
            Some(Answer::Accepted(id) | Answer::AcceptedAs { counted: id, .. }) => Some(id),
            _ => None,
        })
        .collect()
}

/// The most within any second.
fn busiest(times: &[Instant]) -> usize {
    let within = |from: usize| {
        let end = times[from] + SECOND;
        times[from..].iter().take_while(|at| **at < end).count()
    };
    (0..times.len()).map(within).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_second_slides() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let times = [at(0), at(900), at(999), at(1_000), at(1_899), at(1_900)];
        assert_eq!(busiest(&times), 4);
        assert_eq!(busiest(&[]), 0);
    }
}
