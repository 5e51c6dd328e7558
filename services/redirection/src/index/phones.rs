//! A part of the registered phones: a table in which each is found near the place that its hash names.
//!
//! Open addressing with linear probing. The standard library's table doubles, so that a phone takes from 22 to 43 bytes
//! in it, as chance will have it; this one grows by a quarter, and a phone takes from 23 to 28. What is deleted leaves
//! no mark: those behind it move up.

use vocabulary::MacAddress;

use crate::resolve::SerialHash;

/// What is remembered of a phone. Bytes, because numbers would be padded to twenty-four.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// All zero, which no phone has, where the place is free.
    mac: [u8; 6],
    /// The profile's slot, a `u32`.
    slot: [u8; 4],
    /// A keyed hash of the registered serial number, a `u64`; 0 where none is registered.
    pub serial: SerialHash,
}

const _: () = assert!(size_of::<Entry>() == 18, "an entry is not padded");

/// The hash of a phone's address; all its bits are as good as random.
pub(super) type Hash = u64;

/// Of so many places four are taken at most: then one is looked for at three places on average, one that is not there
/// at thirteen, all of them side by side.
const FULL: (usize, usize) = (5, 4);
/// The fewest places there are, where there is any phone.
const FEWEST: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Phones {
    places: Box<[Entry]>,
    taken: usize,
}

impl Entry {
    pub const NO_SERIAL: SerialHash = [0; 8];
    const FREE: Self = Self { mac: [0; 6], slot: [0; 4], serial: Self::NO_SERIAL };

    pub const fn new(mac: MacAddress, slot: u32, serial: SerialHash) -> Self {
        let [_, _, octets @ ..] = mac.to_u64().to_be_bytes();
        Self { mac: octets, slot: slot.to_ne_bytes(), serial }
    }

    pub const fn slot(&self) -> u32 {
        u32::from_ne_bytes(self.slot)
    }

    fn is_free(&self) -> bool {
        self.mac == Self::FREE.mac
    }

    /// As [`MacAddress::to_u64`] has it.
    fn mac(&self) -> u64 {
        self.mac.iter().fold(0, |bits, octet| bits << 8 | u64::from(*octet))
    }
}

impl Phones {
    pub const fn len(&self) -> usize {
        self.taken
    }

    /// Makes room for so many phones.
    pub fn reserve(&mut self, phones: usize, hash: impl Fn(u64) -> Hash) {
        let (of, taken) = FULL;
        let places = phones.div_ceil(taken) * of;
        if places > self.places.len() {
            self.resize(places.max(FEWEST), hash);
        }
    }

    pub fn get(&self, mac: MacAddress, hash: Hash) -> Option<&Entry> {
        let found = self.places.get(self.look_for(mac, hash)?)?;
        (!found.is_free()).then_some(found)
    }

    /// Puts the phone in, in place of what was known of it. `hash` is that of any address.
    pub fn insert(&mut self, mac: MacAddress, entry: Entry, hash: impl Fn(u64) -> Hash) {
        let (of, taken) = FULL;
        if (self.taken + 1) * of > self.places.len() * taken {
            self.resize((self.places.len() + self.places.len() / taken).max(FEWEST), &hash);
        }
        let place = self.look_for(mac, hash(mac.to_u64())).and_then(|place| self.places.get_mut(place));
        if let Some(place) = place {
            self.taken += usize::from(place.is_free());
            *place = entry;
        }
    }

    /// Takes the phone out, and closes the gap: those behind it that are not where their hash names move up.
    pub fn remove(&mut self, mac: MacAddress, hash: impl Fn(u64) -> Hash) {
        let Some(mut gap) = self.look_for(mac, hash(mac.to_u64())) else { return };
        if self.places.get(gap).is_none_or(Entry::is_free) {
            return;
        }
        self.taken -= 1;
        let places = self.places.len();
        let mut next = gap;
        loop {
            next = (next + 1) % places;
            let Some(entry) = self.places.get(next).filter(|entry| !entry.is_free()).copied() else { break };
            let behind = |home: usize| (next + places - home) % places;
            if behind(self.home(hash(entry.mac()))) >= behind(gap) {
                self.set(gap, entry);
                gap = next;
            }
        }
        self.set(gap, Entry::FREE);
    }

