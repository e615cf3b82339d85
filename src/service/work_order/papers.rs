//! An order on paper: the letter and the form out, the filled-in form back in.

use super::{Office, OrderFile, Taken, WorkOrders, check_own};
use crate::{
    domain::{
        bilingual::Bilingual,
        carrier::Carrier,
        check_code::CheckCode,
        id::OrderId,
        lang::Lang,
        role::{Act, Actor},
        time::Micros,
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
        let view = self.file(actor, id).await?;
        if view.row.approved_by.is_empty() {
            return Err(OrderRefusal::NotApproved.into());
        }
        let mut tx = self.office.store.read("letter").await?;
        let head = tx.head().await?.to_string();
        let practice = tx.installation().await?.is_some_and(|i| i.practice);
        drop(tx);
        let letter = self.office.letter(&view, head, practice)?;
        let letter = letter
            .render()
            .map_err(|e| ServiceError::from(OrderRefusal::Letter { why: e.to_string() }))?;
        let row = &view.row;
        let seeds = row.seeds()?;
        let cap = match row.daily_cap {
            0 => "不限".to_owned(),
            cap => cap.to_string(),
        };
        let form = form::write(&form::Prefill {
            number: &row.number,
            check_code: &view.check_code().grouped(),
            revision: row.revision,
            shown: &on_the_phone(&row.signature, &row.text),
            audience: &row.audience,
            times: &format!("{} 至 {}，每日 {}", row.from_day, row.to_day, row.hours),
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
        let Some(row) = tx.order_by_number(&filled.number).await? else {
            return Err(OrderRefusal::UnknownNumber {
                number: filled.number,
            }
            .into());
        };
        check_own(&mut tx, actor, &row).await?;
        drop(tx);
        let shown = filled.check_code.parse::<CheckCode>();
        if !shown.is_ok_and(|code| code.matches(&row.digest)) {
            return Err(OrderRefusal::FormOfOther {
                check_code: filled.check_code,
                number: row.number,
            }
            .into());
        }
        if filled.revision != row.revision {
            return Err(OrderRefusal::FormOutdated {
                form: filled.revision,
                order: row.revision,
            }
            .into());
        }
        let id = row.id()?;
        let taken = self.answer(actor, id, &filled.answer).await?;
        Ok((id, taken))
    }
}

impl Office {
    fn letter(&self, view: &OrderFile, head: String, practice: bool) -> Result<Letter> {
        let row = &view.row;
        let shown = on_the_phone(&row.signature, &row.text);
        let zone = self.config.sending.timezone;
        let at = match row.issued_us {
            0 => self.clock.now(),
            at => Micros(at),
        };
        let counts = row.kinds_of_counts()?;
        let counts: Vec<_> = counts.iter().map(|c| count_word(c)).collect();
        Ok(Letter {
            office: self.config.sending.signature.clone(),
            number: row.number.clone(),
            name: row.name.clone(),
            company: company(row.carrier()?).to_owned(),
            state: view.state.label(Lang::Zh).to_owned(),
            check_code: view.check_code().grouped(),
            revision: row.revision.max(1),
            characters: shown.chars().count(),
            shown,
            text_sha256: protocol::text_digest(&row.text),
            appended: row.appended.clone(),
            audience: row.audience.clone(),
            from: row.from_day.clone(),
            to: row.to_day.clone(),
            hours: row.hours.clone(),
            daily_cap: row.daily_cap,
            counts: counts.join("、"),
            evidence: row.evidence.clone(),
            contact: row.contact.clone(),
            seeds: row.seeds()?.len(),
            date: at.local(zone).format("%Y年%-m月%-d日").to_string(),
            practice,
            head,
        })
    }
}

fn wrong(e: &FormError) -> ServiceError {
    OrderRefusal::Form {
        why: Bilingual::of(|lang| e.text(lang)),
    }
    .into()
}

fn count_word(word: &str) -> &str {
    match word {
        "requested" => "应发",
        "sent" => "已发",
        "delivered" => "送达",
        other => other,
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
