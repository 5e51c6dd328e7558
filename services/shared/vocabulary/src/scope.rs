//! What a token may be used for: scopes, one for reading and one for writing each kind of thing.
//!
//! Which role has which is decided by the accounts service; which route asks for which, by the gateway.

use std::fmt;
use std::str::FromStr;

/// One permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is explained by its word")]
pub enum Scope {
    TenantsRead,
    TenantsWrite,
    PeopleRead,
    PeopleWrite,
    ClientsRead,
    ClientsWrite,
    DevicesRead,
    DevicesWrite,
    ProfilesRead,
    ProfilesWrite,
    CodesRead,
    CodesWrite,
    AuditRead,
    /// What only the operator may: policies, manifests, ranges, holds, decisions, freezing.
    Operate,
}

impl Scope {
    /// Every scope, in the order in which they are listed.
    pub const ALL: [Self; 14] = [
        Self::TenantsRead,
        Self::TenantsWrite,
        Self::PeopleRead,
        Self::PeopleWrite,
        Self::ClientsRead,
        Self::ClientsWrite,
        Self::DevicesRead,
        Self::DevicesWrite,
        Self::ProfilesRead,
        Self::ProfilesWrite,
        Self::CodesRead,
        Self::CodesWrite,
        Self::AuditRead,
        Self::Operate,
    ];

    /// As tokens and the contracts write it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TenantsRead => "tenants:read",
            Self::TenantsWrite => "tenants:write",
            Self::PeopleRead => "people:read",
            Self::PeopleWrite => "people:write",
            Self::ClientsRead => "clients:read",
            Self::ClientsWrite => "clients:write",
            Self::DevicesRead => "devices:read",
            Self::DevicesWrite => "devices:write",
            Self::ProfilesRead => "profiles:read",
            Self::ProfilesWrite => "profiles:write",
            Self::CodesRead => "codes:read",
            Self::CodesWrite => "codes:write",
            Self::AuditRead => "audit:read",
            Self::Operate => "operate",
        }
    }

    /// Whether it allows to look and nothing else.
    pub fn is_reading(self) -> bool {
        self.word().ends_with(":read")
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The word names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no scope {0}")]
pub struct UnknownScope(String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        // The word comes from a stranger and goes into an answer: printable, and short.
        let unknown = || UnknownScope(text.chars().take(40).flat_map(char::escape_default).collect());
        Self::ALL.into_iter().find(|scope| scope.word() == text).ok_or_else(unknown)
    }
}

/// A set of scopes. Written as their words with spaces between (RFC 6749, section 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u16);

impl Scopes {
    /// No scope at all.
    pub const NONE: Self = Self(0);

    /// Every scope there is.
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// Whether `scope` is in it.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// What both have.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in it, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl FromStr for Scopes {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        text.split_ascii_whitespace().map(str::parse::<Scope>).collect()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, scope) in self.iter().enumerate() {
            if nth > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.word())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_written_in_one_order_and_read_in_any() {
        let set: Scopes = " devices:write  audit:read tenants:read".parse().expect("scopes");
        assert_eq!(set.to_string(), "tenants:read devices:write audit:read");
        assert_eq!(set.to_string().parse(), Ok(set));
        assert!(set.contains(Scope::AuditRead) && !set.contains(Scope::DevicesRead));
        assert_eq!(set.and("audit:read operate".parse().expect("scopes")).to_string(), "audit:read");
        assert_eq!(Scopes::all().iter().count(), Scope::ALL.len());
        assert_eq!("".parse(), Ok(Scopes::NONE));
    }

    #[test]
    fn an_unknown_word_is_named_and_made_harmless() {
        let refused = "devices:read phones:\u{1b}[31m".parse::<Scopes>().expect_err("unknown");
        assert_eq!(refused.to_string(), "there is no scope phones:\\u{1b}[31m");
        assert!("DEVICES:READ".parse::<Scopes>().is_err());
    }
}
