//! Clients, the logins of programs: made, listed, given further secrets, revoked.

use std::time::Duration;

use serde_json::json;
use storage::{StoreError, Tx};
use vocabulary::{ClientId, Name, ProviderId, Scope, Scopes, SecretId, Timestamp};

use crate::Accounts;
use crate::credentials::{ClientSecret, NewClient};
use crate::deed::Doer;
use crate::hashing::{HashingError, SecretHash};
use crate::listing::{Page, PageWish};
use crate::refusal::ClientRefused;
use crate::role::Role;
use crate::store::{self, NewSecretRow};
use crate::tenant::TenantKind;

/// The longest time for which the secrets before a new one may stay good.
const LONGEST_OVERLAP: Duration = Duration::from_hours(30 * 24);
/// How many good secrets a client may have.
const SECRETS: usize = 5;

/// A program's login.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub id: ClientId,
    pub tenant: ProviderId,
    pub name: Name,
    pub role: Role,
    /// What it may do of what its role may; empty for all of it.
    pub scopes: Scopes,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

impl Client {
    /// What it may do, for a tenant of this kind.
    pub fn may(&self, kind: TenantKind) -> Scopes {
        let role = self.role.scopes(kind);
        if self.scopes.is_empty() { role } else { role.and(self.scopes) }
    }

    /// Whether its time is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// One of the secrets a client can use, without the secret.
#[derive(Debug, Clone)]
pub(crate) struct LiveSecret {
    pub id: SecretId,
    pub client: ClientId,
    pub created_at: Timestamp,
    /// `None` for never.
    pub expires_at: Option<Timestamp>,
}

/// A client and its good secrets.
#[derive(Debug, Clone)]
pub(crate) struct ClientInfo {
    pub client: Client,
    pub secrets: Vec<LiveSecret>,
}

/// A secret that was just drawn, and its hash.
pub(crate) struct FreshSecret {
    secret: ClientSecret,
    hash: SecretHash,
}

/// A client that somebody wishes.
#[derive(Debug)]
pub(crate) struct ClientWish<'a> {
    pub tenant: &'a str,
    pub name: &'a str,
    /// `None` where the wish does not say.
    pub role: Option<Role>,
    pub scopes: &'a [String],
    /// `None` for never.
    pub expires_at: Option<Timestamp>,
}

impl Accounts {
    /// A new secret and its hash.
    pub(crate) async fn fresh_secret(&self) -> Result<FreshSecret, HashingError> {
        let secret = ClientSecret::draw(&self.randomness);
        let hash = self.hasher.place().await?.hash(secret.text(), &self.randomness).await?;
        Ok(FreshSecret { secret, hash })
    }

    /// A new client without limits of its own.
    pub(crate) fn client_of(&self, doer: &Doer, (tenant, name): (&ProviderId, &Name), role: Role) -> Client {
        Client {
            id: ClientId::draw(&self.randomness),
            tenant: tenant.clone(),
            name: name.clone(),
            role,
            scopes: Scopes::NONE,
            created_at: doer.at,
            expires_at: None,
            last_used_at: None,
        }
    }

    /// Stores a client and its first secret. `Dependency` where there is no such tenant.
    pub(crate) async fn store_client(
        &self,
        tx: &mut Tx,
        doer: &Doer,
        (client, fresh): (&Client, FreshSecret),
    ) -> Result<NewClient, StoreError> {
        store::client_create(tx, client).await?;
        let shown = self.store_secret(tx, (&client.id, doer.at), fresh).await?;
        let detail = json!({
            "name": client.name.as_str(),
            "role": client.role.word(),
            "scopes": client.scopes.to_string(),
            "expires_at": client.expires_at.map(|end| end.to_string()),
        });
        doer.did(tx, &client.tenant, ("client.create", client.id.as_str()), detail).await?;
        Ok(shown)
    }

    async fn store_secret(
        &self,
        tx: &mut Tx,
        (client, created_at): (&ClientId, Timestamp),
        FreshSecret { secret, hash }: FreshSecret,
    ) -> Result<NewClient, StoreError> {
        let id = SecretId::draw(&self.randomness);
        let row = NewSecretRow { id: &id, client, selector: secret.selector(), hash: &hash, created_at };
        store::secret_insert(tx, &row).await?;
        Ok(NewClient { client_id: client.clone(), client_secret: secret.into_shown() })
    }

    /// Makes a client. Whoever has only some scopes can give only these.
    #[tracing::instrument(name = "accounts.client.create", level = "debug", skip_all)]
    pub(crate) async fn make_client(
        &self,
        doer: &Doer,
        wish: &ClientWish<'_>,
    ) -> Result<(ClientInfo, NewClient), ClientRefused> {
        let tenant: ProviderId = wish.tenant.parse().map_err(|_| ClientRefused::NoTenant)?;
        let role = wish.role.ok_or(ClientRefused::InvalidRole)?;
        let mut client = self.client_of(doer, (&tenant, &wish.name.parse()?), role);
        client.scopes = wish.scopes.join(" ").parse()?;
        client.expires_at = wish.expires_at;
        if client.is_expired(doer.at) {
            return Err(ClientRefused::AlreadyExpired);
        }
        let fresh = self.fresh_secret().await?;
        let mut tx = self.db.write().await?;
        let line = store::lineage(tx.connection(), &tenant).await?.ok_or(ClientRefused::NoTenant)?;
        let allowed = client.role.scopes(line.tenant.kind);
        if let Some(outside) = client.scopes.iter().find(|scope| !allowed.contains(*scope)) {
            return Err(ClientRefused::ScopeOutsideRole { role: role.word(), scope: outside.word() });
        }
        may_give(&mut tx, doer, client.may(line.tenant.kind)).await?;
        let shown = self.store_client(&mut tx, doer, (&client, fresh)).await?;
        let secrets = store::secrets_live(tx.connection(), (&client.id, &client.id), doer.at).await?;
        tx.commit().await?;
        tracing::info!(client.id = %client.id, "client made");
        Ok((ClientInfo { client, secrets }, shown))
    }

