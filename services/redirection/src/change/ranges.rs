//! Changes of blocks of addresses.

use serde_json::{Value, json};
use storage::Tx;
use vocabulary::{ProfileId, ProviderId, RangeId};

use super::{By, Deed};
use crate::Redirection;
use crate::index::Change;
use crate::range::{Block, Range};
use crate::refusal::RangeRefused;
use crate::store;
use crate::writer::Done;

/// A block to be a provider's.
pub(crate) struct NewRange {
    pub provider: ProviderId,
    /// A profile's id or its name.
    pub profile: String,
    pub block: Block,
}

/// Another profile for the phones of a block.
pub(crate) struct RangeChange {
    pub provider: ProviderId,
    pub id: RangeId,
    /// A profile's id or its name.
    pub profile: String,
}

impl Redirection {
    /// Assigns a block to a provider.
    pub(crate) async fn range_create(&self, new: NewRange, by: By) -> Result<Range, RangeRefused> {
        let id = RangeId::draw(&self.randomness);
        let work = async move |mut tx| {
            store::provider_must_be_free::<RangeRefused>(&mut tx, &new.provider).await?;
            let profile = profile_of(&mut tx, &new.provider, &new.profile).await?;
            let range = Range { id, provider: new.provider, profile, block: new.block, created_at: by.at };
            store::range_create(&mut tx, &range).await?;
            by.record(&mut tx, deed("range.create", &range)).await?;
            Ok(Done { tx, changes: vec![Change::RangesStored(vec![range.clone().into()])], answer: range })
        };
        self.writer.write(work).await
    }

    /// Sends the phones of a block to another profile of its provider.
    pub(crate) async fn range_change(&self, change: RangeChange, by: By) -> Result<Range, RangeRefused> {
        let work = async move |mut tx| {
            store::provider_must_be_free::<RangeRefused>(&mut tx, &change.provider).await?;
            let profile = profile_of(&mut tx, &change.provider, &change.profile).await?;
            let range = store::range_change(&mut tx, &change.provider, &change.id, &profile).await?;
            by.record(&mut tx, deed("range.change", &range)).await?;
            Ok(Done { tx, changes: vec![Change::RangesStored(vec![range.clone().into()])], answer: range })
        };
        self.writer.write(work).await
    }

    /// Takes a block from its provider. Phones in it that are registered stay.
    pub(crate) async fn range_delete(&self, provider: ProviderId, id: RangeId, by: By) -> Result<(), RangeRefused> {
        let work = async move |mut tx| {
            store::provider_must_be_free::<RangeRefused>(&mut tx, &provider).await?;
            let block = store::range_delete(&mut tx, &provider, &id).await?;
            let detail = json!({ "block": block.to_string() });
            let (verb, target) = ("range.delete", id.as_str());
            by.record(&mut tx, Deed { concerns: &provider, verb, target, detail }).await?;
            Ok(Done { tx, changes: vec![Change::RangeDeleted(id)], answer: () })
        };
        self.writer.write(work).await
    }
}

async fn profile_of(tx: &mut Tx, provider: &ProviderId, profile: &str) -> Result<ProfileId, RangeRefused> {
    store::profile_named(tx, provider, profile).await?.ok_or(RangeRefused::UnknownProfile)
}

fn deed<'a>(verb: &'static str, range: &'a Range) -> Deed<'a> {
    let detail: Value = json!({ "block": range.block.to_string(), "profile": range.profile.as_str() });
    Deed { concerns: &range.provider, verb, target: range.id.as_str(), detail }
}
