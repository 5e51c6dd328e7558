//! Takes a request's body in before anything is decided about the request.
//!
//! A refusal that leaves the body unread ends the connection under the client's feet: it then sees a
//! stream error (HTTP/2) or a broken pipe (HTTP/1.1) instead of the answer. So a body that is too long
//! is read on for a while, and thrown away.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Frame;

use crate::problem::Problem;

/// No request of a phone or a provider is longer, in bytes, but a manifest.
const LONGEST: usize = 256 * 1024;
/// Ten thousand rows of a manifest, with room to spare.
const LONGEST_MANIFEST: usize = 2 * 1024 * 1024;
/// What a handler that was lent a body leaves of it is read on for [`READ_ON`] times as far.
const LONGEST_LEFT: usize = 2 * 1024 * 1024;
/// How many times as far a longer one is read; whoever sends even more loses the connection.
const READ_ON: usize = 8;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lets requests through whose body has arrived whole.
pub(crate) async fn arrived(request: Request, next: Next) -> Response {
    arrived_within(LONGEST, request, next).await
}

/// The same for manifests.
pub(crate) async fn manifest_arrived(request: Request, next: Next) -> Response {
    arrived_within(LONGEST_MANIFEST, request, next).await
}

/// Lets a handler take a long body in while it arrives. What it leaves is read on, and thrown away.
pub(crate) async fn arriving(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let lent = Lent(Arc::new(Mutex::new(body)));
    let response = next.run(Request::from_parts(parts, Body::new(lent.clone()))).await;
    // Whoever sends more, or takes longer, loses the connection.
    let _given_up = tokio::time::timeout(PATIENCE, whole(Body::new(lent), LONGEST_LEFT)).await;
    response
}

/// A body that two can read, one after the other.
#[derive(Clone)]
struct Lent(Arc<Mutex<Body>>);

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }
}

async fn arrived_within(longest: usize, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let body = tokio::time::timeout(PATIENCE, whole(body, longest)).await.unwrap_or_else(|_elapsed| Err(unreadable()));
    match body {
        Ok(body) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Err(problem) => problem.into_response(),
    }
}

async fn whole(mut body: Body, longest: usize) -> Result<Bytes, Problem> {
    let (mut taken, mut length) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| unreadable())?;
        // What is no data is a trailer, which says nothing here.
        let data = frame.into_data().unwrap_or_default();
        length += data.len();
        if length > longest * READ_ON {
            break;
        }
        if length <= longest {
            taken.extend_from_slice(&data);
        }
    }
    if length > longest { Err(Problem::too_long()) } else { Ok(taken.freeze()) }
}

fn unreadable() -> Problem {
    Problem::malformed("body_unreadable", "the body did not arrive whole; send the request again")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn of_length(length: usize) -> Result<usize, Problem> {
        whole(Body::from(vec![b'x'; length]), LONGEST).await.map(|bytes| bytes.len())
    }

    #[tokio::test]
    async fn a_body_has_at_most_256_kib() {
        assert_eq!(of_length(0).await, Ok(0));
        assert_eq!(of_length(LONGEST).await, Ok(LONGEST));
        for length in [LONGEST + 1, LONGEST * READ_ON + 1] {
            assert_eq!(of_length(length).await, Err(Problem::too_long()));
        }
    }
}
