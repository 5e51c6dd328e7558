//! What claims must be proven by, for many addresses.

use std::collections::HashMap;

use vocabulary::MacAddress;

use crate::claim::{ClaimProof, ClaimRule, Prefix};

/// The operator's rules, found by prefix.
#[derive(Debug, Default)]
pub(crate) struct ClaimRules {
    by_prefix: HashMap<(u8, u64), ClaimProof>,
    /// The lengths that there are, the longest first.
    lengths: Vec<u8>,
}

impl ClaimRules {
    /// Of all rules there are.
    pub fn new(rules: Vec<ClaimRule>) -> Self {
        let mut lengths: Vec<u8> = rules.iter().map(|rule| rule.prefix.bits()).collect();
        lengths.sort_unstable_by(|one, other| other.cmp(one));
        lengths.dedup();
        let by_prefix = rules.into_iter().map(|rule| ((rule.prefix.bits(), rule.prefix.first()), rule.proof)).collect();
        Self { by_prefix, lengths }
    }

    /// Whether any address needs more than a wish.
    pub fn ask_for_something(&self) -> bool {
        self.by_prefix.values().any(|proof| *proof != ClaimProof::Open)
    }

    /// The rule of the longest prefix; without any, claims are open.
    pub fn of(&self, mac: MacAddress) -> ClaimProof {
        let rule = |bits: &u8| {
            let prefix = Prefix::parse(mac.to_u64(), u32::from(*bits)).ok()?;
            self.by_prefix.get(&(*bits, prefix.first())).copied()
        };
        self.lengths.iter().find_map(rule).unwrap_or(ClaimProof::Open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_decides() {
        let rule = |prefix, bits, proof| ClaimRule { prefix: Prefix::parse(prefix, bits).expect("a prefix"), proof };
        let rules = ClaimRules::new(vec![
            rule(0, 0, ClaimProof::Serial),
            rule(0x0004_f200_0000, 24, ClaimProof::Manifest),
            rule(0x0004_f2aa_bbcc, 48, ClaimProof::Open),
        ]);
        let of = |mac: &str| rules.of(mac.parse().expect("a MAC"));
        assert_eq!(of("0004f2aabbcc"), ClaimProof::Open);
        assert_eq!(of("0004f2aabbcd"), ClaimProof::Manifest);
        assert_eq!(of("0004f3000000"), ClaimProof::Serial);
        assert!(rules.ask_for_something());
        assert_eq!(ClaimRules::default().of("0004f3000000".parse().expect("a MAC")), ClaimProof::Open);
        assert!(!ClaimRules::new(vec![rule(0, 0, ClaimProof::Open)]).ask_for_something());
    }
}
