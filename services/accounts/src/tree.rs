//! Tenants: made, found, listed, frozen and thawed.

use serde_json::json;
use storage::{StoreError, Tx};
use vocabulary::{Name, ProviderId};

use crate::Accounts;
use crate::client::lacking;
use crate::credentials::NewClient;
use crate::deed::Doer;
use crate::listing::{Page, PageWish};
use crate::refusal::TenantRefused;
use crate::role::Role;
use crate::store;
use crate::tenant::{Tenant, TenantKind};

/// A tenant that somebody wishes.
#[derive(Debug)]
pub(crate) struct TenantWish<'a> {
    pub parent: &'a str,
    /// `None` where the wish does not say.
    pub kind: Option<TenantKind>,
    pub name: &'a str,
    pub with_client: bool,
}

/// A tenant's id as sent.
fn known(id: &str) -> Result<ProviderId, TenantRefused> {
    id.parse().map_err(|_| TenantRefused::NotFound)
}

impl Accounts {
    /// Makes a tenant, and if wished its first client: an owner that carries the tenant's name.
    #[tracing::instrument(name = "accounts.tenant.create", level = "debug", skip_all)]
    pub(crate) async fn make_tenant(
        &self,
        doer: &Doer,
        wish: &TenantWish<'_>,
    ) -> Result<(Tenant, Option<NewClient>), TenantRefused> {
        let (name, parent_id) = (wish.name.parse::<Name>()?, known(wish.parent)?);
        let kind = wish.kind.filter(|kind| *kind != TenantKind::Operator).ok_or(TenantRefused::InvalidKind)?;
        let secret = if wish.with_client { Some(self.fresh_secret().await?) } else { None };
        let mut tx = self.db.write().await?;
        store::tree_take(&mut tx).await?;
        let parent = store::lineage(tx.connection(), &parent_id).await?.ok_or(TenantRefused::NotFound)?.tenant;
        let tenant = Tenant {
            id: ProviderId::draw(&self.randomness),
            level: parent.level_below(kind)?,
            parent: Some(parent_id),
            kind,
            name,
            frozen_at: None,
            is_stopped: false,
            created_at: doer.at,
        };
        store::tenant_create(&mut tx, &tenant).await.map_err(name_taken)?;
        let detail = json!({ "name": tenant.name.as_str(), "kind": kind.word(), "parent": parent.id.as_str() });
        doer.did(&mut tx, &tenant.id, ("tenant.create", tenant.id.as_str()), detail).await?;
        let client = match secret {
            Some(secret) => {
                let lacking = lacking(&mut tx, doer, Role::Owner.scopes(kind)).await?;
                lacking.map_or(Ok(()), |scope| Err(TenantRefused::ScopeNotYours(scope.word())))?;
                let client = self.client_of(doer, (&tenant.id, &tenant.name), Role::Owner);
                Some(self.store_client(&mut tx, doer, (&client, secret)).await?)
            }
            None => None,
        };
        tx.commit().await?;
        tracing::info!(tenant.id = %tenant.id, "tenant made");
        Ok((tenant, client))
    }

    /// The tenant with this id.
    #[tracing::instrument(name = "accounts.tenant.find", level = "debug", skip_all)]
    pub(crate) async fn find_tenant(&self, id: &str) -> Result<Tenant, TenantRefused> {
        let found = store::lineage(self.db.read().await?.connection(), &known(id)?).await?;
        found.map(|line| line.tenant).ok_or(TenantRefused::NotFound)
    }

    /// Up to `limit` (1 to 1000) of those below `above`, whose ids follow `after`; empty begins at the first.
    #[tracing::instrument(name = "accounts.tenant.list", level = "debug", skip_all)]
    pub(crate) async fn page_of_tenants(
        &self,
        above: &str,
        after: &str,
        limit: u32,
    ) -> Result<Page<Tenant>, TenantRefused> {
        let wish = PageWish::parse::<ProviderId>(after, limit)?;
        let above = self.find_tenant(above).await?;
        Ok(wish.cut(store::tenant_list(self.db.read().await?.connection(), &above.id, &wish).await?))
    }

    /// The tenant and everyone below it, the tenant first.
    #[tracing::instrument(name = "accounts.tenant.subtree", level = "debug", skip_all)]
    pub(crate) async fn subtree(&self, id: &str) -> Result<Vec<Tenant>, TenantRefused> {
        let top = self.find_tenant(id).await?;
        let below = store::tenants_below(self.db.read().await?.connection(), &top.id).await?;
        Ok(std::iter::once(top).chain(below).collect())
    }

    /// Stops the logins and tokens of the tenant and of everyone below it. Doing it again changes nothing.
    #[tracing::instrument(name = "accounts.tenant.freeze", level = "debug", skip_all)]
    pub(crate) async fn freeze(&self, doer: &Doer, id: &str) -> Result<Tenant, TenantRefused> {
        let id = known(id)?;
        if id == ProviderId::operator() {
            return Err(TenantRefused::Operator);
        }
        let mut tx = self.db.write().await?;
        store::tree_take(&mut tx).await?;
        if store::tenant_freeze(&mut tx, &id, doer.at).await? {
            doer.did(&mut tx, &id, ("tenant.freeze", id.as_str()), json!({})).await?;
        }
        self.settled(tx, &id).await
    }

    /// Takes the freezing of this tenant back; it stays stopped while somebody above is frozen. Doing it again changes
    /// nothing.
    #[tracing::instrument(name = "accounts.tenant.thaw", level = "debug", skip_all)]
    pub(crate) async fn thaw(&self, doer: &Doer, id: &str) -> Result<Tenant, TenantRefused> {
        let id = known(id)?;
        let mut tx = self.db.write().await?;
        if store::tenant_thaw(&mut tx, &id).await? {
            doer.did(&mut tx, &id, ("tenant.thaw", id.as_str()), json!({})).await?;
        }
        self.settled(tx, &id).await
    }

    /// The tenant as the transaction leaves it.
    async fn settled(&self, mut tx: Tx, id: &ProviderId) -> Result<Tenant, TenantRefused> {
        let tenant = store::lineage(tx.connection(), id).await?.ok_or(TenantRefused::NotFound)?.tenant;
        tx.commit().await?;
        tracing::info!(tenant.id = %id, tenant.stopped = tenant.is_stopped, "tenant frozen or thawed");
        Ok(tenant)
    }
}

/// Ids of 100 random bits do not meet; what meets is the name.
fn name_taken(error: StoreError) -> TenantRefused {
    if matches!(error, StoreError::AlreadyExists) { TenantRefused::NameTaken } else { TenantRefused::Store(error) }
}
