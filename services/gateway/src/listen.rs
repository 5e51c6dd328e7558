//! Takes connections, with TLS or without, and hands their requests to the routes.
//!
//! Handshakes run off the accept path, and there is a bound to connections (`crowd`), so that clients
//! which connect and say nothing hold up nobody. HTTP/1.0, HTTP/1.1 and HTTP/2 are spoken on both kinds of port. What a client shows in the
//! handshake, or a proxy in its headers, is judged here and goes along with each request.

mod crowd;
mod safe_headers;
mod source;

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

pub use self::crowd::Crowd;
use self::crowd::Place;
use self::source::Connection;
pub(crate) use self::source::Source;
use crate::GatewayMetrics;
use crate::device_certificate::{DeviceCertificate, DeviceCertificates};
use crate::limits::Network;

/// How long a client may take over its handshake, its first request, and each request's head.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often an HTTP/2 client is asked whether it still lives.
const SIGN_OF_LIFE: Duration = Duration::from_mins(1);
/// How long requests under way may take to end when the server stops.
const GRACE: Duration = Duration::from_secs(10);
/// The longest head of a request in HTTP/1, in bytes. A phone's is a tenth of it.
const LONGEST_HEAD: usize = 16 * 1024;
/// The pause after the system refused a new connection (too many open files, say).
const BREATH: Duration = Duration::from_millis(50);

/// Connections of a port that only operators reach.
const CONNECTIONS: usize = 1024;

/// The certificate and rules of a TLS port.
pub type Tls = Arc<ServerConfig>;

/// A port that is open and does not serve yet.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
    certificates: Option<DeviceCertificates>,
    crowd: Crowd,
}

/// A port that serves until it is told to stop.
pub type Listening = JoinHandle<()>;

/// The port cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}; is another program using the port?")]
pub struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

impl Listener {
    /// Opens `address`; port 0 takes any free one.
    pub async fn bind(address: SocketAddr, tls: Option<Tls>) -> Result<Self, ListenError> {
        let fail = |source| ListenError { address, source };
        let socket = TcpListener::bind(address).await.map_err(fail)?;
        let address = socket.local_addr().map_err(fail)?;
        let crowd = Crowd::new(CONNECTIONS, CONNECTIONS, GatewayMetrics::default());
        Ok(Self { socket, address, tls, certificates: None, crowd })
    }

    /// The same port, whose connections count among those of `crowd`.
    pub fn in_crowd(self, crowd: Crowd) -> Self {
        Self { crowd, ..self }
    }

    /// The same port, which tells phones by their certificates.
    pub fn telling_phones_by(self, certificates: DeviceCertificates) -> Self {
        Self { certificates: Some(certificates), ..self }
    }

    /// The address that was opened.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `routes` until `stop` turns true; then ends what is under way, within ten seconds.
    pub fn serve(self, routes: Router, stop: watch::Receiver<bool>) -> Listening {
        tokio::spawn(self.run(routes, stop))
    }

