//! Reports and MOs: whose is it? A known id first; then the number's own messages; then an orphan,
//! kept until it can only be one message's.

use std::time::Duration;

use super::{
    fit::{REPEATED_WITHIN, fits, time_is_between},
    work::{Awaited, Place, Work},
};
use crate::{
    domain::{
        event::{Event, Source},
        id::{GatewayId, MessageId},
        ledger::salted,
        message::{Change, LogState, Outcome, Part, ReportStatus},
        optout::OptOutWords,
        time::Micros,
    },
    engine::journal::PartChange,
    gateway::{Mo, Report},
    store::{
        self, Tx,
        contact::NewSuppression,
        hot::{Doubt, OrphanReport},
        lane::Lane,
        mo::{Arrived, KeptMo},
    },
};

impl Work<'_> {
    pub(super) fn report(&mut self, gateway: &GatewayId, report: &Report) {
        let key = (gateway.clone(), report.carrier_id.0.clone(), report.phone);
        let newest = self.inflight.get(&key).cloned();
        let awaited = match newest {
            Some(awaited) if awaited.may_have(report) => Some(awaited),
            // Of a carrier that uses its ids again this may be the report of an older message. Where no other
            // bears the id, the carrier's clock is wrong: id and number say enough.
            newest => self
                .known_by_number(gateway, report, newest.as_ref().map(|n| n.message))
                .or(newest),
        };
        match awaited {
            Some(awaited) => self.reported(&awaited, report, gateway),
            None => self.orphan(gateway, report),
        }
    }

    /// The id is an old one: `inflight` has forgotten it, or knows a newer message by it; the number's
    /// messages have not.
    fn known_by_number(
        &self,
        gateway: &GatewayId,
        report: &Report,
        not: Option<MessageId>,
    ) -> Option<Awaited> {
        let mine = self.by_phone.get(&report.phone)?.iter().filter_map(|&id| {
            let message = self.messages.get(&id).filter(|_| Some(id) != not)?;
            let lane = self.lanes.get(&id.lane())?;
            let own = message.row.gateway.as_ref();
            let through = own.or(lane.gateway.as_ref())?;
            let parts = message.state.numbers().zip(&message.state.parts);
            let mut named = parts.filter(|(_, p)| p.carrier_id() == Some(&report.carrier_id.0));
            let (part, _) = named.next()?;
            (through == gateway && self.may_be_of(lane, report)).then_some((id, part))
        });
        // Carriers use their ids again: the newest to bear one is meant.
        let (message, part) = mine.max()?;
        Some(Awaited {
            message,
            part,
            answered: None,
            since: None,
        })
    }

    /// Can a report that comes now be about a message of this lane? Not when it states a submit outside of
    /// the run's time, nor when the run has been over for a report window: its ids have begun anew since.
    fn may_be_of(&self, lane: &Lane, report: &Report) -> bool {
        let from = lane.opened.unwrap_or(Micros(0));
        let to = lane.closed.unwrap_or(self.now);
        self.now.since(to) <= self.window && time_is_between(&report.submit_time, from, to)
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
        if self.is_repeated(&place, report) {
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
        self.orphans
            .entry(place.clone())
            .or_default()
            .push(row.clone());
        self.new_orphans.push(row);
        self.try_adopt(&place);
    }

    /// Is an orphan that waits this very report, word for word? Not when something was handed over to the
    /// number since that it may be about: an id that comes again may be another message's.
    fn is_repeated(&self, place: &Place, report: &Report) -> bool {
        let mut same = self.orphans.get(place).into_iter().flatten().filter(|o| {
            (&o.carrier_id, o.status) == (&report.carrier_id.0, report.status)
                && (&o.code, &o.submit_time) == (&report.code, &report.submit_time)
        });
        let Some(waiting) = same.next_back() else {
            return false;
        };
        let asked_since = self
            .doubts
            .get(place)
            .is_some_and(|doubts| doubts.iter().any(|d| d.asked > waiting.at));
        let at_once = self.now.since(waiting.at) <= REPEATED_WITHIN;
        !asked_since && (at_once || !self.is_on_its_way(place))
    }

    /// Is a message of this number handed over here and not answered?
    fn is_on_its_way(&self, place: &Place) -> bool {
        let mut open = self.open.get(&place.1).into_iter().flatten();
        open.any(|m| m.gateway.as_ref() == Some(&place.0) && m.state == LogState::Submitting)
    }

    /// The answer came after its report: the orphan with this id is its own, if it came after the message was
    /// handed over. Ids come again.
    pub(super) fn early_report(&mut self, update: &PartChange, carrier_id: &str) {
        let place = (update.gateway.clone(), update.phone);
        self.settle_orphans(
            &place,
            carrier_id,
            update.asked,
            (update.message, update.part),
        );
    }

    /// All orphans with this id that came since `asked` are this part's: the first speaks, the others repeat.
    fn settle_orphans(
        &mut self,
        place: &Place,
        carrier_id: &str,
        asked: Micros,
        (id, part): (MessageId, u8),
    ) {
        let Some(orphans) = self.orphans.get_mut(place) else {
            return;
        };
        let (own, others): (Vec<_>, Vec<_>) = std::mem::take(orphans)
            .into_iter()
            .partition(|o| o.carrier_id == carrier_id && o.at >= asked);
        *orphans = others;
        for orphan in own {
            self.settle_orphan(&orphan, id, part);
        }
    }

    /// Settles the one doubtful message of a number by the orphans that can only be its own.
    pub(super) fn try_adopt(&mut self, place: &Place) {
        let Some((message, doubts)) = self.adoptable(place) else {
            return;
        };
        let window = self.window;
        let mut fitting: Vec<OrphanReport> = self
            .orphans
            .get(place)
            .into_iter()
            .flatten()
            .filter(|o| doubts.iter().any(|d| fits(o, d.asked, window)))
            .cloned()
            .collect();
        fitting.sort_by(|a, b| (&a.carrier_id, a.at).cmp(&(&b.carrier_id, b.at)));
        fitting.dedup_by(|a, b| a.carrier_id == b.carrier_id);
        if fitting.len() != doubts.len() {
            return;
        }
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
                    since: Some(doubt.asked),
                };
                let key = (place.0.clone(), orphan.carrier_id.clone(), place.1);
                self.expect_report(key, awaited);
                let asked = doubt.asked;
                self.settle_orphans(place, &orphan.carrier_id, asked, (message, part));
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
            None => self.new_orphans.retain(|o| o.salt != orphan.salt),
        }
    }
}

/// The same text with the same id from the same number so soon is the carrier's repetition: protocols repeat what was
/// not acknowledged three times a minute apart, and once more after a new login. Later repetitions (some
/// carriers try for three days) are kept again, which is better than a new text taken for an old one.
const MO_REPEATED_WITHIN: Duration = Duration::from_mins(10);

/// An MO: kept once, though the carrier repeats it; an opt-out takes effect in the same commit, also a repeated one.
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
    let kept = match tx.insert_mo(new, MO_REPEATED_WITHIN).await? {
        Arrived::Again(id) => id,
        Arrived::New(kept) => {
            let digest = hex::encode(salted(&kept.salt, kept.commitment().as_bytes()));
            work.note(&Event::Mo {
                mo: kept.id,
                gateway: gateway.clone(),
                opt_out: is_opt_out,
                digest,
            });
            kept.id
        }
    };
    if is_opt_out {
        let new = NewSuppression {
            phone: mo.phone,
            reason: "opt_out".to_owned(),
            source: format!("mo:{kept}"),
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
