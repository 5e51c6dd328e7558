//! Takes connections, with TLS or without, and hands their requests to the routes.
//!
//! Handshakes run off the accept path, so that a client which connects and says nothing holds up
//! nobody. HTTP/1.0, HTTP/1.1 and HTTP/2 are spoken on both kinds of port.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;
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

/// The certificate and rules of a TLS port.
pub type Tls = Arc<ServerConfig>;

/// A port that is open and does not serve yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
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

/// Where a request came from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    address: Option<IpAddr>,
    /// How the client reached us: scheme and the authority it asked for.
    base: Option<(&'static str, Authority)>,
}

#[derive(Debug, Clone, Copy)]
struct Connection {
    client: IpAddr,
    scheme: &'static str,
}

impl Source {
    /// The source of the request whose head is `parts`.
    pub fn of(parts: &Parts) -> Self {
        let connection = parts.extensions.get::<Connection>();
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()?.parse().ok());
        let authority = parts.uri.authority().cloned().or(host);
        let base = connection.map(|connection| connection.scheme).zip(authority);
        Self { address: connection.map(|connection| connection.client.to_canonical()), base }
    }

    /// The address as text; empty where there is none.
    pub fn address_text(&self) -> String {
        self.address.map(|address| address.to_string()).unwrap_or_default()
    }

    /// The network of the address.
    pub fn network(&self) -> Network {
        Network::of(self.address.unwrap_or(IpAddr::from([0, 0, 0, 0])))
    }

    /// The URL under which the client found us, such as `https://dialtone.example:8443`.
    pub fn base_url(&self) -> Option<String> {
        let (scheme, authority) = self.base.as_ref()?;
        let is_host = authority.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
        is_host.then(|| format!("{scheme}://{authority}"))
    }
}

impl Listener {
    /// Opens `address`; port 0 takes any free one.
    pub async fn bind(address: SocketAddr, tls: Option<Tls>) -> Result<Self, ListenError> {
        let fail = |source| ListenError { address, source };
        let socket = TcpListener::bind(address).await.map_err(fail)?;
        let address = socket.local_addr().map_err(fail)?;
        Ok(Self { socket, address, tls })
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
                    let handler = Handler { routes: routes.clone(), watcher: graceful.watcher(), client: client.ip() };
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
}

impl Handler {
    async fn connected(self, stream: TcpStream, acceptor: Option<TlsAcceptor>) {
        // Answers are small and written whole; waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let Some(acceptor) = acceptor else {
            return self.serve(stream, "http").await;
        };
        match tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => self.serve(stream, "https").await,
            Ok(Err(error)) => tracing::debug!(%error, client = %self.client, "no TLS handshake"),
            Err(_elapsed) => tracing::debug!(client = %self.client, "the TLS handshake took too long"),
        }
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, scheme: &'static str) {
        let connection = Connection { client: self.client, scheme };
        let asked = Arc::new(Notify::new());
        let (routes, heard) = (self.routes, Arc::clone(&asked));
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            heard.notify_one();
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(connection);
            routes.clone().oneshot(request)
        });
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(LONGEST_HEAD);
        builder.http2().timer(TokioTimer::new()).max_concurrent_streams(64);
        // A client that has vanished must not hold its connection for ever.
        builder.http2().keep_alive_interval(SIGN_OF_LIFE).keep_alive_timeout(PATIENCE);
        let served = self.watcher.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned());
        if let Err(error) = served_unless_silent(served, &asked).await {
            tracing::debug!(%error, client = %connection.client, "a connection ended early");
        }
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
