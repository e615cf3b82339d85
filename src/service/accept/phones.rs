//! The phones of an acceptance.

use std::{collections::HashSet, fs::File, ops::ControlFlow, path::Path};

use super::{LEAST_PHONES, MOST_PHONES, Said};
use crate::{
    config,
    domain::{carrier::CarrierTable, lang::Lang, phone::Phone},
    intake::{Book, Verdict},
    service::{Office, Result, ServiceError},
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
    pub(super) fn label(self) -> Said {
        let (phone, row) = (self.phone, self.row);
        Said::new(
            format!("{phone}（第 {row} 行）"),
            format!("{phone} (row {row})"),
        )
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
    let shown = path.display();
    let file = File::open(path).map_err(|e| {
        ServiceError::usage(
            format!("打不开号码文件 {shown}：{e}"),
            format!("cannot open {shown}: {e}"),
        )
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
            Verdict::Accepted(_) => wrong = Some(Said::default()),
            Verdict::Duplicate { of_row, .. } => {
                wrong = Some(Said::new(
                    format!("第 {line} 行与第 {of_row} 行是同一个号码"),
                    format!("row {line} has the same number as row {of_row}"),
                ));
            }
            Verdict::Refused(refusal) => {
                wrong = Some(Said::new(
                    format!("第 {line} 行：{}", refusal.reason(Lang::Zh)),
                    format!("row {line}: {}", refusal.reason(Lang::En)),
                ));
            }
        }
        ControlFlow::Break(())
    })?;
    match wrong {
        Some(why) if why != Said::default() => {
            let (zh, en) = (why.text(Lang::Zh), why.text(Lang::En));
            Err(ServiceError::refused(
                format!("{shown} {zh}；联调号码须全部可用，请改正后再来"),
                format!(
                    "{shown}, {en}; every phone of an acceptance has to be usable: mend the file"
                ),
            ))
        }
        None if receivers.len() >= LEAST_PHONES => Ok(receivers),
        _ => Err(ServiceError::usage(
            format!("{shown}：联调要 {LEAST_PHONES} 到 {MOST_PHONES} 个号码，通常十个"),
            format!(
                "{shown}: an acceptance takes {LEAST_PHONES} to {MOST_PHONES} phones, ten as a rule"
            ),
        )),
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
                return Err(ServiceError::refused(
                    format!("第 {row} 行的号码在停发名单中：请换一个号码"),
                    format!(
                        "the number in row {row} is on the suppression list: take another phone"
                    ),
                ));
            }
        }
    }
}
