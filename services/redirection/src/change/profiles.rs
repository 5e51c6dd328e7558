//! Changes of profiles.

use serde_json::{Value, json};
use vocabulary::{ProfileId, ProviderId};

use super::{By, Deed};
use crate::Redirection;
use crate::index::Change;
use crate::profile::{Parameter, Profile, ProfileContent};
use crate::refusal::ProfileRefused;
use crate::store::{self, NewProfile, Replacement};
use crate::writer::Done;

impl Redirection {
    /// Stores a new profile.
    pub(crate) async fn profile_create(
        &self,
        provider: ProviderId,
        content: ProfileContent,
        by: By,
    ) -> Result<Profile, ProfileRefused> {
        let vault = self.vault.clone();
        let new = NewProfile { id: ProfileId::draw(&self.randomness), provider, content, at: by.at };
        let work = async move |mut tx| {
            store::provider_must_be_free::<ProfileRefused>(&mut tx, &new.provider).await?;
            let profile = store::profile_create(&mut tx, &vault, &new).await?;
            by.record(&mut tx, deed("profile.create", &profile)).await?;
            Ok(Done { tx, changes: vec![Change::ProfileStored(profile.clone().into())], answer: profile })
        };
        self.writer.write(work).await
    }

    /// Replaces what a profile says.
    pub(crate) async fn profile_replace(&self, new: Replacement, by: By) -> Result<Profile, ProfileRefused> {
        let vault = self.vault.clone();
        let work = async move |mut tx| {
            store::provider_must_be_free::<ProfileRefused>(&mut tx, &new.provider).await?;
            let profile = store::profile_replace(&mut tx, &vault, &new).await?;
            by.record(&mut tx, deed("profile.replace", &profile)).await?;
            Ok(Done { tx, changes: vec![Change::ProfileStored(profile.clone().into())], answer: profile })
        };
        self.writer.write(work).await
    }

    /// Deletes a profile that no phone goes to.
    pub(crate) async fn profile_delete(
        &self,
        provider: ProviderId,
        id: ProfileId,
        by: By,
    ) -> Result<(), ProfileRefused> {
        let work = async move |mut tx| {
            store::provider_must_be_free::<ProfileRefused>(&mut tx, &provider).await?;
            store::profile_delete(&mut tx, &provider, &id).await?;
            let (verb, target, detail) = ("profile.delete", id.as_str(), Value::Null);
            by.record(&mut tx, Deed { concerns: &provider, verb, target, detail }).await?;
            Ok(Done { tx, changes: vec![Change::ProfileDeleted(id)], answer: () })
        };
        self.writer.write(work).await
    }
}

/// What the audit log keeps of a profile: which parameters it has, and none of their values.
fn deed<'a>(verb: &'static str, profile: &'a Profile) -> Deed<'a> {
    let parameters: Vec<&str> = profile.content.parameters.iter().map(Parameter::name).collect();
    let detail = json!({
        "name": profile.content.name.as_str(),
        "version": profile.version,
        "proof": profile.content.proof.word(),
        "parameters": parameters,
    });
    Deed { concerns: &profile.provider, verb, target: profile.id.as_str(), detail }
}
