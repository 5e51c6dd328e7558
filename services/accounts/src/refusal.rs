//! Why a wish is not fulfilled: one enum for tenants, one for clients, one for people, one for logins, one for tokens
//! in use and one for signing keys.

use std::time::Duration;

use rpc::Refusal;
use storage::StoreError;
use vault::VaultError;
use vocabulary::{ErrorKind, InvalidName, UnknownScope};

use crate::email::InvalidEmail;
use crate::hashing::HashingError;
use crate::listing::InvalidPage;
use crate::password::InvalidPassword;
use crate::proof::Unproven;
use crate::signing_key::SigningKeyError;
use crate::tenant::Misplaced;
use crate::throttle::TooManyAttempts;

/// The tenant, or somebody above it, is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this provider is frozen; ask the operator of this service")]
pub(crate) struct Stopped;

const PROVIDER_FROZEN: &str = "provider_frozen";
const TENANT_NOT_FOUND: &str = "tenant_not_found";
const ROLE_INVALID: &str = "role_invalid";
const SCOPE_NOT_YOURS: &str = "scope_not_yours";
const TOO_MANY_ATTEMPTS: &str = "too_many_attempts";
const VAULT: &str = "vault";
const STORAGE: &str = "storage";

/// Why a wish that concerns a tenant is not fulfilled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TenantRefused {
    #[error("there is no tenant with that id")]
    NotFound,
    #[error("the kind of a new tenant is reseller, provider or site")]
    InvalidKind,
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
    #[error("there is a tenant of that name beside it (case does not matter); choose another")]
    NameTaken,
    #[error(transparent)]
    Misplaced(#[from] Misplaced),
    #[error("the operator cannot be frozen")]
    Operator,
    #[error("you cannot give a new tenant's client the scope {0}, because you do not have it yourself")]
    ScopeNotYours(&'static str),
    #[error(transparent)]
    Page(#[from] InvalidPage),
    #[error(transparent)]
    Hashing(#[from] HashingError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal for TenantRefused {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound => ErrorKind::NotFound,
            Self::InvalidKind | Self::InvalidName(_) | Self::Page(_) => ErrorKind::Malformed,
            Self::Misplaced(Misplaced::Stopped) | Self::ScopeNotYours(_) => ErrorKind::Forbidden,
            Self::NameTaken | Self::Misplaced(Misplaced::Kind(..) | Misplaced::TooDeep) | Self::Operator => {
                ErrorKind::Conflict
            }
            Self::Hashing(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NotFound => TENANT_NOT_FOUND,
            Self::InvalidKind => "tenant_kind_invalid",
            Self::InvalidName(_) => "tenant_name_invalid",
            Self::NameTaken => "tenant_name_taken",
            Self::Misplaced(Misplaced::Kind(..)) => "tenant_misplaced",
            Self::Misplaced(Misplaced::TooDeep) => "tenant_too_deep",
            Self::Misplaced(Misplaced::Stopped) => PROVIDER_FROZEN,
            Self::Operator => "operator_not_freezable",
            Self::ScopeNotYours(_) => SCOPE_NOT_YOURS,
            Self::Page(error) => error.reason(),
            Self::Hashing(error) => error.reason(),
            Self::Store(_) => STORAGE,
        }
    }
}

/// Why a wish that concerns a client is not fulfilled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientRefused {
    #[error("there is no tenant with that id")]
    NoTenant,
    #[error("the tenant has no client with that id")]
    NotFound,
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
    #[error("a role is owner, engineer or read_only")]
    InvalidRole,
    #[error(transparent)]
    UnknownScope(#[from] UnknownScope),
    #[error("the role {role} does not have the scope {scope}")]
    ScopeOutsideRole { role: &'static str, scope: &'static str },
    #[error("you cannot give the scope {0}, because you do not have it yourself")]
    ScopeNotYours(&'static str),
    #[error("the moment at which a client expires lies in the future; leave it out for never")]
    AlreadyExpired,
    #[error("the secrets before it may stay good for 0 to 30 days")]
    InvalidOverlap,
    #[error("the client has {0} good secrets; give an overlap of 0, which ends them, or wait until one ends")]
    TooManySecrets(usize),
    #[error(transparent)]
    Page(#[from] InvalidPage),
    #[error(transparent)]
    Hashing(#[from] HashingError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal for ClientRefused {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoTenant | Self::NotFound => ErrorKind::NotFound,
            Self::InvalidName(_)
            | Self::InvalidRole
            | Self::UnknownScope(_)
            | Self::ScopeOutsideRole { .. }
            | Self::AlreadyExpired
            | Self::InvalidOverlap
            | Self::Page(_) => ErrorKind::Malformed,
            Self::ScopeNotYours(_) => ErrorKind::Forbidden,
            Self::TooManySecrets(_) => ErrorKind::Conflict,
            Self::Hashing(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NoTenant => TENANT_NOT_FOUND,
            Self::NotFound => "client_not_found",
            Self::InvalidName(_) => "client_name_invalid",
            Self::InvalidRole => ROLE_INVALID,
            Self::UnknownScope(_) | Self::ScopeOutsideRole { .. } => "scope_invalid",
            Self::ScopeNotYours(_) => SCOPE_NOT_YOURS,
            Self::AlreadyExpired => "client_expiry_invalid",
            Self::InvalidOverlap => "overlap_invalid",
            Self::TooManySecrets(_) => "too_many_secrets",
            Self::Page(error) => error.reason(),
            Self::Hashing(error) => error.reason(),
            Self::Store(_) => STORAGE,
        }
    }
}

/// Why a wish that concerns a person is not fulfilled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PersonRefused {
    #[error("there is no tenant with that id")]
    NoTenant,
    #[error("there is no such person")]
    NotFound,
    #[error(transparent)]
    InvalidEmail(#[from] InvalidEmail),
    #[error("this address has a login already, of this tenant or of another; choose another address")]
    EmailTaken,
    #[error("a role is owner, engineer or read_only")]
    InvalidRole,
    #[error(transparent)]
    InvalidPassword(#[from] InvalidPassword),
    #[error("you cannot give a role with the scope {0}, because you do not have it yourself")]
    ScopeNotYours(&'static str),
    #[error("the present password is wrong")]
    WrongPassword,
    #[error("the invitation is not good: it was used, replaced by a newer one, or has expired; ask for another")]
    NoInvitation,
    #[error("there is no second factor to confirm; begin anew")]
    TotpNotBegun,
    #[error("the code is wrong; wait for the next one, and check the clock of the device that shows it")]
    WrongCode,
    #[error("somebody changed it meanwhile; try again")]
    Changed,
    #[error(transparent)]
    TooMany(#[from] TooManyAttempts),
    #[error(transparent)]
    Page(#[from] InvalidPage),
    #[error("cannot set up the second factor: {0}")]
    Totp(#[from] totp_rs::TotpError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Hashing(#[from] HashingError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Unproven> for PersonRefused {
    fn from(why: Unproven) -> Self {
        match why {
            Unproven::Wrong => Self::WrongPassword,
            Unproven::TooMany(error) => Self::TooMany(error),
            Unproven::Hashing(error) => Self::Hashing(error),
            Unproven::Store(error) => Self::Store(error),
        }
    }
}

impl Refusal for PersonRefused {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoTenant | Self::NotFound | Self::NoInvitation => ErrorKind::NotFound,
            Self::InvalidEmail(_) | Self::InvalidRole | Self::InvalidPassword(_) | Self::WrongCode | Self::Page(_) => {
                ErrorKind::Malformed
            }
            Self::WrongPassword | Self::ScopeNotYours(_) => ErrorKind::Forbidden,
            Self::EmailTaken | Self::TotpNotBegun => ErrorKind::Conflict,
            Self::Changed => ErrorKind::Changed,
            Self::TooMany(_) => ErrorKind::Throttled,
            Self::Totp(_) => ErrorKind::Internal,
            Self::Vault(error) => error.kind(),
            Self::Hashing(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NoTenant => TENANT_NOT_FOUND,
            Self::NotFound => "person_not_found",
            Self::InvalidEmail(_) => "email_invalid",
            Self::EmailTaken => "email_taken",
            Self::InvalidRole => ROLE_INVALID,
            Self::InvalidPassword(_) => "password_invalid",
            Self::ScopeNotYours(_) => SCOPE_NOT_YOURS,
            Self::WrongPassword => "password_wrong",
            Self::NoInvitation => "invitation_not_found",
            Self::TotpNotBegun => "totp_not_begun",
            Self::WrongCode => "totp_wrong",
            Self::Changed => "person_changed",
            Self::TooMany(_) => TOO_MANY_ATTEMPTS,
            Self::Page(error) => error.reason(),
            Self::Totp(_) => "totp_failed",
            Self::Vault(_) => VAULT,
            Self::Hashing(error) => error.reason(),
            Self::Store(_) => STORAGE,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        if let Self::TooMany(error) = self { Some(error.wait()) } else { None }
    }
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginRefused {
    #[error("the client id or its secret is wrong")]
    InvalidClient,
    #[error("the client has expired; ask for another")]
    ClientExpired,
    #[error(transparent)]
    UnknownScope(#[from] UnknownScope),
    #[error("the client has none of these scopes")]
    NoScope,
    #[error("the e-mail address or the password is wrong")]
    InvalidLogin,
    #[error("a code of the second factor is needed too")]
    TotpNeeded,
    #[error("the code of the second factor is wrong or was used before; wait for the next one")]
    WrongCode,
    #[error(transparent)]
    Frozen(#[from] Stopped),
    #[error(transparent)]
    TooMany(#[from] TooManyAttempts),
    #[error(transparent)]
    Hashing(#[from] HashingError),
    #[error(transparent)]
    Keys(#[from] KeysRefused),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("cannot check the second factor: {0}")]
    Totp(#[from] totp_rs::TotpError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LoginRefused {
    /// What an unproven login is, where `wrong` is said of a wrong one.
    pub fn of(why: Unproven, wrong: Self) -> Self {
        match why {
            Unproven::Wrong => wrong,
            Unproven::TooMany(error) => Self::TooMany(error),
            Unproven::Hashing(error) => Self::Hashing(error),
            Unproven::Store(error) => Self::Store(error),
        }
    }
}

impl Refusal for LoginRefused {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidClient | Self::ClientExpired | Self::InvalidLogin | Self::TotpNeeded | Self::WrongCode => {
                ErrorKind::Unauthenticated
            }
            Self::UnknownScope(_) | Self::NoScope => ErrorKind::Malformed,
            Self::Frozen(_) => ErrorKind::Forbidden,
            Self::TooMany(_) => ErrorKind::Throttled,
            Self::Hashing(error) => error.kind(),
            Self::Keys(error) => error.kind(),
            Self::Vault(error) => error.kind(),
            Self::Totp(_) => ErrorKind::Internal,
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::InvalidClient => "invalid_client",
            Self::ClientExpired => "client_expired",
            Self::UnknownScope(_) | Self::NoScope => "scope_invalid",
            Self::InvalidLogin => "invalid_login",
            Self::TotpNeeded => "totp_needed",
            Self::WrongCode => "totp_wrong",
            Self::Frozen(_) => PROVIDER_FROZEN,
            Self::TooMany(_) => TOO_MANY_ATTEMPTS,
            Self::Hashing(error) => error.reason(),
            Self::Keys(error) => error.reason(),
            Self::Vault(_) => VAULT,
            Self::Totp(_) => "totp_failed",
            Self::Store(_) => STORAGE,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        if let Self::TooMany(error) = self { Some(error.wait()) } else { None }
    }
}

/// Why whoever carries a token may not do anything.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthorizeRefused {
    #[error("the login of this token was revoked, removed or has expired; log in again")]
    SubjectRevoked,
    #[error(transparent)]
    Frozen(#[from] Stopped),
    /// Somebody who is not below, and nobody, are not told apart.
    #[error("there is no tenant with that id at or below yours")]
    NoTenant,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal for AuthorizeRefused {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::SubjectRevoked => ErrorKind::Unauthenticated,
            Self::Frozen(_) => ErrorKind::Forbidden,
            Self::NoTenant => ErrorKind::NotFound,
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::SubjectRevoked => "subject_revoked",
            Self::Frozen(_) => PROVIDER_FROZEN,
            Self::NoTenant => TENANT_NOT_FOUND,
            Self::Store(_) => STORAGE,
        }
    }
}

/// Why the signing keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysRefused {
    #[error("the published keys cannot be written: {0}")]
    Unprintable(#[from] serde_json::Error),
    #[error("cannot sign a token: {0}")]
    Signing(#[from] jsonwebtoken::errors::Error),
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal for KeysRefused {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unprintable(_) | Self::Signing(_) | Self::Key(_) => ErrorKind::Internal,
            Self::Vault(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Unprintable(_) | Self::Signing(_) | Self::Key(_) => "signing_failed",
            Self::Vault(_) => VAULT,
            Self::Store(_) => STORAGE,
        }
    }
}
