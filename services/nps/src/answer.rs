//! One HTTP answer, before it is put on the wire.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body_util::Full;

/// What the server says to one request.
#[derive(Debug, Clone)]
pub struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Answer {
    /// An answer without a body.
    pub const fn status(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// 200 with a flat profile.
    pub fn profile(text: impl Into<Bytes>) -> Self {
        Self::status(StatusCode::OK)
            .with_header(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"))
            .with_body(text)
    }

    /// 200 with a file of unknown kind, such as a firmware load.
    pub fn file(bytes: impl Into<Bytes>) -> Self {
        Self::status(StatusCode::OK)
            .with_header(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))
            .with_body(bytes)
    }

    /// 302: the phone asks there at once (chapter, Table 2).
    pub fn redirect(location: HeaderValue) -> Self {
        Self::status(StatusCode::FOUND).with_header(header::LOCATION, location)
    }

    /// The same answer with one more header.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same answer with this body.
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The answer as hyper sends it; hyper leaves the body out for HEAD.
    pub(crate) fn into_response(self) -> http::Response<Full<Bytes>> {
        let mut response = http::Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}
