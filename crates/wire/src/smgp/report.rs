//! The report block that a deliver carries when `IsReport` is 1: text around a binary id.

use bytes::{Bytes, BytesMut};

use super::{MsgId, Stat};
use crate::{EncodeError, FixedStr, octets::Writer};

/// A status report, 122 bytes (SMGP 3.0 §6.2, `MsgContent`). Offsets are inside `MsgContent`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// 10 bytes at 3, behind `id:`: raw bytes, not text; the id that `submit_resp` returned.
    pub msg_id: MsgId,
    /// 3 bytes at 18, behind ` sub:`: messages submitted, `001`.
    pub sub: FixedStr<3>,
    /// 3 bytes at 28, behind ` dlvrd:`: messages delivered, `001`.
    pub dlvrd: FixedStr<3>,
    /// 10 bytes at 44, behind ` Submit date:`: `YYMMDDhhmm`, the gateway's local time.
    pub submit_date: FixedStr<10>,
    /// 10 bytes at 65, behind ` done date:`: `YYMMDDhhmm`, the gateway's local time.
    pub done_date: FixedStr<10>,
    /// 7 bytes at 81, behind ` stat:`, and 3 bytes at 93, behind ` err:`.
    pub stat: Stat,
    /// At most 20 bytes at 102, behind ` Text:`: three digits of length and the start of the message, in
    /// any coding; trailing zero bytes are dropped.
    pub txt: Bytes,
}

/// A block that is no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// It neither begins with `id:` and ten bytes nor has the shape of CMPP's block.
    #[error("no id at the start of {len} bytes of report")]
    NoId {
        /// Size of the block in bytes.
        len: usize,
    },
    /// Nothing says what became of the message.
    #[error("the report has neither stat nor err")]
    NoStat,
}

/// Longest `Txt` in bytes.
const MAX_TXT: usize = 20;

impl Report {
    /// Size of the block in bytes.
    pub const LEN: usize = 122;

    /// Reads a block. Besides the document's form: labels in any case and with `_` in place of blanks,
    /// labels left out, an id of 20 hexadecimal digits, a `Txt` of any length, and CMPP's binary block.
    ///
    /// The id may hold any byte, so nothing is looked for inside it.
    pub fn parse(block: &[u8]) -> Result<Self, ReportError> {
        match find_id(block) {
            Some((msg_id, text)) => Self::parse_text(msg_id, text),
            None => Self::parse_binary(block).ok_or(ReportError::NoId { len: block.len() }),
        }
    }

    fn parse_text(msg_id: MsgId, text: &[u8]) -> Result<Self, ReportError> {
        let value = |label: &[u8]| Some(behind(text, label)?.1);
        let stat = value(b" stat:");
        let err = value(b" err:");
        if stat.is_none() && err.is_none() {
            return Err(ReportError::NoStat);
        }
        // The message may hold a label of its own; what stands behind Err is meant.
        let from = behind(text, b" err:").or_else(|| behind(text, b" stat:"));
        let tail = text.get(from.map_or(0, |(at, _)| at)..).unwrap_or_default();
        let txt = behind(tail, b" text:").or_else(|| behind(tail, b" txt:"));
        Ok(Self {
            msg_id,
            sub: field(value(b" sub:")),
            dlvrd: field(value(b" dlvrd:")),
            submit_date: field(value(b" submit date:")),
            done_date: field(value(b" done date:")),
            stat: Stat {
                stat: field(stat),
                err: field(err),
            },
            txt: trimmed(txt.map_or(&[], |(_, txt)| txt)),
        })
    }

    /// CMPP's block, which converters between the protocols were seen to pass on: an id of 8 or 10
    /// bytes, Stat, two times, the receiver in 21 or 32 bytes, a number.
    fn parse_binary(block: &[u8]) -> Option<Self> {
        let id_len = match block.len() {
            60 | 71 => 8,
            62 | 73 => 10,
            _ => return None,
        };
        let (id, rest) = block.split_at_checked(id_len)?;
        let (stat, rest) = rest.split_at_checked(7)?;
        let (submit, rest) = rest.split_at_checked(10)?;
        let done = rest.get(..10)?;
        if !stat
            .iter()
            .all(|&byte| byte == 0 || byte.is_ascii_graphic())
            || stat[0] == 0
        {
            return None;
        }
        let mut msg_id = MsgId::default();
        msg_id.0.get_mut(10 - id_len..)?.copy_from_slice(id);
        Some(Self {
            msg_id,
            submit_date: FixedStr::from_field(submit),
            done_date: FixedStr::from_field(done),
            stat: Stat {
                stat: FixedStr::from_field(stat),
                err: FixedStr::EMPTY,
            },
            ..Self::default()
        })
    }

    /// Writes the block as the document has it.
    pub fn build(&self) -> Result<Bytes, EncodeError> {
        let Some(padding) = MAX_TXT.checked_sub(self.txt.len()) else {
            return Err(EncodeError::TooLong {
                field: "txt",
                len: self.txt.len(),
                max: MAX_TXT,
            });
        };
        let mut out = BytesMut::with_capacity(Self::LEN);
        let mut w = Writer::new(&mut out);
        w.bytes(b"id:");
        w.bytes(&self.msg_id.0);
        w.bytes(b" sub:");
        w.text(&self.sub);
        w.bytes(b" dlvrd:");
        w.text(&self.dlvrd);
        w.bytes(b" Submit date:");
        w.text(&self.submit_date);
        w.bytes(b" done date:");
        w.text(&self.done_date);
        w.bytes(b" stat:");
        w.text(&self.stat.stat);
        w.bytes(b" err:");
        w.text(&self.stat.err);
        w.bytes(b" Text:");
        w.bytes(&self.txt);
        w.bytes(&[0; MAX_TXT][..padding]);
        Ok(out.freeze())
    }
}

