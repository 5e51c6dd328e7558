//! People: invited, listed, changed, removed.

use serde_json::json;
use storage::{StoreError, Tx};
use vocabulary::{PersonId, ProviderId, Secret, Timestamp};

use crate::Accounts;
use crate::client::lacking;
use crate::deed::Doer;
use crate::email::Email;
use crate::invitation::{GOOD_FOR, Invitation};
use crate::listing::{Page, PageWish};
use crate::refusal::PersonRefused;
use crate::role::Role;
use crate::store;
use crate::tenant::TenantKind;

/// Somebody with an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub id: PersonId,
    pub tenant: ProviderId,
    pub email: Email,
    pub role: Role,
    /// Whether a password has been chosen.
    pub is_active: bool,
    pub has_totp: bool,
    pub created_at: Timestamp,
    pub last_login_at: Option<Timestamp>,
}

/// What to change of a person.
#[derive(Debug)]
pub(crate) struct PersonChange {
    /// `None` leaves it.
    pub role: Option<Role>,
    pub invite_again: bool,
    pub remove_totp: bool,
}

impl Accounts {
    /// Makes a person's login, with an invitation to choose a password; that is shown this once.
    #[tracing::instrument(name = "accounts.person.invite", level = "debug", skip_all)]
    pub(crate) async fn invite(
        &self,
        doer: &Doer,
        (tenant, email): (&str, &str),
        role: Option<Role>,
    ) -> Result<(Person, Secret<String>), PersonRefused> {
        let person = Person {
            id: PersonId::draw(&self.randomness),
            tenant: tenant.parse().map_err(|_| PersonRefused::NoTenant)?,
            email: email.parse()?,
            role: role.ok_or(PersonRefused::InvalidRole)?,
            is_active: false,
            has_totp: false,
            created_at: doer.at,
            last_login_at: None,
        };
        let mut tx = self.db.write().await?;
        let kind = kind_of(&mut tx, &person.tenant).await?;
        may_give(&mut tx, doer, person.role, kind).await?;
        store::person_create(&mut tx, &person).await.map_err(|error| match error {
            StoreError::AlreadyExists => PersonRefused::EmailTaken,
            error @ (StoreError::Dependency
            | StoreError::Changed
            | StoreError::Inconsistent { .. }
            | StoreError::Migration(_)
            | StoreError::Failed(_)) => PersonRefused::Store(error),
        })?;
        let detail = json!({ "email": person.email.as_str(), "role": person.role.word() });
        let shown = self.put_invitation(&mut tx, doer, &person.id).await?;
        doer.did(&mut tx, &person.tenant, ("person.invite", person.id.as_str()), detail).await?;
        tx.commit().await?;
        tracing::info!(person.id = %person.id, "person invited");
        Ok((person, shown))
    }

    async fn put_invitation(&self, tx: &mut Tx, doer: &Doer, id: &PersonId) -> Result<Secret<String>, StoreError> {
        let invitation = Invitation::draw(&self.randomness);
        store::invitation_put(tx, id, (&invitation.digest(), doer.at.plus(GOOD_FOR))).await?;
        Ok(invitation.shown())
    }

    /// Up to `limit` (1 to 1000) of a tenant's people, whose ids follow `after`; empty begins at the first.
    #[tracing::instrument(name = "accounts.person.list", level = "debug", skip_all)]
    pub(crate) async fn page_of_people(
        &self,
        tenant: &str,
        after: &str,
        limit: u32,
    ) -> Result<Page<Person>, PersonRefused> {
        let wish = PageWish::parse::<PersonId>(after, limit)?;
        let tenant: ProviderId = tenant.parse().map_err(|_| PersonRefused::NoTenant)?;
        let mut reader = self.db.read().await?;
        store::lineage(reader.connection(), &tenant).await?.ok_or(PersonRefused::NoTenant)?;
        Ok(wish.cut(store::person_list(reader.connection(), &tenant, &wish).await?))
    }

    /// Changes the role, invites again, takes the second factor off: what of it is wished. The password stays until
    /// the invitation is accepted.
    #[tracing::instrument(name = "accounts.person.change", level = "debug", skip_all)]
    pub(crate) async fn change_person(
        &self,
        doer: &Doer,
        (tenant, id): (&str, &str),
        change: &PersonChange,
    ) -> Result<(Person, Option<Secret<String>>), PersonRefused> {
        let (tenant, id) = named(tenant, id)?;
        let mut tx = self.db.write().await?;
        store::person_take(&mut tx, &id).await?;
        let mut person = store::person_find(tx.connection(), &tenant, &id).await?.ok_or(PersonRefused::NotFound)?;
        let kind = kind_of(&mut tx, &tenant).await?;
        let role = change.role.unwrap_or(person.role);
        if role != person.role || change.invite_again {
            may_give(&mut tx, doer, role, kind).await?;
        }
        if role != person.role {
            store::person_role(&mut tx, &id, role).await?;
            doer.did(&mut tx, &tenant, ("person.change", id.as_str()), json!({ "role": role.word() })).await?;
            person.role = role;
        }
        if change.remove_totp && person.has_totp {
            store::totp_remove(&mut tx, &id).await?;
            doer.did(&mut tx, &tenant, ("person.totp", id.as_str()), json!({ "in_force": false })).await?;
            person.has_totp = false;
        }
        let mut shown = None;
        if change.invite_again {
            let detail = json!({ "email": person.email.as_str(), "again": true });
            shown = Some(self.put_invitation(&mut tx, doer, &id).await?);
            doer.did(&mut tx, &tenant, ("person.invite", id.as_str()), detail).await?;
        }
        tx.commit().await?;
        tracing::info!(person.id = %id, "person changed");
        Ok((person, shown))
    }

    /// Ends a person's login and its tokens. Of who was removed before, as of another's and of nobody, there is no trace.
    #[tracing::instrument(name = "accounts.person.remove", level = "debug", skip_all)]
    pub(crate) async fn remove_person(&self, doer: &Doer, tenant: &str, id: &str) -> Result<(), PersonRefused> {
        let (tenant, id) = named(tenant, id)?;
        let mut tx = self.db.write().await?;
        store::person_take(&mut tx, &id).await?;
        let person = store::person_find(tx.connection(), &tenant, &id).await?.ok_or(PersonRefused::NotFound)?;
        store::person_remove(&mut tx, &tenant, &id).await?;
        let detail = json!({ "email": person.email.as_str() });
        doer.did(&mut tx, &tenant, ("person.remove", id.as_str()), detail).await?;
        tx.commit().await?;
        tracing::info!(person.id = %id, "person removed");
        Ok(())
    }
}

fn named(tenant: &str, id: &str) -> Result<(ProviderId, PersonId), PersonRefused> {
    let tenant = tenant.parse().map_err(|_| PersonRefused::NoTenant)?;
    Ok((tenant, id.parse().map_err(|_| PersonRefused::NotFound)?))
}

async fn kind_of(tx: &mut Tx, tenant: &ProviderId) -> Result<TenantKind, PersonRefused> {
    Ok(store::lineage(tx.connection(), tenant).await?.ok_or(PersonRefused::NoTenant)?.tenant.kind)
}

async fn may_give(tx: &mut Tx, doer: &Doer, role: Role, kind: TenantKind) -> Result<(), PersonRefused> {
    let lacking = lacking(tx, doer, role.scopes(kind)).await?;
    lacking.map_or(Ok(()), |scope| Err(PersonRefused::ScopeNotYours(scope.word())))
}