    /// Where the phone is, or would be put; `None` where there are no places.
    fn look_for(&self, mac: MacAddress, hash: Hash) -> Option<usize> {
        let wanted = Entry::new(mac, 0, Entry::NO_SERIAL).mac;
        let home = self.home(hash);
        let (before, behind) = self.places.split_at_checked(home)?;
        let is_it = |entry: &Entry| entry.mac == wanted || entry.is_free();
        match behind.iter().position(is_it) {
            Some(place) => Some(home + place),
            None => before.iter().position(is_it),
        }
    }

    /// The place that a hash names: its upper bits, because the lower ones name the part (`index.rs`).
    fn home(&self, hash: Hash) -> usize {
        let places = u64::try_from(self.places.len()).unwrap_or(u64::MAX);
        usize::try_from((u128::from(hash) * u128::from(places)) >> u64::BITS).unwrap_or_default()
    }

    fn set(&mut self, place: usize, entry: Entry) {
        if let Some(place) = self.places.get_mut(place) {
            *place = entry;
        }
    }

    fn resize(&mut self, places: usize, hash: impl Fn(u64) -> Hash) {
        let before = std::mem::replace(&mut self.places, vec![Entry::FREE; places].into_boxed_slice());
        for entry in before.into_iter().filter(|entry| !entry.is_free()) {
            let Ok(mac) = MacAddress::from_u64(entry.mac()) else { continue };
            if let Some(place) = self.look_for(mac, hash(entry.mac())) {
                self.set(place, entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn mac(number: u64) -> MacAddress {
        MacAddress::from_u64(number + 1).expect("a MAC")
    }

    /// Many phones share a hash, and some are sent to the last places.
    fn bad_hash(mac: u64) -> Hash {
        [0, 1 << 62, u64::MAX, u64::MAX - (1 << 60)][usize::try_from(mac % 4).expect("small")]
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert(u64, u32),
        Remove(u64),
        Reserve(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (0..40u64, any::<u32>()).prop_map(|(number, slot)| Step::Insert(number, slot)),
            4 => (0..40u64).prop_map(Step::Remove),
            1 => (0..60usize).prop_map(Step::Reserve),
        ];
        prop::collection::vec(step, 0..120)
    }

    proptest! {
        #[test]
        fn it_has_what_a_map_has(steps in steps()) {
            let (mut phones, mut map) = (Phones::default(), HashMap::new());
            for step in steps {
                match step {
                    Step::Insert(number, slot) => {
                        let entry = Entry::new(mac(number), slot, slot.to_ne_bytes().repeat(2).try_into().expect("8"));
                        phones.insert(mac(number), entry, bad_hash);
                        map.insert(number, entry);
                    }
                    Step::Remove(number) => {
                        phones.remove(mac(number), bad_hash);
                        map.remove(&number);
                    }
                    Step::Reserve(count) => phones.reserve(count, bad_hash),
                }
                prop_assert_eq!(phones.len(), map.len());
                for number in 0..40 {
                    let found = phones.get(mac(number), bad_hash(number + 1));
                    prop_assert_eq!(found, map.get(&number), "{}", number);
                }
            }
        }
    }

    #[test]
    fn a_phone_takes_at_most_29_bytes_once_there_are_some() {
        let hash = |mac: u64| mac.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut phones = Phones::default();
        for number in 0..20_000 {
            phones.insert(mac(number), Entry::new(mac(number), 7, Entry::NO_SERIAL), hash);
            let bytes = phones.places.len() * size_of::<Entry>();
            assert!(phones.len() < 100 || bytes <= 29 * phones.len(), "{bytes} bytes for {}", phones.len());
        }
        assert!((0..20_000).all(|number| phones.get(mac(number), hash(number + 1)).is_some_and(|it| it.slot() == 7)));
        let mut reserved = Phones::default();
        reserved.reserve(1_000, hash);
        assert_eq!(reserved.places.len(), 1_250);
    }
}
