//! Reports and MOs: whose is it? A known id first; then the number's own messages; then an orphan,
//! kept until it can only be one message's.

use super::work::{Awaited, Place, Work};
use crate::{
    domain::{
        event::{Event, Source},
        id::{GatewayId, MessageId},
        ledger::salted,
        message::{Change, LogState, Outcome, Part, ReportStatus},
        optout::OptOutWords,
        phone::Phone,
    },
    gateway::{Mo, Report},
    store::{
        self, Tx,
        contact::NewSuppression,
        hot::{Doubt, OrphanReport},
        mo::KeptMo,
    },
};

/// A carrier's submit time and ours may be apart so much and still be the same submit: the report
/// speaks in minutes, and clocks differ a little. Whole hours are ignored: carriers' zones differ.
const FITS_MINUTES: i64 = 3;

impl Work<'_> {
    pub(super) fn report(&mut self, gateway: &GatewayId, report: &Report) {
        let key = (gateway.clone(), report.carrier_id.0.clone(), report.phone);
        let known = self
            .inflight
            .get(&key)
            .cloned()
            .or_else(|| self.known_by_number(gateway, report));
        match known {
            Some(awaited) => self.reported(&awaited, report, gateway),
            None => self.orphan(gateway, report),
        }
    }

    /// The id is an old one: `inflight` has forgotten it, the number's messages have not.
    fn known_by_number(&self, gateway: &GatewayId, report: &Report) -> Option<Awaited> {
        let mine = self.by_phone.get(&report.phone)?.iter().filter_map(|&id| {
            let message = self.messages.get(&id)?;
            let own = message.row.gateway.as_ref();
            let through = own.or_else(|| self.lanes.get(&id.lane())?.gateway.as_ref())?;
            let parts = message.state.numbers().zip(&message.state.parts);
            let mut named = parts.filter(|(_, p)| p.carrier_id() == Some(&report.carrier_id.0));
            let (part, _) = named.next()?;
            (through == gateway).then_some((id, part))
        });
        // Carriers use their ids again: the newest to bear one is meant.
        let (message, part) = mine.max()?;
        Some(Awaited {
            message,
            part,
            answered: None,
        })
    }

    fn reported(&mut self, awaited: &Awaited, report: &Report, gateway: &GatewayId) {
        let (id, part) = (awaited.message, awaited.part);
        let (phone, code) = (report.phone, report.code.as_str());
        let change = Change::Reported {
            status: report.status,
            code: code.to_owned(),
        };
        // A report of the first sending says nothing about the second.
        let asked = self
            .part_of(id, part)
            .filter(|p| p.carrier_id() == Some(awaited.own_id(&report.carrier_id.0)));
        let (about_this, was_doubt) = (asked.is_some(), asked.is_some_and(Part::is_doubt));
        if about_this && self.change(id, part, &change, Source::Carrier) {
            if was_doubt {
                self.no_doubt(gateway, phone, id, part);
            }
            let elsewhere = self
                .messages
                .get(&id)
                .and_then(|m| m.row.gateway.as_ref())
                .is_some_and(|g| g == gateway);
            if elsewhere && report.status == ReportStatus::Delivered {
                self.evidence.push((phone, gateway.clone()));
            }
            // One question less about this number: an orphan that waits may be tellable now.
            self.try_adopt(&(gateway.clone(), phone));
        } else {
            self.note(&Event::Heard {
                m: id,
                part,
                k: code.to_owned(),
            });
        }
    }

    fn orphan(&mut self, gateway: &GatewayId, report: &Report) {
        let place = (gateway.clone(), report.phone);
        let known = self.orphans.entry(place.clone()).or_default();
        if known.iter().any(|o| o.carrier_id == report.carrier_id.0) {
            return;
        }
        let row = OrphanReport {
            id: None,
            gateway: gateway.clone(),
            carrier_id: report.carrier_id.0.clone(),
            phone: report.phone,
            status: report.status,
            code: report.code.clone(),
            submit_time: report.submit_time.clone(),
            salt: crate::random::salt().to_vec(),
            at: self.now,
        };
        known.push(row.clone());
        self.new_orphans.push(row);
        self.try_adopt(&place);
    }

    /// The answer came after its report: the orphan with this id is its own.
    pub(super) fn early_report(
        &mut self,
        gateway: &GatewayId,
        phone: Phone,
        id: MessageId,
        part: u8,
        carrier_id: &str,
    ) {
        let place = (gateway.clone(), phone);
        let Some(orphans) = self.orphans.get_mut(&place) else {
            return;
        };
        let Some(at) = orphans.iter().position(|o| o.carrier_id == carrier_id) else {
            return;
        };
        let orphan = orphans.remove(at);
        self.settle_orphan(&orphan, id, part);
    }

    /// Settles the one doubtful message of a number by the orphans that can only be its own.
    pub(super) fn try_adopt(&mut self, place: &Place) {
        let Some((message, doubts)) = self.adoptable(place) else {
            return;
        };
        let orphans = self.orphans.get(place).cloned().unwrap_or_default();
        let mut fitting: Vec<_> = orphans
            .into_iter()
            .filter(|o| doubts.iter().any(|d| fits(o, d)))
            .collect();
        if fitting.len() != doubts.len() {
            return;
        }
        fitting.sort_by(|a, b| a.carrier_id.cmp(&b.carrier_id));
        for (doubt, orphan) in doubts.iter().zip(fitting) {
            let part = doubt.part;
            let adopted = Change::Adopted {
                id: orphan.carrier_id.clone(),
            };
            if self.change(message, part, &adopted, Source::Carrier) {
                self.forget_doubt(&place.0, place.1, message, part);
                let awaited = Awaited {
                    message,
                    part,
                    answered: None,
                };
                let key = (place.0.clone(), orphan.carrier_id.clone(), place.1);
                self.expect_report(key, awaited);
                if let Some(waiting) = self.orphans.get_mut(place) {
                    waiting.retain(|o| o.carrier_id != orphan.carrier_id);
                }
                self.settle_orphan(&orphan, message, part);
            }
        }
        self.send_rest(message, &place.0);
    }

    /// The one doubtful message at a place, with its doubtful parts, if nothing else of this number
    /// is open there.
    fn adoptable(&self, place: &Place) -> Option<(MessageId, Vec<Doubt>)> {
        if self.orphans.get(place)?.is_empty() {
            return None;
        }
        let mut doubts: Vec<_> = self
            .doubts
            .get(place)?
            .iter()
            .filter(|d| self.is_doubtful(d))
            .cloned()
            .collect();
        let message = doubts.first()?.message;
        let is_alone = doubts.iter().all(|d| d.message == message);
        if !is_alone || self.other_open(place, message) {
            return None;
        }
        doubts.sort_by_key(|d| d.part);
        doubts.dedup_by_key(|d| d.part);
        Some((message, doubts))
    }

    /// In doubt, and with nothing to know its report by but the number.
    fn is_doubtful(&self, d: &Doubt) -> bool {
        !self.drop_doubts.contains(&(d.message, d.part))
            && self
                .part_of(d.message, d.part)
                .is_none_or(|p| *p == Part::Doubt(None))
    }

    /// Is another message of this number open at this gateway, so that the orphan may be its own?
    /// What still waits in the queue has not been asked and can't have a report.
    fn other_open(&self, place: &Place, message: MessageId) -> bool {
        self.open.get(&place.1).into_iter().flatten().any(|row| {
            if row.id == message || row.gateway.as_ref() != Some(&place.0) {
                return false;
            }
            match self
                .messages
                .get(&row.id)
                .filter(|m| m.dirty)
                .and_then(|m| m.state.outcome())
            {
                Some((outcome, _)) => matches!(outcome, Outcome::Submitted | Outcome::InDoubt),
                None => matches!(
                    row.state,
                    LogState::Submitting | LogState::Outcome(Outcome::Submitted | Outcome::InDoubt)
                ),
            }
        })
    }

    fn settle_orphan(&mut self, orphan: &OrphanReport, id: MessageId, part: u8) {
        let change = Change::Reported {
            status: orphan.status,
            code: orphan.code.clone(),
        };
        if !self.change(id, part, &change, Source::Carrier) {
            self.note(&Event::Heard {
                m: id,
                part,
                k: orphan.code.clone(),
            });
        }
        match orphan.id {
            Some(known) => {
                self.note(&Event::Matched {
                    orphan: known,
                    m: id,
                });
                self.settled_orphans.push(known);
            }
            // It came and found its message within one commit: it was never an orphan to anybody.
            None => self.new_orphans.retain(|o| !o.is_same_report(orphan)),
        }
    }
}

