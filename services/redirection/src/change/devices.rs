//! Changes of one phone: claimed, described, given up.

use serde_json::json;
use storage::Tx;
use vocabulary::{MacAddress, ProfileId, ProviderId};

use super::succession::{GivenUp, pass_on};
use super::{By, Deed};
use crate::Redirection;
use crate::assignment::{Assignment, Claim};
use crate::claim::Evidence;
use crate::index::{Change, StoredPhone};
use crate::ownership::{Began, Ended};
use crate::refusal::{DeviceRefused, OnHold};
use crate::store::{self, Beginning, Macs, News, Overtaking, Put};
use crate::transfer::Decider;
use crate::writer::Done;

/// Why a request is over: the phone was nobody's, and somebody has claimed it.
pub(super) const CLAIMED: &str = "the phone was claimed by another provider";

impl Redirection {
    /// Makes a phone the provider's, or changes what is recorded of it.
    pub(crate) async fn device_put(&self, claim: Claim, by: By) -> Result<Put, DeviceRefused> {
        let work = async move |mut tx| {
            store::provider_must_be_free::<DeviceRefused>(&mut tx, &claim.provider).await?;
            let before = store::device_find(tx.connection(), &claim.provider, claim.mac).await?;
            if before.is_none() {
                begin(&mut tx, &claim, &by).await?;
            }
            let put = store::device_put(&mut tx, &claim, before, by.at).await?;
            let changes = match put.news {
                News::AsBefore => Vec::new(),
                News::Changed => {
                    let detail = json!({
                        "profile": put.assignment.profile.as_str(),
                        "before": put.before.as_ref().map(ProfileId::as_str),
                    });
                    let target = put.assignment.mac.to_string();
                    let deed = Deed { concerns: &claim.provider, verb: "device.put", target: &target, detail };
                    by.record(&mut tx, deed).await?;
                    vec![stored(&put.assignment)]
                }
            };
            Ok(Done { tx, changes, answer: put })
        };
        self.writer.write(work).await
    }

    /// The provider gives its phone up. Answers who has it now.
    pub(crate) async fn device_delete(
        &self,
        provider: ProviderId,
        mac: MacAddress,
        by: By,
    ) -> Result<Option<(ProviderId, ProfileId)>, DeviceRefused> {
        let work = async move |mut tx| {
            store::provider_must_be_free::<DeviceRefused>(&mut tx, &provider).await?;
            let found = store::device_find(tx.connection(), &provider, mac).await?.ok_or(DeviceRefused::Unknown)?;
            if found.is_held {
                return Err(OnHold.into());
            }
            store::device_delete(&mut tx, &provider, mac).await?;
            let detail = json!({ "profile": found.profile.as_str() });
            let target = mac.to_string();
            by.record(&mut tx, Deed { concerns: &provider, verb: "device.release", target: &target, detail }).await?;
            let given_up = GivenUp { mac, ended: Ended::Released, decider: Decider::Owner };
            let heir = pass_on(&mut tx, &given_up, &by).await?;
            let mut changes = vec![Change::DeviceDeleted(mac)];
            changes.extend(heir.as_ref().map(stored));
            let now_of = if let Some(heir) = heir {
                Some((heir.provider, heir.profile))
            } else {
                let range = store::range_covering(tx.connection(), mac).await?;
                range.map(|range| (range.provider, range.profile))
            };
            Ok(Done { tx, changes, answer: now_of })
        };
        self.writer.write(work).await
    }
}

/// What the index is told of a phone that was stored.
pub(super) fn stored(assignment: &Assignment) -> Change {
    Change::DeviceStored(StoredPhone {
        mac: assignment.mac,
        profile: assignment.profile.clone(),
        serial: assignment.description.serial.clone(),
    })
}

/// The phone begins to be the claimant's, if it may. In this order: the operator's hold, whose it is, and what the
/// claim must be proven by.
async fn begin(tx: &mut Tx, claim: &Claim, by: &By) -> Result<(), DeviceRefused> {
    let macs = Macs::of(&[claim.mac]);
    if !store::hold_find(tx, &macs).await?.is_empty() {
        return Err(OnHold.into());
    }
    match store::owner_find(tx.connection(), claim.mac).await? {
        Some(owner) if owner != claim.provider => return Err(DeviceRefused::OwnedByOther),
        // In a block of its own: the operator has said whose it is.
        Some(_) => {}
        None => {
            must_be_proven(tx, claim).await?;
            let over = Overtaking { at: by.at, winner: Some(&claim.provider), reason: CLAIMED };
            store::transfer_overtake(tx, &macs, &over).await?;
        }
    }
    let began = Began::by_claim_of(&by.actor);
    let beginning = Beginning { provider: &claim.provider, began, at: by.at };
    Ok(store::ownership_begin(tx, &macs, &beginning).await?)
}

async fn must_be_proven(tx: &mut Tx, claim: &Claim) -> Result<(), DeviceRefused> {
    let shipped = store::manifest_find(tx, claim.mac).await?;
    let evidence = Evidence {
        claimant: &claim.provider,
        ancestors: &claim.ancestors,
        serial: claim.description.serial.as_ref(),
        shipped: shipped.as_ref(),
    };
    Ok(store::claim_rule_of(tx, claim.mac).await?.is_met_by(&evidence)?)
}
