//! The road to a service in another process: gRPC over HTTP/2 under mutual TLS.
//!
//! 1. The process of the service may run several times; the next call goes to the next of them.
//! 2. Where one cannot be reached, the call has not been sent, and the next one is tried. That is the only
//!    repetition here: a call that was sent may have been carried out.
//! 3. One that could not be reached is left out for a second, unless none is left.
//! 4. What fails on the way is `Unavailable`, also where a certificate is wrong: the caller cannot tell, and an
//!    operator is told by the log.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::Status;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

use crate::credentials::{Credentials, name_of};
use crate::{Peer, Transport};

/// How long a connection may take to come about.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long one that could not be reached is left out.
const LEFT_OUT: Duration = Duration::from_secs(1);
/// How often a quiet connection is asked whether the other side still lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// An address that cannot be one.
#[derive(Debug, thiserror::Error)]
#[error("{0} is no address of a service; expected host:port")]
pub struct InvalidPlace(String);

/// A road to `peer`, which runs at each of `places` (`host:port`). Connects when it is first used, and again
/// whenever a connection was lost.
pub fn connect(peer: Peer, places: &[String], credentials: &Credentials) -> Result<Transport, InvalidPlace> {
    let road = Road {
        replicas: places.iter().map(|place| Replica::new(peer, place, credentials)).collect::<Result<_, _>>()?,
        next: AtomicUsize::new(0),
        peer,
    };
    if road.replicas.is_empty() {
        return Err(InvalidPlace(format!("(nothing, for {})", peer.name())));
    }
    let road = Arc::new(road);
    Ok(BoxCloneSyncService::new(tower::service_fn(move |request| Arc::clone(&road).call(request))))
}

struct Road {
    replicas: Vec<Replica>,
    /// Whose turn it is.
    next: AtomicUsize,
    peer: Peer,
}

struct Replica {
    place: String,
    channel: Channel,
    /// Until when it is left out.
    absent_until: watch::Sender<Option<Instant>>,
}

impl Replica {
    fn new(peer: Peer, place: &str, credentials: &Credentials) -> Result<Self, InvalidPlace> {
        let invalid = || InvalidPlace(place.to_owned());
        let uri: Uri = format!("https://{place}").parse().map_err(|_| invalid())?;
        let name = ServerName::try_from(name_of(peer)).map_err(|_| invalid())?;
        let has_port = uri.port().is_some();
        let endpoint = Endpoint::from(uri)
            .connect_timeout(PATIENCE)
            .http2_keep_alive_interval(SIGN_OF_LIFE)
            .keep_alive_while_idle(true)
            .tcp_nodelay(true);
        let (credentials, address) = (credentials.clone(), place.to_owned());
        let connector = tower::service_fn(move |_: Uri| dial(address.clone(), name.clone(), credentials.clone()));
        let channel = endpoint.connect_with_connector_lazy(connector);
        let replica = Self { place: place.to_owned(), channel, absent_until: watch::Sender::new(None) };
        if has_port { Ok(replica) } else { Err(invalid()) }
    }

    fn is_absent(&self, now: Instant) -> bool {
        self.absent_until.borrow().is_some_and(|until| now < until)
    }
}

/// Opens a connection with the credentials that are current.
async fn dial(
    place: String,
    name: ServerName<'static>,
    credentials: Credentials,
) -> std::io::Result<TokioIo<TlsStream<TcpStream>>> {
    let stream = TcpStream::connect(&place).await?;
    stream.set_nodelay(true)?;
    let stream = TlsConnector::from(credentials.client()).connect(name, stream).await?;
    Ok(TokioIo::new(stream))
}

impl Road {
    async fn call(self: Arc<Self>, request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let (head, body) = request.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(status) => return Ok(status.into_http()),
        };
        let mut last = None;
        for replica in self.in_turn() {
            let request = Request::from_parts(head.clone(), Body::new(Full::new(body.clone())));
            match replica.channel.clone().oneshot(request).await {
                Ok(response) => return Ok(response),
                Err(error) if was_never_sent(&error) => {
                    tracing::warn!(peer = self.peer.name(), place = replica.place, error = %whole(&error), "cannot reach a service");
                    replica.absent_until.send_replace(Some(Instant::now() + LEFT_OUT));
                    last = Some(error);
                }
                Err(error) => {
                    last = Some(error);
                    break;
                }
            }
        }
        let why = last.map(|error| whole(&error)).unwrap_or_default();
        tracing::debug!(peer = self.peer.name(), why, "a call was not answered");
        Ok(Status::unavailable("a service behind this one cannot be reached; try again").into_http())
    }

    /// The replicas beginning with the one whose turn it is, the absent ones last.
    fn in_turn(&self) -> Vec<&Replica> {
        let (first, now) = (self.next.fetch_add(1, Ordering::Relaxed), Instant::now());
        let count = self.replicas.len();
        let all = (0..count).filter_map(|step| self.replicas.get((first.wrapping_add(step)) % count));
        let (absent, mut present): (Vec<_>, Vec<_>) = all.partition(|replica| replica.is_absent(now));
        present.extend(absent);
        present
    }
}

/// Whether no byte of the call has left: the connection did not come about.
fn was_never_sent(error: &tonic::transport::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<tonic::ConnectError>().is_some() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The error with everything that led to it.
fn whole(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
