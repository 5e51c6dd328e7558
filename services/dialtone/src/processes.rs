//! What runs in this process, and the roads to what does not.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context, Result};
use http::{Request, Response};
use rpc::{Credentials, Destination, Peer, Road, RpcMetrics, Transport, connect, local};
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
    /// To the services that run elsewhere.
    roads: Vec<(Peer, Road)>,
}

impl Processes {
    /// Everything in one process.
    pub fn one(metrics: RpcMetrics) -> Self {
        Self { only: None, places: ServicePlaces::default(), credentials: None, metrics, roads: Vec::new() }
    }

    /// As configured. With `only`, nothing but that service runs here.
    pub fn of(config: &Config, only: Option<Peer>, metrics: RpcMetrics) -> Result<Self> {
        config.check_processes(only)?;
        let files = config.mesh.as_ref().map(crate::config::Mesh::files);
        let credentials = files.map(Credentials::load).transpose().context("[mesh]")?;
        let places = config.services.clone();
        let mut processes = Self { only, places, credentials, metrics, roads: Vec::new() };
        processes.roads = processes.roads_elsewhere()?;
        Ok(processes)
    }

    /// All that go to one service share its connections.
    fn roads_elsewhere(&self) -> Result<Vec<(Peer, Road)>> {
        let Some(credentials) = &self.credentials else { return Ok(Vec::new()) };
        let is_elsewhere = |peer: &Peer| !self.run(*peer) && !self.places.of(*peer).is_empty();
        let road = |peer| {
            let destination = Destination {
                peer,
                places: self.places.of(peer),
                credentials,
                idempotent: contracts::IDEMPOTENT,
                metrics: &self.metrics,
            };
            Ok((peer, connect(&destination)?))
        };
        Peer::ALL.into_iter().filter(is_elsewhere).map(road).collect()
    }

    /// Whether `peer` runs in this process.
    pub fn run(&self, peer: Peer) -> bool {
        match self.only {
            Some(only) => only == peer,
            None => self.places.of(peer).is_empty(),
        }
    }

    /// The one service that runs here, where this process is nothing else.
    pub const fn alone(&self) -> Option<Peer> {
        self.only
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
        Ok(self.road_elsewhere(to).with_context(missing)?.transport())
    }

    /// The road to `peer`, which runs elsewhere.
    pub fn road_elsewhere(&self, peer: Peer) -> Option<Road> {
        self.roads.iter().find(|(to, _)| *to == peer).map(|(_, road)| road.clone())
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
