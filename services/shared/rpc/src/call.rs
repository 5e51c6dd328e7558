//! A call as it may have to be made more than once.

use http::request::Parts;
use http::{HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Bytes;

use crate::deadline::{self, TooLate};

/// A call whose message is at hand.
pub(crate) struct Call {
    head: Parts,
    body: Bytes,
    begun: Instant,
}

impl Call {
    pub async fn read(request: Request<Body>) -> Result<Self, Status> {
        let begun = Instant::now();
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Self { head, body, begun })
    }

    /// `/package.Service/Method`.
    pub fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// The call, to be answered within what is left of its time; `Err` where no callee would begin it.
    pub fn made_now(&self) -> Result<Request<Body>, TooLate> {
        let mut request = Request::from_parts(self.head.clone(), Body::new(Full::new(self.body.clone())));
        let Some(allowed) = deadline::allowed(&self.head.headers) else { return Ok(request) };
        let left = allowed.saturating_sub(self.begun.elapsed());
        deadline::to_be_used(left)?;
        if let Ok(text) = HeaderValue::try_from(deadline::text(left)) {
            request.headers_mut().insert(deadline::HEADER, text);
        }
        Ok(request)
    }
}
