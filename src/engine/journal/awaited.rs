//! Reports that are awaited: under which ids, for which parts, and for how long.

use super::{
    PartChange,
    work::{Awaited, Work},
};
use crate::{
    domain::{
        event::Source,
        id::GatewayId,
        message::{Change, Part},
        phone::Phone,
    },
    store::hot::ReportWait,
};

impl Work<'_> {
    /// A part's report will come under this id.
    pub(super) fn expect_report(&mut self, key: (GatewayId, String, Phone), awaited: Awaited) {
        self.new_inflight.push(ReportWait {
            gateway: key.0.clone(),
            carrier_id: key.1.clone(),
            phone: key.2,
            message: awaited.message,
            part: awaited.part,
            since: self.now,
            answered: awaited.answered.clone(),
        });
        self.inflight.insert(key, awaited);
    }

    /// A part was taken under this id, and by counting perhaps under another.
    pub(super) fn expect_reports(&mut self, update: &PartChange, id: &str) {
        let mut expect = |carrier_id: &str, answered: Option<&str>| {
            let awaited = Awaited {
                message: update.message,
                part: update.part,
                answered: answered.map(str::to_owned),
                since: Some(self.now),
            };
            let key = (update.gateway.clone(), carrier_id.to_owned(), update.phone);
            self.expect_report(key, awaited);
        };
        expect(id, None);
        if let Some(counted) = &update.counted {
            expect(counted, Some(id));
        }
    }

    /// The report window is over: `inflight` forgets, a message still without a word is unconfirmed.
    pub(super) fn window_over(&mut self, wait: &ReportWait) {
        // Parts go in their order, so the windows of those before this one are over too.
        let silent = (0..=wait.part)
            .rev()
            .find(|part| matches!(self.part_of(wait.message, *part), Some(Part::Accepted(_))));
        if let Some(part) = silent {
            self.change(wait.message, part, &Change::Unconfirmed, Source::Watchbell);
        }
        self.drop_inflight.push(wait.clone());
        self.try_adopt(&(wait.gateway.clone(), wait.phone));
    }
}
