//! Sends new personal codes one after the other: the whole file of ten thousand is nowhere at once.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use contracts::onboarding::NewPersonalCode;
use hyper::body::Frame;

/// How many codes are written before others get their turn.
const AT_ONCE: usize = 32;

/// What is still to be sent.
pub(super) struct CodeStream {
    /// Before the codes, and after them; empty once sent.
    pub head: &'static str,
    pub tail: &'static str,
    pub codes: std::vec::IntoIter<NewPersonalCode>,
    /// How one code is written.
    pub write: fn(NewPersonalCode) -> String,
}

impl CodeStream {
    pub fn into_body(self) -> Body {
        Body::new(self)
    }
}

impl hyper::body::Body for CodeStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let write = self.write;
        let mut text = std::mem::take(&mut self.head).to_owned();
        for new in self.codes.by_ref().take(AT_ONCE) {
            text.push_str(&write(new));
        }
        if self.codes.len() == 0 {
            text.push_str(std::mem::take(&mut self.tail));
        }
        let frame = (!text.is_empty()).then(|| Ok(Frame::data(text.into())));
        Poll::Ready(frame)
    }
}
