//! A server that answers as the test says and remembers what it was asked.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// One request as it came in.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a readable header"))
    }
}

/// Status, headers and body.
pub type Reply = (u16, Vec<(&'static str, String)>, String);

pub fn status(status: u16) -> Reply {
    (status, Vec::new(), String::new())
}

pub fn ok(body: impl Into<String>) -> Reply {
    (200, Vec::new(), body.into())
}

pub fn with_header(code: u16, name: &'static str, value: impl Into<String>) -> Reply {
    (code, vec![(name, value.into())], String::new())
}

type Script = dyn Fn(&Seen) -> Reply + Send + Sync;

pub struct Stub {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    // Dropping the set ends every connection with the test.
    _tasks: JoinSet<()>,
}

impl Stub {
    pub async fn start(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(None, Arc::new(script)).await
    }

    pub async fn start_tls(config: ServerConfig, script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(Some(TlsAcceptor::from(Arc::new(config))), Arc::new(script)).await
    }

    async fn listen(tls: Option<TlsAcceptor>, script: Arc<Script>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        let log = Arc::clone(&seen);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, script, log) = (tls.clone(), Arc::clone(&script), Arc::clone(&log));
                connections.spawn(async move {
                    match tls {
                        None => converse(stream, script, log).await,
                        Some(tls) => {
                            // A phone that does not believe the certificate hangs up here.
                            if let Ok(stream) = tls.accept(stream).await {
                                converse(stream, script, log).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, seen, _tasks: tasks }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }

    pub fn targets(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| format!("{} {}", seen.method, seen.target)).collect()
    }

    /// The bodies that were posted.
    pub fn posted(&self) -> Vec<String> {
        self.seen().into_iter().filter(|seen| seen.method == "POST").map(|seen| seen.body).collect()
    }
}

async fn converse<S>(stream: S, script: Arc<Script>, log: Arc<Mutex<Vec<Seen>>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(|request: Request<Incoming>| {
        let (script, log) = (Arc::clone(&script), Arc::clone(&log));
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.expect("the whole body").to_bytes();
            let seen = Seen {
                method: head.method.to_string(),
                target: head.uri.to_string(),
                headers: head.headers,
                body: String::from_utf8(body.to_vec()).expect("text"),
            };
            let (status, headers, body) = script(&seen);
            log.lock().expect("no panic").push(seen);
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            Ok::<_, Infallible>(response.body(Full::new(Bytes::from(body))).expect("a response"))
        }
    });
    // The phone may hang up at any time.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
