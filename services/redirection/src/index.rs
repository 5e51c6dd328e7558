//! What a phone's question is answered from: every assignment, in memory.
//!
//! A phone costs eighteen bytes and its place in a table (`index/phones.rs`). The table is cut into 4,096 by a hash of the
//! address, each behind its own lock, so that one that grows holds up few questions, and briefly: at a hundred million
//! phones for half a millisecond.
//! What only a few phones have (a key) stands beside it. Locks are taken in the order of the fields.
//! Only what was committed to the database is put in here (`follower.rs`).

mod loading;
mod phones;
mod profiles;
mod ranges;
mod windows;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use contracts::redirection::{Redirect, RefusalReason};
use vocabulary::{MacAddress, ProfileId, ProviderId, RangeId, SerialNumber, Timestamp, WindowId};

use crate::policy::ExpiredCertificates;
use crate::profile::Proof;
use crate::resolve::{Answer, Known, Question, SerialHash};
use crate::seal::SealKey;
use crate::store::{Kind, Subject};
use phones::{Entry, Hash, Phones};
use profiles::Profiles;
use ranges::Ranges;
use windows::Windows;

pub(crate) use ranges::SentRange;
pub(crate) use windows::OpenWindow;

/// One for each value of a hash's last twelve bits.
const SHARDS: usize = 1 << 12;

/// A profile as phones get it.
pub(crate) struct ResolvedProfile {
    pub id: ProfileId,
    pub provider: ProviderId,
    pub proof: Proof,
    pub carries_secret: bool,
    /// Ready to be sent.
    pub redirect: Redirect,
}

/// A phone as it was stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredPhone {
    pub mac: MacAddress,
    pub profile: ProfileId,
    pub serial: Option<SerialNumber>,
}

/// Something that was committed.
pub(crate) enum Change {
    ProfileStored(ResolvedProfile),
    ProfileDeleted(ProfileId),
    /// A phone that is another provider's now has lost its key.
    DeviceStored(StoredPhone),
    /// The same of some hundred.
    DevicesStored(Vec<StoredPhone>),
    /// And its key with it.
    DeviceDeleted(MacAddress),
    DeviceKeySet {
        mac: MacAddress,
        key: SealKey,
    },
    DeviceKeyDeleted(MacAddress),
    ProviderFrozen(ProviderId),
    ProviderThawed(ProviderId),
    PolicySet {
        provider: ProviderId,
        expired_certificates: ExpiredCertificates,
    },
    /// Blocks that are new or go to another profile.
    RangesStored(Vec<SentRange>),
    RangeDeleted(RangeId),
    WindowOpened(OpenWindow),
    WindowClosed(WindowId),
}

impl Change {
    /// What other processes are to read again.
    pub fn subjects(&self) -> Vec<Subject> {
        match self {
            Self::ProfileStored(profile) => vec![(Kind::Profile, profile.id.to_string())],
            Self::ProfileDeleted(id) => vec![(Kind::Profile, id.to_string())],
            Self::DevicesStored(phones) => vec![crate::store::phones(phones.iter().map(|phone| phone.mac))],
            Self::DeviceStored(StoredPhone { mac, .. })
            | Self::DeviceDeleted(mac)
            | Self::DeviceKeySet { mac, .. }
            | Self::DeviceKeyDeleted(mac) => vec![(Kind::Device, mac.to_string())],
            Self::ProviderFrozen(provider) | Self::ProviderThawed(provider) => {
                vec![(Kind::Frozen, provider.to_string())]
            }
            Self::PolicySet { provider, .. } => vec![(Kind::Policy, provider.to_string())],
            Self::RangesStored(ranges) => ranges.iter().map(|range| (Kind::Range, range.id.to_string())).collect(),
            Self::RangeDeleted(id) => vec![(Kind::Range, id.to_string())],
            Self::WindowOpened(window) => vec![(Kind::Window, window.id.to_string())],
            Self::WindowClosed(id) => vec![(Kind::Window, id.to_string())],
        }
    }
}

/// The index. Questions run side by side; changes must come one after the other, in the order in
/// which they were committed.
pub(crate) struct Index {
    /// By the hash of the address.
    phones: Box<[RwLock<Phones>]>,
    ranges: RwLock<Ranges>,
    profiles: RwLock<Profiles>,
    keys: RwLock<HashMap<MacAddress, SealKey>>,
    windows: RwLock<Windows>,
    /// The key of this process under which phones are placed and serial numbers remembered, so that nobody can choose
    /// addresses that are all put in one place.
    key: RandomState,
}

