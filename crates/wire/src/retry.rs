//! What a carrier's code says about sending the same message again.

/// Whether sending again makes sense, as far as the protocol's code can tell.
///
/// This is advice for a policy, not the policy: how long a pause is, and whether a late notice still
/// matters, is for the caller to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Do not send again: done, or refused for a reason that will not change.
    No,
    /// Not final yet: another report will follow.
    Wait,
    /// The whole account is too fast. Slow down, then repeat; it does not count as an attempt.
    SlowDown,
    /// Once, after a pause of minutes: a node in the path was silent or overloaded.
    Soon,
    /// Once, hours later: the phone was off, out of coverage or full.
    Later,
    /// Once, on the next day: a daily cap was reached.
    NextDay,
    /// Not through this carrier: the number belongs to another network.
    Reroute,
}

impl Retry {
    /// True when sending again through the same account can succeed.
    pub const fn same_account(self) -> bool {
        matches!(
            self,
            Self::SlowDown | Self::Soon | Self::Later | Self::NextDay
        )
    }
}
