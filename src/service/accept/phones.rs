//! The phones of an acceptance.

use std::{collections::HashSet, fs::File, ops::ControlFlow, path::Path};

use super::{LEAST_PHONES, MOST_PHONES};
use crate::{
    config,
    domain::{
        bilingual::{Bilingual, bilingual},
        carrier::CarrierTable,
        phone::Phone,
    },
    intake::{Book, Verdict},
    service::{
        Office, Result, ServiceError,
        refusal::{ContactsRefusal, GatewayRefusal},
    },
    store::{self, contact::SuppressionRow},
};

/// Suppressions read at a time.
const PAGE: i64 = 10_000;

/// One phone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Receiver {
    pub(super) phone: Phone,
    row: u64,
}

impl Receiver {
    /// Masked, with its row: two phones may have the same mask.
    pub(super) fn label(self) -> Bilingual {
        let (phone, row) = (self.phone, self.row);
        bilingual!("{phone}（第 {row} 行）", "{phone} (row {row})")
    }

    /// Does the gateway serve the carrier that the number was issued by?
    pub(super) fn is_served(self, gateway: &config::Gateway) -> bool {
        let carrier = CarrierTable::builtin().carrier(self.phone);
        gateway.carriers.is_empty() || gateway.carriers.contains(&carrier)
    }
}

/// Reads them. A row that cannot be used, or a number that stands twice, refuses the file: who runs an
/// acceptance counts what arrives on each phone.
pub(super) fn read(path: &Path) -> Result<Vec<Receiver>> {
    let file = File::open(path).map_err(|e| {
        ServiceError::from(ContactsRefusal::CannotOpen {
            path: path.to_owned(),
            why: e.to_string(),
        })
    })?;
    let mut receivers = Vec::new();
    let mut wrong = None;
    Book::open(file)?.each(CarrierTable::builtin(), |row| {
        let line = row.line;
        match row.verdict {
            Verdict::Accepted(person) if receivers.len() < MOST_PHONES => {
                receivers.push(Receiver {
                    phone: person.phone,
                    row: line,
                });
                return ControlFlow::Continue(());
            }
            Verdict::Accepted(_) => wrong = Some(Bilingual::default()),
            Verdict::Duplicate { of_row, .. } => {
                wrong = Some(bilingual!(
                    "第 {line} 行与第 {of_row} 行是同一个号码",
                    "row {line} has the same number as row {of_row}"
                ));
            }
            Verdict::Refused(refusal) => {
                let why = Bilingual::of(|lang| refusal.reason(lang));
                wrong = Some(bilingual!(
                    [why] "第 {line} 行：{why}", "row {line}: {why}"
                ));
            }
        }
        ControlFlow::Break(())
    })?;
    match wrong {
        Some(why) if why != Bilingual::default() => Err(GatewayRefusal::PhoneUnusable {
            path: path.to_owned(),
            why,
        }
        .into()),
        None if receivers.len() >= LEAST_PHONES => Ok(receivers),
        _ => Err(GatewayRefusal::PhoneCount {
            path: path.to_owned(),
            least: LEAST_PHONES,
            most: MOST_PHONES,
        }
        .into()),
    }
}

impl Office {
    /// Who said that they want no messages gets none of these either.
    pub(super) async fn none_suppressed(&self, receivers: &[Receiver]) -> Result<()> {
        let mut after = 0;
        loop {
            let mut tx = self.store.read("accept_suppressions").await?;
            let page = tx.suppressions_after(after, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.seq;
            let listed: HashSet<Phone> = page
                .iter()
                .map(SuppressionRow::number)
                .collect::<store::Result<_>>()?;
            let listed = |r: &&Receiver| listed.contains(&r.phone);
            if let Some(receiver) = receivers.iter().find(listed) {
                let row = receiver.row;
                return Err(GatewayRefusal::PhoneSuppressed { row }.into());
            }
        }
    }
}
