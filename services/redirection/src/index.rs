//! What a phone's question is answered from: every assignment, in memory.
//!
//! A phone costs eighteen bytes and its place in a table. The table is cut into 256 by the address's
//! last octet, each behind its own lock, so that one that grows holds up few questions, and briefly.
//! Only what was committed to the database is put in here (`writer.rs`).

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use contracts::redirection::Redirect;
use vocabulary::{MacAddress, ProfileId, ProviderId, SerialNumber};

/// One for each value of an octet.
const SHARDS: usize = 256;

/// A profile as phones get it.
pub(crate) struct ResolvedProfile {
    pub id: ProfileId,
    pub provider: ProviderId,
    /// Ready to be sent.
    pub redirect: Redirect,
}

/// What a phone's question is answered with.
pub(crate) enum Answer {
    Redirect(Arc<ResolvedProfile>),
    NoProvider,
    ProviderFrozen(ProviderId),
    WrongSerial(ProviderId),
}

/// Something that was committed.
pub(crate) enum Change {
    ProfileStored(ResolvedProfile),
    ProfileDeleted(ProfileId),
    DeviceStored { mac: MacAddress, profile: ProfileId, serial: Option<SerialNumber> },
    DeviceDeleted(MacAddress),
    ProviderFrozen(ProviderId),
    ProviderThawed(ProviderId),
}

/// The index. Questions run side by side; changes must come one after the other, in the order in
/// which they were committed.
pub(crate) struct Index {
    /// By the address's last octet.
    phones: Box<[RwLock<Phones>]>,
    profiles: RwLock<Profiles>,
    /// The key of this process under which serial numbers are remembered.
    serial_key: RandomState,
}

type Phones = HashMap<MacAddress, Entry>;

/// What is remembered of a phone. Bytes, because numbers would be padded to twenty-four.
#[derive(Clone, Copy)]
struct Entry {
    /// The profile's slot, a `u32`.
    slot: [u8; 4],
    /// A keyed hash of the registered serial number, a `u64`; 0 where none is registered.
    serial: [u8; 8],
}

const _: () = assert!(size_of::<(MacAddress, Entry)>() == 18, "an entry is not padded");

#[derive(Default)]
struct Profiles {
    /// Entries of phones hold positions in here.
    slots: Vec<Option<Arc<ResolvedProfile>>>,
    slot_of: HashMap<ProfileId, u32>,
    free: Vec<u32>,
    frozen: HashSet<ProviderId>,
}

impl Index {
    pub fn new() -> Self {
        Self {
            phones: (0..SHARDS).map(|_| RwLock::default()).collect(),
            profiles: RwLock::default(),
            serial_key: RandomState::new(),
        }
    }

    /// The answer to the phone `mac`, which says that `serial` is its serial number, or nothing.
    pub fn answer(&self, mac: MacAddress, serial: &str) -> Answer {
        let Some((entry, profile, is_frozen)) = self.find(mac) else {
            return Answer::NoProvider;
        };
        if is_frozen {
            return Answer::ProviderFrozen(profile.provider.clone());
        }
        let is_registered = entry.serial != Entry::NO_SERIAL;
        if is_registered && !serial.is_empty() && self.hash_of_said(serial) != Some(entry.serial) {
            return Answer::WrongSerial(profile.provider.clone());
        }
        Answer::Redirect(profile)
    }

    /// The profile of that id, whosever it is.
    pub fn profile(&self, id: &ProfileId) -> Option<Arc<ResolvedProfile>> {
        let profiles = read(&self.profiles);
        profiles.slot_of.get(id).and_then(|slot| profiles.get(*slot)).map(Arc::clone)
    }

    /// Takes in what was committed.
    pub fn apply(&self, change: Change) {
        match change {
            Change::ProfileStored(profile) => write(&self.profiles).store(profile),
            Change::ProfileDeleted(id) => write(&self.profiles).delete(&id),
            Change::DeviceStored { mac, profile, serial } => self.store_device(mac, &profile, serial.as_ref()),
            Change::DeviceDeleted(mac) => self.delete_device(mac),
            Change::ProviderFrozen(provider) => {
                write(&self.profiles).frozen.insert(provider);
            }
            Change::ProviderThawed(provider) => {
                write(&self.profiles).frozen.remove(&provider);
            }
        }
    }

