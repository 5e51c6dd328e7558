//! Who is let in, what a caller learns when nobody answers, and that certificates can be exchanged.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http::{Request, Response};
use prometheus_client::registry::Registry;
use rpc::{Credentials, Failure, Peer, RpcListener, RpcMetrics, Served, Transport, connect, name_of};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::{Code, Status};
use tower::{Service, ServiceExt};
use vocabulary::ErrorKind;

use crate::authority::Authority;

const PATH: &str = "/dialtone.redirection.v1.RedirectionService/Resolve";

/// A service that answers every call with "not found", and counts them.
#[derive(Clone, Default)]
struct Stub(Arc<AtomicUsize>);

impl NamedService for Stub {
    const NAME: &'static str = "dialtone.redirection.v1.RedirectionService";
}

impl Service<Request<Body>> for Stub {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        self.0.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok(Status::not_found("served").into_http()))
    }
}

/// A process that serves the stub as `redirection`.
struct Process {
    folder: TempDir,
    credentials: Credentials,
    address: SocketAddr,
    calls: Stub,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Process {
    async fn start(authority: &Authority, believed: &[&Authority]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let files = authority.write(folder.path(), &name_of(Peer::Redirection), believed);
        let credentials = Credentials::load(files).expect("credentials");
        let listener = RpcListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port");
        let (address, calls) = (listener.address(), Stub::default());
        let (stop, stopped) = watch::channel(false);
        let served = Served::new(RpcMetrics::register(&mut Registry::default())).and(calls.clone());
        let serving = listener.serve(served, credentials.clone(), stopped);
        Self { folder, credentials, address, calls, stop, serving }
    }

    fn place(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    async fn end(self) {
        self.stop.send_replace(true);
        self.serving.await.expect("it ends in good order");
    }
}

/// A caller whose certificate names `name`.
fn caller(authority: &Authority, believed: &[&Authority], name: &str) -> Credentials {
    let folder = tempfile::tempdir().expect("a folder");
    Credentials::load(authority.write(folder.path(), name, believed)).expect("credentials")
}

async fn call(road: &Transport, path: &str) -> Failure {
    let request = Request::post(format!("https://localhost{path}")).header("content-type", "application/grpc");
    let request = request.body(Body::empty()).expect("a request");
    let Ok(response) = road.clone().oneshot(request).await;
    Failure::from(Status::from_header_map(response.headers()).expect("a status"))
}

fn kind_of(code: Code) -> ErrorKind {
    Failure::from(Status::new(code, "")).kind
}

#[tokio::test]
async fn a_listed_caller_is_served_and_others_are_told_that_they_may_not() {
    let authority = Authority::new("mesh");
    let process = Process::start(&authority, &[&authority]).await;
    let road = |name: &str| {
        let credentials = caller(&authority, &[&authority], name);
        connect(Peer::Redirection, &[process.place()], &credentials).expect("a road")
    };
    let served = call(&road(&name_of(Peer::Gateway)), PATH).await;
    assert_eq!((served.kind, served.message.as_str()), (ErrorKind::NotFound, "served"));
    assert_eq!(call(&road(&name_of(Peer::Onboarding)), PATH).await.kind, ErrorKind::NotFound);
    // A peer that is not on the list of this service, and names that are no peers.
    for name in [&name_of(Peer::Accounts), "gateway", "gateway.dialtone.example", "x.gateway.dialtone.internal"] {
        assert_eq!(call(&road(name), PATH).await.kind, kind_of(Code::PermissionDenied), "{name}");
    }
    let unlisted = call(&road(&name_of(Peer::Gateway)), "/dialtone.accounts.v1.AccountsService/LogIn").await;
    assert_eq!(unlisted.kind, kind_of(Code::Unimplemented));
    assert_eq!(process.calls.0.load(Ordering::Relaxed), 2, "nobody else reached the service");
    process.end().await;
}

#[tokio::test]
async fn whoever_cannot_be_verified_finds_the_service_unavailable() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let process = Process::start(&ours, &[&ours]).await;
    let gateway = name_of(Peer::Gateway);
    let places = [process.place()];
    // A certificate of a foreign authority; a server of a foreign authority; a server of another name.
    let cases = [
        (Peer::Redirection, caller(&theirs, &[&ours], &gateway)),
        (Peer::Redirection, caller(&ours, &[&theirs], &gateway)),
        (Peer::Accounts, caller(&ours, &[&ours], &gateway)),
    ];
    for (number, (peer, credentials)) in cases.into_iter().enumerate() {
        let road = connect(peer, &places, &credentials).expect("a road");
        assert_eq!(call(&road, PATH).await.kind, ErrorKind::Unavailable, "case {number}");
    }
    assert_eq!(process.calls.0.load(Ordering::Relaxed), 0);
    process.end().await;
}

#[tokio::test]
async fn the_next_of_several_is_called_and_one_that_is_away_is_passed_over() {
    let authority = Authority::new("mesh");
    let (one, other) =
        (Process::start(&authority, &[&authority]).await, Process::start(&authority, &[&authority]).await);
    let credentials = caller(&authority, &[&authority], &name_of(Peer::Gateway));
    let road = connect(Peer::Redirection, &[one.place(), other.place()], &credentials).expect("a road");
    for _ in 0..10 {
        assert_eq!(call(&road, PATH).await.kind, ErrorKind::NotFound);
    }
    let counts = [&one, &other].map(|process| process.calls.0.load(Ordering::Relaxed));
    assert_eq!(counts, [5, 5]);
    let (place, counter) = (one.place(), other.calls.clone());
    one.end().await;
    // The first call may find the connection that was just closed; then it fails and says that it may be made again.
    let first = call(&road, PATH).await.kind;
    assert!([ErrorKind::NotFound, ErrorKind::Unavailable].contains(&first), "{first:?}");
    for _ in 0..10 {
        assert_eq!(call(&road, PATH).await.kind, ErrorKind::NotFound, "{place} is gone");
    }
    assert!(counter.0.load(Ordering::Relaxed) >= 15);
    other.end().await;
    assert_eq!(call(&road, PATH).await.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn certificates_are_exchanged_while_everything_runs() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let process = Process::start(&old, &[&old]).await;
    let road = |authority, believed: &[&Authority]| {
        let credentials = caller(authority, believed, &name_of(Peer::Gateway));
        connect(Peer::Redirection, &[process.place()], &credentials).expect("a road")
    };
    let open = road(&old, &[&old]);
    assert_eq!(call(&open, PATH).await.kind, ErrorKind::NotFound);
    assert_eq!(call(&road(&new, &[&old, &new]), PATH).await.kind, ErrorKind::Unavailable);
    assert!(!process.credentials.reload().expect("the same files"), "nothing has changed");

    // Half-written files leave everything as it was.
    let certificate = process.folder.path().join("certificate.pem");
    let whole = std::fs::read(&certificate).expect("a file");
    std::fs::write(&certificate, &whole[..whole.len() / 2]).expect("a file");
    assert!(process.credentials.reload().is_err());
    assert_eq!(call(&road(&old, &[&old]), PATH).await.kind, ErrorKind::NotFound);

    new.write(process.folder.path(), &name_of(Peer::Redirection), &[&old, &new]);
    assert!(process.credentials.reload().expect("new files"));
    for (number, road) in [road(&new, &[&old, &new]), road(&old, &[&old, &new])].iter().enumerate() {
        assert_eq!(call(road, PATH).await.kind, ErrorKind::NotFound, "road {number}");
    }
    assert_eq!(
        call(&road(&old, &[&old]), PATH).await.kind,
        ErrorKind::Unavailable,
        "it does not believe the new authority"
    );
    assert_eq!(call(&open, PATH).await.kind, ErrorKind::NotFound, "an open connection stays");
    process.end().await;
}
