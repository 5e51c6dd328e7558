//! The words of the JSON API for the kinds and roles of the accounts service.

use contracts::accounts::{Role, TenantKind};
use serde::{Deserialize, Serialize};

/// Where a tenant stands in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KindWord {
    Operator,
    Reseller,
    #[default]
    Provider,
    Site,
}

/// What a person or a program is for its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RoleWord {
    Owner,
    Engineer,
    ReadOnly,
}

impl KindWord {
    /// `None` where the service names none.
    pub const fn of(kind: TenantKind) -> Option<Self> {
        match kind {
            TenantKind::Unspecified => None,
            TenantKind::Operator => Some(Self::Operator),
            TenantKind::Reseller => Some(Self::Reseller),
            TenantKind::Provider => Some(Self::Provider),
            TenantKind::Site => Some(Self::Site),
        }
    }

    pub const fn kind(self) -> TenantKind {
        match self {
            Self::Operator => TenantKind::Operator,
            Self::Reseller => TenantKind::Reseller,
            Self::Provider => TenantKind::Provider,
            Self::Site => TenantKind::Site,
        }
    }
}

impl RoleWord {
    /// `None` where the service names none.
    pub const fn of(role: Role) -> Option<Self> {
        match role {
            Role::Unspecified => None,
            Role::Owner => Some(Self::Owner),
            Role::Engineer => Some(Self::Engineer),
            Role::ReadOnly => Some(Self::ReadOnly),
        }
    }

    pub const fn role(self) -> Role {
        match self {
            Self::Owner => Role::Owner,
            Self::Engineer => Role::Engineer,
            Self::ReadOnly => Role::ReadOnly,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_comes_back() {
        for kind in [KindWord::Operator, KindWord::Reseller, KindWord::Provider, KindWord::Site] {
            assert_eq!(KindWord::of(kind.kind()), Some(kind));
        }
        for role in [RoleWord::Owner, RoleWord::Engineer, RoleWord::ReadOnly] {
            assert_eq!(RoleWord::of(role.role()), Some(role));
        }
        assert_eq!(serde_json::to_string(&RoleWord::ReadOnly).ok().as_deref(), Some("\"read_only\""));
    }
}
