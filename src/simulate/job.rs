//! Reports and texts of a simulated carrier, before a protocol encodes them.

use chrono::{Datelike, FixedOffset, Timelike};
use watchbell_wire::{FixedStr, udh};

use crate::domain::{phone::Phone, time::Micros};

/// Beijing time, in which the carriers' timestamps are.
const BEIJING: FixedOffset = FixedOffset::east_opt(8 * 3_600).expect("eight hours");

/// Something to deliver to the client.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// The deliver's own id, the same when it is repeated.
    pub(super) id: u64,
    /// When it came to be; the same, too.
    pub(super) made: Wall,
    pub(super) content: JobContent,
}

#[derive(Debug, Clone)]
pub(super) enum JobContent {
    /// A report; `counts` on its first copy only.
    Report {
        serial: Serial,
        phone: Phone,
        stat: &'static str,
        /// `YYMMDDhhmm`.
        submitted: FixedStr<10>,
        counts: bool,
    },
    /// A text from a phone, or a part of one, in UCS2.
    Mo { phone: Phone, part: udh::SplitPart },
}

/// What a message id is made of; each protocol spells it in its own way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Serial {
    /// Counts the carrier's submits.
    pub(super) count: u64,
    /// Which receiver of its submit, from 0.
    pub(super) receiver: u16,
    /// When it was taken.
    pub(super) time: Wall,
    /// The client's own id of it, where it has one.
    pub(super) own: [u32; 3],
}

/// One read's wall time in Beijing, in the forms that the protocols want.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wall {
    pub(super) month: u8,
    pub(super) day: u8,
    pub(super) hour: u8,
    pub(super) minute: u8,
    pub(super) second: u8,
    /// `YYMMDDhhmm`.
    pub(super) stamp: FixedStr<10>,
    /// `YYYYMMDDhhmmss`.
    pub(super) long_stamp: FixedStr<14>,
}

impl Wall {
    pub(super) fn new(now: Micros) -> Self {
        let t = now.utc().with_timezone(&BEIJING);
        Self {
            month: t.month() as u8,
            day: t.day() as u8,
            hour: t.hour() as u8,
            minute: t.minute() as u8,
            second: t.second() as u8,
            stamp: FixedStr::new(t.format("%y%m%d%H%M").to_string()).unwrap_or_default(),
            long_stamp: FixedStr::new(t.format("%Y%m%d%H%M%S").to_string()).unwrap_or_default(),
        }
    }

    /// The same day at midnight.
    pub(super) fn midnight(self) -> Self {
        Self {
            hour: 0,
            minute: 0,
            second: 0,
            ..self
        }
    }
}
