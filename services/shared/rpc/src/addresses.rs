//! Where a service runs at the moment: the addresses behind the names of its places.
//!
//! A name may stand for several processes, one address each. They come and go, so names are asked for again and
//! again; a name that cannot be asked for keeps the addresses it had.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::uri::Authority;

/// How long a name server may take.
const PATIENCE: Duration = Duration::from_secs(5);

type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// An address that cannot be one.
#[derive(Debug, thiserror::Error)]
#[error("{0} is no address of a service; expected host:port")]
pub struct InvalidPlace(pub(crate) String);

/// Finds the addresses behind a place, `host:port`.
#[derive(Clone)]
pub struct Resolver(Arc<dyn Fn(String) -> Found + Send + Sync>);

impl Resolver {
    /// The machine's own.
    pub fn system() -> Self {
        Self::new(|place| async move { Ok(tokio::net::lookup_host(place).await?.collect()) })
    }

    /// One that calls `find`.
    pub fn new<F, A>(find: F) -> Self
    where
        F: Fn(String) -> A + Send + Sync + 'static,
        A: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        Self(Arc::new(move |place| Box::pin(find(place))))
    }
}

/// The places of a service and the addresses last found there.
pub(crate) struct Addresses {
    places: Vec<Place>,
    resolver: Resolver,
}

struct Place {
    name: String,
    /// Written as an address: there is nothing to find.
    is_fixed: bool,
    addresses: Vec<SocketAddr>,
    is_lost: bool,
}

impl Addresses {
    pub fn new(places: &[String], resolver: Resolver) -> Result<Self, InvalidPlace> {
        let places = places.iter().map(|place| Place::new(place)).collect::<Result<_, _>>()?;
        Ok(Self { places, resolver })
    }

    /// What is known, without repetitions.
    pub fn known(&self) -> Vec<SocketAddr> {
        let mut all: Vec<_> = self.places.iter().flat_map(|place| &place.addresses).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether nothing will ever be found that is not known.
    pub fn are_fixed(&self) -> bool {
        self.places.iter().all(|place| place.is_fixed)
    }

    /// Looks again behind every name.
    pub async fn find(&mut self) {
        for place in self.places.iter_mut().filter(|place| !place.is_fixed) {
            let found = tokio::time::timeout(PATIENCE, (self.resolver.0)(place.name.clone())).await;
            place.take(found.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())));
        }
    }
}

impl Place {
    fn new(name: &str) -> Result<Self, InvalidPlace> {
        let invalid = || InvalidPlace(name.to_owned());
        let authority: Authority = name.parse().map_err(|_| invalid())?;
        authority.port().ok_or_else(invalid)?;
        let fixed: Option<SocketAddr> = name.parse().ok();
        let addresses = fixed.into_iter().collect();
        Ok(Self { name: name.to_owned(), is_fixed: fixed.is_some(), addresses, is_lost: false })
    }

    /// Said once when it is lost and once when it is found, not every time it is asked for.
    fn take(&mut self, found: io::Result<Vec<SocketAddr>>) {
        let why = match found {
            Ok(addresses) if !addresses.is_empty() => {
                if self.is_lost {
                    tracing::info!(place = self.name, "a place of a service is found again");
                }
                (self.addresses, self.is_lost) = (addresses, false);
                return;
            }
            Ok(_) => "it has no address".to_owned(),
            Err(error) => error.to_string(),
        };
        if !self.is_lost {
            tracing::warn!(place = self.name, why, "a place of a service cannot be found; its last addresses stay");
        }
        self.is_lost = true;
    }
}