/// Does the report's submit time agree with when the doubtful part was asked? Minutes of the hour
/// only; a report without a readable time fits.
fn fits(orphan: &OrphanReport, doubt: &Doubt) -> bool {
    let minute = orphan
        .submit_time
        .get(8..10)
        .and_then(|m| m.parse::<i64>().ok());
    let Some(minute) = minute.filter(|m| (0..60).contains(m)) else {
        return true;
    };
    let asked = (doubt.asked.0 / 60_000_000).rem_euclid(60);
    let apart = (minute - asked).rem_euclid(60);
    apart.min(60 - apart) <= FITS_MINUTES
}

/// An MO: kept once, whoever repeats it; an opt-out takes effect in the same commit.
pub(super) async fn mo(
    tx: &mut Tx,
    work: &mut Work<'_>,
    gateway: &GatewayId,
    mo: &Mo,
    words: &OptOutWords,
) -> store::Result<()> {
    let is_opt_out = words.is_opt_out(&mo.text);
    let new = KeptMo {
        id: 0,
        gateway: gateway.clone(),
        carrier_id: mo.carrier_id.0.clone(),
        phone: mo.phone,
        to: mo.to.clone(),
        text: mo.text.clone(),
        is_opt_out,
        salt: crate::random::salt().to_vec(),
        at: work.now,
    };
    let Some(kept) = tx.insert_mo(new).await? else {
        return Ok(());
    };
    let digest = hex::encode(salted(&kept.salt, kept.commitment().as_bytes()));
    work.note(&Event::Mo {
        mo: kept.id,
        gateway: gateway.clone(),
        opt_out: is_opt_out,
        digest,
    });
    if is_opt_out {
        let new = NewSuppression {
            phone: mo.phone,
            reason: "opt_out".to_owned(),
            source: format!("mo:{}", kept.id),
            salt: crate::random::salt().to_vec(),
            at: work.now,
        };
        if let Some(s) = tx.suppress(new).await? {
            let digest = hex::encode(salted(&s.salt, s.commitment().as_bytes()));
            work.note(&Event::Suppression {
                seq: s.seq,
                by: s.source,
                reason: s.reason,
                digest,
            });
        }
    }
    Ok(())
}
