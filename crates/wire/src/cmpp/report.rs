//! The report block that a deliver carries when `Registered_Delivery` is 1.

use bytes::{Bytes, BytesMut};

use super::{MsgId, Stat, Version};
use crate::{
    EncodeError, FixedStr,
    octets::{Reader, Writer},
};

/// A status report (CMPP 2.0 §7.4.5.1: 60 bytes; CMPP 3.0 §8.4.5.1: 71 bytes). Offsets are inside
/// `Msg_Content`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// u64 at 0: the id that `submit_resp` returned; further receivers of one submit count up from it.
    pub msg_id: MsgId,
    /// 7 bytes at 8: what became of the message.
    pub stat: Stat,
    /// 10 bytes at 15: `YYMMDDhhmm`, the gateway's local time.
    pub submit_time: FixedStr<10>,
    /// 10 bytes at 25: `YYMMDDhhmm`, the gateway's local time.
    pub done_time: FixedStr<10>,
    /// 21 bytes (2.0) or 32 (3.0) at 35: the receiver of the submit.
    pub dest_terminal_id: FixedStr<32>,
    /// u32 at 56 (2.0) or 67 (3.0).
    pub smsc_sequence: u32,
}

/// A block that has neither of the two sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("report block of {len} bytes; known sizes are 60 and 71")]
pub struct ReportSizeError {
    /// Size of the block in bytes.
    pub len: usize,
}

impl Report {
    /// Size of the block in bytes in 2.0.
    pub const LEN_V20: usize = 60;
    /// Size of the block in bytes in 3.0.
    pub const LEN_V30: usize = 71;

    /// Reads a block of either size. Its size alone decides the layout, because gateways of both
    /// versions were seen to send the other's.
    pub fn parse(block: &[u8]) -> Result<Self, ReportSizeError> {
        let error = ReportSizeError { len: block.len() };
        let receiver_len = match block.len() {
            Self::LEN_V20 => 21,
            Self::LEN_V30 => 32,
            _ => return Err(error),
        };
        Self::read(&mut Reader::new(block), receiver_len).map_err(|_| error)
    }

    fn read(r: &mut Reader<'_>, receiver_len: usize) -> Result<Self, crate::octets::Fault> {
        Ok(Self {
            msg_id: MsgId(r.u64("msg_id")?),
            stat: Stat(r.text("stat")?),
            submit_time: r.text("submit_time")?,
            done_time: r.text("done_time")?,
            dest_terminal_id: r.text_of("dest_terminal_id", receiver_len)?,
            smsc_sequence: r.u32("smsc_sequence")?,
        })
    }

    /// Writes the block in the size of `version`.
    pub fn build(&self, version: Version) -> Result<Bytes, EncodeError> {
        let (len, receiver_len) = match version {
            Version::V20 => (Self::LEN_V20, 21),
            Version::V30 => (Self::LEN_V30, 32),
        };
        let mut out = BytesMut::with_capacity(len);
        let mut w = Writer::new(&mut out);
        w.u64(self.msg_id.0);
        w.text(&self.stat.0);
        w.text(&self.submit_time);
        w.text(&self.done_time);
        w.text_of("dest_terminal_id", &self.dest_terminal_id, receiver_len)?;
        w.u32(self.smsc_sequence);
        Ok(out.freeze())
    }
}