    /// Up to `limit` (1 to 1000) of a tenant's clients, whose ids follow `after`; empty begins at the first.
    #[tracing::instrument(name = "accounts.client.list", level = "debug", skip_all)]
    pub(crate) async fn page_of_clients(
        &self,
        tenant: &str,
        after: &str,
        limit: u32,
    ) -> Result<Page<ClientInfo>, ClientRefused> {
        let wish = PageWish::parse::<ClientId>(after, limit)?;
        let tenant: ProviderId = tenant.parse().map_err(|_| ClientRefused::NoTenant)?;
        let mut reader = self.db.read().await?;
        store::lineage(reader.connection(), &tenant).await?.ok_or(ClientRefused::NoTenant)?;
        let Page { items, more } = wish.cut(store::client_list(reader.connection(), &tenant, &wish).await?);
        let (Some(first), Some(last)) = (items.first(), items.last()) else {
            return Ok(Page { items: Vec::new(), more });
        };
        let secrets = store::secrets_live(reader.connection(), (&first.id, &last.id), self.clock.now()).await?;
        let with_secrets = |client: Client| {
            let secrets = secrets.iter().filter(|secret| secret.client == client.id).cloned().collect();
            ClientInfo { client, secrets }
        };
        Ok(Page { items: items.into_iter().map(with_secrets).collect(), more })
    }

    /// Gives a client a further secret; those before it end after `overlap` (0 to 30 days).
    #[tracing::instrument(name = "accounts.client.rotate", level = "debug", skip_all)]
    pub(crate) async fn rotate_secret(
        &self,
        doer: &Doer,
        (tenant, id): (&str, &str),
        overlap: Duration,
    ) -> Result<(ClientInfo, NewClient), ClientRefused> {
        if overlap > LONGEST_OVERLAP {
            return Err(ClientRefused::InvalidOverlap);
        }
        let (tenant, id) = named(tenant, id)?;
        let fresh = self.fresh_secret().await?;
        let mut tx = self.db.write().await?;
        store::client_take(&mut tx, &id).await?;
        let client = store::client_find(tx.connection(), &id).await?.filter(|client| client.tenant == tenant);
        let client = client.ok_or(ClientRefused::NotFound)?;
        let line = store::lineage(tx.connection(), &tenant).await?.ok_or(ClientRefused::NoTenant)?;
        may_give(&mut tx, doer, client.may(line.tenant.kind)).await?;
        store::secrets_end(&mut tx, &id, (doer.at.plus(overlap), doer.at)).await?;
        let good = store::secrets_live(tx.connection(), (&id, &id), doer.at).await?.len();
        if good >= SECRETS {
            return Err(ClientRefused::TooManySecrets(good));
        }
        let shown = self.store_secret(&mut tx, (&id, doer.at), fresh).await?;
        let detail = json!({ "overlap_seconds": overlap.as_secs() });
        doer.did(&mut tx, &tenant, ("client.rotate", id.as_str()), detail).await?;
        let secrets = store::secrets_live(tx.connection(), (&id, &id), doer.at).await?;
        tx.commit().await?;
        tracing::info!(client.id = %id, "client given a further secret");
        Ok((ClientInfo { client, secrets }, shown))
    }

    /// Ends a client, its secrets and its tokens. Doing it again changes nothing.
    #[tracing::instrument(name = "accounts.client.revoke", level = "debug", skip_all)]
    pub(crate) async fn revoke_client(&self, doer: &Doer, tenant: &str, id: &str) -> Result<(), ClientRefused> {
        let (tenant, id) = named(tenant, id)?;
        let mut tx = self.db.write().await?;
        if store::client_revoke(&mut tx, (&tenant, &id), doer.at).await? {
            doer.did(&mut tx, &tenant, ("client.revoke", id.as_str()), json!({})).await?;
        } else if !store::client_existed(&mut tx, &tenant, &id).await? {
            return Err(ClientRefused::NotFound);
        }
        tx.commit().await?;
        tracing::info!(client.id = %id, "client revoked");
        Ok(())
    }
}

fn named(tenant: &str, id: &str) -> Result<(ProviderId, ClientId), ClientRefused> {
    let tenant = tenant.parse().map_err(|_| ClientRefused::NoTenant)?;
    Ok((tenant, id.parse().map_err(|_| ClientRefused::NotFound)?))
}

/// Whoever was narrowed, as a client or by its token, must not give anybody what it lacks, or it would have it the next
/// moment. Which scope it lacks of those `wished`.
pub(crate) async fn lacking(tx: &mut Tx, doer: &Doer, wished: Scopes) -> Result<Option<Scope>, StoreError> {
    let mut may = doer.token;
    if let Ok(id) = doer.actor.subject.parse::<ClientId>() {
        let giver = store::client_find(tx.connection(), &id).await?;
        let narrowed = giver.map(|giver| giver.scopes).filter(|scopes| !scopes.is_empty());
        may = narrowed.map_or(may, |scopes| may.and(scopes));
    }
    Ok(wished.iter().find(|scope| !may.contains(*scope)))
}

async fn may_give(tx: &mut Tx, doer: &Doer, wished: Scopes) -> Result<(), ClientRefused> {
    let lacking = lacking(tx, doer, wished).await?;
    lacking.map_or(Ok(()), |scope| Err(ClientRefused::ScopeNotYours(scope.word())))
}
