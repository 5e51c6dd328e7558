//! Fills an empty index with all phones there are, which are millions.

use vocabulary::{MacAddress, ProfileId};

use super::phones::Entry;
use super::{Index, SHARDS, missing, read, write};

/// Puts phones in one after the other. Their profiles are there.
pub(crate) struct Loading<'a> {
    index: &'a Index,
    /// The profile that the last one goes to, and its slot: neighbours often go to the same.
    last: Option<(ProfileId, u32)>,
}

impl Index {
    /// Makes room for so many phones, so that no table grows while they come.
    pub fn reserve(&self, phones: usize) {
        // Chance puts a few more into some parts than into others.
        let each = phones / SHARDS;
        let each = each + 4 * each.isqrt();
        self.phones.iter().for_each(|shard| write(shard).reserve(each, |mac| self.hash(mac)));
    }

    /// Begins to put phones in.
    pub const fn loading(&self) -> Loading<'_> {
        Loading { index: self, last: None }
    }
}

impl Loading<'_> {
    /// Puts a phone in; `serial` is empty where none is registered.
    pub fn store(&mut self, mac: MacAddress, profile: &ProfileId, serial: &str) {
        let slot = match &self.last {
            Some((last, slot)) if last == profile => Some(*slot),
            Some(_) | None => read(&self.index.profiles).slot_of(profile),
        };
        let Some(slot) = slot else { return missing(mac, profile) };
        if self.last.as_ref().is_none_or(|(last, _)| last != profile) {
            self.last = Some((profile.clone(), slot));
        }
        let serial = match serial {
            "" => Entry::NO_SERIAL,
            serial => self.index.hash_of_canonical(&serial.to_ascii_uppercase()),
        };
        let index = self.index;
        if let Some(shard) = index.shard(index.hash(mac.to_u64())) {
            write(shard).insert(mac, Entry::new(mac, slot, serial), |mac| index.hash(mac));
        }
    }
}
