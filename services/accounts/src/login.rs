//! The login: a secret for a token. Of programs (OAuth 2 client credentials, RFC 6749 section 4.4), and of people.
//!
//! 1. A secret that does not look like one is refused: that costs nothing and tells nothing.
//! 2. The client or the person is looked up, and the secret proven (`proof.rs`).
//! 3. Unknown and wrong get one answer. Only who proved the secret is told more: that the second factor is needed, that
//!    the client has expired, that the tenant is frozen.
//! 4. A hash that costs less than one of today is replaced.
//! 5. The use is noted, at most once a minute, and the network it came from.
//! 6. The token is signed.

use std::time::Duration;

use storage::StoreError;
use vocabulary::{ClientId, Scopes, Timestamp};

use crate::Accounts;
use crate::client::Client;
use crate::credentials::ClientSecret;
use crate::email::Email;
use crate::hashing::SecretHash;
use crate::password::Password;
use crate::proof::{Attempt, Proven};
use crate::refusal::{LoginRefused, Stopped};
use crate::second_factor::SecondFactor;
use crate::store::{self, KnownSecret, Login};
use crate::tenant::Tenant;
use crate::throttle::Network;
use crate::token::{Claimed, Token};

/// How old a noted use may be. A write for each login would cost a disk flush each and make every
/// login wait for the one writer; to find logins that nobody uses, a minute is exact enough.
const NOTED_EVERY: Duration = Duration::from_mins(1);

/// A program that logs in.
pub(crate) struct ClientLogin<'a> {
    pub client_id: &'a str,
    pub secret: &'a str,
    /// The IP address it comes from.
    pub source: &'a str,
    /// Narrows the token; empty for everything the client may do.
    pub scope: &'a str,
}

/// A person who logs in.
pub(crate) struct PersonLogin<'a> {
    pub email: &'a str,
    pub password: &'a str,
    /// Empty where there is none.
    pub totp: &'a str,
    /// The IP address the person comes from.
    pub source: &'a str,
}

/// A token, and what it may be used for.
#[derive(Debug)]
pub(crate) struct Issued {
    pub token: Token,
    pub scopes: Scopes,
}

impl Accounts {
    /// A token for a client.
    #[tracing::instrument(name = "accounts.login.client", level = "debug", skip_all)]
    pub(crate) async fn client_login(&self, login: &ClientLogin<'_>) -> Result<Issued, LoginRefused> {
        let secret: ClientSecret = login.secret.parse().map_err(|_| LoginRefused::InvalidClient)?;
        let id: ClientId = login.client_id.parse().map_err(|_| LoginRefused::InvalidClient)?;
        let now = self.clock.now();
        let client = store::client_find(self.db.read().await?.connection(), &id).await?;
        let known =
            store::secret_find(self.db.read().await?.connection(), (id.as_str(), secret.selector()), now).await?;
        let attempt = Attempt {
            account: id.as_str(),
            subject: client.as_ref().map_or("", |client| client.id.as_str()),
            network: Network::of(login.source),
            at: now,
        };
        let hash = known.as_ref().map(|known| &known.hash);
        let proven = self.prove(&attempt, secret.text(), hash).await;
        let proven = proven.map_err(|why| LoginRefused::of(why, LoginRefused::InvalidClient))?;
        let (Some(client), Some(known)) = (&client, &known) else { return Err(LoginRefused::InvalidClient) };
        if client.is_expired(now) {
            return Err(LoginRefused::ClientExpired);
        }
        let tenant = self.running(&client.tenant).await?;
        let scopes = narrowed(client.may(tenant.kind), login.scope)?;
        self.renew_secret(known, &secret, &proven).await;
        self.note_client(client, &attempt, proven).await;
        let claimed = Claimed { subject: id.as_str(), tenant: &tenant, role: client.role, scopes };
        Ok(Issued { token: self.sign(&claimed, now).await?, scopes })
    }

