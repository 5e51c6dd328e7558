//! The tree of tenants: who may stand below whom.

use std::str::FromStr;

use vocabulary::{Name, ProviderId, Timestamp};

/// How many stand on the longest way from the operator down, both ends counted.
pub(crate) const DEEPEST: u32 = 8;

/// What a tenant is in the trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TenantKind {
    /// Runs this cloud service; the one root.
    Operator,
    Reseller,
    Provider,
    Site,
}

/// The word names no kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnknownKind;

impl TenantKind {
    pub const ALL: [Self; 4] = [Self::Operator, Self::Reseller, Self::Provider, Self::Site];

    /// As stored, as tokens write it, and as people say it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Reseller => "reseller",
            Self::Provider => "provider",
            Self::Site => "site",
        }
    }

    /// Whether a tenant of this kind may stand directly below one of the kind `above`.
    pub const fn may_stand_below(self, above: Self) -> bool {
        match self {
            Self::Operator => false,
            Self::Reseller | Self::Provider => matches!(above, Self::Operator | Self::Reseller),
            Self::Site => matches!(above, Self::Provider),
        }
    }
}

impl FromStr for TenantKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.word() == text).ok_or(UnknownKind)
    }
}

/// One tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tenant {
    pub id: ProviderId,
    /// `None` for the operator.
    pub parent: Option<ProviderId>,
    pub kind: TenantKind,
    /// 1 for the operator.
    pub level: u32,
    pub name: Name,
    /// Since when it is frozen itself.
    pub frozen_at: Option<Timestamp>,
    /// Whether it or somebody above is frozen.
    pub is_stopped: bool,
    pub created_at: Timestamp,
}

/// Why a tenant cannot stand where it was wished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misplaced {
    #[error("a {} cannot stand below a {}", .0.word(), .1.word())]
    Kind(TenantKind, TenantKind),
    #[error("the tree is at most {DEEPEST} tenants deep; make the tenant further up")]
    TooDeep,
    #[error("nothing can be made below a frozen tenant; ask who froze it")]
    Stopped,
}

impl Tenant {
    /// The level of a new tenant of this kind directly below this one.
    pub fn level_below(&self, kind: TenantKind) -> Result<u32, Misplaced> {
        if !kind.may_stand_below(self.kind) {
            return Err(Misplaced::Kind(kind, self.kind));
        }
        if self.level >= DEEPEST {
            return Err(Misplaced::TooDeep);
        }
        if self.is_stopped {
            return Err(Misplaced::Stopped);
        }
        Ok(self.level + 1)
    }
}

/// A tenant and who stands above it.
#[derive(Debug, Clone)]
pub(crate) struct Lineage {
    pub tenant: Tenant,
    /// From the root down, without the tenant.
    pub above: Vec<ProviderId>,
}

impl Lineage {
    /// Whether the tenant is `id` or stands anywhere below it.
    pub fn is_at_or_below(&self, id: &ProviderId) -> bool {
        self.tenant.id == *id || self.above.contains(id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vocabulary::Randomness;

    use super::*;

    fn root() -> Tenant {
        Tenant {
            id: ProviderId::operator(),
            parent: None,
            kind: TenantKind::Operator,
            level: 1,
            name: Name::stored("Operator".to_owned()),
            frozen_at: None,
            is_stopped: false,
            created_at: Timestamp::from_micros(0),
        }
    }

    fn below(parent: &Tenant, kind: TenantKind, level: u32) -> Tenant {
        let id = ProviderId::draw(&Randomness::seeded(u64::from(level)));
        Tenant { id, parent: Some(parent.id.clone()), kind, level, ..root() }
    }

    proptest! {
        /// Whatever is tried, on every way down the kinds never go back up, there is one operator, sites have
        /// nobody below them, and no way is longer than the deepest.
        #[test]
        fn every_tree_that_can_grow_is_as_the_trade_works(
            tries in prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize), 1..200),
        ) {
            let mut tree = vec![root()];
            for (parent, kind) in tries {
                let (parent, kind) = (parent.get(&tree).clone(), TenantKind::ALL[kind]);
                let Ok(level) = parent.level_below(kind) else { continue };
                prop_assert!(level == parent.level + 1 && level <= DEEPEST);
                prop_assert!(kind as u8 > parent.kind as u8
                    || (kind == TenantKind::Reseller && parent.kind == TenantKind::Reseller));
                prop_assert!(kind != TenantKind::Site || parent.kind == TenantKind::Provider);
                tree.push(below(&parent, kind, level));
            }
        }
    }

    #[test]
    fn resellers_nest_until_the_tree_is_deep_enough() {
        let mut lowest = root();
        while let Ok(level) = lowest.level_below(TenantKind::Reseller) {
            lowest = below(&lowest, TenantKind::Reseller, level);
        }
        assert_eq!(lowest.level, DEEPEST);
        assert_eq!(lowest.level_below(TenantKind::Provider), Err(Misplaced::TooDeep));
        assert_eq!(
            lowest.level_below(TenantKind::Site).map_err(|e| e.to_string()),
            Err("a site cannot stand below a reseller".to_owned())
        );
    }

    #[test]
    fn nothing_is_made_below_who_is_stopped() {
        let stopped = Tenant { is_stopped: true, ..root() };
        assert_eq!(stopped.level_below(TenantKind::Provider), Err(Misplaced::Stopped));
    }

    #[test]
    fn every_kind_has_its_word() {
        for kind in TenantKind::ALL {
            assert_eq!(kind.word().parse(), Ok(kind));
        }
        assert_eq!("customer".parse::<TenantKind>(), Err(UnknownKind));
    }
}
