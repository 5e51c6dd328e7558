//! Decides whether a token is good: signed by the accounts service, for us, and not expired.
//!
//! The keys are fetched when the edge starts, every half minute after that, and when a token names a key
//! that is not known. So a new signing key is believed before its first token comes, and without a
//! restart. Nobody is asked about a token whose key is known. An edge that starts while accounts is away answers phones,
//! and tells everybody else to ask again until it has the keys.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use contracts::accounts::GetKeysRequest;
use contracts::accounts::accounts_service_client::AccountsServiceClient;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use rpc::{Failure, Transport, within};
use serde::Deserialize;
use tokio::sync::{Mutex, watch};
use vocabulary::Timestamp;

use crate::backends::PROVIDER_DEADLINE;

/// Who signs.
const ISSUER: &str = "dialtone";
/// Who is meant to believe it.
const AUDIENCE: &str = "dialtone-api";
/// How long the keys are not fetched again, so that forged tokens cannot make us ask all the time.
const PAUSE: Duration = Duration::from_secs(10);
/// How often the keys are fetched whether or not a token asks for it.
const EVERY: Duration = Duration::from_secs(30);
/// The same as long as there are none.
const EVERY_WITHOUT: Duration = Duration::from_secs(1);

/// Why a token is not believed. Does not say which check it failed: that would help only a forger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenRefused {
    /// Not signed by a key of ours, or not meant for us.
    #[error("the token is not valid here; get a new token at POST /v1/token")]
    Invalid,
    /// Was good once.
    #[error("the token has expired; get a new token at POST /v1/token")]
    Expired,
    /// There are no keys yet, so nobody knows.
    #[error("no token can be checked yet; ask again")]
    Unchecked,
}

/// What a good token says. Who that is now, and what it may do, is for the accounts service to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claims {
    /// A client (`cli_…`) or a person (`per_…`).
    pub subject: String,
    /// What the token is good for.
    pub scopes: Vec<String>,
}

/// Checks tokens.
pub(crate) struct Verifier {
    accounts: AccountsServiceClient<Transport>,
    keys: RwLock<Arc<Keys>>,
    /// When the keys were last fetched for a token. Held while they are, so that one fetch serves all who wait.
    fetched: Mutex<Option<Timestamp>>,
}

impl Verifier {
    /// A verifier with the keys the accounts service has now, or without any where that is away; `Err` says why the
    /// keys it has cannot be used.
    pub async fn fetch(accounts: AccountsServiceClient<Transport>) -> Result<Self, String> {
        let keys = match fetch(&accounts).await {
            Err(NoKeys::Away(why)) => {
                tracing::warn!(why, "the keys that verify tokens cannot be fetched yet; phones are answered");
                Keys(Vec::new())
            }
            Err(NoKeys::Unusable(why)) => return Err(why),
            Ok(keys) => keys,
        };
        Ok(Self { accounts, keys: RwLock::new(Arc::new(keys)), fetched: Mutex::new(None) })
    }

    /// What this token says at the moment `now`.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenRefused> {
        let kid = key_named_by(token)?;
        if self.keys().find(&kid).is_none() {
            self.fetch_again(now).await;
        }
        let keys = self.keys();
        if keys.0.is_empty() {
            return Err(TokenRefused::Unchecked);
        }
        verify(token, keys.find(&kid).ok_or(TokenRefused::Invalid)?, now)
    }

    /// Fetches the keys; keeps those it has where that fails.
    pub async fn refresh(&self) {
        match fetch(&self.accounts).await {
            Ok(keys) => *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys),
            Err(NoKeys::Away(why) | NoKeys::Unusable(why)) => {
                tracing::warn!(why, "the keys that verify tokens cannot be fetched; the known ones stay");
            }
        }
    }

    /// Fetches the keys every half minute, until `stopped` turns true.
    pub async fn keep_fresh(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let fetching = async {
            loop {
                let pause = if self.keys().0.is_empty() { EVERY_WITHOUT } else { EVERY };
                tokio::time::sleep(pause).await;
                self.refresh().await;
            }
        };
        tokio::select! {
            () = fetching => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whoever waited for the lock finds that the keys were just fetched.
    async fn fetch_again(&self, now: Timestamp) {
        let mut fetched = self.fetched.lock().await;
        if fetched.is_some_and(|last| now < last.plus(PAUSE)) {
            return;
        }
        *fetched = Some(now);
        self.refresh().await;
    }
}

/// Why there are no keys.
enum NoKeys {
    /// Nobody could be asked.
    Away(String),
    /// What was answered is no set of keys.
    Unusable(String),
}

async fn fetch(accounts: &AccountsServiceClient<Transport>) -> Result<Keys, NoKeys> {
    let answer = accounts.clone().get_keys(within(PROVIDER_DEADLINE, GetKeysRequest {})).await;
    let jwks = answer.map_err(|status| NoKeys::Away(Failure::from(status).message))?.into_inner().jwks;
    Keys::parse(&jwks).map_err(NoKeys::Unusable)
}

/// The Ed25519 keys of a JWK set, by name.
struct Keys(Vec<(String, DecodingKey)>);

impl Keys {
    fn parse(jwks: &str) -> Result<Self, String> {
        let set: JwkSet = serde_json::from_str(jwks).map_err(|error| format!("not a JWK set: {error}"))?;
        let keys: Vec<_> = set.keys.iter().filter_map(usable).collect();
        if keys.is_empty() { Err("the JWK set holds no Ed25519 key with a kid".to_owned()) } else { Ok(Self(keys)) }
    }

    fn find(&self, kid: &str) -> Option<&DecodingKey> {
        self.0.iter().find(|(name, _)| name == kid).map(|(_, key)| key)
    }
}

fn usable(jwk: &Jwk) -> Option<(String, DecodingKey)> {
    let AlgorithmParameters::OctetKeyPair(pair) = &jwk.algorithm else { return None };
    if pair.curve != EllipticCurve::Ed25519 {
        return None;
    }
    Some((jwk.common.key_id.clone()?, DecodingKey::from_jwk(jwk).ok()?))
}

/// The `kid` of a token, which nothing is believed of yet.
fn key_named_by(token: &str) -> Result<String, TokenRefused> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenRefused::Invalid)?;
    // We understand no extension, and one marked critical must be understood (RFC 7515, section 4.1.11).
    if header.alg != Algorithm::EdDSA || header.crit.is_some() {
        return Err(TokenRefused::Invalid);
    }
    header.kid.ok_or(TokenRefused::Invalid)
}

#[derive(Deserialize)]
struct Body {
    sub: String,
    /// Separated by spaces (RFC 8693, section 4.2).
    #[serde(default)]
    scope: String,
    /// Seconds since the epoch.
    exp: i64,
}

fn verify(token: &str, key: &DecodingKey, now: Timestamp) -> Result<Claims, TokenRefused> {
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_audience(&[AUDIENCE]);
    rules.set_issuer(&[ISSUER]);
    rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    // The library would read the system's clock.
    rules.validate_exp = false;
    let body = jsonwebtoken::decode::<Body>(token, key, &rules).map_err(|_| TokenRefused::Invalid)?.claims;
    if body.exp <= now.as_seconds() {
        return Err(TokenRefused::Expired);
    }
    Ok(Claims { subject: body.sub, scopes: body.scope.split_ascii_whitespace().map(str::to_owned).collect() })
}

#[cfg(test)]
mod tests;
