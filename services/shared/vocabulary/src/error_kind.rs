//! The closed set of ways a call can fail, shared by gRPC status and HTTP status.

/// What went wrong, from the caller's point of view.
///
/// Each kind maps to exactly one gRPC code (`rpc::status`) and one HTTP status (`gateway::problem`).
/// It is also the only error label a metric may carry, so that "their fault" and "our fault" are
/// different lines on a graph. Think twice before adding a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// The request cannot be understood or breaks a documented rule; repeating it will not help.
    Malformed,
    /// Nobody, or nobody we believe, is asking.
    Unauthenticated,
    /// We know who asks, and they may not.
    Forbidden,
    /// There is no such thing, or none the caller may know of.
    NotFound,
    /// The wish contradicts what is already so.
    Conflict,
    /// Somebody else changed the thing between reading and writing; read again and retry.
    Changed,
    /// The caller has used up its share for now.
    Throttled,
    /// A part of the system is away; the same request may succeed later.
    Unavailable,
    /// The time allowed for the answer has passed.
    TooLate,
    /// A fault of ours.
    Internal,
}

impl ErrorKind {
    /// Every kind, for tables and tests.
    pub const ALL: [Self; 10] = [
        Self::Malformed,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::Changed,
        Self::Throttled,
        Self::Unavailable,
        Self::TooLate,
        Self::Internal,
    ];

    /// Lower-case name with underscores, used as a metric label and in problem types.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Changed => "changed",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::TooLate => "too_late",
            Self::Internal => "internal",
        }
    }

    /// Whether the operator, rather than the caller, should look into it.
    pub const fn is_our_fault(self) -> bool {
        matches!(self, Self::Unavailable | Self::TooLate | Self::Internal)
    }
}
