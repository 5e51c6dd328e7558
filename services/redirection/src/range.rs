//! A block of addresses whose phones are a provider's without being registered one by one.
//!
//! Of two blocks that share an address one lies within the other, and both are the same provider's; so
//! for each address there is at most one narrowest block.

use std::fmt;

use vocabulary::{MacAddress, ProfileId, ProviderId, RangeId, Timestamp};

/// The last of all 48-bit addresses.
const LAST: u64 = (1 << 48) - 1;

/// From one address to another, both of them in it. A prefix with a mask is one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Block {
    first: u64,
    last: u64,
}

/// The two numbers are not the ends of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a block goes from its first address to its last; expected two addresses of 48 bits in this order")]
pub(crate) struct InvalidBlock;

/// A block as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range {
    pub id: RangeId,
    pub provider: ProviderId,
    pub profile: ProfileId,
    pub block: Block,
    pub created_at: Timestamp,
}

impl Block {
    /// The block from `first` to `last`.
    pub const fn new(first: u64, last: u64) -> Result<Self, InvalidBlock> {
        if first <= last && last <= LAST { Ok(Self { first, last }) } else { Err(InvalidBlock) }
    }

    /// The first address, as a number.
    pub const fn first(self) -> u64 {
        self.first
    }

    /// The last address, as a number.
    pub const fn last(self) -> u64 {
        self.last
    }

    /// Whether the address is in it.
    pub const fn covers(self, mac: MacAddress) -> bool {
        self.first <= mac.to_u64() && mac.to_u64() <= self.last
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}-{:012x}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_two_ends_in_order() {
        let block = Block::new(0x0004_f200_0000, 0x0004_f2ff_ffff).expect("a block");
        assert_eq!(block.to_string(), "0004f2000000-0004f2ffffff");
        assert_eq!(Block::new(2, 1), Err(InvalidBlock));
        assert_eq!(Block::new(0, LAST + 1), Err(InvalidBlock));
        assert!(Block::new(7, 7).is_ok());
    }
}
