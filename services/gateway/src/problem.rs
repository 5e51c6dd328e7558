//! What a provider's program is told when something does not work: RFC 9457 problem documents.
//! The only place that maps error kinds to HTTP statuses.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rpc::Failure;
use serde::Serialize;
use vocabulary::ErrorKind;

/// The login is wrong, as OAuth 2 says it.
const INVALID_CLIENT: &str = "invalid_client";
/// Our reasons that OAuth 2 has error codes for (RFC 6749, section 5.2), with them.
const OAUTH_ERRORS: [(&str, &str); 5] = [
    (INVALID_CLIENT, INVALID_CLIENT),
    ("client_expired", INVALID_CLIENT),
    ("invalid_request", "invalid_request"),
    ("scope_invalid", "invalid_scope"),
    ("unsupported_grant_type", "unsupported_grant_type"),
];

/// A refusal: a stable type, a sentence that says what to do, and later the request id, which the
/// `request_id` layer writes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    status: StatusCode,
    title: &'static str,
    pub reason: String,
    pub detail: String,
    /// How long to wait before asking again, in seconds.
    retry_after: Option<u64>,
}

/// The JSON members of RFC 9457, section 3.1, and ours.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    /// As OAuth 2 clients expect it (RFC 6749, section 5.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    request_id: &'a str,
}

impl Problem {
    pub fn new(kind: ErrorKind, reason: &str, detail: impl Into<String>) -> Self {
        let (reason, detail) = (reason.to_owned(), detail.into());
        Self { status: status(kind), title: title(kind), reason, detail, retry_after: pause(kind) }
    }

    /// The request breaks a rule; `detail` says which and what to send instead.
    pub fn malformed(reason: &str, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed, reason, detail)
    }

    /// The body is longer than any request of ours (RFC 9110, section 15.5.14).
    pub fn too_long() -> Self {
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            title: "The request is too long",
            reason: "body_too_long".to_owned(),
            detail: "a body has at most 256 KiB, a manifest 2 MiB; send less at once".to_owned(),
            retry_after: None,
        }
    }

    /// There is too much to do; phones go first.
    pub fn overloaded(come_again: u64) -> Self {
        let detail = "there is too much to do, and phones are answered first; ask again after the time in Retry-After";
        Self { retry_after: Some(come_again), ..Self::new(ErrorKind::Unavailable, "overloaded", detail) }
    }

    /// The answer, for the request with this id.
    pub fn respond(&self, request_id: &str) -> Response {
        let document = Document {
            r#type: format!("urn:dialtone:problem:{}", self.reason),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            error: self.oauth_error(),
            request_id,
        };
        let mut response = (self.status, Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(self.challenge()));
        }
        response
    }

    /// How to prove who one is: where tokens are issued with a secret (RFC 6749, section 5.2),
    /// everywhere else with a token.
    fn challenge(&self) -> &'static str {
        let is_login = self.oauth_error() == Some(INVALID_CLIENT);
        if is_login { "Basic realm=\"dialtone\"" } else { "Bearer realm=\"dialtone\"" }
    }

    fn oauth_error(&self) -> Option<&'static str> {
        OAUTH_ERRORS.into_iter().find(|(reason, _)| *reason == self.reason).map(|(_, error)| error)
    }
}

/// The problem travels in the response's extensions to the `request_id` layer, which renders it.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        // Rounded up: whoever comes a moment too early would have waited in vain.
        let retry_after = failure.retry_after.map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        let problem = Self::new(failure.kind, &failure.reason, failure.message);
        Self { retry_after: retry_after.or(problem.retry_after), ..problem }
    }
}

impl From<tonic::Status> for Problem {
    fn from(status: tonic::Status) -> Self {
        Failure::from(status).into()
    }
}

/// How long to wait before asking again, in seconds, where nobody says otherwise (RFC 9110, section 10.2.3).
fn pause(kind: ErrorKind) -> Option<u64> {
    (kind == ErrorKind::Unavailable).then_some(5)
}

const fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Malformed => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Changed => StatusCode::PRECONDITION_FAILED,
        ErrorKind::Throttled => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::TooLate => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

const fn title(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Malformed => "The request cannot be used",
        ErrorKind::Unauthenticated => "Not logged in",
        ErrorKind::Forbidden => "Not allowed",
        ErrorKind::NotFound => "No such thing",
        ErrorKind::Conflict => "Contradicts what is already so",
        ErrorKind::Changed => "Changed meanwhile",
        ErrorKind::Throttled => "Too many requests",
        ErrorKind::Unavailable => "Temporarily unavailable",
        ErrorKind::TooLate => "No answer in time",
        ErrorKind::Internal => "An error on our side",
    }
}

/// A known path with a method it does not have. No service knows of methods, so that this has no error
/// kind; the router adds `Allow` (RFC 9110, section 15.5.6).
pub(crate) async fn method_not_allowed() -> Problem {
    Problem {
        status: StatusCode::METHOD_NOT_ALLOWED,
        title: "Not with this method",
        reason: "method_not_allowed".to_owned(),
        detail: "this path does not take this method; the Allow header lists those it takes".to_owned(),
        retry_after: None,
    }
}

/// A path of the API that does not exist.
pub(crate) async fn unknown_path() -> Problem {
    Problem::new(ErrorKind::NotFound, "unknown_path", "there is nothing at this path; check how it is spelled")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn header_of(problem: &Problem, name: header::HeaderName) -> Option<String> {
        let response = problem.respond("1");
        Some(response.headers().get(name)?.to_str().expect("a text").to_owned())
    }

    #[test]
    fn whoever_asked_too_often_is_told_how_long_to_wait() {
        let failure = |retry_after| Failure {
            kind: ErrorKind::Throttled,
            reason: "too_many_attempts".to_owned(),
            message: "too many".to_owned(),
            retry_after,
        };
        let told = |retry_after| header_of(&failure(retry_after).into(), header::RETRY_AFTER);
        assert_eq!(told(Some(Duration::from_millis(90_001))).as_deref(), Some("91"));
        assert_eq!(told(Some(Duration::from_secs(90))).as_deref(), Some("90"));
        assert_eq!(told(None), None);
    }

    #[test]
    fn whoever_comes_while_something_is_away_is_told_when_to_come_again() {
        for kind in ErrorKind::ALL {
            let told = header_of(&Problem::new(kind, "away", ""), header::RETRY_AFTER);
            assert_eq!(told.is_some(), kind == ErrorKind::Unavailable, "{kind:?}");
        }
    }

    #[test]
    fn oauth_clients_are_told_in_their_words() {
        for (reason, error, challenge) in [
            ("client_expired", Some("invalid_client"), "Basic realm=\"dialtone\""),
            ("invalid_client", Some("invalid_client"), "Basic realm=\"dialtone\""),
            ("invalid_login", None, "Bearer realm=\"dialtone\""),
            ("scope_invalid", Some("invalid_scope"), "Bearer realm=\"dialtone\""),
        ] {
            let problem = Problem::new(ErrorKind::Unauthenticated, reason, "");
            assert_eq!(problem.oauth_error(), error);
            assert_eq!(header_of(&problem, header::WWW_AUTHENTICATE).as_deref(), Some(challenge));
        }
    }
}
