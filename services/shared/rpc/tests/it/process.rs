//! A process that serves a stub, and a wire to it that can be cut.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http::{Request, Response};
use prometheus_client::registry::Registry;
use rpc::{
    Credentials, Destination, Failure, Peer, Resolver, Road, RpcListener, RpcMetrics, Served, Transport, connect,
    connect_by, name_of,
};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::{Service, ServiceExt};

use crate::authority::Authority;

/// May be made twice.
pub const RESOLVE: &str = "/dialtone.redirection.v1.RedirectionService/Resolve";
/// May not.
pub const CREATE: &str = "/dialtone.redirection.v1.RedirectionService/CreateProfile";

/// What a stub does with a call.
#[derive(Clone)]
pub enum Behaviour {
    /// Answers "not found".
    Served,
    /// Answers "unavailable".
    Refuses,
    /// Answers "not found" when there is a permit.
    Waits(Arc<Semaphore>),
    /// Answers "not found", and which trace it belongs to.
    Traced,
}

/// A service that counts its calls.
#[derive(Clone)]
pub struct Stub {
    calls: Arc<AtomicUsize>,
    behaviour: Behaviour,
}

impl NamedService for Stub {
    const NAME: &'static str = "dialtone.redirection.v1.RedirectionService";
}

impl Service<Request<Body>> for Stub {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let behaviour = self.behaviour.clone();
        Box::pin(async move {
            let status = match behaviour {
                Behaviour::Served => Status::not_found("served"),
                Behaviour::Refuses => Status::unavailable("not now"),
                Behaviour::Waits(permits) => {
                    permits.acquire().await.expect("a permit").forget();
                    Status::not_found("served")
                }
                Behaviour::Traced => {
                    let parent = rpc::TraceParent::current();
                    Status::not_found(parent.map(rpc::TraceParent::into_string).unwrap_or_default())
                }
            };
            Ok(status.into_http())
        })
    }
}

/// A process that serves the stub as `redirection`.
pub struct Process {
    pub folder: TempDir,
    pub credentials: Credentials,
    pub address: SocketAddr,
    stub: Stub,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Process {
    pub async fn start(authority: &Authority, believed: &[&Authority]) -> Self {
        Self::start_as(Behaviour::Served, authority, believed).await
    }

    pub async fn start_as(behaviour: Behaviour, authority: &Authority, believed: &[&Authority]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let files = authority.write(folder.path(), &name_of(Peer::Redirection), believed);
        let credentials = Credentials::load(files).expect("credentials");
        let listener = RpcListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port");
        let (address, stub) = (listener.address(), Stub { calls: Arc::default(), behaviour });
        let (stop, stopped) = watch::channel(false);
        let served = Served::new(RpcMetrics::register(&mut Registry::default())).and(stub.clone());
        let serving = listener.serve(served, credentials.clone(), stopped);
        Self { folder, credentials, address, stub, stop, serving }
    }

    pub fn place(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    pub fn calls(&self) -> usize {
        self.stub.calls.load(Ordering::Relaxed)
    }

    /// Tells it to stop, as SIGTERM does.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub async fn end(self) {
        self.stop();
        self.serving.await.expect("it ends in good order");
    }
}

/// A caller whose certificate names `name`.
pub fn caller(authority: &Authority, believed: &[&Authority], name: &str) -> Credentials {
    let folder = tempfile::tempdir().expect("a folder");
    Credentials::load(authority.write(folder.path(), name, believed)).expect("credentials")
}

/// The gateway's certificate.
pub fn gateway(authority: &Authority) -> Credentials {
    caller(authority, &[authority], &name_of(Peer::Gateway))
}

pub fn road(peer: Peer, places: &[String], credentials: &Credentials) -> Transport {
    let metrics = RpcMetrics::register(&mut Registry::default());
    let destination = Destination { peer, places, credentials, idempotent: &[RESOLVE], metrics: &metrics };
    connect(&destination).expect("a road").transport()
}

/// A road to `service:1`, whose addresses `resolver` tells.
pub fn road_by(resolver: Resolver, credentials: &Credentials) -> Road {
    let metrics = RpcMetrics::register(&mut Registry::default());
    let places = ["service:1".to_owned()];
    let (peer, places, metrics) = (Peer::Redirection, places.as_slice(), &metrics);
    connect_by(&Destination { peer, places, credentials, idempotent: &[RESOLVE], metrics }, resolver).expect("a road")
}

/// What a call that is to be answered within ten seconds comes to.
pub async fn call(road: &Transport, path: &str) -> Failure {
    let request = Request::post(format!("https://localhost{path}")).header("content-type", "application/grpc");
    let request = request.header("grpc-timeout", "10S").body(Body::empty()).expect("a request");
    let Ok(response) = road.clone().oneshot(request).await;
    Failure::from(Status::from_header_map(response.headers()).expect("a status"))
}

/// What a wire does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Carries,
    /// Takes everything and passes nothing on, as a machine that is cut off does, or a process that is stopped.
    Silent,
    /// Ends what there is and takes nothing, as a process that was killed.
    Cut,
}

/// A port that leads to another.
pub struct Proxy {
    pub address: SocketAddr,
    wire: watch::Sender<Wire>,
}

impl Proxy {
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (wire, state) = watch::channel(Wire::Carries);
        let mut cut = state.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let (stream, _) = accepted.expect("a connection");
                        tokio::spawn(carry(stream, target, state.clone()));
                    }
                    _ = cut.wait_for(|wire| *wire == Wire::Cut) => return,
                }
            }
        });
        Self { address, wire }
    }

    pub fn becomes(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }
}

async fn carry(mut from: TcpStream, target: SocketAddr, mut state: watch::Receiver<Wire>) {
    let mut cut = state.clone();
    let carrying = async {
        if *state.borrow() == Wire::Carries {
            let mut to = TcpStream::connect(target).await.expect("the target");
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut from, &mut to) => return,
                _ = state.wait_for(|wire| *wire != Wire::Carries) => {}
            }
            std::future::pending::<()>().await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = carrying => {}
        _ = cut.wait_for(|wire| *wire == Wire::Cut) => {}
    }
}
