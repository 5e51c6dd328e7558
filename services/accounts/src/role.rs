//! Roles, and what each of them may do: the one table of it.

use std::str::FromStr;

use vocabulary::{Scope, Scopes};

use crate::tenant::TenantKind;

/// What a person or a client is for its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Owner,
    Engineer,
    ReadOnly,
}

/// The word names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnknownRole;

impl Role {
    pub const ALL: [Self; 3] = [Self::Owner, Self::Engineer, Self::ReadOnly];

    /// As stored, and as tokens write it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Engineer => "engineer",
            Self::ReadOnly => "read_only",
        }
    }

    /// What the role may do for a tenant of this kind and for those below it.
    pub fn scopes(self, kind: TenantKind) -> Scopes {
        Scope::ALL.into_iter().filter(|scope| self.has(*scope, kind)).collect()
    }

    fn has(self, scope: Scope, kind: TenantKind) -> bool {
        if scope == Scope::Operate && kind != TenantKind::Operator {
            return false;
        }
        match self {
            Self::Owner => true,
            Self::Engineer => !matches!(scope, Scope::PeopleWrite | Scope::ClientsWrite | Scope::TenantsWrite),
            Self::ReadOnly => scope.is_reading(),
        }
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.word() == text).ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        let of = |role: Role, kind| role.scopes(kind).to_string();
        assert_eq!(Role::Owner.scopes(TenantKind::Operator), Scopes::all());
        assert_eq!(
            of(Role::Owner, TenantKind::Site),
            "tenants:read tenants:write people:read people:write clients:read clients:write devices:read \
             devices:write profiles:read profiles:write codes:read codes:write audit:read"
        );
        assert_eq!(
            of(Role::Engineer, TenantKind::Operator),
            "tenants:read people:read clients:read devices:read devices:write profiles:read profiles:write \
             codes:read codes:write audit:read operate"
        );
        let reading = "tenants:read people:read clients:read devices:read profiles:read codes:read audit:read";
        assert_eq!(of(Role::ReadOnly, TenantKind::Operator), reading);
        assert_eq!(of(Role::ReadOnly, TenantKind::Provider), reading);
    }

    #[test]
    fn every_role_has_its_word() {
        for role in Role::ALL {
            assert_eq!(role.word().parse(), Ok(role));
        }
        assert_eq!("operator".parse::<Role>(), Err(UnknownRole));
    }
}