    /// How many phones have a provider.
    pub fn phones(&self) -> usize {
        self.phones.iter().map(|shard| read(shard).len()).sum()
    }

    /// Keeps changes of profiles and providers waiting until the guard is dropped.
    #[cfg(test)]
    pub fn hold(&self) -> impl Drop {
        read(&self.profiles)
    }

    fn find(&self, mac: MacAddress) -> Option<(Entry, Arc<ResolvedProfile>, bool)> {
        // The shard stays locked until the profile is found: a slot is given to another profile only
        // after every phone has left it, so that what this entry points to is still its own.
        let phones = read(self.shard(mac)?);
        let entry = *phones.get(&mac)?;
        let profiles = read(&self.profiles);
        let profile = Arc::clone(profiles.get(entry.slot())?);
        let is_frozen = profiles.frozen.contains(&profile.provider);
        Some((entry, profile, is_frozen))
    }

    fn store_device(&self, mac: MacAddress, profile: &ProfileId, serial: Option<&SerialNumber>) {
        let Some(slot) = read(&self.profiles).slot_of.get(profile).copied() else {
            // The database lets no phone go to a profile that is not there. Better no answer than a wrong one.
            tracing::error!(device.mac = %mac, profile.id = %profile, "a phone's profile is missing from the index");
            return self.delete_device(mac);
        };
        let serial = serial.map_or(Entry::NO_SERIAL, |serial| self.hash_of(serial));
        if let Some(shard) = self.shard(mac) {
            write(shard).insert(mac, Entry { slot: slot.to_ne_bytes(), serial });
        }
    }

    fn delete_device(&self, mac: MacAddress) {
        if let Some(shard) = self.shard(mac) {
            write(shard).remove(&mac);
        }
    }

    fn shard(&self, mac: MacAddress) -> Option<&RwLock<Phones>> {
        let [.., last] = mac.to_u64().to_be_bytes();
        self.phones.get(usize::from(last))
    }

    /// `None` where what the phone says cannot be a serial number.
    fn hash_of_said(&self, serial: &str) -> Option<[u8; 8]> {
        serial.parse().ok().map(|serial| self.hash_of(&serial))
    }

    fn hash_of(&self, serial: &SerialNumber) -> [u8; 8] {
        match self.serial_key.hash_one(serial.canonical()) {
            0 => 1_u64.to_ne_bytes(),
            hash => hash.to_ne_bytes(),
        }
    }
}

impl Entry {
    const NO_SERIAL: [u8; 8] = [0; 8];

    const fn slot(self) -> u32 {
        u32::from_ne_bytes(self.slot)
    }
}

impl Profiles {
    fn get(&self, slot: u32) -> Option<&Arc<ResolvedProfile>> {
        self.slots.get(usize::try_from(slot).ok()?)?.as_ref()
    }

    fn store(&mut self, profile: ResolvedProfile) {
        let slot = match self.slot_of.get(&profile.id) {
            Some(slot) => *slot,
            None => self.take_slot(profile.id.clone()),
        };
        self.put(slot, Some(Arc::new(profile)));
    }

    fn delete(&mut self, id: &ProfileId) {
        if let Some(slot) = self.slot_of.remove(id) {
            self.put(slot, None);
            self.free.push(slot);
        }
    }

    fn take_slot(&mut self, id: ProfileId) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            // Four thousand million profiles do not fit into memory.
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        self.slot_of.insert(id, slot);
        slot
    }

    fn put(&mut self, slot: u32, profile: Option<Arc<ResolvedProfile>>) {
        let place = usize::try_from(slot).ok().and_then(|slot| self.slots.get_mut(slot));
        if let Some(place) = place {
            *place = profile;
        }
    }
}

/// No change leaves a lock's content half changed, so that one given up by a panic is as good as any.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
