//! Our words as messages of the contract, and back.

use contracts::accounts as wire;
use vocabulary::Timestamp;

use crate::client::{Client, ClientInfo, LiveSecret};
use crate::credentials::NewClient;
use crate::listing::Page;
use crate::person::Person;
use crate::role::Role;
use crate::tenant::{Tenant, TenantKind};

/// A page's things as messages, and whether others follow.
pub(crate) fn page<T, M: From<T>>(page: Page<T>) -> (Vec<M>, bool) {
    (page.items.into_iter().map(M::from).collect(), page.more)
}

/// The role of a request; `None` where it says none.
pub(crate) const fn role(role: wire::Role) -> Option<Role> {
    match role {
        wire::Role::Unspecified => None,
        wire::Role::Owner => Some(Role::Owner),
        wire::Role::Engineer => Some(Role::Engineer),
        wire::Role::ReadOnly => Some(Role::ReadOnly),
    }
}

/// The kind of a request; `None` where it says none.
pub(crate) const fn kind(kind: wire::TenantKind) -> Option<TenantKind> {
    match kind {
        wire::TenantKind::Unspecified => None,
        wire::TenantKind::Operator => Some(TenantKind::Operator),
        wire::TenantKind::Reseller => Some(TenantKind::Reseller),
        wire::TenantKind::Provider => Some(TenantKind::Provider),
        wire::TenantKind::Site => Some(TenantKind::Site),
    }
}

/// The moment of a request; `None` for 0.
pub(crate) fn moment(micros: i64) -> Option<Timestamp> {
    (micros != 0).then(|| Timestamp::from_micros(micros))
}

fn micros(moment: Option<Timestamp>) -> i64 {
    moment.map_or(0, Timestamp::as_micros)
}

impl From<Role> for wire::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Owner => Self::Owner,
            Role::Engineer => Self::Engineer,
            Role::ReadOnly => Self::ReadOnly,
        }
    }
}

impl From<TenantKind> for wire::TenantKind {
    fn from(kind: TenantKind) -> Self {
        match kind {
            TenantKind::Operator => Self::Operator,
            TenantKind::Reseller => Self::Reseller,
            TenantKind::Provider => Self::Provider,
            TenantKind::Site => Self::Site,
        }
    }
}

impl From<Tenant> for wire::Tenant {
    fn from(tenant: Tenant) -> Self {
        Self {
            id: tenant.id.to_string(),
            parent_id: tenant.parent.map(|id| id.to_string()).unwrap_or_default(),
            kind: wire::TenantKind::from(tenant.kind).into(),
            name: tenant.name.to_string(),
            frozen: tenant.frozen_at.is_some(),
            stopped: tenant.is_stopped,
            created_at: tenant.created_at.as_micros(),
        }
    }
}

impl From<LiveSecret> for wire::SecretInfo {
    fn from(secret: LiveSecret) -> Self {
        Self {
            id: secret.id.to_string(),
            created_at: secret.created_at.as_micros(),
            expires_at: micros(secret.expires_at),
        }
    }
}

impl From<ClientInfo> for wire::Client {
    fn from(ClientInfo { client, secrets }: ClientInfo) -> Self {
        let Client { id, tenant, name, role, scopes, created_at, expires_at, last_used_at } = client;
        Self {
            id: id.to_string(),
            tenant_id: tenant.to_string(),
            name: name.to_string(),
            role: wire::Role::from(role).into(),
            scopes: scopes.iter().map(|scope| scope.to_string()).collect(),
            created_at: created_at.as_micros(),
            expires_at: micros(expires_at),
            last_used_at: micros(last_used_at),
            secrets: secrets.into_iter().map(wire::SecretInfo::from).collect(),
        }
    }
}

impl From<NewClient> for wire::NewSecret {
    fn from(client: NewClient) -> Self {
        Self { client_id: client.client_id.to_string(), client_secret: client.client_secret.expose().clone() }
    }
}

impl From<Person> for wire::Person {
    fn from(person: Person) -> Self {
        Self {
            id: person.id.to_string(),
            tenant_id: person.tenant.to_string(),
            email: person.email.as_str().to_owned(),
            role: wire::Role::from(person.role).into(),
            active: person.is_active,
            totp: person.has_totp,
            created_at: person.created_at.as_micros(),
            last_login_at: micros(person.last_login_at),
        }
    }
}
