//! Gives each request an id, a span that carries it, and renders problems with it.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

use crate::Gateway;
use crate::problem::Problem;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request under way: sixteen random hex digits, found again in logs and timelines.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub String);

impl RequestId {
    pub fn draw(gateway: &Gateway) -> Self {
        Self(format!("{:016x}", u64::from_be_bytes(gateway.randomness().bytes())))
    }
}

/// For the JSON API: the id goes into the span, the answer's `x-request-id` and every problem.
pub(crate) async fn for_programs(State(gateway): State<Gateway>, mut request: Request, next: Next) -> Response {
    let id = RequestId::draw(&gateway);
    // The path of the API holds MACs and ids, never a secret; the query may, so it is left out.
    let span = tracing::info_span!("http", request.id = id.0, http.method = %request.method(), http.path = request.uri().path());
    request.extensions_mut().insert(id.clone());
    let response = next.run(request).instrument(span.clone()).await;
    let mut response = match response.extensions().get::<Problem>() {
        Some(problem) => problem.respond(&id.0),
        None => response,
    };
    span.in_scope(|| tracing::info!(http.status = response.status().as_u16(), "answered"));
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
