//! Hashes of passwords and of clients' secrets (RFC 9106, argon2id), and how many are made at once.
//!
//! Does not know whose secret it is, nor what a right one is good for.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use argon2::{Argon2, Params};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use vocabulary::{ErrorKind, Randomness, Secret};

/// The cost of a hash that is made today: KiB of memory, passes, lanes (OWASP: 19 MiB, two passes, one lane).
///
/// This is the one place to raise it. A hash of another cost is replaced the next time its owner logs in.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Hashes under way at once. Each takes 19 MiB, so a storm of logins takes 76 MiB and then waits.
const AT_ONCE: usize = 4;

/// What is stored of a secret: a PHC string that carries its own cost, so that old ones still verify after the cost
/// was raised. `Debug` does not show it.
#[derive(Debug, Clone)]
pub(crate) struct SecretHash(Secret<String>);

impl SecretHash {
    /// A hash as it was stored.
    pub const fn stored(phc: String) -> Self {
        Self(Secret::new(phc))
    }

    /// A hash that no secret has, at the price of a real one.
    pub fn dummy() -> Self {
        let (memory, passes, lanes) = COST;
        let (salt, hash) = ("ZGlhbHRvbmUgZHVtbXkgMQ", "A".repeat(43));
        Self::stored(format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}"))
    }

    /// The PHC string, to store.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Whether it costs what a hash of today costs; if not, it is to be replaced.
    pub fn is_of_today(&self) -> bool {
        let params = PasswordHash::new(self.expose()).ok().and_then(|hash| Params::try_from(&hash).ok());
        let cost = params.map(|params| (params.m_cost(), params.t_cost(), params.p_cost()));
        cost == Some(COST) && self.expose().starts_with("$argon2id$v=19$")
    }
}

/// Why a secret could be neither hashed nor checked.
#[derive(Debug, thiserror::Error)]
pub enum HashingError {
    /// The service is stopping.
    #[error("the accounts service is stopping; try again")]
    Stopping,
    /// A stored hash cannot be read, or argon2 refused its parameters.
    #[error("cannot hash: {0}")]
    Failed(#[from] password_hash::Error),
}

impl HashingError {
    pub(crate) const fn kind(&self) -> ErrorKind {
        match self {
            Self::Stopping => ErrorKind::Unavailable,
            Self::Failed(_) => ErrorKind::Internal,
        }
    }

    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Stopping => "stopping",
            Self::Failed(_) => "hashing_failed",
        }
    }
}

/// Hashes secrets off the runtime's threads, a few at a time. Clones share the same places.
#[derive(Debug, Clone)]
pub(crate) struct Hasher {
    places: Arc<Semaphore>,
}

impl Hasher {
    pub fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Waits for its turn.
    pub async fn place(&self) -> Result<Place, HashingError> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_closed| HashingError::Stopping)?;
        Ok(Place(Arc::new(place)))
    }

    /// Refuses what waits and what comes; what is under way ends.
    pub fn close(&self) {
        self.places.close();
    }
}

/// The right to hash, one at a time, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<OwnedSemaphorePermit>);

impl Place {
    /// The hash of `secret`, at the cost of today.
    pub async fn hash(&self, secret: &Secret<String>, randomness: &Randomness) -> Result<SecretHash, HashingError> {
        let secret = secret.clone();
        let salt = randomness.bytes::<16>();
        let work = move || {
            let (memory, passes, lanes) = COST;
            let params = Params::new(memory, passes, lanes, None)?;
            Argon2::from(params).hash_password_with_salt(secret.expose().as_bytes(), &salt)
        };
        let hash: PasswordHash = self.run(work).await??;
        Ok(SecretHash::stored(hash.to_string()))
    }

    /// Whether `hash` is that of `secret`.
    pub async fn is_right(&self, secret: &Secret<String>, hash: &SecretHash) -> Result<bool, HashingError> {
        let (secret, hash) = (secret.clone(), hash.clone());
        let work = move || Argon2::default().verify_password(secret.expose().as_bytes(), hash.expose());
        match self.run(work).await? {
            Ok(()) => Ok(true),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The place goes with the work: a caller that gives up leaves the work running, and its memory must still be
    /// counted.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashingError> {
        let place = Arc::clone(&self.0);
        let running = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        running.await.map_err(|_cancelled| HashingError::Stopping)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    async fn place() -> Place {
        Hasher::new().place().await.expect("a place")
    }

    #[tokio::test]
    async fn only_the_secret_itself_is_right() {
        let place = place().await;
        let hash = place.hash(&secret("one"), &Randomness::seeded(9)).await.expect("a hash");
        assert!(place.is_right(&secret("one"), &hash).await.expect("checked"));
        assert!(!place.is_right(&secret("two"), &hash).await.expect("checked"));
    }

    #[tokio::test]
    async fn the_dummy_is_never_right_and_costs_what_a_real_hash_costs() {
        let place = place().await;
        let dummy = SecretHash::dummy();
        assert!(!place.is_right(&secret("one"), &dummy).await.expect("checked"));
        let real = place.hash(&secret("one"), &Randomness::seeded(9)).await.expect("a hash");
        let price = |hash: &str| hash.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(price(dummy.expose()), price(real.expose()));
        assert_eq!(price(dummy.expose()), ["", "argon2id", "v=19", "m=19456,t=2,p=1"]);
        let lengths = |hash: &str| hash.split('$').map(str::len).collect::<Vec<_>>();
        assert_eq!(lengths(dummy.expose()), lengths(real.expose()));
    }

    #[test]
    fn a_hash_of_another_cost_is_told_from_one_of_today() {
        let of_today = SecretHash::dummy();
        assert!(of_today.is_of_today());
        for (old, new) in
            [("m=19456", "m=8192"), ("t=2", "t=1"), ("p=1", "p=2"), ("argon2id", "argon2i"), ("v=19", "v=16")]
        {
            let other = of_today.expose().replacen(old, new, 1);
            assert!(!SecretHash::stored(other.clone()).is_of_today(), "{other}");
        }
        assert!(!SecretHash::stored("plain".to_owned()).is_of_today());
    }

    #[tokio::test]
    async fn an_unreadable_hash_is_our_fault_and_a_closed_hasher_says_try_again() {
        let hasher = Hasher::new();
        let place = hasher.place().await.expect("a place");
        let unreadable = SecretHash::stored("plain".to_owned());
        let failure = place.is_right(&secret("one"), &unreadable).await.expect_err("no hash");
        assert_eq!(failure.kind(), ErrorKind::Internal);
        hasher.close();
        let failure = hasher.place().await.expect_err("closed");
        assert_eq!((failure.kind(), failure.reason()), (ErrorKind::Unavailable, "stopping"));
    }

    #[test]
    fn debug_shows_no_hash() {
        let shown = format!("{:?}", SecretHash::dummy());
        assert!(!shown.contains("argon2id"), "{shown}");
    }
}
