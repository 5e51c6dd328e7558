//! The blocks of addresses, cut into stretches so that the narrowest block of an address is found by
//! halving. Of two blocks that share an address one lies within the other (`range.rs`).

use std::cmp::Reverse;
use std::collections::HashMap;

use vocabulary::{MacAddress, ProfileId, RangeId};

use crate::range::{Block, Range};

/// A block and where its phones go.
#[derive(Debug, Clone)]
pub(crate) struct SentRange {
    pub id: RangeId,
    pub block: Block,
    pub profile: ProfileId,
}

#[derive(Default)]
pub(super) struct Ranges {
    by_id: HashMap<RangeId, SentRange>,
    /// In the order of the addresses. There are few blocks, and they change rarely: all stretches are made anew.
    stretches: Vec<Stretch>,
}

/// All addresses from one up to the next stretch.
struct Stretch {
    begins: u64,
    /// Where the phones of the narrowest block go; `None` between blocks.
    profile: Option<ProfileId>,
}

impl From<Range> for SentRange {
    fn from(range: Range) -> Self {
        Self { id: range.id, block: range.block, profile: range.profile }
    }
}

impl Ranges {
    pub fn store(&mut self, ranges: Vec<SentRange>) {
        self.by_id.extend(ranges.into_iter().map(|range| (range.id.clone(), range)));
        self.stretches = stretches(self.by_id.values().collect());
    }

    pub fn delete(&mut self, id: &RangeId) {
        self.by_id.remove(id);
        self.stretches = stretches(self.by_id.values().collect());
    }

    /// Where the narrowest block that covers the address sends its phones.
    pub fn narrowest(&self, mac: MacAddress) -> Option<&ProfileId> {
        let behind = self.stretches.partition_point(|stretch| stretch.begins <= mac.to_u64());
        self.stretches.get(behind.checked_sub(1)?)?.profile.as_ref()
    }
}

/// A stretch begins where a block does, and behind each block's end, where the one around it goes on. Where
/// several begin at one address the last of them counts.
fn stretches(mut ranges: Vec<&SentRange>) -> Vec<Stretch> {
    ranges.sort_by_key(|range| (range.block.first(), Reverse(range.block.last())));
    let mut stretches = Vec::with_capacity(2 * ranges.len());
    let mut around: Vec<&SentRange> = Vec::new();
    for range in ranges {
        end_those_before(Some(range.block.first()), &mut around, &mut stretches);
        stretches.push(Stretch { begins: range.block.first(), profile: Some(range.profile.clone()) });
        around.push(range);
    }
    end_those_before(None, &mut around, &mut stretches);
    stretches
}

/// Ends the innermost of the blocks `around` as long as they lie before `begins`; all of them for `None`.
fn end_those_before(begins: Option<u64>, around: &mut Vec<&SentRange>, stretches: &mut Vec<Stretch>) {
    while let Some(ended) = around.pop_if(|inner| begins.is_none_or(|begins| inner.block.last() < begins)) {
        let profile = around.last().map(|range| range.profile.clone());
        stretches.push(Stretch { begins: ended.block.last() + 1, profile });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vocabulary::Randomness;

    use super::*;

    /// Small numbers, so that blocks touch, nest and share their ends often.
    const SPACE: u64 = 48;

    /// Two blocks that share an address, of which none lies within the other.
    fn cross(one: Block, other: Block) -> bool {
        let (one, other) = (one.first()..=one.last(), other.first()..=other.last());
        let share = one.start() <= other.end() && other.start() <= one.end();
        let within = |inner: &std::ops::RangeInclusive<u64>, outer: &std::ops::RangeInclusive<u64>| {
            outer.contains(inner.start()) && outer.contains(inner.end()) && inner != outer
        };
        share && !within(&one, &other) && !within(&other, &one)
    }

    fn narrowest(ranges: &[SentRange], mac: MacAddress) -> Option<&ProfileId> {
        let covering = ranges.iter().filter(|range| range.block.covers(mac));
        covering.min_by_key(|range| range.block.last() - range.block.first()).map(|range| &range.profile)
    }

    proptest! {
        #[test]
        fn the_narrowest_is_what_a_search_through_all_finds(
            ends in prop::collection::vec((0..SPACE, 0..SPACE), 0..24),
            deleted in any::<u32>(),
        ) {
            let randomness = Randomness::seeded(1);
            let mut kept: Vec<SentRange> = Vec::new();
            let mut ranges = Ranges::default();
            for (one, other) in ends {
                let block = Block::new(one.min(other), one.max(other)).expect("a block");
                if kept.iter().any(|range| cross(range.block, block)) {
                    continue;
                }
                let range = SentRange { id: RangeId::draw(&randomness), block, profile: ProfileId::draw(&randomness) };
                ranges.store(vec![range.clone()]);
                kept.push(range);
            }
            for (place, range) in kept.clone().into_iter().enumerate() {
                if deleted >> place & 1 == 1 {
                    ranges.delete(&range.id);
                    kept.retain(|other| other.id != range.id);
                }
            }
            for number in 1..=SPACE {
                let mac = MacAddress::from_u64(number).expect("a MAC");
                prop_assert_eq!(ranges.narrowest(mac), narrowest(&kept, mac), "{}", number);
            }
        }
    }
}
