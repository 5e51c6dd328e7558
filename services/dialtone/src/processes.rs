//! What runs in this process, and the roads to what does not.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context, Result};
use http::{Request, Response};
use rpc::{Credentials, Peer, RpcMetrics, Transport, connect, local};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::Service;

use crate::config::{Config, ServicePlaces};

/// How often the certificates are looked at for a change.
const LOOK: Duration = Duration::from_secs(2);

/// Which services run in this process, and where the others are.
#[derive(Clone)]
pub struct Processes {
    only: Option<Peer>,
    places: ServicePlaces,
    credentials: Option<Credentials>,
    metrics: RpcMetrics,
}

impl Processes {
    /// Everything in one process.
    pub fn one(metrics: RpcMetrics) -> Self {
        Self { only: None, places: ServicePlaces::default(), credentials: None, metrics }
    }

    /// As configured. With `only`, nothing but that service runs here.
    pub fn of(config: &Config, only: Option<Peer>, metrics: RpcMetrics) -> Result<Self> {
        config.check_processes(only)?;
        let files = config.mesh.as_ref().map(crate::config::Mesh::files);
        let credentials = files.map(Credentials::load).transpose().context("[mesh]")?;
        Ok(Self { only, places: config.services.clone(), credentials, metrics })
    }

    /// Whether `peer` runs in this process.
    pub fn run(&self, peer: Peer) -> bool {
        match self.only {
            Some(only) => only == peer,
            None => self.places.of(peer).is_empty(),
        }
    }

    /// What other processes know this one by, where there are any.
    pub const fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// What is counted of calls.
    pub const fn metrics(&self) -> &RpcMetrics {
        &self.metrics
    }

    /// The road of `from` to `to`, which is `server` where it runs here.
    pub fn road<S>(&self, server: Option<S>, to: Peer, from: Peer) -> Result<Transport>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
        S: NamedService + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        if let Some(server) = server {
            return Ok(local(server, from, self.metrics.clone()));
        }
        let missing = || format!("{} does not run in this process; services.{0} must say where it does", to.name());
        let credentials = self.credentials.as_ref().filter(|_| !self.places.of(to).is_empty());
        Ok(connect(to, self.places.of(to), credentials.with_context(missing)?)?)
    }
}

/// Takes over new certificates as they are written, until `stop` turns true.
pub fn follow(credentials: Credentials, mut stop: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut look = tokio::time::interval(LOOK);
        let mut complained = false;
        loop {
            tokio::select! {
                _ = look.tick() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            match credentials.reload() {
                Ok(true) => tracing::info!("the certificate by which other processes know this one was exchanged"),
                Ok(false) => complained = false,
                Err(error) if !complained => {
                    complained = true;
                    tracing::error!(%error, "[mesh] cannot be read again; what was read before goes on");
                }
                Err(_) => {}
            }
        }
    })
}
