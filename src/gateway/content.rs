//! What China's carriers have in common on the wire: Beijing time, a text's bytes behind their header, and what
//! the stat of a report means.

use chrono::{DateTime, FixedOffset};
use watchbell_wire::{
    FixedStr, StatKind,
    text::{self, Coding},
};

use super::Submit;
use crate::domain::{message::ReportStatus, time::Micros};

/// Beijing time, in which the carriers' timestamps are.
pub(super) const BEIJING: FixedOffset = FixedOffset::east_opt(8 * 3_600).expect("eight hours");

/// The longest content, user data header included, in UCS2.
const LONGEST: usize = 140;

/// The wall's time where the carriers are.
pub(super) fn beijing(at: Micros) -> DateTime<FixedOffset> {
    at.utc().with_timezone(&BEIJING)
}

/// SMPP's absolute time, which all have for the validity: tenths of a second, then quarter hours ahead of
/// UTC (SMPP 3.4 §7.1.1).
pub(super) fn valid_time(until: Micros) -> String {
    format!("{}032+", beijing(until).format("%y%m%d%H%M%S"))
}

/// The receivers as a carrier wants them.
pub(super) fn receivers<const N: usize>(
    batch: &[Submit],
    prefix: &str,
) -> Result<Vec<FixedStr<N>>, String> {
    let number = |submit: &Submit| FixedStr::new(format!("{prefix}{}", submit.phone.expose()));
    let numbers: Result<_, _> = batch.iter().map(number).collect();
    numbers.map_err(|e| e.to_string())
}

/// What a report's stat means; none while the message is on its way.
pub(super) fn report_status(kind: StatKind) -> Option<ReportStatus> {
    match kind {
        StatKind::Delivered => Some(ReportStatus::Delivered),
        StatKind::Expired => Some(ReportStatus::Expired),
        StatKind::Undelivered | StatKind::Rejected | StatKind::Deleted | StatKind::Unknown => {
            Some(ReportStatus::Undelivered)
        }
        StatKind::Accepted => None,
    }
}

/// The concatenation header of a part (`05 00 03`, reference, total, number); nothing for a short text.
fn header(submit: &Submit) -> Vec<u8> {
    let part = submit.part;
    if part.total > 1 {
        vec![5, 0, 3, part.reference, part.total, part.number]
    } else {
        Vec::new()
    }
}

/// The coding, and the content with its header: `narrow` with the bytes that it may have, where it carries
/// the text and saves something; UCS2 for everything else, because every message centre takes that.
pub(super) fn content(
    submit: &Submit,
    narrow: Option<(Coding, usize)>,
) -> Result<(Coding, Vec<u8>), String> {
    let header = header(submit);
    let ucs2_len = header.len() + 2 * submit.text.encode_utf16().count();
    // A part that fits in UCS2 may belong to a text that needs it: all parts should be alike.
    let worth_it = header.is_empty() || ucs2_len > LONGEST;
    match narrow.filter(|_| worth_it) {
        Some((coding, most)) if text::encode(&submit.text, coding).is_ok() => {
            fill(header, &submit.text, coding, most)
        }
        _ => fill(header, &submit.text, Coding::Ucs2, LONGEST),
    }
}

/// The text behind its header, in at most so many bytes.
fn fill(
    mut content: Vec<u8>,
    text: &str,
    coding: Coding,
    most: usize,
) -> Result<(Coding, Vec<u8>), String> {
    content.extend(text::encode(text, coding).map_err(|e| e.to_string())?);
    if content.len() > most {
        return Err(format!(
            "{} bytes of content, at most {most} fit",
            content.len()
        ));
    }
    Ok((coding, content))
}
