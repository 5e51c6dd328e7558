//! The other end of the road: takes calls from other processes under mutual TLS.
//!
//! Handshakes run off the accept path, so that a caller which connects and says nothing holds up nobody. Who
//! calls is read from its verified certificate, once for each connection. A caller without a certificate, or
//! with one of another authority, does not get as far as this; one whose certificate names no peer is told
//! that it may not.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};
use vocabulary::ErrorKind;

use crate::credentials::{Credentials, peer_named_by};
use crate::guard::Guard;
use crate::{Peer, RpcMetrics};

/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Handshakes that may be under way at once; callers are few and keep their connections.
const HANDSHAKES: usize = 64;
/// Calls that may be under way at once. What comes beyond is refused at once, and its caller may go elsewhere.
const MOST_CALLS: usize = 4096;
/// How often a caller is asked whether it still lives, and how long it may take to say so.
const SIGN_OF_LIFE: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(10)];
/// Asks whether this process can do its work; to be answered above all where there is too much of it.
const HEALTH: &str = "grpc.health.v1.Health";

type Handler = BoxCloneSyncService<(Option<Peer>, Request<Body>), Response<Body>, Infallible>;

/// What one process serves to others.
#[derive(Clone)]
pub struct Served {
    handlers: HashMap<&'static str, Handler>,
    metrics: RpcMetrics,
    room: Arc<Semaphore>,
}

impl Served {
    /// Nothing yet.
    pub fn new(metrics: RpcMetrics) -> Self {
        Self { handlers: HashMap::new(), metrics, room: Arc::new(Semaphore::new(MOST_CALLS)) }
    }

    /// And `server`.
    pub fn and<S>(mut self, server: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
        S: NamedService + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        let metrics = self.metrics.clone();
        let handler = tower::service_fn(move |(caller, request): (Option<Peer>, Request<Body>)| {
            let (server, metrics) = (server.clone(), metrics.clone());
            async move {
                match caller {
                    Some(caller) => Guard { service: S::NAME, caller, metrics }.pass(server, request).await,
                    None => Ok(Status::permission_denied("this certificate names no service").into_http()),
                }
            }
        });
        self.handlers.insert(S::NAME, BoxCloneSyncService::new(handler));
        self
    }

    async fn call(self, request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let service = request.uri().path().split('/').nth(1).unwrap_or_default();
        let room = if service == HEALTH { None } else { Some(self.room.try_acquire()) };
        if let Some(Err(_full)) = room {
            let code = crate::status::code(ErrorKind::Unavailable);
            return Ok(Status::new(code, "too much is under way here; try again").into_http());
        }
        match self.handlers.get(service).cloned() {
            Some(handler) => {
                let caller = request.extensions().get::<Caller>().and_then(|caller| caller.0);
                handler.oneshot((caller, request)).await
            }
            None => Ok(Status::unimplemented("no such service here").into_http()),
        }
    }
}

