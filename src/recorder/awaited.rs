//! Reports that are awaited: under which ids, for which parts, and for how long.

use super::{PartNews, work::Work};
use crate::{
    domain::{
        event::Source,
        id::{GatewayId, MessageId},
        message::{Change, Part},
        phone::Phone,
    },
    store::hot::InflightRow,
};

/// A part whose report is awaited.
#[derive(Debug, Clone)]
pub(super) struct Awaited {
    pub(super) message: MessageId,
    pub(super) part: u8,
    /// The id that the answer gave, where the awaited one is by counting; else empty.
    pub(super) answered: String,
}

impl Awaited {
    /// The part's own id, where a report names `reported`.
    pub(super) fn own_id<'a>(&'a self, reported: &'a str) -> &'a str {
        match self.answered.as_str() {
            "" => reported,
            answered => answered,
        }
    }
}

impl Work<'_> {
    /// A part's report will come under this id.
    pub(super) fn expect_report(&mut self, key: (GatewayId, String, Phone), awaited: Awaited) {
        self.new_inflight.push(InflightRow {
            gateway: key.0.0.clone(),
            carrier_id: key.1.clone(),
            phone: key.2.expose(),
            message_id: awaited.message.0,
            lane_id: awaited.message.lane().0,
            part: i64::from(awaited.part),
            at_us: self.now.0,
            answered: awaited.answered.clone(),
        });
        self.inflight.insert(key, awaited);
    }

    /// A part was taken under this id, and by counting perhaps under another.
    pub(super) fn expect_reports(&mut self, news: &PartNews, id: &str) {
        let mut expect = |carrier_id: &str, answered: &str| {
            let awaited = Awaited {
                message: news.message,
                part: news.part,
                answered: answered.to_owned(),
            };
            let key = (news.gateway.clone(), carrier_id.to_owned(), news.phone);
            self.expect_report(key, awaited);
        };
        expect(id, "");
        if let Some(counted) = &news.counted {
            expect(counted, id);
        }
    }

    /// The report window is over: `inflight` forgets, a message still without a word is unconfirmed.
    pub(super) fn window_over(&mut self, row: &InflightRow) {
        let id = MessageId(row.message_id);
        // Parts go in their order, so the windows of those before this one are over too.
        let silent = (0..=u8::try_from(row.part).unwrap_or(0))
            .rev()
            .find(|part| matches!(self.part_of(id, *part), Some(Part::Accepted(_))));
        if let Some(part) = silent {
            self.change(id, part, &Change::Unconfirmed, Source::Watchbell);
        }
        self.drop_inflight.push(row.clone());
        if let Some(phone) = Phone::from_wire(&row.phone) {
            self.try_adopt(&(GatewayId(row.gateway.clone()), phone));
        }
    }
}
