//! Versions, request ids and the header.

use super::MsgId;

/// The two layouts on the wire. Both ends have to agree: nothing in a submit tells them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Version {
    /// SMGP 1.3: a submit without `FixedFee`. Gateways of this version may refuse optional parameters,
    /// so leave [`Tlvs`](super::Tlvs) empty for them.
    V13,
    /// SMGP 3.0 and its minor versions.
    #[default]
    V30,
}

impl Version {
    /// The layout of a `ClientVersion` or `ServerVersion` byte; `None` for anything but `0x13` and
    /// `0x30` to `0x3F`: keep the layout in use.
    pub const fn from_wire(byte: u8) -> Option<Self> {
        match byte {
            0x13 => Some(Self::V13),
            0x30..=0x3F => Some(Self::V30),
            _ => None,
        }
    }

    /// The `ClientVersion` byte of login: `0x13` or `0x30`.
    pub const fn to_wire(self) -> u8 {
        match self {
            Self::V13 => 0x13,
            Self::V30 => 0x30,
        }
    }
}

/// `RequestID`, u32 at offset 4 (SMGP 3.0 §6.1.2). A response is its request with bit 31 set. The numbers
/// are not those of CMPP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum CommandId {
    /// Log in.
    Login = 0x0000_0001,
    /// Answer to login.
    LoginResp = 0x8000_0001,
    /// Send a message.
    Submit = 0x0000_0002,
    /// Answer to submit.
    SubmitResp = 0x8000_0002,
    /// Message from a phone, or a status report.
    Deliver = 0x0000_0003,
    /// Answer to deliver.
    DeliverResp = 0x8000_0003,
    /// Is the link alive?
    ActiveTest = 0x0000_0004,
    /// Answer to active test.
    ActiveTestResp = 0x8000_0004,
    /// Log out.
    Exit = 0x0000_0006,
    /// Answer to exit.
    ExitResp = 0x8000_0006,
    /// Ask for the totals of a day.
    Query = 0x0000_0007,
    /// Answer to query.
    QueryResp = 0x8000_0007,
}

impl CommandId {
    /// The id as on the wire.
    pub const fn to_wire(self) -> u32 {
        self as u32
    }

    /// The command of an id; `None` for forward (5), route servers' and prepaid ids and unknown ones.
    pub const fn from_wire(id: u32) -> Option<Self> {
        Some(match id {
            0x0000_0001 => Self::Login,
            0x8000_0001 => Self::LoginResp,
            0x0000_0002 => Self::Submit,
            0x8000_0002 => Self::SubmitResp,
            0x0000_0003 => Self::Deliver,
            0x8000_0003 => Self::DeliverResp,
            0x0000_0004 => Self::ActiveTest,
            0x8000_0004 => Self::ActiveTestResp,
            0x0000_0006 => Self::Exit,
            0x8000_0006 => Self::ExitResp,
            0x0000_0007 => Self::Query,
            0x8000_0007 => Self::QueryResp,
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
    /// `PacketLength`, u32 at offset 0: size of the frame in bytes.
    pub packet_length: u32,
    /// `RequestID`, u32 at offset 4, as read; see [`CommandId::from_wire`].
    pub command_id: u32,
    /// `SequenceID`, u32 at offset 8.
    pub sequence: u32,
    /// The ten bytes at offset 12, when there are so many. In deliver and the responses to submit and
    /// deliver this is `MsgID`, which a refusing `deliver_resp` has to repeat.
    pub msg_id: Option<MsgId>,
}
