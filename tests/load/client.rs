//! The client: one HTTP/1.1 connection, with TLS or without.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::certificate::NAME;
use crate::questions::Phones;

/// Where to connect to, and how.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    /// Nothing for plain HTTP; more than one where each phone shows a certificate of its own.
    pub tls: Vec<TlsConnector>,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    /// Empty where there is none.
    pub content_type: String,
    pub body: Bytes,
}

/// An open connection. It is closed when this is dropped.
pub struct Connection {
    requests: SendRequest<Full<Bytes>>,
    host: HeaderValue,
    /// How often somebody was told on it to ask again.
    pub put_off: u64,
}

impl Connection {
    /// As the first phone.
    pub async fn open(target: &Target) -> Result<Self> {
        Self::open_as(target, 0).await
    }

    /// As the phone that was registered at this place.
    pub async fn open_as(target: &Target, place: u64) -> Result<Self> {
        let stream = TcpStream::connect(target.address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        let count = u64::try_from(target.tls.len())?.max(1);
        let requests = match target.tls.get(usize::try_from(place % count)?) {
            None => begin(stream).await?,
            Some(connector) => begin(connector.connect(NAME.try_into()?, stream).await.context("no TLS")?).await?,
        };
        let host = HeaderValue::try_from(format!("{NAME}:{}", target.address.port()))?;
        Ok(Self { requests, host, put_off: 0 })
    }

    /// Sends `request` and waits for the whole answer.
    pub async fn send(&mut self, mut request: Request<Full<Bytes>>) -> Result<Answer> {
        request.headers_mut().insert(HOST, self.host.clone());
        self.requests.ready().await.context("the connection was closed")?;
        let (head, body) = self.requests.send_request(request).await.context("no answer")?.into_parts();
        let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let content_type = content_type.to_owned();
        let body = body.collect().await.context("the answer broke off")?.to_bytes();
        Ok(Answer { status: head.status, content_type, body })
    }

    /// Asks as the phone that `number` stands for, and checks the answer. Users who are told to ask again do so.
    pub async fn ask(&mut self, phones: &Phones, number: u64) -> Result<Answer> {
        let mut answer = self.send(phones.question(number)?).await?;
        while phones.have_patience() && answer.status == StatusCode::SERVICE_UNAVAILABLE {
            self.put_off += 1;
            answer = self.send(phones.question(number)?).await?;
        }
        let body = String::from_utf8_lossy(&answer.body);
        ensure!(phones.is_right(answer.status, &body), "a wrong answer: {} {body:?}", answer.status);
        Ok(answer)
    }
}

async fn begin(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<SendRequest<Full<Bytes>>> {
    let (requests, connection) = handshake(TokioIo::new(stream)).await?;
    // It ends with the requests; an error in it is seen by whoever waits for the answer.
    tokio::spawn(connection);
    Ok(requests)
}
