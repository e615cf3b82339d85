//! An order on paper: the letter and the form out, the filled-in form back in.

use super::{Office, OrderFile, Taken, WorkOrders, check_may_see};
use crate::{
    domain::{
        bilingual::Bilingual,
        carrier::Carrier,
        check_code::CheckCode,
        id::OrderId,
        lang::Lang,
        plan::WantedCount,
        role::{Act, Actor},
        work_order::on_the_phone,
    },
    service::{Result, ServiceError, refusal::OrderRefusal},
    work_orders::{
        form::{self, FormError},
        letter::Letter,
        protocol,
    },
};
use askama::Template as _;

/// What goes out on paper.
#[derive(Debug, Clone)]
pub struct Exported {
    /// The letter, a page that prints.
    pub letter: String,
    /// The form, a workbook.
    pub form: Vec<u8>,
}

impl WorkOrders<'_> {
    /// The letter and the form of an order that was let out.
    pub async fn export(self, actor: &Actor, id: OrderId) -> Result<Exported> {
        let file = self.file(actor, id).await?;
        if file.order.approved_by.is_none() {
            return Err(OrderRefusal::NotApproved.into());
        }
        let mut tx = self.office.store.read("letter").await?;
        let head = tx.head().await?.to_string();
        let practice = tx.installation().await?.is_some_and(|i| i.practice);
        drop(tx);
        let letter = self.office.letter(&file, head, practice);
        let letter = letter
            .render()
            .map_err(|e| ServiceError::from(OrderRefusal::Letter { why: e.to_string() }))?;
        let order = &file.order;
        let seeds: Vec<_> = order.seeds.iter().map(|p| p.expose()).collect();
        let cap = order
            .daily_cap
            .map_or("不限".to_owned(), |cap| cap.to_string());
        let form = form::write(&form::Prefill {
            number: order.number(),
            check_code: &file.check_code().grouped(),
            revision: order.revision,
            shown: &on_the_phone(&order.signature, &order.text),
            audience: &order.audience,
            times: &format!("{} 至 {}，每日 {}", order.from, order.to, order.hours),
            daily_cap: &cap,
            seed_phones: &seeds,
        })
        .map_err(|e| wrong(&e))?;
        Ok(Exported { letter, form })
    }

    /// Takes a filled-in form in: all of it or nothing. A form of another order, of another text or of an earlier round
    /// is refused.
    pub async fn import_form(self, actor: &Actor, bytes: &[u8]) -> Result<(OrderId, Taken)> {
        actor.may(Act::AnswerOrders)?;
        let filled =
            form::read(bytes, self.office.config.sending.timezone).map_err(|e| wrong(&e))?;
        let mut tx = self.office.store.read("form").await?;
        let Some(order) = tx.order_by_number(&filled.number).await? else {
            return Err(OrderRefusal::UnknownNumber {
                number: filled.number,
            }
            .into());
        };
        check_may_see(&mut tx, actor, &order).await?;
        drop(tx);
        let shown = filled.check_code.parse::<CheckCode>();
        if !shown.is_ok_and(|code| code.matches(&order.digest)) {
            return Err(OrderRefusal::FormOfOther {
                check_code: filled.check_code,
                number: order.number().to_owned(),
            }
            .into());
        }
        if filled.revision != order.revision {
            return Err(OrderRefusal::FormOutdated {
                form: filled.revision,
                order: order.revision,
            }
            .into());
        }
        let taken = self.answer(actor, order.id, &filled.answer).await?;
        Ok((order.id, taken))
    }
}

impl Office {
    fn letter(&self, file: &OrderFile, head: String, practice: bool) -> Letter {
        let order = &file.order;
        let shown = on_the_phone(&order.signature, &order.text);
        let zone = self.config.sending.timezone;
        let at = match &order.issued {
            None => self.clock.now(),
            Some(issued) => issued.at,
        };
        let counts: Vec<_> = order.counts.iter().map(|c| count_word(*c)).collect();
        Letter {
            office: self.config.sending.signature.clone(),
            number: order.number().to_owned(),
            name: order.name.clone(),
            company: company(order.carrier).to_owned(),
            state: order.state.label(Lang::Zh).to_owned(),
            check_code: file.check_code().grouped(),
            revision: order.revision.max(1),
            characters: shown.chars().count(),
            shown,
            text_sha256: protocol::text_digest(&order.text),
            appended: order.appended.clone(),
            audience: order.audience.clone(),
            from: order.from.to_string(),
            to: order.to.to_string(),
            hours: order.hours.to_string(),
            daily_cap: order.daily_cap.unwrap_or(0),
            counts: counts.join("、"),
            evidence: order.evidence.clone(),
            contact: order.contact.clone(),
            seeds: order.seeds.len(),
            date: at.local(zone).format("%Y年%-m月%-d日").to_string(),
            practice,
            head,
        }
    }
}

fn wrong(e: &FormError) -> ServiceError {
    OrderRefusal::Form {
        why: Bilingual::of(|lang| e.text(lang)),
    }
    .into()
}

fn count_word(count: WantedCount) -> &'static str {
    match count {
        WantedCount::Requested => "应发",
        WantedCount::Sent => "已发",
        WantedCount::Delivered => "送达",
    }
}

fn company(carrier: Carrier) -> &'static str {
    match carrier {
        Carrier::Mobile => "中国移动分公司",
        Carrier::Unicom => "中国联通分公司",
        Carrier::Telecom => "中国电信分公司",
        Carrier::Broadnet => "中国广电分公司",
        Carrier::Other => "承办单位",
    }
}