    /// A token for a person.
    #[tracing::instrument(name = "accounts.login.person", level = "debug", skip_all)]
    pub(crate) async fn person_login(&self, login: &PersonLogin<'_>) -> Result<Issued, LoginRefused> {
        let email: Email = login.email.parse().map_err(|_| LoginRefused::InvalidLogin)?;
        let password: Password = login.password.parse().map_err(|_| LoginRefused::InvalidLogin)?;
        let now = self.clock.now();
        let found = store::email_find(self.db.read().await?.connection(), &email).await?;
        let attempt = Attempt {
            account: &email.key(),
            subject: found.as_ref().map_or("", |found| found.person.id.as_str()),
            network: Network::of(login.source),
            at: now,
        };
        let hash = found.as_ref().and_then(|found| found.password.as_ref());
        let proven = self.prove(&attempt, password.text(), hash).await;
        let proven = proven.map_err(|why| LoginRefused::of(why, LoginRefused::InvalidLogin))?;
        let Some(found) = &found else { return Err(LoginRefused::InvalidLogin) };
        self.use_code(found, login.totp, &proven).await?;
        let tenant = self.running(&found.person.tenant).await?;
        if let Some(old) = &found.password {
            self.renew_password(found, (old, &password), &proven).await;
        }
        self.note_person(found, &attempt, proven).await;
        let person = &found.person;
        let scopes = person.role.scopes(tenant.kind);
        let claimed = Claimed { subject: person.id.as_str(), tenant: &tenant, role: person.role, scopes };
        Ok(Issued { token: self.sign(&claimed, now).await?, scopes })
    }

    /// The tenant, unless it is stopped.
    async fn running(&self, id: &vocabulary::ProviderId) -> Result<Tenant, LoginRefused> {
        let line = store::lineage(self.db.read().await?.connection(), id).await?;
        let tenant = line.ok_or(StoreError::Inconsistent { table: "tenant", column: "id" })?.tenant;
        if tenant.is_stopped {
            tracing::info!(tenant.id = %id, "login refused: the tenant is frozen");
            return Err(Stopped.into());
        }
        Ok(tenant)
    }

    /// Checks the code of the second factor, where the person has one, and uses it up. A wrong one is charged.
    async fn use_code(&self, login: &Login, code: &str, proven: &Proven) -> Result<(), LoginRefused> {
        let Some(sealed) = &login.totp else { return Ok(()) };
        if code.is_empty() {
            return Err(LoginRefused::TotpNeeded);
        }
        let id = &login.person.id;
        let factor = SecondFactor::unseal(&self.vault, id, sealed)?;
        if let Some(step) = factor.step_of(code, self.clock.now())? {
            let mut tx = self.db.write().await?;
            let is_fresh = store::totp_use(&mut tx, id, (sealed, step)).await?;
            tx.commit().await?;
            if is_fresh {
                return Ok(());
            }
        }
        self.charge(proven).await?;
        Err(LoginRefused::WrongCode)
    }

    /// Steps 4 of a client: also tells from now on by its selector which secret it is. What fails is tried again at
    /// the next login.
    async fn renew_secret(&self, known: &KnownSecret, secret: &ClientSecret, proven: &Proven) {
        if known.hash.is_of_today() && known.has_selector {
            return;
        }
        let renewed: Result<(), LoginRefused> = async {
            let hash = if known.hash.is_of_today() {
                known.hash.clone()
            } else {
                proven.place.hash(secret.text(), &self.randomness).await?
            };
            let mut tx = self.db.write().await?;
            store::secret_renew(&mut tx, known, (&hash, secret.selector())).await?;
            Ok(tx.commit().await?)
        }
        .await;
        if let Err(error) = renewed {
            tracing::warn!(secret.id = %known.id, error = %error, "cannot renew the hash of a client's secret");
        }
    }

    /// Step 4 of a person. Of a renewal and a new password at the same time, the new password stays.
    async fn renew_password(&self, login: &Login, (old, password): (&SecretHash, &Password), proven: &Proven) {
        if old.is_of_today() {
            return;
        }
        let renewed: Result<(), LoginRefused> = async {
            let hash = proven.place.hash(password.text(), &self.randomness).await?;
            let mut tx = self.db.write().await?;
            store::password_renew(&mut tx, &login.person.id, (old, &hash)).await?;
            Ok(tx.commit().await?)
        }
        .await;
        if let Err(error) = renewed {
            tracing::warn!(person.id = %login.person.id, error = %error, "cannot renew the hash of a password");
        }
    }

