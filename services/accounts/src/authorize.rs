//! Who carries a token now, and for whom it may act: asked for every request, so that what is revoked or frozen ends at
//! once, whatever its token says. Indexed look-ups, and no hashing.

use storage::{Reader, StoreError};
use vocabulary::{ClientId, PersonId, ProviderId, Scopes};

use crate::Accounts;
use crate::refusal::{AuthorizeRefused, Stopped};
use crate::role::Role;
use crate::store;
use crate::tenant::{Lineage, Tenant};

/// What somebody may do for a tenant.
#[derive(Debug)]
pub(crate) struct Authorized {
    pub own: Tenant,
    pub acting_for: Lineage,
    pub role: Role,
    pub scopes: Scopes,
}

/// Who carries the token.
struct Subject {
    tenant: ProviderId,
    role: Role,
    /// What it narrows its role to; empty for all of it.
    narrowed: Scopes,
}

impl Accounts {
    /// What `subject` may do with a token of the scopes `token` for `tenant`; empty for its own.
    #[tracing::instrument(name = "accounts.authorize", level = "debug", skip_all)]
    pub(crate) async fn authorized(
        &self,
        subject: &str,
        tenant: &str,
        token: &[String],
    ) -> Result<Authorized, AuthorizeRefused> {
        let mut reader = self.db.read().await?;
        let subject = self.subject(&mut reader, subject).await?.ok_or(AuthorizeRefused::SubjectRevoked)?;
        let own = store::lineage(reader.connection(), &subject.tenant).await?.ok_or(NO_TENANT_OF_ITS_OWN)?;
        if own.tenant.is_stopped {
            return Err(Stopped.into());
        }
        let kind = own.tenant.kind;
        let acting_for = target(&mut reader, &own, tenant).await?;
        let mut scopes = subject.role.scopes(kind);
        if !subject.narrowed.is_empty() {
            scopes = scopes.and(subject.narrowed);
        }
        // What an old or a new version of us wrote into a token and we do not know is not given.
        let of_token: Scopes = token.iter().filter_map(|word| word.parse::<vocabulary::Scope>().ok()).collect();
        Ok(Authorized { own: own.tenant, acting_for, role: subject.role, scopes: scopes.and(of_token) })
    }

    async fn subject(&self, reader: &mut Reader, text: &str) -> Result<Option<Subject>, StoreError> {
        if let Ok(id) = text.parse::<ClientId>() {
            let client = store::client_find(reader.connection(), &id).await?;
            let client = client.filter(|client| !client.is_expired(self.clock.now()));
            let subject = |client: crate::client::Client| Subject {
                tenant: client.tenant,
                role: client.role,
                narrowed: client.scopes,
            };
            return Ok(client.map(subject));
        }
        let Ok(id) = text.parse::<PersonId>() else { return Ok(None) };
        let login = store::login_of(reader.connection(), &id).await?;
        let subject = |login: store::Login| Subject {
            tenant: login.person.tenant,
            role: login.person.role,
            narrowed: Scopes::NONE,
        };
        Ok(login.map(subject))
    }
}

/// The tenant to act for: its own, or one below.
async fn target(reader: &mut Reader, own: &Lineage, tenant: &str) -> Result<Lineage, AuthorizeRefused> {
    if tenant.is_empty() || tenant == own.tenant.id.as_str() {
        return Ok(own.clone());
    }
    let id: ProviderId = tenant.parse().map_err(|_| AuthorizeRefused::NoTenant)?;
    let target = store::lineage(reader.connection(), &id).await?;
    target.filter(|line| line.is_at_or_below(&own.tenant.id)).ok_or(AuthorizeRefused::NoTenant)
}

/// A foreign key says that there is one.
const NO_TENANT_OF_ITS_OWN: StoreError = StoreError::Inconsistent { table: "tenant", column: "id" };
