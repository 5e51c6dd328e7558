//! One HTTP request and its answer, over a connection of its own, plain or TLS.

use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::trust::Trust;
use crate::url::{Scheme, Url};

/// From the first packet to the last byte of the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// No profile is larger; a real phone's flash would refuse it much earlier.
pub(crate) const LARGEST: usize = 2 * 1024 * 1024;

/// What a phone sends.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// No answer came back: the chapter's "bad URL or IP address causes a connection error".
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The name is unknown, or nobody listens.
    #[error("cannot connect to {server}: {cause}")]
    Connect {
        /// Host and port.
        server: String,
        /// What the system says.
        cause: io::Error,
    },
    /// HTTPS without a single authority to believe.
    #[error("cannot check the certificate of {server}: name the file of its certificate authority with --ca")]
    NobodyTrusted {
        /// Host and port.
        server: String,
    },
    /// The other side's certificate is wrong, or it does not speak TLS.
    #[error("no secure connection to {server}: {cause}")]
    Tls {
        /// Host and port.
        server: String,
        /// What the handshake says.
        cause: io::Error,
    },
    /// The server's name cannot stand in a certificate or a request.
    #[error("{server} cannot be asked: it is no proper name of a server")]
    Name {
        /// Host and port.
        server: String,
    },
    /// Not HTTP, or cut off.
    #[error("{server} did not answer properly: {cause}")]
    Broken {
        /// Host and port.
        server: String,
        /// What was wrong.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Not within ten seconds.
    #[error("{server} did not answer within 10 seconds")]
    TooLate {
        /// Host and port.
        server: String,
    },
}

/// Sends one request and waits for the whole answer, ten seconds at most.
pub(crate) async fn exchange(trust: &Trust, url: &Url, outgoing: Outgoing) -> Result<Answer, NoAnswer> {
    let server = url.authority();
    match tokio::time::timeout(PATIENCE, connect_and_ask(trust, url, outgoing)).await {
        Ok(answer) => answer,
        Err(_elapsed) => Err(NoAnswer::TooLate { server }),
    }
}

async fn connect_and_ask(trust: &Trust, url: &Url, outgoing: Outgoing) -> Result<Answer, NoAnswer> {
    let server = url.authority();
    let connected = TcpStream::connect((url.host(), url.port())).await;
    let stream = connected.map_err(|cause| NoAnswer::Connect { server: server.clone(), cause })?;
    if url.scheme() != Scheme::Https {
        return ask(stream, url, outgoing).await;
    }
    let tls = trust.tls().ok_or_else(|| NoAnswer::NobodyTrusted { server: server.clone() })?;
    let name = ServerName::try_from(url.host().to_owned()).map_err(|_| NoAnswer::Name { server: server.clone() })?;
    let stream = TlsConnector::from(tls).connect(name, stream).await;
    ask(stream.map_err(|cause| NoAnswer::Tls { server, cause })?, url, outgoing).await
}

async fn ask<S>(stream: S, url: &Url, outgoing: Outgoing) -> Result<Answer, NoAnswer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let server = url.authority();
    let broken = |cause| NoAnswer::Broken { server: server.clone(), cause };
    let request = request(url, outgoing)?;
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| broken(error.into()))?;
    let conversation = async move {
        let (head, body) = sender.send_request(request).await.map_err(|error| broken(error.into()))?.into_parts();
        let body = Limited::new(body, LARGEST).collect().await.map_err(broken)?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    };
    // The connection must be driven while the conversation goes on. When it ends first, all that it
    // carried, or the error that ended it, has already been handed to the conversation.
    let mut conversation = pin!(conversation);
    tokio::select! {
        answer = &mut conversation => answer,
        _ended = connection => conversation.await,
    }
}

fn request(url: &Url, outgoing: Outgoing) -> Result<Request<Full<Bytes>>, NoAnswer> {
    let no_name = || NoAnswer::Name { server: url.authority() };
    let mut request = Request::new(Full::new(outgoing.body));
    *request.method_mut() = outgoing.method;
    *request.uri_mut() = url.target().parse().map_err(|_| no_name())?;
    *request.headers_mut() = outgoing.headers;
    let host = HeaderValue::try_from(url.authority()).map_err(|_| no_name())?;
    request.headers_mut().insert(header::HOST, host);
    request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(request)
}
