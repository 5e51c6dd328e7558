//! One process of a service that runs several times: its connection, and whether it is to be left out.
//!
//! One that cannot be reached, or says nothing at all, is left out for a moment that doubles each time.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderValue, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use telemetry::TraceParent;
use tokio::net::TcpStream;
use tokio::sync::Notify;
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
/// How long one that could not be reached is left out at first, and at most.
const LEFT_OUT: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(5)];
/// How often the other side is asked whether it still lives, and how long it may take to say so: a connection to
/// a machine that is gone ends after the two.
const SIGN_OF_LIFE: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(3)];

/// One process of a service. Clones are the same.
#[derive(Clone)]
pub struct Replica(Arc<Inner>);

struct Inner {
    peer: Peer,
    address: SocketAddr,
    channel: Channel,
    absence: Mutex<Absence>,
    /// Told when it is left out.
    lost: Arc<Notify>,
}

#[derive(Default)]
struct Absence {
    /// How often in a row it was not reached.
    times: u32,
    until: Option<Instant>,
}

/// Why there is no answer.
pub(crate) enum Lost {
    /// Nobody can have seen the call.
    NeverSent,
    /// Somebody may have carried it out.
    Unanswered,
}

impl Replica {
    pub(crate) fn new(peer: Peer, address: SocketAddr, credentials: &Credentials, lost: Arc<Notify>) -> Self {
        // Only the name in the certificate counts, so that an address may be anybody's.
        let origin = Uri::builder().scheme("https").authority(name_of(peer)).path_and_query("/").build();
        let endpoint = Endpoint::from(origin.unwrap_or_default())
            .connect_timeout(PATIENCE)
            .http2_keep_alive_interval(SIGN_OF_LIFE[0])
            .keep_alive_timeout(SIGN_OF_LIFE[1])
            .keep_alive_while_idle(true)
            .tcp_nodelay(true);
        let credentials = credentials.clone();
        let connector = tower::service_fn(move |_: Uri| dial(address, name_of(peer), credentials.clone()));
        let channel = endpoint.connect_with_connector_lazy(connector);
        Self(Arc::new(Inner { peer, address, channel, absence: Mutex::default(), lost }))
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// A road to this one alone, on which nothing is repeated: for calls that last. It connects when it is first
    /// used, and again whenever a connection was lost.
    pub fn transport(&self) -> Transport {
        let replica = self.clone();
        BoxCloneSyncService::new(tower::service_fn(move |request| {
            let replica = replica.clone();
            async move {
                let answer = replica.send(request).await;
                Ok::<_, Infallible>(answer.unwrap_or_else(|_lost| out_of_reach().into_http()))
            }
        }))
    }

    /// Sends a call, with the trace it belongs to.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Result<Response<Body>, Lost> {
        let parent = TraceParent::current().and_then(|parent| HeaderValue::try_from(parent.into_string()).ok());
        if let Some(parent) = parent {
            request.headers_mut().insert(TraceParent::HEADER, parent);
        }
        match self.0.channel.clone().oneshot(request).await {
            Ok(response) => {
                self.was_reached();
                Ok(response)
            }
            Err(error) => Err(self.judged(&error)),
        }
    }

    /// Whether it is left out at `now`.
    pub(crate) fn is_absent(&self, now: Instant) -> bool {
        self.absence().until.is_some_and(|until| now < until)
    }

    fn judged(&self, error: &tonic::transport::Error) -> Lost {
        if is_caused_by::<tonic::ConnectError>(error) {
            self.was_missed(error);
            return Lost::NeverSent;
        }
        // A callee that lives says itself that it was too slow.
        if is_caused_by::<tonic::TimeoutExpired>(error) {
            self.was_missed(error);
        }
        tracing::debug!(peer = self.0.peer.name(), place = %self.0.address, error = %whole(error), "a call was lost");
        // One that waited for a connection which ended first was not sent.
        let was_kept = cause::<hyper::Error>(error).is_some_and(hyper::Error::is_canceled);
        if was_kept { Lost::NeverSent } else { Lost::Unanswered }
    }

    fn was_reached(&self) {
        let times = std::mem::take(&mut *self.absence()).times;
        if times > 0 {
            tracing::info!(peer = self.0.peer.name(), place = %self.0.address, "a service is reached again");
        }
    }

    /// Said once, and again only after it was reached.
    fn was_missed(&self, error: &dyn Error) {
        let mut absence = self.absence();
        let [first, longest] = LEFT_OUT;
        let left_out = first.saturating_mul(2_u32.saturating_pow(absence.times)).min(longest);
        let times = absence.times;
        *absence = Absence { times: times.saturating_add(1), until: Some(Instant::now() + left_out) };
        drop(absence);
        if times == 0 {
            let (peer, place) = (self.0.peer.name(), self.0.address);
            tracing::warn!(peer, %place, error = %whole(error), "cannot reach a service");
        }
        self.0.lost.notify_one();
    }

    fn absence(&self) -> std::sync::MutexGuard<'_, Absence> {
        self.0.absence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens a connection with the credentials that are current.
async fn dial(
    address: SocketAddr,
    name: String,
    credentials: Credentials,
) -> std::io::Result<TokioIo<TlsStream<TcpStream>>> {
    let name = ServerName::try_from(name).map_err(std::io::Error::other)?;
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let stream = TlsConnector::from(credentials.client()).connect(name, stream).await?;
    Ok(TokioIo::new(stream))
}

/// What a caller is told: it cannot tell why, and an operator is told by the log.
pub(crate) fn out_of_reach() -> Status {
    Status::unavailable("a service behind this one cannot be reached; try again")
}

fn is_caused_by<E: Error + 'static>(error: &tonic::transport::Error) -> bool {
    cause::<E>(error).is_some()
}

fn cause<E: Error + 'static>(error: &tonic::transport::Error) -> Option<&E> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
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
