//! Takes connections, with TLS or without, and hands their requests to the routes.
//!
//! Handshakes run off the accept path, so that a client which connects and says nothing holds up
//! nobody. HTTP/1.0, HTTP/1.1 and HTTP/2 are spoken on both kinds of port. What a client shows in the
//! handshake, or a proxy in its headers, is judged here and goes along with each request.

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
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use self::source::Connection;
pub(crate) use self::source::Source;
use crate::device_certificate::{DeviceCertificate, DeviceCertificates};

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

/// The certificate and rules of a TLS port.
pub type Tls = Arc<ServerConfig>;

/// A port that is open and does not serve yet.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
    certificates: Option<DeviceCertificates>,
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
        Ok(Self { socket, address, tls, certificates: None })
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
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match accepted {
                Ok((stream, client)) => {
                    let (routes, certificates) = (routes.clone(), self.certificates.clone());
                    let handler = Handler { routes, watcher: graceful.watcher(), client: client.ip(), certificates };
                    connections.spawn(handler.connected(stream, acceptor.clone()));
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

/// What serves one connection.
struct Handler {
    routes: Router,
    watcher: Watcher,
    client: IpAddr,
    certificates: Option<DeviceCertificates>,
}

impl Handler {
    async fn connected(self, stream: TcpStream, acceptor: Option<TlsAcceptor>) {
        // Answers are small and written whole; waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let Some(acceptor) = acceptor else {
            return self.serve(stream, "http", DeviceCertificate::None).await;
        };
        match tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
                let judged = self.certificates.as_ref().map(|certificates| certificates.judge(shown));
                self.serve(stream, "https", judged.unwrap_or_default()).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, client = %self.client, "no TLS handshake"),
            Err(_elapsed) => tracing::debug!(client = %self.client, "the TLS handshake took too long"),
        }
    }

    async fn serve(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        scheme: &'static str,
        certificate: DeviceCertificate,
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
        if let Err(error) = served_unless_silent(served, &asked).await {
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

/// Serves until the client has had enough, or has not asked anything for too long since it came. (The
/// builder waits without end for the bytes that tell HTTP/1 from HTTP/2.)
async fn served_unless_silent<E>(
    served: impl Future<Output = Result<(), E>>,
    asked: &Notify,
) -> Result<(), Box<dyn Error + Send + Sync>>
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let mut served = pin!(served);
    tokio::select! {
        result = &mut served => return result.map_err(Into::into),
        heard = tokio::time::timeout(PATIENCE, asked.notified()) => heard?,
    }
    served.await.map_err(Into::into)
}
