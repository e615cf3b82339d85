//! What a simulated carrier tells its client: reports and texts, as delivers.

use chrono::{Datelike, FixedOffset, Timelike};
use watchbell_wire::{
    FixedStr,
    cmpp::{Deliver, MsgId, MsgIdParts, Report, Stat, Version},
};

use crate::domain::{phone::Phone, time::Micros};

/// Beijing time, which CMPP speaks.
const BEIJING: FixedOffset = FixedOffset::east_opt(8 * 3_600).expect("eight hours");

/// Something to tell the client.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// The deliver's own id, the same when it is repeated.
    pub(super) id: MsgId,
    pub(super) content: JobContent,
}

#[derive(Debug, Clone)]
pub(super) enum JobContent {
    /// A report; `counts` on its first copy only.
    Report {
        msg_id: MsgId,
        phone: Phone,
        stat: &'static str,
        submit_time: FixedStr<10>,
        counts: bool,
    },
    /// A text from a phone, ready to go.
    Mo(Box<Deliver>),
}

/// One read's wall time, in the forms CMPP wants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wall {
    pub(super) parts: MsgIdParts,
    pub(super) stamp: FixedStr<10>,
}

impl Wall {
    pub(super) fn new(now: Micros) -> Self {
        let t = now.utc().with_timezone(&BEIJING);
        let parts = MsgIdParts {
            month: t.month() as u8,
            day: t.day() as u8,
            hour: t.hour() as u8,
            minute: t.minute() as u8,
            second: t.second() as u8,
            gateway: 0,
            sequence: 0,
        };
        let stamp = FixedStr::new(t.format("%y%m%d%H%M").to_string()).unwrap_or_default();
        Self { parts, stamp }
    }
}

impl Job {
    /// The deliver that tells it.
    pub(super) fn to_deliver(&self, access_number: &str, wall: &Wall) -> Deliver {
        match &self.content {
            JobContent::Mo(deliver) => (**deliver).clone(),
            JobContent::Report {
                msg_id,
                phone,
                stat,
                submit_time,
                ..
            } => {
                let number = FixedStr::new(phone.expose()).unwrap_or_default();
                let report = Report {
                    msg_id: *msg_id,
                    stat: Stat::new(stat).unwrap_or_default(),
                    submit_time: *submit_time,
                    done_time: wall.stamp,
                    dest_terminal_id: number,
                    smsc_sequence: self.id.0 as u32,
                };
                Deliver {
                    msg_id: self.id,
                    dest_id: FixedStr::new(access_number).unwrap_or_default(),
                    src_terminal_id: number,
                    registered_delivery: 1,
                    msg_content: report.build(Version::V20).unwrap_or_default(),
                    ..Deliver::default()
                }
            }
        }
    }
}
