//! The signing keys in use: the first one, further ones, the published set, and a token signed.

use std::path::Path;

use serde_json::json;
use storage::{StoreError, Tx};
use vault::Vault;
use vocabulary::{ProviderId, Randomness, Timestamp};

use crate::Accounts;
use crate::deed::Doer;
use crate::key_ring::{self, Key};
use crate::refusal::KeysRefused;
use crate::signing_key::{self, Pkcs8};
use crate::store;
use crate::token::{self, Claimed, Token};

/// Makes the first key where there is none: of the file in `old`, where an earlier version left one; it is not
/// looked at again. Of those who start at once, on an empty database, one makes it.
pub(crate) async fn make_first(
    tx: &mut Tx,
    old: Option<&Path>,
    (vault, randomness): (&Vault, &Randomness),
) -> Result<(), KeysRefused> {
    store::keys_take(tx).await?;
    if !store::keys(tx.connection()).await?.is_empty() {
        return Ok(());
    }
    let found = old.map(signing_key::read).transpose()?.flatten();
    let secret = found.unwrap_or_else(|| signing_key::draw(randomness));
    Ok(store::key_insert(tx, &sealed(vault, &secret, Timestamp::from_micros(0))?).await?)
}

fn sealed(vault: &Vault, secret: &Pkcs8, signs_from: Timestamp) -> Result<Key, KeysRefused> {
    let (kid, jwk) = token::public_part(secret)?;
    let sealed = vault.seal(&place(&kid), secret.expose())?;
    Ok(Key { kid, jwk, sealed, signs_from })
}

fn place(kid: &str) -> String {
    format!("signing_key.sealed/{kid}")
}

impl Accounts {
    /// A token that says what is claimed, good from `now`.
    pub(crate) async fn sign(&self, claimed: &Claimed<'_>, now: Timestamp) -> Result<Token, KeysRefused> {
        let keys = store::keys(self.db.read().await?.connection()).await?;
        let none = StoreError::Inconsistent { table: "signing_key", column: "kid" };
        let key = key_ring::signing(&keys, now).ok_or(none)?;
        let secret = self.vault.unseal(&place(&key.kid), &key.sealed)?;
        Ok(token::sign(claimed, (&key.kid, &secret), (now, &self.randomness))?)
    }

    /// The public keys as a JWK set, in JSON: those that sign, will sign, or signed tokens that are still good.
    #[tracing::instrument(name = "accounts.keys", level = "debug", skip_all)]
    pub(crate) async fn jwks(&self) -> Result<String, KeysRefused> {
        let keys = store::keys(self.db.read().await?.connection()).await?;
        let published = key_ring::published(&keys, self.clock.now());
        let jwks =
            published.map(|key| serde_json::from_str(&key.jwk)).collect::<Result<Vec<serde_json::Value>, _>>()?;
        Ok(json!({ "keys": jwks }).to_string())
    }

    /// Makes another key. It is published at once and signs a minute later. Its name.
    #[tracing::instrument(name = "accounts.key.rotate", level = "debug", skip_all)]
    pub(crate) async fn rotate_key(&self, doer: &Doer) -> Result<String, KeysRefused> {
        let secret = signing_key::draw(&self.randomness);
        let mut tx = self.db.write().await?;
        store::keys_take(&mut tx).await?;
        let keys = store::keys(tx.connection()).await?;
        let key = sealed(&self.vault, &secret, key_ring::next_moment(&keys, doer.at))?;
        store::key_insert(&mut tx, &key).await?;
        for old in key_ring::outlived(&keys, doer.at) {
            store::key_forget(&mut tx, &old.kid).await?;
        }
        let detail = json!({ "signs_from": key.signs_from.to_string() });
        doer.did(&mut tx, &ProviderId::operator(), ("key.rotate", &key.kid), detail).await?;
        tx.commit().await?;
        tracing::info!(key.id = key.kid, key.signs_from = %key.signs_from, "new signing key");
        Ok(key.kid)
    }
}