/// Tells a call that would last for ever when it has to end. Every call that comes from another process has one.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Told when `stop` turns true.
    pub const fn when(stop: watch::Receiver<bool>) -> Self {
        Self(stop)
    }

    /// Returns when the port takes no more calls, and waits for those under way.
    pub async fn told(mut self) {
        // The sender is gone only where everything ends.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// A port for other processes that is open and does not serve yet.
#[derive(Debug)]
pub struct RpcListener {
    socket: TcpListener,
    address: SocketAddr,
}

impl RpcListener {
    /// Opens `address`; port 0 takes any free one.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The address that was opened.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` turns true; then takes no more calls and ends those under way.
    pub fn serve(self, served: Served, credentials: Credentials, stop: watch::Receiver<bool>) -> JoinHandle<()> {
        let (connections, incoming) = mpsc::channel(HANDSHAKES);
        let accepting = accept(self.socket, credentials, connections, stop.clone());
        let stopping = Stopping::when(stop);
        let told = stopping.clone().told();
        tokio::spawn(async move {
            let answer = move |mut request: Request<Body>| {
                request.extensions_mut().insert(stopping.clone());
                served.clone().call(request)
            };
            let [interval, patience] = SIGN_OF_LIFE;
            let port = Server::builder().http2_keepalive_interval(Some(interval));
            let done = port.http2_keepalive_timeout(Some(patience)).serve_with_incoming_shutdown(
                tower::service_fn(answer),
                ReceiverStream::new(incoming),
                told,
            );
            let ((), done) = tokio::join!(accepting, done);
            if let Err(error) = done {
                tracing::warn!(%error, "the port for other processes ended early");
            }
        })
    }
}

/// Takes connections and hands them on when their handshake is done.
async fn accept(
    socket: TcpListener,
    credentials: Credentials,
    ready: mpsc::Sender<io::Result<Connection>>,
    mut stop: watch::Receiver<bool>,
) {
    let mut handshakes = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept(), if handshakes.len() < HANDSHAKES => accepted,
            Some(_) = handshakes.join_next() => continue,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match accepted {
            Ok((stream, from)) => {
                handshakes.spawn(handshake(stream, from, credentials.clone(), ready.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn handshake(
    stream: TcpStream,
    from: SocketAddr,
    credentials: Credentials,
    ready: mpsc::Sender<io::Result<Connection>>,
) {
    let _ = stream.set_nodelay(true);
    let acceptor = TlsAcceptor::from(credentials.server());
    match tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            let caller = stream.get_ref().1.peer_certificates().and_then(|chain| peer_named_by(chain.first()?));
            if caller.is_none() {
                tracing::warn!(%from, "a caller's certificate is good and names no service");
            }
            // Nobody takes it where the port has stopped.
            let _ = ready.send(Ok(Connection { stream, caller: Caller(caller) })).await;
        }
        Ok(Err(error)) => tracing::warn!(%from, %error, "a caller was not let in"),
        Err(_elapsed) => tracing::warn!(%from, "a caller's handshake took too long"),
    }
}

/// Who is at the other end, as its certificate says.
#[derive(Debug, Clone, Copy)]
struct Caller(Option<Peer>);

/// A connection whose handshake is done.
struct Connection {
    stream: TlsStream<TcpStream>,
    caller: Caller,
}

impl Connected for Connection {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Ready;

    use prometheus_client::registry::Registry;
    use tonic::Code;

    use super::*;

    #[derive(Clone)]
    struct Stub<const IS_HEALTH: bool>;

    impl<const IS_HEALTH: bool> NamedService for Stub<IS_HEALTH> {
        const NAME: &'static str = if IS_HEALTH { HEALTH } else { "dialtone.accounts.v1.AccountsService" };
    }

    impl<const IS_HEALTH: bool> Service<Request<Body>> for Stub<IS_HEALTH> {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = Ready<Result<Response<Body>, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<Body>) -> Self::Future {
            std::future::ready(Ok(Status::not_found("served").into_http()))
        }
    }

    /// Or a process that has much to do would be thought dead, and its work given to the others.
    #[tokio::test]
    async fn whoever_asks_for_health_is_answered_where_there_is_no_room() {
        let served = Served::new(RpcMetrics::register(&mut Registry::default())).and(Stub::<true>).and(Stub::<false>);
        let code = async |room: usize, path: &str| {
            let served = Served { room: Arc::new(Semaphore::new(room)), ..served.clone() };
            let mut request = Request::new(Body::empty());
            *request.uri_mut() = path.parse().expect("a path");
            request.extensions_mut().insert(Caller(Some(Peer::Gateway)));
            let Ok(response) = served.call(request).await;
            Status::from_header_map(response.headers()).map(|status| status.code())
        };
        let accounts = "/dialtone.accounts.v1.AccountsService/GetKeys";
        assert_eq!(code(0, accounts).await, Some(Code::Unavailable));
        assert_eq!(code(1, accounts).await, Some(Code::NotFound));
        assert_eq!(code(0, "/grpc.health.v1.Health/Check").await, Some(Code::NotFound));
    }
}
