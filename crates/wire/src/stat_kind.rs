//! What became of a message, as CMPP's and SMGP's reports have it.

/// The meaning of a report's stat text: CMPP 2.0 §7.4.5.1, SMGP 3.0 §6.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatKind {
    /// `DELIVRD`: on the handset.
    Delivered,
    /// `EXPIRED`: validity ran out; the phone was off or out of coverage.
    Expired,
    /// `UNDELIV`: it cannot be delivered, or a node answered with an error.
    Undelivered,
    /// `REJECTD`: refused for its content, number, account or policy.
    Rejected,
    /// `DELETED`: removed before delivery.
    Deleted,
    /// `UNKNOWN`, and texts that the tables do not have: it may have been delivered.
    Unknown,
    /// `ACCEPTD`: taken by the message centre. Not final: gateways should not pass it on, some do.
    Accepted,
}
