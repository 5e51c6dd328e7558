//! The profiles, each in a slot that phones point to, and what is known of their providers.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use vocabulary::{ProfileId, ProviderId};

use super::ResolvedProfile;
use crate::policy::ExpiredCertificates;

#[derive(Default)]
pub(super) struct Profiles {
    /// Entries of phones hold positions in here.
    slots: Vec<Option<Arc<ResolvedProfile>>>,
    slot_of: HashMap<ProfileId, u32>,
    free: Vec<u32>,
    frozen: HashSet<ProviderId>,
    /// The providers that refuse certificates which have expired.
    refusing_expired: HashSet<ProviderId>,
}

impl Profiles {
    pub fn at(&self, slot: u32) -> Option<&Arc<ResolvedProfile>> {
        self.slots.get(usize::try_from(slot).ok()?)?.as_ref()
    }

    pub fn of_id(&self, id: &ProfileId) -> Option<&Arc<ResolvedProfile>> {
        self.at(self.slot_of(id)?)
    }

    pub fn slot_of(&self, id: &ProfileId) -> Option<u32> {
        self.slot_of.get(id).copied()
    }

    pub fn store(&mut self, profile: ResolvedProfile) {
        let slot = match self.slot_of.get(&profile.id) {
            Some(slot) => *slot,
            None => self.take_slot(profile.id.clone()),
        };
        self.put(slot, Some(Arc::new(profile)));
    }

    pub fn delete(&mut self, id: &ProfileId) {
        if let Some(slot) = self.slot_of.remove(id) {
            self.put(slot, None);
            self.free.push(slot);
        }
    }

    pub fn freeze(&mut self, provider: ProviderId) {
        self.frozen.insert(provider);
    }

    pub fn thaw(&mut self, provider: &ProviderId) {
        self.frozen.remove(provider);
    }

    pub fn is_frozen(&self, provider: &ProviderId) -> bool {
        self.frozen.contains(provider)
    }

    pub fn set_policy(&mut self, provider: ProviderId, expired_certificates: ExpiredCertificates) {
        match expired_certificates {
            ExpiredCertificates::Accept => self.refusing_expired.remove(&provider),
            ExpiredCertificates::Refuse => self.refusing_expired.insert(provider),
        };
    }

    pub fn policy_of(&self, provider: &ProviderId) -> ExpiredCertificates {
        if self.refusing_expired.contains(provider) { ExpiredCertificates::Refuse } else { ExpiredCertificates::Accept }
    }

    /// How many slots there are, free ones among them.
    #[cfg(test)]
    pub fn slots(&self) -> usize {
        self.slots.len()
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
