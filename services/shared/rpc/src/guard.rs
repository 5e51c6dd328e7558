//! What every call passes before it reaches its service, from the outside in:
//!
//! 1. the span, so that everything below is traced;
//! 2. the metrics, so that refusals are counted too;
//! 3. the allow-list, before any work;
//! 4. the deadline, around the work.

use std::convert::Infallible;

use http::{Request, Response};
use telemetry::TraceParent;
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tower::{Service, ServiceExt};
use tracing::Instrument;
use vocabulary::ErrorKind;

use crate::deadline::{TooLate, time_left};
use crate::status::kind;
use crate::{Peer, RpcMetrics};

/// The guard of one road: who comes along it, and to which service.
#[derive(Clone)]
pub(crate) struct Guard {
    pub service: &'static str,
    pub caller: Peer,
    pub metrics: RpcMetrics,
}

impl Guard {
    /// Lets `request` through to `server`, or answers in its place.
    pub async fn pass<S>(self, server: S, request: Request<Body>) -> Result<Response<Body>, Infallible>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        let path = request.uri().path().to_owned();
        let span = tracing::debug_span!("rpc", otel.name = path, rpc.caller = ?self.caller);
        // In one process the span is the caller's child by itself.
        if let Some(parent) = request.headers().get(TraceParent::HEADER).and_then(|value| value.to_str().ok()) {
            TraceParent::told(parent.to_owned()).adopt(&span);
        }
        let begun = Instant::now();
        let response = self.admitted(server, request).instrument(span).await?;
        let failed = Status::from_header_map(response.headers()).map(|status| kind(&status));
        self.metrics.count(&path, failed, begun.elapsed());
        Ok(response)
    }

    async fn admitted<S>(&self, server: S, mut request: Request<Body>) -> Result<Response<Body>, Infallible>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    {
        if !self.caller.may_call(self.service) {
            return Ok(Status::permission_denied("this caller may not use this service").into_http());
        }
        // So that a call without an actor is put down to its caller.
        request.extensions_mut().insert(self.caller);
        match time_left(request.headers()) {
            Err(TooLate) => Ok(too_late().into_http()),
            Ok(None) => server.oneshot(request).await,
            Ok(Some(left)) => match tokio::time::timeout(left, server.oneshot(request)).await {
                Ok(answer) => answer,
                Err(_elapsed) => Ok(too_late().into_http()),
            },
        }
    }
}

fn too_late() -> Status {
    Status::new(crate::status::code(ErrorKind::TooLate), "no time left to answer")
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::Actor;

    /// Otherwise the audit log would not know whose doing a call without an actor was.
    #[tokio::test]
    async fn the_callee_learns_who_calls() {
        let guard = Guard {
            service: "dialtone.redirection.v1.RedirectionService",
            caller: Peer::Onboarding,
            metrics: RpcMetrics::register(&mut Registry::default()),
        };
        let server = tower::service_fn(|request: Request<Body>| async move {
            let actor = Actor::of(&tonic::Request::from_http(request));
            Ok::<_, Infallible>(Status::not_found(actor.subject).into_http())
        });
        let Ok(response) = guard.pass(server, Request::new(Body::empty())).await;
        let status = Status::from_header_map(response.headers()).expect("a status");
        assert_eq!(status.message(), "service:onboarding");
    }
}
