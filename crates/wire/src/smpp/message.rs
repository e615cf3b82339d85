//! A PDU with the status of its header.

use rusmpp_core::{CommandId, CommandStatus, command::owned::Command, pdus::owned::Pdu};

/// Versions of a session. The layout of every PDU is the same in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Version {
    /// SMPP 3.4, `interface_version` 0x34. What to send unless told otherwise: message centres were seen
    /// to refuse 5.0.
    #[default]
    V34,
    /// SMPP 5.0, `interface_version` 0x50.
    V50,
}

impl Version {
    /// The `interface_version` of bind.
    pub const fn to_wire(self) -> u8 {
        match self {
            Self::V34 => 0x34,
            Self::V50 => 0x50,
        }
    }
}

/// A PDU: command, status and, unless it is a refusal without one, a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    id: CommandId,
    /// `command_status`, u32 at 8: 0 in requests; see [`Status`](super::Status) for what it means.
    pub status: CommandStatus,
    body: Option<Pdu>,
}

impl Message {
    /// A request, or a response without an error.
    pub fn new(body: impl Into<Pdu>) -> Self {
        Self::with_status(CommandStatus::EsmeRok, body)
    }

    /// A response with a body, whatever its status. Written as given; an empty body with an error is
    /// read as none.
    pub fn with_status(status: CommandStatus, body: impl Into<Pdu>) -> Self {
        let body = body.into();
        Self {
            id: body.command_id(),
            status,
            body: Some(body),
        }
    }

    /// A response that is a header only: how to refuse bind and submit. To refuse `deliver_sm` send an
    /// empty string with it, see [`Message::with_status`]; some message centres expect the byte.
    pub const fn refusal(id: CommandId, status: CommandStatus) -> Self {
        Self {
            id,
            status,
            body: None,
        }
    }

    /// The command.
    pub const fn id(&self) -> CommandId {
        self.id
    }

    /// The body; `None` in a refusal without one.
    pub const fn body(&self) -> Option<&Pdu> {
        self.body.as_ref()
    }

    /// The body, taken out.
    pub fn into_body(self) -> Option<Pdu> {
        self.body
    }

    pub(super) const fn from_parts(
        id: CommandId,
        status: CommandStatus,
        body: Option<Pdu>,
    ) -> Self {
        Self { id, status, body }
    }
}

impl From<&Command> for Message {
    fn from(command: &Command) -> Self {
        Self::from_parts(command.id(), command.status(), command.pdu().cloned())
    }
}

/// What is known of a frame whose body could not be read; enough to answer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// `command_length`, u32 at offset 0: size of the frame in bytes.
    pub command_length: u32,
    /// `command_id`, u32 at offset 4, as read. Answer an unknown request with `generic_nack`, and an
    /// unknown response not at all.
    pub command_id: u32,
    /// `command_status`, u32 at offset 8.
    pub command_status: u32,
    /// `sequence_number`, u32 at offset 12.
    pub sequence: u32,
}

impl Header {
    /// True when bit 31 of the command is set.
    pub const fn is_response(&self) -> bool {
        self.command_id & 0x8000_0000 != 0
    }
}
