//! The phones of an acceptance.

use std::{fs::File, ops::ControlFlow, path::Path};

use super::{error::AcceptanceError, refusal::AcceptanceRefusal};
use crate::{
    config,
    domain::{
        bilingual::{Bilingual, bilingual},
        carrier::CarrierTable,
        phone::Phone,
    },
    intake::{Book, Verdict},
};

/// Phones at most, and at least.
const MOST_PHONES: usize = 50;
const LEAST_PHONES: usize = 2;

/// One phone.
#[derive(Debug, Clone, Copy)]
pub struct Receiver {
    /// Its number.
    pub phone: Phone,
    /// Where it stands in the file, as people count.
    pub row: u64,
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

/// Reads the phones from an open address book; `path` only stands in what is refused. A row that cannot be used, or a
/// number that stands twice, refuses the file: who runs an acceptance counts what arrives on each phone.
pub fn read_phones(file: File, path: &Path) -> Result<Vec<Receiver>, AcceptanceError> {
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
        Some(why) if why != Bilingual::default() => Err(AcceptanceRefusal::PhoneUnusable {
            path: path.to_owned(),
            why,
        }
        .into()),
        None if receivers.len() >= LEAST_PHONES => Ok(receivers),
        _ => Err(AcceptanceRefusal::PhoneCount {
            path: path.to_owned(),
            least: LEAST_PHONES,
            most: MOST_PHONES,
        }
        .into()),
    }
}
