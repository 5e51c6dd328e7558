//! A refusal as it crosses the wire, both ways. The only place that maps error kinds to gRPC codes.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use vocabulary::ErrorKind;

/// The `domain` of every `google.rpc.ErrorInfo` of ours.
const DOMAIN: &str = "dialtone";

/// An error of a service that its caller is told about.
pub trait Refusal: Error {
    /// Which kind of failure it is.
    fn kind(&self) -> ErrorKind;
    /// A stable word for programs, such as `device_owned_by_other`.
    fn reason(&self) -> &'static str;
    /// How long to wait before asking again, where that is known.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// The gRPC answer that tells of `error`. A fault of ours is logged here, and the caller learns only
/// that there was one.
pub fn refuse(error: &impl Refusal) -> Status {
    let (kind, reason) = (error.kind(), error.reason());
    let message = match kind {
        ErrorKind::Internal => {
            tracing::error!(%error, reason, "internal error");
            "an internal error; the operator's log has the details".to_owned()
        }
        ErrorKind::Unavailable | ErrorKind::TooLate => {
            tracing::warn!(%error, reason, "cannot serve");
            "cannot be done at the moment; try again".to_owned()
        }
        ErrorKind::Malformed
        | ErrorKind::Unauthenticated
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::Changed
        | ErrorKind::Throttled => error.to_string(),
    };
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    if let Some(wait) = error.retry_after() {
        details.set_retry_info(Some(wait));
    }
    Status::with_error_details(code(kind), message, details)
}

/// What the caller of a service learns from a failed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which kind of failure it is.
    pub kind: ErrorKind,
    /// The stable word; the kind's name where the callee gave none.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
    /// How long to wait before asking again, where the callee says so.
    pub retry_after: Option<Duration>,
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let kind = kind(&status);
        let info = status.get_details_error_info().filter(|info| info.domain == DOMAIN);
        let reason = info.map_or_else(|| kind.name().to_owned(), |info| info.reason);
        let retry_after = status.get_details_retry_info().and_then(|info| info.retry_delay);
        Self { kind, reason, message: status.message().to_owned(), retry_after }
    }
}

pub(crate) const fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::Malformed => Code::InvalidArgument,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::Forbidden => Code::PermissionDenied,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::Conflict => Code::FailedPrecondition,
        ErrorKind::Changed => Code::Aborted,
        ErrorKind::Throttled => Code::ResourceExhausted,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::TooLate => Code::DeadlineExceeded,
        ErrorKind::Internal => Code::Internal,
    }
}

pub(crate) fn kind(status: &Status) -> ErrorKind {
    match status.code() {
        Code::InvalidArgument | Code::OutOfRange => ErrorKind::Malformed,
        Code::Unauthenticated => ErrorKind::Unauthenticated,
        Code::PermissionDenied => ErrorKind::Forbidden,
        Code::NotFound => ErrorKind::NotFound,
        Code::FailedPrecondition | Code::AlreadyExists => ErrorKind::Conflict,
        Code::Aborted => ErrorKind::Changed,
        Code::ResourceExhausted => ErrorKind::Throttled,
        Code::Unavailable => ErrorKind::Unavailable,
        Code::DeadlineExceeded | Code::Cancelled => ErrorKind::TooLate,
        Code::Ok | Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => ErrorKind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the file /secret/place is gone")]
    struct Gone(ErrorKind);

    impl Refusal for Gone {
        fn kind(&self) -> ErrorKind {
            self.0
        }

        fn reason(&self) -> &'static str {
            "gone"
        }

        fn retry_after(&self) -> Option<Duration> {
            (self.0 == ErrorKind::Throttled).then_some(Duration::from_secs(90))
        }
    }

    #[test]
    fn every_kind_survives_the_wire() {
        for kind in ErrorKind::ALL {
            let failure = Failure::from(refuse(&Gone(kind)));
            assert_eq!((failure.kind, failure.reason.as_str()), (kind, "gone"));
            assert_eq!(failure.retry_after.is_some(), kind == ErrorKind::Throttled);
            // The details of our own faults stay with us.
            assert_eq!(failure.message.contains("/secret/place"), !kind.is_our_fault());
        }
    }

    #[test]
    fn a_status_from_elsewhere_gets_the_kinds_name() {
        let failure = Failure::from(Status::unavailable("connection refused"));
        assert_eq!((failure.kind, failure.reason.as_str()), (ErrorKind::Unavailable, "unavailable"));
    }
}
