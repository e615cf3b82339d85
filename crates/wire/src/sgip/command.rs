//! Command ids and the header.

use super::Sequence;

/// The layout on the wire. There is one; 1.1 has the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Version {
    /// SGIP 1.2.
    #[default]
    V12,
}

/// Command ID, u32 at offset 4 (SGIP 1.2, message header). A response is its request with bit 31 set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum CommandId {
    /// Log in.
    Bind = 0x0000_0001,
    /// Answer to bind.
    BindResp = 0x8000_0001,
    /// Log out.
    Unbind = 0x0000_0002,
    /// Answer to unbind.
    UnbindResp = 0x8000_0002,
    /// Send a message.
    Submit = 0x0000_0003,
    /// Answer to submit.
    SubmitResp = 0x8000_0003,
    /// Message from a phone.
    Deliver = 0x0000_0004,
    /// Answer to deliver.
    DeliverResp = 0x8000_0004,
    /// Status report.
    Report = 0x0000_0005,
    /// Answer to report.
    ReportResp = 0x8000_0005,
    /// A user's state changed.
    UserRpt = 0x0000_0011,
    /// Answer to userrpt.
    UserRptResp = 0x8000_0011,
    /// Where is a message?
    Trace = 0x0000_1000,
    /// Answer to trace.
    TraceResp = 0x8000_1000,
}

impl CommandId {
    /// The id as on the wire.
    pub const fn to_wire(self) -> u32 {
        self as u32
    }

    /// The command of an id; `None` for ids of route servers (6 to 0x10) and unknown ones.
    pub const fn from_wire(id: u32) -> Option<Self> {
        Some(match id {
            0x0000_0001 => Self::Bind,
            0x8000_0001 => Self::BindResp,
            0x0000_0002 => Self::Unbind,
            0x8000_0002 => Self::UnbindResp,
            0x0000_0003 => Self::Submit,
            0x8000_0003 => Self::SubmitResp,
            0x0000_0004 => Self::Deliver,
            0x8000_0004 => Self::DeliverResp,
            0x0000_0005 => Self::Report,
            0x8000_0005 => Self::ReportResp,
            0x0000_0011 => Self::UserRpt,
            0x8000_0011 => Self::UserRptResp,
            0x0000_1000 => Self::Trace,
            0x8000_1000 => Self::TraceResp,
            _ => return None,
        })
    }

    /// True when bit 31 is set.
    pub const fn is_response(self) -> bool {
        self.to_wire() & 0x8000_0000 != 0
    }
}

/// What is known of a frame whose body could not be read; enough to answer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Message Length, u32 at offset 0: size of the frame in bytes.
    pub message_length: u32,
    /// Command ID, u32 at offset 4, as read; see [`CommandId::from_wire`].
    pub command_id: u32,
    /// Sequence Number, 12 bytes at offset 8.
    pub sequence: Sequence,
}
