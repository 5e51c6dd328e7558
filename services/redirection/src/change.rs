//! Every change that can be made, each one transaction: whether it may be, what is stored, and what
//! the index is told.

use vocabulary::{MacAddress, ProfileId, ProviderId};

use crate::Redirection;
use crate::assignment::Claim;
use crate::index::Change;
use crate::profile::{Profile, ProfileContent};
use crate::refusal::{DeviceRefused, ProfileRefused};
use crate::store::{self, NewProfile, Put, Replacement};
use crate::writer::Done;

impl Redirection {
    /// Stores a new profile.
    pub(crate) async fn profile_create(
        &self,
        provider: ProviderId,
        content: ProfileContent,
    ) -> Result<Profile, ProfileRefused> {
        let (id, at) = (ProfileId::draw(&self.randomness), self.clock.now());
        let new = NewProfile { id, provider, content, at };
        let work = async move |mut tx| {
            store::provider_must_be_free::<ProfileRefused>(&mut tx, &new.provider).await?;
            let profile = store::profile_create(&mut tx, &new).await?;
            Ok(Done { tx, change: Change::ProfileStored(profile.clone().into()), answer: profile })
        };
        self.writer.write(work).await
    }

    /// Replaces what a profile says.
    pub(crate) async fn profile_replace(&self, new: Replacement) -> Result<Profile, ProfileRefused> {
        let work = async move |mut tx| {
            store::provider_must_be_free::<ProfileRefused>(&mut tx, &new.provider).await?;
            let profile = store::profile_replace(&mut tx, &new).await?;
            Ok(Done { tx, change: Change::ProfileStored(profile.clone().into()), answer: profile })
        };
        self.writer.write(work).await
    }

    /// Deletes a profile that no phone goes to.
    pub(crate) async fn profile_delete(&self, provider: ProviderId, id: ProfileId) -> Result<(), ProfileRefused> {
        let work = async move |mut tx| {
            store::provider_must_be_free::<ProfileRefused>(&mut tx, &provider).await?;
            store::profile_delete(&mut tx, &provider, &id).await?;
            Ok(Done { tx, change: Change::ProfileDeleted(id), answer: () })
        };
        self.writer.write(work).await
    }

    /// Makes a phone the provider's, or changes what is recorded of it.
    pub(crate) async fn device_put(&self, claim: Claim) -> Result<Put, DeviceRefused> {
        let at = self.clock.now();
        let work = async move |mut tx| {
            store::provider_must_be_free::<DeviceRefused>(&mut tx, &claim.provider).await?;
            let put = store::device_put(&mut tx, &claim, at).await?;
            let change = Change::DeviceStored {
                mac: put.assignment.mac,
                profile: put.assignment.profile.clone(),
                serial: put.assignment.description.serial.clone(),
            };
            Ok(Done { tx, change, answer: put })
        };
        self.writer.write(work).await
    }

    /// Makes the provider's phone nobody's.
    pub(crate) async fn device_delete(&self, provider: ProviderId, mac: MacAddress) -> Result<(), DeviceRefused> {
        let work = async move |mut tx| {
            store::provider_must_be_free::<DeviceRefused>(&mut tx, &provider).await?;
            store::device_delete(&mut tx, &provider, mac).await?;
            Ok(Done { tx, change: Change::DeviceDeleted(mac), answer: () })
        };
        self.writer.write(work).await
    }

    /// Stops a provider's redirects and changes.
    pub(crate) async fn provider_freeze(&self, provider: ProviderId) -> Result<(), ProfileRefused> {
        let since = self.clock.now();
        let work = async move |mut tx| {
            store::provider_freeze(&mut tx, &provider, since).await?;
            Ok(Done { tx, change: Change::ProviderFrozen(provider), answer: () })
        };
        self.writer.write(work).await
    }

    /// Restores a provider's redirects and changes.
    pub(crate) async fn provider_thaw(&self, provider: ProviderId) -> Result<(), ProfileRefused> {
        let work = async move |mut tx| {
            store::provider_thaw(&mut tx, &provider).await?;
            Ok(Done { tx, change: Change::ProviderThawed(provider), answer: () })
        };
        self.writer.write(work).await
    }
}
