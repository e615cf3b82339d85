//! How a connection came to its end.

/// How a link's connection ended, or why it never came to be. Its text is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkEnd {
    /// No connection: the operating system's reason.
    #[error("connecting to {address}: {reason}")]
    NotConnected {
        /// As configured.
        address: String,
        /// The operating system's.
        reason: String,
    },
    /// The carrier refused our login: its status and its meaning.
    #[error("login refused: {0}")]
    LoginRefused(String),
    /// The carrier did not answer our login within the response time-out.
    #[error("no answer to the login")]
    LoginTimeout,
    /// We unbound, with an empty window; the carrier answered, or was silent for as long as we wait.
    #[error("{}", if *answered { "unbound" } else { "our unbind was not answered" })]
    Unbound {
        /// Did the carrier answer?
        answered: bool,
    },
    /// The carrier unbound, and we answered.
    #[error("the carrier unbound")]
    UnboundByPeer,
    /// None of our keep-alives was answered.
    #[error("no answer to three keep-alives")]
    KeepAliveLost,
    /// The carrier closed the connection without unbinding.
    #[error("the carrier closed the connection")]
    PeerClosed,
    /// The socket failed.
    #[error("{doing}: {reason}")]
    Io {
        /// `reading` or `writing`.
        doing: &'static str,
        /// The operating system's.
        reason: String,
    },
    /// What came can't be read, and neither can what follows it.
    #[error("{0}")]
    Protocol(String),
    /// More responses wait for the carrier than we keep.
    #[error("the carrier does not read our responses")]
    ResponsesUnread,
    /// More overdue answers than we remember.
    #[error("the carrier owes too many answers")]
    TooManyOverdue,
    /// We closed it while our login was not answered yet.
    #[error("closed before the login was answered")]
    ClosedBeforeLogin,
    /// We closed it, in a state or a direction in which there is nothing to unbind.
    #[error("closed")]
    Closed,
    /// We closed it with submits open: they had their time.
    #[error("the grace for closing is over")]
    GraceOver,
    /// Over HTTP, what the last request came to: no answer, or a refused login.
    #[error("{0}")]
    HttpFailed(String),
    /// The carrier dialled us and did not log in, in time.
    #[error("it did not log in")]
    NoLogin,
    /// The carrier dialled us and asked for something else before its login.
    #[error("it asked for something before its login")]
    RequestBeforeLogin,
    /// The carrier dialled us, and we refused its login.
    #[error("its login was refused")]
    RefusedByUs,
    /// The carrier dialled us, and sent nothing for too long.
    #[error("nothing was said on it for too long")]
    Silent,
}