    async fn run(self, routes: Router, mut stop: watch::Receiver<bool>) {
        let graceful = GracefulShutdown::new();
        let acceptor = self.tls.map(TlsAcceptor::from);
        let mut connections = JoinSet::new();
        loop {
            let arrived = tokio::select! {
                arrived = arrival(&self.socket, &self.crowd) => arrived,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match arrived {
                Ok(None) => {}
                Ok(Some(Arrival { stream, client, place, room })) => {
                    let (routes, certificates) = (routes.clone(), self.certificates.clone());
                    let (watcher, stop) = (graceful.watcher(), stop.clone());
                    let handler = Handler { routes, watcher, client, certificates, stop, _room: room };
                    connections.spawn(handler.connected(stream, acceptor.clone(), place));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot take a connection");
                    tokio::time::sleep(BREATH).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
        drop(self.socket);
        if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
            tracing::warn!("requests still under way are cut off");
        }
        connections.shutdown().await;
    }
}

/// A connection that was let in.
struct Arrival {
    stream: TcpStream,
    client: IpAddr,
    place: Place,
    room: Option<OwnedSemaphorePermit>,
}

/// Takes the next connection, as soon as there is room for it; `None` where its network has too many newcomers.
async fn arrival(socket: &TcpListener, crowd: &Crowd) -> io::Result<Option<Arrival>> {
    let room = crowd.room().await;
    let (stream, client) = socket.accept().await?;
    let client = client.ip();
    let place = crowd.admit(Network::of(client)).await;
    Ok(place.map(|place| Arrival { stream, client, place, room }))
}

/// What serves one connection.
struct Handler {
    routes: Router,
    watcher: Watcher,
    client: IpAddr,
    certificates: Option<DeviceCertificates>,
    stop: watch::Receiver<bool>,
    /// Its share of all connections.
    _room: Option<OwnedSemaphorePermit>,
}

impl Handler {
    async fn connected(mut self, stream: TcpStream, acceptor: Option<TlsAcceptor>, mut place: Place) {
        // Answers are small and written whole; waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        if !self.speaks(&stream, &mut place).await {
            return;
        }
        place.note_word();
        let Some(acceptor) = acceptor else {
            return self.serve(stream, "http", DeviceCertificate::None, place).await;
        };
        let shaken = tokio::select! {
            shaken = tokio::time::timeout(PATIENCE, acceptor.accept(stream)) => shaken,
            () = place.needed() => return tracing::debug!(client = %self.client, "somebody else needs the place"),
        };
        match shaken {
            Ok(Ok(stream)) => {
                let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
                let judged = self.certificates.as_ref().map(|certificates| certificates.judge(shown));
                self.serve(stream, "https", judged.unwrap_or_default(), place).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, client = %self.client, "no TLS handshake"),
            Err(_elapsed) => tracing::debug!(client = %self.client, "the TLS handshake took too long"),
        }
    }

    /// Waits for the client's first word. Who has spoken is served, whatever else happens.
    async fn speaks(&mut self, stream: &TcpStream, place: &mut Place) -> bool {
        let mut word = [0];
        tokio::select! {
            biased;
            // Looked at, not only waited for: the system may say that there is something where there is nothing.
            _ = stream.peek(&mut word) => true,
            () = place.needed() => false,
            _ = self.stop.wait_for(|stop| *stop) => false,
            () = tokio::time::sleep(PATIENCE) => false,
        }
    }

    async fn serve(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        scheme: &'static str,
        certificate: DeviceCertificate,
        place: Place,
    ) {
        let client = self.client;
        let door = Arc::new(Entrance { scheme, client, certificate, certificates: self.certificates });
        let asked = Arc::new(Notify::new());
        let (routes, heard) = (self.routes, Arc::clone(&asked));
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            heard.notify_one();
            Arc::clone(&door).answer(request.map(Body::new), routes.clone())
        });
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(LONGEST_HEAD);
        builder.http2().timer(TokioTimer::new()).max_concurrent_streams(64);
        // A client that has vanished must not hold its connection for ever.
        builder.http2().keep_alive_interval(SIGN_OF_LIFE).keep_alive_timeout(PATIENCE);
        let served = self.watcher.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned());
        if let Err(error) = served_unless_silent(served, &asked, place).await {
            tracing::debug!(%error, %client, "a connection ended early");
        }
    }
}

/// What is true of every request of one connection.
struct Entrance {
    scheme: &'static str,
    client: IpAddr,
    certificate: DeviceCertificate,
    certificates: Option<DeviceCertificates>,
}

impl Entrance {
    async fn answer(self: Arc<Self>, mut request: Request<Body>, routes: Router) -> Result<Response, Infallible> {
        let certificates = self.certificates.as_ref();
        let behind = certificates.and_then(|all| all.behind_proxy(self.client, request.headers()));
        let (certificate, client) = behind.unwrap_or_else(|| (self.certificate.clone(), self.client));
        request.extensions_mut().insert(Connection { client, scheme: self.scheme });
        request.extensions_mut().insert(certificate);
        let mut response = routes.oneshot(request).await?;
        safe_headers::add(response.headers_mut(), self.scheme);
        Ok(response)
    }
}

/// Serves until the client has had enough, or has not asked anything for too long since it came, or for as long as
/// nobody else needs its place. (The builder waits without end for the bytes that tell HTTP/1 from HTTP/2.)
async fn served_unless_silent<E>(
    served: impl Future<Output = Result<(), E>>,
    asked: &Notify,
    mut place: Place,
) -> Result<(), Box<dyn Error + Send + Sync>>
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let mut served = pin!(served);
    tokio::select! {
        result = &mut served => return result.map_err(Into::into),
        heard = tokio::time::timeout(PATIENCE, asked.notified()) => heard?,
        () = place.needed() => return Err("somebody else needs the place".into()),
    }
    drop(place);
    served.await.map_err(Into::into)
}
