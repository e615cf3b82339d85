//! Versions, command ids and the header.

use super::MsgId;

/// The two layouts on the wire. 2.1 uses the layout of 2.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// CMPP 2.0 and 2.1.
    V20,
    /// CMPP 3.0.
    V30,
}

impl Version {
    /// The layout a Version byte asks for (CMPP 2.0 §7.4.1.1: high nibble major, low nibble minor).
    ///
    /// `0x7F`, a private dialect seen on some gateways, has the layout of 3.0. `None` for anything else:
    /// keep the layout in use.
    pub const fn from_wire(byte: u8) -> Option<Self> {
        match byte {
            0x20..=0x2F => Some(Self::V20),
            0x30..=0x3F | 0x7F => Some(Self::V30),
            _ => None,
        }
    }

    /// The Version byte for connect: `0x20` or `0x30`.
    pub const fn to_wire(self) -> u8 {
        match self {
            Self::V20 => 0x20,
            Self::V30 => 0x30,
        }
    }
}

/// `Command_Id`, u32 at offset 4 (CMPP 2.0 §7.3 and appendix). A response is its request with bit 31 set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum CommandId {
    /// Log in.
    Connect = 0x0000_0001,
    /// Answer to connect.
    ConnectResp = 0x8000_0001,
    /// Log out.
    Terminate = 0x0000_0002,
    /// Answer to terminate.
    TerminateResp = 0x8000_0002,
    /// Send a message.
    Submit = 0x0000_0004,
    /// Answer to submit.
    SubmitResp = 0x8000_0004,
    /// Message from a phone, or a status report.
    Deliver = 0x0000_0005,
    /// Answer to deliver.
    DeliverResp = 0x8000_0005,
    /// Ask for the totals of a day.
    Query = 0x0000_0006,
    /// Answer to query.
    QueryResp = 0x8000_0006,
    /// Withdraw a message.
    Cancel = 0x0000_0007,
    /// Answer to cancel.
    CancelResp = 0x8000_0007,
    /// Is the link alive?
    ActiveTest = 0x0000_0008,
    /// Answer to active test.
    ActiveTestResp = 0x8000_0008,
}

impl CommandId {
    /// The id as on the wire.
    pub const fn to_wire(self) -> u32 {
        self as u32
    }

    /// The command of an id; `None` for ids between gateways (fwd, routes) and unknown ones.
    pub const fn from_wire(id: u32) -> Option<Self> {
        Some(match id {
            0x0000_0001 => Self::Connect,
            0x8000_0001 => Self::ConnectResp,
            0x0000_0002 => Self::Terminate,
            0x8000_0002 => Self::TerminateResp,
            0x0000_0004 => Self::Submit,
            0x8000_0004 => Self::SubmitResp,
            0x0000_0005 => Self::Deliver,
            0x8000_0005 => Self::DeliverResp,
            0x0000_0006 => Self::Query,
            0x8000_0006 => Self::QueryResp,
            0x0000_0007 => Self::Cancel,
            0x8000_0007 => Self::CancelResp,
            0x0000_0008 => Self::ActiveTest,
            0x8000_0008 => Self::ActiveTestResp,
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
    /// `Total_Length`, u32 at offset 0: size of the frame in bytes.
    pub total_length: u32,
    /// `Command_Id`, u32 at offset 4, as read; see [`CommandId::from_wire`].
    pub command_id: u32,
    /// `Sequence_Id`, u32 at offset 8.
    pub sequence: u32,
    /// The eight bytes at offset 12, when there are so many. In submit, deliver, their responses and
    /// cancel this is `Msg_Id`, which a refusing `deliver_resp` has to repeat.
    pub msg_id: Option<MsgId>,
}
