//! The road to a service in other processes: gRPC over HTTP/2 under mutual TLS.
//!
//! 1. The service may run in several processes, each at an address of its own. The next call goes to the next.
//! 2. Where a call cannot have been seen by anybody, the next process is tried.
//! 3. A call that was seen, and is answered with `Unavailable` or not at all, may have been carried out. It is made
//!    once more, elsewhere, where its contract says that this does no harm, and as long as few calls need it:
//!    otherwise a service that has too much to do would be given more.
//! 4. One that could not be reached is left out for a moment, unless none is left (`replica.rs`).
//! 5. What fails on the way is `Unavailable`, also where a certificate is wrong: the caller cannot tell, and an
//!    operator is told by the log.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::retry::budget::{Budget, TpsBudget};
use tower::util::BoxCloneSyncService;

use crate::addresses::{Addresses, InvalidPlace, Resolver};
use crate::call::Call;
use crate::replica::{Lost, Replica, out_of_reach};
use crate::{Credentials, Peer, RpcMetrics, Transport};

/// How often names are looked up again, and how soon when somebody was lost.
const LOOK: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(1)];
/// How long a call waits for the first address of all.
const PATIENCE: Duration = Duration::from_secs(1);
/// Of the calls of the last ten seconds, one in ten may be repeated; and five each second besides, where there are
/// few.
const MEMORY: Duration = Duration::from_secs(10);
const REPEATED: f32 = 0.1;
const REPEATED_PER_SECOND: u32 = 5;

/// A service in other processes.
pub struct Destination<'a> {
    /// Which.
    pub peer: Peer,
    /// Where it runs, `host:port` each; a name may stand for several processes.
    pub places: &'a [String],
    /// By which the processes know each other.
    pub credentials: &'a Credentials,
    /// The calls that may be made twice, as paths (`contracts::IDEMPOTENT`).
    pub idempotent: &'static [&'static str],
    /// What is counted of calls.
    pub metrics: &'a RpcMetrics,
}

/// The road to a service that runs in other processes. Clones share its connections.
#[derive(Clone)]
pub struct Road(Arc<Inner>);

struct Inner {
    replicas: watch::Receiver<Vec<Replica>>,
    /// Whose turn it is.
    next: AtomicUsize,
    budget: TpsBudget,
    idempotent: &'static [&'static str],
    metrics: RpcMetrics,
    /// Keeps the addresses current as long as there is a road.
    following: JoinHandle<()>,
}

/// A road to `destination`. Connects when it is first used. To be called inside the runtime.
pub fn connect(destination: &Destination<'_>) -> Result<Road, InvalidPlace> {
    connect_by(destination, Resolver::system())
}

/// A road to `destination`, whose addresses `resolver` finds.
pub fn connect_by(destination: &Destination<'_>, resolver: Resolver) -> Result<Road, InvalidPlace> {
    let Destination { peer, places, credentials, idempotent, metrics } = destination;
    if places.is_empty() {
        return Err(InvalidPlace(format!("(nothing, for {})", peer.name())));
    }
    let addresses = Addresses::new(places, resolver)?;
    let lost = Arc::new(Notify::new());
    let (peer, credentials) = (*peer, (*credentials).clone());
    let signal = Arc::clone(&lost);
    let make = move |address: SocketAddr| Replica::new(peer, address, &credentials, Arc::clone(&signal));
    let (sender, replicas) = watch::channel(addresses.known().into_iter().map(&make).collect());
    let following = tokio::spawn(follow(addresses, lost, sender, make));
    Ok(Road(Arc::new(Inner {
        replicas,
        next: AtomicUsize::new(0),
        budget: TpsBudget::new(MEMORY, REPEATED_PER_SECOND, REPEATED),
        idempotent,
        metrics: (*metrics).clone(),
        following,
    })))
}

/// Looks up the names for as long as somebody listens. Who is still there keeps its connection.
async fn follow(
    mut addresses: Addresses,
    lost: Arc<Notify>,
    replicas: watch::Sender<Vec<Replica>>,
    make: impl Fn(SocketAddr) -> Replica,
) {
    if addresses.are_fixed() {
        // Whoever waits for others to appear waits for ever.
        return replicas.closed().await;
    }
    let [at_rest, when_lost] = LOOK;
    loop {
        addresses.find().await;
        let (known, before) = (addresses.known(), replicas.borrow().clone());
        let kept = |address: SocketAddr| before.iter().find(|replica| replica.address() == address).cloned();
        replicas.send_if_modified(|current| {
            let are_same = current.iter().map(Replica::address).eq(known.iter().copied());
            if !are_same {
                *current = known.iter().map(|address| kept(*address).unwrap_or_else(|| make(*address))).collect();
            }
            !are_same
        });
        tokio::time::sleep(when_lost).await;
        let _ = tokio::time::timeout(at_rest.saturating_sub(when_lost), lost.notified()).await;
    }
}

impl Road {
    /// What a generated client sends its calls along. Not for calls whose question or answer lasts.
    pub fn transport(&self) -> Transport {
        let road = self.clone();
        BoxCloneSyncService::new(tower::service_fn(move |request| road.clone().call(request)))
    }

    /// The processes of the service, as they come and go.
    pub fn replicas(&self) -> watch::Receiver<Vec<Replica>> {
        self.0.replicas.clone()
    }

    async fn call(self, request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let call = match Call::read(request).await {
            Ok(call) => call,
            Err(status) => return Ok(status.into_http()),
        };
        self.0.budget.deposit();
        let (mut refused, mut is_repetition) = (None, false);
        for replica in self.in_turn().await {
            let Ok(request) = call.made_now() else { break };
            let answer = replica.send(request).await;
            match answer {
                Ok(response) if !is_unavailable(&response) => return Ok(response),
                Ok(response) => refused = Some(response),
                Err(Lost::NeverSent) => continue,
                Err(Lost::Unanswered) => {}
            }
            if is_repetition || !self.may_repeat(&call) {
                break;
            }
            is_repetition = true;
        }
        Ok(refused.unwrap_or_else(|| out_of_reach().into_http()))
    }

    fn may_repeat(&self, call: &Call) -> bool {
        let may = self.0.idempotent.contains(&call.path()) && self.0.budget.withdraw();
        if may {
            self.0.metrics.repeated(call.path());
        }
        may
    }

    /// The replicas beginning with the one whose turn it is, the absent ones last. One that is alone comes twice: its
    /// address may stand for several, and a connection that has just ended is made again.
    async fn in_turn(&self) -> Vec<Replica> {
        let mut replicas = self.0.replicas.clone();
        let known = tokio::time::timeout(PATIENCE, replicas.wait_for(|known| !known.is_empty())).await;
        let mut all = match known {
            Ok(Ok(known)) => known.clone(),
            // Nobody was found, or the runtime ends.
            Ok(Err(_)) | Err(_) => return Vec::new(),
        };
        let first = self.0.next.fetch_add(1, Ordering::Relaxed) % all.len();
        all.rotate_left(first);
        if let [only] = all.as_slice() {
            return vec![only.clone(), only.clone()];
        }
        let now = Instant::now();
        all.sort_by_key(|replica| replica.is_absent(now));
        all
    }
}

impl std::fmt::Debug for Road {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.replicas.borrow().iter().map(Replica::address)).finish()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.following.abort();
    }
}

fn is_unavailable(response: &Response<Body>) -> bool {
    Status::from_header_map(response.headers()).is_some_and(|status| status.code() == Code::Unavailable)
}
