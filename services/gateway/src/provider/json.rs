//! JSON bodies in, and how times and absent texts are written in JSON answers.

use std::fmt::Write;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use serde::de::DeserializeOwned;
use vocabulary::Timestamp;

use crate::problem::Problem;

/// A body that says it is JSON, not parsed yet.
pub(crate) struct JsonText(pub Bytes);

/// A JSON body of the type `T`.
pub(crate) struct Body<T>(pub T);

impl<S: Send + Sync> FromRequest<S> for JsonText {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::malformed(
                "invalid_content_type",
                "the body must be JSON; send it with Content-Type: application/json",
            ));
        }
        let bytes = Bytes::from_request(request, state).await;
        bytes.map(Self).map_err(|rejection| unreadable(rejection.into_response().status()))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let JsonText(bytes) = JsonText::from_request(request, state).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| Problem::malformed("invalid_body", sentence(&error)))
    }
}

/// A body that did not arrive whole, by the status axum would have answered with.
pub(super) fn unreadable(status: StatusCode) -> Problem {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::too_long()
    } else {
        Problem::malformed("body_unreadable", "the body did not arrive whole; send the request again")
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

/// What is wrong with a JSON text, in serde's words but without the values it quotes: a profile rule
/// put in the wrong place may carry a key.
pub(crate) fn sentence(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, quoted)) = rest.split_once('"') {
        shown.push_str(before);
        shown.push('…');
        rest = after_quotation(quoted);
    }
    shown.push_str(rest);
    without_number(&shown)
}

/// What follows the quotation mark that ends this Rust string literal.
fn after_quotation(quoted: &str) -> &str {
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            '"' if !escaped => return quoted.get(at + 1..).unwrap_or_default(),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    ""
}

/// serde writes an unexpected number as ``integer `1234` ``; it may be a PIN.
fn without_number(text: &str) -> String {
    for kind in ["integer `", "floating point `", "number `"] {
        if let Some((before, rest)) = text.split_once(kind)
            && let Some((_, after)) = rest.split_once('`')
        {
            let kind = kind.trim_end_matches(" `");
            return format!("{before}{kind}{after}");
        }
    }
    text.to_owned()
}

/// Microseconds since the epoch as RFC 3339; `None` for 0, which stands for no time, and for what has
/// no name in RFC 3339.
pub(super) fn moment(micros: i64) -> Option<String> {
    let mut text = String::new();
    let written = micros != 0 && write!(text, "{}", Timestamp::from_micros(micros)).is_ok();
    written.then_some(text)
}

/// `None` for the empty text, which stands for nothing in the contracts.
pub(super) fn given(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use axum::body;
    use axum::http::Request;
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wish {
        #[expect(dead_code, reason = "only the refusals are looked at")]
        name: String,
    }

    fn refusal(json: &str) -> String {
        sentence(&serde_json::from_str::<Vec<u8>>(json).expect_err("not numbers"))
    }

    #[test]
    fn values_are_not_quoted_in_a_refusal() {
        assert_eq!(refusal(r#"["hunter2"]"#), "invalid type: string …, expected u8 at line 1 column 10");
        let tricky = refusal(r#"["say \"hunter2\" \\"]"#);
        assert!(!tricky.contains("hunter2") && tricky.contains("expected u8"), "{tricky}");
        assert_eq!(refusal("[123456]"), "invalid value: integer, expected u8 at line 1 column 7");
        assert_eq!(refusal("[1.25]"), "invalid type: floating point, expected u8 at line 1 column 5");
        let unknown = serde_json::from_str::<Wish>(r#"{"nane":"a"}"#).expect_err("an unknown member");
        assert_eq!(sentence(&unknown), "unknown field `nane`, expected `name` at line 1 column 7");
    }

    proptest! {
        #[test]
        fn no_text_shows_through(secret in "[a-zA-Z0-9\"\\\\ ]{0,20}") {
            let json = serde_json::to_string(&[format!("hunter2{secret}hunter2")]).expect("JSON");
            prop_assert!(!refusal(&json).contains("hunter2"));
        }
    }

    async fn reason(content_type: Option<&str>, text: &'static str) -> Option<String> {
        let mut request = Request::builder();
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let request = request.body(body::Body::from(text)).expect("a request");
        Body::<Wish>::from_request(request, &()).await.err().map(|problem| problem.reason)
    }

    #[tokio::test]
    async fn only_json_is_taken_as_json() {
        let good = r#"{"name":"a"}"#;
        assert_eq!(reason(Some("application/json"), good).await, None);
        assert_eq!(reason(Some("Application/JSON; charset=utf-8"), good).await, None);
        for other in
            [None, Some("text/plain"), Some("application/json-patch"), Some("application/x-www-form-urlencoded")]
        {
            assert_eq!(reason(other, good).await.as_deref(), Some("invalid_content_type"), "{other:?}");
        }
        for bad in ["", "{", r#"{"name":"a"} {}"#, r#"{"name":"a","name":"b"}"#, "[]"] {
            assert_eq!(reason(Some("application/json"), bad).await.as_deref(), Some("invalid_body"), "{bad}");
        }
    }

    #[test]
    fn times_are_rfc_3339_and_nothing_is_null() {
        assert_eq!(moment(1_795_370_400_000_000).as_deref(), Some("2026-11-22T18:00:00.000000Z"));
        assert_eq!(moment(0), None);
        assert_eq!(moment(i64::MAX), None);
        assert_eq!(given(String::new()), None);
    }
}
