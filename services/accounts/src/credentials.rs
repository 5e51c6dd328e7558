//! Client secrets: how they are made, hashed and checked (RFC 9106, argon2id).
//!
//! Does not know whose secret it is, nor what a right one is good for.

use std::str::FromStr;
use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use vocabulary::{ClientId, ErrorKind, Randomness, Secret};

/// What every secret begins with, so that people and secret scanners know one when they see it.
const PREFIX: &str = "dts_";
/// Forty characters of five bits: 200 random bits.
const LENGTH: usize = 40;
/// Crockford's base 32 in lower case, as in ids: nothing to misread.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Hashes under way at once. Each takes 19 MiB, so a storm of logins takes 76 MiB and then waits.
const AT_ONCE: usize = 4;

/// A login that was just made. The secret is shown once and cannot be read back.
#[derive(Debug, Clone)]
pub struct NewClient {
    /// Names the login: the `client_id` of OAuth 2.
    pub client_id: ClientId,
    /// Proves it: the `client_secret` of OAuth 2.
    pub client_secret: Secret<String>,
}

/// A secret of the right shape. `Debug` does not show it.
#[derive(Debug, Clone)]
pub(crate) struct ClientSecret(Secret<String>);

/// The text cannot be a secret of ours. Does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidSecret;

impl ClientSecret {
    /// A new secret that nobody can guess.
    pub fn draw(randomness: &Randomness) -> Self {
        let mut text = String::from(PREFIX);
        for byte in randomness.bytes::<LENGTH>() {
            let letter = ALPHABET.get(usize::from(byte & 31)).copied().unwrap_or(b'0');
            text.push(char::from(letter));
        }
        Self(Secret::new(text))
    }

    /// The text to show, this once.
    pub fn into_shown(self) -> Secret<String> {
        self.0
    }
}

impl FromStr for ClientSecret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let rest = text.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        let fits = rest.len() == LENGTH && rest.bytes().all(|byte| ALPHABET.contains(&byte));
        if fits { Ok(Self(Secret::new(text.to_owned()))) } else { Err(InvalidSecret) }
    }
}

/// What is stored of a secret: a PHC string that carries its own parameters, so that they can be
/// raised for new secrets while old ones still verify. `Debug` does not show it.
#[derive(Debug, Clone)]
pub(crate) struct SecretHash(Secret<String>);

impl SecretHash {
    /// A hash as it was stored.
    pub const fn stored(phc: String) -> Self {
        Self(Secret::new(phc))
    }

    /// A hash that no secret has, at the price of a real one.
    pub fn dummy() -> Self {
        Self::stored(DUMMY.to_owned())
    }

    /// The PHC string, to store.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Hash of nothing in particular; the parameters are those of new secrets (a test compares them).
const DUMMY: &str = "$argon2id$v=19$m=19456,t=2,p=1$ZGlhbHRvbmUgZHVtbXkgMQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

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

    /// The hash of `secret`, with the parameters of today (OWASP: 19 MiB, two passes, one lane).
    pub async fn hash(&self, secret: &ClientSecret, randomness: &Randomness) -> Result<SecretHash, HashingError> {
        let secret = secret.clone();
        let salt = randomness.bytes::<16>();
        let work = move || Argon2::default().hash_password_with_salt(secret.0.expose().as_bytes(), &salt);
        let hash: password_hash::phc::PasswordHash = self.run(work).await??;
        Ok(SecretHash::stored(hash.to_string()))
    }

    /// Whether `hash` is that of `secret`.
    pub async fn is_right(&self, secret: ClientSecret, hash: SecretHash) -> Result<bool, HashingError> {
        let work = move || Argon2::default().verify_password(secret.0.expose().as_bytes(), hash.expose());
        match self.run(work).await? {
            Ok(()) => Ok(true),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Refuses what waits and what comes; what is under way ends.
    pub fn close(&self) {
        self.places.close();
    }

    /// The place goes with the work: a caller that gives up leaves the work running, and its memory
    /// must still be counted.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashingError> {
        let place = self.places.clone().acquire_owned().await.map_err(|_closed| HashingError::Stopping)?;
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

    fn secret(seed: u64) -> ClientSecret {
        ClientSecret::draw(&Randomness::seeded(seed))
    }

    #[tokio::test]
    async fn only_the_secret_itself_is_right() {
        let hasher = Hasher::new();
        let hash = hasher.hash(&secret(1), &Randomness::seeded(9)).await.expect("a hash");
        assert!(hasher.is_right(secret(1), hash.clone()).await.expect("checked"));
        assert!(!hasher.is_right(secret(2), hash).await.expect("checked"));
    }

    #[tokio::test]
    async fn the_dummy_is_never_right_and_costs_what_a_real_hash_costs() {
        let hasher = Hasher::new();
        assert!(!hasher.is_right(secret(1), SecretHash::dummy()).await.expect("checked"));
        let real = hasher.hash(&secret(1), &Randomness::seeded(9)).await.expect("a hash");
        let price = |hash: &str| hash.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(price(DUMMY), price(real.expose()));
        assert_eq!(price(DUMMY), ["", "argon2id", "v=19", "m=19456,t=2,p=1"]);
        let lengths = |hash: &str| hash.split('$').map(str::len).collect::<Vec<_>>();
        assert_eq!(lengths(DUMMY), lengths(real.expose()));
    }

    #[tokio::test]
    async fn an_unreadable_hash_is_our_fault_and_a_closed_hasher_says_try_again() {
        let hasher = Hasher::new();
        let failure = hasher.is_right(secret(1), SecretHash::stored("plain".to_owned())).await.expect_err("no hash");
        assert_eq!(failure.kind(), ErrorKind::Internal);
        hasher.close();
        let failure = hasher.is_right(secret(1), SecretHash::dummy()).await.expect_err("closed");
        assert_eq!((failure.kind(), failure.reason()), (ErrorKind::Unavailable, "stopping"));
    }

    #[test]
    fn a_secret_parses_back_and_nothing_else_does() {
        let shown = secret(1).into_shown();
        assert_eq!(shown.expose().len(), PREFIX.len() + LENGTH);
        assert_eq!(shown.expose().parse::<ClientSecret>().map(|s| s.into_shown() == shown), Ok(true));
        let upper = shown.expose().to_uppercase();
        let padded = format!("{} ", shown.expose());
        for text in ["", "dts_", upper.as_str(), padded.as_str(), "dts_iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii"] {
            assert_eq!(text.parse::<ClientSecret>().err(), Some(InvalidSecret), "{text}");
        }
    }

    #[test]
    fn debug_shows_neither_secret_nor_hash() {
        let client =
            NewClient { client_id: ClientId::draw(&Randomness::seeded(1)), client_secret: secret(1).into_shown() };
        let shown = format!("{client:?} {:?} {:?}", secret(1), SecretHash::dummy());
        assert!(!shown.contains(PREFIX) && !shown.contains("argon2id"), "{shown}");
    }
}
