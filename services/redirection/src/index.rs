//! What a phone's question is answered from: every assignment, in memory.
//!
//! A phone costs eighteen bytes and its place in a table. The table is cut into 256 by the address's
//! last octet, each behind its own lock, so that one that grows holds up few questions, and briefly.
//! What only a few phones have (a key) stands beside it. Locks are taken in the order of the fields.
//! Only what was committed to the database is put in here (`follower.rs`).

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
use profiles::Profiles;
use ranges::Ranges;
use windows::Windows;

pub(crate) use ranges::SentRange;
pub(crate) use windows::OpenWindow;

/// One for each value of an octet.
const SHARDS: usize = 256;

/// A profile as phones get it.
pub(crate) struct ResolvedProfile {
    pub id: ProfileId,
    pub provider: ProviderId,
    pub proof: Proof,
    pub carries_secret: bool,
    /// Ready to be sent.
    pub redirect: Redirect,
}

/// Something that was committed.
pub(crate) enum Change {
    ProfileStored(ResolvedProfile),
    ProfileDeleted(ProfileId),
    /// A phone that is another provider's now has lost its key.
    DeviceStored {
        mac: MacAddress,
        profile: ProfileId,
        serial: Option<SerialNumber>,
    },
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
            Self::DeviceStored { mac, .. }
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
    /// By the address's last octet.
    phones: Box<[RwLock<Phones>]>,
    ranges: RwLock<Ranges>,
    profiles: RwLock<Profiles>,
    keys: RwLock<HashMap<MacAddress, SealKey>>,
    windows: RwLock<Windows>,
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
    serial: SerialHash,
}

const _: () = assert!(size_of::<(MacAddress, Entry)>() == 18, "an entry is not padded");

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
            serial_key: RandomState::new(),
        }
    }

    /// An empty one that remembers serial numbers as this one does.
    pub fn like(&self) -> Self {
        Self { serial_key: self.serial_key.clone(), ..Self::new() }
    }

    /// Takes over all that `fresh`, made by [`Index::like`], has. Questions see either the old or the new.
    pub fn replace(&self, fresh: Self) {
        let Self { phones, ranges, profiles, keys, windows, serial_key: _ } = fresh;
        let mut shards: Vec<_> = self.phones.iter().map(write).collect();
        let (mut old_ranges, mut old_profiles) = (write(&self.ranges), write(&self.profiles));
        let (mut old_keys, mut old_windows) = (write(&self.keys), write(&self.windows));
        for (old, new) in shards.iter_mut().zip(phones) {
            **old = whole(new);
        }
        (*old_ranges, *old_profiles) = (whole(ranges), whole(profiles));
        (*old_keys, *old_windows) = (whole(keys), whole(windows));
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
            Change::DeviceStored { mac, profile, serial } => self.store_device(mac, &profile, serial.as_ref()),
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
        let phones = read(self.shard(mac)?);
        let entry = phones.get(&mac).copied();
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

    fn store_device(&self, mac: MacAddress, profile: &ProfileId, serial: Option<&SerialNumber>) {
        let Some(shard) = self.shard(mac) else { return };
        let serial = serial.map_or(Entry::NO_SERIAL, |serial| self.hash_of(serial));
        let mut phones = write(shard);
        let profiles = read(&self.profiles);
        let before = phones.get(&mac).and_then(|entry| profiles.at(entry.slot()));
        let Some((slot, after)) = profiles.slot_of(profile).and_then(|slot| Some((slot, profiles.at(slot)?))) else {
            // The database lets no phone go to a profile that is not there. Better no answer than a wrong one.
            tracing::error!(device.mac = %mac, profile.id = %profile, "a phone's profile is missing from the index");
            phones.remove(&mac);
            return;
        };
        if before.is_some_and(|before| before.provider != after.provider) {
            write(&self.keys).remove(&mac);
        }
        phones.insert(mac, Entry { slot: slot.to_ne_bytes(), serial });
    }

    fn delete_device(&self, mac: MacAddress) {
        if let Some(shard) = self.shard(mac) {
            let mut phones = write(shard);
            write(&self.keys).remove(&mac);
            phones.remove(&mac);
        }
    }

    fn shard(&self, mac: MacAddress) -> Option<&RwLock<Phones>> {
        let [.., last] = mac.to_u64().to_be_bytes();
        self.phones.get(usize::from(last))
    }

    fn hash_of(&self, serial: &SerialNumber) -> SerialHash {
        match self.serial_key.hash_one(serial.canonical()) {
            0 => 1_u64.to_ne_bytes(),
            hash => hash.to_ne_bytes(),
        }
    }
}

impl Entry {
    const NO_SERIAL: SerialHash = [0; 8];

    const fn slot(self) -> u32 {
        u32::from_ne_bytes(self.slot)
    }
}

/// No change leaves a lock's content half changed, so that one given up by a panic is as good as any.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn whole<T>(lock: RwLock<T>) -> T {
    lock.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
