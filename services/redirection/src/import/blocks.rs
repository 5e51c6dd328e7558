//! Whose blocks cover an address.

use std::cmp::Reverse;

use vocabulary::{MacAddress, ProviderId};

use crate::range::Block;

/// The outermost blocks, in the order of the addresses. Blocks within them are the same provider's.
#[derive(Debug, Default)]
pub(crate) struct OwnedBlocks(Vec<(Block, ProviderId)>);

impl OwnedBlocks {
    /// Of any blocks, in any order.
    pub fn new(mut blocks: Vec<(Block, ProviderId)>) -> Self {
        blocks.sort_by_key(|(block, _)| (block.first(), Reverse(block.last())));
        let mut end = None;
        blocks.retain(|(block, _)| {
            let is_outermost = end.is_none_or(|end| block.first() > end);
            if is_outermost {
                end = Some(block.last());
            }
            is_outermost
        });
        Self(blocks)
    }

    /// Whose block the address is in.
    pub fn owner_of(&self, mac: MacAddress) -> Option<&ProviderId> {
        let behind = self.0.partition_point(|(block, _)| block.first() <= mac.to_u64());
        let (block, owner) = self.0.get(behind.checked_sub(1)?)?;
        block.covers(mac).then_some(owner)
    }
}

#[cfg(test)]
mod tests {
    use vocabulary::Randomness;

    use super::*;

    #[test]
    fn a_block_within_another_hides_nothing_of_it() {
        let randomness = Randomness::seeded(1);
        let (one, other) = (ProviderId::draw(&randomness), ProviderId::draw(&randomness));
        let block = |first, last, owner: &ProviderId| (Block::new(first, last).expect("a block"), owner.clone());
        let blocks = OwnedBlocks::new(vec![
            block(30, 30, &other),
            block(12, 13, &one),
            block(10, 20, &one),
            block(10, 11, &one),
            block(21, 22, &other),
        ]);
        let owner = |number| blocks.owner_of(MacAddress::from_u64(number).expect("a MAC")).cloned();
        for (number, wanted) in [
            (9, None),
            (10, Some(&one)),
            (13, Some(&one)),
            (20, Some(&one)),
            (21, Some(&other)),
            (23, None),
            (30, Some(&other)),
            (31, None),
        ] {
            assert_eq!(owner(number).as_ref(), wanted, "{number}");
        }
        assert_eq!(OwnedBlocks::default().owner_of(MacAddress::from_u64(1).expect("a MAC")), None);
    }
}
