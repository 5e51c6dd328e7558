//! What stands behind a generated client.

use std::convert::Infallible;

use http::{Request, Response};
use tonic::body::Body;
use tonic::server::NamedService;
use tower::Service;
use tower::util::BoxCloneSyncService;

use crate::guard::Guard;
use crate::{Peer, RpcMetrics};

/// The road a generated client sends its calls along.
pub type Transport = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// A road to `server` in the same process, for `caller`.
///
/// The generated server is called directly: that takes 5 us a call, where an in-memory pipe takes
/// twenty times as long and tests nothing more.
pub fn local<S>(server: S, caller: Peer, metrics: RpcMetrics) -> Transport
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: NamedService + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    let guard = Guard { service: S::NAME, caller, metrics };
    BoxCloneSyncService::new(tower::service_fn(move |request| guard.clone().pass(server.clone(), request)))
}
