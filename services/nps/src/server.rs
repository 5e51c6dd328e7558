//! The listening side: accepts connections, asks the content, and ends in order.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::answer::Answer;
use crate::content::{Content, Source};

/// How long a client may take to send its request line and headers.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long open requests may take to end when the server stops.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long to wait when the system has no more sockets to give.
const PAUSE: Duration = Duration::from_millis(50);

/// How a server is to be set up. There is no `Debug`: it may hold a password.
pub struct NpsConfig {
    /// The address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What it serves.
    pub content: Content,
    /// The user and password that every request must carry (RFC 7617), if any.
    pub credentials: Option<(String, String)>,
}

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {cause}; choose a free address for the provisioning server")]
pub struct CannotListen {
    address: SocketAddr,
    cause: io::Error,
}

/// Starts provisioning servers.
#[derive(Debug)]
pub struct Nps;

/// A server that answers until it is stopped.
#[derive(Debug)]
pub struct RunningNps {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    listening: JoinHandle<()>,
}

impl Nps {
    /// Listens, and answers from a task that [`RunningNps::stop`] ends.
    pub async fn start(config: NpsConfig) -> Result<RunningNps, CannotListen> {
        let refused = |cause| CannotListen { address: config.listen, cause };
        let listener = TcpListener::bind(config.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let desk = Desk {
            source: config.content.into(),
            expected: config
                .credentials
                .map(|(user, password)| format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))),
        };
        let (stop, stopped) = oneshot::channel();
        let listening = tokio::spawn(listen(listener, Arc::new(desk), stopped));
        Ok(RunningNps { address, stop, listening })
    }
}

impl RunningNps {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new connection, lets open requests end (at most 5 s), and returns when all is quiet.
    pub async fn stop(self) {
        // The task may have ended already; there is nothing left to tell it then.
        let _ = self.stop.send(());
        if let Err(error) = self.listening.await {
            tracing::error!(%error, "the provisioning server ended badly");
        }
    }
}

/// What every connection shares.
struct Desk {
    source: Source,
    expected: Option<String>,
}

async fn listen(listener: TcpListener, desk: Arc<Desk>, mut stopped: oneshot::Receiver<()>) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => {
                    connections.spawn(serve(stream, client, Arc::clone(&desk), graceful.watcher()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            },
            Some(_ended) = connections.join_next() => {}
            _ = &mut stopped => break,
        }
    }
    drop(listener);
    // Out of time, the connections are cut by dropping their tasks.
    let _ = tokio::time::timeout(FAREWELL, graceful.shutdown()).await;
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, client: SocketAddr, desk: Arc<Desk>, watcher: Watcher) {
    let service = service_fn(|request: http::Request<Incoming>| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(desk.answer(&request, client).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(client.address = %client, %error, "a connection ended badly");
    }
}

impl Desk {
    async fn answer<B>(&self, request: &http::Request<B>, client: SocketAddr) -> http::Response<Full<Bytes>> {
        let path = request.uri().path();
        let response = self.choose(request.method(), path, request.headers()).await.into_response();
        tracing::info!(
            client.address = %client,
            http.request.method = %request.method(),
            url.path = path,
            user_agent.original = ?request.headers().get(header::USER_AGENT),
            http.response.status_code = response.status().as_u16(),
            "asked for a profile"
        );
        response
    }

    async fn choose(&self, method: &Method, path: &str, headers: &HeaderMap) -> Answer {
        // POST is a resync too: the phone's `--post` option sends a body and wants a profile back.
        if ![Method::GET, Method::HEAD, Method::POST].contains(method) {
            return Answer::status(StatusCode::METHOD_NOT_ALLOWED)
                .with_header(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
        }
        if !self.admits(headers) {
            return Answer::status(StatusCode::UNAUTHORIZED)
                .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"profiles\""));
        }
        self.source.answer(path, headers).await
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        match &self.expected {
            None => true,
            Some(expected) => headers.get(header::AUTHORIZATION).is_some_and(|given| given == expected.as_str()),
        }
    }
}