    /// A full disk must not lock everybody out, so that a use which cannot be noted is only logged.
    async fn note_client(&self, client: &Client, attempt: &Attempt<'_>, proven: Proven) {
        if !is_to_be_noted(client.last_used_at, &proven, attempt.at) {
            return;
        }
        drop(proven);
        let noted: Result<(), StoreError> = async {
            let mut tx = self.db.write().await?;
            store::client_used(&mut tx, &client.id, attempt.at).await?;
            store::network_noted(&mut tx, (attempt.subject, &attempt.network), attempt.at).await?;
            tx.commit().await
        }
        .await;
        if let Err(error) = noted {
            tracing::warn!(client.id = %client.id, error = %error, "cannot note the use of a client");
        }
    }

    async fn note_person(&self, login: &Login, attempt: &Attempt<'_>, proven: Proven) {
        if !is_to_be_noted(login.person.last_login_at, &proven, attempt.at) {
            return;
        }
        drop(proven);
        let noted: Result<(), StoreError> = async {
            let mut tx = self.db.write().await?;
            store::person_logged_in(&mut tx, &login.person.id, attempt.at).await?;
            store::network_noted(&mut tx, (attempt.subject, &attempt.network), attempt.at).await?;
            tx.commit().await
        }
        .await;
        if let Err(error) = noted {
            tracing::warn!(person.id = %login.person.id, error = %error, "cannot note the login of a person");
        }
    }
}

fn is_to_be_noted(last: Option<Timestamp>, proven: &Proven, now: Timestamp) -> bool {
    !proven.is_known || last.is_none_or(|last| now >= last.plus(NOTED_EVERY))
}

/// What of `may` is wished with the words in `scope`; all of it where there are none.
fn narrowed(may: Scopes, scope: &str) -> Result<Scopes, LoginRefused> {
    let wished: Scopes = scope.parse()?;
    if wished.is_empty() {
        return Ok(may);
    }
    let both = may.and(wished);
    if both.is_empty() { Err(LoginRefused::NoScope) } else { Ok(both) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rpc::Refusal;
    use storage::Place;
    use vault::MasterKey;
    use vocabulary::{Clock, Randomness};

    use super::*;
    use crate::AccountsConfig;

    #[tokio::test]
    async fn the_price_of_a_hash_is_paid_for_nobody_too() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = AccountsConfig {
            database: Place::file(&folder.path().join("accounts.db")),
            signing_key: None,
            master: MasterKey::from_bytes([7; 32]),
        };
        let randomness = Arc::new(Randomness::seeded(1));
        let accounts = Accounts::open(config, Clock::System, randomness.clone()).await.expect("accounts");
        let secret = ClientSecret::draw(&randomness).into_shown();
        let unknown = ClientId::draw(&randomness);
        let client = |client_id, secret| ClientLogin { client_id, secret, source: "", scope: "" };
        let person = |email, password| PersonLogin { email, password, totp: "", source: "" };
        // A closed hasher answers "stopping" to everybody who comes as far as hashing.
        accounts.hasher.close();
        let refusal = accounts.client_login(&client(unknown.as_str(), secret.expose())).await.expect_err("nobody");
        assert_eq!(refusal.reason(), "stopping");
        let refusal = accounts.client_login(&client(unknown.as_str(), "not a secret")).await.expect_err("no secret");
        assert_eq!(refusal.reason(), "invalid_client");
        let login = person("nobody@example.com", "a password of nobody");
        assert_eq!(accounts.person_login(&login).await.expect_err("nobody").reason(), "stopping");
        let login = person("nobody@example.com", "short");
        assert_eq!(accounts.person_login(&login).await.expect_err("no password").reason(), "invalid_login");
        accounts.close().await;
    }
}
