//! Whether a service can do its work: asked of it directly where it runs here, else over gRPC (gRPC health checking
//! protocol, `grpc.health.v1`).

use std::sync::Arc;
use std::time::Duration;

use gateway::Probe;
use rpc::{Transport, within};
use tokio_stream::Once;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// How long a service in another process may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(1);

/// A probe that asks `ping`.
pub fn here<F, A>(ping: F) -> Probe
where
    F: Fn() -> A + Send + Sync + 'static,
    A: Future<Output = bool> + Send + 'static,
{
    Arc::new(move || Box::pin(ping()))
}

/// A probe that asks along the road.
pub fn elsewhere(road: Transport) -> Probe {
    here(move || {
        let mut client = HealthClient::new(road.clone());
        async move {
            let answer = client.check(within(PATIENCE, HealthCheckRequest::default())).await;
            answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
        }
    })
}

/// Answers others with what `probe` finds.
pub fn server(probe: Probe) -> HealthServer<Probed> {
    HealthServer::new(Probed(probe))
}

/// The health service of one process.
#[derive(Clone)]
pub struct Probed(Probe);

#[tonic::async_trait]
impl Health for Probed {
    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let status = if (self.0)().await { ServingStatus::Serving } else { ServingStatus::NotServing };
        Ok(Response::new(HealthCheckResponse { status: status.into() }))
    }

    type WatchStream = Once<Result<HealthCheckResponse, Status>>;

    /// Says it once. Whoever wants to follow it asks again.
    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let now = self.check(request).await?.into_inner();
        Ok(Response::new(tokio_stream::once(Ok(now))))
    }
}