/// The id, and what stands behind it.
fn find_id(block: &[u8]) -> Option<(MsgId, &[u8])> {
    let (label, rest) = block.split_at_checked(3)?;
    if !label.eq_ignore_ascii_case(b"id:") {
        return None;
    }
    let (id, text) = rest.split_first_chunk()?;
    if !text.first().is_some_and(u8::is_ascii_whitespace)
        && let Some((digits, behind)) = rest.split_at_checked(20)
        && behind.first().is_none_or(u8::is_ascii_whitespace)
        && let Ok(digits) = str::from_utf8(digits)
        && let Ok(msg_id) = digits.parse()
    {
        return Some((msg_id, behind));
    }
    Some((MsgId(*id), text))
}

/// Where a label ends and what stands behind it. A blank in the label matches any one byte, but at its
/// start only a blank.
fn behind<'a>(text: &'a [u8], label: &[u8]) -> Option<(usize, &'a [u8])> {
    let matches = |window: &[u8]| {
        let pairs = window.iter().zip(label).enumerate();
        pairs.into_iter().all(|(at, (byte, wanted))| {
            byte.eq_ignore_ascii_case(wanted) || (at > 0 && *wanted == b' ')
        })
    };
    let at = text.windows(label.len()).position(matches)? + label.len();
    Some((at, text.get(at..)?))
}

/// A value at the start of `text`: all of its size when a blank or the end follows, else up to the
/// first blank.
fn field<const N: usize>(text: Option<&[u8]>) -> FixedStr<N> {
    let text = text.unwrap_or_default();
    let (value, behind) = text.split_at_checked(N).unwrap_or((text, &[]));
    if behind.first().is_none_or(|&byte| byte == b' ') {
        return FixedStr::from_field(value);
    }
    FixedStr::from_field(value.split(|&byte| byte == b' ').next().unwrap_or_default())
}

fn trimmed(txt: &[u8]) -> Bytes {
    let txt = txt.get(..MAX_TXT).unwrap_or(txt);
    let end = txt
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |at| at + 1);
    Bytes::copy_from_slice(&txt[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Report {
        Report {
            // Blanks, a colon, a label: the id is binary.
            msg_id: MsgId(*b"\x01 stat:\x00\xFF "),
            sub: FixedStr::new("001").expect("fits"),
            dlvrd: FixedStr::new("001").expect("fits"),
            submit_date: FixedStr::new("2306150930").expect("fits"),
            done_date: FixedStr::new("2306150931").expect("fits"),
            stat: Stat::new("UNDELIV", "003").expect("fits"),
            txt: Bytes::from_static(b"012 stat:DELIVRD"),
        }
    }

    #[test]
    fn a_label_in_the_id_or_in_the_text_misleads_nobody() {
        let block = sample().build().expect("fits");
        assert_eq!(block.len(), Report::LEN);
        assert_eq!(block[75..88], *b" stat:UNDELIV");
        assert_eq!(Report::parse(&block), Ok(sample()));
    }

    #[test]
    fn an_id_in_digits_is_read_as_such() {
        let block = b"id:01006106150930921684 sub:001 dlvrd:001 submit_date:2306150930 \
            done_date:2306150931 stat:DELIVRD err:000 text:";
        let report = Report::parse(block).expect("a report");
        assert_eq!(report.msg_id.to_string(), "01006106150930921684");
        assert_eq!(report.submit_date, "2306150930");
        assert_eq!(report.done_date, "2306150931");
        assert_eq!(report.stat.to_string(), "DELIVRD:000");
        assert!(report.txt.is_empty());
    }

    #[test]
    fn labels_may_be_missing_and_values_short() {
        let report = Report::parse(b"ID:0123456789 sub:1 Stat:DELIVRD").expect("a report");
        assert_eq!(report.msg_id, MsgId(*b"0123456789"));
        assert_eq!(report.sub, "1");
        assert_eq!(report.stat.to_string(), "DELIVRD:");
        assert_eq!(report.done_date, "");
    }

    #[test]
    fn a_block_of_cmpp_is_read() {
        let mut block = [0; 60];
        block[..8].copy_from_slice(&[9; 8]);
        block[8..15].copy_from_slice(b"EXPIRED");
        block[15..25].copy_from_slice(b"2306150930");
        let report = Report::parse(&block).expect("a report");
        assert_eq!(report.msg_id, MsgId([0, 0, 9, 9, 9, 9, 9, 9, 9, 9]));
        assert_eq!(report.stat.to_string(), "EXPIRED:");
        assert_eq!(report.submit_date, "2306150930");
    }

    #[test]
    fn what_is_no_report_is_refused_with_a_reason() {
        for block in [&b""[..], b"id:", b"id:123456789", b"hello", &[0; 60]] {
            let len = block.len();
            assert_eq!(Report::parse(block), Err(ReportError::NoId { len }));
        }
        assert_eq!(
            Report::parse(b"id:0123456789 sub:001"),
            Err(ReportError::NoStat)
        );
    }
}
