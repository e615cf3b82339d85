//! One PDU as names and values: needs no office, no account and no right.

pub use crate::gateway::pdu::{PduError, decode};
