//! Takes a request's body in before anything is decided about the request.
//!
//! A refusal that leaves the body unread ends the connection under the client's feet: over HTTP/2 it
//! then sees a stream error instead of the answer.

use std::error::Error;

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::LengthLimitError;

use crate::problem::Problem;

/// No request of a phone or a provider is longer, in bytes.
const LONGEST: usize = 256 * 1024;

/// Lets requests through whose body has arrived whole.
pub(crate) async fn arrived(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    match to_bytes(body, LONGEST).await {
        Ok(body) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Err(error) if is_too_long(&error) => Problem::too_long().into_response(),
        Err(_) => Problem::malformed("body_unreadable", "the body did not arrive whole; send the request again")
            .into_response(),
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    error.source().is_some_and(|source| source.is::<LengthLimitError>())
}