/// A phone that is somebody's.
struct Found {
    profile: Arc<ResolvedProfile>,
    known: Known,
    key: Option<SealKey>,
}

impl Index {
    pub fn new() -> Self {
        Self {
            phones: (0..SHARDS).map(|_| RwLock::default()).collect(),
            ranges: RwLock::default(),
            profiles: RwLock::default(),
            keys: RwLock::default(),
            windows: RwLock::default(),
            key: RandomState::new(),
        }
    }

    /// An empty one with the key of this one.
    pub fn like(&self) -> Self {
        Self { key: self.key.clone(), ..Self::new() }
    }

    /// Exchanges all that the two have, of which one was made by [`Index::like`]. Questions see either the old or the
    /// new.
    pub fn exchange(&self, fresh: &mut Self) {
        let Self { phones, ranges, profiles, keys, windows, key: _ } = fresh;
        let mut shards: Vec<_> = self.phones.iter().map(write).collect();
        let (mut old_ranges, mut old_profiles) = (write(&self.ranges), write(&self.profiles));
        let (mut old_keys, mut old_windows) = (write(&self.keys), write(&self.windows));
        for (old, new) in shards.iter_mut().zip(phones) {
            std::mem::swap(&mut **old, whole(new));
        }
        std::mem::swap(&mut *old_ranges, whole(ranges));
        std::mem::swap(&mut *old_profiles, whole(profiles));
        std::mem::swap(&mut *old_keys, whole(keys));
        std::mem::swap(&mut *old_windows, whole(windows));
    }

    /// The answer to a phone's question, by the seven steps of `resolve.rs`.
    pub fn answer(&self, question: &Question<'_>, now: Timestamp) -> Answer {
        let Some(Found { profile, known, key }) = self.find(question.mac) else {
            let may_claim = self.may_claim(question, now);
            return Answer::Refused { reason: RefusalReason::NoProvider, provider: None, may_claim };
        };
        if let Err(reason) = known.refusal(question, |serial| self.hash_of(serial)) {
            return Answer::Refused { reason, provider: Some(profile.provider.clone()), may_claim: false };
        }
        let by_expired_certificate = question.certificate.is_some_and(|certificate| certificate.has_expired);
        Answer::Redirect { profile, seal: key, by_expired_certificate }
    }

    /// The profile of that id, whosever it is.
    pub fn profile(&self, id: &ProfileId) -> Option<Arc<ResolvedProfile>> {
        read(&self.profiles).of_id(id).map(Arc::clone)
    }

    /// Takes in what was committed.
    pub fn apply(&self, change: Change) {
        match change {
            Change::ProfileStored(profile) => write(&self.profiles).store(profile),
            Change::ProfileDeleted(id) => write(&self.profiles).delete(&id),
            Change::DeviceStored(phone) => self.store_device(&phone),
            Change::DevicesStored(phones) => phones.iter().for_each(|phone| self.store_device(phone)),
            Change::DeviceDeleted(mac) => self.delete_device(mac),
            Change::DeviceKeySet { mac, key } => {
                write(&self.keys).insert(mac, key);
            }
            Change::DeviceKeyDeleted(mac) => {
                write(&self.keys).remove(&mac);
            }
            Change::ProviderFrozen(provider) => write(&self.profiles).freeze(provider),
            Change::ProviderThawed(provider) => write(&self.profiles).thaw(&provider),
            Change::PolicySet { provider, expired_certificates } => {
                write(&self.profiles).set_policy(provider, expired_certificates);
            }
            Change::RangesStored(ranges) => write(&self.ranges).store(ranges),
            Change::RangeDeleted(id) => write(&self.ranges).delete(&id),
            Change::WindowOpened(window) => write(&self.windows).open(window),
            Change::WindowClosed(id) => write(&self.windows).close(&id),
        }
    }

    /// How many phones are registered.
    pub fn phones(&self) -> usize {
        self.phones.iter().map(|shard| read(shard).len()).sum()
    }

    /// Whether the provider is frozen.
    #[cfg(test)]
    pub fn is_frozen(&self, provider: &ProviderId) -> bool {
        read(&self.profiles).is_frozen(provider)
    }

