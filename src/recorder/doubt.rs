//! Doubt: what was asked and not answered, how it ends, and what it held up.

use super::{
    PartNews, Release,
    work::{Message, Work},
};
use crate::{
    domain::{
        event::{Event, Source, Span},
        id::{GatewayId, LaneId, MessageId},
        message::{Change, Part},
        phone::Phone,
    },
    store::hot::DoubtRow,
};

impl Work<'_> {
    /// A part was asked and not answered; `own` is its id where the protocol had it before. Then its report
    /// needs no answer, and may have come already.
    pub(super) fn doubt(&mut self, news: &PartNews, own: Option<&str>) {
        let row = DoubtRow {
            message_id: news.message.0,
            part: i64::from(news.part),
            lane_id: news.message.lane().0,
            gateway: news.gateway.0.clone(),
            phone: news.phone.expose(),
            asked_us: news.asked.0,
            since_us: self.now.0,
            gone: i64::from(news.gone),
            graced: 0,
        };
        self.doubts
            .entry((news.gateway.clone(), news.phone))
            .or_default()
            .push(row.clone());
        self.drop_doubts.remove(&(news.message, news.part));
        self.put_doubts.insert((news.message, news.part), row);
        if let Some(id) = own {
            self.early_report(&news.gateway, news.phone, news.message, news.part, id);
            if !self.is_in_doubt(news.message, news.part) {
                self.no_doubt(&news.gateway, news.phone, news.message, news.part);
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
            rows.retain(|d| (d.message_id, d.part) != (message.0, i64::from(part)));
        }
    }

    /// The last look before a doubtful message is sent again: its report may wait as an orphan, and a
    /// lane that is over sends nothing more. Then the doubt stays, and is held.
    pub(super) fn may_resend(&mut self, news: &PartNews) -> bool {
        self.last_look(news.message, news.part, news.phone);
        if !self.is_in_doubt(news.message, news.part) {
            return false;
        }
        let over = self.is_over(news.message.lane());
        if over {
            self.grace(news.message, news.part);
        }
        !over
    }

    fn is_over(&self, lane: LaneId) -> bool {
        self.lanes
            .get(&lane)
            .is_none_or(|l| l.closed_us > 0 || !l.end_reason.is_empty())
    }

    /// The run's policy sends a doubtful message again, whole, with another reference.
    pub(super) fn resend(&mut self, news: &PartNews) {
        let id = news.message;
        let parts = self.messages.get(&id).map_or(1, |m| m.standing.parts.len());
        for part in 0..parts {
            self.forget_doubt(
                &news.gateway,
                news.phone,
                id,
                u8::try_from(part).unwrap_or(u8::MAX),
            );
        }
        let attempt = self.messages.get(&id).map_or(2, |m| m.standing.attempt);
        let span = Span {
            lane: id.lane(),
            from: id.position(),
            to: id.position() + 1,
        };
        self.requeue(&Release {
            span,
            part: 0,
            gateway: news.gateway.clone(),
            attempt,
            due: self.now,
        });
    }

    /// A doubt held up the parts behind it; now that it is settled they go, unless it is too late.
    pub(super) fn send_rest(&mut self, id: MessageId, gateway: &GatewayId) {
        let Some(message) = self.messages.get(&id) else {
            return;
        };
        let waiting = message.standing.parts.iter().position(|p| *p == Part::Open);
        let (Some(part), None) = (waiting, message.standing.outcome()) else {
            return;
        };
        let (part, attempt) = (u8::try_from(part).unwrap_or(0), message.standing.attempt);
        if self.is_over(id.lane()) {
            let reason = "too_late".to_owned();
            self.change(id, part, &Change::Cancelled { reason }, Source::Watchbell);
        } else {
            let span = Span {
                lane: id.lane(),
                from: id.position(),
                to: id.position() + 1,
            };
            self.requeue(&Release {
                span,
                part,
                gateway: gateway.clone(),
                attempt,
                due: self.now,
            });
        }
    }

    /// A doubtful part's answer can no longer come: orphans may now be its own.
    pub(super) fn gone(&mut self, message: MessageId, part: u8) {
        let Some(phone) = self.messages.get(&message).and_then(Message::phone) else {
            return;
        };
        if self.is_in_doubt(message, part) {
            self.last_look(message, part, phone);
        }
    }

    /// From now on no answer is waited for: an orphan that can only be this message's own settles it.
    fn last_look(&mut self, message: MessageId, part: u8, phone: Phone) {
        self.mark_doubt(message, part, phone, |d| d.gone = 1);
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
    pub(super) fn grace(&mut self, message: MessageId, part: u8) {
        let Some(phone) = self.messages.get(&message).and_then(Message::phone) else {
            return;
        };
        if !self.is_in_doubt(message, part) {
            return;
        }
        self.last_look(message, part, phone);
        let mut doubts = self.doubts.values().flatten();
        let held =
            doubts.any(|d| (d.message_id, d.part, d.graced) == (message.0, i64::from(part), 1));
        if held || !self.is_in_doubt(message, part) {
            return;
        }
        self.mark_doubt(message, part, phone, |d| d.graced = 1);
        self.note(&Event::Graced {
            m: message,
            part: i64::from(part),
        });
    }

    fn mark_doubt(
        &mut self,
        message: MessageId,
        part: u8,
        phone: Phone,
        mark: impl Fn(&mut DoubtRow),
    ) {
        for (place, rows) in &mut self.doubts {
            if place.1 != phone {
                continue;
            }
            for row in rows
                .iter_mut()
                .filter(|d| (d.message_id, d.part) == (message.0, i64::from(part)))
            {
                mark(row);
                self.put_doubts.insert((message, part), row.clone());
            }
        }
    }
}
