//! Doubt: what was asked and not answered, how it ends, and what it held up.

use super::{PartChange, work::Work};
use crate::{
    domain::{
        event::{Event, Source, Span},
        id::{GatewayId, LaneId, MessageId},
        message::{Change, Part},
        phone::Phone,
    },
    store::{
        hot::Doubt,
        lane::{Lane, Requeued},
    },
};

impl Work<'_> {
    /// A part was asked and not answered; `own` is its id where the protocol had it before. Then its report
    /// needs no answer, and may have come already.
    pub(super) fn doubt(&mut self, update: &PartChange, own: Option<&str>) {
        let row = Doubt {
            message: update.message,
            part: update.part,
            gateway: update.gateway.clone(),
            phone: update.phone,
            asked: update.asked,
            since: self.now,
            grace_over: false,
        };
        self.doubts
            .entry((update.gateway.clone(), update.phone))
            .or_default()
            .push(row.clone());
        self.drop_doubts.remove(&(update.message, update.part));
        self.put_doubts.insert((update.message, update.part), row);
        if let Some(id) = own {
            self.early_report(update, id);
            if !self.is_in_doubt(update.message, update.part) {
                self.no_doubt(&update.gateway, update.phone, update.message, update.part);
            }
        }
    }

    fn is_in_doubt(&self, message: MessageId, part: u8) -> bool {
        self.part_of(message, part).is_some_and(Part::is_doubt)
    }

    /// Its own report has settled it: what it held up goes on.
    pub(super) fn no_doubt(
        &mut self,
        gateway: &GatewayId,
        phone: Phone,
        message: MessageId,
        part: u8,
    ) {
        self.forget_doubt(gateway, phone, message, part);
        self.send_rest(message, gateway);
    }

    pub(super) fn forget_doubt(
        &mut self,
        gateway: &GatewayId,
        phone: Phone,
        message: MessageId,
        part: u8,
    ) {
        self.put_doubts.remove(&(message, part));
        self.drop_doubts.insert((message, part));
        if let Some(rows) = self.doubts.get_mut(&(gateway.clone(), phone)) {
            rows.retain(|d| (d.message, d.part) != (message, part));
        }
    }

    /// The last look before a doubtful message is sent again: its report may wait as an orphan, and a
    /// lane that is over sends nothing more. Then the doubt stays, and is held.
    pub(super) fn may_resend(&mut self, update: &PartChange) -> bool {
        self.last_look(update.phone);
        if !self.is_in_doubt(update.message, update.part) {
            return false;
        }
        let over = self.is_over(update.message.lane());
        if over {
            self.grace_expired(update.message, update.part);
        }
        !over
    }

    fn is_over(&self, lane: LaneId) -> bool {
        self.lanes.get(&lane).is_none_or(Lane::is_over)
    }

    /// The run's policy sends a doubtful message again, whole, with another reference.
    pub(super) fn resend(&mut self, update: &PartChange) {
        let id = update.message;
        let Some(state) = self.messages.get(&id).map(|m| &m.state) else {
            return;
        };
        let (parts, attempt) = (state.numbers(), state.attempt);
        for part in parts {
            self.forget_doubt(&update.gateway, update.phone, id, part);
        }
        self.requeue(Requeued {
            span: Span::of(id),
            part: 0,
            gateway: update.gateway.clone(),
            attempt,
            due: self.now,
        });
    }

    /// A doubt held up the parts behind it; now that it is settled they go, unless it is too late.
    pub(super) fn send_rest(&mut self, id: MessageId, gateway: &GatewayId) {
        let Some(message) = self.messages.get(&id) else {
            return;
        };
        let (Some(part), None) = (message.state.first_open(), message.state.outcome()) else {
            return;
        };
        let attempt = message.state.attempt;
        if self.is_over(id.lane()) {
            let reason = "too_late".to_owned();
            self.change(id, part, &Change::Cancelled { reason }, Source::Watchbell);
        } else {
            self.requeue(Requeued {
                span: Span::of(id),
                part,
                gateway: gateway.clone(),
                attempt,
                due: self.now,
            });
        }
    }

    /// Once more: an orphan that can only be this message's own settles it.
    fn last_look(&mut self, phone: Phone) {
        let places: Vec<_> = self
            .doubts
            .keys()
            .filter(|p| p.1 == phone)
            .cloned()
            .collect();
        for place in places {
            self.try_adopt(&place);
        }
    }

    /// A doubt's grace is over; the policy is to hold.
    pub(super) fn grace_expired(&mut self, message: MessageId, part: u8) {
        let Some(phone) = self.messages.get(&message).and_then(|m| m.row.phone) else {
            return;
        };
        if !self.is_in_doubt(message, part) {
            return;
        }
        self.last_look(phone);
        let mut doubts = self.doubts.values().flatten();
        let held = doubts.any(|d| (d.message, d.part) == (message, part) && d.grace_over);
        if held || !self.is_in_doubt(message, part) {
            return;
        }
        self.mark_grace_over(message, part, phone);
        self.note(&Event::Graced { m: message, part });
    }

    fn mark_grace_over(&mut self, message: MessageId, part: u8, phone: Phone) {
        for (place, rows) in &mut self.doubts {
            if place.1 != phone {
                continue;
            }
            for row in rows
                .iter_mut()
                .filter(|d| (d.message, d.part) == (message, part))
            {
                row.grace_over = true;
                self.put_doubts.insert((message, part), row.clone());
            }
        }
    }
}