    /// Keeps changes of profiles and providers waiting until the guard is dropped.
    #[cfg(test)]
    pub fn hold(&self) -> impl Drop {
        read(&self.profiles)
    }

    fn find(&self, mac: MacAddress) -> Option<Found> {
        // The shard and the blocks stay locked until the profile is found: a slot is given to another profile
        // only after every phone and block has left it, so that what is pointed to is still its own.
        let hash = self.hash(mac.to_u64());
        let phones = read(self.shard(hash)?);
        let entry = phones.get(mac, hash).copied();
        let ranges = read(&self.ranges);
        let profiles = read(&self.profiles);
        let profile = match entry {
            Some(entry) => profiles.at(entry.slot())?,
            None => profiles.of_id(ranges.narrowest(mac)?)?,
        };
        let key = entry.and_then(|_| read(&self.keys).get(&mac).cloned());
        let known = Known {
            proof: profile.proof,
            serial: entry.map(|entry| entry.serial).filter(|serial| *serial != Entry::NO_SERIAL),
            expired_certificates: profiles.policy_of(&profile.provider),
            is_frozen: profiles.is_frozen(&profile.provider),
            has_key: key.is_some(),
        };
        Some(Found { profile: Arc::clone(profile), known, key })
    }

    /// Whether a window waits for this phone, which nobody owns, and its certificate opens it.
    fn may_claim(&self, question: &Question<'_>, now: Timestamp) -> bool {
        let Some(certificate) = question.certificate.filter(|certificate| certificate.is_of(question.mac)) else {
            return false;
        };
        let profiles = read(&self.profiles);
        let takes = |provider: &ProviderId| {
            let is_too_old = certificate.has_expired && profiles.policy_of(provider) == ExpiredCertificates::Refuse;
            !profiles.is_frozen(provider) && !is_too_old
        };
        read(&self.windows).waiting_for(question.mac, now).any(takes)
    }

    fn store_device(&self, phone: &StoredPhone) {
        let StoredPhone { mac, profile, serial } = phone;
        let hash = self.hash(mac.to_u64());
        let Some(shard) = self.shard(hash) else { return };
        let serial = serial.as_ref().map_or(Entry::NO_SERIAL, |serial| self.hash_of(serial));
        let mut phones = write(shard);
        let profiles = read(&self.profiles);
        let before = phones.get(*mac, hash).and_then(|entry| profiles.at(entry.slot()));
        let Some((slot, after)) = profiles.slot_of(profile).and_then(|slot| Some((slot, profiles.at(slot)?))) else {
            missing(*mac, profile);
            phones.remove(*mac, |mac| self.hash(mac));
            return;
        };
        if before.is_some_and(|before| before.provider != after.provider) {
            write(&self.keys).remove(mac);
        }
        phones.insert(*mac, Entry::new(*mac, slot, serial), |mac| self.hash(mac));
    }

    fn delete_device(&self, mac: MacAddress) {
        if let Some(shard) = self.shard(self.hash(mac.to_u64())) {
            let mut phones = write(shard);
            write(&self.keys).remove(&mac);
            phones.remove(mac, |mac| self.hash(mac));
        }
    }

    /// Of an address, as [`MacAddress::to_u64`] has it.
    fn hash(&self, mac: u64) -> Hash {
        self.key.hash_one(mac)
    }

    fn shard(&self, hash: Hash) -> Option<&RwLock<Phones>> {
        self.phones.get(usize::try_from(hash).ok()? % SHARDS)
    }

    fn hash_of(&self, serial: &SerialNumber) -> SerialHash {
        self.hash_of_canonical(&serial.canonical())
    }

    fn hash_of_canonical(&self, serial: &str) -> SerialHash {
        match self.key.hash_one(serial) {
            0 => 1_u64.to_ne_bytes(),
            hash => hash.to_ne_bytes(),
        }
    }
}

/// The database lets no phone go to a profile that is not there. Better no answer than a wrong one.
fn missing(mac: MacAddress, profile: &ProfileId) {
    tracing::error!(device.mac = %mac, profile.id = %profile, "a phone's profile is missing from the index");
}

/// No change leaves a lock's content half changed, so that one given up by a panic is as good as any.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn whole<T>(lock: &mut RwLock<T>) -> &mut T {
    lock.get_mut().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
